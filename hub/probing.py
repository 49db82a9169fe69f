"""Probing: while the breaker is open, ask the destination now and then if it is back."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

import structlog

from hub.breaker import Breaker, BreakerState
from hub.errors import HubError
from hub.outbound import Outbound

log = structlog.get_logger(__name__)


class Probing:
    """One probe at a time, beside everything else: a destination may take long to answer."""

    def __init__(
        self, breaker: Breaker, outbound: Outbound, *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._breaker = breaker
        self._outbound = outbound
        self._clock = clock
        self._asking: asyncio.Task[None] | None = None
        self._told = breaker.state

    def turn(self) -> None:
        """Begin a probe if one is due, and tell when the breaker has changed."""
        if self._breaker.state is not self._told:
            self._told = self._breaker.state
            say = log.warning if self._told is BreakerState.OPEN else log.info
            say(
                "breaker_changed",
                route=self._outbound.route.name,
                state=self._told.value,
                reason=self._breaker.reason,
            )
        due = self._breaker.state is BreakerState.OPEN and self._clock() >= self._breaker.probe_at
        if due and (self._asking is None or self._asking.done()):
            self._asking = asyncio.create_task(self._ask())

    def stop(self) -> None:
        """Wait for no answer any more."""
        if self._asking is not None:
            self._asking.cancel()

    async def _ask(self) -> None:
        try:
            await self._outbound.probe()
        except HubError:
            self._breaker.probed(ok=False, now=self._clock())
        else:
            self._breaker.probed(ok=True, now=self._clock())
