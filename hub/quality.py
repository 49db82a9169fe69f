"""Quality: what the hub's events can say for the quality index of decision 766/QĐ-TTg. Pure.

The index has five groups and 100 points. The hub counts, and gives no points: the formulas and
weights within the groups are not known to it, and some figures need what passes no hub.

Source: domain notes 8.6 (metrics and groups), 8.5 (classes of a dossier).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from datetime import date, datetime

from hub.answering import UNCOUNTED, PetitionStanding, Vote
from hub.deadline import DONE, NOT_ACCEPTED
from hub.standing import PAUSED, WITHDRAWN, Standing
from hub.worktime import VIETNAM

Count = tuple[int, int]
"""How many of how many."""


@dataclass(frozen=True, slots=True)
class Tally:
    """Dossiers of a period.

    Attributes:
        received: accepted within the period.
        carried_over: accepted before it and not finished at its start (kỳ trước chuyển qua).
        solved: finished within it; the sum of early, on_time and late.
        open: not finished at its end, status being handled; overdue of them past their date.
        paused, withdrawn: of those not finished.
        not_accepted: filed within the period, and still waiting for acceptance or refused.
    """

    received: int = 0
    carried_over: int = 0
    solved: int = 0
    early: int = 0
    on_time: int = 0
    late: int = 0
    open: int = 0
    overdue: int = 0
    paused: int = 0
    withdrawn: int = 0
    not_accepted: int = 0

    def __add__(self, other: Tally) -> Tally:
        names = self.__slots__
        return Tally(*(getattr(self, name) + getattr(other, name) for name in names))


@dataclass(frozen=True, slots=True)
class Quality:
    """Counts of one unit, or of all, in one month, beside its tally.

    Attributes:
        withdrawn_in_time: withdrawn within the month, not later than their date.
        online: of those received, filed online. post: by post.
        procedures, procedures_online: different ones of those received, and with one online.
        fee_bearing, paid_online: of those received, with a fee; of these, paid online.
        digitised, reused: of those received, with a digitised component; one from a store.
        electronic_results: of those solved, with a result that can be fetched.
        very_satisfied, satisfied, not_satisfied, other_votes: satisfaction votes of the month.
        pakn: petitions (phản ánh, kiến nghị) received within the month and owed an answer;
            pakn_in_time: answered by their date.
    """

    withdrawn_in_time: int = 0
    online: int = 0
    post: int = 0
    procedures: int = 0
    procedures_online: int = 0
    fee_bearing: int = 0
    paid_online: int = 0
    digitised: int = 0
    reused: int = 0
    electronic_results: int = 0
    very_satisfied: int = 0
    satisfied: int = 0
    not_satisfied: int = 0
    other_votes: int = 0
    pakn: int = 0
    pakn_in_time: int = 0

    @property
    def votes(self) -> int:
        """Votes that say how satisfied somebody is."""
        return self.very_satisfied + self.satisfied + self.not_satisfied


def rates(tally: Tally, quality: Quality) -> Mapping[str, Count]:
    """Every rate that the hub gives, as how many of how many."""
    in_time = tally.early + tally.on_time
    return {
        "on_time": (in_time, tally.solved),
        "on_time_with_withdrawn": (
            in_time + quality.withdrawn_in_time,
            tally.solved + tally.withdrawn,
        ),
        "online": (quality.online, tally.received),
        "online_procedures": (quality.procedures_online, quality.procedures),
        "online_payment": (quality.paid_online, quality.fee_bearing),
        "digitised": (quality.digitised, tally.received),
        "reused": (quality.reused, tally.received),
        "electronic_results": (quality.electronic_results, tally.solved),
        "satisfied": (quality.very_satisfied + quality.satisfied, quality.votes),
        "pakn_on_time": (quality.pakn_in_time, quality.pakn),
    }


NOT_GIVEN: Mapping[str, str] = {
    "points and grades": "the formulas and weights within the five groups are not published",
    "procedures published on time": "publishing procedures passes no hub",
    "components of procedures published": "publishing procedures passes no hub",
    "share of full online procedures with dossiers": "needs the unit's catalogue with its levels; "
    "given is the share of procedures with dossiers of the month that had one online",
    "results put into the national store": "a result's address is known, not whether it was put "
    "there; given are solved dossiers with a result that can be fetched",
    "quality and publication of answers to citizens": "only dates are counted",
    "time saved by reuse": "dossiers with a reused component are counted, not the components",
}
"""Figures of the index that the hub cannot give, and why."""


@dataclass(frozen=True, slots=True)
class Period:
    """Days from `first` to `last`, both included; `today` decides what is overdue."""

    first: date
    last: date
    today: date

    def holds(self, day: date | None) -> bool:
        """Whether the day is within it."""
        return day is not None and self.first <= day <= self.last


def month_period(month: str, today: date) -> Period:
    """The period of a month written `2023-05`; for a past one, its last day is `today`.

    Raises:
        ValueError: it is no month.
    """
    first = date.fromisoformat(f"{month}-01")
    following = date(first.year + first.month // 12, first.month % 12 + 1, 1)
    last = date.fromordinal(following.toordinal() - 1)
    return Period(first, last, min(today, last))


@dataclass(frozen=True, slots=True)
class _Dated:
    """A standing by calendar dates in Vietnam."""

    of: Standing
    came: date | None
    ended: date | None
    due: date | None

    @classmethod
    def dated(cls, of: Standing) -> _Dated:
        over = of.status in DONE | WITHDRAWN
        return cls(
            of,
            _day(of.received_at or of.submitted_at or of.event_time),
            _day(of.finished_at or of.returned_at or of.event_time) if over else None,
            _day(of.deadline_at or of.due_at),
        )

    def fresh(self, period: Period) -> bool:
        return self.of.status not in NOT_ACCEPTED and period.holds(self.came)

    def over(self, period: Period) -> bool:
        accepted = self.of.status not in NOT_ACCEPTED
        return accepted and _within(self.came, period.last) and period.holds(self.ended)


def tally_of(standings: Iterable[Standing], period: Period) -> Tally:
    """The tally of these dossiers, counted one by one."""
    return sum((_one(_Dated.dated(each), period) for each in standings), Tally())


def _one(each: _Dated, period: Period) -> Tally:
    of = each.of
    if of.status in NOT_ACCEPTED:
        return Tally(not_accepted=int(period.holds(_day(of.submitted_at or of.event_time))))
    if not _within(each.came, period.last) or (
        not each.fresh(period) and each.ended is not None and each.ended < period.first
    ):
        return Tally()
    came = Tally(received=1) if each.fresh(period) else Tally(carried_over=1)
    if of.status in PAUSED:
        return came + Tally(paused=1)
    if each.ended is None or each.ended > period.last:
        overdue = each.due is not None and each.due < period.today
        return came + Tally(open=1, overdue=int(overdue))
    if of.status in WITHDRAWN:
        return came + Tally(withdrawn=1)
    if each.due is None or each.ended == each.due:
        return came + Tally(solved=1, on_time=1)
    return came + (Tally(solved=1, early=1) if each.ended < each.due else Tally(solved=1, late=1))


def quality_of(
    standings: Iterable[Standing],
    pakn: Iterable[PetitionStanding],
    votes: Iterable[Vote],
    period: Period,
) -> Quality:
    """The counts of these dossiers, petitions and votes, one by one."""
    dated = [_Dated.dated(each) for each in standings]
    fresh = [each.of for each in dated if each.fresh(period)]
    over = [each for each in dated if each.over(period)]
    owed = [
        each
        for each in pakn
        if each.state not in UNCOUNTED and period.holds(_day(each.received_at))
    ]
    month = f"{period.first:%Y-%m}"
    said = [each.answer for each in votes if each.month == month]
    known = ("very_satisfied", "satisfied", "not_satisfied")
    return Quality(
        withdrawn_in_time=sum(
            each.of.status in WITHDRAWN and _in_time(each.ended, each.due) for each in over
        ),
        online=sum(each.channel == "online" for each in fresh),
        post=sum(each.channel == "post" for each in fresh),
        procedures=_procedures(fresh),
        procedures_online=_procedures(each for each in fresh if each.channel == "online"),
        fee_bearing=sum(each.fee_bearing for each in fresh),
        paid_online=sum(each.fee_bearing and each.paid_online for each in fresh),
        digitised=sum(each.digitised for each in fresh),
        reused=sum(each.reused for each in fresh),
        electronic_results=sum(
            each.of.status in DONE and each.of.electronic_result for each in over
        ),
        **{name: said.count(name) for name in known},
        other_votes=sum(answer not in known for answer in said),
        pakn=len(owed),
        pakn_in_time=sum(
            each.answered_at is not None and _in_time(_day(each.answered_at), _day(each.due_at))
            for each in owed
        ),
    )


def _procedures(standings: Iterable[Standing]) -> int:
    """How many different ones; a dossier of which only steps were heard tells none."""
    return len({each.procedure_code for each in standings} - {""})


COUNTS = tuple(field.name for field in fields(Quality))


def _in_time(ended: date | None, due: date | None) -> bool:
    return ended is not None and (due is None or ended <= due)


def _within(day: date | None, last: date) -> bool:
    return day is not None and day <= last


def _day(moment: datetime | None) -> date | None:
    if moment is None:
        return None
    return (moment.astimezone(VIETNAM) if moment.tzinfo else moment).date()
