"""Topics: which ones a deployment has, how long they keep, and what they carry."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Union

from hub.connector import Connector
from hub.event import KINDS
from hub.outbound import EVENTS_TOPIC
from hub.outcome import OUTCOMES_TOPIC, Outcome
from hub.settings import HubSettings

DAY_MS = 86_400_000
RETENTION_DAYS = {"in": 14, "events": 35, "outcomes": 35, "dead": 90}
"""By the first part of the name; events and outcomes outlive backups and the longest hold."""


def topics_of(settings: HubSettings, connectors: Mapping[str, Connector]) -> dict[str, int]:
    """Every topic (without prefix) and its number of partitions."""
    count = settings.kafka.partitions_count
    counts = {EVENTS_TOPIC: count, OUTCOMES_TOPIC: count}
    for instance in settings.connectors:
        if connectors[settings.kind_of(instance)].decode is not None:
            counts |= {f"in.{instance}": count, f"dead.in.{instance}": count}
    return counts | {f"dead.{name}": count for name in settings.routes}


def topic_config(name: str) -> dict[str, str]:
    """Kafka's settings of a topic."""
    return {"retention.ms": str(RETENTION_DAYS[name.partition(".")[0]] * DAY_MS)}


def described(
    settings: HubSettings, connectors: Mapping[str, Connector]
) -> dict[str, tuple[str, Any]]:
    """Every topic with its prefix: what it is for, and the model of its payload."""
    found: dict[str, tuple[str, Any]] = {}
    for name in topics_of(settings, connectors):
        if name == EVENTS_TOPIC:
            models = tuple(dict.fromkeys(KINDS.values()))
            # a union made of what is registered has no literal form
            about: tuple[str, Any] = ("Canonical events, keyed by subject.", Union[models])  # noqa: UP007
        elif name == OUTCOMES_TOPIC:
            about = ("How each handling ended.", Outcome)
        elif name.startswith("in."):
            about = (f"Messages of {name[3:]} as received.", bytes)
        else:
            about = ("Dead letters: original bytes, reason headers.", bytes)
        found[settings.kafka.prefix + name] = about
    return found
