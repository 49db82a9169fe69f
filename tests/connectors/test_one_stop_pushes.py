"""What the hub pushes to a product: dossiers, inter-agency dossiers, and every way it can fail."""

from __future__ import annotations

from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import structs
from pydantic import ValidationError
from starlette.applications import Starlette
from starlette.responses import Response
from starlette.routing import Route as HttpRoute

from hub.connector import Answer, Request
from hub.connectors.one_stop.encode import encode
from hub.errors import EncodeError, Misconfigured, Rejected, Unavailable, UnknownOutcome
from hub.event import Event
from hub.message import Message
from hub.route import Route
from hub.routes.one_stop import ROUTES
from hub.simulation import running
from tests.connectors.one_stop_counterparts import (
    CHILD,
    CODE,
    CONNECTOR,
    OTHER_UNIT,
    PRODUCT,
    TOKEN,
    UNIT,
    decoded,
    event,
    one_stop_settings,
    play,
)

ALL_ON = one_stop_settings({UNIT: {"base_url": "http://x", **PRODUCT}})
DOSSIER: dict[str, Any] = {
    "procedure": {"code": "1.009999", "name": "Thủ tục thử nghiệm"},
    "applicant": {"kind": "citizen", "name": "Nguyễn Văn Mẫu"},
    "summary": "Hồ sơ thử #1",
    "received_at": "2026-01-05T09:30:00+07:00",
}
SECRETS = ("Nguyễn Văn Mẫu", "cua-san-pham", "SECRET_DEMO_01", "Hồ sơ thử")


def pushed(status: str = "new", code: str = "1", **more: Any) -> Event:
    """A dossier that the portal pushes to the unit."""
    kind = {"new": "dossier.submitted", "processing": "dossier.progressed"}[status]
    data = {"code": CODE, "status": status, "status_code": code, "dossier": DOSSIER, **more}
    return event(kind, data, source=f"/connectors/national_portal/{UNIT}")


def step(number: int) -> Event:
    """A step that the portal pushes."""
    told = {
        "officer": "Cán bộ Mẫu",
        "at": "2026-01-05T10:00:00+07:00",
        "content": f"Bước #{number}",
    }
    return pushed("processing", "4", dossier=None, step=told)


async def test_dossiers_and_steps_arrive_in_order_with_their_operation_key() -> None:
    async with play() as stage:
        assert await stage.tell(pushed(), step(2), step(3)) == "0"
        rows = list(stage.log.last(CODE))
    assert [row["operation"] for row in rows] == [
        "DongBoHoSoMC",
        "CapNhatTienDoHoSoMC",
        "CapNhatTienDoHoSoMC",
    ]
    assert [row["seq"] for row in rows] == [1, 2, 3]
    assert len({row["id"] for row in rows}) == 3
    assert all(row["id"] for row in rows)


async def test_what_the_product_has_already_is_a_success() -> None:
    async with play() as stage:
        told = stage.request(pushed())
        codes = [
            (await stage.client.deliver([told], timeout_seconds=5)).foreign_code for _ in range(2)
        ]
        assert codes == ["0", "1"]
        assert (await stage.state())["told"] == {"DongBoHoSoMC": 1}


async def test_after_a_lost_answer_the_same_again_is_taken_as_known() -> None:
    async with play() as stage:
        await stage.play({"fault": "timeout_after_success", "then": "cut", "next_calls": 1})
        told = stage.request(pushed())
        with pytest.raises(UnknownOutcome):
            await stage.client.deliver([told], timeout_seconds=5)
        assert (await stage.client.deliver([told], timeout_seconds=5)).foreign_code == "1"
        assert (await stage.client.ask(told, timeout_seconds=5)).answer is Answer.UNKNOWN


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        ({"fault": "refuse", "error_code": "-1"}, Rejected),
        ({"fault": "429", "retry_after_seconds": 7}, Unavailable),
        ({"fault": "5xx", "status": 503}, Unavailable),
        ({"fault": "malformed", "body": "<html>"}, UnknownOutcome),
        ({"fault": "malformed", "body": "[]"}, UnknownOutcome),
        ({"fault": "malformed", "body": '{"message": "thành công"}'}, UnknownOutcome),
        ({"fault": "timeout_without_effect", "then": "cut"}, UnknownOutcome),
    ],
)
async def test_every_answer_of_a_product_becomes_an_error_of_ours(
    fault: dict[str, Any], error: type[Exception]
) -> None:
    async with play() as stage:
        await stage.play(fault)
        with pytest.raises(error) as caught:
            await stage.tell(pushed())
    assert not any(secret in str(caught.value) for secret in SECRETS)


@pytest.mark.parametrize(
    ("status", "code", "error"),
    [
        (200, "0", None),
        (409, "1", None),
        (302, "0", Misconfigured),
        (400, "0", Rejected),
        (401, "-4", Misconfigured),
        (403, "0", Misconfigured),
        (404, "0", Misconfigured),
        (400, "-9", Rejected),
    ],
)
async def test_an_http_status_is_no_success_whatever_the_body_says(
    status: int, code: str, error: type[Exception] | None
) -> None:
    """Nor is a refused account a refused message."""

    async def answer(_: object) -> Response:
        told = orjson.dumps({"error_code": code})
        return Response(told, status, media_type="application/json")

    app = Starlette(routes=[HttpRoute("/dvcqg/hoso", answer, methods=["POST"])])
    async with running(app) as url, play(products={UNIT: {**PRODUCT, "base_url": url}}) as stage:
        if error is None:
            assert await stage.tell(pushed()) == code
            return
        with pytest.raises(error) as caught:
            await stage.tell(pushed())
    assert type(caught.value) is error


async def test_an_answer_may_begin_with_a_byte_order_mark() -> None:
    async with play() as stage:
        await stage.play({"fault": "malformed", "body": '\ufeff{"error_code": "0"}'})
        assert await stage.tell(pushed()) == "0"


@pytest.mark.parametrize(("final", "documented"), [((), False), (("-1",), True)])
async def test_a_business_failure_under_http_200_is_final_only_where_the_deployment_says_so(
    final: tuple[str, ...], documented: bool
) -> None:
    async with play(final_codes=final) as stage:
        await stage.play({"fault": "refuse", "error_code": "-1"})
        with pytest.raises(Rejected) as caught:
            await stage.tell(pushed())
    assert caught.value.documented is documented
    assert caught.value.foreign_code == "-1"


async def test_a_product_that_refuses_the_hub_stops_the_route_only_if_it_is_the_only_one() -> None:
    wrong = {**PRODUCT, "authorization": "Bearer sai"}
    async with play(products={UNIT: wrong}) as stage:
        with pytest.raises(Misconfigured):
            await stage.tell(pushed())
    async with play(products={UNIT: wrong, OTHER_UNIT: {}}) as stage:
        with pytest.raises(Unavailable) as caught:
            await stage.tell(pushed())
    assert not isinstance(caught.value, Misconfigured)
    assert TOKEN not in str(caught.value)


async def test_no_time_left_means_that_nothing_is_sent() -> None:
    async with play() as stage:
        with pytest.raises(Unavailable):
            await stage.tell(pushed(), seconds=0)
        assert list(stage.log.last()) == []


async def test_a_product_that_nobody_can_reach_is_unavailable() -> None:
    async with play() as stage:
        client_settings = one_stop_settings({UNIT: {"base_url": "http://127.0.0.1:9", **PRODUCT}})
        stage.client._settings = client_settings
        with pytest.raises(Unavailable):
            await stage.tell(pushed())
        with pytest.raises(Unavailable):
            await stage.client.probe()


async def test_a_probe_tells_what_is_configured_and_a_question_is_refused() -> None:
    async with play() as stage:
        assert await stage.client.probe() == "1 products can be reached"
        with pytest.raises(Rejected):
            await stage.client.query("TraCuuHoSo", UNIT, {})
    async with play(products={}) as stage:
        assert await stage.client.probe() == "no product is told anything"


# Which product, and what it has switched on


@pytest.mark.parametrize(
    ("unit", "found"),
    [(UNIT, UNIT), ("H99.01.07", UNIT), ("H99.02", None), ("H99", None), ("", None)],
)
def test_a_unit_is_served_by_its_own_product_or_the_nearest_above(
    unit: str, found: str | None
) -> None:
    served = ALL_ON.product_of(unit)
    assert (served[0] if served else None) == found


@pytest.mark.parametrize(
    ("name", "served"),
    [
        ("002.15.28.H22", ["002.15.28.H22"]),
        ("000.15.28.H22", ["002.15.28.H22", "000.15.28.H22"]),
        ("000.00.28.H22", ["002.15.28.H22", "000.15.28.H22", "000.00.28.H22"]),
        ("000.00.00.H22", ["002.15.28.H22", "000.15.28.H22", "000.00.28.H22", "000.00.00.H22"]),
        ("H22", ["002.15.28.H22", "000.15.28.H22", "000.00.28.H22", "000.00.00.H22", "H22"]),
        ("000.15", []),
    ],
)
def test_an_id_of_the_old_form_is_read_from_right_to_left(name: str, served: list[str]) -> None:
    own = one_stop_settings({name: {"base_url": "http://x"}})
    units = ["002.15.28.H22", "000.15.28.H22", "000.00.28.H22", "000.00.00.H22", "H22", "H2", "28"]
    assert [unit for unit in units if own.product_of(unit)] == served


@pytest.mark.parametrize(
    ("told", "off"),
    [
        (pushed(), "dossier_path"),
        (event("receipt.issued", {"number": "1"}), "receipt_path"),
        (event("post.tracked", {"state": "posted"}), "post_customer"),
        (event("document.processed", {"dossier_code": CODE, "result_code": "01"}), "office"),
    ],
)
async def test_a_form_that_is_switched_off_is_not_told(told: Event, off: str) -> None:
    less = {name: value for name, value in PRODUCT.items() if name != off}
    async with play(products={UNIT: less}) as stage:
        assert await stage.tell(told) == "not_told"
        assert list(stage.log.last()) == []


async def test_a_unit_without_a_product_is_not_told() -> None:
    async with play() as stage:
        assert await stage.tell(pushed(unit="H77.01")) == "not_told"


def test_a_kind_that_no_product_can_be_told_is_an_error() -> None:
    order = {"code": CODE, "service": "return"}
    with pytest.raises(EncodeError):
        encode(event("post.order_requested", order), ALL_ON)


def test_an_outcome_of_the_office_without_a_code_cannot_be_told() -> None:
    with pytest.raises(EncodeError) as caught:
        encode(event("document.processed", {"dossier_code": CODE}), ALL_ON)
    assert "/LoaiKetQua" in str(caught.value)


# Inter-agency dossiers

HANDED: dict[str, Any] = {
    "MaHoSo": CODE,
    "MaHoSoLT": CHILD,
    "DonViNhan": OTHER_UNIT,
    "HanXuLy": "20260109170000",
    "NoiDung": "Đề nghị xác nhận",
}
ENDED = {"MaHoSoLT": CHILD, "KetQua": "9", "NgayHoanThanh": "20260108150000"}


def linked(operation: str, body: bytes, unit: str) -> Event:
    """The event of an object as the door passes it on."""
    headers = {"unit": unit, "form": "handover"}
    (told,) = decoded(Message("one_stop", operation, body, headers=headers))
    return told


async def test_a_child_goes_to_the_other_agency_and_its_outcome_back_to_the_parents() -> None:
    both = {UNIT: PRODUCT, OTHER_UNIT: {"handover_path": "/lienthong", "authorization": TOKEN}}
    async with play(products=both) as stage:
        handed = linked("ChuyenHoSoLienThong", orjson.dumps(HANDED), UNIT)
        assert (handed.kind, handed.subject) == ("handover.requested", CHILD)
        (parent,) = handed.aliases
        assert (parent.kind, parent.value, parent.subject) == ("dossier.parent", CHILD, CODE)
        assert parent.facts["due_at"] == "20260109170000"
        ended = linked("KetQuaHoSoLienThong", orjson.dumps(ENDED), OTHER_UNIT)
        assert (ended.subject, ended.about) == ("", ("dossier.parent", CHILD))
        back = structs.replace(ended.identify(None), subject=CODE)
        await stage.tell(handed.identify(None), back)
        rows = list(stage.log.last())
        assert stage.request(handed.identify(None)).message.headers["product"] == OTHER_UNIT
        assert stage.request(back).message.headers["product"] == UNIT
    assert [(row["operation"], row["ok"]) for row in rows] == [
        ("ChuyenHoSoLienThong", True),
        ("KetQuaHoSoLienThong", True),
    ]


@pytest.mark.parametrize("products", [{}, {OTHER_UNIT: {"office": True}}])
async def test_a_child_whose_agency_has_no_product_yet_waits(products: dict[str, Any]) -> None:
    async with play(products={UNIT: PRODUCT, **products}) as stage:
        with pytest.raises(Unavailable) as caught:
            await stage.tell(
                linked("ChuyenHoSoLienThong", orjson.dumps(HANDED), UNIT).identify(None)
            )
    assert caught.value.code == "no_account"


def texts() -> st.SearchStrategy[str]:
    """Texts that JSON and a text column can hold."""
    return st.text(st.characters(codec="utf-8", exclude_characters="\x00"), max_size=20)


@settings(max_examples=60, deadline=None)
@given(
    content=texts(),
    officer=texts(),
    papers=st.lists(st.fixed_dictionaries({"TenTepDinhKem": texts()}), max_size=2),
    name=texts(),
    extra=texts(),
)
def test_an_inter_agency_dossier_keeps_every_field_on_its_way(
    content: str, officer: str, papers: list[dict[str, str]], name: str, extra: str
) -> None:
    sent = {
        **HANDED,
        "NoiDung": content,
        "NguoiXuLy": officer,
        "TaiLieuKemTheo": papers,
        "TruongLa": extra,
        "DonViChuyen": UNIT,
        "HoSo": {"MaHoSo": CHILD, "MaTTHC": "1.009999", "TenTTHC": name, "TrangThaiHoSo": "2"},
    }
    told = linked("ChuyenHoSoLienThong", orjson.dumps(sent), UNIT)
    written = orjson.loads(encode(told.identify(None), ALL_ON).body)["data"]
    assert written == sent


# The route


def test_the_route_and_only_it_is_in_force_where_products_are_configured() -> None:
    (route,) = ROUTES
    assert isinstance(route, Route)
    assert route.takes("payment.confirmed")
    assert not route.takes("payment.order_requested")
    assert CONNECTOR.sends(ALL_ON)
    assert not CONNECTOR.sends(one_stop_settings())


@pytest.mark.parametrize(
    "wrong",
    [
        {"base_url": "ftp://x"},
        {"base_url": "http://a:b@x"},
        {"base_url": "http://x", "payment_partner": "A"},
        {"base_url": "http://x", "confirm_path": "/c"},
        {"base_url": "http://x", "dossier_path": "c"},
        {"base_url": "http://x", "path": "/c"},
        {"base_url": "http://x", "payment_partner": "A", "payment_secret": ""},
    ],
)
def test_a_product_that_is_only_half_configured_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        one_stop_settings({UNIT: wrong})


def test_payment_forms_need_an_address_for_citizens_and_partners_of_their_own() -> None:
    product = {"base_url": "http://x", "payment_partner": "A", "payment_secret": "B"}
    with pytest.raises(ValidationError):
        one_stop_settings({UNIT: product}, public_url=None)
    with pytest.raises(ValidationError):
        one_stop_settings({UNIT: product, OTHER_UNIT: product})


async def test_the_key_of_a_request_is_the_key_that_the_product_sees() -> None:
    async with play() as stage:
        told = pushed()
        request: Request = stage.request(told, "0d1f3c9e-0000-5000-8000-000000000001")
        await stage.client.deliver([request], timeout_seconds=5)
        (row,) = stage.log.last()
    assert row["id"] == request.operation_key
