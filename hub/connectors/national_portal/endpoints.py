"""The unit's own address, which the portal calls with dossiers that citizens filed there.

`POST {path}` with the unit's token, and

    {"madonvi": "<organ id>", "service": "...", "isUpdating": "True", "data": {...} | [...]}

or a bare dossier. Every answer is HTTP 200 with `{"error_code", "message"}`: 0 taken, 1 already
received, -1 not taken. A call is taken whole or not at all, and 0 is said only after Kafka has it.

Source of the format: the unit's side of one product (domain: notices of promotions); what is the
same for every dossier is derived from it.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec
import orjson
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from hub.body import BodyIncomplete, BodyTooLarge, read_body
from hub.connector import Inbox, Refusal
from hub.connectors.national_portal.catalogue import Catalogues
from hub.connectors.national_portal.decode import CODE_ALIAS, code_of
from hub.connectors.national_portal.settings import NationalPortalSettings, Receiving
from hub.errors import DecodeError, MessageError, Unavailable
from hub.event import Alias
from hub.message import Message
from hub.wire.dvcqg.canonical import subject_of
from hub.wire.dvcqg.catalogues import looked_up
from hub.wire.dvcqg.codes import FLAG_OF_TEXT
from hub.wire.dvcqg.filed import content_of, inline_files
from hub.wire.dvcqg.models import DOSSIER_SERVICE, STATE_SERVICE
from hub.wire.dvcqg.reading import body_hash
from hub.wire.dvcqg.rules import DOSSIER_CODE
from hub.wire.json_text import strict_tree

SERVICE = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,63}", re.ASCII)
TAKEN, ALREADY, FAILED = 0, 1, -1
LAST_PUSHED = "pushed"
"""Fact of a dossier's alias: hash of what was pushed last, to know a repetition by."""


FIELD_RULES = "field_rules"


class Refused(MessageError):
    """A call that is not taken; `code` is ours, the text names paths and no values."""

    def __init__(self, text: str, *, code: str = FIELD_RULES) -> None:
        super().__init__(text, code=code)


@dataclass(frozen=True, slots=True)
class Pushed:
    """One dossier or state of a call.

    Attributes:
        unit: organisation id that it is for.
        service: the portal's name of what it tells.
        updating: `True`, `False` or ``.
        tree, body: parsed, and exactly as sent.
    """

    unit: str
    service: str
    updating: str
    tree: Mapping[str, Any]
    body: bytes

    @property
    def form(self) -> str:
        """Form of its Message."""
        return "state" if self.service == STATE_SERVICE else "session"

    @property
    def code(self) -> str:
        """The portal's code; raises `DecodeError` if there is none."""
        return subject_of(code_of(self.tree))


def endpoints(instance: str, settings: NationalPortalSettings, inbox: Inbox) -> Sequence[BaseRoute]:
    """The one route, if the deployment receives at all."""
    if settings.receives is None:
        return ()
    door = Door(instance, settings, settings.receives, inbox)
    return (Route(settings.receives.path, door.push, methods=["POST"]),)


class Door:
    """Takes what the portal pushes, for one connector instance."""

    def __init__(
        self, instance: str, settings: NationalPortalSettings, receives: Receiving, inbox: Inbox
    ) -> None:
        self._instance = instance
        self._units = settings.accounts
        self._receives = receives
        self._inbox = inbox
        self._catalogues = Catalogues(
            instance, inbox.ground, trusted_seconds=settings.catalogue_trusted_seconds
        )

    async def push(self, request: Request) -> Response:
        """Take one call; answers in the portal's form."""
        seen: list[Pushed] = []
        try:
            self._check_token(request.headers.get(self._receives.header, ""))
            body = await self._body(request)
            seen = self._read(body)
            code, told = await self._take(seen)
        except Refused as refused:
            await self._record(seen[0] if seen else None, refused.code, str(refused))
            code, told = FAILED, str(refused)
        except Unavailable:
            code, told = FAILED, "Hệ thống chưa tiếp nhận được, đề nghị gửi lại sau"
            await self._record(seen[0] if seen else None, "try_again", told)
        reply = {"error_code": code, "message": told}
        return Response(orjson.dumps(reply), media_type="application/json")

    def _check_token(self, given: str) -> None:
        expected = self._receives.token.get_secret_value()
        if not hmac.compare_digest(_digest(given), _digest(expected)):
            raise Refused("Tài khoản hoặc mã truy cập không đúng", code="wrong_credentials")

    async def _body(self, request: Request) -> bytes:
        limit = self._receives.body_limit_bytes
        try:
            return await read_body(request, limit)
        except BodyTooLarge as error:
            raise Refused(f"Dữ liệu quá lớn, tối đa {limit} byte", code="too_large") from error
        except BodyIncomplete as error:
            raise Refused("Dữ liệu chưa nhận đủ", code="malformed") from error

    def _read(self, body: bytes) -> list[Pushed]:
        """The dossiers or states of a call."""
        try:
            tree = strict_tree(body)
        except DecodeError as error:
            raise Refused(f"Dữ liệu không đọc được: {error}", code="malformed") from error
        if not isinstance(tree, dict):
            raise Refused("Phải là một đối tượng JSON", code="malformed")
        enveloped = "data" in tree
        unit = self._unit(tree.get("madonvi"))
        service = _service(tree.get("service")) if enveloped else DOSSIER_SERVICE
        flag = tree.get("isUpdating") if enveloped else None
        updating = FLAG_OF_TEXT.get(flag) if isinstance(flag, str | int) else None
        trees, slices = _items(tree["data"], body) if enveloped else ([tree], [body])
        if not 1 <= len(trees) <= self._receives.items_limit_count:
            limit = self._receives.items_limit_count
            raise Refused(f"/data: phải có từ 1 đến {limit} hồ sơ", code="too_large")
        return [
            Pushed(
                unit=unit,
                service=service,
                updating="" if updating is None else str(updating),
                tree=each,
                body=part,
            )
            for each, part in zip(trees, slices, strict=True)
        ]

    def _unit(self, named: object) -> str:
        """The unit that a call is for: the one it names, or the only one there is."""
        if named in (None, "") and len(self._units) == 1:
            return next(iter(self._units))
        if not isinstance(named, str) or named not in self._units:
            raise Refused("/madonvi: không phải đơn vị của hệ thống", code="wrong_unit")
        return named

    async def _take(self, pushed: list[Pushed]) -> tuple[int, str]:
        messages: list[Message] = []
        aliases: list[Alias] = []
        for each in pushed:
            found = await self._message(each)
            if found is not None:
                messages.append(found[0])
                aliases += found[1]
        if not messages:
            return ALREADY, "Hồ sơ đã được tiếp nhận trước đó"
        await self._inbox.accept(messages)
        await self._remember(aliases)
        return TAKEN, f"Tiếp nhận thành công {len(messages)} hồ sơ"

    async def _remember(self, aliases: list[Alias]) -> None:
        """Know a repetition by it; without it a repetition is only one message more."""
        try:
            await self._inbox.ground.remember(aliases)
        except Unavailable:
            return

    async def _message(self, pushed: Pushed) -> tuple[Message, list[Alias]] | None:
        """Message and what to remember of it; none: it repeats what was pushed last."""
        try:
            code, digest = pushed.code, body_hash(pushed.tree)
        except DecodeError as error:
            raise Refused(f"{error.path or '/'}: không có mã hồ sơ hợp lệ") from error
        known = await self._inbox.ground.alias(CODE_ALIAS, code)
        headers = {"unit": pushed.unit, "form": pushed.form}
        if pushed.form == "session":
            if known is not None and known.facts.get(LAST_PUSHED) == digest:
                return None
            await self._check_procedure(pushed)
        references = await self._keep_files(pushed.tree)
        headers |= {"is_updating": pushed.updating} if pushed.updating else {}
        headers |= {"files": "\n".join(references)} if references else {}
        doubts = await self._doubts(pushed)
        headers |= {"doubts": " ".join(doubts)} if doubts else {}
        headers |= {"subject": known.subject} if known and known.subject != code else {}
        message = Message(
            connector=self._instance,
            operation=pushed.service,
            body=pushed.body,
            key=known.subject if known else code,
            headers=headers,
        )
        remembered = [Alias(CODE_ALIAS, code, message.key, {LAST_PUSHED: digest})]
        return message, remembered if pushed.form == "session" else []

    async def _check_procedure(self, pushed: Pushed) -> None:
        policy = self._receives.unknown_procedure
        code = pushed.tree.get("MaTTHC")
        if policy == "accept" or not isinstance(code, str) or not code:
            return
        if await self._catalogues.knows_procedure(code) is not False:
            return
        text = "/MaTTHC: thủ tục không có trong danh mục"
        if policy == "refuse":
            raise Refused(text, code="procedure_unknown")
        await self._record(pushed, "procedure_unknown", f"{text} (hồ sơ vẫn được tiếp nhận)")

    async def _doubts(self, pushed: Pushed) -> list[str]:
        """What the catalogues do not know of a dossier; it is told, and keeps nobody waiting."""
        if pushed.form != "session":
            return []
        try:
            return await self._catalogues.doubts(looked_up(pushed.tree))
        except Unavailable:
            return []

    async def _keep_files(self, tree: Mapping[str, Any]) -> list[str]:
        """Keep the files inside, in their order; their references."""
        files = list(inline_files(tree))
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

    async def _record(self, pushed: Pushed | None, code: str, text: str) -> None:
        service, subject = (pushed.service, code_of(pushed.tree)) if pushed else ("", "")
        known = service in (DOSSIER_SERVICE, STATE_SERVICE)
        await self._inbox.refuse(
            Refusal(
                connector=self._instance,
                unit=pushed.unit if pushed else "",
                operation=service if known else "",
                code=code,
                text=text,
                subject=subject if DOSSIER_CODE.fullmatch(subject) else "",
            )
        )


def _service(named: object) -> str:
    """The service that a call names; without a name it tells a dossier."""
    if named in (None, ""):
        return DOSSIER_SERVICE
    if not isinstance(named, str) or not SERVICE.fullmatch(named):
        raise Refused("/service: không phải tên dịch vụ", code="malformed")
    return named


def _items(data: object, body: bytes) -> tuple[list[dict[str, Any]], list[bytes]]:
    """The items of `data`, one or an array, parsed and exactly as sent."""
    raw = bytes(msgspec.json.decode(body, type=dict[str, msgspec.Raw])["data"])
    listed = data if isinstance(data, list) else [data]
    trees = [each for each in listed if isinstance(each, dict)]
    if len(trees) != len(listed):
        raise Refused("/data: phải là đối tượng hoặc mảng đối tượng", code="malformed")
    if not isinstance(data, list):
        return trees, [raw]
    return trees, [bytes(part) for part in msgspec.json.decode(raw, type=list[msgspec.Raw])]


def _digest(text: str) -> bytes:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()
