"""Ownership of (route, partition): one row each, an epoch that fences, the database's clock."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import replace

from hub.errors import OwnershipLost
from hub.held import Claim
from hub.store.database import Pipeline, Rows, Store

CHECK = """
SELECT epoch FROM ownership
WHERE route = %s AND partition = %s AND owner = %s AND epoch = %s
FOR SHARE
"""

# A lease that is ours already gets a new epoch too: what an earlier run of the same worker still
# has in its hands is fenced.
TAKE = """
INSERT INTO ownership AS o (route, partition, owner, epoch, expires_at)
VALUES (%s, %s, %s, 1, now() + make_interval(secs => %s))
ON CONFLICT (route, partition) DO UPDATE
SET owner = excluded.owner, epoch = o.epoch + 1, expires_at = excluded.expires_at
WHERE o.owner = excluded.owner OR o.expires_at <= now()
RETURNING epoch
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

COUNT = """
SELECT route, count(*) FROM member
WHERE route = ANY (%s) AND expires_at > now() GROUP BY route
"""


async def ask_epoch(pipeline: Pipeline, claim: Claim) -> Rows:
    """Lock the lease row against a change of owner until the transaction ends."""
    return await pipeline.run(CHECK, claim.route, claim.partition, claim.owner, claim.epoch)


async def require_epoch(asked: Rows, claim: Claim) -> None:
    """Raises OwnershipLost unless the lease was still the claim's."""
    if await asked.fetchone() is None:
        raise OwnershipLost(f"{claim.route}/{claim.partition} has another owner")


async def take(store: Store, route: str, partition: int, owner: str, ttl: float) -> Claim | None:
    """The claim, or none while another worker's lease lives."""
    expires_at = time.monotonic() + ttl
    async with store.pipeline() as pipeline:
        row = await (await pipeline.run(TAKE, route, partition, owner, ttl)).fetchone()
    return Claim(route, partition, owner, row[0], expires_at) if row else None


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


async def join(store: Store, worker: str, routes: Sequence[str], ttl: float) -> Mapping[str, int]:
    """The worker works on exactly these routes for `ttl` seconds; live workers of each."""
    names = list(routes)
    async with store.pipeline() as pipeline:
        await pipeline.run(LEAVE, worker, names)
        await pipeline.run(JOIN, worker, ttl, names)
        counted = await (await pipeline.run(COUNT, names)).fetchall()
    return {row[0]: row[1] for row in counted}


def _columns(claims: Sequence[Claim]) -> tuple[list[str], list[int], list[str], list[int]]:
    return (
        [claim.route for claim in claims],
        [claim.partition for claim in claims],
        [claim.owner for claim in claims],
        [claim.epoch for claim in claims],
    )
