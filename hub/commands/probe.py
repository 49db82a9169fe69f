"""`hub connector`: what is configured, and whether it answers."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from typing import Annotated, Any

import typer

from hub.blobs import open_blobs
from hub.commands.reach import AsJson, Config, loaded, print_json, print_table, told
from hub.connector import Client, Connector, Ground, discover
from hub.errors import ConfigError, HubError
from hub.ground import StoreGround
from hub.settings import HubSettings
from hub.store import Store

app = typer.Typer(
    help="Connectors: which there are, and whether they answer.", no_args_is_help=True
)


@app.command("list")
def list_(as_json: AsJson = False, config: Config = None) -> None:
    """List the configured connectors: what each is, whether it sends, receives or both."""
    settings, kinds = loaded(config), discover()
    rows = []
    for instance in settings.connectors:
        connector = kinds[settings.kind_of(instance)]
        ways = [
            *(["receives"] if connector.decode else []),
            *(["sends"] if connector.sends(settings.connectors[instance]) else []),
            *(["asks"] if connector.poller else []),
        ]
        rows.append((instance, connector.kind, ", ".join(ways), connector.title_vi))
    heads = ("connector", "kind", "ways", "system")
    if as_json:
        print_json([dict(zip(heads, row, strict=True)) for row in rows])
    else:
        print_table(heads, rows, nothing="no connector is configured")


@app.command()
def probe(
    name: Annotated[
        str | None,
        typer.Argument(help="Name of the connector in hub.yaml; left out: every one that sends."),
    ] = None,
    as_json: AsJson = False,
    config: Config = None,
) -> None:
    """Make one harmless call, with the hub's own account, and say what came of it.

    Ends with 1 if a system does not answer or refuses us.
    """
    settings = loaded(config)
    found = [_said(settings, each) for each in ([name] if name else _sending(settings))]
    if as_json:
        print_json(found[0] if name else found)
    else:
        for each in found:
            _tell(each)
    if not all(each["ok"] for each in found):
        raise typer.Exit(1)


def _sending(settings: HubSettings) -> list[str]:
    """The connectors that make calls."""
    kinds = discover()
    return [
        name
        for name, own in settings.connectors.items()
        if kinds[settings.kind_of(name)].client and kinds[settings.kind_of(name)].sends(own)
    ]


def _said(settings: HubSettings, name: str) -> dict[str, Any]:
    """What came of one call: `ok`, and what it said or why it failed."""
    began = time.monotonic()
    try:
        text = asyncio.run(_probe(settings, name))
    except HubError as error:
        return {"connector": name, "ok": False, "code": error.code, "text": str(error)}
    milliseconds = round((time.monotonic() - began) * 1000)
    return {"connector": name, "ok": True, "text": text, "milliseconds": milliseconds}


def _tell(said: Mapping[str, Any]) -> None:
    if said["ok"]:
        typer.echo(f"{said['connector']}: {said['text']} ({said['milliseconds']} ms)")
    else:
        told(HubError(f"{said['connector']}: {said['text']}", code=said["code"]))


async def _probe(settings: HubSettings, name: str) -> str:
    store = Store.open(settings.postgres.url.get_secret_value(), 1)
    client = _client(settings, name, StoreGround(store, open_blobs(settings.blobs)))
    try:
        return await client.probe()
    finally:
        await client.close()
        await store.close()


def _client(settings: HubSettings, name: str, ground: Ground) -> Client:
    if name not in settings.connectors:
        known = ", ".join(settings.connectors)
        raise ConfigError(f"no connector {name} is configured; there are: {known}")
    connector: Connector = discover()[settings.kind_of(name)]
    if connector.client is None or not connector.sends(settings.connectors[name]):
        raise ConfigError(f"connector {name} only receives; there is nothing to probe")
    return connector.client(name, settings.connectors[name], ground)
