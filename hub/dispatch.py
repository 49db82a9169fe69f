"""Dispatcher: one route in one worker. Fetch, lanes, parking, draining, commit.

A message's way: fetch -> window -> lane of its subject -> call -> settled, or parked with all that
follows it; parked subjects are drained by the same lanes. Offsets are committed up to the
watermark, after the outcomes are safe. docs/engine.md draws the states.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from contextlib import suppress
from dataclasses import replace
from functools import partial
from typing import Any

import structlog

from hub import crash
from hub.acts import Acts
from hub.committing import Commits
from hub.draining import Draining
from hub.errors import HubError, OwnershipLost, Unavailable
from hub.handling import Handling
from hub.held import Claim, HeldState, HeldStore, RouteControl
from hub.kafka import FETCH_COUNT, Reader, Record
from hub.lanes import Item, Lane, Window, decode_settled
from hub.outbound import Outbound, facts_of, held_row, subject_of
from hub.outbox import Outbox
from hub.outcome import State
from hub.parking import BEHIND, Cause, Keeper
from hub.partition import Partition
from hub.probing import Probing
from hub.recovery import round_wait

log = structlog.get_logger(__name__)

COMMIT_SECONDS = 0.1
LET_GO_SECONDS = 3.0
SLOW_SECONDS = 1.0
"""A lane that holds the watermark back is parked once its call has run this long."""
BACKLOG = Cause("backlog", "slower than the others of its partition; nothing is wrong")

Committed = Callable[[], Awaitable[dict[int, tuple[int, str]]]]


class Dispatcher:
    """Works on the partitions of one route that this worker owns (an `ownership.Holder`).

    Args:
        outbound: encodes and delivers.
        reader: consumer of `events` with the route's group.
        committed: asks Kafka for the group's (offset, metadata) by partition.
        partitions_count: of the topic `events`.
        clock, now, sleep: monotonic seconds, unix seconds, and waiting.
    """

    def __init__(
        self,
        outbound: Outbound,
        reader: Reader,
        store: HeldStore,
        outbox: Outbox,
        *,
        committed: Committed,
        partitions_count: int,
        clock: Callable[[], float] = time.monotonic,
        now: Callable[[], float] = time.time,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self.route = outbound.route.name
        self.terms = outbound.route.terms
        self.partitions_count = partitions_count
        self.partitions: dict[int, Partition] = {}
        self.closed: dict[str, str] = {"paused": "by hub.yaml"} if outbound.route.paused else {}
        self.handling = Handling(
            outbound,
            partitions=self.partitions,
            partitions_count=partitions_count,
            closed=self.closed,
            due=lambda partition, subject, at: self.draining.due_at(partition, subject, at),
            stop_route=self._stop_route,
            clock=clock,
            now=now,
            sleep=sleep,
        )
        self._probing = Probing(self.handling.breaker, outbound, clock=clock)
        self._commits = Commits(reader, outbox, clock=clock)
        self.draining = Draining(self.partitions, self.handling, clock=clock, now=now)
        self._acts = Acts(self.handling, self.draining, clock=clock, now=now)
        self._outbound = outbound
        self._outbox = outbox
        self._reader = reader
        self._store = store
        self._committed = committed
        self._clock, self._now = clock, now
        self._shut_at: float | None = None
        self._untold = RouteControl(self.route, paused=outbound.route.paused, text="by hub.yaml")
        self._stopping_itself = False
        self._aside: set[asyncio.Task[None]] = set()

    # --- partitions come and go -----------------------------------------------------------

    async def gained(self, claim: Claim) -> None:
        """Load what is held, find the watermark, and read on from there.

        Raises:
            Unavailable: Kafka or the store is away; or the group has no offset, which stops the
                route visibly (`offset_missing`).
        """
        number = claim.partition
        offsets = await self._committed()
        if number not in offsets:
            text = f"no committed offset for partition {number}"
            await self._store.stop_route(self.route, "offset_missing", text)
            raise Unavailable(text, code="offset_missing")
        offset, metadata = offsets[number]
        window = Window(offset, decode_settled(offset, metadata))
        keeper = Keeper(claim, self._store, window.settle_all, self._outbox.flush)
        partition = Partition(number, keeper, window, committed_at=self._clock())
        await partition.keeper.load()
        for name, subject in partition.keeper.subjects.items():
            if subject.waiting_count:
                partition.lanes[name] = Lane(number, name, held=subject)
                if not subject.dead:
                    self.draining.due_at(partition, name, subject.next_try_at or self._now())
        self.partitions[number] = partition
        await self._assign()

    def renewed(self, claim: Claim) -> None:
        """The lease lives on."""
        if claim.partition in self.partitions:
            self.partitions[claim.partition].keeper.claim = claim

    async def let_go(self, partition: int) -> None:
        """Finish what runs within 3 s, leave the rest as `in_flight`, commit, forget."""
        leaving = self.partitions.get(partition)
        if leaving is None or leaving.leaving:
            return
        leaving.leaving = True
        for task, lane in leaving.working:
            if not lane.calling:
                task.cancel()
        if leaving.working:
            with suppress(TimeoutError):
                await asyncio.wait_for(leaving.quiet.wait(), LET_GO_SECONDS)
        for task, lane in leaving.working:
            if lane.calling:
                self._leave_in_flight(leaving, lane)
            task.cancel()
        await self._save(leaving)
        leaving.gone = True
        if self.partitions.get(partition) is leaving:
            del self.partitions[partition]
            await self._assign()

    async def _save(self, leaving: Partition) -> None:
        """Write what is pending and commit, within the lease; what fails is handled again."""
        half = max(0.0, leaving.keeper.claim.expires_at - self._clock()) / 2
        for save in (leaving.keeper.write, partial(self._commits.turn, [leaving])):
            try:
                async with asyncio.timeout(half):
                    await save()
            except (HubError, TimeoutError) as error:
                why = getattr(error, "code", "timeout")
                log.warning("left_unsaved", route=self.route, partition=leaving.number, why=why)

    def lost(self, partition: int) -> None:
        """Cancel everything of the partition; nothing is written."""
        lost = self.partitions.pop(partition, None)
        if lost is None:
            return
        lost.leaving = lost.gone = True
        for task, _ in lost.working:
            task.cancel()
        self._spawn(self._assign())

    def _leave_in_flight(self, partition: Partition, lane: Lane) -> None:
        if lane.held is None:
            cause = Cause("in_flight", "its call was running when the worker let go")
            self.handling.park(partition, lane, cause, self._now())
        elif lane.queue:
            row = held_row(lane.queue[0], facts_of(lane.queue[0], partition.number), self.route)
            partition.keeper.mark(replace(row, state=HeldState.IN_FLIGHT))

    async def read_anew(self) -> None:
        """Fetch with a new consumer from where the windows stand.

        Raises:
            Unavailable: Kafka is away.
        """
        going = {n: p for n, p in self.partitions.items() if not p.leaving}
        await self._reader.renew({n: p.window.next_offset for n, p in going.items()})
        await self._assign()

    async def _assign(self) -> None:
        going = {n: p for n, p in self.partitions.items() if not p.leaving}
        await self._reader.assign({n: p.window.next_offset for n, p in going.items()})
        for number, partition in going.items():
            if partition.full:
                self._reader.pause(number)

    # --- the loops ------------------------------------------------------------------------

    async def run(self, stop: asyncio.Event) -> None:
        """Fetch and hand out until `stop`; leases are let go by their keeper, not here.

        Raises:
            BaseException: what a bug in a lane raised; the worker must end, nothing is lost.
        """
        loops = [
            asyncio.create_task(self._fetching(stop)),
            asyncio.create_task(self._ticking(stop)),
            asyncio.create_task(self.draining.run(stop, self._troubled)),
        ]
        try:
            done, _ = await asyncio.wait(loops, return_when=asyncio.FIRST_EXCEPTION)
            for task in done:
                task.result()
        finally:
            self._probing.stop()
            for task in (*loops, *self._aside):
                task.cancel()

    async def _fetching(self, stop: asyncio.Event) -> None:
        while not stop.is_set():
            try:
                found = await self._reader.fetch(FETCH_COUNT, 200)
                self.closed.pop("kafka_away", None)
                self.closed.pop("offset_missing", None)
            except Unavailable as error:
                if error.code == "offset_missing":
                    self._stop_route(error.code, str(error))
                self.closed[error.code] = str(error)
                await asyncio.sleep(1)
                continue
            for number, records in found.items():
                if number in self.partitions:
                    self._take(self.partitions[number], records)
            self.handling.slots.pump()
            if found:
                await asyncio.sleep(0)

    def _take(self, partition: Partition, records: Sequence[Record]) -> None:
        crash.point("after_take")
        window, taken_at = partition.window, self._clock()
        for record in records:
            offset = record.offset
            if offset < window.next_offset or partition.leaving:
                continue
            if not self._outbound.wants(record):
                window.skip(offset)
            elif window.take(offset, len(record.value or b"")):
                self._to_lane(partition, Item(offset, record, taken_at))
        if not partition.full and self._is_full(window):
            partition.full = True
            self._reader.pause(partition.number)

    def _to_lane(self, partition: Partition, item: Item) -> None:
        subject = subject_of(item.record)
        keeper = partition.keeper
        if keeper.redelivered(subject, item.offset):
            partition.window.settle(item.offset)
            return
        lane = partition.lanes.get(subject)
        if lane is None:
            lane = partition.lanes[subject] = Lane(partition.number, subject)
        if lane.held is not None:
            facts = facts_of(item, partition.number)
            keeper.behind(lane.held, held_row(item, facts, self.route))
            self._outbound.report(item, facts, State.PARKED, cause=BEHIND)
        else:
            lane.queue.append(item)
            self.handling.add(partition, lane)

    def _is_full(self, window: Window, share: float = 1.0) -> bool:
        return (
            window.span >= self.terms.window_count * share
            or window.bytes >= self.terms.window_bytes * share
        )

    async def _ticking(self, stop: asyncio.Event) -> None:
        last_look = 0
        while not stop.is_set():
            if self.handling.slots.failure is not None:
                raise self.handling.slots.failure
            try:
                await self._write_and_commit()
                if int(self._clock()) != last_look:  # all routes at once: one question for all
                    last_look = int(self._clock())
                    await self._look()
                self._probing.turn()
                self._reopen()
                for partition in list(self.partitions.values()):
                    self._relieve(partition)
                self.closed.pop("store_away", None)
            except (OwnershipLost, Unavailable) as error:
                self._troubled(error)
            self.handling.slots.pump()
            await asyncio.sleep(COMMIT_SECONDS)

    def _troubled(self, error: HubError) -> None:
        if isinstance(error, OwnershipLost):
            log.warning("write_refused", route=self.route, why=error.code)
        else:
            self.closed[error.code] = str(error)

    async def _write_and_commit(self) -> None:
        for partition in [p for p in self.partitions.values() if p.keeper.dirty or p.emptied]:
            await self.draining.write(partition)
            crash.point("after_park_write")
        await self._commits.turn([p for p in self.partitions.values() if not p.leaving])

    # --- what changes from outside --------------------------------------------------------

    async def _look(self) -> None:
        """What people have told the route, and what they want done."""
        control = (await self._store.controls()).get(self.route, self._untold)
        self._shut("paused", control.paused, control.text)
        if not self._stopping_itself:
            self._shut("stopped", bool(control.stopped_reason), control.stopped_reason)
        claims = [p.keeper.claim for p in self.partitions.values() if not p.leaving]
        if claims:
            for command in await self._store.commands(claims):
                if command.partition in self.partitions:
                    await self._acts.execute(self.partitions[command.partition], command)

    def _shut(self, name: str, on: bool, text: str) -> None:
        if on:
            self.closed[name] = text
        else:
            self.closed.pop(name, None)

    def _reopen(self) -> None:
        """Patience stands still while nothing may be sent; lanes that waited go on."""
        now = self._clock()
        if self.handling.limit() == 0:
            self._shut_at = now if self._shut_at is None else self._shut_at
            return
        shut_at, self._shut_at = self._shut_at, None
        for partition in self.partitions.values():
            for lane in partition.lanes.values():
                if shut_at is not None and lane.trouble_at is not None:
                    lane.trouble_at += now - max(shut_at, lane.trouble_at)
                if lane.queue and not lane.running:
                    self.handling.add(partition, lane)

    def _relieve(self, partition: Partition) -> None:
        """Park lanes that have lost patience or hold the watermark back; fetch again."""
        window, now = partition.window, self._clock()
        if self.handling.limit() > 0:
            for lane in list(partition.lanes.values()):
                if lane.held is not None or lane.trouble_at is None or not lane.queue:
                    continue
                if now - lane.trouble_at >= self.terms.patience_seconds:
                    cause = Cause("patience", "in trouble for longer than the route's patience")
                    wait = 0.0 if lane.calling else round_wait(0, self.terms)
                    self.handling.park(partition, lane, cause, self._now() + wait)
            if self._is_full(window, 0.5) and window.open_count < window.span / 4:
                low = window.watermark + window.span // 8
                for lane in list(partition.lanes.values()):
                    if lane.held is None and lane.queue and lane.queue[0].offset < low:
                        since = lane.trouble_at or lane.calling_since or now
                        if now - since >= SLOW_SECONDS:
                            self.handling.park(partition, lane, BACKLOG, self._now())
        if partition.full and not self._is_full(window, 0.5):
            partition.full = False
            self._reader.resume(partition.number)

    def lag(self, partition: int) -> int:
        """Records between the watermark and the end of the partition."""
        owned = self.partitions.get(partition)
        end = self._reader.end(partition)
        return max(0, end - owned.window.watermark) if owned is not None and end else 0

    # --- the rest -------------------------------------------------------------------------

    def _stop_route(self, reason: str, text: str) -> None:
        self.closed["stopped"] = reason
        self._stopping_itself = True
        self._spawn(self._write_stop(reason, text))

    async def _write_stop(self, reason: str, text: str) -> None:
        log.error("route_stopped", route=self.route, reason=reason, text=text)
        while self._stopping_itself:
            try:
                await self._store.stop_route(self.route, reason, text)
                self._stopping_itself = False
            except Unavailable:
                await asyncio.sleep(1)

    def _spawn(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = asyncio.create_task(work)
        self._aside.add(task)
        task.add_done_callback(self._aside.discard)
        return task
