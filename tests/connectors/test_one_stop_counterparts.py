"""The hub as payment platform, post and document office of a product, over real HTTP."""

from __future__ import annotations

import base64
from dataclasses import replace
from typing import Any

import aiohttp
import orjson
import pytest

from hub.connectors.one_stop.payplat import HASHED, hash_of
from hub.connectors.one_stop.simulator import simulator
from hub.errors import Rejected
from hub.event import Alias
from hub.simulation import CallLog, FaultScript, running
from tests.connectors.one_stop_counterparts import (
    CODE,
    CUSTOMER,
    OTHER_UNIT,
    PARTNER,
    PRODUCT,
    PUBLIC,
    UNIT,
    Play,
    alias,
    event,
    parcel,
    payment,
    play,
    processed,
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


# Payment


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
    assert bound == {f"{PARTNER}/R1": "B", f"{PARTNER}/R2": "C"}


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


async def test_the_page_of_an_unknown_payment_says_so() -> None:
    async with play() as stage:
        assert (await look(f"{stage.hub}/thanh-toan/{'0' * 40}"))[0] == 404


# Post


async def test_an_order_is_taken_once_and_said_to_exist_when_repeated() -> None:
    async with play() as stage:
        assert (await stage.calling.order_post(CODE))["Status"] == "100"
        assert (await stage.calling.order_post(CODE))["Status"] == "101"
        assert (await stage.calling.order_post(f"{CODE}-2"))["Status"] == "100"
        told = [(each.kind, each.subject) for each in stage.events()]
    assert told == [("post.order_requested", CODE)] * 2


async def test_an_order_is_cancelled_once_and_only_if_it_is_known() -> None:
    async with play() as stage:
        assert (await stage.calling.cancel_post(CODE))["Status"] == "400"
        await stage.calling.order_post(CODE)
        assert (await stage.calling.cancel_post(CODE))["Status"] == "100"
        assert (await stage.calling.cancel_post(CODE))["Status"] == "101"
        kinds = [each.kind for each in stage.events()]
    assert kinds == ["post.order_requested", "post.cancel_requested"]


async def test_a_cancelled_order_is_not_said_to_exist() -> None:
    """`101` is a success to a product: it would wait for a parcel that nobody fetches."""
    async with play() as stage:
        await stage.calling.order_post(CODE)
        await stage.calling.cancel_post(CODE)
        assert (await stage.calling.order_post(CODE))["Status"] == "400"
        assert (await stage.calling.order_post(f"{CODE}-2"))["Status"] == "100"
        told = [(each.kind, each.data.model_dump()["number"]) for each in stage.events()]
    assert told == [
        ("post.order_requested", 1),
        ("post.cancel_requested", 1),
        ("post.order_requested", 2),
    ]


async def test_a_registration_says_which_way_the_papers_go() -> None:
    person = {"Name": "Nguyễn Văn Mẫu", "Address": "Số 1 đường Mẫu"}
    async with play() as stage:
        reply = await stage.calling.register_post(
            CODE, IsSendDocument="True", DocumentSender=person, IsReceiveResult="False", State=1
        )
        assert reply["Status"] == "100"
        (told,) = stage.events()
    assert told.data.model_dump()["service"] == "pick_up"


@pytest.mark.parametrize(
    ("change", "status"),
    [
        ({"CustomerCode": "KH0001"}, "400"),
        ({"CODAmount": "nhiều"}, "400"),
        ({"OrderNumber": ""}, "400"),
        ({"OrderNumber": {"a": 1}}, "400"),
    ],
)
async def test_an_order_that_is_not_right_gets_the_posts_own_refusal(
    change: dict[str, Any], status: str
) -> None:
    async with play() as stage:
        assert (await stage.calling.order_post(CODE, **change))["Status"] == status
        assert stage.ground.messages == []


async def test_who_has_no_token_is_told_so_by_http() -> None:
    async with play() as stage:
        stage.calling._token = "x"
        assert (await stage.calling.order_post(CODE))["http"] == 401
        wrong = replace(stage.calling.counterparts, password="sai")
        stage.calling.counterparts, stage.calling._token = wrong, ""
        assert (await stage.calling.order_post(CODE))["http"] == 401


async def test_kafka_being_away_is_the_posts_500() -> None:
    async with play() as stage:
        stage.ground.kafka_is_away = True
        assert (await stage.calling.order_post(CODE))["Status"] == "500"


def ticking(stage: Play) -> None:
    """Let the ground's clock go on with every change, as a database's does."""
    moments = iter(range(1, 100_000))
    stage.ground.clock = lambda: float(next(moments))


async def test_tracking_rows_come_in_their_order_and_each_once() -> None:
    messages = ["Nhập bưu cục", "Đang giao", "Phát thành công"]
    async with play() as stage:
        ticking(stage)
        for message in messages:
            await stage.tell(parcel("delivering", message))
        await stage.calling.track(size=2)
        await stage.calling.track(size=2)
        assert await stage.calling.track() == []
        rows = list(stage.calling.rows.values())
    assert [row["StatusMessage"] for row in rows] == messages
    assert {row["CustomerCode"] for row in rows} == {CUSTOMER}


async def test_a_page_that_got_lost_is_shown_again_with_the_same_ids() -> None:
    async with play() as stage:
        ticking(stage)
        await stage.tell(parcel("posted", "1"), parcel("delivering", "2"))
        lost = await stage.calling.track(forget=True)
        await stage.tell(parcel("delivered", "3"))
        again = await stage.calling.track()
    assert again[:2] == lost
    assert [row["StatusMessage"] for row in again] == ["1", "2", "3"]


async def test_an_id_that_was_never_shown_takes_no_row_away() -> None:
    async with play() as stage:
        await stage.tell(parcel("posted", "1"))
        stage.calling._last = "f" * 24
        assert len(await stage.calling.track()) == 1


async def test_a_row_told_twice_is_shown_once_and_under_the_products_order_number() -> None:
    async with play() as stage:
        await stage.calling.order_post(f"{CODE}-2")
        told = stage.request(parcel("posted", "1", order_number="HUB-17"))
        for _ in range(2):
            await stage.client.deliver([told], timeout_seconds=5)
        (row,) = await stage.calling.track()
    assert row["OrderNumber"] == f"{CODE}-2"


@pytest.mark.parametrize(("asked", "shown"), [(1, 1), (2, 2), (3, 2), (0, 1)])
async def test_a_page_is_as_large_as_asked_within_the_limit(asked: int, shown: int) -> None:
    async with play(page_limit_count=2) as stage:
        await stage.tell(*(parcel("posted", str(number)) for number in range(3)))
        assert len(await stage.calling.track(size=asked)) == shown


# Document office


def draft(**more: Any) -> dict[str, Any]:
    """A draft with one file."""
    file = {"Ten": "du-thao.pdf", "Base64": base64.b64encode(b"%PDF").decode()}
    paper = {"TrichYeu": "Dự thảo", "DinhKem": [file]}
    return {"IDHoSo": "1", "MaHoSo": CODE, "VanBanDuThao": paper, "ThamSoAn": '{"a":1}', **more}


async def test_a_draft_goes_to_the_office_and_its_files_to_the_blob_store() -> None:
    async with play() as stage:
        reply = await stage.calling.submit(draft())
        assert reply == {"data": CODE, "error": None}
        (message,) = stage.ground.messages
        assert b"Base64" not in message.body
        assert message.headers["original"] in stage.ground.blobs
        (told,) = stage.events()
        (file,) = told.data.model_dump()["document"]["files"]
        assert await stage.ground.fetch(file["reference"]) == b"%PDF"
    assert told.kind == "document.submitted"
    assert told.data.model_dump()["echo"] == '{"a":1}'


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"MaHoSo": ""}, "-9"),
        ({"IDHoSo": ""}, "-9"),
        ({"VanBanDuThao": {"DinhKem": [{"Ten": "x", "Base64": "không phải"}]}}, "-9"),
        ({"ThanhPhanHoSo": [{"Base64": 7}]}, "-9"),
        ({"DonVi": "H99"}, "-9"),
    ],
)
async def test_a_draft_that_is_not_right_is_refused(change: dict[str, Any], code: str) -> None:
    async with play() as stage:
        reply = await stage.calling.submit(draft(**change))
        assert reply["error"]["code"] == code
        assert stage.ground.messages == []


async def test_a_signed_document_is_issued_to_other_organisations() -> None:
    call = {"MaHoSo": CODE, "NoiNhan": [{"MaDinhDanh": "H99.02"}], "VanBan": {"SoKyHieu": "1/A"}}
    async with play() as stage:
        assert (await stage.calling.issue(call))["error"] is None
        (told,) = stage.events()
    assert told.kind == "document.issued"
    assert told.data.model_dump()["document"]["receivers"][0]["id"] == "H99.02"


async def test_packages_are_listed_until_they_are_acknowledged_and_hold_their_files() -> None:
    async with play() as stage:
        ticking(stage)
        reference = await stage.ground.keep(b"ket qua", "application/pdf")
        await stage.tell(processed("04"), processed("01", reference=reference, echo="ẩn"))
        first = await stage.calling.pull_packages(acknowledge=False)
        again = await stage.calling.pull_packages()
        assert await stage.calling.waiting_packages() == []
    assert first == again
    assert [each["LoaiKetQua"] for each in again] == ["04", "01"]
    (file,) = again[1]["VanBanDi"]["DinhKem"]
    assert base64.b64decode(file["Base64"]) == b"ket qua"
    assert "KhoTep" not in file
    assert again[1]["ThamSoAn"] == "ẩn"


async def test_a_result_that_named_no_dossier_is_given_under_the_one_that_was_found() -> None:
    """The office knew only the product's id; whose it is the hub found by the alias."""
    async with play() as stage:
        await stage.tell(processed("01", dossier_code="", dossier_id="9001"))
        (package,) = await stage.calling.pull_packages()
    assert (package["MaHoSo"], package["IDHoSo"]) == (CODE, "9001")


async def test_a_draft_is_no_result_of_the_office() -> None:
    draft_event = event("document.submitted", {"dossier_code": CODE, "result_code": "01"})
    async with play() as stage:
        assert await stage.tell(draft_event) == "not_told"
        assert await stage.calling.waiting_packages() == []


async def test_packages_of_another_product_are_neither_listed_nor_given() -> None:
    products = {UNIT: PRODUCT, OTHER_UNIT: {"office": True}}
    async with play(products=products) as stage:
        await stage.tell(processed("01"))
        (code,) = await stage.calling.waiting_packages()
        own = replace(
            stage.calling.counterparts, username="xa-thu", password="mật khẩu thử", unit=OTHER_UNIT
        )
        stage.calling.counterparts = own
        assert await stage.calling.waiting_packages() == []
        reply = await stage.calling._office("GET", f"LayGoiTinVanBan?MaVanBan={code}", None)
    assert reply["error"]["code"] == "-11"


@pytest.mark.parametrize(
    ("told", "code"),
    [
        ({"TrangThai": "05"}, "-9"),
        ({"MaVanBan": "khong-co"}, "-11"),
        ({"MaVanBan": 7}, "-11"),
        ({"MaVanBan": "x" * 65}, "-11"),
    ],
)
async def test_an_acknowledgement_that_is_not_right_is_refused(
    told: dict[str, Any], code: str
) -> None:
    async with play() as stage:
        fields = {"MaVanBan": "khong-co", "TrangThai": "03", **told}
        reply = await stage.calling._office("POST", "CapNhatTrangThaiVanBan", fields)
    assert reply["error"]["code"] == code


async def test_the_office_refuses_who_is_not_known() -> None:
    async with play() as stage:
        stage.calling.counterparts = replace(stage.calling.counterparts, password="sai")
        assert (await stage.calling.submit(draft()))["http"] == 401
    assert stage.ground.refusals[0].code == "wrong_credentials"


async def test_a_call_to_the_office_may_be_as_large_as_its_limit() -> None:
    room = 2_000 - len(orjson.dumps(draft(TenHoSo="")))
    async with play(office_body_limit_bytes=2_000) as stage:
        fits = await stage.calling.submit(draft(TenHoSo="x" * room))
        reply = await stage.calling.submit(draft(TenHoSo="x" * (room + 1)))
    assert fits["error"] is None
    assert reply["error"]["code"] == "-10"


async def test_forms_that_no_product_uses_are_not_offered() -> None:
    async with play(products={UNIT: {"dossier_path": "/dvcqg/hoso"}}) as stage:
        for path in ("/payplat", "/token", "/qlvb/GuiHoSo"):
            async with (
                aiohttp.ClientSession() as http,
                http.post(stage.hub + path, json={}) as answer,
            ):
                assert answer.status == 404


async def test_the_desk_does_what_it_is_told_over_http() -> None:
    async with play() as stage:
        own = {"url": stage.hub, "username": "phuong-mau", "password": "mật khẩu mẫu"}
        app = simulator(FaultScript(), CallLog(), counterparts=own)
        async with running(app) as desk, aiohttp.ClientSession() as http:
            async with http.post(f"{desk}/do/order_post", json={"number": CODE}) as answer:
                assert (await answer.json())["Status"] == "100"
            order = {"code": CODE, "amount": 1000, "reference": "R1"}
            async with http.post(f"{desk}/do/order_payment", json=order) as answer:
                assert (await answer.json())["error_code"] == "0"
            async with http.post(f"{desk}/do/unknown", json={}) as answer:
                assert answer.status == 400
