"""Runs: one measurement each, of the same code that `hub run` runs."""

from __future__ import annotations

import asyncio
import os
import random
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import partial

import orjson
import structlog

from hub.bench.filling import EVENTS, MESSAGES, fill
from hub.bench.ground import Ground
from hub.bench.load import TOPICS, code_of, messages, sender
from hub.bench.measure import Clock
from hub.bench.system import Sink, system
from hub.connector import Request
from hub.dispatch import Dispatcher
from hub.effects import Effects
from hub.inbound import Inbound
from hub.intake import GROUP, Intake
from hub.kafka import Outgoing
from hub.log import observer
from hub.message import Message, Position
from hub.metrics import Metrics
from hub.outbound import Outbound
from hub.outbox import Outbox
from hub.ownership import Leases
from hub.route import Route, Terms
from hub.store.names import StoreNames

SUBJECT_SHARE = 5
"""Messages per subject."""
PARKED_SHARE = 10
"""The same where messages are parked: 100,000 are over 10,000 subjects."""
DEADLINE_SECONDS = 300.0
LOG = structlog.get_logger(__name__)


async def until(done: Callable[[], bool], *tasks: asyncio.Task[None]) -> None:
    """Wait for a condition; a task that ends before it raises."""
    deadline = time.monotonic() + DEADLINE_SECONDS
    while not done():
        for task in tasks:
            if task.done():
                task.result()
        if time.monotonic() > deadline:
            raise TimeoutError("the measurement did not end")
        await asyncio.sleep(0.01)


async def translate(ground: Ground, count: int) -> dict[str, float]:
    """in-topic -> decode -> events, with outcomes and metrics, exactly once."""
    await fill(ground, MESSAGES, count, count // SUBJECT_SHARE)
    await ground.kafka.commit(GROUP, "in.one_stop", {0: 0})
    inbound = Inbound(
        "one_stop",
        *sender(),
        partitions_count=TOPICS["events"],
        check_out=_as_it_is,
        names=StoreNames(ground.store),
        config="bench",
    )
    intake = Intake(inbound, ground.kafka, ground.held, observe=observer(LOG, Metrics()))
    async with leased(ground, intake) as stop:
        clock = Clock()
        running = asyncio.create_task(intake.run(stop))
        await until(lambda: intake.handled_count >= count, running)
        figures = clock.figures(count)
        stop.set()
        await running
    await intake.close()
    return figures


async def bare(ground: Ground, count: int) -> dict[str, float]:
    """The same records through the barest loop: parse, pick fields, dump, one transaction a batch.

    No validation, no outcomes, no ids, no metrics: what Kafka and the client cost by themselves.
    """
    await fill(ground, MESSAGES, count, count // SUBJECT_SHARE)
    producer = await ground.kafka.producer("bare")
    reader = await ground.kafka.reader("in.one_stop")
    await reader.assign({0: 0})
    done = 0
    clock = Clock()
    while done < count:
        for records in (await reader.fetch(2000, 100)).values():
            out: list[Outgoing] = [
                (r.key, orjson.dumps(orjson.loads(r.value)), []) for r in records
            ]
            end = Position(reader.topic, 0, records[-1].offset)
            async with producer.transaction():
                await producer.send_partitions("events", {0: out})
                await producer.add_offset(end, f"{ground.kafka.prefix}bare")
            done += len(records)
    figures = clock.figures(count)
    await reader.close()
    await producer.close()
    return figures


async def latency(
    ground: Ground, count: int, rate_per_second: float, failing_share: float = 0.0
) -> dict[str, float]:
    """Milliseconds from a message's receipt until its delivery, at a steady rate.

    The whole way: in-topic, decode in a transaction, events, route, a sink that costs nothing. A
    share of the subjects may fail for ever; the figures are those of the others.
    """
    bad = failing_subjects(count, failing_share, 1)
    taken: dict[str, float] = {}
    sent: dict[str, float] = {}

    def note(request: Request) -> None:
        taken[request.event.message_id] = time.perf_counter()

    await ground.kafka.commit(GROUP, "in.one_stop", {0: 0})
    inbound = Inbound(
        "one_stop",
        *sender(),
        partitions_count=TOPICS["events"],
        check_out=_as_it_is,
        names=StoreNames(ground.store),
    )
    intake = Intake(inbound, ground.kafka, ground.held, observe=observer(LOG, Metrics()))
    sink = Sink(bad, taken=note)
    async with (
        dispatching(ground, sink, Terms(patience_seconds=2)) as (_, running),
        leased(ground, intake) as stop,
    ):
        decoding = asyncio.create_task(intake.run(stop))
        await asyncio.sleep(1)  # both have started
        begun = time.perf_counter()
        for number, message in enumerate(messages(count, count)):
            pause = begun + number / rate_per_second - time.perf_counter()
            if pause > 0:
                await asyncio.sleep(pause)
            if message.key not in bad:
                sent[message.id] = time.perf_counter()
            record = (message.key.encode(), message.body, message.to_record_headers())
            sending = ground.producer.send_all("in.one_stop", [record])
            asyncio.get_running_loop().create_task(sending)
        await until(lambda: len(taken) == count - len(bad), running, decoding)
        stop.set()
        await decoding
    await intake.close()
    waits = sorted((taken[name] - at) * 1000 for name, at in sent.items())
    return {
        "rate_per_second": rate_per_second,
        "p50_ms": waits[len(waits) // 2],
        "p99_ms": waits[int(len(waits) * 0.99)],
        "max_ms": waits[-1],
    }


async def park(ground: Ground, count: int, sink: Sink) -> dict[str, float]:
    """How fast messages are parked, and how fast the parked ones drain again.

    Args:
        sink: fails for every subject; it is healed when everything is parked.
    """
    terms = Terms(
        attempts_count=1,
        patience_seconds=0,
        round_wait_initial_seconds=3600,
        breaker_subjects_count=10**6,
    )
    figures: dict[str, float] = {}
    async with dispatching(ground, sink, terms) as (dispatcher, running):
        clock = Clock()
        await until(lambda: _parked(dispatcher) >= count, running)
        await until(lambda: not _dirty(dispatcher), running)
        figures |= {f"park_{name}": value for name, value in clock.figures(count).items()}
        sink.failing = frozenset()
        for partition in dispatcher.partitions.values():
            for subject in partition.keeper.subjects.values():
                partition.keeper.retry_now(subject, time.time())
                dispatcher.draining.due_at(partition, subject.subject, time.time())
        clock = Clock()
        await until(lambda: sink.count >= count, running)
        figures |= {f"drain_{name}": value for name, value in clock.figures(count).items()}
        await until(lambda: not _parked(dispatcher) and not _dirty(dispatcher), running)
    figures["disorder"] = sink.disorder_count
    return figures


def _parked(dispatcher: Dispatcher) -> int:
    return sum(
        subject.waiting_count
        for partition in dispatcher.partitions.values()
        for subject in partition.keeper.subjects.values()
    )


def _dirty(dispatcher: Dispatcher) -> bool:
    return any(partition.keeper.dirty for partition in dispatcher.partitions.values())


async def _as_it_is(message: Message) -> Message:
    return message


async def fill_events(ground: Ground, count: int, share: int = SUBJECT_SHARE) -> None:
    """`count` events in `events`, `share` of each subject."""
    await fill(ground, EVENTS, count, count // share)


async def deliver(
    ground: Ground,
    count: int,
    sink: Sink,
    *,
    terms: Terms,
    expected: int | None = None,
) -> dict[str, float]:
    """events -> a route -> encode -> the sink; measured from taking the leases to the last one."""
    async with dispatching(ground, sink, terms) as (_, running):
        clock = Clock()
        wanted = count if expected is None else expected
        await until(lambda: sink.count >= wanted, running)
        figures = clock.figures(wanted)
    figures["disorder"] = sink.disorder_count
    return figures


async def skip(ground: Ground, count: int) -> dict[str, float]:
    """events -> a route that takes none of them; measured until all are passed over."""
    await fill_events(ground, count)
    reader = await ground.kafka.reader("events")
    ends = await reader.ends(range(TOPICS["events"]))
    await reader.close()
    async with dispatching(ground, Sink(), Terms(), ("petition.*",)) as (dispatcher, running):
        clock = Clock()
        await until(lambda: _passed(dispatcher, ends), running)
        return clock.figures(count)


def _passed(dispatcher: Dispatcher, ends: dict[int, int]) -> bool:
    return len(dispatcher.partitions) == len(ends) and all(
        dispatcher.partitions[number].window.next_offset >= end for number, end in ends.items()
    )


async def new_group(ground: Ground) -> str:
    """A consumer group that stands at the beginning of `events`."""
    group = f"route.bench.{random.randrange(10**9)}"  # noqa: S311 - only a name
    await ground.kafka.commit(group, "events", dict.fromkeys(range(TOPICS["events"]), 0))
    return group


@asynccontextmanager
async def dispatching(
    ground: Ground,
    sink: Sink,
    terms: Terms,
    kinds: tuple[str, ...] = ("dossier.*",),
    group: str = "",
) -> AsyncIterator[tuple[Dispatcher, asyncio.Task[None]]]:
    """A route that works from the beginning of `events`, or where its group stands."""
    connector, settings = system()
    route = Route(name="bench", to="bench", kinds=kinds, terms=terms)
    group = group or await new_group(ground)
    outbox = Outbox(ground.producer, observer(LOG, Metrics()))
    outbound = Outbound(
        route,
        connector,
        settings,
        sink,
        effects=Effects(ground.held, sink),
        outbox=outbox,
        put_aliases=_no_aliases,
        config="bench",
    )
    reader = await ground.kafka.reader("events", group)
    dispatcher = Dispatcher(
        outbound,
        reader,
        ground.held,
        outbox,
        committed=partial(ground.kafka.committed, group, "events"),
        partitions_count=TOPICS["events"],
    )
    async with leased(ground, dispatcher) as stop:
        running = asyncio.create_task(dispatcher.run(stop))
        yield dispatcher, running
        stop.set()
        await running
    await reader.close()
    await sink.close()


async def _no_aliases(_aliases: object) -> None:
    return None


@asynccontextmanager
async def leased(ground: Ground, holder: Intake | Dispatcher) -> AsyncIterator[asyncio.Event]:
    """The holder owns all partitions; the event stops its loop."""
    leases = Leases(ground.held, f"bench-{os.getpid()}")
    leases.add(holder)
    halt, stop = asyncio.Event(), asyncio.Event()
    keeping = asyncio.create_task(leases.run(halt))
    try:
        yield stop
    finally:
        halt.set()
        await keeping


def failing_subjects(
    count: int, share: float, messages_count: int = SUBJECT_SHARE
) -> frozenset[str]:
    """A share of the load's subjects (of so many messages each), always the same ones."""
    subjects = [code_of(number) for number in range(count // messages_count)]
    chosen = random.Random(1).sample(subjects, round(len(subjects) * share))  # noqa: S311 - a choice, not a secret
    return frozenset(chosen)
