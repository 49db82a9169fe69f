"""The one-stop product of the demo (temporary)."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import orjson

from hub.demo.deployment import PORTAL_MEMBER, Deployment
from hub.demo.playing import Send
from hub.demo.processes import DemoFailed
from hub.demo.ward import UNIT
from hub.demo.wire import FORM, Call


@asynccontextmanager
async def product_of(deployment: Deployment) -> AsyncIterator[Send]:
    """The product, signed in with the unit's account."""
    async with aiohttp.ClientSession(
        deployment.gateway_url,
        headers={"dstcode": PORTAL_MEMBER, "Content-Type": "application/json"},
    ) as session:

        async def post(path: str, body: dict[str, object]) -> Any:
            async with session.post(path, data=orjson.dumps(body)) as reply:
                return orjson.loads(await reply.read())

        login = await post("/auth", {"username": UNIT, "password": deployment.password})

        async def send(call: Call) -> None:
            body: dict[str, object] = {
                "session": login["session"],
                "madonvi": UNIT,
                "service": call.service,
                "data": call.items,
            }
            if call.service == FORM:
                body["isUpdating"] = str(call.updating)
            answer = await post("/integration", body)
            if answer["error_code"] != "0":
                raise DemoFailed(f"the hub refused: {answer}")

        yield send
