"""Figures of a period: calendar dates in Vietnam, and every dossier in exactly one place."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hub.message import Position
from hub.outcome import Outcome, Stage, State
from hub.schemas.dossier import DossierStatus
from hub.standing import Standing
from hub.store import Store
from hub.store.figures import RouteFigures, Tally, figures, route_figures
from hub.store.recording import DOSSIERS, Recording, dossier_row, record
from hub.store.texts import columns
from hub.worktime import VIETNAM

FIRST, LAST, TODAY = date(2023, 1, 1), date(2023, 8, 31), date(2023, 9, 10)
NOW = datetime(2026, 11, 3, tzinfo=UTC)
UNIT = "000.00.01.H26"


def at(day: date, hour: int = 8, minute: int = 0) -> datetime:
    return datetime(day.year, day.month, day.day, hour, minute, tzinfo=VIETNAM)


def standing(number: int, status: DossierStatus = DossierStatus.DONE, **values: Any) -> Standing:
    given: dict[str, Any] = {
        "subject": f"H{number}",
        "unit": UNIT,
        "status": status.value,
        "event_topic": "events",
        "event_offset": number,
        "received_at": at(date(2023, 3, 6)),
        "event_time": at(date(2023, 3, 6)),
    }
    return Standing(**(given | values))


async def keep(store: Store, *standings: Standing) -> None:
    async with store.pipeline() as pipeline:
        await pipeline.run("DELETE FROM dossier")
        if standings:
            await pipeline.run(DOSSIERS, *columns(dossier_row(s.subject, s) for s in standings))


async def total(store: Store, *standings: Standing) -> Tally:
    await keep(store, *standings)
    return (await figures(store, None, FIRST, LAST, TODAY)).total


DUE = date(2023, 3, 9)


@pytest.mark.parametrize(
    ("due", "finished", "expected"),
    [
        (at(DUE, 17), at(DUE - timedelta(days=1), 23, 59), "early"),
        (at(DUE, 17), at(DUE, 8), "on_time"),  # same date, hours before
        (at(DUE, 8), at(DUE, 17), "on_time"),  # same date, hours after
        (at(DUE, 0, 30), at(DUE - timedelta(days=1), 23, 30), "early"),  # one date in UTC
        (at(DUE, 23, 30), at(DUE + timedelta(days=1), 0, 10), "late"),  # one date in UTC
        (at(DUE, 17), at(DUE + timedelta(days=1), 0, 0), "late"),
        (None, at(DUE), "on_time"),  # no appointment
    ],
)
async def test_solved_dossiers_are_compared_by_vietnamese_calendar_date(
    store: Store, due: datetime | None, finished: datetime, expected: str
) -> None:
    found = await total(store, standing(1, due_at=due, finished_at=finished))
    assert found == replace(Tally(received=1, solved=1), **{expected: 1})


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        (DossierStatus.RECEIVED, Tally(received=1, open=1)),
        (DossierStatus.PROCESSING, Tally(received=1, open=1)),
        (DossierStatus.UNKNOWN, Tally(received=1, open=1)),
        (DossierStatus.SUPPLEMENT, Tally(received=1, paused=1)),
        (DossierStatus.FINANCE, Tally(received=1, paused=1)),
        (DossierStatus.STOPPED, Tally(received=1, paused=1)),
        (DossierStatus.WITHDRAWN, Tally(received=1, withdrawn=1)),
        (DossierStatus.NEW, Tally(not_accepted=1)),
        (DossierStatus.REFUSED, Tally(not_accepted=1)),
        (DossierStatus.DONE, Tally(received=1, solved=1, on_time=1)),
        (DossierStatus.RETURNED, Tally(received=1, solved=1, on_time=1)),
    ],
)
async def test_every_status_has_its_place(
    store: Store, status: DossierStatus, expected: Tally
) -> None:
    assert await total(store, standing(1, status)) == expected


async def test_an_open_dossier_past_its_date_is_overdue(store: Store) -> None:
    waiting = standing(1, DossierStatus.PROCESSING)
    found = await total(
        store,
        replace(waiting, due_at=at(TODAY, 0)),
        replace(waiting, subject="H2", due_at=at(TODAY - timedelta(days=1), 23, 59)),
        replace(waiting, subject="H3"),
    )
    assert (found.open, found.overdue) == (3, 1)


async def test_the_edges_of_the_period_are_vietnamese_days(store: Store) -> None:
    found = await total(
        store,
        standing(1, received_at=at(FIRST, 0, 0), finished_at=at(LAST, 23, 59)),
        standing(2, received_at=at(FIRST - timedelta(days=1), 23, 59), finished_at=at(FIRST, 0)),
        standing(3, received_at=at(LAST, 23, 59), finished_at=at(LAST + timedelta(days=1), 0)),
        standing(4, received_at=at(LAST + timedelta(days=1), 0), finished_at=at(TODAY)),
        standing(5, received_at=at(date(2022, 5, 4)), finished_at=at(date(2022, 12, 31), 23)),
    )
    assert found == Tally(received=2, carried_over=1, solved=2, on_time=2, open=1)


async def test_a_dossier_without_dates_is_dated_by_its_events(store: Store) -> None:
    found = await total(store, standing(1, received_at=None, submitted_at=None))
    assert found == Tally(received=1, solved=1, on_time=1)


async def test_figures_are_per_unit_too(store: Store) -> None:
    await keep(
        store,
        standing(1),
        standing(2, DossierStatus.PROCESSING, unit="B"),
        standing(3, DossierStatus.NEW, unit="C"),
    )
    found = await figures(store, None, FIRST, LAST, TODAY)
    assert found.total == Tally(received=2, solved=1, on_time=1, open=1, not_accepted=1)
    assert found.units["B"] == Tally(received=1, open=1)
    assert found.units["C"] == Tally(not_accepted=1)
    one = await figures(store, "B", FIRST, LAST, TODAY)
    assert one.units == {"B": one.total} == {"B": Tally(received=1, open=1)}
    assert (await figures(store, "nobody", FIRST, LAST, TODAY)).total == Tally()


DAYS = st.dates(date(2022, 12, 25), date(2023, 9, 5)).map(at)
STANDINGS = st.builds(
    standing,
    st.integers(0, 50),
    st.sampled_from(DossierStatus),
    received_at=DAYS | st.none(),
    submitted_at=DAYS | st.none(),
    due_at=DAYS | st.none(),
    finished_at=DAYS | st.none(),
    event_time=DAYS,
)


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.lists(STANDINGS, max_size=12, unique_by=lambda s: s.subject))
async def test_every_dossier_of_a_period_is_counted_in_exactly_one_place(
    store: Store, standings: list[Standing]
) -> None:
    found = await total(store, *standings)
    assert found.received + found.carried_over == (
        found.solved + found.open + found.paused + found.withdrawn
    )
    assert found.solved == found.early + found.on_time + found.late
    assert found.overdue <= found.open


def handled(event_id: str, state: State, attempts: int = 1, **values: Any) -> Outcome:
    given: dict[str, Any] = {"name": "portal", "unit": UNIT, "at": NOW}
    return Outcome(
        stage=Stage.DELIVER,
        state=state,
        subject="H1",
        event_id=event_id,
        attempts=attempts,
        **(given | values),
    )


async def test_a_message_counts_once_per_route_however_often_it_was_handled(store: Store) -> None:
    outcomes = [
        handled("once", State.DELIVERED),
        handled("twice after a crash", State.DELIVERED),
        handled("twice after a crash", State.DELIVERED),
        handled("second call", State.DELIVERED, attempts=2),
        handled("parked and delivered", State.PARKED, attempts=3),
        handled("parked and delivered", State.DELIVERED),
        handled("still parked", State.PARKED),
        handled("dead", State.PARKED),
        handled("dead", State.DEAD),
        handled("passed over", State.SKIPPED),
        handled("elsewhere", State.DELIVERED, name="ministry", unit="B"),
        handled("later", State.DELIVERED, at=NOW + timedelta(days=1), name="ministry"),
    ]
    rows = [(Position("outcomes", 0, n), outcome) for n, outcome in enumerate(outcomes)]
    await record(store, Recording(rows, [], {}))
    portal = RouteFigures(delivered=4, retried=2, parked=3, dead=1)
    assert await route_figures(store) == {
        "ministry": RouteFigures(2, 0, 0, 0),
        "portal": portal,
    }
    assert (await route_figures(store, until=NOW + timedelta(hours=1)))["ministry"].delivered == 1
    assert await route_figures(store, unit=UNIT, until=NOW + timedelta(hours=1)) == {
        "portal": portal
    }
    assert list(await route_figures(store, since=NOW + timedelta(hours=1))) == ["ministry"]
