"""`hub top`: what all workers of the hub are doing, live."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any

import typer
from rich.console import Console, Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

from hub.commands.reach import AsJson, Config, Postgres, print_json, with_store
from hub.errors import Unavailable
from hub.held import RouteControl
from hub.now import FRESH_SECONDS
from hub.reasons import reason_of
from hub.settings import HubSettings
from hub.store import Store
from hub.store.held_view import HeldView, WorkerReport
from hub.store.routes import controls

FORGET_SECONDS = 300.0
"""A worker that has been silent for longer is not shown any more."""
FRAME_COLUMNS = 140
LEGEND = (
    "lag: records behind; open: of them in memory; held: messages parked or dead, of so many "
    "dossiers; oldest: since when; dead: dossiers that a person must look after (hub held list)"
)


@dataclass(frozen=True, slots=True)
class RouteLine:
    """One route over all workers that report.

    Attributes:
        partitions: owned ones.
        per_second: deliveries; none when only one heartbeat is known.
        lag: records behind the watermarks; `open` of them are in the workers' windows.
        parked, dead: messages parked, and subjects whose head is dead.
        oldest_parked_seconds: age of the oldest queue.
        breaker: the worst state of any worker's breaker.
        closed: reasons why nothing is sent, code -> text.
    """

    route: str
    workers: int
    partitions: int
    per_second: float | None
    lag: int
    open: int
    calls: int
    parked_subjects: int
    parked: int
    dead: int
    oldest_parked_seconds: float
    breaker: str
    closed: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class DecodeLine:
    """Decoding of one in-topic over all workers that report."""

    topic: str
    workers: int
    partitions: int
    per_second: float | None
    closed: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class WorkerLine:
    """One worker; `silent` ones have missed their heartbeats."""

    worker: str
    role: str
    silent: bool
    age_seconds: float
    partitions: int


@dataclass(frozen=True, slots=True)
class Frame:
    """One look."""

    routes: Sequence[RouteLine]
    decode: Sequence[DecodeLine]
    workers: Sequence[WorkerLine]


BREAKERS = ("closed", "half_open", "open")
Said = Sequence[tuple[Mapping[str, Any], float | None]]
"""What each fresh worker says of one route or topic, and its count a second."""


def frame_of(
    reports: Sequence[WorkerReport],
    before: Sequence[WorkerReport],
    told: Mapping[str, RouteControl],
) -> Frame:
    """The frame of these heartbeats; rates come from the ones seen before.

    Args:
        reports: the workers' last words now.
        before: at an earlier look, empty at the first.
        told: what people and the engine have told the routes.
    """
    earlier = {report.worker: report for report in before}
    fresh = [report for report in reports if report.age_seconds < FRESH_SECONDS]
    routes = {name for report in fresh for name in _part(report, "routes")} | set(told)
    topics = {name for report in fresh for name in _part(report, "decode")}
    return Frame(
        routes=[
            _route(name, _said(fresh, earlier, ("routes", name, "delivered")), told.get(name))
            for name in sorted(routes)
            if not name.startswith("in.")
        ],
        decode=[
            _decode(topic, _said(fresh, earlier, ("decode", topic, "handled")))
            for topic in sorted(topics)
        ],
        workers=[
            WorkerLine(
                worker=report.worker,
                role=report.role,
                silent=report.age_seconds >= FRESH_SECONDS,
                age_seconds=round(report.age_seconds, 1),
                partitions=sum(
                    len(status.get("partitions") or ())
                    for part in ("routes", "decode")
                    for status in _part(report, part).values()
                ),
            )
            for report in reports
            if report.age_seconds < FORGET_SECONDS
        ],
    )


def _part(report: WorkerReport, name: str) -> Mapping[str, Mapping[str, Any]]:
    return dict(report.status.get(name) or {})


def _said(
    fresh: Sequence[WorkerReport], earlier: Mapping[str, WorkerReport], what: tuple[str, str, str]
) -> Said:
    part, name, count = what
    found = []
    for report in fresh:
        status = _part(report, part).get(name)
        if status is None:
            continue
        rate = None
        past = earlier.get(report.worker)
        seconds = (report.seen_at - past.seen_at).total_seconds() if past is not None else 0.0
        if past is not None and seconds > 0:
            before = _part(past, part).get(name) or {}
            rate = max(0, status.get(count, 0) - before.get(count, 0)) / seconds
        found.append((status, rate))
    return found


def _rate(said: Said) -> float | None:
    known = [rate for _, rate in said if rate is not None]
    return round(sum(known), 1) if known else None


def _closed(said: Said) -> dict[str, str]:
    return {
        code: str(text) for status, _ in said for code, text in (status.get("closed") or {}).items()
    }


def _route(name: str, said: Said, control: RouteControl | None) -> RouteLine:
    partitions = [each for status, _ in said for each in (status.get("partitions") or {}).values()]
    closed = _closed(said)
    if control is not None and control.paused:
        closed["paused"] = control.text
    if control is not None and control.stopped_reason:
        closed["stopped"] = control.stopped_reason
    breakers = [str(status.get("breaker", BREAKERS[0])) for status, _ in said]
    return RouteLine(
        route=name,
        workers=len(said),
        partitions=len(partitions),
        per_second=_rate(said),
        lag=sum(each.get("lag", 0) for each in partitions),
        open=sum(each.get("open", 0) for each in partitions),
        calls=sum(status.get("calls", 0) for status, _ in said),
        parked_subjects=sum(each.get("parked_subjects", 0) for each in partitions),
        parked=sum(each.get("parked_messages", 0) for each in partitions),
        dead=sum(each.get("dead_subjects", 0) for each in partitions),
        oldest_parked_seconds=round(
            max((each.get("oldest_parked_seconds", 0.0) for each in partitions), default=0.0), 1
        ),
        breaker=max(breakers, key=BREAKERS.index, default=""),
        closed=closed,
    )


def _decode(topic: str, said: Said) -> DecodeLine:
    owned = sum(len(status.get("partitions") or ()) for status, _ in said)
    return DecodeLine(topic, len(said), owned, _rate(said), _closed(said))


# --- showing ----------------------------------------------------------------------------------


def top(
    once: Annotated[bool, typer.Option("--once", help="Print one frame and end.")] = False,
    seconds: Annotated[float, typer.Option(min=0.1, help="Between two looks.")] = 2.5,
    as_json: AsJson = False,
    config: Config = None,
    postgres: Postgres = None,
) -> None:
    """Show routes, rates, lag, parked, dead, breakers and workers, live until Ctrl-C.

    Rates need two heartbeats of a worker, which sends one every two seconds.
    """

    async def work(store: Store, _: HubSettings | None) -> None:
        if once or as_json:
            frame = await _once(store, seconds)
            if as_json:
                print_json(frame)
            else:
                console = Console()
                console.width = max(console.width, FRAME_COLUMNS)
                console.print(_drawn(frame))
        else:
            await _live(store, seconds)

    try:
        with_store(config, postgres, work)
    except KeyboardInterrupt:
        raise typer.Exit(0) from None


async def _once(store: Store, seconds: float) -> Frame:
    view = HeldView(store)
    before = await view.workers()
    if any(report.age_seconds < FRESH_SECONDS for report in before):
        await asyncio.sleep(seconds)
    return frame_of(await view.workers(), before, await controls(store))


async def _live(store: Store, seconds: float) -> None:
    view = HeldView(store)
    before: Sequence[WorkerReport] = ()
    with Live(screen=True, auto_refresh=False) as screen:
        while True:
            try:
                reports = await view.workers()
                frame = frame_of(reports, before, await controls(store))
            except Unavailable as error:  # whoever looks in an outage wants to see its end
                screen.update(Text(f"{error.code}: {error}", style="red"), refresh=True)
            else:
                screen.update(_drawn(frame), refresh=True)
                before = reports
            await asyncio.sleep(seconds)


def _drawn(frame: Frame) -> Group:
    closed = {line.route: line.closed for line in frame.routes}
    closed |= {line.topic: line.closed for line in frame.decode}
    return Group(
        _routes(frame.routes),
        Text(LEGEND, style="dim"),
        *_reasons(closed),
        _decodes(frame.decode),
        _workers(frame.workers),
    )


def _table(title: str, heads: Sequence[str], words: int) -> Table:
    """A table whose first column, and the last `words`, are text; the others are numbers."""
    table = Table(title=title, title_justify="left", expand=False)
    for index, head in enumerate(heads):
        text = index == 0 or index >= len(heads) - words
        table.add_column(head, justify="left" if text else "right", no_wrap=index == 0)
    return table


def _routes(lines: Sequence[RouteLine]) -> Table:
    heads = ("route", "workers", "owned", "per s", "lag", "open", "calls", "held", "dossiers")
    table = _table("routes", (*heads, "oldest", "dead", "breaker", "closed by"), 2)
    for line in lines:
        table.add_row(
            line.route,
            f"{line.workers}",
            f"{line.partitions}",
            _number(line.per_second),
            f"{line.lag:,}",
            f"{line.open:,}",
            f"{line.calls}",
            f"{line.parked:,}",
            f"{line.parked_subjects:,}",
            _age(line.oldest_parked_seconds),
            f"{line.dead:,}",
            line.breaker,
            " ".join([*([] if line.workers else ["no_worker"]), *sorted(line.closed)]),
        )
    return table


def _decodes(lines: Sequence[DecodeLine]) -> Table:
    table = _table("decoding", ("topic", "workers", "owned", "per s", "closed by"), 1)
    for line in lines:
        owned, rate = f"{line.partitions}", _number(line.per_second)
        table.add_row(line.topic, f"{line.workers}", owned, rate, " ".join(sorted(line.closed)))
    return table


def _workers(lines: Sequence[WorkerLine]) -> Table:
    table = _table("workers", ("worker", "owned", "heard", "role", "state"), 2)
    for line in lines:
        state = "silent" if line.silent else "works"
        heard = f"{_age(line.age_seconds)} ago"
        table.add_row(line.worker, f"{line.partitions}", heard, line.role, state)
    return table


def _number(rate: float | None) -> str:
    return "–" if rate is None else f"{rate:,.1f}"


def _age(seconds: float) -> str:
    for limit, size, unit in ((60, 1, "s"), (3600, 60, "min"), (86_400, 3600, "h")):
        if seconds < limit:
            return f"{seconds / size:.0f} {unit}"
    return f"{seconds / 86_400:.0f} d"


def _reasons(closed: Mapping[str, Mapping[str, str]]) -> Iterator[Text]:
    """Why routes and topics are closed: a line each, wrapped and never cut."""
    for name, reasons in sorted(closed.items()):
        for code, text in sorted(reasons.items()):
            yield Text(f"{name}: {code}, {text or reason_of(code).en}", style="yellow")
