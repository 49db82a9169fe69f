"""One route on virtual time while its store or its destination gives no clear answer."""

from __future__ import annotations

import pytest

from hub.connector import Operation, Repetition
from hub.errors import Unavailable, UnknownOutcome
from hub.held import Act
from tests.engine import toy
from tests.engine.station import ROUTE, Worker, World
from tests.engine.virtual import pass_time, run


def down() -> Unavailable:
    return Unavailable("not now")


def test_while_the_store_is_away_nothing_is_lost_and_the_route_says_so() -> None:
    async def main() -> None:
        world = World()
        world.destination.failing["A"] = down
        for subject in "ABAB":
            world.send(subject)
        worker = Worker(world, "w").start()
        await pass_time(0.01)
        world.store.away = True
        await pass_time(2)
        assert "store_away" in worker.dispatcher.closed
        assert world.log.offsets[0][0] == 0
        world.send("B")
        await pass_time(1)
        assert world.destination.taken["B"] == [0, 1]
        world.store.away = False
        del world.destination.failing["A"]
        await pass_time(12)
        assert world.destination.check(world.sent).clean
        assert world.destination.taken_count == 5
        assert "store_away" not in worker.dispatcher.closed
        await worker.end()

    run(main())


def test_a_write_whose_answer_is_lost_is_written_again_and_counts_once() -> None:
    async def main() -> None:
        world = World()
        world.destination.failing["A"] = down
        world.send("A")
        world.send("A")
        world.store.torn = 2
        worker = Worker(world, "w").start()
        await pass_time(3)
        assert world.store.held[ROUTE, "A"].waiting_count == 2
        world.store.torn = 1
        del world.destination.failing["A"]
        await pass_time(10)
        assert world.destination.taken["A"] == [0, 1]
        assert not world.store.held
        await worker.end()

    run(main())


def test_a_parked_event_that_kafka_brings_twice_is_counted_once() -> None:
    async def main() -> None:
        world = World()
        world.destination.failing["A"] = down
        record = toy.event_record("A", 0)
        world.log.append(0, record)
        world.log.append(0, record)
        worker = Worker(world, "w").start()
        await pass_time(2)
        del world.destination.failing["A"]
        await pass_time(6)
        assert world.destination.attempts("A").count(0) >= 1
        assert world.destination.taken["A"] == [0]
        assert not worker.dispatcher.partitions[0].lanes
        world.send("A", 1)
        await pass_time(1)
        assert world.destination.taken["A"] == [0, 1]
        await worker.end()

    run(main())


def test_an_unknown_outcome_is_asked_about_before_it_is_sent_again() -> None:
    async def main() -> None:
        world = World(connector=toy.connector(Operation("push", Repetition.ASKABLE)))
        world.destination.failing["A"] = lambda: UnknownOutcome("timeout")
        world.send("A")
        worker = Worker(world, "w").start()
        await pass_time(30)
        assert world.destination.attempts("A") == [0]
        assert world.destination.asked
        del world.destination.failing["A"]
        await worker.end()

    run(main())


@pytest.mark.parametrize("repetition", [Repetition.ASKABLE, Repetition.DANGEROUS])
def test_what_nobody_can_tell_about_is_sent_again_on_a_person_s_word_only(
    repetition: Repetition,
) -> None:
    async def main() -> None:
        world = World(connector=toy.connector(Operation("push", repetition)))
        world.destination.failing["A"] = lambda: UnknownOutcome("timeout")
        world.send("A")
        worker = Worker(world, "w").start()
        await pass_time(30)
        del world.destination.failing["A"]
        replayed = world.store.ask(ROUTE, 0, "A", Act.REPLAY)
        await pass_time(30)
        assert world.destination.attempts("A") == [0]
        resent = world.store.ask(ROUTE, 0, "A", Act.RESEND)
        await pass_time(30)
        assert world.destination.attempts("A") == [0, 0]
        assert not world.store.queue(ROUTE, "A")
        assert world.store.done.keys() >= {replayed, resent}
        await worker.end()

    run(main())
