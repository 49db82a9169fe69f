"""`hub local`: the Kafka and PostgreSQL of this machine."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from hub import local

app = typer.Typer(
    help="A real Kafka and PostgreSQL on this machine, without Docker.",
    no_args_is_help=True,
)

Folder = Annotated[Path, typer.Option(help="Where their data, logs and ports are kept.")]
HUB = Path(".hub")


def _tell(text: str) -> None:
    typer.echo(text, err=True)


def _refuse(error: local.LocalError) -> typer.Exit:
    typer.secho(error.what, err=True, fg=typer.colors.RED)
    typer.echo(error.todo, err=True)
    return typer.Exit(1)


@app.command()
def up(
    folder: Folder = HUB,
    new_ports: Annotated[bool, typer.Option(help="Take other ports; the data stays.")] = False,
) -> None:
    """Start both and wait until they answer; nothing happens to what already runs."""
    try:
        addresses = local.up(folder, progress=_tell, new_ports=new_ports)
    except local.LocalError as error:
        raise _refuse(error) from error
    typer.echo(f"HUB_KAFKA={addresses.kafka}")
    typer.echo(f"HUB_POSTGRES={addresses.postgres}")


@app.command()
def down(folder: Folder = HUB) -> None:
    """Stop both; their data stays."""
    try:
        stopped = local.down(folder, progress=_tell)
    except local.LocalError as error:
        raise _refuse(error) from error
    _tell("stopped" if stopped else f"nothing runs in {folder}")


@app.command()
def status(folder: Folder = HUB) -> None:
    """Say what runs, and where. Ends with 0 if both answer, else with 3."""
    try:
        servers = local.status(folder)
    except local.LocalError as error:
        raise _refuse(error) from error
    for server in servers:
        state = "stopped" if server.pid is None else f"process {server.pid}"
        if server.pid is not None:
            state += ", answers" if server.answers else ", does not answer"
        typer.echo(f"{server.name:<10}  {state:<28}  {server.address}  log: {server.log}")
    if not servers:
        typer.echo(f"Nothing was ever started in {folder}. Start it: hub local up")
    if not servers or not all(server.pid and server.answers for server in servers):
        raise typer.Exit(3)


@app.command()
def reset(
    folder: Folder = HUB,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
) -> None:
    """Stop both and delete their data."""
    if not yes:
        typer.confirm(f"Delete all data of Kafka and PostgreSQL in {folder}?", abort=True)
    try:
        removed = local.reset(folder, progress=_tell)
    except local.LocalError as error:
        raise _refuse(error) from error
    _tell("removed" if removed else f"nothing to remove in {folder}")
