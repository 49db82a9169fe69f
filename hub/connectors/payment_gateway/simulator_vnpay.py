"""VNPAY 2.1.0, simulated: its payment page, QueryDR, refunds, and the IPN that it sends.

Checks every field by its own table and computes every hash by its own code.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from collections.abc import Mapping
from datetime import datetime
from typing import Any
from urllib.parse import parse_qsl, quote_plus

from hub.connectors.payment_gateway.simulator_book import (
    STAMP,
    VIETNAM,
    Book,
    Order,
    Transaction,
    stamp,
)
from hub.simulation import Answer, Inner, Refuse

STAMPED = r"\d{14}"
PAY_FIELDS = {
    "vnp_Version": r"2\.1\.0",
    "vnp_Command": r"pay",
    "vnp_TmnCode": r"[A-Za-z0-9]{8}",
    "vnp_Amount": r"[1-9]\d{2,11}",
    "vnp_CreateDate": STAMPED,
    "vnp_ExpireDate": STAMPED,
    "vnp_CurrCode": r"VND",
    "vnp_IpAddr": r"[0-9a-fA-F.:]{2,45}",
    "vnp_Locale": r"vn|en",
    "vnp_OrderInfo": r"[A-Za-z0-9 -]{1,255}",
    "vnp_OrderType": r"[A-Za-z0-9_.-]{1,100}",
    "vnp_ReturnUrl": r"https?://\S{3,255}",
    "vnp_TxnRef": r"[A-Za-z0-9]{1,100}",
}
CALL_FIELDS = {
    "vnp_RequestId": r"[A-Za-z0-9]{1,32}",
    "vnp_Version": r"2\.1\.0",
    "vnp_Command": r"querydr|refund",
    "vnp_TmnCode": r"[A-Za-z0-9]{8}",
    "vnp_TxnRef": r"[A-Za-z0-9]{1,100}",
    "vnp_OrderInfo": r"[A-Za-z0-9 -]{1,255}",
    "vnp_TransactionDate": STAMPED,
    "vnp_CreateDate": STAMPED,
    "vnp_IpAddr": r"[0-9a-fA-F.:]{2,45}",
}
REFUND_FIELDS = {
    **CALL_FIELDS,
    "vnp_TransactionType": r"02|03",
    "vnp_Amount": r"[1-9]\d{2,11}",
    "vnp_TransactionNo": r"\d{1,15}",
    "vnp_CreateBy": r".{1,245}",
}
ASKED = "RequestId Version Command TmnCode TxnRef TransactionDate CreateDate IpAddr OrderInfo"
GIVEN_BACK = (
    "RequestId Version Command TmnCode TransactionType TxnRef Amount TransactionNo "
    "TransactionDate CreateBy CreateDate IpAddr OrderInfo"
)
REPLIED = (
    "ResponseId Command ResponseCode Message TmnCode TxnRef Amount BankCode PayDate "
    "TransactionNo TransactionType TransactionStatus OrderInfo"
)
PROMOTED = f"{REPLIED} PromotionCode PromotionAmount"


class Vnpay:
    """The gateway's side of one terminal."""

    good = "00"

    def __init__(self, book: Book, *, tmn_code: str, secret: str) -> None:
        self.book = book
        self._tmn_code = tmn_code
        self._secret = secret
        self.spoil_count = 0

    def open(self, raw: str) -> tuple[Order | None, str]:
        """A browser has come to the payment page; the order, or why there is none."""
        pairs = parse_qsl(raw, keep_blank_values=True)
        params = dict(pairs)
        signed = "&".join(
            f"{quote_plus(name)}={quote_plus(value)}"
            for name, value in sorted(pairs)
            if name != "vnp_SecureHash"
        )
        if params.pop("vnp_SecureHash", "") != self._hmac(signed):
            return None, "70"
        if wrong := _first_fault(params, PAY_FIELDS):
            return None, f"03 {wrong}"
        if params["vnp_TmnCode"] != self._tmn_code:
            return None, "02"
        expires = datetime.strptime(params["vnp_ExpireDate"], STAMP).replace(tzinfo=VIETNAM)
        reference, amount = params["vnp_TxnRef"], int(params["vnp_Amount"]) // 100
        order = self.book.orders.setdefault(reference, Order(reference, amount, expires, params))
        return (order, "") if order.amount == amount else (None, "01")

    def call(self, fields: Any, fault: Inner | None) -> Answer:
        """QueryDR or refund."""
        if not isinstance(fields, dict) or not all(isinstance(v, str) for v in fields.values()):
            return self._no({}, "03", "Invalid format")
        command = fields.get("vnp_Command", "")
        self.book.counts[command or "none"] += 1
        if isinstance(fault, Refuse):
            return self._no(fields, fault.error_code, fault.message)
        table = REFUND_FIELDS if command == "refund" else CALL_FIELDS
        if _first_fault(fields, table):
            return self._no(fields, "03", "Invalid format")
        if fields["vnp_TmnCode"] != self._tmn_code:
            return self._no(fields, "02", "Invalid merchant")
        if fields.get("vnp_SecureHash") != self._piped(
            fields, GIVEN_BACK if command == "refund" else ASKED
        ):
            return self._no(fields, "97", "Invalid checksum")
        if fields["vnp_RequestId"] in self.book.requests:
            return self._no(fields, "94", "Duplicate request")
        self.book.requests.add(fields["vnp_RequestId"])
        order = self.book.orders.get(fields["vnp_TxnRef"])
        if order is None or order.fields["vnp_CreateDate"] != fields["vnp_TransactionDate"]:
            return self._no(fields, "91", "Transaction not found")
        if command == "refund":
            return self._refund(fields, order)
        return self._yes(fields, order, PROMOTED)

    def _refund(self, fields: Mapping[str, str], order: Order) -> Answer:
        amount = int(fields["vnp_Amount"]) // 100
        if not order.paid:
            return self._no(fields, "95", "Original not successful")
        numbers = ["0", *(paid.number for paid in order.transactions if paid.status == self.good)]
        if fields["vnp_TransactionNo"] not in numbers:
            return self._no(fields, "91", "Transaction not found")
        order.refunded_number = fields["vnp_TransactionNo"]
        whole = fields["vnp_TransactionType"] == "02"
        if order.refunded + amount > order.paid or (whole and amount != order.paid):
            return self._no(fields, "03", "Invalid amount")
        status = order.refund_answer.get("vnp_TransactionStatus", "05")
        order.refunded += amount if status not in ("02", "09") else 0
        order.refund_type, order.refund_status = fields["vnp_TransactionType"], status
        return self._yes(fields, order, REPLIED, order.refund_answer)

    def _yes(
        self,
        fields: Mapping[str, str],
        order: Order,
        hashed: str,
        otherwise: Mapping[str, str] | None = None,
    ) -> Answer:
        paid = order.latest
        status = order.refund_status or (paid.status if paid else "01")
        said = {
            "vnp_ResponseId": secrets.token_hex(16),
            "vnp_Command": fields["vnp_Command"],
            "vnp_ResponseCode": "00",
            "vnp_Message": "Success",
            "vnp_TmnCode": self._tmn_code,
            "vnp_TxnRef": order.reference,
            "vnp_Amount": str((paid.amount if paid else order.amount) * 100),
            "vnp_OrderInfo": fields["vnp_OrderInfo"],
            "vnp_TransactionType": order.refund_type or "01",
            "vnp_TransactionStatus": status,
        }
        if paid is not None:
            said |= {
                "vnp_BankCode": paid.bank,
                "vnp_PayDate": stamp(paid.at),
                "vnp_TransactionNo": paid.number,
            }
        said |= otherwise or {}
        proof = self._piped(said, hashed)
        return Answer({**said, "vnp_SecureHash": self._spoilt(proof)}, taken=True)

    @staticmethod
    def _no(fields: Mapping[str, Any], code: str, message: str) -> Answer:
        command = str(fields.get("vnp_Command", ""))
        said = {"vnp_ResponseCode": code, "vnp_Message": message, "vnp_Command": command}
        return Answer({**said, "vnp_ResponseId": secrets.token_hex(16)}, taken=False)

    def notice(self, order: Order, paid: Transaction) -> str:
        """The query of an IPN and of the return address."""
        said = {
            "vnp_Amount": str(paid.amount * 100),
            "vnp_BankCode": paid.bank,
            "vnp_BankTranNo": paid.bank_number,
            "vnp_CardType": "ATM",
            "vnp_OrderInfo": order.fields["vnp_OrderInfo"],
            "vnp_PayDate": stamp(paid.at),
            "vnp_ResponseCode": paid.response,
            "vnp_TmnCode": self._tmn_code,
            "vnp_TransactionNo": paid.number,
            "vnp_TransactionStatus": paid.status,
            "vnp_TxnRef": order.reference,
        }
        text = "&".join(f"{quote_plus(n)}={quote_plus(v)}" for n, v in sorted(said.items()))
        return f"{text}&vnp_SecureHashType=HmacSHA512&vnp_SecureHash={self._hmac(text)}"

    def _spoilt(self, proof: str) -> str:
        if self.spoil_count <= 0:
            return proof
        self.spoil_count -= 1
        return "0" * len(proof)

    def _piped(self, fields: Mapping[str, str], names: str) -> str:
        return self._hmac("|".join(fields.get(f"vnp_{name}", "") for name in names.split()))

    def _hmac(self, text: str) -> str:
        return hmac.new(self._secret.encode(), text.encode(), hashlib.sha512).hexdigest()


def _first_fault(fields: Mapping[str, str], table: Mapping[str, str]) -> str:
    """The first field that breaks the table, `` if none does."""
    for name, pattern in table.items():
        if re.fullmatch(pattern, fields.get(name, "")) is None:
            return name
    return ""
