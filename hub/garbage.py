"""Garbage: how often Python looks for objects that refer to each other in a circle.

A batch of 2,000 records makes some 60,000 objects that live until it is produced; with Python's own
thresholds they are walked through again and again (a tenth of a worker's time), though nearly all
of them go by their reference counts alone.
"""

from __future__ import annotations

import gc

YOUNG_COUNT = 50_000
"""New objects between two looks at the young ones; a batch's worth (Python: 700)."""
MIDDLE_COUNT = 20
OLD_COUNT = 50


def look_seldom() -> None:
    """Leave what stands after the imports alone for ever, and look at the rest seldom."""
    gc.freeze()
    gc.set_threshold(YOUNG_COUNT, MIDDLE_COUNT, OLD_COUNT)
