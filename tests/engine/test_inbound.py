"""Inbound: what becomes of one message, without Kafka's transactions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest
from msgspec import structs

from hub.errors import ConfigError, DecodeError, Unavailable
from hub.event import Event
from hub.held import HeldState
from hub.inbound import EVENT_BYTES, LOOK_BACK_COUNT, Batch, Inbound, Memory, message_of
from hub.kafka import partition_of
from hub.message import Message
from hub.outcome import State
from hub.parking import Keeper
from tests.engine import toy
from tests.engine.memory import MemoryNames, MemoryRecord, MemoryStore
from tests.engine.virtual import clock, run


class Stage:
    """One partition's decoding in memory.

    Args:
        start: the committed offset.
    """

    def __init__(self, start: int = 0, **changes: Any) -> None:
        self.mended: set[str] = set()
        self.names = MemoryNames()
        self.bodies: dict[str, bytes | Exception] = {}
        self.inbound = Inbound(
            "toy",
            replace(toy.connector(), **changes),
            self.mended,
            partitions_count=4,
            check_out=self._check_out,
            names=self.names,
            now=clock,
        )
        self.store = MemoryStore(clock)
        self.batch = Batch()
        self.offset = start
        self.start = start

    async def open(self) -> Stage:
        claim = await self.store.claim("in.toy", 1, "w", 1e9)
        assert claim is not None
        self.keeper = Keeper(claim, self.store, lambda _: None)
        await self.keeper.load()
        self.memory = Memory(1, self.keeper, self.start)
        return self

    async def handle(
        self, subject: str, text: object, *, at: int | None = None, **wire: str
    ) -> bool:
        """Hand in the next message, or the one that stands `at` an offset."""
        key, value, headers = toy.message_record(subject, text, **({"unit": toy.UNIT} | wire))
        offset = self.offset if at is None else at
        self.offset = offset + 1
        record = MemoryRecord(offset, key, value, tuple(headers))
        return await self.inbound.handle(self.memory, record, self.batch)

    @property
    def numbers(self) -> list[int]:
        """Numbers of the events in the batch."""
        events = (event for records in self.batch.events.values() for event in records)
        return [toy.number_in(value) for _, value, _ in events if value is not None]

    @property
    def states(self) -> list[State]:
        """Outcomes in the batch."""
        return [outcome.state for outcome in self.batch.outcomes]

    async def _check_out(self, message: Message) -> Message:
        body = self.bodies[message.headers["blob"]]
        if isinstance(body, Exception):
            raise body
        return structs.replace(message, body=body)


def test_a_connector_without_decode_cannot_receive() -> None:
    with pytest.raises(ConfigError):
        Stage(decode=None)


@pytest.mark.parametrize(
    ("sent", "decoded"),
    [
        ([1, 1, 1], [1]),
        ([1, 2, 1], [1, 2, 1]),
        ([1, 1, 2, 2, 1, 1], [1, 2, 1]),
    ],
)
def test_only_consecutive_repetitions_are_suppressed(sent: list[int], decoded: list[int]) -> None:
    async def main() -> None:
        stage = await Stage().open()
        for number in sent:
            await stage.handle("A", number)
            await stage.handle("B", 7)
        assert [n for n in stage.numbers if n != 7] == decoded
        assert stage.states.count(State.DUPLICATE) == 2 * len(sent) - len(decoded) - 1

    run(main())


def test_a_repetition_is_recognised_up_to_the_look_back_and_no_further() -> None:
    async def main() -> None:
        for distance, count in ((LOOK_BACK_COUNT, 1), (LOOK_BACK_COUNT + 1, 2)):
            stage = await Stage().open()
            await stage.handle("A", 1, at=5)
            await stage.handle("A", 1, at=5 + distance)
            assert len(stage.numbers) == count

    run(main())


def test_what_stands_before_the_start_is_only_looked_at() -> None:
    async def main() -> None:
        stage = await Stage(start=10).open()
        await stage.handle("A", 1, at=8)
        await stage.handle("A", "bad", at=9)
        await stage.handle("A", 1, at=10)
        await stage.handle("A", 2, at=11)
        assert stage.numbers == [2]
        assert stage.states == [State.DUPLICATE, State.DECODED]

    run(main())


def test_the_same_record_gives_the_same_event_and_a_later_one_another() -> None:
    async def main() -> None:
        ids = []
        for offset in (3, 3, 4):
            stage = await Stage().open()
            await stage.handle("A", 1, at=offset)
            ids.append(stage.batch.outcomes[0].event_id)
        assert ids[0] == ids[1] != ids[2]

    run(main())


def test_events_go_to_the_partition_of_their_subject() -> None:
    async def main() -> None:
        stage = await Stage().open()
        await stage.handle("A", 1)
        await stage.handle("A", "2+B|3")
        elsewhere = partition_of(b"B", 4)
        assert [toy.number_in(v or b"") for _, v, _ in stage.batch.events[elsewhere]] == [3]
        assert {toy.number_in(v or b"") for _, v, _ in stage.batch.events[1]} >= {1, 2}

    run(main())


def test_memory_of_subjects_is_bounded() -> None:
    async def main() -> None:
        stage = await Stage().open()
        for number in range(4 * LOOK_BACK_COUNT + 2):
            await stage.handle(f"S{number}", 1)
        assert len(stage.memory.last) <= 4 * LOOK_BACK_COUNT
        assert f"S{4 * LOOK_BACK_COUNT + 1}" in stage.memory.last

    run(main())


def too_large(message: Message, settings: object) -> Sequence[Event | DecodeError]:
    event = toy.fact("A", 1)
    return [structs.replace(event, data=event.data.model_copy(update={"unit": "x" * EVENT_BYTES}))]


def encoded_too_large(message: Message, settings: object) -> Sequence[Event | DecodeError]:
    return [structs.replace(toy.fact("A", 1), encoded=bytes(EVENT_BYTES + 1))]


@pytest.mark.parametrize(
    ("text", "changes", "reason"),
    [
        ("bad", {}, "undecodable"),
        ("item", {}, "undecodable"),
        ("bug", {}, "connector_bug"),
        ("x" * 200_000, {"decode": too_large}, "record_too_large"),
        ("x", {"decode": encoded_too_large}, "record_too_large"),
    ],
)
def test_a_dead_message_holds_what_follows_in_its_dossier(
    text: str, changes: Any, reason: str
) -> None:
    async def main() -> None:
        stage = await Stage(**changes).open()
        assert await stage.handle("A", text)
        assert await stage.handle("A", 2)
        assert stage.states == [State.DEAD, State.PARKED]
        assert stage.numbers == []
        await stage.keeper.write()
        rows = stage.store.queue("in.toy", "A")
        assert [(r.state, r.reason) for r in rows] == [
            (HeldState.DEAD, reason),
            (HeldState.WAITING, ""),
        ]
        ((key, value, headers),) = stage.batch.dead[1]
        assert (key, value) == (b"A", f"A|{text}".encode())
        assert dict(headers)["hub-reason"] == reason.encode()
        assert message_of(rows[1]).body == b"A|2"
        assert message_of(rows[1]).position == rows[1].position

    run(main())


def test_an_unreadable_key_holds_nobody() -> None:
    async def main() -> None:
        for key in ("", "account"):
            stage = await Stage().open()
            await stage.handle(key, "bad", unit=key)
            await stage.handle(key, 1, unit=key)
            assert stage.states == [State.DEAD, State.DECODED]
            await stage.keeper.write()
            assert [row.state for row in stage.store.rows.values()] == [HeldState.ASIDE]

    run(main())


def test_what_has_become_events_is_committed_before_its_dossier_is_held() -> None:
    async def main() -> None:
        stage = await Stage().open()
        await stage.handle("A", 1)
        assert await stage.handle("B", "bad")
        assert not await stage.handle("A", "bad")
        assert stage.states == [State.DECODED, State.DEAD]
        stage.batch = Batch()
        assert await stage.handle("A", "bad", at=2)
        assert stage.states == [State.DEAD]

    run(main())


def test_what_was_held_before_a_restart_is_told_again_but_not_held_twice() -> None:
    async def main() -> None:
        stage = await Stage().open()
        await stage.handle("A", "bad")
        await stage.handle("A", 2)
        await stage.keeper.write()
        await stage.open()
        stage.batch, stage.offset = Batch(), 0
        await stage.handle("A", "bad")
        await stage.handle("A", 2)
        assert stage.states == [State.DEAD, State.PARKED]
        assert len(stage.batch.dead[1]) == 1
        assert not stage.keeper.dirty
        assert len(stage.store.rows) == 2

    run(main())


def test_a_message_that_is_replayed_is_no_repetition_of_itself() -> None:
    async def main() -> None:
        stage = await Stage().open()
        await stage.handle("A", "bad")
        await stage.keeper.write()
        stage.start = 1
        stage.mended.add("bad")
        await stage.open()
        await stage.handle("A", "bad", at=0)
        (row,) = stage.store.queue("in.toy", "A")
        assert await stage.inbound.to_events(stage.memory, message_of(row), stage.batch) is None
        assert stage.numbers == [0]

    run(main())


def test_a_large_body_is_fetched_and_one_that_is_lost_is_dead() -> None:
    async def main() -> None:
        stage = await Stage().open()
        stage.bodies = {
            "there": b"A|5",
            "gone": DecodeError("gone", code="blob_missing"),
            "away": Unavailable("no store", code="blobs_away"),
            "bug": KeyError("a bug of the store"),
        }
        await stage.handle("A", "", blob="there")
        await stage.handle("B", "", blob="gone")
        assert stage.numbers == [5]
        assert stage.batch.outcomes[1].reason == "blob_missing"
        with pytest.raises(Unavailable):
            await stage.handle("C", "", blob="away")
        await stage.handle("D", "", blob="bug")
        assert stage.batch.outcomes[-1].reason == "connector_bug"

    run(main())


def test_a_foreign_record_without_key_and_headers_is_dead_and_holds_nobody() -> None:
    async def main() -> None:
        stage = await Stage().open()
        record = MemoryRecord(0, None, None, (("odd", None), ("wire-unit", b"\xff")))
        await stage.inbound.handle(stage.memory, record, stage.batch)
        assert stage.states in ([State.DEAD], [State.DECODED])
        await stage.handle("A", 1)
        assert stage.states[-1] is State.DECODED

    run(main())
