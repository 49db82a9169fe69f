"""From a session call about states and inter-agency dossiers to the Messages that Kafka gets.

`data` is one object, or an array of them. Each is decoded at the door: what would not become an
event is refused while the officer can still mend it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from hub.connectors.one_stop import replies
from hub.connectors.one_stop.decode_forms import BY_NAME
from hub.connectors.one_stop.replies import Refused
from hub.connectors.one_stop.settings import OneStopSettings
from hub.connectors.one_stop.wire import HANDOVER_RESULT_SERVICE, HANDOVER_SERVICE
from hub.errors import DecodeError
from hub.event import Alias
from hub.message import Message
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
) -> tuple[list[Message], list[Alias]]:
    """One Message for each object of `data`, and the codes that they make known.

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
    learnt: list[Alias] = []
    for number, (tree, message) in enumerate(zip(trees, messages, strict=True)):
        try:
            (event,) = form.decode(message, tree, settings)
        except DecodeError as error:
            at = f"/data/{number}" if isinstance(data, list) else "/data"
            raise Refused(replies.FIELD_RULES, f"{at}{error}", unit=unit) from error
        learnt += getattr(event, "aliases", ())
    return messages, learnt
