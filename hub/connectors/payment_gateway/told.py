"""What a gateway tells of a payment, what the hub holds of it, and what follows from both; pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from hub.errors import DecodeError
from hub.event import Alias
from hub.schemas.payment import FailureReason, PaymentClaim
from hub.wire.dvcqg.dates import read_stamp

ALIAS_KINDS = {"vnpay": "vnpay.order", "payplat": "payplat.reference"}
"""Kind of the alias of an order, by profile."""

REFERENCE = re.compile(r"[A-Za-z0-9]{1,100}")
OPEN, CONFIRMED, FAILED = "open", "confirmed", "failed"
SHORT = 100
MONEY_MOVED = (PaymentClaim.PAID, PaymentClaim.PENDING)
"""Claims after which money may have left the payer."""


@dataclass(frozen=True, slots=True)
class Told:
    """What a gateway tells of one order.

    Attributes:
        known: it knows the order at all.
        amount_vnd: `None` where the wire does not say it.
        currency: `` where the wire does not say it.
    """

    reference: str
    claim: PaymentClaim
    known: bool = True
    amount_vnd: int | None = None
    currency: str = ""
    transaction: str = ""
    bank_transaction: str = ""
    bank_code: str = ""
    paid_at_text: str = ""
    response_code: str = ""
    status_code: str = ""

    @property
    def paid_at(self) -> datetime | None:
        """When it was paid; `None` if the text is no date."""
        return read_stamp(self.paid_at_text)


@dataclass(frozen=True, slots=True)
class Order:
    """What was agreed with a gateway under a reference: the facts of its alias."""

    reference: str
    subject: str
    facts: Mapping[str, str]

    @classmethod
    def of(cls, alias: Alias) -> Order:
        """The order of an alias."""
        return cls(alias.value, alias.subject, dict(alias.facts))

    def is_of(self, instance: str) -> bool:
        """Whether this instance agreed it with its gateway."""
        return self.facts.get("instance", instance) == instance

    @property
    def amount_vnd(self) -> int:
        """Amount in VND."""
        return _whole_vnd(self.facts.get("amount_vnd", ""))

    @property
    def unit(self) -> str:
        """Organisation id of the unit."""
        return self.facts.get("unit", "")

    @property
    def currency(self) -> str:
        """Currency."""
        return self.facts.get("currency", "")

    @property
    def paid(self) -> bool:
        """A payment of it was confirmed; once true, always true."""
        return self.facts.get("paid") == "yes"

    @property
    def given_back_vnd(self) -> int:
        """What was given back of it."""
        return _whole_vnd(self.facts.get("refunded_vnd", ""))

    @property
    def settled(self) -> bool:
        """Nothing more is expected of it."""
        return self.paid or self.facts.get("state") == FAILED

    @property
    def is_claimed(self) -> bool:
        """The last callback claimed that money may have moved."""
        return self.facts.get("claim") in MONEY_MOVED

    @property
    def expires_at(self) -> datetime | None:
        """Until when its link can be used."""
        return read_stamp(self.facts.get("expires_at"))

    def is_usable(self, at: datetime) -> bool:
        """Whether its link can be used at a moment."""
        return not self.settled and self.expires_at is not None and self.expires_at > at

    @property
    def waits_from(self) -> datetime | None:
        """From when on it is waited for: its link's end, or a later report."""
        told = (self.expires_at, read_stamp(self.facts.get("reported_at")))
        return max((moment for moment in told if moment is not None), default=None)


@dataclass(frozen=True, slots=True)
class Judgement:
    """What follows from what a gateway tells: confirmed, or failed for a reason."""

    reason: FailureReason | None

    @property
    def confirmed(self) -> bool:
        """The money is there."""
        return self.reason is None


def _whole_vnd(text: str) -> int:
    return int(text) if text.isascii() and text.isdecimal() else 0


def judge(order: Order, told: Told, *, given_up: bool) -> Judgement | None:
    """What follows for an order; `None`: nothing yet, ask again later.

    Args:
        order: what was agreed.
        told: what the gateway answered when the hub asked.
        given_up: the time to settle is over.
    """
    match told.claim if told.known else PaymentClaim.PENDING:
        case PaymentClaim.PAID:
            if told.amount_vnd != order.amount_vnd:
                return Judgement(FailureReason.AMOUNT_DIFFERS)
            if told.currency not in ("", order.currency):
                return Judgement(FailureReason.CURRENCY_DIFFERS)
            return Judgement(None) if told.transaction else None
        case PaymentClaim.FAILED:
            return Judgement(FailureReason.REFUSED)
        case PaymentClaim.REFUNDED:
            return Judgement(FailureReason.REFUNDED)
    return Judgement(FailureReason.EXPIRED) if given_up else None


def short_text(fields: Mapping[str, object], name: str, *, needed: bool = False) -> str:
    """A field as short text; numbers count as text, what is missing is ``.

    Raises:
        DecodeError: of another type, too long, not printable, or missing though needed.
    """
    value = fields.get(name)
    if value is None or isinstance(value, bool | float | list | dict):
        if value is None and not needed:
            return ""
        raise DecodeError("must be a text", path=path_of(name))
    text = str(value)
    if needed and not text:
        raise DecodeError("must not be empty", path=path_of(name))
    if len(text) > SHORT * 3 or not text.isprintable():
        raise DecodeError("too long, or not printable", path=path_of(name))
    return text


def reference_in(fields: Mapping[str, object], name: str) -> str:
    """A reference of ours.

    Raises:
        DecodeError: it cannot be one.
    """
    text = short_text(fields, name, needed=True)
    if not REFERENCE.fullmatch(text):
        raise DecodeError("not a reference", path=path_of(name))
    return text


def amount_in(fields: Mapping[str, object], name: str, *, per_vnd: int = 1) -> int | None:
    """An amount in VND, `None` where it is not told.

    Args:
        per_vnd: units on the wire in one VND.

    Raises:
        DecodeError: not a whole number of VND.
    """
    text = short_text(fields, name)
    if not text:
        return None
    if not (text.isascii() and text.isdecimal() and len(text) <= 18) or int(text) % per_vnd:
        raise DecodeError("not a whole amount", path=path_of(name))
    return int(text) // per_vnd


def plain_code(code: str) -> str:
    """A foreign code as it may be shown: short and plain, else only that it is not."""
    return code if re.fullmatch(r"[A-Za-z0-9_-]{0,20}", code) else "unreadable"


def path_of(name: str) -> str:
    """The path of a field; names that are not plain are not repeated."""
    return f"/{name}" if re.fullmatch(r"[A-Za-z][A-Za-z0-9_]{0,63}", name) else "/"
