"""Leases: which worker owns which partition of which route.

One arbiter, the store: a worker owns (route, partition) while its lease is fresh; every store
write checks the lease's epoch. Kafka's group protocol takes no part (decision 0005), so nothing
moves but what must, and there is no moment in which nobody or two workers own a partition.

Each worker takes its fair share: partitions divided by live workers, rounded up; what it has
above that it lets go of gracefully.
"""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Awaitable, Callable
from typing import Protocol

import structlog

from hub.errors import HubError, Unavailable
from hub.held import Claim, HeldStore

log = structlog.get_logger(__name__)

GRACE_SHARE = 0.35
"""With less than this share of a lease left and no renewal, a partition is let go gracefully."""


class Holder(Protocol):
    """A stage that works on partitions; `route` names it in the store."""

    route: str
    partitions_count: int

    async def gained(self, claim: Claim) -> None:
        """Start working on the partition.

        Raises:
            Unavailable: it cannot start now; the lease is given back.
        """

    def renewed(self, claim: Claim) -> None:
        """The lease lives on."""

    async def let_go(self, partition: int) -> None:
        """Stop gracefully: finish or park what runs, commit, forget. Bounded in time."""

    def lost(self, partition: int) -> None:
        """Stop at once: start nothing, cancel what runs, write nothing."""


class Leases:
    """Keeps this worker's leases and hands partitions to their holders.

    Args:
        ttl_seconds: life of a lease; a dead worker's partitions are free after it.
    """

    def __init__(
        self,
        store: HeldStore,
        worker: str,
        *,
        ttl_seconds: float = 10.0,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._store = store
        self._worker = worker
        self._ttl = ttl_seconds
        self._clock = clock
        self._sleep = sleep
        self._holders: dict[str, Holder] = {}
        self._claims: dict[tuple[str, int], Claim] = {}
        self.problem: str | None = None

    def add(self, holder: Holder) -> None:
        """Take part in dividing this holder's partitions."""
        self._holders[holder.route] = holder

    def owned(self, route: str) -> int:
        """How many partitions of a route are ours."""
        return sum(1 for name, _ in self._claims if name == route)

    async def run(self, stop: asyncio.Event) -> None:
        """Keep leases until `stop`, then let go of everything."""
        beat = asyncio.create_task(self._expire(stop))
        try:
            while not stop.is_set():
                try:
                    await self.turn()
                    self.problem = None
                except Unavailable as error:
                    self.problem = str(error)
                await _wait(stop, self._ttl / 8)
        finally:
            beat.cancel()
            await self.release_all()

    async def turn(self) -> None:
        """One round: renew, drop what was taken from us, take or give our fair share."""
        await self._renew()
        members = await self._store.members(self._worker, list(self._holders), self._ttl)
        await asyncio.gather(
            *(
                self._balance(holder, members.get(route, 1))
                for route, holder in self._holders.items()
            )
        )

    async def _balance(self, holder: Holder, members_count: int) -> None:
        quota = math.ceil(holder.partitions_count / max(1, members_count))
        mine = sorted(p for name, p in self._claims if name == holder.route)
        for partition in mine[quota:]:
            await self._give_up(holder, partition)
        if len(mine) < quota:
            await self._take(holder, quota - len(mine))

    async def release_all(self) -> None:
        """Let go of every partition gracefully, all at the same time."""
        await asyncio.gather(
            *(self._give_up(self._holders[route], p) for route, p in list(self._claims)),
            return_exceptions=True,
        )

    async def _renew(self) -> None:
        if not self._claims:
            return
        kept = {
            (c.route, c.partition): c
            for c in await self._store.renew(list(self._claims.values()), self._ttl)
        }
        for key in list(self._claims):
            holder = self._holders[key[0]]
            if key in kept:
                self._claims[key] = kept[key]
                holder.renewed(kept[key])
            else:
                del self._claims[key]
                log.warning("ownership_lost", route=key[0], partition=key[1])
                holder.lost(key[1])

    async def _take(self, holder: Holder, count: int) -> None:
        offset = hash(self._worker) % holder.partitions_count
        taken: list[Claim] = []
        for index in range(holder.partitions_count):
            partition = (index + offset) % holder.partitions_count
            if len(taken) == count:
                break
            if (holder.route, partition) in self._claims:
                continue
            claim = await self._store.claim(holder.route, partition, self._worker, self._ttl)
            if claim is not None:
                self._claims[holder.route, partition] = claim
                taken.append(claim)
        await asyncio.gather(*(self._start(holder, claim) for claim in taken))

    async def _start(self, holder: Holder, claim: Claim) -> None:
        try:
            await holder.gained(claim)
        except HubError as error:
            log.warning(
                "partition_not_started",
                route=holder.route,
                partition=claim.partition,
                reason=error.code,
                error=str(error),
            )
            self._claims.pop((holder.route, claim.partition), None)
            await self._store.release([claim])

    async def _give_up(self, holder: Holder, partition: int) -> None:
        claim = self._claims.get((holder.route, partition))
        if claim is None:
            return
        await holder.let_go(partition)
        self._claims.pop((holder.route, partition), None)
        try:
            await self._store.release([claim])
        except Unavailable:
            log.warning("lease_not_released", route=holder.route, partition=partition)

    async def _expire(self, stop: asyncio.Event) -> None:
        """Watch the clock while the store may be silent: let go in time, or drop at once."""
        while not stop.is_set():
            await self._sleep(self._ttl / 20)
            now = self._clock()
            for key, claim in list(self._claims.items()):
                left = claim.expires_at - now
                holder = self._holders[key[0]]
                if left <= 0:
                    self._claims.pop(key, None)
                    log.warning("lease_expired", route=key[0], partition=key[1])
                    holder.lost(key[1])
                elif left < self._ttl * GRACE_SHARE:
                    await self._give_up(holder, key[1])


async def _wait(stop: asyncio.Event, seconds: float) -> None:
    try:
        async with asyncio.timeout(seconds):
            await stop.wait()
    except TimeoutError:
        return
