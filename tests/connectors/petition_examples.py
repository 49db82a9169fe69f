"""Petitions, the hub's door for them, and a running system of petitions, for the tests."""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import aiohttp
import orjson
from msgspec import structs
from starlette.applications import Starlette

from hub.connector import Request
from hub.connectors.petitions.client import PetitionClient
from hub.connectors.petitions.decode import decode, message
from hub.connectors.petitions.encode import encode
from hub.connectors.petitions.endpoints import endpoints
from hub.connectors.petitions.settings import PetitionSettings
from hub.connectors.petitions.simulator import simulator
from hub.errors import DecodeError
from hub.event import Event
from hub.simulation import CallLog, FaultScript, running
from tests.connectors.ground import MemoryGround

UNIT = "000.15.28.H22"
CODE = f"{UNIT}-260105-0007"
WHO = {"name": "Nguyễn Văn Mẫu", "idNo": "001099999999", "phone": "0900000000"}
SECRETS = ("Nguyễn Văn Mẫu", "001099999999", "0900000000", "Nội dung kín", "bí mật")
"""What no error may hold."""


def petition(**fields: Any) -> dict[str, Any]:
    """A petition that breaks no rule."""
    return {
        "type": "pakn.received",
        "paknId": "PA-1",
        "source": "portal",
        "organTarget": UNIT,
        "submitter": WHO,
        "subject": "Chậm trả kết quả",
        "content": "Nội dung kín",
        "submittedAt": "2026-01-12T09:30:00+07:00",
        **fields,
    }


def done(kind: str = "pakn.answered", **fields: Any) -> dict[str, Any]:
    """What an agency says."""
    answer = {"answer": "Đã giải quyết", "answeredAt": "2026-01-14T10:00:00+07:00"}
    said = answer if kind == "pakn.answered" else {"at": "2026-01-14T10:00:00+07:00"}
    return {"type": kind, "paknId": "PA-1", "source": "portal", **said, **fields}


def petition_settings(base_url: str = "http://127.0.0.1:1", **changes: Any) -> PetitionSettings:
    """Settings of an instance with one source and one agency."""
    return PetitionSettings.model_validate(
        {
            "base_url": base_url,
            "token": "demo",
            "accounts": {
                "portal": {"token": "source", "role": "source"},
                UNIT: {"token": "agency", "role": "agency"},
            },
            **changes,
        }
    )


def event_of(body: Mapping[str, Any], settings: PetitionSettings | None = None) -> Event:
    """The one event of a body, with its id.

    Raises:
        DecodeError: the body is refused.
    """
    (event,) = decode(message(orjson.dumps(body), "pakn"), settings or petition_settings())
    if isinstance(event, DecodeError):
        raise event
    return structs.replace(event, id=event.identify(None).id, subject=event.subject or CODE)


def request(event: Event, settings: PetitionSettings) -> Request:
    """The event on its way out."""
    key = str(uuid.uuid5(uuid.NAMESPACE_OID, event.id))
    return Request(message=encode(event, settings), operation_key=key, event=event)


async def post(url: str, body: Any, token: str = "") -> tuple[int, dict[str, Any]]:
    """Status and JSON of the answer to one POST."""
    raw = body if isinstance(body, bytes) else orjson.dumps(body)
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    async with (
        aiohttp.ClientSession() as http,
        http.post(url, data=raw, headers=headers) as answer,
    ):
        return answer.status, await answer.json()


@asynccontextmanager
async def door(**changes: Any) -> AsyncIterator[tuple[str, MemoryGround]]:
    """The hub's door on a free port, and what came in."""
    inbox = MemoryGround()
    settings = petition_settings(**changes)
    app = Starlette(routes=list(endpoints("petitions", settings, inbox)))
    async with running(app) as url:
        yield url + settings.push_endpoint, inbox


@dataclass
class System:
    """A running system of petitions, its log, and the hub's client of it."""

    url: str
    log: CallLog
    ground: MemoryGround
    settings: PetitionSettings
    client: PetitionClient

    async def deliver(self, body: Mapping[str, Any], *, seconds: float = 5) -> str:
        """Deliver what a body says; the code of the answer."""
        reply = await self.client.deliver(
            [request(event_of(body, self.settings), self.settings)], timeout_seconds=seconds
        )
        return reply.foreign_code

    async def play(self, *faults: dict[str, Any]) -> None:
        """Play these faults from now on."""
        async with (
            aiohttp.ClientSession() as http,
            http.put(f"{self.url}/_control/faults", json={"faults": faults}) as answer,
        ):
            assert answer.status == 200, await answer.text()

    async def look(self, path: str) -> Any:
        """What `/_control` says."""
        async with aiohttp.ClientSession() as http, http.get(f"{self.url}/_control/{path}") as got:
            return await got.json()


@asynccontextmanager
async def system(*, hub_url: str = "", **changes: Any) -> AsyncIterator[System]:
    """A system of petitions on a free port, and a client with these settings changed."""
    log, ground = CallLog(), MemoryGround()
    async with running(simulator(FaultScript(), log, hub_url=hub_url)) as url:
        settings = petition_settings(**{"base_url": url, **changes})
        client = PetitionClient("petitions", settings, ground)
        try:
            yield System(url, log, ground, settings, client)
        finally:
            await client.close()
