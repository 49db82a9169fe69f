"""Taken: a partition of an in-topic that this worker has taken.

The transaction of a batch ends beside the decoding of the next one.
"""

from __future__ import annotations

import asyncio
import time
from contextlib import suppress
from dataclasses import dataclass, field

from hub.errors import HubError
from hub.inbound import Memory
from hub.kafka import Producer
from hub.parking import Keeper


@dataclass(slots=True)
class Taken:
    """What intake holds of one owned partition.

    Attributes:
        broken: to be taken anew, unless it is lost to another worker.
        fenced: another worker has started a producer for it: the lease must tell whose it is.
        committing: ends the latest batch.
        committed_at: monotonic seconds of the last commit.
    """

    memory: Memory
    producer: Producer
    next_offset: int
    broken: bool = False
    lost: bool = False
    fenced: bool = False
    committing: asyncio.Task[None] | None = None
    committed_at: float = field(default_factory=time.monotonic)

    @property
    def keeper(self) -> Keeper:
        """The held subjects of the partition."""
        return self.memory.keeper

    async def settled(self) -> None:
        """Return when the latest batch is committed.

        Raises:
            HubError: it is not, and never will be.
        """
        committing, self.committing = self.committing, None
        if committing is not None:
            await committing

    async def close(self) -> None:
        """Let its transaction end, as it may, and leave Kafka."""
        with suppress(HubError):
            await self.settled()
        await self.producer.close()
