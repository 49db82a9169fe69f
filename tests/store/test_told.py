"""What routes are told is read once for all of them, and never older than it may be."""

from __future__ import annotations

import asyncio

from hub.errors import StoreAway
from hub.held import Act, Changes, RouteControl
from hub.store import Store
from hub.store.acts import Acts, Author
from hub.store.held import PostgresHeldStore
from hub.store.told import Reading, Told
from tests.engine.ground import until
from tests.engine.virtual import clock, pass_time, run
from tests.store.rows import ROUTE, queue

AUTHOR = Author("người trực", "kiểm thử")


class Question:
    """Answers after a second with what was told when it was asked."""

    def __init__(self) -> None:
        self.count = 0
        self.away = False
        self.paused = False

    async def ask(self) -> Reading:
        self.count += 1
        paused = self.paused
        await pass_time(1)
        if self.away:
            raise StoreAway("away")
        return Reading({"r": RouteControl("r", paused=paused)}, frozenset())


def test_all_who_ask_at_the_same_time_and_soon_after_share_one_look() -> None:
    async def main() -> None:
        question = Question()
        told = Told(question.ask, 5, clock=clock)
        readings = await asyncio.gather(*(told.reading() for _ in range(12)))
        assert question.count == 1
        await pass_time(3.9)
        assert await told.reading() is readings[0]
        await pass_time(0.2)
        assert await told.reading() is not readings[0]
        assert question.count == 2

    run(main())


def test_what_we_told_ourselves_is_believed_at_once_also_by_those_who_wait() -> None:
    async def main() -> None:
        question = Question()
        told = Told(question.ask, 100, clock=clock)
        assert not (await told.reading()).controls["r"].paused
        question.paused = True
        told.changed()
        assert (await told.reading()).controls["r"].paused
        told.changed()
        waiting = asyncio.create_task(told.reading())
        await pass_time(0.5)
        question.paused = False
        told.changed()
        assert not (await waiting).controls["r"].paused

    run(main())


def test_a_failed_look_is_told_to_all_who_wait_and_not_remembered() -> None:
    async def main() -> None:
        question = Question()
        question.away = True
        told = Told(question.ask, 100, clock=clock)
        found = await asyncio.gather(*(told.reading() for _ in range(3)), return_exceptions=True)
        assert [type(each) for each in found] == [StoreAway] * 3
        assert question.count == 1
        question.away = False
        await told.reading()
        assert question.count == 2

    run(main())


def test_one_who_is_cancelled_takes_the_look_from_nobody() -> None:
    async def main() -> None:
        told = Told(Question().ask, 100, clock=clock)
        first, second = (asyncio.create_task(told.reading()) for _ in range(2))
        await pass_time(0.5)
        first.cancel()
        assert (await second).controls["r"] == RouteControl("r")

    run(main())


async def test_acts_and_stops_are_seen_through_a_shared_look(store: Store) -> None:
    held = PostgresHeldStore(store, fresh_seconds=0.3)
    claim, other = await held.claim(ROUTE, 0, "w", 60), await held.claim("other", 0, "w", 60)
    assert claim is not None
    assert other is not None
    assert await held.commands([claim, other]) == ()
    await held.write(claim, queue("H1", 1))
    number = await Acts(store).request(ROUTE, "H1", Act.SKIP, AUTHOR)
    await until(lambda: held.commands([claim]), "the act is seen")
    assert await held.commands([other]) == ()
    (command,) = await held.commands([claim, other])
    assert (command.subject, command.act) == ("H1", Act.SKIP)
    await held.write(claim, Changes(commands_done={number: "done"}))
    assert await held.commands([claim]) == []  # also by a look from before
    assert await held.controls() == {}
    await held.stop_route(ROUTE, "dead_limit", "too many")
    assert (await held.controls())[ROUTE].stopped_reason == "dead_limit"
