"""Deadlines: what moves them, what ends them, and how a dossier stands against its own."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from hub.deadline import NO_TABLE, Rules, Verdict, by_date, verdict
from hub.duedate import Counting, Profile
from hub.event import Event
from hub.message import Position
from hub.schemas.dossier import (
    KIND_OF_STATUS,
    Applicant,
    Attachment,
    Dossier,
    DossierEvent,
    DossierStatus,
    Fee,
    Procedure,
    ResultPaper,
)
from hub.schemas.payment import PaymentConfirmed
from hub.standing import Standing, advance
from hub.worktime import VIETNAM, VIETNAM_CALENDAR

S = DossierStatus
RULES = Rules()


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=VIETNAM)


def whole(due: str | None, **values: Any) -> Dossier:
    return Dossier(
        procedure=Procedure(code="1.000"),
        applicant=Applicant(),
        due_at=at(due) if due else None,
        **values,
    )


class Course:
    """A dossier whose events come one after another."""

    def __init__(self, rules: Rules = RULES) -> None:
        self.rules, self.count = rules, 0
        self.standing: Standing | None = None

    def say(self, status: DossierStatus, when: str, dossier: Dossier | None = None) -> Standing:
        data = DossierEvent(code="H1", unit="U", status=status, dossier=dossier)
        return self.take(KIND_OF_STATUS[status], when, data)

    def take(self, kind: str, when: str, data: Any) -> Standing:
        self.count += 1
        position = Position("events", 0, self.count)
        event = Event(kind, "/connectors/toy/U", "H1", at(when), data, "k", position=position)
        self.standing = advance(self.standing, event, self.rules)
        assert self.standing is not None
        return self.standing


def started(rules: Rules = RULES) -> Course:
    course = Course(rules)
    course.say(S.RECEIVED, "2026-01-12 08:00", whole("2026-01-15 08:00"))
    return course


def test_without_a_pause_the_appointment_is_the_deadline() -> None:
    found = started().say(S.PROCESSING, "2026-01-13 08:00")
    assert (found.deadline_at, found.deadline_calendar) == (at("2026-01-15 08:00"), "")


@pytest.mark.parametrize("status", [S.SUPPLEMENT, S.FINANCE])
def test_a_pause_moves_the_deadline_by_its_working_time(status: DossierStatus) -> None:
    course = started()
    paused = course.say(status, "2026-01-13 10:00")
    assert (paused.deadline_at, paused.paused_at) == (
        at("2026-01-15 08:00"),
        at("2026-01-13 10:00"),
    )
    found = course.say(S.PROCESSING, "2026-01-14 10:00")
    assert (found.deadline_at, found.paused_at) == (at("2026-01-16 08:00"), None)
    assert found.deadline_calendar == VIETNAM_CALENDAR.version
    assert found.due_at == at("2026-01-15 08:00")


def test_two_pauses_add_up_and_one_that_goes_over_into_another_is_one() -> None:
    course = started()
    course.say(S.SUPPLEMENT, "2026-01-13 10:00")
    course.say(S.PROCESSING, "2026-01-14 10:00")
    course.say(S.SUPPLEMENT, "2026-01-15 09:00")
    course.say(S.FINANCE, "2026-01-15 15:00")
    assert course.say(S.PROCESSING, "2026-01-16 09:00").deadline_at == at("2026-01-19 08:00")


@pytest.mark.parametrize("when", ["with the request", "while it is paused", "with the answer"])
def test_an_appointment_that_the_keeper_tells_counts_instead(when: str) -> None:
    course, new = started(), whole("2026-01-20 08:00")
    course.say(S.SUPPLEMENT, "2026-01-13 10:00", new if when == "with the request" else None)
    if when == "while it is paused":
        course.say(S.SUPPLEMENT, "2026-01-13 11:00", new)
    found = course.say(S.PROCESSING, "2026-01-14 10:00", new if when == "with the answer" else None)
    assert (found.deadline_at, found.deadline_calendar) == (at("2026-01-20 08:00"), "")


def test_the_old_appointment_told_again_does_not_take_the_pause_back() -> None:
    course = started()
    course.say(S.SUPPLEMENT, "2026-01-13 10:00")
    found = course.say(S.PROCESSING, "2026-01-14 10:00", whole("2026-01-15 08:00"))
    assert found.deadline_at == at("2026-01-16 08:00")
    course.say(S.PROCESSING, "2026-01-14 11:00", whole("2026-01-15 08:00"))
    assert course.standing == replace(found, event_time=at("2026-01-14 11:00"), event_offset=4)


@pytest.mark.parametrize(
    ("asked", "answered"),
    [
        ("2026-01-15 09:00", "2026-01-16 09:00"),  # it was late already
        ("2026-01-13 10:00", "2026-01-13 09:00"),  # a clock that goes backwards
        ("2026-01-17 10:00", "2026-01-18 10:00"),  # no working time in between
    ],
)
def test_these_pauses_move_nothing(asked: str, answered: str) -> None:
    course = started()
    course.say(S.SUPPLEMENT, asked)
    found = course.say(S.PROCESSING, answered)
    assert (found.deadline_at, found.deadline_calendar) == (at("2026-01-15 08:00"), "")


@pytest.mark.parametrize("end", [S.STOPPED, S.WITHDRAWN, S.DONE])
def test_what_ends_the_clock_moves_nothing(end: DossierStatus) -> None:
    course = started()
    course.say(S.SUPPLEMENT, "2026-01-13 10:00")
    course.say(end, "2026-01-14 10:00")
    assert course.say(S.PROCESSING, "2026-01-15 07:00").deadline_at == at("2026-01-15 08:00")


def test_which_statuses_pause_and_who_counts_are_rules_of_the_deployment() -> None:
    product = started(Rules(Counting(VIETNAM_CALENDAR, Profile.PRODUCT_2023)))
    product.say(S.SUPPLEMENT, "2026-01-13 10:00")
    assert product.say(S.PROCESSING, "2026-01-14 10:00").deadline_at == at("2026-01-16 08:00")
    strict = started(Rules(pausing=frozenset({"supplement"})))
    strict.say(S.FINANCE, "2026-01-13 10:00")
    assert strict.say(S.PROCESSING, "2026-01-14 10:00").deadline_at == at("2026-01-15 08:00")


def test_a_year_without_a_table_leaves_the_deadline_and_says_so() -> None:
    course = Course()
    course.say(S.RECEIVED, "2026-12-28 08:00", whole("2026-12-31 16:00"))
    course.say(S.SUPPLEMENT, "2026-12-29 10:00")
    found = course.say(S.PROCESSING, "2027-01-05 10:00")
    assert (found.deadline_at, found.deadline_calendar) == (at("2026-12-31 16:00"), NO_TABLE)


def test_without_an_appointment_there_is_no_deadline() -> None:
    course = Course()
    course.say(S.RECEIVED, "2026-01-12 08:00", whole(None))
    course.say(S.SUPPLEMENT, "2026-01-13 10:00")
    assert course.say(S.PROCESSING, "2026-01-14 10:00").deadline_at is None


def test_folding_the_same_events_again_gives_the_same_standing() -> None:
    def fold() -> Standing | None:
        course = started()
        course.say(S.FINANCE, "2026-01-13 10:00")
        course.say(S.PROCESSING, "2026-01-14 10:00")
        return course.standing

    assert fold() == fold()


def test_what_the_quality_index_counts_is_kept() -> None:
    course = Course()
    paper = Attachment(digitised=True, reuse_code="1")
    told = whole("2026-01-15 08:00", fees=(Fee(amount_vnd=8000),), attachments=(paper,))
    found = course.say(S.RECEIVED, "2026-01-12 08:00", told)
    assert (found.fee_bearing, found.digitised, found.reused) == (True, True, True)
    assert (found.paid_online, found.electronic_result) == (False, False)
    paid = PaymentConfirmed(payment_id="P1")
    assert course.take("payment.confirmed", "2026-01-12 09:00", paid).paid_online
    result = ResultPaper(url="https://kho.example/1")
    gone = Attachment(digitised=True, from_national_store=True, deleted=True)
    found = course.say(
        S.DONE, "2026-01-14 08:00", whole(None, results=(result,), attachments=(gone,))
    )
    assert (found.paid_online, found.electronic_result) == (True, True)
    assert (found.fee_bearing, found.digitised, found.reused) == (False, False, False)


NOW, DUE = at("2026-01-14 10:00"), at("2026-01-15 08:00")


@pytest.mark.parametrize(
    ("status", "finished", "deadline", "expected"),
    [
        (S.DONE, "2026-01-14 23:59", DUE, Verdict.EARLY),
        (S.DONE, "2026-01-15 17:00", DUE, Verdict.ON_TIME),
        (S.RETURNED, "2026-01-16 00:00", DUE, Verdict.LATE),
        (S.DONE, "2026-01-16 00:00", None, Verdict.ON_TIME),
        (S.PROCESSING, None, DUE, Verdict.DUE_SOON),
        (S.RECEIVED, None, NOW + timedelta(hours=24, seconds=1), Verdict.RUNNING),
        (S.RECEIVED, None, NOW + timedelta(hours=24), Verdict.DUE_SOON),
        (S.PROCESSING, None, NOW, Verdict.DUE_SOON),
        (S.PROCESSING, None, NOW - timedelta(seconds=1), Verdict.OVERDUE),
        (S.PROCESSING, None, None, Verdict.RUNNING),
        (S.SUPPLEMENT, None, NOW - timedelta(days=9), Verdict.PAUSED),
        (S.FINANCE, None, DUE, Verdict.PAUSED),
        (S.STOPPED, None, DUE, Verdict.PAUSED),
        (S.NEW, None, None, Verdict.NOT_ACCEPTED),
        (S.REFUSED, None, None, Verdict.NOT_ACCEPTED),
        (S.WITHDRAWN, None, DUE, Verdict.WITHDRAWN),
    ],
)
def test_how_a_dossier_stands(
    status: DossierStatus, finished: str | None, deadline: datetime | None, expected: Verdict
) -> None:
    assert verdict(status, at(finished) if finished else None, deadline, NOW) is expected


def test_closing_time_is_written_as_the_next_opening_and_so_decides_the_date() -> None:
    # 8 hours from Monday 07:00 are due on Tuesday 07:00, not on Monday 17:00.
    due = VIETNAM_CALENDAR.add(at("2026-01-12 07:00"), timedelta(hours=8))
    assert by_date(at("2026-01-12 16:59"), due) is Verdict.EARLY
    assert by_date(at("2026-01-13 16:59"), due) is Verdict.ON_TIME
