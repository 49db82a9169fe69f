"""What the portal's catalogues do not have of a dossier that a product sends: told, not refused."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

import pytest

from hub.catalogue import REREAD_SECONDS, Wordlists
from hub.connectors.one_stop.decode import decode
from hub.connectors.one_stop.settings import OneStopSettings
from hub.connectors.one_stop.unknowns import LOOK_SECONDS, Unknowns
from hub.errors import Unavailable
from hub.event import Alias, Event
from hub.message import Message
from hub.schemas.dossier import DossierEvent
from hub.wire.dvcqg.catalogues import AGENCIES, CATALOGUE, FIELDS, FORMS, PROCEDURES, READ
from tests.connectors.ground import MemoryGround
from tests.connectors.one_stop_door import CODE, SETTINGS, STEP, SYNC, Site, dossier, step
from tests.engine.virtual import clock as virtual_clock
from tests.engine.virtual import run

WARD = {"MADONVI": "H99.01", "TENDONVI": "Ủy ban nhân dân phường Thử Nghiệm"}
ALL = {"MaTTHC": "9.999999", "MaLinhVuc": "LV77", "DonViXuLy": "Sở Khác"}
TOLD = ("unknown_procedure", "unknown_field", "unknown_agency")


def lists_on(ground: MemoryGround) -> Wordlists:
    return Wordlists(CATALOGUE, "portal", ground, read=READ, forms=FORMS, trusted_seconds=100)


async def pulled(site: Site, *, age_seconds: int = 0) -> None:
    """Catalogues of one procedure, one field and one agency, pulled so long ago."""
    ground = site.inbox.ground
    catalogues = lists_on(ground)
    await catalogues.keep(PROCEDURES, [{"MATTHC": "1.009999"}])
    await catalogues.keep(FIELDS, [{"MALINHVUC": "LV01"}])
    await catalogues.keep(AGENCIES, [WARD])
    for service in (PROCEDURES, FIELDS, AGENCIES):
        known = ground.known[CATALOGUE, f"portal/{service}"]
        then = str(int(known.facts["pulled_at"]) - age_seconds)
        await ground.remember([replace(known, facts={**known.facts, "pulled_at": then})])


def events_of(site: Site) -> list[Event]:
    """The events of everything that was taken."""
    decoded = [event for each in site.inbox.messages for event in decode(each, SETTINGS)]
    return [event for event in decoded if isinstance(event, Event)]


def doubts_of(site: Site) -> list[tuple[str, ...]]:
    """What is doubted of each dossier that was taken."""
    return [
        event.data.dossier.doubts
        for event in events_of(site)
        if isinstance(event.data, DossierEvent) and event.data.dossier
    ]


@pytest.mark.parametrize(
    ("fields", "doubts"),
    [
        ({}, ()),
        ({"MaTTHC": "1.009999.000.00.00.H99", "DonViXuLy": "H99.01"}, ()),
        ({"MaTTHC": "9.999999"}, ("unknown_procedure",)),
        ({"MaLinhVuc": "LV77"}, ("unknown_field",)),
        ({"DonViXuLy": "UBND phường Khác"}, ("unknown_agency",)),
        (ALL | {"SoGiayToChuHoSo": "000000001"}, ("made_up_owner", *TOLD)),
    ],
)
async def test_what_no_catalogue_has_is_told_as_a_doubt_and_the_dossier_is_taken(
    fields: dict[str, Any], doubts: tuple[str, ...]
) -> None:
    site = Site()
    await pulled(site)
    assert (await site.call(SYNC, data=[dossier(**fields)]))["error_code"] == "0"
    assert doubts_of(site) == [doubts]
    assert site.inbox.refusals == []


async def test_each_dossier_of_a_call_has_its_own_doubts_and_a_step_has_none() -> None:
    site = Site()
    await pulled(site)
    two = [dossier(), dossier("H99.01-260105-0002", MaLinhVuc="LV77")]
    await site.call(SYNC, data=two)
    await site.call(STEP, data=[step()])
    assert doubts_of(site) == [(), ("unknown_field",)]
    assert [message.headers.get("doubts") for message in site.inbox.messages] == [
        None,
        "unknown_field",
        None,
    ]


async def test_a_doubt_does_not_make_another_fact_of_a_repetition() -> None:
    site, later = Site(), Site()
    await pulled(later)
    await site.call(SYNC, data=[dossier(**ALL)], isUpdating="False")
    await later.call(SYNC, data=[dossier(**ALL)], isUpdating="True")
    (first,), (again,) = events_of(site), events_of(later)
    assert first.natural_key == again.natural_key
    assert [doubts_of(each) for each in (site, later)] == [[()], [TOLD]]
    for event in (first, again):
        assert event.encoded is not None
        assert DossierEvent.model_validate_json(event.encoded) == event.data


@pytest.mark.parametrize(("age_seconds", "doubts"), [(90, TOLD), (110, ())])
async def test_a_catalogue_that_was_pulled_too_long_ago_doubts_nothing_of_a_product(
    age_seconds: int, doubts: tuple[str, ...]
) -> None:
    site = Site(SETTINGS.model_copy(update={"catalogue_trusted_seconds": 100.0}))
    await pulled(site, age_seconds=age_seconds)
    await site.call(SYNC, data=[dossier(**ALL)])
    assert doubts_of(site) == [doubts]


@pytest.mark.parametrize("reads_from", [None, "portal"])
async def test_without_a_catalogue_nothing_is_looked_up(reads_from: str | None) -> None:
    site = Site(SETTINGS.model_copy(update={"reads_from": reads_from}))
    await site.call(SYNC, data=[dossier(**ALL)])
    assert doubts_of(site) == [()]


class Away(MemoryGround):
    """A ground that answers nothing, at once or never; `asked` counts."""

    asked = 0
    silent = False

    async def alias(self, kind: str, value: str) -> Alias | None:
        self.asked += 1
        if self.silent:
            await asyncio.Event().wait()
        raise Unavailable("the store does not answer")


@pytest.mark.parametrize("silent", [False, True])
def test_a_store_that_is_away_is_asked_once_a_minute_and_holds_nobody_up(silent: bool) -> None:
    ground = Away()
    ground.silent = silent
    message = Message(connector="one_stop", operation=SYNC, body=b"{}", key=CODE)
    now, asked = [0.0], []
    unknowns = Unknowns(lambda: lists_on(ground), clock=lambda: now[0])

    async def course() -> None:
        for now[0] in (0.0, REREAD_SECONDS - 1, REREAD_SECONDS):
            begun = virtual_clock()
            assert await unknowns.told_with([message] * 3, [ALL] * 3) == [message] * 3
            assert virtual_clock() - begun <= LOOK_SECONDS
            asked.append(ground.asked)

    run(course())
    assert asked == [1, 1, 2]


def test_the_settings_refuse_a_trust_of_no_time() -> None:
    with pytest.raises(ValueError, match="catalogue_trusted_seconds"):
        OneStopSettings.model_validate({**SETTINGS.model_dump(), "catalogue_trusted_seconds": 0})
