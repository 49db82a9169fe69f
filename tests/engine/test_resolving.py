"""Resolving: foreign ids, what is said once, and messages that wait for a name."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest
from msgspec import structs

from hub.errors import Unavailable
from hub.event import Alias, Event
from hub.held import Act, Command
from hub.inbound import Batch, Memory
from hub.message import Position
from hub.outcome import State
from hub.redecoding import Redecoding
from hub.resolving import Wait, resolve, unknown_wait
from hub.store import Store
from hub.store.aliases import put_aliases, resolve_aliases
from hub.store.names import StoreNames
from tests.engine import toy
from tests.engine.test_inbound import Stage
from tests.engine.virtual import clock, pass_time, run


def subjects(stage: Stage) -> list[str]:
    return [key.decode() for rows in stage.batch.events.values() for key, _, _ in rows]


def test_a_foreign_id_is_found_by_what_made_it_known() -> None:
    async def main() -> None:
        stage = await Stage().open()
        await stage.handle("A", "known:P1:1")
        await stage.handle("P1", "about:P1:2")
        assert subjects(stage) == ["A", "A"]
        assert stage.numbers == [1, 2]
        assert stage.states == [State.DECODED, State.DECODED]

    run(main())


def test_an_unknown_foreign_id_waits_and_holds_only_its_own() -> None:
    async def main() -> None:
        stage = await Stage().open()
        await stage.handle("P1", "about:P1:1")
        await stage.handle("P1", "about:P1:2")
        await stage.handle("B", 3)
        await stage.keeper.write()
        assert stage.states == [State.PARKED, State.PARKED, State.DECODED]
        assert stage.numbers == [3]
        held = stage.keeper.held("P1")
        assert held is not None
        assert (held.reason, held.dead, held.waiting_count) == ("unknown_subject", False, 2)

    run(main())


def test_what_came_before_in_the_same_batch_is_committed_before_a_wait_is_written() -> None:
    async def main() -> None:
        stage = await Stage().open()
        await stage.handle("P1", 1)
        assert await stage.handle("P1", "about:P1:2") is False

    run(main())


def test_a_message_keyed_by_its_account_does_not_make_the_account_wait() -> None:
    async def main() -> None:
        stage = await Stage().open()
        await stage.handle(toy.UNIT, "about:P1:1")
        await stage.handle(toy.UNIT, 2)
        assert stage.states == [State.DEAD, State.DECODED]

    run(main())


def test_a_fact_that_is_said_once_is_found_again_however_late() -> None:
    async def main() -> None:
        stage = await Stage().open()
        for text in ("once:1", 2, "once:3", "once:1", "once:1+A|once:1"):
            await stage.handle("A", text)
        assert stage.numbers == [1, 2, 3]
        again = await Stage(start=0).open()
        again.inbound._names = stage.names  # a worker that decodes the first records anew
        await again.handle("A", "once:1", at=0)
        assert again.numbers == [1]

    run(main())


def test_the_same_once_twice_in_one_message_is_said_once() -> None:
    async def main() -> None:
        stage = await Stage().open()
        await stage.handle("A", "once:1+A|once:1")
        assert stage.states == [State.DECODED, State.DUPLICATE]

    run(main())


def test_a_store_that_is_away_stops_the_partition_and_loses_nothing() -> None:
    async def main() -> None:
        stage = await Stage().open()
        stage.names.away = True
        with pytest.raises(Unavailable):
            await stage.handle("P1", "about:P1:1")
        assert not stage.batch.outcomes

    run(main())


class Waiting:
    """A stage whose held messages are decoded again."""

    def __init__(self, stage: Stage) -> None:
        self.stage = stage
        self.committed: list[Batch] = []
        self.redecoding = Redecoding(stage.inbound, self._commit, unknown_seconds=100, now=clock)

    async def _commit(self, memory: Memory, batch: Batch) -> None:
        self.committed.append(batch)

    @property
    def states(self) -> list[State]:
        return [outcome.state for batch in self.committed for outcome in batch.outcomes]

    async def turn(self) -> None:
        for subject in self.redecoding.due(self.stage.memory):
            await self.redecoding.flow(self.stage.memory, subject)
        await self.stage.keeper.write()


async def waiting() -> Waiting:
    stage = await Stage().open()
    for number in (1, 2):
        await stage.handle("P1", f"about:P1:{number}")
    await stage.keeper.write()
    return Waiting(stage)


def test_a_name_that_becomes_known_lets_its_messages_flow_in_order() -> None:
    async def main() -> None:
        it = await waiting()
        await it.turn()
        assert not it.committed
        it.stage.names.known["toy.parcel", "P1"] = "A"
        await pass_time(2)
        await it.turn()
        assert it.states == [State.DECODED, State.DECODED]
        assert it.stage.keeper.held("P1") is None

    run(main())


def test_a_name_that_never_becomes_known_is_dead_in_the_end() -> None:
    async def main() -> None:
        it = await waiting()
        for _ in range(20):
            await pass_time(10)
            await it.turn()
        held = it.stage.keeper.held("P1")
        assert held is not None
        assert held.dead
        assert it.states == [State.DEAD]
        [copy] = it.committed[0].dead[1]
        assert ("hub-reason", b"unknown_subject") in copy[2]
        assert not it.redecoding.due(it.stage.memory)

    run(main())


def test_a_person_may_skip_what_waits_for_a_name() -> None:
    async def main() -> None:
        it = await waiting()
        command = Command(1, "in.toy", 1, "P1", Act.SKIP, "", "người trực")
        await it.redecoding.execute(it.stage.memory, command)
        await it.stage.keeper.write()
        held = it.stage.keeper.held("P1")
        assert held is not None
        assert held.waiting_count == 1
        assert it.states == [State.SKIPPED]

    run(main())


def test_waits_double_up_to_a_minute() -> None:
    assert [unknown_wait(n) for n in (0, 1, 2, 6, 50)] == [1, 2, 4, 60, 60]


def told(state: str, number: int = 1) -> Event:
    """A fact that is said once, and what it makes known of a parcel."""
    alias = Alias("toy.parcel", "P1", "", {"state": state})
    return structs.replace(toy.fact("A", number), once=True, aliases=(alias,))


async def test_what_was_said_before_changes_nothing_that_is_known(store: Store) -> None:
    names = StoreNames(store)
    told_in_turn = (told("cancelled", 1), told("taken", 2), told("cancelled", 1))
    again = [await again_of(names, each, at) for at, each in enumerate(told_in_turn)]
    assert again == [set(), set(), {0}]
    assert await facts(store) == {"state": "taken"}


class Forgetful(StoreNames):
    """The store goes away before it remembers."""

    async def remember(self, aliases: Sequence[Alias]) -> None:
        raise Unavailable("no store", code="store_away")


async def test_what_a_first_time_could_not_store_is_stored_when_it_is_asked_again(
    store: Store,
) -> None:
    with pytest.raises(Unavailable):
        await again_of(Forgetful(store), told("taken"), at=7)
    assert await facts(store) == {}
    assert await again_of(StoreNames(store), told("taken"), at=7) == set()
    assert await facts(store) == {"state": "taken"}


async def again_of(names: StoreNames, event: Event, at: int) -> frozenset[int]:
    """What of a message at this offset, which holds one event, was said before."""
    found = await resolve(names, [event], Position("in.toy", 0, at))
    assert not isinstance(found, Wait)
    return found[1]


async def facts(store: Store) -> dict[str, str]:
    """What is known of the parcel."""
    found = await resolve_aliases(store, [("toy.parcel", "P1")])
    return dict(found["toy.parcel", "P1"].facts) if found else {}


async def test_names_in_postgresql_are_asked_for_once_and_said_once(store: Store) -> None:
    names = StoreNames(store)
    assert await names.subject_of("post.item", "EA1") is None
    await put_aliases(store, [Alias("post.item", "EA1", "H1")])
    assert await names.subject_of("post.item", "EA1") == "H1"
    assert await names.subject_of("post.item", "EA1") == "H1"
    fact, other = ("/connectors/bank/U", "GD1"), ("/connectors/bank/U", "x" * 1000)
    assert await names.said_before({fact: "in.bank/0/1#0", other: "in.bank/0/1#1"}) == set()
    assert await names.said_before({fact: "in.bank/0/1#0"}) == set()
    assert await names.said_before({fact: "in.bank/0/9#0", other: "in.bank/0/9#1"}) == {fact, other}
    assert await names.said_before({}) == set()
    async with asyncio.TaskGroup() as tasks:
        racing = [
            tasks.create_task(StoreNames(store).said_before({("s", "k"): f"in.bank/0/{n}#0"}))
            for n in range(4)
        ]
    assert sum(not task.result() for task in racing) == 1
