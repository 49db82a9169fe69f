"""Committing: watermarks go to Kafka once the outcomes they stand for are safe."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence

from hub import crash
from hub.kafka import Reader
from hub.outbox import Outbox
from hub.partition import Partition

RECOMMIT_SECONDS = 3600.0
"""Offsets are committed again after this, so that the broker does not forget an idle route."""


class Commits:
    """Commits the watermarks of one route in one worker."""

    def __init__(
        self, reader: Reader, outbox: Outbox, *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._reader = reader
        self._outbox = outbox
        self._clock = clock
        self._turn = asyncio.Lock()

    async def turn(self, partitions: Sequence[Partition]) -> None:
        """Commit the watermarks as they stand now, once their outcomes are safe.

        One turn at a time: an older watermark must not land on a newer one.
        """
        async with self._turn:
            await self._commit([p for p in partitions if p.owned(self._clock())])

    async def _commit(self, partitions: Sequence[Partition]) -> None:
        for partition in partitions:
            if not partition.window.open_count and not partition.leaving:
                partition.window.advance(await self._reader.position(partition.number))
        marks = {p.number: p.window.commit() for p in partitions}
        await self._outbox.flush()
        crash.point("after_outcome_flush")
        now = self._clock()
        changed = {
            p.number: marks[p.number]
            for p in partitions
            if p.owned(now)
            and (marks[p.number] != p.committed or now - p.committed_at > RECOMMIT_SECONDS)
        }
        if changed:
            crash.point("before_commit")
            await self._reader.commit(changed)
            crash.point("after_commit")
        for partition in partitions:
            if partition.number in changed:
                partition.committed, partition.committed_at = changed[partition.number], now
            partition.keeper.forget_below(partition.committed[0])
