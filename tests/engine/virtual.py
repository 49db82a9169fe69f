"""An event loop whose time is virtual: nothing waits, everything happens in order."""

from __future__ import annotations

import asyncio
import selectors
from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar("T")

REAL_SECONDS = 10.0
"""With sockets about, so long may nothing happen while nobody has an appointment."""


class _Selector(selectors.DefaultSelector):
    loop: VirtualLoop

    def select(self, timeout: float | None = None) -> list[Any]:
        real = self.loop.real_seconds
        is_working = timeout != 0 and self.loop.threads_count > 0
        patience = REAL_SECONDS if timeout is None or is_working else min(real, timeout)
        if real and (ready := super().select(patience)):
            return ready
        if timeout is None:
            raise RuntimeError("everybody waits, and nothing will ever happen")
        self.loop.now += max(0.0, timeout)
        return super().select(0)


class VirtualLoop(asyncio.SelectorEventLoop):
    """When all wait, the clock jumps to the next appointment.

    Args:
        real_seconds: before the clock jumps, sockets have so long for what is under way, and
            threads until they are done; 0: nothing is.

    Attributes:
        now: seconds.
    """

    def __init__(self, real_seconds: float = 0.0) -> None:
        self.now = 1000.0
        self.threads_count = 0
        self.real_seconds = real_seconds
        selector = _Selector()
        selector.loop = self
        super().__init__(selector)

    def time(self) -> float:
        return self.now

    def run_in_executor(self, *work: Any) -> asyncio.Future[Any]:
        """See `asyncio`; the clock does not jump before it is done."""
        self.threads_count += 1
        future = super().run_in_executor(*work)
        future.add_done_callback(self._thread_done)
        return future

    def _thread_done(self, _: asyncio.Future[Any]) -> None:
        self.threads_count -= 1

    def finish(self) -> None:
        """Cancel what is left, and close."""
        while left := asyncio.all_tasks(self):
            for task in left:
                task.cancel()
            self.run_until_complete(asyncio.wait(left, timeout=1))
        self.close()


def run(main: Coroutine[Any, Any, T], *, real_seconds: float = 0.0) -> T:
    """The result of `main` in virtual time; what it left running is cancelled."""
    loop = VirtualLoop(real_seconds)
    try:
        return loop.run_until_complete(main)
    finally:
        loop.finish()


async def pass_time(seconds: float) -> None:
    """Let virtual seconds go by."""
    gone = asyncio.Event()
    asyncio.get_running_loop().call_later(seconds, gone.set)
    await gone.wait()


def clock() -> float:
    """Virtual seconds of the loop that runs."""
    return asyncio.get_running_loop().time()
