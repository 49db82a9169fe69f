"""VNPAY: what is given back, against the simulated gateway, over real HTTP."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest

from hub.connector import Answer
from hub.connectors.payment_gateway import CONNECTOR
from hub.errors import HubError, Misconfigured, Rejected, Unavailable, UnknownOutcome
from tests.connectors.payment_examples import (
    Till,
    refund_of,
    said_by,
    till,
)

FINAL = ["requested", "reported", "confirmed"]


@pytest.fixture
async def site() -> AsyncIterator[Till]:
    async with till() as running:
        yield running


async def refused(doing: Any) -> HubError:
    with pytest.raises(HubError) as caught:
        await doing
    return caught.value


async def paid_order(site: Till) -> str:
    """The reference of an order that is confirmed as paid."""
    link = await site.link()
    await site.pay(link)
    await site.hear()
    reference: str = said_by(link).payment_id
    return reference


async def test_a_refund_carries_its_key_and_is_told_once(site: Till) -> None:
    reference = await paid_order(site)
    event = refund_of(reference)
    (refunded,) = await site.deliver(event)
    data: Any = refunded.data
    assert (refunded.kind, data.amount_vnd, data.whole) == ("payment.refunded", 150_000, True)
    (row,) = [row for row in site.log.last() if row["operation"] == "refund"]
    assert row["id"]
    assert site.facts(reference)["refunded_vnd"] == "150000"


async def test_a_refund_names_the_transaction_that_was_confirmed(site: Till) -> None:
    """Not the one that a first try had: its callback is remembered too."""
    link = await site.link()
    await site.pay(link, response_code="24", status_code="02")
    second = await site.pay(link, callbacks=0)
    await site.hear()
    await site.deliver(refund_of(said_by(link).payment_id))
    state = await site.control("GET", "state")
    assert state["refunded_numbers"] == [second["transaction"]]


async def test_parts_are_given_back_up_to_what_was_paid(site: Till) -> None:
    reference = await paid_order(site)
    (part,) = await site.deliver(refund_of(reference, 100_000))
    assert said_by(part).whole is False
    assert isinstance(await refused(site.send(refund_of(reference, 50_001))), Rejected)
    assert site.calls("refund") == 1
    (rest,) = await site.deliver(refund_of(reference))
    assert (said_by(rest).amount_vnd, said_by(rest).whole) == (50_000, True)
    assert (await site.control("GET", "state"))["refunded_vnd"] == 150_000


async def test_what_is_given_back_counts_before_its_event_is_told(site: Till) -> None:
    reference = await paid_order(site)
    first = await site.send(refund_of(reference, 100_000))
    await site.ground.remember(first.aliases)
    assert isinstance(await refused(site.send(refund_of(reference, 100_000))), Rejected)
    await site.send(refund_of(reference, 50_000))
    assert site.calls("refund") == 2
    assert (await site.control("GET", "state"))["refunded_vnd"] == 150_000


@pytest.mark.parametrize("change", [{"vnp_TxnRef": "H1"}, {"vnp_Amount": "x"}])
async def test_an_answer_about_another_order_does_not_say_that_a_refund_was_taken(
    site: Till, change: dict[str, str]
) -> None:
    reference = await paid_order(site)
    await site.control("POST", "refunds", {"reference": reference, "answer": change})
    error = await refused(site.send(refund_of(reference)))
    assert isinstance(error, UnknownOutcome)
    assert error.code == "malformed_reply"


async def test_what_was_not_paid_cannot_be_given_back(site: Till) -> None:
    link = await site.link()
    reference = said_by(link).payment_id
    assert isinstance(await refused(site.send(refund_of(reference))), Rejected)
    assert (await refused(site.send(refund_of("X1")))).code == "unknown_payment"
    assert site.calls("refund") == 0


async def test_a_lost_answer_to_a_refund_is_asked_about_and_not_repeated(site: Till) -> None:
    reference = await paid_order(site)
    event = refund_of(reference)
    assert (await site.ask(event)).answer is Answer.NOT_TAKEN
    await site.play(
        {"fault": "timeout_after_success", "operation": "refund", "then": "cut", "next_calls": 1}
    )
    assert isinstance(await refused(site.send(event)), UnknownOutcome)
    asked = await site.ask(event)
    assert asked.answer is Answer.TAKEN
    assert [each.kind for each in await site.take(asked.reply)] == ["payment.refunded"]
    assert (await site.control("GET", "state"))["refunded_vnd"] == 150_000


async def test_the_gateway_cannot_tell_one_part_from_another(site: Till) -> None:
    reference = await paid_order(site)
    await site.deliver(refund_of(reference, 100_000))
    assert (await site.ask(refund_of(reference, 50_000))).answer is Answer.UNKNOWN


async def test_a_refund_that_the_bank_refused_needs_a_person(site: Till) -> None:
    reference = await paid_order(site)
    event = refund_of(reference)
    await site.send(event)
    await site.control("POST", "refunds", {"reference": reference, "status": "09"})
    assert isinstance(await refused(site.ask(event)), Rejected)


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        ({"fault": "refuse", "error_code": "02"}, Misconfigured),
        ({"fault": "refuse", "error_code": "03"}, Rejected),
        ({"fault": "refuse", "error_code": "91"}, Rejected),
        ({"fault": "refuse", "error_code": "94"}, UnknownOutcome),
        ({"fault": "refuse", "error_code": "95"}, Rejected),
        ({"fault": "refuse", "error_code": "97"}, Misconfigured),
        ({"fault": "refuse", "error_code": "99"}, UnknownOutcome),
        ({"fault": "refuse", "error_code": "42"}, UnknownOutcome),
        ({"fault": "5xx", "status": 500}, UnknownOutcome),
        ({"fault": "5xx", "status": 503}, Unavailable),
        ({"fault": "malformed"}, UnknownOutcome),
    ],
)
async def test_each_answer_to_a_refund_is_ours(
    site: Till, fault: dict[str, Any], error: type[HubError]
) -> None:
    reference = await paid_order(site)
    await site.play({**fault, "operation": "refund"})
    assert type(await refused(site.send(refund_of(reference)))) is error


async def test_a_refund_whose_answer_is_unproved_is_asked_about(site: Till) -> None:
    reference = await paid_order(site)
    await site.control("POST", "spoil")
    assert isinstance(await refused(site.send(refund_of(reference))), UnknownOutcome)


def test_only_a_refund_is_asked_about_before_it_is_repeated() -> None:
    declared = {name: each.repetition.value for name, each in CONNECTOR.operations.items()}
    assert declared.pop("refund") == "askable"
    assert set(declared.values()) == {"harmless"}


async def test_a_refund_counts_before_its_event_is_told(site: Till) -> None:
    reference = await paid_order(site)
    first = await site.send(refund_of(reference, 50_000))
    await site.ground.remember(first.aliases)
    second = await site.send(refund_of(reference, 60_000))
    await site.ground.remember(second.aliases)
    assert isinstance(await refused(site.send(refund_of(reference, 60_000))), Rejected)
    assert site.calls("refund") == 2
    assert [said_by(each).whole for each in await site.publish(first.messages)] == [False]
    assert site.facts(reference)["refunded_vnd"] == "110000"


@pytest.mark.parametrize("status", ["02", "09"])
async def test_an_answer_that_the_refund_was_refused_tells_no_refund(
    site: Till, status: str
) -> None:
    reference = await paid_order(site)
    await site.control(
        "POST",
        "refunds",
        {"reference": reference, "answer": {"vnp_TransactionStatus": status}},
    )
    event = refund_of(reference)
    error: Any = await refused(site.send(event))
    assert (type(error), error.documented, error.foreign_code) == (Rejected, True, status)
    assert isinstance(await refused(site.ask(event)), Rejected)
    assert (await site.control("GET", "state"))["refunded_vnd"] == 0
    assert site.kinds() == FINAL
