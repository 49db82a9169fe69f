"""Partition: all that a worker holds of one owned partition of one route."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

from hub.lanes import Lane, Window
from hub.parking import Keeper


@dataclass(slots=True)
class Partition:
    """What the worker holds of one owned partition.

    Attributes:
        leaving: nothing new is started for it.
        gone: not ours any more; nothing is committed for it.
        quiet: set once no lane of it is worked on any more while it is leaving.
        emptied: lanes whose queue in the store has been worked off; they flow again once the store
            knows.
        full: fetching is paused until the window is half empty.
        committed: what was committed last, and when (monotonic seconds).
    """

    number: int
    keeper: Keeper
    window: Window
    lanes: dict[str, Lane] = field(default_factory=dict)
    leaving: bool = False
    gone: bool = False
    quiet: asyncio.Event = field(default_factory=asyncio.Event)
    emptied: list[Lane] = field(default_factory=list)
    full: bool = False
    committed: tuple[int, str] = (-1, "")
    committed_at: float = 0.0

    @property
    def working(self) -> list[tuple[asyncio.Task[None], Lane]]:
        """The lanes that are worked on now, and by which task."""
        return [(lane.task, lane) for lane in self.lanes.values() if lane.task is not None]

    def owned(self, now: float) -> bool:
        """Whether the lease lives (monotonic seconds)."""
        return not self.gone and now < self.keeper.claim.expires_at
