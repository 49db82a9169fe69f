"""Server: uvicorn inside a running event loop, with an end that somebody else decides.

uvicorn limits neither how long a sender takes for its headers nor how large they grow; the
protocol class below does.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import uvicorn
from starlette.types import ASGIApp, Receive, Scope, Send
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from hub.errors import ConfigError

BACKLOG_COUNT = 1024
CROWDED = b'{"title":"The hub cannot take it now","status":503,"code":"too_many_connections"}'


@dataclass(frozen=True, slots=True)
class ServerLimits:
    """What connections may cost; the defaults suit the management port.

    Attributes:
        headers_bytes: largest request line and headers together.
        headers_seconds: time from connecting, or from a request's first byte, to the last header.
        keep_alive_seconds: how long an idle connection stays open.
        connections_count: connections served at once; further ones hear 503 and `Retry-After`.
        stop_seconds: time for running requests at a stop.
    """

    headers_bytes: int = 32_768
    headers_seconds: float = 10
    keep_alive_seconds: int = 30
    connections_count: int = 200
    stop_seconds: int = 5


def listen(host: str, port: int) -> socket.socket:
    """A listening socket; its `getsockname()` tells the port that 0 stands for.

    Raises:
        ConfigError: the address is taken, or not one of this machine.
    """
    try:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        listening = socket.create_server((host, port), family=family, backlog=BACKLOG_COUNT)
    except OSError as error:
        raise ConfigError(f"cannot listen on {host}:{port}: {error.strerror}") from error
    # asyncio does not do it for sockets of this making: an answer in two parts would wait for an
    # acknowledgement that the other side delays (40 ms).
    listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, True)
    return listening


async def serve(
    app: ASGIApp,
    listening: socket.socket,
    stop: asyncio.Event,
    limits: ServerLimits | None = None,
) -> None:
    """Serve until `stop` is set, then let running requests end, and return.

    Takes no signals; closes the socket. Runs on the loop of the caller (uvloop where `hub run`
    made one).
    """
    allowed = limits or ServerLimits()
    config = uvicorn.Config(
        app,
        http=_bounded(allowed),
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        backlog=BACKLOG_COUNT,
        timeout_keep_alive=allowed.keep_alive_seconds,
        timeout_graceful_shutdown=allowed.stop_seconds,
    )
    server = _Server(config)
    serving = asyncio.create_task(server.serve(sockets=[listening]))
    stopping = asyncio.create_task(stop.wait())
    try:
        await asyncio.wait({serving, stopping}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        stopping.cancel()
        server.should_exit = True
        await serving


async def _crowded(_scope: Scope, _receive: Receive, send: Send) -> None:
    """uvicorn's own answer does not tell when to come back."""
    headers = [
        (b"content-type", b"application/problem+json"),
        (b"content-length", str(len(CROWDED)).encode()),
        (b"retry-after", b"5"),
        (b"connection", b"close"),
    ]
    await send({"type": "http.response.start", "status": 503, "headers": headers})
    await send({"type": "http.response.body", "body": CROWDED})


class _Server(uvicorn.Server):
    """uvicorn without signal handlers: the process has its own."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


class _Bounded(HttpToolsProtocol):
    """One connection; whoever keeps it waiting for the end of headers loses it."""

    limits = ServerLimits()
    _in_headers = False
    _received_bytes = 0
    _named_bytes = 0
    _deadline: asyncio.TimerHandle | None = None

    def connection_made(self, transport: Any) -> None:
        super().connection_made(transport)
        self._begin_headers()

    def connection_lost(self, exc: Exception | None) -> None:
        self._end_wait()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        self._received_bytes += len(data)
        super().data_received(data)
        if self._in_headers and self._received_bytes > self.limits.headers_bytes:
            self._give_up()
        elif self._deadline is None and self.cycle and self.cycle.response_complete:
            # Answered, and still sending: neither uvicorn's timer nor ours would run.
            self._begin_wait()

    def on_message_begin(self) -> None:
        self._begin_headers()
        super().on_message_begin()

    def on_url(self, url: bytes) -> None:
        self._count(len(url))
        super().on_url(url)

    def on_header(self, name: bytes, value: bytes) -> None:
        self._count(len(name) + len(value) + len(": \r\n"))
        super().on_header(name, value)

    def on_headers_complete(self) -> None:
        self._in_headers = False
        self._end_wait()
        count = self.limits.connections_count
        crowded = len(self.connections) > count or len(self.tasks) >= count
        self.app = _crowded if crowded else self.config.loaded_app
        super().on_headers_complete()

    def _count(self, size_bytes: int) -> None:
        self._named_bytes += size_bytes
        if self._named_bytes > self.limits.headers_bytes:
            raise ValueError("headers too large")  # the parser stops, uvicorn answers 400

    def _begin_headers(self) -> None:
        self._in_headers = True
        self._received_bytes = self._named_bytes = 0
        self._begin_wait()

    def _begin_wait(self) -> None:
        self._end_wait()
        self._deadline = self.loop.call_later(self.limits.headers_seconds, self._give_up)

    def _end_wait(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _give_up(self) -> None:
        self._end_wait()
        self.transport.close()


def _bounded(limits: ServerLimits) -> type[_Bounded]:
    """The protocol with these limits; uvicorn makes one object of it per connection."""
    return type("_Bounded", (_Bounded,), {"limits": limits})
