"""Where the provincial platform pushes dossiers: a bare array, a query, a token header.

    POST {path}/DongBoHoSoMC?MaDinhDanhDV=...&isUpdating=True     array of dossiers
    POST {path}/CapNhatTienDoHoSoMC?MaDinhDanhDV=...              array of steps
    POST {path}/SyncDocument?MaDinhDanhDV=...                     array of Documents
    POST {path}/UpdateDocumentTraces?MaDinhDanhDV=...             array of Traces

Every answer is HTTP 200 with `{"error_code", "message"}`; a call is taken whole or not at all,
and success is said only after Kafka has it.

Source of the format: one provincial platform's adapter, and the models of a ministry platform.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
import orjson
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from hub.body import BodyIncomplete, BodyTooLarge, read_body
from hub.connector import Inbox, Refusal
from hub.connectors.provincial_portal.decode import (
    NATIONAL_ALIAS,
    OWN_ALIAS,
    code_of,
    own_alias,
)
from hub.connectors.provincial_portal.settings import ProvincialPortalSettings, Receiving
from hub.errors import DecodeError, MessageError, Unavailable
from hub.message import Message
from hub.wire.dvcqg.canonical import subject_of
from hub.wire.dvcqg.codes import FLAG_OF_TEXT
from hub.wire.dvcqg.filed import NATIONAL_CODE, content_of, inline_files
from hub.wire.dvcqg.lgsp import DOCUMENT_SERVICE, TRACES_SERVICE, read_document
from hub.wire.dvcqg.models import DOSSIER_SERVICE, PROGRESS_SERVICE
from hub.wire.json_text import strict_tree

FORM_OF_OPERATION = {
    DOSSIER_SERVICE: "lgsp",
    PROGRESS_SERVICE: "lgsp",
    DOCUMENT_SERVICE: "document",
    TRACES_SERVICE: "trace",
}
TAKEN, TRY_AGAIN, REFUSED = "0", "-1", "-9"


FIELD_RULES = "field_rules"


class Refused(MessageError):
    """A call that is not taken; `code` is ours, the text names paths and no values."""

    def __init__(self, text: str, *, code: str = FIELD_RULES) -> None:
        super().__init__(text, code=code)


def endpoints(
    instance: str, settings: ProvincialPortalSettings, inbox: Inbox
) -> Sequence[BaseRoute]:
    """The one route, if the deployment receives at all."""
    if settings.receives is None:
        return ()
    door = Door(instance, settings, settings.receives, inbox)
    return (Route(f"{settings.receives.path}/{{operation}}", door.push, methods=["POST"]),)


class Door:
    """Takes what the platform pushes, for one connector instance."""

    def __init__(
        self, instance: str, settings: ProvincialPortalSettings, receives: Receiving, inbox: Inbox
    ) -> None:
        self._instance = instance
        self._settings = settings
        self._receives = receives
        self._inbox = inbox
        self._units = {a.platform_unit or unit: unit for unit, a in settings.accounts.items()}

    async def push(self, request: Request) -> Response:
        """Take one call; answers in the platform's form."""
        operation = request.path_params["operation"]
        known = operation if operation in FORM_OF_OPERATION else ""
        unit = ""
        try:
            unit = self._unit(request)
            messages = await self._messages(request, operation, unit)
            await self._inbox.accept(messages)
            code, told = TAKEN, f"Tiếp nhận thành công {len(messages)} bản ghi"
        except Refused as refused:
            code, told = REFUSED, str(refused)
            await self._record(unit, known, refused.code, told)
        except Unavailable:
            code, told = TRY_AGAIN, "Hệ thống chưa tiếp nhận được, đề nghị gửi lại sau"
            await self._record(unit, known, "try_again", told)
        reply = {"error_code": code, "message": told}
        return Response(orjson.dumps(reply), media_type="application/json")

    def _unit(self, request: Request) -> str:
        """The unit that a call is for, if the token is its own."""
        unit = self._units.get(request.query_params.get("MaDinhDanhDV", ""), "")
        if not unit:
            raise Refused("MaDinhDanhDV: không phải đơn vị của hệ thống", code="wrong_unit")
        expected = self._settings.accounts[unit].receive_token
        given = request.headers.get(self._settings.header, "")
        if expected is None or not hmac.compare_digest(
            _digest(given), _digest(expected.get_secret_value())
        ):
            raise Refused("Mã truy cập không đúng", code="wrong_credentials")
        return unit

    async def _messages(self, request: Request, operation: str, unit: str) -> list[Message]:
        if operation not in FORM_OF_OPERATION:
            raise Refused("Dịch vụ không được hỗ trợ", code="unknown_operation")
        limit = self._receives.body_limit_bytes
        try:
            body = await read_body(request, limit)
        except BodyTooLarge as error:
            raise Refused(f"Dữ liệu quá lớn, tối đa {limit} byte", code="too_large") from error
        except BodyIncomplete as error:
            raise Refused("Dữ liệu chưa nhận đủ", code="malformed") from error
        trees, slices = _items(body)
        if len(trees) > self._receives.items_limit_count:
            count = self._receives.items_limit_count
            raise Refused(f"Tối đa {count} bản ghi mỗi lần", code="too_large")
        headers = {"unit": unit, "form": FORM_OF_OPERATION[operation]}
        updating = FLAG_OF_TEXT.get(request.query_params.get("isUpdating", ""))
        if updating is not None:
            headers["is_updating"] = str(updating)
        named = [self._code(tree, number) for number, tree in enumerate(trees)]
        return [
            Message(
                connector=self._instance,
                operation=operation,
                body=part,
                key=(subject := await self._subject(tree, code, unit)),
                headers=headers | await self._beside(tree, operation, subject, code),
            )
            for tree, part, code in zip(trees, slices, named, strict=True)
        ]

    async def _beside(
        self, tree: Mapping[str, Any], operation: str, subject: str, code: str
    ) -> dict[str, str]:
        """Headers of one item: another subject than its code, and its kept files."""
        item = read_document(tree) if operation == DOCUMENT_SERVICE else tree
        references = await self._keep_files(item)
        found = {"files": "\n".join(references)} if references else {}
        return found | ({"subject": subject} if subject != code else {})

    def _code(self, tree: Mapping[str, Any], number: int) -> str:
        try:
            return subject_of(code_of(tree), f"/{number}")
        except DecodeError as error:
            raise Refused(f"{error.path}: không có mã hồ sơ hợp lệ") from error

    async def _subject(self, tree: Mapping[str, Any], code: str, unit: str) -> str:
        """What the hub calls the dossier: by the platform's code, else by the national one.

        What the national one tells is remembered before anything is accepted: a step that follows
        names the platform's code only.
        """
        known = await self._inbox.ground.alias(OWN_ALIAS, code)
        national = tree.get(NATIONAL_CODE)
        if known is None and isinstance(national, str) and 0 < len(national) <= 100:
            known = await self._inbox.ground.alias(NATIONAL_ALIAS, national)
            if known is not None:
                learnt = own_alias(self._instance, unit, code, known.subject)
                await self._inbox.ground.remember([learnt])
        return known.subject if known else code

    async def _keep_files(self, item: Mapping[str, Any]) -> list[str]:
        """Keep the files inside, in their order; their references."""
        files = list(inline_files(item))
        if len(files) > self._receives.files_limit_count:
            limit = self._receives.files_limit_count
            raise Refused(f"/TaiLieuNop: tối đa {limit} tệp", code="too_large")
        contents = [self._content(path, text) for path, text in files]
        media = "application/octet-stream"
        return [await self._inbox.ground.keep(content, media) for content in contents]

    def _content(self, path: str, text: str) -> bytes:
        limit = self._receives.file_limit_bytes
        try:
            content = content_of(text)
        except DecodeError as error:
            raise Refused(f"{path}: không phải base64") from error
        if len(content) > limit:
            raise Refused(f"{path}: tệp quá lớn, tối đa {limit} byte", code="too_large")
        return content

    async def _record(self, unit: str, operation: str, code: str, text: str) -> None:
        await self._inbox.refuse(
            Refusal(connector=self._instance, unit=unit, operation=operation, code=code, text=text)
        )


def _items(body: bytes) -> tuple[list[dict[str, Any]], list[bytes]]:
    """The items of a bare array, parsed and exactly as sent."""
    try:
        tree = strict_tree(body)
    except DecodeError as error:
        raise Refused(f"Dữ liệu không đọc được: {error}", code="malformed") from error
    listed = tree if isinstance(tree, list) else []
    trees = [each for each in listed if isinstance(each, dict)]
    if not trees or len(trees) != len(listed):
        raise Refused("Phải là mảng có ít nhất một đối tượng", code="malformed")
    return trees, [bytes(part) for part in msgspec.json.decode(body, type=list[msgspec.Raw])]


def _digest(text: str) -> bytes:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()
