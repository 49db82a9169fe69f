"""Drafts to the document office: what is sent, what its answers mean, what a lost answer does."""

from __future__ import annotations

import base64
from datetime import datetime
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError
from starlette.applications import Starlette
from starlette.responses import Response
from starlette.routing import Route

from hub.connector import Answer, Repetition, Request
from hub.connectors.document_office import CONNECTOR
from hub.connectors.document_office.client import OfficeClient
from hub.connectors.document_office.decode import decode, message
from hub.connectors.document_office.encode import encode
from hub.connectors.one_stop.decode_office import office as read_as_the_product_wrote
from hub.connectors.one_stop.encode_forms import package as write_for_the_product
from hub.errors import (
    DecodeError,
    EncodeError,
    HubError,
    Misconfigured,
    Rejected,
    Unavailable,
    UnknownOutcome,
)
from hub.event import Event
from hub.message import Message
from hub.schemas.document import Document, DocumentFile, OfficeEvent, Organisation, Person
from hub.simulation import running
from hub.wire.clock_texts import VIETNAM
from tests.connectors.ground import MemoryGround
from tests.connectors.office_examples import (
    CODE,
    DRAFT_FILE,
    ECHO,
    NOTICED,
    SECRETS,
    UNIT,
    office,
    office_settings,
    submitted,
)

LOST = [
    ({"fault": "timeout_after_success"}, "timeout"),
    ({"fault": "timeout_after_success", "then": "cut"}, "connection_lost"),
    ({"fault": "malformed"}, "malformed_reply"),
    ({"fault": "malformed", "body": "{}"}, "malformed_reply"),
    ({"fault": "malformed", "body": '{"data": "9001", "error": "x"}'}, "malformed_reply"),
    (
        {"fault": "malformed", "body": '{"data": "9001", "error": {"code": null}}'},
        "malformed_reply",
    ),
    (
        {"fault": "malformed", "body": '{"data": "9001", "error": {"code": true}}'},
        "malformed_reply",
    ),
]


async def test_a_draft_arrives_with_its_file_its_echo_and_the_operation_key() -> None:
    async with office() as desk:
        event = await desk.draft_with_file()
        await desk.deliver(event)
        (sent,) = await desk.drafts()
        (row,) = desk.log.last(CODE)
    assert sent["ThamSoAn"] == ECHO
    content = base64.b64encode(DRAFT_FILE).decode()
    assert sent["VanBanDuThao"]["DinhKem"] == [{"Ten": "du-thao.docx", "Base64": content}]
    assert sent["HanXuLyVanBan"] == "20260108170000"
    assert row["id"] == desk.request(event).operation_key
    alias = await desk.ground.alias("office.dossier", f"{UNIT}/9001")
    assert alias is not None
    assert alias.subject == CODE


@pytest.mark.parametrize(("fault", "code"), LOST)
async def test_an_office_that_notices_takes_a_draft_once_however_often_it_is_told(
    fault: dict[str, Any], code: str
) -> None:
    async with office(duplicate_codes=[NOTICED]) as desk:
        await desk.play({**fault, "next_calls": 1})
        event = submitted()
        with pytest.raises(UnknownOutcome) as caught:
            await desk.deliver(event, seconds=0.3)
        assert caught.value.code == code
        asked = await desk.client.ask(desk.request(event), timeout_seconds=1)
        assert asked.answer is Answer.NOT_TAKEN
        assert (await desk.deliver(event)).foreign_code == NOTICED
        assert (await desk.state())["drafts"] == 1


async def test_where_nobody_knows_whether_the_office_notices_a_person_is_asked() -> None:
    assert CONNECTOR.operations["GuiHoSo"].repetition is Repetition.ASKABLE
    async with office(notices=False) as desk:
        await desk.play({"fault": "timeout_after_success", "next_calls": 1})
        event = submitted()
        with pytest.raises(UnknownOutcome):
            await desk.deliver(event, seconds=0.3)
        asked = await desk.client.ask(desk.request(event), timeout_seconds=1)
        assert asked.answer is Answer.UNKNOWN
        assert (await desk.state())["drafts"] == 1
        known = await desk.ground.alias("office.dossier", f"{UNIT}/9001")
    assert known is not None, "the office may answer about a draft whose answer was lost"
    assert known.subject == CODE


async def test_that_a_draft_exists_is_a_refusal_where_it_is_no_known_answer() -> None:
    async with office() as desk:
        event = submitted()
        await desk.deliver(event)
        with pytest.raises(Rejected) as caught:
            await desk.deliver(event)
    assert (caught.value.foreign_code, caught.value.documented) == (NOTICED, False)


@pytest.mark.parametrize(
    ("fault", "error", "code"),
    [
        ({"fault": "429", "retry_after_seconds": 7}, Unavailable, "rate_limited"),
        ({"fault": "5xx", "status": 503}, Unavailable, "http_5xx"),
        ({"fault": "5xx", "status": 500}, UnknownOutcome, "http_5xx"),
        ({"fault": "5xx", "status": 502}, UnknownOutcome, "http_5xx"),
        ({"fault": "5xx", "status": 504}, UnknownOutcome, "http_5xx"),
        ({"fault": "expired_session"}, Misconfigured, "destination_refuses_us"),
        ({"fault": "refuse", "error_code": "A1"}, Misconfigured, "account_refused"),
        ({"fault": "refuse", "error_code": "B1"}, Unavailable, "unavailable"),
        ({"fault": "refuse", "error_code": "C1"}, Rejected, "rejected"),
        (
            {"fault": "refuse", "error_code": "Z9", "message": "Nguyễn Văn Mẫu"},
            Rejected,
            "undocumented_refusal",
        ),
        ({"fault": "refuse", "error_code": "Trần Thị Thử"}, Rejected, "undocumented_refusal"),
    ],
)
async def test_each_answer_becomes_the_error_that_says_what_to_do(
    fault: dict[str, Any], error: type[HubError], code: str
) -> None:
    lists: dict[str, Any] = {"account_codes": ["A1"], "later_codes": ["B1"], "final_codes": ["C1"]}
    async with office(**lists) as desk:
        await desk.play(fault)
        with pytest.raises(error) as caught:
            await desk.deliver(submitted())
    assert type(caught.value) is error
    assert caught.value.code == code
    assert not [secret for secret in SECRETS if secret in str(caught.value)]
    if isinstance(caught.value, Rejected):
        assert caught.value.documented is (caught.value.foreign_code == "C1")
        assert caught.value.foreign_code in ("C1", "Z9", "unreadable")


@pytest.mark.parametrize(
    "changes",
    [{"document": None}, {"applicant": Person(phone="1")}, {"unit": "", "document": None}],
)
async def test_the_office_refuses_what_its_form_forbids(changes: dict[str, Any]) -> None:
    async with office() as desk:
        with pytest.raises(Rejected):
            await desk.deliver(submitted(**changes))
        assert (await desk.state())["drafts"] == 0


async def test_the_limits_of_files_hold_at_the_edge() -> None:
    size = len(DRAFT_FILE)
    for name in ("file_bytes", "call_bytes"):
        fits: dict[str, Any] = {name: size}
        async with office(**fits) as desk:
            await desk.deliver(await desk.draft_with_file())
        less: dict[str, Any] = {name: size - 1}
        async with office(**less) as desk:
            with pytest.raises(Rejected) as caught:
                await desk.deliver(await desk.draft_with_file())
            assert caught.value.code == "too_large"
            assert (await desk.state())["drafts"] == 0


async def test_the_files_of_a_draft_are_limited_together() -> None:
    size = len(DRAFT_FILE)
    for limit, fits in ((2 * size, True), (2 * size - 1, False)):
        async with office(call_bytes=limit) as desk:
            event = await desk.draft_with_file()
            assert isinstance(event.data, OfficeEvent)
            assert event.data.document is not None
            both = submitted(event.data, components=event.data.document.files)
            if fits:
                await desk.deliver(both)
                continue
            with pytest.raises(Rejected) as caught:
                await desk.deliver(both)
            assert caught.value.code == "too_large"


@pytest.mark.parametrize(
    ("status", "error", "expected"),
    [
        (200, None, None),
        (500, None, UnknownOutcome),
        (502, {"code": "0"}, UnknownOutcome),
        (504, {"code": None}, UnknownOutcome),
        (520, None, UnknownOutcome),
        (599, {"code": "0"}, UnknownOutcome),
        (503, None, Unavailable),
        (429, None, Unavailable),
        (401, None, Misconfigured),
        (403, None, Misconfigured),
        (429, {"code": "Z9"}, Unavailable),
        (401, {"code": "Z9"}, Misconfigured),
        (400, {"code": "Z9"}, Rejected),
        (500, {"code": "Z9"}, UnknownOutcome),
        (502, {"code": "500"}, UnknownOutcome),
        (500, {"code": "C1"}, Rejected),
        (500, {"code": "B1"}, Unavailable),
        (500, {"code": NOTICED}, None),
    ],
)
async def test_an_http_status_is_no_success_whatever_the_body_says(
    status: int, error: Any, expected: type[HubError] | None
) -> None:
    """A draft is sent again without a question only where the office surely did not take it."""
    told = orjson.dumps({"data": "9001", "error": error})
    lists = {"final_codes": ["C1"], "later_codes": ["B1"], "duplicate_codes": [NOTICED]}

    async def answer(_: object) -> Response:
        return Response(told, status, media_type="application/json")

    async with running(Starlette(routes=[Route("/GuiHoSo", answer, methods=["POST"])])) as url:
        client = OfficeClient("document_office", office_settings(url, **lists), MemoryGround())
        event = submitted()
        request = Request(encode(event, office_settings(url)), "key", event)
        try:
            if expected is None:
                await client.deliver([request], timeout_seconds=5)
                return
            with pytest.raises(expected) as caught:
                await client.deliver([request], timeout_seconds=5)
            assert type(caught.value) is expected
        finally:
            await client.close()


async def test_an_answer_may_begin_with_a_byte_order_mark() -> None:
    async with office() as desk:
        said = '\ufeff{"data": "9001", "error": {"code": "0"}}'
        await desk.play({"fault": "malformed", "body": said})
        assert (await desk.deliver(submitted())).foreign_code == "0"


async def test_a_draft_without_a_unit_is_known_by_the_unit_that_is_asked_for() -> None:
    """The same one that its result is looked for under, when that names none either."""
    async with office() as desk:
        await desk.play({"fault": "malformed", "body": '{"data": "9001", "error": null}'})
        await desk.deliver(submitted(unit="", document=None))
        ((kind, value),) = desk.ground.known
    body = orjson.dumps({"IDHoSo": "9001", "LoaiKetQua": "01"})
    (event,) = decode(message(body, "package"), desk.settings)
    assert isinstance(event, Event)
    assert event.about == (kind, value) == ("office.dossier", "H22/9001")


async def test_a_large_file_arrives_whole() -> None:
    content = bytes(range(256)) * 8000
    async with office() as desk:
        await desk.deliver(await desk.draft_with_file(content))
        (sent,) = await desk.drafts()
    (file,) = sent["VanBanDuThao"]["DinhKem"]
    assert base64.b64decode(file["Base64"]) == content


async def test_a_file_that_is_gone_is_said_and_nothing_is_sent() -> None:
    async with office() as desk:
        event = await desk.draft_with_file()
        desk.ground.blobs.clear()
        with pytest.raises(DecodeError):
            await desk.deliver(event)
        assert (await desk.state())["drafts"] == 0


async def test_another_scheme_than_basic_can_be_shown() -> None:
    async with office(auth_scheme="Bearer") as desk:
        with pytest.raises(Misconfigured):
            await desk.client.probe()
    async with office() as desk:
        assert "nothing waits" in await desk.client.probe()
        await desk.deliver(submitted())
        await desk.decide("01")
        assert "packages wait" in await desk.client.probe()
        with pytest.raises(Rejected):
            await desk.client.query("LayGoiTinVanBan", UNIT, {})
    async with office(base_url="http://127.0.0.1:1") as nowhere:
        with pytest.raises(Unavailable):
            await nowhere.client.probe()


# encode


def test_only_drafts_with_the_products_id_can_be_said() -> None:
    own = office_settings()
    with pytest.raises(EncodeError, match="/IDHoSo"):
        encode(submitted(dossier_id=""), own)
    result = submitted()
    with pytest.raises(EncodeError):
        encode(Event(**{**_fields(result), "kind": "document.processed"}), own)


def _fields(event: Event) -> dict[str, Any]:
    return {name: getattr(event, name) for name in Event.__struct_fields__}


def test_a_draft_names_the_unit_as_the_product_wrote_it() -> None:
    own = Document(sender=Organisation(id="000.15.28.H22.07"), subject="Về việc mẫu")
    told = [
        orjson.loads(encode(submitted(document=each), office_settings()).body)["DonVi"]
        for each in (own, own.model_copy(update={"sender": Organisation(id="")}), None)
    ]
    assert [unit["MaDinhDanh"] for unit in told] == ["000.15.28.H22.07", UNIT, UNIT]


def test_a_draft_goes_under_the_code_that_the_hub_knows() -> None:
    body = orjson.loads(encode(submitted(dossier_code=""), office_settings()).body)
    assert body["MaHoSo"] == CODE


def test_the_count_of_files_holds_at_the_edge() -> None:
    files = tuple(DocumentFile(name=f"{number}.pdf", url="https://vidu.vn") for number in range(3))
    encode(submitted(components=files), office_settings(files_count=3))
    with pytest.raises(EncodeError, match="/ThanhPhanHoSo"):
        encode(submitted(components=files), office_settings(files_count=2))
    paper = Document(sender=Organisation(id=UNIT), subject="Về việc mẫu", files=files[:1])
    both = submitted(components=files, document=paper)
    encode(both, office_settings(files_count=4))
    with pytest.raises(EncodeError, match="/ThanhPhanHoSo"):
        encode(both, office_settings(files_count=3))


@pytest.mark.parametrize("echo", ["", " ", ' {"a": 1}\n', "khoảng  trắng\t"])
def test_an_echo_is_written_sign_by_sign(echo: str) -> None:
    assert orjson.loads(encode(submitted(echo=echo), office_settings()).body)["ThamSoAn"] == echo


def test_a_term_that_is_no_date_travels_as_it_came() -> None:
    told = submitted(due_at=None, originals={"HanXuLyVanBan": "08/01/2026"})
    assert orjson.loads(encode(told, office_settings()).body)["HanXuLyVanBan"] == "08/01/2026"


def test_a_draft_has_no_field_whose_name_is_a_path() -> None:
    more = {"VanBanDuThao/DoKhan": "2", "VanBanDuThao/DinhKem/0/Loai": "x", "ChuHoSo/Ngay": "y"}
    paper = orjson.loads(encode(submitted(unknown=more), office_settings()).body)["VanBanDuThao"]
    assert paper["DoKhan"] == "2"
    assert not [name for name in paper if "/" in name]


@pytest.mark.parametrize(
    "changes",
    [
        {"base_url": "ftp://vidu.vn"},
        {"base_url": "http://a:b@vidu.vn"},
        {"parent_unit": ""},
        {"list_count": 0},
        {"auth_scheme": "Basic x"},
        {"unknown": 1},
    ],
)
def test_settings_that_make_no_sense_are_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        office_settings(**changes)


# What a product writes is what the office reads, and the other way round


TEXT = st.text(st.characters(exclude_categories=["C"]), min_size=1, max_size=15)
MAYBE = st.just("") | TEXT
FILES = st.lists(
    st.builds(
        DocumentFile,
        name=st.from_regex(r"[a-z0-9]{1,9}\.pdf", fullmatch=True),
        url=st.sampled_from(["", "https://vidu.vn/a"]),
        reference=st.sampled_from(
            ["", f"sha256={'a' * 64}; size=1; key=aa/aa/{'a' * 64}"],
        ),
        size_bytes=st.none() | st.integers(0, 10**9),
        sha256=st.sampled_from(["", "a" * 64]),
    ),
    max_size=3,
).map(
    lambda files: tuple(
        file.model_copy(update={"id": str(number)}) for number, file in enumerate(files, start=1)
    )
)
PEOPLE = st.builds(
    Person, name=TEXT, id_number=MAYBE, phone=MAYBE, address=MAYBE, account=MAYBE, id=MAYBE
)
MOMENT = st.datetimes(datetime(1990, 1, 1), datetime(2100, 1, 1)).map(
    lambda at: at.replace(microsecond=0, tzinfo=VIETNAM)
)


@st.composite
def drafts(draw: st.DrawFn) -> OfficeEvent:
    """A draft as a product may hand it over."""
    name = draw(MAYBE)
    return OfficeEvent(
        unit=UNIT,
        unit_name=name,
        dossier_code=CODE,
        dossier_id=draw(TEXT),
        dossier_name=draw(MAYBE),
        procedure_name=draw(MAYBE),
        document=Document(
            sender=Organisation(id=UNIT, name=name),
            type_name=draw(MAYBE),
            subject=draw(MAYBE),
            files=draw(FILES),
        ),
        components=draw(FILES),
        applicant=draw(st.none() | PEOPLE),
        submitter=draw(st.none() | PEOPLE),
        signer=draw(st.none() | PEOPLE),
        presenter=draw(st.none() | PEOPLE),
        echo=draw(st.text(st.characters(exclude_categories=["Cs"]), max_size=30)),
        callback_url=draw(MAYBE),
        linked_kind=draw(MAYBE),
        due_at=draw(st.none() | MOMENT),
    )


@settings(max_examples=40, deadline=None)
@given(drafts())
def test_what_is_sent_reads_as_what_the_product_handed_over(data: OfficeEvent) -> None:
    body = encode(submitted(data), office_settings()).body
    wire = Message("one_stop", "GuiHoSo", body, headers={"unit": UNIT})
    (event,) = read_as_the_product_wrote(wire, orjson.loads(body), None)  # type: ignore[arg-type] # this form needs no settings
    assert isinstance(event, Event)
    assert event.data == data


@settings(max_examples=40, deadline=None)
@given(
    drafts(),
    st.sampled_from(["01", "02", "03", "04"]),
    st.dates(datetime(1990, 1, 1).date()),
)
def test_what_the_office_answered_reaches_the_product_unchanged(
    data: OfficeEvent, result: str, day: Any
) -> None:
    paper = {
        "TrichYeu": "Về việc mẫu",
        "NgayBanHanh": f"{day:%d/%m}/{day.year:04}",
        "NgayKy": f"{day:%d/%m}/{day.year:04}",
        "NguoiKy": "Trần Thị Thử",
        "ChucVu": "Chủ tịch",
        "NguoiSoan": "Lê Văn Thử",
        "SoKyHieu": "12/UBND-VP",
        "DinhKem": [{"Ten": "a.pdf"}],
        "ThanhPhanHoSo": [{"Ten": "b.pdf", "Link": "https://vidu.vn/b"}],
        "TenHoSo": data.dossier_name or "x",
        "ThuTuc": data.procedure_name or "x",
    }
    body = {
        "IDHoSo": data.dossier_id,
        "MaHoSo": CODE,
        "DonVi": {"Ten": data.unit_name, "MaDinhDanh": UNIT},
        "VanBanDi": paper,
        "ThamSoAn": data.echo,
        "HccLinkAPI": data.callback_url,
        "LoaiHSLienthong": data.linked_kind,
        "LoaiKetQua": result,
    }
    told = message(orjson.dumps({**body, "MaVanBan": "GT-1"}), "package")
    (event,) = decode(told, office_settings())
    assert isinstance(event, Event)
    assert isinstance(event.data, OfficeEvent)
    assert write_for_the_product(event, event.data) == body
