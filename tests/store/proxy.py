"""A way to PostgreSQL that can be cut, or fall silent, while the server lives on."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from urllib.parse import urlsplit

CHUNK_BYTES = 65_536


class Proxy:
    """Forwards TCP connections to one server until told otherwise."""

    def __init__(self, url: str) -> None:
        self._parts = urlsplit(url)
        self._server: asyncio.Server | None = None
        self._port = 0
        self._tasks: set[asyncio.Task[None]] = set()
        self._writers: set[asyncio.StreamWriter] = set()
        self._flows = asyncio.Event()
        self._flows.set()

    @property
    def url(self) -> str:
        """The database's address through this proxy."""
        netloc = f"{self._parts.username}@127.0.0.1:{self._port}"
        return self._parts._replace(netloc=netloc).geturl()

    def silence(self) -> None:
        """Connections stay, and carry nothing: a hung server."""
        self._flows.clear()

    async def cut(self) -> None:
        """End all connections and refuse new ones: a server that is away."""
        assert self._server is not None
        self._server.close()
        for writer in self._writers:
            writer.close()

    async def mend(self) -> None:
        """Be as before."""
        self._flows.set()
        if self._server is None or not self._server.is_serving():
            self._server = await asyncio.start_server(self._accept, "127.0.0.1", self._port)

    async def start(self) -> None:
        """Listen on a free port."""
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0)
        self._port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        """End everything."""
        await self.cut()
        self._flows.set()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        upstream = await asyncio.open_connection(self._parts.hostname, self._parts.port)
        for pair in ((reader, upstream[1]), (upstream[0], writer)):
            task = asyncio.create_task(self._carry(*pair))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writers.add(writer)
        try:
            while chunk := await reader.read(CHUNK_BYTES):
                await self._flows.wait()
                writer.write(chunk)
                await writer.drain()
        except OSError:
            pass  # the other side is gone, which is what this proxy is for
        finally:
            self._writers.discard(writer)
            writer.close()


@asynccontextmanager
async def proxied(url: str) -> AsyncIterator[Proxy]:
    """A proxy to this database, stopped at the end."""
    proxy = Proxy(url)
    await proxy.start()
    try:
        yield proxy
    finally:
        await proxy.stop()
