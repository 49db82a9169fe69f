"""The engine's protocol as a state machine: thousands of interleavings of what can happen.

The real dispatcher, handling, draining, keeper, window and leases run on virtual time against a
broker, a store and a destination in memory. Rules let messages arrive, subjects fail and recover,
calls hang, workers die or leave, the store and the broker fall away, and people act. At the end
everything is made well, and the checker that reads real runs reads this one.

The suite plays some tens of examples; `make model` plays thousands.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from hub.errors import HubError, Misconfigured, Rejected, Unavailable, UnknownOutcome
from hub.held import Act, HeldState
from tests.engine.station import QUICK, ROUTE, TTL, Worker, World
from tests.engine.virtual import VirtualLoop, pass_time

SUBJECTS = "ABCDEF"
FAULTS: dict[str, Callable[[], HubError]] = {
    "away": lambda: Unavailable("not now"),
    "who are you": lambda: Misconfigured("who are you"),
    "slow down": lambda: Unavailable("not now", retry_after_seconds=3),
    "unknown": lambda: UnknownOutcome("no answer"),
    "refused": lambda: Rejected("no"),
    "puzzling": lambda: Rejected("no", documented=False),
}
subjects = st.sampled_from(SUBJECTS)
moments = st.sampled_from([0.0, 0.03, 0.12, 0.5, 2.0])


class Engine(RuleBasedStateMachine):
    """Two partitions, up to three workers, six subjects."""

    @initialize(window=st.sampled_from([4, 12, 60]), breaker=st.sampled_from([3, 100]))
    def begin(self, window: int, breaker: int) -> None:
        terms = QUICK.model_copy(
            update={"window_count": window, "breaker_subjects_count": breaker, "rounds_count": 3}
        )
        self.world = World(terms, partitions_count=2)
        self.world.destination.answer_seconds = 0.02
        self.workers: list[Worker] = []
        self.count = 0
        self.loop = VirtualLoop()
        self.do(self.join)
        self.pass_time(1)

    def do(self, act: Callable[[], Any]) -> Any:
        """Act inside the loop."""

        async def inside() -> Any:
            return act()

        return self.loop.run_until_complete(inside())

    def join(self) -> None:
        self.count += 1
        self.workers.append(Worker(self.world, f"w{self.count}").start())

    # --- what happens ---

    @rule(given=st.lists(subjects, min_size=1, max_size=12), seconds=moments)
    def send(self, given: list[str], seconds: float) -> None:
        for subject in given:
            self.world.send(subject)
        self.pass_time(seconds)

    @rule(seconds=st.sampled_from([0.01, 0.1, 0.3, 1.0, 3.0, TTL]))
    def pass_time(self, seconds: float) -> None:
        self.loop.run_until_complete(pass_time(seconds))

    @rule(subject=subjects, fault=st.sampled_from(sorted(FAULTS)))
    def fail(self, subject: str, fault: str) -> None:
        self.world.destination.failing[subject] = FAULTS[fault]
        self.world.send(subject)

    @rule(subject=subjects)
    def recover(self, subject: str) -> None:
        self.world.destination.failing.pop(subject, None)
        self.answer(subject)

    @rule(subject=subjects)
    def hang(self, subject: str) -> None:
        self.world.destination.hanging.setdefault(subject, asyncio.Event())
        self.world.send(subject)

    def answer(self, subject: str) -> None:
        gate = self.world.destination.hanging.pop(subject, None)
        if gate is not None:
            self.do(gate.set)

    @rule(kind=st.sampled_from(["away", "who are you"]), seconds=st.sampled_from([0.3, 3.0, 30.0]))
    def outage(self, kind: str, seconds: float) -> None:
        self.world.destination.away = FAULTS[kind]
        self.pass_time(seconds)
        self.world.destination.away = None

    @rule(
        what=st.sampled_from(["away", "torn", "slow"]),
        seconds=st.sampled_from([0.05, 0.5, 5.0, 1.5 * TTL]),
    )
    def trouble_the_store(self, what: str, seconds: float) -> None:
        store = self.world.store
        store.away, store.torn = what == "away", 3 if what == "torn" else 0
        store.latency_seconds = 0.3 if what == "slow" else 0.0
        self.pass_time(seconds)
        store.away, store.torn, store.latency_seconds = False, 0, 0.0

    @rule(seconds=st.sampled_from([0.05, 0.5, 5.0]))
    def trouble_the_broker(self, seconds: float) -> None:
        self.world.log.away = self.world.topics.away = True
        self.pass_time(seconds)
        self.world.log.away = self.world.topics.away = False

    @precondition(lambda self: len(self.workers) < 3)
    @rule()
    def another_worker(self) -> None:
        self.do(self.join)

    @rule(which=st.integers(0, 2), seconds=moments)
    def crash(self, which: int, seconds: float) -> None:
        worker = self.workers.pop(which % len(self.workers))
        self.do(worker.crash)
        self.do(self.join)
        self.pass_time(seconds)

    @precondition(lambda self: len(self.workers) > 1)
    @rule(which=st.integers(0, 2))
    def leave(self, which: int) -> None:
        worker = self.workers.pop(which % len(self.workers))
        self.loop.run_until_complete(worker.end())

    @precondition(lambda self: any(s.waiting_count for s in self.world.store.held.values()))
    @rule(act=st.sampled_from(Act), number=st.integers(0, 5), seconds=moments)
    def act(self, act: Act, number: int, seconds: float) -> None:
        held = sorted(key[1] for key, s in self.world.store.held.items() if s.waiting_count)
        subject = held[number % len(held)]
        self.world.store.ask(ROUTE, self.world.partition(subject), subject, act)
        self.pass_time(seconds)

    # --- what must hold ---

    @invariant()
    def no_worker_stumbles(self) -> None:
        for worker in getattr(self, "workers", ()):
            assert worker.failed() is None, worker.failed()

    def teardown(self) -> None:
        if not hasattr(self, "world"):
            return
        try:
            self.end_well()
        finally:
            self.loop.finish()

    def quiet(self) -> bool:
        """Whether all that can be done is done."""
        world = self.world
        ends = [len(records) for records in world.log.partitions]
        rows = [row for row in world.store.rows.values() if row.state is not HeldState.ASIDE]
        dead = {key[1] for key, subject in world.store.held.items() if subject.dead}
        return (
            [world.log.offsets[n][0] for n in range(len(ends))] == ends
            and all(row.subject in dead for row in rows)
            and len(world.store.done) == len(world.store.asked)
        )

    def end_well(self) -> None:
        world = self.world
        world.destination.failing.clear()
        for subject in list(world.destination.hanging):
            self.answer(subject)
        for _ in range(40):
            self.pass_time(5)
            if self.quiet():
                break
        self.no_worker_stumbles()
        report = world.destination.check(world.sent, world.held() + world.skipped())
        assert report.clean, report.violations[:3]
        assert self.quiet()
        for (_, name), held in world.store.held.items():
            assert held.waiting_count == len(world.store.queue(ROUTE, name))


TestEngine = Engine.TestCase
TestEngine.settings = settings(
    max_examples=int(os.environ.get("MODEL_EXAMPLES", "60")),
    stateful_step_count=50,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)
