"""The outgoing side: links, questions and refunds, for either profile.

A link is made once for an operation key, and once for the same amount of a dossier as long as it
can be used or was paid. What a gateway answers becomes a record (`records.py`) only if it decides
something.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import Any

import orjson

from hub.connector import Answer, Asked, Ground, Reply, Request
from hub.connectors.payment_gateway import payplat, vnpay
from hub.connectors.payment_gateway.calling import Caller, Deadline
from hub.connectors.payment_gateway.client_payplat import PayplatBank, ReferenceUsed
from hub.connectors.payment_gateway.client_vnpay import REFUND_FAILED, Refund, VnpayBank
from hub.connectors.payment_gateway.owed import document_of, owed_by
from hub.connectors.payment_gateway.records import ANSWER, LINK, REFUND
from hub.connectors.payment_gateway.settings import PaymentGatewaySettings
from hub.connectors.payment_gateway.told import (
    ALIAS_KINDS,
    MONEY_MOVED,
    OPEN,
    REFERENCE,
    Order,
    Told,
    judge,
    plain_code,
)
from hub.errors import DecodeError, Rejected, Unavailable
from hub.event import Alias
from hub.message import Message, name_id
from hub.schemas.payment import OwedData, PaymentClaim, PaymentData, PaymentReported
from hub.wire.dvcqg.dates import VIETNAM, write_stamp

REFERENCES_COUNT = 5
"""References tried for one link, where the platform says that it has one already."""

ORDERS_COUNT = 10_000
"""More than one debt ever has: an open or paid one that was passed over could be paid twice."""

DEBITED = ("04", "07")
"""Statuses of money that has left the payer and has not arrived."""


def now() -> datetime:
    """The moment, in Vietnam."""
    return datetime.now(VIETNAM)


def bank_of(settings: PaymentGatewaySettings, caller: Caller) -> VnpayBank | PayplatBank:
    """The bank of the settings' profile."""
    if settings.profile == "vnpay" and settings.vnpay is not None:
        return VnpayBank(settings, settings.vnpay, caller)
    assert settings.payplat is not None  # noqa: S101 - settings refuse a missing profile
    return PayplatBank(settings, settings.payplat, caller)


class PaymentClient:
    """Client of one instance; see `hub.connector.Client`.

    Args:
        name: instance in hub.yaml.
        settings: its block.
        ground: keeps what was agreed under a reference.
        clock: tells the moment.
    """

    def __init__(
        self,
        name: str,
        settings: PaymentGatewaySettings,
        ground: Ground,
        *,
        clock: Callable[[], datetime] = now,
    ) -> None:
        self.name = name
        self._settings = settings
        self._ground = ground
        self._clock = clock
        self.caller = Caller(settings)
        self._bank = bank_of(settings, self.caller)
        self.alias_kind = ALIAS_KINDS[settings.profile]

    async def deliver(self, requests: Sequence[Request], *, timeout_seconds: float) -> Reply:
        deadline = Deadline(timeout_seconds)
        replies = [await self._deliver(request, deadline) for request in requests]
        return Reply(
            messages=tuple(m for reply in replies for m in reply.messages),
            aliases=tuple(a for reply in replies for a in reply.aliases),
            foreign_code=replies[-1].foreign_code if replies else "",
        )

    async def ask(self, request: Request, *, timeout_seconds: float) -> Asked:
        """Whether a refund was taken: QueryDR tells that, but not which of several it was."""
        if request.message.operation != vnpay.REFUND:
            return Asked(Answer.UNKNOWN)
        order, amount, total = await self._refund_of(request)
        if total != amount:
            return Asked(Answer.UNKNOWN)  # QueryDR does not tell one partial refund from another
        answer, told = await self._bank.find(
            order, self._clock(), Deadline(timeout_seconds), key=request.operation_key
        )
        if told.status_code in REFUND_FAILED:
            raise Rejected("the bank has refused the refund", foreign_code=told.status_code)
        if told.claim is PaymentClaim.REFUNDED:
            return Asked(Answer.TAKEN, self._refunded(request, order, answer, (amount, total)))
        paid = told.known and told.claim is PaymentClaim.PAID
        return Asked(Answer.NOT_TAKEN if paid else Answer.UNKNOWN)

    async def query(self, operation: str, unit: str, body: Mapping[str, Any]) -> Mapping[str, Any]:
        reference = body.get("reference")
        if not isinstance(reference, str) or not REFERENCE.fullmatch(reference):
            raise Rejected("a reference is wanted", code="unknown_query")
        deadline = Deadline(self._settings.timeout_seconds)
        if operation == payplat.BILL and isinstance(self._bank, PayplatBank):
            pdf = await self._bank.bill(reference, self._clock(), deadline)
            return {"bill": await self._ground.keep(pdf, "application/pdf"), "bytes": len(pdf)}
        asking = vnpay.QUERY if self._bank.profile == "vnpay" else payplat.QUERY
        if operation != asking:
            raise Rejected("no read-only service of that name", code="unknown_query")
        order = await self.order(reference)
        answer, _ = await self._bank.find(order, self._clock(), deadline)
        fields: Mapping[str, Any] = orjson.loads(answer)
        return fields

    async def probe(self) -> str:
        return await self._bank.probe(self._clock(), Deadline(self._settings.timeout_seconds))

    async def close(self) -> None:
        await self.caller.close()

    async def order(self, reference: str) -> Order:
        """What is agreed under a reference.

        Raises:
            Rejected: nothing, or with another instance (`unknown_payment`).
        """
        alias = await self._ground.alias(self.alias_kind, reference)
        order = None if alias is None else Order.of(alias)
        if order is None or not order.is_of(self.name):
            raise Rejected("no order has this reference", code="unknown_payment")
        return order

    async def settle(self, order: Order, deadline: Deadline, *, key: str = "") -> Reply:
        """Ask for a payment; what decides it is a message, else there is none.

        Raises:
            Unavailable, Misconfigured, Rejected: see the profile's `find`.
        """
        if order.paid:
            return Reply(foreign_code="confirmed")
        reply, _ = await self._asked(order, deadline, key)
        return reply

    async def _asked(self, order: Order, deadline: Deadline, key: str) -> tuple[Reply, Told]:
        answer, told = await self._bank.find(order, self._clock(), deadline, key=key)
        given_up = self._given_up(order)
        code = plain_code(told.status_code or told.response_code)
        judgement = judge(order, told, given_up=given_up)
        if judgement is None or (judgement.reason is not None and order.settled):
            return Reply(foreign_code=code), told
        what = f"{ANSWER} {told.transaction} {told.claim.value} {judgement.reason}"
        said = {"answer": answer, "given_up": given_up, "operation_key": key}
        message = await self._message(order, what, {"about": ANSWER, **said})
        if await self.is_paid_by_now(order):
            return Reply(foreign_code=code), told
        return Reply(messages=(message,), foreign_code=code), told

    async def is_paid_by_now(self, order: Order) -> bool:
        """Whether a payment was confirmed since the order was read: what was told may be older."""
        alias = await self._ground.alias(self.alias_kind, order.reference)
        return alias is not None and Order.of(alias).paid

    def _given_up(self, order: Order) -> bool:
        begun = order.waits_from
        wait = timedelta(seconds=self._settings.give_up_seconds)
        return begun is not None and self._clock() > begun + wait

    async def _deliver(self, request: Request, deadline: Deadline) -> Reply:
        operation = request.message.operation
        if operation in (vnpay.PAY, payplat.INIT):
            return await self._link(request, deadline)
        if operation == vnpay.REFUND:
            return await self._refund(request, deadline)
        data = request.event.data
        assert isinstance(data, PaymentData)  # noqa: S101 - encode let nothing else pass
        order = await self.order(data.payment_id)
        reply = await self.settle(order, deadline, key=request.operation_key)
        claim = data.claim if isinstance(data, PaymentReported) else None
        late = order.settled and not order.paid and claim in MONEY_MOVED
        if late and not reply.messages and not await self.is_paid_by_now(order):
            # It was given up, and a late report is not confirmed yet: the poller asks on.
            again = Alias(self.alias_kind, order.reference, order.subject, {"state": OPEN})
            return replace(reply, aliases=(again,))
        return reply

    async def _link(self, request: Request, deadline: Deadline) -> Reply:
        """The link that this debt has already, or a new one.

        A debt is an amount of a dossier: it may be told by the dossier's state and ordered by the
        product, more than once each, and must not be paid twice. So the gateway is asked about
        every earlier order of it, also about one that was given up.
        """
        owed = owed_by(request.event)
        facts = {"amount_vnd": str(owed.amount_vnd), "instance": self.name}
        known = await self._ground.aliases(
            self.alias_kind, subject=request.event.subject, facts=facts, limit=ORDERS_COUNT
        )
        orders = [Order.of(alias) for alias in known]
        if any(self._covers(order) for order in orders):
            return Reply(foreign_code="paid")
        before: list[Message] = []
        unpaid = [order for order in orders if not order.paid]
        for order in sorted(unpaid, key=lambda order: order.settled):  # a link in use comes first
            if order.is_usable(self._clock()):
                return Reply(messages=(await self._link_message(order, request),))
            reply, told = await self._asked(order, deadline, request.operation_key)
            if told.claim is PaymentClaim.PAID and (reply.messages or not order.settled):
                return reply
            if await self.is_paid_by_now(order):
                return Reply(foreign_code="paid")
            moved = told.status_code in DEBITED or order.is_claimed
            if moved and not order.settled and not reply.messages:
                raise Unavailable("an earlier payment is not settled", code="payment_unsettled")
            before += reply.messages
        reply = await self._new_link(request, facts, len(orders), deadline)
        return replace(reply, messages=(*before, *reply.messages))

    def _covers(self, order: Order) -> bool:
        """Whether a confirmed payment still counts as the payment of the same debt."""
        if not order.paid or order.given_back_vnd >= order.amount_vnd:
            return False
        try:
            paid_on = date.fromisoformat(order.facts.get("paid_on", ""))
        except ValueError:
            return True
        # Only the day is known: it counts from that day's end, so that it never covers less.
        end = datetime(paid_on.year, paid_on.month, paid_on.day, tzinfo=VIETNAM) + timedelta(days=1)
        return self._clock() < end + timedelta(seconds=self._settings.paid_covers_seconds)

    async def _new_link(
        self, request: Request, facts: Mapping[str, str], number: int, deadline: Deadline
    ) -> Reply:
        at = self._clock()
        owed = owed_by(request.event)
        agreed = {
            **facts,
            "profile": self._bank.profile,
            "unit": owed.unit,
            "currency": self._settings.currency,
            "created_at": write_stamp(at),
            "expires_at": write_stamp(at + timedelta(seconds=self._settings.link_seconds)),
            "state": OPEN,
            "key": request.operation_key,
        }
        for tried in range(number, number + REFERENCES_COUNT):
            reference = reference_of(self._bank.reference_prefix, request, tried)
            order = Order(reference, request.event.subject, agreed)
            try:
                url = await self._bank.link(
                    request.message.body, order, at, request.operation_key, deadline
                )
            except ReferenceUsed:
                if (paid := await self._paid_unseen(order, owed, request, deadline)) is not None:
                    return paid
                continue
            body = document_of(owed, url)
            kept = await self._ground.keep(body, "application/json")
            order = replace(order, facts={**agreed, "document": kept})
            message = await self._link_message(order, request, document=body)
            alias = Alias(self.alias_kind, reference, order.subject, order.facts)
            return Reply(messages=(message,), aliases=(alias,))
        raise Rejected("the platform has every reference already", documented=False)

    async def _paid_unseen(
        self, order: Order, owed: OwedData, request: Request, deadline: Deadline
    ) -> Reply | None:
        """What tells that an order whose link was lost with its answer is paid; none: it is not.

        QUERY does not give the link again, so an order that is not paid is left alone.

        Raises:
            Unavailable: money has moved under it and is not settled (`payment_unsettled`).
        """
        kept = await self._ground.keep(document_of(owed, ""), "application/json")
        order = replace(order, facts={**order.facts, "document": kept})
        reply, told = await self._asked(order, deadline, request.operation_key)
        if told.status_code in DEBITED:
            raise Unavailable("an earlier payment is not settled", code="payment_unsettled")
        if told.claim is not PaymentClaim.PAID:
            return None
        alias = Alias(self.alias_kind, order.reference, order.subject, order.facts)
        return replace(reply, aliases=(alias,))

    async def _link_message(
        self, order: Order, request: Request, *, document: bytes = b""
    ) -> Message:
        """Each request hears of its link once, also if it shares it with another."""
        said = {"about": LINK, "operation_key": request.operation_key}
        what = f"{LINK} {request.operation_key}"
        return await self._message(order, what, said, document=document)

    async def _refund_of(self, request: Request) -> tuple[Order, int, int]:
        """The order, the amount to give back, and all that will be given back with it.

        Raises:
            Rejected: not confirmed as paid, or more than was paid.
        """
        body = orjson.loads(request.message.body)
        order = await self.order(body["vnp_TxnRef"])
        if not order.paid:
            raise Rejected("no confirmed payment has this reference")
        before = order.given_back_vnd
        asked = body.get("vnp_Amount")
        amount = int(asked) // vnpay.PER_VND if asked else order.amount_vnd - before
        if amount <= 0 or before + amount > order.amount_vnd:
            raise Rejected("more than was paid")
        return order, amount, before + amount

    async def _refund(self, request: Request, deadline: Deadline) -> Reply:
        assert isinstance(self._bank, VnpayBank)  # noqa: S101 - encode lets no other profile pass
        order, amount, total = await self._refund_of(request)
        refund = Refund(orjson.loads(request.message.body), amount, request.operation_key)
        answer, code = await self._bank.refund(order, refund, self._clock(), deadline)
        return replace(self._refunded(request, order, answer, (amount, total)), foreign_code=code)

    def _refunded(
        self, request: Request, order: Order, answer: str, amounts: tuple[int, int]
    ) -> Reply:
        """What a refund gives back; it counts for the next one before its event is told."""
        amount, total = amounts
        said = {
            "about": REFUND,
            "answer": answer,
            "operation_key": request.operation_key,
            "amount_vnd": amount,
            "refunded_vnd": total,
        }
        facts = {"refunded_vnd": str(total)}
        return Reply(
            messages=(self._record(order, f"{REFUND} {request.operation_key}", said),),
            aliases=(Alias(self.alias_kind, order.reference, order.subject, facts),),
        )

    async def _message(
        self, order: Order, what: str, said: Mapping[str, Any], *, document: bytes = b""
    ) -> Message:
        """A record with the order's document, as far as it is still there."""
        if not document and (kept := order.facts.get("document")):
            try:
                document = await self._ground.fetch(kept)
            except DecodeError:
                document = b""
        whole = orjson.loads(document) if document else None
        return self._record(order, what, {**said, "document": whole})

    def _record(self, order: Order, what: str, said: Mapping[str, Any]) -> Message:
        """The Message of a record; the same thing said again has the same id."""
        body = {
            "profile": self._bank.profile,
            "reference": order.reference,
            "subject": order.subject,
            "unit": order.unit,
            "order": order.facts,
            **said,
        }
        return Message(
            connector=self.name,
            operation=what.partition(" ")[0],
            body=orjson.dumps(body),
            key=order.subject,
            headers={"form": "call", "unit": order.unit},
            id=name_id(f"{self.name} {order.reference} {what}"),
        )


def reference_of(prefix: str, request: Request, number: int) -> str:
    """The reference of a link: the same for a repetition, telling for a person.

    The dossier code without punctuation, and eight characters of the operation key.
    """
    code = re.sub(r"[^A-Za-z0-9]", "", request.event.subject)[:40]
    digest = hashlib.sha256(f"{request.operation_key} {number}".encode()).hexdigest()
    return f"{prefix}{code}{digest[:8].upper()}"
