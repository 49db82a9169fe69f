"""The hub as post and document office of a product, over real HTTP."""

from __future__ import annotations

import base64
from dataclasses import replace
from typing import Any

import aiohttp
import orjson
import pytest
from msgspec import structs

from hub.connectors.one_stop.simulator import simulator
from hub.event import Alias
from hub.simulation import CallLog, FaultScript, running
from tests.connectors.one_stop_counterparts import (
    CODE,
    CUSTOMER,
    OTHER_UNIT,
    PRODUCT,
    UNIT,
    event,
    parcel,
    play,
    processed,
    ticking,
)

NATIONAL = "G22.99.01-260105-000123"

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


async def test_an_order_of_a_portals_dossier_is_about_it_under_the_products_number() -> None:
    async with play(own_codes=True) as stage:
        await stage.ground.remember([Alias("dossier.unit_code", CODE, NATIONAL)])
        await stage.calling.order_post(CODE)
        assert (await stage.calling.order_post(CODE))["Status"] == "101"
        await stage.calling.cancel_post(CODE)
        assert [message.key for message in stage.ground.messages] == [NATIONAL] * 2
        ordered, cancelled = stage.events()
        assert ordered.subject == cancelled.subject == NATIONAL
        assert {event.data.model_dump()["code"] for event in (ordered, cancelled)} == {CODE}
        await stage.tell(structs.replace(parcel("posted", "1"), subject=NATIONAL))
        (row,) = await stage.calling.track()
        assert row["OrderNumber"] == CODE


async def test_a_cancellation_is_about_what_its_order_was_about() -> None:
    async with play(own_codes=True) as stage:
        await stage.calling.order_post(CODE)
        await stage.ground.remember([Alias("dossier.unit_code", CODE, NATIONAL)])
        await stage.calling.cancel_post(CODE)
        assert [told.subject for told in stage.events()] == [CODE] * 2


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


async def test_the_same_draft_is_a_new_one_once_the_product_has_taken_the_office_s_answer() -> None:
    async with play() as stage:
        ticking(stage)
        await stage.calling.submit(draft())
        await stage.calling.submit(draft())
        await stage.tell(processed("03"))
        await stage.calling.pull_packages(acknowledge=False)
        await stage.calling.submit(draft())
        await stage.calling.pull_packages()
        await stage.calling.submit(draft())
        await stage.calling.submit(draft())
        keys = [each.natural_key for each in stage.events()]
    assert keys[0] == keys[1] == keys[2] != keys[3] == keys[4]


async def test_a_draft_sent_again_after_other_news_of_its_dossier_is_still_a_repetition() -> None:
    """Its answer was lost, and the product told a step or another draft before it tried again."""
    async with play() as stage:
        await stage.calling.submit(draft())
        await stage.calling.submit(draft(ThamSoAn='{"a":2}'))
        await stage.calling.submit(draft())
        first, other, again = stage.events()
    assert first.natural_key == again.natural_key != other.natural_key
    assert first.once
    assert again.once


async def test_an_old_answer_that_is_acknowledged_once_more_is_not_the_last_again() -> None:
    async with play() as stage:
        ticking(stage)
        packages = []
        for _ in range(2):
            await stage.tell(processed("03"))
            packages += await stage.calling.waiting_packages()
            await stage.calling.pull_packages()
            await stage.calling.submit(draft())
        late = {"MaVanBan": packages[0], "TrangThai": "04"}
        await stage.calling._office("POST", "CapNhatTrangThaiVanBan", late)
        await stage.calling.submit(draft())
        after_first, after_second, again = (each.natural_key for each in stage.events())
    assert after_first != after_second == again


async def test_a_document_issued_again_is_a_repetition_whatever_the_office_answered() -> None:
    call = {"MaHoSo": CODE, "NoiNhan": [{"MaDinhDanh": "H99.02"}], "VanBan": {"SoKyHieu": "1/A"}}
    async with play() as stage:
        ticking(stage)
        await stage.calling.issue(call)
        await stage.tell(processed("01"))
        await stage.calling.pull_packages()
        await stage.calling.issue(call)
        first, again = (each.natural_key for each in stage.events())
    assert first == again


async def test_a_product_cannot_name_a_file_in_the_hubs_store() -> None:
    async with play() as stage:
        foreign = await stage.ground.keep(b"cua nguoi khac", "application/pdf")
        file = {"Ten": "a.pdf", "KhoTep": foreign, "KichThuoc": "14", "SHA256": "a" * 64}
        call = draft(VanBanDuThao={"TrichYeu": "Dự thảo", "DinhKem": [file]})
        assert (await stage.calling.submit(call))["error"] is None
        (told,) = stage.events()
    (known,) = told.data.model_dump()["document"]["files"]
    assert (known["name"], known["reference"], known["sha256"]) == ("a.pdf", "", "")


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


async def test_an_outcome_under_the_offices_own_unit_reaches_the_dossiers_product() -> None:
    async with play() as stage:
        assert await stage.tell(processed("01", unit="H99")) == "kept"
        assert await stage.tell(processed("01", unit="H77.01")) == "kept"
        assert len(await stage.calling.waiting_packages()) == 2


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


async def test_a_product_of_an_old_id_is_listed_what_waits_under_the_units_above_it() -> None:
    old = "000.15.28.H22"
    account = {old: {"username": "phuong-mau", "password": "mật khẩu mẫu"}}
    async with play(products={old: PRODUCT}, accounts=account) as stage:
        for parent, error in (("H22", None), ("000.00.28.H22", None), ("000", "-6"), ("28", "-6")):
            query = f"LayDanhSachGoiTinVanBan?maDonViCha={parent}&top=5"
            reply = await stage.calling._office("GET", query, None)
            assert (reply["error"] or {}).get("code") == error


async def test_the_content_of_a_file_may_come_in_lines() -> None:
    content = base64.b64encode(b"%PDF").decode()
    file = {"Ten": "du-thao.pdf", "Base64": f"{content[:4]}\r\n{content[4:]}\r\n"}
    paper = {"TrichYeu": "Dự thảo", "DinhKem": [file]}
    async with play() as stage:
        assert (await stage.calling.submit(draft(VanBanDuThao=paper)))["error"] is None
        assert b"%PDF" in stage.ground.blobs.values()


async def test_a_unit_whose_product_serves_those_above_it_names_itself() -> None:
    async with play(products={"H99": PRODUCT}) as stage:
        await stage.tell(processed("01"))
        assert len(await stage.calling.waiting_packages()) == 1


@pytest.mark.parametrize(
    ("parent", "code"),
    [("", None), ("H99", None), (UNIT, None), ("H9", "-6"), ("99.01", "-6"), (OTHER_UNIT, "-6")],
)
async def test_a_list_is_of_the_own_unit_or_one_above_it(parent: str, code: str | None) -> None:
    async with play() as stage:
        await stage.tell(processed("01"))
        query = f"LayDanhSachGoiTinVanBan?maDonViCha={parent}&top=5"
        reply = await stage.calling._office("GET", query, None)
    if code is None:
        assert (len(reply["data"]), reply["error"]) == (1, None)
    else:
        assert reply["error"]["code"] == code


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
