"""The outgoing side: everything the hub says to the document axis (VXP), and what it answers.

An answer is read by its body, whatever the HTTP status. Texts of errors carry codes and paths
only: the axis's own texts may repeat what a document says.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import ExitStack
from datetime import UTC, datetime
from typing import Any

import aiohttp
import msgspec
import orjson

from hub import http
from hub.connector import Answer, Asked, Ground, Reply, Request
from hub.connectors.document_exchange import answers
from hub.connectors.document_exchange.decode import (
    DOCUMENT_ALIAS,
    PACKAGE_ALIAS,
    Dispatched,
    aliases_of,
)
from hub.connectors.document_exchange.encode import SEND_DOCUMENT, SEND_STATUS, encode_with
from hub.connectors.document_exchange.ids import Ids
from hub.connectors.document_exchange.organisations import Organisations
from hub.connectors.document_exchange.packing import Packed, check_size, pack
from hub.connectors.document_exchange.sent import Likeness, likeness
from hub.connectors.document_exchange.settings import DocumentExchangeSettings, Signing
from hub.errors import Rejected, Unavailable, UnknownOutcome
from hub.event import Alias
from hub.message import Message, name_id
from hub.schemas.document import DocumentEvent
from hub.wire.edxml import axis, models

KEY_HEADER = "X-Operation-Key"
TYPE_OF_OPERATION = {SEND_DOCUMENT: models.DOCUMENT, SEND_STATUS: models.STATUS}
READS = {
    models.AGENCIES: {},
    models.AGENCIES_QD20: {"level": "1"},
    models.SENT_LIST: {"servicetype": models.SERVICE_TYPE},
}
"""Read-only operations and the logical headers that they always have."""

BUSY = 503
"""The HTTP status that says: not taken. After any other 5xx a package may have been."""


class AxisCalls:
    """Signed calls to one axis.

    Args:
        settings: of the instance.
        clock: the moment that a call is stamped with.
    """

    def __init__(self, settings: DocumentExchangeSettings) -> None:
        self._settings = settings
        self._http: aiohttp.ClientSession | None = None

    async def call(
        self, path: str, logical: Mapping[str, str], seconds: float
    ) -> answers.AxisAnswer:
        """A call without body and without lasting effect; a lost answer means: later.

        Raises:
            Rejected, Unavailable, Misconfigured: see `answers.refusal`.
        """
        try:
            answer = await self._post(path, self._signed(logical), b"", seconds)
        except UnknownOutcome as error:
            raise Unavailable(str(error), code=error.code) from error
        if not answer.ok:
            raise answers.refusal(answer, path, self._settings)
        return answer

    async def send(
        self, logical: Mapping[str, str], packed: Packed, *, key: str, seconds: float
    ) -> answers.AxisAnswer:
        """Send a package.

        Raises:
            UnknownOutcome: it may have been taken.
            Rejected, Unavailable, Misconfigured: see `answers.refusal`.
        """
        headers = self._signed(logical)
        headers |= {KEY_HEADER: key, "Content-Length": str(packed.size_bytes)}
        answer = await self._post(models.SEND, headers, packed.pieces(), seconds)
        if not answer.ok:
            raise answers.refusal(answer, models.SEND, self._settings)
        return answer

    async def fetch(self, logical: Mapping[str, str]) -> AsyncIterator[bytes]:
        """The answer of `getEdoc`, piece by piece; raises like `call`."""
        settings = self._settings
        # Base64 of base64, and a little around it.
        limit = settings.package_bytes * 3 // 2 + answers.AROUND_BYTES
        limits = http.CallLimits(settings.fetch_timeout_seconds, limit)
        url = settings.base_url + models.FETCH
        try:
            async for piece in http.pieces(
                self._session(), url, headers=self._signed(logical), limits=limits
            ):
                yield piece
        except UnknownOutcome as error:
            raise Unavailable(str(error), code=error.code) from error

    async def close(self) -> None:
        """Release connections."""
        if self._http is not None:
            await self._http.close()
            self._http = None

    def _signed(self, logical: Mapping[str, str]) -> dict[str, str]:
        settings = self._settings
        return axis.signed_headers(
            {"Content-Type": "application/json", **logical},
            system_id=settings.system_id,
            secret=settings.secret.get_secret_value(),
            at=datetime.now(UTC),
        )

    def _session(self) -> aiohttp.ClientSession:
        if self._http is None:
            self._http = http.outgoing_session(
                connections_count=self._settings.connections_count,
                keepalive_seconds=self._settings.keepalive_seconds,
            )
        return self._http

    async def _post(
        self,
        path: str,
        headers: Mapping[str, str],
        body: bytes | AsyncIterator[bytes],
        seconds: float,
    ) -> answers.AxisAnswer:
        limits = http.CallLimits(seconds, self._settings.reply_bytes)
        url = self._settings.base_url + path
        reply = await http.post(self._session(), url, body=body, headers=headers, limits=limits)
        if reply.status >= 500 and reply.status != BUSY and path == models.SEND:
            raise UnknownOutcome(f"HTTP {reply.status}", code="http_5xx")
        if reply.status == 429 or reply.status >= 500 or reply.status in (401, 403, 404):
            http.check_status(reply)
        try:
            return answers.read_answer(reply.body)
        except UnknownOutcome:
            http.check_status(reply)
            raise


class AxisClient:
    """Client of one axis instance; see `hub.connector.Client`."""

    def __init__(self, name: str, settings: DocumentExchangeSettings, ground: Ground) -> None:
        self.name = name
        self._settings = settings
        self._ground = ground
        self._calls = AxisCalls(settings)
        self._organisations = Organisations(name, settings, ground)
        self._writes_old = any(each.write_old_id for each in settings.partners.values())

    async def deliver(self, requests: Sequence[Request], *, timeout_seconds: float) -> Reply:
        deadline = http.Deadline(timeout_seconds)
        request = await self._with_ids(*requests)
        headers = request.message.headers
        with ExitStack() as stack:
            packed = await self._packed(request, stack)
            check_size(packed, self._settings.package_bytes)
            if isinstance(request.event.data, DocumentEvent):
                # The partner may answer before we hear that the axis has taken it.
                known = Alias(DOCUMENT_ALIAS, headers["document_id"], request.event.subject)
                await self._ground.remember([known])
            logical = {
                "Content-Type": "application/octet-stream",
                "from": headers["from"],
                "servicetype": models.SERVICE_TYPE,
                "messagetype": TYPE_OF_OPERATION[request.message.operation],
                "to": headers["to"],
                "hash-file": axis.file_digest(packed.sha256),
            }
            answer = await self._calls.send(
                logical, packed, key=request.operation_key, seconds=deadline.left()
            )
        axis_id = answers.text_of(answer.fields, "DocId")
        if not axis_id:
            raise UnknownOutcome("the answer has no DocId", code="malformed_reply")
        return self._reply(request, axis_id, answer.code)

    async def ask(self, request: Request, *, timeout_seconds: float) -> Asked:
        """Look for the document among those that the axis says we sent.

        A package that an earlier request is known to have become is not this one.
        """
        event, settings = request.event.data, self._settings
        if not isinstance(event, DocumentEvent) or not settings.ask_without_id:
            return Asked(Answer.UNKNOWN)
        ids, unclear = await self._ids(), False
        sender = ids.id_of(request.message.headers["from"])
        for row in await self._sent(timeout_seconds):
            axis_id = answers.text_of(row, "senderDocId")
            if ids.id_of(answers.text_of(row, "fromCode")) != sender or not axis_id:
                continue
            like = likeness(row, event.document, issued_at=request.event.time)
            if like is Likeness.OTHER:
                continue
            known = await self._ground.alias(PACKAGE_ALIAS, axis_id)
            if known and known.facts.get("operation_key") != request.operation_key:
                continue
            if known or like is Likeness.SAME:
                return Asked(Answer.TAKEN, self._reply(request, axis_id, ""))
            unclear = True
        return Asked(Answer.UNKNOWN if unclear else Answer.NOT_TAKEN)

    async def query(self, operation: str, unit: str, body: Mapping[str, Any]) -> Mapping[str, Any]:
        fixed = READS.get(f"/{operation.removeprefix('/')}")
        if fixed is None:
            raise Rejected("no read-only operation of that name", code="unknown_query")
        asked = {name: str(value) for name, value in body.items() if isinstance(value, str | int)}
        if not all(text.isascii() and text.isprintable() for text in asked.values()):
            raise Rejected("a value cannot be a header", code="unknown_query")
        path, seconds = f"/{operation.removeprefix('/')}", self._settings.query_timeout_seconds
        return (await self._calls.call(path, {**fixed, **asked}, seconds)).fields

    async def probe(self) -> str:
        seconds = self._settings.query_timeout_seconds
        answer = await self._calls.call(models.AGENCIES, {}, seconds)
        return f"signed in, {models.AGENCIES} lists {len(answer.rows())}"

    async def close(self) -> None:
        await self._calls.close()

    async def _ids(self) -> Ids:
        """What ids are known by; the axis's list counts only for who reads ids of the old form."""
        return await self._organisations.ids() if self._writes_old else Ids(self._settings)

    async def _with_ids(self, request: Request) -> Request:
        """The request, written anew with the ids that the axis lists.

        encode is pure and knows only what is agreed.
        """
        if not self._writes_old:
            return request
        message = encode_with(request.event, await self._ids())
        return msgspec.structs.replace(request, message=message)

    async def _packed(self, request: Request, stack: ExitStack) -> Packed:
        data = request.event.data
        document = data.document if isinstance(data, DocumentEvent) else None
        return await pack(
            request.message.body,
            document.files if document else (),
            self._ground,
            stack,
            signing=self._signing(request),
        )

    def _signing(self, request: Request) -> Signing | None:
        """With what a package is signed, if every receiver's system takes that."""
        data, settings = request.event.data, self._settings
        if not isinstance(data, DocumentEvent):
            return None
        takes = [settings.partner(each.id).takes_signature for each in data.document.receivers]
        return settings.signing if all(takes) else None

    async def _sent(self, timeout_seconds: float) -> list[Mapping[str, Any]]:
        asked = {**READS[models.SENT_LIST], "messagetype": models.DOCUMENT, "docId": ""}
        return (await self._calls.call(models.SENT_LIST, asked, timeout_seconds)).rows()

    def _reply(self, request: Request, axis_id: str, code: str) -> Reply:
        """What a package that was taken makes known."""
        data, headers = request.event.data, request.message.headers
        if not isinstance(data, DocumentEvent):
            return Reply(foreign_code=code)
        told = Dispatched(
            subject=request.event.subject,
            unit=headers["unit"],
            operation_key=request.operation_key,
            document_id=headers["document_id"],
            axis_id=axis_id,
            receivers=tuple(each.id for each in data.document.receivers),
            dossier_code=data.dossier_code,
            business=data.business,
        )
        message = Message(
            connector=self.name,
            operation=models.SEND.removeprefix("/"),
            body=orjson.dumps(told.model_dump(mode="json")),
            key=request.event.subject,
            headers={"form": "reply", "unit": headers["unit"]},
            id=name_id(f"{request.operation_key} dispatched"),
            traceparent=request.message.traceparent,
        )
        return Reply(messages=(message,), aliases=aliases_of(told), foreign_code=code)
