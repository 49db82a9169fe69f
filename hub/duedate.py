"""Due dates: the appointment (ngày hẹn trả) of a term, as the hub or a one-stop product counts it.

Profiles differ in what happens to a receipt outside office hours:

- `hub`: the receipt rolls to the next working instant first, then the term is added. So does a
  one-stop product of 2020 (days with fractions, a working-time table, make-up days).
- `product_2023`: one product of 2023-2025. After closing one day is added and the clock set to the
  opening; before opening and at lunch it is set to the next session. A receipt of a weekend keeps
  its clock time, and the first day that counts is the next working day. Whole days are counted
  first, then the rest of the hours on the clock.

Source: domain notes 8.1, with vectors; 8.2 (last day on a day off: Civil Code, article 148).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from hub.worktime import VIETNAM, VIETNAM_CALENDAR, WORKING_DAY, Calendar

DAY = timedelta(days=1)


class Profile(StrEnum):
    """Whose way of counting."""

    HUB = "hub"
    PRODUCT_2023 = "product_2023"


class TermUnit(StrEnum):
    """What a term is counted in."""

    WORKING_HOURS = "working_hours"  # giờ làm việc
    WORKING_DAYS = "working_days"  # ngày làm việc, of 8 hours; fractions allowed
    DAYS = "days"  # ngày: every day of the calendar


@dataclass(frozen=True, slots=True)
class Term:
    """The time that a procedure may take; nothing: no appointment, never late."""

    count: float
    unit: TermUnit = TermUnit.WORKING_DAYS

    @property
    def working_time(self) -> timedelta:
        """A term of working hours or working days as working time, to the minute."""
        one = timedelta(hours=1) if self.unit is TermUnit.WORKING_HOURS else WORKING_DAY
        return timedelta(minutes=round(self.count * one / timedelta(minutes=1)))


@dataclass(frozen=True, slots=True)
class Counting:
    """How a deployment counts: a calendar and a profile."""

    calendar: Calendar = VIETNAM_CALENDAR
    profile: Profile = Profile.HUB

    def due(self, received: datetime, term: Term | None) -> datetime | None:
        """The appointment of a term that starts at the receipt; none without a term.

        Raises:
            ValueError: the instant has no zone, or the term is negative.
            LookupError: the calendar does not know a year on the way.
        """
        if term is None:
            return None
        if term.count < 0:
            raise ValueError("a term is not negative")
        if self.profile is Profile.PRODUCT_2023:
            return self._as_product(received, term)
        if term.unit is TermUnit.DAYS:
            last = self.calendar.next_instant(received) + term.count * DAY
            return self._off_days_off(last)
        return self.calendar.add(received, term.working_time)

    def resumed(self, due: datetime, asked: datetime, answered: datetime) -> datetime:
        """The appointment after a pause from `asked` to `answered`.

        The hub adds the working time of the pause. The product adds the days between the two less
        one, and then 8 working hours.

        Raises:
            ValueError, LookupError: as `due`.
        """
        if self.profile is Profile.PRODUCT_2023:
            between = _local(answered).date() - _local(asked).date()
            moved = _local(due) + max(between - DAY, timedelta(0))
            return self._as_product(moved, Term(8, TermUnit.WORKING_HOURS))
        return self.calendar.add(due, self.calendar.between(asked, answered))

    def _as_product(self, received: datetime, term: Term) -> datetime:
        start, late = self._start(received)
        if term.unit is TermUnit.DAYS:
            return self._off_days_off(start + (term.count + late) * DAY)
        count, rest = divmod(term.working_time, WORKING_DAY)
        day = start
        for _ in range(count + late):
            day = self._off_days_off(day + DAY)
        return self._on_the_clock(self._off_days_off(day), rest)

    def _start(self, received: datetime) -> tuple[datetime, int]:
        """The receipt on the clock of office hours, and one if it came after closing."""
        local = _local(received)
        for session in self.calendar.hours:
            opens = local.replace(
                hour=session.opens.hour, minute=session.opens.minute, second=0, microsecond=0
            )
            if local < opens:
                return opens, 0
            if local.time() < session.closes:
                return local, 0
        first = self.calendar.hours[0].opens
        return local.replace(hour=first.hour, minute=first.minute, second=0, microsecond=0), 1

    def _on_the_clock(self, day: datetime, rest: timedelta) -> datetime:
        """Less than a day's hours later: lunch is jumped, what is left at closing is tomorrow's."""
        return self.calendar.add(day, rest) if rest else day

    def _off_days_off(self, moment: datetime) -> datetime:
        """The same clock time on this day, or on the first working day after it."""
        while not self.calendar.is_working_day(moment.date()):
            moment += DAY
        return moment


def _local(moment: datetime) -> datetime:
    if moment.utcoffset() is None:
        raise ValueError("an instant needs its zone")
    return moment.astimezone(VIETNAM)
