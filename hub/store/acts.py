"""Acts of people on held subjects: asked here, executed by the partition's owner, kept for ever."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, Select, insert, select

from hub.errors import HubError
from hub.held import Act
from hub.store.database import Store
from hub.store.tables import command, held_message, held_subject
from hub.store.texts import keyed, storable

POLL_SECONDS = 0.1


@dataclass(frozen=True, slots=True)
class Author:
    """Who acts, and why."""

    actor: str
    reason: str

    def require_reason(self) -> str:
        """The reason.

        Raises:
            HubError: code `reason_missing`.
        """
        if not self.reason.strip():
            raise HubError("an act needs a reason", code="reason_missing")
        return self.reason


@dataclass(frozen=True, slots=True)
class ActRecord:
    """One act with its end; `done_at` is none while it waits for the partition's owner."""

    id: int
    route: str
    subject: str
    act: str
    event_id: str
    actor: str
    reason: str
    asked_at: datetime
    done_at: datetime | None
    result: str


class Acts:
    """Asks the owners of partitions to act, and shows what was asked."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def request(
        self, route: str, subject: str, act: Act, author: Author, *, event_id: str = ""
    ) -> int:
        """Ask for an act on the head of a queue, or on one dead letter set aside (`event_id`).

        Returns:
            The act's id, for `wait`.

        Raises:
            HubError: code `nothing_held` or `reason_missing`.
        """
        reason = author.require_reason()
        async with self._store.transaction() as connection:
            partition = (await connection.execute(_held(route, subject, event_id))).scalar()
            if partition is None:
                what = f"message {event_id}" if event_id else "a queue"
                text = f"route {route} does not hold {what} of this subject"
                raise HubError(text, code="nothing_held")
            row = {
                "route": route,
                "partition": partition,
                "subject": keyed(subject),
                "act": act.value,
                "event_id": keyed(event_id),
                "actor": storable(author.actor),
                "reason": storable(reason),
            }
            asked = await connection.execute(insert(command).values(row).returning(command.c.id))
            return int(asked.scalar_one())

    async def wait(self, number: int, timeout_seconds: float) -> ActRecord:
        """The act when its owner is done with it, or as it stands after the time."""
        end = time.monotonic() + timeout_seconds
        while True:
            found = await self._records(command.c.id == number)
            if not found:
                raise HubError(f"there is no act {number}", code="no_such_act")
            if found[0].done_at is not None or time.monotonic() >= end:
                return found[0]
            await asyncio.sleep(POLL_SECONDS)

    async def history(self, route: str, subject: str = "") -> Sequence[ActRecord]:
        """Acts on a subject, or on the route itself, oldest first."""
        return await self._records(
            (command.c.route == route) & (command.c.subject == keyed(subject))
        )

    async def _records(self, condition: ColumnElement[bool]) -> Sequence[ActRecord]:
        names = ActRecord.__slots__
        query = select(*(command.c[name] for name in names)).where(condition).order_by("id")
        async with self._store.transaction() as connection:
            return [ActRecord(**row) for row in (await connection.execute(query)).mappings()]


def _held(route: str, subject: str, event_id: str) -> Select[int]:
    """The partition whose owner must act, if there is something to act on."""
    here = (held_subject.c.route == route) & (held_subject.c.subject == keyed(subject))
    if not event_id:
        return select(held_subject.c.partition).where(here & (held_subject.c.waiting_count > 0))
    message = (held_message.c.route == route) & (held_message.c.subject == keyed(subject))
    return select(held_message.c.partition).where(
        message & (held_message.c.event_id == keyed(event_id))
    )
