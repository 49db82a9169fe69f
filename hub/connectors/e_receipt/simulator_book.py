"""What the simulated receipt system holds and refuses: its own reading of the documents.

Source: the fields of `xmlInvData` as products fill them; numbers begin at 1 in each series and
have seven digits. Error numbers are those that products know; states are 1 issued, 3 replaced,
5 void.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from lxml import etree

KEY = re.compile(r"[A-Za-z0-9._-]{1,60}")
PATTERN = re.compile(r"0[12]BLP[0-9]-[0-9]{3}")
SERIAL = re.compile(r"[ABCDEGHKLMNPQRSTUVXY]{2}-[0-9]{2}E")
MONEY = re.compile(r"[0-9]{1,15}")
HEAD = (
    *("Extra1", "CusCode", "ArisingDate", "CusName", "Total", "Amount", "AmountInWords"),
    *("VATAmount", "VATRate", "PaymentMethod", "PaymentStatus", "Extra"),
)
"""Fields of a receipt that must be there and must not be empty."""
LINE = ("Code", "ProdName", "ProdUnit", "ProdQuantity", "ProdPrice", "Total", "Amount")
ISSUED, REPLACED, VOID = "1", "3", "5"


@dataclass(slots=True)
class Receipt:
    """One receipt."""

    pattern: str
    serial: str
    number: str
    amount: str
    code: str
    status: str = ISSUED
    paid: bool = True


class ReceiptBook:
    """Receipts by key.

    Args:
        numbers_count: how many numbers each series has.
    """

    def __init__(self, numbers_count: int) -> None:
        self._numbers = numbers_count
        self._used: Counter[tuple[str, str]] = Counter()
        self.receipts: dict[str, Receipt] = {}

    def issue(self, sent: Mapping[str, str]) -> str:
        """`ImportAndPublishInv`."""
        root = _tree(sent["xmlInvData"])
        if root is None or root.tag != "Invoices":
            return "ERR:3"
        if len(root) != 1:
            return "ERR:10" if len(root) else "ERR:3"
        (holder,) = root
        fault = _fault(holder, holder.find("Invoice"))
        return fault or self._number(_key(holder), holder.find("Invoice"), sent)

    def replace(self, sent: Mapping[str, str]) -> str:
        """`ReplaceInvoie`: the new one has its number, the old one is no longer valid."""
        old = self.receipts.get(sent["fkey"])
        if old is None:
            return "ERR:2"
        root = _tree(sent["xmlInvData"])
        if root is None or root.tag != "ReplaceInv":
            return "ERR:3"
        if fault := _fault(root, root):
            return fault
        if _key(root) in self.receipts:
            return "ERR:13"
        if old.status != ISSUED:
            return "ERR:8"
        answer = self._number(_key(root), root, sent)
        if answer.startswith("OK"):
            old.status = REPLACED
        return answer

    def _number(self, key: str, invoice: Any, sent: Mapping[str, str]) -> str:
        pattern, serial = sent["pattern"], sent["serial"]
        year = invoice.findtext("ArisingDate")[8:10]
        if not PATTERN.fullmatch(pattern) or not SERIAL.fullmatch(serial):
            return "ERR:20"
        if serial[3:5] != year:
            return "ERR:20"
        if key in self.receipts:
            return "ERR:13"
        if self._used[pattern, serial] >= self._numbers:
            return "ERR:6"
        self._used[pattern, serial] += 1
        number = f"{self._used[pattern, serial]:07}"
        amount, code = invoice.findtext("Amount"), invoice.findtext("Extra1")
        self.receipts[key] = Receipt(pattern, serial, number, amount, code)
        return f"OK:{pattern};{serial}-{key}_{number}"

    def unmark(self, sent: Mapping[str, str]) -> str:
        """`UnConfirmPaymentFkey`."""
        receipt = self.receipts.get(sent["fkey"])
        if receipt is None:
            return "ERR:6"
        if not receipt.paid:
            return "ERR:9"
        receipt.paid = False
        return "OK:"

    def mark(self, sent: Mapping[str, str]) -> str:
        """`confirmPaymentFkey`."""
        receipt = self.receipts.get(sent["fkey"])
        if receipt is None:
            return "ERR:6"
        if receipt.paid:
            return "ERR:9"
        receipt.paid = True
        return "OK:"

    def cancel(self, sent: Mapping[str, str]) -> str:
        """`cancelInv`."""
        receipt = self.receipts.get(sent["fkey"])
        if receipt is None:
            return "ERR:2"
        if receipt.status != ISSUED:
            return "ERR:8"
        if receipt.paid:
            return "ERR:9"
        receipt.status = VOID
        return "OK:"

    def show(self, sent: Mapping[str, str]) -> str:
        """`listInvByCusFkey`: the receipt of a key."""
        receipt = self.receipts.get(sent["key"])
        if receipt is None:
            return "ERR:6"
        root = etree.Element("Data")
        item = etree.SubElement(root, "Item")
        for name, text in (
            ("index", "1"),
            ("cusCode", receipt.code),
            ("pattern", receipt.pattern),
            ("serial", receipt.serial),
            ("invNum", receipt.number),
            ("amount", receipt.amount),
            ("status", receipt.status),
            ("payment", "1" if receipt.paid else "0"),
        ):
            etree.SubElement(item, name).text = text
        return str(etree.tostring(root, encoding="unicode"))

    def link(self, sent: Mapping[str, str]) -> str:
        """`getLinkInvFkey`."""
        key = sent["fkey"]
        return f"http://127.0.0.1/tra-cuu/{key}" if key in self.receipts else "ERR:6"

    def counts(self) -> Mapping[str, Any]:
        """Counts for `/_control/state`."""
        states = Counter(receipt.status for receipt in self.receipts.values())
        total = sum(int(r.amount) for r in self.receipts.values() if r.status == ISSUED)
        return {"receipts": len(self.receipts), "by_status": dict(states), "issued_vnd": total}


def _tree(text: str) -> Any:
    parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False)
    try:
        return etree.fromstring(text.encode(), parser)
    except etree.XMLSyntaxError:
        return None


def _key(holder: Any) -> str:
    return str(holder.findtext("key") or "")


def _fault(holder: Any, invoice: Any) -> str:
    """`ERR:3` where a document breaks a rule, `` if it keeps all."""
    if invoice is None or not KEY.fullmatch(_key(holder)):
        return "ERR:3"
    lines = invoice.findall("Products/Product")
    good = (
        all((invoice.findtext(name) or "").strip() for name in HEAD)
        and "&" not in "".join(invoice.itertext())
        and _is_date(invoice.findtext("ArisingDate"))
        and invoice.findtext("PaymentMethod") in ("TM", "CK", "TTO")
        and invoice.findtext("PaymentStatus") == "1"
        and {invoice.findtext("VATAmount"), invoice.findtext("VATRate")} == {"0"}
        and bool(lines)
        and all((line.findtext(name) is not None) for line in lines for name in LINE)
        and all(line.findtext("Extra2") in ("0", "1") for line in lines)
        and all(len(line.findtext("ProdName") or "") <= 500 for line in lines)
        and _adds_up(invoice, lines)
    )
    return "" if good else "ERR:3"


def _adds_up(invoice: Any, lines: Any) -> bool:
    amounts = [line.findtext("Amount") or "" for line in lines]
    prices = [line.findtext("ProdPrice") or "" for line in lines]
    totals = [invoice.findtext("Amount") or "", invoice.findtext("Total") or ""]
    if not all(MONEY.fullmatch(amount) for amount in (*amounts, *prices, *totals)):
        return False
    return {sum(int(amount) for amount in amounts)} == {int(total) for total in totals}


def _is_date(text: str) -> bool:
    try:
        datetime.strptime(text, "%d/%m/%Y")
    except ValueError:
        return False
    return len(text) == 10
