"""Leases: fair shares, one owner at a time, and a silent store."""

from __future__ import annotations

import asyncio

import pytest

from hub.errors import HubError, Unavailable
from hub.held import Claim
from hub.ownership import Leases
from tests.engine.door import through
from tests.engine.memory import MemoryStore
from tests.engine.virtual import clock, pass_time, run

TTL = 10.0


class Holder:
    """Records what it is told.

    Attributes:
        slow_seconds: how long starting and letting go take.
        refusal: what `gained` raises.
    """

    def __init__(self, route: str = "r", partitions_count: int = 4) -> None:
        self.route, self.partitions_count = route, partitions_count
        self.told: list[tuple[str, int]] = []
        self.working: dict[int, Claim] = {}
        self.start_seconds = self.slow_seconds = 0.0
        self.refusal: HubError | None = None

    async def gained(self, claim: Claim) -> None:
        await pass_time(self.start_seconds)
        if self.refusal is not None:
            raise self.refusal
        self.told.append(("gained", claim.partition))
        self.working[claim.partition] = claim

    def renewed(self, claim: Claim) -> None:
        if claim.partition in self.working:
            self.working[claim.partition] = claim

    async def let_go(self, partition: int) -> None:
        self.told.append(("let_go", partition))
        await pass_time(self.slow_seconds)
        self.working.pop(partition, None)

    def lost(self, partition: int) -> None:
        self.told.append(("lost", partition))
        self.working.pop(partition, None)

    def count(self, what: str) -> int:
        return sum(word == what for word, _ in self.told)


class Worker:
    """One worker's leases, at work."""

    def __init__(self, store: MemoryStore, name: str, *holders: Holder) -> None:
        self.holders = holders or (Holder(),)
        self.holder = self.holders[0]
        self.shut, self.thawed = False, asyncio.Event()
        self.thawed.set()
        self.leases = Leases(through(self, store), name, ttl_seconds=TTL, clock=clock)
        for holder in self.holders:
            self.leases.add(holder)
        self.stop = asyncio.Event()
        self.running = asyncio.create_task(self.leases.run(self.stop))

    async def dead(self) -> None:
        await asyncio.Event().wait()

    async def end(self) -> None:
        self.stop.set()
        await self.running


def owners(store: MemoryStore) -> dict[str, int]:
    found: dict[str, int] = {}
    for lease in store.leases.values():
        if lease.owner and lease.expires_at > clock():
            found[lease.owner] = found.get(lease.owner, 0) + 1
    return found


def test_one_worker_has_all_and_two_have_half_each() -> None:
    async def main() -> None:
        store = MemoryStore(clock)
        first = Worker(store, "a")
        await pass_time(2)
        assert owners(store) == {"a": 4}
        assert first.leases.owned("r") == 4
        second = Worker(store, "b")
        await pass_time(4)
        assert owners(store) == {"a": 2, "b": 2}
        assert first.holder.count("let_go") == 2
        assert first.holder.count("lost") == 0
        await pass_time(60)
        assert owners(store) == {"a": 2, "b": 2}
        await second.end()
        await pass_time(2)
        assert owners(store) == {"a": 4}
        await first.end()
        assert owners(store) == {}
        assert not first.holder.working

    run(main())


def test_a_dead_worker_is_followed_after_its_lease() -> None:
    async def main() -> None:
        store = MemoryStore(clock)
        first, second = Worker(store, "a"), Worker(store, "b")
        await pass_time(5)
        first.shut = True
        await pass_time(TTL - 2)
        assert owners(store) == {"a": 2, "b": 2}
        await pass_time(4)
        assert owners(store) == {"b": 4}
        await second.end()

    run(main())


def test_a_lease_is_taken_over_at_its_end_and_not_before() -> None:
    async def main() -> None:
        store = MemoryStore(clock)
        begun = clock()
        assert await store.claim("r", 0, "a", TTL) is not None
        await pass_time(TTL - 0.01)
        assert await store.claim("r", 0, "b", TTL) is None
        await pass_time(begun + TTL - clock())
        assert await store.claim("r", 0, "b", TTL) is not None

    run(main())


def test_whoever_shows_up_with_a_higher_epoch_makes_the_old_owner_stop_at_once() -> None:
    async def main() -> None:
        store = MemoryStore(clock)
        worker = Worker(store, "a", Holder(partitions_count=1))
        await pass_time(2)
        store.leases["r", 0].owner = "b"
        store.leases["r", 0].epoch += 1
        await pass_time(2)
        assert worker.holder.told == [("gained", 0), ("lost", 0)]
        await worker.end()

    run(main())


@pytest.mark.parametrize("silent", [False, True])
def test_when_the_store_is_away_partitions_are_let_go_in_time_and_none_outlives_its_lease(
    silent: bool,
) -> None:
    async def main() -> None:
        store = MemoryStore(clock)
        worker = Worker(store, "a")
        worker.holder.slow_seconds = 3
        await pass_time(2)
        expires_at = max(lease.expires_at for lease in store.leases.values())
        if silent:
            store.silent = asyncio.Event()
        else:
            store.away = True
        await pass_time(expires_at - clock() - 2)
        assert worker.holder.count("let_go") == 4
        await pass_time(2)
        assert not worker.holder.working
        if not silent:
            assert worker.leases.problem == "the store does not answer"
        if store.silent is not None:
            store.silent.set()
        store.away = False
        await pass_time(15)
        assert owners(store) == {"a": 4}
        assert worker.leases.problem is None
        await worker.end()

    run(main())


def test_nobody_works_any_more_when_a_lease_ends() -> None:
    async def main() -> None:
        store = MemoryStore(clock)
        worker = Worker(store, "a")
        worker.holder.slow_seconds = 30
        await pass_time(2)
        expires_at = max(lease.expires_at for lease in store.leases.values())
        store.away = True
        await pass_time(expires_at - clock() + 0.01)
        assert worker.holder.count("lost") == 4
        assert not worker.holder.working
        worker.running.cancel()
        await asyncio.wait([worker.running])

    run(main())


def test_a_partition_that_does_not_end_in_time_is_lost_at_the_end_of_its_lease() -> None:
    async def main() -> None:
        store = MemoryStore(clock)
        worker = Worker(store, "a", Holder(partitions_count=2))
        worker.holder.slow_seconds = 30
        await pass_time(2)
        store.away = True
        await pass_time(12)
        assert worker.holder.count("lost") == 2
        assert not worker.holder.working
        store.away = False
        await pass_time(40)
        assert owners(store) == {"a": 2}
        worker.holder.slow_seconds = 0
        await worker.end()

    run(main())


def test_leases_live_on_while_partitions_start_and_end_slowly() -> None:
    async def main() -> None:
        store = MemoryStore(clock)
        slow = Holder("slow", 2)
        slow.start_seconds = 3 * TTL
        steady = Holder("steady", 4)
        steady.slow_seconds = 3 * TTL
        worker = Worker(store, "a", slow, steady)
        await pass_time(4 * TTL)
        assert (slow.count("gained"), slow.count("lost")) == (2, 0)
        assert (steady.count("gained"), steady.count("lost")) == (4, 0)
        other = Worker(store, "b", Holder("slow", 2), Holder("steady", 4))
        await pass_time(8 * TTL)
        assert steady.count("lost") == 0
        assert sorted(steady.working) == sorted({0, 1, 2, 3} - set(other.holders[1].working))
        steady.slow_seconds = 0
        await worker.end()
        await other.end()

    run(main())


def test_a_partition_whose_start_outlives_its_lease_is_not_worked_on() -> None:
    async def main() -> None:
        store = MemoryStore(clock)
        holder = Holder(partitions_count=1)
        holder.start_seconds = 3
        worker = Worker(store, "a", holder)
        await pass_time(1)
        store.leases["r", 0].owner = "b"
        store.leases["r", 0].epoch += 1
        store.leases["r", 0].expires_at = clock() + 100
        await pass_time(9)
        assert holder.told == [("lost", 0), ("gained", 0), ("lost", 0)]
        assert not holder.working
        await worker.end()

    run(main())


def test_a_start_that_fails_after_the_lease_is_gone_changes_nothing() -> None:
    async def main() -> None:
        store = MemoryStore(clock)
        holder = Holder(partitions_count=1)
        holder.start_seconds, holder.refusal = 3, Unavailable("no offset", code="offset_missing")
        worker = Worker(store, "a", holder)
        await pass_time(1)
        lease = store.leases["r", 0]
        lease.owner, lease.epoch, lease.expires_at = "b", lease.epoch + 1, clock() + 100
        await pass_time(9)
        assert holder.told == [("lost", 0)]
        assert owners(store) == {"b": 1}
        await worker.end()

    run(main())


def test_a_partition_that_cannot_start_is_given_back() -> None:
    async def main() -> None:
        store = MemoryStore(clock)
        worker = Worker(store, "a")
        worker.holder.refusal = Unavailable("no offset", code="offset_missing")
        await pass_time(2)
        assert owners(store) == {}
        worker.holder.refusal = None
        await pass_time(2)
        assert owners(store) == {"a": 4}
        await worker.end()

    run(main())


def test_a_partition_is_let_go_once_whoever_asks() -> None:
    async def main() -> None:
        store = MemoryStore(clock)
        worker = Worker(store, "a", Holder(partitions_count=1))
        worker.holder.slow_seconds = 3
        await pass_time(2)
        first = asyncio.create_task(worker.leases.release_all())
        await pass_time(1)
        await worker.leases.release_all()
        assert store.leases["r", 0].owner == ""
        assert worker.holder.told.count(("let_go", 0)) == 1
        assert not worker.holder.working
        await first
        await worker.end()

    run(main())


def test_a_leaving_worker_releases_nothing_it_cannot_and_does_not_stumble() -> None:
    async def main() -> None:
        store = MemoryStore(clock)
        worker = Worker(store, "a")
        await pass_time(2)
        store.away = True
        await worker.end()
        assert not worker.holder.working
        assert owners(store) == {"a": 4}
        await pass_time(TTL)
        assert owners(store) == {}

    run(main())


def test_a_bug_in_a_holder_ends_the_worker() -> None:
    async def main() -> None:
        store = MemoryStore(clock)
        holder = Holder()

        async def stumble(claim: Claim) -> None:
            raise ZeroDivisionError

        holder.gained = stumble  # type: ignore[method-assign]  # a holder that stumbles
        worker = Worker(store, "a", holder)
        with pytest.raises(ZeroDivisionError):
            await worker.running
        assert owners(store) == {}

    run(main())
