"""Which dossiers are nearly due or overdue, from the real PostgreSQL."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from hub.noticing import DUE_SOON, OVERDUE, Horizon, Notice
from hub.schemas.dossier import DossierStatus
from hub.standing import Standing
from hub.store import Store
from hub.store.notices import UNSAID, StoreNotices
from hub.store.recording import DOSSIERS, dossier_row
from hub.store.texts import columns

NOW = datetime(2026, 1, 15, 1, tzinfo=UTC)
DAY = timedelta(days=1)
HORIZON = Horizon(NOW, DAY, 30 * DAY)


def standing(subject: str, deadline: datetime | None, **values: Any) -> Standing:
    given: dict[str, Any] = {
        "status": "processing",
        "event_topic": "events",
        "event_offset": 1,
        "unit": "U",
        "procedure_code": "1.000",
        "due_at": NOW,
        "deadline_at": deadline,
        "received_at": NOW - 9 * DAY,
    }
    return Standing(subject, **(given | values))


async def keep(store: Store, *standings: Standing) -> None:
    async with store.pipeline() as pipeline:
        await pipeline.run(DOSSIERS, *columns(dossier_row(s.subject, s) for s in standings))


async def said(store: Store) -> list[tuple[str, str]]:
    found = await StoreNotices(store).unsaid(HORIZON, 100)
    return [(each.data.code, each.kind) for each in found]


async def test_open_dossiers_are_found_by_the_exact_time_oldest_first(store: Store) -> None:
    second = timedelta(seconds=1)
    await keep(
        store,
        standing("now", NOW),
        standing("past", NOW - second),
        standing("in a day", NOW + DAY),
        standing("later", NOW + DAY + second),
        standing("history", NOW - 30 * DAY - second),
        standing("oldest", NOW - 30 * DAY),
        standing("never", None),
    )
    assert await said(store) == [
        ("oldest", OVERDUE),
        ("past", OVERDUE),
        ("now", DUE_SOON),
        ("in a day", DUE_SOON),
    ]


@pytest.mark.parametrize("status", DossierStatus)
async def test_only_running_clocks_are_looked_at(store: Store, status: DossierStatus) -> None:
    await keep(store, standing("H1", NOW - DAY, status=status.value))
    running = status in {"received", "processing", "unknown"}
    assert await said(store) == ([("H1", OVERDUE)] if running else [])


async def test_what_was_said_is_not_said_again_but_of_a_moved_deadline(store: Store) -> None:
    notices = StoreNotices(store)
    await keep(store, standing("H1", NOW + DAY, deadline_calendar="vn-1"))
    [first] = await notices.unsaid(HORIZON, 100)
    assert first.data.calendar == "vn-1"
    assert (first.data.due_at, first.data.told_due_at) == (NOW + DAY, NOW)
    assert first.data.received_at == NOW - 9 * DAY
    await notices.said([first])
    await notices.said([first])
    assert await said(store) == []
    later = Horizon(NOW + 2 * DAY, DAY, 30 * DAY)
    [overdue] = await notices.unsaid(later, 100)
    assert overdue == Notice(OVERDUE, first.data)
    await notices.said([overdue])
    await keep(store, standing("H1", NOW + 2 * DAY, event_offset=2))
    assert [each.kind for each in await notices.unsaid(later, 100)] == [DUE_SOON]


async def test_a_page_is_limited(store: Store) -> None:
    await keep(store, *(standing(f"H{n}", NOW) for n in range(5)))
    assert len(await StoreNotices(store).unsaid(HORIZON, 3)) == 3


async def test_the_look_uses_the_index_of_running_clocks(store: Store) -> None:
    values = {"now": NOW, "soon": NOW, "oldest": NOW, "limit": 1, "overdue": "", "due_soon": ""}
    async with store.pipeline() as pipeline:
        await pipeline.run("SET LOCAL enable_seqscan = off")
        rows = await (await pipeline.ask(f"EXPLAIN {UNSAID}", values)).fetchall()
    assert any("ix_dossier_running" in str(row) for row in rows)
