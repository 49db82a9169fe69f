"""PayPlat, and VNPT Pay as its twin by other words, against the simulated platform."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
import yaml

from hub.connectors.payment_gateway import CONNECTOR
from hub.errors import HubError, Misconfigured, Rejected, Unavailable
from hub.schemas.dossier import Fee, Procedure
from hub.schemas.payment import Payer
from hub.schemas.payment_order import PaymentOrderRequested
from tests.connectors.contract import Folder
from tests.connectors.payment_examples import CODE, UNIT, Till, event_of, fee_due, said_by, till

TWIN = yaml.safe_load(
    (Folder.of(CONNECTOR).path / "profiles/vnpt_pay/samples/settings.yaml").read_text("utf-8")
)["payplat"]
WORDS = TWIN["vocabulary"]
TWIN_CHANGES = {name: TWIN[name] for name in ("vocabulary", "constants", "reference_prefix")} | {
    "beneficiaries": {}
}
FINAL = ["requested", "reported", "confirmed"]


@pytest.fixture
async def site() -> AsyncIterator[Till]:
    async with till("payplat") as running:
        yield running


@pytest.fixture(params=["payplat", "vnpt_pay"])
async def either(request: pytest.FixtureRequest) -> AsyncIterator[Till]:
    """The platform, and its twin: one engine, two vocabularies."""
    twin = {"words": WORDS, "payplat": TWIN_CHANGES} if request.param == "vnpt_pay" else {}
    async with till("payplat", **twin) as running:
        yield running


async def refused(doing: Any) -> HubError:
    with pytest.raises(HubError) as caught:
        await doing
    return caught.value


def init_reply(said: dict[str, Any]) -> str:
    """A success of INIT that echoes these fields."""
    inner = {"UrlThanhToan": "https://platform.example.vn/pay/1", **said}
    return json.dumps({"error_code": "0", "message": json.dumps(inner)})


def reference_of(event: Any) -> str:
    reference: str = event.data.payment_id
    return reference


async def test_a_fee_becomes_a_link_and_the_payment_is_confirmed_once(either: Till) -> None:
    link = await either.link()
    assert said_by(link).pay_url == f"{either.url}/pay/{reference_of(link)}"
    assert (await either.pay(link, callbacks=3))["answers"] == ["00", "02", "02"]
    (_, confirmed) = await either.hear()
    data: Any = confirmed.data
    assert either.kinds() == FINAL
    assert (confirmed.subject, data.amount_vnd, data.bank_code) == (CODE, 150_000, "VCB")
    assert data.payer.name == "Nguyễn Văn Mẫu"


async def test_a_missing_callback_is_made_good_by_asking(either: Till) -> None:
    await either.pay(await either.link(), callbacks=0)
    either.later(700)
    assert [event.kind for event in (await either.look())[0]] == ["payment.confirmed"]
    assert (await either.control("POST", "repeat"))["answers"] == ["02"]


async def test_a_wrong_hash_a_wrong_amount_and_a_refusal(either: Till) -> None:
    link = await either.link()
    assert (await either.pay(link, spoil=True))["answers"] == ["97"]
    assert (await either.pay(link, claimed_amount=1))["answers"] == ["04"]
    assert [refusal.code for refusal in either.ground.refusals] == ["wrong_hash", "wrong_amount"]


async def test_a_failed_payment_is_told_once(either: Till) -> None:
    await either.pay(await either.link(), response_code="08", status_code="4", callbacks=2)
    await either.hear()
    assert either.kinds() == ["requested", "reported", "failed"]


async def test_a_late_success_after_it_was_given_up_is_confirmed(either: Till) -> None:
    link = await either.link()
    either.later(either.settings.give_up_seconds + 2000)
    assert [event.kind for event in (await either.look())[0]] == ["payment.failed"]
    assert (await either.pay(link, late=True))["answers"] == ["00"]
    (_, confirmed) = await either.hear()
    assert said_by(confirmed).late is True


async def test_the_reference_tells_the_dossier_and_is_stored_with_the_amount(site: Till) -> None:
    reply = await site.send(fee_due())
    (alias,) = reply.aliases
    assert alias.kind == "payplat.reference"
    assert alias.value.startswith("dvcH99012601050001")
    assert (alias.facts["amount_vnd"], alias.facts["currency"]) == ("150000", "VND")


async def test_an_order_of_the_product_and_the_dossiers_fee_share_one_link(site: Till) -> None:
    fees = (Fee(name="Phí cấp bản sao", amount_vnd=150_000),)
    data = PaymentOrderRequested(
        code=CODE, unit=UNIT, payment_id="dvc1", fees=fees, payer=Payer(name="Lê Thị Thử")
    )
    one = await site.link(fee_due())
    (other,) = await site.deliver(event_of("payment.order_requested", data))
    assert reference_of(one) == reference_of(other)
    assert site.calls("INIT") == 1


async def test_an_order_without_rows_has_the_one_row_that_makes_up_its_amount(site: Till) -> None:
    data = PaymentOrderRequested(
        code=CODE,
        unit=UNIT,
        payment_id="dvc1",
        amount_vnd=70_000,
        purpose="Phí cấp bản sao",
        procedure=Procedure(code="1.009999", name="Thủ tục thử nghiệm"),
        payer=Payer(name="Lê Thị Thử"),
    )
    link = await site.link(event_of("payment.order_requested", data))
    assert [(fee.name, fee.amount_vnd) for fee in said_by(link).fees] == [
        ("Phí cấp bản sao", 70_000)
    ]


async def test_the_probe_repeats_nothing_that_is_no_code(site: Till) -> None:
    odd = '{"MaLoi": "Nguyễn Văn Mẫu", "TrangThaiGD": "0"}'
    await site.play({"fault": "malformed", "body": odd, "operation": "QUERY"})
    assert "Mẫu" not in await site.client.probe()


async def test_a_lost_answer_to_init_leads_to_one_link_under_another_reference(site: Till) -> None:
    await site.play(
        {"fault": "timeout_after_success", "operation": "INIT", "then": "cut", "next_calls": 1}
    )
    event = fee_due()
    assert isinstance(await refused(site.send(event)), Unavailable)
    link = await site.link(event)
    assert (await site.pay(link))["answers"] == ["00"]
    rows = [row for row in site.log.last() if row["operation"] == "INIT"]
    assert [row["ok"] for row in rows] == [True, False, True]
    assert len({row["id"] for row in rows}) == 1
    assert len({row["subject"] for row in rows}) == 2


async def test_an_order_whose_link_was_lost_and_that_is_paid_is_seen(site: Till) -> None:
    await site.play(
        {"fault": "timeout_after_success", "operation": "INIT", "then": "cut", "next_calls": 1}
    )
    event = fee_due()
    assert isinstance(await refused(site.send(event)), Unavailable)
    (row,) = [row for row in site.log.last() if row["operation"] == "INIT"]
    paid = {"pay_url": f"{site.url}/pay/{row['subject']}", "callbacks": 0}
    await site.control("POST", "pay", paid)
    (confirmed,) = await site.deliver(event)
    data: Any = confirmed.data
    assert confirmed.kind == "payment.confirmed"
    assert (data.payment_id, data.amount_vnd) == (row["subject"], 150_000)
    assert data.payer.name == "Nguyễn Văn Mẫu"
    assert site.calls("INIT") == 2, "the lost one and the refused one"
    assert await site.deliver(event) == [], "the debt is paid"
    assert site.calls("INIT") == 2


async def test_a_platform_that_has_every_reference_is_not_asked_for_ever(site: Till) -> None:
    await site.play({"fault": "refuse", "operation": "INIT", "error_code": "02"})
    error = await refused(site.send(fee_due()))
    assert isinstance(error, Rejected)
    assert not error.documented
    assert site.calls("INIT") == 5


@pytest.mark.parametrize(
    ("fault", "error", "code"),
    [
        ({"fault": "refuse", "error_code": "03"}, Rejected, "undocumented_refusal"),
        ({"fault": "5xx", "status": 502}, Unavailable, "http_5xx"),
        ({"fault": "429"}, Unavailable, "rate_limited"),
        ({"fault": "malformed"}, Unavailable, "malformed_reply"),
        ({"fault": "malformed", "body": "[1]"}, Unavailable, "malformed_reply"),
        ({"fault": "malformed", "body": '{"error_code":"0"}'}, Unavailable, "malformed_reply"),
        (
            {"fault": "malformed", "body": '{"error_code":"0","message":"\\"x\\""}'},
            Unavailable,
            "malformed_reply",
        ),
        ({"fault": "timeout_without_effect"}, Unavailable, "timeout"),
        *(
            ({"fault": "malformed", "body": init_reply(said)}, Unavailable, "malformed_reply")
            for said in ({"MaThamChieu": "dvcX1"}, {"SoTien": "15000"}, {"SoTien": 15000})
        ),
    ],
)
async def test_each_answer_to_init_is_ours(
    site: Till, fault: dict[str, Any], error: type[HubError], code: str
) -> None:
    await site.play({**fault, "operation": "INIT"})
    raised = await refused(site.send(fee_due(), seconds=0.2))
    assert (type(raised), raised.code) == (error, code)


async def test_a_link_whose_echo_agrees_is_taken(site: Till) -> None:
    body = init_reply({"SoTien": 150000, "MaTienTe": "VND", "MaThamChieu": None, "MoTa": {}})
    await site.play({"fault": "malformed", "body": body, "operation": "INIT"})
    assert said_by(await site.link()).pay_url == "https://platform.example.vn/pay/1"


async def test_a_refusal_that_the_deployment_knows_is_final() -> None:
    async with till("payplat", payplat={"final_codes": ["05"]}) as site:
        await site.play({"fault": "refuse", "error_code": "05"})
        error = await refused(site.send(fee_due()))
        assert isinstance(error, Rejected)
        assert (error.documented, error.foreign_code) == (True, "05")


async def test_a_unit_without_an_account_waits_for_hub_yaml() -> None:
    async with till("payplat", payplat={"beneficiaries": {}}) as site:
        assert (await refused(site.send(fee_due()))).code == "no_account"
        assert site.calls("INIT") == 0


async def test_another_secret_is_told_by_the_platform() -> None:
    async with till("payplat", payplat={"hash_secret": "khác"}) as site:
        error = await refused(site.send(fee_due()))
        assert (type(error), getattr(error, "foreign_code", "")) == (Rejected, "97")


@pytest.mark.parametrize(
    ("fault", "code"),
    [
        ({"fault": "5xx"}, "http_5xx"),
        ({"fault": "malformed"}, "malformed_reply"),
        ({"fault": "malformed", "body": '{"MaLoi":"00","TrangThaiGD":"1","MaThamChieu":"X"}'},
         "malformed_reply"),
        ({"fault": "timeout_after_success", "then": "cut"}, "connection_lost"),
    ],
)  # fmt: skip
async def test_a_question_without_an_answer_is_asked_again_later(
    site: Till, fault: dict[str, Any], code: str
) -> None:
    await site.pay(await site.link())
    (reported,) = await site.publish(site.ground.messages)
    await site.play({**fault, "operation": "QUERY"})
    error = await refused(site.send(reported))
    assert (type(error), error.code) == (Unavailable, code)
    await site.play()
    assert [event.kind for event in await site.deliver(reported)] == ["payment.confirmed"]


async def test_a_question_that_is_refused_does_not_let_a_payment_fail(site: Till) -> None:
    await site.pay(await site.link(), callbacks=0)
    site.later(site.settings.give_up_seconds + 2000)
    await site.play({"fault": "refuse", "operation": "QUERY", "error_code": "97"})
    page = await site.poller.poll("")
    assert page.messages == ()
    assert "97" in page.problem
    error = await refused(site.send(fee_due()))
    assert (type(error), getattr(error, "foreign_code", "")) == (Rejected, "97")
    assert "97" in await site.client.probe()
    await site.play()
    assert [event.kind for event in await site.deliver(fee_due())] == ["payment.confirmed"]


async def test_a_wrong_address_is_our_mistake() -> None:
    async with till("payplat", payplat={"query_url": "http://127.0.0.1:9/query"}) as site:
        assert (await refused(site.client.probe())).code == "connect_failed"
    async with till("payplat") as site:
        moved = site.settings.model_copy(
            update={
                "payplat": site.settings.payplat.model_copy(  # type: ignore[union-attr] # its profile
                    update={"query_url": f"{site.url}/gone"}
                )
            }
        )
        client = type(site.client)("payment_gateway", moved, site.ground)
        assert isinstance(await refused(client.probe()), Misconfigured)
        await client.close()
        assert await site.client.probe() == "QUERY answered 11"


async def test_the_platforms_receipt_is_kept_and_referred_to(site: Till) -> None:
    link = await site.link()
    asked = {"reference": reference_of(link)}
    assert isinstance(await refused(site.client.query("GET_BILL", UNIT, asked)), Rejected)
    await site.pay(link)
    told = await site.client.query("GET_BILL", UNIT, asked)
    assert (await site.ground.fetch(told["bill"])).startswith(b"%PDF-")


async def test_a_receipt_that_is_not_offered_or_too_large_is_refused() -> None:
    async with till("payplat", payplat={"bill_url": None}) as site:
        asked = {"reference": "R1"}
        assert (await refused(site.client.query("GET_BILL", UNIT, asked))).code == "unknown_query"
    async with till("payplat", bill_limit_bytes=10) as site:
        link = await site.link()
        await site.pay(link)
        asked = {"reference": reference_of(link)}
        assert (await refused(site.client.query("GET_BILL", UNIT, asked))).code == "reply_too_large"


@pytest.mark.parametrize("end", [{}, {"response_code": "24", "status_code": "4"}])
async def test_an_unproved_answer_decides_nothing(site: Till, end: dict[str, str]) -> None:
    await site.pay(await site.link(), **end)
    (reported,) = await site.publish(site.ground.messages)
    await site.control("POST", "spoil")
    assert (await refused(site.send(reported))).code == "wrong_hash"
