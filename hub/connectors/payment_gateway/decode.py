"""Messages of a payment gateway -> payment events; pure.

Forms: `call` is a record of a call and its answer, `ipn` the raw query of VNPAY's notice,
`confirm` PayPlat's callback, `settlement` the comparison of a day's file. The door has checked the
hashes of `ipn` and `confirm`, the client those of answers.
"""

from __future__ import annotations

from collections.abc import Sequence

import orjson
from pydantic import ValidationError

from hub.connectors.payment_gateway import payplat, vnpay
from hub.connectors.payment_gateway.records import LINK, REFUND, Record
from hub.connectors.payment_gateway.settings import PaymentGatewaySettings, Vocabulary
from hub.connectors.payment_gateway.signing import read_query
from hub.connectors.payment_gateway.tell import Teller, reported, source_of
from hub.connectors.payment_gateway.told import Told, judge
from hub.errors import DecodeError
from hub.event import Event, decode_error
from hub.message import Message
from hub.schemas.payment import PaymentReconciled
from hub.wire.json_text import strict_tree

CALL, IPN, CONFIRM, SETTLEMENT = "call", "ipn", "confirm", "settlement"
FORMS = (CALL, IPN, CONFIRM, SETTLEMENT)
INSTANCE = "payment_gateway"


def message(body: bytes, form: str) -> Message:
    """The Message of wire bytes; the same bytes give the same Message."""
    return Message.of_file(
        body,
        connector=INSTANCE,
        operation=form,
        headers={"form": form},
    )


def order_key(message: Message) -> str:
    """The subject of a record, the reference in a callback; else the instance. Never raises."""
    form = message.headers.get("form", CALL)
    found: object = ""
    try:
        if form == IPN:
            found = read_query(message.body).params.get("vnp_TxnRef")
        else:
            tree = orjson.loads(message.body)
            name = payplat.REFERENCE if form == CONFIRM else "subject"
            found = tree.get(name) if isinstance(tree, dict) else ""
    except (DecodeError, orjson.JSONDecodeError):
        return message.connector
    return found if isinstance(found, str) and found else message.connector


def decode(message: Message, settings: PaymentGatewaySettings) -> Sequence[Event | DecodeError]:
    """The events of a message: one, or none where an answer decides nothing.

    Raises:
        DecodeError: the message is unreadable.
    """
    match message.headers.get("form", CALL):
        case "ipn":
            return [reported(message, "vnpay", vnpay.told_by_ipn(read_query(message.body).params))]
        case "confirm":
            return [reported(message, "payplat", _confirm(message.body, settings))]
        case "settlement":
            return [_reconciled(message)]
    record = _record(message.body)
    if record.about == LINK:
        return [Teller(message, record).requested()]
    if record.about == REFUND:
        told = told_in(record.profile, record.answer, record.reference, settings)
        return [Teller(message, record).refunded(told)]
    return _settled(message, record, settings)


def _record(body: bytes) -> Record:
    try:
        return Record.model_validate(strict_tree(body))
    except ValidationError as error:
        raise decode_error(error) from None


def _confirm(body: bytes, settings: PaymentGatewaySettings) -> Told:
    partner = settings.payplat
    fields = payplat.read_body(partner.vocabulary if partner else Vocabulary(), body)
    return payplat.told_by_confirm(fields, partner.success_codes if partner else ("0", "00"))


def told_in(profile: str, answer: str, reference: str, settings: PaymentGatewaySettings) -> Told:
    """What the answer to a question tells.

    Raises:
        DecodeError: it is not of its form.
    """
    if profile == "vnpay":
        tree = strict_tree(answer.encode())
        if not isinstance(tree, dict):
            raise DecodeError("must be a JSON object", path="/answer")
        return vnpay.told_by_query(tree, reference)
    if settings.payplat is None:
        raise DecodeError("this instance has no such profile", path="/profile")
    fields = payplat.read_body(settings.payplat.vocabulary, answer.encode())
    return payplat.told_by_query(fields, reference, settings.payplat)


def _settled(
    message: Message, record: Record, settings: PaymentGatewaySettings
) -> Sequence[Event | DecodeError]:
    teller = Teller(message, record)
    told = told_in(record.profile, record.answer, record.reference, settings)
    judgement = judge(teller.order, told, given_up=record.given_up)
    return [] if judgement is None else [teller.settled(told, judgement)]


def _reconciled(message: Message) -> Event:
    tree = strict_tree(message.body)
    subject = tree.get("subject") if isinstance(tree, dict) else None
    if not isinstance(subject, str) or not 0 < len(subject) <= 200:
        raise DecodeError("must be a text", path="/subject")
    try:
        data = PaymentReconciled.model_validate(tree)
    except ValidationError as error:
        raise decode_error(error) from None
    return Event(
        kind="payment.reconciled",
        source=source_of(message, ""),
        subject=subject,
        time=message.received_at,
        data=data,
        natural_key=f"reconciled:{data.instance}:{data.day.isoformat()}",
        once=True,
        message_id=message.id,
        traceparent=message.traceparent,
    )
