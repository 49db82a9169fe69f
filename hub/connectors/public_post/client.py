"""The outgoing side: everything the hub says to the post's door, and what its answers mean.

An answer is read by its body (`Status`), whatever the HTTP status; the table of codes is in the
README. Texts of errors carry codes and names of operations only.
"""

from __future__ import annotations

import asyncio
import re
from base64 import b64encode
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import aiohttp
import orjson

from hub import http
from hub.connector import Answer, Asked, Ground, Reply, Request
from hub.connectors.public_post.encode import CANCEL, DOCUMENT
from hub.connectors.public_post.remembered import (
    AGAIN,
    BEGUN,
    CANCELLED,
    REFUSED,
    TAKEN,
    alias_of,
    another,
    cancelled,
    digest,
    remember,
    taken,
    unclear,
)
from hub.connectors.public_post.settings import OAuthAccount, PublicPostSettings
from hub.connectors.public_post.tokens import Tokens
from hub.errors import Misconfigured, Rejected, Unavailable, UnknownOutcome
from hub.event import Alias
from hub.message import Message, name_id
from hub.schemas.post import ITEM_ALIAS
from hub.wire.dvcqg.dates import VIETNAM

KEY_HEADER = "X-Operation-Key"
TOKEN_SECONDS = 3600.0
"""Life of a token that does not say how long it lives."""
_BUSY = (429, 503)
"""HTTP statuses that say: not taken. After any other 5xx nobody knows what the post did."""


@dataclass(frozen=True, slots=True)
class Said:
    """A readable answer to an order, a registration or a cancel."""

    code: str
    text: str


NOTHING = Said("", "")
"""What the post says of a repetition that is not sent."""


class Door:
    """The post's door: tokens, addresses, and HTTP as ours; client and poller share its code.

    Args:
        settings: of the connector instance.
    """

    def __init__(self, settings: PublicPostSettings) -> None:
        self.settings = settings
        self._http: aiohttp.ClientSession | None = None
        account = settings.oauth
        self._tokens: Tokens | None = None
        if account is not None:
            self._tokens = Tokens(
                lambda: self._login(account),
                renew_before_seconds=account.renew_before_seconds,
                pause_seconds=account.pause_seconds,
            )

    async def call(
        self, request: Message | None, path: str, key: str, deadline: http.Deadline
    ) -> http.HttpReply:
        """One call with a token; signed in again once if the token is not taken.

        Args:
            request: what is sent; none, or a form: a GET.
            path: path and query.
            key: the operation key, `` if none.
            deadline: of all of it.

        Raises:
            Misconfigured: the account or a fresh token is refused.
            Unavailable, UnknownOutcome: as `hub.http.post`.
        """
        token = await self._token(deadline)
        reply = await self._send(request, path, self._headers(token, key, request), deadline)
        if reply.status == 401 and self._tokens is not None:
            self._tokens.drop(token)
            token = await self._token(deadline)
            reply = await self._send(request, path, self._headers(token, key, request), deadline)
        if reply.status in (401, 403):
            raise Misconfigured("the door refuses the token", code="account_refused")
        return reply

    async def close(self) -> None:
        """Release connections."""
        if self._http is not None:
            await self._http.close()
            self._http = None

    async def _token(self, deadline: http.Deadline) -> str:
        if self._tokens is None:
            return ""
        try:
            async with asyncio.timeout(deadline.left()):
                return await self._tokens.get()
        except TimeoutError as error:
            raise Unavailable("no token in time", code="timeout_before_sending") from error

    def _headers(self, token: str, key: str, request: Message | None) -> dict[str, str]:
        static = self.settings.static_token
        headers = {"Accept": "application/json"}
        if static is not None:
            headers[self.settings.static_header] = static.get_secret_value()
        else:
            headers["Authorization"] = f"Bearer {token}"
        if key:
            headers[KEY_HEADER] = key
        if request is not None and request.traceparent:
            headers["traceparent"] = request.traceparent
        return headers

    async def _send(
        self,
        request: Message | None,
        path: str,
        headers: dict[str, str],
        deadline: http.Deadline,
    ) -> http.HttpReply:
        session = self._session()
        limits = http.CallLimits(deadline.left(), self.settings.reply_bytes)
        url = self.settings.base_url + path
        if request is None or request.content_type != "application/json":
            return await http.get(session, url, headers=headers, limits=limits)
        headers["Content-Type"] = "application/json"
        return await http.post(session, url, body=request.body, headers=headers, limits=limits)

    async def _login(self, account: OAuthAccount) -> tuple[str, float]:
        pair = f"{account.key}:{account.secret.get_secret_value()}".encode()
        headers = {
            "Authorization": f"Basic {b64encode(pair).decode()}",
            "Content-Type": "application/x-www-form-urlencoded",
            "Accept": "application/json",
        }
        limits = http.CallLimits(self.settings.feed.timeout_seconds, self.settings.reply_bytes)
        url = self.settings.base_url + account.token_path
        body = b"grant_type=client_credentials"
        try:
            reply = await http.post(self._session(), url, body=body, headers=headers, limits=limits)
        except UnknownOutcome as error:
            raise Unavailable(str(error), code=error.code) from error
        try:
            http.check_status(reply)
        except Rejected as error:  # nothing is wrong with what is to be sent
            raise Misconfigured("the door refuses the account", code="account_refused") from error
        fields = http.json_object(reply.body) or {}
        token, seconds = fields.get("access_token"), fields.get("expires_in")
        if not isinstance(token, str) or not re.fullmatch(r"[!-~]+", token):
            raise Unavailable("the login gave no token", code="malformed_reply")
        if isinstance(seconds, bool) or not isinstance(seconds, int | float) or seconds <= 0:
            return token, TOKEN_SECONDS
        return token, float(seconds)

    def _session(self) -> aiohttp.ClientSession:
        if self._http is None:
            self._http = http.outgoing_session(
                connections_count=self.settings.connections_count,
                keepalive_seconds=self.settings.keepalive_seconds,
            )
        return self._http


class PostClient:
    """Client of one door; see `hub.connector.Client`.

    What the hub has ordered is remembered at the order's alias: before any second order under the
    same number that memory is asked, and the post itself answers 101.

    Args:
        name: instance in hub.yaml.
        settings: its block.
        ground: where the aliases of orders are.
        now: the wall clock, for the time of a reply.
    """

    def __init__(
        self,
        name: str,
        settings: PublicPostSettings,
        ground: Ground,
        *,
        now: Callable[[], datetime] = lambda: datetime.now(VIETNAM),
    ) -> None:
        self.name = name
        self._settings = settings
        self._ground = ground
        self._door = Door(settings)
        self._now = now

    async def deliver(self, requests: Sequence[Request], *, timeout_seconds: float) -> Reply:
        (request,) = requests
        deadline = http.Deadline(timeout_seconds)
        if request.message.operation == CANCEL:
            return await self._cancel(request, deadline)
        return await self._order(request, deadline)

    async def ask(self, request: Request, *, timeout_seconds: float) -> Asked:
        """Whether a registration is known: to the hub's memory, or by entries of the feed."""
        known = await self._ground.alias(*alias_of(request))
        facts = known.facts if known else {}
        state = facts.get("state")
        if facts.get("taken_by") == request.operation_key:
            reply = await self._reply(request, NOTHING, {}, existed=True)
            return Asked(Answer.TAKEN, reply)
        if facts.get("order") != digest(request) or state == REFUSED:
            # It is remembered before it is sent, so this one never was, or was refused.
            return Asked(Answer.NOT_TAKEN)
        if state == TAKEN or (state == BEGUN and "seen" in facts):
            reply = await self._reply(request, NOTHING, taken(request), existed=True)
            return Asked(Answer.TAKEN, reply)
        noticed = self._settings.documents_noticed or request.message.operation != DOCUMENT
        return Asked(Answer.NOT_TAKEN if noticed and state == BEGUN else Answer.UNKNOWN)

    async def query(self, operation: str, unit: str, body: Mapping[str, Any]) -> Mapping[str, Any]:
        raise Rejected("the post has no read-only service of that name", code="unknown_query")

    async def probe(self) -> str:
        deadline = http.Deadline(self._settings.feed.timeout_seconds)
        path = f"{self._settings.feed.path}?pagesize=1&lastId="
        try:
            reply = await self._door.call(None, path, "", deadline)
        except UnknownOutcome as error:
            raise Unavailable(str(error), code=error.code) from error
        http.check_status(reply)
        return "the tracking feed answers"

    async def close(self) -> None:
        await self._door.close()

    async def _order(self, request: Request, deadline: http.Deadline) -> Reply:
        """Order or register, unless the hub's memory or the post says that it is there."""
        kind, value = alias_of(request)
        order, subject = digest(request), request.event.subject
        known = await self._ground.alias(kind, value) or Alias(kind, value, subject)
        facts, state = known.facts, known.facts.get("state")
        if facts.get("taken_by") == request.operation_key:
            return await self._reply(request, NOTHING, {}, existed=True)
        other = state in (BEGUN, AGAIN, TAKEN) and facts.get("order") != order
        if other or known.subject != subject:
            raise another("remembered")
        if state == TAKEN or (state == BEGUN and "seen" in facts):
            return await self._reply(request, NOTHING, taken(request), existed=True)
        used = state in (CANCELLED, AGAIN)
        begun = {"order": order, "state": AGAIN if used else BEGUN}
        await self._ground.remember([Alias(kind, value, subject, begun)])
        try:
            said = await self._ordered(request, state, deadline)
        except (Rejected, Unavailable):
            if state not in (BEGUN, AGAIN):
                # This first sending took no effect: the number is as free as before.
                back = {"state": state or REFUSED}
                await self._ground.remember([Alias(kind, value, subject, back)])
            raise
        existed = said.code in self._settings.exists_codes
        return await self._reply(request, said, taken(request), existed=existed)

    async def _ordered(self, request: Request, state: str | None, deadline: http.Deadline) -> Said:
        """The post's answer to an order that it has now, whose number was in this state."""
        settings, operation = self._settings, request.message.operation
        path = settings.document_path if operation == DOCUMENT else settings.order_path
        said = await self._said(request, path, deadline)
        if state in (CANCELLED, AGAIN) and said.code in settings.exists_codes:
            raise another(said.code) if state == CANCELLED else unclear(said.code)
        if said.code not in (*settings.accepted_codes, *settings.exists_codes):
            raise self._refusal(said, operation)
        return said

    async def _cancel(self, request: Request, deadline: http.Deadline) -> Reply:
        known = await self._ground.alias(*alias_of(request))
        if known and known.subject != request.event.subject:
            raise Rejected("the order belongs to another dossier", foreign_code="remembered")
        if known and known.facts.get("cancelled_by") == request.operation_key:
            # A repetition: since then the number may have been ordered again.
            return await self._reply(request, NOTHING, {}, existed=False)
        path = f"{self._settings.cancel_path}?{request.message.body.decode()}"
        said = await self._said(request, path, deadline)
        if said.code not in self._settings.cancelled_codes:
            raise self._refusal(said, CANCEL)
        return await self._reply(request, said, cancelled(request), existed=False)

    async def _said(self, request: Request, path: str, deadline: http.Deadline) -> Said:
        operation = request.message.operation
        reply = await self._door.call(request.message, path, request.operation_key, deadline)
        if reply.status >= 500 and reply.status not in _BUSY:
            raise UnknownOutcome(f"{operation}: HTTP {reply.status}", code="unknown_outcome")
        fields = (http.json_object(reply.body) or {}) if reply.status not in _BUSY else {}
        code = plain_code(fields.get("Status"))
        if not code:
            http.check_status(reply)
            raise UnknownOutcome(f"{operation}: the reply is malformed", code="malformed_reply")
        if code in self._settings.unknown_codes:
            raise UnknownOutcome(f"{operation}: Status {code}", code="unknown_outcome")
        text = fields.get("Message")
        return Said(code, text[:500] if isinstance(text, str) else "")

    def _refusal(self, said: Said, operation: str) -> Rejected | Unavailable:
        if said.code in self._settings.busy_codes:
            return Unavailable(f"{operation}: Status {said.code}")
        return Rejected(
            f"the post refuses {operation} (Status {said.code})",
            documented=said.code in self._settings.final_codes,
            foreign_code=said.code,
        )

    async def _reply(
        self, request: Request, said: Said, facts: Mapping[str, str], *, existed: bool
    ) -> Reply:
        """The message for the way in; `facts` of the order are remembered."""
        headers, operation = request.message.headers, request.message.operation
        subject, key = request.event.subject, request.operation_key
        body = {
            "subject": subject,
            "operation_key": key,
            "operation": operation,
            "unit": headers["unit"],
            "service": headers["service"],
            "customer_code": headers["customer_code"],
            "order_number": headers["order_number"],
            "item_code": headers["item_code"],
            "status": said.code,
            "message": said.text,
            "existed": existed,
            "at": self._now().isoformat(),
        }
        message = Message(
            connector=self.name,
            operation=operation,
            body=orjson.dumps(body),
            key=subject,
            headers={"form": "reply", "unit": headers["unit"]},
            id=name_id(f"{key} reply"),
            received_at=self._now(),
            traceparent=request.message.traceparent,
        )
        aliases = [await remember(self._ground, request, facts)]
        if headers["item_code"]:
            aliases.append(Alias(ITEM_ALIAS, headers["item_code"], subject))
        return Reply((message,), tuple(aliases), said.code)


def plain_code(code: object) -> str:
    """A code as short text (numbers and texts alike); `` if it cannot be one."""
    if isinstance(code, float) and code.is_integer():
        code = int(code)
    text = str(code) if isinstance(code, str | int) and not isinstance(code, bool) else ""
    return text if len(text) <= 20 and text.isascii() and text.isprintable() else ""
