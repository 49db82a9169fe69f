"""The portal's catalogues as last pulled (`hub.catalogue`), and what they do not know.

Source of the forms: domain notes 3.2, 3.6.
"""

from __future__ import annotations

import time
import unicodedata
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from hub.catalogue import Catalogue, Rows
from hub.connector import Ground
from hub.connectors.national_portal.settings import TRUSTED_SECONDS

CATALOGUE = "dvcqg.catalogue"
PROCEDURES = "LayDanhSachTTHC"
FIELDS = "LayDanhMucLinhVuc"
AGENCIES = "LayDanhMucCoQuan"
PROCEDURE_CODE = "MATTHC"
SHORT_CODE_LENGTH = len("1.003560")
"""A procedure's code may be followed by the id of who published it; the catalogue may lack it."""

UNKNOWN_FIELD = "unknown_field"
UNKNOWN_AGENCY = "unknown_agency"
DOUBTS = ((UNKNOWN_FIELD, "MaLinhVuc", FIELDS), (UNKNOWN_AGENCY, "DonViXuLy", AGENCIES))
"""What is told of a dossier, by which of its fields, if this catalogue does not have it."""

SHORTENED = {"ubnd": "uy ban nhan dan", "hdnd": "hoi dong nhan dan"}


class Catalogues:
    """Catalogues of one portal instance.

    Args:
        name: the instance.
        ground: where they are kept.
        trusted_seconds: an older one still knows what it has, and no longer what it has not.
        clock: seconds since 1970.
    """

    def __init__(
        self,
        name: str,
        ground: Ground,
        *,
        trusted_seconds: float = TRUSTED_SECONDS,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._name, self._ground, self._clock = name, ground, clock
        self._trusted_seconds = trusted_seconds
        self._lists: dict[str, Catalogue[frozenset[str]]] = {}

    async def keep(self, catalogue: str, rows: Sequence[Any]) -> None:
        """Keep the rows that were pulled just now; raises `Unavailable`."""
        await self._list(catalogue).keep(rows)

    async def age_seconds(self, catalogue: str) -> float | None:
        """How long ago it was pulled; none: never."""
        return await self._list(catalogue).age_seconds()

    async def knows_procedure(self, code: str) -> bool | None:
        """Whether the portal has this procedure; none: no catalogue says so. See `knows`."""
        return await self.knows(PROCEDURES, code)

    async def knows(self, catalogue: str, word: str) -> bool | None:
        """Whether a catalogue has a code or name; none: it was never pulled, or too long ago.

        Raises:
            Unavailable: the ground is away, and this process has read nothing yet.
        """
        latest = await self._list(catalogue).latest()
        if latest is None or not latest[0]:
            return None
        words, age_seconds = latest
        if FORMS[catalogue](word) in words:
            return True
        return False if age_seconds <= self._trusted_seconds else None

    async def doubts(self, dossier: Mapping[str, Any]) -> list[str]:
        """What of a dossier, in the wire's names, the catalogues do not have; raises like `knows`.

        The id in front of a dossier's code is not looked up: ids of units that were merged stay
        valid in running dossiers, and no catalogue holds them.
        """
        told = [(doubt, dossier.get(field), catalogue) for doubt, field, catalogue in DOUBTS]
        return [
            doubt
            for doubt, word, catalogue in told
            if isinstance(word, str) and word.strip() and await self.knows(catalogue, word) is False
        ]

    def _list(self, catalogue: str) -> Catalogue[frozenset[str]]:
        if catalogue not in self._lists:
            read = READ.get(catalogue, _nothing)
            self._lists[catalogue] = Catalogue(
                CATALOGUE, self._name, catalogue, self._ground, read, clock=self._clock
            )
        return self._lists[catalogue]


def _short(code: str) -> str:
    return code.strip()[:SHORT_CODE_LENGTH]


def _folded(name: str) -> str:
    """A name as it is compared: without marks, capitals, double blanks, and written out.

    Products write the same office `UBND phường`, `Ủy ban nhân dân Phường` and `Uỷ ban …`.
    """
    bare = unicodedata.normalize("NFD", name.casefold().replace("đ", "d"))
    letters = "".join(char for char in bare if not unicodedata.combining(char))
    return " ".join(SHORTENED.get(word, word) for word in letters.split())


def _words(rows: Rows, *columns: str, form: Callable[[str], str]) -> frozenset[str]:
    return frozenset(form(str(row.get(name) or "")) for row in rows for name in columns) - {""}


def _nothing(rows: Rows) -> frozenset[str]:
    """Of a catalogue that is kept for others to read."""
    return frozenset()


FORMS: Mapping[str, Callable[[str], str]] = {
    PROCEDURES: _short,
    FIELDS: str.strip,
    AGENCIES: _folded,
}
"""How a word of each catalogue is compared."""

READ: Mapping[str, Callable[[Rows], frozenset[str]]] = {
    PROCEDURES: lambda rows: _words(rows, PROCEDURE_CODE, form=_short),
    FIELDS: lambda rows: _words(rows, "MALINHVUC", form=str.strip),
    AGENCIES: lambda rows: _words(rows, "MADONVI", "TENDONVI", form=_folded),
}
