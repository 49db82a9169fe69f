"""The document axis (VXP), simulated: signed calls, lists, packages, and partners that answer.

Paths, headers and objects are those of the reference kit; what the kit does not say (codes of
refusals) is taken from a provincial axis. A document sent by one organisation is listed for each
receiver until it is `done` or `fail`. `_control` lets a partner answer by itself, or do what a
test needs: statuses, opinions, revocations, updates, replacements, bad zips.
"""

from __future__ import annotations

import base64
import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from hub.connectors.document_exchange import simulator_door as door
from hub.connectors.document_exchange.simulator_items import Asked, Listed, agencies
from hub.connectors.document_exchange.simulator_packages import (
    Letter,
    Seen,
    is_signed,
    look_at,
    status_package,
)
from hub.simulation import (
    Answer,
    CallLog,
    Duplicate,
    FaultScript,
    Inner,
    Refuse,
    Simulation,
    json_response,
)
from hub.wire.edxml import models

EMPTY_FILE, NO_RECEIVER, NO_SENDER = "10", "18", "19"
SYSTEM_ERROR, BAD_FILE, BAD_FORM, LOCKED = "20", "21", "22", "23"
SYSTEMS: Mapping[str, Mapping[str, Any]] = {
    "vxp.saas.01": {"secret": "demo", "organs": ["H99.01"]},
    "vxp.saas.02": {"secret": "demo", "organs": ["H99.02"]},
}
_VIETNAM = timezone(timedelta(hours=7))
PATHS = (
    models.SEND,
    models.RECEIVED_LIST,
    models.SENT_LIST,
    models.FETCH,
    models.UPDATE_STATUS,
    models.AGENCIES,
    models.AGENCIES_QD20,
    models.UNITS,
    models.REGISTER,
    models.DELETE,
    models.COUNT_DOCUMENTS,
    models.COUNT_STATUSES,
)


def simulator(
    faults: FaultScript,
    log: CallLog,
    *,
    systems: Mapping[str, Mapping[str, Any]] = SYSTEMS,
    locked: Sequence[str] = (),
    window_seconds: float = 86_400,
) -> Starlette:
    """The axis as an ASGI app: its calls, and `/_control`.

    Args:
        faults: the fault script to begin with.
        log: where calls are logged.
        systems: `secret` and `organs` (organisation ids) of each system; `old_ids` of those that
            had one of 2016; with `certificate` (PEM) it is counted how many of its documents are
            validly signed with that.
        locked: organisations that take nothing (code 23).
        window_seconds: how old a call's stamp may be. The reference kit makes its stamp once, when
            it is created: a window of minutes would lock a long-running client out.
    """
    held = Axis(systems, locked, window_seconds)
    simulation = Simulation("document_exchange", faults, log, subsystem=held)

    async def call(request: Request) -> Response:
        body = await request.body()
        asked = Asked(request.url.path, request.headers, body)
        return await simulation.perform(asked.call(), lambda fault: held.answer(asked, fault))

    async def download(request: Request) -> Response:
        asked = Asked(request.url.path, request.headers, b"")
        found = held.download(asked)
        if found is None:
            return await simulation.perform(asked.call(), lambda _: _fail(BAD_FILE, "docId"))
        return Response(found.body, media_type="application/octet-stream")

    async def auto(request: Request) -> Response:
        held.auto = {each["organ"]: each for each in await request.json()}
        return Response(status_code=204)

    async def act(request: Request) -> Response:
        asked = await request.json()
        doc_id = held.play(asked)
        held.date(doc_id, asked.get("listed_at", ""))
        return json_response({"docId": doc_id})

    return Starlette(
        routes=[
            *(Route(path, call, methods=["POST"]) for path in PATHS),
            Route(models.DOWNLOAD, download, methods=["GET"]),
            Route("/_control/auto", auto, methods=["PUT"]),
            Route("/_control/act", act, methods=["POST"]),
            *simulation.control_routes(),
        ]
    )


@dataclass
class Axis:
    """What the simulated axis holds."""

    systems: Mapping[str, Mapping[str, Any]]
    locked: Sequence[str]
    window_seconds: float
    auto: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.items: list[Listed] = []
        self.calls: Counter[str] = Counter()
        self.registered: dict[str, Mapping[str, str]] = {}
        self.numbers = 0
        self.signed = 0

    def state(self) -> Mapping[str, Any]:
        """Counts of packages, of documents sent twice, of calls by path and end."""
        sent = Counter(
            (item.sender, item.seen.document_id, item.to, item.seen.business)
            for item in self.items
            if item.kind == models.DOCUMENT
        )
        return {
            "packages": len(self.items),
            "documents": sum(item.kind == models.DOCUMENT for item in self.items),
            "statuses": sum(item.kind == models.STATUS for item in self.items),
            "waiting": sum(item.status not in ("done", "fail") for item in self.items),
            "twice": sum(count - 1 for count in sent.values()),
            "signed": self.signed,
            "calls": dict(self.calls),
        }

    def reset(self) -> None:
        """Forget all packages and counts."""
        self.__post_init__()

    def answer(self, asked: Asked, fault: Inner | None) -> Answer:
        """The answer to a call."""
        answer = self._answer(asked, fault)
        self.calls[f"{asked.path} {'taken' if answer.taken else 'refused'}"] += 1
        return answer

    def download(self, asked: Asked) -> Listed | None:
        """The package that a system fetches as a stream, if the call may have it."""
        said = asked.logical
        system = self.systems.get(said.get("systemid", ""))
        if system is None or door.wrong_with(
            asked.headers, system["secret"], window_seconds=self.window_seconds
        ):
            return None
        return self._find(said, _names(system))

    def _answer(self, asked: Asked, fault: Inner | None) -> Answer:
        said = asked.logical
        system = self.systems.get(said.get("systemid", ""))
        secret = system["secret"] if system else None
        wrong = door.wrong_with(asked.headers, secret, window_seconds=self.window_seconds)
        if wrong or system is None:
            return _fail(door.BAD_SECRET, wrong)
        if isinstance(fault, Refuse):
            return _fail(fault.error_code, fault.message)
        organs = _names(system)
        match asked.path:
            case models.SEND:
                return self._send(asked, said, organs)
            case models.RECEIVED_LIST:
                return self._received(said, organs, twice=isinstance(fault, Duplicate))
            case models.SENT_LIST:
                return self._sent(said, organs)
            case models.FETCH:
                found = self._find(said, organs)
                data = base64.b64encode(found.body).decode() if found else ""
                return _ok(data=data) if found else _fail(BAD_FILE, "Không có gói tin")
            case models.UPDATE_STATUS:
                return self._update(said, organs)
            case models.COUNT_DOCUMENTS:
                return _ok(count=len(self._waiting(models.DOCUMENT, organs)))
            case models.COUNT_STATUSES:
                return _ok(count=len(self._waiting(models.STATUS, organs)))
            case models.REGISTER:
                return self._register(asked.body)
            case models.DELETE:
                gone = self.registered.pop(said.get("AgencyCode", ""), None)
                return _ok() if gone else _fail(NO_RECEIVER, "AgencyCode")
        return _ok(data=agencies(self.systems.values(), self.registered, asked.path))

    def _register(self, body: bytes) -> Answer:
        try:
            row = json.loads(body)
        except ValueError:
            return _fail(EMPTY_FILE, "JSON")
        if not isinstance(row, dict) or not isinstance(row.get("code"), str) or not row["code"]:
            return _fail(BAD_FORM, "code")
        # A value that is no text would lose the kit the whole list.
        self.registered[row["code"]] = {k: v for k, v in row.items() if isinstance(v, str)}
        return _ok()

    def _send(self, asked: Asked, said: Mapping[str, str], organs: Sequence[str]) -> Answer:
        kind = said.get("messagetype", "")
        if not asked.body:
            return _fail(EMPTY_FILE, "Tệp rỗng")
        if said.get("servicetype") != models.SERVICE_TYPE or kind not in ("edoc", "status"):
            return _fail(SYSTEM_ERROR, "servicetype, messagetype")
        if said.get("hash-file") not in door.digests(asked.body):
            return _fail(BAD_FILE, "hash-file")
        seen = look_at(asked.body, kind)
        if seen.fault:
            return _fail(BAD_FORM, seen.fault)
        sender = said.get("from", "")
        if sender not in organs or seen.sender != sender:
            return _fail(NO_SENDER, "from")
        to = door.receivers(said["to"]) if "to" in said else list(seen.to)
        known = {name for each in self.systems.values() for name in _names(each)}
        if set(to) - known:
            return _fail(NO_RECEIVER, "to")
        if set(to) & set(self.locked):
            return _fail(LOCKED, "to")
        certificate = self.systems[said["systemid"]].get("certificate")
        if certificate and kind == models.DOCUMENT:
            self.signed += is_signed(asked.body, certificate)
        doc_id = self._put(kind, sender, to, asked.body)
        return Answer(_said("OK", "0", "") | {"DocId": doc_id}, taken=True)

    def _put(self, kind: str, sender: str, to: Sequence[str], body: bytes) -> str:
        """List a package for its receivers, and let those answer that do so by themselves."""
        self.numbers += 1
        doc_id, seen = f"{self.numbers:024x}", look_at(body, kind)
        for each in to:
            self.items.append(Listed(doc_id, kind, sender, each, body, seen, _now()))
        for each in to:
            if kind == models.DOCUMENT and each in self.auto:
                self._respond(each, sender, seen, self.auto[each])
        return doc_id

    def _respond(self, organ: str, sender: str, seen: Seen, how: Mapping[str, Any]) -> None:
        for code in how.get("statuses", ()):
            body = status_package(organ, seen, sender, code, _now())
            self._put(models.STATUS, organ, [sender], body)
        if how.get("opinion"):
            title = f"V/v trả lời: {seen.title}"
            letter = Letter(organ, [sender], str(self.numbers), title, _now(), answers=seen)
            self._put(models.DOCUMENT, organ, [sender], letter.package())

    def play(self, asked: Mapping[str, Any]) -> str:
        """A partner does something; the docId of what it sends.

        Args:
            asked: `do` (`status`, `document`, `revoke`, `update`, `replace`, `bad_zip`, `raw`),
                `from`, `to`, and `about` (a document id), `code`, `number`, `title`, `edxml`,
                `listed_at` (see `date`).
        """
        sender, to = str(asked["from"]), str(asked["to"])
        about = next(
            (
                item.seen
                for item in self.items
                if item.seen.document_id == asked.get("about") and item.kind == models.DOCUMENT
            ),
            Seen("", document_id=str(asked.get("about", "")), notation="0/TL-VP", day=_now()[:10]),
        )
        do, number = str(asked["do"]), str(asked.get("number", self.numbers + 1))
        if do == "raw":
            body = base64.b64decode(asked["edxml"])
            return self._put(str(asked.get("type", models.DOCUMENT)), sender, [to], body)
        if do == "status":
            body = status_package(sender, about, to, str(asked["code"]), asked.get("at") or _now())
            return self._put(models.STATUS, sender, [to], body)
        business = {"revoke": "1", "update": "2", "replace": "3"}.get(do, "0")
        letter = Letter(
            sender,
            [to],
            number,
            str(asked.get("title", "V/v thử nghiệm")),
            _now(),
            answers=about if asked.get("about") else None,
            business=business,
            file=("phu-luc.xlsx", b"PK khong phai zip") if do == "bad_zip" else ("a.pdf", b"%PDF-"),
            packed=b"PK\x03\x04 hong" if do == "bad_zip" else None,
        )
        return self._put(models.DOCUMENT, sender, [to], letter.package())

    def date(self, doc_id: str, created: str) -> None:
        """Let a package have been listed at that time (`yyyy/MM/dd HH:mm:ss`); ``: as it was."""
        for item in self.items:
            if item.doc_id == doc_id and created:
                item.created = created

    def _received(self, said: Mapping[str, str], organs: Sequence[str], *, twice: bool) -> Answer:
        waiting = self._waiting(said.get("messagetype", ""), organs)
        first, last = (_period(said.get(name)) for name in ("fromDate", "toDate"))
        rows = [
            item.row()
            for item in waiting
            if (not first or first <= item.created) and (not last or item.created <= last)
        ]
        return _ok(data=rows * 2 if twice else rows)

    def _waiting(self, kind: str, organs: Sequence[str]) -> list[Listed]:
        """What is still to be taken by these."""
        return [
            item
            for item in self.items
            if item.to in organs and item.kind == kind and item.status not in ("done", "fail")
        ]

    def _sent(self, said: Mapping[str, str], organs: Sequence[str]) -> Answer:
        rows = [
            item.sent_row()
            for item in self.items
            if item.sender in organs
            and item.kind == said.get("messagetype")
            and said.get("docId", "") in ("", item.doc_id)
        ]
        return _ok(data=rows)

    def _find(self, said: Mapping[str, str], organs: Sequence[str]) -> Listed | None:
        for item in self.items:
            if item.doc_id == said.get("docId") and item.to in organs:
                return item
        return None

    def _update(self, said: Mapping[str, str], organs: Sequence[str]) -> Answer:
        """A package is acknowledged for all organisations of a system: the call names no other."""
        found = [i for i in self.items if i.doc_id == said.get("docId") and i.to in organs]
        if not found or said.get("status") not in ("processing", "done", "fail"):
            return _fail(BAD_FILE, "docId, status")
        for item in found:
            item.status, item.updated = said["status"], _now()
        return _ok()


def _names(system: Mapping[str, Any]) -> list[str]:
    """Every id that a system's organisations go by, old ones too."""
    return [*system["organs"], *system.get("old_ids", {}).values()]


def _period(text: str | None) -> str:
    """`dd/MM/yyyy HH:mm:ss` as the lists write a time; `` for what is not of that form."""
    try:
        moment = datetime.strptime(text or "", "%d/%m/%Y %H:%M:%S").replace(tzinfo=_VIETNAM)
    except ValueError:
        return ""
    return f"{moment:%Y/%m/%d %H:%M:%S}"


def _now() -> str:
    return f"{datetime.now(UTC).astimezone(_VIETNAM):%Y/%m/%d %H:%M:%S}"


def _said(status: str, code: str, text: str) -> dict[str, Any]:
    return {"status": status, "ErrorCode": code, "ErrorDesc": text}


def _ok(**fields: Any) -> Answer:
    return Answer(_said("OK", "0", "") | fields, taken=True)


def _fail(code: str, text: str) -> Answer:
    """A refusal; the reference client needs `DocId` even then."""
    return Answer(_said("FAIL", code, text) | {"DocId": "", "data": []}, taken=False)
