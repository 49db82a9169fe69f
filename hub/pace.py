"""Pace: at most so many calls a second to one destination."""

from __future__ import annotations

import math
from collections.abc import Awaitable, Callable

BURST_SECONDS = 0.1


class Pace:
    """Spaces calls evenly; an idle destination gets a tenth of a second's calls at once."""

    def __init__(
        self, clock: Callable[[], float], sleep: Callable[[float], Awaitable[None]]
    ) -> None:
        self._clock = clock
        self._sleep = sleep
        self._next = -math.inf

    async def wait(self, rate_per_second: float) -> None:
        """Return when the next call may start."""
        now = self._clock()
        start = max(self._next, now - BURST_SECONDS)
        self._next = start + 1 / rate_per_second
        if start > now:
            await self._sleep(start - now)
