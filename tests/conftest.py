"""What every test may ask for: addresses, a database of its own, a name of its own."""

from __future__ import annotations

import asyncio
import os
import uuid
from collections.abc import AsyncIterator, Iterator

import pytest

from hub.store import Store
from hub.store.migration import migrate
from tests import broker


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what needs a real server by what it asks for, so that nobody has to remember it."""
    for item in items:
        wanted = set(getattr(item, "fixturenames", ()))
        if wanted & {"addresses", "namespace"}:
            item.add_marker(pytest.mark.kafka)
        if wanted & {"addresses", "database"}:
            item.add_marker(pytest.mark.postgres)


@pytest.fixture(scope="session")
def addresses() -> Iterator[broker.Addresses]:
    """Kafka and PostgreSQL for the whole run; see broker.py for where they come from."""
    choice = broker.choose(os.environ, broker.docker_answers)
    with broker.serving(choice) as found:
        yield found


@pytest.fixture
def database(addresses: broker.Addresses) -> Iterator[str]:
    """The URL of an empty database that only this test has."""
    with broker.fresh_database(addresses.postgres) as url:
        yield url


@pytest.fixture(scope="session")
def migrated_template(addresses: broker.Addresses) -> Iterator[str]:
    """Name of a database with the hub's tables, to copy from."""
    with broker.fresh_database(addresses.postgres) as url:
        migrate(url)
        yield url.rpartition("/")[2]


@pytest.fixture
def migrated(addresses: broker.Addresses, migrated_template: str) -> Iterator[str]:
    """The URL of a database with the hub's tables that only this test has."""
    with broker.fresh_database(addresses.postgres, template=migrated_template) as url:
        yield url


@pytest.fixture
async def store(migrated: str) -> AsyncIterator[Store]:
    """An open store on it."""
    store = Store.open(migrated)
    yield store
    await store.close()


@pytest.fixture
def namespace(addresses: broker.Addresses) -> Iterator[str]:
    """What the names of this test's topics and groups begin with; its topics are deleted after."""
    prefix = f"t{uuid.uuid4().hex[:8]}."
    yield prefix
    asyncio.run(broker.remove_topics(addresses.kafka, prefix))
