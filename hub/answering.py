"""Answering: where a petition stands, folded from its events in order; and votes. Pure.

What the quality index asks for: which unit must answer, until when, and when it did. Complaints and
denunciations are not counted: they follow other laws.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime

from hub.event import Event
from hub.schemas.petition import PetitionEvent, SurveyVoted
from hub.worktime import VIETNAM

RECEIVED, REDIRECTED = "received", "redirected"
UNCOUNTED = frozenset({REDIRECTED, "rejected"})
"""Last states of petitions that no unit owes an answer."""


@dataclass(frozen=True, slots=True)
class PetitionStanding:
    """Where a petition stands.

    Attributes:
        petition: source and the id that it gave.
        unit: who must answer now.
        state: the last verb (`received`, `answered`); `redirected` stays.
        received_at, due_at: as told, else when the event happened; none if nobody told a date.
        answered_at: of the first answer.
        event_topic, event_offset: where the last event stands.
    """

    petition: str
    subject: str
    state: str
    event_topic: str
    event_offset: int
    unit: str = ""
    received_at: datetime | None = None
    due_at: datetime | None = None
    answered_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Vote:
    """One satisfaction vote: of which unit and month (`2026-01`), and what it says."""

    vote: str
    unit: str
    month: str
    answer: str


def petition_of(data: PetitionEvent) -> str:
    """What a petition is known by: ids of two sources may be equal."""
    return f"{data.channel}/{data.petition_id}"


def advance_petition(known: PetitionStanding | None, event: Event) -> PetitionStanding | None:
    """The standing after this event; unchanged for an older one or one of another noun."""
    data, position = event.data, event.position
    if not isinstance(data, PetitionEvent) or position is None:
        return known
    verb = event.kind.partition(".")[2]
    old = known or PetitionStanding(petition_of(data), event.subject, verb, position.topic, -1)
    if position.topic == old.event_topic and position.offset <= old.event_offset:
        return known
    at = data.acted_at or event.time
    assigned = data.assignment.unit if data.assignment else ""
    first = old.received_at or (data.petition.submitted_at if data.petition else None)
    return replace(
        old,
        state=REDIRECTED if old.state == REDIRECTED else verb,
        unit=assigned or old.unit or data.unit,
        received_at=first or (at if verb == RECEIVED else None),
        due_at=data.answer_due_at or old.due_at,
        answered_at=old.answered_at
        or (data.answer.answered_at if data.answer else None)
        or (at if verb == "answered" else None),
        event_topic=position.topic,
        event_offset=position.offset,
    )


def vote_of(event: Event) -> Vote | None:
    """The vote that an event tells, none for one of another noun."""
    data = event.data
    if not isinstance(data, SurveyVoted):
        return None
    moment = data.voted_at or event.time
    moment = moment.astimezone(VIETNAM) if moment.tzinfo else moment
    month = data.month or f"{moment:%Y-%m}"
    return Vote(f"{data.channel}/{data.vote_id}", data.unit, month, data.vote.value)
