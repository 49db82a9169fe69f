"""Workers: what happens between several workers of one route, each a process of its own."""

from __future__ import annotations

import asyncio
import signal
import sys
import time
import urllib.request
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

from hub.bench.ground import Ground
from hub.bench.load import TOPICS
from hub.bench.runs import (
    DEADLINE_SECONDS,
    dispatching,
    fill_events,
    new_group,
    until,
)
from hub.bench.system import Sink, destination
from hub.connector import Request
from hub.route import Terms

CALLS = 64
SLOW_MS = 200.0
PARTITIONS = TOPICS["events"]


@asynccontextmanager
async def neighbour(
    ground: Ground, group: str, url: str, calls_count: int
) -> AsyncIterator[Process]:
    """A worker's process; killed at the end, if it is still there."""
    arguments = ("hub.bench.neighbour", ground.kafka.prefix, group, url, str(calls_count))
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", *arguments, env=ground.environment, stdout=PIPE
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


async def owns(process: Process, count: int) -> None:
    """Return when the worker says that it owns so many partitions."""
    assert process.stdout is not None  # noqa: S101 - it was asked for
    async with asyncio.timeout(DEADLINE_SECONDS):
        while await process.stdout.readline() != f"{count}\n".encode():
            pass


async def takeover(ground: Ground, count: int) -> dict[str, float]:
    """Seconds from the `kill -9` of a neighbour until the first record of its partition is handled.

    The lease is the default, 10 s; what stood in the neighbour's window is delivered again.
    """
    handled: dict[int, float] = {}

    def note(request: Request) -> None:
        if request.event.position is not None:
            handled.setdefault(request.event.position.partition, time.monotonic())

    group = await new_group(ground)
    with destination(1.0) as url:
        async with (
            neighbour(ground, group, url, CALLS) as other,
            dispatching(ground, Sink(taken=note), Terms(), group=group) as (dispatcher, running),
        ):
            await owns(other, PARTITIONS // 2)
            await until(lambda: len(dispatcher.partitions) == PARTITIONS // 2, running)
            own = set(dispatcher.partitions)
            other.send_signal(signal.SIGKILL)
            killed = time.monotonic()
            await fill_events(ground, count)
            await until(lambda: bool(set(handled) - own), running)
    return {"seconds": min(at for number, at in handled.items() if number not in own) - killed}


async def scaling(ground: Ground, count: int) -> dict[str, float]:
    """Deliveries a second to a destination that answers in 200 ms, by one worker and by two.

    Each worker makes up to 64 calls at once: what a route may have at once is divided by the
    partitions that its workers own, so the term is doubled with the workers. Measured between the
    first tenth and eight tenths, while all have work: of two partitions one has more keys.
    """
    rates = [await _rate(ground, count, workers_count) for workers_count in (1, 2)]
    return {
        "one_per_second": rates[0],
        "two_per_second": rates[1],
        "two_to_one": rates[1] / rates[0],
    }


async def _rate(ground: Ground, count: int, workers_count: int) -> float:
    before = await _at_ends(ground)
    with destination(SLOW_MS) as url:
        async with AsyncExitStack() as stack:
            workers = [
                await stack.enter_async_context(
                    neighbour(ground, before, url, CALLS * workers_count)
                )
                for _ in range(workers_count)
            ]
            for worker in workers:
                await owns(worker, PARTITIONS // workers_count)
            begun = time.monotonic()
            await fill_events(ground, count)
            first = await _when_taken(url, count // 10, begun)
            last = await _when_taken(url, count * 8 // 10, begun)
            return (last[1] - first[1]) / (last[0] - first[0])


async def _when_taken(url: str, count: int, begun: float) -> tuple[float, int]:
    """When the destination had taken so many, and how many it had then."""
    while (taken := await asyncio.to_thread(_taken, url)) < count:
        if time.monotonic() - begun > DEADLINE_SECONDS:
            raise TimeoutError("the measurement did not end")
        await asyncio.sleep(0.05)
    return time.monotonic(), taken


async def _at_ends(ground: Ground) -> str:
    """A new group that stands behind all events so far."""
    group = await new_group(ground)
    reader = await ground.kafka.reader("events")
    ends = await reader.ends(range(PARTITIONS))
    await reader.close()
    await ground.kafka.commit(group, "events", ends)
    return group


def _taken(url: str) -> int:
    with urllib.request.urlopen(url, timeout=10) as answer:  # noqa: S310 - our own address
        return int(answer.read())
