"""Routes and workers on the real Kafka and PostgreSQL, in one process."""

from __future__ import annotations

import asyncio
import itertools
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from aiokafka import AIOKafkaConsumer, TopicPartition

from hub.connector import Connector
from hub.dispatch import Dispatcher
from hub.effects import Effects
from hub.errors import Unavailable
from hub.held import Act
from hub.kafka import Kafka, Outgoing, Producer, Reader, Record
from hub.outbound import EVENTS_TOPIC, Outbound
from hub.outbox import Outbox
from hub.outcome import OUTCOMES_TOPIC, Outcome, State, outcomes_of
from hub.ownership import Leases
from hub.route import Route, Terms
from hub.settings import KafkaSettings
from hub.store import Store
from hub.store.acts import ActRecord, Acts, Author
from hub.store.held import PostgresHeldStore
from tests.engine import toy
from tests.engine.door import Witness, through

PARTITIONS = 2
ROUTES = ("first", "second")
TOPICS = (
    EVENTS_TOPIC,
    OUTCOMES_TOPIC,
    "in.toy",
    "dead.in.toy",
    *(f"dead.{route}" for route in ROUTES),
)
TTL = 2.0
AUTHOR = Author("người trực", "kiểm thử")
HURRIED = Terms(
    timeout_seconds=5,
    attempts_count=2,
    wait_initial_seconds=0.01,
    wait_max_seconds=0.05,
    patience_seconds=0.3,
    rounds_count=2,
    round_wait_initial_seconds=0.2,
    round_wait_max_seconds=0.4,
    concurrency_count=16,
    window_count=100,
    breaker_subjects_count=50,
    breaker_open_seconds=0.3,
)


@asynccontextmanager
async def connected(bootstrap_servers: str, prefix: str) -> AsyncIterator[Kafka]:
    """A connection whose topics and groups begin with `prefix`."""
    settings = KafkaSettings(bootstrap_servers=bootstrap_servers, prefix=prefix)
    async with Kafka(settings) as kafka:
        yield kafka


async def until(holds: Callable[[], Any], what: str = "", seconds: float = 20.0) -> None:
    """Wait for a condition (a function, or one that must be awaited)."""
    end = time.monotonic() + seconds
    while True:
        found = holds()
        if isinstance(found, Awaitable):
            found = await found
        if found:
            return
        assert time.monotonic() < end, f"in vain: {what or holds}"
        await asyncio.sleep(0.02)


@dataclass
class Ground:
    """What a module's tests stand on."""

    kafka: Kafka
    producer: Producer
    store: Store
    url: str
    onlooker: AIOKafkaConsumer
    readers: dict[str, Reader] = field(default_factory=dict)

    @property
    def held(self) -> PostgresHeldStore:
        """The engine's view of the store."""
        return PostgresHeldStore(self.store)

    async def ends(self, topic: str) -> dict[int, int]:
        """Where each partition ends now, what a transaction has just left there included.

        A committed transaction's ends are written to its partitions one after the other: offsets
        can be seen before the events that they stand for, and a committed reader's end is earlier.
        """
        parts = [TopicPartition(self.kafka.prefix + topic, p) for p in range(PARTITIONS)]
        found = await self.onlooker.end_offsets(parts)
        return {part.partition: end for part, end in found.items()}

    async def send(self, topic: str, records: Sequence[Outgoing]) -> None:
        """Produce to the partitions of their keys."""
        await self.producer.send_all(topic, records)

    async def read(self, topic: str, start: dict[int, int]) -> list[Record]:
        """Everything committed from `start` on, by partition, in order."""
        reader = await self._reader(topic)
        ends = await self.ends(topic)
        await reader.assign(start)
        found: list[Record] = []
        while not all([await reader.position(p) >= end for p, end in ends.items()]):
            for records in (await reader.fetch(2000, 50)).values():
                found += records
        return found

    async def _reader(self, topic: str) -> Reader:
        if topic not in self.readers:
            self.readers[topic] = await self.kafka.reader(topic)
        return self.readers[topic]

    async def close(self) -> None:
        """Leave Kafka and PostgreSQL."""
        for reader in self.readers.values():
            await reader.close()
        await self.producer.close()
        await self.onlooker.stop()
        await self.store.close()

    async def act(self, route: str, subject: str, act: Act) -> ActRecord:
        """Ask for an act as a person does, and wait until it is done."""
        acts = Acts(self.store)
        number = await acts.request(route, subject, act, AUTHOR)
        return await acts.wait(number, 10)


@dataclass
class RealRoute:
    """A route of one test: its destination, what was sent, and its workers.

    Attributes:
        start: where `events`, `outcomes` and the dead letters ended when the test began.
    """

    ground: Ground
    name: str
    terms: Terms
    start: dict[str, dict[int, int]]
    connector: Connector = field(default_factory=toy.connector)
    destination: toy.Destination = field(default_factory=toy.Destination)
    sent: list[tuple[str, int]] = field(default_factory=list)
    workers: list[Worker] = field(default_factory=list)
    numbers: Iterator[int] = field(default_factory=itertools.count)

    @property
    def group(self) -> str:
        """The route's consumer group."""
        return f"route.{self.name}"

    async def send(self, pairs: Iterable[tuple[str, int]]) -> None:
        """Append events to `events`, in this order."""
        given = list(pairs)
        self.sent += given
        await self.ground.send(EVENTS_TOPIC, [toy.event_record(*pair) for pair in given])

    async def worker(self, held: Any = None) -> Worker:
        """A further worker of the route."""
        reader = await self.ground.kafka.reader(EVENTS_TOPIC, self.group)
        worker = Worker(self, f"w{next(self.numbers)}", held or self.ground.held, reader)
        self.workers.append(worker)
        return worker

    async def outcomes(self) -> list[Outcome]:
        """What was said of this route's messages."""
        records = await self.ground.read(OUTCOMES_TOPIC, self.start[OUTCOMES_TOPIC])
        found = [each for record in records for each in outcomes_of(record.value)]
        return [each for each in found if each.name == self.name]

    async def dead(self) -> list[Record]:
        """Copies of its dead letters."""
        topic = f"dead.{self.name}"
        return await self.ground.read(topic, self.start[topic])

    async def queue(self, subject: str) -> list[Any]:
        """Rows of a subject that wait, oldest first."""
        found = await self.ground.held.heads(self.name, [subject], 100)
        return list(found.get(subject, ()))

    async def all_committed(self) -> bool:
        """Whether the group's offsets are at the end of `events`."""
        offsets = await self.ground.kafka.committed(self.group, EVENTS_TOPIC)
        ends = await self.ground.ends(EVENTS_TOPIC)
        return {n: offset for n, (offset, _) in offsets.items()} == ends

    async def skipped(self) -> list[tuple[str, int, str]]:
        """What a person has skipped, for the checker."""
        gone = {each.event_id for each in await self.outcomes() if each.state is State.SKIPPED}
        return [(s, n, "dead") for s, n in self.sent if toy.event_id(s, n) in gone]


class Worker:
    """One worker of a route: leases, dispatcher, outbox."""

    def __init__(self, route: RealRoute, name: str, held: Any, reader: Reader) -> None:
        self.route, self.reader = route, reader
        self.shut = False
        self.thawed = asyncio.Event()
        self.thawed.set()
        self.stop, self.halt = asyncio.Event(), asyncio.Event()
        store = through(self, held)
        client = route.destination
        self.outbox = Outbox(through(self, route.ground.producer), lambda _: None)
        outbound = Outbound(
            Route(name=route.name, to="toy", kinds=(toy.KIND,), terms=route.terms),
            route.connector,
            None,
            client,
            effects=Effects(store, client),
            outbox=self.outbox,
            put_aliases=_no_aliases,
        )
        self.dispatcher = Dispatcher(
            outbound,
            through(self, reader),
            store,
            self.outbox,
            committed=partial(route.ground.kafka.committed, route.group, EVENTS_TOPIC),
            partitions_count=PARTITIONS,
        )
        self.leases = Leases(store, f"{route.name}-{name}", ttl_seconds=TTL)
        self.leases.add(Witness(self.dispatcher, route.destination.killed, lambda: False))
        self.keeping = asyncio.create_task(self.leases.run(self.stop))
        self.running = asyncio.create_task(self.dispatcher.run(self.halt))

    async def end(self) -> None:
        """Stop gracefully."""
        self.stop.set()
        await self.keeping
        self.halt.set()
        await self.running
        await self.outbox.flush()
        await self.reader.close()
        self.route.workers.remove(self)

    async def crash(self) -> None:
        """Die: nothing that is not out yet gets out."""
        self.shut = True
        self.route.destination.killed()
        for partition in list(self.dispatcher.partitions):
            self.dispatcher.lost(partition)
        self.running.cancel()
        await asyncio.wait([self.running])
        self.stop.set()
        await self.keeping
        await self.reader.close()
        self.route.workers.remove(self)

    def failed(self) -> BaseException | None:
        """What a bug of the engine raised."""
        for task in (self.keeping, self.running):
            if task.done() and not task.cancelled() and task.exception() is not None:
                return task.exception()
        return None

    async def dead(self) -> None:
        """A dead worker reaches nobody."""
        raise Unavailable("dead", code="dead")


async def _no_aliases(_: object) -> None:
    return None
