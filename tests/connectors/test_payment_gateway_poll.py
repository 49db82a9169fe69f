"""The poller: open payments asked about fairly, and the day's file compared."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import date, datetime, timedelta
from typing import Any

import pytest

from hub.connectors.payment_gateway.client import PaymentClient
from hub.connectors.payment_gateway.poll import PaymentPoller
from hub.errors import HubError, Misconfigured, Unavailable
from hub.event import Alias
from hub.wire.dvcqg.dates import VIETNAM
from tests.connectors.ground import MemoryGround
from tests.connectors.payment_examples import CODE, Till, fee_due, request_of, said_by, till

DAY = "2026-01-05"
MORNING_AFTER = 86400.0


async def refused(doing: Any) -> HubError:
    with pytest.raises(HubError) as caught:
        await doing
    return caught.value


async def confirmed(site: Till, amount: int) -> str:
    """The reference of a confirmed payment."""
    told = await site.pay(await site.link(fee_due(amount)))
    await site.hear()
    reference: str = told["reference"]
    return reference


async def compared(site: Till, cursor: str = "2026-01-04") -> Any:
    """The data of the one comparison of a look."""
    events, _ = await site.look(cursor)
    (event,) = [event for event in events if event.kind == "payment.reconciled"]
    assert event.subject == f"reconciliation/payment_gateway/{DAY}"
    return event.data


async def test_a_look_repeated_before_it_is_kept_gives_the_same_messages() -> None:
    async with till() as site:
        await site.pay(await site.link(), callbacks=0)
        site.later(700)
        one, again = await site.poller.poll(""), await site.poller.poll("")
        assert [message.id for message in one.messages] == [
            message.id for message in again.messages
        ]
        assert len(one.messages) == 1


async def test_what_was_asked_about_goes_to_the_end_of_the_queue() -> None:
    async with till(asked_limit_count=1) as site:
        one, other = await site.link(fee_due(1000)), await site.link(fee_due(2000))
        site.later(700)
        asked: list[str] = []
        for _ in range(3):
            page = await site.poller.poll("")
            await site.poller.done(page)
            asked += page.receipts
        ids = [said_by(event).payment_id for event in (one, other)]
        assert asked == ids


async def test_another_instances_payments_are_left_to_it() -> None:
    async with till() as site:
        await site.link()
        site.later(700)
        other = type(site.poller)("vnpay_2", site.settings, site.ground, clock=lambda: site.now)
        assert (await other.poll("")).receipts == ()
        await other.close()


async def test_one_that_cannot_be_asked_about_does_not_keep_others_waiting() -> None:
    async with till() as site:
        lost, paid = await site.link(fee_due(1000)), await site.link(fee_due(2000))
        await site.pay(paid, callbacks=0)
        site.later(700)
        reference = said_by(lost).payment_id
        await site.play({"fault": "5xx", "operation": "querydr", "subject": reference})
        assert [event.kind for event in (await site.look())[0]] == ["payment.confirmed"]


async def test_one_that_is_refused_for_ever_lets_the_next_have_its_turn() -> None:
    async with till(asked_limit_count=1) as site:
        odd, paid = await site.link(fee_due(1000)), await site.link(fee_due(2000))
        await site.pay(paid, callbacks=0)
        site.later(700)
        about = {"operation": "querydr", "subject": said_by(odd).payment_id}
        await site.play({"fault": "refuse", "error_code": "03", **about})
        page = await site.poller.poll("")
        assert "03" in page.problem
        await site.poller.done(page)
        assert [event.kind for event in (await site.look())[0]] == ["payment.confirmed"]


async def test_one_that_cannot_be_asked_about_is_told_beside_the_others() -> None:
    async with till() as site:
        lost, other = await site.link(fee_due(1000)), await site.link(fee_due(2000))
        site.later(700)
        about = {"operation": "querydr", "subject": said_by(lost).payment_id}
        await site.play({"fault": "5xx", **about})
        page = await site.poller.poll("")
        assert set(page.receipts) == {said_by(lost).payment_id, said_by(other).payment_id}
        assert "HTTP 5" in page.problem


async def test_a_gateway_that_is_away_is_told() -> None:
    async with till() as site:
        await site.link()
        site.later(700)
        await site.play({"fault": "5xx", "operation": "querydr"})
        assert isinstance(await refused(site.poller.poll("")), Unavailable)
        await site.play({"fault": "refuse", "operation": "querydr", "error_code": "97"})
        assert isinstance(await refused(site.poller.poll("")), Misconfigured)


async def test_without_a_file_in_the_settings_nothing_is_compared() -> None:
    async with till() as site:
        site.later(3 * MORNING_AFTER)
        page = await site.poller.poll("2026-01-04")
        assert page.messages == ()


async def test_days_before_a_file_was_named_in_the_settings_are_not_compared() -> None:
    """Else the first look with a file would say of every day since the first start: missing."""
    async with till() as site:
        cursor = (await site.poller.poll("")).cursor
        assert (await site.poller.poll("2026-01-02")).cursor == "2026-01-02"
    async with till(settlement={}) as site:
        site.later(30 * MORNING_AFTER)
        today = site.now.astimezone(VIETNAM).date()
        assert (await site.poller.poll(cursor)).cursor == (today - timedelta(days=1)).isoformat()


async def test_a_day_that_a_clock_compared_too_early_does_not_end_comparing() -> None:
    async with till(settlement={}) as site:
        assert (await site.poller.poll("2027-01-05")).cursor == "2026-01-05"


async def test_the_first_look_begins_with_today() -> None:
    async with till(settlement={}) as site:
        assert (await site.poller.poll("")).cursor == "2026-01-04"
        assert (await site.poller.poll("nonsense")).cursor == "2026-01-04"


async def test_a_day_that_agrees_is_told_once() -> None:
    async with till(settlement={}) as site:
        await confirmed(site, 150_000)
        await confirmed(site, 20_000)
        site.later(MORNING_AFTER)
        events, cursor = await site.look("2026-01-04")
        (event,) = events
        data: Any = event.data
        assert cursor == DAY
        assert (data.day, data.file_found, data.difference_count) == (date(2026, 1, 5), True, 0)
        assert (data.file_count, data.file_vnd) == (data.hub_count, data.hub_vnd) == (2, 170_000)
        assert (await site.ground.fetch(data.file)).startswith(b"reference,transaction,amount")
        assert await site.look("2026-01-04") == ([], DAY)
        assert await site.look(cursor) == ([], DAY)


async def test_the_file_is_fetched_only_when_it_is_due() -> None:
    async with till(settlement={"due_seconds": 7 * 3600}) as site:
        site.now = datetime(2026, 1, 6, 6, 59, 59, tzinfo=VIETNAM)
        assert (await site.poller.poll("2026-01-04")).cursor == "2026-01-04"
        site.later(1)
        assert (await site.poller.poll("2026-01-04")).cursor == DAY


async def test_differences_are_told_and_what_the_bank_knows_more_is_asked_about() -> None:
    async with till(settlement={}) as site:
        lost, wrong = await confirmed(site, 1000), await confirmed(site, 2000)
        unheard = await site.link(fee_due(3000))
        await site.pay(unheard, callbacks=0)
        site.ground.known.update(_with_state(site, said_by(unheard).payment_id, "failed"))
        altered = {"dropped": [lost], "amounts": {wrong: 1}, "added": [["X9", "77", 500]]}
        await site.control("PUT", "settlement", altered)
        site.later(MORNING_AFTER)
        events, _ = await site.look("2026-01-04")
        assert [event.kind for event in events] == ["payment.confirmed", "payment.reconciled"]
        data: Any = events[1].data
        assert {(each.kind.value, each.payment_id, each.code) for each in data.differences} == {
            ("amount", wrong, CODE),
            ("missing_in_hub", said_by(unheard).payment_id, CODE),
            ("missing_in_hub", "X9", ""),
            ("missing_in_file", lost, CODE),
        }


async def test_a_row_with_a_foreign_reference_is_a_difference_and_the_rest_is_compared() -> None:
    """Two of them are not one order twice, and what stands in them is not repeated."""
    async with till(settlement={}) as site:
        right, wrong = await confirmed(site, 1000), await confirmed(site, 2000)
        foreign = [["Nguyễn Văn Mẫu", "71", 300], ["DH-1/2026", "72", 400], ["", "73", 500]]
        await site.control("PUT", "settlement", {"added": foreign, "amounts": {wrong: 1}})
        site.later(MORNING_AFTER)
        data = await compared(site)
        assert (data.file_found, data.file_count, data.hub_count) == (True, 5, 2)
        assert right not in {each.payment_id for each in data.differences}
        assert [
            (each.kind.value, each.payment_id, each.transaction, each.file_amount_vnd)
            for each in data.differences
        ] == [
            ("amount", wrong, site.facts(wrong)["transaction"], 1),
            ("missing_in_hub", "", "71", 300),
            ("missing_in_hub", "", "72", 400),
            ("missing_in_hub", "", "73", 500),
        ]


@pytest.mark.parametrize("trouble", [{"fault": "5xx"}, {"fault": "refuse", "error_code": "03"}, {}])
async def test_what_the_bank_knows_more_is_asked_about_until_the_gateway_tells(
    trouble: dict[str, Any],
) -> None:
    async with till(settlement={}) as site:
        unheard = await site.link()
        told = await site.pay(unheard, callbacks=0, status_code="00")
        site.ground.known.update(_with_state(site, told["reference"], "failed"))
        if trouble:
            await site.play({**trouble, "operation": "querydr", "next_calls": 1})
        else:
            await site.control("POST", "settle", {"status_code": "01"})
            row = [told["reference"], told["transaction"], 150_000]
            await site.control("PUT", "settlement", {"added": [row]})
        site.later(MORNING_AFTER)
        data = await compared(site)
        assert [each.kind.value for each in data.differences] == ["missing_in_hub"]
        await site.control("POST", "settle", {"status_code": "00"})
        site.later(700)
        assert [event.kind for event in (await site.look(DAY))[0]] == ["payment.confirmed"]


def _with_state(site: Till, reference: str, state: str) -> dict[tuple[str, str], Any]:
    key = ("vnpay.order", reference)
    alias = site.ground.known[key]
    return {key: type(alias)(*key, alias.subject, {**alias.facts, "state": state})}


async def test_a_file_that_never_comes_is_told_as_missing() -> None:
    async with till(settlement={}) as site:
        await confirmed(site, 1000)
        await site.control("PUT", "settlement", {"absent": True})
        site.later(MORNING_AFTER)
        assert (await site.poller.poll("2026-01-04")).cursor == "2026-01-04"
        site.later(3 * MORNING_AFTER)
        data = await compared(site)
        assert (data.file_found, data.hub_count, data.differences) == (False, 1, ())


async def test_an_unreadable_file_is_told_and_in_the_end_counts_as_missing() -> None:
    async with till(settlement={}) as site:
        await site.control("PUT", "settlement", {"added": [["<b>", "1", "x"]]})
        site.later(MORNING_AFTER)
        error = await refused(site.poller.poll("2026-01-04"))
        assert (type(error), error.code) == (Unavailable, "malformed_reply")
        assert "<b>" not in str(error)
        site.later(3 * MORNING_AFTER)
        data = await compared(site)
        assert data.file_found is False
        assert data.file != ""


async def test_a_file_over_the_limit_is_not_read() -> None:
    async with till(settlement={"limit_bytes": 10}) as site:
        site.later(MORNING_AFTER)
        assert (await refused(site.poller.poll("2026-01-04"))).code == "reply_too_large"


async def test_a_file_over_the_limit_counts_as_missing_in_the_end() -> None:
    async with till(settlement={"limit_bytes": 10}) as site:
        site.later(4 * MORNING_AFTER)
        assert (await compared(site)).file_found is False


async def test_trouble_with_the_file_does_not_keep_payments_from_being_asked_about() -> None:
    async with till(settlement={"limit_bytes": 10}) as site:
        await site.pay(await site.link(), callbacks=0)
        site.later(MORNING_AFTER)
        page = await site.poller.poll("2026-01-04")
        assert [event.kind for event in await site.publish(page.messages)] == ["payment.confirmed"]
        assert page.cursor == "2026-01-04"
        assert "too large" in page.problem


async def test_what_is_told_of_two_payments_is_not_taken_for_one() -> None:
    async with till() as site:
        links = [await site.link(fee_due(1000)), await site.link(fee_due(2000))]
        site.later(site.settings.give_up_seconds + 1000)
        page = await site.poller.poll("")
        assert len({message.id for message in page.messages}) == 2
        failed = await site.publish(page.messages)
        assert {said_by(each).payment_id for each in failed} == {
            said_by(each).payment_id for each in links
        }


async def test_another_instances_payment_in_the_file_is_missing_here_and_not_asked_about() -> None:
    async with till(settlement={}) as site:
        link = await site.link()
        await site.pay(link, callbacks=0)
        reference = said_by(link).payment_id
        await site.ground.remember([Alias("vnpay.order", reference, CODE, {"instance": "other"})])
        site.later(MORNING_AFTER)
        data = await compared(site)
        assert [(each.kind, each.code) for each in data.differences] == [("missing_in_hub", "")]
        assert site.calls("querydr") == 0


class Meanwhile:
    """The ground, where something happens while the document of the `number`th order is read."""

    def __init__(
        self, ground: MemoryGround, number: int, what: Callable[[], Awaitable[object]]
    ) -> None:
        self._ground, self._left, self._what = ground, number, what

    def __getattr__(self, name: str) -> Any:
        return getattr(self._ground, name)

    async def fetch(self, reference: str) -> bytes:
        self._left -= 1
        if self._left == 0:
            await self._what()
        return await self._ground.fetch(reference)


@pytest.mark.parametrize(("asks", "number"), [("poller", 1), ("poller", 2), ("report", 1)])
async def test_a_failure_heard_before_the_payment_is_not_told_after_its_confirmation(
    asks: str, number: int
) -> None:
    """The citizen's second try succeeds after the gateway has told of the first."""
    async with till() as site:
        link = await site.link()
        await site.pay(link, response_code="24", status_code="02")
        (reported,) = await site.publish(site.ground.messages)
        site.ground.messages.clear()
        await site.pay(await site.link(fee_due(2000)), callbacks=0)  # the second of a look
        site.later(700)

        async def paid() -> None:
            await site.pay(link)
            await site.hear()

        ground: Any = Meanwhile(site.ground, number, paid)
        parts = ("payment_gateway", site.settings, ground)
        if asks == "poller":
            poller = PaymentPoller(*parts, clock=lambda: site.now)
            await site.publish((await poller.poll("")).messages)
            await poller.close()
        else:
            client = PaymentClient(*parts, clock=lambda: site.now)
            request = request_of(reported, site.settings)
            await site.take(await client.deliver([request], timeout_seconds=10))
            await client.close()
        reference = said_by(link).payment_id
        told = [each.kind for each in site.events if said_by(each).payment_id == reference]
        assert told == ["payment." + kind for kind in ("requested", *2 * ["reported"], "confirmed")]
        assert site.facts(reference)["state"] == "confirmed"


async def test_a_debt_that_is_paid_while_the_gateway_is_asked_gets_no_second_link() -> None:
    async with till() as site:
        link = await site.link()
        await site.pay(link, callbacks=0, response_code="24", status_code="02")
        site.later(1000)

        async def paid() -> None:
            await site.pay(link, late=True)
            await site.hear()

        ground: Any = Meanwhile(site.ground, 1, paid)
        client = PaymentClient("payment_gateway", site.settings, ground, clock=lambda: site.now)
        reply = await client.deliver([request_of(fee_due(), site.settings)], timeout_seconds=10)
        await client.close()
        assert (reply.foreign_code, reply.messages, len(site.ground.known)) == ("paid", (), 1)


async def test_a_late_report_of_what_is_confirmed_meanwhile_leaves_the_order_confirmed() -> None:
    async with till() as site:
        link = await site.link()
        site.later(site.settings.give_up_seconds + 2000)
        await site.look()
        told = await site.pay(link, late=True)
        (reported,) = await site.publish(site.ground.messages)

        async def confirmed_by_another() -> None:
            await site.deliver(reported)

        ground: Any = Meanwhile(site.ground, 1, confirmed_by_another)
        client = PaymentClient("payment_gateway", site.settings, ground, clock=lambda: site.now)
        request = request_of(reported, site.settings)
        await site.take(await client.deliver([request], timeout_seconds=10))
        await client.close()
        assert site.kinds() == ["requested", "failed", "reported", "confirmed"]
        assert site.facts(told["reference"])["state"] == "confirmed"
