"""Rows that the store's tests write: invented, small, in order."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from hub.held import Changes, HeldMessage, HeldSubject
from hub.message import Position
from hub.store import Store

ROUTE = "dossiers"


def message(subject: str, offset: int, **values: Any) -> HeldMessage:
    """A held message that stands at this offset; its event id is made of both."""
    given: dict[str, Any] = {
        "route": ROUTE,
        "subject": subject,
        "event_id": f"{subject}/{offset}",
        "position": Position("events", 0, offset),
        "key": subject.encode(),
        "value": b'{"code":"%d"}' % offset,
        "headers": {"ce_id": f"{subject}/{offset}"},
    }
    return HeldMessage(**(given | values))


def queue(subject: str, *offsets: int, **values: Any) -> Changes:
    """Changes that park these offsets of a subject."""
    row = HeldSubject(ROUTE, 0, subject, settled_below=offsets[-1] + 1, **values)
    return Changes(park=[message(subject, offset) for offset in offsets], subjects=[row])


def on(url: str, work: Callable[[Store], Awaitable[Any]]) -> Any:
    """Do something with a store of one's own."""

    async def run() -> Any:
        store = Store.open(url, pool_size=2)
        try:
            return await work(store)
        finally:
            await store.close()

    return asyncio.run(run())


async def fetch(store: Store, statement: Any) -> list[tuple[Any, ...]]:
    """All rows of a query, for what no question of the store shows."""
    async with store.pipeline() as pipeline:
        return await (await pipeline.run(statement)).fetchall()
