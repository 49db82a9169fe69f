"""The forms beside the dossiers' own: who decodes them, and how they are keyed; pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from hub.connectors.one_stop.decode_linked import (
    handover,
    handover_key,
    handover_operation,
    status,
)
from hub.connectors.one_stop.decode_office import office, office_operation
from hub.connectors.one_stop.decode_payment import payment, payment_key
from hub.connectors.one_stop.decode_post import post, post_key, post_operation
from hub.connectors.one_stop.settings import OneStopSettings
from hub.connectors.one_stop.wire import INIT
from hub.errors import DecodeError
from hub.event import Event
from hub.message import Message
from hub.wire.dvcqg.models import STATE_SERVICE


class Form(NamedTuple):
    """One form.

    Attributes:
        decode: message, its parsed body and settings -> events.
        key: the subject that a parsed body names, `` if none; never raises.
        operation: the operation that a parsed body is for.
    """

    decode: Callable[[Message, Any, OneStopSettings], list[Event | DecodeError]]
    key: Callable[[Any], str]
    operation: Callable[[Any], str]


def _code(tree: Any) -> str:
    code = tree.get("MaHoSo") if isinstance(tree, dict) else None
    return code if isinstance(code, str) else ""


BY_NAME: Mapping[str, Form] = {
    "handover": Form(handover, handover_key, handover_operation),
    "status": Form(status, _code, lambda _: STATE_SERVICE),
    "payplat": Form(payment, payment_key, lambda _: INIT),
    "post": Form(post, post_key, post_operation),
    "office": Form(office, _code, office_operation),
}
"""By the name of the form, as in a Message's header `form`."""
