"""What the simulated platform refuses, field by field: its own table, not the hub's.

Texts are in Vietnamese, as a platform's are, and never repeat a value.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any, NamedTuple

CODE = re.compile(r"[0-9A-Z.]+-\d{6}-\d{4,8}", re.ASCII)
WORDS = frozenset(
    (
        *("receiving", "new", "denied", "processing", "waiting", "paying"),
        *("cancelled", "unresolved", "releasing", "done"),
    )
)
STATUSES = frozenset(str(number) for number in range(1, 11)) | WORDS
TRUTHS = frozenset(("0", "1", "True", "False", "true", "false"))


class Rule(NamedTuple):
    """What one field must be; `codes` are the only texts allowed."""

    mandatory: bool = False
    codes: frozenset[str] | None = None
    date: bool = False
    code: bool = False

    def broken(self, value: Any) -> str:
        """What is wrong with the value, `` if nothing."""
        if value in (None, "", []):
            return "thiếu giá trị bắt buộc" if self.mandatory else ""
        if isinstance(value, list | dict):
            return "" if self == MUST else "phải là giá trị đơn"
        text = str(value)
        if self.codes is not None and text not in self.codes:
            return "không thuộc danh mục mã"
        if self.code and not CODE.fullmatch(text):
            return "không đúng cấu trúc mã hồ sơ"
        return "sai định dạng ngày giờ" if self.date and not _is_date(text) else ""


MUST = Rule(mandatory=True)
MUST_DATE = Rule(mandatory=True, date=True)
DATE = Rule(date=True)
STATUS = Rule(mandatory=True, codes=STATUSES)
DOSSIER: Mapping[str, Rule] = {
    "MaHoSo": Rule(mandatory=True, code=True),
    "MaTTHC": MUST,
    "TenTTHC": MUST,
    "LoaiDoiTuong": Rule(mandatory=True, codes=frozenset("1234")),
    "TrichYeuHoSo": MUST,
    "NgayTiepNhan": MUST_DATE,
    "NgayHenTra": DATE,
    "TrangThaiHoSo": STATUS,
    "HoSoCoThanhPhanSoHoa": Rule(codes=TRUTHS),
    "TaiKhoanDuocXacThucVoiVNeID": Rule(codes=TRUTHS),
    "DonViXuLy": MUST,
}
STEP: Mapping[str, Rule] = {
    "MaHoSo": Rule(mandatory=True, code=True),
    "NguoiXuLy": MUST,
    "ThoiDiemXuLy": MUST_DATE,
    "NoiDungXuLy": MUST,
    "TrangThai": STATUS,
}
DOCUMENT: Mapping[str, Rule] = {
    "DocCode": Rule(mandatory=True, code=True),
    "DocTypeCode": MUST,
    "CitizenName": MUST,
    "DateReceived": MUST_DATE,
    "DateAppointed": DATE,
    "Status": STATUS,
}
TRACE: Mapping[str, Rule] = {
    "docCode": Rule(mandatory=True, code=True),
    "userName": MUST,
    "dateCreated": MUST_DATE,
    "comment": MUST,
    "status": STATUS,
}


def first_fault(item: Any, rules: Mapping[str, Rule], path: str) -> str:
    """Path and text of the first rule that the object breaks, `` if it keeps all."""
    if not isinstance(item, dict):
        return f"{path}: phải là đối tượng"
    waits = rules is DOSSIER and str(item.get("TrangThaiHoSo")) in ("1", "receiving")
    wanted = {**rules, "NgayTiepNhan": DATE} if waits else rules
    broken = ((name, rule.broken(item.get(name))) for name, rule in wanted.items())
    return next((f"{path}/{name}: {wrong}" for name, wrong in broken if wrong), "")


def _is_date(text: str) -> bool:
    for form in ("%Y%m%d%H%M%S", "%Y-%m-%dT%H:%M:%S"):
        try:
            datetime.strptime(text, form)
        except ValueError:
            continue
        return True
    return False
