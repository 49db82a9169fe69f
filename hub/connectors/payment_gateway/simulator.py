"""A payment gateway, simulated: VNPAY or PayPlat, with the citizen in front of its page.

    GET  /paymentv2/vpcpay.html            VNPAY's payment page: a browser opens a link
    POST /merchant_webapi/api/transaction  VNPAY's QueryDR and refund
    POST /init, /query, /bill              PayPlat's INIT, QUERY, GET_BILL
    GET  /pay/{reference}                  PayPlat's payment page
    GET  /settlement/{day}                 the day's file (`yyyymmdd`)
    POST /_control/pay                     the citizen pays; see `Counter.pay`
    POST /_control/again                   call the hub again about all that it has not taken
    POST /_control/repeat                  call about everything once more; may claim other codes
    POST /_control/settle                  {"status_code"}: what the bank says of all from now on
    POST /_control/spoil?count=1           the next answers carry a wrong hash
    PUT  /_control/settlement              {"dropped": [], "amounts": {}, "added": [[...]]}
    POST /_control/refunds                 {"reference", "status"}: how a refund went on; with
                                           "answer": what the answer to the next ones says otherwise
    /_control/...                          see `hub.simulation`

Of a fault script, operation `callback` meets what the gateway sends: `duplicate` calls twice,
`timeout_without_effect` never.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

import orjson
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

from hub.connectors.payment_gateway.simulator_book import Book, now
from hub.connectors.payment_gateway.simulator_counter import Counter
from hub.connectors.payment_gateway.simulator_payplat import Payplat
from hub.connectors.payment_gateway.simulator_vnpay import Vnpay
from hub.errors import ConfigError
from hub.simulation import Call, CallLog, FaultScript, Item, Simulation, json_response

SYSTEM = "payment_gateway"
LAPTOP: Mapping[str, Any] = {
    "callback_url": "http://127.0.0.1:8080/payments/callback",
    "tmn_code": "DEMOTMN1",
    "partner_code": "DT001",
    "secret": "demo",
    "words": None,
}
"""What a hub on this machine would be configured with."""


def simulator(
    faults: FaultScript,
    log: CallLog,
    *,
    profile: str = "vnpay",
    account: Mapping[str, Any] | None = None,
    clock: Callable[[], datetime] = now,
) -> Starlette:
    """The gateway as an ASGI app.

    Args:
        faults: the fault script to begin with.
        log: one line for each call that was taken or refused.
        profile: `vnpay` or `payplat`.
        account: what differs from `LAPTOP`; `words` are a twin's words on the wire, as in the
            connector's `vocabulary`.
        clock: tells the moment.

    Raises:
        ConfigError: no such profile, or an unknown field of `account`.
    """
    if profile not in ("vnpay", "payplat"):
        raise ConfigError("profile: vnpay or payplat")
    if unknown := set(account or ()) - set(LAPTOP):
        raise ConfigError(f"account: no {min(unknown)}; there are {', '.join(sorted(LAPTOP))}")
    own = {**LAPTOP, **(account or {})}
    book = Book(clock)
    bank: Vnpay | Payplat
    if profile == "vnpay":
        bank = Vnpay(book, tmn_code=own["tmn_code"], secret=own["secret"])
    else:
        words = own["words"]
        bank = Payplat(book, partner=own["partner_code"], secret=own["secret"], words=words)
    simulation = Simulation(SYSTEM, faults, log, subsystem=book)
    desk = Counter(bank, simulation, own["callback_url"])
    routes = _vnpay_routes(bank, simulation) if isinstance(bank, Vnpay) else []
    if isinstance(bank, Payplat):
        routes = _payplat_routes(bank, simulation)
    return Starlette(routes=[*routes, *_control(desk, book), *simulation.control_routes()])


def _vnpay_routes(bank: Vnpay, simulation: Simulation) -> list[Route]:
    async def page(request: Request) -> Response:
        order, wrong = bank.open(request.url.query)
        text = f"<p>{order.amount} VND</p>" if order else f"<p>Lỗi {wrong}</p>"
        return HTMLResponse(text, 200 if order else 400)

    async def transaction(request: Request) -> Response:
        body = await request.body()
        fields = _json(body)
        told = fields if isinstance(fields, dict) else {}
        key = request.headers.get("x-operation-key", "")
        item = Item(key, str(told.get("vnp_TxnRef", "")), None, body)
        call = Call(str(told.get("vnp_Command", "")), (item,))
        return await simulation.perform(call, lambda fault: bank.call(fields, fault))

    return [
        Route("/paymentv2/vpcpay.html", page),
        Route("/merchant_webapi/api/transaction", transaction, methods=["POST"]),
    ]


def _payplat_routes(bank: Payplat, simulation: Simulation) -> list[Route]:
    def call_of(operation: str, request: Request, body: bytes) -> tuple[Call, Any]:
        tree = _json(body)
        words = [v for k, v in tree.items() if "Tham" in k or "ORDER" in k] if _is(tree) else []
        key = request.headers.get("x-operation-key", "")
        return Call(operation, (Item(key, str(words[0]) if words else "", None, body),)), tree

    async def init(request: Request) -> Response:
        call, tree = call_of("INIT", request, await request.body())
        base = str(request.base_url).rstrip("/")
        return await simulation.perform(call, lambda fault: bank.init(tree, base, fault))

    async def query(request: Request) -> Response:
        call, tree = call_of("QUERY", request, await request.body())
        return await simulation.perform(call, lambda fault: bank.query(tree, fault))

    async def bill(request: Request) -> Response:
        _, tree = call_of("GET_BILL", request, await request.body())
        pdf = bank.bill(tree)
        if pdf is None:
            return json_response({"error_code": "11", "message": "Không có biên lai"})
        return Response(pdf, media_type="application/pdf")

    async def page(request: Request) -> Response:
        order = bank.book.orders.get(request.path_params["reference"])
        text = f"<p>{order.amount} VND</p>" if order else "<p>Không có</p>"
        return HTMLResponse(text, 200 if order else 404)

    return [
        Route("/init", init, methods=["POST"]),
        Route("/query", query, methods=["POST"]),
        Route("/bill", bill, methods=["POST"]),
        Route("/pay/{reference}", page),
    ]


def _control(desk: Counter, book: Book) -> list[Route]:
    async def pay(request: Request) -> Response:
        said = _json(await request.body())
        if not _is(said):
            return json_response({"error": "a JSON object is wanted"}, 400)
        done = await desk.pay(said)
        return json_response(done, 409 if "error" in done else 200)

    async def again(_: Request) -> Response:
        return json_response({"answers": await desk.again()})

    async def repeat(request: Request) -> Response:
        said = _json(await request.body())
        return json_response({"answers": await desk.repeat(said if _is(said) else {})})

    async def settle(request: Request) -> Response:
        said = _json(await request.body())
        for order in book.orders.values():
            for paid in order.transactions:
                paid.status = str(said.get("status_code", "00")) if _is(said) else "00"
        return Response(status_code=204)

    async def spoil(request: Request) -> Response:
        desk.bank.spoil_count = int(request.query_params.get("count", "1"))
        return Response(status_code=204)

    async def alter(request: Request) -> Response:
        altered = _json(await request.body())
        book.altered = altered if _is(altered) else {}
        return Response(status_code=204)

    async def refunds(request: Request) -> Response:
        said = _json(await request.body())
        order = book.orders.get(str(said.get("reference"))) if _is(said) else None
        if order is None:
            return json_response({"error": "no such order"}, 404)
        if isinstance(said.get("answer"), dict):
            order.refund_answer = said["answer"]
        else:
            order.refund_status = str(said.get("status", "06"))
        return Response(status_code=204)

    async def settlement(request: Request) -> Response:
        if book.altered.get("absent"):
            return Response(status_code=404)
        return Response(book.settlement(request.path_params["day"]), media_type="text/csv")

    return [
        Route("/settlement/{day}", settlement),
        Route("/_control/pay", pay, methods=["POST"]),
        Route("/_control/again", again, methods=["POST"]),
        Route("/_control/repeat", repeat, methods=["POST"]),
        Route("/_control/settle", settle, methods=["POST"]),
        Route("/_control/spoil", spoil, methods=["POST"]),
        Route("/_control/settlement", alter, methods=["PUT"]),
        Route("/_control/refunds", refunds, methods=["POST"]),
    ]


def _json(body: bytes) -> Any:
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError:
        return None


def _is(tree: Any) -> bool:
    return isinstance(tree, dict)
