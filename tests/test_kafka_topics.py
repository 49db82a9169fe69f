"""Kafka's answers about topics and groups: whose topics go, and what no answer means."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.protocol.commit import OffsetFetchRequest

from hub.errors import ConfigError, Unavailable
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


async def test_a_coordinator_that_is_still_loading_is_no_group_without_offsets(
    addresses: Addresses, namespace: str
) -> None:
    settings = KafkaSettings(bootstrap_servers=addresses.kafka, prefix=namespace)
    async with Kafka(settings) as kafka:
        await kafka.create_topics({"in.x": 2})
        await kafka.commit("decode", "in.x", {0: 3, 1: 4})
        assert await kafka.committed("decode", "in.x") == {0: (3, ""), 1: (4, "")}
        assert await kafka.committed("nobody", "in.x") == {}
        client = kafka._client()
        send = client._send_request

        async def loading(request: Any, node: int | None = None) -> Any:
            answer = await send(request, node)
            if isinstance(request, OffsetFetchRequest):
                answer = SimpleNamespace(topics=[], error_code=14)
            return answer

        client._send_request = loading
        with pytest.raises(Unavailable) as told:
            await kafka.committed("decode", "in.x")
        assert told.value.code == "kafka_away"
