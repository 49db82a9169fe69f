"""Migrations make exactly the tables that the code expects, once, whoever asks."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import psycopg
import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import create_engine

from hub.errors import ConfigError, Unavailable
from hub.store.database import driver_url
from hub.store.migration import migrate
from hub.store.tables import metadata


def test_the_migrated_tables_are_those_of_the_code(database: str) -> None:
    migrate(database)
    engine = create_engine(driver_url(database))
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_server_default": True})
        assert compare_metadata(context, metadata) == []
    engine.dispose()


def test_migrating_again_changes_nothing(database: str) -> None:
    assert migrate(database) == migrate(database)


def test_several_processes_can_migrate_at_once(database: str) -> None:
    with ThreadPoolExecutor(4) as pool:
        revisions = list(pool.map(migrate, [database] * 4))
    assert len(set(revisions)) == 1


def test_a_newer_database_is_refused_and_left_alone(database: str) -> None:
    migrate(database)
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute("UPDATE alembic_version SET version_num = 'from the future'")
        with pytest.raises(ConfigError, match="newer hub"):
            migrate(database)
        row = connection.execute("SELECT version_num FROM alembic_version").fetchone()
    assert row == ("from the future",)


def test_migrating_without_a_server_says_so() -> None:
    with pytest.raises(Unavailable) as caught:
        migrate("postgresql://hub@127.0.0.1:1/hub")
    assert caught.value.code == "store_away"
