"""What the hub says to a system of petitions, what its answers mean, and how it drives the hub."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import structs
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from hub.connectors.petitions import CONNECTOR, replies
from hub.connectors.petitions.decode import decode, message
from hub.connectors.petitions.encode import encode
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
from hub.schemas import petition as schema
from hub.schemas.dossier import DossierEvent, DossierStatus
from hub.simulation import running
from hub.wire.clock_texts import VIETNAM
from tests.connectors.petition_examples import (
    CODE,
    SECRETS,
    done,
    door,
    event_of,
    petition,
    petition_settings,
    post,
    request,
    system,
)

UNANSWERED = [
    ({"fault": "timeout_after_success"}, "timeout"),
    ({"fault": "timeout_after_success", "then": "cut"}, "connection_lost"),
    ({"fault": "malformed"}, "malformed_reply"),
]


async def test_a_petition_and_its_answer_arrive_with_their_operation_keys() -> None:
    async with system() as there:
        assert await there.deliver(petition(dossierCode=CODE)) == "00"
        assert await there.deliver(done()) == "00"
        kept = await there.look("petitions/PA-1")
        rows = list(there.log.last("PA-1"))
    assert kept["said"] == ["pakn.received", "pakn.answered"]
    assert all(len(row["id"]) == 36 for row in rows)
    assert len({row["id"] for row in rows}) == 2


@pytest.mark.parametrize(("fault", "code"), UNANSWERED)
async def test_after_a_lost_answer_the_same_again_is_said_to_be_taken_earlier(
    fault: dict[str, Any], code: str
) -> None:
    async with system() as there:
        await there.play({**fault, "next_calls": 1})
        with pytest.raises(UnknownOutcome) as caught:
            await there.deliver(petition(), seconds=0.3)
        assert caught.value.code == code
        assert await there.deliver(petition()) == "01"
        assert (await there.look("petitions/PA-1"))["said"] == ["pakn.received"]


@pytest.mark.parametrize(
    ("fault", "error", "code"),
    [
        ({"fault": "429", "retry_after_seconds": 7}, Unavailable, "rate_limited"),
        ({"fault": "5xx", "status": 502}, Unavailable, "http_5xx"),
        ({"fault": "expired_session"}, Misconfigured, "account_refused"),
        ({"fault": "refuse", "error_code": "50"}, Unavailable, "unavailable"),
        ({"fault": "refuse", "error_code": "20"}, Rejected, "rejected"),
        ({"fault": "refuse", "error_code": "30"}, Rejected, "rejected"),
        ({"fault": "refuse", "error_code": "99"}, Rejected, "undocumented_refusal"),
    ],
)
async def test_each_answer_becomes_the_error_that_says_what_to_do(
    fault: dict[str, Any], error: type[HubError], code: str
) -> None:
    async with system() as there:
        await there.play(fault)
        with pytest.raises(error) as caught:
            await there.deliver(petition())
    assert caught.value.code == code
    assert not [secret for secret in SECRETS if secret in str(caught.value)]
    if isinstance(caught.value, Rejected):
        assert caught.value.documented is (caught.value.foreign_code != "99")
    if code == "rate_limited":
        assert isinstance(caught.value, Unavailable)
        assert caught.value.retry_after_seconds == 7


@pytest.mark.parametrize("code", ["0", "00", "01"])
@pytest.mark.parametrize(
    ("status", "error"),
    [(500, Unavailable), (502, Unavailable), (401, Misconfigured), (302, Misconfigured),
     (400, Rejected)],
)  # fmt: skip
async def test_a_success_under_an_http_error_is_none(
    code: str, status: int, error: type[HubError]
) -> None:
    async def answer(_: object) -> Response:
        return JSONResponse({"code": code, "message": "Internal error"}, status)

    broken = Starlette(routes=[Route("/pakn", answer, methods=["POST"])])
    async with running(broken) as url, system(base_url=url) as there:
        with pytest.raises(error) as caught:
            await there.deliver(petition())
    if isinstance(caught.value, Rejected):
        assert not caught.value.documented


async def test_a_byte_order_mark_before_an_answer_is_passed_over() -> None:
    async def answer(_: object) -> Response:
        return Response(b'\xef\xbb\xbf{"code": "00"}', media_type="application/json")

    marked = Starlette(routes=[Route("/pakn", answer, methods=["POST"])])
    async with running(marked) as url, system(base_url=url) as there:
        assert await there.deliver(petition()) == "00"


async def test_a_conflict_may_say_that_it_was_taken_earlier() -> None:
    async def answer(_: object) -> Response:
        return JSONResponse({"code": "01"}, 409)

    known = Starlette(routes=[Route("/pakn", answer, methods=["POST"])])
    async with running(known) as url, system(base_url=url) as there:
        assert await there.deliver(petition()) == "01"


@pytest.mark.parametrize(
    ("before", "body", "code"),
    [
        ([], done(), "22"),
        ([petition(), done("pakn.rejected", reason="Không rõ")], done(), "23"),
        ([petition()], done("pakn.rejected", reason=""), "21"),
    ],
)
async def test_what_the_contract_forbids_is_refused_for_good(
    before: list[dict[str, Any]], body: dict[str, Any], code: str
) -> None:
    async with system() as there:
        for earlier in before:
            await there.deliver(earlier)
        with pytest.raises(Rejected) as caught:
            await there.deliver(body)
    assert (caught.value.foreign_code, caught.value.documented) == (code, True)


async def test_every_code_that_the_door_says_is_understood_by_the_client() -> None:
    own = petition_settings()
    known = {*own.success_codes, *own.duplicate_codes, *own.final_codes}
    known |= {*own.account_codes, *own.later_codes}
    said = {value.told for value in vars(replies).values() if isinstance(value, replies.Reason)}
    assert said <= known


async def test_a_kept_file_is_sent_with_its_content() -> None:
    async with system(field_names={"attachments": "tep.danhSach"}) as plain:
        assert plain.settings.names.path("attachments") == "tep.danhSach"
    async with system() as there:
        reference = await there.ground.keep(b"%PDF mau", "application/pdf")
        files = [{"name": "a.pdf", "size": 8, "blob": reference}]
        assert await there.deliver(petition(attachments=files)) == "00"
        there.ground.blobs.clear()
        with pytest.raises(DecodeError) as caught:
            await there.deliver(petition(paknId="PA-2", attachments=files))
    assert caught.value.code == "blob_missing"


async def test_a_system_that_is_not_there_is_unavailable() -> None:
    async with system(base_url="http://127.0.0.1:1") as nowhere:
        with pytest.raises(Unavailable) as caught:
            await nowhere.deliver(petition())
        with pytest.raises(Unavailable):
            await nowhere.client.probe()
    assert caught.value.code == "connect_failed"


async def test_the_probe_changes_nothing_and_tells_what_is_wrong() -> None:
    async with system() as there:
        assert "00" in await there.client.probe()
        assert (await there.look("state"))["petitions"] == 0
        await there.play({"fault": "malformed"})
        with pytest.raises(Unavailable):
            await there.client.probe()
        with pytest.raises(Rejected):
            await there.client.query("pakn.list", "", {})
    async with system(token="other") as wrong:
        with pytest.raises(Misconfigured):
            await wrong.client.probe()


async def test_a_citizen_asks_and_is_answered() -> None:
    async with door() as (url, inbox), system(hub_url=url) as there:
        await there.play({"fault": "duplicate", "operation": "pakn.received", "next_calls": 1})
        _, told = await post(f"{there.url}/_control/send", petition(dossierCode=CODE))
        assert told["answer"]["code"] == "00"
        _, told = await post(f"{there.url}/_control/act", done())
        assert told["status"] == 200
        first, again, answer = (
            item
            for taken in inbox.messages
            for item in decode(taken, there.settings)
            if isinstance(item, Event)
        )
        assert first.natural_key == again.natural_key
        assert first.once
        assert answer.about == (first.aliases[0].kind, first.aliases[0].value)
        back = request(
            structs.replace(answer.identify(None), subject=first.subject), there.settings
        )
        await there.client.deliver([back], timeout_seconds=5)
        kept = await there.look("petitions/PA-1")
    assert (kept["own"], kept["said"], kept["texts"]) == (
        True,
        ["pakn.answered"],
        ["Đã giải quyết"],
    )


async def test_the_system_counts_answers_that_a_citizen_hears_again() -> None:
    async with system() as there:
        await there.deliver(petition())
        for number, answer in enumerate(("Một", "Hai", "Một")):
            said = done(answer=answer, answeredAt=f"2026-01-14T10:00:0{number}+07:00")
            await there.deliver(said)
            twice = (await there.look("state"))["answered_twice"]
            assert twice == (number == 2)


async def test_a_redirected_complaint_goes_back_without_its_text() -> None:
    async with door() as (url, inbox), system(hub_url=url) as there:
        await post(f"{there.url}/_control/send", petition(category="to_cao"))
        (event,) = decode(inbox.messages[0], there.settings)
        assert isinstance(event, Event)
        sent = request(event.identify(None), there.settings)
        await there.client.deliver([sent], timeout_seconds=5)
        assert (await there.look("petitions/PA-1"))["said"] == ["pakn.redirected"]
    assert not [secret for secret in SECRETS if secret in sent.message.body.decode()]


# encode


def test_only_petitions_can_be_said() -> None:
    own = petition_settings()
    dossier = DossierEvent(code=CODE, unit="H", status=DossierStatus.NEW)
    other = structs.replace(event_of(petition()), data=dossier)
    with pytest.raises(EncodeError):
        encode(other, own)
    empty = structs.replace(event_of(petition()), data=schema.PetitionEvent(petition_id="1"))
    with pytest.raises(EncodeError, match="/petition"):
        encode(empty, own)


def test_every_operation_is_a_repetition_that_is_answered() -> None:
    assert {each.repetition.value for each in CONNECTOR.operations.values()} == {
        "answered_as_duplicate"
    }


TEXT = st.text(st.characters(exclude_categories=["C"]), max_size=20)
CODES = st.from_regex(r"[!-~]{1,20}", fullmatch=True)
MOMENT = st.datetimes(datetime(1990, 1, 1), datetime(2100, 1, 1)).map(
    lambda at: at.replace(microsecond=0, tzinfo=VIETNAM)
)
FILES = st.lists(
    st.builds(
        schema.PetitionAttachment,
        name=st.from_regex(r"[a-z0-9]{1,9}\.pdf", fullmatch=True),
        content_type=TEXT,
        size_bytes=st.none() | st.integers(0, 5_000_000),
        url=st.sampled_from(["", "https://vidu.vn/a"]),
    ),
    max_size=3,
).map(tuple)
PETITIONS = st.builds(
    schema.Petition,
    title=TEXT.filter(lambda text: not text.casefold().strip().startswith(("đơn", "tố"))),
    content=TEXT.map(lambda text: f"x{text}"),
    category=st.sampled_from(["", "hanh_vi_hanh_chinh"]),
    procedure_code=TEXT,
    field_code=TEXT,
    submitter=st.builds(schema.Submitter, name=TEXT, id_number=TEXT, phone=TEXT, address=TEXT)
    | st.just(schema.Submitter(anonymous=True)),
    attachments=FILES,
    submitted_at=st.none() | MOMENT,
)
ANSWERS = st.builds(
    schema.PetitionAnswer,
    content=TEXT.map(lambda text: f"x{text}"),
    answered_by=TEXT,
    position=TEXT,
    answered_at=st.none() | MOMENT,
    public=st.sampled_from([None, True, False]),
    attachments=FILES,
)
ASSIGNMENTS = st.builds(
    schema.Assignment, unit=CODES, unit_name=TEXT, officer=TEXT, due_at=st.none() | MOMENT
)


@settings(max_examples=40, deadline=None)
@given(st.data())
def test_what_the_form_can_carry_returns_unchanged(data: st.DataObject) -> None:
    kind = data.draw(
        st.sampled_from(["received", "assigned", "transferred", "answered", "rejected"])
    )
    part: dict[str, tuple[str, st.SearchStrategy[Any]]] = {
        "received": ("petition", PETITIONS),
        "assigned": ("assignment", ASSIGNMENTS),
        "transferred": ("assignment", ASSIGNMENTS),
        "answered": ("answer", ANSWERS),
        "rejected": ("reason", TEXT),
    }
    field, strategy = part[kind]
    fact: dict[str, Any] = {
        field: data.draw(strategy),
        "petition_id": data.draw(CODES),
        "channel": data.draw(CODES),
        "origin": "petitions",
        "unit": data.draw(CODES),
        "unit_name": data.draw(TEXT),
        "dossier_code": data.draw(st.just("") | CODES),
        "acted_at": data.draw(MOMENT),
    }
    if kind == "received":
        fact["acted_at"] = fact["petition"].submitted_at
        fact |= {"transfer_due_at": data.draw(MOMENT), "answer_due_at": data.draw(MOMENT)}
    before = schema.PetitionEvent(**fact)
    own = petition_settings()
    event = structs.replace(event_of(petition()), kind=f"petition.{kind}", data=before)
    (after,) = decode(message(encode(event, own).body, "pakn"), own)
    assert isinstance(after, Event)
    assert after.data == before
    assert after.kind == event.kind


def test_a_petition_passes_with_the_portals_names_both_ways() -> None:
    own = petition_settings(
        field_names={"answer": "traLoi.NoiDung", "paknId": "Ma", "public": "CongKhai"},
        type_names={"pakn.answered": "TraLoi"},
    )
    event = structs.replace(event_of(done(public=False)), subject=CODE)
    tree = orjson.loads(encode(event, own).body)
    assert tree["type"] == "TraLoi"
    assert tree["traLoi"] == {"NoiDung": "Đã giải quyết"}
    assert (tree["Ma"], tree["CongKhai"]) == ("PA-1", False)
    (after,) = decode(message(orjson.dumps(tree), "pakn"), own)
    assert isinstance(after, Event)
    assert after.data == event.data


@pytest.mark.parametrize("field", ["subject", "content", "category", "status"])
async def test_a_petition_may_say_any_word(field: str) -> None:
    async with system() as there:
        assert await there.deliver(petition(**{field: "blob"})) == "00"


@pytest.mark.parametrize(
    ("status", "code", "error"),
    [
        (503, "503", Unavailable),
        (503, "99", Unavailable),
        (503, "22", Rejected),
        (429, "22", Unavailable),
    ],
)
async def test_under_a_server_error_only_documented_codes_are_final(
    status: int, code: str, error: type[HubError]
) -> None:
    async def fail(_: Request) -> JSONResponse:
        return JSONResponse({"code": code}, status, {"Retry-After": "7"})

    async with (
        running(Starlette(routes=[Route("/pakn", fail, methods=["POST"])])) as url,
        system(base_url=url) as there,
    ):
        with pytest.raises(error):
            await there.deliver(petition())
