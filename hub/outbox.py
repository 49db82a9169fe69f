"""Outbox: outcomes, replies and dead letters of one worker on their way to Kafka, in batches.

Flushed every 50 ms, and always before an offset is committed, so that nothing is settled whose
outcome could be lost.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Callable, Sequence
from typing import Protocol

from hub.message import Message
from hub.outcome import OUTCOMES_TOPIC, Outcome, records_of

Outgoing = tuple[bytes, bytes | None, Sequence[tuple[str, bytes]]]


class Sender(Protocol):
    """What the outbox needs of `hub.kafka.Producer`."""

    async def send_all(self, topic: str, records: Sequence[Outgoing]) -> None:
        """Return when Kafka has all records."""


class Outbox:
    """Collects records; `flush` returns when Kafka has all that was put before it.

    Args:
        sender: produces with acks=all.
        observe: called once with each flushed batch of outcomes (log lines and metrics).
    """

    def __init__(self, sender: Sender, observe: Callable[[Sequence[Outcome]], None]) -> None:
        self.sender = sender
        self._observe = observe
        self._outcomes: list[Outcome] = []
        self._records: dict[str, list[Outgoing]] = defaultdict(list)
        self._lock = asyncio.Lock()

    def report(self, outcome: Outcome) -> None:
        """One handling has ended."""
        self._outcomes.append(outcome)

    def reply(self, message: Message) -> None:
        """A destination's reply enters the flow as a message of its connector."""
        self.put(
            f"in.{message.connector}",
            (message.key.encode(), message.body, message.to_record_headers()),
        )

    def put(self, topic: str, record: Outgoing) -> None:
        """Any other record (dead letters)."""
        self._records[topic].append(record)

    async def flush(self) -> None:
        """Send everything put so far; what could not be sent stays for the next flush.

        Raises:
            Unavailable: Kafka did not take it.
        """
        async with self._lock:
            outcomes, self._outcomes = self._outcomes, []
            if outcomes:
                self._observe(outcomes)
                self._records[OUTCOMES_TOPIC] += records_of(outcomes)
            for topic in list(self._records):
                sending = self._records.pop(topic)
                try:
                    await self.sender.send_all(topic, sending)
                except BaseException:
                    self._records[topic] = sending + self._records[topic]
                    raise
