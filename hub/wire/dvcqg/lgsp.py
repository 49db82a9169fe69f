"""The `Document` and `Trace` of ministry platforms (LGSP): the same dossier under other names.

Both are turned into the wire objects of the national portal and back, so that there is one way
from them to events. What only a Document says (who approved, the address) travels along under its
own name; what only the portal's form says cannot be sent.

Dates are read in two forms, 14 digits and `yyyy-MM-ddTHH:mm:ss`; an offset is not trusted: the
clock's time is Vietnamese. Source of the format: the models of one ministry platform's client.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

DOCUMENT_SERVICE = "SyncDocument"
TRACES_SERVICE = "UpdateDocumentTraces"

DOCUMENT_NAMES = {
    "DocTypeCode": "MaTTHC",
    "DocTypeName": "TenTTHC",
    "DocCode": "MaHoSo",
    "CitizenName": "ChuHoSo",
    "CitizenInfo": "ThongTinKhac",
    "ApplicantsId": "MaDoiTuong",
    "ApplicantsType": "LoaiDoiTuong",
    "Email": "Email",
    "Phone": "SoDienThoai",
    "Compendium": "TrichYeuHoSo",
    "DateReceived": "NgayTiepNhan",
    "DateAppointed": "NgayHenTra",
    "FinishedDate": "NgayKetThucXuLy",
    "ReturnedDate": "NgayTra",
    "ReturnNote": "ThongTinTra",
    "ReturnedType": "HinhThuc",
    "Status": "TrangThaiHoSo",
    "ProcessingOrganName": "DonViXuLy",
    "Note": "GhiChu",
    "Attachments": "TaiLieuNop",
    "DocFees": "DanhSachLePhi",
    "DocPapers": "DanhSachTepDinhKemKhac",
    "Supplementaries": "DanhSachHoSoBoSung",
}
OWN_NAMES = frozenset(
    (
        *("Address", "IsSuccess", "SuccessDate", "ApproverName", "ApproverPosition"),
        *("SuccessNote", "IsReturned", "HasSupplementary", "RequireSupplementaryDate"),
        *("OrganInchargeIdLevel1", "OrganInchargeName"),
    )
)
"""Fields of a Document that no dossier of the portal has."""

ATTACHMENT_NAMES = {
    "AttachmentId": "TepDinhKemId",
    "AttachmentName": "TenTepDinhKem",
    "IsDeleted": "IsDeleted",
    "Base64": "Base64",
}
FEE_NAMES = {"feeName": "TenPhiLePhi", "feeType": "LoaiPhiLePhi", "price": "Gia"}
PAPER_NAMES = {"paperName": "TenGiayTo", "amount": "SoLuong", "paperType": "LoaiGiayTo"}
SUPPLEMENT_NAMES = {"oldDateAppointed": "NgayHenTraTruoc", "newDateAppointed": "NgayHenTraMoi"}
TRACE_NAMES = {
    "docCode": "MaHoSo",
    "userName": "NguoiXuLy",
    "userPosition": "ChucDanh",
    "dateCreated": "ThoiDiemXuLy",
    "comment": "NoiDungXuLy",
    "status": "TrangThai",
}
LISTS: Mapping[str, Mapping[str, str]] = {
    "TaiLieuNop": ATTACHMENT_NAMES,
    "DanhSachLePhi": FEE_NAMES,
    "DanhSachTepDinhKemKhac": PAPER_NAMES,
    "DanhSachHoSoBoSung": SUPPLEMENT_NAMES,
}
DATES = frozenset(
    (
        *("NgayTiepNhan", "NgayHenTra", "NgayKetThucXuLy", "NgayTra"),
        *("NgayHenTraTruoc", "NgayHenTraMoi", "ThoiDiemXuLy"),
    )
)
_ISO = re.compile(
    r"(\d{4})-(\d\d)-(\d\d)[T ](\d\d):(\d\d):(\d\d)(?:\.\d{1,9})?(?:Z|[+-]\d\d:?\d\d)?", re.ASCII
)
_STAMP = re.compile(r"(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)", re.ASCII)


def read_document(document: Mapping[str, Any]) -> dict[str, Any]:
    """The item of `DongBoHoSoMC` that a Document tells; unknown fields keep their names."""
    return _renamed(document, DOCUMENT_NAMES)


def read_trace(trace: Mapping[str, Any]) -> dict[str, Any]:
    """The row of `CapNhatTienDoHoSoMC` that a Trace tells."""
    return _renamed(trace, TRACE_NAMES)


def write_document(item: Mapping[str, Any], *, iso_dates: bool) -> dict[str, Any]:
    """The Document of an item of `DongBoHoSoMC`.

    Args:
        item: its wire fields.
        iso_dates: write `yyyy-MM-ddTHH:mm:ss`, else 14 digits.
    """
    return _written(item, DOCUMENT_NAMES, iso_dates) | {
        name: value for name, value in item.items() if name in OWN_NAMES
    }


def write_trace(item: Mapping[str, Any], *, iso_dates: bool) -> dict[str, Any]:
    """The Trace of a row of `CapNhatTienDoHoSoMC`; see `write_document`."""
    told = _written(item, TRACE_NAMES, iso_dates)
    return {"documentId": item["documentId"], **told} if "documentId" in item else told


def _renamed(tree: Mapping[str, Any], names: Mapping[str, str]) -> dict[str, Any]:
    out: dict[str, Any] = {}
    for theirs, value in tree.items():
        ours = names.get(theirs, theirs)
        inner = LISTS.get(ours)
        if inner is not None and isinstance(value, list):
            value = [_renamed(v, inner) if isinstance(v, dict) else v for v in value]
        out[ours] = _stamp(value) if ours in DATES else value
    return out


def _written(item: Mapping[str, Any], names: Mapping[str, str], iso: bool) -> dict[str, Any]:
    out: dict[str, Any] = {}
    for theirs, ours in names.items():
        if ours not in item:
            continue
        value = item[ours]
        inner = LISTS.get(ours)
        if inner is not None and isinstance(value, list):
            own = set(inner.values())
            value = [_part(v, inner, own, iso) for v in value]
        out[theirs] = _iso(value) if iso and ours in DATES else value
    return out


def _part(part: Any, names: Mapping[str, str], own: set[str], iso: bool) -> Any:
    """A part with what it says beyond its known names, as long as that is not the portal's."""
    if not isinstance(part, dict):
        return part
    told = _written(part, names, iso)
    rest = {n: v for n, v in part.items() if n not in own and not n[:1].isupper()}
    verified = {n: v for n, v in part.items() if n == "IsVerified"}
    return told | rest | verified


def _stamp(value: Any) -> Any:
    """14 digits of an ISO text; anything else as it is."""
    found = _ISO.fullmatch(value) if isinstance(value, str) else None
    return "".join(found.groups()) if found else value


def _iso(value: Any) -> Any:
    found = _STAMP.fullmatch(value) if isinstance(value, str) else None
    if not found:
        return value
    year, month, day, hour, minute, second = found.groups()
    return f"{year}-{month}-{day}T{hour}:{minute}:{second}"
