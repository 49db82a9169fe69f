"""Simulation: plays faults around a simulator's calls, logs them, and offers `/_control`."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from email.utils import formatdate
from typing import Any, Protocol

import orjson
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from hub.errors import ConfigError
from hub.simulation.call_log import Call, CallLog
from hub.simulation.faults import (
    AnyFault,
    Duplicate,
    ExpiredSession,
    FaultScript,
    Malformed,
    Refuse,
    ServerError,
    TimeoutAfterSuccess,
    TimeoutWithoutEffect,
    TooManyRequests,
    read_script,
)
from hub.simulation.player import FaultPlayer, Verdict

Inner = ExpiredSession | Refuse | Duplicate
"""Faults that only the simulator itself can play; the others are played here."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What the simulated system says: its body, whether it took the call, HTTP status.

    A body of bytes goes out as it is, with the media type; any other one as JSON.
    """

    body: Any
    taken: bool
    status: int = 200
    media_type: str = "application/json"

    def response(self) -> Response:
        """As it goes out."""
        if isinstance(self.body, bytes):
            return Response(self.body, self.status, media_type=self.media_type)
        return json_response(self.body, self.status)


class Subsystem(Protocol):
    """What a simulator holds: readable and erasable through `/_control`."""

    def state(self) -> Mapping[str, Any]:
        """Counts of what it holds, JSON-able."""

    def reset(self) -> None:
        """Forget everything that was sent."""


class _Silence(Response):
    """Never answers: waits until the caller has left."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        while (await receive())["type"] != "http.disconnect":
            pass


class _Cut(Response):
    """Breaks the connection off in the middle of the answer."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        length = [(b"content-type", b"application/json"), (b"content-length", b"4096")]
        await send({"type": "http.response.start", "status": 200, "headers": length})
        await send({"type": "http.response.body", "body": b"{", "more_body": True})


class Simulation:
    """What every simulator shares; one per running simulator.

    Args:
        system: name of the connector, the `system` of log lines.
        faults: the script to begin with.
        log: where calls are logged.
        subsystem: what the simulator holds.
    """

    def __init__(
        self, system: str, faults: FaultScript, log: CallLog, *, subsystem: Subsystem
    ) -> None:
        self.system = system
        self.log = log
        self.player = FaultPlayer(faults)
        self._subsystem = subsystem
        self._sleep: Callable[[float], Awaitable[None]] = asyncio.sleep

    async def perform(self, call: Call, act: Callable[[Inner | None], Answer]) -> Response:
        """Answer one call: faults around it, one log line per item.

        Args:
            call: what was asked, as logged.
            act: does it and says what became of it; gets the fault that the system itself must
                play. Runs without a pause, so lines are logged in the order of effects.
        """
        verdict = self.player.pick(call.operation, call.subject)
        response = self._respond(call, act, verdict)
        if verdict.delay_seconds:
            await self._sleep(verdict.delay_seconds)
        return response

    def _respond(
        self, call: Call, act: Callable[[Inner | None], Answer], verdict: Verdict
    ) -> Response:
        fault = verdict.fault
        lost = _without_effect(fault)
        if lost is not None:
            self.log.write(self.system, call, False)
            return lost
        answer = act(fault if isinstance(fault, Inner) else None)
        self.log.write(self.system, call, answer.taken)
        if isinstance(fault, TimeoutAfterSuccess):
            return _never(fault.then)
        if isinstance(fault, Malformed):
            return Response(fault.body, media_type="application/json")
        return answer.response()

    def control_routes(self) -> list[Route]:
        """The endpoints under `/_control`, to be added to the simulator's own."""
        return [
            Route("/_control/faults", self._faults, methods=["GET", "PUT", "DELETE"]),
            Route("/_control/state", self._state),
            Route("/_control/log", self._log),
            Route("/_control/reset", self._reset, methods=["POST"]),
        ]

    async def _faults(self, request: Request) -> Response:
        if request.method == "PUT":
            try:
                self.player.play(read_script(await request.body()))
            except ConfigError as error:
                return json_response({"error": str(error)}, 400)
        elif request.method == "DELETE":
            self.player.play(FaultScript())
        return json_response(self.player.script.model_dump(mode="json", exclude_unset=True))

    async def _state(self, _: Request) -> Response:
        return json_response(self._subsystem.state())

    async def _log(self, request: Request) -> Response:
        rows = self.log.last(request.query_params.get("subject", ""))
        lines = b"".join(orjson.dumps(row) + b"\n" for row in rows)
        return Response(lines, media_type="application/jsonl")

    async def _reset(self, _: Request) -> Response:
        self._subsystem.reset()
        self.log.forget()
        return Response(status_code=204)


def json_response(body: Any, status: int = 200) -> Response:
    """A JSON answer."""
    return Response(orjson.dumps(body), status, media_type="application/json")


def _without_effect(fault: AnyFault | None) -> Response | None:
    """The answer of a fault that keeps the call from the system; none: it goes through."""
    match fault:
        case TooManyRequests(retry_after_form="none"):
            return Response(status_code=429)
        case TooManyRequests(retry_after_form="date"):
            when = formatdate(time.time() + fault.retry_after_seconds, usegmt=True)
            return Response(status_code=429, headers={"Retry-After": when})
        case TooManyRequests():
            return _later(429, fault.retry_after_seconds)
        case ServerError():
            return _later(fault.status, fault.retry_after_seconds)
        case TimeoutWithoutEffect():
            return _never(fault.then)
        case Malformed(effect=False):
            return Response(fault.body, media_type="application/json")
    return None


def _later(status: int, seconds: float | None) -> Response:
    headers = {} if seconds is None else {"Retry-After": f"{seconds:g}"}
    return Response(status_code=status, headers=headers)


def _never(then: str) -> Response:
    return _Cut() if then == "cut" else _Silence()
