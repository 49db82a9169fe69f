"""Conditions: the fields that a route's `when` speaks of, against those that its kinds have.

A field that none of the kinds has is a mistake; one that some have may be meant for those. Behind
free keys (`originals`, `unknown`) and computed keys anything may stand.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from hub.event import EventData, schema_of
from hub.settings.findings import listed, nearest
from hub.settings.references import branches
from hub.when import Problem

ELEMENT = None
"""A step to an element of a list, or to an entry under a computed key."""

Steps = tuple[str | None, ...]
"""The way from `data` to a value."""

Place = tuple[Mapping[str, Any], Any]
"""A schema, and before it the document that its references point into."""

_WORD = re.compile(r""""(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*'|\w+|\S""")
_PLAIN_TEXT = re.compile(r"""(["'])[^\\]*\1""")
_WALKS = ("all", "exists", "exists_one")


def unknown_field(text: str, models: Iterable[type[EventData]]) -> Problem | None:
    """The first field in a condition that none of the models has; none: every one is there.

    Args:
        text: one that `hub.when.problem_of` finds nothing wrong with.
        models: the data of the route's kinds.
    """
    documents = [schema_of(model) for model in models]
    for steps in fields_in(text):
        places: list[Place] = [(document, document) for document in documents]
        for index, step in enumerate(steps):
            below = [_below(*place, step) for place in places]
            if None in below:
                break
            found = [each for some in below for each in some or ()]
            if places and not found:
                return _problem(_written(steps[:index]), _written(steps[: index + 1]), places)
            places = found
    return None


def fields_in(text: str) -> Iterator[Steps]:
    """Every way from `data` that a condition goes; an element's name stands for its list's way."""
    words = _WORD.findall(text)
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
        yield steps
        if words[end : end + 1] == ["."] and words[end + 1] in _WALKS:
            name, behind = words[end + 3], (*steps, ELEMENT)
            inside = range(end + 4, _closing(words, end + 2))


def _steps_from(words: Sequence[str], at: int) -> tuple[Steps, int]:
    """The fields and indices that follow, and where they end."""
    steps: list[str | None] = []
    while at < len(words):
        if words[at] == "[":
            end = _closing(words, at)
            key = words[at + 1 : end]
            plain = len(key) == 1 and _PLAIN_TEXT.fullmatch(key[0])
            steps.append(key[0][1:-1] if plain else ELEMENT)
            at = end + 1
        elif words[at] == "." and words[at + 2 : at + 3] != ["("]:
            steps.append(words[at + 1])
            at += 2
        else:
            break
    return tuple(steps), at


def _closing(words: Sequence[str], opening: int) -> int:
    """Where the bracket that opens there is closed."""
    depth = 0
    for at in range(opening, len(words)):
        depth += (words[at] in "([{") - (words[at] in ")]}")
        if not depth:
            return at
    return len(words)


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


def _written(steps: Steps) -> str:
    """A way as it stands in a condition."""
    return "data" + "".join("[…]" if step is ELEMENT else f".{step}" for step in steps)
