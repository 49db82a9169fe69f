"""The product's side of what its counterparts push: taken, checked field by field, or refused.

It answers as products do: `{"error_code", "message"}` with 0 taken, 1 received already, -1 failure,
always under HTTP 200; CONFIRM is answered in the payment platform's form. What it asks of a message
stands in its own tables below.
"""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import orjson
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from hub.simulation import Answer, Call, Duplicate, Inner, Item, Refuse, Simulation

Fields = Mapping[str, Any]
STAMP = re.compile(r"[0-9]{14}")
DAY = re.compile(r"[0-9]{2}/[0-9]{2}/[0-9]{4}")
MONEY = re.compile(r"[1-9][0-9]{0,14}")
STATUS = re.compile(r"[1-9]|10")
NUMBER = re.compile(r"#([0-9]+)$")

WANTED: Mapping[str, tuple[str, ...]] = {
    "DongBoHoSoMC": ("MaHoSo", "MaTTHC", "TenTTHC", "TrangThaiHoSo"),
    "CapNhatTienDoHoSoMC": ("MaHoSo", "ThoiDiemXuLy", "NoiDungXuLy", "TrangThai"),
    "ChuyenHoSoLienThong": ("MaHoSo", "MaHoSoLT", "DonViChuyen", "DonViNhan"),
    "KetQuaHoSoLienThong": ("MaHoSo", "MaHoSoLT", "KetQua"),
    "ThongBaoThanhToan": ("MaHoSo", "MaThamChieu", "SoTien", "MaTienTe", "UrlThanhToan"),
    "ThongBaoBienLai": ("MaHoSo", "SoBienLai"),
    "CONFIRM": (
        *("LoaiBanTin", "MaLoi", "MaDoiTac", "MaThamChieu", "SoTien", "MaTienTe"),
        *("ThoiGianGD", "ThongTinGiaoDich", "MaXacThuc"),
    ),
}
FORMED: Mapping[str, re.Pattern[str]] = {
    **dict.fromkeys(("NgayTiepNhan", "NgayHenTra", "ThoiDiemXuLy", "ThoiGianGD"), STAMP),
    **dict.fromkeys(("HanXuLy", "NgayChuyen", "NgayHoanThanh", "ThoiGianHetHan"), STAMP),
    **dict.fromkeys(("TrangThaiHoSo", "TrangThai"), STATUS),
    "NgayBienLai": DAY,
    "SoTien": MONEY,
}
UNDER_HASH = (
    *("LoaiBanTin", "MaLoi", "MaDoiTac", "MaThamChieu", "SoTien", "MaTienTe", "MaGiaoDich"),
    *("MaNganHang", "ThoiGianGD", "ThongTinGiaoDich"),
)
TEXT_OF = {"DongBoHoSoMC": "TrichYeuHoSo", "CapNhatTienDoHoSoMC": "NoiDungXuLy"}
TAKEN, KNOWN, FAILED = 0, 1, -1


@dataclass
class Taken:
    """What a product has taken.

    Attributes:
        told: operation and object of everything taken, in order, each once.
        payments: `MaLoi` by `MaThamChieu`, as last told.
        counts: calls by operation and answer.
    """

    told: list[tuple[str, Fields]] = field(default_factory=list)
    payments: dict[str, str] = field(default_factory=dict)
    counts: Counter[str] = field(default_factory=Counter)

    def of(self, operation: str) -> list[Fields]:
        """The objects of one operation."""
        return [fields for name, fields in self.told if name == operation]


class Taking:
    """The addresses of one product at which its counterparts push.

    Args:
        simulation: plays faults and logs.
        taken: where it is kept.
        partner, secret: of the payment platform.
        authorization: what the header must hold; empty: anything.
    """

    def __init__(
        self,
        simulation: Simulation,
        taken: Taken,
        *,
        partner: str,
        secret: str,
        authorization: str,
    ) -> None:
        self._simulation = simulation
        self._taken = taken
        self._partner = partner
        self._secret = secret
        self._authorization = authorization

    def routes(self) -> list[Route]:
        """All of them POST."""
        return [
            self._route("/dvcqg/hoso", _service),
            self._route("/lienthong", _service),
            self._route("/payplat/confirm", lambda _: "CONFIRM"),
            self._route("/thanhtoan/link", lambda _: "ThongBaoThanhToan"),
            self._route("/bienlai", lambda _: "ThongBaoBienLai"),
        ]

    def _route(self, path: str, operation_of: Callable[[Fields], str]) -> Route:
        async def take(request: Request) -> Response:
            body = await request.body()
            envelope = _object(body)
            operation = operation_of(envelope)
            inner = envelope.get("data", {}) if "service" in envelope else envelope
            fields: Fields = inner if isinstance(inner, dict) else {}
            allowed = self._authorization in ("", request.headers.get("authorization", ""))
            text = str(fields.get(TEXT_OF.get(operation, ""), ""))
            number = NUMBER.search(text)
            item = Item(
                id=request.headers.get("x-operation-key", ""),
                subject=str(fields.get("MaHoSo", "")),
                seq=int(number[1]) if number else None,
                body=body,
            )
            return await self._simulation.perform(
                Call(operation, [item]), lambda fault: self._act(operation, fields, allowed, fault)
            )

        return Route(path, take, methods=["POST"])

    def _act(self, operation: str, fields: Fields, allowed: bool, fault: Inner | None) -> Answer:
        if not allowed:
            return Answer({}, taken=False, status=401)
        if isinstance(fault, Refuse):
            return self._answer(operation, fields, fault.error_code, fault.message)
        fault_found = self._fault(operation, fields)
        if fault_found:
            return self._answer(operation, fields, FAILED, fault_found)
        known = (operation, fields) in self._taken.told
        if operation == "CONFIRM":
            self._taken.payments[fields["MaThamChieu"]] = fields["MaLoi"]
        if not known:
            self._taken.told.append((operation, fields))
        again = known or isinstance(fault, Duplicate)
        return self._answer(operation, fields, KNOWN if again else TAKEN, "")

    def _fault(self, operation: str, fields: Fields) -> str:
        """What is wrong with a message; empty when it can be taken."""
        wanted = WANTED.get(operation)
        if wanted is None:
            return "dịch vụ lạ"
        missing = [name for name in wanted if not fields.get(name)]
        if missing:
            return f"thiếu {missing[0]}"
        for name, form in FORMED.items():
            value = fields.get(name)
            if value and not (isinstance(value, str) and form.fullmatch(value)):
                return f"sai {name}"
        if operation == "CONFIRM":
            return self._confirm_fault(fields)
        return ""

    def _confirm_fault(self, fields: Fields) -> str:
        if fields["LoaiBanTin"] != "CONFIRM" or fields["MaDoiTac"] != self._partner:
            return "sai MaDoiTac"
        joined = "|".join([*(str(fields.get(name, "")) for name in UNDER_HASH), self._secret])
        if hashlib.sha256(joined.encode()).hexdigest() != fields["MaXacThuc"]:
            return "sai MaXacThuc"
        return ""

    def _answer(self, operation: str, fields: Fields, code: int | str, text: str) -> Answer:
        taken = code in (TAKEN, KNOWN)
        self._taken.counts[f"{operation} {code}"] += 1
        if operation != "CONFIRM":
            words = text or ("Đã tiếp nhận trước đó" if code == KNOWN else "thành công")
            return Answer({"error_code": code, "message": words}, taken=taken)
        told = {name: fields.get(name, "") for name in ("MaDoiTac", "MaThamChieu", "ThoiGianGD")}
        said = "00" if taken else "97" if code == FAILED else str(code)
        return Answer({"MaLoi": said, "MoTaLoi": text, **told}, taken=taken)


def _service(envelope: Fields) -> str:
    return str(envelope.get("service", ""))


def _object(body: bytes) -> Fields:
    try:
        tree = orjson.loads(body)
    except orjson.JSONDecodeError:
        return {}
    return tree if isinstance(tree, dict) else {}
