"""Dates of edXML: `yyyy/MM/dd` and `yyyy/MM/dd HH:mm:ss`, Vietnamese time without a zone.

The reference kit turns a date of another form into nothing, silently: what is not exactly of the
form gives `None` here, and the caller keeps the text. ISO dates are those of the flat form.
"""

from __future__ import annotations

import re
from datetime import date, datetime, timedelta, timezone

VIETNAM = timezone(timedelta(hours=7))
"""Asia/Ho_Chi_Minh, which has had no daylight saving time since 1945."""

_DAY = re.compile(r"(\d{4})/(\d{2})/(\d{2})", re.ASCII)
_MOMENT = re.compile(r"(\d{4})/(\d{2})/(\d{2}) (\d{2}):(\d{2}):(\d{2})", re.ASCII)
_ISO_DAY = re.compile(r"(\d{4})-(\d{2})-(\d{2})(T[0-9:.]+(Z|[+-]\d{2}:?\d{2})?)?", re.ASCII)
_OLDEST_YEAR = 1900


def read_day(text: str) -> date | None:
    """The day that `yyyy/MM/dd` or an ISO date (its time and offset passed over) names."""
    found = _DAY.fullmatch(text) or _ISO_DAY.fullmatch(text)
    if found is None:
        return None
    try:
        day = date(int(found[1]), int(found[2]), int(found[3]))
    except ValueError:
        return None
    return day if day.year >= _OLDEST_YEAR else None


def read_moment(text: str) -> datetime | None:
    """The moment that `yyyy/MM/dd HH:mm:ss` or an ISO date-time names, at +07:00.

    An offset is not trusted: the clock's digits count.
    """
    found = _MOMENT.fullmatch(text)
    if found is None and not _ISO_DAY.fullmatch(text):
        return None
    if found is not None:
        text = f"{found[1]}-{found[2]}-{found[3]}T{found[4]}:{found[5]}:{found[6]}"
    try:
        moment = datetime.fromisoformat(text)
    except (ValueError, OverflowError):
        return None
    if moment.year < _OLDEST_YEAR:
        return None
    return moment.replace(microsecond=0, tzinfo=VIETNAM)


def write_day(day: date) -> str:
    """`yyyy/MM/dd`."""
    return f"{day.year:04}/{day.month:02}/{day.day:02}"


def write_moment(moment: datetime) -> str:
    """`yyyy/MM/dd HH:mm:ss` in Vietnamese time; fractions of a second are dropped."""
    at = moment.astimezone(VIETNAM)
    return f"{write_day(at)} {at.hour:02}:{at.minute:02}:{at.second:02}"
