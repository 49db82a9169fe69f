"""`hub route`: how each route stands; pause, resume, and planned maintenance."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Annotated, Any

import typer

from hub.commands.reach import (
    AsJson,
    Config,
    Postgres,
    Who,
    Why,
    print_json,
    print_table,
    require_route,
    when,
    whoever,
    with_store,
)
from hub.commands.show import moment
from hub.errors import HubError
from hub.held import RouteControl
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
        ahead, pauses = await told.windows(store), await told.pauses(store)
        names = dict.fromkeys([*(settings.routes if settings else ()), *controls, *beats])
        if as_json:
            print_json({"controls": controls, "workers": beats, "windows": ahead, "pauses": pauses})
            return
        rows = [
            _row(
                name,
                controls.get(name),
                [beat.status for beat in beats.get(name, ()) if beat.age_seconds < FRESH_SECONDS],
                [each for each in (_resting(name, ahead), pauses.get(name)) if each is not None],
            )
            for name in names
        ]
        heads = ("route", "gate", "workers", "breaker", "waits for", "until", "who", "why")
        print_table(heads, rows, nothing="no route is configured, and none has ever run")
        if ahead:
            typer.echo()
            _print_windows(ahead)

    with_store(config, postgres, work)


@app.command()
def pause(
    route: RouteName,
    reason: Why = "",
    until: Annotated[
        str, typer.Option(help="Ends by itself: a time (2026-11-03T18:00) or a span (90m, 12h).")
    ] = "",
    actor: Who = "",
    config: Config = None,
    postgres: Postgres = None,
) -> None:
    """Let a route rest: Kafka keeps its backlog, nothing is lost."""

    async def work(store: Store, settings: HubSettings | None) -> None:
        require_route(route, settings)
        end = _to_come(until)
        await told.pause(store, route, whoever(actor, reason), end)
        typer.echo(f"{route} is paused" + (f" until {when(end)}" if end else ""))

    with_store(config, postgres, work)


@app.command()
def resume(
    route: RouteName,
    reason: Why = "",
    actor: Who = "",
    config: Config = None,
    postgres: Postgres = None,
) -> None:
    """Let a route that was paused, or has stopped itself, go on."""

    async def work(store: Store, settings: HubSettings | None) -> None:
        require_route(route, settings)
        author, control = whoever(actor, reason), (await told.controls(store)).get(route)
        await told.resume(store, route, author)
        window = _resting(route, await told.windows(store))
        if window is None:
            rested = control is not None and (control.paused or control.stopped_reason)
            before = "" if rested else " as before: it was neither paused nor stopped"
            typer.echo(f"{route} goes on{before}")
            return
        typer.echo(
            f"{route} still rests: its maintenance window {window.id} is open until "
            f"{when(window.ends_at)}; "
            f"take it back: hub route window remove {window.id} --reason …"
        )
        raise typer.Exit(1)

    with_store(config, postgres, work)


@window.command("list")
def list_windows(as_json: AsJson = False, config: Config = None, postgres: Postgres = None) -> None:
    """List windows that are open or still to come."""

    async def work(store: Store, _: HubSettings | None) -> None:
        ahead = await told.windows(store)
        print_json(ahead) if as_json else _print_windows(ahead)

    with_store(config, postgres, work)


@window.command("add")
def add_window(
    route: RouteName,
    start: Annotated[str, typer.Option("--from", help="A time: 2026-11-03T22:00.")],
    end: Annotated[str, typer.Option("--until", help="A time: 2026-11-04T02:00.")],
    reason: Why = "",
    actor: Who = "",
    config: Config = None,
    postgres: Postgres = None,
) -> None:
    """Plan a window in which the route rests."""

    async def work(store: Store, settings: HubSettings | None) -> None:
        require_route(route, settings)
        starts_at, ends_at = moment(start, ahead=True), _to_come(end)
        if starts_at is None or ends_at is None:
            raise HubError("a window has a start and an end", code="unreadable_time")
        author = whoever(actor, reason)
        number = await told.add_window(store, route, starts_at, ends_at, author)
        typer.echo(f"window {number}: {route} rests {when(starts_at)} – {when(ends_at)}")

    with_store(config, postgres, work)


@window.command("remove")
def remove_window(
    number: Annotated[int, typer.Argument(metavar="WINDOW", help="Number of the window.")],
    reason: Why = "",
    actor: Who = "",
    config: Config = None,
    postgres: Postgres = None,
) -> None:
    """Take a window back."""

    async def work(store: Store, _: HubSettings | None) -> None:
        await told.remove_window(store, number, whoever(actor, reason))
        typer.echo(f"window {number} is gone")

    with_store(config, postgres, work)


def _row(
    name: str,
    control: RouteControl | None,
    fresh: Sequence[Mapping[str, Any]],
    pauses: Sequence[told.Window | told.Pause],
) -> tuple[str, ...]:
    """One route; of a window and a pause, the one that ends last counts."""
    shut = {code: text for status in fresh for code, text in (status.get("closed") or {}).items()}
    stopped = control.stopped_reason if control is not None else ""
    paused = "paused" in shut if control is None else control.paused
    ends = [each.ends_at for each in pauses]
    last = None if None in ends else max(filter(None, ends), default=None)
    return (
        name,
        stopped or ("paused" if paused else "open"),
        str(len(fresh)),
        _words({str(status.get("breaker", "")) for status in fresh}),
        _words(set(shut) - {"paused"}),
        (when(last) or "hub route resume") if paused or stopped else "",
        pauses[0].actor if pauses else "",
        control.text if control is not None else shut.get("paused", ""),
    )


def _to_come(text: str) -> datetime | None:
    """A moment at which something is to end.

    Raises:
        HubError: code `unreadable_time`, or `time_has_passed`.
    """
    end = moment(text, ahead=True)
    if end is not None and end <= datetime.now(UTC):
        raise HubError(f"--until {text} has passed: {when(end)}", code="time_has_passed")
    return end


def _resting(route: str, windows: Sequence[told.Window]) -> told.Window | None:
    """The open window of a route that ends last."""
    found = [each for each in windows if each.route == route and each.is_open]
    return max(found, key=lambda each: each.ends_at, default=None)


def _print_windows(windows: Sequence[told.Window]) -> None:
    heads = ("window", "route", "from", "until", "open now", "who", "why")
    rows = [
        (
            *(str(w.id), w.route, when(w.starts_at), when(w.ends_at)),
            *("yes" if w.is_open else "no", w.actor, w.reason),
        )
        for w in windows
    ]
    print_table(heads, rows, nothing="no maintenance window is open or planned")


def _words(values: set[str]) -> str:
    return " ".join(sorted(value for value in values if value))
