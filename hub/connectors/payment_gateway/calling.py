"""The one door to the outside: HTTP calls of an instance, within the time that is left."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any

import aiohttp
import orjson

from hub import http
from hub.connectors.payment_gateway.settings import PaymentGatewaySettings
from hub.errors import DecodeError, Rejected, Unavailable, UnknownOutcome
from hub.wire.json_text import strict_tree

KEY_HEADER = "X-Operation-Key"
TOO_LARGE = "reply_too_large"


class Deadline:
    """The time left for everything that one delivery needs."""

    def __init__(self, seconds: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._end = clock() + seconds

    def left(self) -> float:
        """Seconds left.

        Raises:
            Unavailable: none; nothing more is sent.
        """
        left = self._end - self._clock()
        if left <= 0:
            raise Unavailable("no time left for the call", code="timeout_before_sending")
        return left


class Caller:
    """Sends JSON, fetches files; one session, nothing is repeated."""

    def __init__(self, settings: PaymentGatewaySettings) -> None:
        self._settings = settings
        self._http: aiohttp.ClientSession | None = None

    async def send(
        self,
        url: str,
        fields: Mapping[str, Any],
        deadline: Deadline,
        *,
        headers: Mapping[str, str] | None = None,
        limit_bytes: int | None = None,
    ) -> http.HttpReply:
        """POST a JSON object.

        Raises:
            Unavailable, UnknownOutcome: see `hub.http.post`.
        """
        said = {"Content-Type": "application/json", "Accept": "application/json"}
        limits = http.CallLimits(deadline.left(), limit_bytes or self._settings.reply_bytes)
        return await http.post(
            self._session(),
            url,
            body=orjson.dumps(fields),
            headers={**said, **(headers or {})},
            limits=limits,
        )

    async def fetch(
        self, url: str, deadline: Deadline, *, headers: Mapping[str, str], limit_bytes: int
    ) -> http.HttpReply:
        """GET a file; a lost answer only means to look again.

        Raises:
            Unavailable: it did not come.
            Rejected: it is too large.
        """
        limits = http.CallLimits(deadline.left(), limit_bytes)
        try:
            return await http.get(self._session(), url, headers=headers, limits=limits)
        except UnknownOutcome as error:
            if error.code == TOO_LARGE:
                raise Rejected(str(error), code=TOO_LARGE) from error
            raise Unavailable(str(error), code=error.code) from error

    async def ask(
        self,
        url: str,
        fields: Mapping[str, Any],
        deadline: Deadline,
        *,
        headers: Mapping[str, str] | None = None,
    ) -> bytes:
        """POST a question without effect; the body of a 2xx answer.

        Raises:
            Unavailable, Misconfigured, Rejected: by the HTTP status; a lost answer is the first.
        """
        try:
            reply = await self.send(url, fields, deadline, headers=headers)
        except UnknownOutcome as error:
            raise Unavailable(str(error), code=error.code) from error
        http.check_status(reply)
        return reply.body

    async def close(self) -> None:
        """Close the session."""
        if self._http is not None:
            await self._http.close()
            self._http = None

    def _session(self) -> aiohttp.ClientSession:
        if self._http is None:
            count = self._settings.connections_count
            self._http = http.outgoing_session(connections_count=count)
        return self._http


def object_in(body: bytes) -> Mapping[str, Any]:
    """The JSON object of an answer.

    Raises:
        DecodeError: it is none.
    """
    tree = strict_tree(body)
    if not isinstance(tree, dict):
        raise DecodeError("must be a JSON object")
    return tree


def malformed(error: DecodeError) -> Unavailable:
    """An answer to a question that cannot be read: ask again later."""
    return Unavailable("the answer is malformed", code="malformed_reply")


def unproved() -> Unavailable:
    """An answer whose hash is wrong says nothing."""
    return Unavailable("the hash of the answer is wrong", code="wrong_hash")
