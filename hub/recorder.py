"""Recorder: outcomes become the timeline, events become where each dossier stands.

It reads both topics from the offsets that PostgreSQL keeps, and writes rows and offsets in one
transaction: whatever is killed, every record is recorded once. With PostgreSQL away it holds its
batch, reads no further, and says so; Kafka keeps the rest.
"""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import structlog

from hub import crash
from hub.deadline import Rules
from hub.errors import DecodeError, Unavailable
from hub.event import Event
from hub.message import Position
from hub.outcome import OUTCOMES_TOPIC, Outcome, outcomes_of
from hub.standing import RULES
from hub.store import Store
from hub.store.recording import Recording, record, recorded_offsets

log = structlog.get_logger(__name__)

BATCH_COUNT = 1000
OUTCOME_BYTES = 400
"""About what one of the many outcomes in a record takes."""
BATCH_SECONDS = 0.1
WAIT_FIRST_SECONDS, WAIT_LONGEST_SECONDS = 0.25, 5.0


class Record(Protocol):
    """A consumed Kafka record."""

    @property
    def offset(self) -> int:
        """Where it stands in its partition."""

    @property
    def value(self) -> bytes | None:
        """Its bytes."""

    @property
    def headers(self) -> Sequence[tuple[str, bytes | None]]:
        """Its headers."""


class Source(Protocol):
    """The consumer of `outcomes` and `events`: assigned (not subscribed), committed reads only."""

    async def getmany(self) -> Mapping[tuple[str, int], Sequence[Record]]:
        """Records by (topic, partition), oldest first; none after at most 100 ms.

        Raises:
            Unavailable: Kafka is away.
        """

    def seek(self, topic: str, partition: int, offset: int) -> None:
        """Go on at this offset; without a call a partition is read from its beginning."""


@dataclass(slots=True)
class Progress:
    """What the recorder has done, for metrics and `/readyz`.

    Attributes:
        outcomes_count, events_count: recorded since the start.
        skipped_count: records that were no outcome or no event.
        problem: why nothing is recorded now, `` while all is well.
        next_offsets: (topic, partition) -> first offset that is not recorded.
    """

    outcomes_count: int
    events_count: int
    skipped_count: int
    problem: str
    next_offsets: dict[tuple[str, int], int]


class Recorder:
    """Moves records from Kafka to PostgreSQL, in batches, exactly once.

    Args:
        outcomes_topic: full name of the topic of outcomes; every other topic holds events.
        rules: how deadlines move.
        on_progress: told after every batch, and when a problem comes or goes.
    """

    def __init__(
        self,
        store: Store,
        source: Source,
        *,
        outcomes_topic: str = OUTCOMES_TOPIC,
        rules: Rules = RULES,
        on_progress: Callable[[Progress], None] = lambda _: None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.progress = Progress(0, 0, 0, "", {})
        self._store = store
        self._source = source
        self._outcomes_topic = outcomes_topic
        self._rules = rules
        self._on_progress = on_progress
        self._clock = clock

    async def run(self, stop: asyncio.Event) -> None:
        """Record until `stop`; what was read and not recorded is read again next time."""
        waits = _Waits(stop, self._say)
        while not stop.is_set():
            try:
                self.progress.next_offsets |= await recorded_offsets(self._store)
                break
            except Unavailable as error:
                await waits.after(error)
        for (topic, partition), offset in self.progress.next_offsets.items():
            self._source.seek(topic, partition, offset)
        while not stop.is_set():
            try:
                batch = self._read(await self._gather(stop))
            except Unavailable as error:
                await waits.after(error)
                continue
            await self._write(batch, waits)

    async def _gather(self, stop: asyncio.Event) -> Mapping[tuple[str, int], list[Record]]:
        """Records for one transaction: enough of them, or what came within the time."""
        found: dict[tuple[str, int], list[Record]] = {}
        count, end = 0, math.inf
        while count < BATCH_COUNT and self._clock() < end and not stop.is_set():
            for where, records in (await self._source.getmany()).items():
                found.setdefault(where, []).extend(records)
                count += sum(1 + len(each.value or b"") // OUTCOME_BYTES for each in records)
            if count and end == math.inf:
                end = self._clock() + BATCH_SECONDS
        return found

    def _read(self, found: Mapping[tuple[str, int], Sequence[Record]]) -> Recording:
        outcomes: list[tuple[Position, Outcome]] = []
        events: list[Event] = []
        for (topic, partition), records in found.items():
            for each in records:
                position = Position(topic, partition, each.offset)
                try:
                    if topic == self._outcomes_topic:
                        rows = outcomes_of(each.value or b"")
                        outcomes += [(position, row) for row in rows]
                    else:
                        events.append(_event(each, position))
                except (DecodeError, ValueError) as error:
                    self.progress.skipped_count += 1
                    code = getattr(error, "code", "not_an_outcome")
                    log.warning("record_skipped", position=str(position), reason=code)
        offsets = {where: records[-1].offset + 1 for where, records in found.items() if records}
        return Recording(outcomes, events, offsets)

    async def _write(self, batch: Recording, waits: _Waits) -> None:
        while batch.offsets:
            try:
                await record(self._store, batch, self._rules)
                crash.point("after_recorder_write")
                break
            except Unavailable as error:
                if await waits.after(error):
                    return
        self.progress.outcomes_count += len(batch.outcomes)
        self.progress.events_count += len(batch.events)
        self.progress.next_offsets |= batch.offsets
        waits.over()
        if batch.offsets:
            self._on_progress(self.progress)

    def _say(self, problem: str) -> None:
        if problem != self.progress.problem:
            self.progress.problem = problem
            log.warning("recorder_waits", reason=problem) if problem else log.info(
                "recorder_goes_on"
            )
            self._on_progress(self.progress)


class _Waits:
    """Growing waits while something is away, cut short by `stop`; says when it begins and ends."""

    def __init__(self, stop: asyncio.Event, say: Callable[[str], None]) -> None:
        self._stop, self._say = stop, say
        self._seconds = WAIT_FIRST_SECONDS

    async def after(self, error: Unavailable) -> bool:
        """Wait; whether it is time to stop."""
        self._say(error.code)
        try:
            async with asyncio.timeout(self._seconds):
                await self._stop.wait()
        except TimeoutError:
            self._seconds = min(self._seconds * 2, WAIT_LONGEST_SECONDS)
        return self._stop.is_set()

    def over(self) -> None:
        """All is well again."""
        self._seconds = WAIT_FIRST_SECONDS
        self._say("")


def _event(record: Record, position: Position) -> Event:
    headers = {
        name: value.decode("utf-8", "replace") if value is not None else ""
        for name, value in record.headers
    }
    return Event.from_record(record.value or b"", headers, position)
