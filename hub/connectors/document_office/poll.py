"""The asking side: result packages are listed until the hub acknowledges them.

The cursor names the packages that Kafka has and the office still lists, with the state to be
acknowledged: they are acknowledged again, not fetched again.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote, unquote

import orjson

from hub.connector import Ground, Page
from hub.connectors.document_office import wire
from hub.connectors.document_office.client import Office
from hub.connectors.document_office.decode import decode, order_key
from hub.connectors.document_office.settings import DocumentOfficeSettings
from hub.errors import DecodeError, HubError, Rejected, Unavailable
from hub.message import Message, name_id

ITS_OWN = ("reply_too_large", "malformed_reply", "http_5xx")
"""Codes of failures that one damaged package causes as well as an office that is away."""
ENDED_LOOKS_COUNT = 3
"""So many looks in a row may end at the same package; then it comes after all others.

An office that is away for a moment must not change the order, and a package that it can never give
must not keep the others back.
"""


class OfficePoller:
    """Poller of one document office; see `hub.connector.Poller`.

    Args:
        name: instance in hub.yaml.
        settings: its block.
        ground: where files are kept.
    """

    def __init__(self, name: str, settings: DocumentOfficeSettings, ground: Ground) -> None:
        self.name = name
        self.every_seconds = settings.poll_seconds
        self._settings = settings
        self._ground = ground
        self._office = Office(settings)
        self._failed: dict[str, int] = {}  # how many looks each that failed has ended
        self._heard: set[str] = set()

    async def poll(self, cursor: str) -> Page:
        """One list, and at most `fetch_count` packages that were not fetched before.

        A package that the office lists and then refuses, or cannot give, is passed over, and looked
        at again; that it was is the page's problem. If there is nothing else, it is raised.
        """
        states = dict(_pairs(cursor.split()))
        listed, is_whole = await self._listed(states)
        self._heard &= states.keys()
        # What is not on a list that is full may wait all the same, unless the office has heard it.
        gone = states.keys() - listed.keys() if is_whole else self._heard - listed.keys()
        states = {code: state for code, state in states.items() if code not in gone}
        if is_whole:
            self._failed = {code: count for code, count in self._failed.items() if code in listed}
        unheard = [code for code in states if code in listed][: self._settings.list_count]
        new = sorted((code for code in listed if code not in states), key=self._comes_last)
        fetched, failures = await self._fetch(new)
        if failures and not unheard and not fetched:
            raise _told(failures[0])
        turn = {code: states.pop(code) for code in unheard}
        turn |= {code: state for code, (_, state) in fetched.items()}
        # Those that are acknowledged again first stand first.
        kept = " ".join(_receipts(states | turn))
        more = len(fetched) == self._settings.fetch_count < len(new) - len(failures)
        problem = f"{len(failures)} packages cannot be fetched: {failures[0]}" if failures else ""
        messages = tuple(message for message, _ in fetched.values())
        return Page(messages, kept, more, _receipts(turn), problem)

    async def _listed(self, states: Mapping[str, str]) -> tuple[Mapping[str, None], bool]:
        """The codes that are listed, oldest first, and whether these are all.

        Where packages that cannot be fetched, or of which the office does not hear that they were,
        fill the list, a longer one is asked for: nothing new would ever be on it.
        """
        count = self._settings.list_count
        listed = dict.fromkeys(await self._office.codes(count))
        if len(listed) >= count and not listed.keys() - states.keys() - self._failed.keys():
            longer = count + len(states) + len(self._failed)
            with suppress(Rejected):  # an office may have a limit of its own
                listed, count = dict.fromkeys(await self._office.codes(longer)), longer
        return listed, len(listed) < count

    async def _fetch(
        self, codes: Sequence[str]
    ) -> tuple[dict[str, tuple[Message, str]], list[HubError]]:
        """At most `fetch_count` of these packages: message and state of each, and what failed."""
        fetched: dict[str, tuple[Message, str]] = {}
        failures: list[HubError] = []
        for code in codes:
            if len(fetched) == self._settings.fetch_count:
                break
            try:
                fetched[code] = await self._fetched(code)
            except (Rejected, Unavailable) as error:
                failures.append(error)
                ends = not _is_its_own(error)
                self._failed[code] = self._failed.get(code, 0) + ends
                if ends:
                    break
            else:
                self._failed.pop(code, None)
        return fetched, failures

    def _comes_last(self, code: str) -> bool:
        return self._failed.get(code, 0) >= ENDED_LOOKS_COUNT

    async def done(self, page: Page) -> None:
        """Acknowledge every package: 03, or 04 for one that nobody can read.

        One whose acknowledgement fails does not keep the others back; it stays listed.
        """
        failures: list[HubError] = []
        for code, state in _pairs(page.receipts):
            try:
                await self._office.acknowledge(code, state)
                self._heard.add(code)
            except (Rejected, Unavailable) as error:
                failures.append(error)
                if not _is_its_own(error):
                    break
        if failures:
            # That the office is away counts more than what it refuses.
            raise min(failures, key=lambda error: isinstance(error, Rejected))

    async def close(self) -> None:
        await self._office.close()

    async def _fetched(self, code: str) -> tuple[Message, str]:
        """The message of a package, its files put away, and how it is to be acknowledged."""
        package = await self._office.package(code)
        package[wire.PACKAGE] = code
        for _, file in wire.files_in(package):
            await self._put_away(file)
        message = Message(
            connector=self.name,
            operation=wire.FETCH,
            body=_bytes(package),
            headers={"form": "package"},
            id=name_id(f"{self.name} {wire.FETCH} {code}"),
            received_at=datetime.now(UTC),
        )
        keyed = Message(
            connector=message.connector,
            operation=message.operation,
            body=message.body,
            key=order_key(message),
            headers=message.headers,
            id=message.id,
            received_at=message.received_at,
        )
        return keyed, self._state(keyed)

    def _state(self, message: Message) -> str:
        """03 for what becomes an event; 04 for what will be dead, so that the office knows."""
        try:
            failed = any(isinstance(each, DecodeError) for each in decode(message, self._settings))
        except DecodeError:
            failed = True
        return wire.FAILED if failed else wire.HANDLED

    async def _put_away(self, file: dict[str, Any]) -> None:
        """Put a file's content into the blob store; what is none stays, and is refused later.

        A reference is the hub's to write: one that came with the file names somebody else's.
        """
        for name in (wire.STORED, wire.SIZE, wire.DIGEST):
            file.pop(name, None)
        content = file.get(wire.CONTENT)
        if content is None or content == "":
            file.pop(wire.CONTENT, None)
            return
        try:
            raw = base64.b64decode("".join(str(content).split()), validate=True)
        except (binascii.Error, ValueError):
            return
        if len(raw) > self._settings.file_bytes:
            return
        del file[wire.CONTENT]
        file[wire.STORED] = await self._ground.keep(raw, "application/octet-stream")
        file[wire.SIZE] = str(len(raw))
        file[wire.DIGEST] = hashlib.sha256(raw).hexdigest()


def _is_its_own(error: HubError) -> bool:
    """Whether a failure may be that of one package, so that the next one is worth a call."""
    return isinstance(error, Rejected) or error.code in ITS_OWN


def _told(error: HubError) -> HubError:
    """What a look raises that brought nothing: of the office's refusal that it must be seen."""
    if not isinstance(error, Rejected):
        return error
    told = Unavailable("the office refuses the packages it lists")
    told.__cause__ = error
    return told


def _bytes(package: dict[str, Any]) -> bytes:
    """The package as JSON; of one that is nested too deep its code only, and it will be dead."""
    try:
        return orjson.dumps(package)
    except orjson.JSONEncodeError:
        return orjson.dumps({wire.PACKAGE: package[wire.PACKAGE]})


def _receipts(states: Mapping[str, str]) -> tuple[str, ...]:
    """The receipt of each code and its state; it holds no blank."""
    return tuple(f"{quote(code, safe='')}:{state}" for code, state in states.items())


def _pairs(receipts: Sequence[str]) -> list[tuple[str, str]]:
    """Code and state of each receipt."""
    split = (receipt.rpartition(":") for receipt in receipts)
    return [(unquote(code), state) for code, _, state in split]
