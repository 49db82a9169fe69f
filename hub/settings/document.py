"""Document: a YAML file as plain data, with the place of every key and value.

Read through PyYAML's `compose`, so that marks exist. Plain scalars follow the core schema of
YAML 1.2 (https://yaml.org/spec/1.2.2/#103-core-schema): only `true` and `false` are booleans,
only decimal digits are integers, and a date stays the text that was written.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

import yaml

from hub.settings.findings import Finding, Level, Path, SettingsError, dotted

SIZE_LIMIT_BYTES = 2_000_000
NODE_LIMIT = 200_000
DEPTH_LIMIT = 30

INTEGER = re.compile(r"[-+]?(0|[1-9][0-9]{0,17})")
NUMBER = re.compile(r"[-+]?(0|[1-9][0-9]{0,17})\.[0-9]{1,17}")
CONSTANTS = {"": None, "~": None, "null": None, "true": True, "false": False}
TAG = "tag:yaml.org,2002:"
PLAIN = ("null", "bool", "int", "float", "str", "timestamp", "value", "merge")
SCALARS = {TAG + name for name in PLAIN}
"""Tags that a scalar gets by itself; any other was written on purpose."""
LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class Place(NamedTuple):
    """Line and column, counted from 1."""

    line: int
    column: int


@dataclass(slots=True)
class Document:
    """A settings file, read.

    Attributes:
        file: the file as the caller named it.
        data: the content: dicts with text keys, lists, text, numbers, booleans, none.
        values, keys: place of each value, and of the key that names it.
        findings: what is wrong with it so far.
    """

    file: str
    data: dict[str, Any] = field(default_factory=dict)
    values: dict[Path, Place] = field(default_factory=dict)
    keys: dict[Path, Place] = field(default_factory=dict)
    findings: list[Finding] = field(default_factory=list)

    def report(
        self, path: Path, what: str, todo: str = "", *, nearest: str = "", at_key: bool = False
    ) -> None:
        """Add a finding at the place of `path`, or of the nearest thing above it that exists."""
        line, column = self.place(path, at_key=at_key)
        self.findings.append(Finding(self.file, line, column, dotted(path), what, nearest, todo))

    def warn(
        self, path: Path, what: str, todo: str, *, nearest: str = "", at_key: bool = False
    ) -> None:
        """The same as a warning."""
        self.report(path, what, todo, nearest=nearest, at_key=at_key)
        self.findings[-1] = replace(self.findings[-1], level=Level.WARNING)

    @property
    def errors(self) -> list[Finding]:
        """Findings with which the file cannot be used."""
        return [finding for finding in self.findings if finding.level is Level.ERROR]

    def is_sound(self, path: Path) -> bool:
        """Whether nothing at or below `path` has an error."""
        name = dotted(path)
        return not any(f"{each.path}.".startswith(f"{name}.") for each in self.errors)

    def place(self, path: Path, *, at_key: bool = False) -> Place:
        """Where a value, or its key, stands; what is not there has the place of its parent."""
        if at_key and path in self.keys:
            return self.keys[path]
        for length in range(len(path), -1, -1):
            above = path[:length]
            if length < len(path) and above in self.keys:
                return self.keys[above]
            if above in self.values:
                return self.values[above]
        return Place(1, 1)


def read_document(text: str, file: str) -> Document:
    """Parse a settings file; faults of single entries become findings of the document.

    Raises:
        SettingsError: it is not YAML, not a mapping, or too large.
    """
    document = Document(file)
    if len(text) > SIZE_LIMIT_BYTES:
        raise SettingsError([Finding(file, 0, 0, "", "the file is larger than 2 MB")])
    try:
        node = yaml.compose(text, Loader=LOADER)
    except yaml.YAMLError as error:
        raise SettingsError([_syntax_finding(error, file)]) from error
    if node is None:
        return document
    if not isinstance(node, yaml.MappingNode):
        raise SettingsError([Finding(file, 1, 1, "", "the file must be a mapping of sections")])
    document.data = _Reader(document).mapping(node, ())
    return document


def _syntax_finding(error: yaml.YAMLError, file: str) -> Finding:
    mark = getattr(error, "problem_mark", None)
    what = getattr(error, "problem", None) or "it cannot be read"
    line, column = (mark.line + 1, mark.column + 1) if mark else (0, 0)
    todo = "Check the indentation and the quotes of this line and the one before."
    return Finding(file, line, column, "", f"not YAML: {what}", todo=todo)


class _Reader:
    """Turns nodes into plain data, remembering places and counting what aliases multiply."""

    def __init__(self, document: Document) -> None:
        self._document = document
        self._nodes_count = 0
        self._by_kind: dict[type[yaml.Node], Callable[[Any, Path], Any]] = {
            yaml.MappingNode: self.mapping,
            yaml.SequenceNode: self._sequence,
            yaml.ScalarNode: self._scalar,
        }

    def _value(self, node: yaml.Node, path: Path) -> Any:
        self._nodes_count += 1
        if len(path) > DEPTH_LIMIT or self._nodes_count > NODE_LIMIT:
            file, place = self._document.file, _place(node)
            what = "too deep or too many values (aliases count as often as they are used)"
            raise SettingsError([Finding(file, *place, dotted(path[:DEPTH_LIMIT]), what)])
        self._document.values[path] = _place(node)
        return self._by_kind[type(node)](node, path)

    def mapping(self, node: yaml.MappingNode, path: Path) -> dict[str, Any]:
        self._check_tag(node, path, "map")
        data: dict[str, Any] = {}
        for key_node, value_node in node.value:
            if not isinstance(key_node, yaml.ScalarNode):
                self._fault(key_node, path, "a key must be a plain name", "Quote it.")
                continue
            key = key_node.value
            step = (*path, key)
            if key in data:
                first = self._document.keys[step].line
                what = f"`{key}` stands here a second time (first in line {first})"
                self._fault(key_node, step, what, "Keep one.")
                continue
            self._document.keys[step] = _place(key_node)
            if key_node.tag == f"{TAG}merge":
                what = "merge keys are not supported"
                self._fault(key_node, step, what, "Write the entries out.")
                continue
            data[key] = self._value(value_node, step)
        return data

    def _sequence(self, node: yaml.SequenceNode, path: Path) -> list[Any]:
        self._check_tag(node, path, "seq")
        return [self._value(item, (*path, index)) for index, item in enumerate(node.value)]

    def _scalar(self, node: yaml.ScalarNode, path: Path) -> str | int | float | bool | None:
        if node.tag not in SCALARS:
            self._document.report(path, f"the tag `{node.tag}` is not known", "Remove it.")
        text: str = node.value
        if node.style in ("'", '"', "|", ">") or node.tag == f"{TAG}str":
            return text
        if text.lower() in CONSTANTS:
            return CONSTANTS[text.lower()]
        if INTEGER.fullmatch(text):
            return int(text)
        return float(text) if NUMBER.fullmatch(text) else text

    def _fault(self, node: yaml.Node, path: Path, what: str, todo: str) -> None:
        document = self._document
        place = _place(node)
        document.findings.append(Finding(document.file, *place, dotted(path), what, todo=todo))

    def _check_tag(self, node: yaml.Node, path: Path, expected: str) -> None:
        if node.tag != TAG + expected:
            self._document.report(path, f"the tag `{node.tag}` is not known", "Remove it.")


def _place(node: yaml.Node) -> Place:
    return Place(node.start_mark.line + 1, node.start_mark.column + 1)
