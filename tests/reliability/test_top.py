"""`hub top`: heartbeats become one frame; on the real PostgreSQL it prints it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from typer.testing import CliRunner

from hub.__main__ import commands
from hub.commands.top import frame_of
from hub.held import RouteControl
from hub.store import Store
from hub.store.acts import Author
from hub.store.held import PostgresHeldStore
from hub.store.held_view import WorkerReport
from hub.store.routes import pause

AT = datetime(2026, 11, 22, 8, tzinfo=UTC)


def partition(**figures: float) -> dict[str, float]:
    zero = dict.fromkeys(("lag", "open", "parked_subjects", "parked_messages", "dead_subjects"), 0)
    return {**zero, "oldest_parked_seconds": 0.0, **figures}


def status(delivered: int, handled: int = 0, **route: Any) -> dict[str, Any]:
    portal = {"breaker": "closed", "calls": 1, "closed": {}, "partitions": {"0": partition()}}
    return {
        "routes": {"portal": {**portal, "delivered": delivered, **route}},
        "decode": {"in.shop": {"handled": handled, "partitions": [0, 1], "closed": {}}},
    }


def report(
    worker: str, said: Mapping[str, Any], *, seconds: float = 0, age: float = 1
) -> WorkerReport:
    return WorkerReport(worker, "worker", said, AT, AT + timedelta(seconds=seconds), age)


def test_rates_are_summed_over_workers_from_two_heartbeats() -> None:
    before = [report("a", status(100, 50)), report("b", status(1000))]
    now = [
        report("a", status(140, 70), seconds=2),
        report("b", status(1010), seconds=2),
        report("c", status(7), seconds=2),
    ]
    frame = frame_of(now, before, {})
    assert frame.routes[0].per_second == 25
    assert frame.decode[0].per_second == 10
    assert (frame.routes[0].workers, frame.routes[0].partitions) == (3, 3)


def test_one_heartbeat_gives_no_rate_rather_than_a_wrong_one() -> None:
    same = [report("a", status(100))]
    assert frame_of(same, [], {}).routes[0].per_second is None
    assert frame_of(same, same, {}).routes[0].per_second is None


def test_what_is_held_is_summed_and_the_worst_is_shown() -> None:
    parked = partition(lag=5, parked_messages=9, parked_subjects=2, oldest_parked_seconds=70)
    dead = partition(lag=1, dead_subjects=1, oldest_parked_seconds=10)
    one = status(1, partitions={"0": parked, "1": dead}, breaker="half_open")
    two = status(1, breaker="open", closed={"store_away": "away"})
    (line,) = frame_of([report("a", one), report("b", two)], [], {}).routes
    assert (line.lag, line.parked, line.parked_subjects, line.dead) == (6, 9, 2, 1)
    assert line.oldest_parked_seconds == 70
    assert line.breaker == "open"
    assert line.closed == {"store_away": "away"}


def test_a_silent_worker_counts_for_nothing_and_is_named_for_a_while() -> None:
    silent = report("a", status(100), age=31)
    gone = report("b", status(100), age=301)
    frame = frame_of([silent, gone], [], {"portal": RouteControl("portal", paused=True, text="x")})
    assert [(line.worker, line.silent) for line in frame.workers] == [("a", True)]
    (line,) = frame.routes
    assert (line.workers, line.partitions) == (0, 0)
    assert line.closed == {"paused": "x"}


@pytest.fixture
def beating(migrated: str) -> str:
    """A database in which one worker has reported."""

    async def beat() -> None:
        store = Store.open(migrated)
        said = status(12, partitions={"3": partition(lag=7, parked_messages=4)})
        await PostgresHeldStore(store).report("vm-1-abc", "worker", said)
        await store.close()

    asyncio.run(beat())
    return migrated


def test_once_prints_routes_decoding_and_workers(beating: str) -> None:
    call = ["top", "--once", "--seconds", "0.1", "--postgres", beating]
    printed = CliRunner().invoke(commands(["top"]), call)
    assert printed.exit_code == 0
    for word in ("portal", "in.shop", "vm-1-abc", "works", "breaker"):
        assert word in printed.stdout


def test_a_reason_is_printed_whole_under_the_table(beating: str) -> None:
    reason = "the portal's database moves to another hall, ticket 4711, until Sunday night " * 3
    author = Author("lan", reason.strip())
    asyncio.run(_paused(beating, author))
    call = ["top", "--once", "--seconds", "0.1", "--postgres", beating]
    printed = CliRunner().invoke(commands(["top"]), call).stdout
    assert f"portal: paused, {author.reason}" in " ".join(printed.split())
    assert "of so many dossiers" in " ".join(printed.split())


async def _paused(url: str, author: Author) -> None:
    store = Store.open(url)
    await pause(store, "portal", author)
    await store.close()


def test_json_has_the_same_frame(beating: str) -> None:
    call = ["top", "--json", "--seconds", "0.1", "--postgres", beating]
    printed = CliRunner().invoke(commands(["top"]), call)
    frame = json.loads(printed.stdout)
    assert (frame["routes"][0]["lag"], frame["routes"][0]["parked"]) == (7, 4)
    assert frame["workers"][0]["partitions"] == 3


def test_a_database_that_does_not_answer_is_told_with_what_helps() -> None:
    nowhere = "postgresql://hub@127.0.0.1:1/hub"
    printed = CliRunner().invoke(commands(["top"]), ["top", "--once", "--postgres", nowhere])
    assert printed.exit_code == 1
    assert "store_away" in printed.stderr
