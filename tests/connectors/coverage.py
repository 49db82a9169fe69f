"""Whether stored samples show all that the documents of a system name.

A table says what the documents say; nothing here is taken from a connector. A sample counts only if
it is readable: an incoming one must become an event.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any
from urllib.parse import parse_qsl

from lxml import etree

from hub.wire.xml import XmlLimits, parse
from tests.connectors.contract import Folder, Sample

_LIMITS = XmlLimits(size_bytes=10_000_000)


@dataclass(frozen=True)
class Where:
    """Samples that a table is about: of a connector, a direction, forms (all if none), a profile.

    `place` is `connector in|out form form`, or `connector/profile out form`.
    """

    place: str

    @property
    def samples(self) -> Sequence[Shown]:
        """The readable samples."""
        name, direction, *forms = self.place.split()
        kind, _, profile = name.partition("/")
        return [
            each for each in _shown(kind, profile, direction) if not forms or each.form in forms
        ]


@dataclass(frozen=True)
class Codes:
    """A list of codes: each stands in a sample, and the event beside it says what is meant.

    Attributes:
        where: the samples; see `Where`.
        field: end of the path on the wire.
        word: name of the field in the event.
        meanings: its value by code; `` where only the code counts.
    """

    where: str
    field: str
    word: str
    meanings: Mapping[str, str]


@dataclass(frozen=True)
class Fields:
    """Fields of the wire: each is filled in a sample; the optional ones are missing in another."""

    where: str
    optional: str
    always: str = ""


@dataclass(frozen=True)
class Oddity:
    """Something known to be odd: a sample shows it, and what it becomes.

    Attributes:
        where: the samples; see `Where`.
        says: what is odd.
        wire: pattern in the bytes as text.
        beside: pattern in the events beside it.
    """

    where: str
    says: str
    wire: str
    beside: str = ""


@dataclass(frozen=True)
class Shown:
    """A readable sample: values by path on the wire, and the events beside it."""

    name: str
    form: str
    text: str
    values: Mapping[str, frozenset[str]]
    beside: str
    events: tuple[Mapping[str, frozenset[str]], ...]

    def says(self, field: str) -> frozenset[str]:
        """Values of a field, `` if it has parts or is empty."""
        found = (v for path, v in self.values.items() if f"/{path}".endswith(f"/{field}"))
        return frozenset().union(*found)

    def fills(self, field: str) -> bool:
        """Whether a field, or a part of it, says something."""
        inside = f"/{field}/"
        return any(values - {""} and inside in f"/{path}/" for path, values in self.values.items())

    def tells(self, word: str, value: str) -> bool:
        """Whether an event has this value in a field of this name."""
        return any(
            value in values
            for event in self.events
            for path, values in event.items()
            if f"/{path}".endswith(f"/{word}")
        )


def missing_codes(table: Codes) -> Iterator[str]:
    """Codes that no sample shows, or whose event says another thing."""
    for code, meaning in table.meanings.items():
        having = [each for each in Where(table.where).samples if code in each.says(table.field)]
        if not having:
            yield f"{table.field} {code}: no sample"
        elif meaning and not any(each.tells(table.word, meaning) for each in having):
            yield f"{table.field} {code}: no event says {table.word} {meaning}"


def missing_fields(table: Fields) -> Iterator[str]:
    """Fields that no sample fills, and optional ones that all do."""
    samples = Where(table.where).samples
    for field in f"{table.optional} {table.always}".split():
        filled = sum(each.fills(field) for each in samples)
        if not filled:
            yield f"{field}: filled in no sample"
        elif filled == len(samples) and field in table.optional.split():
            yield f"{field}: missing in no sample"


def shown_in(oddity: Oddity) -> list[str]:
    """Names of the samples that show it; one that all of them show is none."""
    samples = Where(oddity.where).samples
    found = [
        each.name
        for each in samples
        if re.search(oddity.wire, each.text, re.DOTALL)
        and re.search(oddity.beside, each.beside, re.DOTALL)
    ]
    return found if len(found) < len(samples) else []


@cache
def _shown(kind: str, profile: str, direction: str) -> tuple[Shown, ...]:
    folder = Folder.named(kind)
    for other in folder.profiles:
        if other.path.name == profile:
            folder = other
    return tuple(shown for each in folder.samples(direction) if (shown := _read(each)))


def _read(sample: Sample) -> Shown | None:
    beside = sample.beside.read_text(encoding="utf-8")
    if sample.beside.name.endswith(".error.json"):
        return None
    lines = [beside] if sample.beside.name.endswith(".event.json") else beside.splitlines()
    events = [json.loads(line) for line in lines]
    told = tuple(_by_path(_leaves(each)) for each in events if "error" not in each)
    if events and not told:
        return None
    body = sample.wire.read_bytes()
    wide = body.startswith((b"\xff\xfe", b"\xfe\xff"))
    text = body.decode("utf-16" if wide else "utf-8", "replace")
    return Shown(sample.wire.name, sample.form, text, _by_path(_wire(body)), beside, told)


def _by_path(pairs: Iterator[tuple[str, str]]) -> dict[str, frozenset[str]]:
    found: dict[str, set[str]] = {}
    for path, value in pairs:
        found.setdefault(path, set()).add(value)
    return {path: frozenset(values) for path, values in found.items()}


def _wire(body: bytes) -> Iterator[tuple[str, str]]:
    if body.lstrip()[:1] in (b"{", b"["):
        yield from _leaves(json.loads(body))
    elif b"<" in body[:200] or b"<\x00" in body[:200]:
        yield from _elements(parse(body, limits=_LIMITS), "")
    elif b"=" in body:
        yield from parse_qsl(body.decode(), keep_blank_values=True)
    else:
        yield "", body.decode()


def _leaves(tree: Any, path: str = "") -> Iterator[tuple[str, str]]:
    """Paths and texts of a JSON value; of JSON in a text too; items of a list share a path."""
    if isinstance(tree, dict):
        for name, value in tree.items():
            yield from _leaves(value, f"{path}/{name}".lstrip("/"))
    elif isinstance(tree, list):
        for value in tree:
            yield from _leaves(value, path)
    else:
        if isinstance(tree, str) and tree[:1] == "{" and tree[-1:] == "}" and '"' in tree:
            yield from _leaves(json.loads(tree), path)
        yield path, "" if tree is None else str(tree)


def _elements(element: Any, path: str) -> Iterator[tuple[str, str]]:
    path = f"{path}/{etree.QName(element).localname}".lstrip("/")
    yield path, (element.text or "").strip()
    for child in element.iterchildren("*"):
        yield from _elements(child, path)
