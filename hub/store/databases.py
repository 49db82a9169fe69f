"""Databases of one run (benchmarks, demos): made, and dropped again."""

from __future__ import annotations

from urllib.parse import urlsplit

import psycopg
from psycopg import sql

from hub.store.database import translated


def create_database(server: str, name: str) -> str:
    """Make an empty database beside the one of `server`'s URL; its own URL.

    Raises:
        Unavailable: PostgreSQL does not answer.
    """
    with translated(), psycopg.connect(server, autocommit=True) as connection:
        connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
    return urlsplit(server)._replace(path=f"/{name}").geturl()


def drop_database(server: str, name: str) -> None:
    """Drop it with whoever is still connected; nothing happens if it is gone.

    Raises:
        Unavailable: PostgreSQL does not answer.
    """
    with translated(), psycopg.connect(server, autocommit=True) as connection:
        connection.execute(
            sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name))
        )
