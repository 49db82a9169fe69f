"""Partition counts of topics: fixed at the first start, compared at every later one.

A changed count sends the keys to other partitions, and the order of a dossier is lost.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from hub.errors import ConfigError
from hub.store.database import Store

RECORD = """
INSERT INTO topic (name, partition_count)
SELECT * FROM unnest(%b::text[], %b::int[]) ON CONFLICT DO NOTHING
"""

RECORDED = "SELECT name, partition_count FROM topic WHERE name = ANY (%b::text[])"


async def record_topics(store: Store, topics: Mapping[str, int]) -> None:
    """Remember the counts of new topics, and compare those of known ones.

    Raises:
        ConfigError: code `partitions_changed`; it names every topic that differs. Nothing is
            recorded then.
    """
    if not topics:
        return
    names, counts = list(topics), list(topics.values())
    async with store.pipeline() as pipeline:
        await pipeline.run(RECORD, names, counts)
        rows = await (await pipeline.run(RECORDED, names)).fetchall()
        differing = [
            f"{name} has {topics[name]} partitions, and had {recorded}"
            for name, recorded in sorted(rows)
            if topics[name] != recorded
        ]
        if differing:
            text = f"{'; '.join(differing)}: order per dossier would be lost"
            raise ConfigError(text, code="partitions_changed")


async def recorded_counts(store: Store, names: Sequence[str]) -> Mapping[str, int]:
    """Partition counts of those names that are recorded."""
    async with store.pipeline() as pipeline:
        rows = await (await pipeline.run(RECORDED, list(names))).fetchall()
    return dict(rows)
