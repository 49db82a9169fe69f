"""Packages that cannot be fetched: the order of each sender holds, and nobody else waits."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import pytest

from hub.connector import Page
from hub.connectors.document_exchange.poll import AxisPoller
from hub.connectors.document_exchange.waiting import Waiting
from hub.errors import Unavailable
from tests.connectors.document_examples import THEIRS, Axis, axis

OTHER = "H99.04"


def row(doc_id: str, sender: str = THEIRS, at: str = "2026/01/05 10:00:00") -> dict[str, Any]:
    return {"docId": doc_id, "from": sender, "to": "H99.01", "created_time": at}


def ids(page: Page) -> list[str]:
    return [receipt.partition(" ")[2] for receipt in page.receipts]


async def away(here: Axis, *doc_ids: str) -> None:
    """These packages cannot be fetched."""
    fault = {"fault": "5xx", "operation": "getEdoc"}
    await here.play(*({**fault, "subject": doc_id} for doc_id in doc_ids))


async def look(here: Axis) -> list[str]:
    page = await here.poller.poll("")
    await here.poller.done(page)
    return ids(page)


async def test_a_later_status_waits_for_the_one_that_cannot_be_fetched() -> None:
    async with axis() as here:
        first = await here.act(do="status", code="03", about="x", at="2026/01/05 10:00:00")
        second = await here.act(do="status", code="06", about="x", at="2026/01/05 11:00:00")
        other = await here.act(do="status", code="03", about="y", **{"from": OTHER})
        await away(here, first)
        page = await here.poller.poll("")
        await here.poller.done(page)
        before = ids(page)
        await here.play()
        after = [await look(here), await look(here)]
    assert before == [other], "other senders do not wait"
    assert page.problem == "1 listed packages cannot be fetched"
    assert after == [[first], [second]]


async def test_one_package_that_is_away_slows_down_nothing_and_ends_when_refused() -> None:
    async with axis() as here:
        first = await here.act(do="document", number="1")
        await away(here, first)
        with pytest.raises(Unavailable):
            await here.poller.poll("")
        again = await here.poller.poll("")
        second = await here.act(do="document", number="2", **{"from": OTHER})
        brought = await look(here)
        refusal = {"fault": "refuse", "operation": "getEdoc", "subject": first}
        await here.play({**refusal, "error_code": "21"})
        refused = await here.poller.poll("")
    assert (again.messages, again.more) == ((), False)
    assert again.problem
    assert brought == [second]
    assert refused.receipts == (f"fail {first}",)
    assert refused.problem == ""


async def test_a_refusal_that_nobody_calls_final_gives_no_package_up() -> None:
    """20 is a fault of the axis: told `fail`, the package would be gone."""
    async with axis() as here:
        first = await here.act(do="document", number="1")
        await here.play({"fault": "refuse", "operation": "getEdoc", "error_code": "20"})
        with pytest.raises(Unavailable) as caught:
            await here.poller.poll("")
        await here.play()
        assert await look(here) == [first]
    assert caught.value.code == "fetch_refused"


@pytest.mark.parametrize("data", ['""', "null", "{}"])
async def test_an_answer_without_a_package_gives_no_package_up(data: str) -> None:
    async with axis() as here:
        first = await here.act(do="document", number="1")
        body = f'{{"status":"OK","ErrorCode":"0","data":{data}}}'
        await here.play({"fault": "malformed", "operation": "getEdoc", "body": body})
        with pytest.raises(Unavailable) as caught:
            await here.poller.poll("")
        await here.play()
        assert await look(here) == [first]
    assert caught.value.code == "malformed_reply"


async def test_packages_at_the_head_of_the_list_that_are_away_do_not_hide_the_rest() -> None:
    async with axis(page_count=1) as here:
        broken = [await here.act(do="document", number=str(number)) for number in range(4)]
        good = await here.act(do="document", number="9", **{"from": OTHER})
        await away(here, *broken)
        assert await look(here) == [good]


async def test_an_axis_that_gives_nothing_out_is_a_failure_after_three() -> None:
    async with axis() as here:
        for number in range(5):
            await here.act(do="document", number=str(number), **{"from": f"H99.{10 + number}"})
        await here.play({"fault": "5xx", "operation": "getEdoc"})
        with pytest.raises(Unavailable):
            await here.poller.poll("")
        tried = here.operations().count("getEdoc")
        with pytest.raises(Unavailable):
            await here.poller.poll("")
        again = here.operations().count("getEdoc")
        await here.play()
        assert len(await look(here)) == 5
    assert (tried, again) == (3, 5), "those not tried before come first"


async def test_what_could_not_be_acknowledged_in_part_is_no_failure() -> None:
    async with axis() as here:
        first = await here.act(do="document", number="1")
        second = await here.act(do="document", number="2")
        page = await here.poller.poll("")
        fault = {"fault": "5xx", "operation": "updateStatus"}
        await here.play({**fault, "subject": first})
        await here.poller.done(page)
        assert (await here.state())["waiting"] == 1
        await here.play(fault)
        with pytest.raises(Unavailable):
            await here.poller.done(page)
    assert ids(page) == [first, second]


UNHEARD = [
    {"fault": "refuse", "operation": "updateStatus", "error_code": "20"},
    {"fault": "5xx", "operation": "updateStatus"},
]
"""An axis that is told that a package is here, and lists it all the same."""


@pytest.mark.parametrize("fault", UNHEARD)
async def test_packages_whose_acknowledgement_fails_are_fetched_once_and_hide_none_behind_them(
    fault: dict[str, Any],
) -> None:
    async with axis(page_count=2) as here:
        for number in range(5):
            await here.act(do="document", number=str(number))
        await here.play(fault)
        cursor, brought, is_last = "", 0, False
        for _ in range(4):
            page = await here.poller.poll(cursor)
            with suppress(Unavailable):
                await here.poller.done(page)
            cursor, is_last = page.cursor, not page.more
            brought += len(page.messages)
        assert (brought, is_last) == (5, True)
        assert page.problem == "5 packages are still listed after their acknowledgement"
        assert here.operations().count("getEdoc") == 5
        other = AxisPoller("document_exchange", here.settings, here.ground)
        again = await other.poll(cursor)
        await other.close()
        assert again.messages == (), "another worker goes on from the same cursor"
        await here.play()
        for _ in range(3):
            page = await here.poller.poll(page.cursor)
            await here.poller.done(page)
        last = await here.poller.poll(page.cursor)
        assert (await here.state())["waiting"] == 0
    assert (last.cursor, last.problem) == ("", "")


async def test_one_that_cannot_be_fetched_keeps_no_acknowledgement_waiting() -> None:
    async with axis() as here:
        first = await here.act(do="bad_zip")
        page = await here.poller.poll("")
        second = await here.act(do="document", number="2")
        await away(here, second)
        page = await here.poller.poll(page.cursor)
        await here.poller.done(page)
        last = await here.poller.poll(page.cursor)
    assert page.receipts == (f"fail {first}",)
    assert last.cursor == ""


def test_what_is_held_back_goes_on_after_its_time() -> None:
    now = [0.0]
    waiting = Waiting(60, lambda: now[0])
    first, second = row("a"), row("b")
    waiting.look([first, second])
    waiting.failed(first)
    assert waiting.is_held(second)
    now[0] = 59.9
    assert waiting.look([first, second]) == ([second], [first])
    assert waiting.is_held(second)
    now[0] = 60.0
    assert waiting.look([first, second]) == ([second], [first])
    assert not waiting.is_held(second)


def test_only_what_is_later_of_the_same_sender_waits() -> None:
    waiting = Waiting(60, lambda: 0.0)
    early, late = row("e", at="2026/01/05 09:00:00"), row("l", at="2026/01/05 11:00:00")
    stranger = row("s", OTHER, at="2026/01/05 11:00:00")
    lost = row("a")
    waiting.look([early, lost, late, stranger])
    waiting.failed(lost)
    assert [waiting.is_held(each) for each in (early, lost, late, stranger)] == [
        False,
        False,
        True,
        False,
    ]
    waiting.fetched(lost)
    assert not waiting.is_held(late)
    assert waiting.away_count == 0


def test_what_is_later_is_known_in_every_form_of_a_time() -> None:
    waiting = Waiting(60, lambda: 0.0)
    early, late = row("e", at="31/12/2025 23:59:59"), row("l", at="01/01/2026 00:00:00")
    waiting.look([late, early])
    waiting.failed(early)
    waiting.failed(late)
    assert [waiting.is_held(each) for each in (early, late)] == [False, True]


def test_two_that_are_away_wait_for_one_another_in_order_only() -> None:
    waiting = Waiting(60, lambda: 0.0)
    rows = [row("a"), row("b"), row("c")]
    waiting.look(rows)
    waiting.failed(rows[0])
    waiting.failed(rows[1])
    assert [waiting.is_held(each) for each in rows] == [False, True, True]
    waiting.fetched(rows[0])
    assert [waiting.is_held(each) for each in rows] == [False, False, True]


def test_what_the_axis_no_longer_lists_is_forgotten() -> None:
    waiting = Waiting(60, lambda: 0.0)
    rows = [row("a"), row("b")]
    waiting.look(rows)
    waiting.failed(rows[0])
    assert waiting.look(rows[1:]) == ([rows[1]], [])
    assert not waiting.is_held(rows[1])
    assert waiting.away_count == 0
