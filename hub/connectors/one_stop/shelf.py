"""Shelf: what a product fetches itself, kept in the order in which it was told.

An entry is an alias whose body stands in the blob store under the entry's name; its facts say for
whom it is and whether it waits. The order is that in which the store took the entries, so an entry
never changes while it waits. A product takes entries away by acknowledging them; until then they
are listed again. Long after, they are forgotten: the body first, so that what a crash leaves is
still known, and goes with the next ones.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from hub.connector import Ground
from hub.errors import DecodeError
from hub.event import Alias

WAITING = "waiting"
PAGE = "one_stop.page"
LAST = "one_stop.last_taken"
"""Kind of the alias from a product and a subject to what it took off last; never forgotten."""
BODY, ENTRIES = "body", "entries"
"""The fact that names the body of an entry, and of a page."""
FINISHED_SECONDS = 2_592_000.0
"""How long an entry that was taken away is remembered: a repetition within 30 days is no news."""
FORGOTTEN_COUNT = 100
"""So many more than it adds are cleared away by one acknowledgement, so that they get fewer."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One thing on a shelf.

    Attributes:
        key: its name on the shelf, the same for every repetition.
        id: how the product knows it; of rows, 24 hex digits that begin with the time.
        subject: dossier code.
        body: reference of its bytes in the blob store.
        waits: whether the product has not taken it off yet.
    """

    key: str
    id: str
    subject: str
    body: str
    waits: bool


class Shelf:
    """What waits for the products of one connector instance, of one sort.

    Args:
        ground: keeps the entries.
        kind: first part of the alias's kind (`one_stop.out.post`); instance and product follow, so
            that looking for what waits passes over one product's entries only.
        instance: name of the connector instance.
        clock: seconds since 1970.
    """

    def __init__(
        self,
        ground: Ground,
        kind: str,
        instance: str,
        *,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._ground = ground
        self._kind = kind
        self._instance = instance
        self._clock = clock

    async def put(self, product: str, key: str, subject: str, body: bytes) -> None:
        """Lay an entry on the shelf, once: one with this key that is there stays as it is."""
        kind = self._kind_of(product)
        if await self._ground.alias(kind, key) is not None:
            return
        name = f"{kind} {key}"
        facts = {
            "state": WAITING,
            "id": f"{int(self._clock()):08x}{hashlib.sha256(key.encode()).hexdigest()[:16]}",
            BODY: await self._ground.keep(body, "application/json", owner=name),
        }
        await self._ground.remember([Alias(kind, key, subject, facts)])

    async def waiting(self, product: str, limit: int) -> Sequence[Entry]:
        """What waits for a product, oldest first."""
        kind, facts = self._kind_of(product), {"state": WAITING}
        found = await self._ground.aliases(kind, facts=facts, limit=limit)
        return [_entry(alias) for alias in found]

    async def get(self, product: str, key: str) -> Entry | None:
        """An entry of a product, waiting or not."""
        alias = await self._ground.alias(self._kind_of(product), key)
        return _entry(alias) if alias is not None else None

    async def last_taken(self, product: str, subject: str) -> str:
        """Name of the entry about this subject that the product took off last, `` if none."""
        last = await self._ground.alias(LAST, f"{self._kind_of(product)} {subject}")
        return last.facts["entry"] if last is not None else ""

    async def take(self, product: str, entry: Entry, state: str) -> None:
        """Take one off, as the last about its subject; one that was taken before is no news."""
        if entry.waits:
            name = f"{self._kind_of(product)} {entry.subject}"
            facts = {"entry": entry.key}
            await self._ground.remember([Alias(LAST, name, entry.subject, facts)])
        await self.settle(product, [entry], state)

    async def settle(self, product: str, entries: Sequence[Entry], state: str) -> None:
        """Take entries off the shelf, and forget what was taken off long ago."""
        kind, facts = self._kind_of(product), {"state": state}
        done = [Alias(kind, each.key, each.subject, facts) for each in entries]
        await self._ground.remember(done)
        limit = len(entries) + FORGOTTEN_COUNT
        await self._forget(kind, facts, limit)
        await self._forget(PAGE, {}, limit)

    async def _forget(self, kind: str, facts: dict[str, str], limit: int) -> None:
        old = await self._ground.aliases(
            kind, facts=facts, older_than_seconds=FINISHED_SECONDS, limit=limit
        )
        await self._ground.drop([_body(alias) for alias in old])
        await self._ground.forget(old)

    async def page(self, product: str, entries: Sequence[Entry]) -> None:
        """Remember which entries were shown together: who names the last has seen them all."""
        keys = "\n".join(each.key for each in entries)
        name = f"{self._kind_of(product)} {entries[-1].id}"
        before = await self._ground.alias(PAGE, name)
        facts = {ENTRIES: await self._ground.keep(keys.encode(), "text/plain", owner=name)}
        await self._ground.remember([Alias(PAGE, name, "", facts)])
        if before is not None and before.facts != facts:
            await self._ground.drop([_body(before)])

    async def turn(self, product: str, last: str) -> None:
        """The product has what was shown up to this id; an id nobody was shown takes nothing."""
        shown = await self._ground.alias(PAGE, f"{self._kind_of(product)} {last}")
        if shown is None:
            return
        try:
            keys = (await self._ground.fetch(_body(shown))).decode().split("\n")
        except DecodeError:  # it is being forgotten
            return
        found = [await self.get(product, key) for key in keys]
        await self.settle(product, [each for each in found if each is not None], "read")

    def _kind_of(self, product: str) -> str:
        return f"{self._kind}/{self._instance}/{product}"


def _entry(alias: Alias) -> Entry:
    waits = alias.facts["state"] == WAITING
    return Entry(alias.value, alias.facts["id"], alias.subject, _body(alias), waits)


def _body(alias: Alias) -> str:
    return alias.facts[ENTRIES if alias.kind == PAGE else BODY]
