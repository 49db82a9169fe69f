"""Slots, pace, outbox: how many calls, how often, and how what was said reaches Kafka."""

from __future__ import annotations

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.errors import Unavailable
from hub.outbox import Outbox
from hub.outcome import Outcome, Stage, State
from hub.pace import Pace
from hub.slots import Slots
from tests.engine import toy
from tests.engine.station import Topics
from tests.engine.virtual import clock, pass_time, run


def test_no_more_than_the_limit_run_and_the_oldest_first() -> None:
    async def main() -> None:
        running: list[int] = []
        most, order = 0, []

        async def work(job: int) -> None:
            nonlocal most
            running.append(job)
            order.append(job)
            most = max(most, len(running))
            await pass_time(1)
            running.remove(job)

        slots = Slots(lambda: 3, work)
        for job in range(10):
            slots.add(job)
        assert (slots.waiting, slots.busy) == (10, 0)
        slots.pump()
        slots.pump()
        await pass_time(10)
        assert (most, order, slots.busy, slots.waiting) == (3, list(range(10)), 0, 0)

    run(main())


def test_jobs_that_never_wait_share_few_tasks_and_those_that_do_fill_every_slot() -> None:
    async def tasks(count: int, wait: bool) -> int:
        used = set()

        async def work(_: int) -> None:
            used.add(asyncio.current_task())
            if wait:
                await pass_time(1)

        slots = Slots(lambda: 64, work)
        for job in range(count):
            slots.add(job)
        slots.pump()
        await pass_time(0.5)
        assert slots.busy == (64 if wait else 0)
        await pass_time(10)
        return len(used)

    async def main() -> None:
        assert await tasks(250, wait=False) <= 8
        assert await tasks(250, wait=True) >= 64

    run(main())


def test_a_closed_gate_starts_nothing_and_lets_finish_what_runs() -> None:
    async def main() -> None:
        done: list[int] = []
        limit = 2

        async def work(job: int) -> None:
            await pass_time(1)
            done.append(job)

        slots = Slots(lambda: limit, work)
        for job in range(5):
            slots.add(job)
        slots.pump()
        await pass_time(0.5)
        limit = 0
        await pass_time(5)
        assert (done, slots.waiting, slots.busy) == ([0, 1], 3, 0)
        limit = 1
        slots.pump()
        await pass_time(5)
        assert done == [0, 1, 2, 3, 4]

    run(main())


def test_who_waits_gives_the_slot_away_and_comes_back_before_new_jobs() -> None:
    async def main() -> None:
        told: list[str] = []

        async def work(job: str) -> None:
            told.append(f"{job} begins")
            if job == "a":
                async with slots.away():
                    await pass_time(1)
            else:
                await pass_time(2)
            told.append(f"{job} ends")

        slots = Slots(lambda: 1, work)
        for job in "abc":
            slots.add(job)
        slots.pump()
        await pass_time(20)
        assert told == ["a begins", "b begins", "b ends", "a ends", "c begins", "c ends"]
        assert slots.busy == 0

    run(main())


@given(
    jobs=st.lists(st.tuples(st.integers(0, 3), st.booleans()), min_size=1, max_size=12),
    cancels=st.lists(st.integers(0, 8), max_size=8),
    limit=st.integers(1, 4),
)
def test_no_cancellation_leaks_a_slot(
    jobs: list[tuple[int, bool]], cancels: list[int], limit: int
) -> None:
    async def main() -> None:
        async def work(job: tuple[int, bool]) -> None:
            seconds, waits = job
            await pass_time(seconds)
            if waits:
                async with slots.away():
                    await pass_time(seconds)
            await pass_time(seconds)

        slots = Slots(lambda: limit, work)
        for job in jobs:
            slots.add(job)
        slots.pump()
        for moment in cancels:
            await pass_time(moment / 4)
            begun = sorted(slots._tasks, key=lambda task: int(task.get_name()[5:]))
            for task in begun[: 1 + moment % 3]:
                task.cancel()
        await pass_time(200)
        assert (slots.busy, slots.waiting) == (0, 0)
        assert slots.failure is None

    run(main())


def test_who_is_cancelled_just_when_the_slot_comes_back_does_not_keep_it() -> None:
    async def main() -> None:
        tasks: dict[str, asyncio.Task[None]] = {}

        async def work(job: str) -> None:
            task = asyncio.current_task()
            assert task is not None
            tasks[job] = task
            if job == "a":
                async with slots.away():
                    await pass_time(1)
            else:
                await pass_time(2)
                asyncio.get_running_loop().call_soon(tasks["a"].cancel)

        slots = Slots(lambda: 1, work)
        slots.add("a")
        slots.add("b")
        slots.pump()
        await pass_time(5)
        assert tasks["a"].cancelled()
        assert (slots.busy, slots.waiting) == (0, 0)

    run(main())


def test_a_bug_in_a_job_is_kept_for_the_owner() -> None:
    async def main() -> None:
        async def work(job: str) -> None:
            raise ZeroDivisionError(job)

        slots = Slots(lambda: 1, work)
        slots.add("first")
        slots.add("second")
        slots.pump()
        await pass_time(1)
        assert isinstance(slots.failure, ZeroDivisionError)
        assert slots.failure.args == ("first",)

    run(main())


def test_calls_are_spaced_and_an_idle_destination_gets_the_first_at_once() -> None:
    async def main() -> None:
        pace = Pace(clock, pass_time)
        began = clock()
        moments = []
        for _ in range(5):
            await pace.wait(2)
            moments.append(clock() - began)
        assert moments == pytest.approx([0, 0.4, 0.9, 1.4, 1.9])
        await pass_time(60)
        began = clock()
        for _ in range(12):
            await pace.wait(100)
        assert 0 <= clock() - began <= 0.03

    run(main())


def outcome(number: int) -> Outcome:
    return Outcome(Stage.DELIVER, "r", State.DELIVERED, f"S{number}", toy.WHEN)


def test_what_kafka_did_not_take_stays_in_order() -> None:
    async def main() -> None:
        topics, seen = Topics(), list[str]()
        outbox = Outbox(topics, lambda batch: seen.extend(o.subject for o in batch))
        topics.away = True
        for number in range(3):
            outbox.report(outcome(number))
            outbox.put("dead.r", (b"k", b"%d" % number, []))
            with pytest.raises(Unavailable):
                await outbox.flush()
        topics.away = False
        outbox.report(outcome(3))
        outbox.reply(toy.message("A", 1))
        await outbox.flush()
        await outbox.flush()
        assert [each.subject for each in topics.outcomes()] == ["S0", "S1", "S2", "S3"]
        assert [value for _, value, _ in topics.records["dead.r"]] == [b"0", b"1", b"2"]
        assert len(topics.records["in.toy"]) == 1
        assert seen == ["S0", "S1", "S2", "S3"]

    run(main())


def test_what_is_put_while_a_flush_fails_goes_behind() -> None:
    async def main() -> None:
        topics = Topics()
        outbox = Outbox(topics, lambda _: None)
        topics.away = True
        outbox.report(outcome(0))
        flushing = asyncio.create_task(outbox.flush())
        await asyncio.sleep(0)
        outbox.report(outcome(1))
        with pytest.raises(Unavailable):
            await flushing
        topics.away = False
        await asyncio.gather(outbox.flush(), outbox.flush())
        assert [each.subject for each in topics.outcomes()] == ["S0", "S1"]

    run(main())
