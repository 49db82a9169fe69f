"""A provincial platform, simulated in its three forms, with a gateway that gives tokens.

    POST /token                                     client credentials
    POST /SynsTTHCC/{operation}?MaDinhDanhDV=...    adapter: array of dossiers or steps
    POST /ThemMoi, /CapNhat, /TienDo                two addresses for new and known dossiers
    POST /Document/SyncDocument, .../UpdateDocumentTraces
    POST /_control/submit                           push a citizen's dossier to the hub

It checks every field by its own table, refuses a second creation of what it knows ("đã tồn tại")
and an update of what it does not, and takes steps only of known dossiers.
"""

from __future__ import annotations

import base64
import binascii
import secrets
import time
from collections import Counter
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qs

import aiohttp
import orjson
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from hub.connectors.provincial_portal.simulator_rules import (
    DOCUMENT,
    DOSSIER,
    STEP,
    TRACE,
    Rule,
    first_fault,
)
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
from hub.wire.dvcqg.models import DOSSIER_SERVICE, PROGRESS_SERVICE

ANY_TOKEN = "Bearer demo"  # noqa: S105 - invented, for runs without accounts of their own
DOCUMENTS, TRACES = "SyncDocument", "UpdateDocumentTraces"
ADD, UPDATE = "ThemMoi", "CapNhat"
ITEM_RULES: Mapping[str, tuple[str, Mapping[str, Rule]]] = {
    DOSSIER_SERVICE: ("MaHoSo", DOSSIER),
    PROGRESS_SERVICE: ("MaHoSo", STEP),
    DOCUMENTS: ("DocCode", DOCUMENT),
    TRACES: ("docCode", TRACE),
}
WHOLE = (DOSSIER_SERVICE, DOCUMENTS)
SUBMIT_SECONDS = 60


def simulator(
    faults: FaultScript,
    log: CallLog,
    *,
    token: str = ANY_TOKEN,
    consumer: str = "demo:demo",
    token_seconds: float = 3600,
) -> Starlette:
    """The platform as an ASGI app.

    Args:
        faults: the fault script to begin with.
        log: where calls are logged.
        token: value of `Authorization` that every unit may use.
        consumer: key and secret of the gateway's client, with a colon between.
        token_seconds: life of a token that `/token` gives.
    """
    platform = Platform(token, consumer, token_seconds)
    desk = Desk(platform, Simulation("provincial_portal", faults, log, subsystem=platform))
    return Starlette(routes=desk.routes())


class Platform:
    """What the simulated platform knows and how it answers."""

    def __init__(self, token: str, consumer: str, token_seconds: float) -> None:
        self._token = token
        self._consumer = consumer
        self._token_seconds = token_seconds
        self.reset()

    def reset(self) -> None:
        """Forget dossiers, tokens and counts."""
        self.dossiers: dict[str, list[Any]] = {}
        self.steps: dict[str, list[Any]] = {}
        self.pushed = 0
        self._tokens: dict[str, float] = {}
        self._calls: Counter[str] = Counter()

    def state(self) -> Mapping[str, Any]:
        """Counts of dossiers, steps, tokens and calls."""
        return {
            "dossiers": len(self.dossiers),
            "steps": sum(map(len, self.steps.values())),
            "tokens": len(self._tokens),
            "pushed": self.pushed,
            "calls": dict(self._calls),
        }

    def give_token(self, authorization: str, body: bytes, fault: Inner | None) -> Answer:
        """Client credentials -> a token."""
        grant = parse_qs(body.decode("utf-8", "replace")).get("grant_type")
        try:
            given = base64.b64decode(authorization.removeprefix("Basic ")).decode()
        except (binascii.Error, UnicodeDecodeError):
            given = ""
        if isinstance(fault, Refuse) or given != self._consumer:
            return Answer({"error": "invalid_client"}, taken=False, status=401)
        if grant != ["client_credentials"]:
            return Answer({"error": "unsupported_grant_type"}, taken=False, status=400)
        token = secrets.token_hex(8)
        self._tokens[f"Bearer {token}"] = time.monotonic() + self._token_seconds
        told = {"access_token": token, "scope": "default", "token_type": "Bearer"}
        return Answer({**told, "expires_in": self._token_seconds}, taken=True)

    def answer(self, asked: Asked, fault: Inner | None) -> Answer:
        """The answer to an array of dossiers or steps."""
        if isinstance(fault, ExpiredSession):
            self._tokens.pop(asked.token, None)
        answer = self._answer(asked, fault)
        self._calls[f"{asked.operation} {'taken' if answer.taken else 'refused'}"] += 1
        return answer

    def _answer(self, asked: Asked, fault: Inner | None) -> Answer:
        valid = asked.token == self._token or self._tokens.get(asked.token, 0) > time.monotonic()
        if not valid or isinstance(fault, ExpiredSession):
            wrong = {"code": 900901, "message": "Invalid Credentials", "description": ""}
            return Answer({"fault": wrong}, taken=False, status=401)
        if isinstance(fault, Refuse):
            return _refused(fault.error_code, fault.message)
        if not asked.items:
            return _refused("1", "/: phải là mảng có ít nhất một đối tượng")
        name, rules = ITEM_RULES[asked.operation]
        for number, item in enumerate(asked.items):
            if wrong_field := first_fault(item, rules, f"/{number}"):
                return _refused("1", wrong_field)
            if told := self._refusal(asked, str(item[name]), number):
                return told
        for item in asked.items:
            kept = self.dossiers if asked.operation in WHOLE else self.steps
            kept.setdefault(str(item[name]), []).append(item)
        if isinstance(fault, Duplicate) and asked.updating is False:
            return _refused("3", "Dữ liệu đã tồn tại", taken=True)
        return Answer({"error_code": "0", "message": "Đồng bộ thành công"}, taken=True)

    def _refusal(self, asked: Asked, code: str, number: int) -> Answer | None:
        known = code in self.dossiers
        if asked.operation not in WHOLE:
            text = f"/{number}: Hồ sơ chưa được đồng bộ"
            return None if known else _refused("5", text)
        if asked.updating is False and known:
            return _refused("3", f"/{number}: Hồ sơ đã tồn tại")
        if asked.updating is True and not known:
            return _refused("4", f"/{number}: Không tìm thấy hồ sơ để cập nhật")
        return None


class Asked:
    """One call as received; unreadable bytes give no items.

    Attributes:
        operation: what is asked.
        token: value of the token header.
        updating: what the address says, none if nothing.
        items: parsed.
    """

    def __init__(self, operation: str, updating: bool | None, token: str, body: bytes) -> None:
        self.operation = operation
        self.updating = updating
        self.token = token
        self.body = body
        try:
            tree = orjson.loads(body)
        except orjson.JSONDecodeError:
            tree = None
        self.items: list[Any] = tree if isinstance(tree, list) else []

    def call(self, keys: str) -> Call:
        """What is logged: one item for each of the array, else the whole call."""
        names = keys.split(",") + [""] * len(self.items)
        items = [
            Item(names[number], _code(item, self.operation), None, orjson.dumps(item))
            for number, item in enumerate(self.items)
        ]
        return Call(self.operation, items or [Item(names[0], body=self.body)])


class Desk:
    """The endpoints of the simulated platform."""

    def __init__(self, platform: Platform, simulation: Simulation) -> None:
        self._platform = platform
        self._simulation = simulation

    def routes(self) -> list[Route]:
        """All endpoints, and `/_control`."""
        return [
            Route("/token", self._give_token, methods=["POST"]),
            Route("/SynsTTHCC/{operation}", self._adapter, methods=["POST"]),
            Route("/ThemMoi", self._add, methods=["POST"]),
            Route("/CapNhat", self._update, methods=["POST"]),
            Route("/TienDo", self._progress, methods=["POST"]),
            Route("/Document/{operation}", self._document, methods=["POST"]),
            Route("/_control/submit", self._submit, methods=["POST"]),
            Route("/_control/dossiers/{code}", self._show),
            *self._simulation.control_routes(),
        ]

    async def _give_token(self, request: Request) -> Response:
        body = await request.body()
        given = request.headers.get("authorization", "")
        call = Call("token", (Item(),))  # the body and header are secrets
        return await self._simulation.perform(
            call, lambda fault: self._platform.give_token(given, body, fault)
        )

    async def _adapter(self, request: Request) -> Response:
        operation = request.path_params["operation"]
        if operation not in (DOSSIER_SERVICE, PROGRESS_SERVICE):
            return Response(status_code=404)
        if not request.query_params.get("MaDinhDanhDV"):
            return json_response({"error_code": "1", "message": "MaDinhDanhDV: thiếu giá trị"})
        flag = request.query_params.get("isUpdating")
        return await self._perform(request, operation, None if flag is None else flag == "True")

    async def _add(self, request: Request) -> Response:
        return await self._perform(request, DOSSIER_SERVICE, False)

    async def _update(self, request: Request) -> Response:
        return await self._perform(request, DOSSIER_SERVICE, True)

    async def _progress(self, request: Request) -> Response:
        return await self._perform(request, PROGRESS_SERVICE, None)

    async def _document(self, request: Request) -> Response:
        operation = request.path_params["operation"]
        if operation not in (DOCUMENTS, TRACES):
            return Response(status_code=404)
        return await self._perform(request, operation, None)

    async def _perform(self, request: Request, operation: str, updating: bool | None) -> Response:
        token = request.headers.get("authorization", "")
        asked = Asked(operation, updating, token, await request.body())
        keys = request.headers.get("x-operation-key", "")
        return await self._simulation.perform(
            asked.call(keys), lambda fault: self._platform.answer(asked, fault)
        )

    async def _show(self, request: Request) -> Response:
        code, platform = request.path_params["code"], self._platform
        found = {"dossiers": platform.dossiers.get(code, []), "steps": platform.steps.get(code, [])}
        return json_response(found)

    async def _submit(self, request: Request) -> Response:
        """Push to the hub: `{url, token, operation, unit, isUpdating?, times?, items}`."""
        told = orjson.loads(await request.body())
        operation, items = told["operation"], told["items"]
        code = _code(items[0], operation)
        verdict = self._simulation.player.pick("submit", code)
        times = int(told.get("times", 1)) + isinstance(verdict.fault, Duplicate)
        query = {"MaDinhDanhDV": told["unit"]}
        if "isUpdating" in told:
            query["isUpdating"] = str(told["isUpdating"])
        replies: list[Any] = []
        timeout = aiohttp.ClientTimeout(total=SUBMIT_SECONDS)
        headers = {"Authorization": told["token"], "Content-Type": "application/json"}
        async with aiohttp.ClientSession(timeout=timeout) as http:
            for _ in range(times):
                try:
                    async with http.post(
                        f"{told['url']}/{operation}",
                        params=query,
                        data=orjson.dumps(items),
                        headers=headers,
                    ) as reply:
                        replies.append(orjson.loads(await reply.read()))
                except (aiohttp.ClientError, TimeoutError, orjson.JSONDecodeError) as error:
                    replies.append(type(error).__name__)
        self._platform.pushed += times
        return json_response(replies)


def _code(item: Any, operation: str) -> str:
    name = ITEM_RULES[operation][0] if operation in ITEM_RULES else "MaHoSo"
    return str(item.get(name, "")) if isinstance(item, dict) else ""


def _refused(code: str, message: str, *, taken: bool = False) -> Answer:
    return Answer({"error_code": code, "message": message}, taken=taken)
