"""Files of samples, read for the person who writes them: what is wrong is said in one line."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from hub.connector import ConnectorSettings, place_in
from hub.errors import DecodeError
from hub.event import Alias, Event
from hub.settings import SettingsError, read_block
from hub.settings.document import read_document

ROOT = Path(__file__).parents[2]
SHOWN_CHARACTERS = 60


class Unreadable(Exception):
    """A file that cannot be used; the text names it, its line, and what is wrong."""

    def __init__(self, file: Path, what: str, line: int = 0) -> None:
        super().__init__(f"{shown(file)}{f':{line}' if line else ''}: {what}")


def shown(file: Path) -> str:
    """A file's path from the project's root."""
    return str(file.relative_to(ROOT)) if file.is_relative_to(ROOT) else str(file)


def text_of(file: Path) -> str:
    """A text file.

    Raises:
        Unreadable: it is missing, or is not UTF-8.
    """
    try:
        return file.read_text(encoding="utf-8")
    except OSError as error:
        raise Unreadable(file, str(error.strerror)) from error
    except UnicodeDecodeError as error:
        raise Unreadable(file, "it is not UTF-8 text") from error


def document_of(file: Path) -> Any:
    """The one JSON value of a file.

    Raises:
        Unreadable: it is none.
    """
    return _json(file, text_of(file), 1)


def lines_of(file: Path) -> list[Any]:
    """The JSON value of each line of a file.

    Raises:
        Unreadable: a line is none.
    """
    return [_json(file, line, at) for at, line in enumerate(text_of(file).splitlines(), start=1)]


def _json(file: Path, text: str, first_line: int) -> Any:
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        raise Unreadable(file, f"not JSON: {error.msg}", first_line - 1 + error.lineno) from error


def block_of(file: Path) -> Any:
    """The YAML of a file; empty if there is no such file.

    Raises:
        Unreadable: it is none.
    """
    if not file.exists():
        return {}
    try:
        return yaml.safe_load(text_of(file)) or {}
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 0
        raise Unreadable(file, f"not YAML: {error.problem}", line) from error


def settings_of(file: Path, model: type[ConnectorSettings], text: str = "") -> ConnectorSettings:
    """The connector's block of hub.yaml in a file.

    Raises:
        Unreadable: its settings refuse it.
    """
    try:
        return read_block(text or text_of(file), shown(file), model)
    except SettingsError as error:
        first, *others = error.findings
        what = [str(first).partition(": ")[2], *map(str, others)]
        raise Unreadable(file, "\n".join(what), first.line) from error


def aliases_of(file: Path) -> list[Alias]:
    """The aliases that the hub knows, of `samples/ground.yaml`.

    Raises:
        Unreadable: one has other fields than an alias.
    """
    try:
        return [Alias(**each) for each in block_of(file).get("aliases", ())]
    except TypeError as error:
        what = "each of `aliases` has kind, value, subject and, if need be, facts"
        raise Unreadable(file, what) from error


def event_of(file: Path, document: Any, line: int = 0) -> Event:
    """The event of a structured CloudEvent in a file.

    Raises:
        Unreadable: it is none.
    """
    if not isinstance(document, Mapping):
        raise Unreadable(file, "an event is a JSON object", line)
    try:
        return Event.from_json(document)
    except DecodeError as error:
        raise Unreadable(file, str(error), line or _line_of(file, error.path)) from error


def _line_of(file: Path, path: str) -> int:
    """The line of a JSON value, or of what it is missing in; all JSON is YAML too."""
    steps = tuple(int(step) if step.isdigit() else step for step in path.split("/")[1:])
    try:
        return read_document(text_of(file), "").place(steps).line
    except SettingsError:  # larger or deeper than settings may be
        return 0


def difference(stored: Any, made: Any, path: str = "") -> str:
    """Where two JSON values differ first, and what stands there; empty if nowhere."""
    if isinstance(stored, dict) and isinstance(made, dict):
        for name in sorted(stored.keys() | made.keys()):
            below = f"{path}/{name}"
            if name not in made:
                return f"{below} is stored as {_short(stored[name])}, and missing in what is made"
            if name not in stored:
                return f"{below} is made as {_short(made[name])}, and not stored"
            if found := difference(stored[name], made[name], below):
                return found
        return ""
    if isinstance(stored, list) and isinstance(made, list):
        for index, pair in enumerate(zip(stored, made, strict=False)):
            if found := difference(*pair, f"{path}/{index}"):
                return found
        if len(stored) != len(made):
            return f"{path or '/'} has {len(stored)} items as stored, and {len(made)} as made"
        return ""
    if stored == made and type(stored) is type(made):
        return ""
    return f"{path or '/'} is stored as {_short(stored)}, and made as {_short(made)}"


def bytes_difference(stored: bytes, made: bytes) -> str:
    """Where two messages differ first, with what stands there."""
    what = ""
    try:
        if found := difference(json.loads(stored), json.loads(made)):
            return found
        what = "the same JSON, but not without blanks, in UTF-8 and in the file's order: "
    except ValueError:
        pass
    pairs = enumerate(zip(stored, made, strict=False))
    at = next((at for at, (one, other) in pairs if one != other), min(len(stored), len(made)))
    line = stored.count(b"\n", 0, at) + 1
    around = slice(max(at - 20, 0), at + 40)
    there, here = stored[around], made[around]
    return f"{what}line {line}, byte {at} is stored as {there!r}, and made as {here!r}"


def _short(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= SHOWN_CHARACTERS else f"{text[:SHOWN_CHARACTERS]}…"


def place_of(error: BaseException, folder: Path) -> str:
    """` at decode.py:12`: the last line of a connector's folder that an error passed."""
    place = place_in(error, folder)
    return f" at {Path(place[0]).name}:{place[1]}" if place else ""
