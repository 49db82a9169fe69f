"""Status: what a worker says about itself, for `hub top`, `hub show` and the metrics."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import Any

from hub.dispatch import Dispatcher
from hub.errors import UnknownOutcome
from hub.intake import Intake
from hub.metrics import Metric, Metrics
from hub.partition import Partition
from hub.polling import Polling


def worker_status(
    intakes: Sequence[Intake],
    dispatchers: Sequence[Dispatcher],
    pollings: Sequence[Polling] = (),
) -> Mapping[str, object]:
    """JSON-able status: per route the gate, the breaker, and per partition what is held.

    Shape: `{"routes": {name: {"closed": {...}, "breaker", "calls", "delivered", "partitions":
    {"0": {"lag", "open", "span", "lanes", "parked_subjects", "parked_messages",
    "oldest_parked_seconds", "commit_age_seconds"}}}}, "decode": {topic: {"partitions": [...]}},
    "polls": {route: {"problem", "messages"}}}`.
    """
    return {
        "routes": {each.route: route_status(each) for each in dispatchers},
        "decode": {
            each.topic: {
                "closed": dict(each.closed),
                "handled": each.handled_count,
                "partitions": sorted(each.partitions),
            }
            for each in intakes
        },
        "polls": {
            each.route: {"problem": each.problem, "messages": each.messages_count}
            for each in pollings
            if each.asking
        },
    }


def route_status(dispatcher: Dispatcher) -> dict[str, Any]:
    """Status of one route in this worker."""
    breaker = dispatcher.handling.breaker
    return {
        "closed": dict(dispatcher.closed),
        "breaker": breaker.state.value,
        "breaker_reason": breaker.reason,
        "calls": dispatcher.handling.slots.busy,
        "waiting": dispatcher.handling.slots.waiting,
        "limit": dispatcher.handling.limit(),
        "delivered": dispatcher.handling.delivered_count,
        "partitions": {
            str(number): _partition(partition, dispatcher.lag(number))
            for number, partition in dispatcher.partitions.items()
        },
    }


BREAKER_NUMBER = {"closed": 0, "half_open": 1, "open": 2}


def set_gauges(
    metrics: Metrics, intakes: Sequence[Intake], dispatchers: Sequence[Dispatcher]
) -> None:
    """The engine's gauges, from the same figures as the status."""
    for intake in intakes:
        metrics.set(Metric.PARTITIONS_OWNED, len(intake.partitions), intake.topic)
    for dispatcher in dispatchers:
        route = dispatcher.route
        status = route_status(dispatcher)
        partitions = status["partitions"]
        metrics.set(Metric.PARTITIONS_OWNED, len(partitions), route)
        metrics.set(Metric.BREAKER_STATE, BREAKER_NUMBER[status["breaker"]], route)
        for number in range(dispatcher.partitions_count):
            if str(number) in partitions:
                metrics.set(Metric.LAG_MESSAGES, partitions[str(number)]["lag"], route, str(number))
            else:
                metrics.forget(Metric.LAG_MESSAGES, route, str(number))
        for metric, name in SUMS.items():
            metrics.set(metric, sum(each[name] for each in partitions.values()), route)
        for metric, name in HIGHEST.items():
            highest = max((each[name] for each in partitions.values()), default=0)
            metrics.set(metric, highest, route)
        for reason in STOP_REASONS:
            metrics.set(Metric.ROUTE_STOPPED, int(reason in status["closed"]), route, reason)


STOP_REASONS = ("paused", "stopped", "store_away", "kafka_away")
SUMS = {
    Metric.LANES: "lanes",
    Metric.WINDOW_MESSAGES: "open",
    Metric.WINDOW_BYTES: "bytes",
    Metric.PARKED_SUBJECTS: "parked_subjects",
    Metric.PARKED_MESSAGES: "parked_messages",
    Metric.DEAD_SUBJECTS: "dead_subjects",
    Metric.EFFECTS_WAITING: "unknown_outcomes",
}
HIGHEST = {
    Metric.PARKED_OLDEST_SECONDS: "oldest_parked_seconds",
    Metric.COMMIT_AGE_SECONDS: "commit_age_seconds",
    Metric.WAITING_OLDEST_SECONDS: "oldest_waiting_seconds",
}


def oldest_waiting_seconds(partition: Partition) -> float:
    """Age of the oldest record that keeps the watermark back; 0 when none does."""
    stamps = (
        lane.queue[0].record.timestamp
        for lane in partition.lanes.values()
        if lane.queue and not lane.queue[0].held
    )
    oldest = min(stamps, default=None)
    return max(0.0, time.time() - oldest / 1000) if oldest is not None else 0.0


def _partition(partition: Partition, lag: int) -> dict[str, Any]:
    held = [s for s in partition.keeper.subjects.values() if s.waiting_count]
    oldest = min((s.since for s in held if s.since is not None), default=None)
    return {
        "lag": lag,
        "open": partition.window.open_count,
        "span": partition.window.span,
        "bytes": partition.window.bytes,
        "lanes": len(partition.lanes),
        "full": partition.full,
        "parked_subjects": len(held),
        "dead_subjects": sum(s.dead for s in held),
        "parked_messages": sum(s.waiting_count for s in held),
        "oldest_parked_seconds": time.time() - oldest.timestamp() if oldest else 0.0,
        "unknown_outcomes": sum(s.reason == UnknownOutcome.code for s in held),
        "oldest_waiting_seconds": oldest_waiting_seconds(partition),
        "commit_age_seconds": time.monotonic() - partition.committed_at
        if partition.window.open_count
        else 0.0,
    }
