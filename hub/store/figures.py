"""Figures of a period from the standings of dossiers, and of the routes from the timeline.

Dates are compared as calendar dates in Vietnam (Asia/Ho_Chi_Minh), as the reports of one-stop
products do (domain knowledge, status of a dossier against its date): finished before the
appointment's date is early, on it or without an appointment on time, after it late; after a pause
the deadline counts that the hub has moved (`hub.deadline`). Dossiers that stand open at the end of
the period are counted by their status now.

Of every period: received + carried_over = solved + open + paused + withdrawn.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime

from hub.deadline import DONE, NOT_ACCEPTED
from hub.quality import Tally as Tally
from hub.standing import PAUSED, WITHDRAWN
from hub.store.database import Store
from hub.worktime import VIETNAM

DOSSIERS = """
WITH dated AS (
    SELECT unit, status,
        (coalesce(received_at, submitted_at, event_time) AT TIME ZONE %(zone)s)::date AS came,
        CASE WHEN status = ANY (%(ended)s) THEN
            (coalesce(finished_at, returned_at, event_time) AT TIME ZONE %(zone)s)::date
        END AS ended,
        (coalesce(deadline_at, due_at) AT TIME ZONE %(zone)s)::date AS due
    FROM dossier
    WHERE (%(unit)s::text IS NULL OR unit = %(unit)s) AND status <> ALL (%(refused)s)
), classed AS (
    SELECT unit, ended, due, came >= %(first)s AS fresh,
        CASE
            WHEN status = ANY (%(paused)s) THEN 'paused'
            WHEN ended IS NULL OR ended > %(last)s THEN 'open'
            WHEN status = ANY (%(withdrawn)s) THEN 'withdrawn'
            ELSE 'solved'
        END AS class
    FROM dated
    WHERE came <= %(last)s AND (came >= %(first)s OR ended IS NULL OR ended >= %(first)s)
)
SELECT unit,
    count(*) FILTER (WHERE fresh), count(*) FILTER (WHERE NOT fresh),
    count(*) FILTER (WHERE class = 'solved'),
    count(*) FILTER (WHERE class = 'solved' AND ended < due),
    count(*) FILTER (WHERE class = 'solved' AND (due IS NULL OR ended = due)),
    count(*) FILTER (WHERE class = 'solved' AND ended > due),
    count(*) FILTER (WHERE class = 'open'),
    count(*) FILTER (WHERE class = 'open' AND due < %(today)s),
    count(*) FILTER (WHERE class = 'paused'),
    count(*) FILTER (WHERE class = 'withdrawn')
FROM classed GROUP BY unit
"""

REFUSED = """
SELECT unit, count(*) FROM dossier
WHERE status = ANY (%(refused)s) AND (%(unit)s::text IS NULL OR unit = %(unit)s)
    AND (coalesce(submitted_at, event_time) AT TIME ZONE %(zone)s)::date
        BETWEEN %(first)s AND %(last)s
GROUP BY unit
"""

ROUTES = """
SELECT name, count(*) FILTER (WHERE delivered),
    count(*) FILTER (WHERE delivered AND (attempts > 1 OR parked)),
    count(*) FILTER (WHERE parked), count(*) FILTER (WHERE dead)
FROM (
    SELECT name, event_id, bool_or(state = 'delivered') AS delivered,
        max(attempts) AS attempts, bool_or(state = 'parked') AS parked,
        bool_or(state = 'dead') AS dead
    FROM timeline
    WHERE stage = 'deliver' AND (%(unit)s::text IS NULL OR unit = %(unit)s)
        AND (%(since)s::timestamptz IS NULL OR at >= %(since)s)
        AND (%(until)s::timestamptz IS NULL OR at < %(until)s)
    GROUP BY name, event_id
) AS message GROUP BY name ORDER BY name
"""


@dataclass(frozen=True, slots=True)
class Figures:
    """The tally of all units asked for, and of each."""

    total: Tally
    units: Mapping[str, Tally] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class RouteFigures:
    """Messages of one route, each counted once per column.

    `retried` are delivered ones that took more than one call, or were parked in between.
    """

    delivered: int
    retried: int
    parked: int
    dead: int


async def figures(store: Store, unit: str | None, first: date, last: date, today: date) -> Figures:
    """The figures of one unit, or of all, for the days from `first` to `last`, both included.

    `today` (in Vietnam) decides which open ones are overdue.
    """
    values = {
        "unit": unit,
        "first": first,
        "last": last,
        "today": today,
        "zone": VIETNAM.tzname(None),
        "ended": sorted(DONE | WITHDRAWN),
        "paused": sorted(PAUSED),
        "withdrawn": sorted(WITHDRAWN),
        "refused": sorted(NOT_ACCEPTED),
    }
    async with store.pipeline() as pipeline:
        dossiers = await pipeline.ask(DOSSIERS, values)
        refused = await pipeline.ask(REFUSED, values)
        units = {row[0]: Tally(*row[1:]) for row in await dossiers.fetchall()}
        for name, count in await refused.fetchall():
            units[name] = units.get(name, Tally()) + Tally(not_accepted=count)
    return Figures(sum(units.values(), Tally()), dict(sorted(units.items())))


async def route_figures(
    store: Store,
    *,
    unit: str | None = None,
    since: datetime | None = None,
    until: datetime | None = None,
) -> Mapping[str, RouteFigures]:
    """What the routes have done between two moments of the hub's own time, by route."""
    values = {"unit": unit, "since": since, "until": until}
    async with store.pipeline() as pipeline:
        rows = await (await pipeline.ask(ROUTES, values)).fetchall()
    return {row[0]: RouteFigures(*row[1:]) for row in rows}
