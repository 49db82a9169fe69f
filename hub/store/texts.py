"""Texts from outside as PostgreSQL can keep them.

PostgreSQL refuses the character NUL in any text; a message that holds one must be parked like any
other. It is kept as its picture, U+2400.
"""

from __future__ import annotations

NUL, PICTURE = "\x00", "\u2400"


def storable(text: str) -> str:
    """The text without what PostgreSQL refuses: NUL, and halves of surrogate pairs."""
    if NUL in text:
        text = text.replace(NUL, PICTURE)
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode(errors="replace").decode()
    return text


def original(text: str) -> str:
    """The subject that `storable` was given (half surrogates, which no JSON holds, are lost)."""
    return text.replace(PICTURE, NUL) if PICTURE in text else text
