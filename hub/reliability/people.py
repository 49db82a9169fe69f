"""Those who play many stories side by side, and try again while the hub is being killed."""

from __future__ import annotations

import asyncio
import time
from typing import Any

import orjson

from hub.demo.counters import Counters
from hub.demo.processes import DemoFailed
from hub.demo.story import Story

PATIENCE_SECONDS = 240.0
ACT_WAIT_SECONDS = 1.0
PAY = "/_control/pay"


class Stubborn(Counters):
    """Counters at which people try again: an answer that did not come is asked for once more.

    Only a citizen who has paid does not pay again because the page after it does not come up.
    """

    async def tell(self, kind: str, path: str, told: Any, *, method: str = "POST") -> Any:
        """See `Counters`; refused or unanswered acts of the one-stop product are repeated."""
        end = time.monotonic() + PATIENCE_SECONDS
        while True:
            try:
                reply = await super().tell(kind, path, told, method=method)
            except DemoFailed:
                if path == PAY:
                    return {"answers": ["none"], "reference": told.get("reference", "")}
                if time.monotonic() > end:
                    raise
            else:
                if not isinstance(reply, dict) or "http" not in reply:
                    return reply
                if time.monotonic() > end:
                    raise DemoFailed(f"{path} is answered with HTTP {reply['http']}")
            await asyncio.sleep(ACT_WAIT_SECONDS)


class Packages:
    """What the one-stop product has fetched from its office, for whichever dossier it is."""

    def __init__(self, counters: Counters) -> None:
        self._counters = counters
        self._turn = asyncio.Lock()
        self._found: list[str] = []

    async def of(self, code: str) -> list[str]:
        """Packages about a dossier that nobody has asked for yet."""
        async with self._turn:
            fetched = await self._counters.tell("one_stop", "/do/pull_packages", {})
            self._found += [orjson.dumps(each).decode() for each in fetched]
            mine = [each for each in self._found if code in each]
            self._found = [each for each in self._found if code not in each]
            return mine


class OneOfMany(Story):
    """A story beside others at the same counterparts.

    Args:
        packages: shared by all.
        others: see `Story`.
    """

    def __init__(self, packages: Packages, *others: Any, number: int) -> None:
        super().__init__(*others, number=number)
        self._fetched = packages

    async def _packages(self) -> Any:
        return await self._fetched.of(self.code)
