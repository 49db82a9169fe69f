"""The outgoing side: arrays of dossiers and steps to the platform, and what its answers mean.

A reply is read by its body, whatever the HTTP status: a code and a message, or a gateway's fault.
Texts of errors carry codes and operations only: the platform's messages may hold personal data.
"""

from __future__ import annotations

import asyncio
import base64
import time
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from itertools import groupby
from typing import Any
from urllib.parse import urlencode

import aiohttp
import orjson

from hub import http
from hub.connector import Answer, Asked, Ground, Reply, Request
from hub.connectors.provincial_portal.decode import NATIONAL_ALIAS, OWN_ALIAS
from hub.connectors.provincial_portal.replies import TOKEN_REFUSED, Told, Verdict, understand
from hub.connectors.provincial_portal.settings import ProvincialPortalSettings
from hub.connectors.provincial_portal.tokens import Tokens
from hub.errors import Misconfigured, Rejected, Unavailable, UnknownOutcome
from hub.wire.dvcqg.filed import BLOB, NATIONAL_CODE
from hub.wire.dvcqg.lgsp import DOCUMENT_SERVICE, TRACES_SERVICE
from hub.wire.dvcqg.models import DOSSIER_SERVICE, PROGRESS_SERVICE

KEY_HEADER = "X-Operation-Key"
WHOLE = (DOSSIER_SERVICE, DOCUMENT_SERVICE)
FORM = {"Content-Type": "application/x-www-form-urlencoded", "Accept": "application/json"}


class PlatformClient:
    """Client of one platform; see `hub.connector.Client`.

    Args:
        name: instance in hub.yaml.
        settings: its block.
        ground: the codes that other systems gave a dossier, and kept files.
    """

    def __init__(self, name: str, settings: ProvincialPortalSettings, ground: Ground) -> None:
        self.name = name
        self._settings = settings
        self._ground = ground
        self._http: aiohttp.ClientSession | None = None
        self._tokens = Tokens(settings, self._fetch_token)
        self._known: OrderedDict[tuple[str, str], None] = OrderedDict()

    async def deliver(self, requests: Sequence[Request], *, timeout_seconds: float) -> Reply:
        end = time.monotonic() + timeout_seconds
        code = ""
        for (operation, unit), run in groupby(requests, key=_operation_and_unit):
            if unit not in self._settings.accounts:
                raise Unavailable("no account for this unit in hub.yaml", code="no_account")
            if operation in WHOLE:
                for request in run:
                    code = await self._whole(request, unit, end)
            else:
                code = await self._steps(list(run), unit, end)
        return Reply(foreign_code=code)

    async def ask(self, request: Request, *, timeout_seconds: float) -> Asked:
        return Asked(Answer.UNKNOWN)

    async def query(self, operation: str, unit: str, body: Mapping[str, Any]) -> Mapping[str, Any]:
        raise Rejected("no read-only service of that name", code="unknown_query")

    async def probe(self) -> str:
        """Get a token where there is one to get, else see whether anyone answers."""
        limits = http.CallLimits(self._settings.query_timeout_seconds, self._settings.reply_bytes)
        if self._settings.oauth is not None:
            await self._tokens.fresh()
            return "the platform's gateway gave a token"
        try:
            reply = await http.get(
                self._connections(), self._settings.base_url + "/", headers={}, limits=limits
            )
        except UnknownOutcome as error:
            raise Unavailable(str(error), code=error.code) from error
        return f"the platform answers (HTTP {reply.status})"

    async def close(self) -> None:
        if self._http is not None:
            await self._http.close()
            self._http = None

    async def _whole(self, request: Request, unit: str, end: float) -> str:
        """Send a dossier as new or as an update, whichever the platform needs; its code."""
        item = await self._with_other_codes(request)
        known = (unit, request.event.subject)
        updating = known in self._known
        told = await self._send(request, unit, end, item=item, updating=updating)
        other = Verdict.ABSENT if updating else Verdict.EXISTS
        if told.verdict is other and request.message.operation == DOSSIER_SERVICE:
            told = await self._send(request, unit, end, item=item, updating=not updating)
        taken = {Verdict.SUCCESS}
        if request.message.operation == DOCUMENT_SERVICE:
            taken.add(Verdict.EXISTS)
        if told.verdict not in taken:
            self._known.pop(known, None)
            raise self._refusal(told, request.message.operation)
        self._remember(known)
        return told.code

    async def _send(
        self, request: Request, unit: str, end: float, *, item: bytes, updating: bool
    ) -> Told:
        address = self._address(request.message.operation, unit, updating)
        headers = {KEY_HEADER: request.operation_key, "traceparent": request.message.traceparent}
        return await self._call(address, unit, b"[" + item + b"]", headers, end)

    async def _steps(self, requests: Sequence[Request], unit: str, end: float) -> str:
        operation = requests[0].message.operation
        items = [await self._with_other_codes(request) for request in requests]
        headers = {
            KEY_HEADER: ",".join(request.operation_key for request in requests),
            "traceparent": requests[0].message.traceparent,
        }
        body = b"[" + b",".join(items) + b"]"
        told = await self._call(self._address(operation, unit, None), unit, body, headers, end)
        if told.verdict is Verdict.EXISTS and len(requests) > 1:
            # Which of the steps exist is not told, nor whether the others were taken.
            for request in requests:
                code = await self._steps([request], unit, end)
            return code
        # A step that "exists" is a step that was taken earlier.
        if told.verdict not in (Verdict.SUCCESS, Verdict.EXISTS):
            raise self._refusal(told, operation)
        return told.code

    def _address(self, operation: str, unit: str, updating: bool | None) -> str:
        settings = self._settings
        if settings.profile == "ministry":
            return settings.document_path if operation in WHOLE else settings.traces_path
        if settings.profile == "two_urls":
            if operation == PROGRESS_SERVICE:
                return settings.progress_path
            return settings.update_path if updating else settings.add_path
        query = {"MaDinhDanhDV": settings.accounts[unit].platform_unit or unit}
        if updating is not None:
            query["isUpdating"] = str(updating)
        return f"{settings.path}/{operation}?{urlencode(query)}"

    async def _with_other_codes(self, request: Request) -> bytes:
        """The item under the platform's own code, with the national one beside it, and files."""
        item = orjson.loads(request.message.body)
        subject, operation = request.event.subject, request.message.operation
        if self._settings.sends_other_codes:
            name = {DOCUMENT_SERVICE: "DocCode", TRACES_SERVICE: "docCode"}.get(operation, "MaHoSo")
            item[name] = await self._own_code(subject) or item[name]
            if operation == DOSSIER_SERVICE and not item.get(NATIONAL_CODE):
                national = await self._ground.aliases(NATIONAL_ALIAS, subject=subject, limit=1)
                if national and national[0].value != item[name]:
                    item[NATIONAL_CODE] = national[0].value
        if operation == DOCUMENT_SERVICE:
            await self._put_files_inside(item)
        return orjson.dumps(item)

    async def _own_code(self, subject: str) -> str:
        """The code that this platform gave, `` if none; another's is not told to it."""
        found = await self._ground.aliases(OWN_ALIAS, subject=subject)
        # What was learnt before instances were told apart names none.
        mine = (each.value for each in found if not each.facts or self.name in each.facts)
        return next(mine, "")

    async def _put_files_inside(self, document: dict[str, Any]) -> None:
        """The content of kept files, where a Document names them."""
        for part in document.get("Attachments") or ():
            reference = str(part.get("Base64") or "")
            if reference.startswith(BLOB):
                content = await self._ground.fetch(reference.removeprefix(BLOB))
                part["Base64"] = base64.b64encode(content).decode()

    async def _call(
        self, path: str, unit: str, body: bytes, said: Mapping[str, str], end: float
    ) -> Told:
        """One call; a unit's own token that is refused stops no other unit."""
        try:
            return await self._with_token(path, unit, body, said, end)
        except Misconfigured as error:
            shared = self._settings.accounts[unit].token is None
            if shared or len(self._settings.accounts) == 1 or error.code != TOKEN_REFUSED:
                raise
            raise Unavailable(str(error), code=error.code) from error

    async def _with_token(
        self, path: str, unit: str, body: bytes, said: Mapping[str, str], end: float
    ) -> Told:
        """One call; with a fetched token once more if that is not valid any longer."""
        token = await self._token(unit, end)
        told = await self._post(path, token, body, said, end)
        if told.verdict is not Verdict.TOKEN:
            return told
        if self._settings.accounts[unit].token is None:
            self._tokens.drop(token)
            told = await self._post(path, await self._token(unit, end), body, said, end)
            if told.verdict is not Verdict.TOKEN:
                return told
        raise Misconfigured(f"the platform refuses the token ({told.code})", code=TOKEN_REFUSED)

    async def _token(self, unit: str, end: float) -> str:
        own = self._settings.accounts[unit].token
        if own is not None:
            return own.get_secret_value()
        try:
            async with asyncio.timeout(end - time.monotonic()):
                return await self._tokens.get()
        except TimeoutError as error:
            raise Unavailable("no token in time", code="timeout_before_sending") from error

    async def _post(
        self, path: str, token: str, body: bytes, said: Mapping[str, str], end: float
    ) -> Told:
        settings = self._settings
        left = end - time.monotonic()
        if left <= 0:
            raise Unavailable("no time left for the call", code="timeout_before_sending")
        headers = {
            "Accept": "application/json",
            "Content-Type": "application/json",
            settings.header: token,
            **{name: value for name, value in said.items() if value},
        }
        limits = http.CallLimits(left, settings.reply_bytes)
        url = settings.base_url + path
        reply = await http.post(self._connections(), url, body=body, headers=headers, limits=limits)
        return understand(reply, settings)

    async def _fetch_token(self, authorization: str) -> http.HttpReply:
        oauth, settings = self._settings.oauth, self._settings
        if oauth is None:
            raise Misconfigured("no token and no way to get one", code="account_refused")
        limits = http.CallLimits(settings.query_timeout_seconds, settings.reply_bytes)
        headers = {**FORM, "Authorization": authorization}
        url = settings.base_url + oauth.path
        body = b"grant_type=client_credentials"
        try:
            return await http.post(
                self._connections(), url, body=body, headers=headers, limits=limits
            )
        except UnknownOutcome as error:
            raise Unavailable(str(error), code=error.code) from error

    def _connections(self) -> aiohttp.ClientSession:
        if self._http is None:
            self._http = http.outgoing_session(
                connections_count=self._settings.connections_count,
                keepalive_seconds=self._settings.keepalive_seconds,
            )
        return self._http

    def _refusal(self, told: Told, operation: str) -> Rejected:
        return Rejected(
            f"the platform refuses {operation} ({told.code})",
            documented=told.code in self._settings.final_codes,
            foreign_code=told.code,
        )

    def _remember(self, known: tuple[str, str]) -> None:
        self._known[known] = None
        self._known.move_to_end(known)
        if len(self._known) > self._settings.known_dossiers_count:
            self._known.popitem(last=False)


def _operation_and_unit(request: Request) -> tuple[str, str]:
    return request.message.operation, request.message.headers["unit"]
