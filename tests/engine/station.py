"""A world in memory and its workers: the real engine on virtual time."""

from __future__ import annotations

import asyncio
import weakref
from collections import defaultdict
from collections.abc import Sequence
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any

from hub.connector import Connector
from hub.dispatch import Dispatcher
from hub.effects import Effects
from hub.errors import Unavailable
from hub.event import Event
from hub.kafka import Outgoing, partition_of
from hub.outbound import Outbound
from hub.outbox import Outbox
from hub.outcome import Outcome, State, outcomes_of
from hub.ownership import Leases
from hub.route import Route, Terms
from tests.engine import toy
from tests.engine.door import Witness, through
from tests.engine.memory import MemoryLog, MemoryReader, MemoryStore
from tests.engine.virtual import clock, pass_time

ROUTE = "toys"
TTL = 10.0
_worker: ContextVar[Worker | None] = ContextVar("worker", default=None)

QUICK = Terms(
    timeout_seconds=30,
    attempts_count=2,
    wait_initial_seconds=0.05,
    wait_max_seconds=0.2,
    patience_seconds=1,
    rounds_count=2,
    round_wait_initial_seconds=1,
    round_wait_max_seconds=4,
    concurrency_count=8,
    window_count=40,
    breaker_subjects_count=100,
    breaker_open_seconds=1,
)
"""Terms whose every wait is a matter of seconds."""


@dataclass
class Topics:
    """What was produced, by topic; an `outbox.Sender`."""

    records: dict[str, list[Outgoing]] = field(default_factory=lambda: defaultdict(list))
    away: bool = False

    async def send_all(self, topic: str, records: Sequence[Outgoing]) -> None:
        await pass_time(0)
        if self.away:
            raise Unavailable("no broker", code="kafka_away")
        self.records[topic] += records

    def outcomes(self, subject: str | None = None) -> list[Outcome]:
        """Every outcome, or those of one subject."""
        lots = (value for _, value, _ in self.records["outcomes"])
        found = (each for value in lots for each in outcomes_of(value or b""))
        return [each for each in found if subject in (None, each.subject)]


@dataclass
class World:
    """Broker, store and destination; workers come and go."""

    terms: Terms = QUICK
    partitions_count: int = 1
    connector: Connector = field(default_factory=toy.connector)
    settings: object = None
    when: str = ""
    sent: list[tuple[str, int]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.log = MemoryLog(self.partitions_count)
        self.store = MemoryStore(clock)
        self.topics = Topics()
        self.destination = toy.Destination()
        self._counts: dict[str, int] = defaultdict(int)

    @property
    def troubled(self) -> bool:
        """Whether somebody who leaves now cannot say all that he wants to."""
        return self.store.away or self.log.away or bool(self.store.torn)

    def skipped(self) -> list[tuple[str, int, str]]:
        """Subject, number and `dead` of what a person has skipped."""
        gone = {each.event_id for each in self.topics.outcomes() if each.state is State.SKIPPED}
        return [
            (subject, number, "dead")
            for subject, number in self.sent
            if toy.event_id(subject, number) in gone
        ]

    def partition(self, subject: str) -> int:
        """Where the subject's events go."""
        return partition_of(subject.encode(), self.partitions_count)

    def send(self, subject: str, number: int | None = None, kind: str = toy.KIND) -> int:
        """Append the next event of a subject; its number."""
        if number is None:
            number = self._counts[subject]
        self._counts[subject] = number + 1
        self.sent.append((subject, number))
        self.log.append(self.partition(subject), toy.event_record(subject, number, kind))
        return number

    def held(self) -> list[tuple[str, int, str]]:
        """Subject, number and state (dead or parked) of every row in the store."""
        found = []
        for row in self.store.rows.values():
            number = toy.number_of(Event.from_record(row.value, row.headers, row.position))
            state = "dead" if row.state.value in ("dead", "aside") else "parked"
            found.append((row.subject, number, state))
        return found


class Worker:
    """One worker: leases, dispatcher, outbox; everything it reaches goes through its door."""

    def __init__(self, world: World, name: str) -> None:
        self.world, self.name = world, name
        self.stop = asyncio.Event()
        self.halt = asyncio.Event()
        self.shut = False
        self.thawed = asyncio.Event()
        self.thawed.set()
        self.tasks: weakref.WeakSet[asyncio.Task[Any]] = weakref.WeakSet()
        store = through(self, world.store)
        client = through(self, world.destination)
        self.outbox = Outbox(through(self, world.topics), lambda _: None)
        outbound = Outbound(
            Route(name=ROUTE, to="toy", kinds=(toy.KIND,), when=world.when, terms=world.terms),
            world.connector,
            world.settings,
            client,
            effects=Effects(store, client, now=clock),
            outbox=self.outbox,
            put_aliases=_no_aliases,
        )
        self.reader = MemoryReader(world.log)
        self.dispatcher = Dispatcher(
            outbound,
            through(self, self.reader),
            store,
            self.outbox,
            committed=through(self, world.log).committed,
            partitions_count=world.partitions_count,
            clock=clock,
            now=clock,
        )
        self.leases = Leases(store, name, ttl_seconds=TTL, clock=clock)
        self.leases.add(Witness(self.dispatcher, world.destination.killed, lambda: world.troubled))

    def start(self) -> Worker:
        """Begin to work."""
        asyncio.get_running_loop().set_task_factory(_tagging)
        _worker.set(self)
        self.keeping = asyncio.create_task(self.leases.run(self.stop))
        self.running = asyncio.create_task(self.dispatcher.run(self.halt))
        _worker.set(None)
        return self

    async def end(self) -> None:
        """Stop as SIGTERM does."""
        self.stop.set()
        await self.keeping
        self.halt.set()
        await self.running

    def crash(self) -> None:
        """Die as by `kill -9`: nothing that is not out yet gets out."""
        self.shut = True
        self.world.destination.killed()
        for task in list(self.tasks):
            task.cancel()

    def failed(self) -> BaseException | None:
        """What a bug of the engine raised."""
        for task in (self.keeping, self.running):
            if task.done() and not task.cancelled() and task.exception() is not None:
                return task.exception()
        return None

    async def dead(self) -> None:
        """A dead worker's calls never end."""
        await asyncio.Event().wait()


def _tagging(loop: asyncio.AbstractEventLoop, work: Any, **options: Any) -> asyncio.Task[Any]:
    task: asyncio.Task[Any] = asyncio.Task(work, loop=loop, **options)
    worker = _worker.get()
    if worker is not None:
        worker.tasks.add(task)
    return task


async def _no_aliases(_: object) -> None:
    return None
