"""`hub report`: the figures of a month, per unit, for the quality index of decision 766/QĐ-TTg."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Annotated, Any

import typer

import hub.schemas  # noqa: F401 - registers the kinds, so that events can be read
from hub.commands.reach import AsJson, Config, Postgres, print_json, print_table, with_store
from hub.errors import ConfigError, DecodeError
from hub.event import Event
from hub.kafka import Kafka, safe_headers
from hub.message import Position
from hub.outbound import EVENTS_TOPIC
from hub.quality import NOT_GIVEN, Period, month_period, rates
from hub.recount import Recount, differences
from hub.settings import HubSettings
from hub.store import Store
from hub.store.quality import QualityReport, UnitQuality, quality
from hub.worktime import VIETNAM

ALL = "(tất cả / all)"
DOSSIERS = (
    *("received", "carried_over", "solved", "early", "on_time", "late", "open", "overdue"),
    *("paused", "withdrawn", "not_accepted"),
)
Differing = Mapping[str, Mapping[str, tuple[int, int]]]


@dataclass(frozen=True, slots=True)
class Asked:
    """What was asked for, and the answer."""

    month: str
    period: Period
    found: QualityReport
    names: Mapping[str, str]
    calendar: str
    differing: Differing | None


def report(
    month: Annotated[str, typer.Option(help="The month: 2023-05.")],
    unit: Annotated[str | None, typer.Option(help="Organisation id; left out: every unit.")] = None,
    recompute: Annotated[
        bool, typer.Option("--recompute", help="Fold the events in Kafka again, and compare.")
    ] = False,
    as_json: AsJson = False,
    config: Config = None,
    postgres: Postgres = None,
) -> None:
    """Print a month's figures: dossiers, rates, satisfaction, petitions, and what is missing.

    Ends with 1 if a recomputation comes to other figures. It can only know what Kafka still keeps
    (35 days of events).
    """
    today = datetime.now(VIETNAM).date()
    try:
        period = month_period(month, today)
    except ValueError as error:
        raise typer.BadParameter("a month is written 2023-05", param_hint="--month") from error

    async def ask(store: Store, settings: HubSettings | None) -> Asked:
        found = await quality(store, unit, period)
        names = {code: each.name for code, each in settings.units.items()} if settings else {}
        calendar = settings.calendars.calendar().version if settings else ""
        differing = None
        if recompute:
            if settings is None:
                raise ConfigError("--recompute needs hub.yaml, which says where Kafka is")
            differing = await _compared(settings, found, unit, period)
        return Asked(month, period, found, names, calendar, differing)

    asked = with_store(config, postgres, ask)
    if as_json:
        print_json(_json(asked))
    else:
        _print(asked)
    if asked.differing:
        raise typer.Exit(1)


async def _compared(
    settings: HubSettings, found: QualityReport, unit: str | None, period: Period
) -> Differing:
    """Figures in which a recount of the events in Kafka differs, by unit."""
    recount = Recount(settings.deadline_rules())
    async with Kafka(settings.kafka) as kafka:
        await _replay(kafka, settings.kafka.partitions_count, recount)
    together = {unit or ALL: (unit, found.total)}
    each = {name: (name, one) for name, one in found.units.items()}
    compared = {
        name: differences((one.tally, one.quality), recount.figures(asked, period))
        for name, (asked, one) in (together | each).items()
    }
    return {name: differing for name, differing in compared.items() if differing}


async def _replay(kafka: Kafka, partitions_count: int, recount: Recount) -> None:
    """Every event that Kafka keeps now, into the recount."""
    reader = await kafka.reader(EVENTS_TOPIC)
    try:
        partitions = range(partitions_count)
        ends = await reader.ends(partitions)
        await reader.assign(await reader.begins(partitions))
        while not all([await reader.position(p) >= end for p, end in ends.items()]):
            for partition, records in (await reader.fetch(2000, 200)).items():
                for record in records:
                    if record.offset >= ends[partition]:
                        continue
                    position = Position(EVENTS_TOPIC, partition, record.offset)
                    try:
                        headers = safe_headers(record.headers)
                        recount.take(Event.from_record(record.value or b"", headers, position))
                    except DecodeError:  # as the recorder: what is no event is passed over
                        continue
    finally:
        await reader.close()


def _rows(found: QualityReport) -> Iterator[tuple[str, UnitQuality]]:
    yield ALL, found.total
    yield from found.units.items()


def _print(asked: Asked) -> None:
    named = [
        (f"{name} {asked.names[name]}" if name in asked.names else name, each)
        for name, each in _rows(asked.found)
    ]
    typer.echo(f"{asked.month}, hồ sơ / dossiers\n")
    print_table(
        ["unit", *DOSSIERS],
        [[name, *(str(getattr(each.tally, key)) for key in DOSSIERS)] for name, each in named],
    )
    typer.echo("\nQuyết định 766/QĐ-TTg: tỷ lệ / rates\n")
    keys = list(rates(asked.found.total.tally, asked.found.total.quality))
    print_table(
        ["unit", *keys],
        [
            [name, *(_rate(*count) for count in rates(each.tally, each.quality).values())]
            for name, each in named
        ],
    )
    synchronised = [
        [name, route, _rate(*count)]
        for name, each in named
        for route, count in each.synchronised.items()
    ]
    if synchronised:
        typer.echo("\nĐồng bộ đủ / dossiers of the month whose every message was delivered\n")
        print_table(["unit", "route", "complete"], synchronised)
    typer.echo("\nHub không có số liệu / not given by the hub\n")
    print_table(["figure", "why"], [[name, why] for name, why in NOT_GIVEN.items()])
    if asked.differing is not None:
        _print_differing(asked.differing)


def _print_differing(differing: Differing) -> None:
    if not differing:
        typer.echo("\nTính lại từ sự kiện: khớp / recomputed from events: the same")
        return
    typer.echo("\nTính lại từ sự kiện: KHÔNG khớp / recomputed from events: DIFFERENT\n")
    rows = [
        [unit, name, str(kept), str(again)]
        for unit, figures in differing.items()
        for name, (kept, again) in figures.items()
    ]
    print_table(["unit", "figure", "recorded", "recomputed"], rows)


def _rate(count: int, of: int) -> str:
    return f"{100 * count / of:.2f} % ({count}/{of})" if of else "–"


def _json(asked: Asked) -> dict[str, Any]:
    def plain(each: UnitQuality) -> dict[str, Any]:
        return {
            "dossiers": asdict(each.tally),
            "counts": asdict(each.quality),
            "rates": {
                name: {"count": count, "of": of, "share": round(count / of, 4) if of else None}
                for name, (count, of) in rates(each.tally, each.quality).items()
            },
            "synchronised": {
                route: {"count": count, "of": of}
                for route, (count, of) in each.synchronised.items()
            },
        }

    document = {
        "month": asked.month,
        "first": asked.period.first,
        "last": asked.period.last,
        "overdue_on": asked.period.today,
        "calendar": asked.calendar,
        "total": plain(asked.found.total),
        "units": {
            code: {"name": asked.names.get(code, ""), **plain(each)}
            for code, each in asked.found.units.items()
        },
        "not_given": dict(NOT_GIVEN),
    }
    if asked.differing is not None:
        document["recomputed"] = {
            "differing": {
                unit: {name: {"recorded": a, "recomputed": b} for name, (a, b) in each.items()}
                for unit, each in asked.differing.items()
            }
        }
    return document
