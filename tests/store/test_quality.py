"""Figures of the quality index: PostgreSQL and a recount of the same events come to the same."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hub.event import Event, EventData
from hub.message import Position
from hub.outcome import Outcome, Stage, State
from hub.quality import Period, Quality, Tally, month_period, rates
from hub.recount import Recount, differences
from hub.schemas.dossier import (
    KIND_OF_STATUS,
    Applicant,
    Attachment,
    Channel,
    Dossier,
    DossierEvent,
    DossierStatus,
    Fee,
    Procedure,
    ResultPaper,
    Step,
)
from hub.schemas.payment import PaymentConfirmed
from hub.schemas.petition import Assignment, PetitionEvent, Satisfaction, SurveyVoted
from hub.store import Store
from hub.store.quality import UnitQuality, quality
from hub.store.recording import Recording, record
from hub.worktime import VIETNAM

MAY = month_period("2023-05", date(2023, 9, 1))
S = DossierStatus


def at(day: int, month: int = 5, hour: int = 9) -> datetime:
    return datetime(2023, month, 1, hour, tzinfo=VIETNAM) + timedelta(days=day - 1)


class Log:
    """The topic `events`, one partition."""

    def __init__(self) -> None:
        self.events: list[Event] = []

    def say(self, kind: str, subject: str, when: datetime, data: EventData) -> None:
        position = Position("events", 0, len(self.events))
        self.events.append(
            Event(kind, "/connectors/toy/U", subject, when, data, "k", "id", position=position)
        )

    def dossier(
        self, code: str, status: DossierStatus, when: datetime, unit: str = "U", **whole: Any
    ) -> None:
        basis: dict[str, Any] = {"procedure": Procedure(code="1.000"), "applicant": Applicant()}
        step = whole.pop("step", None)
        dossier = Dossier(**(basis | whole)) if whole else None
        data = DossierEvent(code=code, unit=unit, status=status, dossier=dossier, step=step)
        self.say(KIND_OF_STATUS[status], code, when, data)

    def petition(self, number: str, verb: str, when: datetime, **values: Any) -> None:
        data = PetitionEvent(petition_id=number, channel="dvcqg", unit="U", **values)
        self.say(f"petition.{verb}", f"PAKN-{number}", when, data)

    def vote(self, number: int, answer: Satisfaction, unit: str = "U", **values: Any) -> None:
        data = SurveyVoted(vote_id=str(number), unit=unit, vote=answer, **values)
        self.say("survey.voted", unit, at(3), data)


async def check(store: Store, log: Log, period: Period = MAY) -> dict[str | None, Quality]:
    """Record and recount; both must agree for every unit and for all. The quality by unit."""
    half = len(log.events) // 2
    for part in (log.events[:half], log.events[half:], log.events):  # the last: all again
        await record(store, Recording([], part, {}))
    recount = Recount()
    for event in log.events:
        recount.take(event)
    found = await quality(store, None, period)
    by_unit: dict[str | None, UnitQuality] = {None: found.total}
    by_unit.update(found.units)
    for unit, each in by_unit.items():
        assert differences((each.tally, each.quality), recount.figures(unit, period)) == {}
        if unit is not None:
            alone = await quality(store, unit, period)
            assert (alone.total.tally, alone.total.quality) == (each.tally, each.quality)
    return {unit: each.quality for unit, each in by_unit.items()}


async def test_a_month_of_a_unit(store: Store) -> None:
    log = Log()
    paper = Attachment(digitised=True, reuse_code="1")
    online: dict[str, Any] = {"channel": Channel.ONLINE, "received_at": at(2), "due_at": at(5)}
    log.dossier("H1", S.RECEIVED, at(2), **online, fees=(Fee(amount_vnd=8000),))
    log.say("payment.confirmed", "H1", at(3), PaymentConfirmed(payment_id="P1"))
    log.dossier("H1", S.DONE, at(4), **online, results=(ResultPaper(url="https://kho.vn/1"),))
    log.dossier("H2", S.RECEIVED, at(2), attachments=(paper,), due_at=at(5), fees=(Fee(),))
    log.dossier("H2", S.DONE, at(6))
    log.dossier("H3", S.RECEIVED, at(20, 4), due_at=at(3), channel=Channel.POST)
    log.dossier("H3", S.WITHDRAWN, at(3))
    log.dossier("H4", S.NEW, at(9), channel=Channel.ONLINE)
    log.dossier("H5", S.RECEIVED, at(9), "V", procedure=Procedure(code="2.000"))
    found = await check(store, log)
    assert found["U"] == Quality(
        withdrawn_in_time=1,
        online=1,
        procedures=1,
        procedures_online=1,
        fee_bearing=1,  # the last whole dossier of H1 tells no fee any more
        digitised=1,
        reused=1,
        electronic_results=1,
    )
    assert found["V"] == Quality(procedures=1)
    assert found[None].procedures == 2


async def test_a_dossier_of_which_only_steps_were_heard_has_no_procedure(store: Store) -> None:
    log = Log()
    log.dossier("H1", S.RECEIVED, at(2), channel=Channel.ONLINE)
    log.dossier("H2", S.RECEIVED, at(2))
    found = await check(store, log)
    assert (found["U"].procedures, found["U"].procedures_online) == (1, 1)


async def test_a_withdrawal_belongs_to_its_month_however_often_it_is_told(store: Store) -> None:
    """Withdrawn in the last and the first minute of a month in Vietnam, and told whole again."""
    log = Log()
    for code, minute in (("H1", -1), ("H2", 0)):
        whole = {"received_at": at(20, 4), "due_at": at(1) + timedelta(minutes=minute)}
        ended = datetime(2023, 5, 1, tzinfo=VIETNAM) + timedelta(minutes=minute)
        log.dossier(code, S.RECEIVED, at(20, 4), **whole)
        log.dossier(code, S.WITHDRAWN, ended)
        log.dossier(code, S.WITHDRAWN, at(20, 4), **whole)
    assert (await check(store, log))["U"].withdrawn_in_time == 1
    may, april = [
        (await quality(store, "U", month_period(month, date(2023, 9, 1)))).total.tally
        for month in ("2023-05", "2023-04")
    ]
    assert (may.withdrawn, may.carried_over, may.received) == (1, 1, 0)
    assert (april.withdrawn, april.open, april.received) == (1, 1, 2)


def step(when: datetime) -> dict[str, Any]:
    return {"step": Step(at=when)}


async def test_a_step_says_when_a_dossier_was_withdrawn_that_told_no_date(store: Store) -> None:
    received, withdrawn = at(20, 4), at(31, hour=23)
    dates = {"received_at": received, "due_at": withdrawn}
    log = Log()
    log.dossier("H1", S.WITHDRAWN, received, **dates)
    log.dossier("H1", S.WITHDRAWN, withdrawn, **step(withdrawn))
    log.dossier("H1", S.WITHDRAWN, received, **dates)
    assert (await check(store, log))["U"].withdrawn_in_time == 1
    found = (await quality(store, None, MAY)).total.tally
    assert found == Tally(carried_over=1, withdrawn=1)


async def test_a_step_says_when_a_dossier_was_done_that_told_no_date(store: Store) -> None:
    """The event of such a whole dossier is as old as its receipt: it would be early."""
    received, done = at(5), at(9, hour=16)
    dates = {"received_at": received, "due_at": at(8)}
    log = Log()
    for code, finished in (("untold", None), ("told", at(7))):
        log.dossier(code, S.RECEIVED, received, **dates)
        log.dossier(code, S.DONE, finished or received, **dates, finished_at=finished)
        log.dossier(code, S.DONE, done, **step(done))
        log.dossier(code, S.RETURNED, received, **dates)
        log.dossier(code, S.RETURNED, at(12), **step(at(12)))
    log.dossier("at once", S.DONE, received, **dates, finished_at=received)
    log.dossier("at once", S.RETURNED, at(12), **step(at(12)))  # fetched days later
    await check(store, log)
    found = (await quality(store, None, MAY)).total.tally
    assert found == Tally(received=3, solved=3, early=2, late=1)


async def test_the_edges_of_a_month_and_of_an_appointment(store: Store) -> None:
    """Counted by hand: the minute of the appointment, midnights in Vietnam, pauses, refusals."""
    due, midnight = at(10, hour=17), at(1, 6, hour=0)
    last_minute = midnight - timedelta(minutes=1)
    log = Log()
    for code, finished in {
        "at the minute": due,
        "a minute late, the same day": due + timedelta(minutes=1),
        "next midnight": at(11, hour=0),
        "the day before": at(9, hour=23),
    }.items():
        log.dossier(code, S.RECEIVED, at(2), received_at=at(2), due_at=due)
        log.dossier(code, S.DONE, finished, **step(finished))
    log.dossier("June by its receipt", S.RECEIVED, midnight, received_at=midnight)
    log.dossier("May by its receipt", S.RECEIVED, last_minute, received_at=last_minute)
    log.dossier("May by its receipt", S.DONE, midnight, **step(midnight))
    log.dossier("paused over the border", S.RECEIVED, at(30), received_at=at(30), due_at=due)
    log.dossier("paused over the border", S.SUPPLEMENT, at(31), **step(at(31)))
    log.dossier("April, refused", S.NEW, at(30, 4, 23), submitted_at=at(30, 4, 23))
    log.dossier("April, refused", S.REFUSED, at(2), submitted_at=at(30, 4, 23))
    log.dossier("UTC says April", S.NEW, at(1, hour=1), submitted_at=at(1, hour=1))
    await check(store, log)
    found = (await quality(store, None, MAY)).total.tally
    assert found == Tally(
        received=6, solved=4, early=1, on_time=2, late=1, open=1, paused=1, not_accepted=1
    )


async def test_votes_count_once_in_their_month(store: Store) -> None:
    log = Log()
    for number, answer in enumerate((*Satisfaction, Satisfaction.SATISFIED)):
        log.vote(number, answer, voted_at=at(31, hour=23))
    log.vote(0, Satisfaction.NOT_SATISFIED, voted_at=at(1))  # said a second time
    log.vote(9, Satisfaction.SATISFIED, "V", month="2023-05", voted_at=at(1, 7))
    log.vote(10, Satisfaction.SATISFIED, "V", month="2023-04")
    log.vote(11, Satisfaction.SATISFIED, "V", voted_at=datetime(2023, 4, 30, 17, tzinfo=UTC))
    found = await check(store, log)
    assert found["U"] == Quality(very_satisfied=1, satisfied=2, not_satisfied=1, other_votes=1)
    assert found["V"] == Quality(satisfied=2)


async def test_petitions_are_owed_by_whom_they_were_given_to(store: Store) -> None:
    log = Log()
    for number in "1234567":
        log.petition(number, "received", at(4), answer_due_at=at(10))
    log.petition("1", "answered", at(10, hour=23))  # the date decides
    log.petition("2", "answered", at(11))
    log.petition("3", "redirected", at(5))
    log.petition("4", "rejected", at(5))
    log.petition("5", "transferred", at(5), assignment=Assignment(unit="V"))
    log.petition("5", "answered", at(6))
    log.petition("5", "answered", at(20))  # the first answer counts
    log.petition("8", "received", at(4, 6))
    found = await check(store, log)
    assert found["U"] == Quality(pakn=4, pakn_in_time=1)
    assert found["V"] == Quality(pakn=1, pakn_in_time=1)


async def test_a_route_is_complete_for_a_dossier_whose_every_message_was_delivered(
    store: Store,
) -> None:
    log = Log()
    for code in ("H1", "H2", "H3"):
        log.dossier(code, S.RECEIVED, at(2))
    log.dossier("H4", S.RECEIVED, at(2, 6))
    rows = [
        ("H1", "a", State.PARKED),
        ("H1", "a", State.DELIVERED),
        ("H1", "b", State.DELIVERED),
        ("H2", "c", State.DELIVERED),
        ("H2", "d", State.DEAD),
        ("H4", "e", State.DELIVERED),
    ]
    outcomes = [
        (
            Position("outcomes", 0, number),
            Outcome(Stage.DELIVER, "portal", state, code, at(2), event_id=event),
        )
        for number, (code, event, state) in enumerate(rows)
    ]
    await record(store, Recording(outcomes, log.events, {}))
    found = await quality(store, None, MAY)
    assert found.total.synchronised == {"portal": (1, 2)}
    assert found.units["U"].synchronised == {"portal": (1, 2)}


MOMENTS = st.integers(-20, 75).flatmap(
    lambda day: st.integers(0, 23).map(lambda hour: at(day, hour=hour))
)
MAYBE = MOMENTS | st.none()
WHOLE = st.fixed_dictionaries(
    {
        "received_at": MAYBE,
        "due_at": MAYBE,
        "finished_at": MAYBE,
        "channel": st.sampled_from(Channel),
        "procedure": st.sampled_from("AB").map(lambda code: Procedure(code=code)),
        "fees": st.sampled_from([(), (Fee(amount_vnd=0),), (Fee(amount_vnd=5),)]),
        "online_payment_code": st.sampled_from(["", "0", "1"]),
        "results": st.sampled_from([(), (ResultPaper(url="https://kho.vn/1"),)]),
    }
)
STEP = MAYBE.map(lambda when: {"step": Step(at=when)})
TOLD = st.tuples(
    st.sampled_from(["H1", "H2", "H3"]),
    st.sampled_from(DossierStatus),
    MOMENTS,
    st.sampled_from("UV"),
    WHOLE | STEP | st.just({}),
)


@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.lists(TOLD, max_size=12))
async def test_whatever_is_told_both_counts_agree(store: Store, told: list[Any]) -> None:
    async with store.pipeline() as pipeline:
        await pipeline.run("DELETE FROM dossier")
    log = Log()
    for code, status, when, unit, whole in told:
        log.dossier(code, status, when, unit, **whole)
    await check(store, log)


@pytest.mark.parametrize(
    ("month", "last"), [("2023-05", 31), ("2023-12", 31), ("2024-02", 29), ("2026-04", 30)]
)
def test_a_month_has_its_days(month: str, last: int) -> None:
    period = month_period(month, date(2030, 1, 1))
    assert (period.first.day, period.last.day, period.today) == (1, last, period.last)
    assert f"{period.last:%Y-%m}" == month


def test_the_present_month_ends_today_and_what_is_no_month_is_refused() -> None:
    assert month_period("2026-04", date(2026, 4, 7)).today == date(2026, 4, 7)
    for text in ("2026", "2026-13", "05/2026", "2026-5"):
        with pytest.raises(ValueError, match=r"month|isoformat"):
            month_period(text, date(2026, 4, 7))


def test_rates_are_how_many_of_how_many() -> None:
    tally = Tally(received=10, solved=8, early=5, on_time=2, late=1, withdrawn=2)
    quality = Quality(withdrawn_in_time=1, online=4, very_satisfied=1, satisfied=1, not_satisfied=2)
    found = rates(tally, quality)
    assert found["on_time"] == (7, 8)
    assert found["on_time_with_withdrawn"] == (8, 10)
    assert found["online"] == (4, 10)
    assert found["satisfied"] == (2, 4)
    assert found["online_payment"] == (0, 0)
