"""Reports: the gateway's outcomes on their way to the log, the metrics and `outcomes`.

Behind the replies: a report never waits and never fails. While Kafka is away the latest ones are
kept and the oldest dropped; the messages they tell of are safe, or were never acknowledged.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Sequence

from hub.errors import Unavailable
from hub.gateway.inbox import Producer
from hub.metrics import Metric, Metrics
from hub.outcome import OUTCOMES_TOPIC, Outcome, records_of

FLUSH_SECONDS = 0.05
KEPT_COUNT = 20_000


class Reports:
    """Collects outcomes; `run` sends them in batches.

    Args:
        producer: to Kafka.
        observe: called once with each batch of outcomes (log lines and counts).
        kept_count: outcomes kept while Kafka is away.
    """

    def __init__(
        self,
        producer: Producer,
        observe: Callable[[Sequence[Outcome]], None],
        metrics: Metrics,
        *,
        kept_count: int = KEPT_COUNT,
    ) -> None:
        self._producer = producer
        self._observe = observe
        self._metrics = metrics
        self._kept_count = kept_count
        self._new: list[Outcome] = []
        self._waiting: deque[Outcome] = deque()

    def report(self, outcome: Outcome) -> None:
        """One handling has ended."""
        if len(self._new) < self._kept_count:
            self._new.append(outcome)
        else:
            self._metrics.add(Metric.OUTCOMES_DROPPED, 1, "gateway")

    async def flush(self) -> bool:
        """Send what was reported so far; whether Kafka has it all."""
        outcomes, self._new = self._new, []
        if outcomes:
            self._observe(outcomes)
            self._waiting += outcomes
        while len(self._waiting) > self._kept_count:
            self._waiting.popleft()
            self._metrics.add(Metric.OUTCOMES_DROPPED, 1, "gateway")
        sending = list(self._waiting)
        if not sending:
            return True
        try:
            await self._producer.send_all(OUTCOMES_TOPIC, records_of(sending))
        except Unavailable:
            return False
        for _ in sending:
            self._waiting.popleft()
        return True

    async def run(self, stop: asyncio.Event) -> None:
        """Flush every 50 ms until `stop`, and once after it."""
        while not stop.is_set():
            await self.flush()
            try:
                await asyncio.wait_for(stop.wait(), FLUSH_SECONDS)
            except TimeoutError:
                continue
        await self.flush()
