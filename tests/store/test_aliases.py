"""100,000 aliases: each question finds its rows by an index, and a page is one statement."""

from __future__ import annotations

import tracemalloc
from typing import Any, LiteralString

import pytest
from psycopg.types.json import Jsonb

from hub.connectors.document_exchange.waiting import Waiting
from hub.event import Alias
from hub.store import Store
from hub.store.aliases import (
    FIND,
    FORGET,
    PUT,
    RESOLVE,
    AliasFilter,
    find_aliases,
    forget_aliases,
    put_aliases,
    resolve_aliases,
)

COUNT = 100_000
PAGE_COUNT = 5_000
FILL = """
INSERT INTO alias (kind, value, subject, facts, changed_at)
SELECT 'kind-' || n %% 10, 'v' || n, 's' || n, jsonb_build_object('state', n %% 2 = 0),
    now() - make_interval(secs => n)
FROM generate_series(1, %s) AS n
"""


@pytest.fixture
async def filled(store: Store) -> Store:
    async with store.pipeline() as pipeline:
        await pipeline.run(FILL, COUNT)
        await pipeline.run("ANALYZE alias")
    return store


def scans(plan: Any) -> list[tuple[str, str]]:
    """Each node that reads a table, and the index that it reads it by."""
    found = []
    if "Relation Name" in plan or "Index Name" in plan:
        found.append((plan["Node Type"], plan.get("Index Name", "")))
    for below in plan.get("Plans", ()):
        found += scans(below)
    return found


async def plan_of(store: Store, statement: LiteralString, *values: object, **named: object) -> Any:
    async with store.pipeline() as pipeline:
        query: LiteralString = "EXPLAIN (FORMAT JSON) " + statement
        rows = await (pipeline.ask(query, named) if named else pipeline.run(query, *values))
        ((told,),) = await rows.fetchall()
    return told[0]["Plan"]


async def test_every_question_about_aliases_goes_by_an_index(filled: Store) -> None:
    kinds, values = ["kind-1"] * 100, [f"v{n}1" for n in range(100)]
    asked = {"kind": "kind-1", "facts": Jsonb({"state": True}), "seconds": 60.0, "limit": 100}
    plans = {
        "resolve": await plan_of(filled, RESOLVE, kinds, values),
        "find": await plan_of(filled, FIND, subject=None, **asked),
        "find of a subject": await plan_of(filled, FIND, subject="s11", **asked),
        "forget": await plan_of(filled, FORGET, kinds, values, ["{}"] * 100),
    }
    for name, plan in plans.items():
        assert "Seq Scan" not in {node for node, _ in scans(plan)}, name
    assert ("Index Scan", "ix_alias_kind_changed_at") in scans(plans["find"]), plans["find"]


class Counting:
    """A store that counts the statements sent through it."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.statements: list[str] = []

    def pipeline(self) -> Any:
        return self

    async def __aenter__(self) -> Counting:
        self._opened = self.store.pipeline()
        self._inner = await self._opened.__aenter__()
        return self

    async def __aexit__(self, *error: Any) -> Any:
        return await self._opened.__aexit__(*error)

    async def run(self, statement: LiteralString, *values: object) -> Any:
        self.statements.append(statement)
        return await self._inner.run(statement, *values)


async def test_a_page_of_aliases_is_one_statement_each_way(filled: Store) -> None:
    counting: Any = Counting(filled)
    page = [Alias("kind-1", f"new{n}", f"s{n}", {"state": "x"}) for n in range(PAGE_COUNT)]
    await put_aliases(counting, page)
    found = await resolve_aliases(counting, [(each.kind, each.value) for each in page])
    await forget_aliases(counting, page)
    assert counting.statements == [PUT, RESOLVE, FORGET]
    assert len(found) == PAGE_COUNT
    assert await resolve_aliases(filled, [(each.kind, each.value) for each in page]) == {}


async def test_memory_is_that_of_what_was_asked_for_not_of_the_table(filled: Store) -> None:
    await find_aliases(filled, AliasFilter(kind="kind-1", limit=1))
    tracemalloc.start()
    found = await find_aliases(filled, AliasFilter(kind="kind-1", limit=100))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert [each.value for each in found[:2]] == [f"v{COUNT - 9}", f"v{COUNT - 19}"]
    assert len(found) == 100
    assert peak < 1_000_000, peak


class Reads(dict[str, Any]):
    """A listed row that counts how often it is read."""

    count = 0

    def get(self, *name: Any) -> Any:
        Reads.count += 1
        return super().get(*name)


def test_a_list_of_5000_packages_is_read_in_one_pass_however_many_are_away() -> None:
    rows = [
        Reads(docId=f"d{n}", to="H99.01", created_time="", **{"from": f"H99.{n % 50}"})
        for n in range(PAGE_COUNT)
    ]
    waiting = Waiting(1e9, lambda: 0.0)
    waiting.look(rows)
    for row in rows[:500]:
        waiting.failed(row)
    Reads.count = 0
    fresh, again = waiting.look(rows)
    held = sum(waiting.is_held(row) for row in rows)
    assert (len(fresh), len(again)) == (PAGE_COUNT - 500, 500)
    assert held == PAGE_COUNT - 50
    assert Reads.count <= PAGE_COUNT * 6
