"""Kafka: the hub's own loops fetch, produce and commit in batches through these classes.

The only package that imports aiokafka (`hub.lifecycle` is the only one that imports FastStream).
Foreign errors leave this module as `Unavailable` (code `kafka_away`), `OwnershipLost` (fenced) or
`ConfigError`.

Partitions are assigned by the hub's own leases (`hub.ownership`), not by Kafka's group protocol:
see docs/decisions/0005-leases-instead-of-rebalances.md. Consumer groups only hold offsets.
"""

import logging

from hub.kafka.client import Kafka, tls_context
from hub.kafka.producer import Producer
from hub.kafka.reader import FETCH_COUNT, Feed, Reader
from hub.kafka.records import Outgoing, Record, header, partition_of, safe_headers

__all__ = [
    "FETCH_COUNT",
    "Feed",
    "Kafka",
    "Outgoing",
    "Producer",
    "Reader",
    "Record",
    "header",
    "partition_of",
    "safe_headers",
    "tls_context",
]

# aiokafka logs an error for every retry of every client, ten a second and more while Kafka is
# away. What went wrong leaves this package as one of our errors and is told once.
logging.getLogger("aiokafka").setLevel(logging.CRITICAL)
