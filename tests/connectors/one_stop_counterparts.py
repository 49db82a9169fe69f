"""A one-stop instance, its product and the hub's ground, for the tests of its counterparts."""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import Any

import aiohttp
from starlette.applications import Starlette
from starlette.routing import Mount

from hub.connector import Reply, Request, discover
from hub.connectors.one_stop.client import ProductClient
from hub.connectors.one_stop.encode import encode
from hub.connectors.one_stop.endpoints import endpoints
from hub.connectors.one_stop.settings import OneStopSettings
from hub.connectors.one_stop.simulator import CallingProduct, Counterparts, simulator
from hub.event import Alias, Event
from hub.message import Message
from hub.simulation import CallLog, FaultScript, running
from tests.connectors.ground import MemoryGround

UNIT, OTHER_UNIT, THIRD_UNIT = "H99.01", "H99.02", "H99.03"
CODE, CHILD = "H99.01-260105-0001", "H99.02-260106-0001"
PARTNER, SECRET, CUSTOMER = "DT001", "SECRET_DEMO_01", "KH0099"
TOKEN = "Bearer cua-san-pham"
PUBLIC = "https://hub.example.vn"
CONNECTOR = discover()["one_stop"]

PRODUCT: dict[str, Any] = {
    "dossier_path": "/dvcqg/hoso",
    "confirm_path": "/payplat/confirm",
    "link_path": "/thanhtoan/link",
    "receipt_path": "/bienlai",
    "handover_path": "/lienthong",
    "payment_partner": PARTNER,
    "payment_secret": SECRET,
    "post_customer": CUSTOMER,
    "office": True,
    "authorization": TOKEN,
}


def one_stop_settings(
    products: Mapping[str, Mapping[str, Any]] | None = None, **changes: Any
) -> OneStopSettings:
    """Settings with accounts for three units; products as given."""
    return OneStopSettings.model_validate(
        {
            "dstcode": "VN:GOV:000.00.00.G22:dvcqg",
            "session_secret": "bí mật của phiên, đủ dài",
            "public_url": PUBLIC,
            "accounts": {
                UNIT: {"username": "phuong-mau", "password": "mật khẩu mẫu"},
                OTHER_UNIT: {"username": "xa-thu", "password": "mật khẩu thử"},
                THIRD_UNIT: {"username": "so-thu", "password": "mật khẩu ba"},
            },
            "products": products or {},
            **changes,
        }
    )


def event(kind: str, data: Mapping[str, Any], *, subject: str = CODE, source: str = "") -> Event:
    """An event of this kind, a new one each time."""
    made = Event.from_json(
        {
            "id": str(uuid.uuid4()),
            "type": kind,
            "source": source or f"/connectors/mau/{UNIT}",
            "subject": subject,
            "time": "2026-01-05T09:30:00+07:00",
            "naturalkey": "mau",
            "data": {"unit": UNIT, **data} if not kind.startswith("handover") else data,
        }
    )
    return made


def payment(payment_id: str = "HUB1", *, amount: int = 150_000, **more: Any) -> dict[str, Any]:
    """Data of a payment event."""
    return {"payment_id": payment_id, "amount_vnd": amount, "currency": "VND", **more}


def parcel(state: str, message: str = "", **more: Any) -> Event:
    """A tracking event of the dossier's parcel."""
    kind = "post.delivered" if state == "delivered" else "post.tracked"
    return event(kind, {"state": state, "message": message, "service": "return", **more})


def processed(code: str = "01", *, reference: str = "", **more: Any) -> Event:
    """The outcome of the document office."""
    file = {"name": "ket-qua.pdf", "reference": reference, "size_bytes": 4}
    document = {"sender": {"id": UNIT}, "number": "15", "files": [file] if reference else []}
    data = {"dossier_code": CODE, "document": document, "result_code": code, **more}
    return event("document.processed", data)


@dataclass
class Play:
    """A hub's one-stop instance between the product that it tells and the product that calls it.

    Attributes:
        product: address of the simulated product.
        hub: address of the instance's endpoints.
        calling: the product's calls to its counterparts.
    """

    settings: OneStopSettings
    ground: MemoryGround
    client: ProductClient
    log: CallLog
    product: str
    hub: str
    calling: CallingProduct

    def request(self, told: Event, key: str = "") -> Request:
        """An event on its way to the product."""
        message = encode(told, self.settings)
        return Request(message, key or str(uuid.uuid5(uuid.NAMESPACE_OID, told.id)), told)

    async def tell(self, *events: Event, seconds: float = 5) -> str:
        """Deliver one event after another; the last code."""
        reply = Reply()
        for told in events:
            reply = await self.client.deliver([self.request(told)], timeout_seconds=seconds)
        return reply.foreign_code

    async def play(self, *faults: Mapping[str, Any]) -> None:
        """Play these faults at the product from now on."""
        address = f"{self.product}/_control/faults"
        async with (
            aiohttp.ClientSession() as http,
            http.put(address, json={"faults": list(faults)}) as answer,
        ):
            assert answer.status == 200, await answer.text()

    async def state(self) -> Any:
        """What the product holds."""
        address = f"{self.product}/_control/state"
        async with aiohttp.ClientSession() as http, http.get(address) as answer:
            return await answer.json()

    def events(self) -> list[Event]:
        """What the messages that came in become."""
        return [each for message in self.ground.messages for each in decoded(message)]

    async def settle(self) -> None:
        """Store the aliases of what came in, as the hub does before it publishes."""
        for each in self.events():
            await self.ground.remember(each.aliases)


def decoded(message: Message, settings: OneStopSettings | None = None) -> list[Event]:
    """The events of a message; a fault in it fails the test."""
    assert CONNECTOR.decode is not None
    items = CONNECTOR.decode(message, settings or one_stop_settings())
    assert all(isinstance(each, Event) for each in items), items
    return [each for each in items if isinstance(each, Event)]


@asynccontextmanager
async def play(
    *, products: Mapping[str, Mapping[str, Any]] | None = None, **changes: Any
) -> AsyncIterator[Play]:
    """An instance whose product for H99.01 is simulated; fields of the product may differ."""
    log = CallLog()
    own = {"partner": PARTNER, "secret": SECRET, "authorization": TOKEN}
    async with AsyncExitStack() as stack:
        # Product and hub share a server; the hub's doors are hung in when its address is known.
        app = Starlette(
            routes=[Mount("/san-pham", simulator(FaultScript(), log, counterparts=own))]
        )
        hub = await stack.enter_async_context(running(app))
        product = f"{hub}/san-pham"
        wanted = {UNIT: PRODUCT} if products is None else products
        settings = one_stop_settings(
            {name: {"base_url": product, **fields} for name, fields in wanted.items()}, **changes
        )
        ground = MemoryGround()
        app.router.routes.extend(endpoints("one_stop", settings, ground))
        counterparts = Counterparts(
            url=hub,
            unit=UNIT,
            username="phuong-mau",
            password="mật khẩu mẫu",
            partner=PARTNER,
            secret=SECRET,
            customer=CUSTOMER,
        )
        calling = await stack.enter_async_context(CallingProduct(counterparts))
        client = ProductClient("one_stop", settings, ground)
        stack.push_async_callback(client.close)
        yield Play(settings, ground, client, log, product, hub, calling)


def ticking(stage: Play) -> None:
    """Let the ground's clock go on with every change, as a database's does."""
    moments = iter(range(1, 100_000))
    stage.ground.clock = lambda: float(next(moments))


def alias(ground: MemoryGround, kind: str) -> list[Alias]:
    """What the ground knows of one kind."""
    return [each for each in ground.known.values() if each.kind == kind]
