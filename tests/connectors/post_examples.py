"""Requests to the post, a running door, and its client and poller, for the connector's tests."""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import aiohttp
import yaml

from hub.connector import Asked, Page, Reply, Request
from hub.connectors.public_post.client import PostClient
from hub.connectors.public_post.decode import decode
from hub.connectors.public_post.encode import encode
from hub.connectors.public_post.poll import FeedPoller
from hub.connectors.public_post.settings import PublicPostSettings
from hub.connectors.public_post.simulator import simulator
from hub.event import Event
from hub.message import Message
from hub.schemas.post import PostCancelRequested, PostOrderRequested
from hub.simulation import CallLog, FaultScript, running
from hub.wire.dvcqg.dates import VIETNAM
from tests.connectors.ground import MemoryGround
from tests.rules.tree import ROOT

CODE = "H99.01-260105-0001"
SECRET = "bi-mat-cua-khoa"
ACCOUNT = {"key": "khoa", "secret": SECRET}
CITIZEN = {
    "name": "Nguyễn Văn Mẫu",
    "phone": "0900000000",
    "address": "Số 9 ngõ Mẫu",
    "province_code": "22",
    "district_code": "2215",
}
PROCEDURE = {"code": "1.009999", "title": "Thủ tục thử nghiệm"}
SECRETS = (SECRET, "Nguyễn Văn Mẫu", "0900000000", "Số 9 ngõ Mẫu")
"""What no exception text may hold."""
SETTINGS: Path = ROOT / "hub/connectors/public_post/samples/settings.yaml"


def settings(**changes: Any) -> PublicPostSettings:
    """The settings of the samples, changed."""
    block = yaml.safe_load(SETTINGS.read_text(encoding="utf-8"))
    feed = block["feed"] | changes.pop("feed", {})
    return PublicPostSettings.model_validate({**block, "oauth": ACCOUNT, "feed": feed, **changes})


def ordered(service: str = "return", **fields: Any) -> Event:
    """A request for an order."""
    told: dict[str, Any] = {"code": CODE, "unit": "H99.01", "service": service}
    if service in ("pick_up", "both"):
        told["sender"] = CITIZEN
    if service in ("return", "both"):
        told["receiver"] = CITIZEN
    if service == "both":
        told["procedure"] = PROCEDURE
    return _event("post.order_requested", PostOrderRequested.model_validate({**told, **fields}))


def cancelled(service: str = "return", **fields: Any) -> Event:
    """A request to cancel."""
    told = {"code": CODE, "unit": "H99.01", "service": service, **fields}
    return _event("post.cancel_requested", PostCancelRequested.model_validate(told))


def _event(kind: str, data: Any) -> Event:
    return Event(
        kind=kind,
        source="/connectors/one_stop/H99.01",
        subject=data.code,
        time=datetime(2026, 1, 5, 9, 30, tzinfo=VIETNAM),
        data=data,
        natural_key="example",
        id=str(uuid.uuid4()),
    )


@dataclass
class Post:
    """A running door, its log, and the hub's client and poller of it."""

    url: str
    log: CallLog
    settings: PublicPostSettings
    client: PostClient
    poller: FeedPoller
    ground: MemoryGround = field(default_factory=MemoryGround)

    def request(self, event: Event, key: str = "") -> Request:
        """The event on its way out."""
        key = key or str(uuid.uuid5(uuid.NAMESPACE_OID, event.id))
        return Request(encode(event, self.settings), key, event)

    async def deliver(self, event: Event, key: str = "", seconds: float = 5) -> Reply:
        """Deliver one event, and remember what the hub would."""
        reply = await self.client.deliver([self.request(event, key)], timeout_seconds=seconds)
        await self.ground.remember(reply.aliases)
        return reply

    async def ask(self, event: Event) -> Asked:
        """Ask about one event."""
        return await self.client.ask(self.request(event), timeout_seconds=5)

    def events(self, *messages: Message) -> list[Event]:
        """What messages become."""
        items = [item for message in messages for item in decode(message, self.settings)]
        return [item for item in items if isinstance(item, Event)]

    async def look(self, cursor: str = "") -> tuple[list[str], Page]:
        """Poll until there is no more; kinds of the events, and the last page."""
        kinds: list[str] = []
        while True:
            page = await self.poller.poll(cursor)
            await self.poller.done(page)
            kinds += [event.kind for event in self.events(*page.messages)]
            cursor = page.cursor
            if not page.more:
                return kinds, page

    async def move(self, **asked: Any) -> None:
        """Move parcels on."""
        await self._put("POST", "advance", asked)

    async def play(self, *faults: dict[str, Any]) -> None:
        """Play these faults from now on."""
        await self._put("PUT", "faults", {"faults": faults})

    async def _put(self, method: str, path: str, body: Any) -> None:
        address = f"{self.url}/_control/{path}"
        async with (
            aiohttp.ClientSession() as http,
            http.request(method, address, json=body) as answer,
        ):
            assert answer.status == 200, await answer.text()

    async def state(self) -> Any:
        """What `/_control/state` says."""
        address = f"{self.url}/_control/state"
        async with aiohttp.ClientSession() as http, http.get(address) as answer:
            return await answer.json()

    def calls(self, operation: str) -> int:
        """How often this was called."""
        return sum(row["operation"] == operation for row in self.log.last())


@asynccontextmanager
async def post(account: dict[str, str] | None = None, **changes: Any) -> AsyncIterator[Post]:
    """A door served on a free port, with client and poller."""
    log = CallLog()
    async with running(simulator(FaultScript(), log, account=account or ACCOUNT)) as url:
        block = settings(**{"base_url": url, **changes})
        ground = MemoryGround()
        client = PostClient("public_post", block, ground)
        poller = FeedPoller("public_post", block, ground)
        try:
            yield Post(url, log, block, client, poller, ground)
        finally:
            await client.close()
            await poller.close()
