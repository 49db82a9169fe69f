"""Aftermath: what a message came to that a person had tried again."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass

from hub.held import HeldSubject
from hub.outcome import Stage, State
from hub.store.acts import POLL_SECONDS
from hub.store.database import Store
from hub.store.held_view import HeldFilter, HeldView
from hub.store.timeline import Timeline

ENDS = frozenset(State) - {State.ACCEPTED, State.PARKED, State.DEAD}
"""States after which a message is not held any more."""


@dataclass(frozen=True, slots=True)
class Aftermath:
    """What is known of it.

    Attributes:
        state: delivered (decoded, on the way in), parked again, dead again, or whatever else the
            timeline says; none: nobody knows yet.
        queue: of its subject, while the message is at its head.
    """

    state: State | None
    queue: HeldSubject | None = None


class Replayed:
    """One message of a route's queue; made before it is tried again.

    Args:
        event_id: of the head of the subject's queue.
    """

    def __init__(self, store: Store, route: str, subject: str, event_id: str) -> None:
        self._store = store
        self._route, self._subject, self._event_id = route, subject, event_id
        self._ended_before = 0

    async def remember(self) -> None:
        """Note what the timeline says of it before."""
        self._ended_before = len(await self._ends())

    async def aftermath(self, timeout_seconds: float) -> Aftermath:
        """What it came to, or after the time that it has not been tried.

        The act has reset the queue's rounds in the transaction that ended it: one that is counted
        again, or a dead head, is the outcome of this try.
        """
        end = time.monotonic() + timeout_seconds
        while True:
            found = await self._look()
            if found.state is not None or time.monotonic() >= end:
                return found
            await asyncio.sleep(POLL_SECONDS)

    async def _look(self) -> Aftermath:
        view = HeldView(self._store)
        held = await view.show(self._route, self._subject, limit=1)
        if held.head is None or self._event_id not in [each.event_id for each in held.messages]:
            # Whether it is dead, the queue knows: the timeline may only now tell of an earlier try.
            aside = await view.aside(
                HeldFilter(route=self._route, limit=1000), subject=self._subject
            )
            if self._event_id in [each.event_id for each in aside]:
                return Aftermath(State.DEAD)
            ends = await self._ends()
            return Aftermath(ends[-1] if len(ends) > self._ended_before else None)
        if held.head.dead:
            return Aftermath(State.DEAD, held.head)
        return Aftermath(State.PARKED if held.head.round_count else None, held.head)

    async def _ends(self) -> list[State]:
        """How its handlings on this route have ended, as far as they are recorded."""
        outcomes = [e.outcome for e in await Timeline(self._store).of_message(self._event_id)]
        return [
            each.state
            for each in outcomes
            if each.state in ENDS
            and self._route == (f"in.{each.name}" if each.stage is Stage.DECODE else each.name)
            and each.stage is not Stage.RECEIVE
        ]
