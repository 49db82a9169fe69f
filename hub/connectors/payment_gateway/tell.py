"""Events of one record: a link, an answer, a refund; pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from hub.connectors.payment_gateway.records import Record
from hub.connectors.payment_gateway.told import (
    ALIAS_KINDS,
    CONFIRMED,
    FAILED,
    Judgement,
    Order,
    Told,
)
from hub.errors import DecodeError
from hub.event import Alias, Event, EventData
from hub.message import Message
from hub.schemas.payment import (
    OwedData,
    PaymentConfirmed,
    PaymentFailed,
    PaymentRefunded,
    PaymentReported,
    PaymentRequested,
)
from hub.wire.dvcqg.dates import VIETNAM, read_stamp


def source_of(message: Message, unit: str) -> str:
    """CloudEvents source: the same for the callback, the question and the look of a unit."""
    return f"/connectors/{message.connector}/{unit}"


def reported(message: Message, profile: str, told: Told) -> Event:
    """What a callback claims; the hub finds the dossier by the reference."""
    unit = message.headers.get("unit", "")
    facts = {
        "reported_transaction": told.transaction,
        "bank_transaction": told.bank_transaction,
    }
    return Event(
        kind="payment.reported",
        source=source_of(message, unit),
        subject="",
        about=(ALIAS_KINDS[profile], told.reference),
        time=told.paid_at or message.received_at,
        data=PaymentReported(unit=unit, claim=told.claim, **transaction_of(profile, told)),
        natural_key=reported_key(profile, told),
        aliases=(Alias(ALIAS_KINDS[profile], told.reference, "", facts),),
        once=True,
        message_id=message.id,
        traceparent=message.traceparent,
    )


def reported_key(profile: str, told: Told) -> str:
    """What makes two callbacks the same report."""
    said = (told.reference, told.transaction, told.response_code, told.status_code)
    return f"reported:{profile}:{':'.join(said)}"


def transaction_of(profile: str, told: Told) -> dict[str, Any]:
    """What every event of a transaction says."""
    return {
        "profile": profile,
        "payment_id": told.reference,
        "amount_vnd": told.amount_vnd,
        "currency": told.currency or "VND",
        "transaction": told.transaction,
        "bank_transaction": told.bank_transaction,
        "bank_code": told.bank_code,
        "paid_at": told.paid_at,
        "paid_at_text": told.paid_at_text,
        "response_code": told.response_code,
        "status_code": told.status_code,
    }


@dataclass(frozen=True, slots=True)
class Teller:
    """Tells the event of one record.

    Attributes:
        message: what carries it.
        record: the call and its answer.
    """

    message: Message
    record: Record

    @property
    def order(self) -> Order:
        """The order as it stood when the record was made."""
        return Order(self.record.reference, self.record.subject, self.record.order)

    def requested(self) -> Event:
        """`payment.requested`.

        Raises:
            DecodeError: the record has no document.
        """
        record = self.record
        if record.document is None:
            raise DecodeError("a link needs its document", path="/document")
        created = read_stamp(record.order.get("created_at"))
        data = PaymentRequested(
            **self._owed(),
            pay_url=record.document.pay_url,
            requested_at=created,
            expires_at=self.order.expires_at,
        )
        key = f"{record.reference}:{record.operation_key}"
        return self._event("payment.requested", data, key, time=created)

    def settled(self, told: Told, judgement: Judgement) -> Event:
        """`payment.confirmed` or `payment.failed`: once each for a reference."""
        if judgement.reason is None:
            return self._confirmed(told)
        data = PaymentFailed(
            code=self.record.subject,
            unit=self.record.unit,
            reason=judgement.reason,
            **transaction_of(self.record.profile, told),
        )
        facts = {"state": FAILED, "failure": judgement.reason.value}
        return self._event("payment.failed", data, self.record.reference, facts=facts)

    def _confirmed(self, told: Told) -> Event:
        order, paid_at = self.order, told.paid_at
        bank = told.bank_transaction
        if not bank and order.facts.get("reported_transaction") == told.transaction:
            bank = order.facts.get("bank_transaction", "")
        data = PaymentConfirmed(
            **{**transaction_of(self.record.profile, told), **self._owed()}
            | {"bank_transaction": bank, "late": _late(paid_at, order.expires_at)},
            confirmed_at=self.message.received_at,
        )
        day = (paid_at or self.message.received_at).astimezone(VIETNAM).date()
        facts = {
            "state": CONFIRMED,
            "paid": "yes",
            "paid_on": day.isoformat(),
            "transaction": told.transaction,
        }
        key = f"{self.record.reference}:{told.transaction}"
        return self._event("payment.confirmed", data, key, time=paid_at, facts=facts)

    def refunded(self, told: Told) -> Event:
        """`payment.refunded`: once for each request."""
        record = self.record
        amount, total = record.amount_vnd or 0, record.refunded_vnd or 0
        data = PaymentRefunded(
            code=record.subject,
            unit=record.unit,
            whole=total >= self.order.amount_vnd,
            **{**transaction_of(record.profile, told), "amount_vnd": amount},
        )
        return self._event("payment.refunded", data, record.operation_key)

    def _owed(self) -> dict[str, Any]:
        """What is paid for, as the order's document and facts tell it."""
        record, order = self.record, self.order
        owed = record.document.owed if record.document else OwedData(payment_id="")
        return {
            **{name: getattr(owed, name) for name in OwedData.model_fields},
            "code": record.subject,
            "unit": record.unit,
            "profile": record.profile,
            "payment_id": record.reference,
            "amount_vnd": order.amount_vnd,
            "currency": order.currency or "VND",
        }

    def _event(
        self,
        kind: str,
        data: EventData,
        key: str,
        *,
        time: datetime | None = None,
        facts: Mapping[str, str] | None = None,
    ) -> Event:
        record, message = self.record, self.message
        alias = Alias(ALIAS_KINDS[record.profile], record.reference, record.subject, facts or {})
        return Event(
            kind=kind,
            source=source_of(message, record.unit),
            subject=record.subject,
            time=time or message.received_at,
            data=data,
            natural_key=f"{kind.partition('.')[2]}:{record.profile}:{key}",
            aliases=(alias,) if facts else (),
            once=True,
            message_id=message.id,
            traceparent=message.traceparent,
        )


def _late(paid_at: datetime | None, expires_at: datetime | None) -> bool | None:
    return None if paid_at is None or expires_at is None else paid_at > expires_at
