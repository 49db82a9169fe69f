"""Dossier events and a running portal for the tests of the national portal's connector."""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import aiohttp

from hub.connector import Request
from hub.connectors.national_portal.client import PortalClient
from hub.connectors.national_portal.encode import encode
from hub.connectors.national_portal.settings import NationalPortalSettings
from hub.connectors.national_portal.simulator import simulator
from hub.event import Event
from hub.schemas.dossier import KIND_OF_STATUS
from hub.simulation import CallLog, FaultScript, running
from hub.wire.dvcqg.canonical import read_dossier, read_progress
from hub.wire.dvcqg.dates import VIETNAM
from hub.wire.dvcqg.models import WireDossier, WireProgress
from tests.connectors.ground import MemoryGround

UNIT = "H99.01"
CODE = "H99.01-260105-0001"
PASSWORD = "mat-khau-cua-don-vi"
DSTCODE = "VN:GOV:000.00.00.G22:dvcqg"
ACCOUNTS = {
    UNIT: {"username": "tk.h99.01", "password": PASSWORD},
    "H99.02": {"username": "tk.h99.02", "password": PASSWORD},
}
DOSSIER: dict[str, Any] = {
    "MaHoSo": CODE,
    "MaTTHC": "1.009999",
    "TenTTHC": "Thủ tục thử nghiệm",
    "MaLinhVuc": "LV01",
    "TenLinhVuc": "Lĩnh vực thử",
    "KenhThucHien": "2",
    "ChuHoSo": "Nguyễn Văn Mẫu",
    "SoGiayToChuHoSo": "001099999999",
    "LoaiDoiTuong": "1",
    "DinhDanhCHS": [{"LoaiDinhDanh": "1", "SoDinhDanh": "001099999999"}],
    "Email": "",
    "SoDienThoai": "0900000000",
    "TrichYeuHoSo": "Hồ sơ thử #1",
    "NgayNopHoSo": "20260105081500",
    "NgayTiepNhan": "20260105093000",
    "NgayHenTra": "20260108093000",
    "TrangThaiHoSo": "2",
    "HinhThuc": "1",
    "DonViXuLy": "Sở Thử nghiệm A",
    "NoiNopHoSo": "2",
    "HoSoCoThanhPhanSoHoa": "1",
    "TaiKhoanDuocXacThucVoiVNeID": "1",
    "DuocThanhToanTrucTuyen": "0",
}
PROGRESS: dict[str, Any] = {
    "MaHoSo": CODE,
    "NguoiXuLy": "Trần Thị Mẫu",
    "ThoiDiemXuLy": "20260105100000",
    "NoiDungXuLy": "Thẩm định #2",
    "TrangThai": "4",
}
SECRETS = (PASSWORD, "Nguyễn Văn Mẫu", "001099999999", "0900000000", "Trần Thị Mẫu", "tk.h99.01")
"""What no exception text may hold."""


def dossier_event(unit: str = UNIT, **fields: Any) -> Event:
    """An event that carries the whole dossier, with these wire fields changed."""
    data = read_dossier(WireDossier.model_validate(DOSSIER | fields), unit=unit, updating=None)
    return _event(data, unit)


def step_event(unit: str = UNIT, **fields: Any) -> Event:
    """An event that carries one step, with these wire fields changed."""
    return _event(read_progress(WireProgress.model_validate(PROGRESS | fields), unit=unit), unit)


def _event(data: Any, unit: str) -> Event:
    return Event(
        kind=KIND_OF_STATUS[data.status],
        source=f"/connectors/one_stop/{unit}",
        subject=data.code,
        time=datetime(2026, 1, 5, 9, 30, tzinfo=VIETNAM),
        data=data,
        natural_key="example",
        id=str(uuid.uuid4()),
    )


def request(event: Event, settings: NationalPortalSettings) -> Request:
    """The event on its way out."""
    key = str(uuid.uuid5(uuid.NAMESPACE_OID, event.id))
    return Request(message=encode(event, settings), operation_key=key, event=event)


def portal_settings(base_url: str, **changes: Any) -> NationalPortalSettings:
    """Settings for a simulated portal."""
    return NationalPortalSettings.model_validate(
        {
            "base_url": base_url,
            "auth_path": "/auth",
            "integration_path": "/integration",
            "share_path": "/share",
            "dstcode": DSTCODE,
            "accounts": ACCOUNTS,
            **changes,
        }
    )


@dataclass
class Portal:
    """A running simulated portal, its log, and a client of it."""

    url: str
    log: CallLog
    settings: NationalPortalSettings
    client: PortalClient

    async def deliver(self, *events: Event, seconds: float = 5) -> str:
        """Deliver events in one call; the portal's code."""
        requests = [request(event, self.settings) for event in events]
        reply = await self.client.deliver(requests, timeout_seconds=seconds)
        return reply.foreign_code

    async def play(self, *faults: dict[str, Any]) -> None:
        """Play these faults from now on."""
        address = f"{self.url}/_control/faults"
        async with (
            aiohttp.ClientSession() as http,
            http.put(address, json={"faults": faults}) as answer,
        ):
            assert answer.status == 200, await answer.text()

    async def look(self, path: str) -> Any:
        """What `/_control` says."""
        address = f"{self.url}/_control/{path}"
        async with aiohttp.ClientSession() as http, http.get(address) as answer:
            return await answer.json()

    def operations(self, *, taken: bool | None = None) -> list[str]:
        """The operations called so far, in order."""
        return [row["operation"] for row in self.log.last() if taken in (None, row["ok"])]


@asynccontextmanager
async def portal(**changes: Any) -> AsyncIterator[Portal]:
    """A portal served on a free port, and a client with these settings changed."""
    log = CallLog()
    async with running(simulator(FaultScript(), log, accounts=ACCOUNTS)) as url:
        settings = portal_settings(**{"base_url": url, **changes})
        client = PortalClient("national_portal", settings, MemoryGround())
        try:
            yield Portal(url, log, settings, client)
        finally:
            await client.close()
