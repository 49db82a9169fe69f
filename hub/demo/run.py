"""One run: start the portal and the hub, play the ward through them, wait, read the report."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from typing import Any

import aiohttp
import orjson

from hub.demo.checks import Checks, settled
from hub.demo.city import CityDay
from hub.demo.counters import Counters
from hub.demo.deployment import FAULTS, ROUTE, Deployment
from hub.demo.errands import Desks, Errands
from hub.demo.ground import prepare
from hub.demo.playing import Pace, play
from hub.demo.processes import DemoFailed, Processes
from hub.demo.report import PortalState, Report, disagreements, figures_of
from hub.demo.scenario import Scenario
from hub.demo.screen import Counts, Part, Screen
from hub.demo.sending import desks_of, product_of
from hub.demo.story import Story, Told, counted, held
from hub.demo.wire import Call
from hub.store import Store
from hub.store.figures import RouteFigures, Tally, figures, route_figures

READY_SECONDS = 60.0
LOOK_SECONDS = 0.7
STALL_SECONDS = 60.0
"""How long nothing may arrive at the portal before the demo gives up."""
CALL_SECONDS = 60.0
PATIENCE_SECONDS = 3600.0
"""How long a citizen waits for the link to pay, while the hub works off what came before: as long
as anything moves (`STALL_SECONDS`)."""
SETTLE_SECONDS = 15.0
"""How long the standings may lag behind the timeline."""
LET_GO = (b'"left_unsaved"', b'"lease_expired"', b'"write_refused"')
"""Events of the hub's log after which it delivers a second time what it did not know as done."""
INTERRUPTED = (
    "this machine was so busy that the hub let go of its work for a while: a counterpart may have"
    " heard something twice"
)
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
        systems = ", ".join(["national_portal", *deployment.ports])
        screen.say(f"running: the hub, and simulated {systems}; logs are in {deployment.folder}")
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
        self._parts: list[Callable[[], Iterable[Part]]] = []
        self._ended = time.monotonic()

    async def report(self, calls_per_second: float | None) -> Report:
        """Play everything, wait until it has arrived, and read the figures.

        Raises:
            DemoFailed: the hub refused something, something ended, or messages do not arrive.
        """
        store = Store.open(self._deployment.postgres)
        try:
            async with self._beside() as (at, desks):
                started = time.monotonic()
                checks, route = await self._played(store, calls_per_second, at, desks)
                seconds = self._ended - started
                tally = await self._settled(store)
                beside = [await settled(check, self._processes.check) for check in checks]
        finally:
            await store.close()
        portal = await self._portal()
        if self.was_interrupted() and not self._deployment.faults:
            self._screen.say(INTERRUPTED)
        found = [
            *disagreements(self._scenario, tally, route, portal, repeats=self._repeats()),
            *(text for each in beside for text in each.disagreements()),
        ]
        return Report(tally, route, portal, self._calls, seconds, tuple(found), tuple(beside))

    @asynccontextmanager
    async def _beside(self) -> AsyncIterator[tuple[Counters, Desks]]:
        """The counterparts beside the portal, and who calls them; no desks where there are none."""
        timeout = aiohttp.ClientTimeout(total=CALL_SECONDS)
        async with AsyncExitStack() as stack:
            session = await stack.enter_async_context(aiohttp.ClientSession(timeout=timeout))
            at = Counters(
                self._deployment,
                session,
                patience_seconds=PATIENCE_SECONDS,
                look_seconds=LOOK_SECONDS,
            )
            desks: Desks = {}
            if self._deployment.ports:
                desks = await stack.enter_async_context(desks_of(self._deployment))
            yield at, desks

    async def _played(
        self, store: Store, calls_per_second: float | None, at: Counters, desks: Desks
    ) -> tuple[list[Callable[[], Awaitable[Checks]]], RouteFigures]:
        """Play all; how what happened beside the portal is counted, and the portal's messages."""
        checks: list[Callable[[], Awaitable[Checks]]] = []
        errands: Errands | None = None
        try:
            async with asyncio.TaskGroup() as tasks:
                if desks:
                    errands = Errands(at, self._scenario, desks, tasks=tasks, repeats=self._repeats)
                    self._parts.append(errands.parts)
                    checks.append(partial(errands.checks, store))
                if traffic := self._deployment.place.traffic:
                    city = CityDay(at, self._deployment, traffic, desks)
                    self._parts.append(city.parts)
                    checks.append(partial(city.checks, store))
                    tasks.create_task(city.play())
                watching = tasks.create_task(self._watch(store))
                tasks.create_task(self._play(calls_per_second, errands))
        except ExceptionGroup as errors:
            raise _first(errors) from None
        return checks, watching.result()

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
                before = await held(counters)
                await story.tell()
                deadline = time.monotonic() + SETTLE_SECONDS
                while True:
                    told = await counted(story, counters, store, before)
                    if not [*told.disagreements()] or time.monotonic() > deadline:
                        return told
                    self._processes.check()
                    await asyncio.sleep(LOOK_SECONDS)
        finally:
            await store.close()

    def was_interrupted(self) -> bool:
        """Whether the hub has let go of its work for a while, as when PostgreSQL stands still."""
        with self._processes.log("hub").open("rb") as lines:
            return any(word in line for line in lines for word in LET_GO)

    def _repeats(self) -> bool:
        return self._deployment.faults or self.was_interrupted()

    def example(self) -> str:
        """The dossier to show: the one that the portal refused most often, else a long story."""
        refused: Counter[str] = Counter()
        with self._deployment.portal_calls.open("rb") as lines:
            for line in lines:
                call = orjson.loads(line)
                if not call["ok"] and call["subject"]:
                    refused[call["subject"]] += 1
        return refused.most_common(1)[0][0] if refused else self._scenario.eventful().code

    async def _play(self, calls_per_second: float | None, errands: Errands | None) -> None:
        async with product_of(self._deployment) as send:

            async def counted(call: Call) -> None:
                if errands is not None:
                    await errands.before(call)
                await send(call)
                self._calls += 1
                if errands is not None:
                    await errands.after(call)

            pace = Pace(calls_per_second)
            side_by_side = self._deployment.place.side_by_side
            await play(self._scenario.calls, counted, side_by_side=side_by_side, pace=pace)

    async def _watch(self, store: Store) -> RouteFigures:
        """Show how far it is until everything has arrived."""
        seen, since = -1, time.monotonic()
        while True:
            route = (await route_figures(store)).get(ROUTE, NOTHING)
            parts = tuple(part for parts in self._parts for part in parts())
            self._show(route, parts)
            arrived = route.delivered >= self._scenario.messages
            if not arrived or self._calls < len(self._scenario.calls):
                self._ended = time.monotonic()
            if arrived and all(part.done == part.total for part in parts):
                return route
            self._processes.check()
            progress = route.delivered + self._calls + sum(part.done for part in parts)
            if progress != seen:
                seen, since = progress, time.monotonic()
            elif time.monotonic() - since > STALL_SECONDS:
                raise DemoFailed(self._what_is_missing(route, parts))
            await asyncio.sleep(LOOK_SECONDS)

    def _show(self, route: RouteFigures, parts: tuple[Part, ...]) -> None:
        calls, messages = len(self._scenario.calls), self._scenario.messages
        self._screen.show(Counts(self._calls, calls, route.delivered, messages, parts))

    def _what_is_missing(self, route: RouteFigures, parts: tuple[Part, ...]) -> str:
        missing = self._scenario.messages - route.delivered
        calls = len(self._scenario.calls) - self._calls
        beside = "".join(f" {each.name}: {each.done:,} of {each.total:,}." for each in parts)
        return (
            f"Nothing has moved for {STALL_SECONDS:.0f} s: {missing:,} messages have not reached"
            f" the portal ({route.parked:,} were parked, {route.dead:,} are dead), {calls:,} calls"
            f" are not made.{beside} Logs: {self._processes.log('hub')},"
            f" {self._processes.log('portal')}."
        )

    async def _settled(self, store: Store) -> Tally:
        """The hub's tally, once it is what is expected or its time is over."""
        place, last_day = self._deployment.place, self._deployment.place.last_day
        deadline = time.monotonic() + SETTLE_SECONDS
        while True:
            found = (await figures(store, None, place.first_day, last_day, last_day)).total
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


def _first(errors: BaseExceptionGroup) -> BaseException:
    """The first error of a group, however deep it lies."""
    first = errors.exceptions[0]
    return _first(first) if isinstance(first, BaseExceptionGroup) else first


async def _json(session: aiohttp.ClientSession, path: str) -> Any:
    async with session.get(path, raise_for_status=True) as reply:
        return await reply.json()
