"""Spelling: texts of people and of foreign systems, as they are compared."""

from __future__ import annotations

import unicodedata


def folded(text: str) -> str:
    """A text in one spelling: letters composed (both ways are sent), no capitals, single blanks."""
    return " ".join(unicodedata.normalize("NFC", text).casefold().split())
