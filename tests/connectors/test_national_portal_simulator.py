"""The simulated portal answers and refuses as the documents say, spoken to without the client."""

from __future__ import annotations

import copy
import json
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest

from hub.connectors.national_portal.simulator import simulator
from hub.simulation import CallLog, FaultScript, running
from tests.connectors.portal_examples import CODE, DOSSIER, DSTCODE, PROGRESS, UNIT

DEMO = "demo"
SYNC, STEP = "DongBoHoSoMC", "CapNhatTienDoHoSoMC"


class Caller:
    """A unit's product: signs in and calls services."""

    def __init__(self, http: aiohttp.ClientSession, log: CallLog) -> None:
        self.http = http
        self.log = log
        self.session = ""
        self.headers = {"dstcode": DSTCODE}

    async def post(self, path: str, body: Any, **headers: str) -> Any:
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        async with self.http.post(path, data=data, headers={**self.headers, **headers}) as answer:
            assert answer.status == 200
            return await answer.json()

    async def get(self, path: str) -> Any:
        async with self.http.get(path) as answer:
            return await answer.json()

    async def login(self, username: str = UNIT, password: str = DEMO) -> Any:
        reply = await self.post("/auth", {"username": username, "password": password})
        self.session = reply.get("session", "")
        return reply

    async def call(self, service: str, path: str = "/integration", **fields: Any) -> Any:
        head = {"session": self.session, "madonvi": UNIT, "service": service}
        return await self.post(path, {**head, **fields})

    async def sync(self, *, updating: str = "False", **fields: Any) -> Any:
        item = {**copy.deepcopy(DOSSIER), **fields}
        return await self.call(SYNC, isUpdating=updating, data=[item])

    async def step(self, **fields: Any) -> Any:
        return await self.call(STEP, data=[{**PROGRESS, **fields}])


@pytest.fixture
async def caller() -> AsyncIterator[Caller]:
    log = CallLog()
    app = simulator(FaultScript(), log)
    async with running(app) as url, aiohttp.ClientSession(url) as http:
        one = Caller(http, log)
        await one.login()
        yield one


async def test_a_login_gives_a_session_and_code_zero(caller: Caller) -> None:
    reply = await caller.login()
    assert reply["error_code"] == 0
    assert reply["session"]


@pytest.mark.parametrize(("username", "password"), [(UNIT, "wrong"), ("", DEMO), (UNIT, "")])
async def test_wrong_credentials_get_no_session(
    caller: Caller, username: str, password: str
) -> None:
    reply = await caller.login(username, password)
    assert reply["error_code"] == "-2"
    assert "session" not in reply


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b'{"username":"x"}', b"\xff"])
async def test_unreadable_bodies_get_an_error_code(caller: Caller, body: bytes) -> None:
    for path in ("/auth", "/integration", "/share"):
        assert (await caller.post(path, body))["error_code"] in ("-7", "-1")


async def test_a_wrong_destination_member_is_refused_everywhere(caller: Caller) -> None:
    caller.headers = {"dstcode": "VN:GOV:other"}
    assert (await caller.sync())["error_code"] == "-5"
    assert (await caller.login())["error_code"] == "-5"


async def test_a_session_ends_and_belongs_to_its_unit(caller: Caller) -> None:
    caller.session, good = "S-other", caller.session
    assert (await caller.sync())["error_code"] == "-1"
    caller.session = good
    reply = await caller.call("TraCuuHoSo", mahoso=CODE, madonvi="H99.02")
    assert reply["error_code"] == "-2"


async def test_sessions_expire_after_their_time() -> None:
    app = simulator(FaultScript(), CallLog(), session_seconds=0)
    async with running(app) as url, aiohttp.ClientSession(url) as http:
        one = Caller(http, CallLog())
        await one.login()
        assert (await one.sync())["error_code"] == "-1"


async def test_a_synchronised_dossier_answers_success_in_words_too(caller: Caller) -> None:
    reply = await caller.sync()
    assert reply["error_code"] == "0"
    assert "thành công" in reply["message"]


async def test_new_and_update_must_match_what_the_portal_has(caller: Caller) -> None:
    assert (await caller.sync(updating="True"))["error_code"] == "4"
    await caller.sync()
    again = await caller.sync()
    assert again["error_code"] == "3"
    assert "đã tồn tại" in again["message"]
    assert (await caller.sync(updating="True", TrangThaiHoSo="4"))["error_code"] == "0"
    assert (await caller.sync(updating="1"))["error_code"] == "1"


@pytest.mark.parametrize(
    ("fields", "place"),
    [
        ({"MaHoSo": ""}, "/data/0/MaHoSo"),
        ({"MaHoSo": "khong-dung"}, "/data/0/MaHoSo"),
        ({"TenTTHC": None}, "/data/0/TenTTHC"),
        ({"NgayTiepNhan": "2026-01-05"}, "/data/0/NgayTiepNhan"),
        ({"NgayTiepNhan": "20260231000000"}, "/data/0/NgayTiepNhan"),
        ({"NgayNopHoSo": ["20260105081500"]}, "/data/0/NgayNopHoSo"),
        ({"TrangThaiHoSo": "11"}, "/data/0/TrangThaiHoSo"),
        ({"LoaiDoiTuong": "5"}, "/data/0/LoaiDoiTuong"),
        ({"TrichYeuHoSo": "x" * 1001}, "/data/0/TrichYeuHoSo"),
        ({"DinhDanhCHS": "001099999999"}, "/data/0/DinhDanhCHS"),
        ({"DinhDanhCHS": [{"LoaiDinhDanh": "2", "SoDinhDanh": "12"}]}, "/DinhDanhCHS/0/SoDinhDanh"),
        ({"DanhSachLePhi": [{"Gia": "15.000 đ"}]}, "/data/0/DanhSachLePhi/0/Gia"),
        ({"DanhSachHoSoBoSung": [{"NgayBoSung": "mai"}]}, "/DanhSachHoSoBoSung/0/NgayBoSung"),
    ],
    ids=lambda value: str(value)[:30],
)
async def test_a_dossier_is_checked_field_by_field(
    caller: Caller, fields: dict[str, Any], place: str
) -> None:
    reply = await caller.sync(**fields)
    assert reply["error_code"] == "1"
    assert place in reply["message"]
    assert (await caller.get("/_control/state"))["dossiers"] == 0


async def test_numbers_are_as_good_as_texts(caller: Caller) -> None:
    assert (await caller.sync(TrangThaiHoSo=2, KenhThucHien=1))["error_code"] == "0"
    assert (await caller.get("/_control/state"))["by_status"] == {"2": 1}


async def test_one_wrong_dossier_of_a_call_refuses_all_of_it(caller: Caller) -> None:
    wrong = {**DOSSIER, "MaHoSo": "H99.01-260105-0002", "TenTTHC": ""}
    reply = await caller.call(SYNC, isUpdating="False", data=[DOSSIER, wrong])
    assert "/data/1/TenTTHC" in reply["message"]
    assert (await caller.get("/_control/state"))["dossiers"] == 0


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({}, "0"),
        ({"NguoiXuLy": "x" * 51}, "1"),
        ({"NguoiXuLy": ""}, "1"),
        ({"ThoiDiemXuLy": "2026"}, "1"),
        ({"TrangThai": "0"}, "1"),
        ({"MaHoSo": "H99.01-260105-9999"}, "4"),
    ],
    ids=str,
)
async def test_a_progress_row_is_checked_and_needs_its_dossier(
    caller: Caller, fields: dict[str, Any], code: str
) -> None:
    await caller.sync()
    assert (await caller.step(**fields))["error_code"] == code


async def test_more_than_ten_rows_or_none_are_refused(caller: Caller) -> None:
    await caller.sync()
    assert (await caller.call(STEP, data=[PROGRESS] * 11))["error_code"] == "1"
    assert (await caller.call(STEP, data=[]))["error_code"] == "1"
    assert (await caller.call(STEP, data=[PROGRESS] * 10))["error_code"] == "0"


async def test_rows_older_than_the_last_are_taken_and_counted(caller: Caller) -> None:
    await caller.sync()
    await caller.step(ThoiDiemXuLy="20260105120000")
    await caller.step(ThoiDiemXuLy="20260105110000")
    state = await caller.get("/_control/state")
    assert (state["progress"], state["older_rows"]) == (2, 1)


async def test_a_look_up_tells_the_dossier_or_an_empty_list(caller: Caller) -> None:
    assert (await caller.call("TraCuuHoSo", mahoso=CODE))["result"] == []
    await caller.sync()
    assert (await caller.call("TraCuuHoSo", mahoso=CODE))["result"] == [DOSSIER]


async def test_services_answer_at_their_own_endpoint_only(caller: Caller) -> None:
    assert (await caller.call("LayDanhSachTTHC"))["error_code"] == "-6"
    assert (await caller.call("TraCuuHoSo", "/share", mahoso=CODE))["error_code"] == "-6"
    assert (await caller.call("LayThuTuc", "/share", maTTHC="9.999999"))["result"] == []


async def test_each_row_of_a_call_is_logged_with_its_own_key_and_sequence(caller: Caller) -> None:
    await caller.sync()
    rows = [{**PROGRESS, "NoiDungXuLy": f"Bước #{n}"} for n in (3, 4)]
    head = {"session": caller.session, "madonvi": UNIT, "service": STEP}
    await caller.post("/integration", {**head, "data": rows}, **{"X-Operation-Key": "a,b"})
    logged = [row for row in caller.log.last(CODE) if row["operation"] == STEP]
    assert [(row["id"], row["seq"], row["ok"]) for row in logged] == [
        ("a", 3, True),
        ("b", 4, True),
    ]


@pytest.mark.parametrize(
    ("text", "sequence"), [("Bước #12", 12), ("Bước", None), ("#1 bước", None), ("a #2 #3", 3)]
)
async def test_the_sequence_is_the_number_at_the_end(
    caller: Caller, text: str, sequence: int | None
) -> None:
    await caller.sync(TrichYeuHoSo=text)
    assert [row["seq"] for row in caller.log.last(CODE)] == [sequence]


async def test_figures_compare_calendar_dates(caller: Caller) -> None:
    ends = {"1": "20260107235959", "2": "20260108235959", "3": "20260109000000"}
    for number, end in ends.items():
        code = f"H99.01-260105-000{number}"
        await caller.sync(MaHoSo=code, TrangThaiHoSo="9", NgayKetThucXuLy=end)
    await caller.sync(MaHoSo="H99.01-260105-0004", TrangThaiHoSo="4")
    await caller.sync(MaHoSo="H99.01-260105-0005", TrangThaiHoSo="3")
    assert await caller.get("/_control/figures") == {
        "received": 4,
        "solved": 3,
        "early": 1,
        "on_time": 1,
        "late": 1,
        "open": 1,
    }


async def test_one_dossier_can_be_seen_with_its_history(caller: Caller) -> None:
    await caller.sync()
    await caller.sync(updating="True", TrangThaiHoSo="4")
    await caller.step()
    kept = await caller.get(f"/_control/dossiers/{CODE}")
    assert (kept["unit"], kept["statuses"]) == (UNIT, ["2", "4"])
    assert kept["progress"] == [PROGRESS]
    assert "error" in await caller.get("/_control/dossiers/none")
