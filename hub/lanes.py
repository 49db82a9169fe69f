"""Window, lanes, watermark: what a worker holds of one partition of one route. Pure data.

The window spans the offsets between the watermark (below it everything is settled) and the newest
message taken. Each subject in it has one lane: strictly one after another inside, lanes side by
side. A message that arrives for a subject that is held goes behind it, wherever it is.
"""

from __future__ import annotations

import asyncio
import base64
from collections import deque
from collections.abc import Iterable
from typing import Any

import msgspec

from hub.held import HeldSubject

SETTLED_VERSION = "1"
METADATA_CHARACTERS = 4096
"""What the broker takes beside an offset; a commit with more would fail for ever."""
SETTLED_SPAN = (METADATA_CHARACTERS - len(SETTLED_VERSION) - 1) // 4 * 3 * 8
"""Offsets above the watermark that can be remembered; beyond them a restart handles again."""


class Window:
    """Offsets of one partition: which are open, which settled, where the watermark stands.

    Args:
        start: the committed offset; everything below it is settled.
        settled: offsets above `start` that an earlier owner had settled already.
    """

    def __init__(self, start: int, settled: Iterable[int] = ()) -> None:
        self.next_offset = start
        self.bytes = 0
        self._known = set(settled)
        self._open: deque[int] = deque()
        self._settled: set[int] = set()
        self._sizes: dict[int, int] = {}

    @property
    def watermark(self) -> int:
        """Everything below this offset is settled."""
        return self._open[0] if self._open else self.next_offset

    @property
    def span(self) -> int:
        """Offsets between the watermark and the newest message."""
        return self.next_offset - self.watermark

    @property
    def open_count(self) -> int:
        """Messages that are not settled."""
        return len(self._sizes)

    def take(self, offset: int, size: int) -> bool:
        """Add a message; false if it was settled before a restart and must be dropped."""
        self.next_offset = offset + 1
        if offset in self._known:
            self._known.discard(offset)
            if self._open:
                self._open.append(offset)
                self._settled.add(offset)
            return False
        self._open.append(offset)
        self._sizes[offset] = size
        self.bytes += size
        return True

    def skip(self, offset: int) -> None:
        """Pass over a message that the route does not take."""
        self.next_offset = offset + 1

    def advance(self, position: int) -> None:
        """The reader stands at `position` (it passed records that are not messages)."""
        self.next_offset = max(self.next_offset, position)

    def settle(self, offset: int) -> None:
        """This message needs no more from the window; settling twice is harmless."""
        size = self._sizes.pop(offset, None)
        if size is None:
            return
        self.bytes -= size
        self._settled.add(offset)
        while self._open and self._open[0] in self._settled:
            self._settled.discard(self._open.popleft())

    def settle_all(self, offsets: Iterable[int]) -> None:
        """Settle each of them."""
        for offset in offsets:
            self.settle(offset)

    def commit(self) -> tuple[int, str]:
        """The watermark and the settled offsets above it, as offset and metadata to commit."""
        watermark = self.watermark
        return watermark, encode_settled(watermark, self._settled | self._known)


def encode_settled(watermark: int, settled: Iterable[int]) -> str:
    """Settled offsets above the watermark as text: version, then a base64 bitmap from it on.

    A window of 20,000 offsets needs 3,338 characters; the broker allows 4,096. Aborted
    transactions can stretch a window beyond its count: what does not fit is left out.
    """
    bits = bytearray()
    for offset in settled:
        index = offset - watermark
        if not 0 <= index < SETTLED_SPAN:
            continue
        if index // 8 >= len(bits):
            bits.extend(bytes(index // 8 + 1 - len(bits)))
        bits[index // 8] |= 1 << (index % 8)
    return f"{SETTLED_VERSION}:{base64.b64encode(bytes(bits)).decode()}" if bits else ""


def decode_settled(watermark: int, metadata: str) -> set[int]:
    """Inverse of `encode_settled`; unknown metadata means none (they are handled again)."""
    version, _, text = metadata.partition(":")
    if version != SETTLED_VERSION:
        return set()
    try:
        bits = base64.b64decode(text, validate=True)
    except ValueError:
        return set()
    return {
        watermark + 8 * index + bit
        for index, byte in enumerate(bits)
        if byte
        for bit in range(8)
        if byte & (1 << bit)
    }


class Item(msgspec.Struct):
    """One message in a lane.

    Attributes:
        offset: where it stands in the partition.
        record: the Kafka record, or the HeldMessage when it comes out of the store.
        taken_at: monotonic seconds when the worker took it.
        attempts: calls made for it so far.
        held: it is a row in the store (its settlement goes there, not to the window).
        facts: what its headers say, once somebody has read them.
    """

    offset: int
    record: Any
    taken_at: float
    attempts: int = 0
    held: bool = False
    facts: Any = None


class Lane(msgspec.Struct, eq=False):
    """All that one subject has in the worker, oldest first.

    Attributes:
        queue: messages in memory.
        running: the lane waits for a slot, or is worked on.
        task: works on the lane now.
        calling_since: monotonic seconds since when a call to the outside is running, none if not.
        trouble_at: monotonic seconds of the first trouble, none while all is well; time during
            which the breaker was open is added to it.
        single_count: so many of the next messages go alone, since a group was refused.
        held: the subject's queue in the store; while it is there, new messages go behind it.
    """

    partition: int
    subject: str
    queue: deque[Item] = msgspec.field(default_factory=deque)
    running: bool = False
    task: asyncio.Task[None] | None = None
    calling_since: float | None = None
    trouble_at: float | None = None
    single_count: int = 0
    held: HeldSubject | None = None

    @property
    def calling(self) -> bool:
        """A call to the outside is running right now."""
        return self.calling_since is not None

    @property
    def idle(self) -> bool:
        """Nothing left to remember."""
        return not self.queue and not self.running and self.held is None
