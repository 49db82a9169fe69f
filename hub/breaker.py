"""Breaker: many different subjects failing at one destination is not their fault.

closed -> open (nothing is sent, Kafka keeps the backlog) -> half open (one call, then a ramp) ->
closed. One per route and worker. Pure: the clock comes in.
"""

from __future__ import annotations

from enum import StrEnum

OPEN_SECONDS_MAX = 60.0
HALF_OPEN_FAILURES = 3


class BreakerState(StrEnum):
    """Where the breaker stands."""

    CLOSED = "closed"
    OPEN = "open"
    HALF_OPEN = "half_open"


class Breaker:
    """Counts different subjects that fail in a row.

    Args:
        threshold: different failing subjects without a success between that open it.
        open_seconds: wait before the first probe; doubles up to one minute, if it is not longer.
    """

    def __init__(self, threshold: int, open_seconds: float) -> None:
        self.threshold = threshold
        self.open_seconds = open_seconds
        self.state = BreakerState.CLOSED
        self.reason = ""
        self.opened_at: float | None = None
        self.probe_at = 0.0
        self._wait = open_seconds
        self._failing: set[str] = set()
        self._ramp = 0

    def succeeded(self) -> None:
        """A call was answered (also with a refusal: the destination is there)."""
        self._failing.clear()
        if self.state is BreakerState.HALF_OPEN:
            self._ramp *= 2
            if self._ramp > self.threshold:
                self._close()

    def failed(self, subject: str, reason: str, now: float) -> None:
        """A call for this subject failed without an answer about the message."""
        self._failing.add(subject)
        limit = self.threshold
        if self.state is BreakerState.HALF_OPEN:
            limit = min(limit, HALF_OPEN_FAILURES)
        if self.state is not BreakerState.OPEN and len(self._failing) >= limit:
            self.open(reason, now)

    def open(self, reason: str, now: float, wait_seconds: float | None = None) -> None:
        """Open at once (also for `Misconfigured`); `wait_seconds` is what was asked for."""
        if self.state is BreakerState.OPEN:
            return
        again = self.state is BreakerState.HALF_OPEN
        self._wait = self._longer() if again else self.open_seconds
        self.state = BreakerState.OPEN
        self.reason = reason
        self.opened_at = now if self.opened_at is None else self.opened_at
        self.probe_at = now + max(self._wait, wait_seconds or 0.0)
        self._failing.clear()

    def probed(self, *, ok: bool, now: float) -> None:
        """The probe's answer: a ramp begins, or the wait doubles."""
        if ok:
            self.state = BreakerState.HALF_OPEN
            self._ramp = 1
        else:
            self._wait = self._longer()
            self.probe_at = now + self._wait

    def limit(self, concurrency: int) -> int:
        """How many calls may run now."""
        if self.state is BreakerState.OPEN:
            return 0
        return min(concurrency, self._ramp) if self.state is BreakerState.HALF_OPEN else concurrency

    def _longer(self) -> float:
        return min(self._wait * 2, max(self.open_seconds, OPEN_SECONDS_MAX))

    def _close(self) -> None:
        self.state = BreakerState.CLOSED
        self.reason = ""
        self.opened_at = None
        self._wait = self.open_seconds
