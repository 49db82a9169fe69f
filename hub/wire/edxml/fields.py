"""Fields of an edXML element, found by local name, whatever prefix, namespace and order."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any

from hub.errors import DecodeError
from hub.wire.edxml.dates import read_day, read_moment
from hub.wire.xml import Element, local_name, path_of

TEXT_LIMIT = 20_000
"""Longest text of a field; a longer one is no title and no reason."""


class Fields:
    """One element, and what of it has been read.

    Args:
        element: of the parsed tree.
        originals: gets texts that have no canonical form, by path.
    """

    def __init__(self, element: Element, originals: dict[str, str]) -> None:
        self.element = element
        self._originals = originals
        self._children: dict[str, list[Element]] = {}
        for child in element.iterchildren("*"):
            self._children.setdefault(local_name(child), []).append(child)
        self._read: set[str] = set()

    @property
    def path(self) -> str:
        """Where it stands; see `hub.wire.xml.path_of`."""
        return path_of(self.element)

    def child(self, name: str) -> Fields | None:
        """The one child of this name, `None` if there is none.

        Raises:
            DecodeError: there are several: two readers might take different ones.
        """
        found = self._of(name)
        if len(found) > 1:
            raise DecodeError("stands more than once", path=f"{self.path}/{name}")
        return Fields(found[0], self._originals) if found else None

    def needed(self, name: str) -> Fields:
        """The one child of this name.

        Raises:
            DecodeError: it is missing, or there are several.
        """
        found = self.child(name)
        if found is None:
            raise DecodeError("is missing", path=f"{self.path}/{name}")
        return found

    def children(self, name: str) -> Sequence[Fields]:
        """All children of this name, in order."""
        return [Fields(element, self._originals) for element in self._of(name)]

    def has(self, name: str) -> bool:
        """Whether there is a child of this name."""
        return name in self._children

    def text(self, name: str = "") -> str:
        """The text of the one child of this name, or of this element; `` if there is none.

        Raises:
            DecodeError: longer than any field is, or there are several.
        """
        if name:
            found = self.child(name)
            return "" if found is None else found.text()
        text = (self.element.text or "").strip()
        if len(text) > TEXT_LIMIT:
            raise DecodeError("the text is too long", path=self.path, code="too_large")
        return text

    def texts(self, name: str) -> tuple[str, ...]:
        """The texts of all children of this name that have one."""
        return tuple(text for each in self.children(name) if (text := each.text()))

    def day(self, name: str) -> date | None:
        """A date; a text of another form is kept as original."""
        text = self.text(name)
        day = read_day(text)
        if text and day is None:
            self._odd(name, text)
        return day

    def moment(self, name: str) -> datetime | None:
        """A date with time; a text of another form is kept as original."""
        text = self.text(name)
        moment = read_moment(text)
        if text and moment is None:
            self._odd(name, text)
        return moment

    def number(self, name: str) -> int | None:
        """A whole number from 0; a text of another form is kept as original."""
        text = self.text(name)
        if text.isascii() and text.isdecimal() and len(text) <= 9:
            return int(text)
        if text:
            self._odd(name, text)
        return None

    def flag(self, name: str) -> bool | None:
        """A yes or no, as `0`/`1` or a word; a text of another form is kept as original."""
        text = self.text(name)
        if text.lower() in ("1", "true"):
            return True
        if text.lower() in ("0", "false"):
            return False
        if text:
            self._odd(name, text)
        return None

    def rest(self) -> dict[str, Any]:
        """What nobody has read, by name: texts, or lists and objects of them."""
        return {
            name: [_plain(each) for each in elements] if len(elements) > 1 else _plain(elements[0])
            for name, elements in self._children.items()
            if name not in self._read
        }

    def _of(self, name: str) -> list[Element]:
        self._read.add(name)
        return self._children.get(name, [])

    def _odd(self, name: str, text: str) -> None:
        self._originals[f"{self.path}/{name}".partition("MessageHeader/")[2] or name] = text


def _plain(element: Element) -> Any:
    children = list(element.iterchildren("*"))
    if not children:
        return (element.text or "").strip()
    return [{local_name(child): _plain(child)} for child in children]
