"""Producer: batches with acks=all, in transactions where asked."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any

from aiokafka import AIOKafkaProducer, TopicPartition
from aiokafka.errors import KafkaError
from aiokafka.producer import sender

from hub.errors import ConfigError, Unavailable, raise_first
from hub.kafka.records import MAX_BATCH_BYTES, Outgoing, partition_of, translated
from hub.message import Position

BETWEEN_TRANSACTIONS_SECONDS = 0.002
"""Wait until a transaction's end is written everywhere, before the next of the same producer.

aiokafka's own 20 ms would be most of the time from receipt to delivery.
"""
sender.BACKOFF_OVERRIDE = BETWEEN_TRANSACTIONS_SECONDS

LARGE_BYTES = MAX_BATCH_BYTES // 2
"""Below this a value is not measured: its key and headers do not fill the other half."""

Line = tuple[Sequence[Outgoing], asyncio.Future[None]]
"""Records that stand in line for a partition, and who waits for them."""


class Producer:
    """Produces batches with acks=all; with a transactional id, in transactions.

    An idempotent producer that has given up a batch never sends again: the numbers of its later
    batches follow on one that the broker has not seen. So it is made anew after any failure; one
    with a transactional id is not, because its partition is taken anew by its owner.

    Args:
        producer: of aiokafka, started.
        counts: partitions of each topic, without prefix.
        prefix: of every topic.
        make: makes another one, started; none: this one is never replaced.
    """

    def __init__(
        self,
        producer: AIOKafkaProducer,
        counts: Mapping[str, int],
        prefix: str,
        make: Callable[[], Awaitable[AIOKafkaProducer]] | None = None,
    ) -> None:
        self._producer = producer
        self._make = make
        self._broken = False
        self._renewing = asyncio.Lock()
        self._counts = counts
        self._prefix = prefix
        self._lines: dict[TopicPartition, list[Line]] = {}
        self._drains: dict[TopicPartition, asyncio.Task[None]] = {}

    def _partitions(self, topic: str) -> int:
        try:
            return self._counts[topic]
        except KeyError:
            raise ConfigError(f"topic {topic} was not created by the hub") from None

    async def send_all(self, topic: str, records: Sequence[Outgoing]) -> None:
        """Return when Kafka has all records (acks=all); order per key is kept.

        Raises:
            Unavailable: Kafka did not take (all of) them.
        """
        count = self._partitions(topic)
        by_partition: dict[int, list[Outgoing]] = defaultdict(list)
        for record in records:
            by_partition[partition_of(record[0], count)].append(record)
        await self.send_partitions(topic, by_partition)

    async def send_partitions(
        self, topic: str, by_partition: Mapping[int, Sequence[Outgoing]]
    ) -> None:
        """Like `send_all` for records whose partition is known."""
        await self.send_topics({topic: by_partition})

    async def send_topics(self, lots: Mapping[str, Mapping[int, Sequence[Outgoing]]]) -> None:
        """Like `send_partitions` for several topics side by side."""
        async with translated(f"produce to {', '.join(lots)}"):
            results = await asyncio.gather(
                *(
                    self._send_partition(self._prefix + topic, partition, records)
                    for topic, by_partition in lots.items()
                    for partition, records in by_partition.items()
                ),
                return_exceptions=True,
            )
            raise_first(results)

    async def _send_partition(
        self, topic: str, partition: int, records: Sequence[Outgoing]
    ) -> None:
        """Stand in the partition's line: what comes while a batch is on its way goes together.

        aiokafka takes one batch of a partition at a time, and its wait for the place is unfair:
        of fifty senders some run into its time-out.
        """
        for record in records:
            if len(record[1] or b"") > LARGE_BYTES and _size(record) > MAX_BATCH_BYTES:
                raise Unavailable("record is larger than a batch", code="record_too_large")
        where = TopicPartition(topic, partition)
        sent: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        if where in self._lines:
            self._lines[where].append((records, sent))
        else:
            self._lines[where] = [(records, sent)]
            self._drains[where] = asyncio.create_task(self._drain(where))
        await sent

    async def _drain(self, where: TopicPartition) -> None:
        """Send what stands in line until nobody is left."""
        while line := self._lines[where]:
            self._lines[where] = []
            records = [record for part, _ in line for record in part]
            [error] = await asyncio.gather(self._send(where, records), return_exceptions=True)
            for _, sent in line:
                if sent.done():
                    continue  # its sender has gone
                if error is None:
                    sent.set_result(None)
                else:
                    sent.set_exception(error)
        del self._lines[where], self._drains[where]

    async def _send(self, where: TopicPartition, records: Sequence[Outgoing]) -> None:
        producer = await self._sound()
        try:
            await self._send_by(producer, where, records)
        except KafkaError:
            self._broken = self._broken or producer is self._producer
            raise

    async def _sound(self) -> AIOKafkaProducer:
        """A producer that has not failed yet.

        Stopping the old one waits until every batch of its is acknowledged or given up: nothing of
        it can arrive behind what the new one sends.
        """
        async with self._renewing:
            if self._broken and self._make is not None:
                await self._producer.stop()
                self._producer = await self._make()
            self._broken = False
            return self._producer

    async def _send_by(
        self, producer: AIOKafkaProducer, where: TopicPartition, records: Sequence[Outgoing]
    ) -> None:
        waiting = []
        batch = producer.create_batch()
        for key, value, headers in records:
            pairs = headers if isinstance(headers, list) else list(headers)
            if batch.append(timestamp=None, key=key, value=value, headers=pairs) is None:
                waiting.append(await _close_and_send(producer, batch, where))
                batch = producer.create_batch()
                if batch.append(timestamp=None, key=key, value=value, headers=pairs) is None:
                    raise Unavailable("record is larger than a batch", code="record_too_large")
        waiting.append(await _close_and_send(producer, batch, where))
        raise_first(await asyncio.gather(*waiting, return_exceptions=True))

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[None]:
        """Everything sent inside is committed at its end, or not at all.

        Raises:
            OwnershipLost: another producer with the same id has started.
            Unavailable: Kafka is away; the transaction is aborted.
        """
        async with translated("transaction"), self._producer.transaction():
            yield

    async def add_offset(self, position: Position, group: str) -> None:
        """Make `group`'s offset behind `position` part of the transaction."""
        tp = TopicPartition(position.topic, position.partition)
        async with translated("transaction offsets"):
            await self._producer.send_offsets_to_transaction({tp: position.offset + 1}, group)

    async def close(self) -> None:
        """Flush and leave Kafka."""
        await self._producer.stop()


def _size(record: Outgoing) -> int:
    """Bytes of a record in a batch, at most; its fixed part is below a hundred."""
    key, value, headers = record
    return 100 + len(key) + len(value or b"") + sum(len(n) + len(v) + 10 for n, v in headers)


async def _close_and_send(
    producer: AIOKafkaProducer, batch: Any, where: TopicPartition
) -> Awaitable[object]:
    batch.close()
    future: Awaitable[object] = await producer.send_batch(
        batch, where.topic, partition=where.partition
    )
    return future
