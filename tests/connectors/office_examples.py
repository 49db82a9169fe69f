"""Drafts, a running document office, and the hub's client and poller of it, for the tests."""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from io import BytesIO
from typing import Any

import aiohttp
import orjson

from hub.connector import Page, Reply, Request
from hub.connectors.document_office.client import OfficeClient
from hub.connectors.document_office.decode import decode
from hub.connectors.document_office.encode import encode
from hub.connectors.document_office.poll import OfficePoller
from hub.connectors.document_office.settings import DocumentOfficeSettings
from hub.connectors.document_office.simulator import simulator
from hub.errors import DecodeError
from hub.event import Event
from hub.schemas.document import Document, DocumentFile, OfficeEvent, Organisation, Person
from hub.simulation import CallLog, FaultScript, running
from hub.wire.clock_texts import VIETNAM
from tests.connectors.ground import MemoryGround

UNIT = "000.15.28.H22"
CODE = f"{UNIT}-260105-0007"
ECHO = '{"LaHoSoLienThong": false, "DuThaoId": "771", "khoảng":  " "}'
NOTICED = "301"
DRAFT_FILE = b"PK du thao"
SECRETS = ("Nguyễn Văn Mẫu", "001099999999", "0900000000", "mat-khau", "Trần Thị Thử")
"""What no error may hold."""

DRAFT = OfficeEvent(
    unit=UNIT,
    unit_name="UBND phường Phúc Lợi",
    dossier_code=CODE,
    dossier_id="9001",
    dossier_name="Hồ sơ của Nguyễn Văn Mẫu",
    procedure_name="Thủ tục thử nghiệm",
    document=Document(sender=Organisation(id=UNIT), type_name="Công văn", subject="Về việc mẫu"),
    applicant=Person(name="Nguyễn Văn Mẫu", id_number="001099999999", phone="0900000000"),
    signer=Person(name="Trần Thị Thử", account="thutt", id="31"),
    presenter=Person(name="Lê Văn Thử"),
    echo=ECHO,
    callback_url="http://motcua.vidu.vn/api",
    linked_kind="0",
    due_at=datetime(2026, 1, 8, 17, tzinfo=VIETNAM),
)


def submitted(data: OfficeEvent = DRAFT, **changes: Any) -> Event:
    """The event of a draft, with these fields changed."""
    return Event(
        kind="document.submitted",
        source=f"/connectors/one_stop/{UNIT}",
        subject=CODE,
        time=datetime(2026, 1, 5, 9, tzinfo=VIETNAM),
        data=data.model_copy(update=changes),
        natural_key="example",
        id=str(uuid.uuid4()),
    )


def office_settings(base_url: str = "http://127.0.0.1:1", **changes: Any) -> DocumentOfficeSettings:
    """Settings for a simulated office."""
    return DocumentOfficeSettings.model_validate(
        {
            "base_url": base_url,
            "username": "hub",
            "password": "mat-khau",
            "parent_unit": "H22",
            **changes,
        }
    )


@dataclass
class Desk:
    """A running office, its log, and the hub's client and poller of it."""

    url: str
    log: CallLog
    ground: MemoryGround
    settings: DocumentOfficeSettings
    client: OfficeClient
    poller: OfficePoller

    def request(self, event: Event) -> Request:
        """The event on its way out."""
        key = str(uuid.uuid5(uuid.NAMESPACE_OID, event.id))
        return Request(message=encode(event, self.settings), operation_key=key, event=event)

    async def deliver(self, event: Event, *, seconds: float = 5) -> Reply:
        """Deliver a draft."""
        return await self.client.deliver([self.request(event)], timeout_seconds=seconds)

    async def draft_with_file(self, content: bytes = DRAFT_FILE) -> Event:
        """A draft whose file stands in the blob store."""
        reference = await self.ground.keep(content, "application/octet-stream")
        file = DocumentFile(
            id="1", name="du-thao.docx", reference=reference, size_bytes=10, sha256="a" * 64
        )
        assert DRAFT.document is not None
        return submitted(document=DRAFT.document.model_copy(update={"files": (file,)}))

    async def decide(self, result: str, **told: Any) -> str:
        """Let the office decide; the code of the package."""
        answer = await self._call("POST", "decide", {"MaHoSo": CODE, "LoaiKetQua": result, **told})
        return str(answer["data"])

    async def look(self, cursor: str = "", *, acknowledge: bool = True) -> Page:
        """One look of the poller, acknowledged if wanted."""
        page = await self.poller.poll(cursor)
        if acknowledge:
            await self.poller.done(page)
        return page

    def events(self, page: Page) -> list[Event]:
        """What a worker makes of a page."""
        found = [each for message in page.messages for each in decode(message, self.settings)]
        return [self._event(each) for each in found]

    async def play(self, *faults: dict[str, Any]) -> None:
        """Play these faults from now on."""
        await self._call("PUT", "faults", {"faults": faults})

    async def state(self) -> Any:
        """What the office holds."""
        return await self._call("GET", "state")

    async def drafts(self) -> Any:
        """Every draft of the dossier as it came."""
        return await self._call("GET", f"drafts/{CODE}")

    def calls(self, operation: str) -> int:
        """How often something was asked."""
        return sum(row["operation"] == operation for row in self.log.last())

    @staticmethod
    def _event(item: Event | DecodeError) -> Event:
        assert isinstance(item, Event)
        return item

    async def _call(self, method: str, path: str, body: Any = None) -> Any:
        told = BytesIO(orjson.dumps(body))
        async with (
            aiohttp.ClientSession() as http,
            http.request(method, f"{self.url}/_control/{path}", data=told) as answer,
        ):
            assert answer.status < 400, await answer.text()
            return await answer.json()


@asynccontextmanager
async def office(
    *, notices: bool = True, bare: bool = False, **changes: Any
) -> AsyncIterator[Desk]:
    """An office on a free port; a client and a poller with these settings changed."""
    log, ground = CallLog(), MemoryGround()
    app = simulator(
        FaultScript(), log, account="hub:mat-khau", manners={"notices": notices, "bare": bare}
    )
    async with running(app) as url:
        settings = office_settings(**{"base_url": url, **changes})
        client = OfficeClient("document_office", settings, ground)
        poller = OfficePoller("document_office", settings, ground)
        try:
            yield Desk(url, log, ground, settings, client, poller)
        finally:
            await client.close()
            await poller.close()
