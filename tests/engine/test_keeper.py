"""Keeper: held subjects in memory, and the writes that keep them, in order and exactly once."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from hub.errors import OwnershipLost, Unavailable
from hub.held import HeldMessage, HeldState
from hub.message import Position
from hub.parking import Cause, Keeper
from tests.engine.memory import MemoryStore
from tests.engine.virtual import clock, run

CAUSE = Cause("unavailable", "not now", "E1")


def row(subject: str, offset: int, event_id: str = "") -> HeldMessage:
    return HeldMessage(
        route="r",
        subject=subject,
        event_id=event_id or f"{subject}/{offset}",
        position=Position("events", 0, offset),
        key=subject.encode(),
        value=b"{}",
        headers={},
    )


class Kept:
    """A keeper, its store, and the offsets it has settled."""

    def __init__(self) -> None:
        self.store = MemoryStore(clock)
        self.settled: list[int] = []
        self.flushed = 0
        self.flush_fails = False

    async def open(self, owner: str = "w") -> Keeper:
        claim = await self.store.claim("r", 0, owner, 60)
        assert claim is not None
        keeper = Keeper(claim, self.store, self.settled.extend, self._flush)
        await keeper.load()
        return keeper

    async def _flush(self) -> None:
        self.flushed += 1
        if self.flush_fails:
            raise Unavailable("no broker", code="kafka_away")


def test_an_offset_is_settled_only_when_its_row_is_durable() -> None:
    async def main() -> None:
        kept = Kept()
        keeper = await kept.open()
        subject = keeper.park([row("A", 3), row("A", 5)], CAUSE, 9.0)
        keeper.aside(row("B", 4))
        assert (subject.waiting_count, subject.settled_below, keeper.dirty) == (2, 6, True)
        assert kept.settled == []
        await keeper.write()
        assert sorted(kept.settled) == [3, 4, 5]
        assert not keeper.dirty
        assert kept.store.held["r", "A"].next_try_at == 9.0
        assert kept.store.rows["r", "B/4"].state is HeldState.ASIDE
        await keeper.write()
        assert (kept.store.write_count, kept.flushed) == (1, 1)

    run(main())


def test_nothing_is_settled_before_what_was_said_of_it_is_safe() -> None:
    async def main() -> None:
        kept = Kept()
        keeper = await kept.open()
        kept.flush_fails = True
        keeper.park([row("A", 3)], CAUSE, 9.0)
        with pytest.raises(Unavailable):
            await keeper.write()
        assert not kept.store.rows
        kept.flush_fails = False
        await keeper.write()
        assert kept.settled == [3]

    run(main())


def test_what_could_not_be_written_stays_in_order_before_what_came_later() -> None:
    async def main() -> None:
        kept = Kept()
        keeper = await kept.open()
        first = row("A", 1)
        subject = keeper.park([first], CAUSE, 9.0)
        kept.store.away = True
        writing = asyncio.create_task(keeper.write())
        await asyncio.sleep(0)
        keeper.behind(subject, row("A", 2))
        keeper.settle(first)
        with pytest.raises(Unavailable):
            await writing
        kept.store.away = False
        await keeper.write()
        assert [r.position.offset for r in kept.store.queue("r", "A")] == [2]
        assert kept.store.held["r", "A"].waiting_count == 1 == subject.waiting_count
        assert sorted(kept.settled) == [1, 2]

    run(main())


def test_another_owner_s_writes_are_not_disturbed() -> None:
    async def main() -> None:
        kept = Kept()
        keeper = await kept.open()
        keeper.park([row("A", 1)], CAUSE, 9.0)
        kept.store.leases["r", 0].owner = ""
        await kept.open("v")
        with pytest.raises(OwnershipLost):
            await keeper.write()
        assert not kept.store.rows
        assert not keeper.dirty
        assert kept.settled == []

    run(main())


def test_a_restart_knows_what_is_held_and_drops_what_comes_again() -> None:
    async def main() -> None:
        kept = Kept()
        keeper = await kept.open()
        keeper.park([row("A", 3), row("A", 5)], CAUSE, None)
        await keeper.write()
        again = await kept.open()
        found = again.held("A")
        assert found is not None
        assert (found.dead, found.reason, found.waiting_count) == (True, "unavailable", 2)
        assert [again.redelivered("A", n) for n in (3, 5, 6)] == [True, True, False]
        assert not again.redelivered("B", 0)
        assert again.held("B") is None

    run(main())


def test_a_failed_round_is_written_with_its_reason_and_its_time() -> None:
    async def main() -> None:
        kept = Kept()
        keeper = await kept.open()
        keeper.park([row("A", 3)], CAUSE, 9.0)
        keeper.failed_round(row("A", 3), Cause("timeout", "late", "E2"), 20.0)
        await keeper.write()
        subject, kept_row = kept.store.held["r", "A"], kept.store.rows["r", "A/3"]
        assert (subject.round_count, subject.next_try_at, subject.dead) == (1, 20.0, False)
        assert (kept_row.state, kept_row.reason) == (HeldState.WAITING, "timeout")
        keeper.failed_round(row("A", 3), Cause("rounds_used"), None)
        await keeper.write()
        assert kept.store.held["r", "A"].dead
        assert kept.store.rows["r", "A/3"].state is HeldState.DEAD
        keeper.retry_now(keeper.subjects["A"], 30.0)
        await keeper.write()
        subject = kept.store.held["r", "A"]
        assert (subject.round_count, subject.next_try_at, subject.dead) == (0, 30.0, False)

    run(main())


def test_a_head_that_was_released_stays_aside_whatever_was_marked_before() -> None:
    async def main() -> None:
        kept = Kept()
        keeper = await kept.open()
        head = row("A", 3)
        keeper.park([head, row("A", 4)], CAUSE, 9.0)
        await keeper.write()
        keeper.failed_round(head, CAUSE, None)
        kept.store.away = True
        with pytest.raises(Unavailable):
            await keeper.write()
        kept.store.away = False
        keeper.settle(head, HeldState.ASIDE)
        await keeper.write()
        assert kept.store.rows["r", "A/3"].state is HeldState.ASIDE
        assert kept.store.held["r", "A"].waiting_count == 1

    run(main())


def test_an_empty_queue_is_forgotten_only_below_the_committed_watermark() -> None:
    async def main() -> None:
        kept = Kept()
        keeper = await kept.open()
        keeper.park([row("A", 3)], CAUSE, 9.0)
        keeper.park([row("B", 4)], CAUSE, 9.0)
        keeper.settle(row("A", 3))
        keeper.forget_below(3)
        await keeper.write()
        assert keeper.redelivered("A", 3)
        keeper.forget_below(4)
        await keeper.write()
        assert sorted(keeper.subjects) == ["B"]
        assert sorted(name for _, name in kept.store.held) == ["B"]
        keeper.forget_below(99)
        assert sorted(keeper.subjects) == ["B"]

    run(main())


def test_a_subject_that_is_held_again_while_it_is_forgotten_is_remembered() -> None:
    async def main() -> None:
        kept = Kept()
        keeper = await kept.open()
        subject = keeper.park([row("A", 3)], CAUSE, 9.0)
        keeper.settle(row("A", 3))
        keeper.forget_below(4)
        keeper.behind(subject, row("A", 8))
        await keeper.write()
        assert keeper.held("A") is subject
        assert kept.store.held["r", "A"].waiting_count == 1
        keeper.settle(row("A", 8))
        keeper.forget_below(9)
        await keeper.write()
        assert not kept.store.held

    run(main())


def test_a_message_that_kafka_brought_twice_is_counted_once() -> None:
    async def main() -> None:
        kept = Kept()
        keeper = await kept.open()
        subject = keeper.park([row("A", 3, "same"), row("A", 5, "same")], CAUSE, 9.0)
        assert subject.waiting_count == 2
        found = await keeper.heads(["A", "Z"], 16)
        assert [r.position.offset for r in found["A"]] == [3]
        assert subject.waiting_count == 1

    run(main())


def test_a_queue_that_grows_while_it_is_read_is_not_counted_anew() -> None:
    async def main() -> None:
        kept = Kept()
        keeper = await kept.open()
        subject = keeper.park([row("A", 3)], CAUSE, 9.0)
        await keeper.write()
        kept.store.latency_seconds = 1.0
        reading = asyncio.create_task(keeper.heads(["A"], 16))
        await asyncio.sleep(0)
        keeper.behind(subject, row("A", 4))
        await keeper.write()
        keeper.behind(subject, row("A", 5))
        await reading
        assert subject.waiting_count == 3

    run(main())


def test_acts_are_answered_and_rows_marked_with_the_next_write() -> None:
    async def main() -> None:
        kept = Kept()
        keeper = await kept.open()
        keeper.park([row("A", 3)], CAUSE, 9.0)
        keeper.mark(replace(row("A", 3), state=HeldState.IN_FLIGHT))
        keeper.command_done(7, "done")
        await keeper.write()
        assert kept.store.done == {7: "done"}
        assert kept.store.rows["r", "A/3"].state is HeldState.IN_FLIGHT

    run(main())
