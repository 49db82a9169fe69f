"""VNPAY: links, notices, questions and refunds against the simulated gateway, over real HTTP."""

from __future__ import annotations

import asyncio
import traceback
from collections.abc import AsyncIterator
from datetime import datetime
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from hub.errors import HubError, Misconfigured, Rejected, Unavailable
from hub.wire.dvcqg.dates import VIETNAM
from tests.connectors.payment_examples import (
    CODE,
    PERSON,
    UNIT,
    Till,
    fee_due,
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


# Links


async def test_a_fee_becomes_a_link_that_the_gateway_understands(site: Till) -> None:
    link = await site.link()
    data: Any = link.data
    params = parse_qs(urlsplit(data.pay_url).query)
    assert (link.subject, data.amount_vnd, data.unit) == (CODE, 150_000, UNIT)
    assert params["vnp_Amount"] == ["15000000"]
    assert (params["vnp_CreateDate"], params["vnp_ExpireDate"]) == (
        ["20260105093000"],
        ["20260105094500"],
    )
    assert (await site.pay(link))["answers"] == ["00"]


async def test_what_was_agreed_is_stored_with_the_link_and_names_nobody(site: Till) -> None:
    reply = await site.send(fee_due())
    (alias,) = reply.aliases
    assert (alias.kind, alias.subject) == ("vnpay.order", CODE)
    agreed = {name: alias.facts[name] for name in ("amount_vnd", "currency", "state", "unit")}
    assert agreed == {"amount_vnd": "150000", "currency": "VND", "state": "open", "unit": UNIT}
    assert not any(secret in str(alias.facts) for secret in PERSON)


async def test_a_repetition_gives_the_same_link(site: Till) -> None:
    event = fee_due()
    first = await site.send(event)
    site.later(1)
    before_it_was_stored = await site.send(event)
    assert before_it_was_stored.aliases[0].value == first.aliases[0].value
    await site.take(first)
    assert (await site.send(event)).messages[0].id == first.messages[0].id
    assert await site.deliver(event) == []


async def test_the_same_debt_told_again_shares_the_open_link(site: Till) -> None:
    one, other = await site.link(fee_due()), await site.link(fee_due(TrichYeuHoSo="Sửa"))
    assert said_by(one).pay_url == said_by(other).pay_url
    assert len(site.ground.known) == 1


async def test_another_amount_gets_another_link(site: Till) -> None:
    await site.link(fee_due(150_000))
    await site.link(fee_due(150_000, 20_000))
    assert len(site.ground.known) == 2


async def test_a_link_of_the_amount_before_can_still_be_paid_and_is_confirmed_as_that(
    site: Till,
) -> None:
    """No message of a gateway takes a link back; both are told apart by reference and amount."""
    old, new = await site.link(fee_due(150_000)), await site.link(fee_due(170_000))
    for link in (old, new):
        await site.pay(link)
    await site.hear()
    paid = [said_by(each) for each in site.events if each.kind == "payment.confirmed"]
    assert [(data.payment_id, data.amount_vnd) for data in paid] == [
        (said_by(old).payment_id, 150_000),
        (said_by(new).payment_id, 170_000),
    ]


async def test_a_debt_that_is_paid_gets_no_further_link(site: Till) -> None:
    await paid_order(site)
    reply = await site.send(fee_due())
    assert (reply.foreign_code, reply.messages, reply.aliases) == ("paid", (), ())


async def test_the_same_amount_is_due_anew_long_after_it_was_paid(site: Till) -> None:
    await paid_order(site)
    site.later(site.settings.paid_covers_seconds + 86400)
    await site.link(fee_due())


async def test_a_debt_whose_money_went_back_whole_is_due_again(site: Till) -> None:
    reference = await paid_order(site)
    await site.deliver(refund_of(reference, 100_000))
    assert (await site.send(fee_due())).foreign_code == "paid"
    await site.deliver(refund_of(reference))
    assert said_by(await site.link(fee_due())).payment_id != reference


async def test_an_expired_link_that_was_paid_after_all_is_confirmed_not_repeated(
    site: Till,
) -> None:
    await site.pay(await site.link(), callbacks=0)
    site.later(1000)
    assert [event.kind for event in await site.deliver(fee_due())] == ["payment.confirmed"]


async def test_a_payment_that_was_given_up_and_paid_after_all_is_confirmed_not_repeated(
    site: Till,
) -> None:
    link = await site.link()
    site.later(site.settings.give_up_seconds + 2000)
    await site.look()
    await site.pay(link, late=True, callbacks=0)
    assert [event.kind for event in await site.deliver(fee_due())] == ["payment.confirmed"]
    assert len(site.ground.known) == 1


async def test_a_payment_that_failed_and_stays_failed_is_replaced_and_told_once(
    site: Till,
) -> None:
    await site.pay(await site.link(), response_code="24", status_code="02")
    await site.hear()
    assert [event.kind for event in await site.deliver(fee_due())] == ["payment.requested"]


async def test_an_expired_link_that_nobody_opened_is_replaced(site: Till) -> None:
    first = await site.link()
    site.later(1000)
    second = await site.link(fee_due())
    assert said_by(first).payment_id != said_by(second).payment_id


async def test_debited_money_keeps_a_second_link_from_being_made(site: Till) -> None:
    await site.pay(await site.link(), status_code="04", callbacks=0)
    site.later(1000)
    error = await refused(site.send(fee_due()))
    assert isinstance(error, Unavailable)
    assert error.code == "payment_unsettled"


async def test_a_report_of_money_keeps_a_second_link_from_being_made_until_it_is_given_up(
    site: Till,
) -> None:
    await site.pay(await site.link(), callbacks=0, status_code="01")
    await site.control("POST", "repeat", {"status_code": "00"})
    await site.hear()
    site.later(1000)
    assert (await refused(site.send(fee_due()))).code == "payment_unsettled"
    site.now = datetime.now(VIETNAM)  # the door has no other clock
    site.later(site.settings.give_up_seconds + 60)
    (failed, _) = await site.deliver(fee_due())
    assert failed.kind == "payment.failed"


@pytest.mark.parametrize("status", ["04", "07"])
async def test_debited_money_that_is_given_up_is_told_with_its_status_and_still_counts(
    site: Till, status: str
) -> None:
    link = await site.link()
    await site.pay(link, response_code="07", status_code=status, callbacks=0)
    site.later(site.settings.give_up_seconds + 1000)
    failed, second = await site.deliver(fee_due())
    assert (said_by(failed).reason, said_by(failed).status_code) == ("expired", status)
    assert second.kind == "payment.requested"
    await site.control("POST", "settle", {"status_code": "00"})
    await site.control("POST", "repeat", {"response_code": "00", "status_code": "00"})
    (_, confirmed) = await site.hear()
    assert said_by(confirmed).payment_id == said_by(link).payment_id
    assert (await site.send(fee_due())).foreign_code == "paid"


# The callback, and what follows


async def test_a_payment_is_reported_then_asked_about_then_confirmed(site: Till) -> None:
    link = await site.link()
    told = await site.pay(link, redirect="after")
    assert (told["answers"], told["page"]) == (["00"], 200)
    reported, confirmed = await site.hear()
    data: Any = confirmed.data
    assert (reported.subject, confirmed.subject) == (CODE, CODE)
    assert reported.natural_key != confirmed.natural_key
    assert (data.amount_vnd, data.transaction) == (150_000, told["transaction"])
    assert data.bank_transaction == f"VNP{told['transaction']}"
    assert (data.payer.name, data.payer.id_number) == ("Nguyễn Văn Mẫu", "001099999999")
    assert [(fee.name, fee.amount_vnd) for fee in data.fees] == [("Lệ phí thử", 150_000)]
    assert (data.code, data.unit, data.late) == (CODE, UNIT, False)
    assert data.paid_at == site.now.replace(microsecond=0)
    assert data.confirmed_at > data.paid_at == confirmed.time


async def test_a_duplicate_callback_is_answered_as_known_and_confirmed_once(site: Till) -> None:
    link = await site.link()
    assert (await site.pay(link, callbacks=3))["answers"] == ["00", "02", "02"]
    await site.hear()
    assert site.kinds() == FINAL


async def test_a_callback_that_comes_after_the_confirmation_is_known(site: Till) -> None:
    await site.pay(await site.link(), callbacks=0)
    await site.play({"fault": "timeout_without_effect", "operation": "callback"})
    site.later(700)
    await site.look()
    assert site.kinds() == ["requested", "confirmed"]
    assert (await site.control("POST", "repeat"))["answers"] == ["02"]


async def test_the_callback_comes_before_the_browser_or_after_it_alike(site: Till) -> None:
    told = await site.pay(await site.link(), redirect="before")
    assert (told["answers"], told["page"]) == (["00"], 200)
    await site.hear()
    assert site.kinds() == FINAL


async def test_the_browser_alone_changes_nothing(site: Till) -> None:
    told = await site.pay(await site.link(), callbacks=0, redirect="before")
    assert told["page"] == 200
    assert site.ground.messages == []
    assert site.kinds() == ["requested"]


async def test_a_missing_callback_is_made_good_by_asking(site: Till) -> None:
    await site.pay(await site.link(), callbacks=0)
    assert (await site.look())[0] == []
    site.later(700)
    assert [event.kind for event in (await site.look())[0]] == ["payment.confirmed"]


async def test_callback_and_look_confirm_one_transaction_once(site: Till) -> None:
    await site.pay(await site.link())
    site.later(700)
    page = await site.poller.poll("")
    await site.hear()
    assert await site.publish(page.messages) == []
    assert site.kinds() == FINAL


async def test_a_late_success_after_expiry_is_confirmed_as_late(site: Till) -> None:
    link = await site.link()
    site.later(2000)
    assert await site.pay(link) == {"error": "expired"}
    assert (await site.pay(link, late=True))["answers"] == ["00"]
    (_, confirmed) = await site.hear()
    assert said_by(confirmed).late is True


async def test_a_success_that_comes_after_it_was_given_up_still_counts(site: Till) -> None:
    link = await site.link()
    site.later(site.settings.give_up_seconds + 2000)
    assert [event.kind for event in (await site.look())[0]] == ["payment.failed"]
    assert (await site.pay(link, late=True, callbacks=2))["answers"] == ["00", "02"]
    await site.hear()
    assert site.kinds() == ["requested", "failed", "reported", "confirmed"]


async def test_a_late_report_that_the_gateway_cannot_confirm_yet_is_asked_about_again(
    site: Till,
) -> None:
    link = await site.link()
    site.later(site.settings.give_up_seconds + 2000)
    await site.look()
    told = await site.pay(link, late=True, callbacks=0, status_code="01")
    await site.control("POST", "repeat", {"status_code": "00"})
    await site.hear()
    assert site.facts(told["reference"])["state"] == "open"
    await site.control("POST", "settle", {"status_code": "00"})
    site.later(700)
    await site.look()
    assert site.kinds() == ["requested", "failed", "reported", "confirmed"]


async def test_money_that_is_debited_after_it_was_given_up_is_asked_about_again(
    site: Till,
) -> None:
    link = await site.link()
    site.later(site.settings.give_up_seconds + 2000)
    await site.look()
    told = await site.pay(link, late=True, response_code="07", status_code="07")
    assert told["answers"] == ["00"]
    await site.hear()
    await site.control("POST", "settle", {"status_code": "00"})
    site.later(700)
    await site.look()
    assert site.kinds() == ["requested", "failed", "reported", "confirmed"]


async def test_a_cancelled_payment_fails_once_and_stays_failed(site: Till) -> None:
    link = await site.link()
    told = await site.pay(link, response_code="24", status_code="02", callbacks=2)
    assert told["answers"] == ["00", "02"]
    await site.hear()
    assert site.kinds() == ["requested", "reported", "failed"]
    assert site.facts(told["reference"])["state"] == "failed"


async def test_a_callback_that_lies_about_success_confirms_nothing(site: Till) -> None:
    link = await site.link()
    await site.pay(link, status_code="02", callbacks=0)
    await site.control("POST", "repeat", {"status_code": "00"})
    await site.hear()
    assert site.kinds() == ["requested", "reported", "failed"]


async def test_another_amount_is_refused_and_recorded(site: Till) -> None:
    link = await site.link()
    assert (await site.pay(link, claimed_amount=1000))["answers"] == ["04"]
    (refusal,) = site.ground.refusals
    assert (refusal.code, refusal.subject, refusal.unit) == ("wrong_amount", CODE, UNIT)
    assert (await site.control("POST", "again"))["answers"] == ["00"]


async def test_a_transaction_of_another_amount_is_told_as_failed_for_a_person(site: Till) -> None:
    await site.pay(await site.link(), amount=1000, callbacks=0)
    site.later(700)
    (failed,) = (await site.look())[0]
    assert (failed.kind, said_by(failed).reason) == ("payment.failed", "amount_differs")


async def test_a_wrong_hash_is_refused_and_the_repeated_call_taken(site: Till) -> None:
    link = await site.link()
    assert (await site.pay(link, spoil=True))["answers"] == ["97"]
    assert site.ground.messages == []
    assert (await site.control("POST", "again"))["answers"] == ["00"]


async def test_while_kafka_is_away_the_gateway_is_asked_to_call_again(site: Till) -> None:
    link = await site.link()
    site.ground.kafka_is_away = True
    assert (await site.pay(link))["answers"] == ["99"]
    site.ground.kafka_is_away = False
    assert (await site.control("POST", "again"))["answers"] == ["00"]


# Questions


@pytest.mark.parametrize(
    ("code", "error", "final"),
    [
        ("02", Misconfigured, None),
        ("03", Rejected, True),
        ("94", Unavailable, None),
        ("95", Rejected, True),
        ("97", Misconfigured, None),
        ("99", Unavailable, None),
        ("42", Rejected, False),
        ("Nguyễn Văn Mẫu", Rejected, False),
    ],
)
async def test_each_code_of_querydr_is_ours(
    site: Till, code: str, error: type[HubError], final: bool | None
) -> None:
    await site.pay(await site.link())
    (reported,) = await site.publish(site.ground.messages)
    await site.play({"fault": "refuse", "operation": "querydr", "error_code": code})
    raised = await refused(site.send(reported))
    assert type(raised) is error
    assert getattr(raised, "documented", None) is final
    assert not any(secret in str(raised) for secret in PERSON)


async def test_an_order_that_the_gateway_does_not_know_waits(site: Till) -> None:
    await site.link()
    site.later(700)
    assert (await site.look())[0] == []
    assert site.calls("querydr") == 1


@pytest.mark.parametrize(
    ("fault", "code"),
    [
        ({"fault": "5xx"}, "http_5xx"),
        ({"fault": "429"}, "rate_limited"),
        ({"fault": "malformed"}, "malformed_reply"),
        ({"fault": "malformed", "body": "[]"}, "malformed_reply"),
        ({"fault": "timeout_after_success", "then": "cut"}, "connection_lost"),
        ({"fault": "timeout_without_effect"}, "timeout"),
    ],
)
async def test_a_question_without_an_answer_is_asked_again_later(
    site: Till, fault: dict[str, Any], code: str
) -> None:
    await site.pay(await site.link())
    (reported,) = await site.publish(site.ground.messages)
    await site.play({**fault, "operation": "querydr"})
    error = await refused(site.send(reported, seconds=0.2))
    assert (type(error), error.code) == (Unavailable, code)
    assert not any(secret in "".join(traceback.format_exception(error)) for secret in PERSON)
    await site.play()
    assert [event.kind for event in await site.deliver(reported)] == ["payment.confirmed"]


async def test_an_answer_with_a_wrong_hash_says_nothing(site: Till) -> None:
    await site.pay(await site.link())
    await site.control("POST", "spoil")
    (reported,) = await site.publish(site.ground.messages)
    assert (await refused(site.send(reported))).code == "wrong_hash"
    assert [event.kind for event in await site.deliver(reported)] == ["payment.confirmed"]


async def test_nothing_is_sent_when_the_time_is_over(site: Till) -> None:
    await site.pay(await site.link())
    (reported,) = await site.publish(site.ground.messages)
    assert (await refused(site.send(reported, seconds=0))).code == "timeout_before_sending"
    assert site.calls("querydr") == 0


async def test_an_operator_can_read_what_the_gateway_tells(site: Till) -> None:
    reference = await paid_order(site)
    told = await site.client.query("querydr", UNIT, {"reference": reference})
    assert told["vnp_TransactionStatus"] == "00"
    for operation, body in (("QUERY", {"reference": reference}), ("querydr", {}), ("pay", {})):
        assert (await refused(site.client.query(operation, UNIT, body))).code == "unknown_query"
    unknown = site.client.query("querydr", UNIT, {"reference": "X1"})
    assert (await refused(unknown)).code == "unknown_payment"


async def test_operators_see_which_payments_are_open_for_what_and_since_when(site: Till) -> None:
    await site.link()
    await site.link(fee_due(20_000))
    (one, other) = await site.ground.aliases("vnpay.order", facts={"state": "open"})
    assert {one.subject, other.subject} == {CODE}
    assert {one.facts["created_at"], other.facts["created_at"]} == {"20260105093000"}
    assert await site.ground.aliases("vnpay.order", subject="H99.01-260105-9999") == []


async def test_the_probe_asks_for_an_order_that_does_not_exist(site: Till) -> None:
    assert await site.client.probe() == "QueryDR answered 91"


async def test_a_closed_port_is_no_connection() -> None:
    async with till(vnpay={"api_url": "http://127.0.0.1:9/api"}) as site:
        assert (await refused(site.client.probe())).code == "connect_failed"


async def test_many_callbacks_at_once_are_reported_once(site: Till) -> None:
    await site.pay(await site.link())
    query = site.ground.messages[0].body.decode()
    answers = await asyncio.gather(*(site.call("/payments/callback", query) for _ in range(20)))
    assert {status for status, _ in answers} == {200}
    await site.hear()
    assert site.kinds() == FINAL


async def test_a_debt_that_was_told_very_often_still_has_one_open_link(site: Till) -> None:
    for _ in range(120):
        await site.deliver(fee_due())
        site.later(site.settings.give_up_seconds + 2000)
        await site.look()
    one, other = await site.link(fee_due()), await site.link(fee_due())
    assert said_by(one).payment_id == said_by(other).payment_id


async def test_the_banks_number_of_another_transaction_is_not_told(site: Till) -> None:
    link = await site.link()
    await site.pay(link, response_code="24", status_code="02")
    (reported,) = await site.publish(site.ground.messages)
    second = await site.pay(link, callbacks=0)
    (confirmed,) = await site.deliver(reported)
    assert said_by(confirmed).transaction == second["transaction"]
    assert (said_by(reported).bank_transaction, said_by(confirmed).bank_transaction) == (
        f"VNP{said_by(reported).transaction}",
        "",
    )


async def test_an_answer_with_a_wrong_hash_lets_nothing_fail(site: Till) -> None:
    await site.pay(await site.link(), response_code="24", status_code="02")
    await site.control("POST", "spoil")
    (reported,) = await site.publish(site.ground.messages)
    assert (await refused(site.send(reported))).code == "wrong_hash"
    assert [event.kind for event in await site.deliver(reported)] == ["payment.failed"]
