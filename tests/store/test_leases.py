"""Ownership: one owner at a time, epochs that fence, two clocks that must agree."""

from __future__ import annotations

import asyncio
import time

import pytest

from hub.errors import OwnershipLost
from hub.held import Changes, Effect
from hub.store import Store
from hub.store.held import PostgresHeldStore
from hub.store.leases import LONGEST_SECONDS
from tests.store.rows import ROUTE, fetch, queue

TTL = 30.0


class Clock:
    """Monotonic seconds that the test moves."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def held(store: Store, clock: Clock) -> PostgresHeldStore:
    """The view of a worker whose clock the test moves."""
    return PostgresHeldStore(store, clock=clock)


async def shift(store: Store, seconds: int) -> None:
    """The database's time of day jumps: everything in it looks so much older."""
    moved = "UPDATE {} SET expires_at = expires_at - make_interval(secs => %s)"
    async with store.pipeline() as pipeline:
        for table in ("ownership", "member"):
            await pipeline.run(moved.format(table), seconds)


async def expire(store: Store) -> None:
    async with store.pipeline() as pipeline:
        await pipeline.run("UPDATE ownership SET expires_at = now() - interval '1 second'")


async def test_a_free_partition_is_taken_and_nobody_else_gets_it(held: PostgresHeldStore) -> None:
    before = time.monotonic()
    claim = await held.claim(ROUTE, 3, "a", TTL)
    assert claim is not None
    assert (claim.route, claim.partition, claim.owner, claim.epoch) == (ROUTE, 3, "a", 1)
    assert before + TTL <= claim.expires_at <= time.monotonic() + TTL
    assert await held.claim(ROUTE, 3, "b", TTL) is None
    assert await held.claim(ROUTE, 4, "b", TTL) is not None


async def test_an_expired_lease_is_taken_over_with_a_higher_epoch(
    held: PostgresHeldStore, store: Store, clock: Clock
) -> None:
    first = await held.claim(ROUTE, 0, "a", TTL)
    await expire(store)
    assert await held.claim(ROUTE, 0, "b", TTL) is None  # seen for the first time
    clock.now += TTL
    second = await held.claim(ROUTE, 0, "b", TTL)
    assert first is not None
    assert second is not None
    assert second.epoch > first.epoch
    assert not await held.renew([first], TTL)
    with pytest.raises(OwnershipLost):
        await held.write(first, queue("H1", 1))
    await held.write(second, queue("H1", 1))


async def test_a_stale_epoch_writes_nothing_at_all(held: PostgresHeldStore, store: Store) -> None:
    stale = await held.claim(ROUTE, 0, "a", TTL)
    fresh = await held.claim(ROUTE, 0, "a", TTL)
    assert stale is not None
    assert fresh is not None
    with pytest.raises(OwnershipLost):
        await held.write(stale, queue("H1", 1, 2))
    with pytest.raises(OwnershipLost):
        await held.begin_effects(stale, [Effect("key", 0, ROUTE, "H1", "started")])
    assert await fetch(store, "SELECT 1 FROM held_message") == []
    assert await fetch(store, "SELECT 1 FROM held_subject") == []
    assert await held.effects(["key"]) == {}


async def test_an_expired_lease_that_nobody_took_lives_on(
    held: PostgresHeldStore, store: Store
) -> None:
    claim = await held.claim(ROUTE, 0, "a", TTL)
    assert claim is not None
    await expire(store)
    [renewed] = await held.renew([claim], TTL)
    assert renewed.epoch == claim.epoch
    assert renewed.expires_at >= claim.expires_at
    assert await held.claim(ROUTE, 0, "b", TTL) is None


async def test_a_released_partition_is_free_at_once_and_keeps_its_epochs(
    held: PostgresHeldStore,
) -> None:
    claim = await held.claim(ROUTE, 0, "a", TTL)
    assert claim is not None
    await held.release([claim])
    with pytest.raises(OwnershipLost):
        await held.write(claim, Changes(forget=["H1"]))
    second = await held.claim(ROUTE, 0, "b", TTL)
    assert second is not None
    assert second.epoch == claim.epoch + 1
    await held.release([claim])  # late: no longer his to give
    assert await held.claim(ROUTE, 0, "c", TTL) is None


async def test_renewing_keeps_only_what_is_still_ours(held: PostgresHeldStore) -> None:
    mine = await held.claim(ROUTE, 0, "a", TTL)
    lost = await held.claim(ROUTE, 1, "a", TTL)
    assert mine is not None
    assert lost is not None
    await held.claim(ROUTE, 1, "a", TTL)
    assert [claim.partition for claim in await held.renew([mine, lost], TTL)] == [0]
    assert await held.renew([], TTL) == ()


async def test_of_many_racing_owners_exactly_one_wins(held: PostgresHeldStore) -> None:
    for partition in range(5):
        claims = await asyncio.gather(
            *(held.claim(ROUTE, partition, f"worker {n}", TTL) for n in range(8))
        )
        assert sum(claim is not None for claim in claims) == 1


async def test_a_takeover_waits_for_a_write_that_has_checked_its_epoch(
    held: PostgresHeldStore, store: Store, clock: Clock
) -> None:
    claim = await held.claim(ROUTE, 0, "a", TTL)
    assert claim is not None
    await expire(store)
    await held.claim(ROUTE, 0, "b", TTL)
    clock.now += TTL
    async with store.pipeline() as pipeline:
        asked = await pipeline.run(
            "SELECT epoch FROM ownership WHERE route = %s AND partition = 0 FOR SHARE", ROUTE
        )
        await asked.fetchall()
        takeover = asyncio.create_task(held.claim(ROUTE, 0, "b", TTL))
        done, _ = await asyncio.wait([takeover], timeout=0.3)
        assert not done
    assert await takeover is not None


async def test_members_count_live_workers_of_exactly_their_routes(
    held: PostgresHeldStore, store: Store
) -> None:
    assert await held.members("a", ["r1", "r2"], TTL) == {"r1": 1, "r2": 1}
    assert await held.members("b", ["r1"], TTL) == {"r1": 2}
    assert await held.members("a", ["r2"], TTL) == {"r2": 1}
    assert await held.members("b", ["r1"], TTL) == {"r1": 1}
    async with store.pipeline() as pipeline:
        await pipeline.run("UPDATE member SET expires_at = now() WHERE worker = 'b'")
    assert await held.members("c", ["r1"], TTL) == {"r1": 1}


async def test_a_dead_worker_s_lease_is_known_to_be_dead_from_looking_around(
    held: PostgresHeldStore, store: Store, clock: Clock
) -> None:
    await held.claim(ROUTE, 0, "a", TTL)
    await held.members("b", [ROUTE], TTL)
    clock.now += TTL
    await expire(store)
    await held.members("b", [ROUTE], TTL)  # it looks otherwise: somebody has renewed it
    assert await held.claim(ROUTE, 0, "b", TTL) is None
    clock.now += TTL
    assert await held.claim(ROUTE, 0, "b", TTL) is not None


async def test_a_clock_that_jumps_forward_takes_no_lease_from_a_worker_that_lives(
    held: PostgresHeldStore, store: Store, clock: Clock
) -> None:
    claim = await held.claim(ROUTE, 0, "a", TTL)
    assert claim is not None
    for _ in range(20):
        await held.members("b", [ROUTE], TTL)
        clock.now += TTL / 8
        await shift(store, 600)
        assert await held.claim(ROUTE, 0, "b", TTL) is None
        assert await held.renew([claim], TTL)


async def test_a_clock_that_jumps_back_keeps_a_dead_worker_s_lease_for_a_minute_at_most(
    held: PostgresHeldStore, store: Store, clock: Clock
) -> None:
    await held.claim(ROUTE, 0, "a", TTL)
    await held.members("a", [ROUTE], TTL)
    await shift(store, -600)
    assert await held.members("b", [ROUTE], TTL) == {ROUTE: 2}
    clock.now += LONGEST_SECONDS - 1
    assert await held.members("b", [ROUTE], TTL) == {ROUTE: 2}
    assert await held.claim(ROUTE, 0, "b", TTL) is None
    clock.now += 1
    assert await held.members("b", [ROUTE], TTL) == {ROUTE: 1}
    assert await held.claim(ROUTE, 0, "b", TTL) is not None
