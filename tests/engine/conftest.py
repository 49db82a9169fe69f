"""The ground of the integration tests: one set of topics and one database for each module."""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator

import pytest_asyncio
from aiokafka import AIOKafkaConsumer

from hub.store import Store
from tests import broker
from tests.engine.ground import PARTITIONS, TOPICS, Ground, connected


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def ground(addresses: broker.Addresses, migrated_template: str) -> AsyncIterator[Ground]:
    """Topics and a database that only this module has."""
    prefix = f"t{uuid.uuid4().hex[:8]}."
    with broker.fresh_database(addresses.postgres, template=migrated_template) as url:
        store = Store.open(url)
        async with connected(addresses.kafka, prefix) as kafka:
            await kafka.create_topics(dict.fromkeys(TOPICS, PARTITIONS))
            producer = await kafka.producer()
            onlooker = AIOKafkaConsumer(bootstrap_servers=addresses.kafka)
            await onlooker.start()
            found = Ground(kafka, producer, store, url, onlooker)
            yield found
            await found.close()
            await kafka.delete_topics(TOPICS)
