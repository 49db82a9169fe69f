"""What the simulated document office holds: drafts, result packages, and what it asks of fields."""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any

import orjson

from hub.simulation import Answer

RESULTS = ("01", "02", "03", "04")
STATES = ("03", "04")
DEFAULT_FILE = b"%PDF-1.7 van ban da ky"

Rule = Callable[[Any], bool]


def _text(value: Any) -> bool:
    return isinstance(value, str) and bool(value.strip())


def _any_text(value: Any) -> bool:
    return isinstance(value, str)


def _stamp(value: Any) -> bool:
    return isinstance(value, str) and re.fullmatch(r"20\d{12}", value) is not None


def _unit(value: Any) -> bool:
    return isinstance(value, dict) and _text(value.get("MaDinhDanh"))


def _person(value: Any) -> bool:
    return isinstance(value, dict) and _text(value.get("Ten"))


def _files(value: Any) -> bool:
    return isinstance(value, list) and all(_file(each) for each in value)


def _file(value: Any) -> bool:
    """A name, and a content or a link."""
    if not isinstance(value, dict) or not _text(value.get("Ten")) or "KhoTep" in value:
        return False
    if "Base64" not in value:
        return _text(value.get("Link"))
    try:
        return bool(base64.b64decode(value["Base64"], validate=True))
    except (binascii.Error, TypeError, ValueError):
        return False


def _draft(value: Any) -> bool:
    return isinstance(value, dict) and _text(value.get("TrichYeu")) and _files(value.get("DinhKem"))


NEEDED: dict[str, Rule] = {
    "IDHoSo": _text,
    "MaHoSo": _text,
    "DonVi": _unit,
    "VanBanDuThao": _draft,
    "ThamSoAn": _any_text,
}
OPTIONAL: dict[str, Rule] = {
    "HanXuLyVanBan": _stamp,
    "ThanhPhanHoSo": _files,
    "ChuHoSo": _person,
    "NguoiNop": _person,
    "NguoiKy": _person,
    "NguoiTrinhKy": _person,
}


def refused(code: str, message: str, status: int = 200) -> Answer:
    """A refusal in the office's form."""
    error = {"code": code, "internalMessage": f"E{code}", "userMessage": message}
    return Answer({"data": None, "error": error}, taken=False, status=status)


def _said(data: Any) -> Answer:
    return Answer({"data": data, "error": None}, taken=True)


class Desk:
    """Drafts in, results out.

    Args:
        notices: whether a draft that is there already is refused.
        decides: with which result each draft is decided at once; empty: when told.
        bare: whether a package stands in the answer itself, not in its `data`.
    """

    def __init__(self, *, notices: bool, decides: str, bare: bool = False) -> None:
        self._notices = notices
        self._bare = bare
        self._decides = decides
        self.reset()

    def reset(self) -> None:
        """Forget everything."""
        self._drafts: list[dict[str, Any]] = []
        self._seen: set[str] = set()
        self._waiting: dict[str, dict[str, Any]] = {}
        self._settled: dict[str, str] = {}
        self._subjects: dict[str, str] = {}
        self._counts: Counter[str] = Counter()

    def state(self) -> Mapping[str, Any]:
        """Counts of drafts, of packages waiting and acknowledged, and of calls."""
        return {
            "drafts": len(self._drafts),
            "waiting": list(self._waiting),
            "acknowledged": dict(self._settled),
            "counts": dict(self._counts),
        }

    def drafts_of(self, code: str) -> list[dict[str, Any]]:
        """Every draft of a dossier as it came."""
        return [draft for draft in self._drafts if draft["MaHoSo"] == code]

    def subject_of(self, code: str) -> str:
        """The dossier of a package."""
        return self._subjects.get(code, "")

    def submit(self, sent: Mapping[str, Any]) -> Answer:
        """`GuiHoSo`."""
        for field, rule in NEEDED.items():
            if not rule(sent.get(field)):
                return refused("101", f"{field}: thiếu hoặc sai")
        for field, rule in OPTIONAL.items():
            if field in sent and not rule(sent[field]):
                return refused("102", f"{field}: sai")
        digest = hashlib.sha256(orjson.dumps(sent, option=orjson.OPT_SORT_KEYS)).hexdigest()
        if self._notices and digest in self._seen:
            self._counts["repeated"] += 1
            return refused("301", "Dự thảo của hồ sơ này đã có")
        self._seen.add(digest)
        self._drafts.append(dict(sent))
        self._counts["submitted"] += 1
        if self._decides:
            self.decide({"MaHoSo": sent["MaHoSo"], "LoaiKetQua": self._decides})
        return _said(sent["IDHoSo"])

    def listed(self, query: Mapping[str, str], *, twice: bool) -> Answer:
        """`LayDanhSachGoiTinVanBan?maDonViCha=&top=`: what nobody has acknowledged."""
        parent, top = query.get("maDonViCha", ""), query.get("top", "")
        if not parent or not top.isdecimal():
            return refused("103", "maDonViCha, top: thiếu hoặc sai")
        found = [code for code, each in self._waiting.items() if _below(parent, each)]
        self._counts["listed"] += 1
        return _said((found * 2 if twice else found)[: int(top)])

    def fetch(self, code: str) -> Answer:
        """`LayGoiTinVanBan?MaVanBan=`."""
        if code not in self._waiting:
            return refused("201", "Không có gói tin")
        self._counts[f"fetched {code}"] += 1
        package = self._waiting[code]
        return Answer(package, taken=True) if self._bare else _said(package)

    def acknowledge(self, sent: Mapping[str, Any]) -> Answer:
        """`CapNhatTrangThaiVanBan`; a repetition changes nothing."""
        code, state = str(sent.get("MaVanBan")), sent.get("TrangThai")
        if state not in STATES:
            return refused("202", "TrangThai: phải là 03 hoặc 04")
        if code not in self._subjects:
            return refused("201", "Không có gói tin")
        self._waiting.pop(code, None)
        self._settled[code] = str(state)
        return _said(code)

    def decide(self, told: Mapping[str, Any]) -> Answer:
        """Put a result package on the list.

        Args:
            told: `MaHoSo` of a draft, `LoaiKetQua`; if wanted `Ngay` (dd/MM/yyyy), `SoKyHieu`,
                `TepBase64` (content of the file), and `Sua` (fields of the package as they shall
                be instead).
        """
        drafts = self.drafts_of(str(told.get("MaHoSo")))
        result = told.get("LoaiKetQua")
        if not drafts or result not in RESULTS:
            return refused("404", "Không có dự thảo, hoặc sai LoaiKetQua", 404)
        code = f"GT-{len(self._subjects) + 1:06}"
        self._waiting[code] = {**_package(drafts[-1], told), **told.get("Sua", {})}
        self._subjects[code] = str(told["MaHoSo"])
        return _said(code)


def _below(parent: str, package: Mapping[str, Any]) -> bool:
    unit = str((package.get("DonVi") or {}).get("MaDinhDanh", ""))
    return unit == parent or parent in unit.split(".")


def _package(draft: Mapping[str, Any], told: Mapping[str, Any]) -> dict[str, Any]:
    result, day = str(told["LoaiKetQua"]), str(told.get("Ngay", "06/01/2026"))
    content = told.get("TepBase64") or base64.b64encode(DEFAULT_FILE).decode()
    signer = draft.get("NguoiKy", {}).get("Ten", "Lãnh đạo Mẫu")
    paper: dict[str, Any] = {
        "TrichYeu": draft["VanBanDuThao"]["TrichYeu"],
        "LoaiVanBan": draft["VanBanDuThao"].get("LoaiVanBan", "Công văn"),
        "NguoiKy": signer,
        "ChucVu": "Chủ tịch",
        "NguoiSoan": draft.get("NguoiTrinhKy", {}).get("Ten", ""),
        "ThanhPhanHoSo": [{"Ten": file["Ten"]} for file in draft.get("ThanhPhanHoSo", [])],
        "TenHoSo": draft.get("TenHoSo", ""),
        "ThuTuc": draft.get("ThuTuc", ""),
    }
    if result != "03":
        paper |= {"NgayKy": day, "DinhKem": [{"Ten": "van-ban.pdf", "Base64": content}]}
    if result == "01":
        paper |= {"NgayBanHanh": day, "SoKyHieu": told.get("SoKyHieu", "12/UBND-VP")}
    return {
        "IDHoSo": draft["IDHoSo"],
        "MaHoSo": draft["MaHoSo"],
        "DonVi": draft["DonVi"],
        "VanBanDi": paper,
        "ThamSoAn": draft["ThamSoAn"],
        "HccLinkAPI": draft.get("HccLinkAPI", ""),
        "LoaiHSLienthong": draft.get("LoaiHSLienthong", ""),
        "LoaiKetQua": result,
    }
