"""Everything the hub says to the document office, and what its answers mean.

An answer is read by its `error`, whatever the HTTP status: the office answers 200 with a refusal.
Texts of errors carry codes and names of calls only: the office's own messages may hold names.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import urlencode

import aiohttp
import orjson

from hub import http
from hub.connector import Answer, Asked, Ground, Reply, Request
from hub.connectors.document_office import wire
from hub.connectors.document_office.decode import dossier_alias
from hub.connectors.document_office.settings import DocumentOfficeSettings
from hub.errors import Misconfigured, Rejected, Unavailable, UnknownOutcome
from hub.event import Alias

KEY_HEADER = "X-Operation-Key"
BARE = "LoaiKetQua"
"""A field of a package that stands in the answer itself, not in its `data`."""

BUSY = 503
"""The one 5xx that says that nothing was done; of the others nobody knows."""


class Office:
    """The four calls of one office, each read by its `error`.

    Args:
        settings: where it is, as whom, and the deployment's lists of codes.
    """

    def __init__(self, settings: DocumentOfficeSettings) -> None:
        self._settings = settings
        self._http: aiohttp.ClientSession | None = None

    async def submit(self, body: bytes, said: Mapping[str, str], seconds: float) -> str:
        """Hand over a draft; the code of the success, `` if none is told.

        Raises:
            Rejected, Unavailable, Misconfigured, UnknownOutcome: see `hub.errors`.
        """
        limits = http.CallLimits(seconds, self._settings.reply_bytes)
        url = self._settings.base_url + self._settings.submit_path
        headers = {**self._headers(), **said}
        reply = await http.post(self._session(), url, body=body, headers=headers, limits=limits)
        fields = http.json_object(reply.body)
        told = None if fields is None else _code(fields)
        open_yet = reply.status >= 500 and reply.status != BUSY
        if open_yet and told not in self._known_refusals:
            raise UnknownOutcome(f"HTTP {reply.status}", code="http_5xx")
        code, _ = self._read(reply, fields, wire.SUBMIT, self._settings.duplicate_codes)
        return code

    @property
    def _known_refusals(self) -> frozenset[str]:
        """Codes of which the deployment knows that the draft was not taken by this call."""
        own = self._settings
        known = (*own.duplicate_codes, *own.account_codes, *own.later_codes, *own.final_codes)
        return frozenset(known)

    async def codes(self, top: int) -> list[str]:
        """Codes of the packages that wait, oldest first; raises like `submit`, without doubt."""
        query = {"maDonViCha": self._settings.parent_unit, "top": top}
        data = await self._get(self._settings.list_path, query, wire.LIST)
        if data is None:
            return []
        if not isinstance(data, list) or not all(isinstance(each, str | int) for each in data):
            raise Unavailable(f"{wire.LIST}: no list of codes", code="malformed_reply")
        return [str(each) for each in data]

    async def package(self, code: str) -> dict[str, Any]:
        """One result package, in `data` or bare; raises like `codes`."""
        data = await self._get(self._settings.fetch_path, {wire.PACKAGE: code}, wire.FETCH)
        if not isinstance(data, dict):
            raise Unavailable(f"{wire.FETCH}: no package", code="malformed_reply")
        return data

    async def acknowledge(self, code: str, state: str) -> None:
        """Say that a package is handled (03) or failed (04); raises like `codes`."""
        body = orjson.dumps({wire.PACKAGE: code, "TrangThai": state})
        url = self._settings.base_url + self._settings.acknowledge_path
        limits = self._limits(self._settings.reply_bytes)
        try:
            reply = await http.post(
                self._session(), url, body=body, headers=self._headers(), limits=limits
            )
            self._read(reply, http.json_object(reply.body), wire.ACKNOWLEDGE)
        except UnknownOutcome as error:
            raise Unavailable(str(error), code=error.code) from error

    async def close(self) -> None:
        """Release connections."""
        if self._http is not None:
            await self._http.close()
            self._http = None

    async def _get(self, path: str, query: Mapping[str, Any], call: str) -> Any:
        """`data` of a call without effect: a lost answer only means to ask again."""
        url = f"{self._settings.base_url}{path}?{urlencode(query)}"
        limits = self._limits(self._settings.package_bytes)
        try:
            reply = await http.get(self._session(), url, headers=self._headers(), limits=limits)
            _, fields = self._read(reply, http.json_object(reply.body), call)
        except UnknownOutcome as error:
            raise Unavailable(str(error), code=error.code) from error
        return fields if BARE in fields else fields.get("data")

    def _read(
        self,
        reply: http.HttpReply,
        fields: Mapping[str, Any] | None,
        call: str,
        duplicate_codes: Sequence[str] = (),
    ) -> tuple[str, Mapping[str, Any]]:
        """Code and fields of a success; the table of codes is in the README."""
        settings = self._settings
        if fields is None or reply.status in (401, 403, 429):
            http.check_status(reply)
        code = None if fields is None else _code(fields)
        if fields is None or code is None:
            raise UnknownOutcome(f"{call}: the answer is malformed", code="malformed_reply")
        if code in settings.success_codes:
            http.check_status(reply)
            return code, fields
        if code in duplicate_codes:
            return code, fields
        if code in settings.account_codes:
            raise Misconfigured(f"{call}: the account is refused", code="account_refused")
        if code in settings.later_codes:
            raise Unavailable(f"{call}: it asks to try again later")
        raise Rejected(
            f"the office refuses {call} (error code {code})",
            documented=code in settings.final_codes,
            foreign_code=code,
        )

    def _limits(self, reply_bytes: int) -> http.CallLimits:
        return http.CallLimits(self._settings.poll_timeout_seconds, reply_bytes)

    def _session(self) -> aiohttp.ClientSession:
        if self._http is None:
            self._http = http.outgoing_session(connections_count=self._settings.connections_count)
        return self._http

    def _headers(self) -> dict[str, str]:
        settings = self._settings
        held = settings.password.get_secret_value()
        if settings.auth_scheme == "Basic":
            held = base64.b64encode(f"{settings.username}:{held}".encode()).decode()
        return {
            "Accept": "application/json",
            "Content-Type": "application/json",
            "Authorization": f"{settings.auth_scheme} {held}",
        }


class OfficeClient:
    """Client of one document office; see `hub.connector.Client`.

    Args:
        name: instance in hub.yaml.
        settings: its block.
        ground: where files are kept.
    """

    def __init__(self, name: str, settings: DocumentOfficeSettings, ground: Ground) -> None:
        self.name = name
        self._settings = settings
        self._ground = ground
        self._office = Office(settings)

    async def deliver(self, requests: Sequence[Request], *, timeout_seconds: float) -> Reply:
        (request,) = requests
        tree = orjson.loads(request.message.body)
        await self._put_content_in(tree)
        said = {KEY_HEADER: request.operation_key, "traceparent": request.message.traceparent}
        said = {name: value for name, value in said.items() if value}
        unit = str(tree.get("DonVi", {}).get("MaDinhDanh", "")) or self._settings.parent_unit
        alias = Alias(*dossier_alias(unit, str(tree["IDHoSo"])), subject=request.event.subject)
        # Before it is sent: the office may have a draft whose answer is lost.
        await self._ground.remember([alias])
        code = await self._office.submit(orjson.dumps(tree), said, timeout_seconds)
        return Reply(foreign_code=code)

    async def ask(self, request: Request, *, timeout_seconds: float) -> Asked:
        # There is nobody to ask. An office that notices a repetition may be told again: its
        # answer to that is the answer.
        noticed = bool(self._settings.duplicate_codes)
        return Asked(Answer.NOT_TAKEN if noticed else Answer.UNKNOWN)

    async def query(self, operation: str, unit: str, body: Mapping[str, Any]) -> Mapping[str, Any]:
        raise Rejected("the office has no read-only calls for others", code="unknown_query")

    async def probe(self) -> str:
        waiting = await self._office.codes(1)
        return f"{wire.LIST} answered; {'packages wait' if waiting else 'nothing waits'}"

    async def close(self) -> None:
        await self._office.close()

    async def _put_content_in(self, tree: dict[str, Any]) -> None:
        """Replace each reference to the blob store by the file's content.

        Raises:
            Rejected: the files are larger than the limits.
            DecodeError: a file is gone from the store.
        """
        left = self._settings.call_bytes
        for path, file in wire.files_in(tree):
            reference = file.pop(wire.STORED, "")
            file.pop(wire.SIZE, None)
            file.pop(wire.DIGEST, None)
            if not reference:
                continue
            content = await self._ground.fetch(reference)
            left -= len(content)
            if len(content) > self._settings.file_bytes or left < 0:
                raise Rejected(f"{path}: more bytes than one draft may have", code="too_large")
            file[wire.CONTENT] = base64.b64encode(content).decode()


def _code(fields: Mapping[str, Any]) -> str | None:
    """`error.code` as short text, `` where there is no error; `None`: not the office's form.

    An `error` without a code says neither that it is none nor what was refused.
    """
    if not {"error", "data", BARE} & set(fields):
        return None
    error = fields.get("error")
    if not error:
        return ""
    code = error.get("code") if isinstance(error, dict) else None
    if not isinstance(code, str | int) or isinstance(code, bool):
        return None
    return http.short_code(code)
