"""Moments and days as Vietnamese systems write them."""

from __future__ import annotations

from datetime import date, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.wire.clock_texts import VIETNAM, read_day, read_moment, write_day, write_moment

AT = datetime(2026, 1, 5, 15, 4, 0, tzinfo=VIETNAM)


@pytest.mark.parametrize(
    "text",
    [
        "20260105150400",
        "05/01/2026 15:04:00",
        "5/1/2026 15:04",
        "2026/01/05 15:04:00",
        "2026-01-05 15:04",
        "2026-01-05T15:04:00",
        "2026-01-05T15:04:00.123",
        "2026-01-05T15:04:00+07:00",
        " 2026-01-05T15:04:00Z ",
    ],
)
def test_every_known_form_is_read_by_its_digits(text: str) -> None:
    assert read_moment(text) == AT


@pytest.mark.parametrize("text", ["20260105", "05/01/2026", "2026/01/05", "2026-01-05"])
def test_a_day_is_its_first_moment(text: str) -> None:
    assert read_moment(text) == datetime(2026, 1, 5, tzinfo=VIETNAM)
    assert read_day(text) == date(2026, 1, 5)


@pytest.mark.parametrize(
    "text",
    [
        *(None, "", "0", "2026", "31/02/2026", "05-01-2026", "20260105240000", "18991231"),
        *("2026-01-05T25:00", "05/01/26", "٢٠٢٦0105", "20260105" + " " * 40, "hôm nay"),
    ],
)
def test_what_is_no_date_gives_nothing(text: str | None) -> None:
    assert read_moment(text) is None
    assert read_day(text) is None


@given(st.datetimes(datetime(1900, 1, 1), datetime(9999, 12, 31)))
def test_what_is_written_is_read_back(at: datetime) -> None:
    moment = at.replace(microsecond=0, tzinfo=VIETNAM)
    assert read_moment(write_moment(moment)) == moment
    assert read_day(write_day(moment.date())) == moment.date()


@given(st.text())
def test_nothing_makes_it_raise(text: str) -> None:
    read_moment(text)
