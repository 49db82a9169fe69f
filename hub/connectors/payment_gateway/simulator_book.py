"""What the simulated bank holds: orders, their transactions, refunds, and the day's file."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from typing import Any

VIETNAM = timezone(timedelta(hours=7))
STAMP = "%Y%m%d%H%M%S"


def now() -> datetime:
    """The moment, in Vietnam."""
    return datetime.now(VIETNAM)


def stamp(at: datetime) -> str:
    """14 digits of a moment."""
    return at.astimezone(VIETNAM).strftime(STAMP)


@dataclass
class Transaction:
    """One payment of an order: codes as the protocol says them, amount in VND."""

    number: str
    bank_number: str
    amount: int
    response: str
    status: str
    at: datetime
    bank: str = "NCB"


@dataclass
class Order:
    """One order of the merchant.

    Attributes:
        fields: what the merchant sent, by the wire's names.
        amount: in VND.
        expires: after this moment nobody can pay it.
        refunded_number: the transaction that a refund was last asked of; 0: it was not told.
        refund_answer: what the answer to a refund says otherwise than it would.
    """

    reference: str
    amount: int
    expires: datetime
    fields: Mapping[str, str]
    transactions: list[Transaction] = field(default_factory=list)
    refunded: int = 0
    refunded_number: str = ""
    refund_type: str = ""
    refund_status: str = ""
    refund_answer: Mapping[str, str] = field(default_factory=dict)

    @property
    def latest(self) -> Transaction | None:
        """The latest transaction."""
        return self.transactions[-1] if self.transactions else None

    @property
    def paid(self) -> int:
        """VND of all payments that succeeded."""
        return sum(t.amount for t in self.transactions if t.status in ("00", "1"))


class Book:
    """Everything that is held; `reset` empties it.

    Args:
        clock: tells the moment.
    """

    def __init__(self, clock: Callable[[], datetime] = now) -> None:
        self.clock = clock
        self.reset()

    def reset(self) -> None:
        """Forget orders, refunds and counts."""
        self.orders: dict[str, Order] = {}
        self.requests: set[str] = set()
        self.counts: Counter[str] = Counter()
        self.altered: dict[str, Any] = {}
        self._numbers = 14_000_000

    def state(self) -> Mapping[str, Any]:
        """Counts, JSON-able; `paid_twice` must stay 0."""
        orders = self.orders.values()
        return {
            "orders": len(self.orders),
            "paid": sum(order.paid > 0 for order in orders),
            "paid_vnd": sum(order.paid for order in orders),
            "paid_twice": sum(order.paid > order.amount for order in orders),
            "refunded_vnd": sum(order.refunded for order in orders),
            "refunded_numbers": [o.refunded_number for o in orders if o.refunded_number],
            "calls": dict(self.counts),
        }

    def pay(self, order: Order, said: Mapping[str, Any], *, good: str) -> Transaction:
        """A payment as it was told to end.

        Args:
            said: `response_code`, `status_code`, `amount`; what is missing is a success.
            good: the protocol's status of a success.
        """
        self._numbers += 1
        made = Transaction(
            number=str(self._numbers),
            bank_number=f"VNP{self._numbers}",
            amount=int(said.get("amount", order.amount)),
            response=str(said.get("response_code", "00")),
            status=str(said.get("status_code", good)),
            at=self.clock(),
        )
        order.transactions.append(made)
        return made

    def settlement(self, day: str) -> str:
        """The day's payments (`yyyymmdd`) as CSV, with what was told to be wrong in it."""
        lines = ["reference,transaction,amount"]
        amounts = self.altered.get("amounts", {})
        for order in self.orders.values():
            for paid in order.transactions:
                good = paid.status in ("00", "1")
                if not good or stamp(paid.at)[:8] != day or order.reference in self._dropped:
                    continue
                amount = amounts.get(order.reference, paid.amount)
                lines.append(f"{order.reference},{paid.number},{amount}")
        lines += [",".join(map(str, row)) for row in self.altered.get("added", ())]
        return "\r\n".join(lines) + "\r\n"

    @property
    def _dropped(self) -> list[str]:
        dropped: list[str] = self.altered.get("dropped", [])
        return dropped
