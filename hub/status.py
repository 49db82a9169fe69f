"""Status: what a worker says about itself, for `hub top`, `hub show` and the metrics."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import Any

from hub.dispatch import Dispatcher
from hub.handling import Partition
from hub.intake import Intake


def worker_status(
    intakes: Sequence[Intake], dispatchers: Sequence[Dispatcher]
) -> Mapping[str, object]:
    """JSON-able status: per route the gate, the breaker, and per partition what is held.

    Shape: `{"routes": {name: {"closed": {...}, "breaker", "calls", "delivered", "partitions":
    {"0": {"lag", "open", "span", "lanes", "parked_subjects", "parked_messages",
    "oldest_parked_seconds", "commit_age_seconds"}}}}, "decode": {topic: {"partitions": [...]}}}`.
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


def _partition(partition: Partition, lag: int) -> dict[str, Any]:
    held = [s for s in partition.keeper.subjects.values() if s.waiting_count]
    oldest = min((s.since for s in held if s.since is not None), default=None)
    return {
        "lag": lag,
        "open": partition.window.open_count,
        "span": partition.window.span,
        "lanes": len(partition.lanes),
        "full": partition.full,
        "parked_subjects": len(held),
        "dead_subjects": sum(s.dead for s in held),
        "parked_messages": sum(s.waiting_count for s in held),
        "oldest_parked_seconds": time.time() - oldest.timestamp() if oldest else 0.0,
        "commit_age_seconds": time.monotonic() - partition.committed_at
        if partition.window.open_count
        else 0.0,
    }
