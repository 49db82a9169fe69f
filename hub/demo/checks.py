"""Checks: what was counted, beside what must come out."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from hub.store import Store

Row = tuple[str, int, int]
"""What it is, how many were found, how many must be."""

STILL_SECONDS = 60.0
"""How long nothing may change before what is found is taken for the end."""
LOOK_SECONDS = 0.7

DECODED = """
SELECT kind, count(DISTINCT event_id) FROM timeline
WHERE state = 'decoded' AND kind <> '' GROUP BY kind
"""


@dataclass(frozen=True, slots=True)
class Checks:
    """Counts of one part of the demo; `title` heads them."""

    title: str
    rows: tuple[Row, ...]

    def disagreements(self) -> Iterator[str]:
        """One sentence for each count that differs."""
        for what, found, wanted in self.rows:
            if found != wanted:
                yield f"{what}: {found:,}, expected {wanted:,}"

    def to_json(self) -> Mapping[str, Any]:
        """Each count, and what was expected."""
        return {what: {"found": found, "expected": wanted} for what, found, wanted in self.rows}


async def decoded(store: Store) -> Counter[str]:
    """Events in the hub's timeline by kind, each counted once."""
    async with store.pipeline() as pipeline:
        rows = await (await pipeline.ask(DECODED, {})).fetchall()
    return Counter(dict(rows))


async def settled(look: Callable[[], Awaitable[Checks]], alive: Callable[[], None]) -> Checks:
    """What `look` finds, once it agrees or has not changed for a while.

    Args:
        look: counts.
        alive: raises if something that must run has ended.
    """
    found, since = await look(), time.monotonic()
    while [*found.disagreements()] and time.monotonic() - since < STILL_SECONDS:
        alive()
        await asyncio.sleep(LOOK_SECONDS)
        before, found = found, await look()
        if found != before:
            since = time.monotonic()
    return found
