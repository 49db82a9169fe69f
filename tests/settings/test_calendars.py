"""Calendars and deadlines in hub.yaml: what they change, and what is refused."""

from __future__ import annotations

import json
import os
from datetime import date, datetime, time
from pathlib import Path

import pytest
import yaml
from typer.testing import CliRunner

from hub.__main__ import commands
from hub.connectors.petitions.settings import PetitionSettings
from hub.duedate import Profile, Term
from hub.settings import load_settings
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


def test_a_connector_that_counts_working_days_counts_by_the_deployment_s_calendar(
    tmp_path: Path,
) -> None:
    account = {"role": "source", "token": "${env:T}"}
    own = {"base_url": "http://desk", "token": "${env:T}", "accounts": {"a": account}}
    document = yaml.safe_load(MINIMAL) | {
        "connectors": {"petitions": own},
        "calendars": {"version": "a", "hours": ["07:30-11:30"]},
    }
    file = tmp_path / "hub.yaml"
    file.write_text(yaml.safe_dump(document), encoding="utf-8")
    settings = load_settings(file, {"PG": "postgresql://db.example/hub", "T": "t"})
    petitions = settings.connectors["petitions"]
    assert isinstance(petitions, PetitionSettings)
    assert petitions.calendar == settings.calendars.calendar()


OWN = "calendars: {version: a, years: {2030: {days_off: ''}, 2031: {days_off: ''}}}\n"


@pytest.mark.parametrize(
    ("today", "told"),
    [
        (date(2030, 1, 1), ""),
        (date(2031, 10, 1), ""),
        (date(2031, 10, 2), "31/12/2031; enter 2032"),
        (date(2031, 12, 31), "31/12/2031; enter 2032"),
        (date(2032, 1, 1), "31/12/2031; enter 2032"),
    ],
)
def test_a_calendar_that_ends_within_90_days_is_told_with_the_year_to_enter(
    load: Load, today: date, told: str
) -> None:
    text = load(MINIMAL + OWN).calendars.ending(today)
    assert told in text
    assert bool(text) is bool(told)
    assert not told or "calendars.years" in text


@pytest.mark.parametrize("years_count", [0, 2])
def test_hub_check_tells_it_beside_the_findings(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, years_count: int
) -> None:
    """What the hub's own tables lead to is due to the day; with two years from now on: nothing."""
    today = datetime.now(VIETNAM).date()
    years = {str(today.year + number): {"days_off": ""} for number in range(years_count)}
    document = yaml.safe_load(MINIMAL.partition("connectors:")[0])
    document["calendars"] = {"version": "a", "years": years}
    file = tmp_path / "hub.yaml"
    file.write_text(yaml.safe_dump(document), encoding="utf-8")
    monkeypatch.setenv("PG", "postgresql://localhost/hub")
    ending = load_settings(file, os.environ).calendars.ending(today)
    assert not (ending and years)
    app = commands(["check", "graph"])
    for words in ((), ("--json",)):
        found = CliRunner().invoke(app, ["check", *words, str(file)])
        assert (found.exit_code, found.stderr.strip()) == (0, ending and f"{file}: {ending}")
        assert not words or json.loads(found.stdout) == []


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
