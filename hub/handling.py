"""Handling: what a lane's head goes through, and how each handling ends.

Delivered, parked with all that follows, dead, or left where it is because the destination is away.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from itertools import islice

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
from hub.lanes import Item, Lane, Window
from hub.outbound import Outbound, facts_of, held_row
from hub.outcome import State
from hub.pace import Pace
from hub.parking import BEHIND, NO_CAUSE, Cause, Keeper
from hub.recovery import Action, Decision, History, attempt, decide, round_wait
from hub.route import AfterDead, Terms
from hub.slots import Slots


class Moved(Exception):
    """The lane was parked while its head waited for another attempt."""


@dataclass(slots=True)
class Partition:
    """What the worker holds of one owned partition.

    Attributes:
        leaving: nothing new is started for it.
        gone: not ours any more; nothing is committed for it.
        quiet: set while no lane of it is worked on.
        emptied: lanes whose queue in the store has been worked off; they flow again once the store
            knows.
        full: fetching is paused until the window is half empty.
        committed: what was committed last, and when (monotonic seconds).
    """

    number: int
    keeper: Keeper
    window: Window
    lanes: dict[str, Lane] = field(default_factory=dict)
    tasks: dict[asyncio.Task[None], Lane] = field(default_factory=dict)
    leaving: bool = False
    gone: bool = False
    quiet: asyncio.Event = field(default_factory=asyncio.Event)
    emptied: list[Lane] = field(default_factory=list)
    full: bool = False
    committed: tuple[int, str] = (-1, "")
    committed_at: float = 0.0

    def owned(self, now: float) -> bool:
        """Whether the lease lives (monotonic seconds)."""
        return not self.gone and now < self.keeper.claim.expires_at


Job = tuple[Partition, Lane]


class Handling:
    """Works lanes off for one route in one worker.

    Args:
        share: the part of the route's partitions that this worker owns, 0 to 1.
        closed: reasons why nothing may be sent now (a person's pause, store away, …).
        due: called when a held subject shall be tried at a time (unix seconds).
        stop_route: called when too many messages died in a row.
    """

    def __init__(
        self,
        outbound: Outbound,
        *,
        share: Callable[[], float],
        closed: Callable[[], bool],
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
        self._share, self._closed, self._due, self._stop = share, closed, due, stop_route
        self._clock, self._now, self._sleep = clock, now, sleep
        self._pace = Pace(clock, sleep)
        self._dead_in_a_row = 0

    def limit(self) -> int:
        """How many calls may run now in this worker."""
        if not self._open():
            return 0
        whole = self.terms.concurrency_count * self._share()
        return self.breaker.limit(max(1, round(whole)) if whole else 0)

    def _open(self) -> bool:
        """Whether anything may be sent: the route is not closed, and its breaker not open."""
        return self.breaker.state is not BreakerState.OPEN and not self._closed()

    def add(self, partition: Partition, lane: Lane) -> None:
        """Queue a lane that has something to do."""
        if not lane.running:
            lane.running = True
            self.slots.add((partition, lane))

    async def _run(self, job: Job) -> None:
        partition, lane = job
        task = asyncio.current_task()
        assert task is not None  # noqa: S101 - always inside a task
        partition.tasks[task] = lane
        partition.quiet.clear()
        again = False
        try:
            going = True
            while going and lane.queue and not partition.leaving and self._open():
                going = await self._head(partition, lane)
            if lane.held is not None and not lane.queue and not partition.leaving:
                self._drained(partition, lane)
            again = going and bool(lane.queue)
        finally:
            del partition.tasks[task]
            if not partition.tasks:
                partition.quiet.set()
            lane.running = False
            if again and self._open() and not partition.leaving:
                self.add(partition, lane)
            elif lane.idle:
                partition.lanes.pop(lane.subject, None)

    async def _head(self, partition: Partition, lane: Lane) -> bool:
        """Handle the lane's head (and what may go with it); whether the lane goes on."""
        head = lane.queue[0]
        facts = facts_of(head, partition.number)
        operation: Operation | None = None
        items = [head]
        try:
            request, operation = self.outbound.encode(head, facts)
            requests = [request]
            self._gather(partition, lane, operation, items, requests)
            reply = await self._call(partition, lane, items, requests, operation)
        except Moved:
            return False
        except Rejected as error:
            if len(items) > 1:
                lane.single_count = len(items)
                return True
            return self._failed(partition, lane, head, error, operation)
        except HubError as error:
            return self._failed(partition, lane, head, error, operation)
        self._delivered(partition, lane, items, requests, reply)
        return True

    def _gather(
        self,
        partition: Partition,
        lane: Lane,
        operation: Operation,
        items: list[Item],
        requests: list[Request],
    ) -> None:
        """Add consecutive messages of the subject that fit into the same call."""
        if lane.single_count > 0:
            lane.single_count -= 1
            return
        for item in islice(lane.queue, 1, self.outbound.group_count(operation)):
            try:
                request, other = self.outbound.encode(item, facts_of(item, partition.number))
            except HubError:
                return
            if other.name != operation.name:
                return
            items.append(item)
            requests.append(request)

    async def _call(
        self,
        partition: Partition,
        lane: Lane,
        items: list[Item],
        requests: list[Request],
        operation: Operation,
    ) -> Reply:
        async def call() -> Reply:
            if self.terms.rate_per_second is not None and not partition.leaving:
                await self._pace.wait(self.terms.rate_per_second * self._share())
            if lane.held is not None and not items[0].held:
                raise Moved
            if partition.leaving or not partition.owned(self._clock()):
                raise OwnershipLost("the lease is over")
            for item in items:
                item.attempts += 1
            lane.calling_since = self._clock()
            try:
                reply = await self.outbound.send(partition.keeper.claim, requests, operation)
            except HubError as error:
                self._judge_destination(lane, error)
                raise
            finally:
                lane.calling_since = None
            self.breaker.succeeded()
            return reply

        def judge(error: HubError, attempts: int) -> Decision:
            return self._decide(partition, lane, error, attempts, operation)

        return await attempt(call, judge, self.terms, sleep=self._rest)

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

    def _delivered(
        self,
        partition: Partition,
        lane: Lane,
        items: list[Item],
        requests: list[Request],
        reply: Reply,
    ) -> None:
        moved = lane.held is not None and not items[0].held
        answered = Cause("", foreign_code=reply.foreign_code) if reply.foreign_code else NO_CAUSE
        for item, request in zip(items, requests, strict=True):
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
        self.delivered_count += len(items)

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
