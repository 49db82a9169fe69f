"""A unit and those above it, by the grammar of its id; pure.

    new form, read from left to right   H99.01.07 -> H99.01 -> H99
    old form, read from right to left   002.15.28.H22 -> 000.15.28.H22 -> 000.00.28.H22
                                        -> 000.00.00.H22 -> H22

Source of the format: QCVN 102:2016 (old), QĐ 20/2020/QĐ-TTg (new).
"""

from __future__ import annotations

import re
from collections.abc import Iterator

OLD_FORM = re.compile(r"[0-9]{3}\.[0-9]{2}\.[0-9]{2}\.[A-Z][0-9]{2}")


def unit_and_above(unit: str) -> Iterator[str]:
    """The unit itself, then each unit above it, nearest first; nothing for ``."""
    if OLD_FORM.fullmatch(unit):
        yield from _old(unit)
        return
    while unit:
        yield unit
        unit = unit.rpartition(".")[0]


def _old(unit: str) -> Iterator[str]:
    blocks = unit.split(".")
    yield unit
    for number in range(3):
        unused = "0" * len(blocks[number])
        if blocks[number] != unused:
            blocks[number] = unused
            yield ".".join(blocks)
    yield blocks[3]
