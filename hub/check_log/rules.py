"""Rules: what a run may repeat, and how much of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass


def one_partition(_: str) -> int:
    """Where every subject is, when nobody says how many partitions there are."""
    return 0


@dataclass(frozen=True, slots=True)
class Rules:
    """What is asked of a run beyond "nothing lost, nothing out of order".

    Attributes:
        window_count: most repeated effects per partition and kill.
        dangerous: operations whose effect must happen once; a rerun passes them silently.
        lost_answers: answers were lost on purpose, so the newest call of a subject may come
            again, with its keys, without a kill.
        partition: the partition of a subject.
        grace_seconds: how long after a kill a request that was on the wire may take effect; a
            kill excuses the repetition of effects up to then.
        systems: systems that must have been reached; those of the effects if empty.
    """

    window_count: int = 2000
    dangerous: frozenset[str] = frozenset()
    lost_answers: bool = False
    partition: Callable[[str], int] = one_partition
    grace_seconds: float = 2.0
    systems: tuple[str, ...] = ()
