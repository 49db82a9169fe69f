"""Events -> what a product hears from its counterparts, pure.

A unit without a product, and a form that its product has switched off, give `KhongGui`: nothing is
sent, because hub.yaml says whom the hub tells what. An inter-agency dossier is different: somebody
waits for it, so it is encoded anyway, and waits at the client until its unit has a product.

What only the hub's ground knows (the product's own references, ids of rows) is put in by
`client.py`; it signs, too.
"""

from __future__ import annotations

from typing import Any

import orjson

from hub.connectors.one_stop.encode_forms import (
    KIND_OF_PACKAGE,
    confirm,
    link,
    package,
    receipt,
    received,
    row,
)
from hub.connectors.one_stop.linked import write_linked
from hub.connectors.one_stop.settings import OneStopSettings, Product
from hub.connectors.one_stop.wire import (
    CONFIRM,
    HANDOVER_RESULT_SERVICE,
    HANDOVER_SERVICE,
    NOTHING,
    PACKAGE,
    PAYMENT_LINK,
    RECEIPT,
    TRACKING,
)
from hub.errors import EncodeError
from hub.event import Event
from hub.message import Message
from hub.schemas.document import DocumentEvent, OfficeEvent
from hub.schemas.dossier import DossierEvent
from hub.schemas.handover import HandoverEvent
from hub.schemas.payment import PaymentConfirmed, PaymentFailed, PaymentRequested
from hub.schemas.post import ParcelEvent
from hub.schemas.receipt import ReceiptIssued
from hub.wire.dvcqg.canonical import write_dossier, write_progress
from hub.wire.dvcqg.models import DOSSIER_SERVICE, PROGRESS_SERVICE

Said = tuple[str, dict[str, Any]]
"""Operation and JSON object."""

SAYABLE = (
    DossierEvent,
    HandoverEvent,
    PaymentRequested,
    PaymentConfirmed,
    PaymentFailed,
    ReceiptIssued,
    ParcelEvent,
    OfficeEvent,
    DocumentEvent,
)
"""What products can be told."""


def encode(event: Event, settings: OneStopSettings) -> Message:
    """The message to the product of the unit that an event concerns.

    Args:
        event: of a kind that a product can be told.
        settings: of the connector instance.

    Raises:
        EncodeError: no such kind, or a field that cannot be said.
    """
    if not isinstance(event.data, SAYABLE):
        raise EncodeError("products cannot be told this kind", code="unknown_kind")
    unit = _unit(event)
    found = settings.product_of(unit)
    if found is None and isinstance(event.data, OfficeEvent):
        # The office of a province signs for its units and names itself, or nobody.
        unit = _unit_of(event.subject)
        found = settings.product_of(unit)
    said: Said | None = None
    if isinstance(event.data, HandoverEvent):
        said = _linked(event, event.data)
    elif found is not None:
        said = _said(event, found[1], settings)
    operation, body = said or (NOTHING, {})
    return Message(
        connector="one_stop",
        operation=operation,
        body=orjson.dumps(body),
        key=event.subject,
        headers={"unit": unit, "product": found[0] if found else ""},
        id=event.id,
        received_at=event.time,
        traceparent=event.traceparent,
    )


def _unit(event: Event) -> str:
    """Organisation id of the unit whose product is told."""
    data = event.data
    if isinstance(data, HandoverEvent):
        told = data.receiver.unit if data.receiver else ""
    else:
        told = getattr(data, "unit", "")
    return told or _unit_of(event.subject)


def _unit_of(code: str) -> str:
    return code.partition("-")[0]


def _said(event: Event, product: Product, settings: OneStopSettings) -> Said | None:
    """What the product is told; none: it has switched the form off."""
    data = event.data
    match data:
        case DossierEvent() if product.dossier_path:
            return _dossier(data)
        case PaymentRequested() if product.payment_secret or product.link_path:
            return PAYMENT_LINK, link(event, data, product)
        case PaymentConfirmed() | PaymentFailed() if product.payment_secret:
            return CONFIRM, confirm(event, data, product, settings)
        case ReceiptIssued() if product.receipt_path:
            return RECEIPT, receipt(event, data)
        case ParcelEvent() if product.post_customer:
            return TRACKING, row(event, data, product.post_customer, settings)
        case OfficeEvent() if product.office and event.kind == KIND_OF_PACKAGE:
            return PACKAGE, package(event, data)
        case DocumentEvent() if product.office and product.received_code and _is_known(event, data):
            return PACKAGE, received(event, data, product.received_code)
    return None


def _is_known(event: Event, data: DocumentEvent) -> bool:
    """Whether it is known which dossier a document is about: it is its own subject else."""
    return event.subject != data.document.document_id


def _dossier(data: DossierEvent) -> Said:
    """The portal's push: one object in an envelope, as the unit's public address takes it."""
    whole = data.dossier is not None
    operation = DOSSIER_SERVICE if whole else PROGRESS_SERVICE
    body: dict[str, Any] = {"service": operation, "madonvi": data.unit}
    if whole:
        body["isUpdating"] = str(bool(data.updating))
    body["data"] = write_dossier(data) if whole else write_progress(data)
    return operation, body


def _linked(event: Event, data: HandoverEvent) -> Said:
    asked = event.kind == "handover.requested"
    parent = data.parent_code if asked else event.subject
    operation = HANDOVER_SERVICE if asked else HANDOVER_RESULT_SERVICE
    return operation, {"service": operation, "data": write_linked(data, parent)}
