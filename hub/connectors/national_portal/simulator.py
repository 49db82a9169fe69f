"""The national portal, simulated: sessions, dossiers, progress, look-ups and catalogues.

It speaks the session form (login, integration call, share call), pushes to the unit what citizens
file, checks every field by its own table, keeps what it took in memory, and shares nothing with
the connector but the names of the wire models. Codes other than 0 and 3 are inventions: the
portal's list is not published.
"""

from __future__ import annotations

import secrets
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
import orjson
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from hub.connectors.national_portal.simulator_catalogue import catalogue
from hub.connectors.national_portal.simulator_citizen import (
    Citizens,
    Pushing,
    addresses_of,
    pull,
    push,
)
from hub.connectors.national_portal.simulator_dossiers import DossierBook
from hub.connectors.national_portal.simulator_rules import DOSSIER, PROGRESS, first_fault
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
from hub.wire.dvcqg import models

ANY_UNIT_PASSWORD = "demo"  # noqa: S105 - invented, for runs without accounts of their own
ROWS_PER_CALL = 10
INVALID, EXISTS, NOT_FOUND, NO_SESSION, NO_LOGIN = "1", "3", "4", "-1", "-2"
WRONG_MEMBER, NO_SERVICE, MALFORMED = "-5", "-6", "-7"


class _Envelope(msgspec.Struct):
    """A call as far as every service has it; items stay exact bytes."""

    session: str = ""
    madonvi: str = ""
    service: str = ""
    isUpdating: str | bool = ""
    data: list[msgspec.Raw] | dict[str, Any] | None = None


def simulator(
    faults: FaultScript,
    log: CallLog,
    *,
    accounts: Mapping[str, Mapping[str, str]] | None = None,
    dstcode: str = "VN:GOV:000.00.00.G22:dvcqg",
    session_seconds: float = 1800,
) -> Starlette:
    """The portal as an ASGI app: `/auth`, `/integration`, `/share`, and `/_control`.

    Args:
        faults: the fault script to begin with.
        log: where calls are logged.
        accounts: `username` and `password` by unit; none: every unit signs in with its own id
            and the password `demo`.
        dstcode: the destination member that callers must name.
        session_seconds: how long a session lives.
    """
    portal = Portal(accounts, dstcode, session_seconds)
    simulation = Simulation("national_portal", faults, log, subsystem=portal)

    async def auth(request: Request) -> Response:
        body = await request.body()
        call = Call("login", (Item(body=body),))
        member = request.headers.get("dstcode", "")
        return await simulation.perform(call, lambda fault: portal.login(body, member, fault))

    async def service(request: Request) -> Response:
        body = await request.body()
        keys = request.headers.get("x-operation-key", "")
        incoming = Incoming(body, request.headers.get("dstcode", ""), request.url.path)
        return await simulation.perform(
            incoming.call(keys), lambda fault: portal.answer(incoming, fault)
        )

    async def dossier(request: Request) -> Response:
        kept = portal.book.show(request.path_params["code"])
        return json_response(kept) if kept else json_response({"error": "not found"}, 404)

    async def figures(_: Request) -> Response:
        return json_response(portal.book.figures())

    return Starlette(
        routes=[
            *Desk(portal, simulation).routes(),
            Route("/auth", auth, methods=["POST"]),
            Route("/integration", service, methods=["POST"]),
            Route("/share", service, methods=["POST"]),
            Route("/_control/dossiers/{code}", dossier),
            Route("/_control/figures", figures),
            *simulation.control_routes(),
        ]
    )


class Desk:
    """What is done at the portal itself, through `/_control`, and the files that it serves."""

    def __init__(self, portal: Portal, simulation: Simulation) -> None:
        self._portal = portal
        self._simulation = simulation

    def routes(self) -> list[Route]:
        """Its endpoints."""
        return [
            Route("/files/{id}", self._file),
            Route("/_control/files/{id}", self._put_file, methods=["PUT", "DELETE"]),
            Route("/_control/submit", self._submit, methods=["POST"]),
            Route("/_control/questions", self._ask, methods=["POST"]),
            Route("/_control/states/{code}", self._states),
            Route("/_control/pull/{code}", self._pull, methods=["POST"]),
        ]

    async def _submit(self, request: Request) -> Response:
        """Push a dossier or a state to the unit: `{url, token, header?, times?, call}`."""
        told = orjson.loads(await request.body())
        call = told["call"]
        data = call.get("data", call)
        code = _code(data[0] if isinstance(data, list) else data)
        verdict = self._simulation.player.pick("submit", code)
        times = int(told.get("times", 1)) + isinstance(verdict.fault, Duplicate)
        header = told.get("header", "Authorization")
        pushing = Pushing(told["url"], header, told["token"], orjson.dumps(call))
        replies = await push(pushing, times)
        self._portal.citizens.pushed += times
        taken = any(isinstance(r, dict) and r.get("error_code") in (0, 1) for r in replies)
        self._simulation.log.write(
            self._simulation.system, Call("submit", (Item(subject=code, body=pushing.body),)), taken
        )
        return json_response(replies)

    async def _ask(self, request: Request) -> Response:
        self._portal.citizens.ask(orjson.loads(await request.body()))
        return Response(status_code=204)

    async def _states(self, request: Request) -> Response:
        return json_response(self._portal.citizens.states.get(request.path_params["code"], []))

    async def _pull(self, request: Request) -> Response:
        """Fetch the files of a dossier that was taken; HTTP status of each, 0 for none."""
        found = self._portal.book.show(request.path_params["code"])
        if found is None:
            return json_response({"error": "not found"}, 404)
        dossier = orjson.loads(orjson.dumps(found["dossier"]))
        return json_response(await pull(addresses_of(dossier)))

    async def _put_file(self, request: Request) -> Response:
        files, name = self._portal.citizens.files, request.path_params["id"]
        files.pop(name, None)
        if request.method == "PUT":
            files[name] = await request.body()
        return Response(status_code=204)

    async def _file(self, request: Request) -> Response:
        content = self._portal.citizens.files.get(request.path_params["id"])
        if content is None:
            return Response(status_code=404)
        return Response(content, media_type="application/pdf")


class Incoming:
    """One integration or share call as received; unreadable bytes give an empty envelope."""

    def __init__(self, body: bytes, member: str, path: str) -> None:
        self.body = body
        self.member = member
        self.path = path
        self.readable = True
        try:
            self.envelope = msgspec.json.decode(body, type=_Envelope)
            listed = self.envelope.data if isinstance(self.envelope.data, list) else ()
            self.raws = [bytes(raw) for raw in listed]
            self.items: list[Any] = [orjson.loads(raw) for raw in self.raws]
        except (msgspec.MsgspecError, orjson.JSONDecodeError):
            self.envelope, self.raws, self.items = _Envelope(), [], []
            self.readable = False

    def call(self, keys: str) -> Call:
        """What is logged: one item for each of `data`, else the whole call."""
        names = keys.split(",")
        if not self.items:
            return Call(self.envelope.service, (Item(names[0], self._asked(), None, self.body),))
        names += [""] * (len(self.items) - len(names))
        items = [
            Item(names[number], _code(item), _sequence(item), self.raws[number])
            for number, item in enumerate(self.items)
        ]
        return Call(self.envelope.service, items)

    def fields(self) -> Mapping[str, Any]:
        """The whole call as JSON."""
        fields: Mapping[str, Any] = orjson.loads(self.body)
        return fields

    def _asked(self) -> str:
        if self.envelope.service == models.STATE_SERVICE:
            return _code(self.envelope.data)
        if self.envelope.service != "TraCuuHoSo":
            return ""
        return str(self.fields().get("mahoso", ""))


def _code(item: Any) -> str:
    return str(item.get("MaHoSo", "")) if isinstance(item, dict) else ""


def _sequence(item: Any) -> int | None:
    """The number behind the last `#` of an item's text, if it ends so."""
    if not isinstance(item, dict):
        return None
    text = item.get("NoiDungXuLy") or item.get("TrichYeuHoSo") or ""
    number = str(text).rpartition("#")[2].strip() if "#" in str(text) else ""
    return int(number) if number.isascii() and number.isdecimal() else None


class Portal:
    """What the simulated portal knows and how it answers."""

    def __init__(
        self,
        accounts: Mapping[str, Mapping[str, str]] | None,
        dstcode: str,
        session_seconds: float,
    ) -> None:
        self._accounts = accounts
        self._dstcode = dstcode
        self._session_seconds = session_seconds
        self.book = DossierBook()
        self.citizens = Citizens()
        self._forget_calls()

    def _forget_calls(self) -> None:
        self._sessions: dict[str, tuple[str, float]] = {}
        self._logins = 0
        self._calls: Counter[str] = Counter()

    def state(self) -> Mapping[str, Any]:
        """Counts of dossiers, progress rows, sessions, logins, and calls by service and end."""
        return {
            **self.book.counts(),
            **self.citizens.counts(),
            "sessions": len(self._sessions),
            "logins": self._logins,
            "calls": dict(self._calls),
        }

    def reset(self) -> None:
        """Forget dossiers, sessions and counts."""
        self.book = DossierBook()
        self.citizens = Citizens()
        self._forget_calls()

    def login(self, body: bytes, member: str, fault: Inner | None) -> Answer:
        """A session for a unit's account."""
        if isinstance(fault, Refuse):
            return _refused(fault.error_code, fault.message)
        if member != self._dstcode:
            return _refused(WRONG_MEMBER, "Sai mã đơn vị tiếp nhận (dstcode)")
        try:
            sent = orjson.loads(body)
            unit = self._unit_of(str(sent["username"]), str(sent["password"]))
        except (orjson.JSONDecodeError, KeyError, TypeError):
            return _refused(MALFORMED, "Dữ liệu gửi lên không đúng cấu trúc")
        if not unit:
            return _refused(NO_LOGIN, "Sai tài khoản hoặc mật khẩu")
        session = f"S-{secrets.token_hex(8)}"
        self._sessions[session] = (unit, time.monotonic() + self._session_seconds)
        self._logins += 1
        return Answer({"session": session, "error_code": 0}, taken=True)

    def _unit_of(self, username: str, password: str) -> str:
        """The unit whose account this is, `` if it is none."""
        if self._accounts is None:
            return username if password == ANY_UNIT_PASSWORD else ""
        for unit, account in self._accounts.items():
            if (account["username"], account["password"]) == (username, password):
                return unit
        return ""

    def answer(self, incoming: Incoming, fault: Inner | None) -> Answer:
        """The answer to an integration or share call."""
        envelope = incoming.envelope
        if isinstance(fault, ExpiredSession):
            self._sessions.pop(envelope.session, None)
        answer = self._answer(incoming, fault)
        self._calls[f"{envelope.service} {'taken' if answer.taken else 'refused'}"] += 1
        return answer

    def _answer(self, incoming: Incoming, fault: Inner | None) -> Answer:
        envelope = incoming.envelope
        if not incoming.readable:
            return _refused(MALFORMED, "Dữ liệu gửi lên không đúng cấu trúc")
        if incoming.member != self._dstcode:
            return _refused(WRONG_MEMBER, "Sai mã đơn vị tiếp nhận (dstcode)")
        unit, until = self._sessions.get(envelope.session, ("", 0.0))
        if time.monotonic() > until:
            return _refused(NO_SESSION, "Session không tồn tại hoặc đã hết hạn")
        if envelope.madonvi != unit:
            return _refused(NO_LOGIN, "Tài khoản không thuộc đơn vị (madonvi)")
        if isinstance(fault, Refuse):
            return _refused(fault.error_code, fault.message)
        answer = self._act(incoming, unit)
        updating = str(envelope.isUpdating) == "True"
        if isinstance(fault, Duplicate) and answer.taken and envelope.data and not updating:
            return Answer({"error_code": EXISTS, "message": "Dữ liệu đã tồn tại"}, taken=True)
        return answer

    def _share(self, incoming: Incoming) -> Answer:
        result = catalogue(incoming.envelope.service, incoming.fields())
        if result is None:
            return _refused(NO_SERVICE, "Không có dịch vụ này")
        return Answer({"error_code": "0", "result": result}, taken=True)

    def _act(self, incoming: Incoming, unit: str) -> Answer:
        if incoming.path == "/share":
            return self._share(incoming)
        match incoming.envelope.service:
            case models.DOSSIER_SERVICE:
                return self._sync(incoming, unit)
            case models.PROGRESS_SERVICE:
                return self._progress(incoming.items)
            case "TraCuuHoSo":
                found = self.book.find(str(incoming.fields().get("mahoso", "")))
                return Answer({"error_code": "0", "result": found}, taken=True)
            case "TraCuuTechID":
                return self._share(incoming)
        told = self.citizens.answer(incoming.envelope.service, incoming.fields())
        if told is not None:
            return Answer(told[0], taken=told[1])
        return _refused(NO_SERVICE, "Không có dịch vụ này")

    def _sync(self, incoming: Incoming, unit: str) -> Answer:
        flag = str(incoming.envelope.isUpdating)
        if flag not in ("True", "False"):
            return _refused(INVALID, "/isUpdating: phải là True hoặc False")
        if not incoming.items:
            return _refused(INVALID, "/data: thiếu giá trị bắt buộc")
        for number, item in enumerate(incoming.items):
            if wrong := first_fault(item, DOSSIER, f"/data/{number}"):
                return _refused(INVALID, wrong)
            known = str(item["MaHoSo"]) in self.book
            if known and flag == "False":
                return _refused(EXISTS, f"/data/{number}: Hồ sơ đã tồn tại")
            if not known and flag == "True":
                return _refused(NOT_FOUND, f"/data/{number}: Không tìm thấy hồ sơ để cập nhật")
        for item in incoming.items:
            self.book.sync(item, unit)
        return Answer({"error_code": "0", "message": "Đồng bộ hồ sơ thành công"}, taken=True)

    def _progress(self, rows: Sequence[Any]) -> Answer:
        if not 1 <= len(rows) <= ROWS_PER_CALL:
            return _refused(INVALID, f"/data: phải có từ 1 đến {ROWS_PER_CALL} dòng")
        for number, row in enumerate(rows):
            if wrong := first_fault(row, PROGRESS, f"/data/{number}"):
                return _refused(INVALID, wrong)
            if str(row["MaHoSo"]) not in self.book:
                return _refused(NOT_FOUND, f"/data/{number}: Hồ sơ chưa được đồng bộ")
        for row in rows:
            self.book.add_row(row)
        return Answer({"error_code": "0", "message": "Cập nhật tiến độ thành công"}, taken=True)


def _refused(code: str, message: str) -> Answer:
    return Answer({"error_code": code, "message": message}, taken=False)
