"""Decoding on the real Kafka and PostgreSQL: exactly once, held dossiers, takeovers."""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Literal, cast

import pytest
import pytest_asyncio
from aiokafka import TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.admin.records_to_delete import RecordsToDelete
from sqlalchemy import delete
from structlog.testing import capture_logs

from hub.errors import Unavailable
from hub.held import Act, Claim, HeldState
from hub.inbound import Inbound
from hub.intake import GROUP, Intake
from hub.kafka import Kafka, Record
from hub.message import Message
from hub.outbound import EVENTS_TOPIC
from hub.outcome import OUTCOMES_TOPIC, State, outcomes_of
from hub.store.acts import Acts
from hub.store.names import StoreNames
from hub.store.tables import command, held_message, held_subject, ownership, route_control
from tests.broker import Addresses
from tests.engine import toy
from tests.engine.ground import AUTHOR, PARTITIONS, Ground, until

pytestmark = pytest.mark.asyncio(loop_scope="module")
TOPIC = "in.toy"
DEAD = "dead.in.toy"


class Shaky:
    """Kafka, some of whose transactions fail at their very end."""

    def __init__(self, kafka: Any) -> None:
        self._kafka = kafka
        self.failures = 0
        self.away = 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self._kafka, name)

    async def producer(self, transactional_id: str) -> Any:
        if self.away:
            self.away -= 1
            raise Unavailable("no broker", code="kafka_away")
        return ShakyProducer(self, await self._kafka.producer(transactional_id))


class ShakyProducer:
    """A producer of `Shaky`."""

    def __init__(self, shaky: Shaky, producer: Any) -> None:
        self._shaky, self._producer = shaky, producer

    def __getattr__(self, name: str) -> Any:
        return getattr(self._producer, name)

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[None]:
        async with self._producer.transaction():
            yield
            if self._shaky.failures:
                self._shaky.failures -= 1
                raise Unavailable("no broker", code="kafka_away")


class Leaving(asyncio.Lock):
    """An intake's lock that somebody who takes all its partitions away gets first."""

    def __init__(self, intake: Intake) -> None:
        super().__init__()
        self._intake: Intake | None = intake

    async def acquire(self) -> Literal[True]:
        intake, self._intake = self._intake, None
        for number in range(PARTITIONS if intake is not None else 0):
            assert intake is not None
            await intake.let_go(number)
        return await super().acquire()


class Decoding:
    """The decode stage of one test, from what is sent from now on."""

    def __init__(self, ground: Ground, start: dict[str, dict[int, int]]) -> None:
        self.ground, self.start = ground, start
        self.kafka = Shaky(ground.kafka)
        self.mended: set[str] = set()
        self.run = secrets.token_hex(3)  # earlier tests' messages are within the look-back
        self.intakes: list[Intake] = []
        self.halts: dict[Intake, tuple[asyncio.Event, asyncio.Task[None]]] = {}

    async def worker(self, name: str) -> Intake:
        """A further worker, which takes every partition, whoever has it."""
        inbound = Inbound(
            "toy",
            toy.connector(),
            self.mended,
            partitions_count=PARTITIONS,
            check_out=_whole,
            names=StoreNames(self.ground.store),
        )
        intake = Intake(inbound, cast(Kafka, self.kafka), self.ground.held, observe=lambda _: None)
        async with self.ground.store.transaction() as connection:
            await connection.execute(delete(ownership).where(ownership.c.route == TOPIC))
        halt = asyncio.Event()
        self.halts[intake] = halt, asyncio.create_task(intake.run(halt))
        self.intakes.append(intake)
        for number in range(PARTITIONS):
            claim = await self.ground.held.claim(TOPIC, number, name, 60)
            assert isinstance(claim, Claim)
            await intake.gained(claim)
        return intake

    async def end(self, intake: Intake) -> None:
        """Stop gracefully."""
        halt, running = self.halts.pop(intake)
        for number in range(PARTITIONS):
            await intake.let_go(number)
        halt.set()
        await running
        await intake.close()
        self.intakes.remove(intake)

    async def send(self, *messages: tuple[str, object]) -> None:
        """Messages (subject, text) as they arrive."""
        given = [(self.code(subject), text) for subject, text in messages]
        await self.ground.send(TOPIC, [toy.message_record(*each, unit=toy.UNIT) for each in given])

    def code(self, subject: str) -> str:
        """The subject's code in this test."""
        return f"{subject}-{self.run}"

    async def act(self, subject: str, act: Act) -> str:
        """What came of an act that a person asks for."""
        return (await self.ground.act(TOPIC, self.code(subject), act)).result

    async def events(self, subject: str | None = None) -> list[tuple[str, int]]:
        """Subject and number of every event."""
        records = await self.ground.read(EVENTS_TOPIC, self.start[EVENTS_TOPIC])
        found = [(r.key.decode().partition("-")[0], toy.number_in(r.value)) for r in records]
        return [each for each in found if subject in (None, each[0])]

    async def outcomes(self, subject: str) -> list[State]:
        """How this subject's messages ended, oldest first."""
        records = await self.ground.read(OUTCOMES_TOPIC, self.start[OUTCOMES_TOPIC])
        found = [each for record in records for each in outcomes_of(record.value)]
        return [each.state for each in found if each.subject == self.code(subject)]

    async def dead(self) -> list[Record]:
        """Copies of dead letters."""
        return await self.ground.read(DEAD, self.start[DEAD])

    async def queue(self, subject: str) -> list[Any]:
        """Rows of a subject that wait."""
        code = self.code(subject)
        return list((await self.ground.held.heads(TOPIC, [code], 100)).get(code, ()))

    async def caught_up(self) -> bool:
        """Whether the committed offsets are at the end of the in-topic."""
        offsets = await self.ground.kafka.committed(GROUP, TOPIC)
        ends = await self.ground.ends(TOPIC)
        return {n: offset for n, (offset, _) in offsets.items()} == ends


async def _whole(message: Message) -> Message:
    return message


@pytest_asyncio.fixture(loop_scope="module")
async def decoding(ground: Ground) -> AsyncIterator[Decoding]:
    """A decode stage with one worker."""
    topics = (TOPIC, EVENTS_TOPIC, OUTCOMES_TOPIC, DEAD)
    stage = Decoding(ground, {topic: await ground.ends(topic) for topic in topics})
    await ground.kafka.commit(GROUP, TOPIC, stage.start[TOPIC])
    await stage.worker("w")
    yield stage
    for intake in list(stage.intakes):
        await stage.end(intake)
    async with ground.store.transaction() as connection:
        for table in (held_message, held_subject, ownership, command, route_control):
            await connection.execute(delete(table).where(table.c.route == TOPIC))


async def test_messages_become_events_in_order_and_consecutive_repetitions_are_suppressed(
    decoding: Decoding,
) -> None:
    await decoding.send(*[("H1", n) for n in (1, 1, 2, 1, 1, 3)], ("H2", 1), ("H2", 1))
    await until(decoding.caught_up)
    assert await decoding.events("H1") == [("H1", n) for n in (1, 2, 1, 3)]
    assert await decoding.events("H2") == [("H2", 1)]
    states = await decoding.outcomes("H1")
    assert states.count(State.DECODED) == 4
    assert states.count(State.DUPLICATE) == 2


async def test_a_repetition_is_recognised_after_a_takeover(decoding: Decoding) -> None:
    await decoding.send(("H1", 1), ("H1", 2))
    await until(decoding.caught_up)
    await decoding.end(decoding.intakes[0])
    await decoding.worker("v")
    await decoding.send(("H1", 2), ("H1", 3))
    await until(decoding.caught_up)
    assert await decoding.events("H1") == [("H1", 1), ("H1", 2), ("H1", 3)]


async def test_a_takeover_midway_loses_and_doubles_nothing(decoding: Decoding) -> None:
    sent = [(f"H{n % 20}", n) for n in range(6000)]
    await decoding.send(*sent)
    await until(lambda: decoding.intakes[0].handled_count > 500)
    await decoding.worker("v")  # the first one does not know yet
    await until(decoding.caught_up)
    events = await decoding.events()
    assert len(events) == 6000
    for subject in range(20):
        assert [n for s, n in events if s == f"H{subject}"] == list(range(subject, 6000, 20))


async def test_a_message_that_cannot_be_decoded_holds_its_dossier_and_nobody_else(
    decoding: Decoding,
) -> None:
    await decoding.send(("H1", 1), ("H1", "bad"), ("H1", 2), ("H2", 1), ("H3", "bug"), ("H3", 1))
    await until(decoding.caught_up)
    assert sorted(await decoding.events()) == [("H1", 1), ("H2", 1)]
    rows = await decoding.queue("H1")
    assert [(r.state, r.reason) for r in rows] == [
        (HeldState.DEAD, "undecodable"),
        (HeldState.WAITING, ""),
    ]
    assert [r.reason for r in await decoding.queue("H3")] == ["connector_bug", ""]
    copies = {copy.key.decode(): copy for copy in await decoding.dead()}
    copy = copies[decoding.code("H1")]
    assert copy.value.decode() == f"{copy.key.decode()}|bad"
    assert dict(copy.headers)["hub-reason"] == b"undecodable"
    assert await decoding.outcomes("H1") == [State.DECODED, State.DEAD, State.PARKED]


async def test_a_replay_after_the_connector_was_mended_flows(decoding: Decoding) -> None:
    await decoding.send(("H1", 1), ("H1", "bad"), ("H1", 2))
    await until(decoding.caught_up)
    still = await decoding.act("H1", Act.REPLAY)
    assert still.startswith("still dead")
    await decoding.end(decoding.intakes[0])
    decoding.mended.add("bad")
    await decoding.worker("v")
    done = await decoding.act("H1", Act.REPLAY)
    assert done.startswith("done")
    assert await decoding.events("H1") == [("H1", 1), ("H1", 0), ("H1", 2)]
    await decoding.send(("H1", 3))
    await until(decoding.caught_up)
    assert (await decoding.events("H1"))[-1] == ("H1", 3)
    assert not await decoding.queue("H1")


async def test_an_act_on_a_partition_that_is_let_go_meanwhile_is_done_by_the_next_owner(
    decoding: Decoding, monkeypatch: pytest.MonkeyPatch
) -> None:
    await decoding.send(("H1", "bad"), ("H1", 1))
    await until(decoding.caught_up)
    (first,) = decoding.intakes
    commands = first._store.commands

    async def asked(claims: Any) -> Any:
        found = await commands(claims)
        if found:
            monkeypatch.setattr(first, "_busy", Leaving(first))
        return found

    monkeypatch.setattr(first._store, "commands", asked)
    number = await Acts(decoding.ground.store).request(TOPIC, decoding.code("H1"), Act.SKIP, AUTHOR)
    await until(lambda: not first.partitions)
    monkeypatch.undo()
    await decoding.end(first)
    await decoding.worker("v")
    done = await Acts(decoding.ground.store).wait(number, 10)
    assert done.result.startswith("done")
    assert await decoding.events("H1") == [("H1", 1)]


@pytest.mark.parametrize("act", [Act.SKIP, Act.RELEASE])
async def test_a_person_lets_a_held_dossier_go_on(decoding: Decoding, act: Act) -> None:
    await decoding.send(("H1", "bad"), ("H1", 2))
    await until(decoding.caught_up)
    done = await decoding.act("H1", act)
    assert done.startswith("done")
    assert await decoding.events("H1") == [("H1", 2)]
    state = State.SKIPPED if act is Act.SKIP else State.RELEASED
    assert await decoding.outcomes("H1") == [State.DEAD, State.PARKED, state, State.DECODED]
    await decoding.send(("H1", 3))
    await until(decoding.caught_up)
    assert await decoding.events("H1") == [("H1", 2), ("H1", 3)]


async def test_a_transaction_that_fails_after_parking_loses_nothing(decoding: Decoding) -> None:
    decoding.kafka.failures = 2
    decoding.kafka.away = 1
    await decoding.send(("H1", 1), ("H1", "bad"), ("H1", 2), ("H2", 1), ("H2", 2))
    await until(decoding.caught_up)
    assert await decoding.events("H1") == [("H1", 1)]
    assert await decoding.events("H2") == [("H2", 1), ("H2", 2)]
    assert [r.reason for r in await decoding.queue("H1")] == ["undecodable", ""]
    assert len(await decoding.dead()) == 1
    assert await decoding.outcomes("H1") == [State.DECODED, State.DEAD, State.PARKED]


async def test_a_replay_whose_transaction_fails_is_done_again(decoding: Decoding) -> None:
    await decoding.send(("H1", "bad"), ("H1", 2))
    await until(decoding.caught_up)
    decoding.mended.add("bad")
    decoding.kafka.failures = 1
    done = await decoding.act("H1", Act.REPLAY)
    assert done.startswith("done")
    assert await decoding.events("H1") == [("H1", 0), ("H1", 2)]


async def test_what_decoding_waits_for_is_logged_once_until_it_goes_on(
    decoding: Decoding, monkeypatch: pytest.MonkeyPatch
) -> None:
    intake = decoding.intakes[0]
    turn, away = intake._turn, [True, False, True, True, True]

    async def shaky() -> None:
        if away and away.pop():
            raise Unavailable("no broker", code="kafka_away")
        await turn()

    with capture_logs() as entries:
        monkeypatch.setattr(intake, "_turn", shaky)
        await until(lambda: not away)
        await decoding.send(("H1", 1))
        await until(decoding.caught_up)
    waits = [entry for entry in entries if entry["event"] == "decode_waits"]
    assert [entry["reason"] for entry in waits] == ["kafka_away"] * 2


async def test_an_unreadable_key_holds_nobody(decoding: Decoding) -> None:
    account = decoding.code("account")
    records = [toy.message_record(account, text, unit=account) for text in ("bad", 1)]
    await decoding.ground.send(TOPIC, records)
    await until(decoding.caught_up)
    assert await decoding.events() == [("account", 1)]
    assert not await decoding.queue("account")
    assert len(await decoding.dead()) == 1


async def test_an_in_topic_whose_next_record_has_expired_stops_visibly(
    decoding: Decoding, addresses: Addresses
) -> None:
    await decoding.end(decoding.intakes[0])
    await decoding.send(*((f"H{n}", n) for n in range(10)))
    admin = AIOKafkaAdminClient(bootstrap_servers=addresses.kafka)
    await admin.start()
    full = decoding.ground.kafka.prefix + TOPIC
    places = [TopicPartition(full, number) for number in range(PARTITIONS)]
    await admin.delete_records({place: RecordsToDelete(-1) for place in places})
    await admin.close()
    with pytest.raises(Unavailable) as refused:
        await decoding.worker("v")
    assert refused.value.code == "offset_missing"
    control = (await decoding.ground.held.controls())[TOPIC]
    assert "no longer in Kafka" in control.text


async def test_a_partition_that_cannot_be_taken_back_at_once_is_taken_later(
    decoding: Decoding,
) -> None:
    (intake,) = decoding.intakes
    decoding.kafka.failures, decoding.kafka.away = 1, 3
    await decoding.send(*((f"H{n}", 1) for n in range(8)))
    await until(decoding.caught_up)
    assert len(await decoding.events()) == 8
    assert sorted(intake.partitions) == list(range(PARTITIONS))


async def test_a_lease_that_is_lost_while_its_partition_is_taken_back_is_left_alone(
    decoding: Decoding,
) -> None:
    (intake,) = decoding.intakes
    decoding.kafka.failures, decoding.kafka.away = 2, 10_000
    await decoding.send(*((f"H{n}", 1) for n in range(8)))
    await until(lambda: not intake.partitions)
    claims = [Claim(TOPIC, n, "w", 1, time.monotonic() + 60) for n in range(PARTITIONS)]
    for claim in claims:
        intake.renewed(claim)
    intake.lost(0)
    await intake.let_go(1)
    decoding.kafka.away = 0
    await until(lambda: "kafka_away" not in intake.closed)
    assert not intake.partitions
    await decoding.worker("v")
    await until(decoding.caught_up)
    assert len(await decoding.events()) == 8


async def test_a_partition_that_was_taken_by_another_is_closed_and_not_taken_back(
    decoding: Decoding,
) -> None:
    (intake,) = decoding.intakes
    intake.lost(0)
    await until(lambda: sorted(intake.partitions) == [1])
    claim = await decoding.ground.held.claim(TOPIC, 0, "w", 60)
    assert claim is not None
    await intake.gained(claim)
    await intake.gained(claim)
    await decoding.send(*((f"H{n}", 1) for n in range(8)))
    await until(decoding.caught_up)
    assert len(await decoding.events()) == 8


async def test_acts_on_what_is_not_there_are_refused(decoding: Decoding) -> None:
    await decoding.send(("H1", "bad"), ("H1", 2))
    await until(decoding.caught_up)
    second = (await decoding.queue("H1"))[1].event_id
    acts, code = Acts(decoding.ground.store), decoding.code("H1")
    number = await acts.request(TOPIC, code, Act.SKIP, AUTHOR, event_id=second)
    found = await acts.wait(number, 10)
    assert found.result == "refused: the message is not the head of its queue"
    both = [await acts.request(TOPIC, code, Act.SKIP, AUTHOR) for _ in range(3)]
    results = [(await acts.wait(number, 10)).result for number in both]
    assert results[0].startswith("done")
    assert results[1:] == ["refused: nothing is held"] * 2
    assert await decoding.events("H1") == [("H1", 2)]


async def test_an_in_topic_without_committed_offset_stops_visibly(decoding: Decoding) -> None:
    inbound = Inbound(
        "toy",
        toy.connector(),
        set(),
        partitions_count=9,
        check_out=_whole,
        names=StoreNames(decoding.ground.store),
    )
    intake = Intake(
        inbound, cast(Kafka, decoding.kafka), decoding.ground.held, observe=lambda _: None
    )
    with pytest.raises(Unavailable) as refused:
        await intake.gained(Claim(TOPIC, 8, "w", 1, 1e9))
    assert refused.value.code == "offset_missing"
    control = (await decoding.ground.held.controls())[TOPIC]
    assert (control.stopped_reason, "partition 8" in control.text) == ("offset_missing", True)
    await intake.close()
