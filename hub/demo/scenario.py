"""All dossiers of the ward, their calls in time order, and the figures they must give."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, time
from functools import cached_property
from itertools import cycle, groupby
from operator import attrgetter
from random import Random

from hub.demo import course as courses
from hub.demo import people, wire
from hub.demo.course import Course, Fate, Ways
from hub.demo.place import PHUC_LOI, Place
from hub.demo.ward import (
    CERTIFIED_COPY,
    CORRECTION,
    DOSSIER_COUNT,
    PROCEDURES,
    Procedure,
)
from hub.demo.wire import Call, Dossier
from hub.worktime import VIETNAM

SEED = 2023
ON_TIME_SHARE = 0.025
"""How many of the solved are done on the very day; all others are early, so over 97 % are."""
OPEN_DAYS = 2
"""On the last so many days of receipt the open ones come in."""
PAYMENT_SHARE = 0.5
"""How many of those who filed online and owe a fee pay it online."""


@dataclass(frozen=True, slots=True)
class Shares:
    """How many use what, from 0 to 1.

    Attributes:
        payment: of the dossiers filed online with a fee, those that are paid online.
        post: of the dossiers filed online, those whose result the post brings; none: as the
            place does.
    """

    payment: float = PAYMENT_SHARE
    post: float | None = None


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
    def paying(self) -> Mapping[str, Dossier]:
        """Those whose fee is paid online, by code."""
        return {one.code: one for one in self.dossiers if one.pays_online}

    @cached_property
    def posted(self) -> Mapping[str, Dossier]:
        """Those whose result the post brings, by code."""
        return {one.code: one for one in self.dossiers if one.course.by_post}

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
    dossier_count: int | None = None,
    seed: int = SEED,
    *,
    place: Place = PHUC_LOI,
    using: Shares = Shares(),
) -> Scenario:
    """The dossiers of a place, the same ones for the same count and seed.

    Args:
        dossier_count: dossiers received; the place's own number if left out.
        seed: of every random choice.
        place: whose units they go round, and when.
        using: how many pay online, and get their result by post.

    Raises:
        ValueError: the count is not positive.
    """
    count = place.dossiers if dossier_count is None else dossier_count
    if count < 1:
        raise ValueError("at least one dossier")
    random = Random(seed)  # noqa: S311 - an invented ward, repeatable
    expected = figures(count)
    ways = Ways(place.all_online, place.post_share if using.post is None else using.post)
    found = sorted(_courses(expected, random, place, ways), key=attrgetter("received_at"))
    dossiers = [
        Dossier(code, people.invent(random), _copies(one.procedure, random), one, place.units[unit])
        for (unit, code), one in zip(_codes(found, tuple(place.units)), found, strict=True)
    ]
    paying = _paying(dossiers, using.payment, seed)
    return Scenario(
        tuple(replace(one, pays_online=one.code in paying) for one in dossiers), expected
    )


def _paying(dossiers: Sequence[Dossier], share: float, seed: int) -> frozenset[str]:
    able = [one.code for one in dossiers if one.course.is_online and one.fee_vnd]
    random = Random(seed)  # noqa: S311 - of its own, so that no other choice depends on the share
    return frozenset(random.sample(able, round(share * len(able))))


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


def _courses(expected: Figures, random: Random, place: Place, ways: Ways) -> Iterator[Course]:
    days = place.days_of_receipt()
    end = datetime.combine(place.last_day, time(17), VIETNAM)
    on_time = expected.on_time

    def in_period(procedure: Procedure, fate: Fate) -> Course:
        """A course that is over before the period is: others are thrown away."""
        while True:
            found = courses.invent(procedure, fate, random.choice(days), random, ways=ways)
            if found.returned_at is not None and found.returned_at < end:
                return found

    for procedure, count in shares(expected.solved).items():
        for _ in range(count):
            is_on_time = procedure is CERTIFIED_COPY and on_time > 0
            on_time -= is_on_time
            yield in_period(procedure, Fate.ON_TIME if is_on_time else Fate.EARLY)
    for _ in range(expected.open):
        day = random.choice(days[-OPEN_DAYS:])
        yield courses.invent(CORRECTION, Fate.OPEN, day, random, ways=ways)


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
