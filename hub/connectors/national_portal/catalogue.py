"""Catalogues of the portal as last pulled: shared by all processes through the ground.

The rows of each service lie in the blob store; an alias says under which reference, and since
when. A process reads them again at most once in `REREAD_SECONDS`.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import orjson

from hub.connector import Ground
from hub.errors import DecodeError
from hub.event import Alias

CATALOGUE = "dvcqg.catalogue"
PROCEDURES = "LayDanhSachTTHC"
PROCEDURE_CODE = "MATTHC"
REREAD_SECONDS = 60.0
SHORT_CODE_LENGTH = len("1.003560")
"""A procedure's code may be followed by the id of who published it; the catalogue may lack it."""


class Catalogues:
    """Catalogues of one portal instance.

    Args:
        name: the instance.
        ground: where they are kept.
        clock: seconds since 1970.
    """

    def __init__(
        self, name: str, ground: Ground, *, clock: Callable[[], float] = time.time
    ) -> None:
        self._name = name
        self._ground = ground
        self._clock = clock
        self._procedures: frozenset[str] | None = None
        self._read_at: float | None = None

    async def keep(self, catalogue: str, rows: Sequence[Any]) -> None:
        """Keep the rows that were pulled just now; raises `Unavailable`."""
        reference = await self._ground.keep(orjson.dumps(rows), "application/json")
        facts = {
            "reference": reference,
            "rows": str(len(rows)),
            "pulled_at": str(int(self._clock())),
        }
        await self._ground.remember([Alias(CATALOGUE, self._key(catalogue), catalogue, facts)])
        self._read_at = None

    async def age_seconds(self, catalogue: str) -> float | None:
        """How long ago it was pulled; none: never."""
        known = await self._ground.alias(CATALOGUE, self._key(catalogue))
        return self._clock() - float(known.facts["pulled_at"]) if known else None

    async def rows(self, catalogue: str) -> Sequence[Mapping[str, Any]] | None:
        """The rows as last pulled; none: never, or they are gone."""
        known = await self._ground.alias(CATALOGUE, self._key(catalogue))
        if known is None:
            return None
        try:
            rows = orjson.loads(await self._ground.fetch(known.facts["reference"]))
        except (DecodeError, orjson.JSONDecodeError):
            return None
        return [row for row in rows if isinstance(row, dict)]

    async def knows_procedure(self, code: str) -> bool | None:
        """Whether the catalogue has this procedure; none: there is no catalogue to ask."""
        now = self._clock()
        if self._read_at is None or now - self._read_at >= REREAD_SECONDS:
            rows = await self.rows(PROCEDURES)
            self._procedures = None if rows is None else _codes(rows)
            self._read_at = now
        if not self._procedures:
            return None
        return code[:SHORT_CODE_LENGTH] in self._procedures

    def _key(self, catalogue: str) -> str:
        return f"{self._name}/{catalogue}"


def _codes(rows: Sequence[Mapping[str, Any]]) -> frozenset[str]:
    return frozenset(str(row.get(PROCEDURE_CODE, ""))[:SHORT_CODE_LENGTH] for row in rows) - {""}
