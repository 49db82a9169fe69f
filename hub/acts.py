"""Acts: what a person wants done with a held subject, executed inside the subject's lane."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

import structlog

from hub.draining import Draining
from hub.errors import HubError
from hub.handling import Handling
from hub.held import Act, Command, HeldMessage, HeldState, HeldSubject
from hub.lanes import Item, Lane
from hub.outbound import facts_of
from hub.outcome import State
from hub.parking import Cause
from hub.partition import Partition

log = structlog.get_logger(__name__)


class Acts:
    """Executes commands of one route in one worker."""

    def __init__(
        self,
        handling: Handling,
        draining: Draining,
        *,
        clock: Callable[[], float] = time.monotonic,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._handling = handling
        self._draining = draining
        self._clock, self._now = clock, now

    async def execute(self, partition: Partition, command: Command) -> None:
        """Do it now, or leave it for the next look while a call of the subject is running."""
        async with self._draining.alone:
            lane = partition.lanes.get(command.subject)
            if lane is None or lane.held is None:
                partition.keeper.command_done(command.id, "refused: nothing is held")
            elif not lane.running:
                await self._act(partition, lane, command)

    async def _act(self, partition: Partition, lane: Lane, command: Command) -> None:
        lane.running = True
        keeper, held = partition.keeper, lane.held
        assert held is not None  # noqa: S101 - checked by the caller before the task began
        try:
            heads = (await keeper.heads([command.subject], 1)).get(command.subject, ())
            if partition.leaving:
                return
            if refusal := _refusal(command, held, heads):
                keeper.command_done(command.id, f"refused: {refusal}")
                return
            head = heads[0]
            lane.queue.clear()  # loaded and not sent yet: loaded anew once the head is settled
            item = Item(head.position.offset, head, self._clock(), head.attempts, held=True)
            facts = facts_of(item, partition.number)
            if command.act is Act.RESEND:
                await self._handling.outbound.allow_again(item, facts)
            if command.act.settles:
                state = State.SKIPPED if command.act is Act.SKIP else State.RELEASED
                cause = Cause("by_a_person", f"{command.act} by {command.actor}")
                self._handling.outbound.report(item, facts, state, cause=cause)
                keep = None if command.act is Act.SKIP else HeldState.ASIDE
                keeper.settle(head, keep)
            keeper.retry_now(held, self._now())
            keeper.command_done(command.id, f"done: {command.act} of {head.event_id}")
        except HubError as error:
            log.warning("act_postponed", route=command.route, why=error.code)
        finally:
            lane.running = False
            self._draining.due_at(partition, command.subject, held.next_try_at or self._now())


def _refusal(command: Command, held: HeldSubject, heads: Sequence[HeldMessage]) -> str:
    if not heads:
        return "nothing is held"
    if command.event_id not in ("", heads[0].event_id):
        return "the message is not the head of its queue"
    if command.act is Act.RELEASE and not held.dead:
        return "the head is not dead"
    return ""
