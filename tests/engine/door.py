"""What stands between a worker and its surroundings, so that it can die, and be excused."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Callable
from typing import Any, Protocol

from hub.ownership import Holder


class Mortal(Protocol):
    """A worker that can die; while it is not `thawed`, nobody answers it."""

    shut: bool
    thawed: asyncio.Event

    async def dead(self) -> None:
        """What becomes of a dead worker's calls; does not return."""


class Door:
    """Passes every call on to `thing` while the worker lives; the answers too."""

    def __init__(self, worker: Mortal, thing: Any) -> None:
        self._worker, self._thing = worker, thing

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._thing, name)
        if not inspect.iscoroutinefunction(found):
            return found

        async def passed(*args: Any, **kwargs: Any) -> Any:
            if self._worker.shut:
                await self._worker.dead()
            await self._worker.thawed.wait()
            try:
                answer = await found(*args, **kwargs)
            except Exception:  # a cancelled call ends: the dead worker's own tasks are stopped so
                if self._worker.shut:
                    await self._worker.dead()
                raise
            if self._worker.shut:
                await self._worker.dead()
            return answer

        return passed


def through(worker: Mortal, thing: Any) -> Any:
    """`thing` as the worker reaches it."""
    return Door(worker, thing)


class Witness:
    """Between leases and holder: what ends without its owner's last word may come again.

    Args:
        killed: called then.
        troubled: whether somebody who leaves now cannot say all that he wants to.
    """

    def __init__(
        self, holder: Holder, killed: Callable[[], None], troubled: Callable[[], bool]
    ) -> None:
        self.route, self.partitions_count = holder.route, holder.partitions_count
        self.gained, self.renewed = holder.gained, holder.renewed
        self._holder, self._killed, self._troubled = holder, killed, troubled

    async def let_go(self, partition: int) -> None:
        excused = self._troubled()
        await self._holder.let_go(partition)
        if excused or self._troubled():
            self._killed()

    def lost(self, partition: int) -> None:
        self._holder.lost(partition)
        self._killed()
