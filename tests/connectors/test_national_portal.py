"""The national portal's client against the simulated portal, over real HTTP."""

from __future__ import annotations

import asyncio
import socket
import traceback
import unicodedata
from collections.abc import AsyncIterator
from typing import Any

import orjson
import pytest
from msgspec import structs

from hub.connector import Answer
from hub.errors import HubError, Misconfigured, Rejected, Unavailable, UnknownOutcome
from tests.connectors.broken_server import JSON, REFUSED, answering, broken_server
from tests.connectors.portal_examples import (
    CODE,
    SECRETS,
    UNIT,
    Portal,
    dossier_event,
    portal,
    portal_settings,
    request,
    step_event,
)

SYNC, STEP, LOOK_UP = "DongBoHoSoMC", "CapNhatTienDoHoSoMC", "TraCuuHoSo"


@pytest.fixture
async def site() -> AsyncIterator[Portal]:
    async with portal() as running_portal:
        yield running_portal


async def refused(site: Portal, *events: Any, seconds: float = 5) -> HubError:
    with pytest.raises(HubError) as caught:
        await site.deliver(*events, seconds=seconds)
    return caught.value


async def test_a_new_dossier_is_looked_up_and_sent_as_new(site: Portal) -> None:
    assert await site.deliver(dossier_event()) == "0"
    assert site.operations() == ["login", LOOK_UP, SYNC]
    kept = await site.look(f"dossiers/{CODE}")
    assert (kept["unit"], kept["statuses"]) == (UNIT, ["2"])


async def test_a_dossier_sent_before_is_an_update_without_asking(site: Portal) -> None:
    await site.deliver(dossier_event())
    await site.deliver(dossier_event(TrangThaiHoSo="4"))
    assert site.operations() == ["login", LOOK_UP, SYNC, SYNC]
    assert (await site.look(f"dossiers/{CODE}"))["statuses"] == ["2", "4"]


async def test_another_client_learns_from_the_look_up_that_it_is_an_update(site: Portal) -> None:
    await site.deliver(dossier_event())
    site.client._known.clear()
    await site.deliver(dossier_event(TrangThaiHoSo="4"))
    assert (await site.look("state"))["by_status"] == {"4": 1}


@pytest.mark.parametrize("status", [str(code) for code in range(1, 11)])
async def test_every_status_arrives_as_it_is(site: Portal, status: str) -> None:
    await site.deliver(dossier_event(TrangThaiHoSo=status))
    assert (await site.look("state"))["by_status"] == {status: 1}


async def test_a_dossier_that_exists_after_all_is_sent_again_as_update(site: Portal) -> None:
    await site.play({"fault": "duplicate", "operation": SYNC, "next_calls": 1})
    assert await site.deliver(dossier_event()) == "0"
    assert site.operations() == ["login", LOOK_UP, SYNC, SYNC]
    assert len({row["id"] for row in site.log.last() if row["operation"] == SYNC}) == 1


async def test_a_dossier_that_exists_even_as_update_is_refused(site: Portal) -> None:
    await site.play(
        {"fault": "refuse", "operation": SYNC, "error_code": "3", "message": "Đã tồn tại"}
    )
    error = await refused(site, dossier_event())
    assert isinstance(error, Rejected)
    assert site.operations().count(SYNC) == 2


async def test_a_forgotten_dossier_is_looked_up_again_after_the_refusal(site: Portal) -> None:
    await site.deliver(dossier_event())
    await site.play({"fault": "refuse", "operation": SYNC, "next_calls": 1})
    await refused(site, dossier_event())
    await site.deliver(dossier_event())
    assert site.operations().count(LOOK_UP) == 2


async def test_ten_steps_of_a_dossier_travel_in_one_call_oldest_first(site: Portal) -> None:
    await site.deliver(dossier_event())
    steps = [
        step_event(ThoiDiemXuLy=f"202601051000{n:02}", NoiDungXuLy=f"Bước #{n}") for n in range(10)
    ]
    await site.deliver(*steps)
    rows = [row for row in site.log.last() if row["operation"] == STEP]
    assert [row["seq"] for row in rows] == list(range(10))
    assert [row["id"] for row in rows] == [
        request(step, site.settings).operation_key for step in steps
    ]
    assert (await site.look("state"))["calls"][f"{STEP} taken"] == 1


async def test_a_mixed_run_is_sent_in_its_order(site: Portal) -> None:
    await site.deliver(dossier_event(), step_event(), dossier_event(TrangThaiHoSo="9"))
    assert site.operations() == ["login", LOOK_UP, SYNC, STEP, SYNC]


async def test_a_step_that_exists_already_was_taken(site: Portal) -> None:
    await site.deliver(dossier_event())
    await site.play({"fault": "duplicate", "operation": STEP})
    assert await site.deliver(step_event()) == "3"


async def test_of_several_steps_that_exist_in_part_none_is_lost(site: Portal) -> None:
    """The portal does not tell which of them it has."""
    await site.deliver(dossier_event())
    await site.play(
        {"fault": "refuse", "operation": STEP, "error_code": "3", "message": "Đã tồn tại"}
        | {"next_calls": 1}
    )
    steps = [step_event(NoiDungXuLy=f"Bước #{number}") for number in range(3)]
    assert await site.deliver(*steps) == "0"
    kept = await site.look(f"dossiers/{CODE}")
    assert [row["NoiDungXuLy"] for row in kept["progress"]] == ["Bước #0", "Bước #1", "Bước #2"]


async def test_a_dossier_is_looked_up_by_the_code_that_it_is_sent_with() -> None:
    """The hub may know it by another: the portal's, where it was filed there."""
    event = structs.replace(dossier_event(), subject="G22.99-260105-000012")
    async with portal(states_of_filed_here=False) as site:
        assert await site.deliver(event) == "0"
        sent = request(event, site.settings)
        assert (await site.client.ask(sent, timeout_seconds=10)).answer is Answer.TAKEN
        asked = [row["subject"] for row in site.log.last() if row["operation"] == LOOK_UP]
        assert asked == [CODE, CODE]


async def test_a_login_that_is_refused_in_any_way_is_not_the_dossiers_fault(site: Portal) -> None:
    async with broken_server(site.url) as (server, address), portal(base_url=address) as other:
        server.plan(REFUSED["418"])
        error = await refused(other, dossier_event())
        assert (type(error), error.code) == (Misconfigured, "account_refused")


async def test_words_of_an_answer_are_the_same_in_every_spelling_of_their_marks(
    site: Portal,
) -> None:
    said = {"fault": "malformed", "operation": SYNC, "next_calls": 1}
    for word, calls in (("đã tồn tại", 2), ("thành công", 1)):
        text = unicodedata.normalize("NFD", f"Hồ sơ {word}")
        body = orjson.dumps({"error_code": "0", "message": text}).decode()
        await site.play({**said, "body": body})
        site.client._known.clear()
        before = site.operations().count(SYNC)
        assert await site.deliver(dossier_event(MaHoSo=f"H99.01-260105-000{calls}")) == "0"
        assert site.operations().count(SYNC) - before == calls


async def test_a_byte_order_mark_before_an_answer_is_passed_over(site: Portal) -> None:
    await site.play({"fault": "malformed", "operation": SYNC, "body": '\ufeff{"error_code":"0"}'})
    assert await site.deliver(dossier_event()) == "0"


async def test_a_session_that_ended_is_heard_of_whatever_the_http_status(site: Portal) -> None:
    """The portal is asked for a session, asked for the dossier, and for another session."""
    for message, calls in (("Session expired", 3), ("Busy", 2)):
        body = orjson.dumps({"error_code": "-1", "message": message})
        async with broken_server(site.url) as (server, address), portal(base_url=address) as other:
            server.plan(answering(body, status="500 Oh", more=JSON), from_call=1)
            error = await refused(other, dossier_event())
            assert (type(error), error.code) == (Unavailable, "http_5xx")
            assert len(server.calls) == calls


async def test_a_step_of_an_unknown_dossier_is_refused_without_being_final(site: Portal) -> None:
    error = await refused(site, step_event())
    assert isinstance(error, Rejected)
    assert (error.documented, error.foreign_code) == (False, "4")


async def test_units_sign_in_with_their_own_accounts(site: Portal) -> None:
    await site.deliver(dossier_event())
    await site.deliver(dossier_event("H99.02", MaHoSo="H99.02-260105-0001"))
    state = await site.look("state")
    assert state["by_unit"] == {"H99.01": 1, "H99.02": 1}
    assert state["logins"] == 2


async def test_sixty_calls_share_one_login(site: Portal) -> None:
    events = [dossier_event(MaHoSo=f"H99.01-260105-{n:04}") for n in range(60)]
    await asyncio.gather(*(site.deliver(event) for event in events))
    assert (await site.look("state"))["logins"] == 1


async def test_sixty_calls_that_find_the_session_expired_sign_in_once(site: Portal) -> None:
    await site.deliver(dossier_event())
    await site.play({"fault": "expired_session", "next_calls": 1})
    events = [dossier_event(MaHoSo=f"H99.01-260106-{n:04}") for n in range(60)]
    await asyncio.gather(*(site.deliver(event) for event in events))
    state = await site.look("state")
    assert (state["logins"], state["dossiers"]) == (2, 61)


async def test_a_late_word_that_the_old_session_ended_leaves_the_new_one(site: Portal) -> None:
    late = "H99.01-260106-0002"
    await site.deliver(dossier_event())
    await site.play(
        {"fault": "slow", "operation": LOOK_UP, "subject": late, "seconds": 0.2, "next_calls": 1},
        {"fault": "expired_session", "next_calls": 1},
    )
    events = [dossier_event(MaHoSo=code) for code in ("H99.01-260106-0001", late)]
    await asyncio.gather(*(site.deliver(event) for event in events))
    assert (await site.look("state"))["logins"] == 2


async def test_a_cancelled_call_does_not_end_the_login_of_others(site: Portal) -> None:
    await site.play({"fault": "slow", "operation": "login", "seconds": 0.2})
    first = asyncio.create_task(site.deliver(dossier_event()))
    while not site.operations():
        await asyncio.sleep(0.01)
    second = asyncio.create_task(site.deliver(dossier_event()))
    await asyncio.sleep(0)
    first.cancel()
    assert await second == "0"
    assert (await site.look("state"))["logins"] == 1


async def test_a_session_refused_twice_stops_the_route(site: Portal) -> None:
    await site.play({"fault": "expired_session"})
    error = await refused(site, dossier_event())
    assert isinstance(error, Misconfigured)
    assert error.code == "session_refused"


async def test_wrong_credentials_stop_the_route_and_are_not_insisted_on(site: Portal) -> None:
    await site.play({"fault": "refuse", "operation": "login", "error_code": "-2"})
    errors = [await refused(site, dossier_event()) for _ in range(3)]
    assert all(isinstance(error, Misconfigured) for error in errors)
    assert {error.code for error in errors} == {"account_refused"}
    assert site.operations() == ["login"]


async def test_one_units_refused_account_does_not_stop_the_others(site: Portal) -> None:
    await site.deliver(dossier_event())
    await site.play({"fault": "refuse", "operation": "login"})
    other = dossier_event("H99.02", MaHoSo="H99.02-260105-0001")
    error = await refused(site, other)
    assert type(error) is Unavailable
    assert error.retry_after_seconds == site.settings.login_pause_seconds
    assert await site.deliver(dossier_event(TrangThaiHoSo="4")) == "0"


async def test_a_unit_without_account_waits_alone(site: Portal) -> None:
    error = await refused(site, dossier_event("H99.77", MaHoSo="H99.77-260105-0001"))
    assert (type(error), error.code) == (Unavailable, "no_account")


FAULTS: list[tuple[dict[str, Any], type[HubError], str]] = [
    ({"fault": "429", "retry_after_seconds": 7}, Unavailable, "rate_limited"),
    ({"fault": "5xx", "status": 500}, Unavailable, "http_5xx"),
    ({"fault": "5xx", "status": 503, "retry_after_seconds": 7}, Unavailable, "http_5xx"),
    ({"fault": "timeout_after_success"}, UnknownOutcome, "timeout"),
    ({"fault": "timeout_after_success", "then": "cut"}, UnknownOutcome, "connection_lost"),
    ({"fault": "timeout_without_effect"}, UnknownOutcome, "timeout"),
    ({"fault": "timeout_without_effect", "then": "cut"}, UnknownOutcome, "connection_lost"),
    ({"fault": "slow", "seconds": 30}, UnknownOutcome, "timeout"),
    ({"fault": "malformed"}, UnknownOutcome, "malformed_reply"),
    ({"fault": "malformed", "body": "[1]"}, UnknownOutcome, "malformed_reply"),
    ({"fault": "malformed", "body": '{"result":[]}'}, UnknownOutcome, "malformed_reply"),
    ({"fault": "malformed", "body": "<html>"}, UnknownOutcome, "malformed_reply"),
    ({"fault": "refuse", "error_code": "99"}, Rejected, "undocumented_refusal"),
    (
        {"fault": "refuse", "error_code": "0", "message": "Hồ sơ lỗi"},
        Rejected,
        "undocumented_refusal",
    ),
]


@pytest.mark.parametrize("operation", [SYNC, STEP])
@pytest.mark.parametrize(
    ("fault", "kind", "code"),
    FAULTS,
    ids=lambda value: str(value) if isinstance(value, str) else "",
)
async def test_every_fault_of_a_write_becomes_its_error(
    site: Portal, operation: str, fault: dict[str, Any], kind: type[HubError], code: str
) -> None:
    await site.deliver(dossier_event())
    await site.play({**fault, "operation": operation})
    event = dossier_event() if operation == SYNC else step_event()
    error = await refused(site, event, seconds=0.3)
    assert (type(error), error.code) == (kind, code)
    if isinstance(error, Unavailable) and "retry_after_seconds" in fault:
        assert error.retry_after_seconds == 7


@pytest.mark.parametrize("operation", [LOOK_UP, "login"])
@pytest.mark.parametrize("fault", ["malformed", "timeout_after_success", "429", "5xx"])
async def test_a_read_that_fails_is_never_an_unknown_outcome(
    site: Portal, operation: str, fault: str
) -> None:
    await site.play({"fault": fault, "operation": operation})
    error = await refused(site, dossier_event(), seconds=0.3)
    assert type(error) is Unavailable


async def test_a_time_out_after_success_has_taken_effect_and_is_repeated_as_update(
    site: Portal,
) -> None:
    await site.play({"fault": "timeout_after_success", "operation": SYNC, "next_calls": 1})
    event = dossier_event()
    assert isinstance(await refused(site, event, seconds=0.3), UnknownOutcome)
    assert await site.deliver(event) == "0"
    assert (await site.look(f"dossiers/{CODE}"))["statuses"] == ["2", "2"]


async def test_a_final_code_of_the_deployment_is_a_documented_refusal() -> None:
    async with portal(final_codes=["99"]) as site:
        await site.play({"fault": "refuse", "operation": SYNC, "error_code": "99"})
        error = await refused(site, dossier_event())
        assert isinstance(error, Rejected)
        assert error.documented


@pytest.mark.parametrize("address", ["refused", "unknown"])
async def test_a_portal_that_cannot_be_reached_is_unavailable(address: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    host = {"refused": "127.0.0.1", "unknown": "portal.invalid"}[address]
    async with portal(base_url=f"http://{host}:{port}") as site:
        error = await refused(site, dossier_event())
        assert type(error) is Unavailable
        assert error.code == {"refused": "connect_failed", "unknown": "dns_failed"}[address]


async def test_plain_http_behind_an_https_address_is_unavailable(site: Portal) -> None:
    async with portal(base_url=site.url.replace("http:", "https:")) as wrong:
        error = await refused(wrong, dossier_event())
        assert (type(error), error.code) == (Unavailable, "tls_failed")


@pytest.mark.parametrize("path", ["auth_path", "integration_path"])
async def test_a_wrong_path_stops_the_route(path: str) -> None:
    async with portal(**{path: "/nowhere"}) as site:
        assert type(await refused(site, dossier_event())) is Misconfigured


async def test_an_answer_beyond_the_limit_is_not_read(site: Portal) -> None:
    await site.deliver(dossier_event())
    async with portal(base_url=site.url, reply_bytes=40) as narrow:
        narrow.client._known[UNIT, CODE] = None
        await site.play({"fault": "malformed", "body": "9" * 100, "operation": SYNC})
        error = await refused(narrow, dossier_event())
        assert isinstance(error, HubError)
        assert error.code == "reply_too_large"


async def test_asking_tells_taken_from_not_taken(site: Portal) -> None:
    sent = request(dossier_event(), site.settings)
    assert (await site.client.ask(sent, timeout_seconds=5)).answer is Answer.NOT_TAKEN
    await site.deliver(dossier_event())
    assert (await site.client.ask(sent, timeout_seconds=5)).answer is Answer.TAKEN
    later = request(dossier_event(TrangThaiHoSo="9"), site.settings)
    assert (await site.client.ask(later, timeout_seconds=5)).answer is Answer.UNKNOWN
    step = request(step_event(), site.settings)
    assert (await site.client.ask(step, timeout_seconds=5)).answer is Answer.UNKNOWN


@pytest.mark.parametrize(
    ("service", "body", "name"),
    [
        ("LayThuTuc", {"maTTHC": "1.900001"}, "MATTHC"),
        ("LayDanhSachTTHC", {}, "TENTTHC"),
        ("LayDanhMucCoQuan", {}, "MADONVI"),
        ("LayDanhMucLinhVuc", {}, "MALINHVUC"),
        ("TraCuuTechID", {"provider": "wso2is", "mstorcmnd": "001099999999"}, "TECHNICALID"),
        (LOOK_UP, {"mahoso": CODE, "session": "of-the-product"}, "MaHoSo"),
    ],
)
async def test_reads_pass_through_with_the_units_account(
    site: Portal, service: str, body: dict[str, Any], name: str
) -> None:
    await site.deliver(dossier_event())
    reply = await site.client.query(service, UNIT, body)
    assert reply["error_code"] == "0"
    assert reply["result"][0][name]


async def test_only_reads_can_be_queried(site: Portal) -> None:
    with pytest.raises(Rejected):
        await site.client.query(SYNC, UNIT, {"data": []})
    assert site.operations() == []


async def test_the_probe_signs_in_and_reads_a_catalogue(site: Portal) -> None:
    assert UNIT in await site.client.probe()
    assert site.operations() == ["login", "LayDanhMucLinhVuc"]


@pytest.mark.parametrize("fault", ["429", "5xx", "malformed", "refuse", "timeout_after_success"])
@pytest.mark.parametrize("operation", ["login", LOOK_UP, SYNC])
async def test_no_error_holds_a_secret_or_personal_data(
    site: Portal, operation: str, fault: str
) -> None:
    echo = " ".join(SECRETS)
    extra = {"malformed": {"body": echo}, "refuse": {"message": echo}}.get(fault, {})
    await site.play({"fault": fault, "operation": operation, **extra})
    error = await refused(site, dossier_event(), seconds=0.3)
    told = "".join(traceback.format_exception(error))
    assert not [secret for secret in SECRETS if secret in told]
    assert not [secret for secret in SECRETS if secret in repr(site.settings)[:200]]


async def test_the_password_is_not_shown_by_settings() -> None:
    settings = portal_settings("http://portal.example")
    assert "mat-khau" not in repr(settings)
    assert "mat-khau" not in settings.model_dump_json()
