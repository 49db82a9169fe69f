"""The source tree as the rules see it: parsed modules, their imports and their comments."""

from __future__ import annotations

import ast
import gc
import io
import re
import tokenize
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]

Function = ast.FunctionDef | ast.AsyncFunctionDef


def parsed(source: str, path: str = "<unknown>") -> ast.Module:
    """The syntax tree of a text, with the garbage collector held back.

    What it finds may log a traceback, which parses in turn: CPython 3.11 then miscounts the depth
    of the outer parse and raises SystemError (gh-106905).
    """
    collecting = gc.isenabled()
    gc.disable()
    try:
        return ast.parse(source, path)
    finally:
        if collecting:
            gc.enable()


@dataclass(frozen=True)
class Module:
    """One parsed file.

    Attributes:
        path: relative to the repository, with `/` (`hub/connectors/post/decode.py`).
        source: its text.
        tree: its syntax tree.
    """

    path: str
    source: str
    tree: ast.Module

    @classmethod
    def parse(cls, path: str, source: str) -> Module:
        """The module of a text that stands, or would stand, at `path`."""
        return cls(path, source, parsed(source, path))

    @property
    def name(self) -> str:
        """Dotted name (`hub.connectors.post.decode`)."""
        return self.path.removesuffix(".py").removesuffix("/__init__").replace("/", ".")

    @property
    def package(self) -> str:
        """Dotted name that relative imports start from."""
        return self.name if self.path.endswith("/__init__.py") else self.name.rpartition(".")[0]

    def at(self, node: ast.AST | int, text: str) -> str:
        """One violation, as `path:line: text`."""
        line = node if isinstance(node, int) else getattr(node, "lineno", 1)
        return f"{self.path}:{line}: {text}"

    def imports(self) -> Iterator[tuple[ast.stmt, str]]:
        """Every imported name in full (`from a import b` is `a.b`), wherever it stands."""
        for node in ast.walk(self.tree):
            if isinstance(node, ast.Import):
                for alias in node.names:
                    yield node, alias.name
            elif isinstance(node, ast.ImportFrom):
                start = node.module or ""
                if node.level:
                    above = self.package.split(".")
                    above = above[: len(above) - node.level + 1]
                    start = ".".join([*above, start] if start else above)
                for alias in node.names:
                    yield node, f"{start}.{alias.name}"

    def functions(self) -> Iterator[Function]:
        """Every function and method, nested ones too."""
        for node in ast.walk(self.tree):
            if isinstance(node, Function):
                yield node

    def classes(self) -> Iterator[ast.ClassDef]:
        """Every class, nested ones too."""
        for node in ast.walk(self.tree):
            if isinstance(node, ast.ClassDef):
                yield node

    def comments(self) -> dict[int, str]:
        """Text of each comment, without `#`, by line."""
        tokens = tokenize.generate_tokens(io.StringIO(self.source).readline)
        return {
            token.start[0]: token.string.lstrip("# ")
            for token in tokens
            if token.type == tokenize.COMMENT
        }


@cache
def modules(*folders: str) -> tuple[Module, ...]:
    """Every module below these folders of the repository, migrations and `no_python` excepted."""
    found = []
    for name, source in _sources(*folders):
        with suppress(SyntaxError):
            found.append(Module.parse(name, source))
    return tuple(found)


def no_python(*folders: str) -> Iterator[str]:
    """Every file that cannot be parsed, as `path:line: text`; no rule can look at it."""
    for name, source in _sources(*folders):
        try:
            parsed(source, name)
        except SyntaxError as error:
            yield f"{name}:{error.lineno}: {error.msg}"


def _sources(*folders: str) -> Iterator[tuple[str, str]]:
    for folder in folders:
        for path in sorted((ROOT / folder).rglob("*.py")):
            name = path.relative_to(ROOT).as_posix()
            if "/migrations/versions/" not in name:
                yield name, path.read_text(encoding="utf-8")


def words(name: str) -> list[str]:
    """The words of an identifier, lower case: `HTTPErrorPage_v2` is http, error, page, v2."""
    split = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", name)
    return [word for word in split.lower().split("_") if word]


def dotted(node: ast.expr) -> str:
    """`a.b.c` of a name or attribute chain; the last names only where it starts elsewhere."""
    names: list[str] = []
    while isinstance(node, ast.Attribute):
        names.append(node.attr)
        node = node.value
    if isinstance(node, ast.Name):
        names.append(node.id)
    return ".".join(reversed(names))
