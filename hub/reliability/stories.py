"""Stories under kills: many dossiers go through every counterpart while the hub is killed.

Gateway, workers and recorder run apart. One after another is killed (`kill -9`), at a moment drawn
with the seed or at a crash point, and started again; now and then Kafka or PostgreSQL is. What
must come out is what the demo counts, of every dossier: each thing once.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import random
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import aiohttp
import yaml

from hub import local
from hub.demo.counters import Counters
from hub.demo.deployment import IMPATIENT, Deployment
from hub.demo.ground import prepare
from hub.demo.story import Story, told_of
from hub.errors import Unavailable
from hub.kafka import Kafka
from hub.reliability.people import PATIENCE_SECONDS, OneOfMany, Packages, Stubborn
from hub.reliability.processes import Running, StandFailed
from hub.reliability.trial import Verdict
from hub.settings import KafkaSettings
from hub.settings.routes import standard_routes
from hub.store import Store
from hub.store.held_view import HeldFilter, HeldView
from hub.store.leases import owners

FIRST_NUMBER = 1001
STORIES_COUNT = 24
"""Most stories at once: the product looks at one page of a hundred tracking rows."""
ROLES = ("gateway", "worker", "worker", "recorder")
POINTS = (
    "after_call",
    "before_call",
    "after_effect_begun",
    "after_effect_taken",
    "after_polled",
    "after_poll_accept",
    "after_poll_cursor",
    "after_produce",
    "after_transaction",
    "before_commit",
)
READY_SECONDS = 60.0
SETTLE_SECONDS = 60.0
EVERY_SECONDS = 4.0
LEASE_SECONDS = 4
SERVERS_EVERY = 4
"""Every so many kills it is a server's turn."""

Tell = Callable[[str], None]


class Stories:
    """A deployment with its counterparts, the hub's roles apart, and those who kill them.

    Args:
        deployment: planned; its folder exists.
        servers: folder of its Kafka and PostgreSQL, which are killed too; none: they are not.
        seed: of every random choice.
        tell: told how far it is.
    """

    def __init__(
        self, deployment: Deployment, servers: Path | None, *, seed: int, tell: Tell
    ) -> None:
        self.deployment = deployment
        self._servers = servers
        self._dice = random.Random(seed)  # noqa: S311 - a test's dice, repeatable
        self._tell = tell
        self._hub: dict[int, tuple[str, Running]] = {}
        self._others: list[Running] = []
        self._started = 0
        self.kills: Counter[str] = Counter()

    async def play(self, count: int, *, kills: bool = True) -> Verdict:
        """Tell `count` stories side by side, killing meanwhile; what came of it.

        Raises:
            StandFailed: a process does not come up.
        """
        verdict = Verdict("stories", messages=count)
        began = time.monotonic()
        try:
            await self._up()
            store = Store.open(self.deployment.postgres)
            try:
                await self._play(count, verdict, store, kills=kills)
            finally:
                await store.close()
        finally:
            for running in (*(each for _, each in self._hub.values()), *self._others):
                running.kill()
        verdict.seconds = time.monotonic() - began
        verdict.crashes = self.kills.total()
        verdict.notes |= {"kills": dict(self.kills)}
        return verdict

    async def _play(self, count: int, verdict: Verdict, store: Store, *, kills: bool) -> None:
        timeout = aiohttp.ClientTimeout(total=READY_SECONDS)
        async with aiohttp.ClientSession(timeout=timeout) as session:
            counters = Stubborn(self.deployment, session, patience_seconds=PATIENCE_SECONDS)
            packages = Packages(counters)
            stories = [
                OneOfMany(packages, counters, self.deployment, _silent, number=number)
                for number in range(FIRST_NUMBER, FIRST_NUMBER + count)
            ]
            enough = asyncio.Event()
            killing = asyncio.create_task(self._killing(enough, store)) if kills else None
            ends = await asyncio.gather(
                *(story.tell() for story in stories), return_exceptions=True
            )
            enough.set()
            if killing is not None:
                try:
                    await killing
                except StandFailed as error:
                    verdict.problem = str(error)
            await self._all_run()
            stuck = [
                f"{story.code}: {type(end).__name__}: {end}"
                for story, end in zip(stories, ends, strict=True)
                if end is not None
            ]
            verdict.violations += stuck
            verdict.lost += len(stuck)
            self._tell(f"told, {len(stuck)} stuck, {self.kills.total()} kills")
            await self._judged(verdict, stories, counters, store)

    async def _judged(
        self, verdict: Verdict, stories: Sequence[Story], at: Counters, store: Store
    ) -> None:
        end = time.monotonic() + SETTLE_SECONDS
        while True:
            rows = await self._rows(stories, at, store)
            wrong = [(what, found, wanted) for what, found, wanted in rows if found != wanted]
            if not wrong or time.monotonic() > end:
                break
            await asyncio.sleep(1)
        for what, found, wanted in wrong:
            verdict.violations.append(f"{what}: {found}, expected {wanted}")
            if "order" in what:
                verdict.disorder += 1
            elif found < wanted:
                verdict.lost += 1
            else:
                verdict.doubled += 1
        verdict.notes |= {what: found for what, found, _ in rows if " of " not in what}

    async def _rows(
        self, stories: Sequence[Story], at: Counters, store: Store
    ) -> list[tuple[str, int, int]]:
        count = len(stories)
        payment, receipt, post, axis, office, petitions = [
            await at.state(kind)
            for kind in (
                "payment_gateway",
                "e_receipt",
                "public_post",
                "document_exchange",
                "document_office",
                "petitions",
            )
        ]
        answered = petitions["counts"]
        records, ids = await self._events()
        rows = [
            ("payments", payment["paid"], count),
            ("payments made twice", payment["paid_twice"], 0),
            ("receipts", receipt["receipts"], count),
            ("parcels", post["parcels"], count),
            ("documents", axis["documents"], 2 * count),
            ("documents sent twice", axis["twice"], 0),
            ("drafts", office["drafts"], count),
            ("petitions", answered.get("pakn.answered", 0) - answered.get("repeated", 0), count),
            ("held subjects", len(await HeldView(store).queues(HeldFilter())), 0),
            ("events doubled", records - ids, 0),
        ]
        for story in stories:
            rows += [
                (f"{what} of {story.code}", found, wanted)
                for what, found, wanted in await told_of(story, store)
            ]
        return rows

    async def _events(self) -> tuple[int, int]:
        """Committed records of the topic `events`, and how many different ids they have."""
        settings = KafkaSettings(
            bootstrap_servers=self.deployment.kafka, prefix=self.deployment.prefix
        )
        count, ids = 0, set()
        async with Kafka(settings) as kafka:
            reader = await kafka.reader("events")
            try:
                ends = await reader.ends(range(settings.partitions_count))
                at = dict.fromkeys(ends, 0)
                await reader.assign(at)
                while any(at[number] < end for number, end in ends.items()):
                    for found in (await reader.fetch(4000, 500)).values():
                        count += len(found)
                        ids |= {dict(record.headers)["ce_id"] for record in found}
                    at = {number: await reader.position(number) for number in ends}
            finally:
                await reader.close()
        return count, len(ids)

    # --- processes ------------------------------------------------------------------------

    async def _up(self) -> None:
        deployment = self.deployment
        await prepare(deployment)
        deployment.write()
        settings = yaml.safe_load(deployment.config.read_text("utf-8"))
        settings["management"]["port"] = 0
        settings["worker"] = {"lease_seconds": LEASE_SECONDS}
        settings["log"] = {"level": "warning"}
        settings["routes"] = _impatient(deployment)
        deployment.config.write_text(yaml.safe_dump(settings, allow_unicode=True), "utf-8")
        portal = ["sim", "national_portal", "--port", str(deployment.portal)]
        log = ["--log", str(deployment.portal_calls)]
        self._others = [
            Running("portal", deployment.folder, [*portal, *log]),
            Running("counterparts", deployment.folder, ["sim", "--cast", str(deployment.cast)]),
        ]
        for place, role in enumerate(ROLES):
            self._start(place, role)
        await self._answers(deployment.gateway_url)
        await self._answers(deployment.portal_url)
        for kind in deployment.ports:
            await self._answers(deployment.url_of(kind))

    def _start(self, place: int, role: str, crash: str = "") -> Running:
        self._started += 1
        arguments = ["run", "--config", str(self.deployment.config), "--role", role]
        environment: Mapping[str, str] = {"HUB_CRASH": crash} if crash else {}
        name = f"{role}-{self._started}"
        running = Running(name, self.deployment.folder, arguments, environment)
        self._hub[place] = (role, running)
        return running

    async def _answers(self, url: str) -> None:
        end = time.monotonic() + READY_SECONDS
        async with aiohttp.ClientSession() as session:
            while time.monotonic() < end:
                try:
                    async with session.get(url):
                        return
                except aiohttp.ClientError:
                    await asyncio.sleep(0.2)
        raise StandFailed(f"{url} does not answer")

    async def _killing(self, enough: asyncio.Event, store: Store) -> None:
        for turn in itertools.count(1):
            await self._working(store)
            if enough.is_set():
                return
            if self._servers is not None and turn % SERVERS_EVERY == 0:
                await self._kill_server(self._servers)
            else:
                self._kill_one()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self._dice.uniform(0.5, 2) * EVERY_SECONDS):
                    await enough.wait()

    async def _working(self, store: Store) -> None:
        """Return when everything has an owner that lives: kills that come faster stop the hub."""
        end = time.monotonic() + READY_SECONDS
        while time.monotonic() < end:
            self._renew()
            alive = [f"-{each.pid}-" for role, each in self._hub.values() if role == "worker"]
            with contextlib.suppress(Unavailable):
                held = set((await owners(store)).values())
                if held and all(any(pid in owner for pid in alive) for owner in held):
                    return
            await asyncio.sleep(0.5)
        raise StandFailed("the leases of killed workers are not taken over")

    def _kill_one(self) -> None:
        """Kill a role, or replace it by one that kills itself at a point; renew the dead."""
        place = self._dice.randrange(len(ROLES))
        role, running = self._hub[place]
        running.kill()
        self.kills[role] += 1
        crash = ""
        if role == "worker":
            crash = f"{self._dice.choice(POINTS)}:{self._dice.randint(1, 8)}"
        self._start(place, role, crash)

    def _renew(self) -> None:
        """Start again what has killed itself.

        Raises:
            StandFailed: something has ended that nobody killed.
        """
        for place, (role, running) in list(self._hub.items()):
            if running.runs:
                continue
            if not running.killed:
                raise StandFailed(f"{running.name} has ended by itself.{running.last_words()}")
            self.kills[f"{role} at a point"] += 1
            self._start(place, role)

    async def _kill_server(self, servers: Path) -> None:
        name = self._dice.choice(("kafka", "postgres"))
        self.kills[name] += 1
        acts: Mapping[str, tuple[Callable[..., Any], Callable[..., Any]]] = {
            "kafka": (local.kafka_stop, local.kafka_start),
            "postgres": (local.postgres_stop, local.postgres_start),
        }
        stop, start = acts[name]
        await asyncio.to_thread(partial(stop, servers, True))
        await asyncio.sleep(self._dice.uniform(0, 3))
        await asyncio.to_thread(start, servers)

    async def _all_run(self) -> None:
        """A hub without crash points, for the end."""
        for place, (role, running) in list(self._hub.items()):
            running.kill()
            self._start(place, role)
        await self._answers(self.deployment.gateway_url)


def _impatient(deployment: Deployment) -> dict[str, Any]:
    """Terms of every standard route: a run sees in seconds what takes minutes at a ministry."""
    to = {"national_portal", *deployment.ports}
    return {name: {"terms": IMPATIENT} for name, r in standard_routes().items() if r.to in to}


def _silent(_: str) -> None:
    """Stories side by side are not told line by line."""
