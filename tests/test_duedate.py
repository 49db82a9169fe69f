"""Appointments: the published vectors under their product's profile, and the hub's own way."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.duedate import Counting, Profile, Term, TermUnit
from hub.worktime import VIETNAM, VIETNAM_CALENDAR, Calendar, Year, days

# The off days of the published vectors: no swap days.
PLAIN = Calendar(
    "vectors", {2026: Year(days(2026, "01-01 02-16..20 04-27 04-30 05-01 09-01 09-02"))}
)
PRODUCT = Counting(PLAIN, Profile.PRODUCT_2023)
HUB = Counting(PLAIN)
HOURS, DAYS, WORKING = TermUnit.WORKING_HOURS, TermUnit.DAYS, TermUnit.WORKING_DAYS


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=VIETNAM)


VECTORS = [
    ("2026-01-05 08:00", 24, HOURS, "2026-01-08 08:00"),
    ("2026-01-09 16:00", 24, HOURS, "2026-01-14 16:00"),
    ("2026-01-09 17:30", 8, HOURS, "2026-01-13 07:00"),
    ("2026-01-12 06:15", 8, HOURS, "2026-01-13 07:00"),
    ("2026-01-12 12:15", 8, HOURS, "2026-01-13 13:30"),
    ("2026-01-12 10:00", 4, HOURS, "2026-01-12 16:00"),
    ("2026-01-12 15:30", 4, HOURS, "2026-01-13 09:30"),
    ("2026-01-16 15:30", 4, HOURS, "2026-01-19 09:30"),
    ("2026-02-12 09:00", 40, HOURS, "2026-02-26 09:00"),
    ("2026-04-24 09:00", 40, HOURS, "2026-05-06 09:00"),
    ("2026-08-28 14:00", 16, HOURS, "2026-09-03 14:00"),
    ("2026-01-10 10:00", 8, HOURS, "2026-01-12 10:00"),  # the weekend's quirk
    ("2026-02-10 09:00", 7, DAYS, "2026-02-23 09:00"),
]


@pytest.mark.parametrize(("received", "count", "unit", "due"), VECTORS)
def test_the_published_vectors_hold_under_the_product_s_profile(
    received: str, count: float, unit: TermUnit, due: str
) -> None:
    assert PRODUCT.due(at(received), Term(count, unit)) == at(due)


@pytest.mark.parametrize(("received", "count", "unit", "due"), VECTORS)
def test_the_hub_differs_from_the_product_on_weekends_only(
    received: str, count: float, unit: TermUnit, due: str
) -> None:
    expected = "2026-01-13 07:00" if received.startswith("2026-01-10") else due
    assert HUB.due(at(received), Term(count, unit)) == at(expected)


def test_the_swapped_days_of_2026_move_a_product_s_date_too() -> None:
    swapped = Counting(VIETNAM_CALENDAR, Profile.PRODUCT_2023)
    due = swapped.due(at("2026-08-28 14:00"), Term(16, HOURS))
    assert due == at("2026-09-04 14:00")


def test_days_may_have_fractions_to_the_minute() -> None:
    assert HUB.due(at("2026-01-12 10:00"), Term(0.5)) == at("2026-01-12 16:00")
    assert HUB.due(at("2026-01-12 10:00"), Term(1.5, WORKING)) == at("2026-01-13 16:00")


def test_without_a_term_there_is_no_appointment() -> None:
    assert HUB.due(at("2026-01-12 10:00"), None) is None
    assert PRODUCT.due(at("2026-01-12 10:00"), None) is None


def test_the_last_day_of_a_calendar_term_moves_off_days_off() -> None:
    assert HUB.due(at("2026-01-12 10:00"), Term(5, DAYS)) == at("2026-01-19 10:00")
    assert HUB.due(at("2026-01-10 10:00"), Term(1, DAYS)) == at("2026-01-13 07:00")


@pytest.mark.parametrize(
    ("counting", "asked", "answered", "due"),
    [
        # the hub: as much working time as the pause took
        (HUB, "2026-01-12 10:00", "2026-01-14 10:00", "2026-01-16 09:00"),
        (HUB, "2026-01-12 10:00", "2026-01-12 11:00", "2026-01-14 10:00"),
        (HUB, "2026-01-10 10:00", "2026-01-11 10:00", "2026-01-14 09:00"),
        (HUB, "2026-01-12 10:00", "2026-01-12 10:00", "2026-01-14 09:00"),
        # the product: (2 days - 1), then 8 working hours
        (PRODUCT, "2026-01-12 10:00", "2026-01-14 10:00", "2026-01-16 09:00"),
        (PRODUCT, "2026-01-12 10:00", "2026-01-13 10:00", "2026-01-15 09:00"),
        (PRODUCT, "2026-01-12 10:00", "2026-01-12 15:00", "2026-01-15 09:00"),
        (PRODUCT, "2026-01-09 10:00", "2026-01-13 10:00", "2026-01-19 09:00"),
    ],
)
def test_a_pause_moves_the_appointment(
    counting: Counting, asked: str, answered: str, due: str
) -> None:
    assert counting.resumed(at("2026-01-14 09:00"), at(asked), at(answered)) == at(due)


@pytest.mark.parametrize("profile", Profile)
def test_bad_terms_and_instants_are_refused(profile: Profile) -> None:
    counting = Counting(PLAIN, profile)
    with pytest.raises(ValueError, match="negative"):
        counting.due(at("2026-01-12 10:00"), Term(-1))
    with pytest.raises(ValueError, match="zone"):
        counting.due(datetime(2026, 1, 12, 10), Term(1))
    with pytest.raises(LookupError, match="2027"):
        counting.due(at("2026-12-31 10:00"), Term(3))


WORKED = st.datetimes(datetime(2026, 1, 1), datetime(2026, 11, 1), timezones=st.just(VIETNAM)).map(
    lambda moment: PLAIN.next_instant(moment.replace(second=0, microsecond=0))
)


@given(WORKED, st.integers(0, 20 * 8 * 2).map(lambda halves: halves / 2))
def test_within_office_hours_both_profiles_agree(received: datetime, hours: float) -> None:
    term = Term(hours, HOURS)
    assert PRODUCT.due(received, term) == HUB.due(received, term)


@given(WORKED, WORKED, WORKED)
def test_a_pause_never_brings_the_appointment_forward(
    due: datetime, one: datetime, other: datetime
) -> None:
    asked, answered = sorted((one, other))
    for counting in (HUB, PRODUCT):
        try:
            assert counting.resumed(due, asked, answered) >= due
        except LookupError:
            assert due + (answered - asked) + timedelta(days=90) > at("2026-12-31 00:00")
