"""What the portal refuses: the field rules, all faults of an item at once, without values.

A status outside 1..10 is no fault: adapters send transient codes (0) and newer ones (11), and the
flow goes on with an unknown status. Which fields are mandatory depends on the year of the
interface: products of 2020 do not know the fields that came in 2023.

The texts are Vietnamese because one-stop products show them to officers as they are.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cache
from operator import itemgetter
from typing import Any, NamedTuple

from hub.schemas.dossier import Dossier
from hub.wire.dvcqg import codes
from hub.wire.dvcqg.dates import read_stamp
from hub.wire.dvcqg.models import (
    WireDossier,
    WireFee,
    WirePart,
    WireProgress,
    WireSupplement,
)

ORGAN_PATTERN = (
    r"(?:[0-9]{3}\.[0-9]{2}\.[0-9]{2}\.[A-Z][0-9]{2}|[A-Z][0-9]{2}(?:\.[0-9]{2,3}){0,5})"
)
"""Organisation id, the form of 2016 or the one of 2020."""

DOSSIER_CODE = re.compile(rf"(?P<unit>{ORGAN_PATTERN})-(?P<day>[0-9]{{6}})-(?P<seq>[0-9]{{4,8}})")
PROCEDURE_CODE = re.compile(r"[0-9]\.[0-9]{6}(?:\.[0-9]{3}\.[0-9]{2}\.[0-9]{2}\.[A-Z][0-9]{2})?")
STATUS_LENGTH = 20
SUMMARY_LENGTH = 1000


class Fault(NamedTuple):
    """One broken rule: where (JSON pointer with wire names), a fixed code, a text for a person."""

    path: str
    code: str
    text: str


MANDATORY_2020 = (
    "MaHoSo",
    "MaTTHC",
    "TenTTHC",
    "MaLinhVuc",
    "TenLinhVuc",
    "LoaiDoiTuong",
    "TrichYeuHoSo",
    "NgayTiepNhan",
    "TrangThaiHoSo",
    "HinhThuc",
    "DonViXuLy",
)
MANDATORY_2023 = (
    *MANDATORY_2020,
    "KenhThucHien",
    "DinhDanhCHS",
    "NgayNopHoSo",
    "NoiNopHoSo",
    "HoSoCoThanhPhanSoHoa",
    "TaiKhoanDuocXacThucVoiVNeID",
    "DuocThanhToanTrucTuyen",
)
MANDATORY_STEP = ("MaHoSo", "NguoiXuLy", "ThoiDiemXuLy", "NoiDungXuLy", "TrangThai")

DOSSIER_DATES = (
    "NgayNopHoSo",
    "NgayTiepNhan",
    "NgayHenTra",
    "NgayTuChoi",
    "NgayKetThucXuLy",
    "NgayTra",
)
STEP_DATES = ("ThoiDiemXuLy", "NgayBatDau", "NgayKetThucTheoQuyDinh")
SUPPLEMENT_DATES = ("NgayBoSung", "NgayTiepNhanBoSung", "NgayHenTraTruoc", "NgayHenTraMoi")

DOSSIER_LISTS: Mapping[str, Mapping[str, Any]] = {
    "KenhThucHien": codes.CHANNEL_OF_CODE,
    "LoaiDoiTuong": codes.APPLICANT_OF_CODE,
    "HinhThuc": codes.RETURN_OF_CODE,
    "NoiNopHoSo": dict.fromkeys("12"),
    "DuocThanhToanTrucTuyen": dict.fromkeys("0123"),
}
DOSSIER_FLAGS = ("HoSoCoThanhPhanSoHoa", "TaiKhoanDuocXacThucVoiVNeID")
ATTACHMENT_FLAGS = ("IsDeleted", "DuocSoHoa", "DuocLayTuKhoDMQG")
_FILED_AT = DOSSIER_LISTS["NoiNopHoSo"]
_PAID_ONLINE = DOSSIER_LISTS["DuocThanhToanTrucTuyen"]
_is_dossier_code = DOSSIER_CODE.fullmatch
_is_procedure_code = PROCEDURE_CODE.fullmatch

IDENTITY_LENGTHS = {"1": 12, "2": 9}
"""Digits of a số định danh and of a CMND; codes of other papers are not published."""


def dossier_faults(
    wire: WireDossier, path: str = "", *, mandatory: Sequence[str] = MANDATORY_2023
) -> list[Fault]:
    """Every rule that a dossier breaks; empty when the portal would take it.

    Args:
        wire: the dossier.
        path: where it stands, put before the paths (`/data/0`).
        mandatory: `MANDATORY_2023`, or `MANDATORY_2020` for older products.
    """
    return [
        *_missing(wire, path, mandatory),
        *_long(wire, path, "TrichYeuHoSo", SUMMARY_LENGTH),
        *_long(wire, path, "TrangThaiHoSo", STATUS_LENGTH),
        *_codes_form(wire, path),
        *_dates(wire, path, DOSSIER_DATES),
        *_listed(wire, path, DOSSIER_LISTS),
        *_flags(wire, path, DOSSIER_FLAGS),
        *_identities(wire, path),
        *_papers(wire.TaiLieuNop, f"{path}/TaiLieuNop"),
        *_fees(wire.DanhSachLePhi, f"{path}/DanhSachLePhi"),
        *_supplements(wire.DanhSachHoSoBoSung, f"{path}/DanhSachHoSoBoSung"),
    ]


def surely_good(item: Mapping[str, Any], dossier: Dossier | None, mandatory: Sequence[str]) -> bool:
    """Whether a dossier that we have written breaks no rule; false where it takes a closer look.

    Nearly all dossiers are good. Where nothing was kept as it was sent, every date, code of a list
    and number is of our writing, and only the texts need a look.

    Args:
        item: the wire object's fields.
        dossier: what it was written from.
    """
    if dossier is None or dossier.originals or dossier.unknown:
        return False
    if dossier.attachments or dossier.supplements:
        return False
    for identity in item.get("DinhDanhCHS", ()):
        if not _good_identity(identity):
            return False
    for fee in dossier.fees:
        if fee.unknown:
            return False
    get = item.get
    return (
        all(map(get, mandatory))
        and all(map(str.strip, _said_freely(mandatory)(item)))
        and len(get("TrichYeuHoSo", "")) <= SUMMARY_LENGTH
        and get("NoiNopHoSo", "1") in _FILED_AT
        and get("DuocThanhToanTrucTuyen", "0") in _PAID_ONLINE
        and _is_dossier_code(item["MaHoSo"]) is not None
        and _is_procedure_code(item["MaTTHC"]) is not None
    )


@cache
def _said_freely(mandatory: Sequence[str]) -> Callable[[Mapping[str, Any]], tuple[str, ...]]:
    """Takes the values of those that may hold any text; the others hold dates, codes or lists."""
    checked = {*DOSSIER_DATES, *DOSSIER_LISTS, *DOSSIER_FLAGS, "MaHoSo", "MaTTHC", "DinhDanhCHS"}
    return itemgetter(*(name for name in mandatory if name not in checked))


def _good_identity(item: Mapping[str, str]) -> bool:
    kind, number = item["LoaiDinhDanh"], item["SoDinhDanh"]
    length = IDENTITY_LENGTHS.get(kind, len(number))
    return bool(kind) and len(number) == length and bool(number) and _digits(number)


def progress_faults(wire: WireProgress, path: str = "") -> list[Fault]:
    """Every rule that a processing step breaks; see `dossier_faults`."""
    return [
        *_missing(wire, path, MANDATORY_STEP),
        *_long(wire, path, "NguoiXuLy", 50),
        *_long(wire, path, "TrangThai", STATUS_LENGTH),
        *_dossier_code(wire.MaHoSo, path),
        *_dates(wire, path, STEP_DATES),
    ]


def _missing(wire: WirePart, path: str, names: Sequence[str]) -> Iterator[Fault]:
    for name in names:
        value = getattr(wire, name)
        if value is None or value == "" or value == () or (type(value) is str and value.isspace()):
            yield Fault(f"{path}/{name}", "mandatory", "bắt buộc, chưa có giá trị")


def _long(wire: WirePart, path: str, name: str, limit: int) -> Iterator[Fault]:
    if len(getattr(wire, name) or "") > limit:
        yield Fault(f"{path}/{name}", "too_long", f"dài quá {limit} ký tự")


def _dossier_code(code: str | None, path: str) -> Iterator[Fault]:
    if code and not DOSSIER_CODE.fullmatch(code):
        yield Fault(f"{path}/MaHoSo", "code_form", "không đúng cấu trúc mã hồ sơ")


def _codes_form(wire: WireDossier, path: str) -> Iterator[Fault]:
    yield from _dossier_code(wire.MaHoSo, path)
    if wire.MaTTHC and not PROCEDURE_CODE.fullmatch(wire.MaTTHC):
        yield Fault(f"{path}/MaTTHC", "code_form", "không đúng cấu trúc mã thủ tục hành chính")


def _dates(wire: WirePart, path: str, names: Sequence[str]) -> Iterator[Fault]:
    for name in names:
        text = getattr(wire, name)
        if text and read_stamp(text) is None:
            yield Fault(f"{path}/{name}", "date_form", "không phải ngày giờ dạng yyyyMMddHHmmss")


def _listed(wire: WirePart, path: str, lists: Mapping[str, Mapping[str, Any]]) -> Iterator[Fault]:
    for name, known in lists.items():
        code = getattr(wire, name)
        if code and code not in known:
            allowed = ", ".join(known)
            yield Fault(f"{path}/{name}", "unknown_code", f"mã không thuộc danh mục ({allowed})")


def _flags(wire: WirePart, path: str, names: Sequence[str]) -> Iterator[Fault]:
    for name in names:
        value = getattr(wire, name)
        if value not in (None, "") and value not in codes.FLAG_OF_TEXT:
            yield Fault(f"{path}/{name}", "flag_form", "phải là 0/1 hoặc True/False")


def _identities(wire: WireDossier, path: str) -> Iterator[Fault]:
    for index, item in enumerate(wire.DinhDanhCHS or ()):
        place = f"{path}/DinhDanhCHS/{index}"
        yield from _missing(item, place, ("LoaiDinhDanh", "SoDinhDanh"))
        length = IDENTITY_LENGTHS.get(item.LoaiDinhDanh or "")
        number = item.SoDinhDanh
        if length and number and not (len(number) == length and _digits(number)):
            yield Fault(f"{place}/SoDinhDanh", "identity_form", f"phải gồm {length} chữ số")


def _papers(items: Sequence[WirePart] | None, path: str) -> Iterator[Fault]:
    for index, item in enumerate(items or ()):
        place = f"{path}/{index}"
        yield from _long(item, place, "TenTepDinhKem", 4000)
        yield from _flags(item, place, ATTACHMENT_FLAGS)
        yield from _listed(item, place, {"DuocTaiSuDung": dict.fromkeys("012")})


def _fees(items: Sequence[WireFee] | None, path: str) -> Iterator[Fault]:
    for index, item in enumerate(items or ()):
        amount = item.Gia
        if amount and not _digits(amount):
            yield Fault(f"{path}/{index}/Gia", "number_form", "phải là số nguyên đồng")


def _supplements(items: Sequence[WireSupplement] | None, path: str) -> Iterator[Fault]:
    for index, item in enumerate(items or ()):
        place = f"{path}/{index}"
        yield from _dates(item, place, SUPPLEMENT_DATES)
        yield from _flags(item, place, ("TrangThaiBoSung",))
        yield from _papers(item.DanhSachGiayToBoSung, f"{place}/DanhSachGiayToBoSung")
        yield from _fees(item.DanhSachLePhiBoSung, f"{place}/DanhSachLePhiBoSung")


def _digits(text: str) -> bool:
    return text.isascii() and text.isdecimal()
