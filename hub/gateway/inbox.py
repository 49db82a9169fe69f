"""Inbox: what a connector's receive endpoints use; acknowledges only what Kafka has."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Protocol

from msgspec import structs

from hub.blobs import Blobs
from hub.connector import Client, Connector, Ground, Refusal
from hub.gateway.trace import next_traceparent
from hub.message import Message
from hub.metrics import Metric, Metrics
from hub.outbox import Outgoing
from hub.outcome import Outcome, Stage, State


class Producer(Protocol):
    """What the gateway needs of `hub.kafka.Producer`; topic names without the prefix."""

    async def send_all(self, topic: str, records: Sequence[Outgoing]) -> None:
        """Return when Kafka has all records (acks=all); order per key is kept.

        Raises:
            Unavailable: Kafka did not take (all of) them.
        """


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """What all inboxes of a gateway share.

    Attributes:
        producer: to Kafka.
        blobs: store of large bodies.
        report: takes an outcome at once and never fails; see `hub.gateway.reports`.
        ground: aliases and large bodies.
        subject_known: asks the store whether any message about a subject was accepted.
        peer: client of another configured instance; raises ConfigError when there is none.
        metrics: of this process.
        config: content hash of hub.yaml, part of every outcome.
        known_subjects_count: subjects remembered per inbox.
    """

    producer: Producer
    blobs: Blobs
    ground: Ground
    report: Callable[[Outcome], None]
    subject_known: Callable[[str], Awaitable[bool]]
    peer: Callable[[str], Client]
    metrics: Metrics
    config: str
    known_subjects_count: int = 100_000


class KafkaInbox:
    """The `hub.connector.Inbox` of one connector instance.

    Args:
        instance: name in hub.yaml; messages go to `in.<instance>`.
        connector: gives the key of messages that have none.
    """

    def __init__(self, instance: str, connector: Connector, around: Surroundings) -> None:
        self._instance = instance
        self._connector = connector
        self.ground = around.ground
        self._around = around
        self._subjects: OrderedDict[str, None] = OrderedDict()

    async def accept(self, messages: Sequence[Message]) -> None:
        """See `hub.connector.Inbox.accept`; also claim-checks large bodies and adds the trace.

        Raises:
            Unavailable: Kafka (or the blob store) did not take them.
        """
        begun = time.monotonic()
        travelling = [await self._prepared(message) for message in messages]
        await self._around.producer.send_all(
            f"in.{self._instance}",
            [(each.key.encode(), each.body, each.to_record_headers()) for each in travelling],
        )
        duration_ms = (time.monotonic() - begun) * 1000
        for message in travelling:
            self._remember(message.key)
            self._around.report(self._accepted_outcome(message, duration_ms))

    async def refuse(self, refusal: Refusal) -> None:
        """See `hub.connector.Inbox.refuse`."""
        self._around.metrics.add(Metric.GATEWAY_REFUSALS, 1, self._instance, refusal.code)
        self._around.report(
            Outcome(
                stage=Stage.RECEIVE,
                name=self._instance,
                state=State.REFUSED,
                subject=refusal.subject or refusal.unit,
                at=datetime.now(UTC),
                reason=refusal.code,
                text=f"{refusal.operation}: {refusal.text}" if refusal.operation else refusal.text,
                unit=refusal.unit,
                config=self._around.config,
                traceparent=next_traceparent(),
            )
        )

    async def accepted(self, subject: str) -> bool:
        """See `hub.connector.Inbox.accepted`.

        Raises:
            Unavailable: it is not among the latest, and the store does not answer.
        """
        if subject in self._subjects:
            self._subjects.move_to_end(subject)
            return True
        if await self._around.subject_known(subject):
            self._remember(subject)
            return True
        return False

    def peer(self, connector: str) -> Client:
        """See `hub.connector.Inbox.peer`."""
        return self._around.peer(connector)

    async def _prepared(self, message: Message) -> Message:
        key = message.key
        if not key and self._connector.order_key is not None:
            key = self._connector.order_key(message)
        blobs = self._around.blobs
        stored = await blobs.check_in(message)
        if stored is not message:
            self._around.metrics.add(Metric.BLOBS_PUT, 1, self._instance)
            self._around.metrics.add(Metric.BLOBS_PUT_BYTES, len(message.body), self._instance)
        traceparent = message.traceparent or next_traceparent()
        return structs.replace(stored, connector=self._instance, key=key, traceparent=traceparent)

    def _remember(self, subject: str) -> None:
        self._subjects[subject] = None
        self._subjects.move_to_end(subject)
        if len(self._subjects) > self._around.known_subjects_count:
            self._subjects.popitem(last=False)

    def _accepted_outcome(self, message: Message, duration_ms: float) -> Outcome:
        return Outcome(
            stage=Stage.RECEIVE,
            name=self._instance,
            state=State.ACCEPTED,
            subject=message.key,
            at=datetime.now(UTC),
            unit=message.headers.get("unit", ""),
            message_id=message.id,
            attempts=1,
            duration_ms=duration_ms,
            config=self._around.config,
            traceparent=message.traceparent,
        )
