"""Draining: parked subjects get their rounds, oldest message first, in the lanes of their route."""

from __future__ import annotations

import asyncio
import heapq
import time
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress

from hub.errors import HubError, OwnershipLost, Unavailable
from hub.handling import Handling
from hub.lanes import Item, Lane
from hub.partition import Partition

SUBJECTS_COUNT = 256
"""Subjects whose heads are loaded with one query."""
BUSY_SECONDS = 0.01
IDLE_SECONDS = 0.1
MESSAGES_COUNT = 16
"""Messages of a subject that are loaded at once."""


class Draining:
    """Which held subject is tried when.

    Args:
        partitions: of the dispatcher, by number.

    Attributes:
        alone: held while subjects are loaded or a person's act is executed: what is due and finds
            its lane busy with the other would be forgotten.
    """

    def __init__(
        self,
        partitions: Mapping[int, Partition],
        handling: Handling,
        *,
        clock: Callable[[], float] = time.monotonic,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._partitions = partitions
        self._handling = handling
        self._clock, self._now = clock, now
        self._due: list[tuple[float, int, str]] = []
        self._wanted = asyncio.Event()
        self.alone = asyncio.Lock()

    def due_at(self, partition: Partition, subject: str, at: float) -> None:
        """Drain this subject no earlier than `at` (unix seconds)."""
        heapq.heappush(self._due, (at, partition.number, subject))
        if at <= self._now():
            self._wanted.set()

    async def run(self, stop: asyncio.Event, troubled: Callable[[HubError], None]) -> None:
        """Try subjects as soon as they are due, until `stop`."""
        while not stop.is_set():
            try:
                async with self.alone:
                    await self.turn()
            except (OwnershipLost, Unavailable) as error:
                troubled(error)
            self._handling.slots.pump()
            await self._wait()

    async def _wait(self) -> None:
        """Return when a subject may be due: soon if one is, else when one becomes it, or in 0.1 s.

        What is due and was not taken waits for lanes to be worked off.
        """
        if self._due and self._due[0][0] <= self._now() and self._handling.limit() > 0:
            await asyncio.sleep(BUSY_SECONDS)
            return
        self._wanted.clear()
        with suppress(TimeoutError):
            await asyncio.wait_for(self._wanted.wait(), IDLE_SECONDS)

    async def turn(self) -> None:
        """Load the heads of due subjects into their lanes, many at once."""
        if self._handling.limit() == 0 or self._handling.slots.waiting > SUBJECTS_COUNT:
            return
        due: dict[int, list[Lane]] = defaultdict(list)
        now = self._now()
        count = 0
        while self._due and self._due[0][0] <= now and count < SUBJECTS_COUNT:
            _, number, subject = heapq.heappop(self._due)
            partition = self._partitions.get(number)
            lane = partition.lanes.get(subject) if partition is not None else None
            if lane is None or lane.held is None or lane.running or lane.queue or lane.held.dead:
                continue
            if (lane.held.next_try_at or 0) > now:
                continue
            lane.running = True
            due[number].append(lane)
            count += 1
        failure: HubError | None = None
        for number, lanes in due.items():
            try:
                await self._load(self._partitions.get(number), lanes)
            except HubError as error:
                failure = error
        if failure is not None:
            raise failure

    async def write(self, partition: Partition) -> None:
        """Write what is pending; subjects whose queue is then empty flow again.

        Raises:
            HubError: the store is away, or the partition another's; what is pending stays so.
        """
        emptied, partition.emptied = partition.emptied, []
        try:
            await partition.keeper.write()
        except BaseException:  # also where it is cancelled
            partition.emptied = emptied + partition.emptied
            raise
        for lane in emptied:
            held = lane.held
            if held is None or held.dead or lane.running or lane.queue:
                continue  # whoever works on it comes to its end again
            if not held.waiting_count:
                lane.held = None
                if partition.lanes.get(lane.subject) is lane:
                    del partition.lanes[lane.subject]
            elif held.next_try_at is None or held.next_try_at <= self._now():
                held.next_try_at = self._now()  # something was put behind meanwhile
                self.due_at(partition, lane.subject, held.next_try_at)

    async def _load(self, partition: Partition | None, lanes: Sequence[Lane]) -> None:
        """Load the heads of one partition's lanes; none: it has gone meanwhile.

        Raises:
            HubError: the store is away, or the partition another's; they are tried again.
        """
        if partition is None:
            return
        try:
            heads = await partition.keeper.heads([x.subject for x in lanes], MESSAGES_COUNT)
        except HubError:
            for lane in lanes:
                self.due_at(partition, lane.subject, self._now() + 1)
            raise
        finally:
            for lane in lanes:
                lane.running = False
        taken_at = self._clock()
        for lane in lanes:
            lane.queue.extend(
                Item(row.position.offset, row, taken_at, row.attempts, held=True)
                for row in heads.get(lane.subject, ())
            )
            self._handling.add(partition, lane)
