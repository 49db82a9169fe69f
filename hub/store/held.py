"""`PostgresHeldStore`: the HeldStore protocol on PostgreSQL."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

from psycopg.types.json import Jsonb

from hub.held import (
    Act,
    Changes,
    Claim,
    Command,
    Effect,
    HeldMessage,
    HeldState,
    HeldSubject,
    RouteControl,
)
from hub.message import Position
from hub.store import held_write, leases, ledger, routes
from hub.store.database import Store
from hub.store.texts import keyed, original
from hub.store.told import Told, read

SUBJECTS = """
SELECT route, partition, subject, settled_below, waiting_count, round_count,
    extract(epoch FROM next_try_at)::float8, dead, reason, text, unit, since
FROM held_subject WHERE route = %s AND partition = %s
"""

MESSAGE_COLUMNS = """
    m.route, m.subject, m.event_id, m.topic, m.partition, m.record_offset, m.key, m.value,
    m.headers, m.kind, m.unit, m.message_id, m.state, m.reason, m.text, m.foreign_code,
    m.attempts, m.held_at
"""

HEADS = f"""
SELECT {MESSAGE_COLUMNS}
FROM unnest(%b::text[]) AS given (subject), LATERAL (
    SELECT * FROM held_message AS h
    WHERE h.route = %s AND h.subject = given.subject AND h.state <> 'aside'
    ORDER BY h.record_offset LIMIT %s
) AS m
"""  # noqa: S608 - no value is put into the text

COMMANDS = """
SELECT c.id, c.route, c.partition, c.subject, c.act, c.event_id, c.actor, c.reason
FROM unnest(%b::text[], %b::int[]) AS given (route, partition)
JOIN command AS c USING (route, partition)
WHERE c.done_at IS NULL ORDER BY c.id
"""

REPORT = """
INSERT INTO worker (worker, role, status) VALUES (%s, %s, %s)
ON CONFLICT (worker, role) DO UPDATE SET status = excluded.status, seen_at = now()
"""


class PostgresHeldStore:
    """Held messages, ownership, effects and commands; see `hub.held.HeldStore` for the promises.

    `claim` gives a new epoch each time, also to the same owner: a second run of a worker fences
    what the first still holds.

    Args:
        fresh_seconds: so old may be what routes are told, where many ask; 0: everybody asks anew.
    """

    def __init__(
        self,
        store: Store,
        *,
        clock: Callable[[], float] = time.monotonic,
        fresh_seconds: float = 0.0,
    ) -> None:
        self._store = store
        self._seen = leases.Sightings(clock)
        self._told = Told(partial(read, store), fresh_seconds) if fresh_seconds else None

    async def claim(self, route: str, partition: int, owner: str, ttl: float) -> Claim | None:
        """Take ownership if it is free, expired or already ours; none while another holds it."""
        return await leases.take(self._store, self._seen, (route, partition), owner, ttl)

    async def renew(self, claims: Sequence[Claim], ttl: float) -> Sequence[Claim]:
        """The claims that are still ours, with their new expiry."""
        return await leases.renew(self._store, claims, ttl) if claims else ()

    async def release(self, claims: Sequence[Claim]) -> None:
        """Give ownership up at once."""
        if claims:
            await leases.release(self._store, claims)

    async def members(self, worker: str, routes: Sequence[str], ttl: float) -> Mapping[str, int]:
        """Say that this worker works on exactly these routes; live workers per route."""
        return await leases.join(self._store, self._seen, worker, routes, ttl)

    async def subjects(self, route: str, partition: int) -> Sequence[HeldSubject]:
        """Every held subject of the partition, empty queues included."""
        async with self._store.pipeline() as pipeline:
            rows = await (await pipeline.run(SUBJECTS, route, partition)).fetchall()
        return [HeldSubject(r[0], r[1], original(r[2]), *r[3:]) for r in rows]

    async def heads(
        self, route: str, subjects: Sequence[str], count: int
    ) -> Mapping[str, Sequence[HeldMessage]]:
        """Up to `count` oldest rows of each subject, oldest first; no entry for an empty queue."""
        names = [keyed(subject) for subject in subjects]
        async with self._store.pipeline() as pipeline:
            rows = await (await pipeline.run(HEADS, names, route, count)).fetchall()
        found: dict[str, list[HeldMessage]] = {}
        for row in rows:
            message = held_message(row)
            found.setdefault(message.subject, []).append(message)
        for queue in found.values():
            queue.sort(key=lambda message: message.position.offset)
        return found

    async def write(self, claim: Claim, changes: Changes) -> None:
        """Apply all changes in one transaction; OwnershipLost if the epoch is not the current."""
        async with self._store.pipeline() as pipeline:
            asked = await leases.ask_epoch(pipeline, claim)
            await held_write.apply(pipeline, claim, changes)
            await leases.require_epoch(asked, claim)

    async def commands(self, claims: Sequence[Claim]) -> Sequence[Command]:
        """Acts that wait for these partitions, oldest first."""
        if self._told is not None and claims:
            waiting = (await self._told.reading()).waiting
            claims = [claim for claim in claims if claim.route in waiting]
        if not claims:
            return ()
        async with self._store.pipeline() as pipeline:
            asked = await pipeline.run(
                COMMANDS, [claim.route for claim in claims], [claim.partition for claim in claims]
            )
            rows = await asked.fetchall()
        return [Command(r[0], r[1], r[2], original(r[3]), Act(r[4]), *r[5:]) for r in rows]

    async def effects(self, operation_keys: Sequence[str]) -> Mapping[str, Effect]:
        """The latest step of each known operation key."""
        return await ledger.latest(self._store, operation_keys) if operation_keys else {}

    async def begin_effects(self, claim: Claim, effects: Sequence[Effect]) -> None:
        """Write rows before the calls; checks the epoch. See `ledger.begin`."""
        if effects:
            await ledger.begin(self._store, claim, effects)

    async def end_effects(self, effects: Sequence[Effect]) -> None:
        """Write what became of them."""
        if effects:
            await ledger.end(self._store, effects)

    async def controls(self) -> Mapping[str, RouteControl]:
        """What people and the engine have told every route."""
        if self._told is not None:
            return (await self._told.reading()).controls
        return await routes.controls(self._store)

    async def stop_route(self, route: str, reason: str, text: str) -> None:
        """The engine stops a route visibly; a person resumes it."""
        try:
            await routes.stop(self._store, route, reason, text)
        finally:
            if self._told is not None:
                self._told.changed()

    async def report(self, worker: str, role: str, status: Mapping[str, object]) -> None:
        """A worker's heartbeat with its status."""
        async with self._store.pipeline() as pipeline:
            await pipeline.run(REPORT, worker, role, Jsonb(dict(status)))


def held_message(row: Sequence[Any]) -> HeldMessage:
    """The message of a row of MESSAGE_COLUMNS."""
    return HeldMessage(
        route=row[0],
        subject=original(row[1]),
        event_id=row[2],
        position=Position(row[3], row[4], row[5]),
        key=row[6],
        value=row[7],
        headers=row[8],
        kind=row[9],
        unit=row[10],
        message_id=row[11],
        state=HeldState(row[12]),
        reason=row[13],
        text=row[14],
        foreign_code=row[15],
        attempts=row[16],
        held_at=row[17],
    )
