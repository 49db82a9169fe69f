"""Standing: where a dossier stands, folded from its events in order. Pure.

A sender tells either the whole dossier or one step. A step changes the status and leaves what was
told before; a whole dossier replaces it. Dates that nobody told are derived from when an event
happened, so that the figures of domain knowledge (received, finished) always have one.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime

from hub.deadline import DONE, NOT_ACCEPTED, Deadline, Rules, told, turned
from hub.doubting import turn_doubts
from hub.event import Event
from hub.schemas.dossier import Dossier, DossierEvent, DossierStatus
from hub.worktime import VIETNAM

PAUSED = frozenset({DossierStatus.SUPPLEMENT, DossierStatus.FINANCE, DossierStatus.STOPPED})
WITHDRAWN = frozenset({DossierStatus.WITHDRAWN})
UNDATED = frozenset({DossierStatus.PROCESSING, DossierStatus.STOPPED, DossierStatus.WITHDRAWN})
"""Of these a whole dossier does not tell since when: its event has the time of its reception."""
ENDING = WITHDRAWN | {DossierStatus.DONE}
"""A step to one of these is the end itself; a result is handed over after it."""
PAYMENT = "payment.confirmed"
"""The event of another noun that changes a standing: the fee was paid online."""
PAID_ONLINE, NOT_REUSED = "1", ("", "0")
"""Codes of the dossier: paid online (thanh toán trực tuyến); not reused (tái sử dụng)."""
RULES = Rules()


@dataclass(frozen=True, slots=True)
class Standing:
    """One row of the read model.

    Attributes:
        subject: dossier code.
        unit, procedure_code, procedure_name, status, status_code, channel: as last told.
        submitted_at, due_at, returned_at: as last told.
        received_at: as told, else when the first event said that it was accepted.
        finished_at: as told, else when an event first said that it was done or withdrawn; none
            while open.
        event_id, event_kind, event_time: of the last event.
        event_topic, event_offset: where the last event stands; a dossier has one partition.
        deadline_at, deadline_calendar, paused_at: see `hub.deadline.Deadline`.
        fee_bearing, paid_online: a fee was told; it was paid online.
        digitised: a component is digitised. reused: one came out of a store of earlier ones.
        electronic_result: a result can be fetched as a file.
        doubts: every word of doubt about it so far, with blanks between: what events told
            (`data.dossier.doubts`), and what they say together (`hub.doubting`).
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
    deadline_at: datetime | None = None
    deadline_calendar: str = ""
    paused_at: datetime | None = None
    fee_bearing: bool = False
    paid_online: bool = False
    digitised: bool = False
    reused: bool = False
    electronic_result: bool = False
    doubts: str = ""


def advance(known: Standing | None, event: Event, rules: Rules = RULES) -> Standing | None:
    """The standing after this event; unchanged for an older event or one of another noun."""
    data, position = event.data, event.position
    if position is None or (
        known and position.topic == known.event_topic and position.offset <= known.event_offset
    ):
        return known
    if event.kind == PAYMENT and known is not None:
        return replace(
            known, paid_online=True, event_topic=position.topic, event_offset=position.offset
        )
    if not isinstance(data, DossierEvent):
        return known
    old = known or Standing(event.subject, data.status, position.topic, -1)
    told_now = _told(old, data.dossier) if data.dossier else old
    accepted = data.status not in NOT_ACCEPTED
    return replace(
        _timed(old, told_now, event, data, rules),
        status=data.status.value,
        status_code=data.status_code,
        unit=data.unit,
        received_at=told_now.received_at
        or old.received_at
        or (_happened(event, data) if accepted else None),
        finished_at=_finished_at(old, told_now, event, data),
        event_id=event.id,
        event_kind=event.kind,
        event_time=event.time,
        event_topic=position.topic,
        event_offset=position.offset,
        doubts=_doubts(old, event, data),
    )


def _doubts(old: Standing, event: Event, data: DossierEvent) -> str:
    """The doubts so far, and those of this event.

    One that happened before the last tells history, and is no transition: products send the whole
    dossier first, and then its steps from the beginning.
    """
    happened_after = old.event_time is None or _zoned(event.time) >= _zoned(old.event_time)
    found = [*old.doubts.split(), *(data.dossier.doubts if data.dossier else ())]
    if happened_after and not _begins_history(old, data):
        untimed_step = data.dossier is None and old.channel != "" and old.due_at is None
        found += turn_doubts(old.status, data.status.value, untimed_step=untimed_step)
    return " ".join(dict.fromkeys(found))


def _begins_history(old: Standing, data: DossierEvent) -> bool:
    """Whether a step tells the reception of a dossier that was told whole, and as being further."""
    received, last = old.received_at, old.event_time
    return (
        data.dossier is None
        and data.status == DossierStatus.RECEIVED
        and old.status in UNDATED
        and received is not None
        and last is not None
        and _zoned(last) == _zoned(received)
    )


def _timed(
    old: Standing, new: Standing, event: Event, data: DossierEvent, rules: Rules
) -> Standing:
    """The new standing with its deadline."""
    before = Deadline(old.due_at, old.deadline_at, old.deadline_calendar, old.paused_at)
    paused = old.status in rules.pausing and old.event_offset >= 0
    at = _zoned(_happened(event, data))
    after = turned(before, data.status, at, rules, paused=paused)
    if data.dossier:
        after = told(after, new.due_at)
    return replace(
        new, deadline_at=after.at, deadline_calendar=after.calendar, paused_at=after.paused_at
    )


def _told(old: Standing, dossier: Dossier) -> Standing:
    papers = [paper for paper in dossier.attachments if not paper.deleted]
    return replace(
        old,
        procedure_code=dossier.procedure.code,
        procedure_name=dossier.procedure.name,
        channel=dossier.channel.value,
        submitted_at=dossier.submitted_at,
        received_at=dossier.received_at,
        due_at=_zoned(dossier.due_at) if dossier.due_at else None,
        finished_at=dossier.finished_at,
        returned_at=dossier.returned_at,
        fee_bearing=any(fee.amount_vnd != 0 for fee in dossier.fees),
        paid_online=old.paid_online or dossier.online_payment_code == PAID_ONLINE,
        digitised=bool(dossier.digitised) or any(paper.digitised for paper in papers),
        reused=any(
            paper.from_national_store or paper.reuse_code not in NOT_REUSED for paper in papers
        ),
        electronic_result=any(result.url for result in dossier.results),
    )


def _finished_at(
    old: Standing, told: Standing, event: Event, data: DossierEvent
) -> datetime | None:
    step_at = data.step.at if data.step and data.status in ENDING else None
    if step_at and told.finished_at == told.received_at:
        return step_at  # what tells no date of its end is dated by its receipt until then
    if data.status in DONE:
        return told.finished_at or old.finished_at or told.returned_at or _happened(event, data)
    if data.status in WITHDRAWN:  # said once more, it stays withdrawn since then
        known = old.finished_at if old.status in WITHDRAWN else None
        return told.finished_at or known or _happened(event, data)
    return told.finished_at if data.dossier else None  # a step that reopens clears it


def _happened(event: Event, data: DossierEvent) -> datetime:
    return (data.step.at if data.step else None) or event.time


def _zoned(moment: datetime) -> datetime:
    return moment if moment.tzinfo else moment.replace(tzinfo=VIETNAM)
