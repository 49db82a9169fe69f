"""`hub check`: what is wrong with a settings file, all of it at once."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Annotated, NoReturn

import typer

from hub.connector import Client, Refusal, discover
from hub.errors import ConfigError
from hub.gateway.routing import conflicts, endpoints_of
from hub.kafka import tls_context
from hub.settings import (
    HubSettings,
    KafkaSecurity,
    Level,
    Looked,
    SettingsError,
    in_order,
    look_at,
    settings_file,
)
from hub.worktime import VIETNAM


def check(
    file: Annotated[
        Path | None, typer.Argument(help="The settings; left out: HUB_CONFIG, else hub.yaml.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Findings as JSON.")] = False,
) -> None:
    """Load the settings as `hub run` would, and say everything that is wrong with them.

    Ends with 1 if there is a finding. Needs the environment that the file refers to, but neither
    Kafka nor PostgreSQL. Beside the findings it says when the calendar ends soon.
    """
    name = settings_file(file, os.environ)
    try:
        looked = look_at(file, os.environ)
        _look_further(looked)
        findings, settings = in_order(looked.document.findings), looked.settings
    except SettingsError as error:
        findings, settings = error.findings, None
    errors = [each for each in findings if each.level is Level.ERROR]
    if as_json:
        typer.echo(json.dumps([each.to_json() for each in findings], ensure_ascii=False, indent=2))
    else:
        for each in findings:
            typer.echo(str(each))
        if errors or settings is None:
            typer.secho(f"{len(errors)} to mend in {name}", err=True, fg=typer.colors.RED)
        else:
            typer.echo(_praise(name, settings, warnings_count=len(findings)))
    if settings is not None and not errors:
        ending = settings.calendars.ending(datetime.now(VIETNAM).date())
        if ending:
            typer.secho(f"{name}: {ending}", err=True, fg=typer.colors.YELLOW)
    if errors:
        raise typer.Exit(1)


def _praise(name: Path, settings: HubSettings, *, warnings_count: int) -> str:
    fine = f"works, with {warnings_count} to look at" if warnings_count else "fine"
    return (
        f"{name}: {fine}. {len(settings.connectors)} connectors, {len(settings.routes)} routes, "
        f"{len(settings.units)} units, version {settings.content_hash}"
    )


def _look_further(looked: Looked) -> None:
    """Look at what a hub meets when it starts: endpoints side by side, and certificates."""
    document, settings = looked.document, looked.settings
    faults: list[ConfigError] = []
    if document.is_sound(("gateway",)):
        try:
            found = endpoints_of(settings, discover(), lambda _instance: _ClosedInbox())
            faults += conflicts(found)
        except ConfigError as error:
            faults.append(error)
    if document.is_sound(("kafka",)) and settings.kafka.security.protocol != "plaintext":
        faults += _certificates(settings.kafka.security)
    for fault in faults:
        document.report(fault.at, fault.text, at_key=fault.at[:1] == ("connectors",))


def _certificates(security: KafkaSecurity) -> Iterator[ConfigError]:
    """What is wrong with those that the hub trusts, and with its own."""
    for others in ({"certificate_file": None, "key_file": None}, {"ca_file": None}):
        try:
            tls_context(security.model_copy(update=others))
        except ConfigError as error:
            yield error


class _ClosedInbox:
    """An inbox for looking at endpoints; nothing calls them here."""

    @property
    def ground(self) -> NoReturn:
        raise ConfigError("the gateway does not run")

    async def accept(self, messages: object) -> NoReturn:
        raise ConfigError("the gateway does not run")

    async def refuse(self, refusal: Refusal) -> NoReturn:
        raise ConfigError("the gateway does not run")

    async def accepted(self, subject: str) -> NoReturn:
        raise ConfigError("the gateway does not run")

    def peer(self, connector: str) -> Client:
        raise ConfigError("the gateway does not run")
