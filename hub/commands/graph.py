"""`hub graph`: connectors, kinds and routes in force, as a tree, Mermaid or JSON."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

import hub.schemas  # noqa: F401 - registers the kinds
from hub.commands.reach import AsJson, loaded, print_json
from hub.connector import discover
from hub.flow import flow_of, mermaid_of, text_of


def graph(
    file: Annotated[
        Path | None, typer.Argument(help="The settings; left out: HUB_CONFIG, else hub.yaml.")
    ] = None,
    mermaid: Annotated[
        bool, typer.Option("--mermaid", help="A Mermaid flowchart, which many pages draw.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Print who tells what, and which routes bring it where.

    Made from the settings, standard routes included; needs neither Kafka nor PostgreSQL.
    """
    settings = loaded(file)
    flow = flow_of(settings, discover())
    if as_json:
        print_json(
            {"connectors": flow.nodes, "routes": flow.edges, "config": settings.content_hash}
        )
        return
    for line in mermaid_of(flow) if mermaid else text_of(flow):
        typer.echo(line)
