"""Metrics: the one catalogue of metric names, and the Prometheus objects behind it.

A `Metrics` object is made once per process and passed around; nothing is global. Labels are names
from the configuration and fixed codes, never values of messages.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections import Counter as Tally
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from enum import StrEnum
from itertools import accumulate
from typing import NamedTuple

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client.exposition import choose_encoder
from prometheus_client.metrics_core import HistogramMetricFamily

from hub.outcome import Ending, Outcome, State


class Metric(StrEnum):
    """Every metric of the hub."""

    # Messages whose handling ended at a stage, by the state it ended in.
    MESSAGES_HANDLED = "hub_messages_handled_total"
    # Handlings that ended in parked, dead or refused, by fixed reason code.
    MESSAGES_TROUBLED = "hub_messages_troubled_total"
    # Time from taking a message up to the end of its handling, waits included.
    HANDLING_SECONDS = "hub_handling_seconds"
    # Records that stand in Kafka behind the committed offset.
    LAG_MESSAGES = "hub_lag_messages"
    # Lanes (subjects with work in memory) of a route on this worker.
    LANES = "hub_lanes"
    # Messages in the windows of a route on this worker.
    WINDOW_MESSAGES = "hub_window_messages"
    # Bytes in the windows of a route on this worker.
    WINDOW_BYTES = "hub_window_bytes"
    # Subjects that are parked.
    PARKED_SUBJECTS = "hub_parked_subjects"
    # Messages that are parked, those behind a head included.
    PARKED_MESSAGES = "hub_parked_messages"
    # Age of the oldest parked message; 0 when there is none.
    PARKED_OLDEST_SECONDS = "hub_parked_oldest_seconds"
    # Subjects whose head is dead: a person must act.
    DEAD_SUBJECTS = "hub_dead_subjects"
    # 0 closed, 1 half open (probing), 2 open.
    BREAKER_STATE = "hub_breaker_state"
    # 1 while a route is stopped or paused, with the reason as a label.
    ROUTE_STOPPED = "hub_route_stopped"
    # Effects whose outcome is unknown and that wait for the destination's answer.
    EFFECTS_WAITING = "hub_effects_waiting"
    # Time since the last commit although there was work; 0 when idle.
    COMMIT_AGE_SECONDS = "hub_commit_age_seconds"
    # Age of the oldest record that waits in Kafka for its delivery; an alarm at half the retention.
    WAITING_OLDEST_SECONDS = "hub_waiting_oldest_seconds"
    # Partitions owned by this worker.
    PARTITIONS_OWNED = "hub_partitions_owned"
    # HTTP requests answered by the gateway.
    GATEWAY_REQUESTS = "hub_gateway_requests_total"
    # Time from the headers of a request to its answer.
    GATEWAY_SECONDS = "hub_gateway_request_seconds"
    # Requests being answered.
    GATEWAY_RUNNING = "hub_gateway_requests_running"
    # Messages refused at the door, by fixed reason code.
    GATEWAY_REFUSALS = "hub_gateway_refusals_total"
    # Outcomes dropped because Kafka was away for long; the messages themselves are safe.
    OUTCOMES_DROPPED = "hub_outcomes_dropped_total"
    # Records of outcomes (each holds many) that the recorder has not written to the timeline.
    RECORDER_LAG_MESSAGES = "hub_recorder_lag_messages"
    # Outcomes written to the timeline.
    RECORDER_ROWS = "hub_recorder_rows_total"
    # Looks of a poller at its outside system, by result (ok, or the reason of the failure).
    POLLS = "hub_polls_total"
    # Messages that pollers brought.
    POLLED_MESSAGES = "hub_polled_messages_total"
    # Notices that a dossier is nearly due or overdue, by kind.
    SLA_NOTICES = "hub_sla_notices_total"
    # Bodies put into the blob store, and their bytes.
    BLOBS_PUT = "hub_blobs_put_total"
    BLOBS_PUT_BYTES = "hub_blobs_put_bytes_total"
    # 1, with version and configuration as labels.
    BUILD = "hub_build"


FAST = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)


class Shape(NamedTuple):
    """What kind of metric it is, what it says, and its labels in the order of the calls."""

    kind: type[Counter] | type[Gauge] | type[Histogram]
    text: str
    labels: tuple[str, ...] = ()


SHAPES: dict[Metric, Shape] = {
    Metric.MESSAGES_HANDLED: Shape(Counter, "Messages handled.", ("stage", "name", "state")),
    Metric.MESSAGES_TROUBLED: Shape(
        Counter, "Messages parked, dead or refused.", ("stage", "name", "state", "reason")
    ),
    Metric.HANDLING_SECONDS: Shape(Histogram, "Time of a handling.", ("stage", "name")),
    Metric.LAG_MESSAGES: Shape(Gauge, "Records behind.", ("name", "partition")),
    Metric.LANES: Shape(Gauge, "Subjects with work in memory.", ("route",)),
    Metric.WINDOW_MESSAGES: Shape(Gauge, "Messages in windows.", ("route",)),
    Metric.WINDOW_BYTES: Shape(Gauge, "Bytes in windows.", ("route",)),
    Metric.PARKED_SUBJECTS: Shape(Gauge, "Parked subjects.", ("route",)),
    Metric.PARKED_MESSAGES: Shape(Gauge, "Parked messages.", ("route",)),
    Metric.PARKED_OLDEST_SECONDS: Shape(Gauge, "Age of the oldest parked.", ("route",)),
    Metric.DEAD_SUBJECTS: Shape(Gauge, "Subjects behind a dead head.", ("route",)),
    Metric.BREAKER_STATE: Shape(Gauge, "0 closed, 1 half open, 2 open.", ("route",)),
    Metric.ROUTE_STOPPED: Shape(Gauge, "1 while stopped.", ("route", "reason")),
    Metric.EFFECTS_WAITING: Shape(Gauge, "Effects waiting for an answer.", ("route",)),
    Metric.COMMIT_AGE_SECONDS: Shape(Gauge, "Time since a commit with work.", ("name",)),
    Metric.WAITING_OLDEST_SECONDS: Shape(Gauge, "Age of the oldest waiting.", ("route",)),
    Metric.PARTITIONS_OWNED: Shape(Gauge, "Partitions owned.", ("name",)),
    Metric.GATEWAY_REQUESTS: Shape(Counter, "HTTP requests.", ("connector", "status")),
    Metric.GATEWAY_SECONDS: Shape(Histogram, "Time of a request.", ("connector",)),
    Metric.GATEWAY_RUNNING: Shape(Gauge, "Requests being answered.", ("connector",)),
    Metric.GATEWAY_REFUSALS: Shape(Counter, "Refusals.", ("connector", "reason")),
    Metric.OUTCOMES_DROPPED: Shape(Counter, "Outcomes dropped.", ("name",)),
    Metric.RECORDER_LAG_MESSAGES: Shape(Gauge, "Records of outcomes behind.", ("partition",)),
    Metric.RECORDER_ROWS: Shape(Counter, "Outcomes recorded."),
    Metric.POLLS: Shape(Counter, "Looks of a poller.", ("connector", "result")),
    Metric.POLLED_MESSAGES: Shape(Counter, "Messages polled.", ("connector",)),
    Metric.SLA_NOTICES: Shape(Counter, "Notices of deadlines.", ("kind",)),
    Metric.BLOBS_PUT: Shape(Counter, "Bodies put into the blob store.", ("connector",)),
    Metric.BLOBS_PUT_BYTES: Shape(Counter, "Bytes put into the blob store.", ("connector",)),
    Metric.BUILD: Shape(Gauge, "Always 1.", ("version", "config")),
}

TROUBLED = frozenset({State.PARKED, State.DEAD, State.REFUSED})


class Durations:
    """A histogram that takes a batch at once; prometheus_client's own takes one by one.

    Args:
        metric: name of the family.
        shape: its text and its labels.
    """

    def __init__(self, metric: Metric, shape: Shape) -> None:
        self._metric, self._shape = metric, shape
        self._buckets: dict[tuple[str, ...], list[int]] = {}
        self._sums: dict[tuple[str, ...], float] = defaultdict(float)

    def add(self, labels: tuple[str, ...], seconds: Iterable[float]) -> None:
        """Count these durations; a duration of 0 is none (it was not measured)."""
        buckets = self._buckets.setdefault(labels, [0] * (len(FAST) + 1))
        measured = sorted(filter(None, seconds))
        below = 0
        for number, longest in enumerate((*FAST, math.inf)):
            end = bisect_right(measured, longest)
            buckets[number] += end - below
            below = end
        self._sums[labels] += sum(measured)

    def collect(self) -> Iterator[HistogramMetricFamily]:
        """What a registry asks for."""
        family = HistogramMetricFamily(self._metric, self._shape.text, labels=self._shape.labels)
        for labels, counts in self._buckets.items():
            below = map(str, (*FAST, "+Inf"))
            family.add_metric(
                labels, list(zip(below, accumulate(counts), strict=True)), self._sums[labels]
            )
        yield family


class Metrics:
    """The metrics of one process; every call names a `Metric` and its labels in order."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry(auto_describe=True)
        self._counters: dict[Metric, Counter] = {}
        self._gauges: dict[Metric, Gauge] = {}
        self._histograms: dict[Metric, Histogram] = {}
        self._durations = Durations(Metric.HANDLING_SECONDS, SHAPES[Metric.HANDLING_SECONDS])
        self.registry.register(self._durations)
        for metric, (kind, text, labels) in SHAPES.items():
            if kind is Counter:
                self._counters[metric] = Counter(metric, text, labels, registry=self.registry)
            elif kind is Gauge:
                self._gauges[metric] = Gauge(metric, text, labels, registry=self.registry)
            elif metric is not Metric.HANDLING_SECONDS:
                self._histograms[metric] = Histogram(
                    metric, text, labels, registry=self.registry, buckets=FAST
                )

    def add(self, metric: Metric, amount: float = 1, *labels: str) -> None:
        """Count `amount` more; once per batch, not once per message."""
        counter = self._counters[metric]
        (counter.labels(*labels) if labels else counter).inc(amount)

    def set(self, metric: Metric, value: float, *labels: str) -> None:
        """The gauge is now at this value."""
        gauge = self._gauges[metric]
        (gauge.labels(*labels) if labels else gauge).set(value)

    def observe(self, metric: Metric, seconds: float, *labels: str) -> None:
        """One more duration."""
        histogram = self._histograms[metric]
        (histogram.labels(*labels) if labels else histogram).observe(seconds)

    def forget(self, metric: Metric, *labels: str) -> None:
        """Drop a gauge's series whose thing is gone (a partition of another worker now)."""
        self._gauges[metric].remove(*labels)

    def count(self, outcomes: Mapping[Ending, Sequence[Outcome]]) -> None:
        """Count a batch of outcomes: states, reasons of trouble, durations."""
        for (stage, name, state), alike in outcomes.items():
            self.add(Metric.MESSAGES_HANDLED, len(alike), stage, name, state)
            self._durations.add((stage, name), [each.duration_ms / 1000 for each in alike])
            if state in TROUBLED:
                for reason, amount in Tally(each.reason for each in alike).items():
                    self.add(Metric.MESSAGES_TROUBLED, amount, stage, name, state, reason)

    def exposition(self, accept: str = "") -> tuple[bytes, str]:
        """All metrics in the form that an Accept header asks for, and its media type."""
        encoder, content_type = choose_encoder(accept)
        return encoder(self.registry), content_type
