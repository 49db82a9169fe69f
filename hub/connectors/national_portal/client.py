"""The outgoing side: everything the hub says to the national portal, and what its answers mean.

A reply is read by its body (`error_code`, `message`), whatever the HTTP status; the table of
codes is in the README. Texts of errors carry codes and service names only: the portal's own
messages may hold personal data.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from itertools import groupby
from typing import Any
from urllib.parse import urlsplit

import aiohttp
import orjson

from hub import http
from hub.connector import Answer, Asked, Ground, Reply, Request
from hub.connectors.national_portal.calls import (
    LOGIN,
    Outgoing,
    PortalReply,
    Verdict,
    stands_at,
    understand,
)
from hub.connectors.national_portal.catalogue import Catalogues
from hub.connectors.national_portal.decode import CODE_ALIAS, UNIT_CODE_ALIAS
from hub.connectors.national_portal.sessions import Sessions
from hub.connectors.national_portal.settings import NationalPortalSettings
from hub.errors import DecodeError, Misconfigured, Rejected, Unavailable, UnknownOutcome
from hub.event import Alias
from hub.wire.dvcqg import models
from hub.wire.dvcqg.filed import content_of

LOOK_UP = "TraCuuHoSo"
PROBE_SERVICE = "LayDanhMucLinhVuc"
ECHOED = ("TrangThaiHoSo", "NgayTiepNhan", "NgayHenTra", "NgayKetThucXuLy", "NgayTra")
"""Fields that tell one state of a dossier from another, if the portal repeats them."""

FILE = "TaiTepTin"
"""The hub's own name of fetching a pushed dossier's file by its address (`DuongDan`)."""

READS = frozenset(
    (
        *models.READ_SERVICES,
        models.QUESTIONS_SERVICE,
        models.ANSWER_LOOK_UP,
        "LayDanhSachHoiDapBoCoQuan",
    )
)


class PortalClient:
    """Client of one portal instance; see `hub.connector.Client`.

    Args:
        name: instance in hub.yaml.
        settings: its block.
        ground: aliases of dossiers filed at the portal, catalogues, and files that are fetched.
    """

    def __init__(self, name: str, settings: NationalPortalSettings, ground: Ground) -> None:
        self.name = name
        self._settings = settings
        self._http: aiohttp.ClientSession | None = None
        self._sessions = Sessions(self._login, pause_seconds=settings.login_pause_seconds)
        self._known: OrderedDict[tuple[str, str], None] = OrderedDict()
        self._ground = ground
        self._catalogues = Catalogues(
            name, ground, trusted_seconds=settings.catalogue_trusted_seconds
        )

    async def deliver(self, requests: Sequence[Request], *, timeout_seconds: float) -> Reply:
        deadline = http.Deadline(timeout_seconds)
        code = ""
        aliases: list[Alias] = []
        for (operation, unit), run in groupby(requests, key=_operation_and_unit):
            if operation == models.DOSSIER_SERVICE:
                for request in run:
                    code = await self._sync(request, unit, deadline)
            elif operation == models.PROGRESS_SERVICE:
                code = await self._progress(list(run), unit, deadline)
            else:
                for request in run:
                    code = await self._tell(request, unit, deadline)
                    aliases += _portal_code(request)
        return Reply(aliases=tuple(aliases), foreign_code=code)

    async def ask(self, request: Request, *, timeout_seconds: float) -> Asked:
        if request.message.operation == models.ANSWER_SERVICE:
            return await self._ask_answer(request, http.Deadline(timeout_seconds))
        if request.message.operation != models.DOSSIER_SERVICE:
            return Asked(Answer.UNKNOWN)
        unit = request.message.headers["unit"]
        sent = orjson.loads(request.message.body)
        found = await self._look_up(unit, sent["MaHoSo"], http.Deadline(timeout_seconds))
        if not found:
            return Asked(Answer.NOT_TAKEN)
        told = [name for name in ECHOED if name in sent]
        held = found[0] if isinstance(found[0], dict) else {}
        same = all(str(held.get(name)) == str(sent[name]) for name in told)
        return Asked(Answer.TAKEN if same else Answer.UNKNOWN)

    async def query(self, operation: str, unit: str, body: Mapping[str, Any]) -> Mapping[str, Any]:
        settings = self._settings
        deadline = http.Deadline(settings.query_timeout_seconds)
        if operation == FILE:
            return await self._file(str(body.get("DuongDan", "")), deadline)
        if operation == settings.result_file_service:
            return await self._result_file(unit, body, deadline)
        if operation not in READS and operation != settings.result_store_service:
            raise Rejected("no read-only service of that name", code="unknown_query")
        return (await self._read(Outgoing(unit, operation, body), deadline)).fields

    async def probe(self) -> str:
        unit = next(iter(self._settings.accounts))
        deadline = http.Deadline(self._settings.query_timeout_seconds)
        await self._read(Outgoing(unit, PROBE_SERVICE, {}), deadline)
        return f"signed in for {unit}, {PROBE_SERVICE} answered"

    async def close(self) -> None:
        await self._sessions.close()
        if self._http is not None:
            await self._http.close()
            self._http = None

    async def _file(self, address: str, deadline: http.Deadline) -> Mapping[str, Any]:
        """Fetch a file that a pushed dossier names, and keep it; its reference.

        Only from the portal's own host and those of `file_hosts`: an address came from outside.
        """
        settings = self._settings
        hosts = (urlsplit(settings.base_url).hostname, *settings.file_hosts)
        if not stands_at(address, hosts):
            raise Rejected("the file stands at a host that is not allowed", code="file_host")
        limits = http.CallLimits(deadline.left(), settings.file_bytes)
        try:
            reply = await http.get(self._connections(), address, headers={}, limits=limits)
        except UnknownOutcome as error:
            raise Unavailable(str(error), code=error.code) from error
        if reply.status in (404, 410):
            raise Rejected("the file is gone", code="file_gone", foreign_code=f"{reply.status}")
        http.check_status(reply)
        return await self._kept(reply.body, reply.headers.get("Content-Type", ""))

    async def _result_file(
        self, unit: str, body: Mapping[str, Any], deadline: http.Deadline
    ) -> Mapping[str, Any]:
        """One file of the store of digitised results (base64), kept; its reference."""
        service = self._settings.result_file_service
        reply = await self._read(Outgoing(unit, service, body), deadline)
        try:
            content = content_of(str(reply.fields.get("result") or ""))
        except DecodeError as error:
            raise Unavailable(f"{service}: not base64", code="malformed_reply") from error
        if not content:
            raise Rejected("the file is gone", code="file_gone", foreign_code=reply.code)
        return await self._kept(content, "")

    async def _kept(self, content: bytes, content_type: str) -> Mapping[str, Any]:
        media = content_type or "application/octet-stream"
        reference = await self._ground.keep(content, media)
        row = {"reference": reference, "size": len(content), "content_type": media}
        return {"error_code": "0", "result": [row]}

    async def _tell(self, request: Request, unit: str, deadline: http.Deadline) -> str:
        """Send a state of a dossier filed at the portal, or the answer to a question."""
        operation, item = request.message.operation, request.message.body
        fields: dict[str, Any] = {}
        if operation == models.STATE_SERVICE:
            fields = {"type": self._settings.state_type}
            item = await self._with_unit_code(item)
        call = Outgoing(
            unit,
            operation,
            fields,
            (item,),
            bare=operation == models.STATE_SERVICE,
            keys=request.operation_key,
            traceparent=request.message.traceparent,
        )
        reply = await self._exchange(call, deadline)
        # What "exists" was taken by an earlier sending.
        if reply.verdict not in (Verdict.SUCCESS, Verdict.EXISTS):
            raise self._refusal(reply, operation)
        return reply.code

    async def _with_unit_code(self, item: bytes) -> bytes:
        """The state with the unit's own code, where the hub has heard of one."""
        fields = orjson.loads(item)
        if not fields["MaHoSoDonVi"]:
            code = fields["MaHoSo"]
            known = await self._ground.aliases(UNIT_CODE_ALIAS, subject=code, limit=1)
            fields["MaHoSoDonVi"] = known[0].value if known else code
        return orjson.dumps(fields)

    async def _ask_answer(self, request: Request, deadline: http.Deadline) -> Asked:
        """Whether the portal has this answer to a question."""
        sent = orjson.loads(request.message.body)
        fields = {"cauhoiid": sent["CAUHOIID"]}
        unit = request.message.headers["unit"]
        reply = await self._read(Outgoing(unit, models.ANSWER_LOOK_UP, fields), deadline)
        result = reply.fields.get("result")
        rows = result if isinstance(result, list) else [result]
        held = {
            text
            for row in rows
            if isinstance(row, dict) and (text := str(row.get("NOIDUNGTRALOI") or "").strip())
        }
        if not held:
            return Asked(Answer.NOT_TAKEN)
        same = sent["NOIDUNGTRALOI"].strip() in held
        return Asked(Answer.TAKEN if same else Answer.UNKNOWN)

    async def _check_procedure(self, item: bytes) -> None:
        """Refuse what the catalogue does not know, if the deployment wants that."""
        if not self._settings.refuses_unknown_procedures:
            return
        code = str(orjson.loads(item).get("MaTTHC", ""))
        if await self._catalogues.knows_procedure(code) is False:
            text = "the procedure is not in the portal's catalogue"
            raise Rejected(text, documented=False, code="procedure_unknown")

    async def _sync(self, request: Request, unit: str, deadline: http.Deadline) -> str:
        """Send a dossier as new or as an update, whichever the portal needs; its code."""
        await self._check_procedure(request.message.body)
        # The hub may know it by another code than it is sent with.
        code = orjson.loads(request.message.body)["MaHoSo"]
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
        self, request: Request, unit: str, updating: bool, deadline: http.Deadline
    ) -> PortalReply:
        flag = {"isUpdating": "True" if updating else "False"}
        items = (request.message.body,)
        call = Outgoing(
            unit,
            models.DOSSIER_SERVICE,
            flag,
            items,
            keys=request.operation_key,
            traceparent=request.message.traceparent,
        )
        return await self._exchange(call, deadline)

    async def _progress(
        self, requests: Sequence[Request], unit: str, deadline: http.Deadline
    ) -> str:
        call = Outgoing(
            unit,
            models.PROGRESS_SERVICE,
            {},
            tuple(request.message.body for request in requests),
            keys=",".join(request.operation_key for request in requests),
            traceparent=requests[0].message.traceparent,
        )
        reply = await self._exchange(call, deadline)
        if reply.verdict is Verdict.EXISTS and len(requests) > 1:
            # Which of the rows exist is not told, nor whether the others were taken.
            for request in requests:
                code = await self._progress([request], unit, deadline)
            return code
        # A row that "exists" is a row that was taken earlier.
        if reply.verdict not in (Verdict.SUCCESS, Verdict.EXISTS):
            raise self._refusal(reply, models.PROGRESS_SERVICE)
        return reply.code

    async def _look_up(self, unit: str, code: str, deadline: http.Deadline) -> Sequence[Any]:
        """What the portal has under a dossier code; empty if nothing."""
        reply = await self._read(Outgoing(unit, LOOK_UP, {"mahoso": code}), deadline)
        result = reply.fields.get("result") or ()
        if not isinstance(result, list | tuple):
            raise Unavailable(f"{LOOK_UP}: the result is no list", code="malformed_reply")
        if result:
            self._remember(unit, code)
        return result

    async def _read(self, call: Outgoing, deadline: http.Deadline) -> PortalReply:
        """A call without effect: a lost answer only means to ask again later."""
        try:
            reply = await self._exchange(call, deadline)
        except UnknownOutcome as error:
            raise Unavailable(str(error), code=error.code) from error
        if reply.code not in self._settings.success_codes:
            raise self._refusal(reply, call.service)
        return reply

    async def _exchange(self, call: Outgoing, deadline: http.Deadline) -> PortalReply:
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

    async def _signed_in(self, unit: str, deadline: http.Deadline) -> str:
        if unit not in self._settings.accounts:
            raise Unavailable("no account for this unit in hub.yaml", code="no_account")
        try:
            async with asyncio.timeout(deadline.left()):
                return await self._sessions.get(unit)
        except TimeoutError as error:
            raise Unavailable("no session in time", code="timeout_before_sending") from error

    async def _post(self, call: Outgoing, session: str, deadline: http.Deadline) -> PortalReply:
        settings = self._settings
        shared = call.service in settings.share_services
        path = settings.share_path if shared else settings.integration_path
        reply = await self._send(path, call.body(session), call.headers, deadline.left())
        return understand(reply, call.service, settings)

    async def _login(self, unit: str) -> str:
        account = self._settings.accounts[unit]
        body = orjson.dumps(
            {"username": account.username, "password": account.password.get_secret_value()}
        )
        limit = self._settings.query_timeout_seconds
        try:
            sent = await self._send(self._settings.auth_path, body, {}, limit)
            reply = understand(sent, LOGIN, self._settings)
        except UnknownOutcome as error:
            raise Unavailable(str(error), code=error.code) from error
        except Rejected as error:  # nothing is wrong with what is to be sent
            raise Misconfigured("login refused", code="account_refused") from error
        session = reply.fields.get("session")
        if reply.code not in self._settings.success_codes or not isinstance(session, str):
            raise Misconfigured(f"login refused (error_code {reply.code})", code="account_refused")
        return session

    async def _send(
        self, path: str, body: bytes, said: Mapping[str, str], seconds: float
    ) -> http.HttpReply:
        settings = self._settings
        headers = {
            "Accept": "application/json",
            "Content-Type": "application/json",
            "Charset": "utf-8",
            "dstcode": settings.dstcode,
            **said,
        }
        limits = http.CallLimits(seconds, settings.reply_bytes)
        return await http.post(
            self._connections(), settings.base_url + path, body=body, headers=headers, limits=limits
        )

    def _connections(self) -> aiohttp.ClientSession:
        if self._http is None:
            self._http = http.outgoing_session(
                connections_count=self._settings.connections_count,
                keepalive_seconds=self._settings.keepalive_seconds,
            )
        return self._http

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


def _portal_code(request: Request) -> list[Alias]:
    """The portal's code of a dossier that the hub calls by another."""
    if request.message.operation != models.STATE_SERVICE:
        return []
    code, subject = orjson.loads(request.message.body)["MaHoSo"], request.event.subject
    return [Alias(CODE_ALIAS, code, subject)] if code != subject else []
