"""Catalogue: a list that another system publishes, as last pulled; all processes share it.

The rows lie in the blob store; an alias says under which reference, and since when. Who asks looks
at the alias at most once in `REREAD_SECONDS`, and reads the rows again only when they are others.
What was pulled last stands until something is pulled again, however long the system is away: its
age is told, and what age still counts is for the reader to say.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import orjson

from hub.connector import Ground
from hub.errors import DecodeError, Unavailable
from hub.event import Alias

T = TypeVar("T")
Rows = Sequence[Mapping[str, Any]]

REREAD_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class _Held(Generic[T]):
    """What a process has read: the rows' reference, when they were pulled, what they say."""

    reference: str
    pulled_at: float
    content: T


class Catalogue(Generic[T]):
    """One list of one system.

    Args:
        kind: alias kind of the system's lists (`dvcqg.catalogue`).
        instance, service: whose list, and which.
        ground: where it is kept.
        read: what the rows say, made once for each time that they have changed.
        clock: seconds since 1970.
    """

    def __init__(
        self,
        kind: str,
        instance: str,
        service: str,
        ground: Ground,
        read: Callable[[Rows], T],
        *,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._kind, self._key, self._service = kind, f"{instance}/{service}", service
        self._ground, self._read, self._clock = ground, read, clock
        self._held: _Held[T] | None = None
        self._looked_at: float | None = None

    async def keep(self, rows: Sequence[Any]) -> None:
        """Keep the rows that were pulled just now; raises `Unavailable`."""
        reference = await self._ground.keep(orjson.dumps(rows), "application/json")
        facts = {
            "reference": reference,
            "rows": str(len(rows)),
            "pulled_at": str(int(self._clock())),
        }
        await self._ground.remember([Alias(self._kind, self._key, self._service, facts)])
        self._looked_at = None

    async def age_seconds(self) -> float | None:
        """How long ago it was pulled; none: never, or nobody knows. Raises `Unavailable`."""
        known = await self._ground.alias(self._kind, self._key)
        age = self._clock() - float(known.facts["pulled_at"]) if known else -1.0
        return age if age >= 0 else None  # pulled in the future: by a clock that was wrong

    async def latest(self) -> tuple[T, float] | None:
        """What the rows say, and their age in seconds; none: never pulled, or they are gone.

        Raises:
            Unavailable: the ground is away, and this process has read nothing yet.
        """
        now = self._clock()
        if self._looked_at is None or not 0 <= now - self._looked_at < REREAD_SECONDS:
            try:
                self._held = await self._look()
            except Unavailable:
                if self._held is None:
                    raise
            self._looked_at = now
        return (self._held.content, now - self._held.pulled_at) if self._held else None

    async def _look(self) -> _Held[T] | None:
        known = await self._ground.alias(self._kind, self._key)
        if known is None:
            return None
        reference, pulled_at = known.facts["reference"], float(known.facts["pulled_at"])
        if self._held is not None and self._held.reference == reference:
            return _Held(reference, pulled_at, self._held.content)
        try:
            rows = orjson.loads(await self._ground.fetch(reference))
        except (DecodeError, orjson.JSONDecodeError):
            return None
        return _Held(reference, pulled_at, self._read([r for r in rows if isinstance(r, dict)]))


class Wordlists:
    """Catalogues of one system of which the words count: whether they have a code or a name.

    Args:
        kind: alias kind of the system's lists.
        instance: whose lists.
        ground: where they are kept.
        read: catalogue -> the words that its rows say; one that is not here is kept for others.
        forms: catalogue -> how a word of it is compared.
        trusted_seconds: an older one still knows what it has, and no longer what it has not.
        clock: seconds since 1970.
    """

    def __init__(
        self,
        kind: str,
        instance: str,
        ground: Ground,
        *,
        read: Mapping[str, Callable[[Rows], frozenset[str]]],
        forms: Mapping[str, Callable[[str], str]],
        trusted_seconds: float,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._kind, self._instance, self._ground, self._clock = kind, instance, ground, clock
        self._read, self._forms, self._trusted_seconds = read, forms, trusted_seconds
        self._lists: dict[str, Catalogue[frozenset[str]]] = {}

    async def keep(self, catalogue: str, rows: Sequence[Any]) -> None:
        """Keep the rows that were pulled just now; raises `Unavailable`."""
        await self._list(catalogue).keep(rows)

    async def age_seconds(self, catalogue: str) -> float | None:
        """How long ago it was pulled; none: never."""
        return await self._list(catalogue).age_seconds()

    async def knows(self, catalogue: str, word: str) -> bool | None:
        """Whether a catalogue has a code or name; none: it was never pulled, or too long ago.

        Raises:
            Unavailable: the ground is away, and this process has read nothing yet.
        """
        latest = await self._list(catalogue).latest()
        if latest is None or not latest[0]:
            return None
        words, age_seconds = latest
        if self._forms[catalogue](word) in words:
            return True
        return False if age_seconds <= self._trusted_seconds else None

    async def doubts(self, asked: Iterable[tuple[str, str, str]]) -> list[str]:
        """What is told of words that a catalogue does not have; raises like `knows`.

        Args:
            asked: what is told then, catalogue, word.
        """
        return [
            doubt for doubt, catalogue, word in asked if await self.knows(catalogue, word) is False
        ]

    def _list(self, catalogue: str) -> Catalogue[frozenset[str]]:
        if catalogue not in self._lists:
            read = self._read.get(catalogue, _no_words)
            self._lists[catalogue] = Catalogue(
                self._kind, self._instance, catalogue, self._ground, read, clock=self._clock
            )
        return self._lists[catalogue]


def _no_words(rows: Rows) -> frozenset[str]:
    return frozenset()
