"""Whether a database has the tables that this version of the hub works with."""

from __future__ import annotations

from sqlalchemy import text

from hub.errors import ConfigError
from hub.store.database import Store

REVISION = "0005"
"""Of the newest migration. Numbers have four digits, so that they compare as texts."""


async def check_revision(store: Store) -> None:
    """Return if the tables are there; newer ones are, too: the new version migrates first.

    Raises:
        ConfigError: code `unmigrated`; there are none, or those of an older hub.
        Unavailable: code `store_away`; PostgreSQL does not answer.
    """
    async with store.transaction() as connection:
        made = await connection.scalar(text("SELECT to_regclass('alembic_version')"))
        found = made and await connection.scalar(text("SELECT version_num FROM alembic_version"))
    if not found or found < REVISION:
        what = f"the tables of an older hub ({found})" if found else "no tables of the hub"
        raise ConfigError(f"PostgreSQL has {what}: run `hub migrate`", code="unmigrated")
