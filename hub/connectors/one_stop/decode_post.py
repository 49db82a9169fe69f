"""What a product orders at the post -> events; pure.

An order number is the dossier code; `<code>-2` is the second order of the same dossier. The order
form does not say what it is for: `post_orders` of the settings does, and `postDocument` tells it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from pydantic import ValidationError

from hub.connectors.one_stop.leftovers import leftovers
from hub.connectors.one_stop.settings import OneStopSettings
from hub.connectors.one_stop.wire import CANCEL, ORDER, POST_DOCUMENT
from hub.errors import DecodeError
from hub.event import Alias, Event, EventData, decode_error
from hub.message import Message
from hub.schemas.post import (
    Party,
    PostCancelRequested,
    PostedProcedure,
    PostErrand,
    PostOrderRequested,
)
from hub.wire.dvcqg.canonical import subject_of
from hub.wire.dvcqg.codes import FLAG_OF_TEXT
from hub.wire.dvcqg.models import Flag, Text, WirePart
from hub.wire.dvcqg.rules import DOSSIER_CODE
from hub.wire.dvcqg.shape import whole_number

ORDER_ALIAS = "one_stop.post_order"
"""Kind of the alias `<CustomerCode>/<OrderNumber>`; facts: order_number, service, unit."""

ORDER_NUMBER = re.compile(rf"(?P<code>{DOSSIER_CODE.pattern})(?:-(?P<number>[1-9][0-9]?))?")
CANCELLED_STATE = "4"


class WireParty(WirePart):
    """`DocumentSender` and `ResultReceiver`."""

    Name: Text = None
    Phone: Text = None
    ProvinceCode: Text = None
    ProvinceTitle: Text = None
    DistrictCode: Text = None
    DistrictTitle: Text = None
    Address: Text = None
    Email: Text = None


class WireProcedure(WirePart):
    """`Procedure`; `Elements` is a list of texts or of objects with a `Title`."""

    Code: Text = None
    Title: Text = None
    Category: Text = None
    Elements: Any = None


class WirePost(WirePart):
    """Order, cancellation and `postDocument` in one: they share the names that they share."""

    CustomerCode: Text = None
    OrderNumber: Text = None
    ItemCode: Text = None
    CODAmount: Text = None
    SenderProvince: Text = None
    SenderDistrict: Text = None
    SenderAddress: Text = None
    SenderName: Text = None
    SenderEmail: Text = None
    SenderTel: Text = None
    SenderDesc: Text = None
    Description: Text = None
    ReceiverName: Text = None
    ReceiverAddress: Text = None
    ReceiverTel: Text = None
    ReceiverEmail: Text = None
    ReceiverProvince: Text = None
    ReceiverDistrict: Text = None
    Procedure: WireProcedure | None = None
    IsSendDocument: Flag = None
    DocumentSender: WireParty | None = None
    IsReceiveResult: Flag = None
    ResultReceiver: WireParty | None = None
    State: Text = None


def order_alias(customer: str, number: str) -> tuple[str, str]:
    """Kind and value of the alias of a product's order."""
    return ORDER_ALIAS, f"{customer}/{number}"


def split_number(number: str) -> tuple[str, int]:
    """Dossier code of an order number, and which order of that dossier it is."""
    match = ORDER_NUMBER.fullmatch(number)
    return (match["code"], int(match["number"] or 1)) if match else (number, 1)


def post_operation(tree: Any) -> str:
    """Which call it is, where only the body is at hand."""
    if not isinstance(tree, dict):
        return ""
    if "IsSendDocument" in tree or "IsReceiveResult" in tree:
        return POST_DOCUMENT
    return ORDER if set(tree) - {"CustomerCode", "OrderNumber"} else CANCEL


def post_key(tree: Any) -> str:
    """The dossier code of a call; `` if there is none."""
    number = tree.get("OrderNumber") if isinstance(tree, dict) else None
    return split_number(number)[0] if isinstance(number, str) else ""


def post(message: Message, tree: Any, settings: OneStopSettings) -> list[Event | DecodeError]:
    """The event of an order, a registration or a cancellation."""
    if not isinstance(tree, dict):
        raise DecodeError("must be a JSON object")
    try:
        wire = WirePost.model_validate(tree)
    except ValidationError as error:
        raise decode_error(error) from error
    operation = message.operation or post_operation(tree)
    if operation not in (ORDER, CANCEL, POST_DOCUMENT):
        raise DecodeError("not an operation of the post", code="unknown_operation")
    whole = wire.OrderNumber or ""
    code, number = split_number(whole)
    try:
        code = subject_of(code)
    except DecodeError as error:
        raise DecodeError("must be a dossier code", path="/OrderNumber", code=error.code) from error
    subject = message.headers.get("subject") or code
    unit = message.headers.get("unit") or code.partition("-")[0]
    service = _service(wire, operation, settings)
    head = {"code": code, "unit": unit, "service": service, "number": number}
    kind, value = order_alias(wire.CustomerCode or "", whole)
    ends = operation == CANCEL or wire.State == CANCELLED_STATE
    data: EventData
    if ends:
        data = PostCancelRequested.model_validate(head)
    else:
        data = PostOrderRequested.model_validate(head | _order(wire, operation))
    facts = {"order_number": whole, "service": str(service), "unit": unit}
    return [
        Event(
            kind="post.cancel_requested" if ends else "post.order_requested",
            source=f"/connectors/{message.connector}/{unit}",
            subject=subject,
            time=message.received_at,
            data=data,
            natural_key=f"{'cancel' if ends else 'order'}:{value}",
            message_id=message.id,
            traceparent=message.traceparent,
            aliases=() if ends else (Alias(kind, value, subject, facts),),
            once=True,
        )
    ]


def _service(wire: WirePost, operation: str, settings: OneStopSettings) -> PostErrand:
    if operation != POST_DOCUMENT:
        return PostErrand(settings.post_orders)
    sends, receives = _flag(wire.IsSendDocument), _flag(wire.IsReceiveResult)
    if sends and receives:
        return PostErrand.BOTH
    if not sends and not receives:
        raise DecodeError("neither pick-up nor return is asked", path="/IsSendDocument")
    return PostErrand.PICK_UP if sends else PostErrand.RETURN


def _flag(value: str | bool | None) -> bool:
    return FLAG_OF_TEXT.get(value, False) if value is not None else False


def _order(wire: WirePost, operation: str) -> dict[str, Any]:
    """What an order says beside its number."""
    unknown = leftovers(wire)
    if wire.Procedure is not None and not _all_named(wire.Procedure.Elements):
        unknown["Procedure/Elements"] = wire.Procedure.Elements
    amount = whole_number(wire.CODAmount or "0")
    if amount is None:
        raise DecodeError("must be a whole number of VND", path="/CODAmount")
    values: dict[str, Any] = {
        "item_code": wire.ItemCode or "",
        "cod_amount_vnd": amount,
        "description": wire.Description or "",
        "state_code": wire.State or "",
        "unknown": unknown,
    }
    if operation == POST_DOCUMENT:
        values["sender"] = _party(wire.DocumentSender)
        values["receiver"] = _party(wire.ResultReceiver)
        values["procedure"] = _procedure(wire.Procedure)
        return values
    values["sender"] = Party(
        name=wire.SenderName or "",
        phone=wire.SenderTel or "",
        email=wire.SenderEmail or "",
        address=wire.SenderAddress or "",
        province_code=wire.SenderProvince or "",
        district_code=wire.SenderDistrict or "",
        note=wire.SenderDesc or "",
    )
    values["receiver"] = Party(
        name=wire.ReceiverName or "",
        phone=wire.ReceiverTel or "",
        email=wire.ReceiverEmail or "",
        address=wire.ReceiverAddress or "",
        province_code=wire.ReceiverProvince or "",
        district_code=wire.ReceiverDistrict or "",
    )
    return values


def _party(wire: WireParty | None) -> Party | None:
    if wire is None:
        return None
    return Party(
        name=wire.Name or "",
        phone=wire.Phone or "",
        email=wire.Email or "",
        address=wire.Address or "",
        province_code=wire.ProvinceCode or "",
        province_name=wire.ProvinceTitle or "",
        district_code=wire.DistrictCode or "",
        district_name=wire.DistrictTitle or "",
    )


def _procedure(wire: WireProcedure | None) -> PostedProcedure | None:
    if wire is None:
        return None
    return PostedProcedure(
        code=wire.Code or "",
        title=wire.Title or "",
        category=wire.Category or "",
        elements=tuple(_names(wire.Elements)),
    )


def _names(elements: Any) -> Iterator[str]:
    for each in elements if isinstance(elements, list) else ():
        name = each.get("Title") if isinstance(each, dict) else each
        if isinstance(name, str) and name:
            yield name


def _all_named(elements: Any) -> bool:
    """Whether the names say all that was sent."""
    return elements is None or list(_names(elements)) == elements
