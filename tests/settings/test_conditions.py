"""Fields in conditions: what no kind of the route has is named, what is right is never refused."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

import pytest

import hub.schemas  # noqa: F401 - registers the kinds
from hub.event import KINDS
from hub.settings.conditions import ELEMENT, unknown_field, ways_in
from hub.settings.routes import standard_routes
from hub.settings.words import words_of
from hub.when import When, problem_of
from tests.rules.tree import ROOT

DOSSIER = KINDS["dossier.received"]
PETITION = KINDS["petition.received"]

FIELDS: list[tuple[str, list[tuple[str | None, ...]]]] = [
    ("kind == 'data.nope' && unit != \"data.nope\"", []),
    ("data.unit == 'H1' || data . status != ''", [("unit",), ("status",)]),
    ("has(data.step.at) && data.step.officer.contains('x')", [("step", "at"), ("step", "officer")]),
    ("data['unit'] == data[\"status\"]", [("unit",), ("status",)]),
    ("data.dossier.fees[0].name.size() > 1", [("dossier", "fees", ELEMENT, "name")]),
    ("data.dossier.fees[size(data.unit)].code == ''", [("dossier", "fees", ELEMENT, "code")]),
    (
        "data.dossier.fees.exists(f, f.code == 'a' && f . name != unit)",
        [
            ("dossier", "fees"),
            ("dossier", "fees", ELEMENT, "code"),
            ("dossier", "fees", None, "name"),
        ],
    ),
    (
        "data.dossier.fees.all(unit, unit.code == '') && unit == 'H1'",
        [("dossier", "fees"), ("dossier", "fees", ELEMENT, "code")],
    ),
    ("['a', 'b'].exists(x, x == 'data') && data.unit in ['H1']", [("unit",)]),
]


@pytest.mark.parametrize(("text", "expected"), FIELDS, ids=[text for text, _ in FIELDS])
def test_the_fields_of_a_condition_are_read(
    text: str, expected: list[tuple[str | None, ...]]
) -> None:
    assert problem_of(text) is None
    found = [way.steps for way in ways_in(words_of(text))]
    assert [steps for steps in expected if steps not in found] == []
    assert not any("nope" in steps for steps in found)


UNKNOWN: list[tuple[str, str, str, str]] = [
    # text, field, nearest, part of what to do
    ("data.unitt == 1", "data.unitt", "unit", "Known in `data`: `code`, `dossier`"),
    ("has(data.steps)", "data.steps", "step", ""),
    ("kind == 'a' && data['stats'] == 'done'", "data.stats", "status", ""),
    ("data.step.oficer == ''", "data.step.oficer", "officer", "Known in `data.step`"),
    ("data.unit.name == ''", "data.unit.name", "", "`data.unit` has no fields"),
    ("data.dossier.fees.name == ''", "data.dossier.fees.name", "", "fees.exists(x, …)"),
    (
        "data.dossier.fees.exists(f, f.amount == 1)",
        "data.dossier.fees[…].amount",
        "amount_vnd",
        "Known in `data.dossier.fees[…]`",
    ),
    ("data.dossier.fees[0].nam == ''", "data.dossier.fees[…].nam", "name", ""),
    ("data.dossier.originals.NgayHen.x == ''", "data.dossier.originals.NgayHen.x", "", "no fields"),
]


@pytest.mark.parametrize(
    ("text", "field", "nearest", "todo"), UNKNOWN, ids=[each[0] for each in UNKNOWN]
)
def test_a_field_that_no_kind_has_is_named(text: str, field: str, nearest: str, todo: str) -> None:
    assert problem_of(text) is None
    problem = unknown_field(text, [DOSSIER])
    assert problem is not None
    assert problem.what == f"no kind of this route has the field `{field}`"
    assert problem.nearest == nearest
    assert todo in problem.todo


@pytest.mark.parametrize(
    "text",
    [
        "data.origin == 'desk' && data.status == 'done'",
        "data.dossier.unknown.anything.further == 1",
        "data.dossier.unknown['a b'].c == 1",
        "data.dossier.originals.NgayHenTra != ''",
        "data.dossier.originals.exists(name, name == 'NgayHenTra')",
        "data[kind].x == 1",
        "data['\\u0075nit'] == ''",
        "data['un' + 'it'] == ''",
        "data.dossier.fees[0].name == ''",
    ],
)
def test_what_may_be_there_is_not_refused(text: str) -> None:
    assert problem_of(text) is None
    assert unknown_field(text, [DOSSIER, PETITION]) is None


def test_a_route_without_known_kinds_has_no_second_fault() -> None:
    assert unknown_field("data.unitt == 1", []) is None


def conditions(value: Any, way: str = "data") -> Iterator[str]:
    """A condition for every field of an event's data, in each of the ways to write it."""
    yield f"{way} == {way}"
    if isinstance(value, Mapping):
        for name, each in value.items():
            if name.isidentifier():
                yield f"has({way}.{name})"
                yield from conditions(each, f"{way}.{name}")
            yield from conditions(each, f"{way}[{json.dumps(name)}]")
    elif isinstance(value, list):
        yield f"{way}.size() > 0"
        for each in value[:1]:
            yield from conditions(each, f"{way}[0]")
        for name in value[0] if value and isinstance(value[0], Mapping) else ():
            yield f"{way}.exists(one, one.{name} == one.{name})"


def test_no_field_of_any_sample_is_refused() -> None:
    """What `when` sees of an event, every field of it with its default."""
    tried = set()
    for file in sorted((ROOT / "hub" / "connectors").rglob("*.events.jsonl")):
        for line in file.read_text(encoding="utf-8").splitlines():
            event = json.loads(line) if line.strip() else {}
            if "type" not in event:
                continue
            model = KINDS[event["type"]]
            data = model.model_validate(event["data"]).model_dump(mode="json")
            tried |= {(model, text) for text in conditions(data) if text.count("[") < 3}
    for model in {model for model, _ in tried}:
        whole = " && ".join(text for each, text in tried if each is model)
        assert unknown_field(whole, [model]) is None
    assert len(tried) > 2000


def test_every_standard_route_s_condition_speaks_of_known_fields() -> None:
    found = {}
    for name, route in standard_routes().items():
        models = {model for kind, model in KINDS.items() if route.takes(kind)}
        if route.when and (problem := unknown_field(route.when, models)):
            found[name] = problem
    assert found == {}


def test_a_condition_that_is_let_pass_can_be_computed_for_a_sample() -> None:
    """The way that the check follows is the one that CEL follows."""
    told = {"code": "A", "unit": "H1", "status": "done"}
    data = DOSSIER.model_validate(told).model_dump(mode="json")
    text = "data['unit'] == 'H1' && data.status == \"done\" && data.dossier == null"
    assert unknown_field(text, [DOSSIER]) is None
    assert When(text).holds(str, lambda: data)
