"""What a connector does when the outside fails, at each of its calls and in every way.

The connector's client and poller speak to its own simulator through a server that breaks. Their
settings are those of the samples, with every address the server's. Time is virtual: a limit is
waited for in no time, and a busy machine meets none.
"""

from __future__ import annotations

import re
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, replace
from typing import Any

import aiohttp
from pydantic import BaseModel

from hub.connector import (
    Answer,
    Asked,
    Connector,
    ConnectorSettings,
    Page,
    Repetition,
    Reply,
    Request,
)
from hub.errors import EncodeError, HubError, Rejected, Unavailable, UnknownOutcome
from hub.event import Event
from hub.simulation import CallLog, FaultScript, running
from tests.connectors.broken_server import (
    LOST,
    REFUSED,
    REPLY_BYTES,
    SAID,
    BrokenServer,
    Manner,
    broken_server,
)
from tests.connectors.contract import Check, Folder, event_of_sample
from tests.connectors.ground import MemoryGround
from tests.connectors.hostile import CANARY, chain
from tests.connectors.reading import aliases_of, block_of, settings_of, text_of
from tests.engine.virtual import run

NO_ANSWER = (Unavailable, UnknownOutcome)
OURS = (Rejected, *NO_ANSWER)
"""What a client may raise; `Misconfigured` is an `Unavailable`."""

TIMEOUT_SECONDS = 40.0
ADDRESS = re.compile(r"https?://[^/\s]+")
LONG_AGO_SECONDS = 1e9
CALLS_COUNT = 6
"""So many calls of one act are broken, one after the other."""


class FullGround(MemoryGround):
    """One that has a body for every reference, and the aliases of the samples."""

    @classmethod
    def of(cls, folder: Folder) -> FullGround:
        """What the hub would remember when the samples are sent."""
        ground = cls()
        for alias in aliases_of(folder.path / "samples" / "ground.yaml"):
            ground.known[alias.kind, alias.value] = alias
            ground.changed[alias.kind, alias.value] = -LONG_AGO_SECONDS
        return ground

    async def fetch(self, reference: str) -> bytes:
        return b"%PDF-1.4 invented"


@dataclass
class Outside:
    """A folder's client and poller before a simulator behind a server that breaks."""

    folder: Folder
    settings: ConnectorSettings
    server: BrokenServer
    log: CallLog
    timeout_seconds: float = TIMEOUT_SECONDS

    @property
    def connector(self) -> Connector:
        """The connector of the folder."""
        return self.folder.connector

    def requests(self) -> Iterator[Request]:
        """One of each operation and form of the samples, if possible of a named unit."""
        seen = set()
        pairs = [(event_of_sample(each), each.form) for each in self.folder.samples("out")]
        for event, form in sorted(pairs, key=lambda pair: _no_unit(pair[0])):
            request = self.request(event, form)
            named = (form, request and request.message.operation)
            if request is not None and named not in seen:
                seen.add(named)
                yield request

    def request(self, event: Event, form: str) -> Request | None:
        """An event on its way out in that form; none: these settings cannot say it."""
        assert self.connector.encode is not None
        try:
            message = self.connector.encode(event, self.settings)
        except EncodeError:
            return None
        named = f"{form} {message.operation}"
        return Request(message, str(uuid.uuid5(uuid.NAMESPACE_OID, named)), event)

    async def deliver(self, request: Request) -> Reply:
        """Deliver with a client that has not spoken before."""
        client = self._client()
        try:
            return await client.deliver([request], timeout_seconds=self.timeout_seconds)
        finally:
            await client.close()

    async def reset(self) -> None:
        """Let the simulator forget everything."""
        host, port = self.server.behind
        address = f"http://{host}:{port}/_control/reset"
        async with aiohttp.ClientSession() as http, http.post(address) as answer:
            answer.raise_for_status()

    async def play(self, script: str) -> None:
        """Let the simulator play a fault script."""
        host, port = self.server.behind
        address = f"http://{host}:{port}/_control/faults"
        async with aiohttp.ClientSession() as http, http.put(address, data=script) as answer:
            answer.raise_for_status()

    async def ask(self, request: Request) -> Asked:
        """Ask with such a client."""
        client = self._client()
        try:
            return await client.ask(request, timeout_seconds=self.timeout_seconds)
        finally:
            await client.close()

    async def probe(self) -> str:
        """Probe with such a client."""
        client = self._client()
        try:
            return await client.probe()
        finally:
            await client.close()

    async def poll(self) -> Page:
        """The first look ever."""
        assert self.connector.poller is not None
        poller = self.connector.poller(
            self.connector.kind, self.settings, FullGround.of(self.folder)
        )
        try:
            return await poller.poll("")
        finally:
            await poller.close()

    def _client(self) -> Any:
        assert self.connector.client is not None
        return self.connector.client(self.connector.kind, self.settings, FullGround.of(self.folder))


def _no_unit(event: Event) -> bool:
    """Whether an event names no unit, and so has no account of one."""
    return event.data.model_dump().get("unit") == ""


def _bounded(settings: Any) -> Any:
    """The same with one limit of time and small answers, in all its blocks."""
    changes: dict[str, Any] = {}
    for name, value in settings:
        if name.endswith("timeout_seconds"):
            changes[name] = TIMEOUT_SECONDS
        elif name == "reply_bytes":
            changes[name] = REPLY_BYTES
        elif isinstance(value, BaseModel):
            changes[name] = _bounded(value)
    return settings.model_copy(update=changes)


def _prepared(folder: Folder) -> dict[str, Any]:
    """What stands in `samples/ground.yaml`.

    Returns:
        `aliases`; `without_call` and `without_question`: operations whose delivery or question is
        answered without a call.
    """
    return dict(block_of(folder.path / "samples" / "ground.yaml"))


def _options(folder: Folder) -> dict[str, Any]:
    return dict(block_of(folder.path / "samples" / "simulator.yaml"))


@asynccontextmanager
async def outside(folder: Folder) -> AsyncIterator[Outside]:
    """A folder's outside, while the block runs."""
    connector = folder.connector
    assert connector.simulator is not None
    with CallLog() as log:
        async with (
            running(connector.simulator(FaultScript(), log, **_options(folder))) as behind,
            broken_server(behind) as (server, address),
        ):
            file = folder.path / "samples" / "settings.yaml"
            settings = settings_of(file, connector.settings, ADDRESS.sub(address, text_of(file)))
            yield Outside(folder, _bounded(settings), server, log)


Act = Callable[[Outside], Awaitable[Any]]
Found = tuple[str, Exception | None, Any]
"""Where something broke, what was raised, and what was given instead."""


async def calls_of(there: Outside, act: Act) -> int:
    """How many calls the act makes while nothing is broken."""
    there.server.plan(None)
    with suppress(HubError):
        await act(there)
    return min(len(there.server.calls), CALLS_COUNT)


async def _broken(
    there: Outside, act: Act, manners: Mapping[str, Manner], *, only: int | None = None
) -> AsyncIterator[Found]:
    """What comes of each call, or of only that one, broken in each way."""
    numbers = range(await calls_of(there, act)) if only is None else (only,)
    for number in numbers:
        for name, manner in manners.items():
            there.server.plan(manner, from_call=number)
            where = f"call {number + 1} meets {name}"
            try:
                given = await act(there)
            # Any exception at all is what is looked for.
            except Exception as error:  # noqa: BLE001
                yield where, error, None
            else:
                yield where, None, given


def _fault_of(error: Exception, allowed: tuple[type[HubError], ...]) -> str:
    """What is wrong with an error; empty: nothing."""
    if not isinstance(error, allowed):
        return f"{type(error).__name__} ({error})"
    if any(CANARY in str(each) for each in chain(error)):
        return f"{type(error).__name__} repeats the answer"
    if isinstance(error, Rejected) and error.documented:
        return "a documented refusal"
    return ""


def _everywhere(folder: Folder, look: Callable[[Outside], Awaitable[list[str]]]) -> Iterator[str]:
    """What is wrong in the folder, and in each of its profiles."""
    for each in (folder, *folder.profiles):

        async def visit(each: Folder = each) -> list[str]:
            async with outside(each) as there:
                return await look(there)

        for wrong in run(visit(), real_seconds=0.02):
            yield f"{each.path.name}: {wrong}"


async def _deliveries(there: Outside) -> list[str]:
    wrong = []
    for request in there.requests():

        async def act(there: Outside, request: Request = request) -> Reply:
            return await there.deliver(request)

        for manners, allowed in ((LOST, NO_ANSWER), (REFUSED, OURS), (SAID, OURS)):
            async for where, error, _ in _broken(there, act, manners):
                fault = "a success" if error is None else _fault_of(error, allowed)
                if fault:
                    wrong.append(f"{request.message.operation}: {where}: {fault}")
    return wrong


def no_failure_of_a_delivery_is_a_success(folder: Folder) -> Iterator[str]:
    """Whatever breaks at whatever call, deliver raises one of ours, and nothing of the answer."""
    if folder.connector.client is not None:
        yield from _everywhere(folder, _deliveries)


async def _last_calls(there: Outside) -> list[str]:
    wrong = []
    for request in there.requests():
        operation = there.connector.operations[request.message.operation]
        if operation.repetition not in (Repetition.ASKABLE, Repetition.DANGEROUS):
            continue

        async def act(there: Outside, request: Request = request) -> Reply:
            return await there.deliver(request)

        last = await calls_of(there, act) - 1
        if last < 0:
            continue
        manners = {**LOST, **SAID, "500": REFUSED["500"]}
        async for where, error, _ in _broken(there, act, manners, only=last):
            if not isinstance(error, UnknownOutcome):
                wrong.append(f"{operation.name}: {where}: {type(error).__name__}")
    return wrong


def what_must_not_happen_twice_is_not_said_to_have_failed(folder: Folder) -> Iterator[str]:
    """The last call of an askable or dangerous request took effect, for all that is known."""
    if folder.connector.client is not None:
        yield from _everywhere(folder, _last_calls)


async def _questions(there: Outside) -> list[str]:
    wrong = []
    for request in there.requests():
        operation = there.connector.operations[request.message.operation]
        if operation.repetition is not Repetition.ASKABLE:
            continue

        async def act(there: Outside, request: Request = request) -> Asked:
            return await there.ask(request)

        async for where, error, asked in _broken(there, act, {**LOST, **REFUSED, **SAID}):
            fault = "" if error is None else _fault_of(error, OURS)
            if error is None and asked.answer is not Answer.UNKNOWN:
                fault = f"{asked.answer}"
            if fault:
                wrong.append(f"{operation.name}: {where}: {fault}")
    return wrong


def no_failure_of_a_question_is_an_answer(folder: Folder) -> Iterator[str]:
    """Whether a request was taken is never read out of a broken answer."""
    if folder.connector.client is not None:
        yield from _everywhere(folder, _questions)


async def _looks(there: Outside) -> list[str]:
    wrong = []
    async for where, error, page in _broken(there, Outside.poll, {**LOST, **REFUSED, **SAID}):
        fault = "" if error is None else _fault_of(error, OURS)
        if error is None and page.messages:
            fault = "messages"
        if fault:
            wrong.append(f"{where}: {fault}")
    return wrong


def no_failure_of_a_look_is_a_message(folder: Folder) -> Iterator[str]:
    """A poller raises one of ours, or has nothing to tell."""
    if folder.connector.poller is not None:
        yield from _everywhere(folder, _looks)


async def _probes(there: Outside) -> list[str]:
    wrong = []
    async for where, error, _ in _broken(there, Outside.probe, {**LOST, **REFUSED, **SAID}):
        if error is not None and (fault := _fault_of(error, OURS)):
            wrong.append(f"{where}: {fault}")
    return wrong


def a_probe_raises_only_ours(folder: Folder) -> Iterator[str]:
    """A probe of a broken destination raises one of ours, or says what it found."""
    if folder.connector.client is not None:
        yield from _everywhere(folder, _probes)


async def _unreachable(there: Outside) -> list[str]:
    wrong = []
    for request in there.requests():
        there.server.plan(None)
        with suppress(HubError):
            await there.deliver(request)
        if not there.server.calls:
            continue
        await there.server.leave()
        try:
            await there.deliver(request)
        except Unavailable:
            pass
        # Any exception at all is what is looked for.
        except Exception as error:  # noqa: BLE001
            wrong.append(f"{request.message.operation}: {type(error).__name__}")
        else:
            wrong.append(f"{request.message.operation}: success")
        await there.server.come_back()
    return wrong


def a_destination_that_is_away_was_sent_nothing(folder: Folder) -> Iterator[str]:
    """No connection is `Unavailable`: the request may be sent again without asking."""
    if folder.connector.client is not None:
        yield from _everywhere(folder, _unreachable)


async def _reply_limits(there: Outside) -> list[str]:
    if "reply_bytes" not in type(there.settings).model_fields:
        return ["settings.py has no reply_bytes, the longest answer that is read"]
    wrong = []
    for request in there.requests():
        there.server.plan(None)
        whole = await _outcome(there, request)
        longest = max(there.server.answers, default=0)
        if longest == 0:
            continue  # it answers with nothing that could be too long
        for size, fits in ((longest, True), (longest - 1, False)):
            narrow = there.settings.model_copy(update={"reply_bytes": size})
            said = await _outcome(replace(there, settings=narrow), request)
            if (said == whole) != fits:
                wrong.append(f"{request.message.operation}: {size} bytes of {longest}: {said}")
    return wrong


async def _outcome(there: Outside, request: Request) -> str:
    """What comes of a delivery to a simulator that holds nothing yet."""
    await there.reset()
    there.server.plan(None)
    try:
        await there.deliver(request)
    except HubError as error:
        return f"{type(error).__name__}: {error}"
    return "success"


def an_answer_is_read_up_to_its_limit(folder: Folder) -> Iterator[str]:
    """An answer of just `reply_bytes` is read, and one of a byte more is not."""
    if folder.connector.client is not None:
        yield from _everywhere(folder, _reply_limits)


async def _keys(there: Outside) -> list[str]:
    wrong = []
    for request in there.requests():
        there.server.plan(None)
        with suppress(HubError):
            await there.deliver(request)
        key = request.operation_key.encode()
        said = b"".join(there.server.calls)
        if said and key not in said and key.replace(b"-", b"") not in said:
            wrong.append(f"{request.message.operation}: its operation key is in no call")
    return wrong


async def _unhurt(there: Outside) -> list[str]:
    wrong = []
    await there.play("faults: [{fault: 5xx}]")
    for request in there.requests():
        there.server.plan(None)
        with suppress(HubError):
            await there.deliver(request)
            if there.server.calls:
                wrong.append(f"{request.message.operation}: no fault met it: is it performed?")
    return wrong


def the_simulator_plays_the_fault_script(folder: Folder) -> Iterator[str]:
    """What a script says meets every operation; it does where `Simulation.perform` answers."""
    if folder.connector.client is not None:
        yield from _everywhere(folder, _unhurt)


async def _silent(there: Outside) -> list[str]:
    told = _prepared(there.folder)
    wrong = []
    for request in there.requests():
        operation = there.connector.operations[request.message.operation]

        async def deliver(there: Outside, request: Request = request) -> Reply:
            return await there.deliver(request)

        async def ask(there: Outside, request: Request = request) -> Asked:
            return await there.ask(request)

        acts = {"without_call": deliver}
        if operation.repetition is Repetition.ASKABLE:
            acts["without_question"] = ask
        for name, act in acts.items():
            calls = bool(await calls_of(there, act))
            if calls == (operation.name in told.get(name, ())):
                wrong.append(f"{operation.name}: samples/ground.yaml is wrong about {name}")
    if there.connector.poller is not None and not await calls_of(there, Outside.poll):
        wrong.append("the poller's first look makes no call")
    return wrong


def nothing_that_calls_escapes_these_checks(folder: Folder) -> Iterator[str]:
    """Each operation, question and poller makes a call here, or is known to make none."""
    if folder.connector.client is not None:
        yield from _everywhere(folder, _silent)


def deliver_passes_its_operation_key(folder: Folder) -> Iterator[str]:
    """A receiver, or who reads its log, can tell a repetition from another request."""
    if folder.connector.client is not None:
        yield from _everywhere(folder, _keys)


CHECKS: tuple[Check, ...] = (
    no_failure_of_a_delivery_is_a_success,
    what_must_not_happen_twice_is_not_said_to_have_failed,
    no_failure_of_a_question_is_an_answer,
    no_failure_of_a_look_is_a_message,
    a_probe_raises_only_ours,
    a_destination_that_is_away_was_sent_nothing,
    nothing_that_calls_escapes_these_checks,
    an_answer_is_read_up_to_its_limit,
    deliver_passes_its_operation_key,
    the_simulator_plays_the_fault_script,
)
