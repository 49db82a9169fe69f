"""The counts of `hub.quality` from PostgreSQL, per unit and for all units together."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field

from hub.answering import UNCOUNTED
from hub.deadline import DONE, NOT_ACCEPTED
from hub.quality import Count, Period, Quality, Tally
from hub.standing import WITHDRAWN
from hub.store.database import Pipeline, Store
from hub.store.figures import figures
from hub.worktime import VIETNAM

DOSSIERS = """
WITH dated AS (
    SELECT *,
        (coalesce(received_at, submitted_at, event_time) AT TIME ZONE %(zone)s)::date AS came,
        CASE WHEN status = ANY (%(ended)s) THEN
            (coalesce(finished_at, returned_at, event_time) AT TIME ZONE %(zone)s)::date
        END AS ended,
        (coalesce(deadline_at, due_at) AT TIME ZONE %(zone)s)::date AS due
    FROM dossier
    WHERE (%(unit)s::text IS NULL OR unit = %(unit)s) AND status <> ALL (%(refused)s)
), chosen AS (
    SELECT *, came BETWEEN %(first)s AND %(last)s AS fresh,
        came <= %(last)s AND ended BETWEEN %(first)s AND %(last)s AS over
    FROM dated
)
SELECT unit, grouping(unit),
    count(*) FILTER (WHERE over AND status = ANY (%(withdrawn)s) AND (due IS NULL OR ended <= due)),
    count(*) FILTER (WHERE fresh AND channel = 'online'),
    count(*) FILTER (WHERE fresh AND channel = 'post'),
    count(DISTINCT nullif(procedure_code, '')) FILTER (WHERE fresh),
    count(DISTINCT nullif(procedure_code, '')) FILTER (WHERE fresh AND channel = 'online'),
    count(*) FILTER (WHERE fresh AND fee_bearing),
    count(*) FILTER (WHERE fresh AND fee_bearing AND paid_online),
    count(*) FILTER (WHERE fresh AND digitised),
    count(*) FILTER (WHERE fresh AND reused),
    count(*) FILTER (WHERE over AND electronic_result AND status = ANY (%(done)s))
FROM chosen WHERE fresh OR over GROUP BY GROUPING SETS ((unit), ())
"""
DOSSIER_COUNTS = (
    *("withdrawn_in_time", "online", "post", "procedures", "procedures_online", "fee_bearing"),
    *("paid_online", "digitised", "reused", "electronic_results"),
)

VOTES = """
SELECT unit, grouping(unit),
    count(*) FILTER (WHERE answer = 'very_satisfied'), count(*) FILTER (WHERE answer = 'satisfied'),
    count(*) FILTER (WHERE answer = 'not_satisfied'),
    count(*) FILTER (WHERE answer NOT IN ('very_satisfied', 'satisfied', 'not_satisfied'))
FROM vote
WHERE month = %(month)s AND (%(unit)s::text IS NULL OR unit = %(unit)s)
GROUP BY GROUPING SETS ((unit), ())
"""
VOTE_COUNTS = ("very_satisfied", "satisfied", "not_satisfied", "other_votes")

PETITIONS = """
SELECT unit, grouping(unit), count(*),
    count(*) FILTER (WHERE (answered_at AT TIME ZONE %(zone)s)::date
        <= coalesce((due_at AT TIME ZONE %(zone)s)::date, 'infinity'))
FROM petition
WHERE state <> ALL (%(uncounted)s) AND (%(unit)s::text IS NULL OR unit = %(unit)s)
    AND (received_at AT TIME ZONE %(zone)s)::date BETWEEN %(first)s AND %(last)s
GROUP BY GROUPING SETS ((unit), ())
"""
PETITION_COUNTS = ("pakn", "pakn_in_time")

# Of the dossiers received in the period: those with a message on the route, and those of which
# every message was delivered.
ROUTES = """
SELECT name, unit, grouping(unit), count(*) FILTER (WHERE complete), count(*)
FROM (
    SELECT name, unit, subject, bool_and(delivered) AS complete
    FROM (
        SELECT t.name, d.unit, t.subject, t.event_id,
            bool_or(t.state = 'delivered') AS delivered
        FROM timeline AS t JOIN dossier AS d ON d.subject = t.subject
        WHERE t.stage = 'deliver' AND (%(unit)s::text IS NULL OR d.unit = %(unit)s)
            AND d.status <> ALL (%(refused)s)
            AND (coalesce(d.received_at, d.submitted_at, d.event_time) AT TIME ZONE %(zone)s)::date
                BETWEEN %(first)s AND %(last)s
        GROUP BY t.name, d.unit, t.subject, t.event_id
    ) AS message GROUP BY name, unit, subject
) AS whole GROUP BY name, GROUPING SETS ((unit), ())
"""


@dataclass(frozen=True, slots=True)
class UnitQuality:
    """What one unit has to show, or all together.

    Attributes:
        synchronised: by route, dossiers received in the period whose every message was
            delivered, of those that have a message there.
    """

    tally: Tally
    quality: Quality
    synchronised: Mapping[str, Count] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class QualityReport:
    """All units asked for together, and each."""

    total: UnitQuality
    units: Mapping[str, UnitQuality]


async def quality(store: Store, unit: str | None, period: Period) -> QualityReport:
    """The figures of one unit, or of all, for one month."""
    found = await figures(store, unit, period.first, period.last, period.today)
    values = {
        "unit": unit,
        "first": period.first,
        "last": period.last,
        "month": f"{period.first:%Y-%m}",
        "zone": VIETNAM.tzname(None),
        "done": sorted(DONE),
        "ended": sorted(DONE | WITHDRAWN),
        "withdrawn": sorted(WITHDRAWN),
        "refused": sorted(NOT_ACCEPTED),
        "uncounted": sorted(UNCOUNTED),
    }
    counts: dict[str | None, dict[str, int]] = defaultdict(dict)
    routes: dict[str | None, dict[str, Count]] = defaultdict(dict)
    async with store.pipeline() as pipeline:
        for statement, names in (
            (DOSSIERS, DOSSIER_COUNTS),
            (VOTES, VOTE_COUNTS),
            (PETITIONS, PETITION_COUNTS),
        ):
            asked = await pipeline.ask(statement, values)
            for name, together, *row in await asked.fetchall():
                counts[None if together else name] |= zip(names, row, strict=True)
        await _routes(pipeline, values, routes)
    units = sorted({name for name in (*counts, *routes, *found.units) if name is not None})
    return QualityReport(
        UnitQuality(found.total, Quality(**counts[None]), routes[None]),
        {
            name: UnitQuality(found.units.get(name, Tally()), Quality(**counts[name]), routes[name])
            for name in units
        },
    )


async def _routes(
    pipeline: Pipeline, values: Mapping[str, object], into: dict[str | None, dict[str, Count]]
) -> None:
    rows = await (await pipeline.ask(ROUTES, values)).fetchall()
    for route, name, together, complete, count in sorted(rows, key=lambda row: str(row[0])):
        into[None if together else name][route] = (complete, count)
