"""System: the connector that measurements deliver to, in process or over real HTTP."""

from __future__ import annotations

import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import aiohttp

from hub.connector import Answer, Asked, Connector, Reply, Request, discover
from hub.errors import Unavailable
from hub.http import CallLimits, outgoing_session, post

PORTAL = "national_portal"
LIMITS = CallLimits(timeout_seconds=10, reply_bytes=10_000)


def system() -> tuple[Connector, Any]:
    """The portal's connector (its encoding is what is measured) and settings for it."""
    connector = discover()[PORTAL]
    settings = connector.settings.model_validate(
        {
            "base_url": "http://127.0.0.1:1",
            "auth_path": "/a",
            "integration_path": "/i",
            "share_path": "/s",
            "dstcode": "bench",
            "form_year": 2020,
            "accounts": {"H26.19.12": {"username": "bench", "password": "bench"}},
        }
    )
    return connector, settings


class Sink:
    """Takes everything at once; subjects in `failing` never succeed.

    Args:
        taken: called with each delivered request.
    """

    def __init__(
        self, failing: frozenset[str] = frozenset(), taken: Callable[[Request], None] | None = None
    ) -> None:
        self.failing = failing
        self.count = 0
        self.disorder_count = 0
        self._taken = taken
        self._last: dict[str, int] = {}

    async def deliver(self, requests: Sequence[Request], *, timeout_seconds: float) -> Reply:
        """See `hub.connector.Client.deliver`."""
        for request in requests:
            if request.event.subject in self.failing:
                raise Unavailable("this subject never succeeds")
        for request in requests:
            self._note(request)
        return Reply()

    def _note(self, request: Request) -> None:
        self.count += 1
        position = request.event.position
        offset = position.offset if position else 0
        if self._last.get(request.event.subject, -1) >= offset:
            self.disorder_count += 1
        self._last[request.event.subject] = offset
        if self._taken is not None:
            self._taken(request)

    async def ask(self, request: Request, *, timeout_seconds: float) -> Asked:
        """See `hub.connector.Client.ask`."""
        return Asked(Answer.UNKNOWN)

    async def query(self, operation: str, unit: str, body: Mapping[str, Any]) -> Mapping[str, Any]:
        """See `hub.connector.Client.query`."""
        return {}

    async def probe(self) -> str:
        """See `hub.connector.Client.probe`."""
        return "there"

    async def close(self) -> None:
        """Nothing to release."""


class HttpSink(Sink):
    """Delivers over real HTTP to `hub.bench.destination`."""

    def __init__(
        self,
        url: str,
        failing: frozenset[str] = frozenset(),
        taken: Callable[[Request], None] | None = None,
    ) -> None:
        super().__init__(failing, taken)
        self._url = url
        self._session: aiohttp.ClientSession | None = None

    async def deliver(self, requests: Sequence[Request], *, timeout_seconds: float) -> Reply:
        """One POST per request."""
        if self._session is None:
            self._session = outgoing_session(connections_count=256)
        for request in requests:
            headers = {
                "content-type": "application/json",
                "x-operation-key": request.operation_key,
            }
            if request.event.subject in self.failing:
                headers["x-fail"] = "1"
            reply = await post(
                self._session,
                self._url,
                body=request.message.body,
                headers=headers,
                limits=LIMITS,
            )
            if reply.status != 200:
                raise Unavailable("the destination fails for this subject")
            self._note(request)
        return Reply()

    async def close(self) -> None:
        """Close the connections."""
        if self._session is not None:
            await self._session.close()


@contextmanager
def destination(milliseconds: float) -> Iterator[str]:
    """The HTTP destination as a process of its own; its URL."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "hub.bench.destination", str(port), str(milliseconds)]
    process = subprocess.Popen(command)  # noqa: S603 - our own module
    try:
        while True:
            try:
                socket.create_connection(("127.0.0.1", port), timeout=1).close()
                break
            except OSError:
                time.sleep(0.05)
        yield f"http://127.0.0.1:{port}/"
    finally:
        process.kill()
        process.wait()
