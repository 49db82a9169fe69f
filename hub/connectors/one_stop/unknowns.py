"""What the national portal's catalogues do not have of a dossier that a product sends.

It is told with the dossier (header `doubts`) and refuses nothing. The catalogues are those that
the instance of `reads_from` has pulled; without one of them nothing is doubted.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from functools import cache
from typing import Any

from msgspec import structs

from hub.catalogue import REREAD_SECONDS, Wordlists
from hub.errors import Unavailable
from hub.message import Message
from hub.wire.dvcqg.catalogues import looked_up

LOOK_SECONDS = 1.0
"""How long a product may wait for it: a doubt is worth no more."""


class Unknowns:
    """Of one connector instance.

    Args:
        catalogues: gives them as the portal's instance has pulled them, once somebody sends; none:
            nothing is looked up.
        clock: seconds that only grow.
    """

    def __init__(
        self,
        catalogues: Callable[[], Wordlists | None],
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._catalogues = cache(catalogues)
        self._clock = clock
        self._quiet_until = 0.0

    async def told_with(self, messages: Sequence[Message], trees: Sequence[Any]) -> list[Message]:
        """The messages of dossiers, each with what is doubted of it."""
        return [
            await self._told_with(message, tree)
            for message, tree in zip(messages, trees, strict=True)
        ]

    async def _told_with(self, message: Message, tree: Any) -> Message:
        catalogues = self._catalogues()
        if catalogues is None or self._clock() < self._quiet_until:
            return message
        try:
            async with asyncio.timeout(LOOK_SECONDS):
                doubts = await catalogues.doubts(looked_up(tree))
        except (Unavailable, TimeoutError):
            self._quiet_until = self._clock() + REREAD_SECONDS
            return message
        if not doubts:
            return message
        return structs.replace(message, headers={**message.headers, "doubts": " ".join(doubts)})
