"""Receipts over real connections: one for a payment, whatever gets lost on the way."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from hub.connector import Answer
from hub.connectors.e_receipt.client import ReceiptClient
from hub.connectors.e_receipt.encode import CANCEL, ISSUE
from hub.errors import HubError, Misconfigured, Rejected, Unavailable, UnknownOutcome
from hub.schemas.receipt import ReceiptCancelled, ReceiptIssued, ReceiptReplaced
from tests.connectors.ground import MemoryGround
from tests.connectors.receipt_examples import (
    ACCOUNT,
    CODE,
    LINK,
    failed,
    paid,
    receipts,
    replaced,
    settings,
    void,
)

LOOK_UP = "listInvByCusFkey"
UNMARK, MARK = "UnConfirmPaymentFkey", "confirmPaymentFkey"
CUT = {"fault": "timeout_after_success", "then": "cut"}


# Issuing


async def test_a_payment_gives_one_receipt_with_its_number() -> None:
    async with receipts(links=True) as system:
        reply = await system.deliver(paid())
        event = system.told(reply)
        data = event.data
        assert isinstance(data, ReceiptIssued)
        assert (event.kind, event.subject, event.once) == ("receipt.issued", CODE, True)
        assert (data.pattern, data.serial, data.number) == ("01BLP0-001", "AA-26E", "0000001")
        assert (data.amount_vnd, data.fkey, data.payment_id) == (35000, "P1", "P1")
        assert (data.link, data.existed) == (f"{LINK}P1", None)
        assert reply.aliases[0].facts == {
            "state": "issued",
            "number": "0000001",
            "amount": "35000",
        }
        keys = [row["id"] for row in system.log.last() if row["operation"] == ISSUE]
        assert keys == [data.operation_key]


async def test_a_link_that_cannot_be_had_does_not_hold_the_receipt() -> None:
    async with receipts(links=True) as system:
        await system.play({"fault": "refuse", "operation": "getLinkInvFkey", "error_code": "6"})
        data = system.told(await system.deliver(paid())).data
        assert isinstance(data, ReceiptIssued)
        assert data.link == ""
        with pytest.raises(Rejected):
            await system.client.query("getLinkInvFkey", "H99.01", {"fkey": "P1"})


async def test_after_a_lost_answer_the_receipt_is_looked_up_not_issued_again() -> None:
    request = paid()
    async with receipts() as system:
        assert (await system.ask(request)).answer is Answer.NOT_TAKEN
        await system.play({**CUT, "operation": ISSUE})
        assert (await failed(system, UnknownOutcome, request)).code == "connection_lost"
        await system.play()
        asked = await system.ask(request)
        data = system.told(asked.reply).data
        assert isinstance(data, ReceiptIssued)
        assert (asked.answer, data.number, data.existed) == (Answer.TAKEN, "0000001", True)
        # Whoever sends again all the same hears that it is there.
        data = system.told(await system.deliver(request)).data
        assert isinstance(data, ReceiptIssued)
        assert (data.number, data.existed) == ("0000001", True)
        assert len(await system.receipts()) == 1


@pytest.mark.parametrize("lands", ["before the question", "after the question"])
@pytest.mark.parametrize("replacing", [False, True])
async def test_a_crash_between_call_and_answer_leaves_one_receipt(
    lands: str, *, replacing: bool
) -> None:
    """The worker that called is gone; another one asks, whether the call has landed or not yet."""
    async with receipts() as system:
        if replacing:
            await system.deliver(paid())
        request = system.request(replaced() if replacing else paid())
        there = len(await system.receipts())
        gone = ReceiptClient("e_receipt", system.settings, MemoryGround())
        await system.play({**CUT, "next_calls": 1, "operation": request.message.operation})

        async def call() -> None:
            with pytest.raises(UnknownOutcome):
                await gone.deliver([request], timeout_seconds=5)
            await gone.close()

        if lands == "before the question":
            await call()
        asked = await system.client.ask(request, timeout_seconds=5)
        reply = asked.reply
        if lands == "after the question":
            assert asked.answer is Answer.NOT_TAKEN
            await call()
            reply = await system.client.deliver([request], timeout_seconds=5)
        data = system.told(reply).data
        assert isinstance(data, ReceiptIssued | ReceiptReplaced)
        assert (data.number, data.existed) == (f"{there + 1:07}", True)
        assert len(await system.receipts()) == there + 1


async def test_a_receipt_of_the_same_key_and_another_amount_is_not_taken_for_ours() -> None:
    other = paid(amount_vnd=40000, fees=[])
    async with receipts() as system:
        await system.deliver(paid())
        assert (await system.ask(other)).answer is Answer.NOT_TAKEN
        error = await failed(system, Rejected, other)
        assert (error.foreign_code, error.documented) == ("fkey_of_another", True)
        await system.deliver(void())
        assert (await system.ask(paid())).answer is Answer.NOT_TAKEN
        error = await failed(system, Rejected, paid())
        assert (error.foreign_code, error.documented) == ("fkey_is_void", True)


async def test_a_receipt_that_was_replaced_is_not_told_as_issued() -> None:
    async with receipts() as system:
        await system.deliver(paid())
        await system.deliver(replaced())
        assert (await system.ask(paid())).answer is Answer.NOT_TAKEN
        error = await failed(system, Rejected, paid())
        assert (error.foreign_code, error.documented) == ("fkey_is_replaced", True)


async def test_a_refused_issue_is_no_success_because_a_receipt_is_there() -> None:
    async with receipts() as system:
        await system.deliver(paid())
        await system.play({"fault": "refuse", "operation": ISSUE, "error_code": "8"})
        error = await failed(system, Rejected, paid())
        assert (error.foreign_code, error.documented) == ("ERR:8", True)


async def test_whoever_is_told_again_is_told_the_same_message() -> None:
    request = paid()
    async with receipts() as system:
        replies = [await system.deliver(request), await system.deliver(request)]
        asked = await system.ask(request)
        other = await system.deliver(paid(payment_id="P2"))
    ids = [reply.messages[0].id for reply in (*replies, asked.reply)]
    assert len(set(ids)) == 1
    assert other.messages[0].id not in ids


@pytest.mark.parametrize(
    ("code", "error", "ours", "documented"),
    [
        ("1", Misconfigured, "account_refused", None),
        ("2", Rejected, "rejected", True),
        ("3", Rejected, "rejected", True),
        ("5", Rejected, "undocumented_refusal", False),
        ("6", Misconfigured, "numbers_used_up", None),
        ("7", Misconfigured, "account_refused", None),
        ("8", Rejected, "rejected", True),
        ("9", Rejected, "rejected", True),
        ("10", Rejected, "rejected", True),
        ("13", Rejected, "undocumented_refusal", False),
        ("20", Misconfigured, "destination_refuses_us", None),
        ("77", Rejected, "undocumented_refusal", False),
        ("fault", UnknownOutcome, "unknown_outcome", None),
    ],
)
async def test_each_code_of_an_issue_becomes_one_error(
    code: str, error: type[HubError], ours: str, documented: bool | None
) -> None:
    async with receipts() as system:
        await system.play({"fault": "refuse", "operation": ISSUE, "error_code": code})
        caught = await failed(system, error, paid())
        assert (caught.code, getattr(caught, "documented", None)) == (ours, documented)


async def test_one_collector_without_numbers_does_not_stop_the_others() -> None:
    series = {"pattern": "01BLP0-001", "serial": "AA-{yy}E"}
    units = {unit: {**ACCOUNT, **series} for unit in ("H99.01", "H99.09")}
    for changes, error in (({}, Misconfigured), ({"collectors": units}, Unavailable)):
        async with receipts(numbers_count=1, **changes) as system:
            await system.deliver(paid())
            caught = await failed(system, error, paid(payment_id="P2"))
            assert caught.code == "numbers_used_up"


async def test_a_unit_that_collects_no_longer_waits_alone() -> None:
    async with receipts() as system:
        unit = {"H99.09": {**ACCOUNT, "pattern": "01BLP0-001", "serial": "AA-{yy}E"}}
        told = replace(system, settings=settings(collectors=unit)).request(paid(unit="H99.09"))
        with pytest.raises(Unavailable) as caught:
            await system.client.deliver([told], timeout_seconds=5)
        assert caught.value.code == "no_account"
        assert system.calls() == []


@pytest.mark.parametrize(
    ("fault", "error", "code"),
    [
        ({"fault": "5xx", "status": 500}, UnknownOutcome, "malformed_reply"),
        ({"fault": "5xx", "status": 504}, UnknownOutcome, "malformed_reply"),
        ({"fault": "5xx", "status": 503}, Unavailable, "http_5xx"),
        ({"fault": "429"}, Unavailable, "rate_limited"),
        ({"fault": "malformed"}, UnknownOutcome, "malformed_reply"),
        ({"fault": "malformed", "body": "<a/>"}, UnknownOutcome, "malformed_reply"),
        ({"fault": "malformed", "body": "<!DOCTYPE a><a/>"}, UnknownOutcome, "malformed_reply"),
        ({"fault": "timeout_without_effect", "then": "cut"}, UnknownOutcome, "connection_lost"),
    ],
)
async def test_what_is_no_clear_answer_leaves_the_outcome_unknown(
    fault: dict[str, Any], error: type[HubError], code: str
) -> None:
    async with receipts() as system:
        await system.play({**fault, "operation": ISSUE})
        assert (await failed(system, error, paid())).code == code


async def test_an_ok_of_another_form_is_followed_by_a_look_up() -> None:
    bare = (
        "<e:Envelope xmlns:e='http://schemas.xmlsoap.org/soap/envelope/'><e:Body>"
        "<ImportAndPublishInvResponse><ImportAndPublishInvResult>OK:xong"
        "</ImportAndPublishInvResult></ImportAndPublishInvResponse></e:Body></e:Envelope>"
    )
    async with receipts() as system:
        await system.play({"fault": "malformed", "operation": ISSUE, "body": bare})
        assert isinstance(system.told(await system.deliver(paid())).data, ReceiptIssued)
        await system.play({"fault": "malformed", "operation": ISSUE, "body": bare, "effect": False})
        other = paid(payment_id="P2")
        assert (await failed(system, UnknownOutcome, other)).code == "malformed_reply"
        await system.play(
            {"fault": "malformed", "operation": ISSUE, "body": bare},
            {"fault": "429", "operation": LOOK_UP},
        )
        assert (await failed(system, UnknownOutcome, other)).code == "malformed_reply"


async def test_a_wrong_account_is_no_fault_of_the_message() -> None:
    async with receipts(collector={"password": "sai"}) as system:
        assert (await failed(system, Misconfigured, paid())).code == "account_refused"
        with pytest.raises(Misconfigured):
            await system.client.probe()


async def test_nothing_is_sent_without_a_connection_or_without_time() -> None:
    async with receipts() as system:
        assert (await failed(system, Unavailable, paid(), seconds=-1)).code == (
            "timeout_before_sending"
        )
    assert (await failed(system, Unavailable, paid())).code == "connect_failed"
    await system.client.close()


async def test_a_serial_follows_the_year_of_the_receipt() -> None:
    async with receipts() as system:
        await system.deliver(paid(paid_at="2025-12-31T16:59:00+00:00"))
        await system.deliver(paid(payment_id="P2", paid_at="2025-12-31T17:00:00+00:00"))
        assert [r["serial"] for r in (await system.receipts()).values()] == ["AA-25E", "AA-26E"]


# Cancelling and replacing


async def test_a_receipt_is_cancelled_once_and_a_repetition_is_a_success() -> None:
    request = void()
    async with receipts() as system:
        assert (await system.ask(request)).answer is Answer.UNKNOWN
        await system.deliver(paid())
        assert (await system.ask(request)).answer is Answer.NOT_TAKEN
        event = system.told(await system.deliver(request))
        assert isinstance(event.data, ReceiptCancelled)
        assert (event.kind, event.data.reason, event.data.existed) == (
            "receipt.cancelled",
            "Thu nhầm",
            None,
        )
        asked = await system.ask(request)
        assert asked.answer is Answer.TAKEN
        again = system.told(await system.deliver(request))
        assert isinstance(again.data, ReceiptCancelled)
        assert again.data.existed is True
        assert system.calls().count(CANCEL) == 2


@pytest.mark.parametrize("lost", [UNMARK, CANCEL])
async def test_a_cancel_whose_answer_was_lost_is_finished(lost: str) -> None:
    request = void()
    async with receipts() as system:
        await system.deliver(paid())
        await system.play({**CUT, "operation": lost})
        await failed(system, UnknownOutcome, request)
        await system.play()
        expected = Answer.TAKEN if lost == CANCEL else Answer.NOT_TAKEN
        assert (await system.ask(request)).answer is expected
        assert system.told(await system.deliver(request)).kind == "receipt.cancelled"
        assert (await system.receipts())["P1"]["status"] == "5"


REFUSALS: list[tuple[str, type[HubError], str, bool | None]] = [
    ("1", Misconfigured, "account_refused", None),
    ("2", Rejected, "rejected", True),
    ("3", Rejected, "rejected", True),
    ("5", Rejected, "undocumented_refusal", False),
    ("6", Rejected, "rejected", True),
    ("7", Misconfigured, "account_refused", None),
    ("10", Rejected, "rejected", True),
    ("11", Rejected, "undocumented_refusal", False),
    ("13", Rejected, "undocumented_refusal", False),
    ("20", Misconfigured, "destination_refuses_us", None),
    ("77", Rejected, "undocumented_refusal", False),
    ("fault", UnknownOutcome, "unknown_outcome", None),
]


@pytest.mark.parametrize("operation", [UNMARK, CANCEL])
@pytest.mark.parametrize(("code", "error", "ours", "documented"), REFUSALS)
async def test_each_code_of_a_cancel_becomes_one_error(
    operation: str, code: str, error: type[HubError], ours: str, documented: bool | None
) -> None:
    async with receipts() as system:
        await system.deliver(paid())
        await system.play({"fault": "refuse", "operation": operation, "error_code": code})
        caught = await failed(system, error, void())
        assert (caught.code, getattr(caught, "documented", None)) == (ours, documented)
        held = (await system.receipts())["P1"]
        assert held["status"] == "1"
        assert held["paid"] is (operation == UNMARK or error is Rejected)
        assert (CANCEL in system.calls()) is (operation == CANCEL)


@pytest.mark.parametrize("fault", [{"fault": "refuse", "error_code": "5"}, CUT])
async def test_a_mark_that_a_refused_cancel_leaves_off_is_told(fault: dict[str, Any]) -> None:
    """It is taken off before the cancel, and put on again after a refusal, if that can be done."""
    async with receipts() as system:
        await system.deliver(paid())
        refused = {"fault": "refuse", "operation": CANCEL, "error_code": "3"}
        await system.play(refused, {**fault, "operation": MARK})
        error = await failed(system, Rejected, void())
        assert (error.foreign_code, error.documented) == ("ERR:3", True)
        assert "its payment mark may be off" in str(error)
        await system.play(refused)
        is_on = (await system.receipts())["P1"]["paid"]
        again = str(await failed(system, Rejected, void(fkey="P1")))
        assert ("its payment mark may be off" in again) is not is_on


async def test_a_refusal_after_which_the_mark_is_on_again_does_not_speak_of_it() -> None:
    async with receipts() as system:
        await system.deliver(paid())
        await system.play({"fault": "refuse", "operation": CANCEL, "error_code": "3"})
        assert "mark" not in str(await failed(system, Rejected, void()))
        assert (await system.receipts())["P1"]["paid"] is True


async def test_a_mark_that_an_earlier_round_took_off_is_told_with_the_refusal() -> None:
    """The hub stops, or the system is away, between taking the mark off and the cancel."""
    request = void()
    async with receipts() as system:
        await system.deliver(paid())
        await system.play({"fault": "5xx", "status": 503, "operation": CANCEL})
        await failed(system, Unavailable, request)
        await system.play({"fault": "refuse", "operation": CANCEL, "error_code": "3"})
        error = await failed(system, Rejected, request)
        assert (error.foreign_code, error.documented) == ("ERR:3", True)
        assert "its payment mark may be off" in str(error)
        assert (await system.receipts())["P1"]["paid"] is False


async def test_a_mark_is_not_put_on_by_who_did_not_take_it_off() -> None:
    async with receipts() as system:
        await system.deliver(paid())
        refusals = ({"fault": "refuse", "operation": each} for each in (UNMARK, CANCEL))
        await system.play(*({**each, "error_code": "9"} for each in refusals))
        await failed(system, Rejected, void())
        assert MARK not in system.calls()


async def test_without_an_operation_that_marks_a_refusal_says_that_the_mark_is_off() -> None:
    async with receipts(mark_operation="") as system:
        await system.deliver(paid())
        await system.play({"fault": "refuse", "operation": CANCEL, "error_code": "3"})
        assert "its payment mark may be off" in str(await failed(system, Rejected, void()))
        assert MARK not in system.calls()


@pytest.mark.parametrize("code", ["8", "9"])
async def test_what_was_done_before_is_judged_by_the_receipts_state(code: str) -> None:
    """Of the mark the cancel itself judges; of the cancel a look at the receipt."""
    async with receipts() as system:
        await system.deliver(paid())
        refusal = {"fault": "refuse", "error_code": code}
        await system.play({**refusal, "operation": UNMARK})
        error = await failed(system, Rejected, void())
        assert (error.foreign_code, error.documented) == ("ERR:9", True)
        assert system.calls().count(CANCEL) == 1
        await system.play({**refusal, "operation": CANCEL})
        error = await failed(system, Rejected, void())
        assert (error.foreign_code, error.documented) == (f"ERR:{code}", True)
        await system.play()
        await system.deliver(void())
        await system.play({**refusal, "operation": CANCEL})
        told = system.told(await system.deliver(void())).data
        assert isinstance(told, ReceiptCancelled)
        assert told.existed is True


async def test_both_calls_of_a_cancel_carry_its_operation_key() -> None:
    request = void()
    async with receipts() as system:
        await system.deliver(paid())
        reply = await system.deliver(request)
        event = system.told(reply).data
        assert isinstance(event, ReceiptCancelled)
        keys = {row["operation"]: row["id"] for row in system.log.last()}
        assert keys[UNMARK] == keys[CANCEL] == event.operation_key
        assert [(each.value, each.facts["state"]) for each in reply.aliases] == [
            ("P1", "cancelled")
        ]


async def test_what_cannot_be_cancelled_is_refused() -> None:
    async with receipts() as system:
        error = await failed(system, Rejected, void())
        assert (error.foreign_code, error.documented) == ("ERR:6", True)
        await system.deliver(paid())
        await system.deliver(replaced())
        error = await failed(system, Rejected, void())
        assert (error.foreign_code, error.documented) == ("ERR:8", True)
        await system.play({"fault": "refuse", "operation": UNMARK, "error_code": "1"})
        assert (await failed(system, Misconfigured, void())).code == "account_refused"
        await system.play({"fault": "refuse", "operation": CANCEL, "error_code": "99"})
        assert (await failed(system, Rejected, void(fkey="P1-R1"))).documented is False


async def test_a_replacement_has_its_own_key_and_is_made_once() -> None:
    request = replaced()
    async with receipts() as system:
        await system.deliver(paid())
        await system.play({**CUT, "operation": "ReplaceInvoie"})
        await failed(system, UnknownOutcome, request)
        await system.play()
        assert (await system.ask(request)).answer is Answer.TAKEN
        event = system.told(await system.deliver(request))
        assert isinstance(event.data, ReceiptReplaced)
        assert event.kind == "receipt.replaced"
        assert (event.data.fkey, event.data.replaced_fkey) == ("P1-R1", "P1")
        assert (event.data.number, event.data.existed) == ("0000002", True)
        known = (await system.ask(request)).reply.aliases
        assert [(each.value, each.facts["state"]) for each in known] == [
            ("P1-R1", "issued"),
            ("P1", "replaced"),
        ]
        assert {each.subject for each in known} == {CODE}
        held = await system.receipts()
        assert {key: receipt["status"] for key, receipt in held.items()} == {
            "P1": "3",
            "P1-R1": "1",
        }
        await system.deliver(replaced(fkey="P1-R1"))
        assert set(await system.receipts()) == {"P1", "P1-R1", "P1-R2"}


async def test_what_is_void_cannot_be_replaced() -> None:
    async with receipts() as system:
        assert (await failed(system, Rejected, replaced())).foreign_code == "ERR:2"
        await system.deliver(paid())
        await system.deliver(void())
        error = await failed(system, Rejected, replaced())
        assert (error.foreign_code, error.documented) == ("ERR:8", True)
