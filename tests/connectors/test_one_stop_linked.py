"""States, inter-agency dossiers and files: through the door of a session, and to the product."""

from __future__ import annotations

import base64
from typing import Any

import orjson
import pytest
from msgspec import structs

from hub.connector import discover
from hub.connectors.one_stop.encode import encode
from hub.connectors.one_stop.settings import OneStopSettings
from hub.errors import EncodeError, Unavailable
from hub.event import Alias, Event
from hub.message import Message
from hub.routes.one_stop import ROUTES
from hub.when import When
from tests.connectors.ground import MemoryGround
from tests.connectors.one_stop_counterparts import (
    CHILD,
    PRODUCT,
    decoded,
    event,
    one_stop_settings,
    play,
)
from tests.connectors.one_stop_door import CODE, SETTINGS, STEP, SYNC, UNIT, Site, dossier, step
from tests.connectors.portal_examples import portal_settings

NATIONAL = "G22.99.01-260105-000123"
STATE = {"TrangThai": "4", "MaHoSo": NATIONAL, "MaHoSoDonVi": CODE, "NoiDung": "Đang xử lý"}
HANDED = {"MaHoSo": CODE, "MaHoSoLT": CHILD, "DonViNhan": "H99.02"}
ENDED = {"MaHoSoLT": CHILD, "KetQua": "9"}


class Away(MemoryGround):
    async def alias(self, kind: str, value: str) -> Alias | None:
        raise Unavailable("the store does not answer")


@pytest.fixture
def site() -> Site:
    return Site()


@pytest.mark.parametrize(
    ("service", "data", "keys"),
    [
        ("DongBoTrangThaiHoSo", STATE, [NATIONAL]),
        ("DongBoTrangThaiHoSo", [STATE, {**STATE, "TrangThai": "9"}], [NATIONAL, NATIONAL]),
        ("ChuyenHoSoLienThong", HANDED, [CHILD]),
        ("KetQuaHoSoLienThong", ENDED, [CHILD]),
        ("KetQuaHoSoLienThong", {**ENDED, "MaHoSo": CODE}, [CODE]),
    ],
)
async def test_what_is_taken_is_keyed_by_its_dossier_and_becomes_an_event(
    site: Site, service: str, data: Any, keys: list[str]
) -> None:
    reply = await site.call(service, data=data, type="2")
    assert "thành công" in reply["message"]
    assert [message.key for message in site.inbox.messages] == keys
    connector = discover()["one_stop"]
    assert connector.order_key is not None
    for message in site.inbox.messages:
        (told,) = decoded(message)
        assert told.source == f"/connectors/one_stop/{UNIT}"
        assert told.about or told.subject == message.key
        assert connector.order_key(message) == message.key


@pytest.mark.parametrize(
    ("service", "data", "once"),
    [
        ("ChuyenHoSoLienThong", HANDED, False),
        ("ChuyenHoSoLienThong", {**HANDED, "NgayChuyen": "20260105093000"}, True),
        ("KetQuaHoSoLienThong", ENDED, False),
        ("KetQuaHoSoLienThong", {**ENDED, "NgayHoanThanh": "20260108093000"}, True),
        ("KetQuaHoSoLienThong", {**ENDED, "NgayHoanThanh": "hôm qua"}, False),
    ],
)
async def test_what_happened_at_a_moment_can_be_said_once(
    site: Site, service: str, data: Any, once: bool
) -> None:
    """Sent again after other news, too; without a moment it may have happened once more."""
    await site.call(service, data=data)
    (told,) = decoded(site.inbox.messages[0])
    assert told.once is once


ACCOUNTS: dict[str, Any] = {
    UNIT: {"username": "phuong-mau", "password": "mật khẩu mẫu", "lgsp_unit": "000.00.01.H99"},
    "H99.02": {"username": "xa-thu", "password": "mật khẩu thử"},
}


@pytest.mark.parametrize(
    ("receiver", "taken"),
    [
        ("H99.02", False),
        ("H99.010", False),
        ("000.00.02.H99", False),
        (UNIT, True),
        ("H99.01.07", True),  # its product was told of the child
        ("H99", True),
        ("000.00.01.H99", True),  # the other form of its id
    ],
)
async def test_only_the_agency_of_a_child_tells_what_came_of_it(receiver: str, taken: bool) -> None:
    site = Site(
        SETTINGS.model_copy(update={"accounts": one_stop_settings(accounts=ACCOUNTS).accounts})
    )
    facts = {"unit": "H99.03", "to": receiver}
    await site.inbox.ground.remember([Alias("dossier.parent", CHILD, CODE, facts)])
    reply = await site.call("KetQuaHoSoLienThong", data=[{**ENDED, "MaHoSoLT": CODE}, ENDED])
    assert (reply["error_code"] == "0") is taken
    assert len(site.inbox.messages) == (2 if taken else 0)
    if not taken:
        (refusal,) = site.inbox.refusals
        assert (refusal.code, refusal.unit) == ("wrong_unit", UNIT)
        assert "/data/1/MaHoSoLT" in reply["message"] == refusal.text


@pytest.mark.parametrize(
    ("by", "to", "taken"),
    [
        ("H99.03", "H99.02", False),
        (UNIT, "H99.02", True),
        ("H99.03", UNIT, True),  # handed on
        ("", "", True),
    ],
)
async def test_only_the_agencies_of_a_child_hand_it_over_again(
    site: Site, by: str, to: str, taken: bool
) -> None:
    """Else any unit could make itself the receiver, and then tell the outcome."""
    if by:
        known = Alias("dossier.parent", CHILD, CODE, {"unit": by, "to": to})
        await site.inbox.ground.remember([known])
    reply = await site.call("ChuyenHoSoLienThong", data={**HANDED, "DonViNhan": UNIT})
    assert (reply["error_code"] == "0") is taken
    assert site.codes() == ([] if taken else ["wrong_unit"])


@pytest.mark.parametrize(("parent", "product"), [(NATIONAL, "H99.03"), (CODE, UNIT)])
async def test_an_outcome_goes_to_the_parents_product_or_to_who_handed_the_child_over(
    parent: str, product: str
) -> None:
    """The code of a parent that was filed at the portal names no unit of ours."""
    each = {**PRODUCT, "base_url": "http://mot-cua.example"}
    settings = one_stop_settings({"H99.03": {**each, "payment_partner": "DT003"}, UNIT: each})
    site = Site(SETTINGS.model_copy(update={"products": settings.products}))
    known = Alias("dossier.parent", CHILD, parent, {"unit": "H99.03", "to": UNIT})
    await site.inbox.ground.remember([known])
    await site.call("KetQuaHoSoLienThong", data=ENDED)
    (told,) = decoded(site.inbox.messages[0])
    message = encode(structs.replace(told, subject=parent), settings)
    assert message.headers == {"unit": product, "product": product}


async def test_while_nobody_can_say_whose_a_child_is_its_outcome_is_not_taken() -> None:
    site = Site()
    site.inbox.ground = Away()
    reply = await site.call("KetQuaHoSoLienThong", data=ENDED)
    assert (reply["error_code"], site.codes(), site.inbox.messages) == ("-1", ["try_again"], [])


async def test_each_object_travels_with_its_exact_bytes(site: Site) -> None:
    session = await site.login()
    raw = orjson.dumps(STATE).replace(b'":"', b'" :  "')
    head = orjson.dumps({"session": session, "madonvi": UNIT, "service": "DongBoTrangThaiHoSo"})
    await site.post("/integration", head[:-1] + b',"type":2,"data": ' + raw + b"}")
    (message,) = site.inbox.messages
    assert message.body == raw
    assert message.headers == {"unit": UNIT, "form": "status", "type": "2"}
    (told,) = decoded(message)
    assert [(each.kind, each.value, each.subject) for each in told.aliases] == [
        ("dossier.unit_code", CODE, NATIONAL)
    ]


@pytest.mark.parametrize(
    ("service", "data", "code"),
    [
        ("DongBoTrangThaiHoSo", None, "malformed"),
        ("DongBoTrangThaiHoSo", [], "malformed"),
        ("DongBoTrangThaiHoSo", "x", "malformed"),
        ("DongBoTrangThaiHoSo", [STATE] * 21, "too_large"),
        ("DongBoTrangThaiHoSo", {**STATE, "MaHoSo": ""}, "field_rules"),
        ("DongBoTrangThaiHoSo", [STATE, 7], "field_rules"),
        ("ChuyenHoSoLienThong", {**HANDED, "MaHoSo": ""}, "field_rules"),
        ("ChuyenHoSoLienThong", {**HANDED, "DonViNhan": ""}, "field_rules"),
        ("ChuyenHoSoLienThong", {**HANDED, "HoSo": {"MaTTHC": {}}}, "field_rules"),
        ("KetQuaHoSoLienThong", {**ENDED, "KetQua": ""}, "field_rules"),
        ("KetQuaHoSoLienThong", {"MaHoSo": CODE, "KetQua": "9"}, "field_rules"),
    ],
)
async def test_what_would_not_become_an_event_is_refused_whole(
    site: Site, service: str, data: Any, code: str
) -> None:
    reply = await site.call(service, data=data)
    assert reply["error_code"] not in ("0", "3", "-3")
    assert site.codes() == [code]
    assert site.inbox.messages == []


async def test_twenty_objects_are_as_many_as_the_limit(site: Site) -> None:
    await site.call("DongBoTrangThaiHoSo", data=[STATE] * 20)
    assert len(site.inbox.messages) == 20


async def test_kafka_being_away_is_told_to_try_again(site: Site) -> None:
    site.inbox.away = True
    assert (await site.call("ChuyenHoSoLienThong", data=HANDED))["error_code"] == "-1"


def test_the_outcomes_words_are_settings() -> None:
    body = orjson.dumps({**ENDED, "KetQua": "X", "MaHoSo": CODE})
    message = Message("one_stop", "KetQuaHoSoLienThong", body, headers={"form": "handover"})
    told = [
        decoded(message, settings)[0].data.model_dump()["result"]
        for settings in (one_stop_settings(), one_stop_settings(linked_results={"X": "done"}))
    ]
    assert told == ["unknown", "done"]


@pytest.mark.parametrize(
    ("kind", "source", "told"),
    [
        ("dossier.received", "/connectors/one_stop/H99.01", False),
        ("dossier.received", "/connectors/national_portal/H99.01", True),
        ("post.cancelled", "/connectors/public_post/H99.01", True),
        ("handover.requested", "/connectors/one_stop/H99.01", True),
    ],
)
def test_a_product_does_not_hear_its_own_words(kind: str, source: str, told: bool) -> None:
    (route,) = ROUTES
    said = {"kind": kind, "source": source}
    assert route.takes(kind)
    assert When(route.when).holds(lambda name: said.get(name, ""), dict) is told


# Files that the hub keeps


def filed(*references: str) -> Event:
    """A dossier that was filed at the portal with its files inside."""
    papers = [{"name": f"{n}.pdf", "url": f"blob:{r}"} for n, r in enumerate(references)]
    papers.append({"name": "elsewhere.pdf", "url": "https://portal.example.vn/f/1"})
    dossier = {
        "procedure": {"code": "1.009999", "name": "Thủ tục thử nghiệm"},
        "applicant": {"name": "Nguyễn Văn Mẫu"},
        "attachments": papers,
    }
    data = {"code": CODE, "status": "new", "status_code": "1", "dossier": dossier}
    return event("dossier.submitted", data)


async def test_files_that_the_hub_keeps_are_given_inside_the_dossier() -> None:
    async with play() as stage:
        told = filed(await stage.ground.keep(b"don xin", "application/pdf"))
        request = stage.request(told)
        body = orjson.loads(request.message.body)
        await stage.client._put_files_in(body["data"])
        inside, elsewhere = body["data"]["TaiLieuNop"]
        assert base64.b64decode(inside["Base64"]) == b"don xin"
        assert "DuongDanTaiTepTin" not in inside
        assert elsewhere["DuongDanTaiTepTin"].startswith("https://")
        assert await stage.tell(told) == "0"


@pytest.mark.parametrize(("limit", "fits"), [(8, True), (7, False)])
async def test_files_inside_a_dossier_have_a_limit_together(limit: int, fits: bool) -> None:
    async with play(files_limit_bytes=limit) as stage:
        told = filed(
            await stage.ground.keep(b"1234", "text/plain"),
            await stage.ground.keep(b"5678", "text/plain"),
        )
        if fits:
            assert await stage.tell(told) == "0"
            return
        with pytest.raises(EncodeError) as caught:
            await stage.tell(told)
    assert "/TaiLieuNop/1" in str(caught.value)


def test_a_configuration_of_today_is_still_valid() -> None:
    today = {
        "accounts": {UNIT: {"username": "a", "password": "b"}},
        "dstcode": "x",
        "session_secret": "0123456789abcdef",
    }
    settings = OneStopSettings.model_validate(today)
    assert not settings.products
    assert not settings.slips


# Codes of the product's own for what was filed at a portal


@pytest.mark.parametrize("own_codes", [True, False])
async def test_a_dossier_under_the_products_own_code_stays_the_portals(own_codes: bool) -> None:
    site = Site(SETTINGS.model_copy(update={"own_codes": own_codes}))
    await site.inbox.ground.remember([Alias("dossier.national_code", NATIONAL, NATIONAL)])
    await site.call(SYNC, data=[dossier(MaHoSoQG=NATIONAL), dossier("H99.01-260105-0002")])
    await site.call(STEP, data=[step()])
    about = NATIONAL if own_codes else CODE
    assert [message.key for message in site.inbox.messages] == [about, "H99.01-260105-0002", about]
    connector = discover()["one_stop"]
    assert connector.order_key is not None
    for message in site.inbox.messages:
        (told,) = decoded(message)
        assert told.subject == message.key == connector.order_key(message)


@pytest.mark.parametrize("own_codes", [True, False])
async def test_a_step_that_follows_a_state_at_once_is_about_the_same_dossier(
    own_codes: bool,
) -> None:
    """Nothing of the state was decoded yet; its second code is what the step names."""
    site = Site(SETTINGS.model_copy(update={"own_codes": own_codes}))
    state = {"MaHoSo": NATIONAL, "MaHoSoDonVi": CODE, "TrangThai": "4"}
    await site.call("DongBoTrangThaiHoSo", data=state)
    await site.call(STEP, data=[step()])
    assert [message.key for message in site.inbox.messages] == [
        NATIONAL,
        NATIONAL if own_codes else CODE,
    ]


async def test_its_steps_reach_the_portal_under_the_portals_code() -> None:
    site = Site(SETTINGS.model_copy(update={"own_codes": True}))
    await site.inbox.ground.remember([Alias("dossier.unit_code", CODE, NATIONAL)])
    await site.call(STEP, data=[step()])
    (told,) = decoded(site.inbox.messages[0])
    portal = discover()["national_portal"]
    assert portal.encode is not None
    settings = portal_settings("http://portal.example", national_code_pattern="^G22[.].*$")
    sent = portal.encode(told, settings)
    item = orjson.loads(sent.body)
    assert (sent.operation, item["MaHoSo"], item["MaHoSoDonVi"]) == (
        "DongBoTrangThaiHoSo",
        NATIONAL,
        CODE,
    )


async def test_while_codes_cannot_be_looked_up_nothing_is_taken() -> None:
    site = Site(SETTINGS.model_copy(update={"own_codes": True}))
    site.inbox.ground = Away()
    reply = await site.call(STEP, data=[step()])
    assert reply["error_code"] != 0
    assert site.inbox.messages == []
    assert site.codes() == ["try_again"]
