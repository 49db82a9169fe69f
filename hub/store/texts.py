"""Texts from outside as PostgreSQL can keep them, and rows as the arrays they travel in.

PostgreSQL refuses the character NUL in any text, and index entries above 2,700 bytes. A message
that has such a thing must be kept like any other: NUL is kept as its picture, U+2400, and a name
that is too long as its beginning and its hash.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

NUL, PICTURE = "\x00", "\u2400"
NAME_LENGTH = 400  # in characters of at most 4 bytes; two names share one index entry


def storable(text: str) -> str:
    """The text without what PostgreSQL refuses: NUL, and halves of surrogate pairs."""
    if NUL in text:
        text = text.replace(NUL, PICTURE)
    if not text.isascii():
        return text.encode(errors="replace").decode()
    return text


def keyed(name: str) -> str:
    """A subject, id or other name that is indexed: storable, and not too long."""
    if len(name) > NAME_LENGTH:
        digest = hashlib.sha256(name.encode(errors="replace")).hexdigest()
        name = f"{name[: NAME_LENGTH - len(digest) - 1]}~{digest}"
    return storable(name)


def original(subject: str) -> str:
    """The subject that `keyed` was given, unless it was too long or not Unicode."""
    return subject.replace(PICTURE, NUL) if PICTURE in subject else subject


def columns(rows: Iterable[tuple[object, ...]]) -> tuple[list[object], ...]:
    """One list per column, for a statement that unnests them; there must be a row."""
    return tuple(list(column) for column in zip(*rows, strict=True))
