"""The hub as payment platform of a product, over real HTTP."""

from __future__ import annotations

from typing import Any

import aiohttp
import orjson
import pytest

from hub.connectors.one_stop.payplat import HASHED, hash_of
from hub.errors import Rejected
from hub.event import Alias, Event
from tests.connectors.one_stop_counterparts import (
    CODE,
    OTHER_UNIT,
    PARTNER,
    PRODUCT,
    PUBLIC,
    UNIT,
    alias,
    event,
    payment,
    play,
    ticking,
)

REFERENCE = "dvcH9901260105000120260105093000"
ORDERS = "one_stop.payment"
HASHES = [
    (
        "INIT",
        "INIT|1.0.6|DT001|dvcH56260105000120260105093000|150000|PAY|1|1|vi-VN|VND|PAYMENT|"
        "THANH TOAN HO SO H56-260105-0001|20260105093000|10.0.0.5",
        "6cd0726c98affba1630f77ceb8bbf64c9b660a39993e07a9348160053f3eb8e5",
    ),
    (
        "CONFIRM",
        "CONFIRM|00|DT001|dvcH56260105000120260105093000|150000|VND|GD0000123|VCB|20260105093212|"
        "THANH TOAN HO SO H56-260105-0001",
        "9c8fd447a6bfc2b9d0693bcdd280a48b60d04725d7ff6fdd56f222aedd4423df",
    ),
    (
        "QUERY",
        "QUERY|1.0.6|DT001|dvcH56260105000120260105093000|20260105100000",
        "e46955657bedf9c560376a9df3f9a6dcb543f2f79247ecbd39e0e895774ad8a3",
    ),
]


@pytest.mark.parametrize(("form", "joined", "expected"), HASHES)
def test_a_hash_is_the_one_of_the_documentation(form: str, joined: str, expected: str) -> None:
    fields = dict(zip(HASHED[form], joined.split("|"), strict=True))
    assert hash_of(fields, form, "SECRET_DEMO_01") == expected


def test_a_field_without_a_value_counts_as_empty_in_a_hash() -> None:
    fields = dict.fromkeys(HASHED["INIT"], "x")
    empty = hash_of({**fields, "Ip": ""}, "INIT", "s")
    assert hash_of({**fields, "Ip": None}, "INIT", "s") == empty


async def look(url: str) -> tuple[int, str, str]:
    """Status, Location and text of what a citizen's browser gets."""
    async with aiohttp.ClientSession() as http, http.get(url, allow_redirects=False) as answer:
        return answer.status, answer.headers.get("Location", ""), await answer.text()


async def test_an_ordered_payment_is_answered_with_a_link_that_leads_on_once_there_is_one() -> None:
    async with play() as stage:
        reply = await stage.calling.order_payment(CODE, 150_000, REFERENCE)
        link = reply["inner"]["UrlThanhToan"]
        assert link.startswith(f"{PUBLIC}/thanh-toan/")
        page = link.replace(PUBLIC, stage.hub)
        assert (await look(page))[0] == 200
        (ordered,) = stage.events()
        assert (ordered.kind, ordered.subject, ordered.once) == (
            "payment.order_requested",
            CODE,
            True,
        )
        await stage.settle()
        await stage.tell(event("payment.requested", payment(pay_url="https://pay.example.vn/1")))
        assert await look(page) == (302, "https://pay.example.vn/1", "")
        (told,) = (await stage.state())["told"].items()
    assert told == ("ThongBaoThanhToan", 1)


@pytest.mark.parametrize("paid", [True, False])
async def test_the_link_of_a_payment_that_is_made_leads_to_no_second_one(paid: bool) -> None:
    async with play() as stage:
        reply = await stage.calling.order_payment(CODE, 150_000, REFERENCE)
        page = reply["inner"]["UrlThanhToan"].replace(PUBLIC, stage.hub)
        await stage.settle()
        await stage.tell(event("payment.requested", payment(pay_url="https://pay.example.vn/1")))
        end = payment(transaction="GD1") if paid else payment(response_code="24", reason="refused")
        await stage.tell(event("payment.confirmed" if paid else "payment.failed", end))
        status, location, text = await look(page)
    assert (status, location) == ((200, "") if paid else (302, "https://pay.example.vn/1"))
    assert ("đã được thanh toán" in text) is paid


async def test_a_repeated_order_gets_the_same_link_and_is_taken_once() -> None:
    async with play() as stage:
        first, again = [
            await stage.calling.order_payment(CODE, 150_000, REFERENCE) for _ in range(2)
        ]
        assert first == again
        assert len(stage.ground.messages) == 1


async def test_an_order_that_kafka_did_not_take_is_taken_when_it_is_repeated() -> None:
    async with play() as stage:
        stage.ground.kafka_is_away = True
        reply = await stage.calling.order_payment(CODE, 150_000, REFERENCE)
        assert reply["error_code"] == "-1"
        stage.ground.kafka_is_away = False
        assert (await stage.calling.order_payment(CODE, 150_000, REFERENCE))["error_code"] == "0"
        assert len(stage.ground.messages) == 1


async def test_a_reference_cannot_be_used_for_another_amount_or_dossier() -> None:
    async with play() as stage:
        await stage.calling.order_payment(CODE, 150_000, REFERENCE)
        other = [
            await stage.calling.order_payment(CODE, 15_000, REFERENCE),
            await stage.calling.order_payment("H99.01-260105-0002", 150_000, REFERENCE),
        ]
        assert [reply["error_code"] for reply in other] == ["-9", "-9"]
        assert len(stage.ground.messages) == 1


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"MaXacThuc": "0" * 64}, "-2"),
        ({"MaXacThuc": None}, "-2"),
        ({"SoTien": "1"}, "-2"),
        ({"MaDoiTac": "DT002"}, "-2"),
        ({"LoaiBanTin": "GET_BILL"}, "-7"),
        ({"LoaiBanTin": ["INIT"]}, "-7"),
        ({"ThongTinBienLai": {}}, "-9"),
        ({"ThongTinBienLai": "x"}, "-9"),
    ],
)
async def test_an_order_that_is_not_right_is_refused(change: dict[str, Any], code: str) -> None:
    async with play() as stage:
        fields = stage.calling.init_fields(CODE, 150_000, REFERENCE) | change
        reply = await stage.calling._exchange("POST", "/payplat", fields, {})
        assert reply["error_code"] == code
        assert stage.ground.messages == []
        assert len(stage.ground.refusals) == 1


async def test_a_payment_is_confirmed_under_the_reference_that_the_product_knows() -> None:
    paid = payment(transaction="GD1", bank_code="VCB", paid_at="2026-01-05T09:32:12+07:00")
    async with play() as stage:
        await stage.calling.order_payment(CODE, 150_000, REFERENCE)
        await stage.settle()
        open_yet = await stage.calling.query_payment(REFERENCE)
        assert (open_yet["MaLoi"], open_yet["signed"]) == ("01", True)
        assert "TrangThaiGD" not in open_yet
        requested = event("payment.requested", payment(pay_url="https://pay.example.vn/1"))
        confirmed = event("payment.confirmed", paid)
        assert await stage.tell(requested, confirmed, confirmed) == "00"
        assert (await stage.state())["payments"] == {REFERENCE: "00"}
        known = await stage.calling.query_payment(REFERENCE)
    assert (known["TrangThaiGD"], known["MaLoi"], known["MaGiaoDich"]) == ("1", "00", "GD1")
    assert known["signed"] is True


async def test_a_confirm_is_delivered_only_by_its_own_success() -> None:
    """`1` says of a push that the product has it, and of a CONFIRM that it was not taken."""
    async with play() as stage:
        for answer, taken in (("00", True), ("1", False), ("01", False)):
            body = orjson.dumps({"MaLoi": answer, "error_code": "0"}).decode()
            await stage.play({"fault": "malformed", "operation": "CONFIRM", "body": body})
            confirmed = event("payment.confirmed", payment(transaction="GD1"))
            if taken:
                assert await stage.tell(confirmed) == answer
                continue
            with pytest.raises(Rejected) as caught:
                await stage.tell(confirmed)
            assert (caught.value.foreign_code, caught.value.documented) == (answer, False)


async def test_a_failure_told_after_the_success_does_not_undo_it() -> None:
    async with play() as stage:
        await stage.calling.order_payment(CODE, 150_000, REFERENCE)
        await stage.settle()
        await stage.tell(event("payment.requested", payment(pay_url="https://pay.example.vn/1")))
        await stage.tell(event("payment.confirmed", payment(transaction="GD1")))
        await stage.tell(event("payment.failed", payment(reason="expired")))
        known = await stage.calling.query_payment(REFERENCE)
    assert known["TrangThaiGD"] == "1"


async def test_a_second_payment_after_a_failed_one_is_told_under_the_same_reference() -> None:
    async with play() as stage:
        await stage.calling.order_payment(CODE, 150_000, REFERENCE)
        await stage.settle()
        await stage.tell(event("payment.requested", payment("A", pay_url="https://pay.vn/1")))
        await stage.tell(event("payment.failed", payment("A", reason="expired")))
        failed = await stage.calling.query_payment(REFERENCE)
        assert (failed["TrangThaiGD"], failed["MaLoi"]) == ("4", "99")
        await stage.tell(event("payment.requested", payment("B", pay_url="https://pay.vn/2")))
        await stage.tell(event("payment.confirmed", payment("B", transaction="GD2")))
        assert (await stage.state())["payments"] == {REFERENCE: "00"}


async def test_a_payment_that_the_product_did_not_order_is_told_under_the_gateways_reference() -> (
    None
):
    async with play() as stage:
        await stage.tell(event("payment.confirmed", payment("HUB7", transaction="GD1")))
        assert (await stage.state())["payments"] == {"HUB7": "00"}
        assert (await stage.calling.query_payment("HUB7"))["TrangThaiGD"] == "1"
        unknown = await stage.calling.query_payment("HUB8")
    assert unknown["error_code"] == "-11"


def order(value: str, *, code: str = CODE, amount: int = 150_000, currency: str = "VND") -> Alias:
    """An order that a product has placed, as the hub knows it."""
    facts = {"amount_vnd": str(amount), "currency": currency, "in_kafka": "1"}
    return Alias(ORDERS, value, code, facts)


@pytest.mark.parametrize(
    "other",
    [
        order(f"{PARTNER}/KHAC", amount=15_000),
        order(f"{PARTNER}/KHAC", currency="USD"),
        order(f"{PARTNER}/KHAC", code="H99.01-260105-0002"),
        order("DT002/KHAC"),
        order(f"{PARTNER}0/KHAC"),
    ],
)
async def test_a_payment_is_bound_to_no_order_of_another_amount_dossier_or_product(
    other: Alias,
) -> None:
    """Whichever is the later one, and also where it is the only one."""
    own = order(f"{PARTNER}/{REFERENCE}")
    requested = event("payment.requested", payment(pay_url="https://pay.example.vn/1"))
    confirmed = event("payment.confirmed", payment(transaction="GD1"))
    for orders in ([own, other], [other, own]):
        async with play() as stage:
            ticking(stage)
            for each in orders:
                await stage.ground.remember([each])
            await stage.tell(requested, confirmed)
            assert (await stage.state())["payments"] == {REFERENCE: "00"}
            assert stage.ground.known[ORDERS, other.value] == other
    async with play() as stage:
        await stage.ground.remember([other])
        await stage.tell(requested, confirmed)
        assert (await stage.state())["payments"] == {"HUB1": "00"}


async def test_of_two_like_orders_each_gets_a_payment_of_its_own() -> None:
    async with play() as stage:
        ticking(stage)
        for name in ("R1", "R2"):
            await stage.ground.remember([order(f"{PARTNER}/{name}")])
        first = event("payment.requested", payment("A", pay_url="https://pay.example.vn/1"))
        second = event("payment.requested", payment("B", pay_url="https://pay.example.vn/2"))
        await stage.tell(first, second)
        bound = {each.value: each.facts["payment_id"] for each in alias(stage.ground, ORDERS)}
        await stage.tell(event("payment.confirmed", payment("A", transaction="GD1")))
        assert (await stage.state())["payments"] == {"R2": "00"}
    assert bound == {f"{PARTNER}/R2": "A", f"{PARTNER}/R1": "B"}


async def test_a_link_told_again_does_not_open_a_payment_that_is_decided() -> None:
    requested = event("payment.requested", payment(pay_url="https://pay.example.vn/1"))
    async with play() as stage:
        await stage.ground.remember([order(f"{PARTNER}/{REFERENCE}")])
        await stage.tell(requested, event("payment.confirmed", payment(transaction="GD1")))
        await stage.tell(requested, event("payment.failed", payment(reason="expired")))
        known = await stage.calling.query_payment(REFERENCE)
    assert (known["TrangThaiGD"], known["MaGiaoDich"]) == ("1", "GD1")


async def test_an_order_that_failed_once_and_has_a_new_link_takes_no_third_payment() -> None:
    """The first new link is the second order's, also where the failure is heard after that."""
    async with play() as stage:
        ticking(stage)
        await stage.ground.remember([order(f"{PARTNER}/R1")])
        await stage.tell(event("payment.requested", payment("A", pay_url="https://pay.vn/1")))
        await stage.ground.remember([order(f"{PARTNER}/R2")])
        await stage.tell(event("payment.failed", payment("A", reason="expired")))
        for name in ("B", "C"):
            url = f"https://pay.vn/{name}"
            await stage.tell(event("payment.requested", payment(name, pay_url=url)))
        bound = {each.value: each.facts["payment_id"] for each in alias(stage.ground, ORDERS)}
    assert bound == {f"{PARTNER}/R1": "C", f"{PARTNER}/R2": "B"}


async def test_a_receipt_is_told_under_the_reference_of_its_payment() -> None:
    issued = {"payment_id": "HUB1", "number": "17", "amount_vnd": 150_000}
    async with play() as stage:
        await stage.calling.order_payment(CODE, 150_000, REFERENCE)
        await stage.settle()
        await stage.tell(event("payment.requested", payment(pay_url="https://pay.example.vn/1")))
        assert await stage.tell(event("receipt.issued", issued)) == "0"
        (known,) = alias(stage.ground, ORDERS)
        told = await stage.client._payments.receipted({"MaThamChieu": "HUB1", "SoBienLai": "17"})
        other = await stage.client._payments.receipted({"MaThamChieu": "HUB2"})
    assert known.facts["payment_id"] == "HUB1"
    assert told == {"MaThamChieu": REFERENCE, "SoBienLai": "17"}
    assert other == {"MaThamChieu": "HUB2"}


async def test_the_name_of_a_page_is_known_to_nobody_without_the_secret() -> None:
    links = set()
    for secret in ("bí mật thứ nhất, đủ dài", "bí mật thứ hai, đủ dài"):
        async with play(session_secret=secret) as stage:
            reply = await stage.calling.order_payment(CODE, 150_000, REFERENCE)
            links.add(reply["inner"]["UrlThanhToan"])
    assert len(links) == 2
    assert not any(REFERENCE in link or CODE in link for link in links)


async def test_the_page_of_an_unknown_payment_says_so() -> None:
    async with play() as stage:
        assert (await look(f"{stage.hub}/thanh-toan/{'0' * 40}"))[0] == 404


@pytest.mark.parametrize(
    ("named", "unit"),
    [
        ("", UNIT),
        (UNIT, UNIT),
        (f"{UNIT}.02", f"{UNIT}.02"),
        (OTHER_UNIT, UNIT),
        (f"{OTHER_UNIT}.01", UNIT),
        ("H88", UNIT),
    ],
)
async def test_an_order_is_of_the_partners_own_unit_or_one_below_it(named: str, unit: str) -> None:
    """What is collected for it, and the receipt, are that unit's."""
    products = {UNIT: PRODUCT, OTHER_UNIT: {"office": True}}
    async with play(products=products) as stage:
        await stage.calling.order_payment(CODE, 150_000, REFERENCE, MaDonVi=named)
        (told,) = stage.events()
    assert told.data.model_dump()["unit"] == unit
    assert told.source == f"/connectors/one_stop/{unit}"


# A dossier that the hub knows by the portal's code

NATIONAL = "G22.99.01-260105-000123"
OWN = Alias("dossier.unit_code", CODE, NATIONAL)


def linked_to(subject: str) -> Event:
    """The link of a payment."""
    told = payment(pay_url="https://pay.example.vn/1")
    return event("payment.requested", told, subject=subject)


async def test_a_payment_of_a_portals_dossier_is_told_in_the_products_words() -> None:
    """Its state and its order are one debt at the gateway only under one code."""
    async with play(own_codes=True) as stage:
        await stage.ground.remember([OWN])
        await stage.calling.order_payment(CODE, 150_000, REFERENCE)
        again = await stage.calling.order_payment(CODE, 150_000, REFERENCE)
        assert again["error_code"] == "0"
        (ordered,) = stage.events()
        assert (ordered.subject, stage.ground.messages[0].key) == (NATIONAL, NATIONAL)
        (order,) = alias(stage.ground, ORDERS)
        assert order.subject == NATIONAL
        body = orjson.loads(stage.request(linked_to(NATIONAL)).message.body)
        told = [
            await stage.client._payments.linked(NATIONAL, body),
            await stage.client._payments.receipted({"MaThamChieu": "HUB1", "MaHoSo": NATIONAL}),
        ]
        assert await stage.tell(linked_to(NATIONAL)) == "0"
    assert [(each["MaThamChieu"], each["MaHoSo"]) for each in told] == [(REFERENCE, CODE)] * 2


async def test_an_order_stays_about_the_dossier_that_it_was_taken_for() -> None:
    async with play(own_codes=True) as stage:
        stage.ground.kafka_is_away = True
        reply = await stage.calling.order_payment(CODE, 150_000, REFERENCE)
        assert reply["error_code"] == "-1"
        stage.ground.kafka_is_away = False
        await stage.ground.remember([OWN])
        reply = await stage.calling.order_payment(CODE, 150_000, REFERENCE)
        assert reply["error_code"] == "0"
        (ordered,) = stage.events()
        assert ordered.subject == CODE
