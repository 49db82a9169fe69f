"""The outgoing side: everything the hub says to the national portal, and what its answers mean.

A reply is read by its body (`error_code`, `message`), whatever the HTTP status; the table of
codes is in the README. Texts of errors carry codes and service names only: the portal's own
messages may hold personal data.
"""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum, auto
from itertools import groupby
from typing import Any

import aiohttp
import orjson

from hub import http
from hub.connector import Answer, Asked, Ground, Reply, Request
from hub.connectors.national_portal.sessions import Sessions
from hub.connectors.national_portal.settings import NationalPortalSettings
from hub.errors import Misconfigured, Rejected, Unavailable, UnknownOutcome
from hub.wire.dvcqg import models

KEY_HEADER = "X-Operation-Key"
LOOK_UP = "TraCuuHoSo"
PROBE_SERVICE = "LayDanhMucLinhVuc"
ECHOED = ("TrangThaiHoSo", "NgayTiepNhan", "NgayHenTra", "NgayKetThucXuLy", "NgayTra")
"""Fields that tell one state of a dossier from another, if the portal repeats them."""


class Verdict(Enum):
    """What a reply says about the call."""

    SUCCESS = auto()
    EXISTS = auto()
    SESSION = auto()
    REFUSED = auto()


@dataclass(frozen=True, slots=True)
class PortalReply:
    """A readable reply: the whole JSON object and what it says."""

    fields: Mapping[str, Any]
    code: str
    verdict: Verdict


@dataclass(frozen=True, slots=True)
class Outgoing:
    """One integration or share call of a unit, without its session.

    Attributes:
        unit: organisation id (`madonvi`), whose account is used.
        service: the portal's name of what is asked.
        fields: further fields of the body.
        items: JSON of the items of `data`; empty: the call has no `data`.
        keys: operation keys, one for each item.
        traceparent: W3C trace context of the first item, `` if none.
    """

    unit: str
    service: str
    fields: Mapping[str, Any]
    items: Sequence[bytes] = ()
    keys: str = ""
    traceparent: str = ""

    @property
    def headers(self) -> dict[str, str]:
        """What the call says beside its body."""
        said = {KEY_HEADER: self.keys, "traceparent": self.traceparent}
        return {name: value for name, value in said.items() if value}

    def body(self, session: str) -> bytes:
        """The call's JSON."""
        head = orjson.dumps(
            {**self.fields, "session": session, "madonvi": self.unit, "service": self.service}
        )
        if not self.items:
            return head
        return b'%b,"data":[%b]}' % (head[:-1], b",".join(self.items))


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


class PortalClient:
    """Client of one portal instance; see `hub.connector.Client`.

    Args:
        name: instance in hub.yaml.
        settings: its block.
        ground: not needed here.
    """

    def __init__(self, name: str, settings: NationalPortalSettings, ground: Ground) -> None:
        self.name = name
        self._settings = settings
        self._http: aiohttp.ClientSession | None = None
        self._sessions = Sessions(self._login, pause_seconds=settings.login_pause_seconds)
        self._known: OrderedDict[tuple[str, str], None] = OrderedDict()

    async def deliver(self, requests: Sequence[Request], *, timeout_seconds: float) -> Reply:
        deadline = Deadline(timeout_seconds)
        code = ""
        for (operation, unit), run in groupby(requests, key=_operation_and_unit):
            if operation == models.DOSSIER_SERVICE:
                for request in run:
                    code = await self._sync(request, unit, deadline)
            else:
                code = await self._progress(list(run), unit, deadline)
        return Reply(foreign_code=code)

    async def ask(self, request: Request, *, timeout_seconds: float) -> Asked:
        if request.message.operation != models.DOSSIER_SERVICE:
            return Asked(Answer.UNKNOWN)
        unit = request.message.headers["unit"]
        found = await self._look_up(unit, request.event.subject, Deadline(timeout_seconds))
        if not found:
            return Asked(Answer.NOT_TAKEN)
        sent = orjson.loads(request.message.body)
        told = [name for name in ECHOED if name in sent]
        held = found[0] if isinstance(found[0], dict) else {}
        same = all(str(held.get(name)) == str(sent[name]) for name in told)
        return Asked(Answer.TAKEN if same else Answer.UNKNOWN)

    async def query(self, operation: str, unit: str, body: Mapping[str, Any]) -> Mapping[str, Any]:
        if operation not in models.READ_SERVICES:
            raise Rejected("no read-only service of that name", code="unknown_query")
        deadline = Deadline(self._settings.query_timeout_seconds)
        return (await self._read(Outgoing(unit, operation, body), deadline)).fields

    async def probe(self) -> str:
        unit = next(iter(self._settings.accounts))
        deadline = Deadline(self._settings.query_timeout_seconds)
        await self._read(Outgoing(unit, PROBE_SERVICE, {}), deadline)
        return f"signed in for {unit}, {PROBE_SERVICE} answered"

    async def close(self) -> None:
        await self._sessions.close()
        if self._http is not None:
            await self._http.close()
            self._http = None

    async def _sync(self, request: Request, unit: str, deadline: Deadline) -> str:
        """Send a dossier as new or as an update, whichever the portal needs; its code."""
        code = request.event.subject
        known = (unit, code) in self._known or bool(await self._look_up(unit, code, deadline))
        reply = await self._send_dossier(request, unit, known, deadline)
        if reply.verdict is Verdict.EXISTS and not known:
            reply = await self._send_dossier(request, unit, True, deadline)
        if reply.verdict is not Verdict.SUCCESS:
            self._known.pop((unit, code), None)
            raise self._refusal(reply, models.DOSSIER_SERVICE)
        self._remember(unit, code)
        return reply.code

    async def _send_dossier(
        self, request: Request, unit: str, updating: bool, deadline: Deadline
    ) -> PortalReply:
        flag = {"isUpdating": "True" if updating else "False"}
        items = (request.message.body,)
        call = Outgoing(
            unit,
            models.DOSSIER_SERVICE,
            flag,
            items,
            request.operation_key,
            request.message.traceparent,
        )
        return await self._exchange(call, deadline)

    async def _progress(self, requests: Sequence[Request], unit: str, deadline: Deadline) -> str:
        call = Outgoing(
            unit,
            models.PROGRESS_SERVICE,
            {},
            tuple(request.message.body for request in requests),
            ",".join(request.operation_key for request in requests),
            requests[0].message.traceparent,
        )
        reply = await self._exchange(call, deadline)
        # A row that "exists" is a row that was taken earlier.
        if reply.verdict not in (Verdict.SUCCESS, Verdict.EXISTS):
            raise self._refusal(reply, models.PROGRESS_SERVICE)
        return reply.code

    async def _look_up(self, unit: str, code: str, deadline: Deadline) -> Sequence[Any]:
        """What the portal has under a dossier code; empty if nothing."""
        reply = await self._read(Outgoing(unit, LOOK_UP, {"mahoso": code}), deadline)
        result = reply.fields.get("result") or ()
        if not isinstance(result, list | tuple):
            raise Unavailable(f"{LOOK_UP}: the result is no list", code="malformed_reply")
        if result:
            self._remember(unit, code)
        return result

    async def _read(self, call: Outgoing, deadline: Deadline) -> PortalReply:
        """A call without effect: a lost answer only means to ask again later."""
        try:
            reply = await self._exchange(call, deadline)
        except UnknownOutcome as error:
            raise Unavailable(str(error), code=error.code) from error
        if reply.code not in self._settings.success_codes:
            raise self._refusal(reply, call.service)
        return reply

    async def _exchange(self, call: Outgoing, deadline: Deadline) -> PortalReply:
        """One call with the unit's session; signed in again once if that is not valid."""
        session = await self._signed_in(call.unit, deadline)
        reply = await self._post(call, session, deadline)
        if reply.verdict is not Verdict.SESSION:
            return reply
        self._sessions.drop(call.unit, session)
        session = await self._signed_in(call.unit, deadline)
        reply = await self._post(call, session, deadline)
        if reply.verdict is Verdict.SESSION:
            self._sessions.drop(call.unit, session)
            raise Misconfigured("the portal refuses a new session", code="session_refused")
        return reply

    async def _signed_in(self, unit: str, deadline: Deadline) -> str:
        if unit not in self._settings.accounts:
            raise Unavailable("no account for this unit in hub.yaml", code="no_account")
        try:
            async with asyncio.timeout(deadline.left()):
                return await self._sessions.get(unit)
        except TimeoutError as error:
            raise Unavailable("no session in time", code="timeout_before_sending") from error

    async def _post(self, call: Outgoing, session: str, deadline: Deadline) -> PortalReply:
        settings = self._settings
        shared = call.service in settings.share_services
        path = settings.share_path if shared else settings.integration_path
        reply = await self._send(path, call.body(session), call.headers, deadline.left())
        return self._understand(reply, call.service)

    async def _login(self, unit: str) -> str:
        account = self._settings.accounts[unit]
        body = orjson.dumps(
            {"username": account.username, "password": account.password.get_secret_value()}
        )
        limit = self._settings.query_timeout_seconds
        try:
            sent = await self._send(self._settings.auth_path, body, {}, limit)
            reply = self._understand(sent, "login")
        except UnknownOutcome as error:
            raise Unavailable(str(error), code=error.code) from error
        session = reply.fields.get("session")
        if reply.code not in self._settings.success_codes or not isinstance(session, str):
            raise Misconfigured(f"login refused (error_code {reply.code})", code="account_refused")
        return session

    async def _send(
        self, path: str, body: bytes, said: Mapping[str, str], seconds: float
    ) -> http.HttpReply:
        settings = self._settings
        if self._http is None:
            self._http = http.outgoing_session(
                connections_count=settings.connections_count,
                keepalive_seconds=settings.keepalive_seconds,
            )
        headers = {
            "Accept": "application/json",
            "Content-Type": "application/json",
            "Charset": "utf-8",
            "dstcode": settings.dstcode,
            **said,
        }
        limits = http.CallLimits(seconds, settings.reply_bytes)
        return await http.post(
            self._http, settings.base_url + path, body=body, headers=headers, limits=limits
        )

    def _understand(self, reply: http.HttpReply, service: str) -> PortalReply:
        """What a reply says; by its body where it has the portal's form."""
        if reply.status == 401:
            return PortalReply({}, "http_401", Verdict.SESSION)
        fields = _json_object(reply.body) if reply.status != 429 and reply.status < 500 else None
        if fields is None or "error_code" not in fields:
            http.check_status(reply)
            raise UnknownOutcome(f"{service}: the reply is malformed", code="malformed_reply")
        code = _plain_code(fields["error_code"])
        return PortalReply(fields, code, self._judge(code, fields.get("message")))

    def _judge(self, code: str, message: object) -> Verdict:
        """The table of codes; the message decides only where the code does not."""
        settings = self._settings
        text = message.casefold() if isinstance(message, str) else ""
        if code in settings.duplicate_codes and _says(text, settings.duplicate_words):
            return Verdict.EXISTS
        if code in settings.success_codes and (not text or _says(text, settings.success_words)):
            return Verdict.SUCCESS
        if code in settings.session_codes:
            return Verdict.SESSION
        if code not in settings.success_codes and _says(text, settings.session_words):
            return Verdict.SESSION
        return Verdict.REFUSED

    def _refusal(self, reply: PortalReply, service: str) -> Rejected:
        return Rejected(
            f"the portal refuses {service} (error_code {reply.code})",
            documented=reply.code in self._settings.final_codes,
            foreign_code=reply.code,
        )

    def _remember(self, unit: str, code: str) -> None:
        self._known[unit, code] = None
        self._known.move_to_end((unit, code))
        if len(self._known) > self._settings.known_dossiers_count:
            self._known.popitem(last=False)


def _operation_and_unit(request: Request) -> tuple[str, str]:
    return request.message.operation, request.message.headers["unit"]


def _json_object(body: bytes) -> Mapping[str, Any] | None:
    try:
        fields = orjson.loads(body)
    except orjson.JSONDecodeError:
        return None
    return fields if isinstance(fields, dict) else None


def _plain_code(code: object) -> str:
    """The code as short text; the portal sends numbers and texts alike."""
    text = str(code)
    return text if len(text) <= 20 and text.isascii() and text.isprintable() else "unreadable"


def _says(text: str, words: Sequence[str]) -> bool:
    return any(word.casefold() in text for word in words)
