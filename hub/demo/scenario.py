"""All dossiers of the ward, their calls in time order, and the figures they must give."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cached_property
from itertools import cycle, groupby
from operator import attrgetter
from random import Random

from hub.demo import course as courses
from hub.demo import people, wire
from hub.demo.course import END, Course, Fate
from hub.demo.place import PHUC_LOI, Place
from hub.demo.ward import (
    CALENDAR,
    CERTIFIED_COPY,
    CORRECTION,
    DOSSIER_COUNT,
    FIRST_DAY,
    LAST_DAY,
    PROCEDURES,
    Procedure,
)
from hub.demo.wire import Call, Dossier

SEED = 2023
ON_TIME_SHARE = 0.025
"""How many of the solved are done on the very day; all others are early, so over 97 % are."""
OPEN_DAYS = timedelta(days=2)
"""How close to the end of the period the open ones come in."""


@dataclass(frozen=True, slots=True)
class Figures:
    """What eight months come to; solved = early + on_time + late, received = solved + open."""

    received: int
    solved: int
    early: int
    on_time: int
    late: int
    open: int


@dataclass(frozen=True)
class Scenario:
    """The dossiers in the order of their codes."""

    dossiers: tuple[Dossier, ...]
    expected: Figures

    @cached_property
    def calls(self) -> Sequence[Call]:
        """Every call of the product, in time order; a dossier's calls keep their own order."""
        every = [
            (call.at, dossier.code, number, call)
            for dossier in self.dossiers
            for number, call in enumerate(wire.calls(dossier))
        ]
        every.sort(key=lambda row: row[:3])
        return [call for *_, call in every]

    @cached_property
    def messages_of(self) -> tuple[int, int]:
        """How many forms and how many steps the calls carry."""
        forms = sum(call.service == wire.FORM for call in self.calls)
        return forms, sum(len(call.items) for call in self.calls) - forms

    @property
    def messages(self) -> int:
        """How many messages the calls carry; each must reach the portal."""
        return sum(self.messages_of)

    def eventful(self) -> Dossier:
        """The dossier with the longest story, the first of several."""
        return max(self.dossiers, key=lambda one: sum(1 for _ in wire.calls(one)))


def invent(
    dossier_count: int | None = None, seed: int = SEED, *, place: Place = PHUC_LOI
) -> Scenario:
    """The dossiers of a place, the same ones for the same count and seed.

    Args:
        dossier_count: dossiers received; the place's own number if left out.
        seed: of every random choice.
        place: whose units they go round.

    Raises:
        ValueError: the count is not positive.
    """
    count = place.dossiers if dossier_count is None else dossier_count
    if count < 1:
        raise ValueError("at least one dossier")
    random = Random(seed)  # noqa: S311 - an invented ward, repeatable
    expected = figures(count)
    found = sorted(_courses(expected, random), key=attrgetter("received_at"))
    dossiers = [
        Dossier(code, people.invent(random), _copies(one.procedure, random), one, place.units[unit])
        for (unit, code), one in zip(_codes(found, tuple(place.units)), found, strict=True)
    ]
    return Scenario(tuple(dossiers), expected)


def figures(dossier_count: int) -> Figures:
    """The published figures, scaled: one open in 2,452 (at least one), none late, 97.5 % early."""
    still_open = max(1, round(dossier_count / DOSSIER_COUNT))
    solved = dossier_count - still_open
    on_time = int(solved * ON_TIME_SHARE)
    return Figures(dossier_count, solved, solved - on_time, on_time, late=0, open=still_open)


def shares(count: int) -> dict[Procedure, int]:
    """How many dossiers of each procedure: by weight, the commonest takes what rounding leaves."""
    whole = sum(one.weight for one in PROCEDURES)
    found = {one: count * one.weight // whole for one in PROCEDURES}
    found[CERTIFIED_COPY] += count - sum(found.values())
    return found


def _courses(expected: Figures, random: Random) -> Iterator[Course]:
    days = _working_days()
    on_time = expected.on_time
    for procedure, count in shares(expected.solved).items():
        for _ in range(count):
            is_on_time = procedure is CERTIFIED_COPY and on_time > 0
            on_time -= is_on_time
            yield _in_period(procedure, Fate.ON_TIME if is_on_time else Fate.EARLY, days, random)
    last_days = [day for day in days if day > LAST_DAY - OPEN_DAYS]
    for _ in range(expected.open):
        yield courses.invent(CORRECTION, Fate.OPEN, random.choice(last_days), random)


def _in_period(procedure: Procedure, fate: Fate, days: Sequence[date], random: Random) -> Course:
    """A course that is over before the period is: others are thrown away."""
    while True:
        found = courses.invent(procedure, fate, random.choice(days), random)
        if found.returned_at is not None and found.returned_at < END:
            return found


def _working_days() -> list[date]:
    span = range((LAST_DAY - FIRST_DAY).days + 1)
    days = [FIRST_DAY + timedelta(days=number) for number in span]
    return [day for day in days if CALENDAR.is_working_day(day)]


def _codes(found: Sequence[Course], units: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Unit and `<unit>-<yyMMdd>-<number>`, the number starting anew every day of receipt."""
    turn = cycle(units)
    for day, same_day in groupby(found, key=lambda one: one.received_at.date()):
        numbers: Counter[str] = Counter()
        for _ in same_day:
            unit = next(turn)
            numbers[unit] += 1
            yield unit, f"{unit}-{day:%y%m%d}-{numbers[unit]:04}"


def _copies(procedure: Procedure, random: Random) -> int:
    return random.randint(1, 12) if procedure is CERTIFIED_COPY else 1
