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
    username: str = "hub",
    password: str = "demo",  # noqa: S107 - invented, for runs without one of their own
    notices: bool = True,
    decides: str = "",
    bare: bool = False,
) -> Starlette:
    """The office as an ASGI app: its four calls and `/_control`.

    Args:
        faults: the fault script to begin with.
        log: where calls are logged.
        username, password: what callers must show (Basic).
        notices: whether it notices a draft that it has already (code 301).
        decides: LoaiKetQua with which it decides each draft at once; empty: when told.
        bare: whether a package stands in the answer itself, not in its `data`.
    """
    desk = Desk(notices=notices, decides=decides, bare=bare)
    simulation = Simulation(SYSTEM, faults, log, subsystem=desk)
    shown = "Basic " + base64.b64encode(f"{username}:{password}".encode()).decode()

    async def perform(
        request: Request, call: Call, act: Callable[[Inner | None], Answer]
    ) -> Response:
        held = request.headers.get("authorization", "")

        def guarded(fault: Inner | None) -> Answer:
            if held != shown or isinstance(fault, ExpiredSession):
                return refused("401", "Sai tài khoản", 401)
            if isinstance(fault, Refuse):
                return refused(fault.error_code, fault.message)
            return act(fault)

        return await simulation.perform(call, guarded)

    async def submit(request: Request) -> Response:
        body = await request.body()
        sent = _object(body)
        item = Item(request.headers.get("x-operation-key", ""), _text(sent, "MaHoSo"), None, body)
        call = Call(wire.SUBMIT, (item,))
        return await perform(request, call, lambda _: desk.submit(sent))

    async def listed(request: Request) -> Response:
        query = dict(request.query_params)
        call = Call(wire.LIST, (Item(),))

        def act(fault: Inner | None) -> Answer:
            return desk.listed(query, twice=isinstance(fault, Duplicate))

        return await perform(request, call, act)

    async def fetch(request: Request) -> Response:
        code = request.query_params.get(wire.PACKAGE, "")
        call = Call(wire.FETCH, (Item("", desk.subject_of(code)),))
        return await perform(request, call, lambda _: desk.fetch(code))

    async def acknowledge(request: Request) -> Response:
        body = await request.body()
        sent = _object(body)
        item = Item("", desk.subject_of(_text(sent, wire.PACKAGE)), None, body)
        call = Call(wire.ACKNOWLEDGE, (item,))
        return await perform(request, call, lambda _: desk.acknowledge(sent))

    async def decide(request: Request) -> Response:
        told = _object(await request.body())
        answer = desk.decide(told)
        return json_response(answer.body, answer.status)

    async def draft(request: Request) -> Response:
        kept = desk.drafts_of(request.path_params["code"])
        return json_response(kept) if kept else json_response({"error": "not found"}, 404)

    return Starlette(
        routes=[
            Route("/GuiHoSo", submit, methods=["POST"]),
            Route("/LayDanhSachGoiTinVanBan", listed),
            Route("/LayGoiTinVanBan", fetch),
            Route("/CapNhatTrangThaiVanBan", acknowledge, methods=["POST"]),
            Route("/_control/decide", decide, methods=["POST"]),
            Route("/_control/drafts/{code:path}", draft),
            *simulation.control_routes(),
        ]
    )


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
