"""Result packages of the document office -> `document.processed`; pure.

Form `package`: the body of `LayGoiTinVanBan` (domain notes 6.4.2), with the package's code written
into it as `MaVanBan` and its files already in the blob store. Form `submission` is only sent.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any

import orjson
from pydantic import ValidationError

from hub.connectors.document_office import wire
from hub.connectors.document_office.decode_parts import (
    WirePackage,
    WirePaper,
    known_file,
)
from hub.connectors.document_office.settings import DocumentOfficeSettings
from hub.errors import DecodeError
from hub.event import Event, decode_error
from hub.message import Message
from hub.schemas.document import (
    Document,
    DocumentFile,
    OfficeEvent,
    OfficeResult,
    Organisation,
    Person,
    Signer,
)
from hub.wire.clock_texts import read_day, write_day
from hub.wire.dvcqg.canonical import subject_of
from hub.wire.dvcqg.reading import body_hash
from hub.wire.json_text import strict_tree

FORMS = ("package", "submission")
INSTANCE = "document_office"
ALIAS = "office.dossier"
"""Kind of the alias from unit and `IDHoSo` to the dossier code."""

RESULT_OF_CODE = {
    "01": OfficeResult.ISSUED,
    "02": OfficeResult.SIGNED,
    "03": OfficeResult.DISAPPROVED,
    "04": OfficeResult.APPROVED,
}


def dossier_alias(unit: str, dossier_id: str) -> tuple[str, str]:
    """Kind and value of the alias of a product's own dossier id: two units may use one id."""
    return ALIAS, f"{unit}/{dossier_id}"


def message(body: bytes, form: str) -> Message:
    """The Message of wire bytes; the same bytes give the same Message."""
    return Message.of_file(
        body,
        connector=INSTANCE,
        operation=wire.FETCH if form == "package" else wire.SUBMIT,
        headers={"form": form},
    )


def order_key(message: Message) -> str:
    """The dossier code; else the product's id of the dossier; else the instance. Never raises.

    What cannot be a code is no key: Kafka would not take a key of a million signs, for ever.
    """
    try:
        tree = orjson.loads(message.body)
    except orjson.JSONDecodeError:
        return message.connector
    if not isinstance(tree, dict):
        return message.connector
    for name in ("MaHoSo", "IDHoSo"):
        value = tree.get(name)
        with suppress(DecodeError):
            return subject_of(str(value) if isinstance(value, str | int) else "")
    return message.connector


def decode(message: Message, settings: DocumentOfficeSettings) -> Sequence[Event | DecodeError]:
    """The one event of a result package, without id.

    Raises:
        DecodeError: unreadable, or a field of the wrong type; the outcome or the dossier is
            missing; a file's content was not put away.
    """
    if message.headers.get("form", "package") != "package":
        raise DecodeError("this form is only sent", code="unknown_operation")
    tree = strict_tree(message.body)
    if not isinstance(tree, dict):
        raise DecodeError("must be a JSON object")
    try:
        package = WirePackage.model_validate(tree)
    except ValidationError as error:
        raise decode_error(error) from error
    if sum(1 for _ in wire.files_in(tree)) > settings.files_count:
        raise DecodeError(f"more than {settings.files_count} files", path="/VanBanDi/DinhKem")
    return [_event(message, tree, package, settings)]


def _event(
    message: Message,
    tree: Mapping[str, Any],
    package: WirePackage,
    settings: DocumentOfficeSettings,
) -> Event:
    kept: dict[str, str] = {}
    code = _result_code(package.LoaiKetQua)
    unit = (package.DonVi.MaDinhDanh if package.DonVi else "") or settings.parent_unit
    about = None
    if not package.MaHoSo and package.IDHoSo:
        about = dossier_alias(unit, package.IDHoSo)
    subject = "" if about else subject_of(package.MaHoSo)
    paper = package.VanBanDi
    data = OfficeEvent(
        unit=unit,
        unit_name=(package.DonVi.Ten if package.DonVi else "") or "",
        dossier_code=subject,
        dossier_id=package.IDHoSo or "",
        dossier_name=(paper.TenHoSo if paper else "") or package.TenHoSo or "",
        procedure_name=(paper.ThuTuc if paper else "") or package.ThuTuc or "",
        document=_document(paper, unit, package, kept) if paper else None,
        components=_files(paper.ThanhPhanHoSo, "/VanBanDi/ThanhPhanHoSo", kept) if paper else (),
        presenter=Person(name=paper.NguoiSoan) if paper and paper.NguoiSoan else None,
        echo=_echo(package.ThamSoAn),
        callback_url=package.HccLinkAPI or "",
        linked_kind=package.LoaiHSLienthong or "",
        package_code=package.MaVanBan or "",
        result=RESULT_OF_CODE.get(code, OfficeResult.UNKNOWN),
        result_code=code,
        signed_on=read_day(paper.NgayKy) if paper else None,
        originals=kept,
        unknown=package.__pydantic_extra__ or {},
    )
    return Event(
        kind="document.processed",
        source=f"/connectors/{message.connector}/{unit}",
        subject=subject,
        time=message.received_at,
        data=data,
        natural_key=f"{wire.FETCH}:{package.MaVanBan or body_hash(tree)}",
        message_id=message.id,
        traceparent=message.traceparent,
        about=about,
        once=True,
    )


def _result_code(told: str | None) -> str:
    """The outcome in two digits; anything else as on the wire."""
    if not told:
        raise DecodeError("the outcome is missing", path="/LoaiKetQua")
    return told.zfill(2) if re.fullmatch(r"[0-9]", told) else told


def _echo(told: Any) -> str:
    """The text that is given back unread; an office that unpacked it gets it packed again."""
    if told is None or isinstance(told, str):
        return told or ""
    return orjson.dumps(told).decode()


def _document(paper: WirePaper, unit: str, package: WirePackage, kept: dict[str, str]) -> Document:
    originals = {
        name: text
        for name in ("NgayBanHanh", "NgayKy")
        if (text := getattr(paper, name)) and _is_odd_day(text)
    }
    number, _, notation = (paper.SoKyHieu or "").partition("/")
    if paper.SoKyHieu and "/".join(part for part in (number, notation) if part) != paper.SoKyHieu:
        originals["SoKyHieu"] = paper.SoKyHieu
    signer = Signer(name=paper.NguoiKy or "", position=paper.ChucVu or "")
    return Document(
        sender=Organisation(id=unit, name=(package.DonVi.Ten if package.DonVi else "") or ""),
        number=number,
        notation=notation,
        promulgated_on=read_day(paper.NgayBanHanh),
        type_name=paper.LoaiVanBan or "",
        subject=paper.TrichYeu or "",
        signer=signer if signer != Signer() else None,
        files=_files(paper.DinhKem, "/VanBanDi/DinhKem", kept),
        originals=originals,
        unknown=paper.__pydantic_extra__ or {},
    )


def _is_odd_day(text: str) -> bool:
    day = read_day(text)
    return day is None or write_day(day) != text


def _files(items: Any, path: str, kept: dict[str, str]) -> tuple[DocumentFile, ...]:
    return tuple(
        known_file(item, number, f"{path}/{number}", kept)
        for number, item in enumerate(items or ())
    )
