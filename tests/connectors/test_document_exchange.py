"""The document exchange's client and poller against the simulated axis, over real HTTP."""

from __future__ import annotations

import asyncio
import base64
import io
import re
import zipfile
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson
import pytest

from hub.connector import Answer
from hub.connectors.document_exchange.answers import DataCutter
from hub.connectors.document_exchange.client import AxisClient
from hub.connectors.document_exchange.packing import Packed
from hub.connectors.document_exchange.poll import AxisPoller
from hub.errors import (
    DecodeError,
    EncodeError,
    HubError,
    Misconfigured,
    Rejected,
    Unavailable,
    UnknownOutcome,
)
from hub.schemas.document import Business, DocumentLink, Handling, Organisation
from hub.wire.edxml import axis as wire_axis
from hub.wire.edxml import models
from tests.connectors.document_examples import (
    AT,
    CODE,
    OURS,
    PDF,
    SECRET,
    SECRETS,
    SHEET,
    THEIRS,
    axis,
    document,
    exchange_settings,
    handled,
    issued,
    kept,
    request,
)
from tests.connectors.ground import MemoryGround

VECTOR = (
    '{"XroadVnpt-systemid":"vxp.saas.99","XroadVnpt-timestamp":"05012026T093000+0123",'
    '"XroadVnpt-Content-Type":"application/json","XroadVnpt-servicetype":"eDoc",'
    '"XroadVnpt-messagetype":"edoc"}'
)
DIGEST = "0be8334c0267054f8eea9ccbae8c2292f1d456775630cc4341fd4956147e5242"
TWO_OFFICES = {
    "vxp.saas.01": {"secret": SECRET, "organs": [OURS, "H99.03"]},
    "vxp.saas.02": {"secret": "bi-mat-khac", "organs": [THEIRS]},
}
LOGICAL = {"Content-Type": "application/json", "servicetype": "eDoc", "messagetype": "edoc"}


def test_signed_headers_are_those_of_the_reference_kit() -> None:
    at = AT + timedelta(milliseconds=123)
    headers = wire_axis.signed_headers(
        LOGICAL, system_id="vxp.saas.99", secret="SECRET_DEMO_04", at=at
    )
    assert headers[models.JSON_HEADER] == VECTOR
    assert headers[models.HASH_HEADER] == DIGEST
    assert headers[models.KEY_HEADER] == ("systemid;timestamp;Content-Type;servicetype;messagetype")
    assert headers["Content-Type"] == "application/json"
    assert headers["XroadVnpt-version"] == "3.0.201608"
    assert headers["User-Agent"] == "JAVASDKAgent/1.0.0 XRoad/VPCP"


async def test_a_document_crosses_the_axis_and_the_opinion_comes_back() -> None:
    async with axis() as here:
        codes = ["01", "03", "04", "05", "06"]
        await here.auto({"organ": THEIRS, "statuses": codes, "opinion": True})
        files = await kept(here.ground, ("cong-van.pdf", PDF), ("bang.xlsx", SHEET))
        reply = await here.deliver(issued(letter=document(files=files)))
        await here.ground.remember(reply.aliases)
        (told,) = reply.messages
        (dispatched,) = here.decoded(told)
        events = await here.take()
        state = await here.state()
    assert dispatched.kind == "document.dispatched"
    assert dispatched.subject == CODE
    assert dispatched.data.axis_id == f"{1:024x}"
    opinion, *statuses = events
    assert [each.data.status_code for each in statuses] == codes
    own_id = "H99.01,2026/01/05,12/STN-VP"
    assert {each.about for each in statuses} == {("edoc.document", own_id)}
    assert opinion.kind == "document.received"
    assert opinion.subject == CODE, "found by what it answers"
    assert opinion.data.document.responds_to[0].document_id == own_id
    assert state["waiting"] == 1, "their copy of ours is not ours to acknowledge"


async def test_what_one_organisation_sends_another_fetches_unchanged() -> None:
    async with axis() as here:
        archive = io.BytesIO()
        with zipfile.ZipFile(archive, "w") as out:
            out.writestr("a.txt", "x")
        contents = [("a.pdf", PDF), ("b.xlsx", SHEET), ("c.zip", archive.getvalue())]
        letter = document(files=await kept(here.ground, *contents))
        await here.deliver(issued(letter=letter))
        theirs = exchange_settings(
            here.url, system_id="vxp.saas.02", secret="bi-mat-khac", units=[THEIRS]
        )
        poller = AxisPoller("document_exchange", theirs, here.ground)
        page = await poller.poll("")
        (message,) = page.messages
        (event,) = here.decoded(message)
        await poller.done(page)
        again = await poller.poll("")
        await poller.close()
    files = event.data.document.files
    assert [file.name for file in files] == ["a.pdf", "b.xlsx", "c.zip"]
    assert [here.ground.blobs[file.reference] for file in files] == [body for _, body in contents]
    assert event.data.document.subject == letter.subject
    assert page.receipts == (f"done {1:024x}",)
    assert not again.messages
    assert b"AttachmentEncoded" in b"".join(
        here.ground.blobs[reference] for reference in event.data.package
    )


@pytest.mark.parametrize(
    ("code", "error", "documented"),
    [
        ("10", Rejected, True),
        ("15", Misconfigured, None),
        ("18", Rejected, True),
        ("19", Misconfigured, None),
        ("20", Rejected, False),
        ("21", Rejected, True),
        ("22", Rejected, True),
        ("23", Rejected, True),
        ("99", Rejected, False),
        ("7", Unavailable, None),
    ],
)
async def test_every_code_becomes_one_of_ours(
    code: str, error: type[HubError], documented: bool | None
) -> None:
    async with axis(busy_codes=["7"]) as here:
        await here.play({"fault": "refuse", "error_code": code})
        with pytest.raises(error) as caught:
            await here.deliver(issued())
    assert type(caught.value) is error
    assert getattr(caught.value, "documented", None) == documented
    assert not any(secret in str(caught.value) for secret in SECRETS)


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        ({"fault": "5xx", "status": 500}, UnknownOutcome),
        ({"fault": "5xx", "status": 520}, UnknownOutcome),
        ({"fault": "5xx", "status": 503, "retry_after_seconds": 7}, Unavailable),
        ({"fault": "429", "retry_after_seconds": 3}, Unavailable),
        ({"fault": "malformed"}, UnknownOutcome),
        ({"fault": "malformed", "body": '{"status":"OK","ErrorCode":"0"}'}, UnknownOutcome),
        ({"fault": "timeout_after_success", "then": "cut"}, UnknownOutcome),
    ],
)
async def test_every_failure_of_transport_becomes_one_of_ours(
    fault: dict[str, Any], error: type[HubError]
) -> None:
    async with axis() as here:
        await here.play({**fault, "operation": "sendEdoc*"})
        with pytest.raises(error) as caught:
            await here.deliver(issued())
    assert type(caught.value) is error


async def test_http_200_with_a_failure_is_a_failure() -> None:
    async with axis(simulated={"locked": [THEIRS]}) as here:
        with pytest.raises(Rejected) as caught:
            await here.deliver(issued())
        assert (await here.state())["packages"] == 0
    assert caught.value.foreign_code == "23"


async def test_a_wrong_secret_is_our_configuration_and_no_dead_letter() -> None:
    async with axis(secret="sai") as here:
        with pytest.raises(Misconfigured):
            await here.deliver(issued())
        with pytest.raises(Misconfigured):
            await here.client.probe()


async def test_a_call_that_is_too_old_is_refused() -> None:
    async with axis(simulated={"window_seconds": -1}) as here:
        with pytest.raises(Misconfigured):
            await here.client.probe()


async def test_after_a_lost_answer_the_axis_is_asked_and_nothing_is_sent_twice() -> None:
    async with axis() as here:
        await here.play({"fault": "timeout_after_success", "then": "cut", "next_calls": 1})
        sent = request(issued(), here.settings)
        with pytest.raises(UnknownOutcome):
            await here.client.deliver([sent], timeout_seconds=5)
        # The partner may answer now: its answer must find the dossier.
        known = await here.ground.alias("edoc.document", "H99.01,2026/01/05,12/STN-VP")
        asked = await here.client.ask(sent, timeout_seconds=5)
        state = await here.state()
    assert known is not None
    assert known.subject == sent.event.subject
    assert asked.answer is Answer.TAKEN
    assert asked.reply.messages[0].id
    assert {alias.value for alias in asked.reply.aliases} == {
        "H99.01,2026/01/05,12/STN-VP",
        f"{1:024x}",
    }
    assert (state["documents"], state["twice"]) == (1, 0)


async def test_what_was_never_taken_is_said_so() -> None:
    async with axis() as here:
        await here.play({"fault": "timeout_without_effect", "then": "cut", "next_calls": 1})
        sent = request(issued(), here.settings)
        with pytest.raises(UnknownOutcome):
            await here.client.deliver([sent], timeout_seconds=5)
        asked = await here.client.ask(sent, timeout_seconds=5)
    assert asked.answer is Answer.NOT_TAKEN


async def test_an_earlier_package_of_the_same_document_is_not_taken_for_this_one() -> None:
    link = DocumentLink(document_id="H99.01,2026/01/05,12/STN-VP", organ_id=OURS)
    async with axis() as here:
        first = await here.deliver(issued())
        await here.ground.remember(first.aliases)
        revoke = issued(letter=document(responds_to=(link,)), business=Business.REVOKE)
        sent = request(revoke, here.settings)
        before = await here.client.ask(sent, timeout_seconds=5)
        await here.client.deliver([sent], timeout_seconds=5)
        after = await here.client.ask(sent, timeout_seconds=5)
    assert (before.answer, after.answer) == (Answer.NOT_TAKEN, Answer.TAKEN)


async def test_where_the_axis_does_not_list_what_was_sent_a_person_decides() -> None:
    async with axis(ask_without_id=False) as here:
        sent = request(issued(), here.settings)
        assert (await here.client.ask(sent, timeout_seconds=5)).answer is Answer.UNKNOWN


async def test_a_repeated_delivery_is_the_same_bytes_and_the_same_reply() -> None:
    async with axis() as here:
        files = await kept(here.ground, ("bang.xlsx", SHEET))
        sent = request(issued(letter=document(files=files)), here.settings)
        replies = [await here.client.deliver([sent], timeout_seconds=5) for _ in range(2)]
        rows = list(here.log.last())
    assert replies[0].messages[0].id == replies[1].messages[0].id
    assert rows[0]["body_sha256"] == rows[1]["body_sha256"]
    assert {row["id"] for row in rows} == {sent.operation_key}


@pytest.mark.parametrize("status", [Handling.ARRIVED, Handling.DONE, Handling.CHANGE_REFUSED])
async def test_a_status_goes_out_and_comes_in(status: Handling) -> None:
    async with axis() as here:
        await here.act(do="document", number="7")
        (received,) = await here.take()
        letter = received.data.document
        link = DocumentLink(document_id=letter.document_id, organ_id=THEIRS, code="7/TL-VP")
        reply = await here.deliver(handled(status, link))
        theirs = exchange_settings(
            here.url, system_id="vxp.saas.02", secret="bi-mat-khac", units=[THEIRS]
        )
        poller = AxisPoller("document_exchange", theirs, here.ground)
        page = await poller.poll("")
        await poller.close()
        (told,) = here.decoded(page.messages[0])
    assert reply.messages == ()
    assert told.kind == "document.status_changed"
    assert told.about == ("edoc.document", letter.document_id)
    assert told.data.status is status
    assert told.time == AT


@pytest.mark.parametrize(
    ("do", "business"),
    [
        ("revoke", Business.REVOKE),
        ("update", Business.UPDATE),
        ("replace", Business.REPLACE),
        ("document", Business.NEW),
    ],
)
async def test_every_business_comes_in_about_what_the_hub_knows(
    do: str, business: Business
) -> None:
    async with axis() as here:
        reply = await here.deliver(issued())
        await here.ground.remember(reply.aliases)
        await here.act(do=do, about="H99.01,2026/01/05,12/STN-VP")
        (event,) = await here.take()
    assert event.data.business is business
    assert event.subject == CODE
    assert event.once


async def test_an_item_stays_listed_until_it_is_done_and_keeps_its_id() -> None:
    async with axis() as here:
        doc_id = await here.act(do="document")
        first = await here.poller.poll("")
        second = await here.poller.poll("")
        await here.poller.done(second)
        await here.poller.done(second)
        third = await here.poller.poll("")
    assert [message.id for message in first.messages] == [m.id for m in second.messages]
    (one,), (two,) = here.decoded(first.messages[0]), here.decoded(second.messages[0])
    assert one.natural_key == two.natural_key == f"package {doc_id}"
    assert third.messages == ()


async def test_a_docid_that_is_listed_twice_is_fetched_once() -> None:
    async with axis() as here:
        await here.play({"fault": "duplicate", "operation": "getReceivedEdocList"})
        await here.act(do="document")
        page = await here.poller.poll("")
    assert len(page.messages) == 1


async def test_a_status_that_comes_again_under_another_docid_is_the_same_fact() -> None:
    async with axis() as here:
        for _ in range(2):
            await here.act(do="status", code="03", about="x", at="2026/01/05 10:00:00")
        events = await here.take()
    assert len({event.natural_key for event in events}) == 1


async def test_a_bad_zip_is_told_kept_and_marked_as_failed() -> None:
    async with axis() as here:
        await here.act(do="bad_zip")
        page = await here.poller.poll("")
        (message,) = page.messages
        with pytest.raises(DecodeError) as caught:
            here.decoded(message)
        await here.poller.done(page)
        state = await here.state()
    assert caught.value.code == "attachment_broken"
    assert caught.value.path == "/edXML/AttachmentEncoded/Attachment"
    assert page.receipts[0].startswith("fail ")
    assert orjson.loads(message.body)["original"], "the bytes are kept for a person"
    assert state["waiting"] == 0


async def test_a_long_list_is_taken_page_by_page() -> None:
    async with axis(page_count=2) as here:
        for number in range(3):
            await here.act(do="document", number=str(number))
        first = await here.poller.poll("")
        await here.poller.done(first)
        second = await here.poller.poll("")
    assert (len(first.messages), first.more) == (2, True)
    assert (len(second.messages), second.more) == (1, False)


async def test_a_poll_of_an_axis_that_is_away_is_unavailable() -> None:
    poller = AxisPoller("x", exchange_settings("http://127.0.0.1:9"), MemoryGround())
    with pytest.raises(Unavailable):
        await poller.poll("")
    await poller.close()


async def test_reads_pass_through_and_nothing_else() -> None:
    async with axis() as here:
        listed = await here.client.query("getAgenciesList", OURS, {})
        sent = await here.client.query("getSentEdocList", OURS, {"messagetype": "edoc"})
        for operation, body in (("sendEdoc", {}), ("getAgenciesList", {"level": "é\r\nX: y"})):
            with pytest.raises(Rejected) as caught:
                await here.client.query(operation, OURS, body)
            assert caught.value.code == "unknown_query"
        assert "lists 3" in await here.client.probe()
    assert {row["code"] for row in listed["data"]} == {OURS, THEIRS, "H99.04"}
    assert sent["data"] == []


async def test_an_attachment_that_is_gone_is_the_messages_fault() -> None:
    async with axis() as here:
        files = await kept(here.ground, ("a.pdf", PDF))
        here.ground.blobs.clear()
        with pytest.raises(DecodeError) as caught:
            await here.deliver(issued(letter=document(files=files)))
        assert here.operations() == []
    assert caught.value.code == "blob_missing"


@pytest.mark.parametrize("spare", [0, -1])
async def test_a_package_is_sent_up_to_the_limit_and_not_beyond(spare: int) -> None:
    async with axis() as measuring:
        files = await kept(measuring.ground, ("a.pdf", PDF))
        told = issued(letter=document(files=files))
        await measuring.deliver(told)
        size = len(measuring.ground.blobs[files[0].reference])
    body = request(told, exchange_settings()).message.body
    whole = len(body) - len("{hub-content-0}") + (size + 2) // 3 * 4
    async with axis(package_bytes=whole + spare) as here:
        files = await kept(here.ground, ("a.pdf", PDF))
        if spare == 0:
            assert (await here.deliver(told)).messages
        else:
            with pytest.raises(Rejected) as caught:
                await here.deliver(told)
            assert caught.value.code == "too_large"


async def test_a_package_that_is_too_large_is_not_read() -> None:
    async with axis(package_bytes=1000) as here:
        await here.act(do="document")
        page = await here.poller.poll("")
        with pytest.raises(DecodeError) as caught:
            here.decoded(page.messages[0])
    assert caught.value.code == "too_large"


async def test_the_simulator_refuses_what_the_kit_would_not_send() -> None:
    async with axis() as here:
        sent = request(issued(), here.settings)
        calls = here.client._calls

        spoilt = Packed([b"<edX>"], [], 5, "0" * 64)

        logical = {"from": OURS, "servicetype": "eDoc", "messagetype": "edoc", "to": "[]"}
        with pytest.raises(Rejected) as caught:
            await calls.send(logical, spoilt, key=sent.operation_key, seconds=5)
        assert caught.value.foreign_code == "21"
        stranger = document(receivers=(document().sender.model_copy(update={"id": "H98"}),))
        with pytest.raises(Rejected) as caught:
            await here.deliver(issued(letter=stranger))
        assert caught.value.foreign_code == "18"


def test_a_file_that_is_not_in_the_blob_store_cannot_be_sent() -> None:
    letter = document(files=({"id": "1", "name": "a.pdf", "url": "http://x.invalid"},))
    with pytest.raises(EncodeError) as caught:
        request(issued(letter=letter), exchange_settings())
    assert caught.value.path == "/document/files/0/reference"


@pytest.mark.parametrize("size", [1, 2, 7, 64, 1000])
def test_data_is_cut_out_of_an_answer_wherever_it_is_torn(size: int) -> None:
    body = b'{"status":"OK","ErrorCode":"0","data" : "QUJD\\/0RF\\r\\nRkc=","ErrorDesc":"x"}'
    taken = bytearray()
    cutter = DataCutter(lambda piece: taken.extend(piece))
    for start in range(0, len(body), size):
        cutter.feed(body[start : start + size])
    assert cutter.close().ok
    assert bytes(taken) == b"QUJD/0RFRkc="


@pytest.mark.parametrize("size", [1, 2, 3, 5, 1000])
def test_base64_is_read_however_json_escapes_its_letters(size: int) -> None:
    """Gson writes `=` so, the JSON writer of .NET `+`."""
    body = b'{"status":"OK","data":"Q\\u002BJD\\u002b\\u002F\\/0\\u003d\\u003d"}'
    taken = bytearray()
    cutter = DataCutter(taken.extend)
    for start in range(0, len(body), size):
        cutter.feed(body[start : start + size])
    assert cutter.close().ok
    assert bytes(taken) == b"Q+JD+//0=="


async def test_a_byte_order_mark_before_an_answer_is_passed_over() -> None:
    async with axis() as here:
        body = '\ufeff{"status":"OK","ErrorCode":"0","DocId":"a1"}'
        await here.play({"fault": "malformed", "body": body})
        assert (await here.deliver(issued())).messages


async def test_a_status_in_utf_16_does_not_stop_the_looks() -> None:
    link = DocumentLink(document_id="x", organ_id=OURS)
    told = handled(Handling.DONE, link, reporter=Organisation(id=THEIRS, name="B"))
    text = request(told, exchange_settings()).message.body.decode()
    async with axis(signature_policy="off") as here:
        await here.bring(text.replace("UTF-8", "UTF-16").encode("utf-16"), "status")
        (event,) = await here.take()
    assert (event.kind, event.data.status) == ("document.status_changed", Handling.DONE)


async def test_each_of_our_offices_gets_what_is_listed_for_it() -> None:
    async with axis(units=[OURS, "H99.03"], simulated={"systems": TWO_OFFICES}) as here:
        theirs = Organisation(id=THEIRS, name="B")
        ours = tuple(Organisation(id=each, name=each) for each in (OURS, "H99.03"))
        letter = document(sender=theirs, receivers=ours)
        package = request(issued(letter=letter), exchange_settings()).message.body
        await here.bring(package)
        edxml = base64.b64encode(package).decode()
        await here.act(do="raw", edxml=edxml, to="H99.03")
        events = await here.take()
    assert [event.data.unit for event in events] == [OURS, "H99.03"]


async def test_one_docid_for_two_of_our_offices_is_for_both_and_listed_no_longer() -> None:
    async with axis(
        units=[OURS, "H99.03"], page_count=1, simulated={"systems": TWO_OFFICES}
    ) as here:
        theirs = exchange_settings(
            here.url, system_id="vxp.saas.02", secret="bi-mat-khac", units=[THEIRS]
        )
        sender, ours = Organisation(id=THEIRS, name="B"), (OURS, "H99.03")
        letter = document(
            sender=sender, receivers=tuple(Organisation(id=each, name=each) for each in ours)
        )
        client = AxisClient("theirs", theirs, here.ground)
        await client.deliver([request(issued(letter=letter), theirs)], timeout_seconds=10)
        await client.close()
        page = await here.poller.poll("")
        await here.poller.done(page)
        events = [each for message in page.messages for each in here.decoded(message)]
        assert [event.data.unit for event in events] == [OURS, "H99.03"]
        assert len({message.id for message in page.messages}) == 2
        assert [message.headers["unit"] for message in page.messages] == [OURS, "H99.03"]
        assert len({(event.source, event.natural_key) for event in events}) == 2
        assert here.operations().count("getEdoc") == 1
        assert (await here.poller.poll("")).messages == ()
        assert (await here.state())["waiting"] == 0


async def test_statuses_without_a_time_are_told_apart_by_their_package() -> None:
    link = DocumentLink(document_id="x", organ_id=OURS)
    told = handled(Handling.RECALLED, link, reporter=Organisation(id=THEIRS, name="B"))
    package = request(told, exchange_settings()).message.body
    package = re.sub(rb"<edXML:Timestamp>.*</edXML:Timestamp>", b"", package)
    async with axis() as here:
        for _ in range(2):
            await here.bring(package, "status")
        events = await here.take()
    assert len({event.natural_key for event in events}) == 2


@pytest.mark.parametrize("organ_id", ["H99.01\r\nX-Other: 1", "Sở A", ""])
def test_an_id_that_cannot_stand_in_a_header_is_not_sent(organ_id: str) -> None:
    of = Organisation(id=organ_id, name="A")
    for told in (
        issued(letter=document(sender=of)),
        issued(letter=document(receivers=(of,))),
        handled(Handling.DONE, DocumentLink(document_id="x", organ_id=OURS), reporter=of),
    ):
        with pytest.raises(EncodeError):
            request(told, exchange_settings())


async def test_two_polls_side_by_side_do_no_harm() -> None:
    async with axis() as here:
        await here.act(do="document")
        pages = await asyncio.gather(here.poller.poll(""), here.poller.poll(""))
    assert pages[0].messages[0].id == pages[1].messages[0].id
    assert datetime.now(UTC) > pages[0].messages[0].received_at


async def test_a_client_without_axis_fails_before_sending() -> None:
    settings = exchange_settings("http://127.0.0.1:9")
    client = AxisClient("x", settings, MemoryGround())
    with pytest.raises(Unavailable):
        await client.deliver([request(issued(), settings)], timeout_seconds=2)
    await client.close()
