"""Limits at the edge: what just fits is taken, one more is not; beside the connectors' own tests.

`EDGES` names for each setting that is a limit the test that stands at its edge. A connector
without such settings needs no row.
"""

from __future__ import annotations

from datetime import date
from typing import Any

import orjson
import pytest
from pydantic import BaseModel

from hub.connectors.payment_gateway.settlement import Day, Row, compare
from hub.errors import Unavailable
from tests.connectors.contract import importable
from tests.connectors.edges import faults
from tests.connectors.office_examples import office, submitted
from tests.connectors.one_stop_door import SETTINGS, SYNC, UNIT, Site, dossier
from tests.connectors.payment_examples import till
from tests.connectors.platform_examples import hub_door, platform
from tests.connectors.portal_examples import dossier_event, portal
from tests.connectors.test_national_portal_inbound import unit
from tests.connectors.test_payment_gateway_poll import MORNING_AFTER
from tests.rules.settings import named

TAKEN_AT_THE_DOOR = "test_a_door_reads_a_body_up_to_its_limit"

EDGES = {
    "document_exchange": {
        "package_bytes memory_bytes around_bytes unpacked_bytes attachments_count": (
            "test_limits_hold_at_the_edge"
        ),
        "page_count": "test_a_long_list_is_taken_page_by_page",
    },
    "document_office": {
        "call_bytes": "test_the_limits_of_files_hold_at_the_edge",
        "file_bytes": "test_a_file_that_is_too_large_fails_and_one_at_the_edge_does_not",
        "files_count": "test_the_count_of_files_holds_at_the_edge",
        "package_bytes": "test_a_package_of_the_office_is_read_up_to_its_limit",
        "list_count fetch_count": "test_many_packages_are_fetched_in_portions_oldest_first",
    },
    "national_portal": {
        "file_bytes": "test_a_file_beyond_the_limit_is_not_read",
        "receives.body_limit_bytes": TAKEN_AT_THE_DOOR,
        "receives.items_limit_count receives.files_limit_count receives.file_limit_bytes": (
            "test_what_just_fits_the_limits_is_taken"
        ),
        "known_dossiers_count": "test_as_many_dossiers_are_remembered_as_the_limit_says",
    },
    "one_stop": {
        "body_limit_bytes": "test_a_product_may_send_a_body_up_to_its_limit",
        "items_limit_count": "test_a_product_may_send_items_up_to_their_limit",
        "files_limit_bytes": "test_files_inside_a_dossier_have_a_limit_together",
        "office_body_limit_bytes": "test_a_call_to_the_office_may_be_as_large_as_its_limit",
        "page_limit_count": "test_a_page_is_as_large_as_asked_within_the_limit",
    },
    "payment_gateway": {
        "asked_limit_count": "test_what_was_asked_about_goes_to_the_end_of_the_queue",
        "bill_limit_bytes": "test_a_receipt_of_the_platform_is_read_up_to_its_limit",
        "callback_limit_bytes": "test_a_callback_at_the_limit_is_read_and_one_over_it_is_not",
        "settlement.limit_bytes": "test_a_settlement_file_is_read_up_to_its_limit",
        "settlement.rows_limit_count": "test_rows_are_counted_at_the_edge",
        "settlement.differences_limit_count": "test_differences_are_listed_up_to_their_limit",
    },
    "petitions": {
        "body_limit_bytes": "test_the_body_limit_holds_to_the_byte",
        "text_limit_count": "test_the_text_limit_holds_to_the_character",
        "attachment_bytes attachments_count": "test_the_limits_of_files_hold_at_the_edge",
    },
    "provincial_portal": {
        "receives.body_limit_bytes": TAKEN_AT_THE_DOOR,
        "receives.items_limit_count receives.files_limit_count receives.file_limit_bytes": (
            "test_what_just_fits_the_limits_is_taken"
        ),
        "known_dossiers_count": "test_as_many_dossiers_are_remembered_as_the_limit_says",
    },
    "public_post": {
        "feed.page_count": "test_a_long_feed_is_read_page_by_page_and_each_entry_once",
    },
}
NO_ROW = {"connections_count", "settlement.per_vnd_count", "reply_bytes"}
"""A pool's size, a factor, and what `an_answer_is_read_up_to_its_limit` tries everywhere."""


def limits_of(model: type[BaseModel]) -> set[str]:
    """Settings of a size or count; terms in days are none."""
    found = named(model, "_bytes", "_count")
    return {name for name in found if not name.endswith("days_count")}


@pytest.mark.parametrize("kind", importable())
def test_every_limit_has_a_test_at_its_edge(kind: str) -> None:
    limits = limits_of(importable()[kind].settings) - NO_ROW
    told = list(faults("tests/connectors/test_limits.py", kind, EDGES.get(kind, {}), limits))
    if told:
        pytest.fail("\n".join(told), pytrace=False)


def test_a_row_that_is_missing_or_wrong_is_told_by_its_setting() -> None:
    table = {"old_bytes": "test_that_nobody_wrote"}
    assert list(faults("tests/a.py", "toy", table, {"new_bytes"})) == [
        "tests/a.py: EDGES['toy'] does not name the test at the edge of the setting new_bytes",
        "tests/a.py: EDGES['toy'] speaks of old_bytes, which is no such limit of the connector",
        "tests/a.py: EDGES['toy'] names test_that_nobody_wrote, which is no test",
    ]


@pytest.mark.parametrize("over", [0, 1])
async def test_a_door_reads_a_body_up_to_its_limit(over: int) -> None:
    blanks, code = b" " * (300 + over), "too_large" if over else "malformed"
    async with unit(body_limit_bytes=300) as door:
        await door.hear(blanks)
        assert [refusal.code for refusal in door.ground.refusals] == [code]
    async with hub_door(body_limit_bytes=300) as platform:
        await platform.hear(SYNC, blanks)
        assert [refusal.code for refusal in platform.ground.refusals] == [code]


@pytest.mark.parametrize("over", [0, 1])
async def test_a_product_may_send_a_body_up_to_its_limit(over: int) -> None:
    limit = 5000
    site = Site(SETTINGS.model_copy(update={"body_limit_bytes": limit}))
    call = {"session": await site.login(), "madonvi": UNIT, "service": SYNC}
    call |= {"isUpdating": "False", "data": [dossier(GhiChu="")]}
    room = limit - len(orjson.dumps(call)) + over
    call["data"] = [dossier(GhiChu="x" * room)]
    await site.post("/integration", call)
    assert ("too_large" in site.codes()) == bool(over)


@pytest.mark.parametrize("over", [0, 1])
async def test_a_product_may_send_items_up_to_their_limit(over: int) -> None:
    site = Site(SETTINGS.model_copy(update={"items_limit_count": 3}))
    rows = [dossier(f"H99.01-260105-000{number}") for number in range(3 + over)]
    await site.call(SYNC, isUpdating="False", data=rows)
    assert ("too_large" in site.codes()) == bool(over)
    assert len(site.inbox.messages) == (0 if over else 3)


async def test_a_package_of_the_office_is_read_up_to_its_limit() -> None:
    async def look(limit: int) -> None:
        async with office(package_bytes=limit) as desk:
            await desk.deliver(submitted())
            await desk.decide("01")
            assert (await desk.look()).messages

    fits = await _smallest(look)
    assert fits > 100


async def test_a_receipt_of_the_platform_is_read_up_to_its_limit() -> None:
    async def fetch(limit: int) -> None:
        async with till("payplat", bill_limit_bytes=limit) as site:
            link = await site.link()
            await site.pay(link)
            asked = {"reference": link.data.payment_id}
            told = await site.client.query("GET_BILL", "", asked)
            sizes.add(told["bytes"])

    sizes: set[int] = set()
    fits = await _smallest(fetch)
    assert sizes == {fits}


async def test_a_settlement_file_is_read_up_to_its_limit() -> None:
    async def look(limit: int) -> None:
        async with till(settlement={"limit_bytes": limit}) as site:
            site.later(MORNING_AFTER)
            await site.poller.poll("2026-01-04")

    assert await _smallest(look) > 10


def test_differences_are_listed_up_to_their_limit() -> None:
    rows = [Row(f"R{number}", "1", 5) for number in range(3)]
    day = Day("gateway", "vnpay", date(2026, 1, 5), rows, {}, {})
    assert [len(compare(day, limit)["differences"]) for limit in (2, 3, 4)] == [2, 3, 3]


@pytest.mark.parametrize(("limit", "remembered"), [(2, True), (1, False)])
async def test_as_many_dossiers_are_remembered_as_the_limit_says(
    limit: int, remembered: bool
) -> None:
    first, second = dossier_event(), dossier_event(MaHoSo="H99.01-260105-0077")
    async with portal(known_dossiers_count=limit) as site:
        await site.deliver(first)
        await site.deliver(second)
        await site.deliver(first)
        assert site.operations().count("TraCuuHoSo") == (2 if remembered else 3)
    async with platform(known_dossiers_count=limit) as other:
        await other.deliver(first)
        await other.deliver(second)
        await other.deliver(first)
        assert [row["ok"] for row in other.log.last()].count(False) == (0 if remembered else 1)


async def _smallest(run: Any) -> int:
    """The smallest limit under which something works, found by halving; one less must not do."""
    low, high = 0, 4096
    while high - low > 1:
        middle = (low + high) // 2
        fits = True
        try:
            await run(middle)
        except Unavailable as error:
            if error.code != "reply_too_large":
                raise
            fits = False
        low, high = (low, middle) if fits else (middle, high)
    return high
