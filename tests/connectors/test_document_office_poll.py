"""Results of the document office: listed until acknowledged, fetched once, their files put away."""

from __future__ import annotations

import base64
from hashlib import sha256
from typing import Any

import orjson
import pytest

from hub.connectors.document_office.decode import decode, message
from hub.connectors.document_office.poll import OfficePoller
from hub.errors import DecodeError, Misconfigured, Rejected, Unavailable
from hub.event import Event
from hub.schemas.document import OfficeEvent, OfficeResult
from tests.connectors.office_examples import (
    CODE,
    ECHO,
    NOTICED,
    SECRETS,
    UNIT,
    office,
    office_settings,
    submitted,
)


def data_of(event: Event) -> OfficeEvent:
    assert isinstance(event.data, OfficeEvent)
    return event.data


@pytest.mark.parametrize(
    ("code", "result", "files"),
    [
        ("01", OfficeResult.ISSUED, 1),
        ("02", OfficeResult.SIGNED, 1),
        ("03", OfficeResult.DISAPPROVED, 0),
        ("04", OfficeResult.APPROVED, 1),
    ],
)
async def test_a_result_is_fetched_and_its_echo_is_what_was_sent(
    code: str, result: OfficeResult, files: int
) -> None:
    async with office() as desk:
        await desk.deliver(submitted())
        package = await desk.decide(code)
        page = await desk.look()
        (event,) = desk.events(page)
        state = await desk.state()
    data = data_of(event)
    assert (event.kind, event.subject) == ("document.processed", CODE)
    assert (data.result, data.result_code, data.echo) == (result, code, ECHO)
    assert (data.package_code, data.dossier_id) == (package, "9001")
    assert event.once
    assert data.document is not None
    assert len(data.document.files) == files
    assert bool(data.document.promulgated_on) is (code == "01")
    assert page.messages[0].key == CODE
    assert state["acknowledged"] == {package: "03"}
    assert state["waiting"] == []


async def test_files_go_to_the_blob_store_and_the_message_carries_references() -> None:
    content = bytes(range(256)) * 8000
    async with office() as desk:
        await desk.deliver(submitted())
        await desk.decide("01", TepBase64=base64.b64encode(content).decode())
        page = await desk.look()
        (event,) = desk.events(page)
    assert len(page.messages[0].body) < 3000
    document = data_of(event).document
    assert document is not None
    (file,) = document.files
    assert await desk.ground.fetch(file.reference) == content
    assert (file.size_bytes, file.sha256) == (len(content), sha256(content).hexdigest())


async def test_a_package_is_listed_again_until_it_is_acknowledged_and_never_fetched_again() -> None:
    async with office() as desk:
        await desk.deliver(submitted())
        package = await desk.decide("01")
        first = await desk.look(acknowledge=False)
        await desk.play({"fault": "5xx", "operation": "CapNhatTrangThaiVanBan", "next_calls": 1})
        second = await desk.look(first.cursor, acknowledge=False)
        with pytest.raises(Unavailable):
            await desk.poller.done(second)
        third = await desk.look(second.cursor)
        last = await desk.look(third.cursor)
        state = await desk.state()
        fetched = desk.calls("LayGoiTinVanBan")
    assert len(first.messages) == 1
    assert (second.messages, third.messages, last.messages) == ((), (), ())
    assert first.receipts == second.receipts == third.receipts == (f"{package}:03",)
    assert (last.cursor, last.receipts) == ("", ())
    assert fetched == 1
    assert state["acknowledged"] == {package: "03"}


async def test_a_look_that_is_repeated_gives_the_same_messages() -> None:
    async with office() as desk:
        await desk.deliver(submitted())
        await desk.decide("01")
        first = await desk.look(acknowledge=False)
        again = await desk.look(acknowledge=False)
    assert [each.id for each in first.messages] == [each.id for each in again.messages]
    (one,), (two,) = desk.events(first), desk.events(again)
    assert (one.natural_key, one.data) == (two.natural_key, two.data)
    assert len(desk.ground.blobs) == 1


async def test_a_code_that_is_listed_twice_is_one_package() -> None:
    async with office() as desk:
        await desk.deliver(submitted())
        await desk.decide("01")
        await desk.play({"fault": "duplicate", "operation": "LayDanhSachGoiTinVanBan"})
        assert len((await desk.look()).messages) == 1


async def test_many_packages_are_fetched_in_portions_oldest_first() -> None:
    async with office(fetch_count=2) as desk:
        await desk.deliver(submitted())
        codes = [await desk.decide(result) for result in ("04", "03", "02", "01", "01")]
        pages = [await desk.look()]
        while pages[-1].more:
            pages.append(await desk.look(pages[-1].cursor))
    assert [len(page.messages) for page in pages] == [2, 2, 1]
    told = [data_of(event).package_code for page in pages for event in desk.events(page)]
    assert told == codes


async def test_what_nobody_can_read_is_kept_and_acknowledged_as_failed() -> None:
    async with office() as desk:
        await desk.deliver(submitted())
        odd = await desk.decide("01", Sua={"LoaiKetQua": None})
        torn = await desk.decide("01", TepBase64="không phải Base64")
        good = await desk.decide("01")
        page = await desk.look()
        state = await desk.state()
    assert state["acknowledged"] == {odd: "04", torn: "04", good: "03"}
    assert len(page.messages) == 3
    for broken in page.messages[:2]:
        with pytest.raises(DecodeError):
            decode(broken, desk.settings)


async def test_a_file_that_is_too_large_fails_and_one_at_the_edge_does_not() -> None:
    content = b"%PDF" * 10
    told = base64.b64encode(content).decode()
    for limit, state in ((len(content), "03"), (len(content) - 1, "04")):
        async with office(file_bytes=limit) as desk:
            await desk.deliver(submitted())
            code = await desk.decide("01", TepBase64=told)
            await desk.look()
            assert (await desk.state())["acknowledged"] == {code: state}


async def test_a_package_that_is_too_large_to_read_is_not_taken() -> None:
    async with office(package_bytes=300) as desk:
        await desk.deliver(submitted())
        await desk.decide("01")
        with pytest.raises(Unavailable) as caught:
            await desk.look()
    assert caught.value.code == "reply_too_large"


async def test_one_package_that_is_refused_does_not_keep_the_others_back() -> None:
    async with office() as desk:
        await desk.deliver(submitted())
        refused, good = await desk.decide("04"), await desk.decide("01")
        refusal = {"fault": "refuse", "operation": "LayGoiTinVanBan", "next_calls": 1}
        await desk.play(refusal)
        page = await desk.look()
        assert [data_of(event).package_code for event in desk.events(page)] == [good]
        await desk.play({**refusal, "next_calls": None})
        with pytest.raises(Unavailable):
            await desk.look()
        await desk.play()
        page = await desk.look(page.cursor)
        assert [data_of(event).package_code for event in desk.events(page)] == [refused]


BROKEN = [
    ({"fault": "refuse"}, "refuses LayGoiTinVanBan"),
    ({"fault": "5xx", "status": 502}, "HTTP 502"),
    ({"fault": "malformed"}, "malformed"),
    ({"fault": "malformed", "body": '{"data": 7}'}, "no package"),
    ({"fault": "malformed", "body": "x" * 200_000}, "too large"),
]
"""What an office does with a package that it lists and cannot give, and what of it is told."""


@pytest.mark.parametrize(("fault", "told"), BROKEN)
async def test_packages_that_cannot_be_fetched_hold_up_nothing_behind_them(
    fault: dict[str, Any], told: str
) -> None:
    async with office(fetch_count=2, package_bytes=100_000) as desk:
        await desk.deliver(submitted())
        for _ in range(3):
            await desk.decide("04")
        good = [await desk.decide("01") for _ in range(3)]
        await desk.play({**fault, "operation": "LayGoiTinVanBan", "next_calls": 3})
        first = await desk.look()
        assert [data_of(event).package_code for event in desk.events(first)] == good[:2]
        assert first.problem.startswith("3 packages cannot be fetched: ")
        assert told in first.problem
        assert not [secret for secret in SECRETS if secret in first.problem]
        assert first.more
        await desk.play({**fault, "operation": "LayGoiTinVanBan", "next_calls": 3})
        second = await desk.look(first.cursor)
        assert [data_of(event).package_code for event in desk.events(second)] == good[2:]
        assert not second.more
        await desk.play()
        last = await desk.look(second.cursor)
        assert (len(last.messages), last.problem, last.more) == (2, "", True)


async def test_a_package_that_cannot_be_fetched_holds_up_no_acknowledgement() -> None:
    async with office() as desk:
        await desk.deliver(submitted())
        known, _ = await desk.decide("01"), await desk.decide("01")
        await desk.play({"fault": "refuse", "operation": "LayGoiTinVanBan"})
        cursor = f"{known}:03"
        page = await desk.look(cursor)
        assert (page.messages, page.cursor, bool(page.problem)) == ((), cursor, True)
        assert (await desk.state())["acknowledged"] == {known: "03"}


async def test_an_office_that_goes_away_in_the_midst_is_not_asked_further() -> None:
    async with office(poll_timeout_seconds=0.3) as desk:
        await desk.deliver(submitted())
        codes = [await desk.decide("01") for _ in range(3)]
        fault = {"fault": "timeout_without_effect", "operation": "LayGoiTinVanBan"}
        await desk.play({**fault, "next_calls": 1})
        with pytest.raises(Unavailable) as caught:
            await desk.look()
        assert caught.value.code == "timeout"
        assert desk.calls("LayGoiTinVanBan") == 1
        page = await desk.look()
        assert [data_of(event).package_code for event in desk.events(page)] == codes


async def test_a_package_that_never_comes_in_time_ends_three_looks_and_then_comes_last() -> None:
    async with office(poll_timeout_seconds=0.3) as desk:
        await desk.deliver(submitted())
        late, *codes = [await desk.decide("01") for _ in range(3)]
        fault = {"fault": "timeout_without_effect", "operation": "LayGoiTinVanBan"}
        for _ in range(3):
            await desk.play({**fault, "next_calls": 1})
            with pytest.raises(Unavailable):
                await desk.look()
        page = await desk.look()
        found = [data_of(event).package_code for event in desk.events(page)]
        assert found == [*codes, late]


@pytest.mark.parametrize("fault", [{"fault": "refuse"}, {"fault": "5xx", "status": 502}])
async def test_an_acknowledgement_that_fails_holds_back_no_other(fault: dict[str, Any]) -> None:
    async with office() as desk:
        await desk.deliver(submitted())
        codes = [await desk.decide("01") for _ in range(3)]
        page = await desk.look(acknowledge=False)
        await desk.play({**fault, "operation": "CapNhatTrangThaiVanBan", "next_calls": 1})
        with pytest.raises((Rejected, Unavailable)):
            await desk.poller.done(page)
        assert (await desk.state())["acknowledged"] == dict.fromkeys(codes[1:], "03")
        await desk.look(page.cursor)
        assert (await desk.state())["acknowledged"] == dict.fromkeys(codes, "03")


async def test_as_many_packages_as_a_list_has_room_for_hide_none_behind_them() -> None:
    """Refused on fetching, or on acknowledging: the office lists them all the same."""
    async with office(list_count=2, fetch_count=2) as desk:
        await desk.deliver(submitted())
        codes = [await desk.decide("01") for _ in range(7)]
        no_answer = {"fault": "refuse", "operation": "LayGoiTinVanBan", "next_calls": 2}
        await desk.play(no_answer, {"fault": "refuse", "operation": "CapNhatTrangThaiVanBan"})
        with pytest.raises(Unavailable):
            await desk.look()
        await desk.play({"fault": "refuse", "operation": "CapNhatTrangThaiVanBan"})
        found, cursor = [], ""
        for _ in range(6):
            page = await desk.look(cursor, acknowledge=False)
            with pytest.raises(Rejected):
                await desk.poller.done(page)
            cursor = page.cursor
            found += [data_of(event).package_code for event in desk.events(page)]
        assert sorted(found) == codes
        # Of those that it does not hear of, `list_count` come again with each look, in turn.
        assert len(page.receipts) == 2
        assert desk.calls("LayGoiTinVanBan") == 2 + 7
        await desk.play()
        for _ in range(4):
            page = await desk.look(page.cursor)
        assert (await desk.state())["waiting"] == []


async def test_the_cursor_does_not_grow_with_what_the_office_has_heard() -> None:
    async with office(list_count=2, fetch_count=1) as desk:
        await desk.deliver(submitted())
        for _ in range(6):
            await desk.decide("01")
        page = await desk.look()
        for _ in range(4):
            page = await desk.look(page.cursor)
            assert len(page.cursor.split()) == 1


async def test_an_office_that_goes_away_while_it_acknowledges_is_left_alone() -> None:
    """What it refused before must not let the next look come at once."""
    async with office() as desk:
        await desk.deliver(submitted())
        for _ in range(2):
            await desk.decide("01")
        page = await desk.look(acknowledge=False)
        fault = {"operation": "CapNhatTrangThaiVanBan", "next_calls": 1}
        await desk.play({"fault": "refuse", **fault}, {"fault": "429", **fault})
        with pytest.raises(Unavailable) as caught:
            await desk.poller.done(page)
        assert caught.value.code == "rate_limited"


@pytest.mark.parametrize(
    ("fault", "error", "code"),
    [
        ({"fault": "429"}, Unavailable, "rate_limited"),
        ({"fault": "5xx"}, Unavailable, "http_5xx"),
        ({"fault": "timeout_without_effect"}, Unavailable, "timeout"),
        ({"fault": "timeout_after_success", "then": "cut"}, Unavailable, "connection_lost"),
        ({"fault": "malformed"}, Unavailable, "malformed_reply"),
        ({"fault": "malformed", "body": '{"data":7}'}, Unavailable, "malformed_reply"),
        ({"fault": "malformed", "body": '{"data":[[]]}'}, Unavailable, "malformed_reply"),
        ({"fault": "expired_session"}, Misconfigured, "destination_refuses_us"),
    ],
)
async def test_a_look_that_fails_says_why_and_loses_nothing(
    fault: dict[str, Any], error: type[Unavailable], code: str
) -> None:
    async with office(poll_timeout_seconds=0.3) as desk:
        await desk.deliver(submitted())
        await desk.decide("01")
        await desk.play(fault)
        with pytest.raises(error) as caught:
            await desk.look()
        assert caught.value.code == code
        assert not [secret for secret in SECRETS if secret in str(caught.value)]
        await desk.play()
        assert len((await desk.look()).messages) == 1


@pytest.mark.parametrize(
    "package",
    [
        '{"data":{"x":' + "[" * 400 + "]" * 400 + "}}",
        '{"data":{"VanBanDi":{"DinhKem":[{"Base64":{"a":1}},7,null]}}}',
        '{"data":{"VanBanDi":' * 50 + "{}" + "}" * 100,
        '{"data":{"ThamSoAn":1,"ThamSoAn":2}}',
    ],
)
async def test_a_hostile_package_is_kept_as_dead_and_the_next_one_comes(package: str) -> None:
    async with office() as desk:
        await desk.deliver(submitted())
        code = await desk.decide("01")
        fault = {"fault": "malformed", "operation": "LayGoiTinVanBan", "body": package}
        await desk.play({**fault, "next_calls": 1})
        page = await desk.look()
        assert page.receipts == (f"{code}:04",)
        with pytest.raises(DecodeError):
            decode(page.messages[0], desk.settings)
        good = await desk.decide("02")
        assert good in {data_of(event).package_code for event in desk.events(await desk.look())}


@pytest.mark.parametrize(
    ("changes", "key"),
    [
        ({"MaHoSo": "x" * 2_000_000, "IDHoSo": "9001"}, "9001"),
        ({"MaHoSo": "", "IDHoSo": "x" * 2_000_000}, "document_office"),
        ({"MaHoSo": "a\nb", "IDHoSo": ""}, "document_office"),
        ({"MaHoSo": "", "IDHoSo": 9001}, "9001"),
    ],
)
async def test_a_code_that_is_none_is_no_key_so_that_kafka_takes_the_package(
    changes: dict[str, Any], key: str
) -> None:
    async with office() as desk:
        await desk.deliver(submitted())
        await desk.decide("01", Sua=changes)
        page = await desk.look()
    assert [message.key for message in page.messages] == [key]


async def test_an_acknowledgement_whose_answer_was_lost_is_said_again() -> None:
    async with office() as desk:
        await desk.deliver(submitted())
        code = await desk.decide("01")
        page = await desk.look(acknowledge=False)
        fault = {"fault": "timeout_without_effect", "then": "cut", "next_calls": 1}
        await desk.play({**fault, "operation": "CapNhatTrangThaiVanBan"})
        with pytest.raises(Unavailable) as caught:
            await desk.poller.done(page)
        assert caught.value.code == "connection_lost"
        await desk.look(page.cursor)
        assert (await desk.state())["acknowledged"] == {code: "03"}


async def test_what_is_known_of_a_draft_is_a_refusal_of_every_other_call() -> None:
    async with office(duplicate_codes=[NOTICED]) as desk:
        await desk.play({"fault": "refuse", "error_code": NOTICED})
        with pytest.raises(Rejected) as caught:
            await desk.look()
        assert caught.value.foreign_code == NOTICED


async def test_a_package_is_known_by_the_code_under_which_it_is_listed() -> None:
    async with office() as desk:
        await desk.deliver(submitted())
        code = await desk.decide("01", Sua={"MaVanBan": "12/UBND-VP"})
        page = await desk.look(acknowledge=False)
        (event,) = desk.events(page)
        other = OfficePoller("document_office_2", desk.settings, desk.ground)
        try:
            there = await other.poll("")
        finally:
            await other.close()
    assert data_of(event).package_code == code
    assert event.natural_key == f"LayGoiTinVanBan:{code}"
    assert page.receipts == (f"{code}:03",)
    # Another office may use the same codes: its packages are others.
    assert there.messages[0].id != page.messages[0].id


async def test_an_office_cannot_name_a_file_in_the_hubs_store() -> None:
    async with office() as desk:
        foreign = await desk.ground.keep(b"cua nguoi khac", "application/pdf")
        await desk.deliver(submitted())
        file = {"Ten": "a.pdf", "KhoTep": foreign, "KichThuoc": "14", "SHA256": "a" * 64}
        await desk.decide("01", Sua={"VanBanDi": {"DinhKem": [file]}})
        (event,) = desk.events(await desk.look())
    document = data_of(event).document
    assert document is not None
    (known,) = document.files
    assert (known.name, known.reference, known.size_bytes, known.sha256) == ("a.pdf", "", None, "")


async def test_codes_may_be_numbers() -> None:
    async with office() as desk:
        await desk.play({"fault": "malformed", "body": '{"data": [7, 8]}'})
        page = await desk.look("7:03 8:04", acknowledge=False)
    assert page.receipts == ("7:03", "8:04")


async def test_an_empty_list_in_any_form_is_nothing() -> None:
    async with office() as desk:
        for body in (
            '{"data":null,"error":null}',
            '{"data":[],"error":{"code":"00"}}',
            '{"data":[],"error":{}}',
            '{"data":[],"error":""}',
            '{"data":[]}',
        ):
            await desk.play({"fault": "malformed", "body": body})
            page = await desk.look()
            assert (page.messages, page.more, page.cursor) == ((), False, "")


async def test_a_package_may_stand_in_the_answer_itself() -> None:
    async with office(bare=True) as desk:
        await desk.deliver(submitted())
        await desk.decide("01")
        (event,) = desk.events(await desk.look())
    assert data_of(event).echo == ECHO


async def test_a_result_without_the_dossier_code_is_found_by_the_products_id() -> None:
    async with office() as desk:
        await desk.deliver(submitted())
        await desk.decide("01", Sua={"MaHoSo": ""})
        (event,) = desk.events(await desk.look())
    assert event.subject == ""
    assert list(desk.ground.known) == [event.about]


async def test_only_packages_below_the_own_unit_are_asked_for() -> None:
    async with office(parent_unit="H56") as desk:
        await desk.deliver(submitted())
        await desk.decide("01")
        assert (await desk.look()).messages == ()


async def test_codes_with_odd_signs_are_remembered_and_acknowledged_as_they_are() -> None:
    odd, cursor = "12/GT: 7 ả", "12%2FGT%3A%207%20%E1%BA%A3:03"
    async with office() as desk:
        body = orjson.dumps({"data": [odd]}).decode()
        await desk.play({"fault": "malformed", "body": body})
        page = await desk.look(cursor)
    assert (page.messages, page.cursor, page.receipts) == ((), cursor, (cursor,))
    assert desk.calls("CapNhatTrangThaiVanBan") == 1


def test_the_count_of_files_holds_at_the_edge() -> None:
    def decoded(count: int) -> None:
        files = [{"Ten": f"{number}.pdf"} for number in range(count)]
        body = {
            "MaHoSo": CODE,
            "LoaiKetQua": "01",
            "DonVi": {"MaDinhDanh": UNIT},
            "VanBanDi": {"DinhKem": files},
        }
        decode(message(orjson.dumps(body), "package"), office_settings(files_count=3))

    decoded(3)
    with pytest.raises(DecodeError, match="/VanBanDi/DinhKem"):
        decoded(4)


def test_a_draft_is_never_read_here() -> None:
    with pytest.raises(DecodeError):
        decode(message(b"{}", "submission"), office_settings())
