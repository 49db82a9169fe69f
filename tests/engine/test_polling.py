"""Polling: pages reach Kafka before their cursor is kept, and the source hears last."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise

from hub.connector import Page
from hub.errors import Rejected, Unavailable
from hub.held import Claim
from hub.message import Message
from hub.metrics import Metrics
from hub.polling import Polling
from hub.store import Store
from hub.store.cursors import StoreCursors
from tests.engine.virtual import clock, pass_time, run


@dataclass
class Source:
    """An outside system with numbered messages, the cursors, and Kafka, in one journal."""

    count: int = 5
    journal: list[str] = field(default_factory=list)
    kept: str = ""
    faults: dict[str, Callable[[], BaseException]] = field(default_factory=dict)
    hanging: asyncio.Event | None = None
    every_seconds: float = 10.0

    def _note(self, what: str) -> None:
        if fault := self.faults.pop(what.partition(" ")[0], None):
            raise fault()
        self.journal.append(what)

    async def poll(self, cursor: str) -> Page:
        self._note(f"poll {cursor or 0}")
        if self.hanging is not None:
            await self.hanging.wait()
        first = int(cursor or 0)
        numbers = range(first, min(first + 2, self.count))
        messages = tuple(Message("toy", "row", str(n).encode(), id=str(n)) for n in numbers)
        last = first + len(messages)
        return Page(messages, str(last), last < self.count, tuple(str(n) for n in numbers))

    async def done(self, page: Page) -> None:
        self._note(f"done {','.join(page.receipts)}")

    async def close(self) -> None:
        self.journal.append("close")

    async def cursor(self, instance: str) -> str:
        return self.kept

    async def keep(self, instance: str, cursor: str) -> None:
        self._note(f"keep {cursor}")
        self.kept = cursor

    async def accept(self, messages: Sequence[Message]) -> None:
        self._note(f"accept {','.join(message.id for message in messages)}")


def polling(source: Source) -> Polling:
    return Polling(
        "toy", source, source, source.accept, metrics=Metrics(), sleep=pass_time, clock=clock
    )


def claim(seconds: float = 1e9) -> Claim:
    return Claim("poll.toy", 0, "w", 1, clock() + seconds)


def test_a_page_goes_to_kafka_then_its_cursor_is_kept_then_the_source_hears() -> None:
    async def main() -> None:
        source = Source(count=3)
        it = polling(source)
        await it.gained(claim())
        await pass_time(1)
        assert source.journal == [
            "poll 0",
            "accept 0,1",
            "keep 2",
            "done 0,1",
            "poll 2",
            "accept 2",
            "keep 3",
            "done 2",
        ]
        await pass_time(10)
        assert source.journal[8:] == ["poll 3"]
        assert (it.messages_count, it.problem, it.asking) == (3, "", True)
        await it.let_go(0)
        assert not it.asking
        await it.close()

    run(main())


def test_what_kafka_has_not_taken_is_asked_for_again() -> None:
    async def main() -> None:
        source = Source(count=2, faults={"accept": lambda: Unavailable("no broker", code="kafka")})
        it = polling(source)
        await it.gained(claim())
        await pass_time(1)
        assert source.journal == ["poll 0"]
        assert "no broker" in it.problem
        await pass_time(30)
        assert source.journal[:4] == ["poll 0", "poll 0", "accept 0,1", "keep 2"]
        assert it.problem == ""
        it.lost(0)

    run(main())


def test_a_source_that_was_away_for_days_is_looked_at_again_when_it_is_back() -> None:
    """More failures in a row than a float can be doubled: an outage of a day and a half."""

    class Gone(Source):
        failed_count = 0

        async def poll(self, cursor: str) -> Page:
            if self.failed_count < 1100:
                self.failed_count += 1
                raise Unavailable("away")
            return await super().poll(cursor)

    async def main() -> None:
        source = Gone(count=2)
        it = polling(source)
        await it.gained(claim())
        await pass_time(1200 * 60)
        assert source.journal[:3] == ["poll 0", "accept 0,1", "keep 2"]
        it.lost(0)

    run(main())


def test_a_source_is_left_alone_for_as_long_as_it_asks() -> None:
    async def main() -> None:
        busy = Unavailable("busy", retry_after_seconds=500)
        source = Source(faults={"poll": lambda: busy})
        it = polling(source)
        await it.gained(claim())
        await pass_time(499)
        assert source.journal == []
        await pass_time(2)
        assert source.journal[0] == "poll 0"
        it.lost(0)

    run(main())


def test_a_look_that_brought_a_part_is_told_and_the_next_comes_as_usual() -> None:
    class Partly(Source):
        async def poll(self, cursor: str) -> Page:
            page = await super().poll(cursor)
            return replace(page, more=False, problem="1 of 2 is away" if not cursor else "")

    async def main() -> None:
        source = Partly(count=4)
        it = polling(source)
        await it.gained(claim())
        await pass_time(1)
        assert it.problem == "1 of 2 is away"
        assert source.journal == ["poll 0", "accept 0,1", "keep 2", "done 0,1"]
        await pass_time(10)
        assert "poll 2" in source.journal
        assert it.problem == ""
        it.lost(0)

    run(main())


def test_an_acknowledgement_that_is_refused_is_told_and_the_next_page_comes_at_once() -> None:
    """A source that refuses one item for ever would else be read at a page a minute."""

    class Refusing(Source):
        async def done(self, page: Page) -> None:
            raise Rejected("one item is refused")

    async def main() -> None:
        source = Refusing(count=6)
        it = polling(source)
        await it.gained(claim())
        await pass_time(1)
        assert [each for each in source.journal if each.startswith("poll")] == [
            f"poll {n}" for n in (0, 2, 4)
        ]
        assert it.problem == "one item is refused"
        await pass_time(10)
        assert source.journal[-1] == "poll 6"
        it.lost(0)

    run(main())


def test_the_pause_after_failures_grows_to_a_minute_and_no_further() -> None:
    class Away(Source):
        async def poll(self, cursor: str) -> Page:
            self.journal.append(f"{clock():g}")
            raise Unavailable("away")

    async def main() -> None:
        source = Away()
        it = polling(source)
        await it.gained(claim())
        await pass_time(400)
        moments = [float(each) for each in source.journal]
        pauses = [after - before for before, after in pairwise(moments)]
        assert pauses[:2] == [20, 40]
        assert set(pauses[2:]) == {60}
        it.lost(0)

    run(main())


def test_a_bug_of_the_connector_stops_neither_the_worker_nor_the_polling() -> None:
    async def main() -> None:
        source = Source(faults={"poll": ZeroDivisionError})
        it = polling(source)
        await it.gained(claim())
        await pass_time(1)
        assert it.problem == "poll raised ZeroDivisionError"
        await pass_time(120)
        assert source.journal[0] == "poll 0"
        it.lost(0)

    run(main())


def test_a_worker_whose_lease_is_over_brings_nothing() -> None:
    async def main() -> None:
        source = Source(hanging=asyncio.Event())
        it = polling(source)
        await it.gained(claim(5))
        await pass_time(6)
        assert source.hanging is not None
        source.hanging.set()
        await pass_time(1)
        assert source.journal == ["poll 0"]
        it.renewed(claim())
        await pass_time(120)
        assert "accept 0,1" in source.journal
        it.lost(0)

    run(main())


def test_letting_go_waits_for_the_page_under_way_but_not_for_ever() -> None:
    async def main() -> None:
        for hangs in (False, True):
            source = Source(hanging=asyncio.Event())
            it = polling(source)
            await it.gained(claim())
            await pass_time(0.1)
            assert source.hanging is not None
            leaving = asyncio.create_task(it.let_go(0))
            await pass_time(1)
            if not hangs:
                source.hanging.set()
            await pass_time(3)
            assert leaving.done()
            assert ("keep 2" in source.journal) is not hangs
            assert not it.asking

    run(main())


async def test_a_cursor_is_kept_for_each_instance(store: Store) -> None:
    cursors = StoreCursors(store)
    assert await cursors.cursor("post") == ""
    await cursors.keep("post", "5")
    await cursors.keep("post", "6")
    await cursors.keep("axis", "1")
    assert (await cursors.cursor("post"), await cursors.cursor("axis")) == ("6", "1")
