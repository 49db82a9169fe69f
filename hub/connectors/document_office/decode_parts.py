"""The wire objects of a result package, and the reading of its files; pure."""

from __future__ import annotations

import re
import unicodedata
from typing import Any

from hub.errors import DecodeError
from hub.schemas.document import DocumentFile
from hub.wire.dvcqg.models import Text, WirePart

REFERENCE = re.compile(r"sha256=[0-9a-f]{64}; size=[0-9]{1,15}; key=\S{1,200}")
NAME_LIMIT = 250


class WireFile(WirePart):
    """Item of `DinhKem` and `ThanhPhanHoSo`, its bytes already put away."""

    Ten: Text = None
    Link: Text = None
    Base64: Text = None
    KhoTep: Text = None
    KichThuoc: Text = None
    SHA256: Text = None


class WireUnit(WirePart):
    """`DonVi`."""

    Ten: Text = None
    MaDinhDanh: Text = None


class WirePaper(WirePart):
    """`VanBanDi`."""

    TrichYeu: Text = None
    LoaiVanBan: Text = None
    NgayBanHanh: Text = None
    NgayKy: Text = None
    NguoiKy: Text = None
    ChucVu: Text = None
    NguoiSoan: Text = None
    SoKyHieu: Text = None
    DinhKem: tuple[WireFile, ...] | None = None
    ThanhPhanHoSo: tuple[WireFile, ...] | None = None
    TenHoSo: Text = None
    ThuTuc: Text = None


class WirePackage(WirePart):
    """The body of `LayGoiTinVanBan`, and the package's code."""

    MaVanBan: Text = None
    IDHoSo: Text = None
    MaHoSo: Text = None
    TenHoSo: Text = None
    ThuTuc: Text = None
    DonVi: WireUnit | None = None
    VanBanDi: WirePaper | None = None
    ThamSoAn: Any = None
    HccLinkAPI: Text = None
    LoaiHSLienthong: Text = None
    LoaiKetQua: Text = None


def known_file(item: WireFile, number: int, path: str, kept: dict[str, str]) -> DocumentFile:
    """One file; a name that would lead elsewhere (`12/QĐ-UBND.pdf`) is made plain, and kept.

    Args:
        item: as on the wire.
        number: its place in the list, from 0.
        path: of the item.
        kept: gets the name as on the wire, where it was changed.

    Raises:
        DecodeError: its content still stands in it, or its reference is none.
    """
    if item.Base64:
        raise DecodeError("the content was not put away", path=f"{path}/Base64")
    if item.KhoTep and not REFERENCE.fullmatch(item.KhoTep):
        raise DecodeError("not a reference", path=f"{path}/KhoTep")
    told = item.Ten or ""
    name = plain_name(told)
    if name != told:
        kept[f"{path}/Ten"] = told
    size = item.KichThuoc or ""
    return DocumentFile(
        id=str(number + 1),
        name=name,
        url=item.Link or "",
        reference=item.KhoTep or "",
        size_bytes=int(size) if re.fullmatch(r"[0-9]{1,15}", size) else None,
        sha256=item.SHA256 or "",
    )


def plain_name(told: str) -> str:
    """A file name that leads nowhere: separators and signs that do not print become `_`."""
    signs = ("_" if sign in '/\\:*?"<>|' or _unprinted(sign) else sign for sign in told)
    name = "".join(signs).strip(" ")[-NAME_LIMIT:]
    return name if name.strip(".") or not name else "_"


def _unprinted(sign: str) -> bool:
    return unicodedata.category(sign)[0] == "C"
