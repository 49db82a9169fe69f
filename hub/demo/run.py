"""One run: start the portal and the hub, play the ward through them, wait, read the report."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from typing import Any

import aiohttp
import orjson

from hub.demo.counters import Counters
from hub.demo.deployment import FAULTS, ROUTE, Deployment
from hub.demo.ground import prepare
from hub.demo.playing import Pace, play
from hub.demo.processes import DemoFailed, Processes
from hub.demo.report import PortalState, Report, disagreements, figures_of
from hub.demo.scenario import Scenario
from hub.demo.screen import Counts, Screen
from hub.demo.sending import product_of
from hub.demo.story import Story, Told, counted
from hub.demo.ward import FIRST_DAY, LAST_DAY
from hub.demo.wire import Call
from hub.store import Store
from hub.store.figures import RouteFigures, Tally, figures, route_figures

READY_SECONDS = 60.0
LOOK_SECONDS = 0.7
STALL_SECONDS = 60.0
"""How long nothing may arrive at the portal before the demo gives up."""
CALL_SECONDS = 60.0
SETTLE_SECONDS = 15.0
"""How long the standings may lag behind the timeline."""
NOTHING = RouteFigures(delivered=0, retried=0, parked=0, dead=0)


@asynccontextmanager
async def staged(deployment: Deployment, screen: Screen) -> AsyncIterator[Processes]:
    """The portal's simulator and the hub, running, for as long as the block does.

    Raises:
        DemoFailed: one of them does not come up.
        Unavailable: Kafka or PostgreSQL does not answer.
    """
    processes = Processes(deployment.folder)
    processes.stop_left_over()
    try:
        faults = ["--faults", str(FAULTS)] if deployment.faults else []
        deployment.portal_calls.unlink(missing_ok=True)
        port = ["--port", str(deployment.portal)]
        log = ["--log", str(deployment.portal_calls)]
        processes.start("portal", ["sim", "national_portal", *port, *faults, *log])
        await prepare(deployment)  # while the portal starts
        deployment.write()
        if deployment.ports:
            processes.start("counterparts", ["sim", "--cast", str(deployment.cast)])
        processes.start("hub", ["run", "--config", str(deployment.config)])
        async with aiohttp.ClientSession() as session:
            for name, url in (
                ("portal", f"{deployment.portal_url}/_control/state"),
                ("hub", f"{deployment.management_url}/readyz"),
                ("hub", deployment.gateway_url),
                *(
                    ("counterparts", f"{deployment.url_of(kind)}/_control/state")
                    for kind in deployment.ports
                ),
            ):
                answers = partial(_answers, session, url)
                await processes.wait_for(name, answers, seconds=READY_SECONDS)
        screen.say(f"hub and portal are running; their logs are in {deployment.folder}")
        yield processes
    finally:
        processes.stop()


async def _answers(session: aiohttp.ClientSession, url: str) -> bool:
    """Whether an HTTP server is there and says nothing is wrong with itself."""
    try:
        async with session.get(url) as reply:
            return reply.status < 500
    except aiohttp.ClientError:
        return False


class Run:
    """One playing of a scenario through a deployment that is running.

    Args:
        deployment: where.
        scenario: what.
        screen: told how far it is.
        processes: asked whether all still run.
    """

    def __init__(
        self, deployment: Deployment, scenario: Scenario, screen: Screen, processes: Processes
    ) -> None:
        self._deployment = deployment
        self._scenario = scenario
        self._screen = screen
        self._processes = processes
        self._calls = 0

    async def report(self, calls_per_second: float | None) -> Report:
        """Play everything, wait until it has arrived, and read the figures.

        Raises:
            DemoFailed: the hub refused a call, something ended, or messages do not arrive.
        """
        store = Store.open(self._deployment.postgres)
        try:
            started = time.monotonic()
            async with asyncio.TaskGroup() as tasks:
                watching = tasks.create_task(self._watch(store))
                tasks.create_task(self._play(calls_per_second))
            seconds = time.monotonic() - started
            route = watching.result()
            tally = await self._settled(store)
        except ExceptionGroup as errors:
            raise errors.exceptions[0] from None
        finally:
            await store.close()
        portal = await self._portal()
        found = disagreements(self._scenario, tally, route, portal, faults=self._deployment.faults)
        return Report(tally, route, portal, self._calls, seconds, tuple(found))

    async def story(self) -> Told:
        """Follow one dossier through every counterpart, and count what came of it.

        Raises:
            DemoFailed: something that must come does not.
        """
        store = Store.open(self._deployment.postgres)
        timeout = aiohttp.ClientTimeout(total=CALL_SECONDS)
        try:
            async with aiohttp.ClientSession(timeout=timeout) as session:
                counters = Counters(self._deployment, session)
                story = Story(counters, self._deployment, self._screen.say)
                await story.tell()
                deadline = time.monotonic() + SETTLE_SECONDS
                while True:
                    told = await counted(story, counters, store)
                    if not [*told.disagreements()] or time.monotonic() > deadline:
                        return told
                    self._processes.check()
                    await asyncio.sleep(LOOK_SECONDS)
        finally:
            await store.close()

    def example(self) -> str:
        """The dossier to show: the one that the portal refused most often, else a long story."""
        refused: Counter[str] = Counter()
        with self._deployment.portal_calls.open("rb") as lines:
            for line in lines:
                call = orjson.loads(line)
                if not call["ok"] and call["subject"]:
                    refused[call["subject"]] += 1
        return refused.most_common(1)[0][0] if refused else self._scenario.eventful().code

    async def _play(self, calls_per_second: float | None) -> None:
        async with product_of(self._deployment) as send:

            async def counted(call: Call) -> None:
                await send(call)
                self._calls += 1

            pace = Pace(calls_per_second)
            side_by_side = self._deployment.place.side_by_side
            await play(self._scenario.calls, counted, side_by_side=side_by_side, pace=pace)

    async def _watch(self, store: Store) -> RouteFigures:
        """Show how far it is until everything has arrived."""
        seen, since = -1, time.monotonic()
        while True:
            route = (await route_figures(store)).get(ROUTE, NOTHING)
            self._show(route)
            if route.delivered >= self._scenario.messages:
                return route
            self._processes.check()
            progress = route.delivered + self._calls
            if progress != seen:
                seen, since = progress, time.monotonic()
            elif time.monotonic() - since > STALL_SECONDS:
                raise DemoFailed(self._what_is_missing(route))
            await asyncio.sleep(LOOK_SECONDS)

    def _show(self, route: RouteFigures) -> None:
        calls, messages = len(self._scenario.calls), self._scenario.messages
        self._screen.show(Counts(self._calls, calls, route.delivered, messages))

    def _what_is_missing(self, route: RouteFigures) -> str:
        missing = self._scenario.messages - route.delivered
        calls = len(self._scenario.calls) - self._calls
        return (
            f"Nothing has moved for {STALL_SECONDS:.0f} s: {missing:,} messages have not reached"
            f" the portal ({route.parked:,} were parked, {route.dead:,} are dead), {calls:,} calls"
            f" are not made. Logs: {self._processes.log('hub')}, {self._processes.log('portal')}."
        )

    async def _settled(self, store: Store) -> Tally:
        """The hub's tally, once it is what is expected or its time is over."""
        deadline = time.monotonic() + SETTLE_SECONDS
        while True:
            found = (await figures(store, None, FIRST_DAY, LAST_DAY, LAST_DAY)).total
            is_over = time.monotonic() > deadline
            if is_over or figures_of(found) == self._scenario.expected:
                return found
            await asyncio.sleep(LOOK_SECONDS)

    async def _portal(self) -> PortalState:
        async with aiohttp.ClientSession(self._deployment.portal_url) as session:
            state, counted = [
                await _json(session, f"/_control/{name}") for name in ("state", "figures")
            ]
        return PortalState.from_json(state, counted)


async def _json(session: aiohttp.ClientSession, path: str) -> Any:
    async with session.get(path, raise_for_status=True) as reply:
        return await reply.json()
