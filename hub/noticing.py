"""Noticing: says once of each dossier that it is nearly due, or overdue (`ownership.Holder`).

One worker at a time looks at the open dossiers in PostgreSQL. What it finds goes to `events`,
keyed by the dossier, so that every route can take it; then PostgreSQL remembers that it was said.
A worker that dies in between says it again, with the same id, which is made of subject, deadline
and kind: routes have the same operation key, and other readers of `events` drop an id they know. If
the deadline moves, that is another notice.

The clock sees what the recorder has written. A dossier that was finished a moment before its
deadline can still be called overdue while the recorder is behind.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Protocol

import structlog

from hub.errors import HubError
from hub.event import Event
from hub.held import Claim
from hub.message import name_id
from hub.metrics import Metric, Metrics
from hub.schemas.sla import SlaNotice

log = structlog.get_logger(__name__)

DUE_SOON, OVERDUE = "sla.due_soon", "sla.overdue"
Sent = tuple[bytes, bytes, list[tuple[str, bytes]]]
LET_GO_SECONDS = 3.0
PAGE_COUNT = 500


@dataclass(frozen=True, slots=True)
class Notice:
    """One dossier, what is to be said of it, and why."""

    kind: str
    data: SlaNotice


@dataclass(frozen=True, slots=True)
class Horizon:
    """Which deadlines are looked at: soon ones, and overdue ones that are not history."""

    now: datetime
    soon: timedelta
    oldest: timedelta


class Notices(Protocol):
    """What the store knows of open dossiers and of what was said."""

    async def unsaid(self, horizon: Horizon, limit: int) -> Sequence[Notice]:
        """What is to be said, the oldest deadline first."""

    async def said(self, notices: Sequence[Notice]) -> None:
        """Kafka has them."""


class Noticing:
    """The clock of deadlines, while this worker holds its lease.

    Args:
        publish: returns when Kafka has the records of `events`.
        every_seconds: from one look to the next.
        soon, oldest: how long before a deadline, and how long after, something is said.
    """

    route = "sla"
    partitions_count = 1

    def __init__(
        self,
        notices: Notices,
        publish: Callable[[Sequence[Sent]], Awaitable[None]],
        *,
        every_seconds: float,
        soon: timedelta,
        oldest: timedelta,
        metrics: Metrics,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self.problem = ""
        self._notices, self._publish = notices, publish
        self._every_seconds, self._soon, self._oldest = every_seconds, soon, oldest
        self._metrics = metrics
        self._now, self._sleep = now, sleep
        self._task: asyncio.Task[None] | None = None
        self._busy = asyncio.Lock()

    async def gained(self, claim: Claim) -> None:
        """Look from now on."""
        self._task = asyncio.create_task(self._run())

    def renewed(self, claim: Claim) -> None:
        """The lease lives on; a look that outlives it only repeats ids."""

    async def let_go(self, partition: int) -> None:
        """Finish the look that is under way, within 3 s."""
        try:
            async with asyncio.timeout(LET_GO_SECONDS), self._busy:
                self.lost(partition)
        except TimeoutError:
            self.lost(partition)

    def lost(self, partition: int) -> None:
        """Stop at once."""
        if self._task is not None:
            self._task.cancel()
            self._task = None

    async def _run(self) -> None:
        while True:
            try:
                async with self._busy:
                    full = await self.turn() == PAGE_COUNT
                self._told("", "")
                if full:
                    continue
            except HubError as error:
                self._told(error.code, str(error))
            await self._sleep(self._every_seconds)

    async def turn(self) -> int:
        """One look; how many notices were said.

        Raises:
            Unavailable: PostgreSQL or Kafka is away; what was not said is said next time.
        """
        horizon = Horizon(self._now(), self._soon, self._oldest)
        found = await self._notices.unsaid(horizon, PAGE_COUNT)
        if not found:
            return 0
        await self._publish([event_of(each, self._soon).to_record() for each in found])
        await self._notices.said(found)
        for kind in (DUE_SOON, OVERDUE):
            count = sum(each.kind == kind for each in found)
            if count:
                self._metrics.add(Metric.SLA_NOTICES, count, kind)
        log.info("sla_noticed", count=len(found))
        return len(found)

    def _told(self, code: str, text: str) -> None:
        if text != self.problem:
            self.problem = text
            if text:
                log.warning("sla_clock_waits", reason=code, error=text)
            else:
                log.info("sla_clock_goes_on")


def event_of(notice: Notice, soon: timedelta) -> Event:
    """The event that says it: the same bytes and id however often it is said."""
    due = notice.data.due_at.astimezone(UTC)
    return Event(
        kind=notice.kind,
        source=f"/hub/sla/{notice.data.unit}",
        subject=notice.data.code,
        time=due if notice.kind == OVERDUE else due - soon,
        data=notice.data,
        natural_key=f"{notice.kind} {due.isoformat()}",
        id=name_id(f"{notice.data.code} {due.isoformat()} {notice.kind}"),
    )
