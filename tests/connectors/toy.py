"""A complete connector in a few lines a file, written into a folder of a test.

Its wire form is `CODE|STATUS|UNIT` in UTF-8: dossier code, status 1 to 10, organisation id.
"""

from __future__ import annotations

import hashlib
import json
import uuid
from pathlib import Path

from hub.message import HUB_NAMESPACE

UNIT = "H99.01"
STATUSES = {
    "1": ("dossier.submitted", "new"),
    "2": ("dossier.received", "received"),
    "3": ("dossier.refused", "refused"),
    "4": ("dossier.progressed", "processing"),
    "5": ("dossier.supplement_requested", "supplement"),
    "7": ("dossier.withdrawn", "withdrawn"),
    "9": ("dossier.finished", "done"),
    "10": ("dossier.returned", "returned"),
}

FILES = {
    "__init__.py": '''
"""A toy: `CODE|STATUS|UNIT` over HTTP."""

from hub.connector import Connector, Operation, Repetition
from hub.connectors.toy.client import ToyClient
from hub.connectors.toy.decode import decode, message, order_key
from hub.connectors.toy.encode import encode
from hub.connectors.toy.settings import ToySettings
from hub.connectors.toy.simulator import simulator

CONNECTOR = Connector(
    kind="toy",
    title_vi="Đồ chơi",
    title_en="Toy",
    settings=ToySettings,
    operations={"push": Operation("push", Repetition.HARMLESS)},
    forms=("line",),
    decode=decode,
    order_key=order_key,
    message=message,
    encode=encode,
    client=ToyClient,
    simulator=simulator,
)
''',
    "settings.py": '''
"""Settings of the toy."""

from pydantic import Field, SecretStr

from hub.connector import ConnectorSettings


class ToySettings(ConnectorSettings):
    """Where the toy is."""

    base_url: str = Field(description="Address of the toy.")
    token: SecretStr = Field(description="What it asks for; by reference only.")
    reply_bytes: int = Field(1000, ge=1, description="Longest reply that is read.")
''',
    "wire.py": '''
"""The toy's line and its statuses."""

STATUSES = {
    "1": "new", "2": "received", "3": "refused", "4": "processing", "5": "supplement",
    "7": "withdrawn", "9": "done", "10": "returned",
}


def fields_of(body: bytes) -> list[str]:
    """The three fields of a line; fewer or more if it is none.

    Raises:
        UnicodeDecodeError: not UTF-8.
    """
    return body.decode().rstrip("\\n").split("|")
''',
    "decode.py": '''
"""Lines of the toy -> dossier events; pure."""

import hashlib
import uuid
from collections.abc import Sequence
from datetime import UTC, datetime

from hub.connectors.toy.settings import ToySettings
from hub.connectors.toy.wire import STATUSES, fields_of
from hub.errors import DecodeError
from hub.event import Event
from hub.message import HUB_NAMESPACE, Message
from hub.schemas.dossier import KIND_OF_STATUS, DossierEvent, DossierStatus

EPOCH = datetime.fromtimestamp(0, UTC)


def message(body: bytes, form: str) -> Message:
    """The Message of a line; the same bytes give the same Message."""
    own = str(uuid.uuid5(HUB_NAMESPACE, body.hex()))
    return Message("toy", "push", body, headers={"form": form}, id=own, received_at=EPOCH)


def order_key(message: Message) -> str:
    """The dossier code; the instance's name where there is none."""
    return message.body.partition(b"|")[0].decode(errors="replace") or message.connector


def decode(message: Message, settings: ToySettings) -> Sequence[Event | DecodeError]:
    """The one event of a line.

    Raises:
        DecodeError: not UTF-8, not three fields, or an unknown status.
    """
    try:
        fields = fields_of(message.body)
    except UnicodeDecodeError:
        raise DecodeError("not UTF-8") from None
    if len(fields) != 3 or not fields[0]:
        raise DecodeError("not three fields")
    code, status, unit = fields
    if status not in STATUSES:
        raise DecodeError("unknown status", path="/1")
    known = DossierStatus(STATUSES[status])
    data = DossierEvent(code=code, unit=unit, status=known, status_code=status)
    return [
        Event(
            kind=KIND_OF_STATUS[known],
            source=f"/connectors/{message.connector}/{unit}",
            subject=code,
            time=message.received_at,
            data=data,
            natural_key="push:" + hashlib.sha256(message.body).hexdigest(),
        )
    ]
''',
    "encode.py": '''
"""Dossier events -> lines of the toy; pure."""

from hub.connectors.toy.settings import ToySettings
from hub.connectors.toy.wire import STATUSES
from hub.errors import EncodeError
from hub.event import Event
from hub.message import Message
from hub.schemas.dossier import DossierEvent

CODES = {status: code for code, status in STATUSES.items()}


def encode(event: Event, settings: ToySettings) -> Message:
    """The line of an event.

    Raises:
        EncodeError: not about a dossier, or in a status that a toy does not know.
    """
    data = event.data
    if not isinstance(data, DossierEvent) or data.status not in CODES:
        raise EncodeError("a toy cannot say it", path="/status")
    body = f"{data.code}|{CODES[data.status]}|{data.unit}".encode()
    return Message(
        "toy", "push", body, event.subject, id=event.id, received_at=event.time,
        content_type="text/plain",
    )
''',
    "client.py": '''
"""The outgoing side of the toy."""

from collections.abc import Mapping, Sequence
from typing import Any

from hub import http
from hub.connector import Answer, Asked, Ground, Reply, Request
from hub.connectors.toy.settings import ToySettings
from hub.errors import Rejected, UnknownOutcome


class ToyClient:
    """Sends one line a call."""

    def __init__(self, name: str, settings: ToySettings, ground: Ground) -> None:
        self._settings = settings

    async def deliver(self, requests: Sequence[Request], *, timeout_seconds: float) -> Reply:
        (request,) = requests
        async with http.outgoing_session(connections_count=1) as session:
            reply = await http.post(
                session,
                self._settings.base_url,
                body=request.message.body,
                headers={"X-Operation-Key": request.operation_key},
                limits=http.CallLimits(timeout_seconds, self._settings.reply_bytes),
            )
        if reply.status == 400:
            raise Rejected("the toy refused", foreign_code="400")
        http.check_status(reply)
        if reply.status != 204:
            raise UnknownOutcome("the answer is not the toy's")
        return Reply()

    async def ask(self, request: Request, *, timeout_seconds: float) -> Asked:
        return Asked(Answer.UNKNOWN)

    async def query(self, operation: str, unit: str, body: Mapping[str, Any]) -> Mapping[str, Any]:
        raise Rejected("a toy answers no questions")

    async def probe(self) -> str:
        return "a toy is always there"

    async def close(self) -> None:
        return None
''',
    "simulator.py": '''
"""The toy, simulated."""

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from hub.connectors.toy.wire import fields_of
from hub.simulation import Answer, Call, CallLog, FaultScript, Inner, Item, Simulation


class Lines:
    """What a toy holds: the lines that it took."""

    def __init__(self) -> None:
        self.taken: list[bytes] = []

    def take(self, body: bytes, inner: Inner | None) -> Answer:
        """Takes every line of three fields; `inner` is a fault that only a toy can play."""
        if inner is not None or len(fields_of(body)) != 3:
            return Answer(b"", taken=False, status=400)
        self.taken.append(body)
        return Answer(b"", taken=True, status=204)

    def state(self) -> dict[str, int]:
        return {"lines": len(self.taken)}

    def reset(self) -> None:
        self.taken.clear()


def simulator(faults: FaultScript, log: CallLog) -> Starlette:
    """The toy as an application."""
    lines = Lines()
    simulation = Simulation("toy", faults, log, subsystem=lines)

    async def push(request: Request) -> Response:
        body = await request.body()
        key = request.headers.get("X-Operation-Key", "")
        call = Call("push", [Item(id=key, subject=fields_of(body)[0], body=body)])
        return await simulation.perform(call, lambda inner: lines.take(body, inner))

    return Starlette(
        routes=[Route("/", push, methods=["POST"]), *simulation.control_routes()]
    )
''',
    "README.md": """
# Toy (Đồ chơi)

One form, `line`: `CODE|STATUS|UNIT`. One operation, `push`.
""",
}

SETTINGS = """
base_url: http://127.0.0.1:9
token: invented
"""


def line_of(code: str, status: str) -> str:
    """The toy's line."""
    return f"{code}|{status}|{UNIT}"


def event_of(code: str, status: str) -> dict[str, object]:
    """The structured CloudEvent of a line, made without the toy's own code."""
    kind, name = STATUSES[status]
    body = line_of(code, status)
    source, key = f"/connectors/toy/{UNIT}", "push:" + hashlib.sha256(body.encode()).hexdigest()
    return {
        "specversion": "1.0",
        "id": str(uuid.uuid5(HUB_NAMESPACE, f"{source} {key}  0")),
        "type": kind,
        "source": source,
        "subject": code,
        "time": "1970-01-01T00:00:00+00:00",
        "naturalkey": key,
        "datacontenttype": "application/json",
        "data": {"code": code, "unit": UNIT, "status": name, "status_code": status},
    }


def write(parent: Path) -> Path:
    """Write the toy's folder below `parent`; its path."""
    folder = parent / "toy"
    samples = folder / "samples"
    samples.mkdir(parents=True)
    (samples / "settings.yaml").write_text(SETTINGS)
    for direction in ("in", "out"):
        (samples / direction / "line").mkdir(parents=True)
    for name, text in FILES.items():
        (folder / name).write_text(text.lstrip("\n"), encoding="utf-8")
    for number, status in enumerate(STATUSES):
        code = f"{UNIT}-260105-{number:04d}"
        body = line_of(code, status)
        event = json.dumps(event_of(code, status))
        (samples / "in" / "line" / f"status_{status}.txt").write_text(body)
        (samples / "in" / "line" / f"status_{status}.events.jsonl").write_text(event + "\n")
        (samples / "out" / "line" / f"status_{status}.txt").write_text(body)
        (samples / "out" / "line" / f"status_{status}.event.json").write_text(event)
    return folder
