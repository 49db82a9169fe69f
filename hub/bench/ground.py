"""Ground: topics and a database of one measurement's own, removed afterwards."""

from __future__ import annotations

import asyncio
import os
import secrets
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from itertools import islice

from hub.kafka import Kafka, Outgoing, Producer
from hub.settings import KafkaSettings
from hub.store import Store
from hub.store.databases import create_database, drop_database
from hub.store.held import PostgresHeldStore
from hub.store.migration import migrate


@dataclass(frozen=True, slots=True)
class Ground:
    """What a measurement stands on."""

    kafka: Kafka
    store: Store
    held: PostgresHeldStore
    producer: Producer
    postgres: str

    @property
    def environment(self) -> dict[str, str]:
        """This process's environment, and where the servers are: for another process."""
        servers = self.kafka.settings.bootstrap_servers
        return os.environ | {"HUB_KAFKA": servers, "HUB_POSTGRES": self.postgres}

    async def fill(self, topic: str, records: Iterable[Outgoing]) -> None:
        """Produce records to the partitions of their keys; little of them stands in memory."""
        source = iter(records)
        while some := list(islice(source, 5_000)):
            await self.producer.send_all(topic, some)


@asynccontextmanager
async def standing(
    bootstrap_servers: str, postgres: str, prefix: str, topics: dict[str, int]
) -> AsyncIterator[Ground]:
    """The ground that another process has made."""
    store = Store.open(postgres)
    try:
        async with Kafka(
            KafkaSettings(bootstrap_servers=bootstrap_servers, prefix=prefix)
        ) as kafka:
            await kafka.create_topics(topics)
            producer = await kafka.producer()
            try:
                yield Ground(kafka, store, PostgresHeldStore(store), producer, postgres)
            finally:
                await producer.close()
    finally:
        await store.close()


@asynccontextmanager
async def ground(
    bootstrap_servers: str, postgres: str, topics: dict[str, int]
) -> AsyncIterator[Ground]:
    """Fresh topics and a fresh, migrated database; both are gone at the end."""
    name = f"bench_{secrets.token_hex(4)}"
    url = await asyncio.to_thread(create_database, postgres, name)
    await asyncio.to_thread(migrate, url)
    prefix = f"{name}."
    try:
        async with standing(bootstrap_servers, url, prefix, topics) as place:
            try:
                yield place
            finally:
                await place.kafka.delete_topics(topics)
    finally:
        await asyncio.to_thread(drop_database, postgres, name)
