"""The recorder writes every record once, whatever is killed, and nothing stops it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson
from hypothesis import given
from hypothesis import strategies as st

from hub.errors import Unavailable
from hub.event import Event
from hub.message import Position
from hub.outcome import LOT_BYTES, LOT_COUNT, Outcome, Stage, State, outcomes_of, records_of
from hub.recorder import Progress, Recorder
from hub.schemas.dossier import (
    Applicant,
    Dossier,
    DossierEvent,
    DossierStatus,
    Procedure,
    Step,
)
from hub.standing import Standing
from hub.store import Store
from hub.store.timeline import Timeline
from tests.store.proxy import proxied
from tests.store.rows import fetch

UNIT = "000.00.01.H26"
NOW = datetime(2023, 3, 1, 8, 0, tzinfo=UTC)


@dataclass
class FakeRecord:
    offset: int
    value: bytes | None
    headers: Sequence[tuple[str, bytes | None]] = ()


@dataclass
class FakeKafka:
    """Topics in memory, read like a consumer does: in order, from where it was told to."""

    logs: dict[tuple[str, int], list[FakeRecord]] = field(default_factory=dict)
    at: dict[tuple[str, int], int] = field(default_factory=dict)
    most: int = 500
    failures: int = 0

    def put(self, topic: str, value: bytes | None, headers: Any = (), partition: int = 0) -> None:
        log = self.logs.setdefault((topic, partition), [])
        log.append(FakeRecord(len(log), value, headers))

    def outcome(self, outcome: Outcome) -> None:
        self.put("outcomes", records_of([outcome])[0][1])

    def event(self, event: Event) -> None:
        _, value, headers = event.to_record()
        self.put("events", value, headers)

    async def getmany(self) -> Mapping[tuple[str, int], Sequence[FakeRecord]]:
        if self.failures:
            self.failures -= 1
            raise Unavailable("fetch", code="kafka_away")
        found = {}
        for where, log in self.logs.items():
            start = self.at.get(where, 0)
            if part := log[start : start + self.most]:
                found[where] = part
                self.at[where] = start + len(part)
        if not found:
            await asyncio.sleep(0.01)
        return found

    def seek(self, topic: str, partition: int, offset: int) -> None:
        self.at[topic, partition] = offset

    def restart(self) -> None:
        self.at.clear()

    @property
    def count(self) -> int:
        return sum(len(log) for log in self.logs.values())


def outcome(subject: str = "H1", **values: Any) -> Outcome:
    given: dict[str, Any] = {
        "stage": Stage.DELIVER,
        "name": "dossiers",
        "state": State.DELIVERED,
        "subject": subject,
        "at": NOW,
        "unit": UNIT,
    }
    return Outcome(**(given | values))


def dossier(**values: Any) -> Dossier:
    return Dossier(procedure=Procedure(code="1.001"), applicant=Applicant(), **values)


def event(status: DossierStatus, hours: int = 0, *, code: str = "H1", **values: Any) -> Event:
    data = DossierEvent(code=code, unit=UNIT, status=status, **values)
    made = Event(
        kind="dossier.progressed",
        source="/connectors/one_stop/x",
        subject=code,
        time=NOW + timedelta(hours=hours),
        data=data,
        natural_key=f"{status} {hours}",
    )
    return made.identify(Position("in.one_stop", 0, hours))


async def recorded(
    store: Store, kafka: FakeKafka, until: int | None = None, **options: Any
) -> Progress:
    """Run a recorder until it has got past this many records (all of them)."""
    wanted = kafka.count if until is None else until
    stop = asyncio.Event()

    def watch(progress: Progress) -> None:
        if sum(progress.next_offsets.values()) >= wanted:
            stop.set()

    recorder = Recorder(store, kafka, on_progress=watch, **options)
    async with asyncio.timeout(30):
        await recorder.run(stop)
    return recorder.progress


async def test_an_outcome_becomes_one_row_with_all_its_fields(store: Store) -> None:
    kafka = FakeKafka()
    told = outcome(
        reason="timeout",
        text="no answer",
        kind="dossier.received",
        event_id="e1",
        message_id="m1",
        position="events/0/4",
        attempts=2,
        duration_ms=12.5,
        config="abc",
        foreign_code="-1",
        operation_key="k",
        traceparent="00-1",
    )
    kafka.outcome(outcome(at=NOW - timedelta(days=1)))
    kafka.outcome(told)
    progress = await recorded(store, kafka)
    assert progress.outcomes_count == 2
    entries = await Timeline(store).of_subject("H1")
    assert entries[1].outcome == told
    assert entries[1].source == Position("outcomes", 0, 1)
    assert [e.outcome for e in await Timeline(store).of_message("m1")] == [told]
    assert [e.outcome for e in await Timeline(store).of_message("e1")] == [told]


async def test_a_recorder_that_is_killed_anywhere_records_everything_once(store: Store) -> None:
    kafka = FakeKafka(most=7)
    for number in range(400):
        kafka.outcome(outcome(f"H{number % 9}", text=str(number)))
        kafka.event(event(DossierStatus.PROCESSING, number, code=f"H{number % 9}"))
    for kill in range(12):
        kafka.restart()
        task = asyncio.create_task(Recorder(store, kafka).run(asyncio.Event()))
        await asyncio.wait([task], timeout=0.005 * kill)
        task.cancel()
        await asyncio.wait([task])
    kafka.restart()
    await recorded(store, kafka)
    texts = [row[0] for row in await fetch(store, "SELECT text FROM timeline")]
    assert sorted(map(int, texts)) == list(range(400))
    last = await fetch(store, "SELECT max(event_offset), count(*) FROM dossier")
    assert last == [(399, 9)]


async def test_two_recorders_at_once_do_no_harm(store: Store) -> None:
    first, second = FakeKafka(most=5), FakeKafka(most=7)
    for number in range(200):
        for kafka in (first, second):
            kafka.outcome(outcome(text=str(number)))
            kafka.event(event(DossierStatus.PROCESSING, number, code=f"H{number % 5}"))
    await asyncio.gather(recorded(store, first), recorded(store, second))
    assert await fetch(store, "SELECT count(*), count(DISTINCT text) FROM timeline") == [(200, 200)]
    assert await fetch(store, "SELECT max(event_offset) FROM dossier") == [(199,)]


async def test_what_is_no_outcome_is_counted_and_passed_over(store: Store) -> None:
    kafka = FakeKafka()
    good = orjson.loads(records_of([outcome()])[0][1])["rows"][0]
    bad: list[bytes | None] = [
        None,
        b"",
        b"{}",
        b"[1]",
        b'"x"',
        b"\xff",
        b'{"v":1,"rows":[]}',
        b'{"v":2}',
    ]
    wrong = [
        {"attempts": "2"},
        {"attempts": -1},
        {"attempts": 2**40},
        {"attempts": True},
        {"subject": None},
        {"text": 5},
        {"at": "yesterday"},
        {"at": "2026-11-03T00:00:00"},
        {"stage": "nowhere"},
        {"state": "lost"},
        {"duration_ms": "long"},
    ]
    bad += [orjson.dumps({"v": 2, "rows": [good | change]}) for change in wrong]
    for value in bad:
        kafka.put("outcomes", value)
    kafka.outcome(outcome(text="the good one"))
    kafka.put("events", b"{", [("ce_type", b"dossier.received")])
    kafka.put("events", b"{}", [("ce_type", None)])
    kafka.event(event(DossierStatus.RECEIVED))
    progress = await recorded(store, kafka)
    assert progress.skipped_count == len(bad) + 2
    assert await fetch(store, "SELECT text FROM timeline") == [("the good one",)]
    assert await fetch(store, "SELECT subject FROM dossier") == [("H1",)]


@given(st.recursive(st.none() | st.booleans() | st.integers() | st.floats() | st.text(), st.lists))
def test_no_foreign_json_breaks_the_reading_of_outcomes(junk: Any) -> None:
    base = {"stage": "deliver", "state": "dead", "at": "2026-11-03T00:00:00Z"}
    rows = [
        {**base, "name": "r", "subject": "s", name: junk}
        for name in ("stage", "state", "at", "subject", "attempts", "duration_ms")
    ]
    lots = [{"v": 2, "rows": [row]} for row in rows] + [{"v": junk, "rows": []}, {"rows": junk}]
    for lot in lots:
        try:
            value = orjson.dumps(lot)
        except TypeError:
            continue  # not JSON
        try:
            outcomes_of(value)
        except ValueError:
            continue


def test_outcomes_go_many_in_a_record_and_come_back_in_order() -> None:
    """At the edge of a record's count, and cut in two where their texts are long."""
    for count in (1, LOT_COUNT, LOT_COUNT + 1):
        given = [outcome(f"H{number}") for number in range(count)]
        records = records_of(given)
        assert len(records) == -(-count // LOT_COUNT)
        assert [each for _, value, _ in records for each in outcomes_of(value)] == given
    long = [outcome(text="x" * LOT_BYTES) for _ in range(3)]
    assert [len(outcomes_of(value)) for _, value, _ in records_of(long)] == [1, 1, 1]
    assert records_of([]) == []


async def test_odd_texts_are_recorded(store: Store) -> None:
    kafka = FakeKafka()
    for text in ("a\x00b", "x" * 100_000, "'; --", "Đã tiếp nhận"):
        kafka.outcome(outcome(text, text=text, event_id=text, unit=text, message_id=text))
    await recorded(store, kafka)
    assert await fetch(store, "SELECT count(*) FROM timeline") == [(4,)]
    for text in ("a\x00b", "x" * 100_000):
        assert len(await Timeline(store).of_subject(text)) == 1


async def test_with_postgresql_away_it_waits_reads_no_further_and_goes_on(migrated: str) -> None:
    kafka = FakeKafka(most=10)
    for number in range(3000):
        kafka.outcome(outcome(text=str(number)))
    problems: list[str] = []
    async with proxied(migrated) as proxy:
        store = Store.open(proxy.url, pool_size=1)
        await proxy.cut()
        stop = asyncio.Event()
        recorder = Recorder(store, kafka, on_progress=lambda p: problems.append(p.problem))
        task = asyncio.create_task(recorder.run(stop))
        await until(lambda: problems == ["store_away"])
        assert kafka.at == {}
        await proxy.mend()
        await until(lambda: recorder.progress.outcomes_count >= 1000)
        await proxy.cut()
        await until(lambda: recorder.progress.problem == "store_away")
        read = dict(kafka.at)
        await asyncio.sleep(0.1)
        assert kafka.at == read
        await proxy.mend()
        await until(lambda: recorder.progress.outcomes_count == 3000)
        assert recorder.progress.problem == ""
        stop.set()
        await task
        rows = await fetch(store, "SELECT count(*), count(DISTINCT text) FROM timeline")
        assert rows == [(3000, 3000)]
        await store.close()


async def test_kafka_away_is_said_and_waited_for(store: Store) -> None:
    kafka = FakeKafka(failures=1)
    kafka.outcome(outcome())
    problems: list[str] = []
    recorder = Recorder(store, kafka, on_progress=lambda p: problems.append(p.problem))
    stop = asyncio.Event()
    task = asyncio.create_task(recorder.run(stop))
    await until(lambda: recorder.progress.outcomes_count == 1)
    stop.set()
    await task
    assert problems[0] == "kafka_away"
    assert problems[-1] == ""


async def test_a_stop_while_postgresql_is_away_ends_the_recorder(migrated: str) -> None:
    kafka = FakeKafka()
    async with proxied(migrated) as proxy:
        store = Store.open(proxy.url, pool_size=1)
        stop = asyncio.Event()
        recorder = Recorder(store, kafka)
        task = asyncio.create_task(recorder.run(stop))
        kafka.outcome(outcome())
        await until(lambda: recorder.progress.outcomes_count == 1)
        await proxy.cut()
        kafka.outcome(outcome())
        await until(lambda: recorder.progress.problem == "store_away")
        stop.set()
        async with asyncio.timeout(3):
            await task
        await store.close()


async def until(condition: Any) -> None:
    end = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < end, "it did not happen in time"
        await asyncio.sleep(0.01)


async def stands(store: Store, kafka: FakeKafka) -> Standing:
    await recorded(store, kafka)
    found = await Timeline(store).standing("H1")
    assert found is not None
    return found


async def test_a_step_changes_the_status_and_keeps_what_the_whole_dossier_told(
    store: Store,
) -> None:
    kafka = FakeKafka()
    due = NOW + timedelta(days=3)
    kafka.event(event(DossierStatus.RECEIVED, dossier=dossier(received_at=NOW, due_at=due)))
    step = Step(at=NOW + timedelta(hours=5))
    kafka.event(event(DossierStatus.DONE, 9, step=step, status_code="9"))
    found = await stands(store, kafka)
    assert (found.status, found.status_code, found.procedure_code) == ("done", "9", "1.001")
    assert (found.received_at, found.due_at) == (NOW, due)
    assert found.finished_at == NOW + timedelta(hours=5)
    kafka.event(event(DossierStatus.RETURNED, 30))
    assert (await stands(store, kafka)).finished_at == NOW + timedelta(hours=5)


async def test_what_is_doubtful_about_a_dossier_is_kept_with_it(store: Store) -> None:
    kafka = FakeKafka()
    told = dossier(due_at=NOW, doubts=("made_up_owner",))
    kafka.event(event(DossierStatus.RECEIVED, dossier=told))
    assert (await stands(store, kafka)).doubts == "made_up_owner"
    kafka.event(event(DossierStatus.RETURNED, 1))
    assert (await stands(store, kafka)).doubts == "made_up_owner illegal_transition"
    kafka.event(event(DossierStatus.PROCESSING, 2))
    assert (await stands(store, kafka)).doubts == "made_up_owner illegal_transition"


async def test_a_whole_dossier_replaces_what_was_told(store: Store) -> None:
    kafka = FakeKafka()
    kafka.event(event(DossierStatus.RECEIVED, dossier=dossier(received_at=NOW, due_at=NOW)))
    kafka.event(event(DossierStatus.PROCESSING, 1, dossier=dossier()))
    found = await stands(store, kafka)
    assert found.due_at is None
    assert found.received_at == NOW


async def test_a_reopened_dossier_is_not_finished(store: Store) -> None:
    kafka = FakeKafka()
    kafka.event(event(DossierStatus.DONE, dossier=dossier(finished_at=NOW)))
    kafka.event(event(DossierStatus.PROCESSING, 1))
    assert (await stands(store, kafka)).finished_at is None
    kafka.event(event(DossierStatus.DONE, 7))
    assert (await stands(store, kafka)).finished_at == NOW + timedelta(hours=7)


async def test_when_a_dossier_was_withdrawn_is_not_forgotten(store: Store) -> None:
    """Said once more, by the whole dossier, whose own date is that of its reception."""
    kafka = FakeKafka()
    whole = dossier(received_at=NOW)
    kafka.event(event(DossierStatus.RECEIVED, dossier=whole))
    kafka.event(event(DossierStatus.WITHDRAWN, 7))
    kafka.event(event(DossierStatus.WITHDRAWN, dossier=whole))
    assert (await stands(store, kafka)).finished_at == NOW + timedelta(hours=7)
    kafka.event(event(DossierStatus.PROCESSING, 9))
    assert (await stands(store, kafka)).finished_at is None


async def test_a_dossier_that_is_not_accepted_has_no_date_of_receipt(store: Store) -> None:
    kafka = FakeKafka()
    kafka.event(event(DossierStatus.NEW, dossier=dossier(submitted_at=NOW)))
    assert (await stands(store, kafka)).received_at is None
    kafka.event(event(DossierStatus.RECEIVED, 4))
    assert (await stands(store, kafka)).received_at == NOW + timedelta(hours=4)


async def test_times_without_a_zone_are_read_as_vietnamese(store: Store) -> None:
    kafka = FakeKafka()
    naive = datetime(2023, 3, 1, 8, 0)
    kafka.event(event(DossierStatus.RECEIVED, dossier=dossier(received_at=naive)))
    kafka.event(event(DossierStatus.RECEIVED, code="H2", dossier=dossier(received_at=NOW)))
    assert (await stands(store, kafka)).received_at == datetime(2023, 3, 1, 1, 0, tzinfo=UTC)


async def test_standings_only_go_forward(store: Store) -> None:
    kafka = FakeKafka()
    kafka.event(event(DossierStatus.RECEIVED))
    kafka.event(event(DossierStatus.DONE, 2))
    await recorded(store, kafka)
    async with store.pipeline() as pipeline:
        await pipeline.run("DELETE FROM recorder_offset")
    kafka.logs["events", 0].pop()
    kafka.restart()
    again = await stands(store, kafka)
    assert again.status == "done"


async def test_ten_thousand_outcomes_take_seconds(store: Store) -> None:
    """The bound is a tenth of what an idle machine does."""
    kafka = FakeKafka(most=1000)
    for number in range(10_000):
        kafka.outcome(outcome(f"H{number % 2000}", event_id=str(number)))
    started = time.monotonic()
    await recorded(store, kafka)
    assert time.monotonic() - started < 10
    assert await fetch(store, "SELECT count(*) FROM timeline") == [(10_000,)]
