"""Presence: whether Kafka answers, also to a process that has nothing to do.

Readers and producers wait for a Kafka that is away without a word, and try again by themselves.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable

import structlog

from hub.errors import Unavailable

log = structlog.get_logger(__name__)

PAUSE_SECONDS = 5.0
PATIENCE_SECONDS = 5.0
MISSED_COUNT = 2
"""So many questions in a row without an answer are no slow answer any more."""


class Presence:
    """Asks now and then.

    Args:
        ask: returns if somebody answers; raises `Unavailable` otherwise.
    """

    def __init__(self, ask: Callable[[], Awaitable[None]]) -> None:
        self._ask = ask
        self._missed_count = 0

    def problem(self) -> str | None:
        """`kafka_away`, or nothing."""
        return "kafka_away" if self._missed_count >= MISSED_COUNT else None

    async def run(self, halt: asyncio.Event) -> None:
        """Ask until `halt`; what changes is logged."""
        while not halt.is_set():
            before = self.problem()
            try:
                async with asyncio.timeout(PATIENCE_SECONDS):
                    await self._ask()
                self._missed_count = 0
            except (Unavailable, TimeoutError):
                self._missed_count += 1
            if self.problem() != before:
                log.warning("kafka_presence", reason=self.problem() or "answers_again")
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(halt.wait(), PAUSE_SECONDS)
