"""Deadline: until when a dossier must be done, and how it stands against that. Pure.

The appointment that the keeper of the dossier tells (ngày hẹn trả) always counts. Only where a
dossier was paused (supplement, financial duty) and its keeper has told no new appointment since,
the hub moves it by itself. Stopping and withdrawal end the clock: nothing is moved after them.

Source: domain notes 8.1 (supplement), 8.2 (what pauses and ends the clock), 8.5 (classes).
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum

from hub.duedate import Counting
from hub.schemas.dossier import DossierStatus
from hub.worktime import VIETNAM

SOON = timedelta(hours=24)
DONE = frozenset({DossierStatus.DONE, DossierStatus.RETURNED})
RUNNING = frozenset({DossierStatus.RECEIVED, DossierStatus.PROCESSING, DossierStatus.UNKNOWN})
NOT_ACCEPTED = frozenset({DossierStatus.NEW, DossierStatus.REFUSED})
PAUSING = frozenset({DossierStatus.SUPPLEMENT, DossierStatus.FINANCE})
NO_TABLE = "none"
"""In place of a calendar's version: no table knows the year, the date was left where it was."""


@dataclass(frozen=True, slots=True)
class Rules:
    """How a deployment moves deadlines: how it counts, and which statuses pause the clock."""

    counting: Counting = field(default_factory=Counting)
    pausing: frozenset[str] = PAUSING


@dataclass(frozen=True, slots=True)
class Deadline:
    """The clock of one dossier.

    Attributes:
        due_at: the appointment as last told, none if there is none.
        at: the deadline in force; differs from `due_at` after a pause only.
        calendar: version of the calendar that moved it, `` if it stands as it was told.
        paused_at: when the present pause began, none while the clock runs or was told anew.
    """

    due_at: datetime | None = None
    at: datetime | None = None
    calendar: str = ""
    paused_at: datetime | None = None


def told(known: Deadline, due_at: datetime | None) -> Deadline:
    """After the keeper has told the whole dossier: a new appointment sets the clock anew."""
    return known if due_at == known.due_at else Deadline(due_at, due_at)


def turned(known: Deadline, status: str, at: datetime, rules: Rules, *, paused: bool) -> Deadline:
    """After the dossier has reached a status.

    Args:
        at: when.
        paused: whether its last status was a pause.
    """
    if status in rules.pausing:
        return known if paused else replace(known, paused_at=at)
    if known.paused_at is None or status not in RUNNING:
        return replace(known, paused_at=None)
    began, due = known.paused_at, known.at
    if due is None or began > due or at <= began:  # late before the pause stays late
        return replace(known, paused_at=None)
    try:
        moved = rules.counting.resumed(due, began, at)
    except LookupError:
        return replace(known, paused_at=None, calendar=NO_TABLE)
    if moved == due:
        return replace(known, paused_at=None)
    return Deadline(known.due_at, moved, rules.counting.calendar.version)


class Verdict(StrEnum):
    """How a dossier stands against its deadline (trước hạn, đúng hạn, quá hạn, …)."""

    EARLY = "early"
    ON_TIME = "on_time"
    LATE = "late"
    RUNNING = "running"  # in time, more than a day left
    DUE_SOON = "due_soon"
    OVERDUE = "overdue"
    PAUSED = "paused"  # supplement, finance, stopped
    NOT_ACCEPTED = "not_accepted"
    WITHDRAWN = "withdrawn"


def verdict(
    status: str, finished_at: datetime | None, deadline: datetime | None, now: datetime
) -> Verdict:
    """How a dossier stands: finished ones by the calendar date in Vietnam, open ones exactly."""
    if status in NOT_ACCEPTED:
        return Verdict.NOT_ACCEPTED
    if status == DossierStatus.WITHDRAWN:
        return Verdict.WITHDRAWN
    if status in DONE:
        return by_date(finished_at, deadline)
    if status not in RUNNING:
        return Verdict.PAUSED
    if deadline is None:
        return Verdict.RUNNING
    if now > deadline:
        return Verdict.OVERDUE
    return Verdict.DUE_SOON if deadline - now <= SOON else Verdict.RUNNING


def by_date(finished_at: datetime | None, deadline: datetime | None) -> Verdict:
    """Early, on time or late by calendar dates; without an appointment nobody is late."""
    if finished_at is None or deadline is None:
        return Verdict.ON_TIME
    ended = finished_at.astimezone(VIETNAM).date()
    due = deadline.astimezone(VIETNAM).date()
    if ended == due:
        return Verdict.ON_TIME
    return Verdict.EARLY if ended < due else Verdict.LATE
