"""Taken: a partition of an in-topic that this worker has taken, and the batch that it decodes.

Transactions run beside the decoding: what is decoded while one runs goes into the next, which is
the larger the longer it had to wait.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field

from hub.errors import HubError
from hub.inbound import Batch, Memory
from hub.kafka import Producer
from hub.parking import Keeper

NONE = -1

End = Callable[["Taken", Batch, int], Awaitable[None]]
"""Commits a batch that ends with the record at this offset."""


@dataclass(slots=True)
class Taken:
    """What intake holds of one owned partition.

    Attributes:
        next_offset: of the next record to decode.
        batch: what was decoded and is in no transaction yet.
        last: offset of the latest record in `batch`, -1 if there is none.
        decoding: a record is being decoded: the batch may say a part of it, and is not taken.
        broken: to be taken anew, unless it is lost to another worker.
        fenced: another worker has started a producer for it: the lease must tell whose it is.
        committing: runs transactions until the batch is empty.
        committed_at: monotonic seconds of the last commit.
    """

    memory: Memory
    producer: Producer
    next_offset: int
    batch: Batch = field(default_factory=Batch)
    last: int = NONE
    decoding: bool = False
    broken: bool = False
    lost: bool = False
    fenced: bool = False
    committing: asyncio.Task[None] | None = None
    committed_at: float = field(default_factory=time.monotonic)

    @property
    def keeper(self) -> Keeper:
        """The held subjects of the partition."""
        return self.memory.keeper

    def decoded(self, offset: int) -> None:
        """The batch says all of the record at this offset."""
        self.last = offset
        self.next_offset = offset + 1

    async def pause(self, end: End) -> None:
        """Between two records: what is decoded goes into a transaction, if none runs yet.

        Raises:
            HubError: the one before failed; nothing decoded since will be committed.
        """
        self.decoding = False
        if self.committing is not None and self.committing.done():
            await self.settled()
        if self.committing is None and self.last != NONE:
            self.committing = asyncio.create_task(self._commit(end, *self._take()))

    def _take(self) -> tuple[Batch, int]:
        taken = self.batch, self.last
        self.batch, self.last = Batch(), NONE
        return taken

    async def _commit(self, end: End, batch: Batch, last: int) -> None:
        await end(self, batch, last)
        while self.last != NONE and not self.decoding:
            await end(self, *self._take())

    async def settled(self) -> None:
        """Return when everything decoded is committed; called between two records only.

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
