"""A one-stop product, simulated: it is told over HTTP what happened at its desk, and sends it.

    POST /send      {"service", "data": [...], "isUpdating": true|false} -> counts
    POST /retry     try again what is "chưa đồng bộ"                     -> counts
    POST /do/<act>  a call to a counterpart; see `ACTS`                  -> the answer
    /_control/...   see `hub.simulation`; `state` has the counts, `log` what was sent and taken

It takes what counterparts push at the addresses of `simulator_taking`, and asks them as
`simulator_calling` does. Of a fault script it plays, as a sender, `slow` (sends later) and
`duplicate` (sends a call twice); as a receiver, all.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import fields
from typing import Any, TypeVar

import orjson
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from hub.connectors.one_stop.simulator_calling import CallingProduct, Counterparts
from hub.connectors.one_stop.simulator_product import SYSTEM, Address, OneStopProduct
from hub.connectors.one_stop.simulator_taking import Taken, Taking
from hub.errors import ConfigError
from hub.simulation import CallLog, Duplicate, FaultScript, Simulation, json_response
from hub.wire.dvcqg.models import DOSSIER_SERVICE, PROGRESS_SERVICE

__all__ = ["Address", "CallingProduct", "Counterparts", "Desk", "OneStopProduct", "simulator"]

LAPTOP = {
    "url": "http://127.0.0.1:8080",
    "unit": "H99.01",
    "username": "H99.01",
    "password": "demo",
    "dstcode": "VN:GOV:000.00.00.G22:dvcqg",
    "partner": "DT001",
    "secret": "SECRET_DEMO_01",
    "customer": "KH0099",
}
"""Where a hub on this machine would be; `hub sim one_stop --set address={url: ...}`."""


def simulator(
    faults: FaultScript,
    log: CallLog,
    *,
    address: Mapping[str, str] | None = None,
    counterparts: Mapping[str, str] | None = None,
    numbered: bool = False,
) -> Starlette:
    """The product as an ASGI app: `/send`, `/retry`, `/do`, `/_control`, and where it is pushed to.

    Args:
        faults: the fault script to begin with.
        log: one line for each item that was taken.
        address: fields of `Address` that differ from `LAPTOP`.
        counterparts: fields of `Counterparts` that differ from `LAPTOP`, and `authorization`,
            what the header of a push must hold.
        numbered: end the text of every item with `#<number>`; see `OneStopProduct`.

    Raises:
        ConfigError: `address` or `counterparts` has an unknown field.
    """
    own = dict(counterparts or {})
    authorization = own.pop("authorization", "")
    sending = OneStopProduct(_made(Address, "address", address), log, numbered=numbered)
    calling = CallingProduct(_made(Counterparts, "counterparts", own))
    desk = Desk(sending, calling)
    simulation = Simulation(SYSTEM, faults, log, subsystem=desk)
    taking = Taking(
        simulation,
        desk.taken,
        partner=calling.counterparts.partner,
        secret=calling.counterparts.secret,
        authorization=authorization,
    )

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

    async def do(request: Request) -> Response:
        try:
            told = orjson.loads(await request.body() or b"{}")
            reply = await desk.act(request.path_params["act"], told)
        except (KeyError, TypeError, orjson.JSONDecodeError) as error:
            return json_response({"error": f"{type(error).__name__}: {error}"}, 400)
        return json_response(reply)

    async def told_of(request: Request) -> Response:
        return json_response(desk.taken.of(request.path_params["operation"]))

    return Starlette(
        routes=[
            Route("/send", send, methods=["POST"]),
            Route("/retry", retry, methods=["POST"]),
            Route("/do/{act}", do, methods=["POST"]),
            *taking.routes(),
            Route("/_control/told/{operation}", told_of),
            *simulation.control_routes(),
        ]
    )


S = TypeVar("S", Address, Counterparts)


def _made(made: type[S], name: str, given: Mapping[str, str] | None) -> S:
    known = {field.name for field in fields(made)}
    if unknown := set(given or ()) - known:
        raise ConfigError(f"{name}: no {min(unknown)}; there are {', '.join(sorted(known))}")
    return made(**{n: v for n, v in LAPTOP.items() if n in known} | dict(given or {}))


class Desk:
    """Sends one call after another, as a product's synchronisation job does.

    Attributes:
        taken: what counterparts have pushed.
        calling: the product as its counterparts are called by it.
    """

    def __init__(self, product: OneStopProduct, calling: CallingProduct) -> None:
        self._product = product
        self._turn = asyncio.Lock()
        self.calling = calling
        self.taken = Taken()

    def state(self) -> Mapping[str, Any]:
        """The product's counts; `told` what was pushed to it, if anything was."""
        told = {name: len(self.taken.of(name)) for name, _ in self.taken.told}
        more = {"told": told, "payments": dict(self.taken.payments)} if told else {}
        return {**self._product.counts, **more}

    def reset(self) -> None:
        """Forget what waits, what was counted and what was taken."""
        self._product.forget()
        self.taken.told.clear()
        self.taken.payments.clear()
        self.taken.counts.clear()

    async def act(self, name: str, told: Mapping[str, Any]) -> Any:
        """Make one call to a counterpart; the answer.

        Raises:
            KeyError: no such act.
            TypeError: arguments that it does not take.
        """
        async with self._turn, self.calling as product:
            return await ACTS[name](product, **told)

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


ACTS: Mapping[str, Callable[..., Awaitable[Any]]] = {
    "order_payment": CallingProduct.order_payment,
    "query_payment": CallingProduct.query_payment,
    "order_post": CallingProduct.order_post,
    "register_post": CallingProduct.register_post,
    "cancel_post": CallingProduct.cancel_post,
    "track": CallingProduct.track,
    "submit": CallingProduct.submit,
    "issue": CallingProduct.issue,
    "pull_packages": CallingProduct.pull_packages,
}
"""What the desk can be told to do at `/do/<act>`; the body holds the arguments by name."""


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
