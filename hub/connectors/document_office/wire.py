"""Names on the wire between a one-stop shop and its document office (domain notes 6.4); pure.

A file's `Base64` would fill Kafka: on the way in the poller puts the bytes into the blob store and
writes in their place `KhoTep` (reference), `KichThuoc` (bytes) and `SHA256` (hex); on the way out
the client puts `Base64` back.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

SUBMIT, LIST, FETCH, ACKNOWLEDGE = (
    "GuiHoSo",
    "LayDanhSachGoiTinVanBan",
    "LayGoiTinVanBan",
    "CapNhatTrangThaiVanBan",
)
HANDLED, FAILED = "03", "04"
"""`TrangThai` of an acknowledgement."""

PACKAGE = "MaVanBan"
"""Code of a package; the poller writes it into the package itself."""

CONTENT, STORED, SIZE, DIGEST = "Base64", "KhoTep", "KichThuoc", "SHA256"
FILE_LISTS = ("DinhKem", "ThanhPhanHoSo")
NESTED = ("VanBanDuThao", "VanBanDi")


def files_in(tree: Mapping[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Every file object of a call and its path."""
    for place, holder in [("", tree), *((f"/{name}", tree.get(name)) for name in NESTED)]:
        for name in FILE_LISTS:
            listed = holder.get(name) if isinstance(holder, Mapping) else None
            for number, each in enumerate(listed if isinstance(listed, list) else ()):
                if isinstance(each, dict):
                    yield f"{place}/{name}/{number}", each
