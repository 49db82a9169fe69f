"""Tokens of the platform's gateway: client credentials, renewed before their end, one at a time.

Source of the format: the token call of national and provincial gateways (WSO2 style).
"""

from __future__ import annotations

import asyncio
import base64
import math
import time
from collections.abc import Awaitable, Callable

from hub import http
from hub.connectors.provincial_portal.settings import ProvincialPortalSettings
from hub.errors import Misconfigured, Unavailable

Fetch = Callable[[str], Awaitable[http.HttpReply]]

NOT_OF_CREDENTIALS = (404, 405, 429)
"""Of the HTTP statuses 4xx: a wrong address, or too many calls. No other is the message's fault."""


class Tokens:
    """The current token of one instance.

    Args:
        settings: credentials and times.
        fetch: makes the call with this `Authorization`.
        clock: seconds that never go back.
    """

    def __init__(
        self,
        settings: ProvincialPortalSettings,
        fetch: Fetch,
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._settings = settings
        self._fetch = fetch
        self._clock = clock
        self._turn = asyncio.Lock()
        self._token = ""
        self._until = 0.0

    async def get(self) -> str:
        """A header's value that is valid for some time.

        Raises:
            Misconfigured: the gateway refuses the credentials.
            Unavailable: it cannot be reached.
        """
        async with self._turn:
            if not self._token or self._clock() >= self._until:
                await self._renew()
            return self._token

    async def fresh(self) -> str:
        """A token that was got just now."""
        self._token = ""
        return await self.get()

    def drop(self, token: str) -> None:
        """Forget a token that is not taken any longer; a newer one stays."""
        if self._token == token:
            self._token = ""

    async def _renew(self) -> None:
        oauth = self._settings.oauth
        if oauth is None:
            raise Misconfigured("no token and no way to get one", code="account_refused")
        secret = f"{oauth.consumer_key}:{oauth.consumer_secret.get_secret_value()}"
        basic = f"Basic {base64.b64encode(secret.encode()).decode()}"
        asked_at = self._clock()
        reply = await self._fetch(basic)
        if 400 <= reply.status < 500 and reply.status not in NOT_OF_CREDENTIALS:
            raise Misconfigured("the gateway refuses the credentials", code="account_refused")
        http.check_status(reply)
        try:
            fields = http.json_object(reply.body) or {}
            token, told = fields["access_token"], float(fields.get("expires_in") or 0)
        except (KeyError, TypeError, ValueError) as error:
            raise Unavailable("the gateway's answer is no token", code="malformed_reply") from error
        if not isinstance(token, str) or not token.isascii() or not token.isprintable():
            raise Unavailable("the gateway's answer is no token", code="malformed_reply")
        self._token = f"Bearer {token}"
        life = told if 0 < told < math.inf else oauth.life_seconds
        # A token that lives shorter than the margin is used for half its life.
        self._until = asked_at + max(life - oauth.renew_before_seconds, life / 2)
