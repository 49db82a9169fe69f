"""Working time: office hours, holidays and make-up days, and terms counted in working hours.

Calendars are data with a version, which is stored beside each date computed with it: a later table
never changes a date that was promised to a citizen.

Rules, for a term of working hours (giờ làm việc, ngày làm việc = 8 hours):

1. The receipt rolls to the next working instant first, then the term is added. One one-stop
   product counts a weekend's receipt from its own clock time; `hub.duedate` has its profile.
2. A session holds its opening but not its closing. Closing time and the next opening are the same
   working instant, and it is always written as the opening: 8 hours from Monday 07:00 are due on
   Tuesday 07:00, and whoever finishes on Monday is early. Whole days so keep their clock time,
   and a term is never shorter than its number of days on the calendar.

Source: domain notes 8.1 (appointment dates of two one-stop products) and 8.3 (public holidays).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta, timezone
from importlib.resources import files

import yaml

VIETNAM = timezone(timedelta(hours=7), "Asia/Ho_Chi_Minh")
"""Vietnam's time, without daylight saving time since 1975."""

WORKING_DAY = timedelta(hours=8)
"""One working day of a term (ngày làm việc)."""

SATURDAY = 5


@dataclass(frozen=True, slots=True)
class Session:
    """A stretch of office hours, its closing excluded; clock times of Vietnam."""

    opens: time
    closes: time


OFFICE_HOURS = (Session(time(7), time(11, 30)), Session(time(13, 30), time(17)))
"""Morning and afternoon of a one-stop desk: eight hours."""


@dataclass(frozen=True, slots=True)
class Year:
    """What differs from Monday to Friday in one year.

    Attributes:
        off: holidays, compensation for holidays on weekends, and days swapped away.
        worked: make-up days (ngày làm bù): weekend days that are worked.
    """

    off: frozenset[date]
    worked: frozenset[date] = frozenset()


@dataclass(frozen=True)
class Calendar:
    """Which instants are working time.

    Attributes:
        version: name of this table, stored with every date computed with it.
        years: the years it knows; it refuses to answer about others.
        hours: the sessions of every working day, in order, not overlapping.
    """

    version: str
    years: Mapping[int, Year]
    hours: tuple[Session, ...] = OFFICE_HOURS

    def is_working_day(self, day: date) -> bool:
        """Whether offices are open on this day.

        Raises:
            LookupError: the table does not know the year; silence would ignore its holidays.
        """
        year = self.years.get(day.year)
        if year is None:
            raise LookupError(
                f"calendar {self.version} does not know the year {day.year}: enter it in hub.yaml "
                "under calendars.years (docs/sla.md)"
            )
        return day in year.worked or (day.weekday() < SATURDAY and day not in year.off)

    def known_until(self, today: date) -> date:
        """The last day of the years that it knows from today on; a past day: not even this one."""
        year = today.year
        while year in self.years:
            year += 1
        return date(year - 1, 12, 31)

    def next_instant(self, at: datetime) -> datetime:
        """The first working instant that is not before `at`, in Vietnam's time.

        Raises:
            ValueError: `at` has no zone.
            LookupError: the table does not know a year on the way.
        """
        return next(self._sessions(at))[0]

    def add(self, at: datetime, term: timedelta) -> datetime:
        """The end of a term of working time that starts at the receipt `at`.

        Returns:
            A working instant in Vietnam's time; a closing time is written as the next opening.

        Raises:
            ValueError: `at` has no zone, or the term is negative.
            LookupError: the table does not know a year on the way.
        """
        if term < timedelta(0):
            raise ValueError("a term is not negative")
        left = term
        for start, end in self._sessions(at):
            if left < end - start:
                return start + left
            left -= end - start
        raise AssertionError("sessions never end")

    def between(self, start: datetime, end: datetime) -> timedelta:
        """The working time from one instant to another, zero if the second is not later.

        Raises:
            ValueError: an instant has no zone.
            LookupError: the table does not know a year on the way.
        """
        found = timedelta(0)
        if end <= start:
            return found
        for opens, closes in self._sessions(start):
            if opens >= end:
                break
            found += min(closes, end) - opens
        return found

    def _sessions(self, at: datetime) -> Iterator[tuple[datetime, datetime]]:
        """What is left of the current session, if any, and then every later one."""
        if at.utcoffset() is None:
            raise ValueError("an instant needs its zone")
        local = at.astimezone(VIETNAM)
        day = local.date()
        while True:
            if self.is_working_day(day):
                for session in self.hours:
                    start = max(local, datetime.combine(day, session.opens, VIETNAM))
                    end = datetime.combine(day, session.closes, VIETNAM)
                    if start < end:
                        yield start, end
            day += timedelta(days=1)


def days(year: int, text: str) -> frozenset[date]:
    """Dates written as `MM-DD` or `MM-DD..DD` (one month), separated by spaces."""
    return frozenset(_dates(year, text.split()))


def _dates(year: int, spans: Iterable[str]) -> Iterator[date]:
    for span in spans:
        month, first, *last = (int(part) for part in span.replace("..", "-").split("-"))
        for day in range(first, (last[0] if last else first) + 1):
            yield date(year, month, day)


def tables() -> dict[int, Year]:
    """The years of `hub/calendars/`, a file each."""
    folder = files("hub").joinpath("calendars")
    found: dict[int, Year] = {}
    for file in folder.iterdir():
        name, _, _ = file.name.partition(".")
        if name.isdecimal():
            table = yaml.safe_load(file.read_text(encoding="utf-8"))
            number = int(name)
            found[number] = Year(
                days(number, table["days_off"]), days(number, table["days_worked"])
            )
    return dict(sorted(found.items()))


VIETNAM_CALENDAR = Calendar(
    yaml.safe_load(files("hub").joinpath("calendars/version.yaml").read_text("utf-8"))["version"],
    tables(),
)
"""Public holidays and swaps of the years whose dates are announced (`hub/calendars/`)."""
