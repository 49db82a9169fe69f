"""A burst of 10,000 messages at once: nothing that was acknowledged is lost, memory stays flat."""

from __future__ import annotations

import asyncio
import gc
import os
from collections import Counter
from collections.abc import Sequence

import aiohttp

from hub.gateway.server import ServerLimits
from hub.outbox import Outgoing
from hub.settings import GatewaySettings
from tests.test_gateway import Around, Kafka, Running
from tests.test_gateway import around as around

MESSAGES_COUNT = 10_000
PADDING = b"\n" + b"x" * 900


class SlowKafka(Kafka):
    """Takes what stands in line every 20 ms, and remembers only whose it was."""

    def __init__(self) -> None:
        super().__init__()
        self.keys: Counter[bytes] = Counter()

    async def send_all(self, topic: str, records: Sequence[Outgoing]) -> None:
        await asyncio.sleep(0.02)
        self.keys.update(key for key, _, _ in records)


def resident_mb() -> float:
    gc.collect()
    with open("/proc/self/statm", encoding="ascii") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1e6


class Burst:
    """Sends all messages over many connections at once; the refused ones again."""

    def __init__(self, hub: Running, connections_count: int) -> None:
        self.hub = hub
        self.connections_count = connections_count
        self.statuses: Counter[int] = Counter()
        self.unexplained = 0
        self.acknowledged: set[bytes] = set()

    async def send(self, keys: Sequence[bytes]) -> None:
        """Until each is acknowledged."""
        queue = list(reversed(keys))
        connector = aiohttp.TCPConnector(limit=0)
        async with aiohttp.ClientSession(connector=connector) as http:

            async def sender() -> None:
                while queue:
                    key = queue.pop()
                    if not await self._one(http, key):
                        queue.insert(0, key)
                        await asyncio.sleep(0.05)

            await asyncio.gather(*(sender() for _ in range(self.connections_count)))

    async def _one(self, http: aiohttp.ClientSession, key: bytes) -> bool:
        url = f"http://127.0.0.1:{self.hub.port}/in"
        async with http.post(url, data=key + PADDING) as answer:
            self.statuses[answer.status] += 1
            if answer.status == 200:
                self.acknowledged.add(key)
                return True
            assert answer.status in (429, 503)
            self.unexplained += "retry-after" not in answer.headers
            return False


async def test_a_burst_within_the_limit_is_taken_whole(around: Around) -> None:
    keys = [f"D{number}".encode() for number in range(MESSAGES_COUNT)]
    limits = ServerLimits(connections_count=GatewaySettings().connections_count)
    async with around(kafka=SlowKafka(), limits=limits) as hub:
        burst = Burst(hub, 300)
        await burst.send(keys[:2000])
        hub.outcomes.clear()
        before = resident_mb()
        await burst.send(keys[2000:])
        hub.outcomes.clear()
        assert resident_mb() - before < 10
        assert burst.statuses == {200: MESSAGES_COUNT}
        assert isinstance(hub.kafka, SlowKafka)
        assert hub.kafka.keys == Counter(keys)


async def test_a_burst_beyond_the_limit_is_told_to_come_back_and_nothing_is_lost(
    around: Around,
) -> None:
    keys = [f"D{number}".encode() for number in range(2000)]
    async with around(kafka=SlowKafka(), limits=ServerLimits(connections_count=40)) as hub:
        burst = Burst(hub, 120)
        await burst.send(keys)
        assert set(burst.statuses) == {200, 503}
        assert burst.unexplained == 0
        assert burst.statuses[200] == len(keys)
        assert isinstance(hub.kafka, SlowKafka)
        assert burst.acknowledged == set(keys)
        assert hub.kafka.keys == Counter(keys)
