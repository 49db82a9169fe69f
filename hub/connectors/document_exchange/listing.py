"""What the axis lists for us, oldest first, however long the list is.

The axis knows no pages. A list that is longer than `reply_bytes` is read from its old end: up to a
moment (`toDate`) that is looked for by halving. What has been taken is listed no longer, so the
rest comes with the looks that follow. That the axis knows periods, and how it writes them, is not
published: where it does not, a list that is too long is a failure that says what to do.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol

from hub.connectors.document_exchange import answers
from hub.connectors.document_exchange.settings import DocumentExchangeSettings
from hub.errors import Rejected, Unavailable
from hub.wire.clock_texts import read_moment
from hub.wire.edxml import models
from hub.wire.edxml.dates import VIETNAM

Row = Mapping[str, Any]

DONE, FAIL = "done", "fail"
RECEIVERS = "receivers"
"""Ours in a row: for whom a package is listed. One `docId` may be listed for several offices."""

BEFORE_ALL = datetime(2019, 1, 1, tzinfo=VIETNAM)
"""The axis has been there since March 2019."""
SECOND = timedelta(seconds=1)


class Calls(Protocol):
    """The calls to an axis; see `client.AxisCalls`."""

    async def call(
        self, path: str, logical: Mapping[str, str], seconds: float
    ) -> answers.AxisAnswer:
        """A signed call without effect; raises what a refusal or a lost answer means."""


class Listing:
    """The lists of one axis.

    Args:
        settings: of the instance.
        calls: to the axis.
        clock: the moment; a list ends at most a day after it.
    """

    def __init__(
        self,
        settings: DocumentExchangeSettings,
        calls: Calls,
        *,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._settings = settings
        self._calls = calls
        self._clock = clock
        self._until: dict[str, datetime] = {}

    @property
    def is_cut(self) -> bool:
        """Whether the last look saw only the old end of a list."""
        return bool(self._until)

    async def look(self, enough_count: int) -> list[Row]:
        """Documents and statuses that wait for us, oldest first.

        Statuses are asked for first, so that each document that one of them may be about is listed
        too. Of two of the same time the document comes first.

        Args:
            enough_count: of a list that is too long, so many are wanted, if they fit.

        Raises:
            Unavailable: the axis is; or a list is too long and cannot be cut (`list_too_long`).
            Misconfigured, Rejected: see `answers.refusal`.
        """
        statuses = await self._list(models.STATUS, enough_count)
        documents = await self._list(models.DOCUMENT, enough_count)
        kinds = {models.DOCUMENT: documents, models.STATUS: statuses}
        rows = sorted((*documents, *statuses), key=created)
        # Behind the end of a list that was cut, the other list's rows may be the later ones.
        ends = [max(map(created, kinds[each])) for each in self._until]
        return [row for row in rows if all(created(row) <= end for end in ends)]

    async def _list(self, kind: str, enough_count: int) -> Sequence[Row]:
        until = self._until.pop(kind, None)
        if until is not None:
            rows = await self._ask(kind, until)
            if rows is not None and len(rows) >= enough_count:
                self._until[kind] = until
                return rows
        rows = await self._ask(kind, None)
        return await self._old_end(kind, enough_count) if rows is None else rows

    async def _old_end(self, kind: str, enough_count: int) -> Sequence[Row]:
        """The oldest rows of a list that is too long."""
        try:
            # An axis that knows no periods gives everything for this one too, or refuses it.
            is_known = self._settings.period_form and await self._ask(kind, BEFORE_ALL) == []
        except Rejected as error:
            raise self._too_long() from error
        low, high = BEFORE_ALL, self._clock() + timedelta(days=1)
        found: Sequence[Row] = ()
        while is_known and high - low > SECOND and len(found) < enough_count:
            middle = low + timedelta(seconds=int((high - low).total_seconds() / 2))
            rows = await self._ask(kind, middle)
            if rows is None:
                high = middle
                continue
            low = middle
            if rows:
                found, self._until[kind] = rows, middle
        if not found:
            raise self._too_long()
        return found

    def _too_long(self) -> Unavailable:
        size = self._settings.reply_bytes
        text = f"the list of what waits is longer than {size} bytes: raise reply_bytes"
        return Unavailable(text, code="list_too_long")

    async def _ask(self, kind: str, until: datetime | None) -> list[Row] | None:
        """What waits up to a moment, in any order; `None`: that is too long to be read."""
        logical = {"servicetype": models.SERVICE_TYPE, "messagetype": kind}
        if until is not None:
            form = self._settings.period_form
            period = {"fromDate": BEFORE_ALL, "toDate": until.astimezone(VIETNAM)}
            logical |= {name: moment.strftime(form) for name, moment in period.items()}
        seconds = self._settings.query_timeout_seconds
        try:
            answer = await self._calls.call(models.RECEIVED_LIST, logical, seconds)
        except Unavailable as error:
            if error.code == "reply_too_large":
                return None
            raise
        rows: dict[str, Row] = {}
        receivers: dict[str, list[str]] = {}
        for row in answer.rows():
            doc_id = answers.text_of(row, "docId")
            if doc_id and str(row.get("status", "")).lower() not in (DONE, FAIL):
                rows.setdefault(doc_id, row)
                receivers.setdefault(doc_id, []).append(answers.text_of(row, "to"))
        return [
            {**row, "messageType": kind, RECEIVERS: list(dict.fromkeys(receivers[doc_id]))}
            for doc_id, row in rows.items()
        ]


def created(row: Row) -> str:
    """When a row was listed, as a text that sorts; the form of the axis's times is not published.

    Within a second the text itself decides, which may hold a fraction.
    """
    told = str(row.get("created_time", ""))
    moment = read_moment(told)
    return f"{moment.isoformat()} {told}" if moment else told
