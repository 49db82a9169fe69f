"""Pace: at most so many calls a second to one destination."""

from __future__ import annotations

from collections.abc import Awaitable, Callable


class Pace:
    """Spaces calls evenly; a burst of at most a tenth of a second is let through."""

    def __init__(
        self, clock: Callable[[], float], sleep: Callable[[float], Awaitable[None]]
    ) -> None:
        self._clock = clock
        self._sleep = sleep
        self._next = 0.0

    async def wait(self, rate_per_second: float) -> None:
        """Return when the next call may start."""
        now = self._clock()
        self._next = max(self._next, now - 0.1) + 1 / rate_per_second
        if self._next > now:
            await self._sleep(self._next - now)
