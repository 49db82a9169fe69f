"""A list as last pulled: read seldom, known to all processes, and still there in an outage."""

from __future__ import annotations

from typing import Any

import pytest

from hub.catalogue import REREAD_SECONDS, Catalogue, Rows
from hub.errors import Unavailable
from hub.event import Alias
from tests.connectors.ground import MemoryGround


class Ground(MemoryGround):
    """One that can be away, and counts what was fetched."""

    away = False
    fetched = 0

    async def alias(self, kind: str, value: str) -> Alias | None:
        if self.away:
            raise Unavailable("PostgreSQL is away")
        return await super().alias(kind, value)

    async def fetch(self, reference: str) -> bytes:
        self.fetched += 1
        return await super().fetch(reference)


class Clock:
    def __init__(self) -> None:
        self.now = 1_000_000.0

    def __call__(self) -> float:
        return self.now


def codes(rows: Rows) -> tuple[str, ...]:
    return tuple(row["code"] for row in rows)


def catalogue(ground: Ground, clock: Clock) -> Catalogue[tuple[str, ...]]:
    return Catalogue("axis.list", "axis", "codes", ground, codes, clock=clock)


def rows(*told: str) -> list[dict[str, Any]]:
    return [{"code": each} for each in told]


async def test_nothing_is_known_before_the_first_pull() -> None:
    mine = catalogue(Ground(), Clock())
    assert await mine.latest() is None
    assert await mine.age_seconds() is None


async def test_what_one_process_pulled_another_knows_a_minute_later() -> None:
    ground, clock = Ground(), Clock()
    puller, reader = catalogue(ground, clock), catalogue(ground, clock)
    assert await puller.latest() is await reader.latest() is None
    await puller.keep(rows("A"))
    assert await puller.latest() == (("A",), 0)
    assert await reader.latest() is None
    clock.now += REREAD_SECONDS
    assert await reader.latest() == (("A",), REREAD_SECONDS)
    assert await reader.age_seconds() == REREAD_SECONDS


async def test_after_a_clock_that_was_wrong_a_list_is_pulled_and_read_anew() -> None:
    """The clock was a year ahead: else nothing would be pulled or read for a year."""
    ground, clock = Ground(), Clock()
    puller, reader = catalogue(ground, clock), catalogue(ground, clock)
    clock.now += 31_536_000
    await puller.keep(rows("A"))
    assert await reader.latest() == (("A",), 0)
    clock.now -= 31_536_000
    assert await puller.age_seconds() is None
    await puller.keep(rows("B"))
    assert await reader.latest() == (("B",), 0)
    assert await reader.age_seconds() == 0


async def test_rows_are_read_again_only_when_they_are_others() -> None:
    ground, clock = Ground(), Clock()
    mine = catalogue(ground, clock)
    for told, fetched, known in ((rows("A"), 1, "A"), (rows("A"), 1, "A"), (rows("B"), 2, "B")):
        clock.now += REREAD_SECONDS
        await mine.keep(told)
        assert (await mine.latest(), ground.fetched) == (((known,), 0), fetched)


async def test_in_an_outage_of_the_ground_the_last_known_rows_stand() -> None:
    ground, clock = Ground(), Clock()
    mine, late = catalogue(ground, clock), catalogue(ground, clock)
    await mine.keep([*rows("A"), "no row", None])
    await mine.latest()
    ground.away = True
    clock.now += 2 * REREAD_SECONDS
    assert await mine.latest() == (("A",), 2 * REREAD_SECONDS)
    with pytest.raises(Unavailable):
        await late.latest()


async def test_rows_that_are_gone_are_as_if_never_pulled() -> None:
    ground, clock = Ground(), Clock()
    mine = catalogue(ground, clock)
    await mine.keep(rows("A"))
    ground.blobs.clear()
    assert await mine.latest() is None
