"""Comparisons: what a route's `when` compares fields with, against what its kinds can have there.

Only a whole field beside a literal is looked at (`data.status == 'done'`, `data.status in [...]`);
what any of the kinds can have is right.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Any, NamedTuple

from hub.event import EventData, schema_of
from hub.settings.conditions import Place, places_at, ways_in, written
from hub.settings.findings import listed, nearest
from hub.settings.references import branches
from hub.settings.words import Literal, closing, literal, literals, words_of
from hub.when import Problem

EQUAL = frozenset({"==", "!="})
ORDERED = frozenset({"<", ">", "<=", ">="})
BEFORE = frozenset({"", "(", "[", ",", "&&", "||", "?", ":"})
"""What stands before a comparison, so that it is one of its own."""
BEHIND = frozenset({"", ")", "]", ",", "&&", "||", "?", ":"})
NOUNS = {
    "string": "a text",
    "integer": "a whole number",
    "number": "a number",
    "boolean": "true or false",
    "array": "a list",
    "object": "a group of fields",
}
TYPES: dict[type, frozenset[str]] = {
    str: frozenset({"string"}),
    bool: frozenset({"boolean"}),
    int: frozenset({"integer", "number"}),
    float: frozenset({"integer", "number"}),
}


class Compared(NamedTuple):
    """One literal beside a field; `alike`: it must be the very same (`==`, `!=`, `in`)."""

    value: Literal
    alike: bool


def wrong_comparison(text: str, models: Mapping[str, type[EventData]]) -> Problem | None:
    """The first literal that a field is compared with and cannot be; none: every one can.

    Args:
        text: one in which `unknown_field` finds nothing.
        models: the data of the route's kinds, by kind.
    """
    words = words_of(text)
    documents = [schema_of(model) for model in dict.fromkeys(models.values())]
    kinds: Place = ({}, {"type": "string", "enum": sorted(models)})
    told = [("kind", [kinds], at, at + 1) for at in _attributes(words, "kind")] if models else []
    told += [
        (written(way.steps), places, way.start, way.end)
        for way in ways_in(words)
        if (places := places_at(documents, way.steps))
    ]
    for name, places, start, end in told:
        for compared in _compared(words, start, end):
            problem = _problem(name, places, compared)
            if problem is not None:
                return problem
    return None


def _attributes(words: Sequence[str], name: str) -> Iterator[int]:
    """Where an event's attribute stands; an element of that name hides it."""
    if (name, ",") not in pairwise(words):
        yield from (
            at for at, word in enumerate(words) if word == name and words[at - 1 : at] != ["."]
        )


def _compared(words: Sequence[str], start: int, end: int) -> Iterator[Compared]:
    """The literals that what stands from `start` to `end` is compared with."""
    around = ["", "", "", *words, "", "", ""]
    before, behind = around[start : start + 3], around[end + 3 : end + 6]
    if before[2] in BEFORE and behind[0] in EQUAL | ORDERED and behind[2] in BEHIND:
        yield from _one(behind[1], behind[0])
    if before[0] in BEFORE and before[2] in EQUAL | ORDERED and behind[0] in BEHIND:
        yield from _one(before[1], before[2])
    if before[2] in BEFORE and behind[:2] == ["in", "["]:
        inside = literals(words[end + 2 : closing(words, end + 1)])
        yield from (Compared(value, alike=True) for value in inside or ())


def _one(word: str, operator: str) -> Iterator[Compared]:
    value = literal(word)
    if value is not None:
        yield Compared(value, operator in EQUAL)


def _problem(name: str, places: Iterable[Place], compared: Compared) -> Problem | None:
    value = compared.value
    found = [each for place in places for each in branches(*place)]
    whole = [each for each in found if not {"$ref", "anyOf"} & set(each)]
    types = {each.get("type") for each in whole} - {"null"}
    if None in types:
        return None
    fitting = [each for each in whole if each["type"] in TYPES[type(value)]]
    if not fitting:
        nouns = " or ".join(sorted(NOUNS[str(kind)] for kind in types))
        return Problem(
            f"`{name}` is {nouns}, and is compared with `{_shown(value)}`",
            f"Write `{name}.exists(x, x == …)`."
            if types == {"array"}
            else "Compare like with like.",
        )
    words = [set(_words(each)) for each in fitting]
    if not compared.alike or not all(words) or any(value in some for some in words):
        return None
    known = {str(word) for some in words for word in some}
    return Problem(
        f"`{name}` is never `{_shown(value)}`",
        f"Known: {listed(known)}.",
        nearest(str(value), known),
    )


def _words(schema: Mapping[str, Any]) -> Iterator[Any]:
    """What a schema allows, where it lists it."""
    yield from schema.get("enum", ())
    if "const" in schema:
        yield schema["const"]


def _shown(value: Literal) -> str:
    """A literal as it stands in a condition."""
    return str(value).lower() if isinstance(value, bool) else repr(value)
