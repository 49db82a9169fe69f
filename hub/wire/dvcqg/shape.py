"""Shape: how the fields of one wire object stand in one canonical part, both ways.

Reading skips what was not sent. A value that has no canonical form (an empty text, no real date,
a code that is not listed, an empty list) is kept under its wire name in the part's `originals`,
or in `unknown` where it has none; an empty list is kept as the text `[]`. Writing says what the
canonical fields hold and then fills in what was kept, so that nothing is lost or invented.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from operator import attrgetter
from typing import Any, NamedTuple

from pydantic import BaseModel

from hub.wire.dvcqg.codes import FLAG_OF_TEXT
from hub.wire.dvcqg.dates import read_stamp, write_stamp
from hub.wire.dvcqg.models import WirePart

EMPTY_LIST = "[]"


class Row(NamedTuple):
    """One field: `read` gives `None` for what has no canonical form, `write` for nothing to say.

    Attributes:
        wire, canonical: the field's two names.
        read, write: the two ways; `None` for a text that stays as it is.
        many: the wire field is a list.
    """

    wire: str
    canonical: str
    read: Callable[[Any], Any] | None = None
    write: Callable[[Any], Any] | None = None
    many: bool = False


class Shape:
    """The rows of one canonical part of this model; at least one of them is a plain text."""

    def __init__(self, part: type[BaseModel], *rows: Row) -> None:
        self._texts = tuple((row.wire, row.canonical) for row in rows if row.read is None)
        self._wire_texts = tuple(wire for wire, _ in self._texts)
        self._canonical_texts = tuple(canonical for _, canonical in self._texts)
        self._get_texts = _getter(self._wire_texts)
        self._readers = tuple((r.wire, r.canonical, r.read) for r in rows if r.read is not None)
        self._get_read = _getter(tuple(wire for wire, _, _ in self._readers))
        self._writers = tuple((r.wire, r.canonical, r.write) for r in rows if r.write is not None)
        self._lists = frozenset(row.wire for row in rows if row.many)
        self.rows = rows
        self._keep = "originals" if "originals" in part.model_fields else "unknown"

    def values(self, wire: WirePart, kept: dict[str, Any]) -> dict[str, Any]:
        """Canonical values of the fields that were sent; what has no form goes to `kept`."""
        texts = self._get_texts(wire)
        found = {
            name: text for name, text in zip(self._canonical_texts, texts, strict=True) if text
        }
        for (name, canonical, read), value in zip(self._readers, self._get_read(wire), strict=True):
            if value is None:
                continue
            if not value and value == ():
                kept[name] = EMPTY_LIST
            elif (got := read(value)) is not None:
                found[canonical] = got
            else:
                kept[name] = value
        if "" in texts:
            kept.update(
                (name, "") for name, text in zip(self._wire_texts, texts, strict=True) if text == ""
            )
        return found

    def read(self, wire: WirePart) -> dict[str, Any]:
        """The canonical values of a whole wire object."""
        kept: dict[str, Any] = {}
        values = self.values(wire, kept)
        extra = wire.__pydantic_extra__
        if self._keep == "unknown":
            kept.update(extra or ())
        elif extra:
            values["unknown"] = extra
        if kept:
            values[self._keep] = kept
        return values

    def write(self, part: BaseModel) -> dict[str, Any]:
        """The wire object's fields (JSON values), nothing that was not sent."""
        out = self.said(part.__dict__)
        self.fill_in(out, part.__dict__)
        return out

    def said(self, fields: Mapping[str, Any]) -> dict[str, Any]:
        """What the canonical fields themselves say."""
        out = {wire: text for wire, canonical in self._texts if (text := fields[canonical])}
        for wire, canonical, write in self._writers:
            value = fields[canonical]
            if not value and (value is None or value == () or value == ""):
                continue
            if (said := write(value)) is not None:
                out[wire] = said
        return out

    def fill_in(self, out: dict[str, Any], fields: Mapping[str, Any]) -> None:
        """Add what was kept as it was sent, where the canonical fields say nothing."""
        for name, text in fields.get("originals", {}).items():
            if name not in out:
                out[name] = [] if text == EMPTY_LIST and name in self._lists else text
        for name, value in fields.get("unknown", {}).items():
            out.setdefault(name, value)


class Spread:
    """Reads several parts out of one parsed object, in one walk over what was sent.

    For objects exactly in the documented format (all values texts or lists, no unknown names);
    gives what `Shape.values` gives for each of the shapes, in half of the time.
    """

    def __init__(self, *shapes: Shape) -> None:
        self._count = len(shapes)
        self._rows = {
            row.wire: (number, row.canonical, row.read)
            for number, shape in enumerate(shapes)
            for row in shape.rows
            if not row.many
        }
        self._lists = {
            row.wire: (number, row.canonical, row.read)
            for number, shape in enumerate(shapes)
            for row in shape.rows
            if row.many
        }

    def values(self, tree: Mapping[str, Any], wire: Any, kept: dict[str, Any]) -> list[Any]:
        """Canonical values of each shape; `wire` is the object of `tree`, for its lists."""
        parts: list[dict[str, Any]] = [{} for _ in range(self._count)]
        rows = self._rows
        for name, value in tree.items():
            row = rows.get(name)
            if value is None:
                continue
            if row is None:
                if name in self._lists:
                    self._read_list(name, getattr(wire, name), parts, kept)
                continue
            number, canonical, read = row
            if not value:
                kept[name] = ""
            elif read is None:
                parts[number][canonical] = value
            elif (got := read(value)) is not None:
                parts[number][canonical] = got
            else:
                kept[name] = value
        return parts

    def _read_list(
        self, name: str, items: Any, parts: list[dict[str, Any]], kept: dict[str, Any]
    ) -> None:
        number, canonical, read = self._lists[name]
        if items and read is not None:
            parts[number][canonical] = read(items)
        else:
            kept[name] = EMPTY_LIST


def _getter(names: tuple[str, ...]) -> Callable[[Any], tuple[Any, ...]]:
    """attrgetter, which gives a tuple only for two names and more, made to give one always."""
    if not names:
        return lambda _: ()
    get = attrgetter(*names)
    return get if len(names) > 1 else lambda wire: (get(wire),)


def date(wire: str, canonical: str) -> Row:
    """A `yyyyMMddHHmmss` field."""
    return Row(wire, canonical, read_stamp, write_stamp)


def coded(wire: str, canonical: str, of_code: Mapping[str, Any], to_code: Mapping[Any, str]) -> Row:
    """A field with a code list."""
    return Row(wire, canonical, of_code.get, to_code.get)


def flag(wire: str, canonical: str) -> Row:
    """A boolean in any spelling; written as `"1"` and `"0"`."""
    return Row(wire, canonical, FLAG_OF_TEXT.get, "01".__getitem__)


def number(wire: str, canonical: str, write: Callable[[int], Any] = str) -> Row:
    """A whole number, `0` or more."""
    return Row(wire, canonical, whole_number, write)


def many(wire: str, canonical: str, shape: Shape) -> Row:
    """A list of parts; an empty one has no canonical form."""

    def read(items: Sequence[WirePart]) -> list[dict[str, Any]]:
        return [shape.read(item) for item in items]

    def write(parts: Sequence[BaseModel]) -> list[dict[str, Any]]:
        return [shape.write(part) for part in parts]

    return Row(wire, canonical, read, write, many=True)


def whole_number(text: str) -> int | None:
    """The number, if its text is the one way to write it and 64 bits hold it."""
    if not (text.isascii() and text.isdecimal()) or len(text) > 18:
        return None
    return int(text) if text[0] != "0" or text == "0" else None
