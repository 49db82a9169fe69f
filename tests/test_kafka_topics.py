"""Kafka's answers about topics and groups: whose topics go, and what no answer means."""

from __future__ import annotations

import asyncio
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.protocol.commit import OffsetFetchRequest

from hub.errors import ConfigError, Unavailable
from hub.kafka import Kafka, tls_context
from hub.settings import KafkaSettings
from hub.settings.model import KafkaSecurity
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


async def test_a_topic_that_kafka_refuses_is_told_with_its_reason(
    addresses: Addresses, namespace: str
) -> None:
    settings = KafkaSettings(
        bootstrap_servers=addresses.kafka, prefix=namespace, replication_factor=3
    )
    async with Kafka(settings) as kafka:
        with pytest.raises(ConfigError) as told:
            await kafka.create_topics({"in.x": 2})
    assert told.value.code == "topic_refused"
    assert f"{namespace}in.x" in str(told.value)
    assert "replicat" in str(told.value).lower()


async def test_a_topic_that_is_there_already_is_taken_as_it_is(
    addresses: Addresses, namespace: str
) -> None:
    settings = KafkaSettings(bootstrap_servers=addresses.kafka, prefix=namespace)
    async with Kafka(settings) as one, Kafka(settings) as other:
        await asyncio.gather(*(each.create_topics({"in.x": 2, "in.y": 3}) for each in (one, other)))
        assert one.counts == other.counts == {"in.x": 2, "in.y": 3}
        with pytest.raises(ConfigError, match=r"in\.x has 2 partitions"):
            await one.create_topics({"in.x": 4})


@pytest.mark.parametrize("key", ["ca_file", "certificate_file"])
@pytest.mark.parametrize("content", [None, "no certificate"])
def test_a_certificate_that_cannot_be_used_is_named(
    tmp_path: Path, key: str, content: str | None
) -> None:
    file = tmp_path / "x.pem"
    if content is not None:
        file.write_text(content, "utf-8")
    own = {"key_file": str(file)} if key == "certificate_file" else {}
    security = KafkaSecurity(protocol="ssl", **{key: str(file)}, **own)
    with pytest.raises(ConfigError) as told:
        tls_context(security)
    assert f"kafka.security.{key}: {file}" in str(told.value)


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
