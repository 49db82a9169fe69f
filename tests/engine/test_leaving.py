"""How partitions change hands on virtual time: planned, lost, and while the store is silent."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import NoReturn

from hub.connector import Operation, Repetition
from hub.errors import Unavailable
from hub.held import Act, HeldState
from tests.engine import toy
from tests.engine.station import QUICK, ROUTE, TTL, Worker, World
from tests.engine.virtual import clock, pass_time, run


def down() -> Unavailable:
    return Unavailable("not now")


def test_a_call_that_ends_in_time_is_settled_and_committed_before_the_partition_is_let_go() -> None:
    async def main() -> None:
        world = World()
        gate = world.destination.hanging["A"] = asyncio.Event()
        for subject in "ABA":
            world.send(subject)
        worker = Worker(world, "w").start()
        await pass_time(1)
        ending = asyncio.create_task(worker.end())
        await pass_time(1)
        gate.set()
        await ending
        assert world.destination.taken == {"B": [0], "A": [0]}
        assert world.log.offsets[0] == (2, "")
        Worker(world, "v").start()
        await pass_time(2)
        assert world.destination.taken["A"] == [0, 1]
        assert world.destination.check(world.sent).clean

    run(main())


def test_letting_go_waits_for_the_calls_of_that_partition_only() -> None:
    async def main() -> None:
        world = World(QUICK.model_copy(update={"concurrency_count": 4}), partitions_count=2)
        subjects = [f"S{n}" for n in range(40)]
        for number in range(20):
            for subject in subjects:
                world.send(subject, number)
        world.destination.answer_seconds = 0.3
        worker = Worker(world, "w").start()
        await pass_time(2)
        began = clock()
        await worker.dispatcher.let_go(0)
        assert clock() - began < 1
        assert list(worker.dispatcher.partitions) == [1]
        taken = world.destination.taken_count
        await pass_time(5)
        assert world.destination.taken_count > taken
        assert worker.failed() is None

    run(main())


def test_a_call_that_does_not_end_is_left_in_flight_for_the_successor() -> None:
    async def main() -> None:
        world = World()
        world.destination.hanging["A"] = asyncio.Event()
        world.send("A")
        world.send("A")
        worker = Worker(world, "w").start()
        await pass_time(1)
        began = clock()
        await worker.end()
        assert 3 <= clock() - began < 5
        assert [row.state for row in world.store.queue(ROUTE, "A")] == [
            HeldState.IN_FLIGHT,
            HeldState.WAITING,
        ]
        assert world.log.offsets[0][0] == 2
        world.destination.hanging.clear()
        Worker(world, "v").start()
        await pass_time(3)
        assert world.destination.taken["A"] == [0, 1]
        assert world.destination.check(world.sent).clean

    run(main())


def test_a_drain_that_does_not_end_is_left_in_flight_too_and_asked_about() -> None:
    async def main() -> None:
        world = World(connector=toy.connector(Operation("push", Repetition.ASKABLE)))
        world.destination.failing["A"] = down
        world.send("A")
        worker = Worker(world, "w").start()
        await pass_time(1)
        world.destination.hanging["A"] = asyncio.Event()
        await pass_time(6)
        await worker.end()
        (row,) = world.store.queue(ROUTE, "A")
        assert row.state is HeldState.IN_FLIGHT
        world.destination.hanging.clear()
        world.destination.failing.clear()
        asked = len(world.destination.asked)
        Worker(world, "v").start()
        await pass_time(5)
        assert len(world.destination.asked) > asked

    run(main())


def test_a_lane_that_waits_for_its_next_attempt_is_not_waited_for() -> None:
    async def main() -> None:
        world = World(
            QUICK.model_copy(
                update={"wait_initial_seconds": 60, "wait_max_seconds": 60, "patience_seconds": 90}
            )
        )
        world.destination.failing["A"] = lambda: Unavailable("later", retry_after_seconds=60)
        world.send("A")
        worker = Worker(world, "w").start()
        await pass_time(1)
        began = clock()
        await worker.end()
        assert clock() - began < 0.5
        assert world.log.offsets[0] == (0, "")

    run(main())


def test_a_call_that_fails_while_its_partition_is_let_go_is_left_to_the_successor() -> None:
    async def main() -> None:
        world = World()
        gate = world.destination.hanging["A"] = asyncio.Event()
        world.destination.failing["A"] = down
        world.send("A")
        worker = Worker(world, "w").start()
        await pass_time(1)
        ending = asyncio.create_task(worker.end())
        await pass_time(1)
        gate.set()
        await ending
        assert not world.store.rows
        assert world.log.offsets[0] == (0, "")

    run(main())


def test_what_cannot_be_written_when_a_partition_is_let_go_is_still_committed() -> None:
    async def main() -> None:
        world = World()
        world.destination.hanging["A"] = asyncio.Event()
        for subject in "BA":
            world.send(subject)
        worker = Worker(world, "w").start()
        await pass_time(0.05)
        world.store.silent = asyncio.Event()
        world.send("B")
        await pass_time(0.3)
        await asyncio.wait([asyncio.create_task(worker.dispatcher.let_go(0))], timeout=2 * TTL)
        assert world.log.offsets[0][0] == 1
        assert not worker.dispatcher.partitions

    run(main())


def test_what_is_lost_stops_at_once_and_writes_nothing() -> None:
    async def main() -> None:
        world = World()
        world.destination.hanging["A"] = asyncio.Event()
        world.destination.failing["B"] = down
        for subject in "ABA":
            world.send(subject)
        worker = Worker(world, "w").start()
        await pass_time(0.05)
        committed = dict(world.log.offsets)
        worker.dispatcher.lost(0)
        worker.dispatcher.lost(0)
        await pass_time(1)
        assert world.destination.running == 0
        assert not world.store.rows
        assert world.log.offsets == committed
        await worker.dispatcher.let_go(0)

    run(main())


def test_a_write_that_is_refused_because_another_owns_the_partition_stops_nothing_else() -> None:
    async def main() -> None:
        world = World(partitions_count=2)
        ours = next(s for s in "ABCDEFGH" if world.partition(s) == 0)
        theirs = next(s for s in "ABCDEFGH" if world.partition(s) == 1)
        worker = Worker(world, "w").start()
        await pass_time(1)
        world.store.leases[ROUTE, 1].owner = "v"
        world.store.leases[ROUTE, 1].epoch += 1
        world.destination.failing = {ours: down, theirs: down}
        world.send(theirs)
        world.send(ours)
        await pass_time(3)
        assert [row.subject for row in world.store.rows.values()] == [ours]
        assert list(worker.dispatcher.partitions) == [0]
        assert worker.failed() is None

    run(main())


def test_an_act_that_the_store_interrupts_is_done_later_and_once() -> None:
    async def main() -> None:
        world = World()
        world.destination.failing["A"] = down
        world.send("A")
        world.send("A")
        Worker(world, "w").start()
        await pass_time(1)
        number = world.store.ask(ROUTE, 0, "A", Act.SKIP)
        world.store.latency_seconds = 0.2
        await pass_time(1.1)
        world.store.away = True
        await pass_time(1)
        world.store.away, world.store.latency_seconds = False, 0.0
        world.destination.failing.clear()
        await pass_time(8)
        assert world.store.done[number].startswith("done")
        assert world.destination.taken == {"A": [1]}
        assert world.destination.check(world.sent, world.skipped()).clean

    run(main())


def test_an_act_waits_while_a_call_of_its_subject_is_running() -> None:
    async def main() -> None:
        world = World()
        world.destination.failing["A"] = down
        world.send("A")
        worker = Worker(world, "w").start()
        await pass_time(1)
        gate = world.destination.hanging["A"] = asyncio.Event()
        await pass_time(5)
        number = world.store.ask(ROUTE, 0, "A", Act.SKIP)
        await pass_time(3)
        assert number not in world.store.done
        gate.set()
        await pass_time(3)
        assert world.store.done[number].startswith("done")
        assert not worker.dispatcher.partitions[0].lanes

    run(main())


def test_reading_anew_goes_on_where_the_windows_stand() -> None:
    async def main() -> None:
        world = World()
        world.destination.hanging["A"] = asyncio.Event()
        for subject in "ABB":
            world.send(subject)
        worker = Worker(world, "w").start()
        await pass_time(1)
        await worker.dispatcher.read_anew()
        world.send("B")
        await pass_time(1)
        assert world.destination.taken == {"B": [0, 1, 2]}
        assert worker.dispatcher.lag(0) == 4
        assert worker.dispatcher.lag(1) == 0

    run(main())


def test_a_bug_in_a_lane_ends_the_worker_and_loses_nothing() -> None:
    async def main() -> None:
        world = World()
        world.send("A")
        worker = Worker(world, "w").start()

        def stumble(*_: object) -> None:
            raise ZeroDivisionError

        worker.dispatcher.handling._delivered = stumble  # type: ignore[method-assign, assignment]  # a bug in a lane
        await pass_time(1)
        assert isinstance(worker.failed(), ZeroDivisionError)
        assert world.log.offsets[0] == (0, "")

    run(main())


def test_a_drain_that_finds_the_store_away_is_tried_again_for_every_partition() -> None:
    async def main() -> None:
        world = World(partitions_count=2)
        subjects = ["A", "B", "C", "D"]
        assert len({world.partition(subject) for subject in subjects}) == 2
        world.destination.failing = dict.fromkeys(subjects, down)
        for subject in subjects:
            world.send(subject)
        Worker(world, "w").start()
        await pass_time(0.7)
        assert len(world.store.rows) == 4
        world.destination.failing.clear()
        number = world.store.ask(ROUTE, world.partition("A"), "A", Act.REPLAY)
        there, refused = world.store.heads, list[str]()

        async def refuse(route: str, subjects: Sequence[str], count: int) -> NoReturn:
            refused.extend(subjects)
            raise Unavailable("not now", code="store_away")

        world.store.heads = refuse  # type: ignore[method-assign]  # only heads fail
        await pass_time(1.5)
        assert set(refused) == set(subjects)
        assert number not in world.store.done
        world.store.heads = there  # type: ignore[method-assign]  # as before
        await pass_time(5)
        assert not world.store.rows
        assert world.destination.check(world.sent).clean

    run(main())


def test_a_retry_after_the_route_was_shut_keeps_its_patience() -> None:
    async def main() -> None:
        world = World(QUICK.model_copy(update={"attempts_count": 99, "patience_seconds": 5}))
        world.destination.failing["A"] = down
        world.send("A")
        worker = Worker(world, "w").start()
        await pass_time(1)
        worker.dispatcher.closed["paused"] = "night"
        worker.dispatcher._untold = type(worker.dispatcher._untold)(ROUTE, paused=True)
        await pass_time(600)
        assert not world.store.rows
        worker.dispatcher._untold = type(worker.dispatcher._untold)(ROUTE)
        del world.destination.failing["A"]
        await pass_time(3)
        assert world.destination.taken == {"A": [0]}
        assert not world.store.rows

    run(main())
