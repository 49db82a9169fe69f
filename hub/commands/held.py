"""`hub held`: what is held, why, and the acts of people on it."""

from __future__ import annotations

import shlex
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Literal, NoReturn, cast

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
from hub.errors import UNDOCUMENTED, HubError
from hub.held import Act, HeldMessage, HeldSubject
from hub.outcome import State
from hub.reasons import reason_of
from hub.settings import HubSettings
from hub.store import Store
from hub.store.acts import ActRecord, Acts, Author
from hub.store.aftermath import Aftermath, Replayed
from hub.store.held_view import HeldFilter, HeldView

app = typer.Typer(help="Messages that are held, and acts on them.", no_args_is_help=True)

RouteName = Annotated[str, typer.Argument(metavar="ROUTE", help="Name of the route.")]
Subject = Annotated[str, typer.Argument(metavar="DOSSIER", help="Dossier code.")]
EventId = Annotated[
    str,
    typer.Option(
        "--event", help="The head's id, so that nothing else is acted on; left out: the head."
    ),
]
Patience = Annotated[float, typer.Option("--wait-seconds", help="How long to wait for its end.")]
STATES = ("parked", "dead", "aside")
UNDOCUMENTED_CODES = frozenset({UNDOCUMENTED, "procedure_unknown"})
"""Codes of undocumented refusals: after the route's rounds_count they are dead."""
ENDED = {
    Act.REPLAY: "tried again",
    Act.RESEND: "sent once more",
    Act.SKIP: "skipped",
    Act.RELEASE: "set aside",
}
"""What was done, by the act."""


@app.command("list")
def list_(
    route: Annotated[str | None, typer.Option(help="Of this route.")] = None,
    unit: Annotated[str | None, typer.Option(help="Of this unit.")] = None,
    reason: Annotated[str | None, typer.Option(help="With this reason code.")] = None,
    state: Annotated[
        str | None,
        typer.Option(help="parked (the hub tries again), dead (a person must act), aside."),
    ] = None,
    limit: Annotated[int, typer.Option(help="Most rows.")] = 100,
    as_json: AsJson = False,
    config: Config = None,
    postgres: Postgres = None,
) -> None:
    """List held dossiers, those that wait for a person first."""
    if state is not None and state not in STATES:
        raise typer.BadParameter(f"--state is one of {', '.join(STATES)}")
    wanted = HeldFilter(
        route, unit, reason, cast(Literal["parked", "dead", "aside"] | None, state), limit
    )

    async def work(store: Store, settings: HubSettings | None) -> None:
        view = HeldView(store)
        aside = await view.aside(wanted) if state == "aside" else ()
        queues = await view.queues(wanted) if state != "aside" else ()
        if as_json:
            print_json([*queues, *(_bare(message) for message in aside)])
            return
        if route is not None and not queues and not aside:
            require_route(route, settings)
        _print_queues(queues) if state != "aside" else _print_messages(aside)

    with_store(config, postgres, work)


@app.command()
def show(
    route: RouteName,
    subject: Subject,
    as_json: AsJson = False,
    config: Config = None,
    postgres: Postgres = None,
) -> None:
    """Show what one route holds of one dossier, why, and what people have done."""

    async def work(store: Store, settings: HubSettings | None) -> None:
        found = await HeldView(store).show(route, subject)
        acts = await Acts(store).history(route, subject)
        rows = [*found.messages, *found.aside]
        if not rows and not acts:
            require_route(route, settings)
            raise HubError(f"route {route} holds nothing of {subject}", code="nothing_held")
        if as_json:
            bare = [_bare(message) for message in rows]
            print_json({"queue": found.head, "messages": bare, "acts": acts})
            return
        if found.head is not None:
            _print_queues([found.head])
            reason = reason_of(found.head.reason)
            typer.echo(f"{reason.vi} / {reason.en}\n→ {reason.help_vi} / {reason.help_en}")
            typer.echo(f"{found.head.text}\n{_rounds(found.head, settings)}")
            typer.echo(f"{_behind(found.head)}\n")
        _print_messages(rows)
        if acts:
            typer.echo()
            heads = ("act", "when", "what", "who", "why", "result")
            print_table(
                heads,
                ((str(a.id), when(a.asked_at), a.act, a.actor, a.reason, _ended(a)) for a in acts),
            )

    with_store(config, postgres, work)


@app.command()
def replay(
    route: RouteName,
    subject: Subject,
    reason: Why = "",
    actor: Who = "",
    event: EventId = "",
    wait_seconds: Patience = 30,
    config: Config = None,
    postgres: Postgres = None,
) -> None:
    """Try the head of the queue again now, its rounds reset, and say what came of it.

    Ends with 0 if it is delivered, with 1 if it is parked or dead again, with 2 if it has not been
    tried in time.
    """
    target = _Target(route, subject, event)
    _act(Act.REPLAY, target, whoever(actor, reason), wait_seconds, (config, postgres))


@app.command()
def resend(
    route: RouteName,
    subject: Subject,
    reason: Why = "",
    actor: Who = "",
    event: EventId = "",
    wait_seconds: Patience = 30,
    config: Config = None,
    postgres: Postgres = None,
) -> None:
    """Send the head once more: you have looked, and the destination has not done it.

    For what was sent and nobody knows whether it took effect. A destination that can be asked is
    asked first all the same. Ends like `replay`.
    """
    target = _Target(route, subject, event)
    _act(Act.RESEND, target, whoever(actor, reason), wait_seconds, (config, postgres))


@app.command()
def skip(
    route: RouteName,
    subject: Subject,
    reason: Why = "",
    actor: Who = "",
    event: EventId = "",
    wait_seconds: Patience = 30,
    config: Config = None,
    postgres: Postgres = None,
) -> None:
    """Settle the head of the queue without delivering it; the next one flows."""
    target = _Target(route, subject, event)
    _act(Act.SKIP, target, whoever(actor, reason), wait_seconds, (config, postgres))


@app.command()
def release(
    route: RouteName,
    subject: Subject,
    reason: Why = "",
    actor: Who = "",
    wait_seconds: Patience = 30,
    config: Config = None,
    postgres: Postgres = None,
) -> None:
    """Let the followers of a dead head flow; the head stays dead, set aside."""
    target = _Target(route, subject, "")
    _act(Act.RELEASE, target, whoever(actor, reason), wait_seconds, (config, postgres))


@dataclass(frozen=True, slots=True)
class _Target:
    """What is acted on."""

    route: str
    subject: str
    event_id: str


def _act(
    act: Act,
    target: _Target,
    author: Author,
    wait_seconds: float,
    where: tuple[Path | None, str | None],
) -> None:
    """Ask for the act, wait for the partition's owner, and say how it ended.

    Ends with 1 if it was refused, with 2 if its owner has not answered in time: the act stays
    asked for, and is done as soon as a worker owns the partition.
    """

    async def work(store: Store, settings: HubSettings | None) -> None:
        acts = Acts(store)
        found = await HeldView(store).show(target.route, target.subject, limit=1)
        if not found.messages and not found.aside:
            require_route(target.route, settings)
        event_id = target.event_id or (found.messages[0].event_id if found.messages else "")
        message = Replayed(store, target.route, target.subject, event_id)
        await message.remember()
        end = time.monotonic() + wait_seconds
        number = await acts.request(target.route, target.subject, act, author, event_id=event_id)
        if act.settles and found.head is not None and found.messages:
            typer.echo(_what_goes(found.head, found.messages[0], settings), err=True)
            typer.echo(_behind(found.head), err=True)
        done = await acts.wait(number, wait_seconds)
        if done.done_at is None:
            _not_yet(target, f"act {done.id} is asked for; no worker has answered", wait_seconds)
        if act.settles or done.result.startswith("refused"):
            typer.echo(f"act {done.id}: {_ended(done)}")
            raise typer.Exit(1 if done.result.startswith("refused") else 0)
        after = await message.aftermath(end - time.monotonic())
        if after.state is None:
            _not_yet(target, f"act {done.id}: queued; nothing is known of a try", wait_seconds)
        typer.echo(f"act {done.id}: {_came_to(after, settings)}")
        raise typer.Exit(1 if after.state in (State.PARKED, State.DEAD) else 0)

    with_store(*where, work)


def _not_yet(target: _Target, what: str, wait_seconds: float) -> NoReturn:
    """Say that something is not known in time, and how to look; ends the command with 2."""
    on = f"{target.route} {shlex.quote(target.subject)}"
    text = f"{what} within {wait_seconds:g} s. See: hub held show {on}, and hub route list"
    typer.echo(text, err=True)
    raise typer.Exit(2)


def _came_to(after: Aftermath, settings: HubSettings | None) -> str:
    """What a replay came to."""
    if after.queue is None:
        return "dead again, set aside" if after.state is State.DEAD else str(after.state)
    queue = after.queue
    return f"{after.state} again, {queue.reason}: {queue.text}\n{_rounds(queue, settings)}"


def _rounds(queue: HeldSubject, settings: HubSettings | None) -> str:
    """How often the head has been tried out of the store, and when it is tried next."""
    if queue.dead:
        return "the hub does not try again: a person must act"
    route = settings.routes.get(queue.route) if settings is not None else None
    limit = ", without limit"
    if queue.reason in UNDOCUMENTED_CODES:
        limit = f" of {route.terms.rounds_count}" if route is not None else ""
    return f"rounds used: {queue.round_count}{limit}; next at {when(_next_try(queue))}"


def _ended(act: ActRecord) -> str:
    """How an act ended; what became of a try afterwards stands in the timeline."""
    if not act.result.startswith("done"):
        return act.result or "waits"
    return f"{ENDED[Act(act.act)]}: {act.event_id or 'the head'}"


def _what_goes(queue: HeldSubject, head: HeldMessage, settings: HubSettings | None) -> str:
    """What a skip or release settles."""
    state = "dead" if queue.dead else "parked"
    named = " ".join(part for part in (head.event_id, head.kind) if part)
    told = f"the head is {named}, {state} since {when(queue.since)}: {queue.reason}: {queue.text}"
    if queue.dead:
        return told
    return f"{told}\nthe hub would try it again by itself; {_rounds(queue, settings)}"


def _behind(queue: HeldSubject) -> str:
    """What a skip or release means for the followers."""
    count = queue.waiting_count - 1
    if not count:
        return "nothing waits behind it"
    return f"{count} behind it wait for it: after a skip or release they go on without it"


def _print_queues(queues: Sequence[HeldSubject]) -> None:
    heads = ("dossier", "route", "state", "since", "held", "rounds", "next try", "reason", "unit")
    print_table(heads, (_queue(each) for each in queues), nothing="nothing is held")


def _queue(queue: HeldSubject) -> tuple[str, ...]:
    return (
        queue.subject,
        queue.route,
        "dead" if queue.dead else "parked",
        when(queue.since),
        str(queue.waiting_count),
        str(queue.round_count),
        when(_next_try(queue)),
        queue.reason,
        queue.unit,
    )


def _next_try(queue: HeldSubject) -> datetime | None:
    return datetime.fromtimestamp(queue.next_try_at, UTC) if queue.next_try_at else None


def _print_messages(messages: Sequence[HeldMessage]) -> None:
    heads = ("event", "kind", "state", "since", "position", "tries", "reason", "message")
    print_table(
        heads,
        (
            (
                each.event_id,
                each.kind,
                each.state,
                when(each.held_at),
                str(each.position),
                str(each.attempts),
                " ".join(part for part in (each.reason, each.foreign_code) if part),
                each.message_id,
            )
            for each in messages
        ),
        nothing="nothing is held",
    )


def _bare(message: HeldMessage) -> dict[str, object]:
    """A held message without what it carries: `hub show message` shows that, masked."""
    hidden = ("key", "value", "headers")
    return {name: getattr(message, name) for name in message.__slots__ if name not in hidden} | {
        "position": str(message.position)
    }
