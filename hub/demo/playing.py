"""Playing the calls: dossiers side by side, each dossier's calls strictly one after another."""

from __future__ import annotations

import asyncio
import heapq
import time
from collections import deque
from collections.abc import Awaitable, Callable, Iterable
from datetime import datetime

from hub.demo.wire import Call

Send = Callable[[Call], Awaitable[None]]
"""Makes one call and returns when the other side has taken it."""


class Pace:
    """At most so many calls a second, evenly spaced; what was missed is not caught up.

    Args:
        calls_per_second: none: as fast as the other side answers.
        clock, sleep: seconds that never go back, and how to wait.
    """

    def __init__(
        self,
        calls_per_second: float | None,
        *,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._gap = 1 / calls_per_second if calls_per_second else 0.0
        self._clock, self._sleep = clock, sleep
        self._next = 0.0

    async def turn(self) -> None:
        """Return when the next call may be made."""
        if not self._gap:
            return
        now = self._clock()
        slot = max(now, self._next)
        self._next = slot + self._gap
        if slot > now:
            await self._sleep(slot - now)


async def play(
    calls: Iterable[Call], send: Send, *, side_by_side: int, pace: Pace | None = None
) -> None:
    """Make every call; the first error of `send` stops all and is raised.

    Args:
        calls: in time order; nearly kept over dossiers, and strictly for each dossier.
        send: makes one call.
        side_by_side: dossiers that are on their way at the same time.
        pace: how fast; none: as fast as the other side answers.
    """
    queues: dict[str, deque[Call]] = {}
    for call in calls:
        queues.setdefault(call.code, deque()).append(call)
    ready = [_next_up(queue) for queue in queues.values()]
    heapq.heapify(ready)
    pace = pace or Pace(None)

    async def attend() -> None:
        while ready:
            _, code = heapq.heappop(ready)
            queue = queues[code]
            await pace.turn()
            await send(queue[0])
            queue.popleft()
            if queue:
                heapq.heappush(ready, _next_up(queue))

    # Whoever puts a dossier back finds it again: nothing is left when all have gone home.
    try:
        async with asyncio.TaskGroup() as clerks:
            for _ in range(side_by_side):
                clerks.create_task(attend())
    except ExceptionGroup as errors:
        raise errors.exceptions[0] from None


def _next_up(queue: deque[Call]) -> tuple[datetime, str]:
    return queue[0].at, queue[0].code
