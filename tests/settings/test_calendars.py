"""Calendars and deadlines in hub.yaml: what they change, and what is refused."""

from __future__ import annotations

from datetime import date, datetime, time

import pytest

from hub.duedate import Profile, Term
from hub.worktime import OFFICE_HOURS, VIETNAM, VIETNAM_CALENDAR
from tests.settings.conftest import MINIMAL, Findings, Load


def test_without_a_word_the_hub_s_own_tables_and_rules_hold(load: Load) -> None:
    rules = load(MINIMAL).deadline_rules()
    assert rules.counting.calendar is VIETNAM_CALENDAR
    assert rules.counting.profile is Profile.HUB
    assert rules.pausing == {"supplement", "finance"}


def test_a_year_is_added_or_replaced_and_the_version_says_so(load: Load) -> None:
    text = """
calendars:
  version: h22-1
  years:
    2026: {days_off: 01-01..02}
    2027:
      days_off: 01-01 02-05..12
      days_worked: 01-09 01-16
"""
    calendar = load(MINIMAL + text).deadline_rules().counting.calendar
    assert calendar.version == f"{VIETNAM_CALENDAR.version}/h22-1"
    assert calendar.is_working_day(date(2027, 1, 9))
    assert not calendar.is_working_day(date(2027, 2, 12))
    assert calendar.is_working_day(date(2026, 2, 16))  # the own table of 2026 has no Tết
    assert calendar.years[2023] == VIETNAM_CALENDAR.years[2023]
    assert calendar.hours == OFFICE_HOURS


def test_office_hours_profile_and_pauses_are_settings(load: Load) -> None:
    text = """
calendars: {version: a, hours: [07:30-11:30, 13:00-17:00]}
sla: {profile: product_2023, pauses: [supplement]}
"""
    rules = load(MINIMAL + text).deadline_rules()
    assert rules.counting.calendar.hours[0].opens == time(7, 30)
    assert rules.pausing == {"supplement"}
    due = rules.counting.due(datetime(2026, 1, 12, 6, tzinfo=VIETNAM), Term(1))
    assert due == datetime(2026, 1, 13, 7, 30, tzinfo=VIETNAM)


@pytest.mark.parametrize(
    ("text", "path", "what"),
    [
        ("calendars: {years: {2027: {days_off: 01-01}}}", "calendars", "need a version"),
        ("calendars: {hours: [07:00-17:00]}", "calendars", "need a version"),
        ("calendars: {version: a, years: {27: {days_off: ''}}}", "calendars.years.27", "form"),
        (
            "calendars: {version: a, years: {2027: {days_off: 1/1}}}",
            "calendars.years.2027.days_off",
            "pattern",
        ),
        ("calendars: {version: a, years: {2027: {days_off: 02-30}}}", "calendars", "day"),
        ("calendars: {version: a, hours: [7-11]}", "calendars.hours.0", "pattern"),
        ("calendars: {version: a, hours: [13:00-17:00, 07:00-11:30]}", "calendars", "in order"),
        ("calendars: {version: a, hours: [11:30-07:00]}", "calendars", "in order"),
        ("sla: {profile: mine}", "sla.profile", "product_2023"),
        ("sla: {pauses: [stopped]}", "sla.pauses.0", "supplement"),
        ("sla: {interval_seconds: 0}", "sla.interval_seconds", "1"),
    ],
)
def test_what_cannot_be_a_calendar_is_found(
    text: str, path: str, what: str, findings: Findings
) -> None:
    [finding] = findings(MINIMAL + text)
    assert finding.path == path
    assert what in finding.what
