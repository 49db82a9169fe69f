"""Date-times of the format: 14 digits `yyyyMMddHHmmss`, Vietnamese time (UTC+7, no DST).

Nothing is trusted: what is not a date gives `None`, and the caller keeps the original text. A
known product writes a 12-hour clock (15:00 goes out as 03:00): that cannot be seen in one value,
so nobody may order messages by these dates.
"""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

_OFFSET = timedelta(hours=7)
VIETNAM = timezone(_OFFSET)
"""Asia/Ho_Chi_Minh, which has had no daylight saving time since 1945."""

_OLDEST = "1900"


def read_stamp(text: str | None) -> datetime | None:
    """The moment that 14 digits name, at +07:00; `None` for anything else.

    Years before 1900 are refused: no dossier has them, and they overflow when moved to UTC.
    """
    if text is None or len(text) != 14 or not (text.isascii() and text.isdecimal()):
        return None
    if text < _OLDEST or text[8:10] > "23":
        return None
    try:
        return datetime.fromisoformat(f"{text[:8]}T{text[8:]}+07:00")
    except ValueError:
        return None


def write_stamp(moment: datetime) -> str:
    """14 digits of a moment with zone, in Vietnamese time; fractions of a second are dropped."""
    at = moment if moment.utcoffset() == _OFFSET else moment.astimezone(VIETNAM)
    day = (at.year * 100 + at.month) * 100 + at.day
    # One number instead of six: a fourth of the time.
    return str(((day * 100 + at.hour) * 100 + at.minute) * 100 + at.second).zfill(14)
