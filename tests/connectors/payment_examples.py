"""A payment gateway, a citizen and the hub's side of both, over real HTTP on one machine.

`Till` is a small hub: what the door accepts and what a delivery gives back is decoded, foreign
ids are resolved, what can be said once is said once, and reports are asked about.
"""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

import aiohttp
from msgspec import structs
from starlette.applications import Starlette
from yarl import URL

from hub.connector import Asked, Reply, Request
from hub.connectors.payment_gateway.client import PaymentClient
from hub.connectors.payment_gateway.decode import decode
from hub.connectors.payment_gateway.encode import encode
from hub.connectors.payment_gateway.endpoints import endpoints
from hub.connectors.payment_gateway.poll import PaymentPoller
from hub.connectors.payment_gateway.settings import PaymentGatewaySettings
from hub.connectors.payment_gateway.simulator import simulator
from hub.errors import DecodeError
from hub.event import Event, EventData
from hub.message import Message
from hub.schemas.dossier import KIND_OF_STATUS
from hub.schemas.payment import RefundRequested
from hub.simulation import CallLog, FaultScript, running
from hub.wire.dvcqg.canonical import read_dossier
from hub.wire.dvcqg.dates import VIETNAM
from hub.wire.dvcqg.models import WireDossier
from tests.connectors.ground import MemoryGround

CODE, UNIT = "H99.01-260105-0001", "H99.01"
INSTANCE = "payment_gateway"
SECRET = "khóa bí mật của đơn vị"
START = datetime(2026, 1, 5, 9, 30, tzinfo=VIETNAM)
PERSON = ("Nguyễn Văn Mẫu", "001099999999", "0900000000", SECRET)
"""What no exception text may hold."""

DOSSIER: dict[str, Any] = {
    "MaHoSo": CODE,
    "MaTTHC": "1.009999",
    "TenTTHC": "Thủ tục thử nghiệm",
    "ChuHoSo": "Nguyễn Văn Mẫu",
    "LoaiDoiTuong": "1",
    "DinhDanhCHS": [{"LoaiDinhDanh": "1", "SoDinhDanh": "001099999999"}],
    "SoDienThoai": "0900000000",
    "TrichYeuHoSo": "Hồ sơ thử",
    "NgayTiepNhan": "20260105083000",
    "TrangThaiHoSo": "6",
    "DonViXuLy": "Sở Thử nghiệm A",
    "DanhSachLePhi": [
        {"TenPhiLePhi": "Lệ phí thử", "MaPhiLePhi": "LP01", "Gia": "150000", "LoaiPhiLePhi": "2"}
    ],
}
TERMINAL = {"tmn_code": "DEMOTMN1", "hash_secret": SECRET}
PARTNER = {
    "partner_code": "DT001",
    "hash_secret": SECRET,
    "duplicate_codes": ["02"],
    "unknown_codes": ["11"],
    "beneficiaries": {"*": {"account": "1", "bank_code": "VCB", "account_name": "KHO BAC MAU"}},
}


def event_of(kind: str, data: EventData, source: str = "one_stop") -> Event:
    """An event as it stands on the bus."""
    return Event(
        kind=kind,
        source=f"/connectors/{source}/{UNIT}",
        subject=CODE,
        time=START,
        data=data,
        natural_key="example",
        id=str(uuid.uuid4()),
    )


def said_by(event: Event) -> Any:
    """What an event says, whatever its kind."""
    return event.data


def fee_due(*amounts: int, **fields: Any) -> Event:
    """A dossier whose fees are due; 150,000 VND if no amount is named."""
    fees = [{**DOSSIER["DanhSachLePhi"][0], "Gia": str(amount)} for amount in amounts]
    wire = DOSSIER | ({"DanhSachLePhi": fees} if fees else {}) | fields
    data = read_dossier(WireDossier.model_validate(wire), unit=UNIT, updating=None)
    return event_of(KIND_OF_STATUS[data.status], data)


def refund_of(reference: str, amount_vnd: int | None = None) -> Event:
    """A decision that money goes back."""
    data = RefundRequested(
        code=CODE, unit=UNIT, payment_id=reference, amount_vnd=amount_vnd, reason="Nộp thừa"
    )
    return event_of("payment.refund_requested", data)


def gateway_settings(profile: str, base: str, **changes: Any) -> PaymentGatewaySettings:
    """Settings of an instance whose gateway is at `base`; `vnpay` and `payplat` are merged."""
    vnpay = {
        "pay_url": f"{base}/paymentv2/vpcpay.html",
        "api_url": f"{base}/merchant_webapi/api/transaction",
        "return_url": f"{base}/payments/return",
    }
    payplat = {"init_url": f"{base}/init", "query_url": f"{base}/query", "bill_url": f"{base}/bill"}
    block: dict[str, Any] = {"profile": profile, "caller_ip": "10.0.0.5", **changes}
    if "settlement" in changes:
        address = {"file_url": f"{base}/settlement/{{day}}"}
        block["settlement"] = {**address, **changes["settlement"]}
    if profile == "vnpay":
        block["vnpay"] = {**vnpay, **TERMINAL, **changes.get("vnpay", {})}
    else:
        block["payplat"] = {**payplat, **PARTNER, **changes.get("payplat", {})}
    return PaymentGatewaySettings.model_validate(block)


def request_of(event: Event, settings: PaymentGatewaySettings) -> Request:
    """The event on its way out; the same event has the same operation key."""
    key = str(uuid.uuid5(uuid.NAMESPACE_OID, event.id))
    return Request(message=encode(event, settings), operation_key=key, event=event)


@dataclass
class Till:
    """A running gateway and a small hub around a client, a poller and a door.

    Attributes:
        now: the moment, for all of them.
        events: what was published, in order.
    """

    url: str
    hub_url: str
    log: CallLog
    settings: PaymentGatewaySettings
    ground: MemoryGround
    client: PaymentClient
    poller: PaymentPoller
    now: datetime = START
    events: list[Event] = field(default_factory=list)
    _said: set[tuple[str, str]] = field(default_factory=set)

    def later(self, seconds: float) -> None:
        """Time passes."""
        self.now += timedelta(seconds=seconds)

    async def send(self, event: Event, *, seconds: float = 5) -> Reply:
        """Deliver an event; nothing of the reply is taken up yet."""
        return await self.client.deliver(
            [request_of(event, self.settings)], timeout_seconds=seconds
        )

    async def ask(self, event: Event) -> Asked:
        """Ask whether a delivery of the event took effect."""
        return await self.client.ask(request_of(event, self.settings), timeout_seconds=5)

    async def deliver(self, event: Event) -> list[Event]:
        """Deliver an event and take up what it gave back; the new events."""
        return await self.take(await self.send(event))

    async def take(self, reply: Reply) -> list[Event]:
        """Store aliases, decode messages, as the hub does; the new events."""
        await self.ground.remember(reply.aliases)
        return await self.publish(reply.messages)

    async def publish(self, messages: Sequence[Message]) -> list[Event]:
        """Decode messages and publish what was not said before."""
        new = []
        for message in messages:
            for item in decode(message, self.settings):
                assert not isinstance(item, DecodeError), item
                found = await self._resolved(item)
                fact = (found.source, found.natural_key)
                if fact in self._said:
                    continue
                self._said.add(fact)
                new.append(found.identify(None))
        self.events += new
        return new

    async def _resolved(self, item: Event) -> Event:
        subject = item.subject
        if item.about is not None:
            alias = await self.ground.alias(*item.about)
            assert alias is not None
            subject = alias.subject
        await self.ground.remember([replace(a, subject=subject) for a in item.aliases])
        return structs.replace(item, subject=subject)

    async def hear(self) -> list[Event]:
        """Publish what the door has taken, and ask about each report; the new events."""
        messages, self.ground.messages = self.ground.messages, []
        new = await self.publish(messages)
        for event in list(new):
            if event.kind == "payment.reported":
                new += await self.deliver(event)
        return new

    async def look(self, cursor: str = "") -> tuple[list[Event], str]:
        """One look of the poller, acknowledged; new events and the cursor."""
        page = await self.poller.poll(cursor)
        new = await self.publish(page.messages)
        await self.poller.done(page)
        return new, page.cursor

    async def link(self, event: Event | None = None) -> Event:
        """The `payment.requested` of a fee that is due."""
        (requested,) = await self.deliver(event or fee_due())
        assert requested.kind == "payment.requested"
        return requested

    async def pay(self, link: Event, **said: Any) -> dict[str, Any]:
        """The citizen pays under a link; what `/_control/pay` tells."""
        body = {"pay_url": said_by(link).pay_url, **said}
        told: dict[str, Any] = await self.control("POST", "pay", body)
        return told

    async def control(self, method: str, path: str, body: Any = None) -> Any:
        """Tell the simulator something; its JSON answer, if it has one."""
        address = f"{self.url}/_control/{path}"
        async with (
            aiohttp.ClientSession() as http,
            http.request(method, address, json=body) as answer,
        ):
            return await answer.json() if answer.content_type == "application/json" else None

    async def play(self, *faults: dict[str, Any]) -> None:
        """Play these faults from now on."""
        await self.control("PUT", "faults", {"faults": faults})

    async def call(self, path: str, query: str = "", **options: Any) -> tuple[int, bytes]:
        """Call the hub's door: GET, or POST of `data`."""
        method = "POST" if "data" in options else "GET"
        url = URL(f"{self.hub_url}{path}?{query}", encoded=True)
        async with aiohttp.ClientSession() as http, http.request(method, url, **options) as answer:
            return answer.status, await answer.read()

    def kinds(self) -> list[str]:
        """Kinds of all events, in order."""
        return [event.kind.partition(".")[2] for event in self.events]

    def calls(self, operation: str) -> int:
        """How often an operation reached the gateway."""
        return sum(row["operation"] == operation for row in self.log.last())

    def facts(self, reference: str) -> dict[str, str]:
        """Facts of an order's alias."""
        return dict(self.ground.known[self.client.alias_kind, reference].facts)


@asynccontextmanager
async def till(profile: str = "vnpay", words: Any = None, **changes: Any) -> AsyncIterator[Till]:
    """A gateway and a hub on free ports, with these settings changed."""
    log = CallLog()
    holder: list[Till] = []
    ground = MemoryGround(clock=lambda: holder[0].now.timestamp() if holder else 0.0)
    door_settings = gateway_settings(profile, "http://127.0.0.1:9", **changes)
    door = Starlette(routes=list(endpoints(INSTANCE, door_settings, ground)))

    def now() -> datetime:
        return holder[0].now

    async with running(door) as hub_url:
        account = {"callback_url": f"{hub_url}/payments/callback", "secret": SECRET, "words": words}
        app = simulator(FaultScript(), log, profile=profile, account=account, clock=now)
        async with running(app) as url:
            vnpay = {"return_url": f"{hub_url}/payments/return"} | changes.get("vnpay", {})
            changes = changes | ({"vnpay": vnpay} if profile == "vnpay" else {})
            settings = gateway_settings(profile, url, **changes)
            client = PaymentClient(INSTANCE, settings, ground, clock=now)
            poller = PaymentPoller(INSTANCE, settings, ground, clock=now)
            holder.append(Till(url, hub_url, log, settings, ground, client, poller))
            try:
                yield holder[0]
            finally:
                await client.close()
                await poller.close()
