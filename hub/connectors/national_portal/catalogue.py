"""The portal's catalogues as last pulled (`hub.catalogue`), and what they do not know."""

from __future__ import annotations

import time
from collections.abc import Callable

from hub.catalogue import Wordlists
from hub.connector import Ground
from hub.wire.dvcqg.catalogues import CATALOGUE, FORMS, PROCEDURES, READ, TRUSTED_SECONDS


class Catalogues(Wordlists):
    """Catalogues of one portal instance; see `hub.catalogue.Wordlists`."""

    def __init__(
        self,
        name: str,
        ground: Ground,
        *,
        trusted_seconds: float = TRUSTED_SECONDS,
        clock: Callable[[], float] = time.time,
    ) -> None:
        super().__init__(
            CATALOGUE,
            name,
            ground,
            read=READ,
            forms=FORMS,
            trusted_seconds=trusted_seconds,
            clock=clock,
        )

    async def knows_procedure(self, code: str) -> bool | None:
        """Whether the portal has this procedure; none: no catalogue says so. See `knows`."""
        return await self.knows(PROCEDURES, code)
