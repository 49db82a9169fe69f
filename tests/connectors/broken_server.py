"""A server between a connector and its simulator: passes calls on, or breaks from one call on."""

from __future__ import annotations

import asyncio
import gzip
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from tests.connectors.hostile import CANARY
from tests.engine.virtual import pass_time

REPLY_BYTES = 50_000
"""Limit of answers under which the manners below are too large, and a simulator's are not."""

LIMIT_BYTES = 2**24

Change = Callable[[bytes, bytes], tuple[bytes, bytes]]
"""Another head and body for those of a call."""
Manner = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


def _says(answer: bytes, *, torn: bool = False) -> Manner:
    async def play(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(answer)
        await writer.drain()
        if torn:
            writer.transport.abort()

    return play


def answering(
    body: bytes, *, status: str = "200 OK", more: str = "Content-Type: text/html"
) -> Manner:
    """An HTTP answer, whatever is asked."""
    head = (
        f"HTTP/1.1 {status}\r\n{more}\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n"
    )
    return _says(head.encode() + body)


async def silence(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
    """Never answer."""
    await reader.read()


JSON, XML, ZIPPED = (
    "Content-Type: application/json",
    "Content-Type: text/xml; charset=utf-8",
    "Content-Type: application/json\r\nContent-Encoding: gzip",
)
BOMB = f'<!DOCTYPE a [<!ENTITY b "{CANARY}">]><a>{"&b;" * 1000}</a>'.encode()

SAID = {
    "nothing": answering(b"", more=JSON),
    "null": answering(b"null", more=JSON),
    "an empty object": answering(b"{}", more=JSON),
    "an object of something else": answering(f'{{"{CANARY}":"{CANARY}"}}'.encode(), more=JSON),
    "a list": answering(f'["{CANARY}"]'.encode(), more=JSON),
    "torn JSON": answering(f'{{"error_code":"{CANARY}'.encode(), more=JSON),
    "deep JSON": answering(b"[" * 20_000, more=JSON),
    "bytes": answering(b"\xff\xfe\x00\xd8" * 9, more=JSON),
    "a page of a proxy": answering(f"<html><body>{CANARY}</body></html>".encode()),
    "entities": answering(BOMB, more=XML),
    "too much": answering(b" " * (4 * REPLY_BYTES) + b"{}", more=JSON),
    "too much once unpacked": answering(gzip.compress(b" " * (200 * REPLY_BYTES)), more=ZIPPED),
    "what is not packed": answering(b"{}", more=ZIPPED),
}
"""HTTP 200 with what no documentation knows."""

LOST = {
    "silence": silence,
    "a cut before the answer": _says(b"", torn=True),
    "a cut in the head": _says(b"HTTP/1.1 200 OK\r\nContent-Ty", torn=True),
    "a cut in the body": _says(b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n{", torn=True),
    "another protocol": _says(b"SSH-2.0-OpenSSH_9.6\r\n", torn=True),
}
"""The call was sent, and no answer came."""

REFUSED = {
    "500": answering(CANARY.encode(), status="500 Internal Server Error"),
    "503": answering(b"", status="503 Service Unavailable"),
    "429": answering(b"{}", status="429 Too Many Requests", more=JSON),
    "302": answering(b"", status="302 Found", more=f"Location: http://127.0.0.1:1/{CANARY}"),
    "404": answering(f"<html>{CANARY}</html>".encode(), status="404 Not Found"),
    "418": answering(CANARY.encode(), status="418 Other"),
}
"""HTTP says no."""


@dataclass
class BrokenServer:
    """What stands before the simulator.

    Attributes:
        behind: host and port of the simulator.
        calls: every call as received, head and body, since `plan`.
        answers: length of the body of each answer that was passed on, since `plan`.
        port: where it listens.
    """

    behind: tuple[str, int]
    calls: list[bytes] = field(default_factory=list)
    answers: list[int] = field(default_factory=list)
    port: int = 0
    _listening: asyncio.Server | None = None
    _manner: Manner | None = None
    _change: Change | None = None
    _from: int = 0
    _late: tuple[int, float] = (0, 0.0)

    def plan(self, manner: Manner | None, *, from_call: int = 0) -> None:
        """Forget the calls so far, and break from that one on; none: never."""
        self.calls.clear()
        self.answers.clear()
        self._manner, self._change, self._from = manner, None, from_call
        self._late = (0, 0.0)

    def delay(self, seconds: float, *, call: int) -> None:
        """Forget the calls so far, and pass that one on so much later."""
        self.plan(None)
        self._late = (call, seconds)

    def spoil(self, change: Change, *, from_call: int) -> None:
        """Forget the calls so far, and pass them on changed from that one on."""
        self.plan(None, from_call=from_call)
        self._change = change

    async def come_back(self) -> None:
        """Listen, where it listened before."""
        self._listening = await asyncio.start_server(
            self._take, "127.0.0.1", self.port, limit=LIMIT_BYTES
        )
        self.port = self._listening.sockets[0].getsockname()[1]

    async def leave(self) -> None:
        """Refuse every connection."""
        assert self._listening is not None
        self._listening.close()

    async def _take(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection with one call."""
        try:
            head = await reader.readuntil(b"\r\n\r\n")
            body = await self._body(head, reader)
            self.calls.append(head + body)
            late_call, late_seconds = self._late
            if late_seconds and len(self.calls) == late_call + 1:
                await pass_time(late_seconds)
            if self._manner is not None and len(self.calls) > self._from:
                await self._manner(reader, writer)
            elif self._change is not None and len(self.calls) > self._from:
                await self._pass_on(*_measured(*self._change(head, body)), writer)
            else:
                await self._pass_on(head, body, writer)
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    @staticmethod
    async def _body(head: bytes, reader: asyncio.StreamReader) -> bytes:
        if re.search(rb"(?i)transfer-encoding: *chunked", head):
            return await reader.readuntil(b"0\r\n\r\n")
        length = re.search(rb"(?i)content-length: *(\d+)", head)
        return await reader.readexactly(int(length[1]) if length else 0)

    async def _pass_on(self, head: bytes, body: bytes, writer: asyncio.StreamWriter) -> None:
        reading, writing = await asyncio.open_connection(*self.behind)
        writing.write(head.removesuffix(b"\r\n") + b"Connection: close\r\n\r\n" + body)
        answer = await reading.read()
        self.answers.append(len(answer.partition(b"\r\n\r\n")[2]))
        writer.write(answer)
        await writer.drain()
        writing.close()


def _measured(head: bytes, body: bytes) -> tuple[bytes, bytes]:
    """The head with the length of its body."""
    chunked = rb"(?i)(transfer-encoding|content-length):.*\r\n"
    rest = re.sub(chunked, b"", head).removesuffix(b"\r\n")
    return rest + f"Content-Length: {len(body)}\r\n\r\n".encode(), body


@asynccontextmanager
async def broken_server(behind: str) -> AsyncIterator[tuple[BrokenServer, str]]:
    """The server before the simulator at that address, and its own address."""
    host, _, port = behind.removeprefix("http://").partition(":")
    server = BrokenServer((host, int(port)))
    await server.come_back()
    try:
        yield server, f"http://127.0.0.1:{server.port}"
    finally:
        await server.leave()
