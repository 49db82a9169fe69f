"""What the simulated portal refuses, field by field: its own table, not the hub's.

Two people read one document: where the hub's rules and these differ, one of them is wrong, and a
test shows it. Texts are in Vietnamese, as the portal's are, and never repeat a value.

Source: the field lists of `DongBoHoSoMC` and `CapNhatTienDoHoSoMC` as products of 2020 and
2023-25 implement them; fields that came in 2023 are mandatory here.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

TRUTHS = frozenset({"0", "1", "True", "False", "true", "false"})
NUMBER_OF_DIGITS = {"1": 12, "2": 9}


@dataclass(frozen=True, slots=True)
class Rule:
    """What one field must be.

    Attributes:
        mandatory: must be there and must not be empty.
        limit: most characters.
        codes: the only texts allowed.
        pattern: what the whole text must match.
        date: must be `yyyyMMddHHmmss`.
        items: it is a list of objects with these rules.
    """

    mandatory: bool = False
    limit: int | None = None
    codes: frozenset[str] | None = None
    pattern: re.Pattern[str] | None = None
    date: bool = False
    items: Mapping[str, Rule] | None = field(default=None, repr=False)

    def broken(self, value: Any) -> str:
        """What is wrong with the value, `` if nothing."""
        if value is None or value == "" or value == []:
            return "thiếu giá trị bắt buộc" if self.mandatory else ""
        if self.items is not None:
            return "" if isinstance(value, list) else "phải là danh sách"
        if isinstance(value, list | dict):
            return "phải là giá trị đơn"
        text = str(value)
        if self.limit is not None and len(text) > self.limit:
            return f"vượt quá {self.limit} ký tự"
        if self.codes is not None and text not in self.codes:
            return "không thuộc danh mục mã"
        if self.pattern is not None and not self.pattern.fullmatch(text):
            return "sai cấu trúc"
        if self.date and not _is_stamp(text):
            return "sai định dạng ngày giờ yyyyMMddHHmmss"
        return ""


def _digits(text: str) -> bool:
    return text.isascii() and text.isdecimal()


def _is_stamp(text: str) -> bool:
    if len(text) != 14 or not _digits(text):
        return False
    try:
        datetime.strptime(text, "%Y%m%d%H%M%S")
    except ValueError:
        return False
    return True


def _codes(first: int, last: int) -> frozenset[str]:
    return frozenset(str(code) for code in range(first, last + 1))


PROCEDURE = re.compile(r"\d\.\d{6}(\.\d{3}\.\d{2}\.\d{2}\.[A-Z]\d{2})?", re.ASCII)
CODE = re.compile(r"[0-9A-Z.]+-\d{6}-\d{4,8}", re.ASCII)
MONEY = re.compile(r"\d{1,15}", re.ASCII)
TEXT = Rule()
DATE = Rule(date=True)
TRUTH = Rule(codes=TRUTHS)
MUST = Rule(mandatory=True)
MUST_DATE = Rule(mandatory=True, date=True)
MUST_TRUTH = Rule(mandatory=True, codes=TRUTHS)

PAPER: Mapping[str, Rule] = {
    "TenTepDinhKem": Rule(limit=4000),
    "IsDeleted": TRUTH,
    "DuocSoHoa": TRUTH,
    "DuocTaiSuDung": Rule(codes=_codes(0, 2)),
    "DuocLayTuKhoDMQG": TRUTH,
}
FEE: Mapping[str, Rule] = {"Gia": Rule(pattern=MONEY)}
IDENTITY: Mapping[str, Rule] = {"LoaiDinhDanh": MUST, "SoDinhDanh": MUST}
SUPPLEMENT: Mapping[str, Rule] = {
    "NgayBoSung": DATE,
    "NgayTiepNhanBoSung": DATE,
    "NgayHenTraTruoc": DATE,
    "NgayHenTraMoi": DATE,
    "TrangThaiBoSung": TRUTH,
    "DanhSachGiayToBoSung": Rule(items=PAPER),
    "DanhSachLePhiBoSung": Rule(items=FEE),
}
DOSSIER: Mapping[str, Rule] = {
    "MaHoSo": Rule(mandatory=True, pattern=CODE),
    "MaTTHC": Rule(mandatory=True, pattern=PROCEDURE),
    "TenTTHC": MUST,
    "MaLinhVuc": MUST,
    "TenLinhVuc": MUST,
    "KenhThucHien": Rule(mandatory=True, codes=_codes(1, 3)),
    "LoaiDoiTuong": Rule(mandatory=True, codes=_codes(1, 4)),
    "DinhDanhCHS": Rule(mandatory=True, items=IDENTITY),
    "TrichYeuHoSo": Rule(mandatory=True, limit=1000),
    "NgayNopHoSo": MUST_DATE,
    "NgayTiepNhan": MUST_DATE,
    "NgayHenTra": DATE,
    "TrangThaiHoSo": Rule(mandatory=True, codes=_codes(1, 10)),
    "NgayTuChoi": DATE,
    "NgayKetThucXuLy": DATE,
    "NgayTra": DATE,
    "HinhThuc": Rule(mandatory=True, codes=_codes(0, 1)),
    "DonViXuLy": MUST,
    "NoiNopHoSo": Rule(mandatory=True, codes=_codes(1, 2)),
    "HoSoCoThanhPhanSoHoa": MUST_TRUTH,
    "TaiKhoanDuocXacThucVoiVNeID": MUST_TRUTH,
    "DuocThanhToanTrucTuyen": Rule(mandatory=True, codes=_codes(0, 3)),
    "DSKetNoiCSDL": Rule(items={"MaCSDL": MUST}),
    "TaiLieuNop": Rule(items=PAPER),
    "DanhSachLePhi": Rule(items=FEE),
    "DanhSachTepDinhKemKhac": Rule(items={}),
    "DanhSachHoSoBoSung": Rule(items=SUPPLEMENT),
    "DanhSachGiayToKetQua": Rule(items={"TenGiayTo": TEXT}),
}
PROGRESS: Mapping[str, Rule] = {
    "MaHoSo": Rule(mandatory=True, pattern=CODE),
    "NguoiXuLy": Rule(mandatory=True, limit=50),
    "ThoiDiemXuLy": MUST_DATE,
    "NoiDungXuLy": MUST,
    "TrangThai": Rule(mandatory=True, codes=_codes(1, 10)),
    "NgayBatDau": DATE,
    "NgayKetThucTheoQuyDinh": DATE,
}
STATE: Mapping[str, Rule] = {
    "TrangThai": Rule(mandatory=True, codes=_codes(1, 11)),
    "MaHoSo": Rule(mandatory=True, pattern=CODE),
    "MaHoSoDonVi": MUST,
    "NgayXuLy": MUST_DATE,
    "TaiLieuXuLy": Rule(items=PAPER),
}
"""`DongBoTrangThaiHoSo`; 11 is seen only there."""

ANSWER: Mapping[str, Rule] = {
    "CAUHOIID": MUST,
    "NOIDUNGTRALOI": Rule(mandatory=True, limit=10_000),
    "TRANGTHAI": Rule(mandatory=True, codes=frozenset("01")),
}


def first_fault(item: Any, rules: Mapping[str, Rule], path: str) -> str:
    """Path and text of the first rule that the object breaks, `` if it keeps all."""
    if not isinstance(item, dict):
        return f"{path}: phải là đối tượng"
    for name, rule in rules.items():
        value = item.get(name)
        if wrong := rule.broken(value):
            return f"{path}/{name}: {wrong}"
        for number, part in enumerate(value or () if rule.items is not None else ()):
            if wrong := first_fault(part, rule.items or {}, f"{path}/{name}/{number}"):
                return wrong
    return _wrong_number(item, path) if rules is IDENTITY else ""


def _wrong_number(identity: Mapping[str, Any], path: str) -> str:
    digits = NUMBER_OF_DIGITS.get(str(identity["LoaiDinhDanh"]))
    number = str(identity["SoDinhDanh"])
    if digits is None or (len(number) == digits and _digits(number)):
        return ""
    return f"{path}/SoDinhDanh: phải gồm {digits} chữ số"
