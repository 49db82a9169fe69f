"""`hub route`: how each route stands; pause, resume, and planned maintenance."""

from __future__ import annotations

from typing import Annotated

import typer

from hub.commands.reach import (
    AsJson,
    Config,
    Postgres,
    Who,
    Why,
    print_json,
    print_table,
    when,
    whoever,
    with_store,
)
from hub.commands.show import moment
from hub.errors import ConfigError, HubError
from hub.now import FRESH_SECONDS
from hub.settings import HubSettings
from hub.store import Store
from hub.store import routes as told
from hub.store.facts import beats_of
from hub.store.held_view import HeldView

app = typer.Typer(help="Routes: pause, resume, maintenance windows.", no_args_is_help=True)
window = typer.Typer(help="Planned maintenance: the route rests for a while.", no_args_is_help=True)
app.add_typer(window, name="window")

RouteName = Annotated[str, typer.Argument(metavar="ROUTE", help="Name of the route.")]


@app.command("list")
def list_(as_json: AsJson = False, config: Config = None, postgres: Postgres = None) -> None:
    """List routes: open, paused or stopped, and what their workers say."""

    async def work(store: Store, settings: HubSettings | None) -> None:
        controls = await told.controls(store)
        beats = beats_of(await HeldView(store).workers())
        ahead = await told.windows(store)
        names = dict.fromkeys([*(settings.routes if settings else ()), *controls, *beats])
        if as_json:
            print_json({"controls": controls, "workers": beats, "windows": ahead})
            return
        rows = []
        for name in names:
            control = controls.get(name)
            fresh = [b.status for b in beats.get(name, ()) if b.age_seconds < FRESH_SECONDS]
            gate = "open"
            if control is not None and (control.paused or control.stopped_reason):
                gate = control.stopped_reason or "paused"
            breakers = {str(status.get("breaker", "")) for status in fresh}
            shut = {code for status in fresh for code in dict(status.get("closed") or {})}
            text = control.text if control else ""
            rows.append(
                (name, gate, str(len(fresh)), _words(breakers), _words(shut - {"paused"}), text)
            )
        print_table(("route", "gate", "workers", "breaker", "waits for", "why"), rows)
        if ahead:
            typer.echo()
            heads = ("window", "route", "from", "until", "who", "why")
            print_table(
                heads,
                (
                    (str(w.id), w.route, when(w.starts_at), when(w.ends_at), w.actor, w.reason)
                    for w in ahead
                ),
            )

    with_store(config, postgres, work)


@app.command()
def pause(
    route: RouteName,
    reason: Why,
    until: Annotated[
        str, typer.Option(help="Ends by itself: a time (2026-11-03T18:00) or a span (90m, 12h).")
    ] = "",
    actor: Who = "",
    config: Config = None,
    postgres: Postgres = None,
) -> None:
    """Let a route rest: Kafka keeps its backlog, nothing is lost."""

    async def work(store: Store, settings: HubSettings | None) -> None:
        _require(route, settings)
        end = moment(until, ahead=True)
        await told.pause(store, route, whoever(actor, reason), end)
        typer.echo(f"{route} is paused" + (f" until {when(end)}" if end else ""))

    with_store(config, postgres, work)


@app.command()
def resume(
    route: RouteName,
    reason: Why,
    actor: Who = "",
    config: Config = None,
    postgres: Postgres = None,
) -> None:
    """Let a route that was paused, or has stopped itself, go on."""

    async def work(store: Store, settings: HubSettings | None) -> None:
        _require(route, settings)
        await told.resume(store, route, whoever(actor, reason))
        open_now = [w for w in await told.windows(store) if w.route == route and w.is_open]
        typer.echo(f"{route} goes on")
        for each in open_now:
            typer.echo(
                f"but its maintenance window {each.id} is open until {when(each.ends_at)}; "
                f"take it back: hub route window remove {each.id} --reason …"
            )

    with_store(config, postgres, work)


@window.command("add")
def add_window(
    route: RouteName,
    start: Annotated[str, typer.Option("--from", help="A time: 2026-11-03T22:00.")],
    end: Annotated[str, typer.Option("--until", help="A time: 2026-11-04T02:00.")],
    reason: Why,
    actor: Who = "",
    config: Config = None,
    postgres: Postgres = None,
) -> None:
    """Plan a window in which the route rests."""

    async def work(store: Store, settings: HubSettings | None) -> None:
        _require(route, settings)
        starts_at, ends_at = moment(start, ahead=True), moment(end, ahead=True)
        if starts_at is None or ends_at is None:
            raise HubError("a window has a start and an end", code="unreadable_time")
        author = whoever(actor, reason)
        number = await told.add_window(store, route, starts_at, ends_at, author)
        typer.echo(f"window {number}: {route} rests {when(starts_at)} – {when(ends_at)}")

    with_store(config, postgres, work)


@window.command("remove")
def remove_window(
    number: Annotated[int, typer.Argument(metavar="WINDOW", help="Number of the window.")],
    reason: Why,
    actor: Who = "",
    config: Config = None,
    postgres: Postgres = None,
) -> None:
    """Take a window back."""

    async def work(store: Store, _: HubSettings | None) -> None:
        await told.remove_window(store, number, whoever(actor, reason))
        typer.echo(f"window {number} is gone")

    with_store(config, postgres, work)


def _require(route: str, settings: HubSettings | None) -> None:
    """Refuse a name that is no route of hub.yaml: a pause of it would pause nothing.

    Raises:
        ConfigError: there is no such route.
    """
    if settings is None or route in settings.routes:
        return
    if route.startswith("in.") and route.removeprefix("in.") in settings.connectors:
        return
    raise ConfigError(f"no route {route}; there are: {', '.join(sorted(settings.routes))}")


def _words(values: set[str]) -> str:
    return " ".join(sorted(value for value in values if value))
