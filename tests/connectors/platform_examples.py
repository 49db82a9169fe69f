"""A running provincial platform, and the hub's door for it, for tests of that connector."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import aiohttp
from starlette.applications import Starlette

from hub.connector import Reply, Request
from hub.connectors.provincial_portal.client import PlatformClient
from hub.connectors.provincial_portal.decode import decode
from hub.connectors.provincial_portal.encode import encode
from hub.connectors.provincial_portal.endpoints import endpoints
from hub.connectors.provincial_portal.settings import ProvincialPortalSettings
from hub.connectors.provincial_portal.simulator import simulator
from hub.event import Event
from hub.simulation import CallLog, FaultScript, running
from tests.connectors.ground import MemoryGround
from tests.connectors.portal_examples import UNIT

PLATFORM_UNIT = "000.00.01.H99"
SEND_TOKEN, RECEIVE_TOKEN = "Bearer gui-di", "Bearer nhan-ve"
OAUTH = {"consumer_key": "khoa", "consumer_secret": "bi-mat-cua-khoa"}


def platform_settings(base_url: str = "http://platform.example", **changes: Any) -> Any:
    """Settings for a simulated platform."""
    account = {
        "platform_unit": PLATFORM_UNIT,
        "token": SEND_TOKEN,
        "receive_token": RECEIVE_TOKEN,
    }
    if "oauth" in changes:
        del account["token"]
    own = {"base_url": base_url, "accounts": {UNIT: account}, "receives": {}}
    return ProvincialPortalSettings.model_validate({**own, **changes})


@dataclass
class Site:
    """A running platform, its log, and a client of it on a ground that can be looked into."""

    url: str
    log: CallLog
    settings: ProvincialPortalSettings
    ground: MemoryGround
    client: PlatformClient

    def request(self, event: Event) -> Request:
        """The event on its way out."""
        return Request(encode(event, self.settings), f"key-of-{event.id}", event)

    async def deliver(self, *events: Event, seconds: float = 5) -> Reply:
        """Deliver events in one call."""
        requests = [self.request(event) for event in events]
        return await self.client.deliver(requests, timeout_seconds=seconds)

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

    async def submit(self, told: dict[str, Any]) -> Any:
        """Let the platform push."""
        address = f"{self.url}/_control/submit"
        async with aiohttp.ClientSession() as http, http.post(address, json=told) as answer:
            return await answer.json()

    def operations(self) -> list[str]:
        """The operations called so far, in order."""
        return [row["operation"] for row in self.log.last()]


@asynccontextmanager
async def platform(**changes: Any) -> AsyncIterator[Site]:
    """A platform served on a free port, and a client with these settings changed."""
    log, ground = CallLog(), MemoryGround()
    consumer = ":".join(OAUTH.values())
    app = simulator(FaultScript(), log, token=SEND_TOKEN, consumer=consumer)
    async with running(app) as url:
        settings = platform_settings(**{"base_url": url, **changes})
        client = PlatformClient("provincial_portal", settings, ground)
        try:
            yield Site(url, log, settings, ground, client)
        finally:
            await client.close()


@dataclass
class HubDoor:
    """The hub's address for the platform, and what stands behind it."""

    url: str
    settings: ProvincialPortalSettings
    ground: MemoryGround = field(default_factory=MemoryGround)

    async def hear(
        self, operation: str, items: Any, *, token: str = RECEIVE_TOKEN, query: Any = None
    ) -> dict[str, Any]:
        """The answer to one call: bytes as they are, anything else as JSON."""
        how = {"data": items} if isinstance(items, bytes) else {"json": items}
        named = {"MaDinhDanhDV": PLATFORM_UNIT} if query is None else query
        async with (
            aiohttp.ClientSession() as http,
            http.post(
                f"{self.url}/{operation}",
                params=named,
                headers={"Authorization": token},
                **how,
            ) as reply,
        ):
            assert reply.status == 200
            answer: dict[str, Any] = await reply.json()
            return answer

    def events(self) -> list[Event]:
        """What the accepted messages become."""
        items = [i for message in self.ground.messages for i in decode(message, self.settings)]
        return [item for item in items if isinstance(item, Event)]


@asynccontextmanager
async def hub_door(*, accounts: Any = None, **limits: Any) -> AsyncIterator[HubDoor]:
    """The hub's address for the platform with these limits, and accounts if others are wanted."""
    more = {} if accounts is None else {"accounts": accounts}
    settings, ground = platform_settings(receives=limits, **more), MemoryGround()
    app = Starlette(routes=list(endpoints("provincial_portal", settings, ground)))
    async with running(app) as address:
        assert settings.receives is not None
        yield HubDoor(f"{address}{settings.receives.path}", settings, ground)
