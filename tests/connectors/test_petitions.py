"""The door of petitions and what decode makes of them: taken, refused, redirected, trimmed."""

from __future__ import annotations

import base64
import unicodedata
from dataclasses import replace
from datetime import date, datetime
from typing import Any

import orjson
import pytest
from pydantic import ValidationError

from hub.connectors.petitions.decode import decode, message
from hub.connectors.petitions.encode import encode
from hub.connectors.petitions.settings import PetitionSettings
from hub.errors import DecodeError
from hub.event import Event
from hub.schemas.petition import PetitionEvent, Satisfaction, SurveyVoted
from hub.wire.clock_texts import VIETNAM
from hub.worktime import VIETNAM_CALENDAR, Year
from tests.connectors.ground import MemoryGround
from tests.connectors.petition_examples import (
    CODE,
    SECRETS,
    UNIT,
    WHO,
    done,
    door,
    event_of,
    petition,
    petition_settings,
    post,
)

PDF = b"%PDF-1.7 mau"


def inner(inbox: MemoryGround, number: int = -1) -> Event:
    """What a worker makes of an accepted message."""
    (event,) = decode(inbox.messages[number], petition_settings())
    assert isinstance(event, Event)
    return event


def data_of(event: Event) -> PetitionEvent:
    assert isinstance(event.data, PetitionEvent)
    return event.data


async def test_a_petition_is_taken_with_its_exact_bytes_and_answered_in_the_contracts_form() -> (
    None
):
    async with door() as (url, inbox):
        raw = orjson.dumps(petition(dossierCode=CODE)).replace(b'":"', b'" :  "')
        answer = await post(url, raw, "source")
    assert answer == (200, {"code": "00", "message": "Tiếp nhận thành công", "paknId": "PA-1"})
    (message,) = inbox.messages
    assert (message.body, message.key) == (raw, CODE)
    assert message.headers == {"form": "pakn", "unit": "portal", "order": CODE}
    assert inner(inbox).source == "/connectors/petitions/portal"


async def test_a_petition_about_a_dossier_stands_on_the_dossiers_timeline() -> None:
    event = event_of(petition(dossierCode=CODE))
    assert event.subject == CODE
    (alias,) = decode_aliases(petition(dossierCode=CODE))
    assert (alias.kind, alias.value, alias.subject) == ("petition.id", "portal/PA-1", CODE)


def decode_aliases(body: dict[str, Any]) -> Any:
    (event,) = decode(message(orjson.dumps(body), "pakn"), petition_settings())
    assert isinstance(event, Event)
    return event.aliases


def test_a_petition_about_nothing_has_its_own_subject() -> None:
    (alias,) = decode_aliases(petition())
    assert alias.subject == "PAKN-portal-PA-1"


async def test_what_an_agency_did_is_found_by_the_petitions_id() -> None:
    async with door() as (url, inbox):
        assert (await post(url, done(), "agency"))[0] == 200
    assert inbox.messages[0].key == "portal/PA-1"
    event = inner(inbox)
    assert (event.subject, event.about, event.once) == ("", ("petition.id", "portal/PA-1"), True)


def test_without_a_time_only_a_consecutive_repetition_is_one() -> None:
    assert event_of(done("pakn.assigned")).once
    assert not event_of(done("pakn.assigned", at="")).once


def test_an_answer_is_one_by_its_body_with_or_without_a_time() -> None:
    untimed = event_of(done(answeredAt=""))
    assert untimed.once
    assert untimed.natural_key == event_of(done(answeredAt="")).natural_key
    assert untimed.natural_key != event_of(done(answeredAt="", answer="Sửa")).natural_key


@pytest.mark.parametrize(
    ("role", "body"),
    [
        ("source", done()),
        ("source", done("pakn.published")),
        ("agency", petition()),
        ("agency", {"type": "survey.voted", "voteId": "1", "vote": "Hài lòng"}),
    ],
)
async def test_nobody_says_what_is_not_its_to_say(role: str, body: dict[str, Any]) -> None:
    async with door() as (url, inbox):
        status, answer = await post(url, body, role)
    assert (status, answer["code"]) == (403, "11")
    assert [refusal.code for refusal in inbox.refusals] == ["wrong_unit"]
    assert inbox.messages == []


@pytest.mark.parametrize("token", ["", "wrong", "sourc", "Bearer source"])
async def test_a_wrong_token_is_refused_before_the_body_is_looked_at(token: str) -> None:
    async with door() as (url, inbox):
        status, answer = await post(url, b"{", token)
    assert (status, answer["code"]) == (401, "10")
    assert inbox.refusals[0].unit == ""


@pytest.mark.parametrize(
    ("raw", "status", "code"),
    [
        (b"", 400, "20"),
        (b"[]", 400, "20"),
        (b'{"type":', 400, "20"),
        (b'{"type":"pakn.received","type":"survey.voted"}', 400, "20"),
        (b'{"type":"pakn.deleted","paknId":"1"}', 422, "20"),
        (b'{"type":["a"],"paknId":"1"}', 422, "20"),
        (b'{"type":"pakn.received","paknId":"co dau cach","content":"a"}', 422, "21"),
        (b'{"type":"pakn.received","paknId":"1"}', 422, "21"),
    ],
)
async def test_what_breaks_the_contract_is_refused_with_its_path(
    raw: bytes, status: int, code: str
) -> None:
    async with door() as (url, inbox):
        answered, answer = await post(url, raw, "source")
    assert (answered, answer["code"]) == (status, code)
    assert len(inbox.refusals) == 1
    assert inbox.messages == []


async def test_no_success_is_said_before_kafka_has_it() -> None:
    async with door() as (url, inbox):
        inbox.kafka_is_away = True
        status, answer = await post(url, petition(), "source")
    assert (status, answer["code"]) == (503, "50")


async def test_the_body_limit_holds_to_the_byte() -> None:
    raw = orjson.dumps(petition())
    async with door(body_limit_bytes=len(raw)) as (url, inbox):
        assert (await post(url, raw, "source"))[0] == 200
        status, answer = await post(url, raw + b" ", "source")
    assert (status, answer["code"]) == (413, "30")
    assert len(inbox.messages) == 1


def test_the_text_limit_holds_to_the_character() -> None:
    settings = petition_settings(text_limit_count=5_000)
    event_of(petition(content="đ" * 5_000), settings)
    with pytest.raises(DecodeError, match="/content") as caught:
        event_of(petition(content="đ" * 5_001), settings)
    assert "đđ" not in str(caught.value)


# Complaints, denunciations, anonymity


@pytest.mark.parametrize(
    "told",
    [
        {"category": "khieu_nai"},
        {"category": "to_cao"},
        {"subject": "Đơn khiếu nại quyết định số 1"},
        {"subject": "  ĐƠN   TỐ CÁO ông A"},
        {"subject": "Tố cáo"},
        {"subject": "Khiếu nại quyết định thu hồi đất"},
        {"subject": "“Đơn tố cáo” ông A"},
        {"subject": unicodedata.normalize("NFD", "Tố cáo ông A")},
        {"category": "Khiếu nại"},
        {"category": unicodedata.normalize("NFD", " TỐ  CÁO ")},
        {"category": "To-Cao"},
    ],
)
async def test_complaints_are_redirected_and_leave_no_content(told: dict[str, str]) -> None:
    files = [{"name": "a.pdf", "base64": base64.b64encode(PDF).decode()}]
    body = petition(dossierCode=CODE, attachments=files, UserId="u-1", **told)
    async with door() as (url, inbox):
        status, answer = await post(url, body, "source")
    assert (status, answer["code"]) == (200, "00")
    assert answer["redirectedTo"].startswith("Cơ quan có thẩm quyền")
    assert "không được xử lý" in answer["message"]
    event = inner(inbox)
    assert (event.kind, event.subject) == ("petition.redirected", "PAKN-portal-PA-1")
    kept = inbox.messages[0].body.decode() + str(event.to_json())
    assert not [secret for secret in (*SECRETS, CODE, "u-1", "quyết định") if secret in kept]
    assert inbox.blobs == {}


def test_a_petition_that_only_mentions_a_complaint_is_none() -> None:
    assert event_of(petition(subject="Hỏi cách gửi đơn khiếu nại")).kind == "petition.received"


async def test_a_complaint_that_an_agency_passes_on_leaves_no_content() -> None:
    hidden = {"content": "Nội dung kín", "submitter": WHO, "dossierCode": CODE, "UserId": "u-1"}
    async with door() as (url, inbox):
        for told in ({"category": "to_cao"}, {"subject": "Đơn khiếu nại"}):
            body = done("pakn.transferred", toOrgan="H1", reason="Chuyển", **hidden, **told)
            assert (await post(url, body, "agency"))[0] == 200
    for taken in inbox.messages:
        kept = taken.body.decode()
        assert not [secret for secret in (*SECRETS, CODE, "u-1") if secret in kept]
    data = data_of(inner(inbox))
    assert (data.petition, data.assignment and data.assignment.unit) == (None, "H1")


@pytest.mark.parametrize("flag", ["có", "yes", "x", [], {}, 2, 1.0])
async def test_a_wish_for_anonymity_that_cannot_be_read_is_refused(flag: Any) -> None:
    async with door() as (url, inbox):
        body = petition(submitter={**WHO, "anonymous": flag})
        status, answer = await post(url, body, "source")
    assert (status, answer["code"]) == (422, "21")
    assert "/submitter/anonymous" in answer["message"]
    assert inbox.messages == []


@pytest.mark.parametrize("flag", [False, "0", "False", " 0 ", "", None])
async def test_who_does_not_wish_it_is_not_anonymous(flag: Any) -> None:
    async with door() as (url, inbox):
        body = petition(submitter={**WHO, "anonymous": flag})
        assert (await post(url, body, "source"))[0] == 200
    found = data_of(inner(inbox)).petition
    assert found is not None
    assert found.submitter.name == WHO["name"]


@pytest.mark.parametrize("flag", [True, "1", "true", "True", " TRUE ", 1])
async def test_an_anonymous_author_is_not_kept(flag: Any) -> None:
    body = petition(submitter={**WHO, "anonymous": flag}, UserId="u-1")
    async with door() as (url, inbox):
        await post(url, body, "source")
    kept = inbox.messages[0].body.decode() + str(inner(inbox).to_json())
    assert not [secret for secret in ("Nguyễn", "0010", "0900", "u-1") if secret in kept]
    data = data_of(event_of(body))
    assert data.petition is not None
    assert data.petition.submitter.anonymous
    assert not data.petition.submitter.name
    assert not data.unknown


async def test_an_agency_that_sends_too_much_along_is_trimmed_too() -> None:
    more = {"content": "Nội dung kín", "subject": "Nội dung kín"}
    hidden = {**WHO, "anonymous": True}
    async with door() as (url, inbox):
        for body in (
            done("pakn.redirected", submitter=WHO, **more),
            done("pakn.transferred", toOrgan="H1", submitter=hidden, **more),
        ):
            assert (await post(url, body, "agency"))[0] == 200
    redirected, transferred = (message.body.decode() for message in inbox.messages)
    assert not [secret for secret in SECRETS if secret in redirected]
    assert not [secret for secret in SECRETS[:3] if secret in transferred]
    petition_sent = data_of(inner(inbox)).petition
    assert petition_sent is not None
    assert petition_sent.submitter.anonymous
    assert petition_sent.content == "Nội dung kín"


# Files


async def test_a_file_sent_along_is_kept_in_the_blob_store() -> None:
    files = [
        {"name": "biên nhận.pdf", "base64": base64.b64encode(PDF).decode()},
        {"name": "b.jpg", "url": "https://pakn.vidu.vn/b"},
    ]
    async with door() as (url, inbox):
        assert (await post(url, petition(attachments=files), "source"))[0] == 200
    assert list(inbox.blobs.values()) == [PDF]
    data = data_of(inner(inbox))
    assert data.petition is not None
    first, second = data.petition.attachments
    assert (first.name, first.size_bytes, first.blob) == ("biên nhận.pdf", 12, *inbox.blobs)
    assert (second.url, second.blob) == ("https://pakn.vidu.vn/b", "")


@pytest.mark.parametrize(
    "file",
    [
        {"name": "../a.pdf"},
        {"name": "..\\a.pdf"},
        {"name": "C:a.pdf"},
        {"name": "a\x00.pdf"},
        {"name": "a\u202efdp.pdf"},
        {"name": "a.pdf\n"},
        {"name": ".pdf"},
        {"name": "...pdf"},
        {"name": "a.exe"},
        {"name": "a.pdf.exe"},
        {"name": "a"},
        {"name": ""},
        {"name": "a" * 197 + ".pdf"},
        {"name": 1},
        {},
        "a.pdf",
        {"name": "a.pdf", "url": "file:///etc/passwd"},
        {"name": "a.pdf", "url": "https://ai@vidu.vn/"},
        {"name": "a.pdf", "url": "https://[vidu"},
        {"name": "a.pdf", "size": -1},
        {"name": "a.pdf", "base64": "không phải"},
        {"name": "a.pdf", "base64": 7},
        {"name": "a.pdf", "blob": "sha256=0; size=1; key=0"},
    ],
)
async def test_a_file_that_leads_elsewhere_is_refused(file: Any) -> None:
    async with door() as (url, inbox):
        status, answer = await post(url, petition(attachments=[file]), "source")
    assert (status, answer["code"]) == (422, "21")
    assert "/attachments/0" in answer["message"]
    assert (inbox.messages, inbox.blobs) == ([], {})


@pytest.mark.parametrize(
    "wrong", [{"content": "", "subject": ""}, {"paknId": "a b"}, {"submitter": {"anonymous": "?"}}]
)
async def test_files_of_a_body_that_is_refused_are_not_kept(wrong: dict[str, Any]) -> None:
    files = [{"name": "a.pdf", "base64": base64.b64encode(PDF).decode()}]
    async with door() as (url, inbox):
        status, _ = await post(url, petition(attachments=files, **wrong), "source")
    assert (status, inbox.messages, inbox.blobs) == (422, [], {})


async def test_the_limits_of_files_hold_at_the_edge() -> None:
    async with door(attachment_bytes=len(PDF), attachments_count=2) as (url, inbox):
        fits = {"name": "a.pdf", "base64": base64.b64encode(PDF).decode()}
        large = {"name": "a.pdf", "base64": base64.b64encode(PDF + b"!").decode()}
        assert (await post(url, petition(attachments=[fits, fits]), "source"))[0] == 200
        assert (await post(url, petition(attachments=[fits] * 3), "source"))[0] == 422
        assert (await post(url, petition(attachments=[large]), "source"))[0] == 422
        told = {"name": "a.pdf", "url": "https://vidu.vn/a", "size": len(PDF) + 1}
        assert (await post(url, petition(attachments=[told]), "source"))[0] == 422
    assert len(inbox.messages) == 1


# Due dates and votes


@pytest.mark.parametrize(
    ("submitted", "transfer", "answer"),
    [
        ("2026-01-12T09:30:00+07:00", "2026-01-19T09:30", "2026-02-02T09:30"),
        # Five days over Tết; fifteen too.
        ("2026-02-12T16:45:00+07:00", "2026-02-26T16:45", "2026-03-12T16:45"),
        # On a Sunday evening it begins on Monday morning.
        ("2026-01-11T20:00:00+07:00", "2026-01-19T07:00", "2026-02-02T07:00"),
    ],
)
def test_due_dates_are_working_days(submitted: str, transfer: str, answer: str) -> None:
    data = data_of(event_of(petition(submittedAt=submitted)))
    assert data.transfer_due_at == datetime.fromisoformat(transfer).replace(tzinfo=VIETNAM)
    assert data.answer_due_at == datetime.fromisoformat(answer).replace(tzinfo=VIETNAM)
    assert data.calendar_version.startswith("vn-")


def test_terms_are_settings_and_what_the_source_tells_is_left() -> None:
    told = petition(answerDueAt="20/01/2026 17:00")
    data = data_of(event_of(told, petition_settings(transfer_days_count=1)))
    assert data.transfer_due_at == datetime(2026, 1, 13, 9, 30, tzinfo=VIETNAM)
    assert data.answer_due_at == datetime(2026, 1, 20, 17, tzinfo=VIETNAM)


@pytest.mark.parametrize(
    ("days", "due"),
    [
        (4, datetime(2026, 1, 16, 9, 30)),
        (5, datetime(2026, 1, 19, 9, 30)),
        (6, datetime(2026, 1, 20, 9, 30)),
    ],
)
def test_terms_end_after_so_many_working_days(days: int, due: datetime) -> None:
    settings = petition_settings(transfer_days_count=days, answer_days_count=days)
    data = data_of(event_of(petition(submittedAt="2026-01-12T09:30:00+07:00"), settings))
    assert data.transfer_due_at == data.answer_due_at == due.replace(tzinfo=VIETNAM)


def test_a_year_that_the_calendar_does_not_know_has_no_due_date() -> None:
    data = data_of(event_of(petition(submittedAt="1999-12-31T10:00:00+07:00")))
    assert (data.transfer_due_at, data.answer_due_at, data.calendar_version) == (None, None, "")


def test_due_dates_are_counted_by_the_deployments_calendar() -> None:
    days_off = frozenset(date(2026, 1, day) for day in (13, 14))
    years = {**VIETNAM_CALENDAR.years, 2026: Year(days_off, frozenset())}
    ours = petition_settings(transfer_days_count=2).counted_by(
        replace(VIETNAM_CALENDAR, version="of the deployment", years=years)
    )
    data = data_of(event_of(petition(submittedAt="2026-01-12T09:30:00+07:00"), ours))
    assert data.transfer_due_at == datetime(2026, 1, 16, 9, 30, tzinfo=VIETNAM)
    assert data.calendar_version == "of the deployment"


@pytest.mark.parametrize(
    ("text", "vote"),
    [
        ("RẤT HÀI LÒNG", Satisfaction.VERY_SATISFIED),
        ("Hài  lòng", Satisfaction.SATISFIED),
        ("Không hài lòng", Satisfaction.NOT_SATISFIED),
        (unicodedata.normalize("NFD", "Không hài lòng"), Satisfaction.NOT_SATISFIED),
        ("2", Satisfaction.UNKNOWN),
    ],
)
def test_a_vote_is_counted_for_unit_month_and_dossier(text: str, vote: Satisfaction) -> None:
    body = {"type": "survey.voted", "voteId": "V", "unit": UNIT, "dossierCode": CODE, "vote": text}
    event = event_of({**body, "at": "2026-01-31T23:59:59+07:00"})
    assert isinstance(event.data, SurveyVoted)
    assert (event.kind, event.subject, event.data.unit) == ("survey.voted", CODE, UNIT)
    assert (event.data.month, event.data.vote, event.data.vote_code) == ("2026-01", vote, text)


def test_codes_of_votes_are_settings_in_any_spelling() -> None:
    settings = petition_settings(vote_codes={"RHL": "very_satisfied"})
    body = {"type": "survey.voted", "voteId": "V", "unit": UNIT, "vote": "rhl"}
    event = event_of(body, settings)
    assert isinstance(event.data, SurveyVoted)
    assert event.data.vote == Satisfaction.VERY_SATISFIED


@pytest.mark.parametrize("month", ["01/2026", "2026-13", "2026-1", "2026"])
def test_a_month_that_is_none_is_refused(month: str) -> None:
    body = {"type": "survey.voted", "voteId": "V", "unit": UNIT, "vote": "Hài lòng"}
    with pytest.raises(DecodeError, match="/month"):
        event_of({**body, "month": month})


def test_a_rating_is_a_vote_about_the_petition() -> None:
    body = done("pakn.rated", voteId="V", vote="Hài lòng", unit=UNIT)
    (event,) = decode(message_of(body), petition_settings())
    assert isinstance(event, Event)
    assert event.about == ("petition.id", "portal/PA-1")


def message_of(body: dict[str, Any]) -> Any:
    return message(orjson.dumps(body), "pakn")


# The seam: another system's names


PORTAL_ENTITY: dict[str, Any] = {
    "default_type": "pakn.received",
    "default_source": "portal",
    "reply_code_field": "error_code",
    "reply_message_field": "thongbao",
    "field_names": {
        "paknId": "MaPhanAnh",
        "submitter.name": "HoTen",
        "submitter.email": "Email",
        "submitter.phone": "SoDienThoai",
        "submitter.address": "DiaChi",
        "subject": "TieuDe",
        "content": "NoiDung",
        "submittedAt": "NgayGui",
        "status": "TrangThai",
        "answeredBy": "NguoiTraLoi",
        "answer": "NoiDungTraLoi",
        "public": "CongKhai",
    },
    "type_names": {"pakn.answered": "TraLoi"},
}
"""The portal entity of domain notes 7.1."""


async def test_the_portals_own_names_can_be_swapped_in() -> None:
    body = {
        "MaPhanAnh": 77,
        "UserId": "u-1",
        "HoTen": "Nguyễn Văn Mẫu",
        "SoDienThoai": "0900000000",
        "TieuDe": "Hỏi",
        "NoiDung": "Nội dung kín",
        "NgayGui": "12/01/2026 09:30:00",
        "TrangThai": "0",
    }
    settings = petition_settings(**PORTAL_ENTITY)
    async with door(**PORTAL_ENTITY) as (url, inbox):
        status, answer = await post(url, body, "source")
        assert (status, answer["error_code"], answer["MaPhanAnh"]) == (200, "00", "77")
        status, answer = await post(url, body | {"NoiDung": ["a"]}, "source")
        assert (status, answer["error_code"]) == (422, "21")
        assert "/NoiDung" in answer["thongbao"]
    (event,) = decode(inbox.messages[0], settings)
    assert isinstance(event, Event)
    data = data_of(event)
    assert data.petition is not None
    assert (data.petition_id, data.channel, data.status_code) == ("77", "portal", "0")
    assert data.petition.submitter.name == "Nguyễn Văn Mẫu"
    assert data.unknown == {"UserId": "u-1"}
    assert inbox.messages[0].key == event.subject == "PAKN-portal-77"


def test_a_petition_that_the_portal_has_answered_itself_comes_with_its_answer() -> None:
    settings = petition_settings(**PORTAL_ENTITY)
    body = {
        "MaPhanAnh": "77",
        "TieuDe": "Hỏi",
        "NoiDung": "Nội dung kín",
        "TrangThai": "1",
        "NguoiTraLoi": "Trần Thị Mẫu",
        "NoiDungTraLoi": "Đã giải quyết",
        "CongKhai": "1",
    }
    event = event_of(body, settings)
    answer = data_of(event).answer
    assert (event.kind, data_of(event).status_code) == ("petition.received", "1")
    assert answer is not None
    assert (answer.content, answer.answered_by, answer.public) == (
        "Đã giải quyết",
        "Trần Thị Mẫu",
        True,
    )
    passed_on = event_of(orjson.loads(encode(event, settings).body), settings)
    assert data_of(passed_on) == data_of(event)
    assert data_of(event_of(body | {"NoiDungTraLoi": ""}, settings)).answer is None


async def test_complaints_and_anonymity_are_trimmed_under_other_names_too() -> None:
    names = {**PORTAL_ENTITY["field_names"], "submitter.anonymous": "AnDanh"}
    changes = {**PORTAL_ENTITY, "field_names": names}
    body = {"MaPhanAnh": "1", "HoTen": "Nguyễn Văn Mẫu", "NoiDung": "Nội dung kín"}
    async with door(**changes) as (url, inbox):
        await post(url, {**body, "TieuDe": "Tố cáo"}, "source")
        await post(url, {**body, "TieuDe": "Hỏi", "AnDanh": "1"}, "source")
    complaint, anonymous = (message.body.decode() for message in inbox.messages)
    assert "Nguyễn" not in complaint + anonymous
    assert "kín" not in complaint
    assert "kín" in anonymous


@pytest.mark.parametrize(
    "changes",
    [
        {"field_names": {"paknID": "Ma"}},
        {"field_names": {"paknId": "subject"}},
        {"field_names": {"paknId": "a", "subject": "a.b"}},
        {"field_names": {"paknId": "a b"}},
        {"attachment_names": {"blob": "x"}},
        {"attachment_names": {"base64": "blob"}},
        {"type_names": {"pakn.answered": "pakn.rejected"}},
        {"default_type": "TiepNhan"},
        {"base_url": "ftp://vidu.vn"},
        {"accounts": {}},
        {
            "accounts": {
                "a": {"token": "x", "role": "source"},
                "b": {"token": "x", "role": "agency"},
            }
        },
        {"unknown": 1},
    ],
)
def test_settings_that_make_no_sense_are_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        petition_settings(**changes)


def test_the_origin_of_a_source_is_a_setting() -> None:
    settings = petition_settings(origins={"dvcqg": "national_portal"})
    assert isinstance(settings, PetitionSettings)
    assert data_of(event_of(done(source="dvcqg"), settings)).origin == "national_portal"
    assert data_of(event_of(done(), settings)).origin == "petitions"


@pytest.mark.parametrize("kind", ["pakn.answered", "pakn.published"])
def test_an_answer_without_a_time_is_the_same_however_late_it_comes_again(kind: str) -> None:
    assert event_of(done(kind, at="", answeredAt="")).once


async def test_a_title_word_may_mean_a_category_for_which_nobody_is_named() -> None:
    async with door(redirected_categories={"khieu_nai": "Thanh tra"}) as (url, inbox):
        status, answer = await post(url, petition(subject="Tố cáo ông A"), "source")
    assert (status, answer["code"], answer["redirectedTo"]) == (200, "00", "")
    assert not [secret for secret in SECRETS if secret in inbox.messages[0].body.decode()]
