"""Soak: a long run in which some dossiers never succeed; memory and pace must stay flat."""

from __future__ import annotations

import asyncio
import itertools
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import psutil  # type: ignore[import-untyped,unused-ignore]  # its stubs are a package apart

from hub.reliability.load import Staying
from hub.reliability.processes import Running
from hub.reliability.stand import ROUTE, Stand
from hub.reliability.trial import Loaded, Trials
from hub.store.held_view import HeldFilter, HeldView

LOOK_SECONDS = 5.0
WARM_SHARE = 0.2
"""The first part of the run fills caches and queues; slopes are taken from the rest."""
DOSSIERS_COUNT = 2000
FAILING = (
    {"fault": "refuse", "subject_share": 0.05},
    {"fault": "5xx", "status": 503, "subject_share": 0.01, "share": 0.5},
)
"""5 % of the dossiers fail for ever, 1 % now and then."""
MEMORY_LIMIT_MB_PER_HOUR = 20.0
PACE_LIMIT_PERCENT_PER_HOUR = 10.0


@dataclass(frozen=True, slots=True)
class Look:
    """One look at a running soak: seconds since its start, messages, resident memory."""

    at: float
    sent: int
    taken: int
    worker_mb: float
    recorder_mb: float


def slope(points: Sequence[tuple[float, float]]) -> float:
    """The straight line's rise per unit of x that fits the points best; 0 for fewer than two."""
    count = len(points)
    if count < 2:
        return 0.0
    mean_x = sum(x for x, _ in points) / count
    mean_y = sum(y for _, y in points) / count
    spread = sum((x - mean_x) ** 2 for x, _ in points)
    return sum((x - mean_x) * (y - mean_y) for x, y in points) / spread if spread else 0.0


def figures(looks: Sequence[Look]) -> dict[str, Any]:
    """Slopes and levels after the warm-up: megabytes, messages a second, both per hour."""
    warm = [look for look in looks if look.at >= looks[-1].at * WARM_SHARE]
    paces = [
        ((a.at + b.at) / 2, (b.taken - a.taken) / (b.at - a.at))
        for a, b in itertools.pairwise(warm)
    ]
    pace = sum(y for _, y in paces) / max(1, len(paces))
    return {
        "pace_per_second": round(pace, 1),
        "pace_percent_per_hour": round(slope(paces) * 360_000 / pace, 2) if pace else 0.0,
        "worker_mb": round(warm[-1].worker_mb, 1),
        "worker_mb_per_hour": round(slope([(x.at, x.worker_mb) for x in warm]) * 3600, 2),
        "recorder_mb": round(warm[-1].recorder_mb, 1),
        "recorder_mb_per_hour": round(slope([(x.at, x.recorder_mb) for x in warm]) * 3600, 2),
        "looks": len(looks),
    }


def not_flat(found: dict[str, Any]) -> str:
    """What rises or falls too steeply, in one sentence; `` if nothing does."""
    steep = []
    for role in ("worker", "recorder"):
        if found[f"{role}_mb_per_hour"] > MEMORY_LIMIT_MB_PER_HOUR:
            steep.append(f"the {role}'s memory grows by {found[f'{role}_mb_per_hour']} MB an hour")
    if found["pace_percent_per_hour"] < -PACE_LIMIT_PERCENT_PER_HOUR:
        steep.append(f"the pace changes by {found['pace_percent_per_hour']} % an hour")
    return "; ".join(steep)


class Soak:
    """One long run.

    Args:
        trials: on a stand without workers.
        tell: told how it goes, about once a minute.
    """

    def __init__(self, trials: Trials, tell: Callable[[str], None]) -> None:
        self._trials = trials
        self._stand: Stand = trials.stand
        self._tell = tell

    async def run(self, seconds: float) -> None:
        """Load for so long; the verdict is in `trials`.

        Raises:
            StandFailed: a process has ended.
        """
        stand = self._stand
        worker, recorder = stand.start("worker"), stand.start("recorder")
        await stand.ready(worker)
        await stand.faults(*FAILING, seed=self._trials.seed)
        source = Staying(self._trials.seed % 1000 * 1000 + 999, DOSSIERS_COUNT)
        async with self._trials.loaded("soak", source) as trial:
            looks = await self._watch(trial, (worker, recorder), seconds)
        await self._flowing_has_arrived(trial)
        verdict = trial.verdict
        held = await self._held()
        trial.evidence.held(held)
        verdict.judged(stand.judge(trial.evidence, trial.start, stand.rules()))
        verdict.notes = figures(looks) | {"held_messages": len(held)}
        verdict.problem = not_flat(verdict.notes)
        for running in (worker, recorder):
            await running.stop()

    async def _watch(
        self, trial: Loaded, running: tuple[Running, Running], seconds: float
    ) -> list[Look]:
        looks: list[Look] = []
        began = time.monotonic()
        while (at := time.monotonic() - began) < seconds:
            self._stand.check(*running)
            worker_mb, recorder_mb = (_resident_mb(each.pid) for each in running)
            taken = self._stand.taken.read()
            looks.append(Look(at, trial.evidence.sent_count, taken, worker_mb, recorder_mb))
            if len(looks) % 12 == 0:
                self._tell(
                    f"{at:.0f} s: {looks[-1].sent} sent, {taken} taken, "
                    f"worker {worker_mb:.0f} MB, recorder {recorder_mb:.0f} MB"
                )
            await asyncio.sleep(LOOK_SECONDS)
        return looks

    async def _flowing_has_arrived(self, trial: Loaded) -> None:
        """Return when nothing has moved for some seconds: the rest is held."""
        await self._stand.arrived(trial.evidence, stall_seconds=10)

    async def _held(self) -> list[tuple[str, int, str]]:
        """(subject, seq, `dead` or `parked`) of everything that the route holds."""
        view = HeldView(self._stand.store)
        rows: list[tuple[str, int, str]] = []
        for queue in await view.queues(HeldFilter(route=ROUTE, limit=DOSSIERS_COUNT)):
            shown = await view.show(ROUTE, queue.subject, limit=100_000)
            for message in shown.messages:
                seq = int(message.value.rpartition(b"#")[2].partition(b'"')[0])
                rows.append((queue.subject, seq, "parked"))
        return rows


def _resident_mb(pid: int) -> float:
    return float(psutil.Process(pid).memory_info().rss) / 1e6
