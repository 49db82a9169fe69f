"""Fault suite: servers, workers, the portal and the machine fail under load, one at a time.

Every fault leaves nothing lost and nothing out of order. What is planned (a worker's stop, a
rebalance) and what kills no worker repeats nothing, but for calls whose answer was lost.
"""

from __future__ import annotations

import asyncio
import random
import signal
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import aiohttp

from hub import local
from hub.reliability import machine
from hub.reliability.door import Door
from hub.reliability.load import Taker
from hub.reliability.processes import Running
from hub.reliability.stand import MEMBER, Stand
from hub.reliability.trial import Loaded, Trials
from hub.store.held_view import HeldFilter, HeldView

CALM_SECONDS = 3.0
"""Healthy time before and after a fault."""
PORTAL_SECONDS = 15.0
STORM_SECONDS = 60.0
STOPPED_SECONDS = 45.0
"""Longer than the lease, the calls' time-outs and Kafka's longest transaction."""
JUMP_SECONDS = 600
KILLS_COUNT = 8


@dataclass(slots=True)
class Scene:
    """What a fault acts on.

    Attributes:
        stand: with its load.
        servers: folder of the private Kafka and PostgreSQL.
        steady: processes that must outlive the fault.
        away_seconds: how long a server, or the portal, stays away.
        dice: chance of this fault.
        gateway: the one that is open now, if the load needs one.
    """

    stand: Stand
    servers: Path
    steady: list[Running]
    away_seconds: float
    dice: random.Random
    gateway: Running | None = None

    async def open_gateway(self) -> Running:
        """Start the gateway, and wait until it answers."""
        self.gateway = self.stand.start("gateway")
        await self.stand.answers(self.stand.gateway_url, self.gateway)
        return self.gateway


Play = Callable[[Scene, Loaded], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Trouble:
    """One fault of the suite.

    Attributes:
        about: what happens, for people.
        play: makes it happen, and ends it.
        lost_answers: answers are lost, so that the newest call of a dossier may come again.
        through_gateway: the load comes over HTTP, not straight into Kafka.
    """

    about: str
    play: Play
    lost_answers: bool = False
    through_gateway: bool = False


# --- servers ----------------------------------------------------------------------------------


async def _kafka(scene: Scene, _: Loaded, *, away: bool = False, hard: bool = False) -> None:
    await asyncio.to_thread(local.kafka_stop, scene.servers, hard)
    await asyncio.sleep(scene.away_seconds if away else 0)
    await asyncio.to_thread(local.kafka_start, scene.servers)


async def _postgres(scene: Scene, _: Loaded, *, away: bool = False, hard: bool = False) -> None:
    await asyncio.to_thread(local.postgres_stop, scene.servers, hard)
    await asyncio.sleep(scene.away_seconds if away else 0)
    await asyncio.to_thread(local.postgres_start, scene.servers)


# --- workers ----------------------------------------------------------------------------------


async def _storm(scene: Scene, trial: Loaded) -> None:
    """Workers come and go all the time, all in order."""
    end = time.monotonic() + STORM_SECONDS
    notes = trial.verdict.notes
    notes["comings_and_goings"] = 0

    async def guests() -> None:
        while time.monotonic() < end:
            guest = scene.stand.start("worker")
            await scene.stand.ready(guest)
            await asyncio.sleep(scene.dice.uniform(0, 2))
            await guest.stop()
            notes["comings_and_goings"] += 2

    # Two beside the steady two: of eight partitions each of four has some.
    await asyncio.gather(guests(), guests())


async def _rolling(scene: Scene, trial: Loaded) -> None:
    """Every worker is replaced in order, as an upgrade does."""
    for index, old in enumerate(scene.steady):
        if not old.name.startswith("worker"):
            continue
        scene.steady[index] = new = scene.stand.start("worker")
        await scene.stand.ready(new)
        await old.stop()


async def _stopped(scene: Scene, trial: Loaded) -> None:
    """A worker is stopped for longer than every time-out, and continued."""
    guest = scene.stand.start("worker")
    await scene.stand.ready(guest)
    guest.signal(signal.SIGSTOP)
    # Its partitions go to others after the lease: what it had not committed is done again.
    await trial.crashed(guest, time.time())
    await asyncio.sleep(STOPPED_SECONDS)
    guest.signal(signal.SIGCONT)
    await asyncio.sleep(2 * CALM_SECONDS)
    await guest.stop()


async def _gateway_killed(scene: Scene, trial: Loaded) -> None:
    """The gateway, through which the load comes, is killed and started, again and again."""
    gateway = scene.gateway or await scene.open_gateway()
    for _ in range(KILLS_COUNT):
        await asyncio.sleep(scene.dice.uniform(1, 3))
        gateway.kill()
        gateway = await scene.open_gateway()
    trial.verdict.notes["gateways_killed"] = KILLS_COUNT


# --- the portal -------------------------------------------------------------------------------


async def _portal(scene: Scene, trial: Loaded, *, faults: Sequence[Mapping[str, Any]]) -> None:
    await scene.stand.faults(*faults, seed=scene.dice.randrange(10**6))
    await asyncio.sleep(PORTAL_SECONDS)
    await scene.stand.faults()


async def _portal_away(scene: Scene, trial: Loaded) -> None:
    """The portal answers nobody for as long as a server stays away: nothing may die of it."""
    await scene.stand.faults({"fault": "5xx", "status": 503})
    await asyncio.sleep(scene.away_seconds)
    dead = await scene.stand.asked(lambda store: HeldView(store).queues(HeldFilter(state="dead")))
    trial.verdict.notes["away_seconds"] = scene.away_seconds
    if dead:
        trial.verdict.problem = f"{len(dead)} dossiers are dead of an outage"
    await scene.stand.faults()


def _answers(*faults: Mapping[str, Any], lost: bool = False) -> Trouble:
    about = "; ".join(f"{each['fault']} {each.get('then', '')}".strip() for each in faults)
    return Trouble(f"the portal: {about}", partial(_portal, faults=faults), lost)


# --- the machine ------------------------------------------------------------------------------


async def _full_disk(scene: Scene, trial: Loaded) -> None:
    """The disk of Kafka and PostgreSQL is full for a while; a server that gave up is restarted."""
    filler = scene.servers / "filler"
    trial.verdict.notes["filled_megabytes"] = await asyncio.to_thread(machine.fill, filler) >> 20
    await asyncio.sleep(20)
    down = [each.name for each in local.status(scene.servers) if not each.answers]
    trial.verdict.notes["servers_down"] = down
    filler.unlink()
    for start in (local.postgres_start, local.kafka_start):
        await asyncio.to_thread(start, scene.servers)


async def _clock_jump(scene: Scene, trial: Loaded, *, clock: machine.Clock) -> None:
    """The time of day of servers and workers jumps forward, and later back."""
    for shift in (JUMP_SECONDS, 0):
        clock.jump(shift)
        await asyncio.sleep(10)


TROUBLES: dict[str, Trouble] = {
    "kafka-restart": Trouble("Kafka is restarted", _kafka),
    "kafka-killed": Trouble("Kafka is killed and started", partial(_kafka, hard=True)),
    "kafka-away": Trouble("Kafka is away for a minute", partial(_kafka, away=True)),
    "postgres-restart": Trouble("PostgreSQL is restarted", _postgres),
    "postgres-killed": Trouble("PostgreSQL is killed and started", partial(_postgres, hard=True)),
    "postgres-away": Trouble("PostgreSQL is away for a minute", partial(_postgres, away=True)),
    "rebalance-storm": Trouble("workers come and go every few seconds", _storm),
    "rolling-restart": Trouble("every worker is replaced in order", _rolling),
    "worker-stopped": Trouble("a worker is stopped past every time-out, and continued", _stopped),
    "gateway-killed": Trouble(
        "the gateway is killed again and again", _gateway_killed, through_gateway=True
    ),
    "portal-slow": _answers({"fault": "slow", "seconds": 0.7, "share": 0.3}),
    "portal-busy": _answers(
        {"fault": "429", "retry_after_seconds": 2, "share": 0.3},
        {"fault": "429", "retry_after_seconds": 2, "retry_after_form": "date", "share": 0.1},
    ),
    "portal-errors": _answers({"fault": "5xx", "status": 503, "until_seconds": 10}),
    "portal-away": Trouble("the portal answers nobody for a minute", _portal_away),
    "portal-sessions": _answers({"fault": "expired_session", "share": 0.1}),
    "portal-refuses": _answers({"fault": "refuse", "subject_share": 0.1, "share": 0.5}),
    "portal-silent": _answers({"fault": "timeout_without_effect", "share": 0.05}),
    "portal-answer-lost": _answers(
        {"fault": "timeout_after_success", "share": 0.03},
        {"fault": "timeout_after_success", "then": "cut", "share": 0.05},
        {"fault": "slow", "seconds": 5, "share": 0.03},
        lost=True,
    ),
    "portal-malformed": _answers(
        {"fault": "malformed", "share": 0.05},
        {"fault": "malformed", "effect": False, "share": 0.05},
        lost=True,
    ),
    "portal-duplicate": _answers({"fault": "duplicate", "share": 0.2}, lost=True),
}
"""Every fault that needs nothing special of the machine."""

MACHINE = {
    "full-disk": "the disk of Kafka and PostgreSQL is full",
    "clock-jump": "the time of day jumps by ten minutes and back",
}
"""Faults that `hub.reliability.machine` must be able to arrange."""


class FaultSuite:
    """Plays faults in turn, and judges each.

    Args:
        trials: on a stand without workers.
        servers: folder of the private Kafka and PostgreSQL.
        away_seconds: how long a server stays away.
        clock: of servers and workers, if it can jump.
        tell: told about every fault.
    """

    def __init__(
        self,
        trials: Trials,
        servers: Path,
        *,
        away_seconds: float,
        clock: machine.Clock | None,
        tell: Callable[[str], None],
    ) -> None:
        self._trials = trials
        self._servers = servers
        self._away_seconds = away_seconds
        self._clock = clock
        self._tell = tell
        self._steady: list[Running] = []

    @asynccontextmanager
    async def workers(self) -> AsyncIterator[None]:
        """Two workers and a recorder, stopped in order at the end."""
        stand = self._trials.stand
        self._steady = [stand.start(role) for role in ("worker", "worker", "recorder")]
        await stand.ready(*self._steady[:2])
        yield
        for running in self._steady:
            await running.stop()

    @asynccontextmanager
    async def _through(self, trouble: Trouble, scene: Scene) -> AsyncIterator[Taker | None]:
        if not trouble.through_gateway:
            yield None
            return
        await scene.open_gateway()
        stand = scene.stand
        async with aiohttp.ClientSession() as session:
            yield Door(stand.gateway_url, session, password=stand.password, member=MEMBER)
        if scene.gateway is not None:
            await scene.gateway.stop()

    async def play(self, name: str) -> None:
        """One fault; its verdict is in `trials`.

        Raises:
            StandFailed: a process that must outlive the fault has ended.
        """
        trouble = self._trouble(name)
        stand, dice = self._trials.stand, self._trials.dice(name)
        scene = Scene(stand, self._servers, self._steady, self._away_seconds, dice)
        async with (
            self._through(trouble, scene) as through,
            self._trials.loaded(name, through=through) as trial,
        ):
            await asyncio.sleep(CALM_SECONDS)
            stand.taken.watch()
            await trouble.play(scene, trial)
            stand.taken.read()
            await asyncio.sleep(CALM_SECONDS)
        await self._trials.settle(trial, self._steady, lost_answers=trouble.lost_answers)
        verdict = trial.verdict
        verdict.notes["longest_quiet_seconds"] = round(stand.taken.longest_gap, 1)
        verdict.notes["sent_again"] = trial.sender.repeated
        state = "clean" if verdict.clean else "NOT CLEAN"
        self._tell(f"{name} ({trouble.about}): {verdict.messages} messages, {state}")

    def _trouble(self, name: str) -> Trouble:
        if name in TROUBLES:
            return TROUBLES[name]
        if name == "full-disk":
            return Trouble(MACHINE[name], _full_disk)
        if self._clock is None:
            raise machine.Unproved("no clock that can jump")
        return Trouble(MACHINE[name], partial(_clock_jump, clock=self._clock))
