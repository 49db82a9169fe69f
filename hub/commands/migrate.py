"""`hub migrate`: the database brought to this version's tables."""

from __future__ import annotations

import typer

from hub.commands.reach import Config, Postgres, settings_of, told
from hub.errors import HubError
from hub.settings import SettingsError
from hub.store.migration import migrate as migrate_database


def migrate(config: Config = None, postgres: Postgres = None) -> None:
    """Make or upgrade the hub's tables; harmless when nothing is to do, or when others do it too.

    Run it before the roles of a new version; those of the version before go on meanwhile.
    """
    try:
        settings = settings_of(config, postgres)
        url = postgres or (settings.postgres.url.get_secret_value() if settings else "")
        typer.echo(f"the tables are at revision {migrate_database(url)}")
    except SettingsError as error:
        for finding in error.findings:
            typer.echo(str(finding), err=True)
        raise typer.Exit(1) from error
    except HubError as error:
        raise told(error) from error
