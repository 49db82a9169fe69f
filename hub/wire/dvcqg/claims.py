"""Claims of the shared sign-on (OIDC `userinfo`) -> who filed, as fields of the wire dossier.

Two forms are known: VNConnect (`LoaiTaiKhoan` 1 citizen, 2 business, with tax code, papers and
contact) and VNeID (`sub`, `SoDinhDanh`, `HoVaTen`, `TechID`, `IAL`). `TechID` is what joins an
account to `MaDoiTuong`. Claims become the applicant and nothing else: no claim is a key, a header
or a text of an error, and what the applicant has no place for (address, birth date) is dropped.

Source of the format: the sign-on of the national portal as one product implements it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

BUSINESS = "2"
NATIONAL_NUMBER, OLD_NUMBER = "1", "2"
VNEID_MARKS = ("IAL", "userProfileUri")
"""Claims that only VNeID gives."""


def applicant_fields(claims: Mapping[str, Any]) -> dict[str, Any]:
    """Wire fields (`ChuHoSo`, `MaDoiTuong`, `DinhDanhCHS`, ...) that the claims tell.

    Args:
        claims: the JSON object of `userinfo`; values of other types than text and number count as
            not told.
    """
    business = _text(claims, "LoaiTaiKhoan") == BUSINESS
    number, old = _text(claims, "SoDinhDanh"), _text(claims, "SoCMND")
    tax = _text(claims, "MaSoThue") or _text(claims, "MaSoDoanhNghiep")
    paper = number or old or _text(claims, "HoChieu")
    # The papers of who signed on for a business are not the business's own.
    papers = () if business else ((NATIONAL_NUMBER, number), (OLD_NUMBER, old))
    identities = [{"LoaiDinhDanh": kind, "SoDinhDanh": text} for kind, text in papers if text]
    name = _text(claims, "TenDoanhNghiep") if business else ""
    told: dict[str, Any] = {
        "ChuHoSo": name or _text(claims, "HoVaTen"),
        "SoGiayToChuHoSo": (tax or paper) if business else paper,
        "LoaiDoiTuong": "2" if business else "1" if "LoaiTaiKhoan" in claims else "",
        "MaDoiTuong": _text(claims, "TechID"),
        "DinhDanhCHS": identities,
        "Email": _text(claims, "ThuDienTu"),
        "SoDienThoai": _text(claims, "SoDienThoai"),
        "TaiKhoanDuocXacThucVoiVNeID": "1" if any(m in claims for m in VNEID_MARKS) else "",
    }
    return {name: value for name, value in told.items() if value}


def with_claims(item: Mapping[str, Any], claims: object) -> dict[str, Any]:
    """The item with what the claims tell, where the item itself says nothing."""
    if not isinstance(claims, Mapping):
        return dict(item)
    return {**item, **{n: v for n, v in applicant_fields(claims).items() if not item.get(n)}}


def _text(claims: Mapping[str, Any], name: str) -> str:
    value = claims.get(name)
    if isinstance(value, bool) or not isinstance(value, str | int):
        return ""
    return str(value).strip()
