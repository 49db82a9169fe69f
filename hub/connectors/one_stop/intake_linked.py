"""From a session call about states and inter-agency dossiers to the Messages that Kafka gets.

`data` is one object, or an array of them. Each is decoded at the door: what would not become an
event is refused while the officer can still mend it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
from msgspec import structs

from hub.connector import Ground
from hub.connectors.one_stop import replies
from hub.connectors.one_stop.decode_forms import BY_NAME
from hub.connectors.one_stop.decode_linked import COMPLETED, HANDED_BY
from hub.connectors.one_stop.doors import asked
from hub.connectors.one_stop.replies import Refused
from hub.connectors.one_stop.settings import OneStopSettings
from hub.connectors.one_stop.units import unit_and_above
from hub.connectors.one_stop.wire import HANDOVER_RESULT_SERVICE, HANDOVER_SERVICE
from hub.errors import DecodeError
from hub.event import Event
from hub.message import Message
from hub.schemas.handover import PARENT_ALIAS, HandoverEvent
from hub.wire.dvcqg.models import STATE_SERVICE

FORM_OF_SERVICE = {
    STATE_SERVICE: "status",
    HANDOVER_SERVICE: "handover",
    HANDOVER_RESULT_SERVICE: "handover",
}


def linked_messages(
    body: bytes,
    envelope: Mapping[str, Any],
    unit: str,
    context: tuple[str, OneStopSettings],
) -> tuple[list[Message], list[Event]]:
    """One Message for each object of `data`, and the event that each will be.

    Args:
        body: the whole call.
        envelope: the same, parsed.
        unit: the session's unit.
        context: name and settings of the connector instance.

    Raises:
        Refused: `malformed`, `too_large`, `field_rules`.
    """
    instance, settings = context
    data = envelope.get("data")
    if not isinstance(data, dict | list) or not data:
        raise Refused(replies.MALFORMED, "/data", unit=unit)
    raw = bytes(msgspec.json.decode(body, type=dict[str, msgspec.Raw])["data"])
    trees, bodies = [data], [raw]
    if isinstance(data, list):
        trees = data
        bodies = [bytes(each) for each in msgspec.json.decode(raw, type=list[msgspec.Raw])]
    if len(trees) > settings.items_limit_count:
        limit = f"tối đa {settings.items_limit_count} bản ghi mỗi lần"
        raise Refused(replies.TOO_LARGE, limit, unit=unit)
    operation = envelope["service"]
    name = FORM_OF_SERVICE[operation]
    headers = {"unit": unit, "form": name}
    if name == "status" and isinstance(sort := envelope.get("type"), str | int):
        headers["type"] = str(sort)[:10]
    form = BY_NAME[name]
    messages = [
        Message(
            connector=instance,
            operation=operation,
            body=each,
            key=form.key(tree),
            headers=headers,
        )
        for tree, each in zip(trees, bodies, strict=True)
    ]
    events: list[Event] = []
    for number, (tree, message) in enumerate(zip(trees, messages, strict=True)):
        try:
            (event,) = form.decode(message, tree, settings)
        except DecodeError as error:
            at = f"{_path(envelope, number)}{error}"
            raise Refused(replies.FIELD_RULES, at, unit=unit) from error
        if isinstance(event, Event):
            events.append(event)
    return messages, events


async def known_children(
    messages: Sequence[Message],
    events: Sequence[Event],
    envelope: Mapping[str, Any],
    context: tuple[OneStopSettings, Ground],
) -> list[Message]:
    """The messages; an outcome of a parent whose code names no product with the agency that handed
    the child over (header `handed_by`).

    What the hub knows of a child, only its own agencies may change: the outcome is told by the one
    that it was handed to, and it is handed over again by either of the two.

    Raises:
        Refused: `wrong_unit`, `try_again`.
    """
    settings, ground = context
    known = []
    for number, (message, event) in enumerate(zip(messages, events, strict=True)):
        data = event.data
        if not isinstance(data, HandoverEvent):
            return list(messages)
        unit = data.sender.unit
        handed = await asked(ground.alias(PARENT_ALIAS, data.child_code), unit)
        agencies = handed.facts if handed is not None else {}
        ended = event.kind == COMPLETED
        roles = ("to",) if ended else ("to", "unit")
        own = [agencies[role] for role in roles if role in agencies]
        if own and not any(_is_of(each, unit, settings) for each in own):
            at = f"{_path(envelope, number)}/MaHoSoLT"
            raise Refused(replies.WRONG_UNIT, at, unit=unit)
        parent = handed.subject.partition("-")[0] if handed is not None else ""
        if ended and "unit" in agencies and settings.product_of(parent) is None:
            by = {HANDED_BY: agencies["unit"]}
            message = structs.replace(message, headers={**message.headers, **by})
        known.append(message)
    return known


def _path(envelope: Mapping[str, Any], number: int) -> str:
    return f"/data/{number}" if isinstance(envelope["data"], list) else "/data"


def _is_of(receiver: str, unit: str, settings: OneStopSettings) -> bool:
    """Whether a unit is the receiver, or stands above or beneath it, in either form of its id."""
    names = {unit, settings.accounts[unit].lgsp_unit or unit}
    return any(
        name in unit_and_above(receiver) or receiver in unit_and_above(name) for name in names
    )
