"""The post's door, simulated: tokens, orders, registrations, cancels and the tracking feed.

Every field is checked by a table of its own. Codes other than 100, 101 and 500 are inventions:
the post's list is not published.
"""

from __future__ import annotations

import base64
import secrets
import time
from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any

import orjson
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from hub.connectors.public_post.simulator_parcels import ParcelBook
from hub.connectors.public_post.simulator_rules import document_fault, order_fault
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

PREFIX = "/apiVNPostNGSP/p1.0/order"
TAKEN, EXISTS, INVALID, NOT_FOUND, TOO_LATE = "100", "101", "102", "103", "104"
TOKEN_SECONDS = 3600


def simulator(
    faults: FaultScript,
    log: CallLog,
    *,
    account: Mapping[str, str] | None = None,
    step_seconds: float | None = None,
    failing_share: float = 0,
) -> Starlette:
    """The door as an ASGI app.

    Args:
        faults: the fault script to begin with.
        log: where calls are logged.
        account: `key` and `secret` of the client, or the static `token` that is taken in the
            header `access_token`; none: any account signs in.
        step_seconds: a parcel moves on by itself so often; none: only when `/_control` says so.
        failing_share: of orders, that end badly; always the same ones.
    """
    post = Post(account, step_seconds, failing_share)
    simulation = Simulation("public_post", faults, log, subsystem=post)

    async def token(request: Request) -> Response:
        body, login = await request.body(), request.headers.get("authorization", "")
        call = Call("token", (Item(),))
        return await simulation.perform(call, lambda fault: post.login(body, login, fault))

    def door(operation: str, act: Callable[[Any], Answer]) -> Callable[..., Any]:
        async def answer(request: Request) -> Response:
            body = await request.body()
            sent = _object(body) if request.method == "POST" else dict(request.query_params)
            number = str(sent.get("OrderNumber", "")) if isinstance(sent, dict) else ""
            item = Item(request.headers.get("x-operation-key", ""), number, None, body)
            caller = _caller(request)
            return await simulation.perform(
                Call(operation, (item,)), lambda fault: post.guard(caller, fault, act, sent)
            )

        return answer

    async def advance(request: Request) -> Response:
        return json_response(post.control(_object(await request.body()) or {}))

    async def parcels(_: Request) -> Response:
        return json_response(post.book.show())

    return Starlette(
        routes=[
            Route("/token", token, methods=["POST"]),
            Route(f"{PREFIX}/post", door("order/post", post.order), methods=["POST"]),
            Route(f"{PREFIX}/postDocument", door("postDocument", post.document), methods=["POST"]),
            Route(f"{PREFIX}/cancel", door("order/cancel", post.cancel), methods=["GET"]),
            Route(f"{PREFIX}/tracking", door("tracking", post.feed), methods=["GET"]),
            Route("/_control/advance", advance, methods=["POST"]),
            Route("/_control/parcels", parcels),
            *simulation.control_routes(),
        ]
    )


def _object(body: bytes) -> Any:
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError:
        return None


def _caller(request: Request) -> str:
    bearer = request.headers.get("authorization", "").removeprefix("Bearer ")
    return request.headers.get("access_token", "") or bearer


class Post:
    """What the simulated post knows and how it answers."""

    def __init__(
        self, account: Mapping[str, str] | None, step_seconds: float | None, failing_share: float
    ) -> None:
        self._account = account
        self._step = step_seconds
        self._failing = failing_share
        self.reset()

    def reset(self) -> None:
        """Forget parcels, tokens and counts."""
        self.book = ParcelBook(self._failing)
        self._tokens: dict[str, float] = {}
        self._logins = 0
        self._calls: Counter[str] = Counter()
        self._repeat_newest = False

    def state(self) -> Mapping[str, Any]:
        """Counts of parcels, entries, logins, and calls by their Status."""
        return {**self.book.counts(), "logins": self._logins, "calls": dict(self._calls)}

    def login(self, body: bytes, login: str, fault: Inner | None) -> Answer:
        """A token for client credentials."""
        if isinstance(fault, Refuse) or not self._may(login):
            return Answer({"error": "invalid_client"}, taken=False, status=401)
        if body != b"grant_type=client_credentials":
            return Answer({"error": "unsupported_grant_type"}, taken=False, status=400)
        token = secrets.token_hex(12)
        self._tokens[token] = time.monotonic() + TOKEN_SECONDS
        self._logins += 1
        answer = {"access_token": token, "token_type": "Bearer", "expires_in": TOKEN_SECONDS}
        return Answer(answer, taken=True)

    def _may(self, login: str) -> bool:
        if self._account is None:
            return login.startswith("Basic ")
        if "key" not in self._account:
            return False
        pair = f"{self._account['key']}:{self._account['secret']}".encode()
        return login == f"Basic {base64.b64encode(pair).decode()}"

    def guard(
        self, caller: str, fault: Inner | None, act: Callable[[Any], Answer], sent: Any
    ) -> Answer:
        """Answer a call if its token is good."""
        if isinstance(fault, ExpiredSession):
            self._tokens.pop(caller, None)
        if isinstance(fault, Refuse):
            return self._said(fault.error_code, fault.message)
        static = (self._account or {}).get("token")
        good = self._tokens.get(caller, 0.0) > time.monotonic()
        if not (caller == static if static else good):
            problem = {"fault": {"code": 900901, "message": "Invalid Credentials"}}
            return Answer(problem, taken=False, status=401)
        self._repeat_newest = isinstance(fault, Duplicate)
        return act(sent)

    def order(self, sent: Any) -> Answer:
        """`order/post`."""
        return self._take(sent, order_fault(sent))

    def document(self, sent: Any) -> Answer:
        """`postDocument`; it notices a repetition as orders do."""
        return self._take(sent, document_fault(sent))

    def cancel(self, sent: Any) -> Answer:
        """`order/cancel`; a cancelled order may be cancelled again."""
        parcel = self.book.find(sent.get("CustomerCode", ""), sent.get("OrderNumber", ""))
        if parcel is None:
            return self._said(NOT_FOUND, "Không tìm thấy đơn hàng")
        if parcel.told[-1:] == ["110"] or self.book.cancel(parcel, time.time()):
            return self._said(TAKEN, "Hủy đơn hàng thành công")
        return self._said(TOO_LATE, "Đơn hàng đã nhập bưu cục, không hủy được")

    def feed(self, sent: Any) -> Answer:
        """The tracking feed behind `lastId`."""
        size = str(sent.get("pagesize", ""))
        if not (size.isascii() and size.isdecimal() and 1 <= int(size) <= 1000):
            return self._said(INVALID, "/pagesize: phải từ 1 đến 1000")
        if self._step is not None:
            self.book.advance_all(time.time(), every_seconds=self._step)
        entries, pages = self.book.page(str(sent.get("lastId", "")), int(size))
        if self._repeat_newest:
            entries = [*entries, *self.book.newest()]
        body = {
            "_size": len(entries),
            "_total_pages": pages,
            "_returned": len(entries),
            "_embedded": {"rh:doc": entries},
        }
        return Answer(body, taken=True)

    def control(self, asked: Mapping[str, Any]) -> Mapping[str, Any]:
        """`/_control/advance`: one parcel to a `StatusCode` or one step, or all one step."""
        number = asked.get("OrderNumber")
        if number is None:
            return {"moved": self.book.advance_all(time.time())}
        parcel = self.book.find(str(asked.get("CustomerCode", "")), str(number))
        if parcel is None:
            return {"moved": 0}
        if "StatusCode" in asked:
            behind = bool(asked.get("behind"))
            self.book.tell(parcel, str(asked["StatusCode"]), time.time(), behind=behind)
            return {"moved": 1}
        return {"moved": int(bool(self.book.advance(parcel, time.time())))}

    def _take(self, sent: Any, wrong: str) -> Answer:
        if wrong:
            return self._said(INVALID, wrong)
        if self.book.find(sent["CustomerCode"], sent["OrderNumber"]):
            return self._said(EXISTS, "Đơn hàng đã tồn tại")
        self.book.add(sent, time.time())
        return self._said(TAKEN, "Tạo đơn hàng thành công")

    def _said(self, code: str, text: str) -> Answer:
        self._calls[code] += 1
        return Answer({"Status": code, "Message": text}, taken=code == TAKEN)
