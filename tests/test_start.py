"""Starting: what is missing is said at once, what may come is waited for, and Ctrl-C ends both."""

from __future__ import annotations

import asyncio
import socket
from pathlib import Path

import pytest
import yaml
from sqlalchemy import create_engine, text
from structlog.testing import capture_logs

from hub.app import Hub
from hub.errors import ConfigError
from hub.settings import load_settings
from hub.store import Store
from hub.store.database import driver_url
from hub.store.migration import migrate
from hub.store.revision import REVISION
from tests.broker import Addresses
from tests.engine.ground import until


def hub_on(folder: Path, kafka: str, postgres: str, prefix: str) -> Hub:
    """A hub without connectors on these servers."""
    settings = {
        "version": 1,
        "kafka": {"bootstrap_servers": kafka, "prefix": prefix, "partitions_count": 2},
        "blobs": {"url": f"file://{folder}/blobs"},
        "gateway": {"port": 0},
        "management": {"port": 0},
    }
    file = folder / "hub.yaml"
    file.write_text(yaml.safe_dump(settings), "utf-8")
    return Hub(load_settings(file, {"HUB_POSTGRES": postgres}))


async def test_a_database_without_tables_is_said_at_once(
    tmp_path: Path, addresses: Addresses, database: str, namespace: str
) -> None:
    hub = hub_on(tmp_path, addresses.kafka, database, namespace)
    async with asyncio.timeout(30):
        with pytest.raises(ConfigError, match="no tables of the hub: run `hub migrate`") as told:
            await hub.run(asyncio.Event())
    assert told.value.code == "unmigrated"


async def test_the_tables_of_an_older_hub_are_said_at_once(
    tmp_path: Path, addresses: Addresses, migrated: str, namespace: str
) -> None:
    engine = create_engine(driver_url(migrated))
    with engine.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '0004'"))
    engine.dispose()
    hub = hub_on(tmp_path, addresses.kafka, migrated, namespace)
    async with asyncio.timeout(30):
        with pytest.raises(ConfigError, match=r"older hub \(0004\)"):
            await hub.run(asyncio.Event())


def test_the_revision_is_that_of_the_newest_migration(database: str) -> None:
    assert migrate(database) == REVISION


async def test_a_hub_that_waits_for_its_servers_can_be_stopped(
    tmp_path: Path, addresses: Addresses, namespace: str
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    away = f"postgresql://hub@127.0.0.1:{port}/hub"
    hub = hub_on(tmp_path, addresses.kafka, away, namespace)
    stop = asyncio.Event()
    with capture_logs() as entries:
        running = asyncio.create_task(hub.run(stop))
        await until(lambda: any(each["event"] == "waiting" for each in entries))
    [first, *_] = [each for each in entries if each["event"] == "waiting"]
    assert 60 < first["gives_up_in_seconds"] <= 120
    stop.set()
    async with asyncio.timeout(10):
        await running


async def test_one_process_at_a_time_is_inside(migrated: str) -> None:
    one, other = Store.open(migrated), Store.open(migrated)
    inside: list[str] = []

    async def enter(store: Store, name: str) -> None:
        async with store.alone("a test"):
            inside.append(f"{name} in")
            await asyncio.sleep(0.1)
            inside.append(f"{name} out")

    try:
        await asyncio.gather(enter(one, "a"), enter(other, "b"))
    finally:
        await one.close()
        await other.close()
    first, second = ("a", "b") if inside[0] == "a in" else ("b", "a")
    assert inside == [f"{first} in", f"{first} out", f"{second} in", f"{second} out"]
