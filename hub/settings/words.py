"""Words: the text of a condition cut into names, literals and operators."""

from __future__ import annotations

import re
from collections.abc import Sequence

_WORD = re.compile(r""""(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*'|\d+\.\d+|\w+|[=!<>]=|&&|\|\||\S""")
_PLAIN_TEXT = re.compile(r"""(["'])[^\\]*\1""")
_NUMBER = re.compile(r"\d+(\.\d+)?")
_TRUTH = {"true": True, "false": False}

Literal = str | int | float | bool
"""What a literal stands for."""


def words_of(text: str) -> list[str]:
    """The words of a condition that `hub.when.problem_of` finds nothing wrong with."""
    return _WORD.findall(text)


def closing(words: Sequence[str], opening: int) -> int:
    """Where the bracket that opens there is closed."""
    depth = 0
    for at in range(opening, len(words)):
        depth += (words[at] in "([{") - (words[at] in ")]}")
        if not depth:
            return at
    return len(words)


def literal(word: str) -> Literal | None:
    """The text, number or truth that a word is; none: it is something else."""
    if _PLAIN_TEXT.fullmatch(word):
        return word[1:-1]
    if _NUMBER.fullmatch(word):
        return float(word) if "." in word else int(word)
    return _TRUTH.get(word)


def literals(words: Sequence[str]) -> list[Literal] | None:
    """Those of a list as it stands between its brackets; none: it has something else."""
    found = [literal(word) for word in words[::2]]
    plain = [each for each in found if each is not None]
    commas = set(words[1::2]) <= {","}
    return plain if words and commas and len(plain) == len(found) else None
