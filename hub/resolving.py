"""Resolving: foreign ids become subjects, and what can be said only once is said once.

Only events that ask for it (`Event.about`, `aliases`, `once`) cost a question to the store. An
unknown foreign id waits: whoever holds the other end of it has perhaps not told the hub yet.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from msgspec import structs

from hub.event import Alias, Event
from hub.message import Position
from hub.parking import Cause

WAIT_SECONDS = 1.0
WAIT_MAX_SECONDS = 60.0
"""Waits for an unknown foreign id to become known; they double."""


class Names(Protocol):
    """What decoding asks of the store."""

    async def subject_of(self, kind: str, value: str) -> str | None:
        """The subject that a foreign id stands for; none: it is not known (yet)."""

    async def remember(self, aliases: Sequence[Alias]) -> None:
        """Store aliases; known ones keep their subject."""

    async def said_before(self, said: Mapping[tuple[str, str], str]) -> set[tuple[str, str]]:
        """Those (source, natural key) that were said elsewhere than at the given position.

        The others are remembered as said at theirs.
        """


@dataclass(frozen=True, slots=True)
class Wait(Cause):
    """Not decodable yet: a foreign id is not known."""


def unknown_wait(rounds: int) -> float:
    """Seconds until an unknown foreign id is looked for again."""
    return float(min(WAIT_SECONDS * 2 ** min(rounds, 10), WAIT_MAX_SECONDS))


async def resolve(
    names: Names, items: Sequence[Event], position: Position
) -> tuple[Sequence[Event], frozenset[int]] | Wait:
    """The items with their subjects found and aliases stored, and which of them were said before.

    Nothing is stored while one of them is unknown. Asking again for the same position gives the
    same answer, so that a transaction can be repeated. What was said before makes nothing known:
    its facts may be older than what is known by now.

    Raises:
        Unavailable: the store does not answer.
    """
    found = []
    for item in items:
        subject = item.subject
        if item.about is not None:
            known = await names.subject_of(*item.about)
            if known is None:
                return Wait("unknown_subject", f"no subject is known by this {item.about[0]}")
            subject = known
        aliases = tuple(replace(a, subject=a.subject or subject) for a in item.aliases)
        found.append(structs.replace(item, subject=subject, aliases=aliases))
    said = {index: (item.source, item.natural_key) for index, item in enumerate(found) if item.once}
    first: dict[tuple[str, str], int] = {}
    for index, fact in said.items():
        first.setdefault(fact, index)
    before = await names.said_before({fact: f"{position}#{i}" for fact, i in first.items()})
    again = {index for index, fact in said.items() if fact in before or first[fact] != index}
    new = [item for index, item in enumerate(found) if index not in again]
    await names.remember([alias for item in new for alias in item.aliases])
    return found, frozenset(again)
