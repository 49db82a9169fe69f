"""`hub check`: what is wrong with a settings file, all of it at once."""

from __future__ import annotations

import json
import os
from datetime import datetime
from pathlib import Path
from typing import Annotated, NoReturn

import typer

from hub.connector import Client, Refusal, discover
from hub.errors import ConfigError
from hub.gateway.routing import mounted
from hub.kafka.client import connection
from hub.settings import Finding, HubSettings, SettingsError, load_settings, settings_file
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
    findings: list[Finding] = []
    ending = ""
    try:
        settings = load_settings(file, os.environ)
        _check_gateway(settings)
        connection(settings.kafka)  # reads its certificates
        ending = settings.calendars.ending(datetime.now(VIETNAM).date())
    except SettingsError as error:
        findings = list(error.findings)
    except ConfigError as error:
        findings = [Finding(str(name), 0, 0, "", str(error))]
    if as_json:
        typer.echo(json.dumps([each.to_json() for each in findings], ensure_ascii=False, indent=2))
    elif findings:
        for each in findings:
            typer.echo(str(each))
        typer.secho(f"{len(findings)} to mend in {name}", err=True, fg=typer.colors.RED)
    else:
        typer.echo(
            f"{name}: fine. {len(settings.connectors)} connectors, {len(settings.routes)} routes, "
            f"{len(settings.units)} units, version {settings.content_hash}"
        )
    if ending:
        typer.secho(f"{name}: {ending}", err=True, fg=typer.colors.YELLOW)
    if findings:
        raise typer.Exit(1)


def _check_gateway(settings: HubSettings) -> None:
    mounted(settings, discover(), lambda _instance: _ClosedInbox())


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
