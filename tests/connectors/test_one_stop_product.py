"""The simulated one-stop product, against the connector's endpoints and scripted answers."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import aiohttp
import orjson
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from hub.check_log import Sent
from hub.connectors.one_stop.simulator import Address, OneStopProduct, simulator
from hub.errors import ConfigError
from hub.simulation import CallLog, FaultScript, read_script, running
from tests.connectors.one_stop_door import (
    CODE,
    MEMBER,
    STEP,
    SYNC,
    TOKEN,
    UNIT,
    Site,
    dossier,
    step,
)

SECOND = "H99.01-260105-0002"
ADDRESS = Address(url="", unit=UNIT, username="phuong-mau", password="mật khẩu mẫu", dstcode=MEMBER)
TAKEN = {"error_code": 0, "message": "Đồng bộ thành công"}


@asynccontextmanager
async def product_at(
    app: Starlette, log: CallLog | None = None, *, numbered: bool = False, **address: str
) -> AsyncIterator[OneStopProduct]:
    """A product that sends to an app over real HTTP."""
    async with (
        running(app) as url,
        OneStopProduct(replace(ADDRESS, url=url, **address), log, numbered=numbered) as product,
    ):
        yield product


class Scripted:
    """A portal that gives the answers it was told, one after another, then success."""

    def __init__(self, *answers: Any) -> None:
        self.calls: list[dict[str, Any]] = []
        self._answers = list(answers)

    def app(self) -> Starlette:
        """The portal as an ASGI app."""

        async def login(_: Request) -> Response:
            return Response(orjson.dumps({"session": f"S{len(self.calls)}", "error_code": 0}))

        async def call(request: Request) -> Response:
            self.calls.append(orjson.loads(await request.body()))
            answer = self._answers.pop(0) if self._answers else TAKEN
            return Response(answer if isinstance(answer, bytes) else orjson.dumps(answer))

        return Starlette(
            routes=[
                Route("/auth", login, methods=["POST"]),
                Route("/integration", call, methods=["POST"]),
            ]
        )


async def test_the_connector_takes_what_the_product_sends() -> None:
    site = Site()
    async with product_at(site.app) as product:
        assert await product.send_dossiers([dossier()], is_updating=False)
        assert await product.send_progress([step()])
    assert [message.operation for message in site.inbox.messages] == [SYNC, STEP]
    assert product.counts == {"calls": 3, "logins": 1, "taken": 2, "waiting": 0}


async def test_the_product_logs_in_again_once_when_its_session_has_ended() -> None:
    site = Site()
    async with product_at(site.app) as product:
        await product.send_dossiers([dossier()], is_updating=False)
        site.now += 100_000
        assert await product.send_dossiers([dossier(GhiChu="mới")], is_updating=True)
    assert product.counts["logins"] == 2
    assert site.codes() == ["session_expired"]


async def test_the_provincial_form_needs_no_session() -> None:
    site = Site()
    async with product_at(site.app, token=TOKEN, unit="000.00.01.H99") as product:
        assert await product.send_dossiers([dossier()], is_updating=True)
    assert site.inbox.messages[0].headers["is_updating"] == "True"
    assert product.counts["logins"] == 0


async def test_wrong_credentials_leave_everything_waiting() -> None:
    site = Site()
    async with product_at(site.app, password="sai") as product:
        assert not await product.send_dossiers([dossier()], is_updating=False)
        assert await product.send_waiting() == 1
    assert product.counts["waiting"] == 1


async def test_what_exists_already_is_sent_again_as_an_update() -> None:
    portal = Scripted({"error_code": "-3", "message": "Hồ sơ đã tồn tại"})
    async with product_at(portal.app()) as product:
        assert await product.send_dossiers([dossier()], is_updating=False)
    assert [call["isUpdating"] for call in portal.calls] == ["False", "True"]


@pytest.mark.parametrize(
    "answer",
    [
        {"error_code": "99", "message": "Lỗi hệ thống"},
        {"error_code": "0", "message": "Đã nhận"},
        {"error_code": "1", "message": "thành công"},
        {},
        [],
        b"<html>",
        b"",
    ],
)
async def test_only_the_documented_success_counts(answer: Any) -> None:
    portal = Scripted(answer)
    async with product_at(portal.app()) as product:
        assert not await product.send_dossiers([dossier()], is_updating=False)
        assert await product.send_waiting() == 0
    assert product.counts["taken"] == 1
    assert len(portal.calls) == 2


async def test_an_address_where_nobody_listens_leaves_it_waiting() -> None:
    async with running(Scripted().app()) as url:
        pass
    async with OneStopProduct(replace(ADDRESS, url=url)) as product:
        assert not await product.send_dossiers([dossier()], is_updating=False)


async def test_a_step_waits_behind_its_dossier_and_other_dossiers_do_not() -> None:
    portal = Scripted({"error_code": "99", "message": "Lỗi"})
    async with product_at(portal.app()) as product:
        assert not await product.send_dossiers([dossier()], is_updating=False)
        assert not await product.send_progress([step()])
        assert await product.send_progress([step(SECOND)])
        assert await product.send_waiting() == 0
    told = [(call["service"], call["data"][0]["MaHoSo"]) for call in portal.calls]
    assert told == [(SYNC, CODE), (STEP, SECOND), (SYNC, CODE), (STEP, CODE)]


async def test_what_fails_again_holds_up_what_is_behind_it() -> None:
    failing = {"error_code": "99", "message": "Lỗi"}
    portal = Scripted(failing, TAKEN, failing)
    async with product_at(portal.app()) as product:
        await product.send_dossiers([dossier()], is_updating=False)
        await product.send_progress([step()])
        await product.send_dossiers([dossier(SECOND)], is_updating=False)
        assert await product.send_waiting() == 2
    assert [sending.operation for sending in product.waiting] == [SYNC, STEP]
    assert len(portal.calls) == 3


async def test_more_than_ten_steps_go_in_several_calls() -> None:
    portal = Scripted()
    async with product_at(portal.app()) as product:
        await product.send_progress([step(NoiDungXuLy=str(number)) for number in range(23)])
    assert [len(call["data"]) for call in portal.calls] == [10, 10, 3]
    assert [item["NoiDungXuLy"] for call in portal.calls for item in call["data"]] == [
        str(number) for number in range(23)
    ]


async def test_the_log_tells_what_was_taken_as_the_checker_reads_it(tmp_path: Path) -> None:
    file = tmp_path / "sent.jsonl"
    portal = Scripted({"error_code": "99", "message": "Lỗi"})
    with CallLog(file) as log:
        async with product_at(portal.app(), log, numbered=True) as product:
            await product.send_dossiers([dossier(), dossier(SECOND)], is_updating=False)
            await product.send_progress([step(), step()])
            await product.send_waiting()
    sent = Sent.read(file)
    assert {code: list(sent.seqs(code)) for code in sent.subjects()} == {
        CODE: [1, 2, 3],
        SECOND: [1],
    }
    assert portal.calls[-1]["data"][1]["NoiDungXuLy"] == "Tiếp nhận hồ sơ #3"


async def told(url: str, path: str, body: Any = None) -> tuple[int, Any]:
    """What the simulated desk answers."""
    async with aiohttp.ClientSession() as http, http.post(url + path, json=body) as response:
        return response.status, await response.json()


async def test_the_desk_sends_what_it_is_told_and_tries_again_when_asked() -> None:
    portal = Scripted({"error_code": "99", "message": "Lỗi"})
    async with running(portal.app()) as url:
        app = simulator(FaultScript(), CallLog(), address={"url": url})
        async with running(app) as desk:
            call = {"service": SYNC, "data": [dossier()], "isUpdating": False}
            assert (await told(desk, "/send", call))[1]["waiting"] == 1
            assert (await told(desk, "/retry"))[1] == {
                "calls": 3,
                "logins": 1,
                "refusals 99": 1,
                "taken": 1,
                "waiting": 0,
            }
    assert len(portal.calls) == 2


async def test_the_desk_sends_twice_when_its_script_says_so() -> None:
    portal = Scripted()
    async with running(portal.app()) as url:
        script = read_script(b"faults: [{fault: duplicate, next_calls: 1}]")
        app = simulator(script, CallLog(), address={"url": url})
        async with running(app) as desk:
            await told(desk, "/send", {"service": STEP, "data": [step()]})
            await told(desk, "/send", {"service": STEP, "data": [step(SECOND)]})
    assert [call["data"][0]["MaHoSo"] for call in portal.calls] == [CODE, CODE, SECOND]


@pytest.mark.parametrize(
    "call",
    [
        *([], {}, {"service": SYNC}, {"service": "khac", "data": [{}]}),
        *({"service": SYNC, "data": []}, {"service": SYNC, "data": [1]}),
        {"service": SYNC, "data": [{}], "isUpdating": "True"},
    ],
)
async def test_the_desk_says_what_it_does_not_understand(call: Any) -> None:
    async with running(simulator(FaultScript(), CallLog())) as desk:
        assert (await told(desk, "/send", call))[0] == 400


def test_an_unknown_field_of_the_address_is_refused() -> None:
    with pytest.raises(ConfigError, match="dia_chi"):
        simulator(FaultScript(), CallLog(), address={"dia_chi": "x"})
