"""Handling: what a lane's head goes through, and how each handling ends.

Delivered, parked with all that follows, dead, or left where it is because the destination is away.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from itertools import islice

import msgspec

from hub import crash
from hub.breaker import Breaker, BreakerState
from hub.connector import Operation, Reply, Request
from hub.errors import (
    HubError,
    MessageError,
    Misconfigured,
    OwnershipLost,
    Rejected,
    StoreAway,
    Unavailable,
    UnknownOutcome,
)
from hub.held import HeldState
from hub.lanes import Item, Lane
from hub.outbound import Outbound, facts_of, held_row
from hub.outcome import State
from hub.pace import Pace
from hub.parking import BEHIND, NO_CAUSE, Cause
from hub.partition import Partition
from hub.recovery import Action, Decision, History, decide, retry, round_wait
from hub.route import AfterDead, Terms
from hub.slots import Slots


class Moved(Exception):
    """The lane was parked while its head waited for another attempt."""


class Group(msgspec.Struct):
    """What goes in one call: requests of one operation, each with its item, oldest first."""

    operation: Operation
    items: list[Item]
    requests: list[Request]


Job = tuple[Partition, Lane]


class Handling:
    """Works lanes off for one route in one worker.

    Args:
        partitions: of the route, that this worker owns now; `partitions_count` is all of them.
        closed: reasons why nothing may be sent now (a person's pause, store away, …), by name.
        due: called when a held subject shall be tried at a time (unix seconds).
        stop_route: called when too many messages died in a row.
    """

    def __init__(
        self,
        outbound: Outbound,
        *,
        partitions: Mapping[int, Partition],
        partitions_count: int,
        closed: Mapping[str, str],
        due: Callable[[Partition, str, float], None],
        stop_route: Callable[[str, str], None],
        clock: Callable[[], float] = time.monotonic,
        now: Callable[[], float] = time.time,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self.terms: Terms = outbound.route.terms
        self.breaker = Breaker(self.terms.breaker_subjects_count, self.terms.breaker_open_seconds)
        self.slots: Slots[Job] = Slots(self.limit, self._run)
        self.delivered_count = 0
        self.outbound = outbound
        self._route = outbound.route.name
        self._partitions, self._partitions_count = partitions, partitions_count
        self._closed, self._due, self._stop = closed, due, stop_route
        self._clock, self._now, self._sleep = clock, now, sleep
        self._pace = Pace(clock, sleep)
        self._dead_in_a_row = 0

    def limit(self) -> int:
        """How many calls may run now in this worker."""
        if self._closed or not self._partitions:
            return 0
        return self.breaker.limit(max(1, round(self._shared(self.terms.concurrency_count))))

    def _shared(self, whole: float) -> float:
        """The part of a limit of the route that falls to the partitions owned."""
        return whole * len(self._partitions) / self._partitions_count

    def _open(self) -> bool:
        """Whether anything may be sent: the route is not closed, and its breaker not open."""
        return not self._closed and self.breaker.state is not BreakerState.OPEN

    def add(self, partition: Partition, lane: Lane) -> None:
        """Queue a lane that has something to do."""
        if not lane.running:
            lane.running = True
            self.slots.add((partition, lane))

    async def _run(self, job: Job) -> None:
        partition, lane = job
        lane.task = asyncio.current_task()
        again = False
        try:
            going = True
            while going and lane.queue and not partition.leaving and self._open():
                going = await self._head(partition, lane)
            if lane.held is not None and not lane.queue and not partition.leaving:
                self._drained(partition, lane)
            again = going and bool(lane.queue)
        finally:
            lane.task = None
            lane.running = False
            if partition.leaving and not partition.working:
                partition.quiet.set()
            if again and self._open() and not partition.leaving:
                self.add(partition, lane)
            elif lane.idle:
                partition.lanes.pop(lane.subject, None)

    async def _head(self, partition: Partition, lane: Lane) -> bool:
        """Handle the lane's head (and what may go with it); whether the lane goes on."""
        head = lane.queue[0]
        facts = facts_of(head, partition.number)
        group: Group | None = None
        try:
            request, operation = self.outbound.encode(head, facts)
            group = Group(operation, [head], [request])
            self._gather(partition, lane, group)
            try:
                reply = await self._call(partition, lane, group)
            except HubError as error:
                reply = await self._call_again(partition, lane, group, error)
        except Moved:
            return False
        except HubError as error:
            if isinstance(error, Rejected) and group and len(group.items) > 1:
                lane.single_count = len(group.items)
                return True
            return self._failed(partition, lane, head, error, group.operation if group else None)
        self._delivered(partition, lane, group, reply)
        return True

    def _gather(self, partition: Partition, lane: Lane, group: Group) -> None:
        """Add consecutive messages of the subject that fit into the same call."""
        if lane.single_count > 0:
            lane.single_count -= 1
            return
        for item in islice(lane.queue, 1, self.outbound.group_count(group.operation)):
            try:
                request, other = self.outbound.encode(item, facts_of(item, partition.number))
            except HubError:
                return
            if other.name != group.operation.name:
                return
            group.items.append(item)
            group.requests.append(request)

    async def _call(self, partition: Partition, lane: Lane, group: Group) -> Reply:
        if self.terms.rate_per_second is not None and not partition.leaving:
            await self._pace.wait(self._shared(self.terms.rate_per_second))
        if lane.held is not None and not group.items[0].held:
            raise Moved
        now = self._clock()
        if partition.leaving or not partition.owned(now):
            raise OwnershipLost("the lease is over")
        for item in group.items:
            item.attempts += 1
        lane.calling_since = now
        try:
            reply = await self.outbound.send(
                partition.keeper.claim, group.requests, group.operation
            )
        except HubError as error:
            self._judge_destination(lane, error)
            raise
        finally:
            lane.calling_since = None
        self.breaker.succeeded()
        return reply

    async def _call_again(
        self, partition: Partition, lane: Lane, group: Group, failed: HubError
    ) -> Reply:
        """The retry loop, which a call without trouble shall not pay for."""

        def call() -> Awaitable[Reply]:
            return self._call(partition, lane, group)

        def judge(error: HubError, attempts: int) -> Decision:
            return self._decide(partition, lane, error, attempts, group.operation)

        return await retry(call, failed, judge, self.terms, sleep=self._rest)

    def _decide(
        self,
        partition: Partition,
        lane: Lane,
        error: HubError,
        attempts: int,
        operation: Operation | None,
    ) -> Decision:
        troubled = self._clock() - lane.trouble_at if lane.trouble_at is not None else 0.0
        rounds = lane.held.round_count + 1 if lane.held is not None else 0
        history = History(attempts, rounds, troubled, self.outbound.repetition(operation))
        decision = decide(error, history, self.terms)
        waits = decision.action in (Action.RETRY, Action.ASK)
        if partition.leaving and waits:
            return Decision(Action.ABANDON, "leaving")
        if lane.held is not None and waits:
            return Decision(Action.PARK, decision.reason, decision.wait_seconds)
        if decision.action is Action.PARK and self.breaker.state is BreakerState.OPEN:
            return Decision(Action.HOLD, decision.reason)
        return decision

    def _judge_destination(self, lane: Lane, error: HubError) -> None:
        """What this failure says about the destination, and since when the lane is in trouble."""
        now = self._clock()
        if isinstance(error, StoreAway):
            return
        if isinstance(error, Misconfigured):
            self.breaker.open(error.code, now, error.retry_after_seconds)
        elif isinstance(error, Unavailable | UnknownOutcome):
            if lane.held is None:
                self.breaker.failed(lane.subject, error.code, now)
        elif isinstance(error, MessageError):
            self.breaker.succeeded()
        if lane.trouble_at is None:
            lane.trouble_at = now

    async def _rest(self, seconds: float) -> None:
        async with self.slots.away():
            await self._sleep(seconds)

    def _delivered(self, partition: Partition, lane: Lane, group: Group, reply: Reply) -> None:
        moved = lane.held is not None and not group.items[0].held
        answered = Cause("", foreign_code=reply.foreign_code) if reply.foreign_code else NO_CAUSE
        for item, request in zip(group.items, group.requests, strict=True):
            facts = facts_of(item, partition.number)
            self.outbound.report(
                item,
                facts,
                State.DELIVERED,
                cause=answered,
                operation_key=request.operation_key,
            )
            if item.held or moved:
                partition.keeper.settle(held_row(item, facts, self._route))
                crash.point("after_drain_call")
            else:
                partition.window.settle(item.offset)
            if not moved:
                lane.queue.popleft()
        lane.trouble_at = None
        self._dead_in_a_row = 0
        self.delivered_count += len(group.items)

    def _failed(
        self,
        partition: Partition,
        lane: Lane,
        head: Item,
        error: HubError,
        operation: Operation | None,
    ) -> bool:
        """End a handling that did not succeed; whether the lane goes on."""
        decision = self._decide(partition, lane, error, max(1, head.attempts), operation)
        if decision.action in (Action.ABANDON, Action.HOLD):
            return False
        cause = Cause(decision.reason, str(error), getattr(error, "foreign_code", ""))
        if decision.action is Action.DEAD:
            return self._dead(partition, lane, head, cause)
        rounds = lane.held.round_count + 1 if lane.held is not None else 0
        next_try_at = self._now() + round_wait(rounds, self.terms, decision.wait_seconds)
        if lane.held is None:
            self.park(partition, lane, cause, next_try_at)
        else:
            row = held_row(head, facts_of(head, partition.number), self._route)
            row = replace(row, attempts=head.attempts)
            partition.keeper.failed_round(row, cause, next_try_at)
            lane.queue.clear()
            self._due(partition, lane.subject, next_try_at)
        return False

    def park(
        self, partition: Partition, lane: Lane, cause: Cause, next_try_at: float | None
    ) -> None:
        """Move the whole lane into the store; a call that is running settles its row later."""
        rows = []
        for index, item in enumerate(lane.queue):
            facts = facts_of(item, partition.number)
            row = held_row(item, facts, self._route)
            if index == 0:
                state = HeldState.DEAD if next_try_at is None else HeldState.WAITING
                row = replace(
                    row,
                    state=HeldState.IN_FLIGHT if lane.calling else state,
                    reason=cause.reason,
                    text=cause.text,
                    foreign_code=cause.foreign_code,
                )
            rows.append(row)
            if index or next_try_at is not None:
                cause_here = BEHIND if index else cause
                self.outbound.report(item, facts, State.PARKED, cause=cause_here)
        lane.queue.clear()
        lane.trouble_at = None
        crash.point("before_park_write")
        lane.held = partition.keeper.park(rows, cause, next_try_at)
        if next_try_at is not None:
            self._due(partition, lane.subject, next_try_at)

    def _dead(self, partition: Partition, lane: Lane, head: Item, cause: Cause) -> bool:
        facts = facts_of(head, partition.number)
        self.outbound.report(head, facts, State.DEAD, cause=cause)
        self.outbound.bury(head, facts, cause)
        self._dead_in_a_row += 1
        if self._dead_in_a_row >= self.terms.dead_limit_count:
            self._stop("dead_limit", f"{self._dead_in_a_row} dead letters in a row")
            self._dead_in_a_row = 0  # whoever lets the route go on allows as many again
        row = replace(
            held_row(head, facts, self._route),
            reason=cause.reason,
            text=cause.text,
            foreign_code=cause.foreign_code,
            attempts=head.attempts,
        )
        held = lane.held is not None
        if self.terms.after_dead is AfterDead.CONTINUE:
            if held:
                partition.keeper.settle(row, HeldState.ASIDE)
                partition.keeper.mark(replace(row, state=HeldState.ASIDE))
            else:
                partition.keeper.aside(row)
            if lane.queue:
                lane.queue.popleft()
            lane.trouble_at = None
            return True
        if held:
            partition.keeper.failed_round(row, cause, None)
            lane.queue.clear()
        else:
            self.park(partition, lane, cause, None)
        return False

    def _drained(self, partition: Partition, lane: Lane) -> None:
        """Nothing loaded is left: flow again once the store knows, or load more."""
        held = lane.held
        if held is None or held.dead:
            return
        if held.waiting_count == 0:
            partition.emptied.append(lane)
        elif held.next_try_at is None or held.next_try_at <= self._now():
            held.next_try_at = self._now()
            self._due(partition, lane.subject, held.next_try_at)
