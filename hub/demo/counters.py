"""Counters: asking the simulated counterparts, as people in front of them would."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Any
from urllib.parse import urljoin

import aiohttp

from hub.demo.deployment import Deployment
from hub.demo.processes import DemoFailed

ANSWER_SECONDS = 90.0
LOOK_SECONDS = 0.1


class Counters:
    """The counterparts of a run over HTTP.

    Args:
        deployment: where they are.
        session: makes the calls; the caller closes it.
        patience_seconds: how long something may take to come.
        look_seconds: how long it waits between two looks.
    """

    def __init__(
        self,
        deployment: Deployment,
        session: aiohttp.ClientSession,
        *,
        patience_seconds: float = ANSWER_SECONDS,
        look_seconds: float = LOOK_SECONDS,
    ) -> None:
        self._look_seconds = look_seconds
        self._patience_seconds = patience_seconds
        self._deployment = deployment
        self._session = session

    async def get(self, kind: str, path: str) -> Any:
        """What a counterpart answers; none where there is nothing (404).

        Raises:
            DemoFailed: it does not answer as expected.
        """
        return await self._call("GET", self._url(kind) + path, None)

    async def tell(self, kind: str, path: str, told: Any, *, method: str = "POST") -> Any:
        """Tell a counterpart what happens at it; its answer, none if it says nothing."""
        return await self._call(method, self._url(kind) + path, told)

    async def state(self, kind: str) -> Mapping[str, Any]:
        """What a counterpart holds, in counts."""
        found: Mapping[str, Any] = await self.get(kind, "/_control/state")
        return found

    async def linked(self, page: str) -> str:
        """Where the hub's payment page sends a citizen, once there is a link."""

        async def look() -> str:
            url = urljoin(self._deployment.gateway_url, page)
            async with self._session.get(url, allow_redirects=False) as reply:
                return reply.headers.get("Location", "")

        return str(await self.until("the link to pay", look))

    async def until(self, what: str, look: Callable[[], Awaitable[Any]]) -> Any:
        """What `look` gives as soon as it gives something.

        Raises:
            DemoFailed: nothing for so long.
        """
        end = time.monotonic() + self._patience_seconds
        while not (found := await look()):
            if time.monotonic() > end:
                raise DemoFailed(f"{what} did not come within {self._patience_seconds:.0f} s")
            await asyncio.sleep(self._look_seconds)
        return found

    def _url(self, kind: str) -> str:
        if kind == "national_portal":
            return self._deployment.portal_url
        return self._deployment.url_of(kind)

    async def _call(self, method: str, url: str, told: Any) -> Any:
        try:
            async with self._session.request(method, url, json=told) as reply:
                if method == "GET" and reply.status == 404:
                    return None
                if reply.status >= 400:
                    raise DemoFailed(f"{url} answers {reply.status}: {await reply.text()}")
                return None if reply.status == 204 else await reply.json()
        except (aiohttp.ClientError, TimeoutError) as error:
            raise DemoFailed(f"{url}: {type(error).__name__}") from error
