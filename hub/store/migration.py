"""Bringing a database to the tables of this version of the hub, by Alembic."""

from __future__ import annotations

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, create_engine, text

from hub.errors import ConfigError
from hub.store.database import CONNECT_SECONDS, driver_url, translated

LOCK = 0x6875625F6D  # pg_advisory_lock; a number that only the hub's migrations take


def migrate(url: str) -> str:
    """Make or upgrade the tables; several processes may do it at once, the others wait.

    Args:
        url: `postgresql://user:password@host:port/database`, of a role that may make tables.

    Returns:
        The revision that the database has now.

    Raises:
        ConfigError: the database is newer than this hub, or the address cannot be read.
        Unavailable: code `store_away`; PostgreSQL does not answer.
    """
    engine = create_engine(driver_url(url), connect_args={"connect_timeout": CONNECT_SECONDS})
    try:
        with translated(), engine.connect() as connection:
            connection.execute(text("SELECT pg_advisory_lock(:lock)"), {"lock": LOCK})
            connection.commit()
            try:
                return _upgrade(connection)
            finally:
                connection.rollback()
                connection.execute(text("SELECT pg_advisory_unlock(:lock)"), {"lock": LOCK})
    finally:
        engine.dispose()


def _upgrade(connection: Connection) -> str:
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    config.attributes["connection"] = connection
    script = ScriptDirectory.from_config(config)
    found = MigrationContext.configure(connection).get_current_revision()
    known = {revision.revision for revision in script.walk_revisions()}
    if found is not None and found not in known:
        raise ConfigError(
            f"the database has tables of a newer hub (revision {found}); install that version",
            code="store_newer",
        )
    connection.rollback()
    command.upgrade(config, "head")
    return script.get_current_head() or ""
