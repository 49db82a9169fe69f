"""Serving a simulator: for ever from the command line, or beside a test."""

from __future__ import annotations

import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import uvicorn
from starlette.types import ASGIApp

KEEP_ALIVE_SECONDS = 75
"""How long an idle connection stays open; longer than any client keeps one."""


def _config(app: ASGIApp, host: str, port: int) -> uvicorn.Config:
    return uvicorn.Config(
        app,
        host=host,
        port=port,
        http="httptools",
        ws="none",
        lifespan="off",
        access_log=False,
        date_header=False,  # it would need a clock that ticks beside
        log_level="critical",  # broken-off answers are scripted, not news
        timeout_keep_alive=KEEP_ALIVE_SECONDS,
        timeout_graceful_shutdown=1,
    )


def serve(app: ASGIApp, *, host: str, port: int) -> None:
    """Serve until SIGINT or SIGTERM."""
    uvicorn.Server(_config(app, host, port)).run()


@asynccontextmanager
async def running(app: ASGIApp, *, host: str = "127.0.0.1", port: int = 0) -> AsyncIterator[str]:
    """Serve in this event loop while the block runs; gives the base address.

    Port 0 takes a free one. Installs no signal handlers.
    """
    config = _config(app, host, port)
    config.load()
    server = uvicorn.Server(config)
    server.lifespan = config.lifespan_class(config)
    listening = socket.create_server((host, port))
    # asyncio does not do it for sockets of this making: each answer would wait for an
    # acknowledgement that the other side delays (40 ms).
    listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, True)
    address = f"http://{host}:{listening.getsockname()[1]}"
    await server.startup(sockets=[listening])
    try:
        yield address
    finally:
        await server.shutdown(sockets=[listening])
