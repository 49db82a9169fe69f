"""PayPlat (and its twins, by other words), simulated: INIT, QUERY, GET_BILL, and its CONFIRM.

Checks every field by its own table and computes every hash by its own code. What the platform
does with a reference that it has already is not published; here it refuses.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

from hub.connectors.payment_gateway.simulator_book import Book, Order, Transaction, stamp
from hub.simulation import Answer, Duplicate, Inner, Refuse

INIT_TABLE = {
    "LoaiBanTin": r"INIT",
    "PhienBan": r"1\.0\.[56]",
    "MaDoiTac": r"\w{1,50}",
    "MaThamChieu": r"[A-Za-z0-9]{1,100}",
    "SoTien": r"[1-9]\d{0,14}",
    "LoaiHinhThanhToan": r"PAY|1",
    "MaKenhThanhToan": r"\d",
    "MaThietBi": r"\d",
    "NgonNgu": r"vi-VN|en-US",
    "MaTienTe": r"VND",
    "MaNganHang": r"\w{1,20}",
    "ThongTinGiaoDich": r".{1,255}",
    "ThoiGianGD": r"\d{14}",
    "Ip": r"[0-9a-fA-F.:]{2,45}",
}
DETAIL_TABLE = {
    "MaDichVu": r"\d",
    "MaDVC": r".{1,50}",
    "MaTTHC": r".{1,50}",
    "TenTTHC": r".{1,250}",
    "MaDonVi": r".{1,50}",
    "MaHoSo": r".{1,50}",
    "TKThuHuong": r".{1,30}",
    "MaNHThuHuong": r".{1,20}",
    "TenTKThuHuong": r".{1,250}",
    "HoTenNguoiNop": r".{1,250}",
}
ASK_TABLE = {
    "PhienBan": r"1\.0\.[56]",
    "MaDoiTac": r"\w{1,50}",
    "MaThamChieu": r"[A-Za-z0-9]{1,100}",
    "ThoiGianGD": r"\d{14}",
}
CONFIRMED = (
    *("LoaiBanTin", "MaLoi", "MaDoiTac", "MaThamChieu", "SoTien", "MaTienTe", "MaGiaoDich"),
    *("MaNganHang", "ThoiGianGD", "ThongTinGiaoDich"),
)
ASKED = ("LoaiBanTin", "PhienBan", "MaDoiTac", "MaThamChieu", "ThoiGianGD")
ANSWERED = ("MaLoi", "MoTaLoi", "MaDoiTac", "MaThamChieu", "ThoiGianGD")
PDF = b"%PDF-1.4\n% bien lai mau\n%%EOF\n"


class Payplat:
    """The platform's side of one partner.

    Args:
        words: the twin's words; its reply to INIT is flat and it wants no receipt details.
    """

    good = "1"

    def __init__(
        self,
        book: Book,
        *,
        partner: str,
        secret: str,
        words: Mapping[str, Any] | None = None,
        link_seconds: float = 900,
    ) -> None:
        self.book = book
        self._partner = partner
        self._secret = secret
        words = words or {}
        self._names: Mapping[str, str] = words.get("names", {})
        self._confirm_names = {**self._names, **words.get("confirm_names", {})}
        self._init: Sequence[str] = words.get("init_fields", tuple(INIT_TABLE))
        self._query_word = words.get("query_word", "QUERY")
        self._flat = bool(words) and not words.get("wrapped_reply", True)
        self._link_seconds = link_seconds
        self.spoil_count = 0

    def init(self, tree: Any, base: str, fault: Inner | None) -> Answer:
        """INIT; `base` is where the payment pages are."""
        self.book.counts["INIT"] += 1
        if isinstance(fault, Refuse):
            return self._reply(fault.error_code, fault.message)
        if not isinstance(tree, dict):
            return self._reply("03", "Sai định dạng")
        fields = self._read(tree, self._names, INIT_TABLE)
        table = {name: INIT_TABLE[name] for name in self._init}
        details = tree.get("ThongTinBienLai")
        if wrong := _first_fault(fields, table) or self._wrong_details(details, fields):
            return self._reply("03", f"{wrong}: sai định dạng")
        if fields["MaDoiTac"] != self._partner:
            return self._reply("05", "Sai mã đối tác")
        if tree.get(self._word("MaXacThuc")) != self._proof(fields, self._init):
            return self._reply("97", "Sai mã xác thực")
        reference = fields["MaThamChieu"]
        if reference in self.book.orders or isinstance(fault, Duplicate):
            return self._reply("02", "Mã tham chiếu đã tồn tại")
        expires = self.book.clock() + timedelta(seconds=self._link_seconds)
        order = Order(reference, int(fields["SoTien"]), expires, fields)
        self.book.orders[reference] = order
        return self._reply("00" if self._flat else "0", "OK", f"{base}/pay/{reference}")

    def _wrong_details(self, details: Any, fields: Mapping[str, str]) -> str:
        """What is wrong with `ThongTinBienLai`; its rows must make up the amount."""
        if self._flat:
            return ""
        if not isinstance(details, dict):
            return "ThongTinBienLai"
        rows = details.get("PhiLePhi")
        if not isinstance(rows, list) or not rows:
            return "PhiLePhi"
        total = sum(int(row["SoTien"]) for row in rows)
        if str(total) != fields["SoTien"]:
            return "SoTien"
        said = {name: str(details.get(name, "")) for name in DETAIL_TABLE}
        return _first_fault(said, DETAIL_TABLE)

    def query(self, tree: Any, fault: Inner | None) -> Answer:
        """QUERY."""
        self.book.counts["QUERY"] += 1
        if isinstance(fault, Refuse):
            return Answer({self._word("MaLoi"): fault.error_code}, taken=False)
        wrong = self._wrong_question(tree, self._query_word)
        if wrong:
            return Answer({self._word("MaLoi"): wrong}, taken=False)
        order = self.book.orders.get(tree[self._word("MaThamChieu")])
        if order is None:
            return Answer({self._word("MaLoi"): "11"}, taken=False)
        paid = order.latest
        if paid is None:
            return Answer({self._word("MaLoi"): "10", self._word("TrangThaiGD"): "0"}, taken=True)
        return Answer(self.notice(order, paid, self._query_word) | self._status(paid), taken=True)

    def bill(self, tree: Any) -> bytes | None:
        """GET_BILL: the PDF of a paid order."""
        self.book.counts["GET_BILL"] += 1
        if self._wrong_question(tree, "GET_BILL"):
            return None
        order = self.book.orders.get(tree[self._word("MaThamChieu")])
        return PDF if order is not None and order.paid else None

    def _wrong_question(self, tree: Any, word: str) -> str:
        """The code of what is wrong with a question, `` if nothing is."""
        if not isinstance(tree, dict):
            return "03"
        fields = self._read(tree, self._names, {"LoaiBanTin": word, **ASK_TABLE})
        if _first_fault(fields, {"LoaiBanTin": re.escape(word), **ASK_TABLE}):
            return "03"
        if fields["MaDoiTac"] != self._partner:
            return "05"
        return "" if tree.get(self._word("MaXacThuc")) == self._proof(fields, ASKED) else "97"

    def notice(self, order: Order, paid: Transaction, kind: str = "CONFIRM") -> dict[str, Any]:
        """The body of a CONFIRM, and most of a reply to QUERY."""
        said = {
            "LoaiBanTin": kind,
            "MaLoi": paid.response,
            "MaDoiTac": self._partner,
            "MaThamChieu": order.reference,
            "SoTien": str(paid.amount),
            "MaTienTe": "VND",
            "MaGiaoDich": f"GD{paid.number}",
            "MaNganHang": "VCB",
            "ThoiGianGD": stamp(paid.at),
            "ThongTinGiaoDich": order.fields["ThongTinGiaoDich"],
        }
        proof = self._proof(said, CONFIRMED)
        if self.spoil_count > 0:
            self.spoil_count -= 1
            proof = "0" * len(proof)
        names = self._confirm_names
        return {names.get(n, n): value for n, value in {**said, "MaXacThuc": proof}.items()}

    def spoilt(self, notice: Mapping[str, Any]) -> dict[str, Any]:
        """The same with a wrong hash."""
        return {**notice, self._word("MaXacThuc"): "0" * 64}

    def answer_is_proved(self, tree: Mapping[str, Any]) -> bool:
        """Whether the hub's answer to CONFIRM is of the documented form, hash included."""
        fields = {name: str(tree.get(self._word(name), "")) for name in ANSWERED}
        return bool(fields["MaLoi"]) and tree.get(self._word("MaXacThuc")) == self._proof(
            fields, ANSWERED
        )

    def code_of(self, tree: Mapping[str, Any]) -> str:
        """`MaLoi` of the hub's answer."""
        return str(tree.get(self._word("MaLoi"), ""))

    def _status(self, paid: Transaction) -> dict[str, str]:
        names = self._confirm_names
        return {names.get("TrangThaiGD", "TrangThaiGD"): paid.status}

    def _reply(self, code: str, message: str, link: str = "") -> Answer:
        inner = {self._word("UrlThanhToan"): link} if link else {}
        body: dict[str, Any]
        if self._flat:
            body = {self._word("MaLoi"): code, "DESCRIPTION": message, **inner}
        else:
            text = json.dumps({**inner, "MoTa": message}, ensure_ascii=False)
            body = {"error_code": code, "message": text}
        return Answer(body, taken=bool(link))

    @staticmethod
    def _read(
        tree: Mapping[str, Any], names: Mapping[str, str], table: Mapping[str, str]
    ) -> dict[str, str]:
        return {name: str(tree.get(names.get(name, name), "")) for name in table}

    def _word(self, name: str) -> str:
        return self._names.get(name, name)

    def _proof(self, fields: Mapping[str, str], names: Sequence[str]) -> str:
        text = "|".join([*(fields.get(name, "") for name in names), self._secret])
        return hashlib.sha256(text.encode()).hexdigest()


def _first_fault(fields: Mapping[str, str], table: Mapping[str, str]) -> str:
    for name, pattern in table.items():
        if re.fullmatch(pattern, fields.get(name, "")) is None:
            return name
    return ""
