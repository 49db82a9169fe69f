"""Records: what Kafka carries, its partitions, headers made safe, and errors made ours."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from functools import lru_cache
from typing import Any

from aiokafka.errors import KafkaError, ProducerFenced
from aiokafka.partitioner import murmur2

from hub.errors import OwnershipLost, Unavailable

MAX_BATCH_BYTES = 900_000
"""Largest batch, and so largest record, that is produced."""

Record = Any
"""An aiokafka ConsumerRecord: offset, key, value (bytes), headers (tuple of pairs), timestamp."""

Outgoing = tuple[bytes, bytes | None, Sequence[tuple[str, bytes]]]
"""Key, value, headers of a record to produce."""


@lru_cache(maxsize=65_536)
def partition_of(key: bytes, partitions: int) -> int:
    """The partition that Kafka's default partitioner (murmur2) gives to a key."""
    return int((murmur2(key) & 0x7FFFFFFF) % partitions)


def safe_headers(headers: Iterable[tuple[str, bytes | None]]) -> dict[str, str]:
    """Record headers as text; what is not UTF-8 or null becomes readable instead of fatal."""
    pairs = tuple(headers)
    try:
        return {name: value.decode() for name, value in pairs}  # type: ignore[union-attr] # see below
    except (UnicodeDecodeError, AttributeError):
        return {
            name: value.decode("utf-8", "replace") if value is not None else ""
            for name, value in pairs
        }


def header(record: Record, name: str) -> str:
    """One header of a record without decoding the others, `` if it is missing."""
    for header_name, value in record.headers:
        if header_name == name:
            return value.decode("utf-8", "replace") if value is not None else ""
    return ""


@asynccontextmanager
async def translated(what: str) -> AsyncIterator[None]:
    """Turn aiokafka's errors into ours, cause kept."""
    try:
        yield
    except ProducerFenced as error:
        raise OwnershipLost(f"{what}: another worker has taken over", code="fenced") from error
    except (KafkaError, OSError, TimeoutError) as error:
        raise Unavailable(f"{what}: {type(error).__name__}", code="kafka_away") from error
