"""References: `${env:NAME}` and `${file:path}` in a settings file, and where secrets must be one.

The file itself never holds a secret, so it can be read, compared and kept in git by anyone.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path as FilePath
from typing import Any
from urllib.parse import urlsplit

from hub.settings.document import Document
from hub.settings.findings import Path, nearest

REFERENCE = re.compile(r"\$\{([^}]*)\}")
FILE_LIMIT_BYTES = 65_536
IN_URL = "x-password-in-url"
HOW = "Write `${env:NAME}` or `${file:path}`."


def resolve(document: Document, folder: FilePath, environ: Mapping[str, str]) -> set[Path]:
    """Put what references stand for into the document's data; faults become findings.

    Args:
        folder: what relative `${file:...}` paths start from.

    Returns:
        Paths of all values that hold a reference.
    """
    found: set[Path] = set()
    for path, holder, step in list(_texts(document.data, ())):
        text: str = holder[step]
        if "${" not in text:
            continue
        found.add(path)
        reader = _Resolver(document, path, folder, environ)
        holder[step] = REFERENCE.sub(reader, text)
        if "${" in REFERENCE.sub("", text):
            document.report(path, "a reference is not closed", HOW)
    return found


def refuse_literal_secrets(
    document: Document, schema: Mapping[str, Any], data: Any, at: Path, references: set[Path]
) -> None:
    """Report every secret of a section that is written out instead of referred to.

    Args:
        schema: JSON Schema of the section's model; pydantic marks secrets as passwords. A URL that
            is secret for the password in it is marked with IN_URL.
        data: the section.
        at: its path.
        references: what `resolve` returned.
    """
    for path in secret_paths(schema, data, at):
        if path not in references:
            document.report(
                path,
                "a secret is written out",
                f"Remove it from the file (and change it where it is used). {HOW}",
            )


def secret_paths(schema: Mapping[str, Any], data: Any, path: Path = ()) -> Iterator[Path]:
    """Paths of the values present in `data` that the schema calls secret."""
    yield from dict.fromkeys(
        place
        for place, value, branch in placed(schema, schema, data, path)
        if branch.get("format") == "password"
        and value is not None
        and not (branch.get(IN_URL) and _is_open(value))
    )


def placed(
    root: Mapping[str, Any], schema: Any, data: Any, path: Path = ()
) -> Iterator[tuple[Path, Any, Mapping[str, Any]]]:
    """Every value present in `data`: its path, itself, and each schema that it falls under.

    Args:
        root: what references in `schema` point into.
    """
    entries: list[tuple[str | int, Any]] = []
    if isinstance(data, dict | list):
        entries = list(data.items() if isinstance(data, dict) else enumerate(data))
    for branch in branches(root, schema):
        yield path, data, branch
        for step, value in entries:
            yield from placed(root, child(branch, step), value, (*path, step))


def _is_open(url: Any) -> bool:
    """Whether it is a URL that anybody may read: no password in it."""
    if not isinstance(url, str) or "://" not in url:
        return False
    try:
        parts = urlsplit(url)
    except ValueError:
        return False
    return parts.password is None and "password" not in parts.query


def branches(root: Mapping[str, Any], schema: Any) -> Iterator[Mapping[str, Any]]:
    """The schemas that a schema stands for, with `$ref`, `allOf`, `anyOf`, `oneOf` followed."""
    if not isinstance(schema, Mapping):
        return
    if "$ref" in schema:
        yield from branches(root, root["$defs"][schema["$ref"].rpartition("/")[2]])
    yield schema
    for word in ("allOf", "anyOf", "oneOf"):
        for branch in schema.get(word, ()):
            yield from branches(root, branch)


def child(schema: Mapping[str, Any], name: str | int) -> Any:
    """Schema of one entry of a mapping or a list, none when it has no schema."""
    if isinstance(name, int):
        return schema.get("items")
    return schema.get("properties", {}).get(name, schema.get("additionalProperties"))


def _texts(data: Any, path: Path) -> Iterator[tuple[Path, Any, str | int]]:
    entries = data.items() if isinstance(data, dict) else enumerate(data)
    for step, value in entries:
        if isinstance(value, str):
            yield (*path, step), data, step
        elif isinstance(value, dict | list):
            yield from _texts(value, (*path, step))


class _Resolver:
    """Replaces one reference; what cannot be replaced is reported and becomes empty."""

    def __init__(
        self, document: Document, path: Path, folder: FilePath, environ: Mapping[str, str]
    ) -> None:
        self._document = document
        self._path = path
        self._folder = folder
        self._environ = environ

    def __call__(self, match: re.Match[str]) -> str:
        scheme, _, name = match.group(1).partition(":")
        if scheme == "env" and name:
            return self._variable(name)
        if scheme == "file" and name:
            return self._file(name)
        self._document.report(self._path, f"`{match.group()}` is not a known reference", HOW)
        return ""

    def _variable(self, name: str) -> str:
        value = self._environ.get(name, "")
        if not value:
            self._document.report(
                self._path,
                f"the environment variable {name} is not set",
                "Set it where the hub is started.",
                nearest=nearest(name, self._environ),
            )
        return value

    def _file(self, name: str) -> str:
        try:
            with (self._folder / name).open("rb") as file:
                content = file.read(FILE_LIMIT_BYTES + 1)
            if len(content) > FILE_LIMIT_BYTES:
                self._document.report(self._path, f"the file {name} is larger than 64 KiB", HOW)
                return ""
            return content.decode().removesuffix("\n").removesuffix("\r")
        except (OSError, ValueError) as error:
            why = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
            self._document.report(
                self._path, f"the file {name} cannot be read: {why}", "Check path and rights."
            )
            return ""
