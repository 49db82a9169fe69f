"""Places: whose dossiers a demo plays, and which of them it starts for one place.

Published: Phúc Lợi ward's 2,452 dossiers; Hưng Yên province's 188 units on one-stop software (17
departments, 10 districts, 161 communes); Thanh Hóa city's 107,397 documents, all signed, and 29,072
online dossiers of 2022, with fees through VNPT Pay: a day is a 250th. Organisation ids below the
province and names of wards and communes are invented; so is the number of petitions. The day that
is played lies in 2023, because the hub's calendar begins there.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date, timedelta

from hub.demo.course import POST_SHARE
from hub.demo.ward import CALENDAR, DOSSIER_COUNT, FIRST_DAY, LAST_DAY, UNIT, UNIT_NAME

WORKING_DAYS_OF_YEAR = 250


@dataclass(frozen=True)
class Traffic:
    """What a city sends beside dossiers on one day.

    Attributes:
        documents: sent to other offices, signed.
        petitions: of citizens.
        receivers: names of the other offices by organisation id.
    """

    documents: int
    petitions: int
    receivers: Mapping[str, str]


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
        traffic: documents and petitions beside the dossiers.
        vnpt_pay: whether it pays through VNPT Pay; else through VNPAY.
        all_online: whether every dossier is filed online.
        post_share: of those filed online, to whom the post brings the result if nobody says.
        first_day, last_day: the period; what is not returned in it stays open.
        received_until: the last day on which dossiers come in.
    """

    name: str
    title: str
    units: Mapping[str, str]
    dossiers: int
    side_by_side: int = 48
    story: bool = True
    traffic: Traffic | None = None
    vnpt_pay: bool = False
    all_online: bool = False
    post_share: float = POST_SHARE
    first_day: date = FIRST_DAY
    last_day: date = LAST_DAY
    received_until: date = LAST_DAY

    @property
    def has_counterparts(self) -> bool:
        """Whether more than the portal is played."""
        return self.story or self.traffic is not None

    def busy(self, documents: int | None, petitions: int | None) -> Place:
        """The same with so many documents and petitions, if it has any at all; none: its own."""
        if self.traffic is None:
            return self
        own = self.traffic
        traffic = replace(
            own,
            documents=own.documents if documents is None else documents,
            petitions=own.petitions if petitions is None else petitions,
        )
        return replace(self, traffic=traffic)

    def days_of_receipt(self) -> list[date]:
        """The working days on which dossiers come in."""
        span = range((self.received_until - self.first_day).days + 1)
        days = [self.first_day + timedelta(days=number) for number in span]
        return [day for day in days if CALENDAR.is_working_day(day)]


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
MONDAY = date(2023, 6, 12)
THANH_HOA = Place(
    "thanh-hoa",
    "Thành phố Thanh Hóa, một ngày",
    {"H56.30": "UBND thành phố Thanh Hóa"}
    | {f"H56.30.{10 + number}": f"UBND phường số {number}" for number in range(1, 6)},
    29_072 // WORKING_DAYS_OF_YEAR,
    story=False,
    traffic=Traffic(
        documents=round(107_397 / WORKING_DAYS_OF_YEAR),
        petitions=12,
        receivers={f"H56.{number:02}": f"Sở số {number}" for number in range(1, 9)},
    ),
    vnpt_pay=True,
    all_online=True,
    post_share=0.0,
    first_day=MONDAY,
    last_day=MONDAY + timedelta(days=4),
    received_until=MONDAY,
)

PLACES = {place.name: place for place in (PHUC_LOI, HUNG_YEN, THANH_HOA)}
