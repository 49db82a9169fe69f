"""What guards a route from the side: the watchdog, shares of limits, and terms that change."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any, cast

import pytest

from hub.dispatch import Dispatcher
from hub.errors import Unavailable
from hub.route import Terms
from hub.watchdog import SPARE_SECONDS, Watchdog
from tests.engine.station import QUICK, Worker, World
from tests.engine.virtual import pass_time, run

DAY = 86_400.0
TERMS = Terms(timeout_seconds=10, patience_seconds=20)
LONGEST = 10 + 20 + SPARE_SECONDS


@dataclass
class Standing:
    """A dispatcher as the watchdog sees it."""

    behind: int = 5
    slots: int = 4
    watermark: int = 0
    waiting_since: float | None = None
    kafka_is_away: bool = False
    renewed: int = 0
    route: str = "portal"
    terms: Terms = TERMS
    handling: Any = field(init=False)

    def __post_init__(self) -> None:
        self.handling = SimpleNamespace(limit=lambda: self.slots)

    @property
    def partitions(self) -> dict[int, Any]:
        stamp = None if self.waiting_since is None else self.waiting_since * 1000
        row = SimpleNamespace(record=SimpleNamespace(timestamp=stamp), held=False)
        lanes = {} if stamp is None else {"S": SimpleNamespace(queue=[row])}
        return {3: SimpleNamespace(window=SimpleNamespace(watermark=self.watermark), lanes=lanes)}

    def lag(self, _: int) -> int:
        return self.behind

    async def read_anew(self) -> None:
        self.renewed += 1
        if self.kafka_is_away:
            raise Unavailable("Kafka does not answer")


class Guard:
    """A watchdog over one dispatcher, with a clock that is set."""

    def __init__(self, standing: Standing) -> None:
        self.now = 0.0
        dispatcher = cast(Dispatcher, standing)
        self.watchdog = Watchdog([dispatcher], retention_seconds=7 * DAY, clock=lambda: self.now)

    def after(self, seconds: float) -> str | None:
        """What is wrong after so many more seconds."""
        self.now += seconds
        asyncio.run(self.watchdog.turn())
        return self.watchdog.problem()


def test_work_without_progress_turns_red_and_renews_the_reader() -> None:
    standing = Standing()
    guard = Guard(standing)
    assert guard.after(0) is None
    assert guard.after(LONGEST) is None
    assert guard.after(1) == "portal: work in partitions 3, but no progress"
    assert standing.renewed == 1
    guard.after(LONGEST)
    assert standing.renewed == 1
    standing.watermark = 1
    assert guard.after(1) is None


def test_a_reader_that_cannot_be_renewed_is_tried_again() -> None:
    standing = Standing(kafka_is_away=True)
    guard = Guard(standing)
    guard.after(0)
    for tries in (1, 2):
        assert guard.after(LONGEST + 1) is not None
        assert standing.renewed == tries


@pytest.mark.parametrize("standing", [Standing(behind=0), Standing(slots=0)])
def test_a_route_that_rests_or_has_nothing_to_do_is_not_stuck(standing: Standing) -> None:
    guard = Guard(standing)
    for _ in range(3):
        assert guard.after(LONGEST + 1) is None
    assert standing.renewed == 0


@pytest.mark.parametrize(("days", "red"), [(3.4, False), (3.6, True)])
def test_a_record_that_waits_for_half_of_the_retention_turns_red(days: float, red: bool) -> None:
    standing = Standing(waiting_since=time.time() - days * DAY)
    told = Guard(standing).after(0)
    assert told == ("portal: a record waits for half of Kafka's retention" if red else None)


def test_the_limits_of_a_route_are_shared_by_the_partitions_owned() -> None:
    async def main() -> None:
        shared = QUICK.model_copy(update={"rate_per_second": 4, "concurrency_count": 8})
        world = World(shared, partitions_count=2)
        for number in range(400):
            world.send(f"S{number}")
        workers = [Worker(world, name).start() for name in ("a", "b")]
        await pass_time(20)
        assert [worker.dispatcher.handling.limit() for worker in workers] == [4, 4]
        before = world.destination.taken_count
        await pass_time(20)
        assert 78 <= world.destination.taken_count - before <= 82
        for worker in workers:
            await worker.end()

    run(main())


def test_changed_terms_leave_what_was_parked_to_its_time() -> None:
    async def main() -> None:
        slow = {"round_wait_initial_seconds": 600.0, "round_wait_max_seconds": 600.0}
        world = World(QUICK.model_copy(update=slow))
        world.destination.failing["A"] = lambda: Unavailable("not now")
        world.send("A")
        first = Worker(world, "first").start()
        await pass_time(30)
        await first.end()
        assert [row.subject for row in world.store.rows.values()] == ["A"]
        del world.destination.failing["A"]
        world.terms = QUICK
        second = Worker(world, "second").start()
        await pass_time(240)
        assert world.destination.taken_count == 0
        await pass_time(700)
        assert world.destination.taken_count == 1
        await second.end()

    run(main())
