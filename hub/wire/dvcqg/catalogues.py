"""Catalogues that the portal publishes: what counts in them, and what of a dossier should be there.

Source of the forms: domain notes 3.2, 3.6.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Mapping, Sequence
from typing import Any

Rows = Sequence[Mapping[str, Any]]

CATALOGUE = "dvcqg.catalogue"
PROCEDURES = "LayDanhSachTTHC"
FIELDS = "LayDanhMucLinhVuc"
AGENCIES = "LayDanhMucCoQuan"
PROCEDURE_CODE = "MATTHC"
SHORT_CODE_LENGTH = len("1.003560")
"""A procedure's code may be followed by the id of who published it; the catalogue may lack it."""

TRUSTED_SECONDS = 604_800.0

UNKNOWN_PROCEDURE = "unknown_procedure"
UNKNOWN_FIELD = "unknown_field"
UNKNOWN_AGENCY = "unknown_agency"
DOUBTS = (
    (UNKNOWN_PROCEDURE, "MaTTHC", PROCEDURES),
    (UNKNOWN_FIELD, "MaLinhVuc", FIELDS),
    (UNKNOWN_AGENCY, "DonViXuLy", AGENCIES),
)
"""What is told of a dossier, by which of its fields, if this catalogue does not have it."""

SHORTENED = {"ubnd": "uy ban nhan dan", "hdnd": "hoi dong nhan dan"}


def looked_up(dossier: Mapping[str, Any]) -> list[tuple[str, str, str]]:
    """What of a dossier should be in the catalogues: the doubt if it is not, catalogue, word.

    The id in front of a dossier's code is not looked up: ids of units that were merged stay valid
    in running dossiers, and no catalogue holds them.
    """
    told = [(doubt, catalogue, dossier.get(field)) for doubt, field, catalogue in DOUBTS]
    return [
        (doubt, catalogue, word)
        for doubt, catalogue, word in told
        if isinstance(word, str) and word.strip()
    ]


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
