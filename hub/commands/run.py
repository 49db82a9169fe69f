"""`hub run`: the hub's processes."""

from __future__ import annotations

import asyncio
import os
from datetime import datetime
from pathlib import Path
from typing import Annotated

import structlog
import typer
import uvloop

from hub.app import ROLES, Hub
from hub.errors import HubError
from hub.garbage import look_seldom
from hub.lifecycle import application
from hub.log import configure_log
from hub.settings import load_settings
from hub.worktime import VIETNAM

log = structlog.get_logger(__name__)


def run(
    config: Annotated[Path | None, typer.Option(help="hub.yaml; left out: HUB_CONFIG.")] = None,
    role: Annotated[
        list[str] | None, typer.Option(help="gateway, worker or recorder; left out: all.")
    ] = None,
    migrating: Annotated[
        bool, typer.Option("--migrate", help="Bring the database up to date first.")
    ] = False,
) -> None:
    """Run one role of the hub or several in this process, until SIGTERM or Ctrl-C."""
    try:
        roles = _roles(role)
        settings = load_settings(config, os.environ)
        configure_log(settings.log.format, settings.log.level)
        if ending := settings.calendars.ending(datetime.now(VIETNAM).date()):
            log.warning("calendar_ends", text=ending)
        if migrating:
            from hub.store.migration import migrate  # Alembic is slow to import

            migrate(settings.postgres.url.get_secret_value())
        hub = Hub(settings, roles)
        look_seldom()
        uvloop.run(_run(hub))
    except HubError as error:
        typer.secho(f"{error.code}: {error}", err=True, fg=typer.colors.RED)
        raise typer.Exit(1) from error


def _roles(asked: list[str] | None) -> tuple[str, ...]:
    for name in asked or ():
        if name not in ROLES:
            raise typer.BadParameter(f"no role {name}; there are: {', '.join(ROLES)}")
    return tuple(asked or ROLES)


async def _run(hub: Hub) -> None:
    """FastStream starts, hears the signals and stops; the hub's loops run beside it."""
    stop = asyncio.Event()
    main: list[asyncio.Task[None]] = []

    async def start() -> None:
        main.append(asyncio.create_task(hub.run(stop)))
        main[0].add_done_callback(lambda _: app.exit())

    async def end() -> None:
        stop.set()
        await asyncio.wait(main)

    await hub.wait_for_kafka()
    app = application(hub.settings.kafka, start=start, stop=end)
    await app.run()
    main[0].result()
