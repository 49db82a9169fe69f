"""Management: /healthz, /readyz and /metrics of one process, on a port not meant for the outside.

healthz: the process answers. readyz: it can do its work; otherwise 503 with what is wrong.
"""

from __future__ import annotations

from collections.abc import Callable

import orjson
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from hub import __version__
from hub.metrics import Metrics

Check = Callable[[], str | None]
"""Returns none when all is well, else one sentence that says what is wrong. Must not block."""


class Readiness:
    """The checks that decide whether this process can do its work."""

    def __init__(self) -> None:
        self._checks: dict[str, Check] = {}

    def register(self, name: str, check: Check) -> None:
        """Add a check, or put another in the place of the one with this name."""
        self._checks[name] = check

    def remove(self, name: str) -> None:
        """Forget a check whose subject is gone."""
        self._checks.pop(name, None)

    def faults(self) -> list[dict[str, str]]:
        """What is wrong now: `[{"check": name, "wrong": sentence}]`, empty when ready."""
        found = ((name, check()) for name, check in self._checks.items())
        return [{"check": name, "wrong": wrong} for name, wrong in found if wrong is not None]


def management_app(metrics: Metrics, readiness: Readiness, *, config: str = "") -> Starlette:
    """The ASGI app of the management port.

    Args:
        config: content hash of hub.yaml, shown by healthz.
    """

    async def healthz(_request: Request) -> Response:
        return _json({"status": "ok", "version": __version__, "config": config})

    async def readyz(_request: Request) -> Response:
        faults = readiness.faults()
        if faults:
            return _json({"status": "not ready", "faults": faults}, status=503)
        return _json({"status": "ready", "faults": []})

    async def exposition(request: Request) -> Response:
        body, content_type = metrics.exposition(request.headers.get("accept", ""))
        return Response(body, headers={"content-type": content_type})

    return Starlette(
        routes=[
            Route("/healthz", healthz),
            Route("/readyz", readyz),
            Route("/metrics", exposition),
        ]
    )


def _json(content: object, *, status: int = 200) -> Response:
    headers = {"cache-control": "no-store"}
    return Response(orjson.dumps(content), status, headers, media_type="application/json")
