"""Limits: what one request may cost, whoever sends it; each endpoint runs inside them."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from hub.body import BodyIncomplete, BodyTooLarge
from hub.errors import Unavailable
from hub.gateway.trace import incoming
from hub.metrics import Metric, Metrics


@dataclass(frozen=True, slots=True)
class RequestLimits:
    """Bytes of a body, seconds for the body, seconds for the whole request."""

    body_bytes: int
    body_seconds: float
    request_seconds: float


class Limited:
    """ASGI middleware of one connector's endpoints: limits, trace context, count and duration.

    A body that is too large, late or broken off raises `BodyTooLarge` or `BodyIncomplete` where
    the endpoint reads it, so that it can answer in its own form; the gateway answers if it does
    not.
    """

    def __init__(
        self, app: ASGIApp, instance: str, limits: RequestLimits, metrics: Metrics
    ) -> None:
        self._app = app
        self._instance = instance
        self._limits = limits
        self._metrics = metrics
        self._running = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request.

        Raises:
            Unavailable: it took longer than the limit and nothing was answered yet.
        """
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        answer = _Answer(send)
        begun = time.monotonic()
        self._count(1)
        incoming.set(_header(scope, b"traceparent"))
        try:
            async with asyncio.timeout(self._limits.request_seconds) as limit:
                await self._app(scope, _Body(receive, self._limits).receive, answer.send)
        except TimeoutError as error:
            if answer.status or not limit.expired():
                raise
            text = f"the request took longer than {self._limits.request_seconds:g} s"
            raise Unavailable(text, code="request_timeout") from error
        finally:
            self._count(-1)
            status = str(answer.status) if answer.status else "none"
            self._metrics.add(Metric.GATEWAY_REQUESTS, 1, self._instance, status)
            self._metrics.observe(Metric.GATEWAY_SECONDS, time.monotonic() - begun, self._instance)

    def _count(self, more: int) -> None:
        self._running += more
        self._metrics.set(Metric.GATEWAY_RUNNING, self._running, self._instance)


class _Answer:
    """Passes the answer on and remembers its status, 0 before it began."""

    def __init__(self, send: Send) -> None:
        self._send = send
        self.status = 0

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
        await self._send(message)


class _Body:
    """Passes the body on as long as it is within the limits."""

    def __init__(self, receive: Receive, limits: RequestLimits) -> None:
        self._receive = receive
        self._limits = limits
        self._size_bytes = 0
        self._complete = False
        self._deadline = asyncio.get_running_loop().time() + limits.body_seconds

    async def receive(self) -> Message:
        if self._complete:
            return await self._receive()
        try:
            async with asyncio.timeout_at(self._deadline):
                message = await self._receive()
        except TimeoutError as error:
            text = f"the body did not arrive in {self._limits.body_seconds:g} s"
            raise BodyIncomplete(text) from error
        if message["type"] == "http.request":
            self._size_bytes += len(message.get("body", b""))
            self._complete = not message.get("more_body", False)
            if self._size_bytes > self._limits.body_bytes:
                raise BodyTooLarge(f"the body is larger than {self._limits.body_bytes} bytes")
        return message


def _header(scope: Scope, name: bytes) -> str:
    for header_name, value in scope["headers"]:
        if header_name == name:
            return bytes(value).decode("latin-1")
    return ""
