"""Conditions: the fields that a route's `when` speaks of, against those that its kinds have.

A field that none of the kinds has is a mistake; one that some have may be meant for those. Behind
free keys (`originals`, `unknown`) and computed keys anything may stand.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from hub.event import EventData, schema_of
from hub.settings.findings import listed, nearest
from hub.settings.references import branches
from hub.settings.words import closing, literal, words_of
from hub.when import Problem

ELEMENT = None
"""A step to an element of a list, or to an entry under a computed key."""

Steps = tuple[str | None, ...]
"""The way from `data` to a value."""

Place = tuple[Mapping[str, Any], Any]
"""A schema, and before it the document that its references point into."""


class Way(NamedTuple):
    """Where a condition speaks of a value: the steps to it, its first word, the word behind it."""

    steps: Steps
    start: int
    end: int


_WALKS = ("all", "exists", "exists_one")


def unknown_field(text: str, models: Iterable[type[EventData]]) -> Problem | None:
    """The first field in a condition that none of the models has; none: every one is there.

    Args:
        text: one that `hub.when.problem_of` finds nothing wrong with.
        models: the data of the route's kinds.
    """
    documents = [schema_of(model) for model in models]
    for way in ways_in(words_of(text)):
        before = _starts(documents)
        for index in range(len(way.steps)):
            found = places_at(documents, way.steps[: index + 1])
            if found is None:
                break
            if before and not found:
                return _problem(written(way.steps[:index]), written(way.steps[: index + 1]), before)
            before = found
    return None


def places_at(documents: Iterable[Mapping[str, Any]], steps: Steps) -> list[Place] | None:
    """The schemas that a way may lead to in any of the documents; none: anything."""
    places = _starts(documents)
    for step in steps:
        below = [_below(*place, step) for place in places]
        if None in below:
            return None
        places = [each for some in below for each in some or ()]
    return places


def _starts(documents: Iterable[Mapping[str, Any]]) -> list[Place]:
    return [(document, document) for document in documents]


def ways_in(words: Sequence[str]) -> Iterator[Way]:
    """Every way from `data` that a condition goes; an element's name stands for its list's way."""
    name, behind, inside = "", Steps(), range(0)
    for at, word in enumerate(words):
        if at and words[at - 1] == ".":
            continue  # a field or a function, looked at with what stands before it
        if at in inside and word == name:
            start = behind
        elif word == "data":
            start = ()
        else:
            continue
        more, end = _steps_from(words, at + 1)
        steps = (*start, *more)
        yield Way(steps, at, end)
        if words[end : end + 1] == ["."] and words[end + 1] in _WALKS:
            name, behind = words[end + 3], (*steps, ELEMENT)
            inside = range(end + 4, closing(words, end + 2))


def _steps_from(words: Sequence[str], at: int) -> tuple[Steps, int]:
    """The fields and indices that follow, and where they end."""
    steps: list[str | None] = []
    while at < len(words):
        if words[at] == "[":
            end = closing(words, at)
            key = literal(words[at + 1]) if end == at + 2 else None
            steps.append(key if isinstance(key, str) else ELEMENT)
            at = end + 1
        elif words[at] == "." and words[at + 2 : at + 3] != ["("]:
            steps.append(words[at + 1])
            at += 2
        else:
            break
    return tuple(steps), at


def _below(document: Mapping[str, Any], schema: Any, step: str | None) -> list[Place] | None:
    """What a step may lead to; none: anything."""
    found: list[Place] = []
    for branch in branches(document, schema):
        if "$ref" in branch or "anyOf" in branch:
            continue  # what it stands for comes too
        kind, free = branch.get("type"), branch.get("additionalProperties")
        known = branch.get("properties", {})
        if kind is None or free is True or (kind == "object" and step is ELEMENT):
            return None
        if kind == "array" and step is ELEMENT:
            found.append((document, branch.get("items", {})))
        elif step in known:
            found.append((document, known[step]))
        elif free is not None:
            found.append((document, free))
    return found


def _problem(above: str, wrong: str, places: Iterable[Place]) -> Problem:
    found = [branch for place in places for branch in branches(*place)]
    names = {name for branch in found for name in branch.get("properties", ())}
    what = f"no kind of this route has the field `{wrong}`"
    if names:
        close = nearest(wrong.rpartition(".")[2], names)
        return Problem(what, f"Known in `{above}`: {listed(names)}.", close)
    if any(branch.get("type") == "array" for branch in found):
        return Problem(what, f"`{above}` is a list: write `{above}.exists(x, …)`.")
    return Problem(what, f"`{above}` has no fields.")


def written(steps: Steps) -> str:
    """A way as it stands in a condition."""
    return "data" + "".join("[…]" if step is ELEMENT else f".{step}" for step in steps)
