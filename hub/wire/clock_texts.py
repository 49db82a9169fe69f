"""Moments and days as Vietnamese systems write them, read as Vietnam's time (UTC+7, no DST).

Known forms: `yyyyMMddHHmmss`, `yyyyMMdd`, `dd/MM/yyyy`, `yyyy/MM/dd`, `yyyy-MM-dd`, the last three
with or without `HH:mm`, `HH:mm:ss` and a fraction. An offset is not trusted: products write their
own clock and mark it `Z`, so the digits count and the offset is passed over. What is not a date
gives `None`, and the caller keeps the text.
"""

from __future__ import annotations

import re
from datetime import date, datetime, timedelta, timezone

VIETNAM = timezone(timedelta(hours=7))
"""Asia/Ho_Chi_Minh."""

_OLDEST_YEAR = 1900
_CLOCK = r"(?:[T ](?P<H>\d\d):(?P<M>\d\d)(?::(?P<S>\d\d)(?:[.,]\d{1,9})?)?(?:Z|[+-]\d\d:?\d\d)?)?"
_FORMS = tuple(
    re.compile(form, re.ASCII)
    for form in (
        r"(?P<y>\d{4})(?P<m>\d\d)(?P<d>\d\d)(?:(?P<H>\d\d)(?P<M>\d\d)(?P<S>\d\d))?",
        rf"(?P<d>\d\d?)/(?P<m>\d\d?)/(?P<y>\d{{4}}){_CLOCK}",
        rf"(?P<y>\d{{4}})[/-](?P<m>\d\d)[/-](?P<d>\d\d){_CLOCK}",
    )
)
_LONGEST = 40


def read_moment(text: str | None) -> datetime | None:
    """The moment that a text names, at +07:00; a day alone is its first moment; else `None`."""
    if text is None or len(text) > _LONGEST:
        return None
    for form in _FORMS:
        if found := form.fullmatch(text.strip()):
            part = {name: int(digits) for name, digits in found.groupdict("0").items()}
            if part["y"] < _OLDEST_YEAR:
                return None
            try:
                return datetime(
                    *(part["y"], part["m"], part["d"], part["H"], part["M"], part["S"]),
                    tzinfo=VIETNAM,
                )
            except ValueError:
                return None
    return None


def read_day(text: str | None) -> date | None:
    """The day that a text names, with or without a clock time; else `None`."""
    moment = read_moment(text)
    return moment.date() if moment is not None else None


def write_day(day: date) -> str:
    """`dd/MM/yyyy`, the form of Vietnamese papers."""
    return f"{day.day:02}/{day.month:02}/{day.year:04}"


def write_moment(moment: datetime) -> str:
    """ISO 8601 with the offset +07:00; fractions of a second are dropped."""
    return moment.astimezone(VIETNAM).replace(microsecond=0).isoformat()
