"""What a dossier's events say together: illegal transitions, and finishes that nobody did."""

from __future__ import annotations

from datetime import datetime
from itertools import product
from typing import Any

import orjson
import pytest
from msgspec import structs

from hub.connectors.one_stop.decode import decode
from hub.doubting import LEGAL, turn_doubts
from hub.event import Event
from hub.message import Message, Position
from hub.schemas.dossier import (
    KIND_OF_STATUS,
    Applicant,
    Dossier,
    DossierEvent,
    DossierStatus,
    Procedure,
    Step,
)
from hub.standing import Standing, advance
from hub.wire.dvcqg.codes import STATUS_OF_CODE
from hub.worktime import VIETNAM
from tests.connectors.one_stop_door import SETTINGS, STEP, SYNC, UNIT
from tests.connectors.one_stop_door import dossier as wire_dossier
from tests.connectors.one_stop_door import step as wire_step

TABLE = {  # domain notes 3.5
    "1": "2 3 5 6 7",
    "2": "4 5 6 7 8 9",
    "3": "",
    "4": "5 6 7 8 9",
    "5": "2 4 7 8",
    "6": "2 4 7 8",
    "7": "",
    "8": "4 9 10",
    "9": "4 10",
    "10": "4",
}
DUE = "2026-01-20T08:00"


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=VIETNAM)


@pytest.mark.parametrize(("before", "now"), tuple(product(TABLE, repeat=2)))
def test_a_transition_is_doubted_if_the_table_does_not_have_it(before: str, now: str) -> None:
    statuses = STATUS_OF_CODE[before], STATUS_OF_CODE[now]
    legal = before == now or now in TABLE[before].split()
    assert turn_doubts(*statuses, untimed_step=False) == (() if legal else ("illegal_transition",))


@pytest.mark.parametrize("status", DossierStatus)
def test_a_status_that_the_hub_does_not_know_may_follow_and_be_followed(status: str) -> None:
    for turn in ((status, DossierStatus.UNKNOWN), (DossierStatus.UNKNOWN, status)):
        assert turn_doubts(*turn, untimed_step=True) == ()


def test_every_status_has_a_row_but_the_unknown_one() -> None:
    assert set(DossierStatus) - set(LEGAL) == {DossierStatus.UNKNOWN}


class Course:
    """A dossier whose events come one after another."""

    def __init__(self) -> None:
        self.count, self.standing = 0, None

    standing: Standing | None

    def _take(self, code: str, when: str, **told: Any) -> str:
        self.count += 1
        data = DossierEvent(code="H1", unit="U", status=STATUS_OF_CODE[code], **told)
        kind, position = KIND_OF_STATUS[data.status], Position("events", 0, self.count)
        event = Event(kind, "/connectors/toy/U", "H1", at(when), data, "k", position=position)
        self.standing = advance(self.standing, event)
        assert self.standing is not None
        return self.standing.doubts

    def whole(self, code: str, when: str, due: str = "", **told: Any) -> str:
        """The whole dossier is told; every doubt so far."""
        dossier = Dossier(
            procedure=Procedure(code="1.000"),
            applicant=Applicant(),
            due_at=at(due) if due else None,
            **told,
        )
        return self._take(code, when, dossier=dossier)

    def step(self, code: str, when: str) -> str:
        """A step is told; every doubt so far."""
        return self._take(code, when, step=Step(at=at(when)))


def test_a_usual_course_is_not_doubted() -> None:
    course = Course()
    course.whole("2", "2026-01-12T08:00", DUE)
    for day, code in enumerate(("2", "4", "5", "4", "9", "10"), start=12):
        assert course.step(code, f"2026-01-{day}T09:00") == ""


def test_a_doubt_stays_with_the_dossier_and_is_said_once() -> None:
    course = Course()
    course.whole("2", "2026-01-12T08:00", DUE)
    assert course.step("10", "2026-01-13T08:00") == "illegal_transition"
    assert course.step("3", "2026-01-14T08:00") == "illegal_transition"
    assert course.whole("3", "2026-01-15T08:00", DUE) == "illegal_transition"


def test_the_first_that_is_heard_of_a_dossier_is_no_transition() -> None:
    assert Course().step("9", "2026-01-12T08:00") == ""


def test_steps_that_are_told_after_the_whole_dossier_are_its_history() -> None:
    course = Course()
    course.whole("9", "2026-01-15T08:00", DUE)
    for day, code in ((12, "2"), (13, "4"), (15, "9")):
        assert course.step(code, f"2026-01-{day}T08:00") == ""
    assert course.step("2", "2026-01-16T08:00") == "illegal_transition"


@pytest.mark.parametrize(
    ("code", "rows"), [("4", "2 4 5 4"), ("8", "2 4 8"), ("7", "2 4 7"), ("5", "2 4 5")]
)
def test_rows_begin_with_the_reception_however_far_the_dossier_is(code: str, rows: str) -> None:
    """The order in which products send; the status of the whole dossier has no date of its own."""
    course = Course()
    course.whole(code, "2026-01-12T08:00", DUE, received_at=at("2026-01-12T08:00"))
    for minute, row in enumerate(rows.split()):
        assert course.step(row, f"2026-01-12T08:0{minute}") == ""


def test_a_dossier_that_is_received_once_more_is_doubted() -> None:
    course = Course()
    course.whole("2", "2026-01-12T08:00", DUE, received_at=at("2026-01-12T08:00"))
    course.step("4", "2026-01-12T09:00")
    assert course.step("2", "2026-01-12T10:00") == "illegal_transition"


@pytest.mark.parametrize(
    ("code", "due", "rows", "doubts"),
    [
        ("4", "", "2 9", "made_up_finish"),
        ("2", "", "2 9", "made_up_finish"),
        ("4", "", "2 4 9", ""),
        ("4", "20260115080000", "2 9", ""),
    ],
)
def test_a_made_up_finish_is_seen_in_what_a_product_sends(
    code: str, due: str, rows: str, doubts: str
) -> None:
    """The whole dossier first, then its rows, of which the product makes up the last."""
    begins = {"NgayTiepNhan": "20260112080000", "NgayHenTra": due, "TrangThaiHoSo": code}
    sent = [(SYNC, wire_dossier(**begins))]
    for hour, row in enumerate(rows.split(), start=8):
        sent.append((STEP, wire_step(TrangThai=row, ThoiDiemXuLy=f"20260112{hour:02}0000")))
    standing: Standing | None = None
    for offset, (operation, item) in enumerate(sent):
        body, headers = orjson.dumps(item), {"unit": UNIT}
        message = Message(connector="one_stop", operation=operation, body=body, headers=headers)
        (event,) = decode(message, SETTINGS)
        assert isinstance(event, Event)
        standing = advance(standing, structs.replace(event, position=Position("events", 0, offset)))
    assert standing is not None
    assert standing.doubts == doubts


def test_what_an_event_doubts_by_itself_is_kept_beside_it() -> None:
    course = Course()
    assert course.whole("7", "2026-01-12T08:00", DUE, doubts=("made_up_owner",)) == "made_up_owner"
    assert course.whole("4", "2026-01-13T08:00", DUE, doubts=("random_code", "made_up_owner")) == (
        "made_up_owner random_code illegal_transition"
    )


@pytest.mark.parametrize(
    ("before", "due", "doubts"),
    [
        ("2", "", "made_up_finish"),
        ("1", "", "illegal_transition made_up_finish"),
        ("4", "", ""),
        ("8", "", ""),
        ("2", DUE, ""),
    ],
)
def test_a_step_of_status_9_that_nobody_did_is_told(before: str, due: str, doubts: str) -> None:
    course = Course()
    course.whole(before, "2026-01-12T08:00", due)
    assert course.step("9", "2026-01-12T08:00") == doubts


def test_a_course_without_an_appointment_is_not_doubted_if_somebody_handled_it() -> None:
    course = Course()
    course.whole("2", "2026-01-12T08:00")
    assert [course.step(code, "2026-01-12T09:00") for code in ("4", "9", "10")] == [""] * 3


def test_a_finish_that_the_whole_dossier_tells_is_not_taken_for_made_up() -> None:
    course = Course()
    course.whole("2", "2026-01-12T08:00")
    assert course.whole("9", "2026-01-12T10:00") == ""


def test_whether_there_is_an_appointment_is_not_guessed_from_steps_alone() -> None:
    course = Course()
    course.step("2", "2026-01-12T08:00")
    assert course.step("9", "2026-01-12T10:00") == ""
