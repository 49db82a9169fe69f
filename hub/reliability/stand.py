"""Stand: a database, topics, a simulated portal and workers of one run's own.

The folder keeps hub.yaml, every process's log and the portal's log of effects, so that a run that
failed can be looked at afterwards.
"""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import aiohttp
import orjson
import yaml

from hub.check_log import Report, Rules
from hub.errors import Unavailable
from hub.kafka import Kafka, Producer, partition_of
from hub.local.place import LOOPBACK, choose_ports
from hub.reliability.evidence import Evidence, Taken
from hub.reliability.load import TOPIC, UNIT
from hub.reliability.processes import Running, StandFailed
from hub.settings import KafkaSettings
from hub.store import Store
from hub.store.databases import create_database, drop_database
from hub.store.leases import owners
from hub.store.migration import migrate

T = TypeVar("T")
PORTAL = "national_portal"
MEMBER = "VN:GOV:000.00.00.G22:dvcqg"
ROUTE = "dossiers-to-national-portal"
TOPICS = (TOPIC, f"dead.{TOPIC}", "events", "outcomes", f"dead.{ROUTE}")
READY_SECONDS = 60.0
LOOK_SECONDS = 0.1
TERMS: Mapping[str, Any] = {
    "timeout_seconds": 3,
    "attempts_count": 2,
    "patience_seconds": 1,
    "round_wait_initial_seconds": 0.5,
    "round_wait_max_seconds": 2,
    "rounds_count": 1000,
    "concurrency_count": 32,
    "window_count": 400,
    "breaker_open_seconds": 1,
}
"""Impatient: a run must see in seconds what takes minutes at a ministry."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What a stand is like.

    Attributes:
        folder: of its files, made if missing.
        kafka, postgres: addresses of servers on which it may make topics and a database.
        partitions_count, lease_seconds: as in hub.yaml.
        terms: of the route.
    """

    folder: Path
    kafka: str
    postgres: str
    partitions_count: int = 8
    lease_seconds: float = 4
    terms: Mapping[str, Any] = field(default_factory=lambda: TERMS)


class Stand:
    """A running stand; see `standing`."""

    def __init__(self, plan: Plan, name: str, store: Store) -> None:
        self.plan = plan
        self.name = name
        self.store = store
        self.config = plan.folder / "hub.yaml"
        self.portal_log = plan.folder / "portal-calls.jsonl"
        ports = choose_ports(durable=False)
        self.portal_url = f"http://{LOOPBACK}:{ports.kafka}"
        self.gateway_url = f"http://{LOOPBACK}:{ports.controller}"
        self.password = secrets.token_urlsafe(24)
        self.taken = Taken(self.portal_log)
        self.running: list[Running] = []
        self.kafka = Kafka(KafkaSettings(bootstrap_servers=plan.kafka, prefix=f"{name}."))
        self.producer: Producer
        self._started = 0

    def write(self, database: str) -> None:
        """hub.yaml of the stand, with its invented secrets, readable by its owner only."""
        self.config.touch(mode=0o600)
        account = {UNIT: {"username": UNIT, "password": "${file:portal.secret}"}}
        own = {UNIT: {"username": UNIT, "password": "${file:one_stop.secret}"}}
        texts = {
            "portal": "demo",
            "one_stop": self.password,
            "session": secrets.token_urlsafe(24),
            "postgres": database,
        }
        for name, text in texts.items():
            file = self.plan.folder / f"{name}.secret"
            file.touch(mode=0o600)
            file.write_text(text, "utf-8")
        settings = {
            "version": 1,
            "kafka": {
                "bootstrap_servers": self.plan.kafka,
                "prefix": f"{self.name}.",
                "partitions_count": self.plan.partitions_count,
            },
            "postgres": {"url": "${file:postgres.secret}"},
            "blobs": {"url": f"file://{self.plan.folder / 'blobs'}"},
            "gateway": {"port": int(self.gateway_url.rpartition(":")[2])},
            "management": {"port": 0},
            "worker": {"lease_seconds": self.plan.lease_seconds},
            "log": {"level": "warning"},
            "units": {UNIT: {"name": "UBND phường Mẫu"}},
            "connectors": {
                "one_stop": {
                    "accounts": own,
                    "dstcode": MEMBER,
                    "session_secret": "${file:session.secret}",
                },
                PORTAL: {
                    "base_url": self.portal_url,
                    "auth_path": "/auth",
                    "integration_path": "/integration",
                    "share_path": "/share",
                    "dstcode": MEMBER,
                    "accounts": account,
                    "login_pause_seconds": 2,
                },
            },
            "routes": {ROUTE: {"terms": dict(self.plan.terms)}},
        }
        self.config.write_text(yaml.safe_dump(settings, allow_unicode=True), "utf-8")

    # --- processes ------------------------------------------------------------------------

    def start(self, role: str, *, crash: str = "") -> Running:
        """Start a process of the hub; `crash` is where it shall kill itself (`after_call:3`)."""
        self._started += 1
        environment = {"HUB_CRASH": crash} if crash else {}
        arguments = ["run", "--config", str(self.config), "--role", role]
        running = Running(f"{role}-{self._started}", self.plan.folder, arguments, environment)
        self.running.append(running)
        return running

    def start_portal(self) -> Running:
        """Start the simulated portal, without faults."""
        port = self.portal_url.rpartition(":")[2]
        arguments = ["sim", PORTAL, "--port", port, "--log", str(self.portal_log)]
        own_time = {"HUB_CLOCK_FILE": ""}  # its log is evidence: no clock that jumps for it
        running = Running("portal", self.plan.folder, arguments, own_time)
        self.running.append(running)
        return running

    def check(self, *steady: Running) -> None:
        """Return while these run.

        Raises:
            StandFailed: one has ended by itself; with its last words.
        """
        for each in steady:
            if not each.runs:
                raise StandFailed(f"{each.name} has ended by itself.{each.last_words()}")

    async def faults(self, *faults: Mapping[str, Any], seed: int = 1) -> None:
        """Let the portal play these faults from now on; none: it behaves."""
        script = orjson.dumps({"seed": seed, "faults": faults})
        url = f"{self.portal_url}/_control/faults"
        async with aiohttp.ClientSession() as session, session.put(url, data=script) as reply:
            if reply.status != 200:
                raise StandFailed(f"the portal refuses the faults: {await reply.text()}")

    # --- waiting --------------------------------------------------------------------------

    async def asked(self, question: Callable[[Store], Awaitable[T]]) -> T:
        """The store's answer; connections that a restarted PostgreSQL has broken are replaced.

        Raises:
            Unavailable: PostgreSQL does not answer for a long time.
        """
        limit = time.monotonic() + READY_SECONDS
        while True:
            try:
                return await question(self.store)
            except Unavailable:
                if time.monotonic() > limit:
                    raise
                await asyncio.sleep(LOOK_SECONDS)

    async def partitions_of(self, worker: Running) -> set[int]:
        """Partitions of the route that stand in the worker's name."""
        held = await self.asked(owners)
        return {
            partition
            for (route, partition), owner in held.items()
            if route == ROUTE and f"-{worker.pid}-" in owner
        }

    async def ready(self, *workers: Running) -> None:
        """Return when every partition of the load has an owner, and each of these workers some.

        Raises:
            StandFailed: not in time, or one has ended.
        """
        wanted = 2 * self.plan.partitions_count
        limit = time.monotonic() + READY_SECONDS
        while True:
            self.check(*workers)
            held = await self.asked(owners)
            held = {key: owner for key, owner in held.items() if key[0] in (TOPIC, ROUTE)}
            everyone = all(any(f"-{w.pid}-" in one for one in held.values()) for w in workers)
            if len(held) == wanted and everyone:
                return
            if time.monotonic() > limit:
                words = workers[0].last_words() if workers else ""
                raise StandFailed(f"not every partition has an owner.{words}")
            await asyncio.sleep(LOOK_SECONDS)

    async def answers(self, url: str, server: Running) -> None:
        """Return when an HTTP server answers, whatever it says.

        Raises:
            StandFailed: not in time, or it has ended.
        """
        limit = time.monotonic() + READY_SECONDS
        async with aiohttp.ClientSession() as session:
            while time.monotonic() < limit:
                self.check(server)
                try:
                    async with session.get(url):
                        return
                except aiohttp.ClientError:
                    await asyncio.sleep(LOOK_SECONDS)
        raise StandFailed(f"{server.name} does not answer.{server.last_words()}")

    # --- what came of it ------------------------------------------------------------------

    def rules(self, *, lost_answers: bool = False) -> Rules:
        """What the stand's runs may repeat: one window per partition and kill."""
        count = self.plan.partitions_count
        return Rules(
            window_count=self.plan.terms["window_count"],
            lost_answers=lost_answers,
            partition=lambda subject: partition_of(subject.encode(), count),
            systems=(PORTAL,),
        )

    async def arrived(
        self, evidence: Evidence, *, stall_seconds: float, steady: Sequence[Running] = ()
    ) -> bool:
        """Wait until all that was sent has taken effect; false if nothing moves for so long."""
        before, since = -1, time.monotonic()
        while True:
            self.taken.read()
            count = self.taken.of(evidence.subjects)
            if count >= evidence.sent_count:
                return True
            if count != before:
                before, since = count, time.monotonic()
            if time.monotonic() - since > stall_seconds:
                return False
            self.check(*steady)
            await asyncio.sleep(LOOK_SECONDS)

    def judge(self, evidence: Evidence, start: int, rules: Rules) -> Report:
        """The checker's report on what the portal logged from byte `start` on."""
        self.taken.copy(start, evidence)
        return evidence.check(rules)


@asynccontextmanager
async def standing(plan: Plan) -> AsyncIterator[Stand]:
    """A stand whose portal answers, whose topics are made, and which has no worker yet.

    Everything it has started ends with the block; its topics and database go, its files stay.

    Raises:
        StandFailed: a process does not come up.
        Unavailable: Kafka or PostgreSQL does not answer.
    """
    plan.folder.mkdir(parents=True, exist_ok=True)
    for left in (*plan.folder.glob("*.log"), plan.folder / "portal-calls.jsonl"):
        left.unlink(missing_ok=True)
    name = f"stand_{secrets.token_hex(4)}"
    async with AsyncExitStack() as stack:
        database = await asyncio.to_thread(create_database, plan.postgres, name)
        stack.push_async_callback(asyncio.to_thread, drop_database, plan.postgres, name)
        await asyncio.to_thread(migrate, database)
        store = Store.open(database)
        stack.push_async_callback(store.close)
        stand = Stand(plan, name, store)
        stand.write(database)
        stack.callback(_end, stand)
        portal = stand.start_portal()
        await stand.answers(f"{stand.portal_url}/_control/state", portal)
        first = stand.start("worker")
        await stand.ready(first)
        await first.stop()
        await stack.enter_async_context(stand.kafka)
        await stand.kafka.create_topics(dict.fromkeys(TOPICS, plan.partitions_count))
        stack.push_async_callback(stand.kafka.delete_everything)
        stand.producer = await stand.kafka.producer()
        stack.push_async_callback(stand.producer.close)
        yield stand


def _end(stand: Stand) -> None:
    for running in stand.running:
        running.kill()
