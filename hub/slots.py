"""Slots: how many calls of a route run at once, and which lane is next.

A lane that waits between attempts gives its slot away, so that troubled subjects cost the others
nothing.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from itertools import count
from typing import Generic, TypeVar

J = TypeVar("J")

BREATH_COUNT = 32
"""Jobs of one task without a break; work that never waits would keep the network waiting."""


class Slots(Generic[J]):
    """Runs `work(job)` for added jobs, oldest first, within `limit()`.

    Args:
        limit: how many may run now; 0 closes the gate.
        work: must not raise, except for cancellation; what it raises is kept in `failure`, and
            the owner must stop.
    """

    def __init__(self, limit: Callable[[], int], work: Callable[[J], Awaitable[None]]) -> None:
        self._limit = limit
        self._work = work
        self._ready: deque[J] = deque()
        self._returning: deque[asyncio.Future[None]] = deque()
        self._tasks: set[asyncio.Task[None]] = set()
        self._pumping = False
        self.busy = 0
        self.failure: BaseException | None = None

    @property
    def waiting(self) -> int:
        """Jobs that wait for a slot."""
        return len(self._ready) + len(self._returning)

    def add(self, job: J) -> None:
        """Queue a job; call `pump` after a batch of them."""
        self._ready.append(job)

    def pump(self) -> None:
        """Give free slots to those who return from a wait, then to queued jobs.

        Tasks begin in doubling numbers, one turn of the loop after the other: where nothing makes
        them wait, the first few have done the work before more of them would begin.
        """
        room = self._limit() - self.busy
        while room > 0 and self._returning:
            waiter = self._returning.popleft()
            if not waiter.done():
                waiter.set_result(None)
                self.busy += 1
                room -= 1
        wanted = min(room, len(self._ready))
        now = min(wanted, self.busy + 1)
        for _ in range(now):
            self.busy += 1
            task = asyncio.create_task(self._take_jobs())
            self._tasks.add(task)
            task.add_done_callback(self._ended)
        if now < wanted and not self._pumping:
            self._pumping = True
            asyncio.get_running_loop().call_soon(self._pump_on)

    def _pump_on(self) -> None:
        self._pumping = False
        self.pump()

    def _ended(self, task: asyncio.Task[None]) -> None:
        """Here, and not in the task: one that is cancelled before it begins never runs."""
        self._tasks.discard(task)
        self.busy -= 1
        if not task.cancelled() and self.failure is None:
            self.failure = task.exception()
        self.pump()

    async def _take_jobs(self) -> None:
        for number in count(1):
            if not self._ready or self._returning or self.busy > self._limit():
                return
            await self._work(self._ready.popleft())
            if number % BREATH_COUNT == 0:
                await asyncio.sleep(0)

    @asynccontextmanager
    async def away(self) -> AsyncIterator[None]:
        """Give the slot away while waiting inside, and queue for one afterwards."""
        self.busy -= 1
        self.pump()
        try:
            yield
        except BaseException:
            self.busy += 1
            raise
        waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._returning.append(waiter)
        self.pump()
        try:
            await waiter
        except asyncio.CancelledError:
            if waiter.cancelled() or not waiter.done():
                self.busy += 1
            raise
