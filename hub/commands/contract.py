"""`hub topics` and `hub schemas`: what the hub puts on Kafka, for whoever reads it."""

from __future__ import annotations

from typing import Annotated

import typer

import hub.schemas  # noqa: F401 - registers the kinds
from hub.commands.reach import Config, loaded, print_json, print_table
from hub.connector import discover
from hub.contract import asyncapi
from hub.event import KINDS, MEANINGS, schema_of
from hub.settings.findings import nearest


def topics(config: Config = None) -> None:
    """Print the topics and all they carry as an AsyncAPI 3 document (JSON).

    Made from the settings; needs neither Kafka nor PostgreSQL.
    """
    print_json(asyncapi(loaded(config), discover()))


def schemas(
    kind: Annotated[
        str | None, typer.Argument(help="Kind of event; left out: the list of kinds.")
    ] = None,
) -> None:
    """Print the JSON Schema of a kind's data, or every kind with what it says."""
    if kind is None:
        print_table(("kind", "says"), sorted(MEANINGS.items()))
        return
    model = KINDS.get(kind)
    if model is None:
        close = nearest(kind, KINDS)
        hint = f"did you mean `{close}`? " if close else ""
        typer.secho(
            f"no event kind is called `{kind}`; {hint}`hub schemas` lists them.",
            err=True,
            fg=typer.colors.RED,
        )
        raise typer.Exit(1)
    print_json(schema_of(model))
