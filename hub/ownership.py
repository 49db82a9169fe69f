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
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Protocol

import structlog

from hub.errors import HubError, Unavailable
from hub.held import Claim, HeldStore

log = structlog.get_logger(__name__)

GRACE_SHARE = 0.35
"""With less than this share of a lease left and no renewal, a partition is let go gracefully."""


Key = tuple[str, int]
"""Route and partition."""


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
        self._claims: dict[Key, Claim] = {}
        self._leaving: dict[Key, asyncio.Task[None]] = {}
        self._problems: dict[str, str] = {}

    @property
    def problem(self) -> str | None:
        """What keeps leases from being kept, if anything."""
        return next(iter(self._problems.values()), None)

    def add(self, holder: Holder) -> None:
        """Take part in dividing this holder's partitions."""
        self._holders[holder.route] = holder

    def owned(self, route: str) -> int:
        """How many partitions of a route are ours."""
        return sum(1 for name, _ in self._claims if name == route)

    async def run(self, stop: asyncio.Event) -> None:
        """Keep leases until `stop`, then let go of everything.

        Renewing never waits for a partition that starts or ends.
        """
        keeping = [asyncio.create_task(self._repeat(self.renew)), asyncio.create_task(self._beat())]
        dividing = asyncio.create_task(self._repeat(self.divide))
        stopping = asyncio.create_task(stop.wait())
        works = [*keeping, dividing]
        try:
            done, _ = await asyncio.wait([*works, stopping], return_when=asyncio.FIRST_COMPLETED)
            for task in done - {stopping}:
                task.result()
        finally:
            await _ended(dividing, stopping)
            await self.release_all()
            await _ended(*keeping)

    async def _repeat(self, step: Callable[[], Awaitable[None]]) -> None:
        while True:
            try:
                await step()
                self._problems.pop(step.__name__, None)
            except Unavailable as error:
                self._problems[step.__name__] = str(error)
            await self._sleep(self._ttl / 8)

    async def renew(self) -> None:
        """Keep what is ours, drop what was taken from us."""
        asked = list(self._claims.values())
        if not asked:
            return
        kept = {(c.route, c.partition): c for c in await self._store.renew(asked, self._ttl)}
        for claim in asked:
            key = claim.route, claim.partition
            if not self._current(claim):
                continue
            if key in kept:
                self._claims[key] = kept[key]
                self._holders[key[0]].renewed(kept[key])
            else:
                self._drop(key, "ownership_lost")

    async def divide(self) -> None:
        """Say that we live; take or give up partitions until we have our fair share."""
        members = await self._store.members(self._worker, list(self._holders), self._ttl)
        await asyncio.gather(
            *(
                self._balance(holder, members.get(route, 1))
                for route, holder in self._holders.items()
            )
        )

    async def release_all(self) -> None:
        """Let go of every partition gracefully, all at the same time, and say that we go."""
        await _all([self._give_up(key) for key in list(self._claims)])
        try:
            await self._store.members(self._worker, (), self._ttl)
        except Unavailable:
            log.warning("still_a_member", worker=self._worker)

    async def _balance(self, holder: Holder, members_count: int) -> None:
        quota = math.ceil(holder.partitions_count / max(1, members_count))
        ours = [key for key in self._claims if key[0] == holder.route]
        mine = sorted(key for key in ours if key not in self._leaving)
        await _all([self._give_up(key) for key in mine[quota:]])
        if len(mine) < quota:
            await self._take(holder, quota - len(mine))

    async def _take(self, holder: Holder, count: int) -> None:
        offset = hash(self._worker) % holder.partitions_count
        taken: list[Claim] = []
        for index in range(holder.partitions_count):
            partition = (index + offset) % holder.partitions_count
            key = holder.route, partition
            if len(taken) == count:
                break
            if key in self._claims or key in self._leaving:
                continue
            claim = await self._store.claim(holder.route, partition, self._worker, self._ttl)
            if claim is not None:
                self._claims[key] = claim
                taken.append(claim)
        await asyncio.gather(*(self._start(holder, claim) for claim in taken))

    async def _start(self, holder: Holder, claim: Claim) -> None:
        key = claim.route, claim.partition
        try:
            await holder.gained(claim)
        except HubError as error:
            log.warning(
                "partition_not_started",
                route=claim.route,
                partition=claim.partition,
                reason=error.code,
                error=str(error),
            )
            if self._current(claim):
                del self._claims[key]
            await self._store.release([claim])
            return
        if self._current(claim):
            holder.renewed(self._claims[key])
        else:
            holder.lost(claim.partition)  # it took longer than the lease

    def _give_up(self, key: Key) -> asyncio.Task[None]:
        """Let go of a partition; whoever asks again waits for the same end."""
        task = self._leaving.get(key)
        if task is None:
            task = self._leaving[key] = asyncio.create_task(self._leave(self._claims[key]))
            task.add_done_callback(lambda _: self._leaving.pop(key))
        return task

    async def _leave(self, claim: Claim) -> None:
        await self._holders[claim.route].let_go(claim.partition)
        if not self._current(claim):
            return
        del self._claims[claim.route, claim.partition]
        try:
            await self._store.release([claim])
        except Unavailable:
            log.warning("lease_not_released", route=claim.route, partition=claim.partition)

    async def _beat(self) -> None:
        """Watch the clock while the store may be silent: let go in time, or drop at once."""
        while True:
            await self._sleep(min(self._ttl / 20, self._until_the_first_ends()))
            now = self._clock()
            for key, claim in list(self._claims.items()):
                left = claim.expires_at - now
                if left <= 0:
                    self._drop(key, "lease_expired")
                elif left < self._ttl * GRACE_SHARE:
                    self._give_up(key)

    def _until_the_first_ends(self) -> float:
        """Seconds; who takes the partition over may begin then, and must find nobody working."""
        ends = [claim.expires_at for claim in self._claims.values()]
        return max(min(ends) - self._clock(), 0.001) if ends else math.inf

    def _current(self, claim: Claim) -> bool:
        """Whether this lease, and not a later one of the same partition, is still in our hands."""
        now = self._claims.get((claim.route, claim.partition))
        return now is not None and now.epoch == claim.epoch

    def _drop(self, key: Key, what: str) -> None:
        del self._claims[key]
        log.warning(what, route=key[0], partition=key[1])
        self._holders[key[0]].lost(key[1])


async def _all(tasks: Sequence[asyncio.Task[None]]) -> None:
    """Wait for all; whoever stops waiting does not stop them."""
    if tasks:
        await asyncio.wait(tasks)


async def _ended(*tasks: asyncio.Task[Any]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
