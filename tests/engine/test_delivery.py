"""Routes on the real Kafka and PostgreSQL: order, parking, acts, outages, takeovers."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from functools import partial

import pytest
import pytest_asyncio
from sqlalchemy import delete

from hub.errors import Misconfigured, Rejected, Unavailable
from hub.held import Act, HeldState
from hub.kafka import partition_of
from hub.outbound import EVENTS_TOPIC
from hub.outcome import OUTCOMES_TOPIC, State
from hub.route import AfterDead
from hub.status import route_status
from hub.store import Store
from hub.store import routes as store_routes
from hub.store.held import PostgresHeldStore
from hub.store.tables import command, held_message, held_subject, ownership, route_control
from tests.engine import toy
from tests.engine.ground import (
    AUTHOR,
    HURRIED,
    PARTITIONS,
    TTL,
    Ground,
    RealRoute,
    until,
)
from tests.store.proxy import proxied

pytestmark = pytest.mark.asyncio(loop_scope="module")

Opened = Callable[..., AbstractAsyncContextManager[RealRoute]]


@pytest_asyncio.fixture(loop_scope="module")
async def opened(ground: Ground) -> Opened:
    """Opens a route that hears what is sent from now on, with one worker."""

    @asynccontextmanager
    async def opening(
        name: str = "first", workers: int = 1, **terms: object
    ) -> AsyncIterator[RealRoute]:
        topics = (EVENTS_TOPIC, OUTCOMES_TOPIC, f"dead.{name}")
        start = {topic: await ground.ends(topic) for topic in topics}
        route = RealRoute(ground, name, HURRIED.model_copy(update=terms), start)
        await ground.kafka.commit(route.group, EVENTS_TOPIC, start[EVENTS_TOPIC])
        for _ in range(workers):
            await route.worker()
        try:
            yield route
            assert [worker.failed() for worker in route.workers] == [None] * len(route.workers)
        except BaseException:
            for worker in route.workers:
                print(worker.failed(), worker.leases.problem, route_status(worker.dispatcher))
            raise
        finally:
            for worker in list(route.workers):
                await worker.end()
        async with ground.store.transaction() as connection:
            for table in (held_message, held_subject, ownership, command, route_control):
                await connection.execute(delete(table).where(table.c.route == name))

    return opening


def down() -> Unavailable:
    return Unavailable("not now")


def refused() -> Rejected:
    return Rejected("no", foreign_code="E1")


def puzzling() -> Rejected:
    return Rejected("no", documented=False)


def more_than(route: RealRoute, count: int) -> bool:
    return route.destination.taken_count > count


def numbered(subjects: int, count: int, first: int = 0) -> list[tuple[str, int]]:
    """`count` numbers of each subject, in turn."""
    return [(f"H{s}", n) for n in range(first, first + count) for s in range(subjects)]


async def test_a_failing_dossier_is_parked_and_nobody_else_waits(opened: Opened) -> None:
    async with opened() as route:
        route.destination.failing = {"H1": down, "H2": down}
        await route.send(numbered(20, 10))
        await until(lambda: route.destination.taken_count == 180)
        await until(route.all_committed)
        assert [r.position.offset for r in await route.queue("H1")] == sorted(
            r.position.offset for r in await route.queue("H1")
        )
        assert len(await route.queue("H1")) == 10
        route.destination.failing.clear()
        await route.send(numbered(20, 1, 10))
        await until(lambda: route.destination.taken_count == 220)
        assert route.destination.check(route.sent).clean
        await until(route.all_committed)
        await until(
            lambda: not any(p.lanes for p in route.workers[0].dispatcher.partitions.values())
        )
        states = [o.state for o in await route.outcomes() if o.subject == "H1"]
        assert states.count(State.DELIVERED) == 11
        assert set(states) == {State.PARKED, State.DELIVERED}


async def test_a_documented_refusal_is_dead_at_once_with_its_original_bytes(
    opened: Opened,
) -> None:
    async with opened() as route:
        route.destination.failing["H0"] = refused
        await route.send(numbered(2, 3))
        await until(lambda: route.destination.taken_count == 3)
        await until(route.all_committed)
        assert route.destination.attempts("H0") == [0]
        rows = await route.queue("H0")
        assert [row.state for row in rows] == [HeldState.DEAD, HeldState.WAITING, HeldState.WAITING]
        (copy,) = await route.dead()
        key, value, headers = toy.event_record("H0", 0)
        assert (copy.key, copy.value) == (key, value)
        assert list(copy.headers)[: len(headers)] == headers
        reasons = dict(copy.headers)
        assert reasons["hub-reason"] == b"rejected"
        assert reasons["hub-route"] == b"first"
        assert reasons["hub-position"].startswith(b"events/")


async def test_an_undocumented_refusal_is_dead_when_its_rounds_are_used(opened: Opened) -> None:
    async with opened() as route:
        route.destination.failing["H0"] = puzzling
        await route.send(numbered(1, 2))

        async def died() -> bool:
            rows = await route.queue("H0")
            return bool(rows) and rows[0].state is HeldState.DEAD

        await until(died)
        head, behind = await route.queue("H0")
        assert (head.reason, behind.state) == ("rounds_used", HeldState.WAITING)
        assert route.destination.attempts("H0") == [0, 0, 0]


@pytest.mark.parametrize(
    ("act", "taken"), [(Act.SKIP, [1, 2]), (Act.RELEASE, [1, 2]), (Act.REPLAY, [0, 1, 2])]
)
async def test_a_person_lets_a_dead_dossier_go_on(
    opened: Opened, act: Act, taken: list[int]
) -> None:
    async with opened() as route:
        route.destination.failing["H0"] = refused
        await route.send(numbered(1, 3))
        await until(route.all_committed)
        del route.destination.failing["H0"]
        done = await route.ground.act("first", "H0", act)
        assert done.result.startswith("done")
        await until(lambda: route.destination.taken.get("H0") == taken)
        await until(lambda: not route.workers[0].dispatcher.partitions[0].lanes)
        await route.send([("H0", 3)])
        await until(lambda: route.destination.taken["H0"] == [*taken, 3])
        await route.workers[0].outbox.flush()
        states = {o.state for o in await route.outcomes()}
        assert (State.SKIPPED in states, State.RELEASED in states) == (
            act is Act.SKIP,
            act is Act.RELEASE,
        )


async def test_where_order_does_not_matter_followers_flow(opened: Opened) -> None:
    async with opened(after_dead=AfterDead.CONTINUE) as route:
        await route.send([("H0", toy.UNSPEAKABLE), ("H0", 667), ("H0", 668)])
        await until(lambda: route.destination.taken.get("H0") == [667, 668])
        await until(route.all_committed)
        assert not await route.queue("H0")
        assert len(await route.dead()) == 1


async def test_an_event_older_than_the_terms_allow_expires(opened: Opened) -> None:
    async with opened(expires_after_seconds=0.5) as route:
        route.destination.failing["H0"] = down
        await route.send(numbered(1, 1))

        async def expired() -> bool:
            return [row.reason for row in await route.queue("H0")] == ["expired"]

        await until(expired)


@pytest.mark.parametrize("fault", [down, lambda: Misconfigured("who are you")])
async def test_an_outage_makes_no_dead_letters_and_leaves_other_routes_alone(
    opened: Opened, fault: toy.Fault
) -> None:
    async with opened(breaker_subjects_count=5) as route, opened("second") as other:
        route.destination.away = fault
        other.sent = route.sent
        await route.send(numbered(30, 10))
        await until(lambda: other.destination.taken_count == 300)
        handling = route.workers[0].dispatcher.handling
        await until(lambda: handling.breaker.state.value == "open")
        await until(lambda: route.destination.probe_count >= 2)
        offsets = await route.ground.kafka.committed(route.group, EVENTS_TOPIC)
        ends = await route.ground.ends(EVENTS_TOPIC)
        assert any(offset < ends[number] for number, (offset, _) in offsets.items())
        route.destination.away = None
        await until(lambda: route.destination.taken_count == 300, seconds=40)
        await until(lambda: handling.breaker.state.value == "closed")
        assert not await route.dead()
        for each in (route, other):
            assert each.destination.check(route.sent).clean
            await until(each.all_committed)


async def test_a_slow_dossier_does_not_hold_the_others_back(opened: Opened) -> None:
    async with opened() as route:
        gate = route.destination.hanging["H0"] = asyncio.Event()
        await route.send(numbered(1, 1))
        number = partition_of(b"H0", PARTITIONS)
        others = [
            s
            for s in (f"B{n}" for n in range(40))
            if partition_of(s.encode(), PARTITIONS) == number
        ]
        await route.send([(s, n) for n in range(20) for s in others])
        await until(lambda: route.destination.taken_count == 20 * len(others))
        await until(route.all_committed)
        (row,) = await route.queue("H0")
        assert (row.state, row.reason) == (HeldState.IN_FLIGHT, "backlog")
        await route.send([("H0", 1)])
        gate.set()
        await until(lambda: route.destination.taken.get("H0") == [0, 1])
        assert route.destination.check(route.sent).clean

        async def gone() -> bool:
            return not await route.queue("H0")

        await until(gone)


async def test_too_many_dead_letters_stop_the_route_until_it_is_resumed(opened: Opened) -> None:
    async with opened(dead_limit_count=4, concurrency_count=2) as route:
        route.destination.away = refused
        await route.send(numbered(30, 1))

        async def stopped() -> bool:
            control = (await route.ground.held.controls()).get("first")
            return control is not None and control.stopped_reason == "dead_limit"

        await until(stopped)
        worker = route.workers[0]
        await until(lambda: worker.dispatcher.closed.get("stopped") == "dead_limit")
        await until(lambda: worker.dispatcher.handling.slots.busy == 0)
        await worker.outbox.flush()
        dead = len(await route.dead())
        assert 4 <= dead <= 6
        route.destination.away = None
        await store_routes.resume(route.ground.store, "first", AUTHOR)
        await until(lambda: route.destination.taken_count == 30 - dead)
        assert not worker.dispatcher.closed


async def test_a_route_whose_offset_is_missing_stops_visibly(opened: Opened) -> None:
    async with opened(workers=0) as route:
        route.name = "never-created"
        await route.worker()

        async def stopped() -> bool:
            control = (await route.ground.held.controls()).get("never-created")
            return control is not None and control.stopped_reason == "offset_missing"

        await until(stopped)
        worker = route.workers[0]
        await until(lambda: worker.dispatcher.closed.get("stopped") == "offset_missing")
        assert not worker.dispatcher.partitions


async def test_what_stands_around_a_parked_head_is_not_done_again_after_a_crash(
    opened: Opened,
) -> None:
    async with opened(round_wait_initial_seconds=30, round_wait_max_seconds=30) as route:
        number = partition_of(b"H0", PARTITIONS)
        same = (f"B{n}" for n in itertools.count())
        slow = next(s for s in same if partition_of(s.encode(), PARTITIONS) == number)
        route.destination.hanging[slow] = asyncio.Event()
        await route.send([(slow, 0), ("H0", 0)])
        await until(lambda: route.destination.taken_count == 1)
        route.destination.failing["H0"] = down
        await route.send([("H0", 1), ("H0", 2)])

        async def parked() -> bool:
            return len(await route.queue("H0")) == 2

        await until(parked)

        async def remembered() -> bool:
            offsets = await route.ground.kafka.committed(route.group, EVENTS_TOPIC)
            return offsets[number][1] != ""

        await until(remembered)
        await route.workers[0].crash()
        route.destination.failing.clear()
        route.destination.hanging.clear()
        await route.worker()
        await until(lambda: slow in route.destination.taken, seconds=30)
        await until(route.all_committed)
        assert route.destination.taken["H0"] == [0]
        assert len(await route.queue("H0")) == 2
        await route.ground.act("first", "H0", Act.REPLAY)
        await until(lambda: route.destination.taken["H0"] == [0, 1, 2])
        assert route.destination.check(route.sent).clean


async def test_a_worker_that_died_is_followed_by_another_and_nothing_is_lost(
    opened: Opened,
) -> None:
    async with opened(workers=2) as route:
        first, second = route.workers
        both = [first.dispatcher.partitions, second.dispatcher.partitions]
        await until(lambda: [len(each) for each in both] == [1, 1])
        route.destination.answer_seconds = 0.01
        route.destination.failing["H3"] = down
        await route.send(numbered(10, 40))
        await until(lambda: route.destination.taken_count > 60)
        await first.crash()
        await until(lambda: len(second.dispatcher.partitions) == 2, seconds=TTL + 10)
        route.destination.failing.clear()
        await until(
            lambda: len({(r.subject, r.seq) for r in route.destination.rows if r.ok}) == 400
        )
        await until(route.all_committed)
        report = route.destination.check(route.sent)
        assert report.clean, report.violations[:3]


async def test_a_worker_that_cannot_renew_stops_before_another_one_begins(
    opened: Opened,
) -> None:
    async with opened(workers=1) as route:
        (first,) = route.workers
        await until(lambda: len(first.dispatcher.partitions) == PARTITIONS)
        gates = route.destination.hanging
        for subject in range(6):
            gates[f"H{subject}"] = asyncio.Event()
        await route.send(numbered(6, 5))
        await until(lambda: route.destination.running == 6)
        first.thawed.clear()  # nothing it asks of the store is answered any more
        second = await route.worker()
        await until(lambda: len(second.dispatcher.partitions) == PARTITIONS, seconds=TTL + 10)
        assert not first.dispatcher.partitions
        await until(lambda: route.destination.running == 6)
        first.thawed.set()
        for gate in gates.values():
            gate.set()
        await until(lambda: route.destination.taken_count == 30)
        assert route.destination.most_running == 6
        report = route.destination.check(route.sent)
        assert report.clean, report.violations[:3]


async def test_planned_handovers_repeat_nothing(opened: Opened) -> None:
    async with opened() as route:
        route.destination.answer_seconds = 0.005
        route.destination.failing["H5"] = down
        await route.send(numbered(25, 40))
        for number in range(4):
            await until(partial(more_than, route, 150 * (number + 1)))
            await route.worker()
            await route.workers[0].end()
        route.destination.failing.clear()
        await until(lambda: route.destination.taken_count == 1000)
        await until(route.all_committed)
        assert not route.destination.kills
        report = route.destination.check(route.sent)
        assert report.clean, report.violations[:3]


async def test_while_postgres_is_away_the_route_says_so_and_nothing_is_lost(
    opened: Opened,
) -> None:
    async with opened(workers=0) as route, proxied(route.ground.url) as proxy:
        store = Store.open(proxy.url, statement_seconds=1.0)
        worker = await route.worker(PostgresHeldStore(store))
        await until(lambda: len(worker.dispatcher.partitions) == PARTITIONS)
        route.destination.failing["H1"] = down
        await proxy.cut()
        await route.send(numbered(6, 5))
        await until(lambda: route.destination.taken_count == 25)
        await until(lambda: "store_away" in worker.dispatcher.closed)
        assert not await route.queue("H1")
        await until(lambda: not worker.leases.owned("first"), seconds=TTL + 10)
        await proxy.mend()
        route.destination.failing.clear()
        await until(lambda: route.destination.taken_count >= 30)
        await until(route.all_committed)
        await until(lambda: not worker.dispatcher.closed)
        report = route.destination.check(route.sent)
        assert report.clean, report.violations[:3]
        await worker.end()
        await store.close()
