"""Documents, certificates and a running axis for the tests of the document exchange."""

from __future__ import annotations

import base64
import uuid
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import cache
from typing import Any

import aiohttp
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
)
from cryptography.x509.oid import NameOID

from hub.connector import Reply, Request
from hub.connectors.document_exchange.client import AxisClient
from hub.connectors.document_exchange.decode import decode
from hub.connectors.document_exchange.encode import encode
from hub.connectors.document_exchange.poll import AxisPoller
from hub.connectors.document_exchange.settings import DocumentExchangeSettings
from hub.connectors.document_exchange.simulator import simulator
from hub.event import Event
from hub.message import Message
from hub.schemas.document import (
    Document,
    DocumentEvent,
    DocumentFile,
    DocumentLink,
    Handling,
    HandlingEvent,
    Organisation,
    Signer,
)
from hub.simulation import CallLog, FaultScript, running
from hub.wire.edxml.dates import VIETNAM
from tests.connectors.ground import MemoryGround

OURS, THEIRS = "H99.01", "H99.02"
CODE = "H99.01-260105-0001"
SECRET = "bi-mat-cua-he-thong"
SYSTEMS = {
    "vxp.saas.01": {"secret": SECRET, "organs": [OURS]},
    "vxp.saas.02": {"secret": "bi-mat-khac", "organs": [THEIRS, "H99.04"]},
}
PDF = b"%PDF-1.4\n% van ban thu nghiem\n%%EOF\n"
SHEET = b"gia lap mot bang tinh"
AT = datetime(2026, 1, 5, 9, 30, tzinfo=VIETNAM)
SECRETS = (SECRET, "Nguyễn Văn Mẫu", "lấy ý kiến", "Từ chối theo kịch bản")
"""What no exception text may hold."""


def exchange_settings(base_url: str = "http://truc.invalid", **changes: Any) -> Any:
    """Settings of our side."""
    return DocumentExchangeSettings.model_validate(
        {
            "base_url": base_url,
            "system_id": "vxp.saas.01",
            "secret": SECRET,
            "units": [OURS],
            **changes,
        }
    )


def document(**fields: Any) -> Document:
    """A letter from us to them, with these fields changed."""
    return Document(
        **{
            "sender": Organisation(id=OURS, name="Sở Thử nghiệm A"),
            "receivers": (Organisation(id=THEIRS, name="Sở Thử nghiệm B"),),
            "number": "12",
            "notation": "STN-VP",
            "place": "Tỉnh Mẫu",
            "promulgated_on": date(2026, 1, 5),
            "type_code": "1",
            "type_name": "Công văn",
            "subject": f"V/v lấy ý kiến hồ sơ {CODE}",
            "signer": Signer(name="Nguyễn Văn Mẫu", position="Phó Giám đốc"),
            **fields,
        }
    )


def issued(subject: str = CODE, letter: Document | None = None, **fields: Any) -> Event:
    """The event of a letter that leaves our office."""
    said = {"dossier_code": subject, "document": letter or document(), **fields}
    return event("document.issued", subject, DocumentEvent(unit=OURS, **said))


def handled(status: Handling, answers: DocumentLink, **fields: Any) -> Event:
    """The event of how far our office is."""
    reporter = Organisation(id=OURS, name="Sở Thử nghiệm A")
    said = {"answers": answers, "status": status, "at": AT, "description": "ghi chú"}
    said |= {"reporter": reporter, **fields}
    return event("document.handled", CODE, HandlingEvent(unit=OURS, **said))


def event(kind: str, subject: str, data: Any) -> Event:
    """An event of the document office."""
    return Event(
        kind=kind,
        source=f"/connectors/document_office/{OURS}",
        subject=subject,
        time=AT,
        data=data,
        natural_key="example",
        id=str(uuid.uuid4()),
    )


def request(told: Event, settings: DocumentExchangeSettings) -> Request:
    """The event on its way out."""
    key = str(uuid.uuid5(uuid.NAMESPACE_OID, told.id))
    return Request(message=encode(told, settings), operation_key=key, event=told)


async def kept(ground: MemoryGround, *contents: tuple[str, bytes]) -> tuple[DocumentFile, ...]:
    """Files whose bytes are in the blob store."""
    return tuple(
        [
            DocumentFile(id=str(n + 1), name=name, reference=await ground.keep(body, "x/y"))
            for n, (name, body) in enumerate(contents)
        ]
    )


@dataclass(frozen=True)
class Identity:
    """A key and its certificate."""

    key: Any
    certificate: x509.Certificate

    @property
    def pem(self) -> str:
        """The certificate."""
        return self.certificate.public_bytes(Encoding.PEM).decode()

    @property
    def key_pem(self) -> str:
        """The private key."""
        form = PrivateFormat.PKCS8
        text: bytes = self.key.private_bytes(Encoding.PEM, form, NoEncryption())
        return text.decode()


@cache
def identity(name: str, issuer: str = "", *, until: datetime | None = None) -> Identity:
    """An invented holder; the same name gives the same key."""
    key = ec.generate_private_key(ec.SECP256R1())
    above = identity(issuer) if issuer else None
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    end = until or datetime.now(UTC) + timedelta(days=30)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(above.certificate.subject if above else subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(datetime(2025, 1, 1, tzinfo=UTC))
        .not_valid_after(end)
        .add_extension(x509.BasicConstraints(ca=not issuer, path_length=None), critical=True)
        .sign(above.key if above else key, hashes.SHA256())
    )
    return Identity(key, certificate)


@dataclass
class Axis:
    """A running simulated axis, our client and poller, and theirs."""

    url: str
    log: CallLog
    settings: DocumentExchangeSettings
    ground: MemoryGround
    client: AxisClient
    poller: AxisPoller

    async def deliver(self, told: Event, seconds: float = 5) -> Reply:
        """Deliver an event."""
        sent = request(told, self.settings)
        return await self.client.deliver([sent], timeout_seconds=seconds)

    async def take(self) -> list[Any]:
        """Look, acknowledge, and decode what came."""
        page = await self.poller.poll("")
        events = [each for message in page.messages for each in self.decoded(message)]
        await self.poller.done(page)
        return events

    def decoded(self, message: Message) -> list[Any]:
        """The events of a message."""
        return [each for each in decode(message, self.settings) if isinstance(each, Event)]

    async def play(self, *faults: dict[str, Any]) -> None:
        """Play these faults from now on."""
        await self._call("PUT", "faults", {"faults": faults})

    async def act(self, **asked: Any) -> str:
        """Let a partner do something; its docId."""
        return str(
            (await self._call("POST", "act", {"from": THEIRS, "to": OURS, **asked}))["docId"]
        )

    async def bring(self, package: bytes, kind: str = "edoc") -> str:
        """List these bytes as a package for us."""
        return await self.act(do="raw", edxml=base64.b64encode(package).decode(), type=kind)

    async def auto(self, *how: Mapping[str, Any]) -> None:
        """Let partners answer by themselves."""
        await self._call("PUT", "auto", list(how))

    async def state(self) -> Any:
        """What the axis holds."""
        return await self._call("GET", "state", None)

    async def _call(self, method: str, path: str, body: Any) -> Any:
        address = f"{self.url}/_control/{path}"
        async with (
            aiohttp.ClientSession() as http,
            http.request(method, address, json=body) as answer,
        ):
            assert answer.status in (200, 204), await answer.text()
            return await answer.json() if answer.status == 200 else None

    def operations(self) -> list[str]:
        """The operations called so far, in order."""
        return [row["operation"] for row in self.log.last()]


@asynccontextmanager
async def axis(
    *, simulated: Mapping[str, Any] | None = None, **changes: Any
) -> AsyncIterator[Axis]:
    """An axis served on a free port, and our side with these settings changed."""
    log, ground = CallLog(), MemoryGround()
    app = simulator(FaultScript(), log, **{"systems": SYSTEMS, **(simulated or {})})
    async with running(app) as url:
        settings = exchange_settings(**{"base_url": url, **changes})
        client = AxisClient("document_exchange", settings, ground)
        poller = AxisPoller("document_exchange", settings, ground)
        try:
            yield Axis(url, log, settings, ground, client, poller)
        finally:
            await client.close()
            await poller.close()
