"""Dossiers that were filed at the national portal: pushed to the unit, and their states back.

A pushed dossier comes in the field names of `DongBoHoSoMC`, or as a notice of a promotion
(thông báo khuyến mại) with its own names and its files inside, or as the amendment of one. All
become the same dossier; what has no place in it travels along as unknown fields.

Files that come inside (base64) are kept elsewhere: `inline_files` names them, and the reference
of each takes the place of its address.

Source of the format: the unit's side of one product (notices), and its result envelope (states).
"""

from __future__ import annotations

import base64
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from hub.errors import DecodeError, EncodeError
from hub.schemas.dossier import DossierEvent
from hub.wire.dvcqg.canonical import last_round, subject_of
from hub.wire.dvcqg.codes import read_status
from hub.wire.dvcqg.dates import read_stamp, write_stamp
from hub.wire.dvcqg.models import WireState
from hub.wire.dvcqg.shape import EMPTY_LIST

NATIONAL_CODE, UNIT_CODE = "MaHoSoQG", "MaHoSoDonVi"
BLOB = "blob:"
"""What the address of a kept file begins with; its reference follows."""

NOTICE_NAMES = {
    "TenThuongNhan": "ChuHoSo",
    "MaSoThue": "SoGiayToChuHoSo",
    "DienThoai": "SoDienThoai",
    "TenChuongTrinhKhuyenMai": "TrichYeuHoSo",
}
"""Names of a notice that say what a dossier's own field says."""

BUSINESS = "2"
FILE_LISTS = ("TaiLieuNop", "TaiLieuXuLy")
ADDRESSES = {
    "TaiLieuNop": "DuongDanTaiTepTin",
    "TaiLieuXuLy": "DuongDanTaiTepTin",
    "DanhSachGiayToKetQua": "DuongDanTepTinKetQua",
}
FORM_FILES = (("TenTepDonDangKy", "TepDonDangKy"), ("TenTepDangKy", "URLTepDangKy"))
"""Name and content (base64) or address of the application form itself."""


class InlineFile(NamedTuple):
    """A file inside an item: where it stands and its base64 text."""

    path: str
    text: str


def inline_files(item: Mapping[str, Any]) -> Iterator[InlineFile]:
    """The files inside an item, in the order in which `filed_item` takes their references."""
    if isinstance(text := item.get("TepDonDangKy"), str) and text:
        yield InlineFile("/TepDonDangKy", text)
    for name in FILE_LISTS:
        listed = item.get(name)
        for number, each in enumerate(listed if isinstance(listed, list) else ()):
            if isinstance(each, dict) and isinstance(text := each.get("Base64"), str) and text:
                yield InlineFile(f"/{name}/{number}/Base64", text)


def content_of(text: str) -> bytes:
    """The bytes of base64, in lines or not.

    Raises:
        DecodeError: it is none.
    """
    try:
        return base64.b64decode(text.encode().translate(None, b" \t\r\n"), validate=True)
    except ValueError:
        raise DecodeError("not base64") from None


def filed_item(item: Mapping[str, Any], references: Sequence[str]) -> dict[str, Any]:
    """The item in the field names of `DongBoHoSoMC`, without the content of any file.

    Args:
        item: as pushed.
        references: of its inline files; fewer leave the addresses of the last ones empty.
    """
    left = iter(references)
    out = dict(item)
    form = _form_files(out, left)
    for name in FILE_LISTS:
        if isinstance(listed := out.get(name), list):
            out[name] = [_without_content(each, left) for each in listed]
    if form:
        papers = out.get("TaiLieuNop")
        out["TaiLieuNop"] = [*form, *(papers if isinstance(papers, list) else ())]
    for theirs, ours in NOTICE_NAMES.items():
        if theirs in out and ours not in out:
            out[ours] = out.pop(theirs)
    if "TenThuongNhan" in item:
        out.setdefault("LoaiDoiTuong", BUSINESS)
    if not out.get("MaHoSo") and NATIONAL_CODE in out:
        out["MaHoSo"] = out.pop(NATIONAL_CODE)
    return out


def _form_files(out: dict[str, Any], left: Iterator[str]) -> list[dict[str, Any]]:
    found = []
    for name, content in FORM_FILES:
        told = out.pop(content, None)
        if not told:
            continue
        address = told
        if content == "TepDonDangKy":
            address = _kept(left) if isinstance(told, str) else ""
        found.append({"TenTepDinhKem": out.pop(name, "") or "", "DuongDanTaiTepTin": address})
    return found


def _without_content(item: Any, left: Iterator[str]) -> Any:
    if not isinstance(item, dict) or "Base64" not in item:
        return item
    out = {name: value for name, value in item.items() if name != "Base64"}
    if item["Base64"] and isinstance(item["Base64"], str):
        out["DuongDanTaiTepTin"] = _kept(left)
    return out


def _kept(left: Iterator[str]) -> str:
    reference = next(left, "")
    return f"{BLOB}{reference}" if reference else ""


def forget_kept(item: dict[str, Any]) -> None:
    """Empty the addresses of kept files: nobody outside the hub can follow them."""
    for name, address in ADDRESSES.items():
        for part in item.get(name) or ():
            if isinstance(part, dict) and str(part.get(address, "")).startswith(BLOB):
                part[address] = ""


def state_values(wire: WireState, *, unit: str, path: str = "") -> dict[str, Any]:
    """The values of a `DossierEvent` that tells a state, not validated yet.

    The file list has no place in a step and travels along as an unknown field.

    Raises:
        DecodeError: the dossier code is missing.
    """
    code = subject_of(wire.MaHoSo, path)
    unknown: dict[str, Any] = dict(wire.__pydantic_extra__ or ())
    originals: dict[str, str] = {}
    step: dict[str, Any] = {"content": wire.NoiDung or ""}
    if wire.NgayXuLy is not None:
        at = read_stamp(wire.NgayXuLy)
        if at is None:
            originals["NgayXuLy"] = wire.NgayXuLy
        else:
            step["at"] = at
    for name in ("MaHoSoDonVi", "MaDoiTuong"):
        if value := getattr(wire, name):
            unknown[name] = value
    if wire.TaiLieuXuLy is not None:
        rows = [paper.model_dump(exclude_unset=True) for paper in wire.TaiLieuXuLy]
        if rows:
            unknown["TaiLieuXuLy"] = rows
        else:
            originals["TaiLieuXuLy"] = EMPTY_LIST
    step |= {"originals": originals} if originals else {}
    step |= {"unknown": unknown} if unknown else {}
    return {
        "code": code,
        "unit": unit,
        "status": read_status(wire.TrangThai),
        "status_code": wire.TrangThai or "",
        "step": step,
    }


def national_code_of(data: DossierEvent) -> str:
    """The portal's own code, where the unit's product tells it; `` if not.

    It stands beside its own in a dossier (`MaHoSoQG`), and is the code of a state (which has the
    unit's beside it).
    """
    if data.step:
        return data.code if UNIT_CODE in data.step.unknown else ""
    code = data.dossier.unknown.get(NATIONAL_CODE) if data.dossier else None
    return code if isinstance(code, str) else ""


def write_state(
    data: DossierEvent, *, national_code: str, state_code: str, at: datetime
) -> dict[str, Any]:
    """The `data` of `DongBoTrangThaiHoSo` that tells where the dossier stands.

    Args:
        data: the event's data, with a dossier or a step.
        national_code: the portal's code.
        state_code: what to write as `TrangThai`.
        at: when it happened, if the event itself does not tell.

    Raises:
        EncodeError: no portal code, or no state.
    """
    if not national_code:
        raise EncodeError("the portal's code is missing", path="/MaHoSo", code="no_subject")
    if not state_code:
        raise EncodeError("the state is missing", path="/TrangThai")
    dossier, step = data.dossier, data.step
    told = step.unknown if step else {}
    own = data.code if data.code != national_code else told.get(UNIT_CODE)
    account = dossier.applicant.account_id if dossier else told.get("MaDoiTuong")
    return {
        "TrangThai": state_code,
        "MaHoSo": national_code,
        "MaHoSoDonVi": own or "",
        "MaDoiTuong": account or "",
        "NoiDung": _said(data),
        "NgayXuLy": write_stamp((step.at if step else None) or at),
        "TaiLieuXuLy": _files(data, told.get("TaiLieuXuLy")),
    }


def _files(data: DossierEvent, told: Any) -> list[Any]:
    """The dossier's results, or the list of a state that a product has told in this form."""
    if data.dossier is None:
        return list(told) if isinstance(told, list) else []
    return [
        {
            "TepDinhKemId": paper.id,
            "TenTepDinhKem": paper.name,
            "IsDeleted": "0",
            "MaThanhPhanHoSo": paper.component_code,
            "DuongDanTaiTepTin": paper.url,
        }
        for paper in data.dossier.results
    ]


def _said(data: DossierEvent) -> str:
    """What to tell the citizen: the step's text, what is asked for, or the note."""
    if data.step:
        return data.step.content
    dossier = data.dossier
    if dossier is None:
        return ""
    last = last_round(dossier)
    asked = last.content if last else ""
    return asked or dossier.return_note or dossier.note
