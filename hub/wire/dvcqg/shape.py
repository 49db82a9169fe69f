"""Shape: how the fields of one wire object stand in one canonical part, both ways.

Reading skips what was not sent. A value that has no canonical form (an empty text, no real date,
a code that is not listed, an empty list) is kept under its wire name in the part's `originals`,
or in `unknown` where it has none; an empty list is kept as the text `[]`. Writing says what the
canonical fields hold and then fills in what was kept, so that nothing is lost or invented.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
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
    """The rows of one canonical part of this model.

    `values(wire, kept)` gives the canonical values of the fields that were sent; what has no form
    goes to `kept`. `say(part, out)` puts into `out` what the canonical fields themselves say;
    `part` is the model or its lean twin.
    """

    def __init__(self, part: type[BaseModel], *rows: Row) -> None:
        self.values = _reader(rows)
        self.say = _writer(rows)
        self._lists = frozenset(row.wire for row in rows if row.many)
        self._keep = "originals" if "originals" in part.model_fields else "unknown"

    def read(self, wire: WirePart) -> dict[str, Any]:
        """The canonical values of a whole wire object."""
        kept: dict[str, Any] = {}
        values = self.values(wire, kept)
        extra = wire.__pydantic_extra__
        if self._keep == "unknown":
            kept.update(sorted(extra.items()) if extra else ())
        elif extra:
            values["unknown"] = dict(sorted(extra.items()))
        if kept:
            values[self._keep] = kept
        return values

    def write(self, part: Any) -> dict[str, Any]:
        """The wire object's fields (JSON values), nothing that was not sent."""
        out: dict[str, Any] = {}
        self.say(part, out)
        self.fill_in(out, part)
        return out

    def fill_in(self, out: dict[str, Any], part: Any) -> None:
        """Add what was kept as it was sent, where the canonical fields say nothing."""
        for name, text in getattr(part, "originals", {}).items():
            if name not in out:
                out[name] = [] if text == EMPTY_LIST and name in self._lists else text
        for name, value in getattr(part, "unknown", {}).items():
            out.setdefault(name, value)


def _reader(rows: Sequence[Row]) -> Callable[[Any, dict[str, Any]], dict[str, Any]]:
    """What `Shape.values` is."""
    lines = ["def values(wire, kept):", "    found = {}"]
    readers: dict[str, Any] = {}
    for number, row in enumerate(rows):
        take = f"found[{row.canonical!r}] = "
        lines.append(f"    value = wire.{row.wire}")
        if row.read is None or row.many:
            said = "value" if row.read is None else f"read_{number}(value)"
            empty = EMPTY_LIST if row.many else ""
            lines += [
                "    if value:",
                f"        {take}{said}",
                "    elif value is not None:",
                f"        kept[{row.wire!r}] = {empty!r}",
            ]
        else:
            lines += [
                "    if value is not None:",
                f"        got = read_{number}(value)",
                "        if got is None:",
                f"            kept[{row.wire!r}] = value",
                "        else:",
                f"            {take}got",
            ]
        readers[f"read_{number}"] = row.read
    lines.append("    return found")
    return _compiled("values", lines, readers)


def _writer(rows: Sequence[Row]) -> Callable[[Any, dict[str, Any]], None]:
    """What `Shape.say` is: the texts, then what is written otherwise."""
    lines = ["def say(part, out):", "    pass"]
    writers: dict[str, Any] = {}
    for row in rows:
        if row.read is None:
            lines.append(f"    if value := part.{row.canonical}:")
            lines.append(f"        out[{row.wire!r}] = value")
    for number, row in enumerate(rows):
        if row.write is not None:
            lines += [
                f"    value = part.{row.canonical}",
                '    if value or (value is not None and value != "" and value != ()):',
                f"        said = write_{number}(value)",
                "        if said is not None:",
                f"            out[{row.wire!r}] = said",
            ]
            writers[f"write_{number}"] = row.write
    return _compiled("say", lines, writers)


def _compiled(name: str, lines: Sequence[str], functions: dict[str, Any]) -> Callable[..., Any]:
    """The function of these lines: one that names each field takes a third of a loop's time.

    Its text is made of the names in the rows, which are ours, once, when the module is imported.
    """
    exec("\n".join(lines), functions)  # noqa: S102 - see above
    made: Callable[..., Any] = functions[name]
    return made


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
