"""Requests of the one-stop shop -> orders, registrations and cancels of the post; pure.

Who is sender follows from the service, never from the request: papers go from the citizen to the
desk, results from the desk to the citizen. The desk is known from the settings.
"""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

import orjson

from hub.connectors.public_post.numbers import order_number
from hub.connectors.public_post.settings import Office, PublicPostSettings
from hub.errors import EncodeError
from hub.event import Event
from hub.message import Message
from hub.schemas.post import Party, PostCancelRequested, PostErrand, PostOrderRequested

ORDER, DOCUMENT, CANCEL = "order/post", "postDocument", "order/cancel"
"""The wire's names of what can be asked."""

Said = dict[str, Any]


def encode(event: Event, settings: PublicPostSettings) -> Message:
    """The order, registration or cancel that a request becomes.

    Args:
        event: `post.order_requested` or `post.cancel_requested`.
        settings: of the connector instance.

    Raises:
        EncodeError: not such an event, a unit without office, or a field that the post needs.
    """
    data = event.data
    if isinstance(data, PostOrderRequested):
        operation, said = _order(data, settings)
        return _message(event, data, settings, operation, orjson.dumps(said))
    if isinstance(data, PostCancelRequested):
        office = _office(data.unit, settings)
        number = order_number(data.code, data.service, data.number, settings.suffixes)
        said = {"CustomerCode": office.customer_code, "OrderNumber": number}
        return _message(event, data, settings, CANCEL, urlencode(said).encode())
    raise EncodeError("the post takes orders only", code="unknown_kind")


def _message(
    event: Event,
    data: PostOrderRequested | PostCancelRequested,
    settings: PublicPostSettings,
    operation: str,
    body: bytes,
) -> Message:
    """The Message; its headers hold what names the order."""
    form = "x-www-form-urlencoded" if operation == CANCEL else "json"
    return Message(
        connector="public_post",
        operation=operation,
        body=body,
        key=event.subject,
        headers={
            "unit": data.unit,
            "service": data.service.value,
            "customer_code": _office(data.unit, settings).customer_code,
            "order_number": order_number(data.code, data.service, data.number, settings.suffixes),
            "item_code": data.item_code if isinstance(data, PostOrderRequested) else "",
        },
        id=event.id,
        received_at=event.time,
        content_type=f"application/{form}",
        traceparent=event.traceparent,
    )


def _order(data: PostOrderRequested, settings: PublicPostSettings) -> tuple[str, Said]:
    number = order_number(data.code, data.service, data.number, settings.suffixes)
    ways = {PostErrand.PICK_UP: settings.pick_up_as, PostErrand.RETURN: settings.return_as}
    if ways.get(data.service, "document") == "document":
        return DOCUMENT, _registration(data, settings, number)
    office = _office(data.unit, settings)
    picked_up = data.service is PostErrand.PICK_UP
    sender = _citizen(data.sender, "sender") if picked_up else _desk(data.sender, office)
    receiver = _desk(data.receiver, office) if picked_up else _citizen(data.receiver, "receiver")
    said: Said = {
        "CustomerCode": office.customer_code,
        "OrderNumber": number,
        "ItemCode": data.item_code,
        "CODAmount": data.cod_amount_vnd,
        "SenderProvince": _place(sender.province_code, "sender/province_code", must=True),
        "SenderDistrict": _place(sender.district_code, "sender/district_code"),
        "SenderAddress": sender.address,
        "SenderName": sender.name,
        "SenderEmail": sender.email,
        "SenderTel": sender.phone,
        "SenderDesc": sender.note,
        "Description": data.description or f"Hồ sơ {data.code}",
        "ReceiverName": receiver.name,
        "ReceiverAddress": receiver.address,
        "ReceiverTel": receiver.phone,
        "ReceiverEmail": receiver.email,
        "ReceiverProvince": _place(receiver.province_code, "receiver/province_code"),
        "ReceiverDistrict": _place(receiver.district_code, "receiver/district_code"),
        "FlagConfig": int(settings.flag_config),
    }
    if not data.item_code:
        del said["ItemCode"]
    return ORDER, said


def _registration(data: PostOrderRequested, settings: PublicPostSettings, number: str) -> Said:
    """`postDocument`: one call, whichever of the two directions are wanted."""
    if data.cod_amount_vnd:
        raise EncodeError("a registration collects no money", path="/data/cod_amount_vnd")
    if data.item_code:
        raise EncodeError("a registration takes no tracking number", path="/data/item_code")
    picked_up = data.service in (PostErrand.PICK_UP, PostErrand.BOTH)
    returned = data.service in (PostErrand.RETURN, PostErrand.BOTH)
    procedure = data.procedure
    if procedure is None or not procedure.code:
        raise EncodeError("the post is told the procedure", path="/data/procedure")
    said: Said = {
        "CustomerCode": _office(data.unit, settings).customer_code,
        "OrderNumber": number,
        "Procedure": {
            "Code": procedure.code,
            "Title": procedure.title,
            "Category": procedure.category,
            "Elements": list(procedure.elements),
        },
        "IsSendDocument": picked_up,
        "IsReceiveResult": returned,
        "State": data.state_code,
    }
    if picked_up:
        said["DocumentSender"] = _contact(_citizen(data.sender, "sender"), "sender")
    if returned:
        said["ResultReceiver"] = _contact(_citizen(data.receiver, "receiver"), "receiver")
    return said


def _contact(party: Party, where: str) -> Said:
    return {
        "Name": party.name,
        "Phone": party.phone,
        "ProvinceCode": str(_place(party.province_code, f"{where}/province_code", must=True)),
        "ProvinceTitle": party.province_name,
        "DistrictCode": str(_place(party.district_code, f"{where}/district_code")),
        "DistrictTitle": party.district_name,
        "Address": party.address,
        "Email": party.email,
    }


def _office(unit: str, settings: PublicPostSettings) -> Office:
    office = settings.offices.get(unit)
    if office is None:
        raise EncodeError("hub.yaml has no post office contract for this unit", path="/data/unit")
    return office


def _desk(told: Party | None, office: Office) -> Party:
    """The desk as the settings know it; a note and a name that were told stay."""
    told = told or Party.model_validate({})
    return Party(
        name=told.name or office.name,
        phone=office.phone,
        email=office.email,
        address=office.address,
        province_code=office.province_code,
        province_name=office.province_name,
        district_code=office.district_code,
        district_name=office.district_name,
        note=told.note or office.note,
    )


def _citizen(told: Party | None, where: str) -> Party:
    """The citizen as told: whom the postman can find and call."""
    if told is None:
        raise EncodeError("the citizen is missing", path=f"/data/{where}")
    for name in ("name", "phone", "address"):
        if not getattr(told, name).strip():
            raise EncodeError("is needed", path=f"/data/{where}/{name}")
    return told


def _place(code: str, where: str, *, must: bool = False) -> int:
    """A code of the post's list of places; 0 where none is needed."""
    text = code.strip()
    if text and not (text.isascii() and text.isdecimal() and len(text) < 10):
        raise EncodeError("is no code of the post's list", path=f"/data/{where}")
    if must and not int(text or "0"):
        raise EncodeError("is needed", path=f"/data/{where}")
    return int(text or "0")
