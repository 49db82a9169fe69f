"""Shape: how the fields of one wire object stand in one canonical part, both ways.

Reading skips what was not sent. A value that has no canonical form (an empty text, no real date,
a code that is not listed, an empty list) is kept under its wire name in the part's `originals`,
or in `unknown` where it has none; an empty list is kept as the text `[]`. Writing says what the
canonical fields hold and then fills in what was kept, so that nothing is lost or invented.

The parts are made without validation: the wire object was validated, and a second validation
costs more than everything else here together.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Generic, NamedTuple, TypeVar

from pydantic import BaseModel

from hub.wire.dvcqg.codes import FLAG_OF_TEXT
from hub.wire.dvcqg.dates import read_stamp, write_stamp

P = TypeVar("P", bound=BaseModel)
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


class Shape(Generic[P]):
    """The rows of one canonical part.

    Args:
        part: the canonical model; every field left out of the wire gets its default.
        rows: its fields.
    """

    def __init__(self, part: type[P], *rows: Row) -> None:
        self.rows = rows
        self._part = part
        self._keep = "originals" if "originals" in part.model_fields else "unknown"
        self._lists = frozenset(row.wire for row in rows if row.many)
        fields = part.model_fields.items()
        self._defaults = {n: f.default for n, f in fields if f.default_factory is None}
        self._dicts = tuple(n for n, f in fields if f.default_factory is not None)

    def values(self, sent: Mapping[str, Any], kept: dict[str, Any]) -> dict[str, Any]:
        """Canonical values of the fields that were sent; the rest goes to `kept`."""
        found: dict[str, Any] = {}
        for wire, canonical, read, _, _ in self.rows:
            value = sent[wire]
            if value is None:
                continue
            if read is None:
                if value:
                    found[canonical] = value
                    continue
            elif (got := read(value)) is not None:
                found[canonical] = got
                continue
            kept[wire] = EMPTY_LIST if value == () else value
        return found

    def make(self, values: dict[str, Any]) -> P:
        """The part with these values and the defaults of all other fields."""
        filled = {**self._defaults, **values}
        for name in self._dicts:
            if name not in values:
                filled[name] = {}
        part = self._part.__new__(self._part)
        put = object.__setattr__
        put(part, "__dict__", filled)
        put(part, "__pydantic_fields_set__", set(values))
        put(part, "__pydantic_extra__", None)
        put(part, "__pydantic_private__", None)
        return part

    def read(self, wire: BaseModel) -> P:
        """The canonical part of a wire object."""
        kept: dict[str, Any] = {}
        values = self.values(wire.__dict__, kept)
        extra = wire.__pydantic_extra__
        if self._keep == "unknown":
            kept.update(extra or ())
        elif extra:
            values["unknown"] = extra
        if kept:
            values[self._keep] = kept
        return self.make(values)

    def write(self, part: BaseModel) -> dict[str, Any]:
        """The wire object's fields (JSON values), nothing that was not sent."""
        fields = part.__dict__
        out = self.said(fields)
        self.fill_in(out, fields)
        return out

    def said(self, fields: Mapping[str, Any]) -> dict[str, Any]:
        """What the canonical fields themselves say."""
        out: dict[str, Any] = {}
        for wire, canonical, _, write, _ in self.rows:
            value = fields[canonical]
            if value is None or value == "" or value == ():
                continue
            if write is not None:
                value = write(value)
                if value is None:
                    continue
            out[wire] = value
        return out

    def fill_in(self, out: dict[str, Any], fields: Mapping[str, Any]) -> None:
        """Add what was kept as it was sent, where the canonical fields say nothing."""
        for name, text in fields.get("originals", {}).items():
            if name not in out:
                out[name] = [] if text == EMPTY_LIST and name in self._lists else text
        for name, value in fields.get("unknown", {}).items():
            out.setdefault(name, value)


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


def many(wire: str, canonical: str, shape: Shape[Any]) -> Row:
    """A list of parts; an empty one has no canonical form."""

    def read(items: Sequence[BaseModel]) -> tuple[BaseModel, ...] | None:
        return tuple([shape.read(item) for item in items]) or None

    def write(parts: Sequence[BaseModel]) -> list[dict[str, Any]]:
        return [shape.write(part) for part in parts]

    return Row(wire, canonical, read, write, many=True)


def whole_number(text: str) -> int | None:
    """The number, if its text is the one way to write it and 64 bits hold it."""
    if not (text.isascii() and text.isdecimal()) or len(text) > 18:
        return None
    return int(text) if text[0] != "0" or text == "0" else None
