"""The asking side: the tracking feed, page by page, from the last entry that Kafka has.

The cursor is the `$oid` of the last entry. Ids have gaps, and an entry may appear late behind one
that was read (`overlap_seconds`); a feed that gives the same page again ends the look.
"""

from __future__ import annotations

import math
import re
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import quote

import msgspec
from msgspec import structs

from hub import http
from hub.connector import Ground, Page
from hub.connectors.public_post.client import Door
from hub.connectors.public_post.decode import oid_of, order_key
from hub.connectors.public_post.settings import PublicPostSettings
from hub.errors import Unavailable, UnknownOutcome
from hub.message import Message, name_id
from hub.wire.dvcqg.dates import VIETNAM

_OBJECT_ID = re.compile(r"[0-9a-f]{24}")
_REMEMBERED_COUNT = 20_000


class FeedPoller:
    """Poller of one door's feed; see `hub.connector.Poller`.

    Args:
        name: instance in hub.yaml.
        settings: its block.
        ground: not needed here.
        now: the wall clock.
    """

    def __init__(
        self,
        name: str,
        settings: PublicPostSettings,
        ground: Ground,
        *,
        now: Callable[[], datetime] = lambda: datetime.now(VIETNAM),
    ) -> None:
        self.every_seconds = settings.feed.every_seconds
        self._name = name
        self._settings = settings
        self._door = Door(settings)
        self._now = now
        self._given: OrderedDict[str, None] = OrderedDict()

    async def poll(self, cursor: str) -> Page:
        cursor = cursor or self._settings.feed.first_id
        sheet = await self._look(cursor)
        last = _last(cursor, [entry.oid for entry in sheet.entries if entry.oid])
        new = {entry.oid or entry.raw.hex(): entry for entry in sheet.entries}
        messages = [
            self._message(name, entry)
            for name, entry in new.items()
            if not self._known(entry.oid, cursor)
        ]
        return Page(
            messages=tuple(message for message in messages if message.id not in self._given),
            cursor=last,
            more=last != cursor and (sheet.full or sheet.pages > 1),
            receipts=tuple(entry.oid for entry in sheet.entries if entry.oid),
        )

    async def done(self, page: Page) -> None:
        """The feed needs no acknowledging; what Kafka has is not given again by this process.

        An entry without an id moves no cursor: the feed gives it as long as it is the last one.
        """
        odd = [each.id for each in page.messages if not oid_of(http.json_object(each.body) or {})]
        overlapping = page.receipts if self._settings.feed.overlap_seconds else ()
        self._given.update(dict.fromkeys((*odd, *overlapping)))
        while len(self._given) > _REMEMBERED_COUNT:
            self._given.popitem(last=False)

    async def close(self) -> None:
        await self._door.close()

    def _behind(self, cursor: str) -> str:
        """The id to ask from: the cursor, or an id of its kind so many seconds older."""
        overlap = self._settings.feed.overlap_seconds
        if not overlap or not _OBJECT_ID.fullmatch(cursor):
            return cursor
        # The first four bytes of an ObjectId are seconds since 1970.
        seconds = max(int(cursor[:8], 16) - math.ceil(overlap), 0)
        return f"{seconds:08x}{'0' * 16}"

    def _known(self, oid: str, cursor: str) -> bool:
        """Whether Kafka has this entry for sure."""
        if oid == cursor or oid in self._given:
            return bool(oid)
        ordered = _OBJECT_ID.fullmatch(oid) and _OBJECT_ID.fullmatch(cursor)
        return bool(ordered) and not self._settings.feed.overlap_seconds and oid < cursor

    async def _look(self, cursor: str) -> Sheet:
        """A page from the cursor on, and before it all that stands in the overlap."""
        asked = self._behind(cursor)
        sheet = await self._ask(asked)
        entries = list(sheet.entries)
        while asked != cursor and sheet.full:
            last = _last(asked, [entry.oid for entry in sheet.entries if entry.oid])
            ends = last <= asked or len(entries) >= _REMEMBERED_COUNT
            asked = cursor if ends else min(last, cursor)
            sheet = await self._ask(asked)
            entries += sheet.entries
        return Sheet(entries, sheet.full, sheet.pages)

    async def _ask(self, last_id: str) -> Sheet:
        feed = self._settings.feed
        path = f"{feed.path}?pagesize={feed.page_count}&lastId={quote(last_id, safe='')}"
        deadline = http.Deadline(feed.timeout_seconds)
        try:
            reply = await self._door.call(None, path, "", deadline)
        except UnknownOutcome as error:
            raise Unavailable(str(error), code=error.code) from error
        http.check_status(reply)
        return _sheet(reply.body, feed.page_count)

    def _message(self, named: str, entry: Entry) -> Message:
        message = Message(
            connector=self._name,
            operation="tracking",
            body=entry.raw,
            headers={"form": "tracking"},
            id=name_id(f"{self._name} tracking {named}"),
            received_at=self._now(),
        )
        return structs.replace(message, key=order_key(message))


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry of the feed: its exact bytes, and its id (`` if it has none)."""

    raw: bytes
    oid: str


@dataclass(frozen=True, slots=True)
class Sheet:
    """One page of the feed: its entries, whether it is full, how many pages it says there are."""

    entries: Sequence[Entry]
    full: bool
    pages: int


class _Embedded(msgspec.Struct):
    docs: list[msgspec.Raw] = msgspec.field(name="rh:doc", default_factory=list)


class _Body(msgspec.Struct):
    embedded: _Embedded | None = msgspec.field(name="_embedded", default=None)
    returned: Any = msgspec.field(name="_returned", default=None)
    pages: Any = msgspec.field(name="_total_pages", default=None)


def _sheet(body: bytes, page_count: int) -> Sheet:
    """A page as read.

    Raises:
        Unavailable: it is none (`malformed_reply`).
    """
    try:
        page = msgspec.json.decode(body.removeprefix(http.BYTE_ORDER_MARK), type=_Body)
    except msgspec.MsgspecError as error:
        raise Unavailable("the feed's page is malformed", code="malformed_reply") from error
    if page.embedded is None and str(page.returned) != "0":
        raise Unavailable("the feed's page is malformed", code="malformed_reply")
    raws = [bytes(raw) for raw in page.embedded.docs] if page.embedded else []
    entries = tuple(Entry(raw, oid_of(http.json_object(raw) or {})) for raw in raws)
    pages = str(page.pages)
    count = int(pages) if pages.isascii() and pages.isdecimal() and len(pages) < 10 else 0
    return Sheet(entries, len(entries) >= page_count, count)


def _last(cursor: str, oids: list[str]) -> str:
    """The newest id: the greatest where ids are ordered, else the last of the page."""
    if not oids:
        return cursor
    if all(_OBJECT_ID.fullmatch(oid) for oid in oids):
        return max(cursor, *oids) if _OBJECT_ID.fullmatch(cursor) else max(oids)
    return oids[-1]
