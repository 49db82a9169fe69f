"""Conditions of routes: what they see, what they skip, what they refuse, what they cost."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.errors import ConfigError, EncodeError
from hub.held import Act
from hub.outcome import State
from hub.settings.routes import standard_routes
from hub.when import REMEMBERED_COUNT, When, problem_of
from tests.engine import toy
from tests.engine.station import ROUTE, Worker, World
from tests.engine.virtual import pass_time, run

FROM = "/connectors/toy/H99.01"
EVENT = {"kind": "a.b", "source": FROM, "subject": "S", "unit": "H99.01"}


def never() -> Any:
    raise AssertionError("the text does not speak of data")


def holds(text: str, data: Callable[[], Any] = never, **changes: str) -> bool:
    return When(text).holds((EVENT | changes).__getitem__, data)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('!source.startsWith("/connectors/toy/")', False),
        ('!source.startsWith("/connectors/portal/")', True),
        ('kind == "a.b" && unit in ["H99.01", "H99.02"]', True),
        ('subject.matches("^[A-Z]$")', True),
        ('"data" == kind', False),
        ("unit.contains('h') || subject.size() == 2", False),
    ],
)
def test_a_condition_over_attributes_never_asks_for_the_data(text: str, expected: bool) -> None:
    assert holds(text) is expected


def test_data_is_asked_once_and_only_if_the_text_speaks_of_it() -> None:
    asked = []

    def data() -> dict[str, Any]:
        asked.append(1)
        return {"status": "done", "fees": [{"amount_vnd": 5}], "step": None}

    assert holds("data.status == 'done' && data.fees.exists(f, f.amount_vnd > 4)", data)
    assert holds("data.step == null && data.status != 'new'", data)
    assert len(asked) == 2


@pytest.mark.parametrize(
    "text",
    [
        "data.nope == 1",
        "data.fees[0] == 1",
        "data.text > 1",
        "data.text.matches('(')",
        "data.text",
        "data.fees",
        "1 / data.zero == 1",
    ],
)
def test_what_cannot_be_computed_says_so_without_the_event_s_values(text: str) -> None:
    data = {"text": "Nguyễn Văn Mẫu", "fees": [], "zero": 0}
    with pytest.raises(EncodeError) as failed:
        holds(text, lambda: data)
    assert failed.value.code == "when_failed"
    assert "Mẫu" not in str(failed.value)


PROBLEMS = [
    # text, part of what, nearest
    ("kind ==", "no CEL expression (character 8)", ""),
    ("", "no CEL expression", ""),
    ("(" * 400 + "true" + ")" * 400, "no CEL expression", ""),
    ("knid == 'a'", "unknown name `knid`", "kind"),
    ("date.status == 'x'", "unknown name `date`", "data"),
    ("source.startWith('a')", "unknown function `startWith`", "startsWith"),
    ("data.a.all(x, y == 1)", "unknown name `y`", ""),
    ("data.a.all(x, data.b.exists(y, x == y))", "more than once", ""),
    ("data.a.all(x, true) || data.a.//\nall(x, true)", "a comment", ""),
    ("data.a == r'\\' || data.a.all(x, x == '') || data.b.all(x, true)", "a prefix", ""),
    ("data.a.all(x, x == '''a''')", "three quotes", ""),
    ("data.a.filter(x, x > 1).size() == 1", "builds a list (`filter`)", ""),
    ("data.a.map(x, x)[0] == 1", "builds a list (`map`)", ""),
    ("data.a.exists(x, x in data.a)", "speaks of `data` again", ""),
    ("data.a.exists(data, data == 1)", "speaks of `data` again", ""),
    ("cel.bind(x, 1, x == 1)", "unknown", ""),
    ("source", "neither true nor false", ""),
    ("source > 1", "cannot be computed (TypeError)", ""),
    ("Foo{a: 1}", "cannot be computed", ""),
]


@pytest.mark.parametrize(("text", "what", "nearest"), PROBLEMS, ids=[p[0][:30] for p in PROBLEMS])
def test_a_wrong_text_is_found_before_the_first_event(text: str, what: str, nearest: str) -> None:
    problem = problem_of(text)
    assert problem is not None
    assert what in problem.what
    assert problem.todo
    assert problem.nearest == nearest
    with pytest.raises(ConfigError):
        When(text)


def test_names_of_macros_inside_texts_are_no_walks() -> None:
    text = """data.a.exists(x, x == ".all(y, data" && (kind != '.map(z,')) && data.b != '//'"""
    assert problem_of(text) is None


@pytest.mark.parametrize(
    "text",
    [
        f"data.papers.exists(x, {'x.name == kind || ' * 40}false)",
        "data.papers.all(x, x.name.matches('(n+n+)+y') == false)",
        f"data.papers.exists(x, {'x.name + ' * 90}'' == 'y')",
        "'y' in data.names || data.names == data.others",
    ],
)
def test_a_condition_over_the_largest_event_ends_in_time(text: str) -> None:
    """A message of a megabyte; the bound is wide, and what is refused above took minutes."""
    names = ["n" * 40] * 10_000
    data = {"papers": [{"name": name} for name in names], "names": names, "others": list(names)}
    assert len(text) <= 1000
    begun = time.process_time()
    holds(text, lambda: data)
    assert time.process_time() - begun < 5


def test_answers_are_remembered_and_the_memory_is_bounded() -> None:
    when = When("source == 'x0'")
    for number in range(REMEMBERED_COUNT + 10):
        assert when.holds({"source": f"x{number}"}.__getitem__, never) is (number == 0)
    assert len(when._known) <= REMEMBERED_COUNT
    by_subject = When("subject != ''")
    assert by_subject.holds({"subject": "S"}.__getitem__, never)
    assert not by_subject._known


@given(st.text(max_size=60) | st.text("()[]!&|=.'\"x1 datkinfoexsl", max_size=60))
def test_any_text_is_either_refused_or_can_be_computed(text: str) -> None:
    if problem_of(text) is None:
        with suppress(EncodeError):
            assert holds(text, lambda: {"a": [1]}) in (True, False)


def test_every_standard_route_s_condition_is_right() -> None:
    texts = {name: route.when for name, route in standard_routes().items() if route.when}
    assert {name: problem_of(text) for name, text in texts.items() if problem_of(text)} == {}


def test_a_false_condition_skips_like_a_kind_that_the_route_does_not_take() -> None:
    async def main() -> None:
        world = World(when="data.status_code != '1' && subject != 'B'")
        for subject in "AAABBA":
            world.send(subject)
        worker = Worker(world, "w").start()
        await pass_time(3)
        assert world.destination.taken == {"A": [0, 2, 3]}
        assert [each.state for each in world.topics.outcomes()] == [State.DELIVERED] * 3
        assert world.log.offsets[0] == (6, "")
        await worker.end()

    run(main())


@pytest.mark.parametrize("when", ["subject != 'B'", "data.status_code == '0' && subject != 'B'"])
def test_a_condition_holds_also_where_encode_only_looks_at_the_event(when: str) -> None:
    async def main() -> None:
        world = World(when=when, connector=replace(toy.connector(), reads_lean=True))
        for subject in "AB":
            world.send(subject)
        worker = Worker(world, "w").start()
        await pass_time(3)
        assert world.destination.taken == {"A": [0]}
        assert worker.failed() is None
        await worker.end()

    run(main())


def test_what_the_condition_fails_for_is_dead_and_can_be_replayed_after_it_is_mended() -> None:
    async def main() -> None:
        world = World(when="data.step.content == 'x'")  # the toy's facts have no step
        world.send("A")
        world.send("A")
        worker = Worker(world, "w").start()
        await pass_time(3)
        assert not world.destination.taken
        dead, behind = world.store.queue(ROUTE, "A")
        assert (dead.state, dead.reason) == ("dead", "when_failed")
        assert behind.state == "waiting"
        await worker.end()
        world.when = "data.step == null"
        worker = Worker(world, "w2").start()
        world.store.ask(ROUTE, 0, "A", Act.REPLAY)
        await pass_time(12)
        assert world.destination.taken["A"] == [0, 1]
        await worker.end()

    run(main())


def test_a_body_that_nobody_can_read_dies_in_its_lane_and_is_not_skipped() -> None:
    async def main() -> None:
        world = World(when="data.status == 'done'")
        key, _, headers = toy.event_record("A", 0)
        world.log.append(0, (key, b"{", headers))
        worker = Worker(world, "w").start()
        await pass_time(2)
        [row] = world.store.queue(ROUTE, "A")
        assert (row.state, row.reason) == ("dead", "undecodable")
        await worker.end()

    run(main())
