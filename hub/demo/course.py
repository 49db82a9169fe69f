"""The course of a dossier: when it is filed, received, supplemented, finished and returned."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta
from enum import Enum, auto
from random import Random

from hub.demo.ward import CALENDAR, Procedure
from hub.worktime import VIETNAM

MINUTE = timedelta(minutes=1)
POST_SHARE = 0.3
"""How many of those who filed online have their result brought by the post."""
SUPPLEMENT_SHARE = 0.06
"""How many dossiers of several days need more papers."""


@dataclass(frozen=True, slots=True)
class Ways:
    """How people come and how results leave.

    Attributes:
        all_online: everybody files online, whatever is usual for the procedure.
        post_share: of those who filed online, to whom the post brings the result; 0 to 1.
    """

    all_online: bool = False
    post_share: float = POST_SHARE


class Fate(Enum):
    """How a dossier ends against its date."""

    EARLY = auto()
    ON_TIME = auto()
    OPEN = auto()


@dataclass(frozen=True, slots=True)
class Round:
    """One round of asking for more papers; the term starts anew when they are there."""

    asked_at: datetime
    answered_at: datetime
    due_before: datetime
    due_after: datetime


@dataclass(frozen=True, slots=True)
class Course:
    """What happens to one dossier, and when; all instants in Vietnam's time, whole minutes.

    Attributes:
        submitted_at: filed; the receipt itself at the desk, earlier when filed online.
        received_at: accepted, in office hours; the term counts from here.
        due_at: the appointment, of the unshortened statutory term.
        started_at: handed to the officer in charge.
        round: the round of more papers, if any.
        signed_at: handed to the chairman for signature; none if it is done in one go.
        finished_at, returned_at: none while it is open.
        is_online: filed online.
        by_post: the post brings the result.
    """

    procedure: Procedure
    submitted_at: datetime
    received_at: datetime
    due_at: datetime
    started_at: datetime
    round: Round | None = None
    signed_at: datetime | None = None
    finished_at: datetime | None = None
    returned_at: datetime | None = None
    is_online: bool = False
    by_post: bool = False

    @property
    def due_now(self) -> datetime:
        """The appointment after a round of more papers, else the first one."""
        return self.round.due_after if self.round else self.due_at


def invent(
    procedure: Procedure, fate: Fate, day: date, random: Random, *, ways: Ways = Ways()
) -> Course:
    """A course that starts on a working day and ends as its fate says.

    `ON_TIME` is for same-day procedures only: what comes in after three o'clock is done the next
    morning, on the day it is due.
    """
    received = datetime.combine(day, _receipt_time(fate, random), VIETNAM)
    is_online = random.randrange(100) < (100 if ways.all_online else procedure.online)
    ahead = _minutes(random, 5, 14 * 60) if is_online else timedelta(0)
    course = Course(
        procedure,
        submitted_at=received - ahead,
        received_at=received,
        due_at=CALENDAR.add(received, procedure.term),
        started_at=CALENDAR.add(received, _minutes(random, 1, 5)),
        is_online=is_online,
    )
    if fate is Fate.OPEN:
        return course
    by_post = is_online and random.random() < ways.post_share
    supplement = _supplement(course, random)
    signed, finished = _work(course, supplement, fate, random)
    on_the_way = _minutes(random, 8 * 60, 20 * 60) if by_post else _minutes(random, 5, 6 * 60)
    return replace(
        course,
        round=supplement,
        signed_at=signed,
        finished_at=finished,
        returned_at=CALENDAR.add(finished, on_the_way),
        by_post=by_post,
    )


def _minutes(random: Random, least: int, most: int) -> timedelta:
    return random.randint(least, most) * MINUTE


def _receipt_time(fate: Fate, random: Random) -> time:
    """Within office hours; on-time ones come after three o'clock, all others before."""
    if fate is Fate.ON_TIME:
        minute = random.randrange(15 * 60 + 5, 16 * 60 + 45)
    elif random.random() < 0.65:
        minute = random.randrange(7 * 60 + 5, 11 * 60)
    else:
        minute = random.randrange(13 * 60 + 30, 15 * 60)
    return time(minute // 60, minute % 60)


def _supplement(course: Course, random: Random) -> Round | None:
    if course.procedure.shortened is None or random.random() >= SUPPLEMENT_SHARE:
        return None
    asked = CALENDAR.add(course.started_at, _minutes(random, 30, 180))
    answered = CALENDAR.add(asked, _minutes(random, 120, 16 * 60))
    return Round(asked, answered, course.due_at, CALENDAR.add(answered, course.procedure.term))


def _work(
    course: Course, supplement: Round | None, fate: Fate, random: Random
) -> tuple[datetime | None, datetime]:
    """When it goes to the chairman, if it waits for him, and when it is finished.

    Within the shortened term; those on time the next working morning.
    """
    shortened = course.procedure.shortened
    if shortened is not None:
        since = supplement.answered_at if supplement else course.started_at
        used = shortened * random.uniform(0.3, 0.95)
        signed = CALENDAR.add(since, used // MINUTE * MINUTE)
        return signed, CALENDAR.add(signed, 2 * MINUTE)
    if fate is Fate.ON_TIME:
        morning = CALENDAR.next_instant(course.received_at.replace(hour=17, minute=0))
        return None, morning + _minutes(random, 10, 180)
    return None, CALENDAR.add(course.started_at, _minutes(random, 5, 90))
