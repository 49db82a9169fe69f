"""Which listed packages come next: in order for each sender, and none holds up other senders.

The list does not tell which document a package is about. So, while one cannot be fetched, what the
same organisation sent the same receiver later waits for it, for a bounded time.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from hub.connectors.document_exchange import answers
from hub.connectors.document_exchange.listing import created

Row = Mapping[str, Any]
_Pair = tuple[str, str]
_Place = tuple[str, int]


@dataclass
class _Away:
    """A package that could not be fetched: since when, and when it was last tried."""

    since: float
    tried_at: float


@dataclass
class Waiting:
    """What the axis lists for us, and what of it could not be fetched so far.

    Attributes:
        hold_back_seconds: how long later packages of a sender wait for one.
        clock: seconds that never go back.
    """

    hold_back_seconds: float
    clock: Callable[[], float] = time.monotonic
    _away: dict[str, _Away] = field(default_factory=dict)
    _places: dict[str, _Place] = field(default_factory=dict)
    _pairs: dict[str, _Pair] = field(default_factory=dict)
    _first: dict[_Pair, _Place] = field(default_factory=dict)

    @property
    def away_count(self) -> int:
        """How many listed packages could not be fetched."""
        return len(self._away)

    def look(self, items: Sequence[Row]) -> tuple[list[Row], list[Row]]:
        """The listed packages: those not tried yet, oldest first, then those tried in vain.

        What is no longer listed is forgotten. Of the second, the one tried longest ago is first.
        """
        ids = [answers.text_of(row, "docId") for row in items]
        self._places = {
            doc_id: (created(row), number)
            for number, (doc_id, row) in enumerate(zip(ids, items, strict=True))
        }
        self._pairs = {
            doc_id: (str(row.get("from", "")), str(row.get("to", "")))
            for doc_id, row in zip(ids, items, strict=True)
        }
        self._away = {each: away for each, away in self._away.items() if each in self._places}
        self._first = {}
        for doc_id in self._away:
            self._hold(doc_id)
        rows = dict(zip(ids, items, strict=True))
        again = sorted(self._away, key=lambda doc_id: self._away[doc_id].tried_at)
        fresh = [row for doc_id, row in rows.items() if doc_id not in self._away]
        return fresh, [rows[doc_id] for doc_id in again]

    def is_held(self, row: Row) -> bool:
        """Whether an earlier package of its sender must come first."""
        doc_id = answers.text_of(row, "docId")
        first = self._first.get(self._pairs[doc_id])
        return first is not None and first < self._places[doc_id]

    def failed(self, row: Row) -> None:
        """It could not be fetched now."""
        doc_id, now = answers.text_of(row, "docId"), self.clock()
        self._away.setdefault(doc_id, _Away(now, now)).tried_at = now
        self._hold(doc_id)

    def fetched(self, row: Row) -> None:
        """It is here, or the axis has said that it never will be."""
        doc_id = answers.text_of(row, "docId")
        if self._away.pop(doc_id, None) is None:
            return
        pair = self._pairs[doc_id]
        self._first.pop(pair, None)
        for other in self._away:
            if self._pairs[other] == pair:
                self._hold(other)

    def _hold(self, doc_id: str) -> None:
        if self.clock() - self._away[doc_id].since >= self.hold_back_seconds:
            return
        pair, place = self._pairs[doc_id], self._places[doc_id]
        self._first[pair] = min(place, self._first.get(pair, place))
