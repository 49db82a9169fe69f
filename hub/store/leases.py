"""Ownership of (route, partition): one row each, and an epoch that fences.

A lease ends by two clocks. By the database's its time must be over; and whoever wants it must have
seen it unchanged for its whole life by his own monotonic clock. So a time of day that jumps
forward takes nothing from a worker that lives, and one that jumps back keeps nothing for a dead one
for longer than the longest lease.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import replace

from hub.errors import OwnershipLost
from hub.held import Claim
from hub.store.database import Pipeline, Rows, Store

CHECK = """
SELECT epoch FROM ownership
WHERE route = %s AND partition = %s AND owner = %s AND epoch = %s
FOR SHARE
"""

LONGEST_SECONDS = 60.0
"""The longest life that hub.yaml gives a lease."""

# A lease that is ours already gets a new epoch too: what an earlier run of the same worker still
# has in its hands is fenced.
TAKE = """
INSERT INTO ownership AS o (route, partition, owner, epoch, expires_at)
VALUES (%s, %s, %s, 1, now() + make_interval(secs => %s))
ON CONFLICT (route, partition) DO UPDATE
SET owner = excluded.owner, epoch = o.epoch + 1, expires_at = excluded.expires_at
WHERE o.owner IN ('', excluded.owner)
    OR (o.epoch = %s AND o.expires_at = %s AND (o.expires_at <= now() OR %s))
RETURNING epoch
"""

LOOK = "SELECT epoch, expires_at FROM ownership WHERE route = %s AND partition = %s"

LOOK_AROUND = """
SELECT route, partition, epoch, expires_at FROM ownership
WHERE route = ANY (%s) AND owner NOT IN ('', %s)
"""

RENEW = """
UPDATE ownership AS o SET expires_at = now() + make_interval(secs => %s)
FROM unnest(%b::text[], %b::int[], %b::text[], %b::bigint[]) AS g (route, partition, owner, epoch)
WHERE o.route = g.route AND o.partition = g.partition AND o.owner = g.owner AND o.epoch = g.epoch
RETURNING o.route, o.partition
"""

RELEASE = """
UPDATE ownership AS o SET owner = '', expires_at = now()
FROM unnest(%b::text[], %b::int[], %b::text[], %b::bigint[]) AS g (route, partition, owner, epoch)
WHERE o.route = g.route AND o.partition = g.partition AND o.owner = g.owner AND o.epoch = g.epoch
"""

OWNERS = "SELECT route, partition, owner FROM ownership WHERE owner <> ''"

LEAVE = "DELETE FROM member WHERE expires_at <= now() OR (worker = %s AND route <> ALL (%s))"

JOIN = """
INSERT INTO member (worker, route, expires_at)
SELECT %s, route, now() + make_interval(secs => %s) FROM unnest(%s::text[]) AS g (route)
ON CONFLICT (worker, route) DO UPDATE SET expires_at = excluded.expires_at
"""

MEMBERS = """
SELECT route, worker, expires_at FROM member WHERE route = ANY (%s) AND expires_at > now()
"""


class Sightings:
    """What one process has seen of rows that others must keep changing to stay alive.

    Args:
        clock: seconds that never go back.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._seen: dict[Hashable, tuple[object, float]] = {}

    def see(self, what: Hashable, stamp: object) -> float:
        """The row looks so now; for how many seconds it has looked so."""
        now = self._clock()
        known, since = self._seen.get(what, (None, now))
        if known != stamp:
            self._seen[what] = (stamp, now)
            return 0.0
        return now - since

    def see_all(self, rows: Mapping[Hashable, object]) -> Mapping[Hashable, float]:
        """All rows there are now; for how many seconds each has looked so. Others are forgotten."""
        self._seen = {what: seen for what, seen in self._seen.items() if what in rows}
        return {what: self.see(what, stamp) for what, stamp in rows.items()}

    def last(self, what: Hashable) -> tuple[object, float]:
        """How the row looked, and for how many seconds now; none if it was never seen."""
        stamp, since = self._seen.get(what, (None, self._clock()))
        return stamp, self._clock() - since


async def ask_epoch(pipeline: Pipeline, claim: Claim) -> Rows:
    """Lock the lease row against a change of owner until the transaction ends."""
    return await pipeline.run(CHECK, claim.route, claim.partition, claim.owner, claim.epoch)


async def require_epoch(asked: Rows, claim: Claim) -> None:
    """Raises OwnershipLost unless the lease was still the claim's."""
    if await asked.fetchone() is None:
        raise OwnershipLost(f"{claim.route}/{claim.partition} has another owner")


async def take(
    store: Store, seen: Sightings, lease: tuple[str, int], owner: str, ttl: float
) -> Claim | None:
    """The claim on (route, partition), or none while another worker's lease lives."""
    expires_at = time.monotonic() + ttl
    stamp, unchanged = seen.last(lease)
    epoch, until = stamp if isinstance(stamp, tuple) and unchanged >= ttl else (None, None)
    async with store.pipeline() as pipeline:
        wanted = (*lease, owner, ttl, epoch, until, unchanged >= LONGEST_SECONDS)
        row = await (await pipeline.run(TAKE, *wanted)).fetchone()
        if row is None:
            found = await (await pipeline.run(LOOK, *lease)).fetchone()
            seen.see(lease, found)
    return Claim(*lease, owner, row[0], expires_at) if row else None


async def renew(store: Store, claims: Sequence[Claim], ttl: float) -> Sequence[Claim]:
    """Those that are still theirs, with the new expiry."""
    expires_at = time.monotonic() + ttl
    async with store.pipeline() as pipeline:
        kept = await (await pipeline.run(RENEW, ttl, *_columns(claims))).fetchall()
    ours = {(route, partition) for route, partition in kept}
    return [
        replace(claim, expires_at=expires_at)
        for claim in claims
        if (claim.route, claim.partition) in ours
    ]


async def release(store: Store, claims: Sequence[Claim]) -> None:
    """Free them; the epoch stays, so that the next owner's is higher."""
    async with store.pipeline() as pipeline:
        await pipeline.run(RELEASE, *_columns(claims))


async def owners(store: Store) -> Mapping[tuple[str, int], str]:
    """Whose name stands in each lease, expired ones included; released ones are left out."""
    async with store.pipeline() as pipeline:
        rows = await (await pipeline.run(OWNERS)).fetchall()
    return {(route, partition): owner for route, partition, owner in rows}


async def join(
    store: Store, seen: Sightings, worker: str, routes: Sequence[str], ttl: float
) -> Mapping[str, int]:
    """The worker works on exactly these routes for `ttl` seconds; live workers of each.

    Looks at others' leases on the way, so that a dead worker's are known to be dead in time.
    """
    names = list(routes)
    async with store.pipeline() as pipeline:
        await pipeline.run(LEAVE, worker, names)
        await pipeline.run(JOIN, worker, ttl, names)
        members = await (await pipeline.run(MEMBERS, names)).fetchall()
        leases = await (await pipeline.run(LOOK_AROUND, names, worker)).fetchall()
    rows: dict[Hashable, object] = {(row[0], row[1]): (row[2], row[3]) for row in leases}
    rows |= {(route, name): until for route, name, until in members}
    unchanged = seen.see_all(rows)
    return Counter(route for route, name, _ in members if unchanged[route, name] < LONGEST_SECONDS)


def _columns(claims: Sequence[Claim]) -> tuple[list[str], list[int], list[str], list[int]]:
    return (
        [claim.route for claim in claims],
        [claim.partition for claim in claims],
        [claim.owner for claim in claims],
        [claim.epoch for claim in claims],
    )
