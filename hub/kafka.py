"""Kafka: the hub's own loops fetch, produce and commit in batches through the classes below.

The only module that imports aiokafka (`hub.lifecycle` is the only one that imports FastStream).
Foreign errors leave this module as `Unavailable` (code `kafka_away`), `OwnershipLost` (fenced) or
`ConfigError`.

Partitions are assigned by the hub's own leases (`hub.ownership`), not by Kafka's group protocol:
see docs/decisions/0005-leases-instead-of-rebalances.md. Consumer groups only hold offsets.
"""

from __future__ import annotations

import asyncio
import ssl
from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from functools import lru_cache
from typing import Any

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.errors import (
    KafkaError,
    OffsetOutOfRangeError,
    ProducerFenced,
    TopicAlreadyExistsError,
)
from aiokafka.partitioner import murmur2

from hub.errors import ConfigError, OwnershipLost, Unavailable
from hub.message import Position

Record = Any
"""An aiokafka ConsumerRecord: offset, key, value (bytes), headers (tuple of pairs), timestamp."""

Outgoing = tuple[bytes, bytes | None, Sequence[tuple[str, bytes]]]
"""Key, value, headers of a record to produce."""

MAX_BATCH_BYTES = 900_000
FETCH_BYTES = 8_000_000
REQUEST_BYTES = 4_000_000
COMMIT_SECONDS = 10
METADATA_BYTES = 4096
"""What the broker allows as metadata of one committed offset (`offset.metadata.max.bytes`)."""


@lru_cache(maxsize=65_536)
def partition_of(key: bytes, partitions: int) -> int:
    """The partition that Kafka's default partitioner (murmur2) gives to a key."""
    return int((murmur2(key) & 0x7FFFFFFF) % partitions)


def safe_headers(headers: Iterable[tuple[str, bytes | None]]) -> dict[str, str]:
    """Record headers as text; what is not UTF-8 or null becomes readable instead of fatal."""
    return {
        name: value.decode("utf-8", "replace") if value is not None else ""
        for name, value in headers
    }


def header(record: Record, name: str) -> str:
    """One header of a record without decoding the others, `` if it is missing."""
    for header_name, value in record.headers:
        if header_name == name:
            return value.decode("utf-8", "replace") if value is not None else ""
    return ""


@asynccontextmanager
async def translated(what: str) -> AsyncIterator[None]:
    """Turn aiokafka's errors into ours, cause kept."""
    try:
        yield
    except ProducerFenced as error:
        raise OwnershipLost(f"{what}: another worker has taken over", code="fenced") from error
    except (KafkaError, OSError, TimeoutError) as error:
        raise Unavailable(f"{what}: {type(error).__name__}", code="kafka_away") from error


class Reader:
    """Consumes the partitions that the hub itself assigns; committed records only.

    Args:
        consumer: without a group: aiokafka's coordinator cannot bear an assignment that changes.
        committer: of the group, holding all partitions paused; none: nothing is committed.
    """

    def __init__(
        self, consumer: AIOKafkaConsumer, topic: str, committer: AIOKafkaConsumer | None
    ) -> None:
        self._consumer = consumer
        self._committer = committer
        self.topic = topic
        self._positions: dict[int, int] = {}

    async def assign(self, positions: Mapping[int, int]) -> None:
        """Read exactly these partitions from these offsets on; paused ones must be paused again."""
        self._positions = dict(positions)
        tps = {p: TopicPartition(self.topic, p) for p in positions}
        self._consumer.assign(list(tps.values()))
        for partition, offset in positions.items():
            self._consumer.seek(tps[partition], offset)

    async def fetch(self, max_records: int, timeout_ms: int) -> dict[int, list[Record]]:
        """Records by partition, oldest first; empty after the time-out.

        Raises:
            Unavailable: Kafka is away; code `offset_missing` when a position no longer exists.
        """
        if not self._positions:
            await asyncio.sleep(timeout_ms / 1000)
            return {}
        try:
            found = await self._consumer.getmany(timeout_ms=timeout_ms, max_records=max_records)
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
        """Offset behind the last record that Kafka reported, none before the first fetch."""
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
        """Fetch no more of this partition; what was prefetched is dropped and fetched again."""
        self._consumer.pause(TopicPartition(self.topic, partition))

    def resume(self, partition: int) -> None:
        """Fetch again."""
        self._consumer.resume(TopicPartition(self.topic, partition))

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


class Producer:
    """Produces batches with acks=all; with a transactional id, in transactions."""

    def __init__(self, producer: AIOKafkaProducer, counts: Mapping[str, int], prefix: str) -> None:
        self._producer = producer
        self._counts = counts
        self._prefix = prefix

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
        async with translated(f"produce to {topic}"):
            results = await asyncio.gather(
                *(
                    self._send_partition(self._prefix + topic, partition, records)
                    for partition, records in by_partition.items()
                ),
                return_exceptions=True,
            )
            for result in results:
                if isinstance(result, BaseException):
                    raise result

    async def _send_partition(
        self, topic: str, partition: int, records: Sequence[Outgoing]
    ) -> None:
        waiting = []
        batch = self._producer.create_batch()
        for key, value, headers in records:
            pairs = headers if isinstance(headers, list) else list(headers)
            if batch.append(timestamp=None, key=key, value=value, headers=pairs) is None:
                waiting.append(await self._close_and_send(batch, topic, partition))
                batch = self._producer.create_batch()
                if batch.append(timestamp=None, key=key, value=value, headers=pairs) is None:
                    raise Unavailable("record is larger than a batch", code="record_too_large")
        waiting.append(await self._close_and_send(batch, topic, partition))
        for future in waiting:
            await future

    async def _close_and_send(self, batch: Any, topic: str, partition: int) -> Awaitable[object]:
        batch.close()
        future: Awaitable[object] = await self._producer.send_batch(
            batch, topic, partition=partition
        )
        return future

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


class Kafka:
    """One process's connection to Kafka.

    Args:
        settings: `hub.settings.KafkaSettings`.
    """

    def __init__(self, settings: Any) -> None:
        self.settings = settings
        self.prefix: str = settings.prefix
        self.counts: dict[str, int] = {}
        self._connection = connection(settings)
        self._admin: AIOKafkaAdminClient | None = None

    async def __aenter__(self) -> Kafka:
        async with translated("connect"):
            self._admin = AIOKafkaAdminClient(**self._connection)
            try:
                await self._admin.start()
            except BaseException:
                await self._admin.close()
                raise
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._admin is not None:
            await self._admin.close()

    def _client(self) -> AIOKafkaAdminClient:
        if self._admin is None:
            raise ConfigError("Kafka is used before it is connected")
        return self._admin

    async def create_topics(
        self, counts: Mapping[str, int], config: Mapping[str, Mapping[str, str]] | None = None
    ) -> None:
        """Create the missing topics; `config` holds topic settings by name.

        Raises:
            ConfigError: a topic stands there with another number of partitions.
        """
        names = {self.prefix + name: name for name in counts}
        new = [
            NewTopic(
                name=full,
                num_partitions=counts[name],
                replication_factor=self.settings.replication_factor,
                topic_configs=dict((config or {}).get(name, {})),
            )
            for full, name in names.items()
        ]
        async with translated("create topics"):
            present = set(await self._client().list_topics())
            try:
                missing = [topic for topic in new if topic.name not in present]
                if missing:
                    await self._client().create_topics(missing)
            except TopicAlreadyExistsError:
                pass  # another process of the hub was faster
            described = await self._client().describe_topics(list(names))
        found = {names[d["topic"]]: len(d["partitions"]) for d in described}
        for name, count in counts.items():
            if found.get(name, 0) not in (0, count):
                raise ConfigError(
                    f"topic {self.prefix}{name} has {found[name]} partitions, hub.yaml says {count}"
                    ": partition counts are fixed, growth is a new topic generation"
                )
        self.counts.update(counts)

    async def delete_topics(self, names: Iterable[str]) -> None:
        """Delete topics and all that is in them (measurements and demos of their own)."""
        async with translated("delete topics"):
            await self._client().delete_topics([self.prefix + name for name in names])

    async def committed(self, group: str, topic: str) -> dict[int, tuple[int, str]]:
        """Committed (offset, metadata) by partition; partitions without one are left out."""
        async with translated("committed offsets"):
            found = await self._client().list_consumer_group_offsets(self.prefix + group)
        return {
            tp.partition: (value.offset, value.metadata)
            for tp, value in found.items()
            if tp.topic == self.prefix + topic and value.offset >= 0
        }

    async def commit(self, group: str, topic: str, offsets: Mapping[int, int]) -> None:
        """Set a group's offsets without working for it (a route's first ones)."""
        reader = await self.reader(topic, group)
        try:
            await reader.assign(offsets)
            await reader.commit({p: (offset, "") for p, offset in offsets.items()})
        finally:
            await reader.close()

    async def reader(self, topic: str, group: str | None = None) -> Reader:
        """A consumer without partitions yet."""
        consumer = self._consumer(None)
        async with translated("connect consumer"):
            await consumer.start()
            if group is None:
                return Reader(consumer, self.prefix + topic, None)
            committer = self._consumer(self.prefix + group)
            await committer.start()
            partitions = [TopicPartition(self.prefix + topic, p) for p in range(self.counts[topic])]
            committer.assign(partitions)
            for partition in partitions:
                committer.seek(partition, 0)
            committer.pause(*partitions)
        return Reader(consumer, self.prefix + topic, committer)

    def _consumer(self, group: str | None) -> AIOKafkaConsumer:
        return AIOKafkaConsumer(
            **self._connection,
            group_id=group,
            enable_auto_commit=False,
            auto_offset_reset="none",
            isolation_level="read_committed",
            max_partition_fetch_bytes=FETCH_BYTES // 4,
            fetch_max_bytes=FETCH_BYTES,
            max_poll_records=4000,
        )

    async def producer(self, transactional_id: str | None = None) -> Producer:
        """An idempotent producer; with an id, it fences its predecessor of the same id."""
        producer = AIOKafkaProducer(
            **self._connection,
            acks="all",
            enable_idempotence=True,
            max_batch_size=MAX_BATCH_BYTES,
            max_request_size=REQUEST_BYTES,
            transactional_id=self.prefix + transactional_id if transactional_id else None,
            transaction_timeout_ms=30_000,
        )
        async with translated("connect producer"):
            try:
                await producer.start()
            except BaseException:
                await producer.stop()
                raise
        return Producer(producer, self.counts, self.prefix)

    async def fetch_one(self, position: Position) -> Record | None:
        """The record at a position (its topic without prefix), none if it is gone."""
        reader = await self.reader(position.topic)
        try:
            await reader.assign({position.partition: position.offset})
            for _ in range(10):
                records = (await reader.fetch(1, 1000)).get(position.partition, [])
                if records:
                    return records[0] if records[0].offset == position.offset else None
        except Unavailable as error:
            if error.code != "offset_missing":
                raise
        finally:
            await reader.close()
        return None


def connection(settings: Any) -> dict[str, Any]:
    """aiokafka's connection arguments of `hub.settings.KafkaSettings`."""
    arguments: dict[str, Any] = {
        "bootstrap_servers": settings.bootstrap_servers,
        "client_id": "hub",
        "request_timeout_ms": 20_000,
    }
    security = settings.security
    protocol = security.protocol
    if protocol != "plaintext":
        arguments["security_protocol"] = protocol.upper()
        context = ssl.create_default_context(cafile=security.ca_file)
        if security.certificate_file:
            context.load_cert_chain(security.certificate_file, security.key_file)
        arguments["ssl_context"] = context
    if protocol == "sasl_ssl":
        arguments["sasl_mechanism"] = security.sasl_mechanism
        arguments["sasl_plain_username"] = security.sasl_username
        arguments["sasl_plain_password"] = security.sasl_password.get_secret_value()
    return arguments
