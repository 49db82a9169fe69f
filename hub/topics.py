"""Topics: which ones a deployment has, and how long they keep."""

from __future__ import annotations

from collections.abc import Mapping

from hub.connector import Connector
from hub.outbound import EVENTS_TOPIC
from hub.outcome import OUTCOMES_TOPIC
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
