"""The asking side: lists what has come, fetches and takes apart each package, acknowledges it.

Attachments go to the blob store before Kafka has the message, so that decode needs nothing but
the message. An item stays listed until it is `done` or `fail`: a look that is repeated gives the
same message ids, and what was read before is a duplicate then.

The cursor names the items that Kafka has and the axis still lists, with the word that they are
acknowledged with: they are acknowledged again, not fetched again.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import IO, Any
from urllib.parse import quote, unquote

from msgspec import structs

from hub.connector import Ground, Page
from hub.connectors.document_exchange import answers
from hub.connectors.document_exchange.client import READS, AxisCalls
from hub.connectors.document_exchange.decode import (
    DOCUMENT_ALIAS,
    Problem,
    Received,
    decode,
    key_of,
)
from hub.connectors.document_exchange.ids import Ids
from hub.connectors.document_exchange.listing import DONE, FAIL, RECEIVERS, Listing
from hub.connectors.document_exchange.opening import Opened, Opening
from hub.connectors.document_exchange.organisations import Organisations
from hub.connectors.document_exchange.packing import spool
from hub.connectors.document_exchange.settings import DocumentExchangeSettings
from hub.connectors.document_exchange.waiting import Waiting
from hub.errors import DecodeError, HubError, Rejected, Unavailable, UnknownOutcome
from hub.event import Event
from hub.message import Message, name_id
from hub.schemas.document import DocumentFile
from hub.wire.edxml import models
from hub.wire.edxml.pieces import Base64Pieces
from hub.wire.edxml.reading import Package
from hub.wire.edxml.unpacking import Slot

PART_BYTES = 4_194_304
"""Size of the parts in which a package is kept as received."""

AWAY_COUNT = 3
"""After so many packages that could not be fetched, a look ends."""

PROCESSING = "processing"


class _Places:
    """Makes places for bytes that the stack closes."""

    def __init__(self, stack: ExitStack) -> None:
        self._stack = stack

    def __call__(self) -> IO[bytes]:
        return self._stack.enter_context(spool())


@dataclass
class _Look:
    """What one look has brought so far, and what could not be fetched in it."""

    messages: list[Message] = field(default_factory=list)
    receipts: list[str] = field(default_factory=list)
    away: list[HubError] = field(default_factory=list)

    @property
    def is_over(self) -> bool:
        """Whether the axis seems to be away."""
        return len(self.away) == AWAY_COUNT


class AxisPoller:
    """Poller of one axis instance; see `hub.connector.Poller`."""

    def __init__(self, name: str, settings: DocumentExchangeSettings, ground: Ground) -> None:
        self.name = name
        self.every_seconds = settings.poll_seconds
        self._settings = settings
        self._ground = ground
        self._calls = AxisCalls(settings)
        self._listing = Listing(settings, self._calls)
        self._waiting = Waiting(settings.hold_back_seconds)
        self._organisations = Organisations(name, settings, ground)
        self._ids = Ids(settings)

    async def poll(self, cursor: str) -> Page:
        unlisted = await self._organisations.refresh(self._list_organisations)
        self._ids = await self._organisations.ids()
        told = [unquote(each) for each in cursor.split()]
        page_count = self._settings.page_count
        items = await self._listing.look(page_count + self._waiting.away_count + len(told))
        rows = {answers.text_of(row, "docId"): row for row in items}
        unheard = [receipt for receipt in told if rows.pop(_doc_id(receipt), None)]
        fresh, again = self._waiting.look(list(rows.values()))
        look = _Look()
        is_cut = False
        for row in fresh:
            if self._waiting.is_held(row):
                continue
            is_cut = len(look.receipts) == page_count or look.is_over
            if is_cut:
                break
            await self._take(row, look)
        if look.away and not look.messages and not unheard:
            raise look.away[0]
        if not look.away:
            is_cut |= await self._take_again(again, look)
        is_cut |= self._listing.is_cut and bool(look.messages)
        more = is_cut and not look.away
        receipts = (*unheard[:page_count], *look.receipts)
        # Those that come next to be acknowledged again come first.
        kept = " ".join(quote(each, safe="") for each in (*unheard[page_count:], *receipts))
        problem = self._problem(unlisted, len(unheard))
        return Page(tuple(look.messages), kept, more, receipts, problem)

    async def _take_again(self, rows: Sequence[Mapping[str, Any]], look: _Look) -> bool:
        """Try what could not be fetched before, until one fails again; whether any came.

        A package that hangs costs a look its time once, and only after all others.
        """
        before = len(look.messages)
        for row in rows[: self._settings.page_count]:
            if not self._waiting.is_held(row) and not await self._take(row, look):
                break
        return len(look.messages) > before

    async def _take(self, row: Mapping[str, Any], look: _Look) -> bool:
        """Fetch a package; whether it came."""
        try:
            messages, end = await self._messages(row)
        except (Unavailable, UnknownOutcome) as error:
            # It stays listed; others must not wait for it, later ones of its sender must.
            self._waiting.failed(row)
            look.away.append(error)
            return False
        self._waiting.fetched(row)
        look.messages += messages
        look.receipts.append(f"{end} {answers.text_of(row, 'docId')}")
        return True

    def _problem(self, unlisted: str, unheard_count: int) -> str:
        count = self._waiting.away_count
        problems = [unlisted] if unlisted else []
        if count:
            problems.append(f"{count} listed packages cannot be fetched")
        if unheard_count:
            problems.append(
                f"{unheard_count} packages are still listed after their acknowledgement"
            )
        if self._listing.is_cut:
            problems.append("the list is longer than reply_bytes and is read from its old end")
        return "; ".join(problems)

    async def done(self, page: Page) -> None:
        failures: list[HubError] = []
        for receipt in page.receipts:
            end = receipt.partition(" ")[0]
            try:
                await self._tell(_doc_id(receipt), end)
            except (Unavailable, UnknownOutcome) as error:
                failures.append(error)  # it stays listed, and is acknowledged at the next look
        if len(failures) == len(page.receipts) and failures:
            raise failures[0]

    async def close(self) -> None:
        await self._calls.close()

    async def _list_organisations(self) -> Sequence[Mapping[str, Any]]:
        seconds, logical = self._settings.query_timeout_seconds, READS[models.AGENCIES_QD20]
        return (await self._calls.call(models.AGENCIES_QD20, logical, seconds)).rows()

    async def _messages(self, row: Mapping[str, Any]) -> tuple[list[Message], str]:
        """The messages of a listed item, and with which word it will be acknowledged.

        A document is one for each office that it is listed for: `done` ends it for all of them. A
        status tells one fact, whoever it is listed for.
        """
        doc_id = answers.text_of(row, "docId")
        first, *others = row[RECEIVERS]
        received = Received(doc_id=doc_id, sender=answers.text_of(row, "from"), receiver=first)
        key, end = doc_id, DONE
        with ExitStack() as stack:
            places = _Places(stack)
            raw = places()
            try:
                received, key = await self._read(received, row, raw, places)
            except DecodeError as error:
                problem = Problem(code=error.code, path=error.path)
                received, end = received.model_copy(update={"problem": problem}), FAIL
            except Rejected as error:
                if not error.documented:
                    # Nobody says that this is final, and told `fail` it would be gone.
                    raise Unavailable(str(error), code="fetch_refused") from error
                problem = Problem(code="fetch_refused", path="/")
                received, end = received.model_copy(update={"problem": problem}), FAIL
            original = await self._keep_original(raw)
        received = received.model_copy(update={"original": original})
        messages = [await self._message(received, key, f"{self.name} {doc_id}")]
        for other in others if row["messageType"] == models.DOCUMENT else ():
            ids = self._ids.listed.within(received.edxml, other)
            copy = received.model_copy(update={"receiver": other, "ids": ids})
            messages.append(await self._message(copy, key, f"{self.name} {doc_id} {other}"))
        return messages, end

    async def _message(self, received: Received, key: str, named: str) -> Message:
        unit = self._ids.id_of(received.receiver)
        message = Message(
            connector=self.name,
            operation=models.FETCH.removeprefix("/"),
            body=received.model_dump_json(exclude_defaults=False).encode(),
            key=key,
            headers={"form": "package", "unit": unit, "doc_id": received.doc_id},
            id=name_id(named),
        )
        return await self._known_by(message)

    async def _known_by(self, message: Message) -> Message:
        """The message, on the way of its subject, and its document known by that from now on.

        What changes the document may come in the same look, and a status of it right behind: both
        must find its subject before the hub has decoded it, and stay behind it.
        """
        try:
            (item,) = await asyncio.to_thread(decode, message, self._settings)
        except DecodeError:
            return message
        if not isinstance(item, Event):
            return message
        key = item.subject
        if item.about is not None:
            known = await self._ground.alias(*item.about)
            key = known.subject if known else message.key
        await self._ground.remember(item.aliases)
        return structs.replace(message, key=key)

    async def _read(
        self, received: Received, row: Mapping[str, Any], raw: IO[bytes], places: _Places
    ) -> tuple[Received, str]:
        """Fetch a package and put its attachments where the hub keeps them."""
        opening = Opening(self._settings, places, at=datetime.now(UTC), ids=self._ids)
        await self._fetch(received.doc_id, row, raw, opening)
        if self._settings.mark_processing:
            with suppress(Unavailable, UnknownOutcome):  # a courtesy: it is read all the same
                await self._tell(received.doc_id, PROCESSING)
        opened = await asyncio.to_thread(opening.close)
        contents = await self._keep_attachments(opening, opened)
        subject = await self._known(opened.package)
        read = received.model_copy(
            update={
                "subject": subject,
                "edxml": (text := opened.text.decode()),
                "ids": self._ids.listed.within(text, received.receiver),
                "contents": contents,
                "signatures": tuple(opened.verdicts),
            }
        )
        return read, subject or key_of(opened.package)

    async def _fetch(
        self, doc_id: str, row: Mapping[str, Any], raw: IO[bytes], opening: Opening
    ) -> None:
        logical = {"filePath": answers.text_of(row, "filePath"), "docId": doc_id}

        def take(piece: bytes) -> None:
            raw.write(piece)
            opening.feed(piece)

        decoder = Base64Pieces(take, limit_bytes=self._settings.package_bytes)
        cutter = answers.DataCutter(decoder.feed)
        try:
            async for piece in self._calls.fetch(logical):
                cutter.feed(piece)
            answer = cutter.close()
        except UnknownOutcome as error:
            raise Unavailable(str(error), code=error.code) from error
        if not answer.ok:
            raise answers.refusal(answer, models.FETCH, self._settings)
        decoder.close()
        if not raw.tell():
            raise Unavailable("the answer holds no package", code="malformed_reply")

    async def _keep_attachments(self, opening: Opening, opened: Opened) -> tuple[DocumentFile, ...]:
        kept: dict[int, DocumentFile] = {}
        attachments = opening.attachments(opened)
        while found := await asyncio.to_thread(_next, attachments):
            slot, file, unpacked = found
            reference = await self._ground.keep(unpacked, slot.media_type)
            kept[slot.number] = file.model_copy(update={"reference": reference})
        return tuple(kept[number] for number in sorted(kept))

    async def _keep_original(self, raw: IO[bytes]) -> tuple[str, ...]:
        """References of the package as received, also of one that cannot be read."""
        if not self._settings.keep_original:
            return ()
        raw.seek(0)
        kept = []
        while part := raw.read(PART_BYTES):
            kept.append(await self._ground.keep(part, "application/octet-stream"))
        return tuple(kept)

    async def _known(self, package: Package) -> str:
        """What the hub knows this document, or one that it answers or changes, by."""
        header, trace = package.header, package.trace
        if package.is_status:
            return ""
        business = trace.child("Bussiness") if trace else None
        ids = [header.text("DocumentId"), business.text("DocumentId") if business else ""]
        ids += [each.text("DocumentId") for each in header.children("ResponseFor")]
        for document_id in ids:
            alias = await self._ground.alias(DOCUMENT_ALIAS, document_id) if document_id else None
            if alias is not None:
                return alias.subject
        return ""

    async def _tell(self, doc_id: str, status: str) -> None:
        """Tell the axis how far an item is; one that it no longer waits for is no matter."""
        logical = {"status": status, "docId": doc_id}
        seconds = self._settings.query_timeout_seconds
        try:
            await self._calls.call(models.UPDATE_STATUS, logical, seconds)
        except Rejected:
            return


def _doc_id(receipt: str) -> str:
    return receipt.partition(" ")[2]


def _next(
    attachments: Iterator[tuple[Slot, DocumentFile, IO[bytes]]],
) -> tuple[Slot, DocumentFile, IO[bytes]] | None:
    return next(attachments, None)
