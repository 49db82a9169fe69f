"""Organisations: the axis's list of old and new ids, pulled when it has grown old, kept for all.

The poller pulls it before it looks. Poller and client use what was pulled last, however long the
axis is away since. A list that the axis refuses is told, and keeps no package waiting; an axis that
is away fails the look as ever, and the next one goes without asking for the list.
"""

from __future__ import annotations

import math
import time
from collections.abc import Awaitable, Callable

from hub.catalogue import Catalogue, Rows
from hub.connector import Ground
from hub.connectors.document_exchange.ids import NOTHING, Ids, listed
from hub.connectors.document_exchange.settings import DocumentExchangeSettings
from hub.errors import Misconfigured, Rejected
from hub.wire.edxml import models

CATALOGUE = "edoc.catalogue"
RETRY_SECONDS = 900.0
"""Longest time between two questions; a look comes every half minute."""


class Organisations:
    """The ids that one axis instance goes by.

    Args:
        name: the instance.
        settings: its block.
        ground: where the list is kept.
        clock: seconds since 1970.
    """

    def __init__(
        self,
        name: str,
        settings: DocumentExchangeSettings,
        ground: Ground,
        *,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._name, self._settings, self._clock = name, settings, clock
        service = models.AGENCIES_QD20.removeprefix("/")
        self._list = Catalogue(CATALOGUE, name, service, ground, listed, clock=clock)
        self._looked_at = -math.inf

    async def ids(self) -> Ids:
        """What is agreed, and what the axis listed last.

        Raises:
            Unavailable: the ground is away, and this process has read nothing yet.
        """
        if not self._settings.pulls_organisations:
            return Ids(self._settings)
        latest = await self._list.latest()
        return Ids(self._settings, latest[0] if latest else NOTHING)

    async def refresh(self, pull: Callable[[], Awaitable[Rows]]) -> str:
        """Pull the list if it has grown old; one sentence if it is refused.

        Raises:
            Unavailable, UnknownOutcome: the axis is away, or the ground.
        """
        settings = self._settings
        pause = min(RETRY_SECONDS, settings.organisations_seconds)
        if not settings.pulls_organisations or 0 <= self._clock() - self._looked_at < pause:
            return ""
        age = await self._list.age_seconds()
        self._looked_at = self._clock()
        if age is not None and age < settings.organisations_seconds:
            return ""
        try:
            rows = await pull()
        except (Rejected, Misconfigured) as error:
            return f"the list of organisations is refused ({error.code})"
        if rows:  # an empty list is an accident
            await self._list.keep(rows)
        return ""
