"""Reader: consumes partitions that the hub itself assigns, and commits offsets for a group."""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Awaitable, Callable, Iterable, Mapping
from contextlib import suppress

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError, OffsetOutOfRangeError

from hub.errors import ConfigError, Unavailable
from hub.kafka.records import Record, translated

FETCH_COUNT = 250
"""Records to take at once: more of them leave the processor's cache before their turn comes."""
COMMIT_SECONDS = 10
KEEP_SECONDS = 5.0
"""What was prefetched of a partition that is paused for longer is dropped."""
RESUME_MS = 20
"""Longest wait for records while a partition is paused: what it has kept is given soon."""


class Reader:
    """Consumes the partitions that the hub itself assigns; committed records only.

    Args:
        consumer: without a group: aiokafka's coordinator cannot bear an assignment that changes.
        topic: full name.
        committer: of the group, holding all partitions paused; none: nothing is committed.
        make: makes another consumer, started.
    """

    def __init__(
        self,
        consumer: AIOKafkaConsumer,
        topic: str,
        committer: AIOKafkaConsumer | None,
        make: Callable[[], Awaitable[AIOKafkaConsumer]],
    ) -> None:
        self._consumer = consumer
        self._make = make
        self._committer = committer
        self.topic = topic
        self._positions: dict[int, int] = {}
        self._paused: dict[int, float] = {}
        self._assigned = asyncio.Event()

    async def assign(self, positions: Mapping[int, int]) -> None:
        """Read exactly these partitions from these offsets on; paused ones must be paused again."""
        self._assign(positions)

    def _assign(self, positions: Mapping[int, int]) -> None:
        self._positions = dict(positions)
        self._paused.clear()
        self._assigned.set()
        tps = {p: TopicPartition(self.topic, p) for p in positions}
        self._consumer.assign(list(tps.values()))
        for partition, offset in positions.items():
            self._consumer.seek(tps[partition], offset)

    async def renew(self, positions: Mapping[int, int]) -> None:
        """Go on with a new consumer from these offsets; paused partitions must be paused again.

        Raises:
            Unavailable: Kafka is away; the old one stays.
        """
        async with translated("connect consumer"):
            consumer = await self._make()
        old, self._consumer = self._consumer, consumer
        self._assign(positions)
        await old.stop()

    async def fetch(self, max_records: int, timeout_ms: int) -> dict[int, list[Record]]:
        """Records by partition, oldest first; empty after the time-out.

        Raises:
            Unavailable: Kafka is away; code `offset_missing` when a position no longer exists.
        """
        for partition, since in list(self._paused.items()):
            if since + KEEP_SECONDS <= time.monotonic():
                await self._drop_prefetched(partition)
        wanted = [TopicPartition(self.topic, p) for p in self._positions if p not in self._paused]
        if self._paused:
            timeout_ms = min(timeout_ms, RESUME_MS)
        if not wanted:
            self._assigned.clear()
            with suppress(TimeoutError):
                async with asyncio.timeout(timeout_ms / 1000):
                    await self._assigned.wait()
            return {}
        try:
            found = await self._consumer.getmany(
                *wanted, timeout_ms=timeout_ms, max_records=max_records
            )
        except OffsetOutOfRangeError as error:
            raise Unavailable(
                f"{self.topic}: the next record is no longer in Kafka", code="offset_missing"
            ) from error
        except (KafkaError, OSError) as error:
            raise Unavailable(f"fetch: {type(error).__name__}", code="kafka_away") from error
        return {tp.partition: records for tp, records in found.items() if records}

    async def position(self, partition: int) -> int:
        """Offset of the next record that `fetch` will give for this partition."""
        return int(await self._consumer.position(TopicPartition(self.topic, partition)))

    def end(self, partition: int) -> int | None:
        """Offset behind the last record that Kafka reported.

        None before the first fetch, and for a partition that is not assigned (any more).
        """
        if partition not in self._positions:
            return None
        found: int | None = self._consumer.highwater(TopicPartition(self.topic, partition))
        return found

    async def ends(self, partitions: Iterable[int]) -> dict[int, int]:
        """Offset behind the last record of each partition, asked now."""
        async with translated("end offsets"):
            found = await self._consumer.end_offsets(
                [TopicPartition(self.topic, p) for p in partitions]
            )
        return {tp.partition: offset for tp, offset in found.items()}

    async def begins(self, partitions: Iterable[int]) -> dict[int, int]:
        """Offset of the first record still kept of each partition."""
        async with translated("beginning offsets"):
            found = await self._consumer.beginning_offsets(
                [TopicPartition(self.topic, p) for p in partitions]
            )
        return {tp.partition: offset for tp, offset in found.items()}

    def pause(self, partition: int) -> None:
        """Give no more of this partition.

        What was prefetched is kept for a while, since aiokafka's own pausing drops it: a window
        that fills and empties would fetch everything two or three times. Pausing or resuming a
        partition that is not assigned (any more) does nothing.
        """
        if partition in self._positions:
            self._paused.setdefault(partition, time.monotonic())

    def resume(self, partition: int) -> None:
        """Give more of this partition again."""
        if self._paused.pop(partition, None) is not None:
            self._consumer.resume(TopicPartition(self.topic, partition))

    async def _drop_prefetched(self, partition: int) -> None:
        """Free what was prefetched of a partition that has been paused for long."""
        self._paused[partition] = math.inf
        where = TopicPartition(self.topic, partition)
        self._consumer.pause(where)
        with suppress(KafkaError):  # it comes again when the partition is wanted
            await self._consumer.getmany(where)

    async def commit(self, offsets: Mapping[int, tuple[int, str]]) -> None:
        """Commit (offset, metadata) by partition to the group.

        Raises:
            Unavailable: not committed.
        """
        if self._committer is None:
            raise ConfigError(f"{self.topic} is read without a group")
        async with translated("commit"), asyncio.timeout(COMMIT_SECONDS):
            await self._committer.commit(
                {TopicPartition(self.topic, p): value for p, value in offsets.items()}
            )

    async def close(self) -> None:
        """Leave Kafka."""
        await self._consumer.stop()
        if self._committer is not None:
            await self._committer.stop()


class Feed:
    """Consumes all partitions of several topics from given offsets, for the recorder.

    Args:
        consumer: without a group.
        counts: partitions by full topic name.
    """

    def __init__(self, consumer: AIOKafkaConsumer, counts: Mapping[str, int]) -> None:
        self._consumer = consumer
        tps = [TopicPartition(topic, p) for topic, count in counts.items() for p in range(count)]
        consumer.assign(tps)
        for tp in tps:
            consumer.seek(tp, 0)

    def seek(self, topic: str, partition: int, offset: int) -> None:
        """Go on at this offset; without a call a partition is read from offset 0."""
        self._consumer.seek(TopicPartition(topic, partition), offset)

    def end(self, topic: str, partition: int) -> int | None:
        """Offset behind the last record that Kafka reported, none before the first fetch."""
        found: int | None = self._consumer.highwater(TopicPartition(topic, partition))
        return found

    async def getmany(self) -> Mapping[tuple[str, int], list[Record]]:
        """Records by (topic, partition), oldest first; none after at most 100 ms.

        A partition whose next record is no longer in Kafka goes on with the first that is.

        Raises:
            Unavailable: Kafka is away.
        """
        try:
            found = await self._consumer.getmany(timeout_ms=100, max_records=2000)
        except OffsetOutOfRangeError as error:
            gone = list(error.args[0])
            async with translated("beginning offsets"):
                begins = await self._consumer.beginning_offsets(gone)
            for tp, offset in begins.items():
                self._consumer.seek(tp, offset)
            return {}
        except (KafkaError, OSError) as error:
            raise Unavailable(f"fetch: {type(error).__name__}", code="kafka_away") from error
        return {(tp.topic, tp.partition): records for tp, records in found.items() if records}

    async def close(self) -> None:
        """Leave Kafka."""
        await self._consumer.stop()
