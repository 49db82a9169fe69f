"""FaultPlayer: decides which faults of a script meet a call."""

from __future__ import annotations

import random
import time
import zlib
from collections.abc import Callable
from fnmatch import fnmatchcase
from typing import NamedTuple

from hub.simulation.faults import AnyFault, Fault, FaultScript, Slow


class Verdict(NamedTuple):
    """What goes wrong with one call: a wait before its answer, and at most one fault."""

    delay_seconds: float
    fault: AnyFault | None


NOTHING = Verdict(0.0, None)


class FaultPlayer:
    """Plays a fault script against calls as they come.

    Args:
        script: what to play first.
        clock: seconds that never go back.
    """

    def __init__(self, script: FaultScript, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self.play(script)

    def play(self, script: FaultScript) -> None:
        """Begin a script: its clock, its counts and its random choices start anew."""
        self.script = script
        self._started = self._clock()
        self._random = random.Random(script.seed)  # noqa: S311 - a test's dice, repeatable
        self._left = [fault.next_calls for fault in script.faults]

    def pick(self, operation: str, subject: str) -> Verdict:
        """What meets this call."""
        if not self.script.faults:
            return NOTHING
        elapsed = self._clock() - self._started
        delay = 0.0
        for number, fault in enumerate(self.script.faults):
            if not self._meets(number, fault, operation, subject, elapsed):
                continue
            if not isinstance(fault, Slow):
                return Verdict(delay, fault)
            delay += fault.seconds
        return Verdict(delay, None)

    def _meets(
        self, number: int, fault: Fault, operation: str, subject: str, elapsed: float
    ) -> bool:
        left = self._left[number]
        met = (
            left != 0
            and _in_span(fault, elapsed)
            and (fault.operation == "*" or fnmatchcase(operation, fault.operation))
            and (fault.subject == "*" or fnmatchcase(subject, fault.subject))
            and (fault.subject_share == 1 or self._chosen(number, subject) < fault.subject_share)
            and (fault.share == 1 or self._random.random() < fault.share)
        )
        if met and left is not None:
            self._left[number] = left - 1
        return met

    def _chosen(self, number: int, subject: str) -> float:
        """A subject's fixed lot, from 0 up to 1; a call about none (a login) is in no share."""
        if not subject:
            return 1.0
        return zlib.crc32(f"{self.script.seed} {number} {subject}".encode()) / 2**32


def _in_span(fault: Fault, elapsed: float) -> bool:
    if fault.repeat_seconds is not None:
        elapsed %= fault.repeat_seconds
    return fault.from_seconds <= elapsed and (
        fault.until_seconds is None or elapsed < fault.until_seconds
    )
