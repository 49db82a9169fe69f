"""A one-stop product, simulated: it is told over HTTP what happened at its desk, and sends it.

    POST /send    {"service", "data": [...], "isUpdating": true|false} -> counts
    POST /retry   try again what is "chưa đồng bộ"                     -> counts
    /_control/... see `hub.simulation`; `state` has the counts, `log` what was taken

Of a fault script it plays what a sender can do wrong: `slow` sends later, `duplicate` sends a
call twice. The other faults are those of systems that answer.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import fields
from typing import Any

import orjson
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from hub.connectors.one_stop.simulator_product import SYSTEM, Address, OneStopProduct
from hub.errors import ConfigError
from hub.simulation import CallLog, Duplicate, FaultScript, Simulation, json_response
from hub.wire.dvcqg.models import DOSSIER_SERVICE, PROGRESS_SERVICE

__all__ = ["Address", "Desk", "OneStopProduct", "simulator"]

LAPTOP = {
    "url": "http://127.0.0.1:8080",
    "unit": "H99.01",
    "username": "H99.01",
    "password": "demo",
    "dstcode": "VN:GOV:000.00.00.G22:dvcqg",
}
"""Where a hub on this machine would be; `hub sim one_stop --set address={url: ...}`."""


def simulator(
    faults: FaultScript,
    log: CallLog,
    *,
    address: Mapping[str, str] | None = None,
    numbered: bool = False,
) -> Starlette:
    """The product as an ASGI app: `/send`, `/retry` and `/_control`.

    Args:
        faults: the fault script to begin with.
        log: one line for each item that was taken.
        address: fields of `Address` that differ from `LAPTOP`.
        numbered: end the text of every item with `#<number>`; see `OneStopProduct`.

    Raises:
        ConfigError: `address` has an unknown field.
    """
    known = {field.name for field in fields(Address)}
    if unknown := set(address or ()) - known:
        raise ConfigError(f"address: no {min(unknown)}; there are {', '.join(sorted(known))}")
    desk = Desk(OneStopProduct(Address(**(LAPTOP | dict(address or {}))), log, numbered=numbered))
    simulation = Simulation(SYSTEM, faults, log, subsystem=desk)

    async def send(request: Request) -> Response:
        call = _told(await request.body())
        if call is None:
            return json_response({"error": "service, data and isUpdating are wanted"}, 400)
        verdict = simulation.player.pick(call["service"], str(call["data"][0].get("MaHoSo", "")))
        await asyncio.sleep(verdict.delay_seconds)
        await desk.send(call, twice=isinstance(verdict.fault, Duplicate))
        return json_response(desk.state())

    async def retry(_: Request) -> Response:
        await desk.retry()
        return json_response(desk.state())

    return Starlette(
        routes=[
            Route("/send", send, methods=["POST"]),
            Route("/retry", retry, methods=["POST"]),
            *simulation.control_routes(),
        ]
    )


class Desk:
    """Sends one call after another, as a product's synchronisation job does."""

    def __init__(self, product: OneStopProduct) -> None:
        self._product = product
        self._turn = asyncio.Lock()

    def state(self) -> Mapping[str, Any]:
        """The product's counts."""
        return dict(self._product.counts)

    def reset(self) -> None:
        """Forget what waits and what was counted."""
        self._product.forget()

    async def send(self, call: Mapping[str, Any], *, twice: bool) -> None:
        """Send one call, and once more if asked."""
        async with self._turn, self._product as product:
            if call["service"] == DOSSIER_SERVICE:
                taken = await product.send_dossiers(call["data"], is_updating=call["isUpdating"])
            else:
                taken = await product.send_progress(call["data"])
            if taken and twice:
                await product.repeat()

    async def retry(self) -> None:
        """Try again what waits."""
        async with self._turn, self._product as product:
            await product.send_waiting()


def _told(body: bytes) -> dict[str, Any] | None:
    """The call that the desk is told to make; `None` if that cannot be understood."""
    try:
        call = orjson.loads(body)
    except orjson.JSONDecodeError:
        return None
    if not isinstance(call, dict) or call.get("service") not in (DOSSIER_SERVICE, PROGRESS_SERVICE):
        return None
    items = call.get("data")
    listed = isinstance(items, list) and items and all(isinstance(item, dict) for item in items)
    updating = call.setdefault("isUpdating", False)
    return call if listed and isinstance(updating, bool) else None
