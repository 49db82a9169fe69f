"""What a form can carry is carried, whatever it says: texts and numbers, out and in, of every form.

A value of a sample that is prose, or the number of a person or phone, and comes out on the other
side as it went in is replaced by any other; it must come out again, at the same places. So each
sample tells itself what its form can carry, and a lost, cut, escaped or mixed up text shows.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import parse_qsl
from xml.etree import ElementTree as ET

import orjson
from hypothesis import given
from hypothesis import strategies as st

from hub.errors import HubError
from hub.event import Event
from tests.connectors.contract import Check, Folder, Sample
from tests.connectors.hostile import SETTINGS, Broken, _first_broken
from tests.connectors.reading import document_of

SIGNS = "aZ09 ăêộướỹĐ'\"<>&\\/;:|=%+#?{}[](),.-_@!"
TEXTS = (
    st.text(st.sampled_from(SIGNS), min_size=1, max_size=20)
    .map(lambda text: " ".join(f"Thử {text} nhé".split()))
    .filter(lambda text: "://" not in text)
)
"""Any line of text; spaces at its ends and in rows are not promised."""

NUMBER = re.compile(r"[0-9]{9,10}|[0-9]{12}")
PLAIN, PLAIN_DIGITS = "Thử một hai ba", "070712345678"
AND, SAYS_AND = "và", ("e_receipt",)
"""A system that does not take `&` is told it in words; no other's text may be changed so."""

Tree = Any
Place = tuple[str | int, ...]


def leaves(tree: Tree, place: Place = ()) -> Iterator[tuple[Place, str]]:
    """Every text of a JSON tree, and where it stands."""
    if isinstance(tree, str):
        yield place, tree
    elif isinstance(tree, dict):
        for name, value in tree.items():
            yield from leaves(value, (*place, name))
    elif isinstance(tree, list):
        for number, value in enumerate(tree):
            yield from leaves(value, (*place, number))


def swapped(tree: Tree, old: str, new: str) -> Tree:
    """The tree with one text for another, wherever it stands whole."""
    if isinstance(tree, dict):
        return {name: swapped(value, old, new) for name, value in tree.items()}
    if isinstance(tree, list):
        return [swapped(value, old, new) for value in tree]
    return new if tree == old else tree


def tree_of(body: bytes) -> Tree | None:
    """Wire bytes as a tree; none: a form whose texts do not stand by themselves."""
    text = body.lstrip()
    if text.startswith((b"{", b"[")):
        return orjson.loads(text)
    if text.startswith(b"<"):
        root = ET.fromstring(text)  # noqa: S314 - samples and what we encoded ourselves
        return {
            f"{number} {element.tag}": element.text
            for number, element in enumerate(root.iter())
            if element.text
        }
    if b"=" in text and b"\n" not in text:
        return dict(parse_qsl(text.decode()))
    return None


def free(text: str) -> bool:
    """Whether a text may be any other: prose of two words, or a number of a person or phone."""
    words = text.split()
    return bool(NUMBER.fullmatch(text)) or (
        len(words) > 1
        and words[0][0].isalpha()
        and any(word.isalpha() for word in words[1:])
        and "://" not in text
    )


def _places(tree: Tree, text: str) -> list[Place]:
    return [place for place, value in leaves(tree) if value == text]


def _outgoing(folder: Folder, sample: Sample) -> tuple[Tree, Callable[[Tree], Tree]]:
    document = document_of(sample.beside)

    def made(data: Tree) -> Tree:
        assert folder.connector.encode is not None
        event = Event.from_json({**document, "data": data})
        return tree_of(folder.connector.encode(event, folder.settings).body)

    return document["data"], made


def _incoming(folder: Folder, sample: Sample) -> tuple[Tree, Callable[[Tree], Tree]] | None:
    if not sample.beside.name.endswith(".events.jsonl") or sample.wire.suffix != ".json":
        return None
    tree = tree_of(sample.wire.read_bytes())

    def made(wire: Tree) -> Tree:
        items = folder.decode(orjson.dumps(wire), sample.form)
        return [
            item.data.model_dump(mode="json") if isinstance(item, Event) else None for item in items
        ]

    return tree, made


def _free_texts(tree: Tree, made: Callable[[Tree], Tree]) -> dict[str, list[Place]]:
    """The prose that comes out whole, and where; what the settings say alike does not count."""
    there = made(tree)
    found = {}
    for text in sorted({text for _, text in leaves(tree) if free(text)}):
        before = _places(there, text)
        if before:
            new = PLAIN_DIGITS[: len(text)] if NUMBER.fullmatch(text) else PLAIN
            after = _places(made(swapped(tree, text, new)), new)
            found[text] = [place for place in before if place in after]
    return found


def _lost(made: Callable[[], Tree], news: set[str], places: list[Place]) -> str:
    """Where a text did not come out in any of its forms; empty: nowhere."""
    try:
        there = made()
    except HubError as error:
        return f"{type(error).__name__} ({error})"
    after = {place for said in news for place in _places(there, said)}
    lost = [place for place in places if place not in after]
    return "/".join(map(str, lost[0])) if lost else ""


def _survives(
    folder: Folder, direction: str, sides: Callable[..., tuple[Tree, Any] | None]
) -> Iterator[str]:
    for each in (folder, *folder.profiles):
        cases = []
        for sample in each.samples(direction):
            side = sides(each, sample)
            if side is not None:
                cases += [(sample, *side, *found) for found in _free_texts(*side).items()]
        if cases:
            ands = {"&", AND} if folder.connector.kind in SAYS_AND else {"&"}
            yield from _first_broken(_attempt(cases, ands))


def _attempt(
    cases: list[tuple[Sample, Tree, Any, str, list[Place]]], ands: set[str]
) -> Callable[[], None]:
    @SETTINGS
    @given(st.integers(0, len(cases) - 1), TEXTS, st.integers(10**11, 10**12 - 1).map(str))
    def attempt(number: int, text: str, digits: str) -> None:
        sample, tree, made, old, places = cases[number]
        new = digits[: len(old)] if NUMBER.fullmatch(old) else text
        news = {new.replace("&", sign) for sign in ands}
        lost = _lost(lambda: made(swapped(tree, old, new)), news, places)
        if lost:
            raise Broken(f"{sample.form}/{sample.wire.name}: {lost} does not keep {new!r}")

    return attempt


def every_text_that_encode_carries_arrives(folder: Folder) -> Iterator[str]:
    """Whatever an event says in a field that the form has, the wire says at its place."""
    if folder.connector.encode is not None:
        yield from _survives(folder, "out", _outgoing)


def every_text_that_decode_reads_arrives(folder: Folder) -> Iterator[str]:
    """Whatever the wire says in a field that an event has, the event says."""
    if folder.connector.decode is not None:
        yield from _survives(folder, "in", _incoming)


CHECKS: tuple[Check, ...] = (
    every_text_that_encode_carries_arrives,
    every_text_that_decode_reads_arrives,
)
