"""What people ask about held messages and about the workers that hold them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from hub.held import HeldMessage, HeldState, HeldSubject
from hub.store.database import Store
from hub.store.held import MESSAGE_COLUMNS, held_message
from hub.store.texts import keyed, original

QUEUES = """
SELECT route, partition, subject, settled_below, waiting_count, round_count,
    extract(epoch FROM next_try_at)::float8, dead, reason, text, unit, since
FROM held_subject
WHERE waiting_count > 0
    AND (%(route)s::text IS NULL OR route = %(route)s)
    AND (%(unit)s::text IS NULL OR unit = %(unit)s)
    AND (%(reason)s::text IS NULL OR reason = %(reason)s)
    AND (%(dead)s::bool IS NULL OR dead = %(dead)s)
    AND (%(subject)s::text IS NULL OR subject = %(subject)s)
ORDER BY dead DESC, since LIMIT %(limit)s
"""

MESSAGES = f"""
SELECT {MESSAGE_COLUMNS} FROM held_message AS m
WHERE m.state = ANY (%(states)s)
    AND (%(route)s::text IS NULL OR m.route = %(route)s)
    AND (%(unit)s::text IS NULL OR m.unit = %(unit)s)
    AND (%(reason)s::text IS NULL OR m.reason = %(reason)s)
    AND (%(subject)s::text IS NULL OR m.subject = %(subject)s)
ORDER BY m.held_at, m.record_offset LIMIT %(limit)s
"""  # noqa: S608 - no value is put into the text

WORKERS = """
SELECT worker, role, status, started_at, seen_at, extract(epoch FROM now() - seen_at)::float8
FROM worker ORDER BY role, worker
"""


@dataclass(frozen=True, slots=True)
class HeldFilter:
    """Which held things are asked for; none: all.

    Attributes:
        state: `parked` (the hub tries again), `dead` (a person must act) or `aside` (dead
            letters whose followers flow).
        limit: most rows, oldest first.
    """

    route: str | None = None
    unit: str | None = None
    reason: str | None = None
    state: Literal["parked", "dead", "aside"] | None = None
    limit: int = 100


@dataclass(frozen=True, slots=True)
class HeldQueue:
    """All that one route holds of one subject; bodies included: mask before printing.

    Attributes:
        head: the queue's row, none if only dead letters set aside are left.
        messages: of the queue, oldest first.
        aside: dead letters set aside, oldest first.
    """

    head: HeldSubject | None
    messages: Sequence[HeldMessage]
    aside: Sequence[HeldMessage]


@dataclass(frozen=True, slots=True)
class WorkerReport:
    """A worker's last heartbeat; `age_seconds` by the database's clock."""

    worker: str
    role: str
    status: Mapping[str, Any]
    started_at: datetime
    seen_at: datetime
    age_seconds: float


class HeldView:
    """Questions about what is held."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def queues(
        self, wanted: HeldFilter, *, subject: str | None = None
    ) -> Sequence[HeldSubject]:
        """Queues that hold something, dead heads first, then the longest held."""
        values = {
            "route": wanted.route,
            "unit": wanted.unit,
            "reason": wanted.reason,
            "dead": None if wanted.state is None else wanted.state == "dead",
            "subject": None if subject is None else keyed(subject),
            "limit": wanted.limit,
        }
        async with self._store.pipeline() as pipeline:
            rows = await (await pipeline.ask(QUEUES, values)).fetchall()
        return [HeldSubject(r[0], r[1], original(r[2]), *r[3:]) for r in rows]

    async def aside(
        self, wanted: HeldFilter, *, subject: str | None = None
    ) -> Sequence[HeldMessage]:
        """Dead letters set aside."""
        return await self._messages(wanted, subject, [HeldState.ASIDE.value])

    async def show(self, route: str, subject: str, *, limit: int = 1000) -> HeldQueue:
        """What one route holds of one subject, at most `limit` messages."""
        wanted = HeldFilter(route=route, limit=limit)
        queues = await self.queues(wanted, subject=subject)
        waiting = [state.value for state in HeldState if state is not HeldState.ASIDE]
        return HeldQueue(
            head=queues[0] if queues else None,
            messages=await self._messages(wanted, subject, waiting),
            aside=await self._messages(wanted, subject, [HeldState.ASIDE.value]),
        )

    async def workers(self) -> Sequence[WorkerReport]:
        """Every worker that has ever reported, with its last word."""
        async with self._store.pipeline() as pipeline:
            rows = await (await pipeline.run(WORKERS)).fetchall()
        return [WorkerReport(*row) for row in rows]

    async def _messages(
        self, wanted: HeldFilter, subject: str | None, states: Sequence[str]
    ) -> Sequence[HeldMessage]:
        values = {
            "states": list(states),
            "route": wanted.route,
            "unit": wanted.unit,
            "reason": wanted.reason,
            "subject": None if subject is None else keyed(subject),
            "limit": wanted.limit,
        }
        async with self._store.pipeline() as pipeline:
            rows = await (await pipeline.ask(MESSAGES, values)).fetchall()
        return [held_message(row) for row in rows]
