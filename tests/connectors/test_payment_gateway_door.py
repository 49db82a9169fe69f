"""The gateway's door: the exact answers to callbacks, and a page that confirms nothing."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any
from urllib.parse import urlsplit

import orjson
import pytest
from starlette.requests import Request
from starlette.routing import Route

from hub.connectors.payment_gateway import payplat
from hub.connectors.payment_gateway.endpoints import endpoints
from hub.connectors.payment_gateway.signing import form_text, hmac_sha512
from hub.errors import Rejected, Unavailable
from tests.connectors.payment_examples import PERSON, SECRET, Till, said_by, till
from tests.connectors.test_payment_gateway_wire import FAILING, STATUSES

RSP = {
    "00": "Confirm Success",
    "01": "Order not found",
    "02": "Order already confirmed",
    "03": "IP prohibited",
    "04": "Invalid amount",
    "97": "Fail checksum",
    "99": "Unknown error",
}


@pytest.fixture
async def site() -> AsyncIterator[Till]:
    async with till() as running:
        yield running


def notice(reference: str, **changes: str | None) -> str:
    """A signed IPN about an order of 150,000 VND."""
    said = {
        "vnp_Amount": "15000000",
        "vnp_BankCode": "NCB",
        "vnp_OrderInfo": "Thanh toan ho so",
        "vnp_PayDate": "20260105093212",
        "vnp_ResponseCode": "00",
        "vnp_TmnCode": "DEMOTMN1",
        "vnp_TransactionNo": "14000001",
        "vnp_TransactionStatus": "00",
        "vnp_TxnRef": reference,
        **changes,
    }
    text = form_text({name: value for name, value in said.items() if value is not None})
    return f"{text}&vnp_SecureHash={hmac_sha512(SECRET, text)}"


async def rsp(site: Till, query: str) -> str:
    """RspCode of the answer; its message must be the published one, under HTTP 200."""
    status, body = await site.call("/payments/callback", query)
    answer = orjson.loads(body)
    assert status == 200
    assert answer == {"RspCode": answer["RspCode"], "Message": RSP[answer["RspCode"]]}
    code: str = answer["RspCode"]
    return code


async def reference_of(site: Till) -> str:
    link: Any = await site.link()
    reference: str = link.data.payment_id
    return reference


async def test_a_proved_notice_is_recorded_with_its_exact_bytes(site: Till) -> None:
    reference = await reference_of(site)
    query = notice(reference)
    assert await rsp(site, query) == "00"
    (message,) = site.ground.messages
    assert message.body == query.encode()
    assert (message.key, message.headers["unit"]) == ("H99.01-260105-0001", "H99.01")


async def test_every_failure_is_recorded_and_answered_with_success(site: Till) -> None:
    reference = await reference_of(site)
    for number, code in enumerate(FAILING):
        codes = {"vnp_ResponseCode": code, "vnp_TransactionStatus": "02"}
        assert await rsp(site, notice(reference, vnp_TransactionNo=f"{number}", **codes)) == "00"
        (event,) = await site.publish([site.ground.messages[-1]])
        assert (said_by(event).claim, said_by(event).response_code) == ("failed", code)


async def test_every_status_is_reported_as_what_it_claims(site: Till) -> None:
    reference = await reference_of(site)
    for number, (status, claim) in enumerate(STATUSES.items()):
        query = notice(reference, vnp_TransactionStatus=status, vnp_TransactionNo=f"{number}")
        assert await rsp(site, query) == "00"
        (event,) = await site.publish([site.ground.messages[-1]])
        assert said_by(event).claim == claim


async def test_each_answer_is_the_published_one(site: Till) -> None:
    reference = await reference_of(site)
    right = notice(reference)
    assert await rsp(site, notice("H9900000000")) == "01"
    assert await rsp(site, notice(reference, vnp_Amount="15000100")) == "04"
    assert await rsp(site, right[:-1] + ("0" if right[-1] != "0" else "1")) == "97"
    assert await rsp(site, right.replace("vnp_Amount=15000000", "vnp_Amount=100")) == "97"
    assert await rsp(site, right.partition("&vnp_SecureHash=")[0]) == "97"
    assert await rsp(site, "") == "97"
    assert await rsp(site, notice(reference, vnp_TmnCode="ANOTHER1")) == "99"
    assert await rsp(site, notice(reference, vnp_Amount=None)) == "04"
    assert await rsp(site, notice(reference, vnp_TxnRef=None)) == "99"
    assert await rsp(site, notice(reference, vnp_Amount="1500a")) == "99"
    assert await rsp(site, f"{right}&vnp_TxnRef=X") == "99"
    assert await rsp(site, right + "&a=" + "x" * 20_000) == "99"
    assert site.ground.messages == []
    assert {each.code for each in site.ground.refusals} == {
        *("unknown_payment", "wrong_amount", "wrong_hash", "malformed", "too_large")
    }
    assert not any(s in str(each) for each in site.ground.refusals for s in PERSON)
    assert await rsp(site, right) == "00"
    assert await rsp(site, right) == "02"


async def test_pairs_in_another_order_and_encoding_are_proved_by_their_own_bytes(
    site: Till,
) -> None:
    reference = await reference_of(site)
    plain = (
        "vnp_Amount=15000000&vnp_Note=a%20b%2d&vnp_ResponseCode=00&vnp_TmnCode=DEMOTMN1"
        f"&vnp_TransactionNo=1&vnp_TransactionStatus=00&vnp_TxnRef={reference}"
    )
    proof = hmac_sha512(SECRET, plain)
    shuffled = "&".join(reversed(plain.split("&")))
    assert await rsp(site, f"vnp_SecureHash={proof.upper()}&{shuffled}&lang=vi") == "00"


@pytest.mark.parametrize("percent", ["%5F", "%5f"])
async def test_a_name_in_percent_signs_does_not_pass_by_the_hash(site: Till, percent: str) -> None:
    """The payer holds one text that the secret has signed: the link itself."""
    link = await site.link()
    signed = urlsplit(said_by(link).pay_url).query
    forged = {"ResponseCode": "00", "TransactionStatus": "00", "TransactionNo": "1"}
    added = "".join(f"&vnp{percent}{name}={value}" for name, value in forged.items())
    assert await rsp(site, signed + added) == "97"
    assert await rsp(site, notice(said_by(link).payment_id) + f"&vnp{percent}Note=1") == "97"
    assert site.ground.messages == []


async def test_callbacks_from_elsewhere_are_prohibited() -> None:
    async with till(callback_sources=["10.0.0.0/8"]) as site:
        assert await rsp(site, notice(await reference_of(site))) == "03"
        assert [each.code for each in site.ground.refusals] == ["wrong_source"]
    async with till(callback_sources=["127.0.0.0/8"]) as site:
        assert await rsp(site, notice(await reference_of(site))) == "00"


async def test_an_address_of_ipv4_is_the_same_behind_a_socket_of_ipv6() -> None:
    async with till(callback_sources=["10.0.0.0/8"]) as site:
        query = notice(await reference_of(site)).encode()
        ipn = endpoints("payment_gateway", site.settings, site.ground)[0]
        assert isinstance(ipn, Route)
        scope = {"type": "http", "query_string": query, "headers": [], "path": ipn.path}
        for address, code in (("::ffff:10.1.2.3", "00"), ("::ffff:11.1.2.3", "03")):
            answer = await ipn.endpoint(Request({**scope, "client": (address, 1)}))
            assert orjson.loads(answer.body)["RspCode"] == code


async def test_another_instances_order_is_unknown_here(site: Till) -> None:
    reference = await reference_of(site)
    alias = site.ground.known["vnpay.order", reference]
    facts = {**alias.facts, "instance": "vnpay_2"}
    site.ground.known["vnpay.order", reference] = replace(alias, facts=facts)
    assert await rsp(site, notice(reference)) == "01"
    assert site.ground.messages == []
    with pytest.raises(Rejected) as caught:
        await site.client.order(reference)
    assert caught.value.code == "unknown_payment"
    assert reference not in (await site.call("/payments/return", notice(reference)))[1].decode()


async def test_a_store_that_is_away_makes_the_gateway_call_again(
    site: Till, monkeypatch: pytest.MonkeyPatch
) -> None:
    reference = await reference_of(site)

    async def away(*_: object) -> None:
        raise Unavailable("the store does not answer", code="store_away")

    with monkeypatch.context() as patched:
        patched.setattr(site.ground, "alias", away)
        assert await rsp(site, notice(reference)) == "99"
    assert await rsp(site, notice(reference)) == "00"


# The page after paying


async def test_the_page_emits_nothing_and_believes_nothing(site: Till) -> None:
    reference = await reference_of(site)
    for query in (notice(reference), f"vnp_TxnRef={reference}&vnp_ResponseCode=00", ""):
        status, body = await site.call("/payments/return", query)
        assert status == 200
        assert "không xác nhận" in body.decode()
    assert site.ground.messages == []
    assert site.facts(reference)["state"] == "open"


async def test_the_page_tells_of_a_confirmation_only_to_who_proves_the_order(site: Till) -> None:
    link = await site.link()
    await site.pay(link)
    await site.hear()
    reference: Any = said_by(link).payment_id
    assert "đã xác nhận" in (await site.call("/payments/return", notice(reference)))[1].decode()
    unproved = (await site.call("/payments/return", f"vnp_TxnRef={reference}"))[1].decode()
    assert "đã xác nhận" not in unproved
    assert reference not in unproved


async def test_the_page_shows_nothing_that_was_put_into_its_address(site: Till) -> None:
    query = "vnp_TxnRef=%3Cscript%3Ealert(1)%3C/script%3E"
    assert "script" not in (await site.call("/payments/return", query))[1].decode()


async def test_the_browser_is_sent_on_where_the_settings_say() -> None:
    async with till(return_page_url="https://mot-cua.example.vn/cam-on") as site:
        status, _ = await site.call("/payments/return", "vnp_TxnRef=X", allow_redirects=False)
        assert status == 303


# The platform's callback


def confirm(reference: str, **changes: Any) -> dict[str, Any]:
    """A signed CONFIRM about an order of 150,000 VND."""
    said = {
        "LoaiBanTin": "CONFIRM",
        "MaLoi": "00",
        "MaDoiTac": "DT001",
        "MaThamChieu": reference,
        "SoTien": "150000",
        "MaTienTe": "VND",
        "MaGiaoDich": "GD1",
        "MaNganHang": "VCB",
        "ThoiGianGD": "20260105093212",
        "ThongTinGiaoDich": "THANH TOAN HO SO",
        **changes,
    }
    return said


async def answered(site: Till, said: Any, *, sign: bool = True) -> str:
    """MaLoi of the hub's answer, whose own hash must be right."""
    partner = site.settings.payplat
    assert partner is not None
    if sign:
        said = payplat.signed(partner, partner.vocabulary.confirm_fields, said)
    data = said if isinstance(said, bytes) else orjson.dumps(said)
    status, body = await site.call("/payments/callback", data=data)
    answer = orjson.loads(body)
    assert status == 200
    assert set(answer) == {*partner.vocabulary.answer_fields, "MaXacThuc"}
    proved = payplat.signed(
        partner,
        partner.vocabulary.answer_fields,
        {name: answer[name] for name in partner.vocabulary.answer_fields},
    )
    assert answer == proved
    code: str = answer["MaLoi"]
    return code


async def test_each_answer_to_confirm_is_hashed_and_says_what_happened() -> None:
    async with till("payplat", callback_limit_bytes=2000) as site:
        reference = await reference_of(site)
        assert await answered(site, confirm(reference), sign=False) == "97"
        assert await answered(site, confirm("dvcX1")) == "01"
        assert await answered(site, confirm(reference, SoTien="15000")) == "04"
        assert await answered(site, confirm(reference, MaTienTe="USD")) == "04"
        assert await answered(site, confirm(reference, MaDoiTac="DT002")) == "99"
        assert await answered(site, confirm(reference, LoaiBanTin="INIT")) == "99"
        assert await answered(site, confirm(reference, SoTien="1.5")) == "99"
        assert await answered(site, b"{", sign=False) == "99"
        assert await answered(site, b"[]", sign=False) == "99"
        assert await answered(site, b" " * 2001, sign=False) == "99"
        assert site.ground.messages == []
        site.ground.kafka_is_away = True
        assert await answered(site, confirm(reference)) == "99"
        site.ground.kafka_is_away = False
        assert await answered(site, confirm(reference)) == "00"
        assert await answered(site, confirm(reference)) == "02"
        assert {each.code for each in site.ground.refusals} == {
            *("unknown_payment", "wrong_amount", "wrong_hash", "malformed", "too_large")
        }


async def test_a_callback_at_the_limit_is_read_and_one_over_it_is_not() -> None:
    async with till("payplat") as site:
        partner = site.settings.payplat
        assert partner is not None
        signed = payplat.signed(
            partner, partner.vocabulary.confirm_fields, confirm(await reference_of(site))
        )
        body = orjson.dumps(signed)
        limit = site.settings.callback_limit_bytes
        assert await answered(site, body + b" " * (limit + 1 - len(body)), sign=False) == "99"
        assert await answered(site, body + b" " * (limit - len(body)), sign=False) == "00"


async def test_the_platforms_page_shows_nothing_at_all() -> None:
    async with till("payplat") as site:
        body = (await site.call("/payments/return", "MaThamChieu=dvcX1&MaLoi=00"))[1].decode()
        assert "dvcX1" not in body
        assert "không xác nhận" in body


async def test_a_notice_that_was_encoded_anew_on_its_way_is_proved_by_the_documented_text(
    site: Till,
) -> None:
    query = notice(await reference_of(site))
    assert "Thanh+toan" in query
    on_its_way = query.replace("+", "%20").replace("vnp_TmnCode=D", "vnp_TmnCode=%44")
    assert await rsp(site, on_its_way.replace("NCB", "N%2BCB")) == "97"
    assert await rsp(site, on_its_way) == "00"
