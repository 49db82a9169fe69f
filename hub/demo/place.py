"""Places: whose dossiers a demo plays, and which of them it starts for one place.

Published: Phúc Lợi ward's 2,452 dossiers; Hưng Yên province's 188 units on one-stop software (17
departments, 10 districts, 161 communes); Thanh Hóa city's documents, online dossiers and payments
of 2022. Organisation ids below the province and names of communes are invented.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from hub.demo.ward import DOSSIER_COUNT, UNIT, UNIT_NAME


@dataclass(frozen=True)
class Place:
    """A place of the demo.

    Attributes:
        name: as `--place` takes it.
        title: what its report is headed with.
        units: names of its units by organisation id, in the order in which dossiers go round.
        dossiers: how many it plays if nobody says.
        side_by_side: calls under way at the same time.
        story: whether one dossier is followed through every counterpart.
    """

    name: str
    title: str
    units: Mapping[str, str]
    dossiers: int
    side_by_side: int = 48
    story: bool = True


def _hung_yen() -> dict[str, str]:
    """188 units: `H31.<department>`, `H31.<20 + district>`, `H31.<20 + district>.<commune>`."""
    departments = {f"H31.{number:02}": f"Sở số {number}" for number in range(1, 18)}
    districts = {f"H31.{20 + number}": f"UBND huyện số {number}" for number in range(1, 11)}
    communes = {
        f"H31.{21 + number % 10}.{10 + number // 10}": f"UBND xã số {number + 1}"
        for number in range(161)
    }
    return departments | districts | communes


PHUC_LOI = Place("phuc-loi", UNIT_NAME, {UNIT: UNIT_NAME}, DOSSIER_COUNT)
HUNG_YEN = Place(
    "hung-yen", "Tỉnh Hưng Yên, 188 đơn vị", _hung_yen(), 1880, side_by_side=188, story=False
)

PLACES = {place.name: place for place in (PHUC_LOI, HUNG_YEN)}
