"""What a condition compares its fields with: what cannot be there is named, nothing else."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

import pytest

import hub.schemas  # noqa: F401 - registers the kinds
from hub.event import KINDS
from hub.settings.comparisons import wrong_comparison
from hub.settings.conditions import unknown_field
from hub.settings.routes import standard_routes
from hub.when import problem_of, problem_with
from tests.rules.tree import ROOT

DOSSIER = {kind: KINDS[kind] for kind in ("dossier.received", "dossier.finished")}
FEES = "data.dossier.fees"

WRONG: list[tuple[str, str, str]] = [
    # text, what, nearest
    ("data.status == 'recieved'", "`data.status` is never `'recieved'`", "received"),
    ("'recieved' != data.status", "`data.status` is never `'recieved'`", "received"),
    ("data['status'] == \"Done\"", "`data.status` is never `'Done'`", "done"),
    ("unit == 'H' && (data.status in ['done', 'stoped'])", "never `'stoped'`", "stopped"),
    ("data.code == 3", "`data.code` is a text, and is compared with `3`", ""),
    ("data.code == true", "`data.code` is a text, and is compared with `true`", ""),
    ("data.code < 3", "is a text, and is compared with `3`", ""),
    ("1.5 >= data.unit", "is a text, and is compared with `1.5`", ""),
    (f"{FEES} == 'a'", f"`{FEES}` is a list, and is compared with `'a'`", ""),
    ("data.dossier == 'a'", "`data.dossier` is a group of fields", ""),
    (f"{FEES}.exists(fee, fee.amount_vnd == '3')", "[…].amount_vnd` is a whole number", ""),
    (f"{FEES}[0].amount_vnd == 'a'", "[…].amount_vnd` is a whole number", ""),
    ("kind == 'dossier.recieved'", "`kind` is never `'dossier.recieved'`", "dossier.received"),
    ("kind in ['dossier.received', 'post.tracked']", "`kind` is never `'post.tracked'`", ""),
]


@pytest.mark.parametrize(("text", "what", "nearest"), WRONG, ids=[each[0] for each in WRONG])
def test_what_a_field_cannot_be_is_named(text: str, what: str, nearest: str) -> None:
    assert problem_of(text) is None
    problem = wrong_comparison(text, DOSSIER)
    assert problem is not None
    assert what in problem.what
    assert problem.nearest == nearest
    assert problem.todo


@pytest.mark.parametrize(
    "text",
    [
        "data.status == 'done' || data.code != ''",
        "data.dossier != null && null == data.step",
        "data.dossier.unknown.anything == 3",
        f"{FEES}.exists(fee, fee.amount_vnd > 0)",
        f"{FEES}[0].amount_vnd > 1.5",
        f"{FEES}.size() == 3",
        "size(data.code) == 3",
        "data.code + 'a' == 'ba' && 'b' + data.status == 'bdone'",
        "'done' + 'x' == data.status + 'x'",
        "data.status < 'm'",
        "data.code == data.unit",
        "int(data.code) == 3",
        "data.status in [data.code, 'nowhere']",
        "kind == 'dossier.finished' && unit == 'H1'",
        "['a'].exists(kind, kind == 'a') && data.code == ''",
        "data.code == (unit == '' ? 'a' : 'b')",
    ],
)
def test_what_may_be_is_not_refused(text: str) -> None:
    assert problem_of(text) is None
    assert wrong_comparison(text, DOSSIER) is None


def test_what_one_of_the_kinds_can_be_is_right() -> None:
    both = {**DOSSIER, "petition.received": KINDS["petition.received"]}
    for kind in both:
        assert wrong_comparison(f"kind == '{kind}'", both) is None
    assert wrong_comparison("data.status == 'anything'", {}) is None


def literals(value: Any, way: str = "data") -> Iterator[str]:
    """A comparison for every field of an event's data, with the value that it has."""
    if isinstance(value, Mapping):
        for name, each in value.items():
            yield from literals(each, f"{way}[{json.dumps(name)}]")
    elif isinstance(value, list):
        for each in value[:1]:
            yield from literals(each, f"{way}[0]")
    elif value is not None and "\\" not in (text := json.dumps(value, ensure_ascii=False)):
        yield f"{way} == {text}"


def test_no_value_of_any_sample_is_refused() -> None:
    tried = 0
    for file in sorted((ROOT / "hub" / "connectors").rglob("*.events.jsonl")):
        for line in file.read_text(encoding="utf-8").splitlines():
            event = json.loads(line) if line.strip() else {}
            if "type" not in event:
                continue
            model = KINDS[event["type"]]
            data = model.model_validate(event["data"]).model_dump(mode="json")
            texts = [each for each in literals(data) if each.count("[") < 4]
            whole = " && ".join([f"kind == '{event['type']}'", *texts])
            assert wrong_comparison(whole, {event["type"]: model}) is None, file.name
            tried += len(texts)
    assert tried > 1000


def test_no_standard_route_s_condition_is_refused() -> None:
    for route in standard_routes().values():
        models = {kind: model for kind, model in KINDS.items() if route.takes(kind)}
        if route.when:
            assert unknown_field(route.when, models.values()) is None
            assert wrong_comparison(route.when, models) is None


VALUES: list[tuple[str, str]] = [
    ("data.code", "neither true nor false"),
    ("data.x == 1 ? data.code : 'b'", "neither true nor false"),
    ("data.code.size()", "neither true nor false"),
    ("!data.code", "cannot be computed (TypeError)"),
    ("data.code && true", "cannot be computed (TypeError)"),
    ("data.code + 1 == 'a1'", "cannot be computed (TypeError)"),
]
EVENTS = [{"kind": "a.b", "data": {"code": code, "x": 1, "more": None}} for code in ("a", "b")]


@pytest.mark.parametrize(("text", "what"), VALUES, ids=[each[0] for each in VALUES])
def test_a_value_that_is_no_condition_shows_when_it_is_tried(text: str, what: str) -> None:
    assert problem_of(text) is None
    problem = problem_with(text, EVENTS)
    assert problem is not None
    assert what in problem.what


@pytest.mark.parametrize("text", ["data.x == 1", "data.more.x == 1 || data.x == 1", "data.y == 1"])
def test_what_an_example_lacks_is_no_problem(text: str) -> None:
    assert problem_with(text, EVENTS) is None
    assert problem_with(text, []) is None
