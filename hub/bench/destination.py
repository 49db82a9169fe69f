"""Destination: a real HTTP server in its own process that answers after a fixed time.

`python -m hub.bench.destination PORT MILLISECONDS`; answers 200, or 503 for subjects it is told to
fail in the header `x-fail`. A GET answers at once with how many POSTs were answered with 200.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import MutableMapping
from typing import Any

import uvicorn


async def answer(
    scope: MutableMapping[str, Any], receive: Any, send: Any, *, seconds: float, taken: list[int]
) -> None:
    """One ASGI call: read the body, wait, answer."""
    if scope["type"] != "http":
        return
    while (await receive()).get("more_body"):
        pass
    asked = scope["method"] == "GET"
    if not asked:
        await asyncio.sleep(seconds)
    failing = any(name == b"x-fail" for name, _ in scope["headers"])
    taken[0] += not (asked or failing)
    await send(
        {
            "type": "http.response.start",
            "status": 503 if failing else 200,
            "headers": [(b"content-type", b"application/json")],
        }
    )
    body = str(taken[0]).encode() if asked else b'{"error_code":"0"}'
    await send({"type": "http.response.body", "body": body})


def serve(port: int, milliseconds: float) -> None:
    """Serve until killed."""

    taken = [0]

    async def app(scope: MutableMapping[str, Any], receive: Any, send: Any) -> None:
        await answer(scope, receive, send, seconds=milliseconds / 1000, taken=taken)

    uvicorn.run(app, host="127.0.0.1", port=port, log_level="error", access_log=False)


if __name__ == "__main__":
    serve(int(sys.argv[1]), float(sys.argv[2]))
