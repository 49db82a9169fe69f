"""Held messages: what is parked stays once, in order, and is counted right."""

from __future__ import annotations

import random
import time
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from hub.held import Act, Changes, Claim, HeldState, HeldSubject, Settlement
from hub.message import Position
from hub.store import Store
from hub.store.acts import Acts, Author
from hub.store.held import PostgresHeldStore
from tests.store.rows import ROUTE, fetch, message, queue

TTL = 60.0
COUNTED = """
SELECT s.subject, s.waiting_count, count(m.event_id)
FROM held_subject AS s LEFT JOIN held_message AS m
    ON m.route = s.route AND m.subject = s.subject AND m.state <> 'aside'
GROUP BY s.subject, s.waiting_count
"""


@pytest.fixture
async def claim(held: PostgresHeldStore) -> Claim:
    claim = await held.claim(ROUTE, 0, "a", TTL)
    assert claim is not None
    return claim


async def subject(held: PostgresHeldStore, name: str) -> HeldSubject | None:
    found = {row.subject: row for row in await held.subjects(ROUTE, 0)}
    return found.get(name)


async def test_a_parked_message_comes_back_as_it_was(held: PostgresHeldStore, claim: Claim) -> None:
    at = datetime(2026, 11, 3, 8, 15, tzinfo=UTC)
    given = message(
        "H1",
        7,
        key=b"\xff\x00",
        value=bytes(range(256)),
        headers={"ce_id": "x", "wire-note": "hồ sơ \x00 đã đến"},
        kind="dossier.received",
        unit="000.00.01.H26",
        message_id="m1",
        state=HeldState.IN_FLIGHT,
        reason="timeout",
        text="sent, no answer in time",
        foreign_code="E17",
        attempts=3,
        held_at=at,
    )
    await held.write(claim, Changes(park=[given]))
    found = (await held.heads(ROUTE, ["H1"], 1))["H1"]
    assert found == [replace(given, headers={"ce_id": "x", "wire-note": "hồ sơ ␀ đã đến"})]


async def test_parking_again_changes_nothing(held: PostgresHeldStore, claim: Claim) -> None:
    await held.write(claim, queue("H1", 1, 2))
    changed = message("H1", 1, value=b"other", state=HeldState.DEAD)
    await held.write(claim, Changes(park=[changed, message("H1", 3), message("H1", 3)]))
    rows = (await held.heads(ROUTE, ["H1"], 10))["H1"]
    assert [row.position.offset for row in rows] == [1, 2, 3]
    assert rows[0].value == message("H1", 1).value
    assert rows[0].state is HeldState.WAITING
    row = await subject(held, "H1")
    assert row is not None
    assert row.waiting_count == 3


async def test_the_same_flush_written_twice_is_as_written_once(
    held: PostgresHeldStore, claim: Claim
) -> None:
    """A commit whose answer is lost is written again."""
    await held.write(claim, queue("H1", 1, 2, 3))
    flush = Changes(
        park=[message("H1", 4)],
        settle=[Settlement("H1", "H1/1", 2), Settlement("H1", "H1/4", 5)],
        mark=[message("H1", 2, state=HeldState.DEAD)],
    )
    await held.write(claim, flush)
    await held.write(claim, flush)
    row = await subject(held, "H1")
    assert row is not None
    assert (row.waiting_count, row.settled_below) == (2, 5)


async def test_heads_are_the_oldest_by_position_whatever_order_they_came_in(
    held: PostgresHeldStore, claim: Claim
) -> None:
    offsets = list(range(100, 140))
    random.Random(5).shuffle(offsets)  # noqa: S311 - a seeded order, not a secret
    for offset in offsets:
        await held.write(claim, Changes(park=[message("H1", offset), message("H2", offset)]))
    heads = await held.heads(ROUTE, ["H2", "H1", "nobody"], 5)
    assert set(heads) == {"H1", "H2"}
    for rows in heads.values():
        assert [row.position.offset for row in rows] == [100, 101, 102, 103, 104]


async def test_a_subject_row_is_written_as_given_but_never_falls_back(
    held: PostgresHeldStore, claim: Claim
) -> None:
    since = datetime(2026, 11, 3, tzinfo=UTC)
    given = HeldSubject(
        route=ROUTE,
        partition=0,
        subject="H1",
        settled_below=50,
        waiting_count=99,
        round_count=4,
        next_try_at=1_790_000_000.25,
        reason="unavailable",
        text="no connection",
        unit="000.00.01.H26",
        since=since,
    )
    await held.write(claim, Changes(park=[message("H1", 1)], subjects=[given]))
    assert await subject(held, "H1") == replace(given, waiting_count=1)
    dead = replace(given, settled_below=40, next_try_at=None, dead=True)
    await held.write(claim, Changes(subjects=[given, dead]))
    assert await subject(held, "H1") == replace(dead, waiting_count=1, settled_below=50)
    assert await held.subjects(ROUTE, 1) == []


async def test_a_message_without_a_subject_row_is_still_found(
    held: PostgresHeldStore, claim: Claim
) -> None:
    await held.write(claim, Changes(park=[message("H1", 9)]))
    row = await subject(held, "H1")
    assert row is not None
    assert row.waiting_count == 1


async def test_settling_removes_the_row_and_remembers_how_far(
    held: PostgresHeldStore, claim: Claim
) -> None:
    await held.write(claim, queue("H1", 1, 2, 3))
    await held.write(claim, Changes(settle=[Settlement("H1", "H1/1", 2)]))
    row = await subject(held, "H1")
    assert row is not None
    assert (row.waiting_count, row.settled_below) == (2, 4)
    everything = [Settlement("H1", "H1/2", 3), Settlement("H1", "H1/3", 9)]
    await held.write(claim, Changes(settle=everything))
    row = await subject(held, "H1")
    assert row is not None
    assert (row.waiting_count, row.settled_below) == (0, 9)
    assert await held.heads(ROUTE, ["H1"], 1) == {}


async def test_a_released_head_is_set_aside_and_no_longer_counts(
    held: PostgresHeldStore, claim: Claim
) -> None:
    await held.write(claim, queue("H1", 1, 2))
    aside = Settlement("H1", "H1/1", 2, keep=HeldState.ASIDE)
    await held.write(claim, Changes(settle=[aside]))
    await held.write(claim, Changes(settle=[aside]))
    row = await subject(held, "H1")
    assert row is not None
    assert row.waiting_count == 1
    assert [r.event_id for r in (await held.heads(ROUTE, ["H1"], 9))["H1"]] == ["H1/2"]
    back = message("H1", 1, state=HeldState.WAITING)
    await held.write(claim, Changes(mark=[back]))
    assert [r.event_id for r in (await held.heads(ROUTE, ["H1"], 9))["H1"]] == ["H1/1", "H1/2"]
    row = await subject(held, "H1")
    assert row is not None
    assert row.waiting_count == 2


async def test_marking_changes_what_went_wrong_and_nothing_else(
    held: PostgresHeldStore, claim: Claim
) -> None:
    await held.write(claim, queue("H1", 1))
    new = message(
        "H1",
        1,
        value=b"not written",
        state=HeldState.DEAD,
        reason="rejected",
        text="refused",
        foreign_code="-1",
        attempts=8,
    )
    await held.write(claim, Changes(mark=[new, message("H1", 77)]))
    [row] = (await held.heads(ROUTE, ["H1"], 9))["H1"]
    assert row == replace(new, value=message("H1", 1).value, held_at=row.held_at)


async def test_only_an_empty_queue_is_forgotten(held: PostgresHeldStore, claim: Claim) -> None:
    await held.write(claim, queue("H1", 1))
    await held.write(claim, queue("H2", 2))
    settle = [Settlement("H1", "H1/1", 2)]
    await held.write(claim, Changes(settle=settle, forget=["H1", "H2", "nobody"]))
    assert [row.subject for row in await held.subjects(ROUTE, 0)] == ["H2"]


async def test_the_count_is_right_after_any_sequence_of_changes(
    held: PostgresHeldStore, store: Store, claim: Claim
) -> None:
    chance = random.Random(20261103)  # noqa: S311 - a seeded order, not a secret
    states = [HeldState.WAITING, HeldState.IN_FLIGHT, HeldState.DEAD, HeldState.ASIDE]
    for _ in range(60):
        rows = [
            message(f"H{chance.randrange(4)}", chance.randrange(12), state=chance.choice(states))
            for _ in range(9)
        ]
        keep = chance.choice([None, HeldState.ASIDE])
        await held.write(
            claim,
            Changes(
                park=rows[:4],
                settle=[Settlement(r.subject, r.event_id, 1, keep) for r in rows[4:6]],
                mark=rows[6:8],
                forget=[rows[8].subject],
            ),
        )
        for name, said, counted in await fetch(store, COUNTED):
            assert said == counted, name


async def test_odd_subjects_are_parked_like_any_other(
    held: PostgresHeldStore, claim: Claim
) -> None:
    for name in ("a\x00b", "hồ sơ 一", "'; DROP TABLE held_message; --", ""):
        await held.write(claim, queue(name, 1, 2))
        assert await subject(held, name) is not None
        assert [r.subject for r in (await held.heads(ROUTE, [name], 9))[name]] == [name, name]
        await held.write(claim, Changes(settle=[Settlement(name, f"{name}/1", 2)]))
        row = await subject(held, name)
        assert row is not None
        assert row.waiting_count == 1


async def test_a_name_too_long_for_an_index_is_parked_too(
    held: PostgresHeldStore, claim: Claim
) -> None:
    name = "".join(chr(0x4E00 + n % 5000) for n in range(9000))
    await held.write(claim, queue(name, 1))
    await held.write(claim, queue(name + "x", 2))
    counts = [row.waiting_count for row in await held.subjects(ROUTE, 0)]
    assert counts == [1, 1]


async def test_a_persons_act_reaches_the_owner_and_its_result_comes_back(
    held: PostgresHeldStore, store: Store, claim: Claim
) -> None:
    await held.write(claim, queue("H1", 1))
    acts = Acts(store)
    number = await acts.request(ROUTE, "H1", Act.REPLAY, Author("lan", "portal is back"))
    other = await held.claim(ROUTE, 1, "a", TTL)
    assert other is not None
    assert await held.commands([other]) == []
    [command] = await held.commands([other, claim])
    assert (command.id, command.subject, command.act) == (number, "H1", Act.REPLAY)
    assert (command.actor, command.reason) == ("lan", "portal is back")
    waiting = await acts.wait(number, timeout_seconds=0)
    assert waiting.done_at is None
    await held.write(claim, Changes(commands_done={number: "tried again"}))
    assert await held.commands([claim]) == []
    done = await acts.wait(number, timeout_seconds=5)
    assert done.done_at is not None
    assert done.result == "tried again"
    await held.write(claim, Changes(commands_done={number: "second result"}))
    assert (await acts.history(ROUTE, "H1"))[0].result == "tried again"


async def test_a_hundred_thousand_parked_messages_load_and_drain_quickly(
    held: PostgresHeldStore, claim: Claim
) -> None:
    """Loading takes a twentieth of parking on an idle machine; `hub bench park` has the figures."""
    body = b"x" * 900
    started = time.monotonic()
    for first in range(0, 100_000, 2000):
        rows = [
            message(f"H{offset % 10_000}", offset, value=body)
            for offset in range(first, first + 2000)
        ]
        await held.write(claim, Changes(park=rows))
    parked = time.monotonic() - started
    started = time.monotonic()
    subjects = await held.subjects(ROUTE, 0)
    assert len(subjects) == 10_000
    assert all(row.waiting_count == 10 for row in subjects)
    heads = await held.heads(ROUTE, [row.subject for row in subjects[:256]], 16)
    loaded = time.monotonic() - started
    assert all(
        [row.position for row in rows]
        == [Position("events", 0, int(name[1:]) + n * 10_000) for n in range(10)]
        for name, rows in heads.items()
    )
    assert loaded < parked / 2
