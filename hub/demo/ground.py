"""What a run stands on at Kafka and PostgreSQL: made for it, and removed by the next one."""

from __future__ import annotations

import asyncio
from urllib.parse import urlsplit

from hub.demo.deployment import Deployment, History
from hub.kafka import Kafka
from hub.settings import KafkaSettings
from hub.store.databases import create_database, drop_database
from hub.store.migration import migrate


async def prepare(deployment: Deployment) -> None:
    """Remove what earlier runs of this folder have made; make and migrate the run's database.

    Its topics are made by the hub itself.

    Raises:
        Unavailable: Kafka or PostgreSQL does not answer.
    """
    history = History(deployment.folder)
    names = history.names()
    history.write([*names, deployment.name])
    for name in names:
        await remove(name, deployment.kafka, deployment.postgres)
    history.write([deployment.name])
    await asyncio.to_thread(create_database, _beside(deployment.postgres), deployment.name)
    await asyncio.to_thread(migrate, deployment.postgres)


async def remove(name: str, kafka: str, postgres: str) -> None:
    """Remove a run's topics and its database; what is gone already is no error.

    Args:
        name: of the run.
        kafka: bootstrap servers.
        postgres: URL of any database of the server.

    Raises:
        Unavailable: Kafka or PostgreSQL does not answer.
    """
    settings = KafkaSettings(bootstrap_servers=kafka, prefix=f"{name}.")
    async with Kafka(settings) as client:
        await client.delete_everything()
    await asyncio.to_thread(drop_database, _beside(postgres), name)


def _beside(postgres: str) -> str:
    """URL of the database that every server has."""
    return urlsplit(postgres)._replace(path="/postgres").geturl()
