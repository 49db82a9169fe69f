"""Watchdog: a worker that has stopped committing though there is work is told, and helped.

Behind the last safety net: no known fault leads here. The route's reader is made anew, and
`/readyz` is red until an offset is committed again. It is red too when a record has waited for
half the time that Kafka keeps it: a route that rests for so long would lose its place.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

import structlog

from hub.dispatch import Dispatcher
from hub.errors import HubError
from hub.status import oldest_waiting_seconds

log = structlog.get_logger(__name__)

SPARE_SECONDS = 30.0
"""Beyond the longest call and the route's patience."""


class Watchdog:
    """Watches the dispatchers of one worker; `turn` is called every few seconds."""

    def __init__(
        self,
        dispatchers: Sequence[Dispatcher],
        *,
        retention_seconds: float,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._dispatchers = dispatchers
        self._alarm_seconds = retention_seconds / 2
        self._clock = clock
        self._seen: dict[tuple[str, int], tuple[int, float]] = {}
        self._stuck: dict[str, list[int]] = {}
        self._aging: set[str] = set()

    def problem(self) -> str | None:
        """What is stuck or about to lose its place, for `/readyz`; none if nothing is."""
        told = [
            f"{route}: work in partitions {', '.join(map(str, numbers))}, but no progress"
            for route, numbers in self._stuck.items()
        ]
        told += [f"{route}: a record waits for half of Kafka's retention" for route in self._aging]
        return "; ".join(told) or None

    async def turn(self) -> None:
        """Look at every partition; make the reader of a stuck route anew, once per time-out."""
        for dispatcher in self._dispatchers:
            self._look_at_age(dispatcher)
            stuck = [n for n in dispatcher.partitions if self._stands_still(dispatcher, n)]
            if not stuck:
                self._stuck.pop(dispatcher.route, None)
                continue
            self._stuck[dispatcher.route] = stuck
            log.error("route_stuck", route=dispatcher.route, partitions=stuck)
            try:
                await dispatcher.read_anew()
            except HubError as error:
                log.warning("reader_not_renewed", route=dispatcher.route, reason=error.code)
            for number in stuck:
                watermark, _ = self._seen[dispatcher.route, number]
                self._seen[dispatcher.route, number] = (watermark, self._clock())

    def _look_at_age(self, dispatcher: Dispatcher) -> None:
        ages = (oldest_waiting_seconds(each) for each in dispatcher.partitions.values())
        if max(ages, default=0.0) < self._alarm_seconds:
            self._aging.discard(dispatcher.route)
        elif dispatcher.route not in self._aging:
            self._aging.add(dispatcher.route)
            log.error("retention_half_used", route=dispatcher.route)

    def _stands_still(self, dispatcher: Dispatcher, number: int) -> bool:
        watermark = dispatcher.partitions[number].window.watermark
        key = (dispatcher.route, number)
        known, since = self._seen.get(key, (-1, 0.0))
        working = dispatcher.handling.limit() > 0 and dispatcher.lag(number) > 0
        if not working or watermark != known:
            self._seen[key] = (watermark, self._clock())
            return False
        terms = dispatcher.terms
        longest = terms.timeout_seconds + terms.patience_seconds + SPARE_SECONDS
        return self._clock() - since > longest
