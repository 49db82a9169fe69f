"""Kafka: one process's connection; topics, offsets, and the makers of readers and producers."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.errors import NoError, TopicAlreadyExistsError, for_code
from aiokafka.protocol.commit import OffsetFetchRequest

from hub.errors import ConfigError, Unavailable
from hub.kafka.producer import Producer
from hub.kafka.reader import Feed, Reader
from hub.kafka.records import MAX_BATCH_BYTES, Record, translated
from hub.message import Position

FETCH_BYTES = 4_000_000
REQUEST_BYTES = 4_000_000
RECONNECT_MS = 400
"""Wait between attempts to reach Kafka; aiokafka's 100 ms keep a core busy."""

SHOWN_TRIES, SHOWN_SECONDS = 100, 0.1
"""A broker may show a topic later than the controller has created it; so long it is asked."""


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
            ConfigError: Kafka refuses to create one, or it stands there with another number of
                partitions.
            Unavailable: Kafka does not answer, or does not show what it has created.
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
            missing = [topic for topic in new if topic.name not in present]
            if missing:
                answer = await self._client().create_topics(missing)
                for name, code, *told in answer.topic_errors:
                    _must_stand(name, code, told[0] if told else None)
            found = await self._partitions_of(list(names))
        for full, name in names.items():
            if found[full] != counts[name]:
                raise ConfigError(
                    f"topic {full} has {found[full]} partitions, hub.yaml says {counts[name]}"
                    ": partition counts are fixed, growth is a new topic generation"
                )
        self.counts.update(counts)

    async def _partitions_of(self, names: list[str]) -> dict[str, int]:
        """Count of partitions of each topic; what was just created is waited for."""
        for _ in range(SHOWN_TRIES):
            described = await self._client().describe_topics(names)
            found = {each["topic"]: len(each["partitions"]) for each in described}
            hidden = [name for name in names if not found.get(name)]
            if not hidden:
                return found
            await asyncio.sleep(SHOWN_SECONDS)
        raise Unavailable(f"Kafka does not show topic {hidden[0]}", code="kafka_away")

    async def ping(self) -> None:
        """Return if a broker answers.

        Raises:
            Unavailable: none does.
        """
        async with translated("ask a broker"):
            await self._client().describe_topics([])

    async def delete_topics(self, names: Iterable[str]) -> None:
        """Delete topics and all that is in them (measurements and demos of their own)."""
        async with translated("delete topics"):
            await self._client().delete_topics([self.prefix + name for name in names])

    async def delete_everything(self) -> None:
        """Delete every topic that begins with the prefix; there must be one (demos, stands).

        Raises:
            ConfigError: there is no prefix.
        """
        if not self.prefix:
            raise ConfigError("only topics with a prefix can be deleted all at once")
        async with translated("delete topics"):
            found = [n for n in await self._client().list_topics() if n.startswith(self.prefix)]
            if found:
                await self._client().delete_topics(found)

    async def committed(self, group: str, topic: str) -> dict[int, tuple[int, str]]:
        """Committed (offset, metadata) by partition; partitions without one are left out."""
        async with translated("committed offsets"):
            client = self._client()
            coordinator = await client.find_coordinator(self.prefix + group)
            # list_consumer_group_offsets overlooks the error of the whole answer: a coordinator
            # that is still loading would look like a group that has never committed.
            asked = OffsetFetchRequest(self.prefix + group, None)
            answer = await client._send_request(asked, coordinator)
            if answer.error_code:
                raise for_code(answer.error_code)
        return {
            partition: (offset, metadata)
            for name, partitions in answer.topics
            for partition, offset, metadata, error_code in partitions
            if name == self.prefix + topic and offset >= 0 and not error_code
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
        async with translated("connect consumer"):
            consumer = await self._fetching()
            if group is None:
                return Reader(consumer, self.prefix + topic, None, self._fetching)
            committer = self._consumer(self.prefix + group)
            await committer.start()
            partitions = [TopicPartition(self.prefix + topic, p) for p in range(self.counts[topic])]
            committer.assign(partitions)
            for partition in partitions:
                committer.seek(partition, 0)
            committer.pause(*partitions)
        return Reader(consumer, self.prefix + topic, committer, self._fetching)

    async def _fetching(self) -> AIOKafkaConsumer:
        consumer = self._consumer(None)
        await consumer.start()
        return consumer

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
            retry_backoff_ms=RECONNECT_MS,
        )

    async def producer(self, transactional_id: str | None = None) -> Producer:
        """An idempotent producer; with an id, it fences its predecessor of the same id."""

        async def make() -> AIOKafkaProducer:
            return await self._producing(transactional_id)

        async with translated("connect producer"):
            producer = await make()
        again = None if transactional_id else make
        return Producer(producer, self.counts, self.prefix, again)

    async def _producing(self, transactional_id: str | None) -> AIOKafkaProducer:
        producer = AIOKafkaProducer(
            **self._connection,
            acks="all",
            enable_idempotence=True,
            max_batch_size=MAX_BATCH_BYTES,
            max_request_size=REQUEST_BYTES,
            transactional_id=self.prefix + transactional_id if transactional_id else None,
            transaction_timeout_ms=30_000,
            retry_backoff_ms=RECONNECT_MS,
        )
        try:
            await producer.start()
        except BaseException:
            await producer.stop()
            raise
        return producer

    async def feed(self, topics: Iterable[str]) -> Feed:
        """All partitions of these topics, for the recorder."""
        async with translated("connect consumer"):
            consumer = await self._fetching()
        return Feed(consumer, {self.prefix + topic: self.counts[topic] for topic in topics})

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


def _must_stand(topic: str, code: int, told: str | None) -> None:
    """Raise unless Kafka has created a topic, or had it already: another process was faster."""
    if code in (NoError.errno, TopicAlreadyExistsError.errno):
        return
    kind = for_code(code)
    if kind.retriable:
        raise kind
    text = told or kind.description or kind.__name__
    raise ConfigError(f"Kafka refuses to create topic {topic}: {text}", code="topic_refused")


def tls_context(security: Any) -> ssl.SSLContext:
    """TLS as hub.yaml's `kafka.security` says: whom we trust, and who we are.

    Raises:
        ConfigError: a file is not there, or is no certificate or key.
    """
    with _reading("ca_file", security.ca_file):
        context = ssl.create_default_context(cafile=security.ca_file)
    if security.certificate_file:
        own = f"{security.certificate_file} or key_file: {security.key_file}"
        with _reading("certificate_file", own):
            context.load_cert_chain(security.certificate_file, security.key_file)
    return context


@contextmanager
def _reading(setting: str, file: str) -> Iterator[None]:
    try:
        yield
    except OSError as error:  # `ssl.SSLError` is one
        text = f"{file} cannot be used: {error.strerror}"
        raise ConfigError(text, at=("kafka", "security", setting)) from error


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
        arguments["ssl_context"] = tls_context(security)
    if protocol == "sasl_ssl":
        arguments["sasl_mechanism"] = security.sasl_mechanism
        arguments["sasl_plain_username"] = security.sasl_username
        arguments["sasl_plain_password"] = security.sasl_password.get_secret_value()
    return arguments
