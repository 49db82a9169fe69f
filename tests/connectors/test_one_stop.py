"""The interface that one-stop products use: what is taken, what is refused, and in which words."""

from __future__ import annotations

from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from hub.connector import discover
from hub.connectors.one_stop.settings import OneStopSettings
from hub.errors import ConfigError, HubError, Misconfigured, Rejected, Unavailable
from hub.event import Event
from hub.wire.dvcqg.models import READ_SERVICES
from tests.connectors.one_stop_door import (
    CODE,
    MEMBER,
    OTHER_UNIT,
    SETTINGS,
    STEP,
    SYNC,
    TOKEN,
    UNIT,
    Site,
    dossier,
    step,
)

LGSP = "/SynsTTHCC/DongBoHoSoMC?MaDinhDanhDV=000.00.01.H99&isUpdating=True"


@pytest.fixture
def site() -> Site:
    return Site()


async def test_a_dossier_is_taken_in_the_words_that_products_believe(site: Site) -> None:
    reply = await site.call(SYNC, isUpdating="False", data=[dossier()])
    assert reply["error_code"] == "0"
    assert "thành công" in reply["message"]
    assert site.inbox.refusals == []


async def test_an_array_becomes_one_message_for_each_item_with_its_exact_bytes(site: Site) -> None:
    session = await site.login()
    first = orjson.dumps(dossier()).replace(b'":"', b'" :  "')
    second = orjson.dumps(dossier("H99.01-260105-0002"))
    head = orjson.dumps({"session": session, "madonvi": UNIT, "service": SYNC})[:-1]
    body = head + b',"isUpdating":"True","data": [ ' + first + b" ,\n" + second + b" ] }"
    await site.post("/integration", body)
    taken = site.inbox.messages
    assert [message.body for message in taken] == [first, second]
    assert [message.key for message in taken] == [CODE, "H99.01-260105-0002"]
    assert {message.operation for message in taken} == {SYNC}
    assert taken[0].headers == {"unit": UNIT, "form": "item", "is_updating": "True"}
    assert len({message.id for message in taken}) == 2


@pytest.mark.parametrize(
    ("said", "kept"),
    [
        ("True", "True"),
        ("False", "False"),
        (True, "True"),
        ("0", "False"),
        (None, None),
        ("", None),
    ],
)
async def test_is_updating_is_taken_in_every_spelling(site: Site, said: Any, kept: Any) -> None:
    await site.call(SYNC, isUpdating=said, data=[dossier()])
    assert site.inbox.messages[0].headers.get("is_updating") == kept


async def test_steps_are_taken_in_their_order(site: Site) -> None:
    steps = [step(NoiDungXuLy=f"Bước {number}") for number in range(10)]
    await site.call(STEP, data=steps)
    assert [orjson.loads(message.body) for message in site.inbox.messages] == steps


async def test_what_is_taken_is_what_decode_reads(site: Site) -> None:
    await site.call(SYNC, isUpdating="False", data=[dossier()])
    connector = discover()["one_stop"]
    assert connector.decode is not None
    assert connector.order_key is not None
    (event,) = connector.decode(site.inbox.messages[0], SETTINGS)
    assert isinstance(event, Event)
    assert (event.kind, event.subject) == ("dossier.received", CODE)
    assert event.source == f"/connectors/one_stop/{UNIT}"
    assert event.message_id == site.inbox.messages[0].id
    assert event.data.model_dump()["updating"] is False
    assert connector.order_key(site.inbox.messages[0]) == CODE


async def test_a_number_as_dossier_code_is_refused_by_its_grammar(site: Site) -> None:
    reply = await site.call(SYNC, data=[dossier(MaHoSo=17)])
    assert "/data/0/MaHoSo" in reply["message"]


async def test_the_provincial_form_is_taken_with_the_token_of_its_unit(site: Site) -> None:
    body = orjson.dumps([dossier()])
    reply = await site.post(LGSP, body, {"Authorization": TOKEN})
    assert "thành công" in reply["message"]
    (message,) = site.inbox.messages
    assert (message.operation, message.body) == (SYNC, body[1:-1])
    assert message.headers == {"unit": UNIT, "form": "item", "is_updating": "True"}


def test_an_empty_token_is_none_and_opens_no_door() -> None:
    account = {"username": "phuong-mau", "password": "x", "lgsp_token": ""}
    own = {"dstcode": MEMBER, "session_secret": "x" * 16, "accounts": {UNIT: account}}
    with pytest.raises(ValidationError, match="lgsp_token"):
        OneStopSettings.model_validate(own)


@pytest.mark.parametrize(
    ("address", "token", "code"),
    [
        (LGSP, "", "wrong_credentials"),
        (LGSP, TOKEN + "x", "wrong_credentials"),
        (LGSP.replace("000.00.01.H99", "H99.02"), TOKEN, "wrong_credentials"),
        (LGSP.replace("000.00.01.H99", "H77"), TOKEN, "wrong_unit"),
        (LGSP.replace("MaDinhDanhDV", "MaDonVi"), TOKEN, "wrong_unit"),
        (LGSP.replace(SYNC, "XoaHoSo"), TOKEN, "unknown_operation"),
        (LGSP.replace("True", "maybe"), TOKEN, "malformed"),
    ],
)
async def test_the_provincial_form_is_refused_with_its_reason(
    site: Site, address: str, token: str, code: str
) -> None:
    reply = await site.post(address, [dossier()], {"Authorization": token})
    assert reply["error_code"] not in ("0", "3", "-3")
    assert site.codes() == [code]
    assert site.inbox.messages == []


@pytest.mark.parametrize(
    "account",
    [
        {"username": "phuong-mau", "password": "sai"},
        {"username": "ai đó", "password": "mật khẩu mẫu"},
        {"username": "phuong-mau"},
        {"username": ["phuong-mau"], "password": {"x": 1}},
        {"username": "xa-thu", "password": "mật khẩu mẫu"},
        {},
    ],
)
async def test_wrong_credentials_are_told_alike(site: Site, account: dict[str, Any]) -> None:
    reply = await site.post("/auth", account)
    assert reply == {"error_code": "-2", "message": "Tài khoản hoặc mật khẩu không đúng"}
    assert site.codes() == ["wrong_credentials"]


@pytest.mark.parametrize("path", ["/auth", "/integration", "/share"])
async def test_another_destination_member_is_refused(site: Site, path: str) -> None:
    reply = await site.post(path, {}, {"dstcode": MEMBER.lower()})
    assert reply["error_code"] == "-5"
    assert site.codes() == ["wrong_dstcode"]


async def test_a_session_ends_and_a_new_login_goes_on(site: Site) -> None:
    session = await site.login()
    site.now += SETTINGS.session_seconds - 1
    assert (await site.call(SYNC, session=session, data=[dossier()]))["error_code"] == "0"
    site.now += 1
    reply = await site.call(SYNC, session=session, data=[dossier()])
    assert "session" in reply["message"]
    assert site.codes() == ["session_expired"]
    assert (await site.call(SYNC, data=[dossier()]))["error_code"] == "0"


async def test_another_gateway_process_accepts_the_session(site: Site) -> None:
    session = await site.login()
    assert (await Site().call(SYNC, session=session, data=[dossier()]))["error_code"] == "0"


@pytest.mark.parametrize("changed", ["session_secret", "password"])
async def test_a_changed_secret_ends_all_sessions(site: Site, changed: str) -> None:
    session = await site.login()
    block = SETTINGS.model_dump()
    if changed == "password":
        block["accounts"][UNIT]["password"] = "mật khẩu mới"
    else:
        block[changed] = "một bí mật khác, đủ dài"
    other = Site(OneStopSettings.model_validate(block))
    await other.call(SYNC, session=session, data=[dossier()])
    assert other.codes() == ["session_invalid"]


@given(
    st.text(max_size=500) | st.binary(max_size=60).map(lambda raw: raw.hex()) | st.integers(0, 9)
)
@settings(max_examples=50, deadline=None)
async def test_an_invented_session_is_never_believed(invented: Any) -> None:
    site = Site()
    reply = await site.post(
        "/integration", {"session": invented, "madonvi": UNIT, "service": SYNC, "data": [dossier()]}
    )
    assert reply["error_code"] == "-4"
    assert site.inbox.messages == []


async def test_a_session_with_one_changed_letter_is_not_believed(site: Site) -> None:
    session = await site.login()
    for at in range(len(session)):
        other = "A" if session[at] != "A" else "B"
        await site.call(SYNC, session=session[:at] + other + session[at + 1 :], data=[dossier()])
    assert set(site.codes()) <= {"session_invalid"}
    assert site.inbox.messages == []


@pytest.mark.parametrize("unit", [OTHER_UNIT, "", None, [UNIT], "h99.01"])
async def test_a_session_sends_for_its_own_unit_only(site: Site, unit: Any) -> None:
    reply = await site.call(SYNC, madonvi=unit, data=[dossier()])
    assert reply["error_code"] == "-6"
    assert [refusal.unit for refusal in site.inbox.refusals] == [UNIT]


@pytest.mark.parametrize("name", ["XoaHoSo", "", None, 7, [SYNC], "thành công"])
async def test_an_unknown_operation_is_refused(site: Site, name: Any) -> None:
    reply = await site.call(name, data=[dossier()])
    assert reply["error_code"] == "-7"
    assert site.inbox.refusals[0].operation == ""


@pytest.mark.parametrize(
    "body",
    [
        *(b"", b"{", b"[]", b"null", b'"x"', b"\xff\xfe", b'{"session":NaN}', b"[" * 20_000),
        *(b'{"session":"a","session":"b"}', '{"é":1}'.encode("utf-16")),
    ],
)
@pytest.mark.parametrize("path", ["/auth", "/integration", "/share"])
async def test_unreadable_bytes_are_refused_in_the_documented_form(
    site: Site, path: str, body: bytes
) -> None:
    reply = await site.post(path, body)
    expected = "-10" if path == "/auth" and len(body) > 10_000 else "-8"
    assert reply["error_code"] == expected
    assert set(reply) == {"error_code", "message"}
    assert len(site.inbox.refusals) == 1


@pytest.mark.parametrize("data", [None, [], {}, "x", dossier()])
async def test_data_that_is_no_filled_array_is_refused(site: Site, data: Any) -> None:
    reply = await site.call(SYNC, data=data)
    assert reply["error_code"] == "-8"
    assert "/data" in reply["message"]


async def test_a_body_beyond_the_limit_is_refused(site: Site) -> None:
    reply = await site.call(SYNC, data=[dossier(GhiChu="x" * SETTINGS.body_limit_bytes)])
    assert reply["error_code"] == "-10"
    assert site.codes() == ["too_large"]


async def test_too_many_items_are_refused_and_the_limit_is_told(site: Site) -> None:
    reply = await site.call(STEP, data=[step()] * 21)
    assert "20" in reply["message"]
    assert site.codes() == ["too_large"]


async def test_one_faulty_item_refuses_the_call_and_every_fault_is_named(site: Site) -> None:
    bad = dossier("H99.01-260105-0002", NgayTiepNhan="05/01/2026", HinhThuc="7")
    reply = await site.call(SYNC, data=[dossier(), bad, "không phải hồ sơ", {"TenTTHC": [1]}])
    assert reply["error_code"] == "-9"
    for path in ("/data/1/NgayTiepNhan", "/data/1/HinhThuc", "/data/2", "/data/3/TenTTHC"):
        assert path in reply["message"]
    assert site.inbox.messages == []
    told = [(refusal.subject, refusal.code) for refusal in site.inbox.refusals]
    assert told == [
        (CODE, "refused_together"),
        ("H99.01-260105-0002", "field_rules"),
        ("", "field_rules"),
        ("", "field_rules"),
    ]


async def test_refusals_never_repeat_what_was_sent(site: Site) -> None:
    secret = "bí-mật-của-công-dân"
    spoilt = dict.fromkeys(dossier(), secret) | {
        "DinhDanhCHS": [{"LoaiDinhDanh": "1", "SoDinhDanh": secret}]
    }
    reply = await site.call(SYNC, data=[spoilt, dossier(ChuHoSo=secret, HinhThuc=secret)])
    await site.call(secret, data=[])
    await site.post("/integration", {"session": secret, secret: secret})
    assert reply["error_code"] == "-9"
    assert secret not in str(reply)
    assert secret not in str(site.inbox.refusals)


async def test_many_faults_are_counted_and_the_first_are_spelt_out(site: Site) -> None:
    reply = await site.call(STEP, data=[{}] * 20)
    assert "và 80 lỗi khác" in reply["message"]


@pytest.mark.parametrize("code", ["0", "11", "99"])
async def test_an_unknown_status_is_taken(site: Site, code: str) -> None:
    assert (await site.call(SYNC, data=[dossier(TrangThaiHoSo=code)]))["error_code"] == "0"


async def test_a_product_of_2020_is_taken_where_the_settings_say_so() -> None:
    old = {
        name: value
        for name, value in dossier().items()
        if name not in ("KenhThucHien", "DinhDanhCHS", "NgayNopHoSo", "NoiNopHoSo")
    }
    assert (await Site().call(SYNC, data=[old]))["error_code"] == "-9"
    site = Site(SETTINGS.model_copy(update={"fields_of_year": 2020}))
    assert (await site.call(SYNC, data=[old]))["error_code"] == "0"


@pytest.mark.parametrize("operation", [SYNC, STEP])
async def test_without_kafka_nothing_is_acknowledged(site: Site, operation: str) -> None:
    site.inbox.away = True
    item = dossier() if operation == SYNC else step()
    reply = await site.call(operation, data=[item])
    assert reply["error_code"] == "-1"
    assert "gửi lại" in reply["message"]
    assert "kafka" not in reply["message"]
    assert site.codes() == ["try_again"]


@pytest.mark.parametrize("operation", READ_SERVICES)
async def test_look_ups_pass_through_with_the_account_of_the_unit(
    site: Site, operation: str
) -> None:
    site.inbox.portal.answer = {"error_code": "0", "result": [{"MATTHC": "1.009999"}]}
    reply = await site.call(operation, maTTHC="1.009999")
    assert reply == site.inbox.portal.answer
    assert site.inbox.portal.asked == [(operation, UNIT, {"maTTHC": "1.009999"})]


async def test_a_look_up_knows_what_the_hub_has_accepted(site: Site) -> None:
    assert (await site.call("TraCuuHoSo", mahoso=CODE))["result"] == []
    await site.call(SYNC, data=[dossier()])
    reply = await site.call("TraCuuHoSo", mahoso=CODE)
    assert (reply["error_code"], reply["result"]) == ("0", [{"MaHoSo": CODE}])


async def test_the_portals_own_answer_goes_before_the_hubs(site: Site) -> None:
    await site.call(SYNC, data=[dossier()])
    site.inbox.portal.answer = {"error_code": 0, "result": [{"MaHoSo": CODE, "TrangThaiHoSo": "4"}]}
    assert await site.call("TraCuuHoSo", mahoso=CODE) == site.inbox.portal.answer


async def test_an_accepted_dossier_is_found_while_the_portal_is_away(site: Site) -> None:
    await site.call(SYNC, data=[dossier()])
    site.inbox.portal.error = Unavailable("away")
    assert (await site.call("TraCuuHoSo", mahoso=CODE))["result"] == [{"MaHoSo": CODE}]
    assert site.codes() == []


@pytest.mark.parametrize("code", ["", "x\x00y", "'; --", None, 7, ["a"], "x" * 10_000])
async def test_no_invented_code_reaches_the_store(site: Site, code: Any) -> None:
    assert (await site.call("TraCuuHoSo", mahoso=code))["result"] == []
    assert site.inbox.asked == []


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (Unavailable("portal-1 is away"), "try_again"),
        (Misconfigured("portal refuses us"), "try_again"),
        (ConfigError("no peer"), "try_again"),
        (Rejected("no", foreign_code="99"), "read_refused"),
    ],
)
async def test_a_failed_look_up_is_refused_with_its_reason(
    site: Site, error: HubError, code: str
) -> None:
    site.inbox.portal.error = error
    reply = await site.call("LayThuTuc", maTTHC="1.009999")
    assert reply["error_code"] in ("-1", "-11")
    assert "portal" not in reply["message"]
    assert site.codes() == [code]


async def test_look_ups_are_refused_where_nobody_answers_them() -> None:
    site = Site(SETTINGS.model_copy(update={"reads_from": None}))
    assert (await site.call("LayThuTuc"))["error_code"] == "-7"


async def test_a_look_up_works_at_the_share_address_too(site: Site) -> None:
    envelope = {"session": await site.login(), "madonvi": UNIT, "service": "LayDanhSachTTHC"}
    assert (await site.post("/share", envelope))["error_code"] == "0"


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"accounts": {}}, "accounts"),
        ({"session_secret": "ngắn"}, "session_secret"),
        ({"auth_endpoint": "/share"}, "endpoint"),
        ({"auth_endpoint": "auth"}, "auth_endpoint"),
        ({"khac": 1}, "khac"),
    ],
)
def test_settings_that_cannot_work_are_refused(change: dict[str, Any], told: str) -> None:
    with pytest.raises(ValidationError) as caught:
        OneStopSettings.model_validate(SETTINGS.model_dump() | change)
    assert told in str(caught.value)


@pytest.mark.parametrize("name", ["username", "lgsp_unit"])
def test_two_units_cannot_share_a_name(name: str) -> None:
    block = SETTINGS.model_dump()
    block["accounts"][OTHER_UNIT][name] = block["accounts"][UNIT][name]
    with pytest.raises(ValidationError, match=f"each {name} must be different"):
        OneStopSettings.model_validate(block)
