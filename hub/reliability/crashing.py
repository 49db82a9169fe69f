"""Crash matrix: at every numbered point of the hub, `kill -9`, again and again, under load.

Three processes share the partitions. The victims kill themselves at a point's n-th passing, n
drawn with the seed; a new one takes each dead one's place, so that partitions move all the time,
and now and then the steady one is stopped in order and started again.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Sequence

from hub.crash import POINTS
from hub.reliability.processes import Running, StandFailed
from hub.reliability.stand import Stand
from hub.reliability.trial import Loaded, Trials

REACH_SECONDS = 60.0
"""How long a victim may take to reach its point."""
STEADY_EVERY = 7
"""After so many crashes the steady worker is stopped in order and started again."""

PASSINGS: dict[str, int] = {
    "after_fetch": 60,
    "after_decode": 25,
    "before_produce": 25,
    "after_produce": 25,
    "after_transaction": 25,
    "after_take": 25,
    "after_encode": 120,
    "before_call": 60,
    "after_call": 60,
    "before_park_write": 6,
    "after_park_write": 5,
    "after_outcome_flush": 60,
    "before_commit": 20,
    "after_commit": 20,
    "after_drain_call": 6,
    "after_recorder_write": 12,
}
"""The crash comes at the first to this passing."""

TROUBLE = (
    {"fault": "5xx", "status": 503, "subject_share": 0.12, "share": 0.6},
    {"fault": "refuse", "subject_share": 0.05, "share": 0.5},
    {"fault": "429", "retry_after_seconds": 1, "share": 0.01},
    {"fault": "slow", "seconds": 0.02},
)
"""Nothing here takes effect unseen: a repetition can only come from a kill."""


class CrashMatrix:
    """Kills at points, and judges each point.

    Args:
        trials: on a stand without workers.
        times: crashes at each point, at least.
        tell: told about every point.
    """

    def __init__(self, trials: Trials, times: int, tell: Callable[[str], None]) -> None:
        self._trials = trials
        self._stand: Stand = trials.stand
        self._times = times
        self._tell = tell
        self._steady: list[Running] = []

    async def run(self, points: Sequence[str] = POINTS) -> None:
        """Every point in turn; verdicts are in `trials`.

        Raises:
            StandFailed: a process does not come up, or one that nobody killed has ended.
        """
        self._steady = [self._stand.start("worker"), self._stand.start("recorder")]
        await self._stand.ready(self._steady[0])
        for point in points:
            await self._point(point)

    async def stop(self) -> None:
        """Stop what still runs, in order."""
        for running in self._steady:
            await running.stop()

    async def _point(self, point: str) -> None:
        dice = self._trials.dice(point)
        role = "recorder" if point == "after_recorder_write" else "worker"
        await self._stand.faults(*TROUBLE, seed=self._trials.seed)
        async with self._trials.loaded(point) as trial:
            if role == "recorder":
                await self._steady.pop().stop()
                await self._kill_in_turn(point, role, trial, dice)
                self._steady.append(self._stand.start("recorder"))
            else:
                turns = asyncio.Semaphore(self._times)
                await asyncio.gather(
                    *(self._victims(point, trial, dice, turns) for _ in range(min(2, self._times)))
                )
        await self._stand.faults()
        await self._trials.settle(trial, self._steady)
        verdict = trial.verdict
        self._tell(
            f"{point}: {verdict.crashes} crashes, {verdict.messages} messages, "
            f"{verdict.repeated} repeated, {'clean' if verdict.clean else 'NOT CLEAN'}"
            f" ({verdict.seconds:.0f} s)"
        )

    async def _kill_in_turn(
        self, point: str, role: str, trial: Loaded, dice: random.Random
    ) -> None:
        for _ in range(self._times):
            await self._victim(point, role, trial, dice)

    async def _victims(
        self, point: str, trial: Loaded, dice: random.Random, turns: asyncio.Semaphore
    ) -> None:
        while not turns.locked():
            await turns.acquire()
            await self._victim(point, "worker", trial, dice)
            if trial.verdict.crashes % STEADY_EVERY == 0:
                await self._renew_steady()

    async def _victim(self, point: str, role: str, trial: Loaded, dice: random.Random) -> None:
        passing = dice.randint(1, PASSINGS[point])
        victim = self._stand.start(role, crash=f"{point}:{passing}")
        at = await victim.ended(REACH_SECONDS)
        if at is None:
            await victim.stop()
            trial.verdict.problem = f"passing {passing} was not reached in {REACH_SECONDS:.0f} s"
            return
        if not victim.killed:
            raise StandFailed(f"{victim.name} has ended by itself.{victim.last_words()}")
        await trial.crashed(victim, at)

    async def _renew_steady(self) -> None:
        old, self._steady[0] = self._steady[0], self._stand.start("worker")
        await self._stand.ready(self._steady[0])
        await old.stop()
