"""Whether a document that the axis lists as sent is this one; pure.

The list names no DocumentId: number, notation and title must tell. How the axis writes them is not
published (it may cut a title, or leave the number out), so a row of the same days that has one of
them only is neither taken for the document nor passed over.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from enum import Enum, auto
from typing import Any

from hub.schemas.document import Document
from hub.wire.clock_texts import read_moment
from hub.wire.spelling import folded

CLOCKS_DIFFER = timedelta(days=1)
"""A row that is older than the document by more was not sent for it."""


class Likeness(Enum):
    """What a row of the list is to a document."""

    SAME = auto()
    UNCLEAR = auto()
    OTHER = auto()


def likeness(row: Mapping[str, Any], document: Document, *, issued_at: datetime) -> Likeness:
    """What a row of our own sent documents is to this one."""
    code = folded(str(row.get("notation") or "")) == folded(
        f"{document.number}/{document.notation}"
    )
    title = folded(str(row.get("title") or "")) == folded(document.subject)
    if code and title:
        return Likeness.SAME
    sent_at = read_moment(str(row.get("sentTime", "")))
    is_older = sent_at is not None and sent_at < issued_at - CLOCKS_DIFFER
    return Likeness.UNCLEAR if (code or title) and not is_older else Likeness.OTHER
