"""Notices of deadlines: each once, repeatable after a crash, by one worker at a time."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import partial

import pytest

from hub.errors import HubError, Unavailable
from hub.event import Event
from hub.held import Claim
from hub.kafka import Kafka, header
from hub.metrics import Metric, Metrics
from hub.noticing import DUE_SOON, OVERDUE, PAGE_COUNT, Horizon, Notice, Noticing, event_of
from hub.outbound import EVENTS_TOPIC
from hub.ownership import Leases
from hub.schemas.sla import SlaNotice
from hub.settings import KafkaSettings
from hub.standing import Standing
from hub.store import Store as DatabaseStore
from hub.store.held import PostgresHeldStore
from hub.store.notices import StoreNotices
from hub.store.recording import DOSSIERS, dossier_row
from hub.store.texts import columns
from tests import broker
from tests.engine.virtual import pass_time, run

DUE = datetime(2026, 1, 15, 1, tzinfo=UTC)
DAY = timedelta(days=1)


def notice(code: str = "H1", kind: str = OVERDUE) -> Notice:
    return Notice(kind, SlaNotice(code=code, unit="U", status="processing", due_at=DUE))


@dataclass
class Store:
    """What is to be said, what was said, and Kafka, in memory."""

    waiting: list[Notice] = field(default_factory=list)
    remembered: list[Notice] = field(default_factory=list)
    published: list[Event] = field(default_factory=list)
    faults: dict[str, Callable[[], HubError]] = field(default_factory=dict)
    horizon: Horizon | None = None
    hanging: asyncio.Event | None = None

    def _stumble(self, what: str) -> None:
        if fault := self.faults.pop(what, None):
            raise fault()

    async def unsaid(self, horizon: Horizon, limit: int) -> Sequence[Notice]:
        self._stumble("unsaid")
        self.horizon = horizon
        return self.waiting[:limit]

    async def said(self, notices: Sequence[Notice]) -> None:
        self._stumble("said")
        self.remembered += notices
        self.waiting = [each for each in self.waiting if each not in notices]

    async def publish(
        self, records: Sequence[tuple[bytes, bytes, list[tuple[str, bytes]]]]
    ) -> None:
        if self.hanging is not None:
            await self.hanging.wait()
        self._stumble("publish")
        for _, value, headers in records:
            texts = {name: content.decode() for name, content in headers}
            self.published.append(Event.from_record(value, texts))


def clock_of(store: Store, metrics: Metrics | None = None) -> Noticing:
    return Noticing(
        store,
        store.publish,
        every_seconds=60,
        soon=DAY,
        oldest=30 * DAY,
        metrics=metrics or Metrics(),
        now=lambda: DUE,
        sleep=pass_time,
    )


CLAIM = Claim("sla", 0, "w", 1, 1e9)


def test_a_notice_is_an_event_of_its_dossier_that_is_the_same_however_often_it_is_made() -> None:
    late, soon = event_of(notice(), DAY), event_of(notice(kind=DUE_SOON), DAY)
    assert (late.kind, late.subject, late.source, late.time) == (OVERDUE, "H1", "/hub/sla/U", DUE)
    assert soon.time == DUE - DAY
    assert late.to_record() == event_of(notice(), DAY).to_record()
    moved = Notice(OVERDUE, notice().data.model_copy(update={"due_at": DUE + DAY}))
    ids = {each.id for each in (late, soon, event_of(moved, DAY), event_of(notice("H2"), DAY))}
    assert len(ids) == 4
    elsewhere = notice().data.model_copy(update={"due_at": DUE.astimezone(None)})
    assert event_of(Notice(OVERDUE, elsewhere), DAY).id == late.id


def test_each_notice_is_said_once_and_counted() -> None:
    async def main() -> None:
        metrics = Metrics()
        store = Store([notice("H1"), notice("H2"), notice("H3", DUE_SOON)])
        it = clock_of(store, metrics)
        await it.gained(CLAIM)
        await pass_time(200)
        assert [each.subject for each in store.published] == ["H1", "H2", "H3"]
        assert store.horizon == Horizon(DUE, DAY, 30 * DAY)
        value = metrics.registry.get_sample_value(Metric.SLA_NOTICES, {"kind": OVERDUE})
        assert value == 2
        await it.let_go(0)

    run(main())


def test_a_crash_between_saying_and_remembering_says_it_again_with_the_same_id() -> None:
    async def main() -> None:
        store = Store([notice()], faults={"said": lambda: Unavailable("gone")})
        it = clock_of(store)
        with pytest.raises(Unavailable):
            await it.turn()
        assert await it.turn() == 1
        first, again = store.published
        assert first == again
        assert await it.turn() == 0

    run(main())


@pytest.mark.parametrize("what", ["unsaid", "publish", "said"])
def test_what_could_not_be_said_is_said_at_the_next_look(what: str) -> None:
    async def main() -> None:
        store = Store([notice()], faults={what: lambda: Unavailable("away", code="kafka_away")})
        it = clock_of(store)
        await it.gained(CLAIM)
        await pass_time(1)
        assert it.problem == "away"
        assert not store.remembered
        await pass_time(60)
        assert store.remembered == [notice()]
        assert it.problem == ""
        it.lost(0)

    run(main())


def test_many_are_said_page_by_page_without_waiting() -> None:
    async def main() -> None:
        store = Store([notice(f"H{n}") for n in range(PAGE_COUNT + 3)])
        it = clock_of(store)
        await it.gained(CLAIM)
        await pass_time(1)
        assert len(store.remembered) == PAGE_COUNT + 3
        it.lost(0)

    run(main())


def test_letting_go_waits_for_the_look_under_way_but_not_for_ever() -> None:
    async def main() -> None:
        for hangs in (False, True):
            store = Store([notice()], hanging=asyncio.Event())
            it = clock_of(store)
            await it.gained(CLAIM)
            it.renewed(replace(CLAIM, epoch=1))
            await pass_time(0.1)
            assert store.hanging is not None
            leaving = asyncio.create_task(it.let_go(0))
            await pass_time(1)
            if not hangs:
                store.hanging.set()
            await pass_time(3)
            assert leaving.done()
            assert bool(store.remembered) is not hangs

    run(main())


async def test_of_two_workers_one_says_it_and_the_other_takes_over(
    store: DatabaseStore, addresses: broker.Addresses, namespace: str
) -> None:
    now = datetime.now(UTC)
    standing = Standing(
        "H1", "processing", "events", 1, unit="U", due_at=now, deadline_at=now - timedelta(hours=1)
    )
    async with store.pipeline() as pipeline:
        await pipeline.run(DOSSIERS, *columns([dossier_row("H1", standing)]))
    notices, held = StoreNotices(store), PostgresHeldStore(store)
    async with Kafka(
        KafkaSettings(bootstrap_servers=addresses.kafka, prefix=namespace, partitions_count=1)
    ) as kafka:
        await kafka.create_topics({EVENTS_TOPIC: 1}, {})
        producer = await kafka.producer()

        async def work(name: str) -> tuple[asyncio.Event, asyncio.Task[None]]:
            clock = Noticing(
                notices,
                partial(producer.send_all, EVENTS_TOPIC),
                every_seconds=0.05,
                soon=DAY,
                oldest=DAY,
                metrics=Metrics(),
            )
            leases = Leases(held, name, ttl_seconds=2)
            leases.add(clock)
            stop = asyncio.Event()
            return stop, asyncio.create_task(leases.run(stop))

        workers = [await work("one"), await work("two")]
        reader = await kafka.reader(EVENTS_TOPIC)

        async def said() -> list[str]:
            ends = await reader.ends([0])
            await reader.assign({0: 0})
            found: list[str] = []
            while await reader.position(0) < ends[0]:
                for record in (await reader.fetch(100, 100)).get(0, []):
                    found.append(f"{record.key.decode()} {header(record, 'ce_type')}")
            return found

        async with asyncio.timeout(20):
            while await said() != [f"H1 {OVERDUE}"]:
                await asyncio.sleep(0.05)
        stop, running = workers.pop(0)
        stop.set()
        await running
        moved = replace(standing, event_offset=2, deadline_at=now + timedelta(hours=1))
        async with store.pipeline() as pipeline:
            await pipeline.run(DOSSIERS, *columns([dossier_row("H1", moved)]))
        async with asyncio.timeout(20):
            while await said() != [f"H1 {OVERDUE}", f"H1 {DUE_SOON}"]:
                await asyncio.sleep(0.05)
        for stop, running in workers:
            stop.set()
            await running
        await reader.close()
        await producer.close()
