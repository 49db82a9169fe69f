"""Dossiers filed at the portal on their way back, questions, catalogues, results, files."""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any

import aiohttp
import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs

import hub.connectors.national_portal as folder
from hub.connector import Answer, Page, Reply, Request
from hub.connectors.national_portal.catalogue import Catalogues
from hub.connectors.national_portal.client import PortalClient
from hub.connectors.national_portal.decode import decode, message
from hub.connectors.national_portal.encode import encode
from hub.connectors.national_portal.poll import PortalPoller
from hub.connectors.national_portal.simulator_rules import ANSWER as ANSWER_RULES
from hub.connectors.national_portal.simulator_rules import STATE as STATE_RULES
from hub.connectors.national_portal.simulator_rules import first_fault
from hub.errors import EncodeError, HubError, Misconfigured, Rejected, Unavailable, UnknownOutcome
from hub.event import Alias, Event
from hub.schemas.petition import PetitionAnswer, PetitionEvent
from hub.wire.dvcqg.catalogues import CATALOGUE
from hub.wire.dvcqg.dates import VIETNAM
from tests.connectors.ground import MemoryGround
from tests.connectors.portal_examples import (
    ACCOUNTS,
    CODE,
    DOSSIER,
    UNIT,
    Portal,
    dossier_event,
    portal,
    portal_settings,
    request,
    step_event,
)

NATIONAL = "G22.99-260105-000012"
STATE, ANSWER = "DongBoTrangThaiHoSo", "DongBoKetQuaHoiDapGuiTuDVCQG"
QUESTION = {"CAUHOIID": "5001", "MADONVI": UNIT, "NOIDUNG": "Cần giấy tờ gì?", "HOVATEN": "Mẫu"}


@dataclass
class Counter:
    """A running portal, with a client that stands on a ground that can be looked into."""

    site: Portal
    ground: MemoryGround
    client: PortalClient

    async def deliver(self, event: Event, seconds: float = 5) -> Reply:
        """Deliver one event."""
        sent = request(event, self.site.settings)
        return await self.client.deliver([sent], timeout_seconds=seconds)

    async def post(self, path: str, body: Any) -> None:
        """Do something at the portal."""
        address = f"{self.site.url}/_control/{path}"
        async with aiohttp.ClientSession() as http, http.post(address, json=body) as answer:
            assert answer.status < 300

    async def put(self, name: str, content: bytes) -> str:
        """Let the portal serve a file; its address."""
        address = f"{self.site.url}/_control/files/{name}"
        async with aiohttp.ClientSession() as http, http.put(address, data=content) as answer:
            assert answer.status == 204
        return f"{self.site.url}/files/{name}"


@pytest.fixture
async def counter() -> AsyncIterator[Counter]:
    async with portal(polls={"catalogues": ["LayDanhSachTTHC"]}) as site:
        ground = MemoryGround()
        client = PortalClient("national_portal", site.settings, ground)
        try:
            yield Counter(site, ground, client)
        finally:
            await client.close()


def filed(**fields: Any) -> Event:
    return dossier_event(MaHoSo=NATIONAL, NoiNopHoSo="1", **fields)


def answered(**fields: Any) -> Event:
    answer = PetitionAnswer(content="Cần tờ khai.", answered_by="Trần Thị Mẫu", position="Cán bộ")
    data = PetitionEvent(petition_id="5001", channel="dvcqg", unit=UNIT, answer=answer)
    return Event(
        kind="petition.answered",
        source=f"/connectors/petitions/{UNIT}",
        subject="PAKN-dvcqg-5001",
        time=datetime(2026, 1, 6, 9, tzinfo=VIETNAM),
        data=data.model_copy(update=fields),
        natural_key="example",
        id=str(uuid.uuid4()),
    )


# States go back under the portal's code


async def test_a_dossier_with_the_portals_code_goes_back_as_a_state(counter: Counter) -> None:
    await counter.deliver(filed(TrangThaiHoSo="2"))
    await counter.deliver(step_event(MaHoSo=NATIONAL, TrangThai="4"))
    states = await counter.site.look(f"states/{NATIONAL}")
    assert [(s["TrangThai"], s["MaHoSo"], s["MaHoSoDonVi"]) for s in states] == [
        ("2", NATIONAL, NATIONAL),
        ("4", NATIONAL, NATIONAL),
    ]
    assert counter.site.operations() == ["login", STATE, STATE]


async def test_the_units_own_code_stands_beside_the_portals(counter: Counter) -> None:
    reply = await counter.deliver(dossier_event(MaHoSoQG=NATIONAL, TrangThaiHoSo="9"))
    (state,) = await counter.site.look(f"states/{NATIONAL}")
    assert (state["MaHoSo"], state["MaHoSoDonVi"]) == (NATIONAL, CODE)
    assert reply.aliases == (Alias("dossier.national_code", NATIONAL, CODE),)


async def test_the_units_own_code_is_remembered_for_later_states(counter: Counter) -> None:
    await counter.ground.remember([Alias("dossier.unit_code", CODE, NATIONAL)])
    await counter.deliver(filed())
    assert (await counter.site.look(f"states/{NATIONAL}"))[0]["MaHoSoDonVi"] == CODE


@given(
    st.fixed_dictionaries(
        {
            "TrangThai": st.integers(1, 11).map(str),
            "MaHoSo": st.sampled_from([NATIONAL, "MA-KHAC-260105-0001"]),
            "MaHoSoDonVi": st.just(CODE),
            "MaDoiTuong": st.sampled_from(["", "tech-demo"]),
            "NoiDung": st.text(max_size=20),
            "NgayXuLy": st.datetimes(min_value=datetime(1900, 1, 1)).map(
                lambda at: f"{at:%Y%m%d%H%M%S}"
            ),
            "TaiLieuXuLy": st.lists(
                st.fixed_dictionaries({"TenTepDinhKem": st.text(max_size=5)}), max_size=2
            ),
        }
    )
)
def test_a_state_that_a_product_tells_goes_on_with_every_field(state: dict[str, Any]) -> None:
    settings = portal_settings("http://portal.example")
    (told,) = decode(message(orjson.dumps(state), "state"), settings)
    assert isinstance(told, Event)
    sent = encode(structs.replace(told, subject=told.data.code), settings)  # type: ignore[attr-defined] # a dossier event
    assert (sent.operation, orjson.loads(sent.body)) == (STATE, state)


@pytest.mark.parametrize(("form", "rules"), [("state", STATE_RULES), ("question", ANSWER_RULES)])
def test_the_simulated_portal_takes_every_sample(form: str, rules: Any) -> None:
    files = sorted((Path(folder.__file__).parent / "samples/out" / form).glob("*.json"))
    files = [file for file in files if not file.name.endswith(".event.json")]
    assert len(files) >= 8
    for file in files:
        item = orjson.loads(file.read_bytes())
        if "MaHoSoDonVi" in item:
            item["MaHoSoDonVi"] = item["MaHoSoDonVi"] or item["MaHoSo"]  # as the client does
        assert first_fault(item, rules, file.stem) == ""


async def test_results_go_along_as_files_to_be_fetched(counter: Counter) -> None:
    paper = {"TenGiayTo": "Giấy", "GiayToId": "9", "DuongDanTepTinKetQua": "https://x.example/9"}
    await counter.deliver(filed(TrangThaiHoSo="9", DanhSachGiayToKetQua=[paper]))
    (state,) = await counter.site.look(f"states/{NATIONAL}")
    assert state["TaiLieuXuLy"][0]["DuongDanTaiTepTin"] == "https://x.example/9"


@pytest.mark.parametrize(
    ("settings", "code", "told"),
    [({}, "3", "3"), ({"state_codes": {"3": "11"}}, "3", "11"), ({}, "10", "10")],
)
def test_what_a_state_is_called_can_be_set(settings: dict[str, Any], code: str, told: str) -> None:
    chosen = portal_settings("http://portal.example", **settings)
    message = encode(filed(TrangThaiHoSo=code), chosen)
    assert orjson.loads(message.body)["TrangThai"] == told


def test_a_dossier_without_a_state_of_the_portal_cannot_be_told() -> None:
    with pytest.raises(EncodeError) as caught:
        encode(filed(TrangThaiHoSo="0"), portal_settings("http://portal.example"))
    assert caught.value.path == "/TrangThai"


@pytest.mark.parametrize("settings", [{"states_of_filed_here": False}])
def test_a_deployment_may_send_them_like_every_other(settings: dict[str, Any]) -> None:
    chosen = portal_settings("http://portal.example", **settings)
    assert encode(filed(), chosen).operation == "DongBoHoSoMC"


def test_a_dossier_of_the_unit_goes_as_before() -> None:
    settings = portal_settings("http://portal.example")
    assert encode(dossier_event(NoiNopHoSo="1"), settings).operation == "DongBoHoSoMC"
    assert encode(step_event(), settings).operation == "CapNhatTienDoHoSoMC"


FAULTS: list[tuple[dict[str, Any], type[HubError], str]] = [
    ({"fault": "429"}, Unavailable, "rate_limited"),
    ({"fault": "5xx"}, Unavailable, "http_5xx"),
    ({"fault": "timeout_after_success", "then": "cut"}, UnknownOutcome, "connection_lost"),
    ({"fault": "malformed"}, UnknownOutcome, "malformed_reply"),
    ({"fault": "refuse", "error_code": "99"}, Rejected, "undocumented_refusal"),
    ({"fault": "expired_session"}, Misconfigured, "session_refused"),
]


@pytest.mark.parametrize("operation", [STATE, ANSWER])
@pytest.mark.parametrize(("fault", "kind", "code"), FAULTS)
async def test_every_fault_becomes_its_error(
    counter: Counter, operation: str, fault: dict[str, Any], kind: type[HubError], code: str
) -> None:
    await counter.post("questions", QUESTION)
    if (operation, code) == (ANSWER, "http_5xx"):
        kind = UnknownOutcome  # an answer to a citizen must not go twice: it is asked about
    await counter.site.play({**fault, "operation": operation})
    with pytest.raises(HubError) as caught:
        await counter.deliver(filed() if operation == STATE else answered())
    assert (type(caught.value), caught.value.code) == (kind, code)


@pytest.mark.parametrize("error_code", ["3", "-3", "0"])
async def test_a_state_that_exists_was_taken_before(counter: Counter, error_code: str) -> None:
    fault = {"fault": "refuse", "error_code": error_code, "message": "Dữ liệu đã tồn tại"}
    await counter.site.play({**fault, "operation": STATE})
    assert (await counter.deliver(filed())).foreign_code == error_code


async def test_an_empty_look_up_of_a_known_dossier_does_no_harm(counter: Counter) -> None:
    await counter.deliver(dossier_event())
    counter.client._known.clear()
    empty = {"fault": "malformed", "body": '{"error_code":"0","result":[]}'}
    await counter.site.play({**empty, "operation": "TraCuuHoSo"})
    await counter.deliver(dossier_event(TrangThaiHoSo="4"))
    assert (await counter.site.look("state"))["by_status"] == {"4": 1}


# Questions


async def round_of(poller: PortalPoller) -> list[Page]:
    pages = [await poller.poll("")]
    while pages[-1].more:
        pages.append(await poller.poll(pages[-1].cursor))
    return pages


async def test_a_question_becomes_a_petition_once(counter: Counter) -> None:
    await counter.post("questions", QUESTION)
    poller = PortalPoller(
        "national_portal", counter.site.settings, counter.ground, client=counter.client
    )
    first, repeated = await round_of(poller), await round_of(poller)
    messages = [message for page in first for message in page.messages]
    assert messages
    assert [m.id for m in messages] == [m.id for page in repeated for m in page.messages]
    (event,) = decode(messages[0], counter.site.settings)
    assert isinstance(event, Event)
    assert (event.kind, event.subject, event.once) == ("petition.received", "PAKN-dvcqg-5001", True)
    assert event.subject == messages[0].key
    for page in (page for page in first if page.receipts):  # as the engine does
        await poller.done(page)
    assert not [m for page in await round_of(poller) for m in page.messages]


async def test_looks_that_are_refused_are_told_and_the_next_comes_in_the_same_round(
    counter: Counter,
) -> None:
    """Some thirty accounts whose password has expired would else make a round of hours."""
    await counter.post("questions", QUESTION)
    settings = portal_settings(counter.site.url, polls={"catalogues": ["LayDanhMucLinhVuc"]})
    await counter.site.play({"fault": "refuse", "operation": "LayDanhMucLinhVuc"})
    poller = PortalPoller("national_portal", settings, counter.ground, client=counter.client)
    pages = await round_of(poller)
    problems = [page.problem for page in pages]
    assert problems[0].startswith("LayDanhMucLinhVuc: the portal refuses")
    assert not any(problems[1:])
    assert sum(len(page.messages) for page in pages) == 1
    assert pages[-1].cursor == "0"


async def test_an_account_that_is_refused_is_named_and_the_next_comes_at_once() -> None:
    accounts = {"H99.77": {"username": "sai", "password": "sai"}, UNIT: ACCOUNTS[UNIT]}
    async with portal(accounts=accounts, polls={"catalogues": []}) as site:
        poller = PortalPoller("national_portal", site.settings, MemoryGround(), client=site.client)
        first, second = await round_of(poller)
    assert first.problem.startswith("H99.77: ")
    assert "sai" not in first.problem
    assert (second.problem, second.more) == ("", False)


async def test_looks_that_fail_keep_no_other_waiting(counter: Counter) -> None:
    await counter.post("questions", QUESTION)
    settings = portal_settings(
        counter.site.url, polls={"catalogues": ["LayDanhMucLinhVuc", "LayDanhSachTTHC"]}
    )
    fault = {"fault": "5xx", "status": 503}
    await counter.site.play(
        *({**fault, "operation": each} for each in ("LayDanhMucLinhVuc", "LayDanhSachTTHC"))
    )
    poller = PortalPoller("national_portal", settings, counter.ground, client=counter.client)
    for _ in range(2):
        with pytest.raises(Unavailable):
            await poller.poll("")
    page = await poller.poll("")
    assert (len(page.messages), page.cursor) == (1, "3")
    await counter.site.play()
    await poller.poll("0")
    assert counter.site.operations()[-1] == "LayDanhMucLinhVuc"


async def test_questions_with_the_portals_own_names_are_read(counter: Counter) -> None:
    await counter.post("questions", {**QUESTION, "IDCAUHOI": "77"})
    settings = portal_settings(
        counter.site.url, polls={"catalogues": [], "question_fields": {"IDCAUHOI": "CAUHOIID"}}
    )
    poller = PortalPoller("national_portal", settings, counter.ground)
    page = await poller.poll("not a cursor")
    (event,) = decode(page.messages[0], settings)
    assert isinstance(event, Event)
    assert event.subject == page.messages[0].key == "PAKN-dvcqg-77"
    await poller.close()


async def test_the_answer_goes_back_and_can_be_asked_for(counter: Counter) -> None:
    await counter.post("questions", QUESTION)
    sent = request(answered(), counter.site.settings)
    assert (await counter.client.ask(sent, timeout_seconds=5)).answer is Answer.NOT_TAKEN
    await counter.client.deliver([sent], timeout_seconds=5)
    assert (await counter.client.ask(sent, timeout_seconds=5)).answer is Answer.TAKEN
    other = answered(answer=PetitionAnswer(content="Khác"))
    asked = await counter.client.ask(request(other, counter.site.settings), timeout_seconds=5)
    assert asked.answer is Answer.UNKNOWN
    assert (await counter.site.look("state"))["answers"] == 1
    assert [row["id"] for row in counter.site.log.last() if row["operation"] == ANSWER] == [
        sent.operation_key
    ]


@pytest.mark.parametrize(
    "fields", [{"channel": "1022"}, {"answer": None}, {"answer": PetitionAnswer(content=" ")}]
)
def test_what_is_no_answer_to_this_portal_cannot_be_sent(fields: dict[str, Any]) -> None:
    with pytest.raises(EncodeError):
        encode(answered(**fields), portal_settings("http://portal.example"))


# Catalogues


async def test_a_catalogue_is_pulled_kept_and_pulled_again_when_old(counter: Counter) -> None:
    poller = PortalPoller(
        "national_portal", counter.site.settings, counter.ground, client=counter.client
    )
    for _ in range(2):
        await round_of(poller)
    assert counter.site.operations().count("LayDanhSachTTHC") == 1
    catalogues = Catalogues("national_portal", counter.ground)
    assert await catalogues.knows_procedure("1.900001.000.00.00.H99") is True
    assert await catalogues.knows_procedure("9.999999") is False
    key = (CATALOGUE, "national_portal/LayDanhSachTTHC")
    old = {**counter.ground.known[key].facts, "pulled_at": "0"}
    counter.ground.known[key] = replace(counter.ground.known[key], facts=old)
    await round_of(poller)
    assert counter.site.operations().count("LayDanhSachTTHC") == 2


async def test_a_catalogue_whose_blob_is_gone_refuses_nothing(counter: Counter) -> None:
    catalogues = Catalogues("national_portal", counter.ground)
    await catalogues.keep("LayDanhSachTTHC", [{"MATTHC": "1.900001"}])
    counter.ground.blobs.clear()
    assert await catalogues.knows_procedure("9.999999") is None


async def test_an_unknown_procedure_is_not_sent_if_the_deployment_wants_that(
    counter: Counter,
) -> None:
    settings = portal_settings(counter.site.url, refuses_unknown_procedures=True)
    await Catalogues("p", counter.ground).keep("LayDanhSachTTHC", [{"MATTHC": "1.900001"}])
    client = PortalClient("p", settings, counter.ground)
    unknown, known = dossier_event(), dossier_event(MaTTHC="1.900001")
    with pytest.raises(Rejected) as caught:
        await client.deliver([request(unknown, settings)], timeout_seconds=5)
    assert (caught.value.code, caught.value.documented) == ("procedure_unknown", False)
    await client.deliver([request(known, settings)], timeout_seconds=5)
    await client.close()


async def test_nothing_is_polled_unless_the_deployment_asks_for_it() -> None:
    settings = portal_settings("http://portal.example")
    poller = PortalPoller("national_portal", settings, MemoryGround())
    assert await poller.poll("") == Page(cursor="0")


# Digitised results, accounts, files


async def test_digitised_results_are_found_and_their_files_kept(counter: Counter) -> None:
    asked = {
        "SoDinhDanhChuSoHuu": "001099999999",
        "SoDinhDanhNguoiYeuCau": "001099999999",
        "MaThuTuc": "1.900001",
    }
    reply = await counter.client.query("KhoSoHoaDVCQG", UNIT, asked)
    (paper,) = reply["result"]["DanhSachGiayToKetQua"]
    place = {"CoQuanChuQuan": paper["CoQuanChuQuan"], "DuongDan": "/kho/1"}
    kept = await counter.client.query("KhoSoHoaDVCQGTep", UNIT, place)
    assert counter.ground.blobs[kept["result"][0]["reference"]].startswith(b"%PDF")
    with pytest.raises(Rejected):
        await counter.client.query("KhoSoHoaDVCQG", UNIT, {})
    with pytest.raises(Rejected) as caught:
        await counter.client.query("KhoSoHoaDVCQGTep", UNIT, {"DuongDan": "/kho/2"})
    assert caught.value.code == "file_gone"


async def test_an_account_is_found_by_number(counter: Counter) -> None:
    asked = {"provider": "wso2is", "mstorcmnd": "001099999999"}
    reply = await counter.client.query("TraCuuTechID", UNIT, asked)
    assert reply["result"] == [{"TECHNICALID": "tech-9999"}]


async def test_a_pushed_dossiers_file_is_fetched_later_and_may_be_gone(counter: Counter) -> None:
    address = await counter.put("7", b"%PDF-1.4")
    kept = await counter.client.query("TaiTepTin", UNIT, {"DuongDan": address})
    assert counter.ground.blobs[kept["result"][0]["reference"]] == b"%PDF-1.4"
    with pytest.raises(Rejected) as caught:
        await counter.client.query("TaiTepTin", UNIT, {"DuongDan": f"{address}0"})
    assert (caught.value.code, caught.value.foreign_code) == ("file_gone", "404")


@pytest.mark.parametrize(
    "address",
    [
        "http://169.254.169.254/latest",
        "file:///etc/passwd",
        "",
        "http://portal.invalid/",
        "http://[x",
    ],
)
async def test_files_are_fetched_only_from_hosts_that_are_allowed(
    counter: Counter, address: str
) -> None:
    with pytest.raises(Rejected) as caught:
        await counter.client.query("TaiTepTin", UNIT, {"DuongDan": address})
    assert caught.value.code == "file_host"


async def test_a_file_beyond_the_limit_is_not_read(counter: Counter) -> None:
    address = await counter.put("8", b"x" * 21)
    narrow = portal_settings(counter.site.url, file_bytes=20)
    client = PortalClient("national_portal", narrow, counter.ground)
    with pytest.raises(Unavailable):
        await client.query("TaiTepTin", UNIT, {"DuongDan": address})
    await counter.put("8", b"x" * 20)
    await client.query("TaiTepTin", UNIT, {"DuongDan": address})
    await client.close()


async def test_the_portal_fetches_the_files_of_a_dossier_later(counter: Counter) -> None:
    there = await counter.put("9", b"%PDF")
    papers = [{"DuongDanTaiTepTin": there}, {"DuongDanTaiTepTin": f"{there}0"}]
    item = {**DOSSIER, "TaiLieuNop": papers}
    sent = Request(
        structs.replace(encode(dossier_event(), counter.site.settings), body=orjson.dumps(item)),
        str(uuid.uuid4()),
        dossier_event(),
    )
    await counter.client.deliver([sent], timeout_seconds=5)
    address = f"{counter.site.url}/_control/pull/{CODE}"
    async with aiohttp.ClientSession() as http, http.post(address) as answer:
        assert await answer.json() == [200, 404]
