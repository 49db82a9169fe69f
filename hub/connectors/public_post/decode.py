"""Entries of the tracking feed, and what the post answered to the hub -> events of parcels; pure.

Forms: `tracking` is one entry of the feed, `reply` what a delivery gave back, as the hub's own
client writes it. The dossier of an entry is found through the order's alias: the feed names only
customer code and order number.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import orjson

from hub.connectors.public_post.encode import CANCEL
from hub.connectors.public_post.numbers import service_of
from hub.connectors.public_post.settings import FeedStatus, PublicPostSettings
from hub.errors import DecodeError
from hub.event import Alias, Event
from hub.message import Message
from hub.schemas.post import (
    ITEM_ALIAS,
    KIND_OF_STATE,
    ParcelEvent,
    ParcelState,
    PostErrand,
    order_alias,
)
from hub.wire.dvcqg.dates import VIETNAM
from hub.wire.json_text import strict_tree

FORMS = ("tracking", "reply")
INSTANCE = "public_post"
TEXT_LIMIT = 2000
KNOWN = frozenset(
    {
        *("_id", "CustomerCode", "OrderNumber", "EventTime", "POSID", "ItemCode"),
        *("StatusCode", "StatusMessage", "Notes"),
    }
)
_MILLISECONDS = 100_000_000_000
"""Epochs from here on are milliseconds: as seconds it would be the year 5138."""
_LAST_EPOCH = 253_402_200_000


def message(body: bytes, form: str) -> Message:
    """The Message of wire bytes; the same bytes give the same Message."""
    return Message.of_file(
        body,
        connector=INSTANCE,
        operation=form,
        headers={"form": form},
    )


def order_key(message: Message) -> str:
    """The subject of a reply, the order of an entry, else the connector. Never raises."""
    try:
        tree = strict_tree(message.body)
        if message.headers.get("form") == "reply":
            return _text(tree, "subject", must=True)
        return order_alias(_text(tree, "CustomerCode"), _text(tree, "OrderNumber", must=True))[1]
    except DecodeError:
        return message.connector


def decode(message: Message, settings: PublicPostSettings) -> Sequence[Event | DecodeError]:
    """The one event of a message.

    Raises:
        DecodeError: unreadable, or it names no order.
    """
    tree = strict_tree(message.body)
    if not isinstance(tree, dict):
        raise DecodeError("must be a JSON object")
    if message.headers.get("form", FORMS[0]) == "reply":
        return [_answered(tree, message)]
    return [_tracked(tree, message, settings)]


def _tracked(tree: Mapping[str, Any], message: Message, settings: PublicPostSettings) -> Event:
    oid = oid_of(tree)
    if not oid:
        raise DecodeError("is needed", path="/_id/$oid")
    customer = _text(tree, "CustomerCode", must=True)
    number = _text(tree, "OrderNumber", must=True)
    code = _text(tree, "StatusCode")
    known = settings.feed.statuses.get(code, FeedStatus(state=ParcelState.UNKNOWN))
    at = _moment(tree.get("EventTime"))
    unit = settings.unit_of(customer, number)
    item = _text(tree, "ItemCode")
    data = ParcelEvent(
        unit=unit,
        service=known.service or service_of(number, settings.suffixes),
        state=known.state,
        state_code=code,
        message=_text(tree, "StatusMessage"),
        customer_code=customer,
        order_number=number,
        item_code=item,
        post_office=_text(tree, "POSID"),
        at=at,
        notes=_text(tree, "Notes"),
        tracking_id=oid,
        originals=_original(tree.get("EventTime")),
        unknown={name: value for name, value in tree.items() if name not in KNOWN},
    )
    alias = order_alias(customer, number)
    seen = {"seen": code}
    if known.state is ParcelState.CANCELLED:
        seen["state"] = "cancelled"
    # The hub fills in the subject when it has found it.
    aliases = [Alias(*alias, "", seen), *([Alias(ITEM_ALIAS, item, "")] if item else [])]
    return Event(
        kind=_kind(data.state),
        source=f"/connectors/{message.connector}/{unit}",
        subject="",
        time=at or message.received_at,
        data=data,
        natural_key=f"tracking:{oid}",
        message_id=message.id,
        traceparent=message.traceparent,
        about=alias,
        aliases=tuple(aliases),
        once=True,
    )


def _answered(tree: Mapping[str, Any], message: Message) -> Event:
    """The event of the hub's own reply: an order is taken, or cancelled."""
    subject = _text(tree, "subject", must=True)
    key = _text(tree, "operation_key", must=True)
    cancelled = _text(tree, "operation") == CANCEL
    state = ParcelState.CANCELLED if cancelled else ParcelState.REGISTERED
    service = _text(tree, "service")
    at = _stamp(tree)
    data = ParcelEvent(
        code=subject,
        unit=_text(tree, "unit"),
        service=PostErrand(service) if service in set(PostErrand) else PostErrand.UNKNOWN,
        state=state,
        state_code=_text(tree, "status"),
        message=_text(tree, "message"),
        customer_code=_text(tree, "customer_code", must=True),
        order_number=_text(tree, "order_number", must=True),
        item_code=_text(tree, "item_code"),
        at=at,
        operation_key=key,
        existed=True if tree.get("existed") is True else None,
    )
    return Event(
        kind=_kind(state),
        source=f"/connectors/{message.connector}/{data.unit}",
        subject=subject,
        time=at or message.received_at,
        data=data,
        natural_key=f"reply:{key}",
        message_id=message.id,
        traceparent=message.traceparent,
        once=True,
    )


def oid_of(tree: Any) -> str:
    """The id of an entry in the feed (`_id.$oid`), `` if it has none."""
    ident = tree.get("_id") if isinstance(tree, dict) else None
    oid = ident.get("$oid") if isinstance(ident, dict) else ident
    return oid if isinstance(oid, str) and oid.isascii() and 0 < len(oid) <= 64 else ""


def _kind(state: ParcelState) -> str:
    return KIND_OF_STATE[state]


def _text(tree: Any, name: str, *, must: bool = False) -> str:
    """A field as text; numbers are taken for it, other things and long texts are not."""
    value = tree.get(name) if isinstance(tree, dict) else None
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, int | float) and not isinstance(value, bool):
        value = str(value)
    if value is None or (isinstance(value, str) and not value.strip()):
        if must:
            raise DecodeError("is needed", path=f"/{name}")
        return ""
    if not isinstance(value, str) or "\x00" in value:
        raise DecodeError("must be a text", path=f"/{name}")
    if len(value) > TEXT_LIMIT:
        raise DecodeError(f"longer than {TEXT_LIMIT} characters", path=f"/{name}")
    return value


def _moment(epoch: Any) -> datetime | None:
    """Seconds or milliseconds since 1970, as number, text or `{"$date": ...}`; else none."""
    if isinstance(epoch, dict):
        epoch = epoch.get("$date")
    if isinstance(epoch, str):
        text = epoch.strip()
        epoch = int(text) if text.isascii() and text.isdecimal() and len(text) < 16 else None
    if not isinstance(epoch, int | float) or isinstance(epoch, bool) or epoch <= 0:
        return None
    seconds = epoch / 1000 if epoch >= _MILLISECONDS else epoch
    return datetime.fromtimestamp(seconds, VIETNAM) if seconds < _LAST_EPOCH else None


def _original(epoch: Any) -> dict[str, str]:
    """The time as it stood on the wire, if it stood there."""
    if epoch is None:
        return {}
    text = epoch if isinstance(epoch, str) else orjson.dumps(epoch).decode()
    return {"EventTime": text[:TEXT_LIMIT]}


def _stamp(tree: Mapping[str, Any]) -> datetime | None:
    try:
        at = datetime.fromisoformat(_text(tree, "at"))
        return at.astimezone(VIETNAM) if at.tzinfo else None
    except (ValueError, OverflowError):
        return None
