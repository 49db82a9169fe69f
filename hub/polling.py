"""Polling: one worker at a time asks an outside system that does not call us (`ownership.Holder`).

A page goes to Kafka, then its cursor to PostgreSQL, then the source hears that we have it. A worker
that dies in between asks for the same page again: the messages have the same ids, and what can be
said only once is said once.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from typing import Protocol

import structlog

from hub import crash
from hub.connector import Page, Poller
from hub.errors import HubError, Rejected, Unavailable
from hub.held import Claim
from hub.message import Message
from hub.metrics import Metric, Metrics

log = structlog.get_logger(__name__)

LET_GO_SECONDS = 3.0
WAIT_MAX_SECONDS = 60.0
"""Longest wait after a failure, unless the poller itself asks seldom or was told to wait longer."""
DOUBLINGS_COUNT = 16
"""So often is the wait doubled; an outage of a day would double it beyond what a float holds."""


class Cursors(Protocol):
    """Where each instance's next look begins."""

    async def cursor(self, instance: str) -> str:
        """The kept cursor; `` before the first look."""

    async def keep(self, instance: str, cursor: str) -> None:
        """Kafka has all before it."""


class Polling:
    """Runs the poller of one connector instance while this worker holds its lease.

    Args:
        instance: name in hub.yaml.
        accept: returns when Kafka has the messages.
    """

    partitions_count = 1

    def __init__(
        self,
        instance: str,
        poller: Poller,
        cursors: Cursors,
        accept: Callable[[Sequence[Message]], Awaitable[None]],
        *,
        metrics: Metrics,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.route = f"poll.{instance}"
        self.problem = ""
        self.messages_count = 0
        self._instance = instance
        self._poller = poller
        self._cursors = cursors
        self._accept = accept
        self._metrics = metrics
        self._sleep, self._clock = sleep, clock
        self._claim: Claim | None = None
        self._task: asyncio.Task[None] | None = None
        self._busy = asyncio.Lock()

    @property
    def asking(self) -> bool:
        """Whether this worker is the one that asks."""
        return self._task is not None

    async def gained(self, claim: Claim) -> None:
        """Ask from the kept cursor on."""
        self._claim = claim
        self._task = asyncio.create_task(self._run())

    def renewed(self, claim: Claim) -> None:
        """The lease lives on."""
        self._claim = claim

    async def let_go(self, partition: int) -> None:
        """Finish the page that is under way, within 3 s."""
        try:
            async with asyncio.timeout(LET_GO_SECONDS), self._busy:
                self.lost(partition)
        except TimeoutError:
            self.lost(partition)

    def lost(self, partition: int) -> None:
        """Stop at once."""
        self._claim = None
        if self._task is not None:
            self._task.cancel()
            self._task = None

    async def close(self) -> None:
        """Leave the outside system."""
        await self._poller.close()

    async def _run(self) -> None:
        failures = 0
        while True:
            wait = self._poller.every_seconds
            try:
                async with self._busy:
                    page = await self._look()
                failures = 0
                self._told("partial" if page.problem else "ok", page.problem)
                if page.more:
                    continue
            except HubError as error:
                failures += 1
                self._told(error.code, str(error))
                asked = getattr(error, "retry_after_seconds", None) or 0.0
                longer = wait * 2 ** min(failures, DOUBLINGS_COUNT)
                wait = max(min(longer, max(wait, WAIT_MAX_SECONDS)), asked)
            except Exception as error:  # noqa: BLE001 - a connector's bug must not stop the worker
                failures += 1
                self._told("connector_bug", f"poll raised {type(error).__name__}")
                wait = max(wait, WAIT_MAX_SECONDS)
            await self._sleep(wait)

    async def _look(self) -> Page:
        """One page, from the outside to Kafka."""
        cursor = await self._cursors.cursor(self._instance)
        page = await self._poller.poll(cursor)
        if self._claim is None or self._clock() >= self._claim.expires_at:
            raise Unavailable("the lease is over", code="ownership_lost")
        if page.messages:
            crash.point("after_polled")
            await self._accept(page.messages)
            crash.point("after_poll_accept")
            self.messages_count += len(page.messages)
            self._metrics.add(Metric.POLLED_MESSAGES, len(page.messages), self._instance)
        if page.cursor != cursor:
            await self._cursors.keep(self._instance, page.cursor)
            crash.point("after_poll_cursor")
        if page.receipts:
            try:
                await self._poller.done(page)
            except Rejected as error:
                # Kafka has the page, and the source is there: what it refuses keeps nothing back.
                return replace(page, problem=page.problem or str(error))
        return page

    def _told(self, result: str, text: str) -> None:
        self._metrics.add(Metric.POLLS, 1, self._instance, result)
        if text != self.problem:
            self.problem = text
            if text:
                log.warning("poll_waits", connector=self._instance, reason=result, error=text)
            else:
                log.info("poll_works_again", connector=self._instance)
