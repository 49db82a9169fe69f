"""Topics of a run of its own go all at once, and nobody else's with them."""

from __future__ import annotations

import pytest
from aiokafka.admin import AIOKafkaAdminClient

from hub.errors import ConfigError
from hub.kafka import Kafka
from hub.settings import KafkaSettings
from tests.broker import Addresses


async def test_everything_with_the_prefix_is_deleted_and_nothing_else(
    addresses: Addresses, namespace: str
) -> None:
    servers = addresses.kafka
    async with (
        Kafka(KafkaSettings(bootstrap_servers=servers, prefix=f"{namespace}a.")) as one,
        Kafka(KafkaSettings(bootstrap_servers=servers, prefix=f"{namespace}b.")) as other,
    ):
        for kafka in (one, other):
            await kafka.create_topics({"in.x": 1, "dead.some-route": 2})
        await one.delete_everything()
        await one.delete_everything()
    admin = AIOKafkaAdminClient(bootstrap_servers=servers)
    await admin.start()
    try:
        left = {name for name in await admin.list_topics() if name.startswith(namespace)}
    finally:
        await admin.close()
    assert left == {f"{namespace}b.in.x", f"{namespace}b.dead.some-route"}


async def test_without_a_prefix_nothing_is_deleted(addresses: Addresses) -> None:
    async with Kafka(KafkaSettings(bootstrap_servers=addresses.kafka)) as kafka:
        with pytest.raises(ConfigError):
            await kafka.delete_everything()
