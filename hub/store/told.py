"""What people and the engine have told the routes, read once for all routes of a process.

Every route wants to know each second whether it is paused and whether a person wants something
done. Asked one by one that was two statements a second for each of them.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

from hub.held import RouteControl
from hub.store.database import Store
from hub.store.routes import read_controls

WAITING = "SELECT DISTINCT route FROM command WHERE done_at IS NULL AND partition IS NOT NULL"


@dataclass(frozen=True, slots=True)
class Reading:
    """One look.

    Attributes:
        controls: of every route that somebody has told something.
        waiting: routes for which acts wait; which ones, their owner asks itself.
    """

    controls: Mapping[str, RouteControl]
    waiting: frozenset[str]


async def read(store: Store) -> Reading:
    """Look now, in one journey."""
    async with store.pipeline() as pipeline:
        asked = await pipeline.run(WAITING)
        controls = await read_controls(pipeline)
        waiting = frozenset(route for (route,) in await asked.fetchall())
    return Reading(controls, waiting)


class Told:
    """The last reading, shared by all who ask within `fresh_seconds`.

    Args:
        ask: looks now.
        clock: seconds that never go back.
    """

    def __init__(
        self,
        ask: Callable[[], Awaitable[Reading]],
        fresh_seconds: float,
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._ask = ask
        self._fresh_seconds = fresh_seconds
        self._clock = clock
        self._last: tuple[float, Reading] | None = None
        self._asking: asyncio.Task[Reading] | None = None
        self._changes = 0

    async def reading(self) -> Reading:
        """What was told, at most `fresh_seconds` ago; whoever comes during a look shares it.

        Raises:
            StoreAway: PostgreSQL does not answer; the next who asks looks again.
        """
        if self._last is not None and self._clock() - self._last[0] < self._fresh_seconds:
            return self._last[1]
        if self._asking is None:
            self._asking = asyncio.create_task(self._look())
            self._asking.add_done_callback(_heard)
        return await asyncio.shield(self._asking)

    def changed(self) -> None:
        """We have told something ourselves: what was read before must not be believed."""
        self._changes += 1
        self._last = None

    async def _look(self) -> Reading:
        try:
            while True:
                changes, begun = self._changes, self._clock()
                found = await self._ask()
                if changes == self._changes:
                    self._last = begun, found
                    return found
        finally:
            self._asking = None


def _heard(looking: asyncio.Task[Reading]) -> None:
    """A failure that nobody waits for any more is no matter for the log."""
    if not looking.cancelled():
        looking.exception()
