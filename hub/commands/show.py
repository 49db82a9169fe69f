"""`hub show`: what has become of a dossier, or of one message; `hub rejections` of a unit."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Annotated

import typer

import hub.schemas  # noqa: F401 - registers the kinds, so that events can be masked
from hub.commands.raw import Raw, fetch_raw
from hub.commands.reach import (
    AsJson,
    Config,
    Postgres,
    print_json,
    print_table,
    when,
    with_store,
)
from hub.deadline import Verdict, verdict
from hub.errors import HubError
from hub.now import Facts, RouteNow, Situation, routes_now
from hub.outcome import Outcome, Stage, State
from hub.reasons import reason_of
from hub.settings import HubSettings
from hub.store import Store
from hub.store.facts import facts_about
from hub.store.timeline import Entry, Timeline
from hub.worktime import VIETNAM

app = typer.Typer(help="What has become of a dossier, or of one message.", no_args_is_help=True)

SITUATIONS = {
    Situation.DELIVERED: "đã giao / delivered",
    Situation.WAITING: "đang chờ gửi / on its way",
    Situation.PARKED: "đang giữ, hub sẽ gửi lại / parked, the hub will try again",
    Situation.DEAD: "dừng, cần người xử lý / dead, a person must act",
    Situation.NOTHING: "chưa có gì để gửi / nothing to send",
}
VERDICTS = {
    Verdict.EARLY: "trước hạn / early",
    Verdict.ON_TIME: "đúng hạn / on time",
    Verdict.LATE: "quá hạn / late",
    Verdict.RUNNING: "trong hạn / in time",
    Verdict.DUE_SOON: "sắp đến hạn / due soon",
    Verdict.OVERDUE: "đang quá hạn / overdue",
    Verdict.PAUSED: "tạm dừng / paused",
    Verdict.NOT_ACCEPTED: "chưa tiếp nhận / not accepted",
    Verdict.WITHDRAWN: "đã rút / withdrawn",
}
SPAN = re.compile(r"(\d+)([mhd])")
UNITS = {"m": "minutes", "h": "hours", "d": "days"}


@app.command()
def dossier(
    code: Annotated[str, typer.Argument(help="Dossier code, or a parcel or payment number.")],
    as_json: AsJson = False,
    config: Config = None,
    postgres: Postgres = None,
) -> None:
    """Print a dossier's timeline, and where it stands now on each route."""

    async def ask(store: Store, settings: HubSettings | None) -> tuple[str, Facts, list[RouteNow]]:
        subject, facts = code, await facts_about(store, code)
        if not facts.outcomes and facts.standing is None:
            subjects = await Timeline(store).subjects_of_alias(code)
            if not subjects:
                raise HubError(f"nothing is recorded about {code}", code="nothing_known")
            subject, facts = subjects[0], await facts_about(store, subjects[0])
        return subject, facts, routes_now(subject, facts, settings.routes if settings else {})

    async def work(store: Store, settings: HubSettings | None) -> None:
        subject, facts, now = await ask(store, settings)
        if as_json:
            timeline = [_json(each, _systems(settings)) for each in facts.outcomes]
            standing = facts.standing
            print_json({"subject": subject, "standing": standing, "timeline": timeline, "now": now})
            return
        _print_dossier(subject, facts)
        _print_timeline(facts.outcomes, _systems(settings))
        idle = [each.route for each in now if each.situation is Situation.NOTHING and not each.gate]
        for each in now:
            if each.route not in idle:
                _print_now(each)
        if idle:
            typer.echo(f"now  {SITUATIONS[Situation.NOTHING]}: {', '.join(idle)}")

    with_store(config, postgres, work)


@app.command()
def message(
    handle: Annotated[str, typer.Argument(metavar="ID", help="Id of a raw message or event.")],
    body: Annotated[
        bool, typer.Option("--body", help="The body as it is; left out: masked.")
    ] = False,
    config: Config = None,
    postgres: Postgres = None,
) -> None:
    """Print one raw message, as received and decoded; masked by data class unless asked."""

    async def work(store: Store, settings: HubSettings | None) -> None:
        entries = await Timeline(store).of_message(handle)
        if not entries:
            raise HubError(f"nothing is recorded about {handle}", code="nothing_known")
        _print_timeline([entry.outcome for entry in entries], _systems(settings))
        if settings is None:
            raise HubError("the body is in Kafka: give --config or HUB_CONFIG", code="config")
        for raw in await fetch_raw(settings, _positions(entries)):
            _print_raw(raw, entries, clear=body)

    with_store(config, postgres, work)


def rejections(
    unit: Annotated[str, typer.Option(help="Organisation id of the unit.")],
    since: Annotated[str, typer.Option(help="A date (2026-11-03), or a span: 90m, 12h, 7d.")] = "",
    as_json: AsJson = False,
    config: Config = None,
    postgres: Postgres = None,
) -> None:
    """List a unit's messages that were refused at the door, or that died later."""

    async def work(store: Store, settings: HubSettings | None) -> None:
        found = await Timeline(store).rejections(unit, moment(since))
        if as_json:
            print_json([_json(entry.outcome, {}) for entry in found])
            return
        outcomes = [entry.outcome for entry in found]
        heads = ("when", "dossier", "where", "outcome", "reason", "message")
        notes = [each.text or reason_of(each.reason).vi for each in outcomes]
        nothing = f"nothing of unit {unit} was refused or died" + (f" since {since}" * bool(since))
        print_table(heads, map(_rejection, outcomes), nothing=nothing, notes=notes)

    with_store(config, postgres, work)


def moment(text: str, *, ahead: bool = False) -> datetime | None:
    """A moment that a person gave: a date, a time (Vietnamese unless said), or a span from now.

    Raises:
        HubError: code `unreadable_time`.
    """
    if not text:
        return None
    if span := SPAN.fullmatch(text):
        length = timedelta(**{UNITS[span[2]]: int(span[1])})
        return datetime.now(UTC) + (length if ahead else -length)
    try:
        given = datetime.fromisoformat(text)
    except ValueError as error:
        text = f"{text} is no time: write 2026-11-03, 2026-11-03T08:00 or a span (90m, 12h, 7d)"
        raise HubError(text, code="unreadable_time") from error
    return given if given.tzinfo else given.replace(tzinfo=VIETNAM)


def _systems(settings: HubSettings | None) -> dict[str, str]:
    """The system that each route delivers to."""
    return {name: route.to for name, route in settings.routes.items()} if settings else {}


def _positions(entries: Sequence[Entry]) -> list[str]:
    found = [entry.outcome.position for entry in entries]
    return list(dict.fromkeys(position for position in found if position))


def _print_dossier(subject: str, facts: Facts) -> None:
    typer.secho(subject, bold=True)
    if facts.standing is not None:
        it = facts.standing
        typer.echo(
            f"{it.unit}  {it.procedure_code} {it.procedure_name}\n"
            f"trạng thái / status: {it.status} ({it.status_code})  "
            f"tiếp nhận / received: {when(it.received_at)}  "
            f"hẹn trả / due: {when(it.due_at)}  xong / finished: {when(it.finished_at)}"
        )
        stands = verdict(it.status, it.finished_at, it.deadline_at, datetime.now(UTC))
        moved = f"  hạn sau tạm dừng / after pauses: {when(it.deadline_at)}"
        typer.echo(
            f"thời hạn / deadline: {VERDICTS[stands]}{moved if it.deadline_at != it.due_at else ''}"
        )
        if it.doubts:
            typer.echo(f"nghi vấn / doubts: {it.doubts}")
    typer.echo()


def _print_timeline(outcomes: Sequence[Outcome], systems: dict[str, str]) -> None:
    heads = ("when", "system", "way", "kind", "outcome", "tries", "took", "message", "why")
    print_table(heads, (_row(each, systems) for each in outcomes), nothing="nothing is recorded")
    typer.echo()


def _row(outcome: Outcome, systems: dict[str, str]) -> tuple[str, ...]:
    return (
        when(outcome.at),
        systems.get(outcome.name, outcome.name),
        "out" if outcome.stage is Stage.DELIVER else "in",
        outcome.kind,
        outcome.state,
        str(outcome.attempts or ""),
        took(outcome.duration_ms),
        outcome.message_id,
        " ".join(part for part in (outcome.reason, outcome.foreign_code) if part),
    )


def took(milliseconds: float) -> str:
    """A duration for people."""
    if milliseconds < 1000:
        return f"{milliseconds:.0f} ms"
    seconds = milliseconds / 1000
    return f"{seconds:.1f} s" if seconds < 120 else str(timedelta(seconds=round(seconds)))


def _json(outcome: Outcome, systems: dict[str, str]) -> dict[str, object]:
    fields = {name: getattr(outcome, name) for name in outcome.__struct_fields__}
    way = "out" if outcome.stage is Stage.DELIVER else "in"
    return {**fields, "system": systems.get(outcome.name, outcome.name), "way": way}


def _rejection(outcome: Outcome) -> tuple[str, ...]:
    where = "at the door" if outcome.state is State.REFUSED else outcome.name
    handle = outcome.message_id
    return (when(outcome.at), outcome.subject, where, outcome.state, outcome.reason, handle)


def _print_now(now: RouteNow) -> None:
    bad = now.situation in (Situation.PARKED, Situation.DEAD) or bool(now.gate)
    colour = typer.colors.YELLOW if bad else typer.colors.GREEN
    if now.situation is Situation.DEAD:
        colour = typer.colors.RED
    typer.secho(f"now  {now.route}: {SITUATIONS[now.situation]}", fg=colour)
    if now.up_to:
        typer.echo(f"     đã giao đến / delivered up to {now.up_to}")
    if now.situation in (Situation.PARKED, Situation.DEAD):
        behind = now.waiting_count - 1
        typer.echo(f"     từ / since {when(now.since)}, phía sau / behind it: {behind}")
    if now.aside_count:
        typer.echo(f"     thư chết đã gác lại / dead letters set aside: {now.aside_count}")
    for code in dict.fromkeys(code for code in (now.code, now.gate) if code):
        reason = reason_of(code)
        typer.echo(f"     {code}: {reason.vi} / {reason.en}")
        typer.echo(f"     → {reason.help_vi} / {reason.help_en}")
    if now.text:
        typer.echo(f"     {now.text}")
    if now.next_try_at is not None:
        typer.echo(f"     lần gửi tới / next try: {when(now.next_try_at)}")
    for command in now.commands:
        typer.echo(f"     $ {command}")


def _print_raw(raw: Raw, entries: Sequence[Entry], *, clear: bool) -> None:
    outcomes = [entry.outcome for entry in entries]
    known = {text for each in outcomes for text in (each.subject, each.unit) if text}
    typer.secho(raw.title, bold=True)
    for name, value in raw.headers_to_show().items():
        typer.echo(f"  {name}: {value}")
    typer.echo(raw.clear() if clear else raw.masked(known))
    typer.echo()
