"""Terms in working hours: the published vectors, the edges, and what must hold for every term."""

from __future__ import annotations

import hashlib
import json
from datetime import UTC, date, datetime, time, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.worktime import (
    OFFICE_HOURS,
    VIETNAM,
    VIETNAM_CALENDAR,
    WORKING_DAY,
    Calendar,
    Session,
    Year,
    days,
)

# The off days of the published vectors: no swap days.
PLAIN = Calendar(
    "vectors", {2026: Year(days(2026, "01-01 02-16..20 04-27 04-30 05-01 09-01 09-02"))}
)


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=VIETNAM)


@pytest.mark.parametrize(
    ("received", "hours", "due"),
    [
        ("2026-01-05 08:00", 24, "2026-01-08 08:00"),
        ("2026-01-09 16:00", 24, "2026-01-14 16:00"),
        ("2026-01-09 17:30", 8, "2026-01-13 07:00"),
        ("2026-01-12 06:15", 8, "2026-01-13 07:00"),
        ("2026-01-12 12:15", 8, "2026-01-13 13:30"),
        ("2026-01-12 10:00", 4, "2026-01-12 16:00"),
        ("2026-01-12 15:30", 4, "2026-01-13 09:30"),
        ("2026-01-16 15:30", 4, "2026-01-19 09:30"),
        ("2026-02-12 09:00", 40, "2026-02-26 09:00"),
        ("2026-04-24 09:00", 40, "2026-05-06 09:00"),
        ("2026-08-28 14:00", 16, "2026-09-03 14:00"),
    ],
)
def test_the_published_vectors_hold(received: str, hours: int, due: str) -> None:
    assert PLAIN.add(at(received), timedelta(hours=hours)) == at(due)


def test_swapped_days_move_the_due_date() -> None:
    due = VIETNAM_CALENDAR.add(at("2026-08-28 14:00"), timedelta(hours=16))
    assert due == at("2026-09-04 14:00")


def test_a_weekend_receipt_counts_from_the_next_opening() -> None:
    # The one product's quirk says Monday 10:00; the hub rolls first.
    assert PLAIN.add(at("2026-01-10 10:00"), WORKING_DAY) == at("2026-01-13 07:00")


def test_a_make_up_saturday_is_worked() -> None:
    saturday = at("2026-08-22 09:00")
    assert VIETNAM_CALENDAR.next_instant(saturday) == saturday
    assert VIETNAM_CALENDAR.add(saturday, WORKING_DAY) == at("2026-08-24 09:00")


def test_closing_time_is_written_as_the_next_opening() -> None:
    assert PLAIN.add(at("2026-01-12 07:00"), WORKING_DAY) == at("2026-01-13 07:00")
    assert PLAIN.add(at("2026-01-12 07:00"), timedelta(hours=4, minutes=30)) == at(
        "2026-01-12 13:30"
    )
    assert PLAIN.next_instant(at("2026-01-12 17:00")) == at("2026-01-13 07:00")
    assert PLAIN.next_instant(at("2026-01-12 16:59:59")) == at("2026-01-12 16:59:59")
    assert PLAIN.add(at("2026-01-16 16:00"), timedelta(hours=1)) == at("2026-01-19 07:00")


@pytest.mark.parametrize(
    ("received", "due"),
    [
        ("2023-01-19 10:00", "2023-01-27 10:00"),  # Tết 20–26/01
        ("2023-04-28 10:00", "2023-05-04 10:00"),  # 30/04 and Hùng Kings' day given back
        ("2023-08-31 10:00", "2023-09-05 10:00"),  # 02/09 given back
    ],
)
def test_the_holidays_of_2023_are_skipped(received: str, due: str) -> None:
    assert VIETNAM_CALENDAR.add(at(received), WORKING_DAY) == at(due)


def test_an_instant_of_another_zone_is_read_in_vietnam() -> None:
    received = datetime(2026, 1, 5, 1, 0, tzinfo=UTC)
    assert PLAIN.add(received, timedelta(hours=1)) == at("2026-01-05 09:00")
    assert PLAIN.add(received, timedelta(hours=1)).utcoffset() == timedelta(hours=7)


def test_an_instant_without_zone_is_refused() -> None:
    with pytest.raises(ValueError, match="zone"):
        PLAIN.next_instant(datetime(2026, 1, 5, 8))


def test_a_negative_term_is_refused() -> None:
    with pytest.raises(ValueError, match="negative"):
        PLAIN.add(at("2026-01-05 08:00"), timedelta(seconds=-1))


def test_a_year_without_a_table_is_not_guessed() -> None:
    with pytest.raises(LookupError, match=r"2027: enter it in hub\.yaml under calendars\.years"):
        PLAIN.add(at("2026-12-31 16:00"), WORKING_DAY)


def test_a_calendar_is_known_up_to_the_first_gap() -> None:
    calendar = Calendar("gap", dict.fromkeys((2024, 2025, 2027), Year(frozenset())))
    assert calendar.known_until(date(2024, 2, 29)) == date(2025, 12, 31)
    assert calendar.known_until(date(2027, 1, 1)) == date(2027, 12, 31)
    assert calendar.known_until(date(2026, 1, 1)) == date(2025, 12, 31)


def test_other_office_hours_are_data() -> None:
    through = Calendar("through", PLAIN.years, (Session(time(8), time(16)),))
    assert through.add(at("2026-01-05 12:00"), timedelta(hours=6)) == at("2026-01-06 10:00")


def test_every_table_gives_five_days_of_tet_and_its_swaps_in_pairs() -> None:
    for number, year in VIETNAM_CALENDAR.years.items():
        assert all(day.year == number for day in year.off | year.worked)
        assert all(day.weekday() >= 5 for day in year.worked)
        workdays_off = [day for day in year.off if day.weekday() < 5]
        assert len(workdays_off) == 11 + len(year.worked)  # the Labour Code's eleven days


instants = st.datetimes(
    datetime(2026, 1, 1), datetime(2026, 11, 1), timezones=st.just(VIETNAM)
).map(lambda moment: moment.replace(second=0, microsecond=0))
terms = st.integers(0, 60 * 8 * 20).map(lambda minutes: timedelta(minutes=minutes))


def counted_by_minutes(calendar: Calendar, start: datetime, minutes: int) -> datetime:
    """The slow way: walk the clock and count the open minutes."""

    def is_open(moment: datetime) -> bool:
        return calendar.is_working_day(moment.date()) and any(
            session.opens <= moment.time() < session.closes for session in OFFICE_HOURS
        )

    moment = start
    while minutes or not is_open(moment):
        minutes -= is_open(moment)
        moment += timedelta(minutes=1)
    return moment


@given(instants, st.integers(0, 60 * 8 * 3))
def test_adding_agrees_with_counting_open_minutes(start: datetime, minutes: int) -> None:
    due = VIETNAM_CALENDAR.add(start, timedelta(minutes=minutes))
    assert due == counted_by_minutes(VIETNAM_CALENDAR, start, minutes)


@given(instants, terms, terms)
def test_a_term_may_be_added_in_parts(start: datetime, first: timedelta, rest: timedelta) -> None:
    in_parts = VIETNAM_CALENDAR.add(VIETNAM_CALENDAR.add(start, first), rest)
    assert in_parts == VIETNAM_CALENDAR.add(start, first + rest)


@given(instants, instants, terms)
def test_who_comes_first_is_due_first(one: datetime, other: datetime, term: timedelta) -> None:
    early, late = sorted((one, other))
    assert VIETNAM_CALENDAR.add(early, term) <= VIETNAM_CALENDAR.add(late, term)


@given(instants, st.integers(1, 20))
def test_whole_days_keep_the_clock_time(start: datetime, count: int) -> None:
    rolled = VIETNAM_CALENDAR.next_instant(start)
    due = VIETNAM_CALENDAR.add(start, count * WORKING_DAY)
    assert due.time() == rolled.time()
    between = [
        rolled.date() + timedelta(days=step) for step in range((due.date() - rolled.date()).days)
    ]
    assert sum(map(VIETNAM_CALENDAR.is_working_day, between)) == count


@given(instants, st.integers(0, 60 * 8 * 3))
def test_the_time_between_receipt_and_due_date_is_the_term(start: datetime, minutes: int) -> None:
    term = timedelta(minutes=minutes)
    assert VIETNAM_CALENDAR.between(start, VIETNAM_CALENDAR.add(start, term)) == term


@given(instants, instants)
def test_working_time_is_counted_forward_only_and_in_open_minutes(
    one: datetime, other: datetime
) -> None:
    start, end = sorted((one, other))
    assert VIETNAM_CALENDAR.between(end, start) == timedelta(0)
    end = min(end, start + timedelta(days=4))
    minutes = VIETNAM_CALENDAR.between(start, end) // timedelta(minutes=1)
    assert VIETNAM_CALENDAR.add(start, timedelta(minutes=minutes)) == (
        VIETNAM_CALENDAR.next_instant(end)
    )


PUBLISHED = {"vn-2026.1": "c747b5f781e2d581"}
"""Version -> what its tables say, as a hash. A change of a table needs a new version: add it."""


def test_a_changed_table_has_a_new_version() -> None:
    table = {
        number: (sorted(map(str, year.off)), sorted(map(str, year.worked)))
        for number, year in VIETNAM_CALENDAR.years.items()
    }
    found = hashlib.sha256(json.dumps(table).encode()).hexdigest()[:16]
    assert PUBLISHED[VIETNAM_CALENDAR.version] == found
