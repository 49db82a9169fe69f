"""Inter-agency dossiers, and states of dossiers that were filed at the portal -> events; pure."""

from __future__ import annotations

from typing import Any

from hub.connectors.one_stop.linked import read_linked
from hub.connectors.one_stop.settings import OneStopSettings
from hub.connectors.one_stop.wire import HANDOVER_RESULT_SERVICE, HANDOVER_SERVICE
from hub.errors import DecodeError
from hub.event import Alias, Event
from hub.message import Message
from hub.schemas.dossier import KIND_OF_STATUS, DossierEvent
from hub.schemas.handover import PARENT_ALIAS, Agency
from hub.wire.dvcqg.canonical import subject_of
from hub.wire.dvcqg.dates import write_stamp
from hub.wire.dvcqg.filed import state_values
from hub.wire.dvcqg.models import STATE_SERVICE
from hub.wire.dvcqg.reading import body_hash, state_of

COMPLETED = "handover.completed"
HANDED_BY = "handed_by"
"""Header of an outcome: the agency that handed the child over, where the hub knows it."""
UNIT_CODE_ALIAS = "dossier.unit_code"
"""Kind of the alias that leads from a unit's own code to the portal's."""


def handover(message: Message, tree: Any, settings: OneStopSettings) -> list[Event | DecodeError]:
    """The event of a child that is handed over, or of what came of it.

    One that tells its moment can be said once; without it the same may have happened again.
    """
    data = read_linked(tree, message.headers.get("unit", ""), settings.linked_results)
    by = message.headers.get(HANDED_BY)
    if by and data.receiver is None:
        data = data.model_copy(update={"receiver": Agency(unit=by)})
    operation = message.operation or handover_operation(tree)
    about: tuple[str, str] | None = None
    aliases: tuple[Alias, ...] = ()
    if operation == HANDOVER_SERVICE:
        if not data.parent_code:
            raise DecodeError("dossier code is missing", path="/MaHoSo", code="no_subject")
        if data.receiver is None:
            raise DecodeError("the receiving unit is missing", path="/DonViNhan")
        kind, subject, time = "handover.requested", data.child_code, data.handed_at
        facts = {"unit": data.sender.unit, "to": data.receiver.unit}
        if data.due_at is not None:
            facts["due_at"] = write_stamp(data.due_at)
        aliases = (Alias(PARENT_ALIAS, data.child_code, data.parent_code, facts),)
    elif operation == HANDOVER_RESULT_SERVICE:
        if data.result is None:
            raise DecodeError("the result is missing", path="/KetQua")
        kind, subject, time = COMPLETED, data.parent_code, data.completed_at
        if not subject:
            about = (PARENT_ALIAS, data.child_code)
    else:
        raise DecodeError("not an operation of this form", code="unknown_operation")
    return [
        Event(
            kind=kind,
            source=f"/connectors/{message.connector}/{data.sender.unit}",
            subject=subject,
            time=time or message.received_at,
            data=data,
            natural_key=f"{operation}:{body_hash(tree)}",
            message_id=message.id,
            traceparent=message.traceparent,
            about=about,
            aliases=aliases,
            once=time is not None,
        )
    ]


def handover_operation(tree: Any) -> str:
    """Which of the two objects it is, where only the object is at hand."""
    if not isinstance(tree, dict):
        return ""
    return HANDOVER_RESULT_SERVICE if "KetQua" in tree else HANDOVER_SERVICE


def handover_key(tree: Any) -> str:
    """The subject of the event that either object becomes, as far as it is told; `` if not."""
    if not isinstance(tree, dict):
        return ""
    child, parent = tree.get("MaHoSoLT"), tree.get("MaHoSo")
    ended = handover_operation(tree) == HANDOVER_RESULT_SERVICE
    code = parent if ended and parent else child
    return code if isinstance(code, str) else ""


def status(message: Message, tree: Any, settings: OneStopSettings) -> list[Event | DecodeError]:
    """The event of a state: a step of the dossier, with the fields that only this form has."""
    wire = state_of(tree)
    code = subject_of(wire.MaHoSo)
    unit = message.headers.get("unit") or code.partition("-")[0]
    values = state_values(wire, unit=unit)
    if sort := message.headers.get("type"):
        values["step"].setdefault("unknown", {})["type"] = sort
    data = DossierEvent.model_validate(values)
    own = wire.MaHoSoDonVi
    return [
        Event(
            kind=KIND_OF_STATUS[data.status],
            source=f"/connectors/{message.connector}/{unit}",
            subject=code,
            time=(data.step.at if data.step else None) or message.received_at,
            data=data,
            natural_key=f"{STATE_SERVICE}:{body_hash(tree)}",
            message_id=message.id,
            traceparent=message.traceparent,
            aliases=(Alias(UNIT_CODE_ALIAS, own, code, {"unit": unit}),) if own else (),
        )
    ]
