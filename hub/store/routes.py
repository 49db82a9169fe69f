"""What people and the engine have told the routes: pauses, maintenance windows, stops."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Insert, delete, func, insert, select
from sqlalchemy.dialects.postgresql import insert as upsert

from hub.errors import HubError
from hub.held import RouteControl
from hub.store.acts import Author
from hub.store.database import Pipeline, Store
from hub.store.tables import command, maintenance_window, route_control
from hub.store.texts import storable

CONTROLS = """
SELECT coalesce(c.route, w.route), w.route IS NOT NULL,
    coalesce(c.paused AND (c.paused_until IS NULL OR c.paused_until > now()), false),
    coalesce(c.stopped_reason, ''), coalesce(c.stopped_text, ''), coalesce(c.pause_reason, ''),
    coalesce(w.reason, ''), coalesce(c.changed, 0)
FROM route_control AS c FULL JOIN (
    SELECT DISTINCT ON (route) route, reason FROM maintenance_window
    WHERE starts_at <= now() AND ends_at > now() ORDER BY route, ends_at DESC
) AS w ON w.route = c.route
"""


@dataclass(frozen=True, slots=True)
class Window:
    """A planned time in which a route rests; `is_open` by the database's clock."""

    id: int
    route: str
    starts_at: datetime
    ends_at: datetime
    reason: str
    actor: str
    is_open: bool


@dataclass(frozen=True, slots=True)
class Pause:
    """A route that a person has paused; `ends_at` is none where only a resume ends it."""

    route: str
    actor: str
    ends_at: datetime | None


async def controls(store: Store) -> Mapping[str, RouteControl]:
    """Every route that somebody has told something; an open window counts as paused."""
    async with store.pipeline() as pipeline:
        return await read_controls(pipeline)


async def read_controls(pipeline: Pipeline) -> Mapping[str, RouteControl]:
    """The same, beside other questions."""
    rows = await (await pipeline.run(CONTROLS)).fetchall()
    return {
        route: RouteControl(
            route=route,
            paused=window or paused,
            stopped_reason=stopped,
            text=(stopped and stopped_text) or (window and window_text) or (paused and pause) or "",
            changed=changed,
        )
        for route, window, paused, stopped, stopped_text, pause, window_text, changed in rows
    }


async def stop(store: Store, route: str, reason: str, text: str) -> None:
    """The engine stops a route."""
    stopped = {"stopped_reason": reason, "stopped_text": storable(text)}
    async with store.transaction() as connection:
        await connection.execute(_change(route, stopped))


async def pause(store: Store, route: str, author: Author, until: datetime | None = None) -> None:
    """A person pauses a route, for ever or until a time. Kept as an act.

    Raises:
        HubError: code `reason_missing`.
    """
    values = {
        "paused": True,
        "paused_until": until,
        "pause_reason": storable(author.reason),
        "pause_by": storable(author.actor),
    }
    async with store.transaction() as connection:
        await connection.execute(_change(route, values))
        await connection.execute(_act(route, "pause", author))


async def resume(store: Store, route: str, author: Author) -> None:
    """A person lets a route go on; this clears a pause and what had stopped it. Kept as an act.

    Raises:
        HubError: code `reason_missing`.
    """
    values = {
        "paused": False,
        "paused_until": None,
        "pause_reason": "",
        "pause_by": "",
        "stopped_reason": "",
        "stopped_text": "",
    }
    async with store.transaction() as connection:
        await connection.execute(_change(route, values))
        await connection.execute(_act(route, "resume", author))


async def add_window(
    store: Store, route: str, starts_at: datetime, ends_at: datetime, author: Author
) -> int:
    """Plan a maintenance window: the route rests from `starts_at` until `ends_at`.

    Returns:
        Its id.

    Raises:
        HubError: code `window_ends_before_start` or `reason_missing`.
    """
    if ends_at <= starts_at:
        raise HubError("the window ends before it starts", code="window_ends_before_start")
    row = {
        "route": route,
        "starts_at": starts_at,
        "ends_at": ends_at,
        "reason": storable(author.reason),
        "actor": storable(author.actor),
    }
    async with store.transaction() as connection:
        added = await connection.execute(
            insert(maintenance_window).values(row).returning(maintenance_window.c.id)
        )
        await connection.execute(_act(route, "add window", author))
        return int(added.scalar_one())


async def remove_window(store: Store, number: int, author: Author) -> None:
    """Take a planned window back.

    Raises:
        HubError: code `no_such_window` or `reason_missing`.
    """
    gone = delete(maintenance_window).where(maintenance_window.c.id == number)
    async with store.transaction() as connection:
        route = (await connection.execute(gone.returning(maintenance_window.c.route))).scalar()
        if route is None:
            raise HubError(f"there is no window {number}", code="no_such_window")
        await connection.execute(_act(route, "remove window", author))


async def pauses(store: Store) -> Mapping[str, Pause]:
    """Who has paused which route, and until when; windows are not among them."""
    columns = route_control.c
    query = select(columns.route, columns.pause_by, columns.paused_until).where(
        columns.paused & (columns.paused_until.is_(None) | (columns.paused_until > func.now()))
    )
    async with store.transaction() as connection:
        return {row[0]: Pause(*row) for row in await connection.execute(query)}


async def windows(store: Store) -> Sequence[Window]:
    """Windows that are open or still to come, in order."""
    ahead = maintenance_window.c.ends_at > func.now()
    is_open = (maintenance_window.c.starts_at <= func.now()).label("is_open")
    query = select(maintenance_window, is_open).where(ahead)
    query = query.order_by(maintenance_window.c.starts_at)
    async with store.transaction() as connection:
        rows = await connection.execute(query)
        return [Window(**row) for row in rows.mappings()]


def _change(route: str, values: Mapping[str, object]) -> Insert:
    fresh = upsert(route_control).values(route=route, changed=1, **values)
    return fresh.on_conflict_do_update(
        index_elements=["route"],
        set_={**values, "changed": route_control.c.changed + 1, "changed_at": func.now()},
    )


def _act(route: str, act: str, author: Author) -> Insert:
    return insert(command).values(
        route=route,
        act=act,
        actor=storable(author.actor),
        reason=storable(author.require_reason()),
        done_at=func.now(),
        result="done",
    )
