"""Validation: a section against its pydantic model, every fault as a finding with its place."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from functools import cache
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from hub.settings.document import Document
from hub.settings.findings import Path, dotted, listed, nearest
from hub.settings.references import branches, child, refuse_literal_secrets

S = TypeVar("S", bound=BaseModel)


@cache
def schema_of(model: type[BaseModel]) -> Mapping[str, Any]:
    """A model's JSON Schema; making it takes a hundred times as long as using it."""
    return model.model_json_schema()


def validate(
    document: Document, model: type[S], data: Any, at: Path, references: set[Path]
) -> S | None:
    """The section at `at` as its model, or none when it has findings.

    Args:
        data: what to validate; normally the document's own data at `at`.
        references: paths that were written as references; a secret elsewhere is refused.
    """
    before = len(document.findings)
    schema = schema_of(model)
    refuse_literal_secrets(document, schema, data, at, references)
    try:
        section = model.model_validate(data)
    except ValidationError as error:
        told = {finding.path for finding in document.findings}
        for fault in error.errors(include_url=False, include_input=False):
            if dotted((*at, *fault["loc"])) not in told:  # an unresolved reference, say
                _report(document, schema, at, fault)
        return None
    return section if len(document.findings) == before else None


def _report(document: Document, schema: Mapping[str, Any], at: Path, fault: Any) -> None:
    steps: Path = tuple(fault["loc"])
    path = (*at, *steps)
    kind: str = fault["type"]
    if kind == "extra_forbidden":
        unknown_key(document, path, known_keys(schema, steps[:-1]))
    elif kind == "missing":
        what = f"`{steps[-1]}` is missing" if steps else "it is missing"
        document.report(path, what, _description(schema, steps), at_key=True)
    elif steps and steps[-1] == "[key]":
        document.report(path[:-1], "the name has not the right form", fault["msg"], at_key=True)
    else:
        expected = known_values(schema, steps)
        written = _written(document, path)
        message = _of_length(fault) if written else ""
        document.report(
            path,
            message or _sentence(fault["msg"]),
            _description(schema, steps),
            nearest=nearest(written, expected) if expected and written else "",
        )


def unknown_key(document: Document, path: Path, known: Collection[str]) -> None:
    """Report a key that nobody reads, with those that are known beside it."""
    name = str(path[-1])
    document.report(
        path,
        f"unknown key `{name}`",
        f"Known here: {listed(known)}." if known else "Remove it.",
        nearest=nearest(name, known),
        at_key=True,
    )


def _of_length(fault: Any) -> str:
    """What is said of a secret text's length, which pydantic counts in items; `` for the rest."""
    if fault["type"] == "too_short":
        return f"it should have at least {fault['ctx']['min_length']} characters"
    if fault["type"] == "too_long":
        return f"it should have at most {fault['ctx']['max_length']} characters"
    return ""


def _sentence(message: str) -> str:
    text = message.removeprefix("Value error, ")
    text = re.sub(r"\btuple\b", "list", text, flags=re.IGNORECASE)  # our models hold YAML lists so
    return text[:1].lower() + text[1:]


def _written(document: Document, path: Path) -> str:
    """The text at `path`, for a comparison with known values; never printed."""
    data: Any = document.data
    for step in path:
        try:
            data = data[step]
        except (KeyError, IndexError, TypeError):
            return ""
    return data if isinstance(data, str) else ""


def _description(schema: Mapping[str, Any], steps: Path) -> str:
    for branch in _schemas_at(schema, steps):
        if "description" in branch and "\n" not in branch["description"]:
            return f"It is: {branch['description']}"
    return ""


def known_keys(schema: Mapping[str, Any], steps: Path) -> list[str]:
    """Keys that the schema knows in the mapping at `steps`."""
    return [name for each in _schemas_at(schema, steps) for name in each.get("properties", ())]


def known_values(schema: Mapping[str, Any], steps: Path) -> list[str]:
    """Texts that the schema allows at `steps`, when it lists them."""
    values: list[Any] = []
    for each in _schemas_at(schema, steps):
        values += each.get("enum", ())
        values += [each["const"]] if "const" in each else []
    return [value for value in values if isinstance(value, str)]


def _schemas_at(schema: Mapping[str, Any], steps: Path) -> list[Mapping[str, Any]]:
    found = list(branches(schema, schema))
    for step in steps:
        below = [part for each in found for part in branches(schema, child(each, step))]
        found = below or found  # a step of pydantic's own (a union's branch) changes nothing
    return found
