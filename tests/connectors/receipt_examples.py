"""Payments and decisions about receipts, a running receipt system, and the hub's client of it."""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import aiohttp
import pytest
import yaml

from hub.connector import Asked, Reply, Request
from hub.connectors.e_receipt.client import ReceiptClient
from hub.connectors.e_receipt.decode import decode
from hub.connectors.e_receipt.encode import encode
from hub.connectors.e_receipt.settings import EReceiptSettings
from hub.connectors.e_receipt.simulator import simulator
from hub.errors import HubError
from hub.event import KINDS, Event
from hub.simulation import CallLog, FaultScript, running
from hub.wire.dvcqg.dates import VIETNAM
from tests.connectors.ground import MemoryGround
from tests.rules.tree import ROOT

CODE = "H99.01-260105-0001"
ACCOUNT = {
    "account": "can-bo-thu",
    "account_password": "mat-khau-can-bo",
    "username": "dich-vu-thu",
    "password": "mat-khau-dich-vu",
}
SECRETS = ("Nguyễn Văn Mẫu", "mat-khau-can-bo", "mat-khau-dich-vu", "can-bo-thu")
"""What no exception text may hold."""
LINK = "http://127.0.0.1/tra-cuu/"


def settings(**changes: Any) -> EReceiptSettings:
    """The settings of the samples with one collector, changed."""
    file = ROOT / "hub/connectors/e_receipt/samples/settings.yaml"
    block = yaml.safe_load(file.read_text(encoding="utf-8"))
    del block["collectors"]["H99.02.03"]
    block["collectors"]["H99.01"] |= changes.pop("collector", {})
    return EReceiptSettings.model_validate({**block, **changes})


def event(kind: str, **fields: Any) -> Event:
    """An event with these data about the example's dossier."""
    told = {"code": CODE, "unit": "H99.01", "payment_id": "P1", **fields}
    return Event(
        kind=kind,
        source="/connectors/payment_gateway/H99.01",
        subject=CODE,
        time=datetime(2026, 1, 6, 8, tzinfo=VIETNAM),
        data=KINDS[kind].model_validate(told),
        natural_key="example",
        id=str(uuid.uuid4()),
    )


def paid(**fields: Any) -> Event:
    """A confirmed payment."""
    told: dict[str, Any] = {
        "profile": "vnpay",
        "amount_vnd": 35000,
        "paid_at": "2026-01-05T15:00:00+07:00",
        "purpose": "Lệ phí thử nghiệm",
        "payer": {"name": "Nguyễn Văn Mẫu"},
        "fees": [{"name": "Lệ phí thử nghiệm", "type_code": "2", "amount_vnd": 35000}],
    }
    return event("payment.confirmed", **{**told, **fields})


def void(**fields: Any) -> Event:
    """A decision to cancel."""
    return event("receipt.cancel_requested", reason="Thu nhầm", **fields)


def replaced(**fields: Any) -> Event:
    """A decision to replace."""
    told = {"amount_vnd": 25000, "reason": "Sai số tiền", "payer": {"name": "Trần Thị Mẫu"}}
    return event("receipt.replace_requested", **{**told, **fields})


@dataclass
class System:
    """A running receipt system, its log, and the hub's client of it."""

    url: str
    log: CallLog
    settings: EReceiptSettings
    client: ReceiptClient

    def request(self, event: Event) -> Request:
        """The event on its way out."""
        key = str(uuid.uuid5(uuid.NAMESPACE_OID, event.id))
        return Request(encode(event, self.settings), key, event)

    async def deliver(self, event: Event, seconds: float = 5) -> Reply:
        """Deliver one event."""
        return await self.client.deliver([self.request(event)], timeout_seconds=seconds)

    async def ask(self, event: Event) -> Asked:
        """Ask about one event."""
        return await self.client.ask(self.request(event), timeout_seconds=5)

    def told(self, reply: Reply) -> Event:
        """The event of a reply."""
        (message,) = reply.messages
        (item,) = decode(message, self.settings)
        assert isinstance(item, Event)
        return item

    async def play(self, *faults: dict[str, Any]) -> None:
        """Play these faults from now on."""
        address = f"{self.url}/_control/faults"
        async with (
            aiohttp.ClientSession() as http,
            http.put(address, json={"faults": faults}) as answer,
        ):
            assert answer.status == 200, await answer.text()

    async def receipts(self) -> Any:
        """All receipts by key."""
        address = f"{self.url}/_control/receipts"
        async with aiohttp.ClientSession() as http, http.get(address) as answer:
            return await answer.json()

    def calls(self) -> list[str]:
        """What was called, in order."""
        return [row["operation"] for row in self.log.last()]


@asynccontextmanager
async def receipts(numbers_count: int = 100, **changes: Any) -> AsyncIterator[System]:
    """A receipt system served on a free port, and a client with these settings changed."""
    log = CallLog()
    app = simulator(FaultScript(), log, account=ACCOUNT, numbers_count=numbers_count)
    async with running(app) as url:
        block = settings(**{"base_url": url, **changes})
        client = ReceiptClient("e_receipt", block, MemoryGround())
        try:
            yield System(url, log, block, client)
        finally:
            await client.close()


async def failed(system: System, error: type[HubError], event: Event, **more: Any) -> Any:
    """The error of delivering an event; it tells nothing personal."""
    with pytest.raises(error) as caught:
        await system.deliver(event, **more)
    assert type(caught.value) is error
    text = f"{caught.value} {caught.value.__cause__}"
    assert not [secret for secret in SECRETS if secret in text]
    return caught.value
