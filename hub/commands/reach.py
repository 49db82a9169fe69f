"""How commands reach the hub's store, who acts, and how they print."""

from __future__ import annotations

import asyncio
import dataclasses
import getpass
import os
import shutil
import textwrap
from collections.abc import Awaitable, Callable, Iterable, Sequence
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any, TypeVar

import orjson
import typer

from hub.errors import HubError
from hub.reasons import reason_of
from hub.settings import HubSettings, SettingsError, load_settings, settings_file
from hub.store import Store
from hub.store.acts import Author
from hub.worktime import VIETNAM

T = TypeVar("T")
INDENT = "    "

Config = Annotated[
    Path | None, typer.Option(help="hub.yaml; left out: HUB_CONFIG, else hub.yaml here.")
]
Postgres = Annotated[
    str | None,
    typer.Option(envvar="HUB_POSTGRES", help="Address of PostgreSQL; left out: as hub.yaml says."),
]
AsJson = Annotated[bool, typer.Option("--json", help="JSON instead of a table.")]


def _given(reason: str) -> str:
    if not reason.strip():
        raise told(HubError("an act needs a reason: give --reason", code="reason_missing"))
    return reason


Why = Annotated[
    str, typer.Option("--reason", callback=_given, help="Why; needed, and kept with the act.")
]
Who = Annotated[str, typer.Option("--actor", help="Who acts; left out: the user of this machine.")]


def require_route(route: str, settings: HubSettings | None) -> None:
    """Refuse a name that is no route of hub.yaml; `in.<connector>` is what decodes.

    Raises:
        HubError: code `no_such_route`.
    """
    if settings is None or route in settings.routes:
        return
    if route.startswith("in.") and route.removeprefix("in.") in settings.connectors:
        return
    known = ", ".join([*sorted(settings.routes), *(f"in.{name}" for name in settings.connectors)])
    raise HubError(f"no route {route}; there are: {known}", code="no_such_route")


def whoever(actor: str, reason: str) -> Author:
    """The author of an act."""
    return Author(actor or getpass.getuser(), reason)


def faulty(error: SettingsError) -> typer.Exit:
    """Tell what is wrong with hub.yaml, a line each; to be raised."""
    for finding in error.findings:
        typer.echo(str(finding), err=True)
    return typer.Exit(1)


def loaded(config: Path | None) -> HubSettings:
    """hub.yaml; what is wrong with it is told, and ends the command with 1."""
    try:
        return load_settings(config, os.environ)
    except SettingsError as error:
        raise faulty(error) from error


def settings_of(config: Path | None, postgres: str | None) -> HubSettings | None:
    """hub.yaml; none where there is no file and the store's address was given.

    Raises:
        SettingsError: hub.yaml is missing or faulty.
    """
    if postgres and config is None and not settings_file(None, os.environ).exists():
        return None
    return load_settings(config, os.environ)


def with_store(
    config: Path | None,
    postgres: str | None,
    work: Callable[[Store, HubSettings | None], Awaitable[T]],
) -> T:
    """Do something with the store; an error of the hub is told and ends the command with 1."""
    try:
        settings = settings_of(config, postgres)
        url = postgres or (settings.postgres.url.get_secret_value() if settings else "")
        return asyncio.run(_with(url, settings, work))
    except SettingsError as error:
        raise faulty(error) from error
    except HubError as error:
        raise told(error) from error


async def _with(
    url: str,
    settings: HubSettings | None,
    work: Callable[[Store, HubSettings | None], Awaitable[T]],
) -> T:
    store = Store.open(url, pool_size=2)
    try:
        return await work(store, settings)
    finally:
        await store.close()


def told(error: HubError) -> typer.Exit:
    """Say what is wrong and what helps; raise the result."""
    typer.secho(f"{error.code}: {error}", err=True, fg=typer.colors.RED)
    reason = reason_of(error.code)
    typer.echo(f"{reason.help_vi} / {reason.help_en}", err=True)
    return typer.Exit(1)


def print_json(value: Any) -> None:
    """Any of our data as indented JSON."""
    options = orjson.OPT_INDENT_2 | orjson.OPT_NON_STR_KEYS
    typer.echo(orjson.dumps(value, default=_plain, option=options).decode())


def _plain(value: Any) -> Any:
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return dataclasses.asdict(value)
    return str(value)


def print_table(
    heads: Sequence[str],
    rows: Iterable[Sequence[str]],
    *,
    nothing: str = "nothing",
    notes: Sequence[str] = (),
) -> None:
    """Columns as wide as they need; nothing is cut, so that ids can be copied.

    Args:
        nothing: what is said if there are no rows.
        notes: a longer text for each row, wrapped under it; none: no notes.
    """
    table = [list(heads), *([_one_line(cell) for cell in row] for row in rows)]
    if len(table) == 1:
        typer.echo(nothing)
        return
    widths = [max(len(row[index]) for row in table) for index in range(len(heads))]
    columns = shutil.get_terminal_size().columns
    for row, note in zip(table, ["", *(notes or [""] * (len(table) - 1))], strict=True):
        line = "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        typer.echo(line.rstrip())
        for part in textwrap.wrap(_one_line(note), columns - len(INDENT), break_on_hyphens=False):
            typer.echo(INDENT + part)


def _one_line(cell: str) -> str:
    return "".join(char if char.isprintable() else "�" for char in cell)


def when(moment: datetime | None) -> str:
    """A moment in Vietnamese time, to the second."""
    return moment.astimezone(VIETNAM).strftime("%d/%m/%Y %H:%M:%S") if moment else ""
