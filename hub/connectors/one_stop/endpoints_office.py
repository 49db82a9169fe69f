"""The document office as products call it: hand over a draft, issue a document, fetch results.

Files are put into the blob store when a call comes in, and back into the package when it is
fetched, so that no file travels through Kafka. A package is listed until it is acknowledged.

Answers: `{"data", "error": {"code", "internalMessage", "userMessage"}}`, `error` null on success.
"""

from __future__ import annotations

import base64
from typing import Any

import orjson
from msgspec.structs import replace
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from hub.connector import Inbox
from hub.connectors.one_stop import replies
from hub.connectors.one_stop.client import OFFICE_SHELF
from hub.connectors.one_stop.decode_office import AFTER, office
from hub.connectors.one_stop.doors import Answering, Reply, asked, page_size, read_call, said
from hub.connectors.one_stop.intake import read_object
from hub.connectors.one_stop.papers import (
    CONTENT,
    DIGEST,
    SIZE,
    STORED,
    files_in,
    stored_fields,
)
from hub.connectors.one_stop.replies import Refused
from hub.connectors.one_stop.sessions import Doorkeeper
from hub.connectors.one_stop.settings import OneStopSettings
from hub.connectors.one_stop.shelf import Entry, Shelf
from hub.connectors.one_stop.units import unit_and_above
from hub.connectors.one_stop.wire import ISSUE, SUBMIT
from hub.errors import DecodeError
from hub.message import Message
from hub.wire.dvcqg.filed import content_of

LIST, FETCH, ACKNOWLEDGE = "LayDanhSachGoiTinVanBan", "LayGoiTinVanBan", "CapNhatTrangThaiVanBan"
STATES = ("03", "04")
ACKNOWLEDGEMENT_LIMIT_BYTES = 10_000


class OfficeDoor:
    """The document office's endpoints of one connector instance; see `PostDoor`."""

    def __init__(
        self, instance: str, settings: OneStopSettings, inbox: Inbox, *, keeper: Doorkeeper
    ) -> None:
        self._instance = instance
        self._settings = settings
        self._inbox = inbox
        self._keeper = keeper
        self._answering = Answering(instance, inbox, _refusal)

    def routes(self) -> list[BaseRoute]:
        """None where no product speaks to its document office through the hub."""
        if not any(each.office for each in self._settings.products.values()):
            return []
        path = self._settings.office_endpoint
        return [
            Route(f"{path}/{SUBMIT}", self.submit, methods=["POST"]),
            Route(f"{path}/{ISSUE}", self.issue, methods=["POST"]),
            Route(f"{path}/{LIST}", self.listed, methods=["GET"]),
            Route(f"{path}/{FETCH}", self.fetch, methods=["GET"]),
            Route(f"{path}/{ACKNOWLEDGE}", self.acknowledge, methods=["POST"]),
        ]

    async def submit(self, request: Request) -> Response:
        """`GuiHoSo`: a draft for the office."""
        return await self._take(request, SUBMIT)

    async def issue(self, request: Request) -> Response:
        """`PhatHanhVanBan`: a signed document for other organisations."""
        return await self._take(request, ISSUE)

    async def listed(self, request: Request) -> Response:
        """`?maDonViCha=&top=` -> codes of the packages that wait, oldest first."""

        async def act() -> Reply:
            unit, product = self._unit(request)
            query = request.query_params
            parent, top = query.get("maDonViCha", ""), query.get("top", "")
            if parent and parent not in unit_and_above(unit):
                raise Refused(replies.WRONG_UNIT, "maDonViCha", unit=unit)
            size = page_size(top, self._settings.page_limit_count)
            entries = await asked(self._shelf.waiting(product, size), unit)
            return _answered([entry.key for entry in entries])

        return await self._answering.answer(lambda: LIST, act)

    async def fetch(self, request: Request) -> Response:
        """`?MaVanBan=` -> one package, its files inside."""

        async def act() -> Reply:
            unit, product = self._unit(request)
            entry = await self._entry(product, unit, request.query_params.get("MaVanBan", ""))
            package = orjson.loads(await asked(self._inbox.ground.fetch(entry.body), unit))
            for _, file in files_in(package):
                await self._fill(file, unit)
            return _answered(package)

        return await self._answering.answer(lambda: FETCH, act)

    async def acknowledge(self, request: Request) -> Response:
        """`{"MaVanBan", "TrangThai": "03" | "04"}`: the package is listed no more."""

        async def act() -> Reply:
            unit, product = self._unit(request)
            fields = read_object(await read_call(request, ACKNOWLEDGEMENT_LIMIT_BYTES))
            state = fields.get("TrangThai")
            if state not in STATES:
                raise Refused(replies.FIELD_RULES, "/TrangThai", unit=unit)
            entry = await self._entry(product, unit, fields.get("MaVanBan"))
            await asked(self._shelf.take(product, entry, state), unit)
            return _answered(entry.key)

        return await self._answering.answer(lambda: ACKNOWLEDGE, act)

    @property
    def _shelf(self) -> Shelf:
        return Shelf(self._inbox.ground, OFFICE_SHELF, self._instance)

    def _unit(self, request: Request) -> tuple[str, str]:
        """Unit and name of its product."""
        unit = self._keeper.unit_of_basic(request.headers.get("Authorization", ""))
        found = self._settings.product_of(unit)
        if found is None or not found[1].office:
            raise Refused(replies.UNKNOWN_OPERATION, unit=unit)
        return unit, found[0]

    async def _entry(self, product: str, unit: str, key: object) -> Entry:
        named = key if isinstance(key, str) and len(key) <= 64 else ""
        entry = await asked(self._shelf.get(product, named), unit) if named else None
        if entry is None:
            raise Refused(replies.READ_REFUSED, "MaVanBan", unit=unit)
        return entry

    async def _fill(self, file: dict[str, Any], unit: str) -> None:
        """Put a file's bytes back where they were taken from."""
        reference = file.pop(STORED, None)
        file.pop(SIZE, None)
        file.pop(DIGEST, None)
        if reference:
            body: bytes = await asked(self._inbox.ground.fetch(reference), unit)
            file[CONTENT] = base64.b64encode(body).decode()

    async def _take(self, request: Request, operation: str) -> Response:
        async def act() -> Reply:
            unit, product = self._unit(request)
            body = await read_call(request, self._settings.office_body_limit_bytes)
            tree = read_object(body)
            headers = {"unit": unit, "form": "office"}
            if any(CONTENT in file or STORED in file for _, file in files_in(tree)):
                headers["original"] = await self._put_away(tree, body, unit)
                body = orjson.dumps(tree)
            message = Message(
                connector=self._instance, operation=operation, body=body, headers=headers
            )
            try:
                (event,) = office(message, tree, self._settings)
            except DecodeError as error:
                raise Refused(replies.FIELD_RULES, str(error), unit=unit) from error
            subject = getattr(event, "subject", "")
            if operation == SUBMIT:
                answer = await asked(self._shelf.last_taken(product, subject), unit)
                message = replace(message, headers=headers | ({AFTER: answer} if answer else {}))
            await asked(self._inbox.accept([message]), unit)
            return _answered(subject)

        return await self._answering.answer(lambda: operation, act)

    async def _put_away(self, tree: dict[str, Any], body: bytes, unit: str) -> str:
        """Put the files into the blob store; where the call stands as it came."""
        ground = self._inbox.ground
        for path, file in files_in(tree):
            for name in (STORED, SIZE, DIGEST):
                file.pop(name, None)
            coded = file.pop(CONTENT, None)
            if not coded:
                continue
            try:
                content = content_of(coded if isinstance(coded, str) else "?")
            except DecodeError as error:
                raise Refused(replies.FIELD_RULES, f"{path}/{CONTENT}", unit=unit) from error
            reference: str = await asked(ground.keep(content, "application/pdf"), unit)
            file |= stored_fields(content, reference)
        original: str = await asked(ground.keep(body, "application/json"), unit)
        return original


def _answered(data: Any) -> Reply:
    return {"data": data, "error": None}


def _refusal(refused: Refused) -> Response:
    """A refusal in the form of the office; one of the account is HTTP 401."""
    error = {
        "code": refused.reason.error_code,
        "internalMessage": refused.code,
        "userMessage": str(refused),
    }
    return said({"data": None, "error": error}, 401 if refused.code == "wrong_credentials" else 200)
