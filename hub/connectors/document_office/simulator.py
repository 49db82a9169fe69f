"""A document office, simulated: takes drafts, decides, lists results until they are acknowledged.

It speaks the interface of domain notes 6.4, checks every field by its own table and gives
`ThamSoAn` back as it came. `POST /_control/decide` lets it decide; its codes are inventions.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping
from typing import Any

import orjson
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from hub.connectors.document_office import wire
from hub.connectors.document_office.simulator_desk import Desk, refused
from hub.errors import ConfigError
from hub.simulation import (
    Answer,
    Call,
    CallLog,
    Duplicate,
    ExpiredSession,
    FaultScript,
    Inner,
    Item,
    Refuse,
    Simulation,
    json_response,
)

SYSTEM = "document_office"


def simulator(
    faults: FaultScript,
    log: CallLog,
    *,
    account: str = "hub:demo",
    decides: str = "",
    manners: Mapping[str, bool] | None = None,
) -> Starlette:
    """The office as an ASGI app: its four calls and `/_control`.

    Args:
        faults: the fault script to begin with.
        log: where calls are logged.
        account: user name and password that callers must show (Basic).
        decides: LoaiKetQua with which it decides each draft at once; empty: when told.
        manners: `notices` (true): it answers 301 to a draft that it has already; `bare` (false):
            a package stands in the answer itself, not in its `data`.

    Raises:
        ConfigError: there is no such manner.
    """
    known = {"notices": True, "bare": False}
    if unknown := set(manners or ()) - set(known):
        raise ConfigError(f"manners: no {min(unknown)}; there are {', '.join(known)}")
    desk = Desk(decides=decides, **(known | dict(manners or {})))
    simulation = Simulation(SYSTEM, faults, log, subsystem=desk)
    shown = "Basic " + base64.b64encode(account.encode()).decode()
    window = Window(desk, simulation, shown)
    return Starlette(routes=[*window.routes(), *simulation.control_routes()])


class Window:
    """The office's calls over HTTP.

    Args:
        desk: what it holds.
        simulation: plays the faults.
        shown: the Authorization that callers must show.
    """

    def __init__(self, desk: Desk, simulation: Simulation, shown: str) -> None:
        self._desk = desk
        self._simulation = simulation
        self._shown = shown

    def routes(self) -> list[Route]:
        """Its four calls, and what `/_control` offers beyond the rest."""
        return [
            Route("/GuiHoSo", self.submit, methods=["POST"]),
            Route("/LayDanhSachGoiTinVanBan", self.listed),
            Route("/LayGoiTinVanBan", self.fetch),
            Route("/CapNhatTrangThaiVanBan", self.acknowledge, methods=["POST"]),
            Route("/_control/decide", self.decide, methods=["POST"]),
            Route("/_control/drafts/{code:path}", self.drafts),
        ]

    async def submit(self, request: Request) -> Response:
        """A draft."""
        body = await request.body()
        sent = _object(body)
        item = Item(request.headers.get("x-operation-key", ""), _text(sent, "MaHoSo"), None, body)
        call = Call(wire.SUBMIT, (item,))
        return await self._perform(request, call, lambda _: self._desk.submit(sent))

    async def listed(self, request: Request) -> Response:
        """Codes of the packages that wait; under the fault `duplicate` each twice."""
        query = dict(request.query_params)

        def act(fault: Inner | None) -> Answer:
            return self._desk.listed(query, twice=isinstance(fault, Duplicate))

        return await self._perform(request, Call(wire.LIST, (Item(),)), act)

    async def fetch(self, request: Request) -> Response:
        """One package."""
        code = request.query_params.get(wire.PACKAGE, "")
        call = Call(wire.FETCH, (Item("", self._desk.subject_of(code)),))
        return await self._perform(request, call, lambda _: self._desk.fetch(code))

    async def acknowledge(self, request: Request) -> Response:
        """The state of a package."""
        body = await request.body()
        sent = _object(body)
        item = Item("", self._desk.subject_of(_text(sent, wire.PACKAGE)), None, body)
        call = Call(wire.ACKNOWLEDGE, (item,))
        return await self._perform(request, call, lambda _: self._desk.acknowledge(sent))

    async def decide(self, request: Request) -> Response:
        """Let the office decide; see `Desk.decide`."""
        answer = self._desk.decide(_object(await request.body()))
        return json_response(answer.body, answer.status)

    async def drafts(self, request: Request) -> Response:
        """Every draft of a dossier as it came."""
        kept = self._desk.drafts_of(request.path_params["code"])
        return json_response(kept) if kept else json_response({"error": "not found"}, 404)

    async def _perform(
        self, request: Request, call: Call, act: Callable[[Inner | None], Answer]
    ) -> Response:
        held = request.headers.get("authorization", "")

        def guarded(fault: Inner | None) -> Answer:
            if held != self._shown or isinstance(fault, ExpiredSession):
                return refused("401", "Sai tài khoản", 401)
            if isinstance(fault, Refuse):
                return refused(fault.error_code, fault.message)
            return act(fault)

        return await self._simulation.perform(call, guarded)


def _object(body: bytes) -> dict[str, Any]:
    """The JSON object of a body; empty if it is none."""
    try:
        tree = orjson.loads(body)
    except orjson.JSONDecodeError:
        return {}
    return tree if isinstance(tree, dict) else {}


def _text(tree: Mapping[str, Any], name: str) -> str:
    value = tree.get(name, "")
    return value if isinstance(value, str) else ""
