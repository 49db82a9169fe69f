"""Messages of one-stop products -> events; pure.

Forms: `item` is one dossier or one step (what the in-topic carries), `session` a whole
integration call, `lgsp` a bare array of the provincial form; the others are in `decode_forms`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from hashlib import sha256
from typing import Any, NamedTuple

import orjson

from hub.connectors.one_stop.decode_forms import BY_NAME
from hub.connectors.one_stop.decode_slips import slips_of
from hub.connectors.one_stop.settings import OneStopSettings
from hub.errors import DecodeError
from hub.event import Event
from hub.message import Message
from hub.schemas.dossier import KIND_OF_STATUS, Dossier, DossierEvent, DossierStatus
from hub.wire.dvcqg.canonical import (
    dossier_values,
    last_round,
    progress_values,
    subject_of,
)
from hub.wire.dvcqg.codes import FLAG_OF_TEXT
from hub.wire.dvcqg.dates import read_stamp
from hub.wire.dvcqg.models import DOSSIER_SERVICE, PROGRESS_SERVICE, WireDossier, WireProgress
from hub.wire.dvcqg.reading import (
    dossier_in,
    progress_in,
    quick_dossier_of,
    quick_progress_of,
    tree_of,
)

FORMS = ("item", "session", "lgsp", *BY_NAME)
INSTANCE = "one_stop"
FIRST_HEARD = "first_heard"
"""Header of an item without a date: when the same was first told, 14 digits."""

DATE_OF_STATUS: dict[DossierStatus, Callable[[Dossier], datetime | None]] = {
    DossierStatus.NEW: lambda dossier: dossier.submitted_at,
    DossierStatus.REFUSED: lambda dossier: dossier.refused_at,
    DossierStatus.SUPPLEMENT: lambda dossier: (
        asked.requested_at if (asked := last_round(dossier)) else None
    ),
    DossierStatus.DONE: lambda dossier: dossier.finished_at,
    DossierStatus.RETURNED: lambda dossier: dossier.returned_at,
}
"""Which date of a dossier belongs to its status; all others: received, else submitted."""


def message(body: bytes, form: str) -> Message:
    """The Message of wire bytes; the same bytes give the same Message.

    What the wire says elsewhere (account, address) is taken from the body as far as it is there.
    """
    try:
        tree = tree_of(body)
    except DecodeError:
        tree = None
    envelope = tree if form == "session" and isinstance(tree, dict) else {}
    items = envelope.get("data") if envelope else tree if form == "lgsp" else [tree]
    first = items[0] if isinstance(items, list) and items else None
    known = BY_NAME.get(form)
    operation = envelope.get("service") or (known.operation if known else _operation_of)(first)
    headers = {"form": form}
    if isinstance(unit := envelope.get("madonvi"), str):
        headers["unit"] = unit
    return Message.of_file(
        body,
        connector=INSTANCE,
        operation=operation if isinstance(operation, str) else "",
        headers=headers,
    )


def order_key(message: Message) -> str:
    """The dossier code of an item; of anything else the sending unit. Never raises."""
    if subject := message.headers.get("subject"):
        return subject
    form = message.headers.get("form", "item")
    known = BY_NAME.get(form)
    if known is not None:
        try:
            return subject_of(known.key(orjson.loads(message.body)))
        except (orjson.JSONDecodeError, DecodeError):
            return _account(message)
    if form == "item":
        try:
            tree = orjson.loads(message.body)
            code = tree.get("MaHoSo") if isinstance(tree, dict) else None
            if isinstance(code, str | int):
                return subject_of(str(code))
        except (orjson.JSONDecodeError, DecodeError):
            return _account(message)
    return _account(message)


def decode(message: Message, settings: OneStopSettings) -> Sequence[Event | DecodeError]:
    """The items of a message, each an Event without id, or what is wrong with it.

    Raises:
        DecodeError: the message as a whole is unreadable.
    """
    form = message.headers.get("form", "item")
    if form == "item":
        event = _item(message)
        if not settings.slips:
            return [event]
        first_heard = read_stamp(message.headers.get(FIRST_HEARD))
        return [event, *slips_of(event, first_heard or message.received_at)]
    tree = tree_of(message.body)
    if (known := BY_NAME.get(form)) is not None:
        return known.decode(message, tree, settings)
    if form == "lgsp":
        return list(_events(_said_beside(message), tree, ""))
    if not isinstance(tree, dict):
        raise DecodeError("must be a JSON object")
    return list(_events(_said_in(tree, message), tree.get("data"), "/data"))


class _Beside(NamedTuple):
    """What the wire says beside an item."""

    message: Message
    operation: str
    unit: str
    updating: bool | None


def _said_beside(message: Message) -> _Beside:
    headers = message.headers
    updating = FLAG_OF_TEXT.get(headers.get("is_updating", ""))
    return _Beside(message, message.operation, headers.get("unit", ""), updating)


def _said_in(envelope: dict[str, Any], message: Message) -> _Beside:
    """What the envelope of a session call says; what it lacks is taken from the message."""
    beside = _said_beside(message)
    operation, unit = envelope.get("service"), envelope.get("madonvi")
    updating = envelope.get("isUpdating")
    return _Beside(
        message,
        operation if isinstance(operation, str) else beside.operation,
        unit if isinstance(unit, str) else beside.unit,
        FLAG_OF_TEXT.get(updating) if isinstance(updating, str | bool) else beside.updating,
    )


def _events(beside: _Beside, trees: Any, path: str) -> Iterator[Event | DecodeError]:
    if not isinstance(trees, list):
        raise DecodeError("must be an array", path=path)
    for number, tree in enumerate(trees):
        try:
            yield _event(beside, tree, f"{path}/{number}")
        except DecodeError as error:
            yield error


def _item(message: Message) -> Event:
    """The event of a body that is one item."""
    beside = _said_beside(message)
    if beside.operation == DOSSIER_SERVICE:
        return _dossier_event(beside, dossier_in(message.body), "")
    if beside.operation == PROGRESS_SERVICE:
        return _step_event(beside, progress_in(message.body), "")
    return _event(beside, tree_of(message.body), "")


def _event(beside: _Beside, tree: Any, path: str) -> Event:
    operation = beside.operation or _operation_of(tree)
    if operation == DOSSIER_SERVICE:
        return _dossier_event(beside, quick_dossier_of(tree, path), path)
    if operation == PROGRESS_SERVICE:
        return _step_event(beside, quick_progress_of(tree, path), path)
    raise DecodeError("not an operation that sends", path=path, code="unknown_operation")


def _dossier_event(beside: _Beside, dossier: WireDossier, path: str) -> Event:
    unit = beside.unit or _unit_of(dossier.MaHoSo)
    values = dossier_values(dossier, unit=unit, updating=None, path=path)
    encoded = said = orjson.dumps(values)
    if doubts := beside.message.headers.get("doubts"):
        told = values["dossier"]
        told["doubts"] = [*told.get("doubts", ()), *doubts.split()]
        encoded = orjson.dumps(values)
    if beside.updating is not None:
        values["updating"] = beside.updating
        encoded = encoded[:-1] + _UPDATING[beside.updating]
    data = _checked(values)
    key = f"{DOSSIER_SERVICE}:{sha256(said).hexdigest()}"
    return _told(beside.message, data, _dossier_time(data), key, encoded)


def _step_event(beside: _Beside, step: WireProgress, path: str) -> Event:
    unit = beside.unit or _unit_of(step.MaHoSo)
    values = progress_values(step, unit=unit, path=path)
    encoded = orjson.dumps(values)
    data = _checked(values)
    key = f"{PROGRESS_SERVICE}:{sha256(encoded).hexdigest()}"
    return _told(beside.message, data, data.step and data.step.at, key, encoded)


def _told(
    message: Message, data: DossierEvent, time: datetime | None, natural_key: str, encoded: bytes
) -> Event:
    return Event(
        kind=KIND_OF_STATUS[data.status],
        source=f"/connectors/{message.connector}/{data.unit}",
        subject=message.headers.get("subject") or data.code,
        time=time or message.received_at,
        data=data,
        natural_key=natural_key,
        message_id=message.id,
        traceparent=message.traceparent,
        encoded=encoded,
    )


_checked = DossierEvent.__pydantic_validator__.validate_python
"""`DossierEvent.model_validate` without its frame of Python."""

_UPDATING = {True: b',"updating":true}', False: b',"updating":false}'}
"""How the JSON of a dossier ends: a repetition is one, whatever the sender calls it."""


def _dossier_time(data: DossierEvent) -> datetime | None:
    dossier = data.dossier
    if dossier is None:
        return None
    dated = DATE_OF_STATUS.get(data.status)
    return (dated(dossier) if dated else None) or dossier.received_at or dossier.submitted_at


def _operation_of(tree: Any) -> str:
    """Which operation an item belongs to, where only the item is at hand; `` if neither."""
    if not isinstance(tree, dict):
        return ""
    if "MaTTHC" in tree or "TrangThaiHoSo" in tree:
        return DOSSIER_SERVICE
    return PROGRESS_SERVICE if "TrangThai" in tree or "ThoiDiemXuLy" in tree else ""


def _unit_of(code: str | None) -> str:
    """The organisation id in a dossier code."""
    return (code or "").partition("-")[0]


def _account(message: Message) -> str:
    return message.headers.get("unit") or message.connector
