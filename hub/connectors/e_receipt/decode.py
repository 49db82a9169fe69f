"""What the receipt system answered to the hub -> events of receipts; pure.

The one form is `reply`, which the hub's own client writes: the system is called and never calls.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any

from hub.connectors.e_receipt.encode import CANCEL, ISSUE, REPLACE
from hub.connectors.e_receipt.settings import EReceiptSettings
from hub.errors import DecodeError
from hub.event import Alias, Event, EventData
from hub.message import Message
from hub.schemas.receipt import FKEY_ALIAS, ReceiptCancelled, ReceiptIssued, ReceiptReplaced
from hub.wire.dvcqg.dates import VIETNAM
from hub.wire.json_text import strict_tree

FORMS = ("reply",)
INSTANCE = "e_receipt"
KINDS = {ISSUE: "receipt.issued", REPLACE: "receipt.replaced", CANCEL: "receipt.cancelled"}
TEXT_LIMIT = 2000


def message(body: bytes, form: str) -> Message:
    """The Message of wire bytes; the same bytes give the same Message."""
    return Message.of_file(
        body,
        connector=INSTANCE,
        operation=form,
        headers={"form": form},
    )


def order_key(message: Message) -> str:
    """The subject of a reply, else the connector. Never raises."""
    try:
        return _text(strict_tree(message.body), "subject", must=True)
    except DecodeError:
        return message.connector


def decode(message: Message, settings: EReceiptSettings) -> Sequence[Event | DecodeError]:
    """The one event of a reply.

    Raises:
        DecodeError: unreadable, or it answers nothing that is known.
    """
    tree = strict_tree(message.body)
    subject = _text(tree, "subject", must=True)
    key = _text(tree, "operation_key", must=True)
    operation = _text(tree, "operation", must=True)
    if operation not in KINDS:
        raise DecodeError("answers nothing known", path="/operation", code="unknown_operation")
    data = _data(operation, tree, subject)
    at = _moment(tree)
    unit = _text(tree, "unit")
    fkey = _text(tree, "fkey", must=True)
    facts = {} if operation == CANCEL else {"payment": _text(tree, "payment_id")}
    return [
        Event(
            kind=KINDS[operation],
            source=f"/connectors/{message.connector}/{unit}",
            subject=subject,
            time=at or message.received_at,
            data=data,
            natural_key=f"reply:{key}",
            message_id=message.id,
            traceparent=message.traceparent,
            aliases=(Alias(FKEY_ALIAS, fkey, subject, facts),),
            once=True,
        )
    ]


def _data(operation: str, tree: Mapping[str, Any], subject: str) -> EventData:
    said: dict[str, Any] = {
        "code": _text(tree, "code") or subject,
        "unit": _text(tree, "unit"),
        "payment_id": _text(tree, "payment_id"),
        "fkey": _text(tree, "fkey", must=True),
        "operation_key": _text(tree, "operation_key", must=True),
        "existed": True if tree.get("existed") is True else None,
    }
    if operation == CANCEL:
        return ReceiptCancelled(**said, reason=_text(tree, "reason"))
    said |= {
        "pattern": _text(tree, "pattern"),
        "serial": _text(tree, "serial"),
        "number": _text(tree, "number", must=True),
        "amount_vnd": _amount(tree),
        "link": _text(tree, "link"),
        "issued_on": _day(tree),
    }
    if operation == ISSUE:
        return ReceiptIssued(**said)
    replaced = _text(tree, "replaced_fkey", must=True)
    return ReceiptReplaced(**said, replaced_fkey=replaced, reason=_text(tree, "reason"))


def _text(tree: Any, name: str, *, must: bool = False) -> str:
    value = tree.get(name) if isinstance(tree, dict) else None
    if value is None or (isinstance(value, str) and not value.strip()):
        if must:
            raise DecodeError("is needed", path=f"/{name}")
        return ""
    if not isinstance(value, str) or "\x00" in value or len(value) > TEXT_LIMIT:
        raise DecodeError("must be a text of some length", path=f"/{name}")
    return value


def _amount(tree: Mapping[str, Any]) -> int | None:
    text = _text(tree, "amount")
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 16 else None


def _day(tree: Mapping[str, Any]) -> date | None:
    try:
        return date.fromisoformat(_text(tree, "issued_on"))
    except ValueError:
        return None


def _moment(tree: Mapping[str, Any]) -> datetime | None:
    try:
        at = datetime.fromisoformat(_text(tree, "at"))
        return at.astimezone(VIETNAM) if at.tzinfo else None
    except (ValueError, OverflowError):
        return None
