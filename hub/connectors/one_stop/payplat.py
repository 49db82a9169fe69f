"""The payment platform's form (INIT, CONFIRM, QUERY, GET_BILL) as products speak it; pure.

`MaXacThuc` is SHA-256, lower-case hex, of these fields joined by `|`, the secret last: a plain
hash, not an HMAC. Source of the format: one product's client of the platform, version 1.0.6.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping
from typing import Any

from hub.connectors.one_stop.wire import CONFIRM, GET_BILL, INIT, QUERY

HASH = "MaXacThuc"
ASKING = ("LoaiBanTin", "PhienBan", "MaDoiTac", "MaThamChieu", "ThoiGianGD")
HASHED: Mapping[str, tuple[str, ...]] = {
    INIT: (
        *("LoaiBanTin", "PhienBan", "MaDoiTac", "MaThamChieu", "SoTien", "LoaiHinhThanhToan"),
        *("MaKenhThanhToan", "MaThietBi", "NgonNgu", "MaTienTe", "MaNganHang"),
        *("ThongTinGiaoDich", "ThoiGianGD", "Ip"),
    ),
    CONFIRM: (
        *("LoaiBanTin", "MaLoi", "MaDoiTac", "MaThamChieu", "SoTien", "MaTienTe", "MaGiaoDich"),
        *("MaNganHang", "ThoiGianGD", "ThongTinGiaoDich"),
    ),
    QUERY: ASKING,
    GET_BILL: ASKING,
}
"""The fields under the hash, in their order, by `LoaiBanTin`."""


def hash_of(fields: Mapping[str, Any], form: str, secret: str) -> str:
    """`MaXacThuc` of a message; what it lacks, or has without a value, counts as empty.

    Args:
        fields: the message.
        form: whose order of fields; QUERY's answer is hashed as CONFIRM.
        secret: shared with the partner.
    """
    values = (fields.get(name) for name in HASHED[form])
    parts = [*("" if value is None else str(value) for value in values), secret]
    return hashlib.sha256("|".join(parts).encode("utf-8", "surrogatepass")).hexdigest()


def is_signed(fields: Mapping[str, Any], form: str, secret: str) -> bool:
    """Whether `MaXacThuc` is right, compared in a time that does not tell how far it is."""
    told = fields.get(HASH)
    expected = hash_of(fields, form, secret)
    return isinstance(told, str) and hmac.compare_digest(
        told.encode("utf-8", "surrogatepass"), expected.encode()
    )
