"""Votes, petitions and routes of a month, recounted from what was told without a line of the hub.

`hub.recount` folds with the hub's own rules; here they are written down a second time, plainly, as
the documentation of the report has them (docs/sla.md), over the same telling.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, date, datetime, timedelta, timezone
from typing import Any

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from hub.event import Event, EventData
from hub.message import Position
from hub.outcome import Outcome, Stage, State
from hub.quality import month_period
from hub.schemas.dossier import (
    KIND_OF_STATUS,
    Applicant,
    Dossier,
    DossierEvent,
    DossierStatus,
    Procedure,
)
from hub.schemas.petition import (
    Assignment,
    Petition,
    PetitionAnswer,
    PetitionEvent,
    Satisfaction,
    Submitter,
    SurveyVoted,
)
from hub.store import Store
from hub.store.quality import quality
from hub.store.recording import Recording, record

HANOI = timezone(timedelta(hours=7))
FIRST, LAST = date(2023, 5, 1), date(2023, 5, 31)
MAY = month_period("2023-05", date(2023, 9, 1))
UNITS = ("U", "V")

EDGES = [
    datetime(2023, month, day, hour, minute, tzinfo=HANOI)
    for month, day in ((4, 30), (5, 1), (5, 2), (5, 31), (6, 1))
    for hour, minute in ((0, 0), (6, 59), (7, 0), (23, 59))
]
MOMENTS = st.sampled_from([*EDGES, *(moment.astimezone(UTC) for moment in EDGES)])
MAYBE = MOMENTS | st.none()
UNIT = st.sampled_from([*UNITS, ""])
PLAIN = settings(
    max_examples=60,
    deadline=None,
    phases=[Phase.explicit, Phase.generate],  # to shrink over a database takes minutes
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)


def in_may(moment: datetime | None) -> bool:
    return moment is not None and FIRST <= moment.astimezone(HANOI).date() <= LAST


def event(number: int, kind: str, subject: str, when: datetime, data: EventData) -> Event:
    position = Position("events", 0, number)
    return Event(kind, "/connectors/toy/U", subject, when, data, "k", "id", position=position)


async def recorded(store: Store, events: Sequence[Event], outcomes: Sequence[Any] = ()) -> None:
    async with store.pipeline() as pipeline:
        for table in ("vote", "petition", "timeline", "dossier"):
            await pipeline.run(f"DELETE FROM {table}")  # noqa: S608 - names from this line
    await record(store, Recording(list(outcomes), list(events), {}))


async def counts_of(store: Store, unit: str | None) -> dict[str, int]:
    return asdict((await quality(store, unit, MAY)).total.quality)


@dataclass(frozen=True)
class Voted:
    """One vote as it was told."""

    number: int
    channel: str
    unit: str
    answer: Satisfaction
    month: str
    voted_at: datetime | None
    heard_at: datetime


VOTES = st.lists(
    st.builds(
        Voted,
        number=st.integers(1, 4),
        channel=st.sampled_from(["dvcqg", "1022"]),
        unit=UNIT,
        answer=st.sampled_from(Satisfaction),
        month=st.sampled_from(["", "", "2023-05", "2023-04"]),
        voted_at=MAYBE,
        heard_at=MOMENTS,
    ),
    max_size=12,
)


@PLAIN
@given(VOTES)
async def test_votes_are_counted_as_told(store: Store, told: list[Voted]) -> None:
    """The first word of a vote counts, in the month that it names, else that of its day."""
    await recorded(
        store,
        [
            event(
                number,
                "survey.voted",
                each.unit or "none",
                each.heard_at,
                SurveyVoted(
                    vote_id=str(each.number),
                    channel=each.channel,
                    unit=each.unit,
                    vote=each.answer,
                    month=each.month,
                    voted_at=each.voted_at,
                ),
            )
            for number, each in enumerate(told)
        ],
    )
    first: dict[tuple[str, int], Voted] = {}
    for each in reversed(told):
        first[each.channel, each.number] = each
    for unit in (None, *UNITS):
        mine = [
            each.answer.value
            for each in first.values()
            if unit in (None, each.unit)
            and (
                each.month == "2023-05"
                or (not each.month and in_may(each.voted_at or each.heard_at))
            )
        ]
        found = await counts_of(store, unit)
        assert {name: found[name] for name in ("very_satisfied", "satisfied", "not_satisfied")} == {
            name: mine.count(name) for name in ("very_satisfied", "satisfied", "not_satisfied")
        }
        assert found["other_votes"] == mine.count("unknown")


@dataclass(frozen=True)
class Said:
    """One word about a petition as it was told."""

    number: int
    channel: str
    verb: str
    unit: str
    assigned: str
    at: datetime
    acted_at: datetime | None
    submitted_at: datetime | None
    due_at: datetime | None
    answered_at: datetime | None

    @property
    def moment(self) -> datetime:
        return self.acted_at or self.at


SAID = st.lists(
    st.builds(
        Said,
        number=st.integers(1, 3),
        channel=st.sampled_from(["dvcqg", "1022"]),
        verb=st.sampled_from(
            ["received", "received", "assigned", "answered", "answered", "rejected", "redirected"]
        ),
        unit=UNIT,
        assigned=UNIT,
        at=MOMENTS,
        acted_at=MAYBE,
        submitted_at=MAYBE,
        due_at=MAYBE,
        answered_at=MAYBE,
    ),
    max_size=12,
)


def petition_of(said: Said) -> PetitionEvent:
    petition = (
        Petition(submitter=Submitter(), submitted_at=said.submitted_at)
        if said.verb == "received"
        else None
    )
    return PetitionEvent(
        petition_id=str(said.number),
        channel=said.channel,
        unit=said.unit,
        acted_at=said.acted_at,
        answer_due_at=said.due_at,
        petition=petition,
        assignment=Assignment(unit=said.assigned) if said.verb == "assigned" else None,
        answer=PetitionAnswer(answered_at=said.answered_at) if said.verb == "answered" else None,
    )


def owed_and_in_time(words: Sequence[Said], unit: str | None) -> tuple[int, int]:
    """Of one petition: whether an answer is owed by the unit for this month, and came in time."""
    assigned = [word.assigned for word in words if word.verb == "assigned" and word.assigned]
    addressed = [word.unit for word in words if word.unit]
    # Whoever it was given to last; before that, whom the first that named a unit has named.
    owner = (assigned or ["", *addressed[:1]])[-1]
    came = [word.submitted_at or word.moment for word in words if word.verb == "received"]
    due = [word.due_at for word in words if word.due_at]
    answers = [word.answered_at or word.moment for word in words if word.verb == "answered"]
    verbs = [word.verb for word in words]
    if "redirected" in verbs or verbs[-1] == "rejected" or not came or not in_may(came[0]):
        return 0, 0
    if unit not in (None, owner):
        return 0, 0
    if not answers:
        return 1, 0
    late = due and answers[0].astimezone(HANOI).date() > due[-1].astimezone(HANOI).date()
    return 1, int(not late)


@PLAIN
@given(SAID)
async def test_petitions_are_counted_as_told(store: Store, told: list[Said]) -> None:
    events = [
        event(number, f"petition.{said.verb}", f"PAKN-{said.number}", said.at, petition_of(said))
        for number, said in enumerate(told)
    ]
    await recorded(store, events)
    by_petition: dict[tuple[str, int], list[Said]] = {}
    for said in told:
        by_petition.setdefault((said.channel, said.number), []).append(said)
    for unit in (None, *UNITS):
        counted = [owed_and_in_time(words, unit) for words in by_petition.values()]
        found = await counts_of(store, unit)
        assert (found["pakn"], found["pakn_in_time"]) == (
            sum(owed for owed, _ in counted),
            sum(in_time for _, in_time in counted),
        )


DOSSIER = st.tuples(
    st.sampled_from("UV"),
    st.sampled_from([DossierStatus.RECEIVED, DossierStatus.DONE, DossierStatus.NEW]),
    MOMENTS,
)
DOSSIERS = st.fixed_dictionaries({"H1": DOSSIER, "H2": DOSSIER})
ENDED = st.lists(
    st.tuples(
        st.sampled_from(["portal", "office"]),
        st.sampled_from(["H1", "H2", "nobody's"]),
        st.sampled_from("ab"),
        st.sampled_from([State.DELIVERED, State.PARKED, State.DEAD]),
        st.sampled_from([Stage.DELIVER, Stage.DELIVER, Stage.DECODE]),
    ),
    min_size=5,
    max_size=16,
)


@PLAIN
@given(DOSSIERS, ENDED)
async def test_routes_are_counted_as_told(
    store: Store,
    told: dict[str, tuple[str, DossierStatus, datetime]],
    ended: list[tuple[str, str, str, State, Stage]],
) -> None:
    """A dossier of the month is complete on a route where every message of it has arrived."""
    events = [
        event(
            number,
            KIND_OF_STATUS[status],
            code,
            came,
            DossierEvent(
                code=code,
                unit=unit,
                status=status,
                dossier=Dossier(
                    procedure=Procedure(code="1.000"), applicant=Applicant(), received_at=came
                ),
            ),
        )
        for number, (code, (unit, status, came)) in enumerate(told.items())
    ]
    outcomes = [
        (
            Position("outcomes", 0, number),
            Outcome(stage, route, state, code, EDGES[0], event_id=f"{code}{message}"),
        )
        for number, (route, code, message, state, stage) in enumerate(ended)
    ]
    await recorded(store, events, outcomes)
    for unit in (None, *UNITS):
        expected: dict[str, tuple[int, int]] = {}
        for code, (owner, status, came) in told.items():
            if status is DossierStatus.NEW or not in_may(came) or unit not in (None, owner):
                continue
            for route in ("portal", "office"):
                mine = [
                    e for e in ended if e[0] == route and e[1] == code and e[4] is Stage.DELIVER
                ]
                if not mine:
                    continue
                arrived = {e[2] for e in mine if e[3] is State.DELIVERED}
                complete, count = expected.get(route, (0, 0))
                whole = arrived == {e[2] for e in mine}
                expected[route] = (complete + whole, count + 1)
        found = await quality(store, unit, MAY)
        assert dict(found.total.synchronised) == expected
