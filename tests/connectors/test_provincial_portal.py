"""The provincial platform: what is sent to it and what it pushes, over real HTTP."""

from __future__ import annotations

import asyncio
import base64
import traceback
from collections.abc import AsyncIterator
from typing import Any

import orjson
import pytest
from pydantic import ValidationError

from hub.connector import Answer
from hub.connectors.provincial_portal.client import PlatformClient
from hub.connectors.provincial_portal.endpoints import endpoints
from hub.connectors.provincial_portal.tokens import Tokens
from hub.errors import HubError, Misconfigured, Rejected, Unavailable, UnknownOutcome
from hub.event import Alias
from hub.http import HttpReply
from tests.connectors.ground import MemoryGround
from tests.connectors.platform_examples import (
    OAUTH,
    PLATFORM_UNIT,
    RECEIVE_TOKEN,
    SEND_TOKEN,
    HubDoor,
    Site,
    hub_door,
    platform,
    platform_settings,
)
from tests.connectors.portal_examples import (
    CODE,
    DOSSIER,
    PROGRESS,
    SECRETS,
    UNIT,
    dossier_event,
    step_event,
)

SYNC, STEP = "DongBoHoSoMC", "CapNhatTienDoHoSoMC"
NATIONAL, OWN = "G22.99-260105-000012", "H99-260105-0001"


@pytest.fixture
async def site() -> AsyncIterator[Site]:
    async with platform() as running_platform:
        yield running_platform


@pytest.fixture
async def door() -> AsyncIterator[HubDoor]:
    async with hub_door() as opened:
        yield opened


async def refused(site: Site, *events: Any, seconds: float = 5) -> HubError:
    with pytest.raises(HubError) as caught:
        await site.deliver(*events, seconds=seconds)
    return caught.value


# Sending


@pytest.mark.parametrize("profile", ["adapter", "two_urls"])
async def test_a_dossier_goes_as_new_and_then_as_update(profile: str) -> None:
    async with platform(profile=profile) as site:
        assert (await site.deliver(dossier_event())).foreign_code == "0"
        await site.deliver(dossier_event(TrangThaiHoSo="4"))
        await site.deliver(step_event(), step_event(NoiDungXuLy="Trình ký"))
        kept = await site.look(f"dossiers/{CODE}")
        assert [item["TrangThaiHoSo"] for item in kept["dossiers"]] == ["2", "4"]
        assert len(kept["steps"]) == 2
        assert site.operations() == [SYNC, SYNC, STEP, STEP]


async def test_a_dossier_that_exists_is_sent_again_as_update(site: Site) -> None:
    await site.deliver(dossier_event())
    site.client._known.clear()
    await site.deliver(dossier_event(TrangThaiHoSo="4"))
    assert [row["ok"] for row in site.log.last()] == [True, False, True]
    assert len({row["id"] for row in site.log.last()}) == 2


async def test_a_dossier_that_the_platform_has_lost_is_sent_again_as_new(site: Site) -> None:
    site.client._known[UNIT, CODE] = None
    await site.deliver(dossier_event())
    assert [row["ok"] for row in site.log.last()] == [False, True]


async def test_the_code_that_one_platform_gave_is_not_told_to_another(site: Site) -> None:
    """A dossier that it knows already would stand there a second time under a foreign code."""
    other = Alias("dossier.provincial_code", OWN, CODE, {"another_platform": UNIT})
    await site.ground.remember([other])
    await site.deliver(dossier_event())
    assert (await site.look(f"dossiers/{CODE}"))["dossiers"][0]["MaHoSo"] == CODE
    mine = Alias("dossier.provincial_code", OWN, CODE, {"provincial_portal": UNIT})
    await site.ground.remember([mine])
    await site.deliver(dossier_event())
    assert (await site.look(f"dossiers/{OWN}"))["dossiers"][0]["MaHoSo"] == OWN


async def test_the_ministry_hears_documents_and_traces() -> None:
    async with platform(profile="ministry", oauth=OAUTH, iso_dates=True) as site:
        await site.ground.remember([Alias("x", "y", "z")])
        reference = await site.ground.keep(b"%PDF", "application/pdf")
        paper = {"TenTepDinhKem": "don.pdf", "DuongDanTaiTepTin": f"blob:{reference}"}
        await site.deliver(dossier_event(TaiLieuNop=[paper]))
        await site.deliver(step_event())
        kept = await site.look(f"dossiers/{CODE}")
        (document,), (trace,) = kept["dossiers"], kept["steps"]
        assert document["DateReceived"] == "2026-01-05T09:30:00"
        assert (document["DocCode"], document["Status"]) == (CODE, "2")
        assert base64.b64decode(document["Attachments"][0]["Base64"]) == b"%PDF"
        assert (trace["docCode"], trace["dateCreated"]) == (CODE, "2026-01-05T10:00:00")
        assert site.operations() == ["token", "SyncDocument", "UpdateDocumentTraces"]


async def test_the_platforms_own_code_and_the_national_one_are_said(site: Site) -> None:
    await site.ground.remember(
        [
            Alias("dossier.provincial_code", OWN, CODE),
            Alias("dossier.national_code", NATIONAL, CODE),
        ]
    )
    await site.deliver(dossier_event())
    await site.deliver(step_event())
    kept = await site.look(f"dossiers/{OWN}")
    assert (kept["dossiers"][0]["MaHoSo"], kept["dossiers"][0]["MaHoSoQG"]) == (OWN, NATIONAL)
    assert kept["steps"][0]["MaHoSo"] == OWN


async def test_a_national_code_that_the_dossier_says_itself_is_kept(site: Site) -> None:
    await site.ground.remember([Alias("dossier.national_code", NATIONAL, CODE)])
    await site.deliver(dossier_event(MaHoSoQG="G22.99-260105-000099"))
    kept = await site.look(f"dossiers/{CODE}")
    assert kept["dossiers"][0]["MaHoSoQG"] == "G22.99-260105-000099"


async def test_a_dossier_under_its_national_code_names_it_once(site: Site) -> None:
    await site.ground.remember([Alias("dossier.national_code", CODE, CODE)])
    await site.deliver(dossier_event())
    assert "MaHoSoQG" not in (await site.look(f"dossiers/{CODE}"))["dossiers"][0]


async def test_the_ministry_hears_the_code_that_it_gave() -> None:
    async with platform(profile="ministry") as site:
        await site.ground.remember([Alias("dossier.provincial_code", OWN, CODE)])
        await site.deliver(dossier_event())
        await site.deliver(step_event())
        kept = await site.look(f"dossiers/{OWN}")
    assert [item["DocCode"] for item in kept["dossiers"]] == [OWN]
    assert [item["docCode"] for item in kept["steps"]] == [OWN]
    assert "MaHoSo" not in kept["dossiers"][0] | kept["steps"][0]


@pytest.mark.parametrize(
    ("operation", "updating", "settings", "address"),
    [
        (SYNC, False, {}, f"/SynsTTHCC/{SYNC}?MaDinhDanhDV={PLATFORM_UNIT}&isUpdating=False"),
        (SYNC, True, {}, f"/SynsTTHCC/{SYNC}?MaDinhDanhDV={PLATFORM_UNIT}&isUpdating=True"),
        (STEP, None, {}, f"/SynsTTHCC/{STEP}?MaDinhDanhDV={PLATFORM_UNIT}"),
        (SYNC, False, {"accounts": {UNIT: {"token": "x"}}}, f"MaDinhDanhDV={UNIT}&"),
        (SYNC, False, {"profile": "two_urls"}, "/ThemMoi"),
        (SYNC, True, {"profile": "two_urls"}, "/CapNhat"),
        (STEP, None, {"profile": "two_urls"}, "/TienDo"),
    ],
)
def test_an_address_names_the_platforms_unit_and_whether_it_is_an_update(
    operation: str, updating: bool | None, settings: dict[str, Any], address: str
) -> None:
    client = PlatformClient("provincial_portal", platform_settings(**settings), MemoryGround())
    assert address in client._address(operation, UNIT, updating)


async def test_steps_in_one_call_carry_a_key_each_and_units_do_not_share_a_call() -> None:
    accounts = {unit: {"token": SEND_TOKEN} for unit in (UNIT, "H99.02")}
    async with platform(accounts=accounts) as site:
        await site.deliver(dossier_event())
        events = [
            step_event(),
            step_event(NoiDungXuLy="Trình ký"),
            step_event("H99.02", NoiDungXuLy="Phối hợp"),
        ]
        await site.deliver(*events)
        ids = [row["id"] for row in site.log.last() if row["operation"] == STEP]
        assert ids == [site.request(event).operation_key for event in events]
        assert (await site.look("state"))["calls"][f"{STEP} taken"] == 2


async def test_the_token_goes_in_the_header_that_the_deployment_names() -> None:
    async with platform(header="X-Ma-Truy-Cap") as site:
        error = await refused(site, dossier_event())
    assert (type(error), error.code) == (Misconfigured, "account_refused")


class Gateway:
    """Gives tokens `t1`, `t2`, ... that live as long as it says, after a slow answer."""

    def __init__(self, **changes: Any) -> None:
        settings = platform_settings(oauth={**OAUTH, "renew_before_seconds": 10, **changes})
        self.now, self.life, self.given, self.status = 0.0, 100, 0, 200
        self.tokens = Tokens(settings, self.fetch, clock=lambda: self.now)

    async def fetch(self, _: str) -> HttpReply:
        self.given += 1
        self.now += 5
        await asyncio.sleep(0)
        fields = {"access_token": f"t{self.given}", "expires_in": self.life}
        return HttpReply(self.status, {}, orjson.dumps(fields))


async def test_a_token_is_renewed_before_its_end_counted_from_the_question() -> None:
    gateway = Gateway()
    assert await gateway.tokens.get() == "Bearer t1"
    for now, token in ((89.9, "Bearer t1"), (90.0, "Bearer t2")):
        gateway.now = now
        assert await gateway.tokens.get() == token


async def test_a_token_that_does_not_tell_its_life_has_that_of_the_settings() -> None:
    gateway = Gateway(life_seconds=50)
    gateway.life = 0
    await gateway.tokens.get()
    gateway.now = 39.9
    assert await gateway.tokens.get() == "Bearer t1"
    gateway.now = 40
    assert await gateway.tokens.get() == "Bearer t2"


async def test_one_token_is_fetched_for_all_and_only_the_refused_one_is_dropped() -> None:
    gateway = Gateway()
    assert await asyncio.gather(*(gateway.tokens.get() for _ in range(3))) == ["Bearer t1"] * 3
    gateway.tokens.drop("Bearer t1")
    assert await gateway.tokens.get() == "Bearer t2"
    gateway.tokens.drop("Bearer t1")
    assert await gateway.tokens.get() == "Bearer t2"


@pytest.mark.parametrize("status", [400, 401, 403, 406, 415, 422])
async def test_credentials_that_the_gateway_refuses_are_no_outage(status: int) -> None:
    gateway = Gateway()
    gateway.status = status
    with pytest.raises(Misconfigured) as caught:
        await gateway.tokens.get()
    assert caught.value.code == "account_refused"


async def test_a_deployment_may_keep_other_codes_to_itself() -> None:
    async with platform(sends_other_codes=False) as site:
        await site.ground.remember([Alias("dossier.provincial_code", OWN, CODE)])
        await site.deliver(dossier_event())
        assert (await site.look(f"dossiers/{CODE}"))["dossiers"]


async def test_a_fetched_token_is_kept_and_renewed_once_when_refused() -> None:
    async with platform(oauth=OAUTH) as site:
        await site.deliver(dossier_event())
        await site.deliver(step_event())
        await site.play({"fault": "expired_session", "next_calls": 1})
        await site.deliver(step_event())
        assert site.operations().count("token") == 2
        await site.play({"fault": "expired_session"})
        error = await refused(site, step_event())
        assert (type(error), error.code) == (Misconfigured, "account_refused")


async def test_refused_credentials_stop_the_route() -> None:
    async with platform(oauth={**OAUTH, "consumer_secret": "sai"}) as site:
        error = await refused(site, dossier_event())
        assert (type(error), error.code) == (Misconfigured, "account_refused")
        assert "sai" not in str(error)


async def test_a_unit_without_account_waits_alone(site: Site) -> None:
    error = await refused(site, dossier_event("H99.77"))
    assert (type(error), error.code) == (Unavailable, "no_account")


FAULTS: list[tuple[dict[str, Any], type[HubError], str]] = [
    ({"fault": "429", "retry_after_seconds": 7}, Unavailable, "rate_limited"),
    ({"fault": "5xx", "status": 503}, Unavailable, "http_5xx"),
    ({"fault": "timeout_after_success", "then": "cut"}, UnknownOutcome, "connection_lost"),
    ({"fault": "timeout_without_effect"}, UnknownOutcome, "timeout"),
    ({"fault": "malformed"}, UnknownOutcome, "malformed_reply"),
    ({"fault": "malformed", "body": "[]"}, UnknownOutcome, "malformed_reply"),
    ({"fault": "refuse", "error_code": "99"}, Rejected, "undocumented_refusal"),
    ({"fault": "refuse", "error_code": "0", "message": "Lỗi"}, Rejected, "undocumented_refusal"),
    ({"fault": "expired_session"}, Misconfigured, "account_refused"),
    (
        {"fault": "malformed", "body": '{"fault":{"code":900800}}'},
        Unavailable,
        "unavailable",
    ),
    (
        {"fault": "malformed", "body": '{"fault":{"code":900908}}'},
        Misconfigured,
        "account_refused",
    ),
]


@pytest.mark.parametrize("operation", [SYNC, STEP])
@pytest.mark.parametrize(("fault", "kind", "code"), FAULTS)
async def test_every_fault_becomes_its_error(
    site: Site, operation: str, fault: dict[str, Any], kind: type[HubError], code: str
) -> None:
    await site.play({**fault, "operation": operation})
    event = dossier_event() if operation == SYNC else step_event()
    error = await refused(site, event, seconds=0.2)
    assert (type(error), error.code) == (kind, code)
    told = "".join(traceback.format_exception(error))
    assert not [secret for secret in (*SECRETS, SEND_TOKEN) if secret in told]


async def test_after_a_time_out_the_repetition_is_an_update(site: Site) -> None:
    await site.play({"fault": "timeout_after_success", "then": "cut", "next_calls": 1})
    assert isinstance(await refused(site, dossier_event()), UnknownOutcome)
    await site.deliver(dossier_event())
    assert (await site.look("state"))["dossiers"] == 1


async def test_partial_failure_codes_of_a_step_that_exists_are_success(site: Site) -> None:
    for code in ("0", "3", "-3"):
        fault = {"fault": "refuse", "error_code": code, "message": "Dữ liệu đã tồn tại"}
        await site.play(fault)
        assert (await site.deliver(step_event())).foreign_code == code


async def test_a_dossier_that_is_said_to_exist_and_is_not_updated_is_not_delivered(
    site: Site,
) -> None:
    await site.play({"fault": "refuse", "error_code": "3", "message": "Hồ sơ đã tồn tại"})
    for _ in range(2):
        error = await refused(site, dossier_event())
        assert isinstance(error, Rejected)
        assert (error.foreign_code, error.documented) == ("3", False)
    assert site.operations() == [SYNC] * 4


async def test_a_step_of_a_dossier_that_the_platform_has_lost_is_not_delivered(site: Site) -> None:
    fault = {"fault": "refuse", "error_code": "4", "message": "Không tìm thấy hồ sơ"}
    await site.play({**fault, "operation": STEP})
    error = await refused(site, step_event())
    assert isinstance(error, Rejected)
    assert (error.foreign_code, error.documented) == ("4", False)


async def test_a_document_that_exists_is_there() -> None:
    async with platform(profile="ministry", oauth=OAUTH) as site:
        refusal = {"fault": "refuse", "error_code": "3", "message": "Hồ sơ đã tồn tại"}
        await site.play({**refusal, "operation": "SyncDocument"})
        assert (await site.deliver(dossier_event())).foreign_code == "3"
        assert site.operations() == ["token", "SyncDocument"]


async def test_a_final_code_of_the_deployment_is_documented() -> None:
    async with platform(final_codes=["99"]) as site:
        await site.play({"fault": "refuse"})
        error = await refused(site, dossier_event())
        assert isinstance(error, Rejected)
        assert error.documented


async def test_nothing_can_be_asked_or_looked_up(site: Site) -> None:
    asked = await site.client.ask(site.request(dossier_event()), timeout_seconds=1)
    assert asked.answer is Answer.UNKNOWN
    with pytest.raises(Rejected):
        await site.client.query("TraCuuHoSo", UNIT, {})


async def test_the_probe_gets_a_token_or_sees_that_someone_answers(site: Site) -> None:
    assert "answers" in await site.client.probe()
    async with platform(oauth=OAUTH) as other:
        assert "token" in await other.client.probe()
    async with platform(base_url="http://127.0.0.1:9") as nobody:
        with pytest.raises(Unavailable):
            await nobody.client.probe()


# Receiving


async def test_what_the_platform_pushes_becomes_events_in_order(door: HubDoor, site: Site) -> None:
    told = {"url": door.url, "token": RECEIVE_TOKEN, "unit": PLATFORM_UNIT}
    filed = DOSSIER | {"MaHoSo": OWN, "MaHoSoQG": NATIONAL}
    replies = await site.submit(
        {**told, "operation": SYNC, "isUpdating": False, "items": [filed], "times": 2}
    )
    replies += await site.submit(
        {**told, "operation": STEP, "items": [PROGRESS | {"MaHoSo": OWN}] * 2}
    )
    assert [reply["error_code"] for reply in replies] == ["0", "0", "0"]
    assert all("thành công" in reply["message"] for reply in replies)
    events = door.events()
    assert [event.subject for event in events] == [OWN] * 4
    assert events[0].natural_key == events[1].natural_key
    assert [event.data.model_dump().get("updating") for event in events] == [False] * 2 + [None] * 2
    assert {(a.kind, a.value, a.subject) for a in events[0].aliases} == {
        ("dossier.provincial_code", OWN, OWN),
        ("dossier.national_code", NATIONAL, OWN),
    }
    assert events[0].source == f"/connectors/provincial_portal/{UNIT}"


@pytest.mark.parametrize(
    "alias",
    [Alias("dossier.provincial_code", OWN, CODE), Alias("dossier.national_code", NATIONAL, CODE)],
)
async def test_a_dossier_known_by_another_code_keeps_its_subject(
    door: HubDoor, alias: Alias
) -> None:
    await door.ground.remember([alias])
    await door.hear(SYNC, [DOSSIER | {"MaHoSo": OWN, "MaHoSoQG": NATIONAL}])
    (event,), (message,) = door.events(), door.ground.messages
    assert (event.subject, message.key) == (CODE, CODE)
    assert {alias.subject for alias in event.aliases} == {CODE}


async def test_a_step_that_follows_at_once_keeps_the_subject_of_its_dossier(door: HubDoor) -> None:
    """Nothing of the dossier was decoded yet, and a step does not name the national code."""
    await door.ground.remember([Alias("dossier.national_code", NATIONAL, NATIONAL)])
    await door.hear(SYNC, [DOSSIER | {"MaHoSo": OWN, "MaHoSoQG": NATIONAL}])
    await door.hear(STEP, [PROGRESS | {"MaHoSo": OWN}])
    assert [message.key for message in door.ground.messages] == [NATIONAL] * 2
    assert [event.subject for event in door.events()] == [NATIONAL] * 2


async def test_the_content_of_a_file_may_come_in_lines(door: HubDoor) -> None:
    content = base64.b64encode(b"don").decode()
    paper = {"AttachmentName": "don.pdf", "Base64": f"{content[:2]}\r\n{content[2:]}\r\n"}
    document = {"DocCode": OWN, "DocTypeCode": "1.9", "Status": "5", "Attachments": [paper]}
    assert (await door.hear("SyncDocument", [document]))["error_code"] == "0"
    assert b"don" in door.ground.blobs.values()


async def test_documents_with_files_and_traces_are_taken(door: HubDoor) -> None:
    content = base64.b64encode(b"don").decode()
    paper = {"AttachmentId": "1", "AttachmentName": "don.pdf", "Base64": content}
    document = {"DocCode": OWN, "DocTypeCode": "1.9", "Status": "5", "Attachments": [paper]}
    await door.hear("SyncDocument", [document])
    await door.hear("UpdateDocumentTraces", [{"docCode": OWN, "status": "4"}])
    document_event, trace = door.events()
    papers = document_event.data.dossier.attachments  # type: ignore[attr-defined] # a dossier event
    assert door.ground.blobs[papers[0].url.removeprefix("blob:")] == b"don"
    assert (document_event.kind, trace.kind) == (
        "dossier.supplement_requested",
        "dossier.progressed",
    )


LIMITS = {
    "body_limit_bytes": 3000,
    "items_limit_count": 2,
    "files_limit_count": 2,
    "file_limit_bytes": 30,
}


@pytest.mark.parametrize(
    ("operation", "items", "code"),
    [
        (SYNC, b"[", "malformed"),
        (SYNC, b"{}", "malformed"),
        (SYNC, [], "malformed"),
        (SYNC, [1], "malformed"),
        (SYNC, [{}], "field_rules"),
        (SYNC, [{"MaHoSo": OWN}] * 3, "too_large"),
        (SYNC, b" " * 3001, "too_large"),
        (SYNC, [{"MaHoSo": OWN, "TaiLieuNop": [{"Base64": "AAAA"}] * 3}], "too_large"),
        (SYNC, [{"MaHoSo": OWN, "TaiLieuNop": [{"Base64": "A" * 44}]}], "too_large"),
        (SYNC, [{"MaHoSo": OWN, "TaiLieuNop": [{"Base64": "không"}]}], "field_rules"),
        (SYNC, [{"MaHoSo": OWN, "TaiLieuNop": [{"Base64": "AA!!AAAA"}]}], "field_rules"),
        ("TraCuuHoSo", [{"MaHoSo": OWN}], "unknown_operation"),
    ],
)
async def test_what_cannot_be_taken_is_refused_and_recorded(
    operation: str, items: Any, code: str
) -> None:
    async with hub_door(**LIMITS) as door:
        assert (await door.hear(operation, items))["error_code"] == "-9"
        assert [refusal.code for refusal in door.ground.refusals] == [code]
        assert not door.ground.messages


async def test_what_just_fits_the_limits_is_taken() -> None:
    paper = {"Base64": base64.b64encode(b"x" * 30).decode()}
    async with hub_door(**LIMITS) as door:
        items = [{"MaHoSo": OWN, "TaiLieuNop": [paper] * 2}] * 2
        assert (await door.hear(SYNC, items))["error_code"] == "0"


@pytest.mark.parametrize(
    ("token", "query", "code"),
    [
        ("", None, "wrong_credentials"),
        (SEND_TOKEN, None, "wrong_credentials"),
        (RECEIVE_TOKEN, {}, "wrong_unit"),
        (RECEIVE_TOKEN, {"MaDinhDanhDV": "H88"}, "wrong_unit"),
    ],
)
async def test_only_a_units_own_token_opens_the_door(
    door: HubDoor, token: str, query: Any, code: str
) -> None:
    answer = await door.hear(SYNC, [DOSSIER], token=token, query=query)
    assert answer["error_code"] == "-9"
    assert [refusal.code for refusal in door.ground.refusals] == [code]


@pytest.mark.parametrize("name", ["token", "receive_token"])
def test_an_empty_token_is_none_and_opens_no_door(name: str) -> None:
    account = {"token": SEND_TOKEN, "receive_token": RECEIVE_TOKEN, name: ""}
    with pytest.raises(ValidationError):
        platform_settings(accounts={UNIT: account})


async def test_a_unit_without_a_receive_token_is_pushed_to_by_nobody() -> None:
    accounts = {UNIT: {"platform_unit": PLATFORM_UNIT, "token": SEND_TOKEN}}
    async with hub_door(accounts=accounts) as door:
        for token in ("", SEND_TOKEN, RECEIVE_TOKEN, "None"):
            assert (await door.hear(SYNC, [DOSSIER], token=token))["error_code"] == "-9"
        assert {refusal.code for refusal in door.ground.refusals} == {"wrong_credentials"}
        assert not door.ground.messages


async def test_each_item_is_kept_in_its_exact_bytes(door: HubDoor) -> None:
    one = rb'{ "TenTTHC":"Th\u1ee7 t\u1ee5c",  "MaHoSo" : "H99-260105-0001", "Phi": 1.50 }'
    other = '{"MaHoSo":"H99-260105-0002","TenTTHC":"Thủ tục"}'.encode()
    answer = await door.hear(SYNC, b"[ " + one + b" ,\n" + other + b"]\n")
    assert answer["error_code"] == "0"
    assert [message.body for message in door.ground.messages] == [one, other]


async def test_while_kafka_is_away_the_platform_is_told_to_send_again(door: HubDoor) -> None:
    door.ground.kafka_is_away = True
    assert (await door.hear(SYNC, [DOSSIER]))["error_code"] == "-1"
    assert [refusal.code for refusal in door.ground.refusals] == ["try_again"]


def test_a_deployment_that_does_not_receive_has_no_address() -> None:
    settings = platform_settings(receives=None)
    assert list(endpoints("provincial_portal", settings, MemoryGround())) == []
