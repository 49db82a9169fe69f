"""An event changes only by gaining optional fields, every field has a data class, and the JSON
Schemas are what an independent parser calls valid.

The schema of each model stands in `tests/schemas/events/`. After adding a field, write it anew:

    python -m tests.test_schemas
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Annotated, Any, get_args

import pytest
from jsonschema import Draft202012Validator
from pydantic import BaseModel, Field

import hub.schemas  # noqa: F401 - registers every kind
from hub.event import KINDS, MEANINGS, DataClass, EventData, Part, Personal, Public, schema_of
from hub.schemas.dossier import KIND_OF_STATUS
from hub.schemas.post import KIND_OF_STATE
from tests.rules.compatibility import breaks

SNAPSHOTS = Path(__file__).parent / "schemas" / "events"
KINDS_FILE = SNAPSHOTS / "kinds.json"

MODELS = {model.__name__: model for model in KINDS.values()}


def kinds() -> dict[str, str]:
    """Every kind and the name of its model."""
    return {kind: model.__name__ for kind, model in sorted(KINDS.items())}


def _read(path: Path) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return document


@pytest.mark.parametrize("name", MODELS)
def test_an_event_changes_only_by_gaining_optional_fields(name: str) -> None:
    stored = _read(SNAPSHOTS / f"{name}.json")
    assert breaks(stored, schema_of(MODELS[name])) == []


@pytest.mark.parametrize("name", MODELS)
def test_the_stored_schema_is_the_one_of_the_code(name: str) -> None:
    assert _read(SNAPSHOTS / f"{name}.json") == schema_of(MODELS[name]), "see the module's text"


def test_no_kind_disappears_or_changes_its_model() -> None:
    assert _read(KINDS_FILE) == kinds()
    stored = {path.stem for path in SNAPSHOTS.glob("*.json")} - {KINDS_FILE.stem}
    assert stored == set(MODELS)


def test_kinds_are_a_noun_and_a_verb_in_the_past_tense() -> None:
    for kind in KINDS:
        noun, _, verb = kind.partition(".")
        assert noun.islower()
        past = {"withdrawn", "sent", "put", "begun", "paid", "due_soon", "overdue"}
        assert verb.endswith("ed") or verb in past, kind


def test_every_kind_says_in_one_line_of_its_own_what_it_tells() -> None:
    assert set(MEANINGS) == set(KINDS)
    assert len(set(MEANINGS.values())) == len(KINDS)
    assert [text for text in MEANINGS.values() if not text.endswith(".") or len(text) > 90] == []


@pytest.mark.parametrize(
    ("noun", "derived"), [("dossier", KIND_OF_STATUS.values()), ("post", KIND_OF_STATE.values())]
)
def test_every_kind_that_a_status_makes_is_registered(noun: str, derived: Collection[str]) -> None:
    assert set(derived) <= {kind for kind in KINDS if kind.startswith(noun)}


@pytest.mark.parametrize("name", MODELS)
def test_an_independent_parser_finds_the_schema_valid(name: str) -> None:
    Draft202012Validator.check_schema(schema_of(MODELS[name]))


def parts_of(
    model: type[BaseModel], seen: set[type[BaseModel]] | None = None
) -> set[type[BaseModel]]:
    """A model and every model that its fields hold, however deep."""
    seen = set() if seen is None else seen
    if model not in seen:
        seen.add(model)
        for field in model.model_fields.values():
            for held in _models_in(field.annotation):
                parts_of(held, seen)
    return seen


def _models_in(annotation: Any) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for argument in get_args(annotation):
        yield from _models_in(argument)


def without_data_class(model: type[BaseModel]) -> list[str]:
    """The fields, of a model and all it holds, that do not carry exactly one data class."""
    found = []
    for part in parts_of(model):
        for name, field in part.model_fields.items():
            if sum(isinstance(extra, DataClass) for extra in field.metadata) != 1:
                found.append(f"{part.__name__}.{name}")
    return sorted(found)


@pytest.mark.parametrize("name", MODELS)
def test_every_field_has_a_data_class_and_a_description(name: str) -> None:
    assert without_data_class(MODELS[name]) == []
    for part in parts_of(MODELS[name]):
        assert issubclass(part, Part)
        assert [n for n, field in part.model_fields.items() if not field.description] == []


@pytest.mark.parametrize("name", MODELS)
def test_the_schema_tells_the_data_class_of_every_field(name: str) -> None:
    schema = schema_of(MODELS[name])
    for where, part in {name: schema, **schema.get("$defs", {})}.items():
        for field, described in part.get("properties", {}).items():
            assert described.get("x-data-class") in set(DataClass), f"{where}.{field}"


def test_a_field_without_a_data_class_is_refused_however_deep() -> None:
    class Inner(Part):
        known: Public[str] = ""
        forgotten: str = ""

    class Outer(EventData):
        inner: Personal[tuple[Inner, ...] | None] = None
        twice: Annotated[Public[str], DataClass.PERSONAL] = ""
        plain: int = Field(0, description="A number.")

    assert without_data_class(Outer) == ["Inner.forgotten", "Outer.plain", "Outer.twice"]


# The compatibility check itself


def _object(required: tuple[str, ...] = (), **properties: Any) -> dict[str, Any]:
    return {"type": "object", "properties": properties, "required": list(required)}


TEXT, NUMBER = {"type": "string"}, {"type": "integer"}
OLD = _object(("code",), code=TEXT, note=TEXT)

GAINED: dict[str, dict[str, Any]] = {
    "nothing": OLD,
    "an optional field": _object(("code",), code=TEXT, note=TEXT, more=NUMBER),
    "a description": _object(("code",), code={**TEXT, "description": "Code."}, note=TEXT),
}

LOST: dict[str, dict[str, Any]] = {
    "a field": _object(("code",), code=TEXT),
    "a new required field": _object(("code", "more"), code=TEXT, note=TEXT, more=TEXT),
    "a required field made optional": _object((), code=TEXT, note=TEXT),
    "an optional field made required": _object(("code", "note"), code=TEXT, note=TEXT),
    "another type": _object(("code",), code=NUMBER, note=TEXT),
    "a narrower type": _object(("code",), code=TEXT, note={**TEXT, "maxLength": 5}),
    "another data class": _object(("code",), code=TEXT, note={**TEXT, "x-data-class": "public"}),
}


@pytest.mark.parametrize("new", GAINED.values(), ids=GAINED.keys())
def test_gaining_something_optional_breaks_nothing(new: dict[str, Any]) -> None:
    assert breaks(OLD, new) == []


@pytest.mark.parametrize("new", LOST.values(), ids=LOST.keys())
def test_losing_or_changing_something_is_named_with_its_path(new: dict[str, Any]) -> None:
    found = breaks(OLD, new)
    assert len(found) == 1
    assert found[0].startswith("/")


def test_a_change_is_found_inside_what_a_field_holds() -> None:
    def holding(part: dict[str, Any]) -> dict[str, Any]:
        fee = {"type": "array", "items": {"$ref": "#/$defs/Fee"}}
        return _object((), fees=fee) | {"$defs": {"Fee": part}}

    assert breaks(holding(OLD), holding(_object(("code",), code=TEXT))) == [
        "/fees/*/note: the field is gone"
    ]
    assert breaks(holding(OLD), holding(_object(("code",), code=TEXT, note=TEXT, a=TEXT))) == []


@pytest.mark.parametrize("changed", [("new",), ("new", "done", "late")])
def test_a_word_of_a_list_may_neither_come_nor_go(changed: tuple[str, ...]) -> None:
    def words(*allowed: str) -> dict[str, Any]:
        return _object((), status={"type": "string", "enum": list(allowed)})

    assert breaks(words("new", "done"), words("new", "done")) == []
    assert breaks(words("new", "done"), words(*changed)) == ["/status: enum has changed"]


def test_a_model_that_holds_itself_is_compared_once() -> None:
    tree = _object((), inner={"$ref": "#/$defs/Tree"})
    assert breaks(tree | {"$defs": {"Tree": tree}}, tree | {"$defs": {"Tree": tree}}) == []


if __name__ == "__main__":
    SNAPSHOTS.mkdir(parents=True, exist_ok=True)
    for model in MODELS.values():
        written = json.dumps(schema_of(model), ensure_ascii=False, indent=1)
        (SNAPSHOTS / f"{model.__name__}.json").write_text(written + "\n", encoding="utf-8")
    KINDS_FILE.write_text(json.dumps(kinds(), indent=1) + "\n", encoding="utf-8")
