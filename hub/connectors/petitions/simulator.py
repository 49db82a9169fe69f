"""A system of petitions, simulated: takes answers and forwarded petitions, pushes its own.

It speaks the contract (domain notes 7.3), checks every field by its own table, notices a
repetition by the operation key, and knows the states that a petition can have. It drives the hub
too: `/_control/send` pushes as the source, `/_control/act` as an agency.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

import aiohttp
import orjson
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from hub.connectors.petitions import wire
from hub.connectors.petitions.simulator_rules import CLOSING, first_fault
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

SYSTEM = "petitions"
TIMEOUT_SECONDS = 30.0


def simulator(
    faults: FaultScript,
    log: CallLog,
    *,
    token: str = "demo",  # noqa: S107 - invented, for runs without one of their own
    hub_url: str = "",
    tokens: Mapping[str, str] | None = None,
) -> Starlette:
    """The system as an ASGI app: `/pakn` and `/_control`.

    Args:
        faults: the fault script to begin with.
        log: where calls are logged, its own pushes too.
        token: what the hub must send.
        hub_url: address of the hub's door, with its path.
        tokens: what it sends to the hub itself as `source` and as `agency`; none: these words.
    """
    desk = Desk(token)
    simulation = Simulation(SYSTEM, faults, log, subsystem=desk)
    known = {"source": "source", "agency": "agency", **(tokens or {})}

    async def take(request: Request) -> Response:
        body = await request.body()
        key = request.headers.get("idempotency-key", "")
        held = request.headers.get("authorization", "")
        sent = _object(body)
        told, about = str(sent.get("type", "")), str(sent.get("paknId", ""))
        call = Call(told, (Item(key, about, None, body),))
        return await simulation.perform(call, lambda fault: desk.take(sent, held, key, fault))

    def pushing(role: str) -> Any:
        async def push(request: Request) -> Response:
            sent = _object(await request.body())
            if role == "source":
                desk.sent(sent)
            verdict = simulation.player.pick(str(sent.get("type")), str(sent.get("paknId", "")))
            answers = [
                await _push(hub_url, known[role], sent)
                for _ in range(2 if isinstance(verdict.fault, Duplicate) else 1)
            ]
            item = Item("", str(sent.get("paknId", "")), None, orjson.dumps(sent))
            log.write(SYSTEM, Call(f"push {sent.get('type')}", (item,)), answers[-1][0] == 200)
            return json_response({"status": answers[-1][0], "answer": answers[-1][1]})

        return push

    async def petition(request: Request) -> Response:
        kept = desk.petitions.get(request.path_params["id"])
        return json_response(kept) if kept else json_response({"error": "not found"}, 404)

    return Starlette(
        routes=[
            Route("/pakn", take, methods=["POST"]),
            Route("/_control/send", pushing("source"), methods=["POST"]),
            Route("/_control/act", pushing("agency"), methods=["POST"]),
            Route("/_control/petitions/{id:path}", petition),
            *simulation.control_routes(),
        ]
    )


class Desk:
    """What the system holds: petitions with all that was said of them."""

    def __init__(self, token: str) -> None:
        self._token = token
        self.reset()

    def state(self) -> Mapping[str, Any]:
        """Counts of petitions, what was said by type, repetitions and refusals by code.

        `answered_twice` must stay 0: petitions whose citizen heard the same answer again.
        """
        answers = [
            [text for told, text in zip(each["said"], each["texts"], strict=True)
             if told == wire.ANSWERED]
            for each in self.petitions.values()
        ]  # fmt: skip
        return {
            "petitions": len(self.petitions),
            "answered_twice": sum(len(set(texts)) < len(texts) for texts in answers),
            "counts": dict(self._counts),
        }

    def reset(self) -> None:
        """Forget everything."""
        self.petitions: dict[str, dict[str, Any]] = {}
        self._keys: set[str] = set()
        self._counts: Counter[str] = Counter()

    def sent(self, petition: Mapping[str, Any]) -> None:
        """Remember a petition of its own, so that answers about it are known."""
        if petition.get("type") == wire.RECEIVED:
            about = str(petition.get("paknId", ""))
            self.petitions.setdefault(about, {"own": True, "said": [], "texts": []})

    def take(self, sent: dict[str, Any], held: str, key: str, fault: Inner | None) -> Answer:
        """The answer to one call."""
        answer = self._take(sent, held, key, fault)
        word = str(sent.get("type")) if answer.taken else f"refused {answer.body['code']}"
        self._counts[word] += 1
        return answer

    def _take(self, sent: dict[str, Any], held: str, key: str, fault: Inner | None) -> Answer:
        if held != f"Bearer {self._token}" or isinstance(fault, ExpiredSession):
            return _refused("10", "Mã truy cập không đúng", 401)
        if isinstance(fault, Refuse):
            return _refused(fault.error_code, fault.message, 200)
        told = sent.get("type")
        if told == wire.PING:
            return _taken("00")
        if wrong := first_fault(sent):
            return _refused("21" if told in wire.TYPES else "20", wrong, 422)
        if not key:
            return _refused("21", "Idempotency-Key: thiếu", 422)
        if key in self._keys:
            self._counts["repeated"] += 1
            return _taken("01")
        about = str(sent["paknId"])
        if told == wire.RECEIVED:
            self.petitions.setdefault(about, {"own": False, "said": [], "texts": []})
        elif about not in self.petitions:
            return _refused("22", "Không có phản ánh, kiến nghị này", 404)
        petition = self.petitions[about]
        if told != "pakn.published" and CLOSING & set(petition["said"]):
            return _refused("23", "Phản ánh, kiến nghị đã kết thúc", 409)
        self._keys.add(key)
        petition["said"].append(told)
        petition["texts"].append(sent.get("answer") or sent.get("reason") or "")
        return _taken("01" if isinstance(fault, Duplicate) else "00")


async def _push(url: str, token: str, sent: Mapping[str, Any]) -> tuple[int, Any]:
    """Status and answer of the hub; status 0 if it did not answer."""
    limit = aiohttp.ClientTimeout(total=TIMEOUT_SECONDS)
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
    try:
        async with (
            aiohttp.ClientSession(timeout=limit) as session,
            session.post(url, data=orjson.dumps(sent), headers=headers) as answer,
        ):
            return answer.status, _object(await answer.read())
    except (aiohttp.ClientError, TimeoutError):
        return 0, {}


def _object(body: bytes) -> dict[str, Any]:
    """The JSON object of a body; empty if it is none."""
    try:
        tree = orjson.loads(body)
    except orjson.JSONDecodeError:
        return {}
    return tree if isinstance(tree, dict) else {}


def _taken(code: str) -> Answer:
    return Answer({"code": code, "message": "Thành công"}, taken=True)


def _refused(code: str, message: str, status: int) -> Answer:
    return Answer({"code": code, "message": message}, taken=False, status=status)
