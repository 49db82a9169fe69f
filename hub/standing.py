"""Standing: where a dossier stands, folded from its events in order. Pure.

A sender tells either the whole dossier or one step. A step changes the status and leaves what was
told before; a whole dossier replaces it. Dates that nobody told are derived from when an event
happened, so that the figures of domain knowledge (received, finished) always have one.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime

from hub.event import Event
from hub.schemas.dossier import Dossier, DossierEvent, DossierStatus

NOT_ACCEPTED = frozenset({DossierStatus.NEW, DossierStatus.REFUSED})
PAUSED = frozenset({DossierStatus.SUPPLEMENT, DossierStatus.FINANCE, DossierStatus.STOPPED})
DONE = frozenset({DossierStatus.DONE, DossierStatus.RETURNED})
WITHDRAWN = frozenset({DossierStatus.WITHDRAWN})


@dataclass(frozen=True, slots=True)
class Standing:
    """One row of the read model.

    Attributes:
        subject: dossier code.
        unit, procedure_code, procedure_name, status, status_code, channel: as last told.
        submitted_at, due_at, returned_at: as last told.
        received_at: as told, else when the first event said that it was accepted.
        finished_at: as told, else when an event first said that it was done; none while open.
        event_id, event_kind, event_time: of the last event.
        event_topic, event_offset: where the last event stands; a dossier has one partition.
    """

    subject: str
    status: str
    event_topic: str
    event_offset: int
    unit: str = ""
    procedure_code: str = ""
    procedure_name: str = ""
    status_code: str = ""
    channel: str = ""
    submitted_at: datetime | None = None
    received_at: datetime | None = None
    due_at: datetime | None = None
    finished_at: datetime | None = None
    returned_at: datetime | None = None
    event_id: str = ""
    event_kind: str = ""
    event_time: datetime | None = None


def advance(known: Standing | None, event: Event) -> Standing | None:
    """The standing after this event; unchanged for an older event or one of another noun."""
    data, position = event.data, event.position
    if not isinstance(data, DossierEvent) or position is None:
        return known
    old = known or Standing(event.subject, data.status, position.topic, -1)
    if position.topic == old.event_topic and position.offset <= old.event_offset:
        return known
    told = _told(old, data.dossier) if data.dossier else old
    accepted = data.status not in NOT_ACCEPTED
    return replace(
        told,
        status=data.status.value,
        status_code=data.status_code,
        unit=data.unit,
        received_at=told.received_at
        or old.received_at
        or (_happened(event, data) if accepted else None),
        finished_at=_finished_at(old, told, event, data),
        event_id=event.id,
        event_kind=event.kind,
        event_time=event.time,
        event_topic=position.topic,
        event_offset=position.offset,
    )


def _told(old: Standing, dossier: Dossier) -> Standing:
    return replace(
        old,
        procedure_code=dossier.procedure.code,
        procedure_name=dossier.procedure.name,
        channel=dossier.channel.value,
        submitted_at=dossier.submitted_at,
        received_at=dossier.received_at,
        due_at=dossier.due_at,
        finished_at=dossier.finished_at,
        returned_at=dossier.returned_at,
    )


def _finished_at(
    old: Standing, told: Standing, event: Event, data: DossierEvent
) -> datetime | None:
    if data.status in DONE:
        return told.finished_at or old.finished_at or told.returned_at or _happened(event, data)
    return told.finished_at if data.dossier else None  # a step that reopens clears it


def _happened(event: Event, data: DossierEvent) -> datetime:
    return (data.step.at if data.step else None) or event.time
