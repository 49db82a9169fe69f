"""Redecoding: held messages on the way in are decoded again, by an act of a person or by time.

Everything is done by the partition's owner between two fetches, one message a transaction, oldest
first, so that a dossier's events keep their order.
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime

from hub.held import Act, Command, HeldMessage, HeldState
from hub.inbound import Batch, Inbound, Memory, message_of
from hub.outcome import State
from hub.parking import Cause
from hub.resolving import Wait, unknown_wait

UNKNOWN_SECONDS = 3600.0
"""How long a message about an unknown foreign id waits before it is dead."""

HEADS_COUNT = 64


class Redecoding:
    """Works off what one in-topic holds.

    Args:
        commit: ends a transaction with what came of a held message.
        unknown_seconds: how long a message about an unknown foreign id waits.
    """

    def __init__(
        self,
        inbound: Inbound,
        commit: Callable[[Memory, Batch], Awaitable[None]],
        *,
        unknown_seconds: float = UNKNOWN_SECONDS,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._inbound = inbound
        self._commit = commit
        self._unknown_seconds = unknown_seconds
        self._now = now

    def due(self, memory: Memory) -> list[str]:
        """Subjects whose head waits for a foreign id and is to be tried now."""
        now = self._now()
        return [
            held.subject
            for held in memory.keeper.subjects.values()
            if held.waiting_count and not held.dead and (held.next_try_at or 0) <= now
        ]

    async def execute(self, memory: Memory, command: Command) -> None:
        """Do what a person wants with a held subject, and let flow what can.

        Raises:
            HubError: Kafka or the store is away, or the partition is another's.
        """
        keeper = memory.keeper
        heads = (await keeper.heads([command.subject], 1)).get(command.subject, ())
        refusal = ""
        if keeper.held(command.subject) is None or not heads:
            refusal = "nothing is held"
        elif command.event_id not in ("", heads[0].event_id):
            refusal = "the message is not the head of its queue"
        if refusal:
            keeper.command_done(command.id, f"refused: {refusal}")
            return
        if command.act.settles:
            state = State.SKIPPED if command.act is Act.SKIP else State.RELEASED
            cause = Cause("by_a_person", f"{command.act} by {command.actor}")
            batch = Batch()
            batch.outcomes.append(self._inbound.outcome(message_of(heads[0]), state, cause))
            await self._commit(memory, batch)
            keeper.settle(heads[0], None if command.act is Act.SKIP else HeldState.ASIDE)
        result = await self.flow(memory, command.subject)
        keeper.command_done(command.id, f"{result}: {command.act} of {heads[0].event_id}")

    async def flow(self, memory: Memory, subject: str) -> str:
        """Decode a subject's held messages, oldest first, until one cannot be; what came of it.

        Raises:
            HubError: see `execute`.
        """
        keeper = memory.keeper
        while heads := (await keeper.heads([subject], HEADS_COUNT)).get(subject, ()):
            for row in heads:
                batch = Batch()
                cause = await self._inbound.to_events(memory, message_of(row), batch)
                if cause is not None:
                    return await self._not_yet(memory, row, cause)
                await self._commit(memory, batch)
                keeper.settle(row)
                await keeper.write()
        return "done"

    async def _not_yet(self, memory: Memory, row: HeldMessage, cause: Cause) -> str:
        """The head cannot be decoded: it waits for a foreign id to be known, or is dead."""
        held_at = row.held_at or datetime.now(UTC)
        waited = self._now() - held_at.timestamp()
        if isinstance(cause, Wait) and waited < self._unknown_seconds:
            rounds = memory.keeper.subjects[row.subject].round_count + 1
            memory.keeper.failed_round(row, cause, self._now() + unknown_wait(rounds))
            return "still unknown"
        if row.state is not HeldState.DEAD:
            batch = Batch()
            self._inbound.say_dead(memory, row, batch, cause)
            await self._commit(memory, batch)
        memory.keeper.failed_round(row, cause, None)
        return "still dead"
