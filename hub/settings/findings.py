"""Finding: one thing that is wrong in hub.yaml, with its place and what to do about it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from difflib import get_close_matches
from enum import StrEnum

from hub.errors import ConfigError

Path = tuple[str | int, ...]
"""Steps from the top of the document to a value: keys and list indices."""


class Level(StrEnum):
    """How bad a finding is."""

    ERROR = "error"
    """It cannot work: the hub does not start."""
    WARNING = "warning"
    """It is probably not what is meant: the hub starts, `hub check` says so."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One fault of a settings file; never holds a secret's value.

    Attributes:
        file: the file as the caller named it.
        line, column: counted from 1; 0 when the fault has no place in the file.
        path: dotted path of the value (`connectors.one_stop.accounts.0.password`), `` for none.
        what: what is wrong, one sentence.
        nearest: the known name closest to an unknown one, `` for none.
        todo: what to do about it, one sentence.
        level: an error, or a warning.
    """

    file: str
    line: int
    column: int
    path: str
    what: str
    nearest: str = ""
    todo: str = ""
    level: Level = Level.ERROR

    def __str__(self) -> str:
        place = f"{self.file}:{self.line}:{self.column}" if self.line else self.file
        level = "" if self.level is Level.ERROR else self.level
        text = ": ".join(part for part in (place, level, self.path, self.what) if part)
        if self.nearest:
            text += f"; did you mean `{self.nearest}`?"
        return f"{text} {self.todo}".rstrip() if self.nearest else f"{text}. {self.todo}".rstrip()

    def to_json(self) -> dict[str, str | int]:
        """All fields, for `hub check --json`."""
        return asdict(self)


class SettingsError(ConfigError):
    """A settings file cannot be used.

    Args:
        findings: everything that is wrong with it.
    """

    code = "settings"

    def __init__(self, findings: Iterable[Finding]) -> None:
        self.findings = in_order(findings)
        super().__init__("\n".join(str(finding) for finding in self.findings))


def in_order(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """Findings in the order of the file."""
    return tuple(sorted(findings, key=lambda each: (each.line, each.column)))


def dotted(path: Path) -> str:
    """A path as people write it: `connectors.one_stop.accounts.0`."""
    return ".".join(str(step) for step in path)


def nearest(name: str, known: Iterable[str]) -> str:
    """The known name closest to `name`, `` when none is close."""
    by_lower = {each.lower(): each for each in known}
    close = get_close_matches(name.lower(), by_lower, n=1, cutoff=0.6)
    return by_lower[close[0]] if close else ""


def listed(names: Iterable[str]) -> str:
    """Names for a sentence: sorted, in backquotes, every one."""
    return ", ".join(f"`{name}`" for name in sorted(names))
