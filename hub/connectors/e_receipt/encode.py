"""Payments and decisions about receipts -> the documents of the receipt system; pure.

The Message's body is `xmlInvData`; `client.py` puts it into the call, because accounts are no
business of this module. Of a cancellation the body is the receipt's key alone. Keys are made of
the payment's id: whoever asks again, and however often, names the same receipt.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date

from lxml import etree

from hub.connectors.e_receipt.settings import Collector, EReceiptSettings
from hub.connectors.e_receipt.words import LARGEST, amount_in_words
from hub.errors import EncodeError
from hub.event import Event
from hub.message import Message
from hub.schemas.dossier import ApplicantKind, Fee
from hub.schemas.payment import Payer, PaymentConfirmed
from hub.schemas.receipt import ReceiptCancelRequested, ReceiptReplaceRequested
from hub.wire.dvcqg.dates import VIETNAM
from hub.wire.xml import Element

ISSUE, CANCEL, REPLACE = "ImportAndPublishInv", "cancelInv", "ReplaceInvoie"
"""What can be asked; the service spells the last one so."""

LINE_LIMIT, LINE_CUT = 500, 450
"""A fee text longer than the first is cut to the second, as products do."""

_TAX_CODE = re.compile(r"[0-9]{10}(-[0-9]{3})?", re.ASCII)
_KEY = re.compile(r"[A-Za-z0-9._-]{1,60}")
_UNPRINTABLE = re.compile(r"[\x00-\x1f\x7f\ufffe\uffff\ud800-\udfff]+")
_REPLACEMENT = re.compile(r"-R(\d{1,3})$")


def encode(event: Event, settings: EReceiptSettings) -> Message:
    """The document that an event becomes.

    Args:
        event: `payment.confirmed`, `receipt.cancel_requested` or `receipt.replace_requested`.
        settings: of the connector instance.

    Raises:
        EncodeError: another event, a unit that collects nothing, or an amount that does not fit.
    """
    data = event.data
    if isinstance(data, ReceiptCancelRequested):
        fkey = _key_of(data.fkey, data.payment_id, settings)
        collector_of(_unit(event), settings)
        return _message(event, CANCEL, fkey.encode(), {"fkey": fkey})
    if isinstance(data, PaymentConfirmed):
        fkey = _key_of("", data.payment_id, settings)
        root = etree.Element("Invoices")
        holder = etree.SubElement(root, "Inv")
        _add(holder, "key", fkey)
        _fill(etree.SubElement(holder, "Invoice"), event, data, settings)
        day = _day(event, settings).isoformat()
        said = {"fkey": fkey, "amount": str(data.amount_vnd), "issued_on": day}
        return _message(event, ISSUE, etree.tostring(root, encoding="utf-8"), said)
    if isinstance(data, ReceiptReplaceRequested):
        old = _key_of(data.fkey, data.payment_id, settings)
        root = etree.Element("ReplaceInv")
        fkey = replacement_key(old)
        _add(root, "key", fkey)
        _fill(root, event, data, settings)
        day = _day(event, settings).isoformat()
        said = {"fkey": fkey, "replaced_fkey": old, "amount": str(data.amount_vnd)}
        said["issued_on"] = day
        return _message(event, REPLACE, etree.tostring(root, encoding="utf-8"), said)
    raise EncodeError("receipts are made of payments only", code="unknown_kind")


def _message(event: Event, operation: str, body: bytes, said: dict[str, str]) -> Message:
    return Message(
        connector="e_receipt",
        operation=operation,
        body=body,
        key=event.subject,
        headers={
            "unit": _unit(event),
            "payment_id": getattr(event.data, "payment_id", ""),
            **said,
        },
        id=event.id,
        received_at=event.time,
        content_type="text/plain" if operation == CANCEL else "application/xml",
        traceparent=event.traceparent,
    )


def _unit(event: Event) -> str:
    """The collecting unit: as told, else the one in the dossier code."""
    told = getattr(event.data, "unit", "")
    return told or event.subject.partition("-")[0]


def collector_of(unit: str, settings: EReceiptSettings) -> Collector:
    """The unit's accounts and series.

    Raises:
        EncodeError: hub.yaml has none.
    """
    collector = settings.collectors.get(unit)
    if collector is None:
        raise EncodeError("hub.yaml has no collector of this unit", path="/data/unit")
    return collector


def _key_of(told: str, payment_id: str, settings: EReceiptSettings) -> str:
    """The key as told, else the one that the payment's receipt has."""
    key = told or (settings.fkey_prefix + payment_id if payment_id else "")
    if not _KEY.fullmatch(key):
        where = "fkey" if told else "payment_id"
        raise EncodeError("gives no key of a receipt", path=f"/data/{where}")
    return key


def replacement_key(fkey: str) -> str:
    """The key of the receipt that replaces one: `P1` -> `P1-R1` -> `P1-R2`."""
    found = _REPLACEMENT.search(fkey)
    if found is None:
        return f"{fkey}-R1"
    return f"{fkey[: found.start()]}-R{int(found[1]) + 1}"


def _fill(
    invoice: Element,
    event: Event,
    data: PaymentConfirmed | ReceiptReplaceRequested,
    settings: EReceiptSettings,
) -> None:
    """The fields of a receipt, in the order in which products write them."""
    collector = collector_of(_unit(event), settings)
    amount = _amount(data)
    code = data.code or event.subject
    payer = data.payer or Payer.model_validate({})
    purpose = _line(data.purpose or f"Phí, lệ phí hồ sơ {code}")
    method = settings.payment_methods.get(data.profile, settings.payment_method)
    for name, text in (
        ("Extra1", code),
        ("CusCode", code),
        ("ArisingDate", _day(event, settings).strftime("%d/%m/%Y")),
        ("CusName", payer.name or "Người nộp không cung cấp tên"),
        *_tax_code(payer),
        ("Total", str(amount)),
        ("Amount", str(amount)),
        ("AmountInWords", amount_in_words(amount)),
        ("VATAmount", "0"),
        ("VATRate", "0"),
        ("ComTaxCode", collector.tax_code),
        ("CusAddress", payer.address),
        ("Email", payer.email),
        ("PaymentMethod", method),
        ("PaymentStatus", "1"),
        ("Extra", purpose),
    ):
        _add(invoice, name, text)
    products = etree.SubElement(invoice, "Products")
    procedure = data.procedure.code if data.procedure else ""
    for fee, price in _lines(data.fees, amount, purpose):
        line = etree.SubElement(products, "Product")
        for name, text in (
            ("FEEID", fee.code),
            ("Extra1", _line(fee.name)),
            ("Extra2", settings.fee_types.get(fee.type_code, settings.fee_type)),
            ("Code", procedure),
            ("ProdName", _line(fee.name)),
            ("ProdUnit", "Lần"),
            ("ProdQuantity", "1"),
            ("ProdPrice", str(price)),
            ("VATRate", "0"),
            ("Total", str(price)),
            ("Amount", str(price)),
        ):
            _add(line, name, text)


def _tax_code(payer: Payer) -> Iterator[tuple[str, str]]:
    """`CusTaxCode` of a business whose number is one; it is left out of all other receipts."""
    if payer.kind is ApplicantKind.BUSINESS and _TAX_CODE.fullmatch(payer.id_number):
        yield "CusTaxCode", payer.id_number


def _amount(data: PaymentConfirmed | ReceiptReplaceRequested) -> int:
    if isinstance(data, PaymentConfirmed) and data.currency != "VND":
        raise EncodeError("receipts are in VND", path="/data/currency")
    amount = data.amount_vnd
    if amount is None or not 0 < amount <= LARGEST:
        raise EncodeError("no amount that a receipt can say", path="/data/amount_vnd")
    return amount


def _lines(fees: tuple[Fee, ...], amount: int, purpose: str) -> list[tuple[Fee, int]]:
    """The lines with their prices; what is not asked for is no line.

    Raises:
        EncodeError: they do not add up to the amount.
    """
    if not fees:
        return [(Fee.model_validate({"name": purpose}), amount)]
    if len(fees) == 1 and fees[0].amount_vnd is None:
        return [(fees[0], amount)]
    lines = [(fee, fee.amount_vnd) for fee in fees if fee.amount_vnd]
    if sum(price for _, price in lines) != amount or any(f.amount_vnd is None for f in fees):
        raise EncodeError("the fees do not add up to the amount", path="/data/fees")
    return lines


def _day(event: Event, settings: EReceiptSettings) -> date:
    """The receipt's date in Vietnam."""
    said = "paid_at" if settings.receipt_date == "paid" else "confirmed_at"
    return (getattr(event.data, said, None) or event.time).astimezone(VIETNAM).date()


def _line(text: str) -> str:
    return text if len(text) <= LINE_LIMIT else f"{text[:LINE_CUT]}…"


def _add(parent: Element, name: str, text: str) -> None:
    """One element; `&` is said in words (the system does not take it), controls are blanks."""
    said = _UNPRINTABLE.sub(" ", text).replace("&", "và").strip()
    etree.SubElement(parent, name).text = said or None
