"""What a product gives to its document office (văn thư, QLVB) -> events; pure.

`GuiHoSo` hands a draft to be signed. `PhatHanhVanBan`, the hub's own form because none is
published, issues a signed document to other organisations: `MaHoSo`, `LoaiNghiepVu` (0 new,
1 revoke, 2 update, 3 replace), `LyDo`, `MaDinhDanhVanBan` (of the document that is changed),
`DonViGui`, `NoiNhan[{MaDinhDanh, Ten}]`, and `VanBan` with the fields of a result package.
"""

from __future__ import annotations

from typing import Any, TypeVar

from pydantic import ValidationError

from hub.connectors.one_stop.leftovers import leftovers
from hub.connectors.one_stop.papers import WireFile, day_of, read_files
from hub.connectors.one_stop.settings import OneStopSettings
from hub.connectors.one_stop.wire import ISSUE, SUBMIT
from hub.errors import DecodeError
from hub.event import Event, EventData, decode_error
from hub.message import Message
from hub.schemas.document import (
    Business,
    Document,
    DocumentEvent,
    OfficeEvent,
    Organisation,
    Person,
    Signer,
)
from hub.wire.dvcqg.canonical import subject_of
from hub.wire.dvcqg.dates import read_stamp
from hub.wire.dvcqg.models import Text, WirePart
from hub.wire.dvcqg.reading import body_hash

BUSINESS_OF_CODE = {
    "0": Business.NEW,
    "1": Business.REVOKE,
    "2": Business.UPDATE,
    "3": Business.REPLACE,
}


class WirePerson(WirePart):
    """`ChuHoSo`, `NguoiNop`, `NguoiKy`, `NguoiTrinhKy`."""

    Ten: Text = None
    CMND: Text = None
    SoDienThoai: Text = None
    DiaChi: Text = None
    TaiKhoan: Text = None
    Id: Text = None


class WireOrgan(WirePart):
    """`DonVi`, `DonViGui` and an item of `NoiNhan`."""

    Ten: Text = None
    MaDinhDanh: Text = None


class WirePaper(WirePart):
    """`VanBanDuThao` and `VanBan`."""

    TrichYeu: Text = None
    LoaiVanBan: Text = None
    NgayTao: Text = None
    NgayBanHanh: Text = None
    SoKyHieu: Text = None
    So: Text = None
    KyHieu: Text = None
    NguoiKy: Text = None
    ChucVu: Text = None
    MaDinhDanhVanBan: Text = None
    DinhKem: tuple[WireFile, ...] | None = None


class WireSubmit(WirePart):
    """`GuiHoSo`."""

    IDHoSo: Text = None
    MaHoSo: Text = None
    TenHoSo: Text = None
    ThuTuc: Text = None
    ChuHoSo: WirePerson | None = None
    NguoiNop: WirePerson | None = None
    NguoiKy: WirePerson | None = None
    NguoiTrinhKy: WirePerson | None = None
    DonVi: WireOrgan | None = None
    VanBanDuThao: WirePaper | None = None
    ThanhPhanHoSo: tuple[WireFile, ...] | None = None
    ThamSoAn: Text = None
    HccLinkAPI: Text = None
    LoaiHSLienthong: Text = None
    SoKyHieuVanBan: Text = None
    NguoiKyVanBan: Text = None
    HanXuLyVanBan: Text = None


class WireIssue(WirePart):
    """`PhatHanhVanBan`."""

    MaHoSo: Text = None
    LoaiNghiepVu: Text = None
    LyDo: Text = None
    MaDinhDanhVanBan: Text = None
    DonViGui: WireOrgan | None = None
    NoiNhan: tuple[WireOrgan, ...] | None = None
    VanBan: WirePaper | None = None


W = TypeVar("W", bound=WirePart)

AFTER = "after"
"""Header that names the office's last package about the dossier that the product has taken: the
same draft handed over after it, because it was not approved, is no repetition."""


def office_operation(tree: Any) -> str:
    """Which call it is, where only the body is at hand."""
    if not isinstance(tree, dict):
        return ""
    return ISSUE if "NoiNhan" in tree or "LoaiNghiepVu" in tree else SUBMIT


def office(message: Message, tree: Any, settings: OneStopSettings) -> list[Event | DecodeError]:
    """The event of a draft that is handed over, or of a document that is issued."""
    operation = message.operation or office_operation(tree)
    if operation == SUBMIT:
        kind, code, data = _submitted(message, _read(WireSubmit, tree))
    elif operation == ISSUE:
        kind, code, data = _issued(message, _read(WireIssue, tree))
    else:
        raise DecodeError("not an operation of the office", code="unknown_operation")
    after = message.headers.get(AFTER, "")
    return [
        Event(
            kind=kind,
            source=f"/connectors/{message.connector}/{_unit(message, code)}",
            subject=code,
            time=message.received_at,
            data=data,
            natural_key=f"{operation}:{body_hash(tree)}{f':{after}' if after else ''}",
            message_id=message.id,
            traceparent=message.traceparent,
            once=True,
        )
    ]


def _read(model: type[W], tree: Any) -> W:
    if not isinstance(tree, dict):
        raise DecodeError("must be a JSON object")
    try:
        return model.model_validate(tree)
    except ValidationError as error:
        raise decode_error(error) from error


def _unit(message: Message, code: str) -> str:
    return message.headers.get("unit") or code.partition("-")[0]


def _submitted(message: Message, wire: WireSubmit) -> tuple[str, str, EventData]:
    code = subject_of(wire.MaHoSo)
    if not wire.IDHoSo:
        raise DecodeError("the office needs the product's id of the dossier", path="/IDHoSo")
    unit = wire.DonVi or WireOrgan()
    kept: dict[str, str] = {}
    draft = wire.VanBanDuThao
    sender = Organisation(id=unit.MaDinhDanh or _unit(message, code), name=unit.Ten or "")
    if wire.HanXuLyVanBan and read_stamp(wire.HanXuLyVanBan) is None:
        kept["HanXuLyVanBan"] = wire.HanXuLyVanBan
    for name in ("SoKyHieuVanBan", "NguoiKyVanBan"):
        if text := wire.__dict__[name]:
            kept[name] = text
    return (
        "document.submitted",
        code,
        OfficeEvent(
            unit=_unit(message, code),
            unit_name=unit.Ten or "",
            dossier_code=code,
            dossier_id=wire.IDHoSo,
            dossier_name=wire.TenHoSo or "",
            procedure_name=wire.ThuTuc or "",
            document=None if draft is None else _document(draft, sender),
            components=read_files(wire.ThanhPhanHoSo),
            applicant=_person(wire.ChuHoSo),
            submitter=_person(wire.NguoiNop),
            signer=_person(wire.NguoiKy),
            presenter=_person(wire.NguoiTrinhKy),
            echo=wire.ThamSoAn or "",
            callback_url=wire.HccLinkAPI or "",
            linked_kind=wire.LoaiHSLienthong or "",
            due_at=read_stamp(wire.HanXuLyVanBan),
            originals=kept,
            unknown=leftovers(wire),
        ),
    )


def _issued(message: Message, wire: WireIssue) -> tuple[str, str, EventData]:
    code = subject_of(wire.MaHoSo)
    unit = _unit(message, code)
    if wire.VanBan is None:
        raise DecodeError("the document is missing", path="/VanBan")
    if not wire.NoiNhan:
        raise DecodeError("nobody is to receive it", path="/NoiNhan")
    own = wire.DonViGui or WireOrgan()
    sender = Organisation(id=own.MaDinhDanh or unit, name=own.Ten or "")
    receivers = tuple(_receiver(each, number) for number, each in enumerate(wire.NoiNhan))
    document = _document(wire.VanBan, sender).model_copy(
        update={"receivers": receivers, "unknown": leftovers(wire)}
    )
    business = wire.LoaiNghiepVu or "0"
    return (
        "document.issued",
        code,
        DocumentEvent(
            unit=unit,
            document=document,
            dossier_code=code,
            business=BUSINESS_OF_CODE.get(business, Business.UNKNOWN),
            business_code=business,
            reason=wire.LyDo or "",
            target_id=wire.MaDinhDanhVanBan or "",
        ),
    )


def _receiver(wire: WireOrgan, number: int) -> Organisation:
    if not wire.MaDinhDanh:
        raise DecodeError("the receiver has no id", path=f"/NoiNhan/{number}/MaDinhDanh")
    return Organisation(id=wire.MaDinhDanh, name=wire.Ten or "")


def _document(wire: WirePaper, sender: Organisation) -> Document:
    kept: dict[str, str] = {}
    issued = day_of(wire.NgayBanHanh, "NgayBanHanh", kept)
    for name in ("NgayTao", "SoKyHieu"):
        if text := wire.__dict__[name]:
            kept[name] = text
    number, _, notation = (wire.SoKyHieu or "").partition("/")
    signer = Signer(name=wire.NguoiKy or "", position=wire.ChucVu or "")
    return Document(
        document_id=wire.MaDinhDanhVanBan or "",
        sender=sender,
        number=wire.So or number,
        notation=wire.KyHieu or notation,
        promulgated_on=issued,
        type_name=wire.LoaiVanBan or "",
        subject=wire.TrichYeu or "",
        signer=signer if signer != Signer() else None,
        files=read_files(wire.DinhKem),
        originals=kept,
    )


def _person(wire: WirePerson | None) -> Person | None:
    if wire is None:
        return None
    return Person(
        name=wire.Ten or "",
        id_number=wire.CMND or "",
        phone=wire.SoDienThoai or "",
        address=wire.DiaChi or "",
        account=wire.TaiKhoan or "",
        id=wire.Id or "",
    )
