"""The tracking feed and what translation keeps: no entry is lost, doubled or turned round."""

from __future__ import annotations

import json
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.connectors.public_post.decode import decode, message, oid_of
from hub.connectors.public_post.encode import encode
from hub.connectors.public_post.numbers import order_number, service_of
from hub.connectors.public_post.poll import FeedPoller
from hub.connectors.public_post.settings import Suffixes
from hub.errors import DecodeError, EncodeError, Unavailable
from hub.event import Event
from hub.schemas.post import KIND_OF_STATE, ParcelEvent, ParcelState, PostErrand
from tests.connectors.post_examples import CITIZEN, CODE, Post, cancelled, ordered, post, settings

SUFFIXES = Suffixes.model_validate({})
PAGE = {"_returned": 1, "_total_pages": 1}


async def entries_of(door: Post, cursor: str = "") -> list[str]:
    """Status codes of what one look gives."""
    page = await door.poller.poll(cursor)
    return [event.data.state_code for event in door.events(*page.messages)]


# The cursor


async def test_a_long_feed_is_read_page_by_page_and_each_entry_once() -> None:
    async with post(feed={"page_count": 2}) as door:
        for number in range(1, 4):
            await door.deliver(ordered(number=number))
        for _ in range(3):
            await door.move()
        kinds, page = await door.look()
        assert (len(kinds), kinds.count("post.delivered")) == (9, 3)
        assert (await door.look(page.cursor))[0] == []
        await door.move(CustomerCode="HCC.H99.01", OrderNumber=CODE, StatusCode="100")
        assert await entries_of(door, page.cursor) == ["100"]


async def test_a_repeated_look_gives_the_same_messages() -> None:
    async with post() as door:
        await door.deliver(ordered())
        await door.move()
        first, again = await door.poller.poll(""), await door.poller.poll("")
        assert [m.id for m in first.messages] == [m.id for m in again.messages]
        assert first.messages[0].key == f"HCC.H99.01/{CODE}"


async def test_an_entry_that_the_feed_gives_twice_is_taken_once() -> None:
    async with post() as door:
        await door.deliver(ordered())
        await door.move()
        await door.play({"fault": "duplicate", "operation": "tracking"})
        page = await door.poller.poll("")
        assert len(page.messages) == 1
        assert (await door.poller.poll(page.cursor)).messages == ()


@pytest.mark.parametrize("page_count", [1, 100])
async def test_an_entry_that_appears_late_is_found_by_the_overlap(page_count: int) -> None:
    async with post(feed={"overlap_seconds": 60, "page_count": page_count}) as door:
        await door.deliver(ordered())
        await door.move()
        _, page = await door.look()
        late = {"CustomerCode": "HCC.H99.01", "OrderNumber": CODE, "StatusCode": "70"}
        await door.move(**late, behind=True)
        kinds, after = await door.look(page.cursor)
        assert (kinds, after.cursor) == (["post.tracked"], page.cursor)
        assert (await door.look(page.cursor))[0] == []
        await door.move(**late | {"StatusCode": "90"})
        assert (await door.look(page.cursor))[0] == ["post.delivered"]


async def test_a_late_entry_is_found_wherever_in_the_overlap_it_stands() -> None:
    async with post(feed={"overlap_seconds": 60, "page_count": 1}) as door:
        await door.deliver(ordered())
        for _ in range(3):
            await door.move()
        _, page = await door.look()
        late = {"CustomerCode": "HCC.H99.01", "OrderNumber": CODE, "StatusCode": "100"}
        await door.move(**late, behind=True)
        assert await entries_of(door, page.cursor) == ["100"]
        # A worker that has just begun has given nothing yet, and ends its look all the same.
        begun = FeedPoller("public_post", door.settings, door.ground)
        again = await begun.poll(page.cursor)
        await begun.close()
        assert (len(again.messages), again.cursor) == (3, page.cursor)


async def test_an_overlap_that_repeats_one_page_does_not_hold_the_look() -> None:
    async with post(feed={"overlap_seconds": 60, "page_count": 1}) as door:
        await door.play({"fault": "malformed", "operation": "tracking", "body": page_of("05")})
        page = await door.poller.poll(oid("07"))
        assert (len(page.messages), page.more, page.cursor) == (1, False, oid("07"))


async def test_an_entry_without_an_id_is_given_once() -> None:
    odd = '{"CustomerCode": "HCC.H99.01", "OrderNumber": "x"}'
    body = json.dumps(PAGE)[:-1] + ', "_embedded": {"rh:doc": [' + odd + "]}}"
    async with post() as door:
        await door.play({"fault": "malformed", "operation": "tracking", "body": body})
        for _ in range(2):
            page = await door.poller.poll(oid("05"))
            assert len(page.messages) == 1
        await door.poller.done(page)
        assert (await door.poller.poll(oid("05"))).messages == ()


async def test_without_overlap_what_stands_behind_the_cursor_is_passed_over() -> None:
    async with post() as door:
        await door.play(
            {"fault": "malformed", "operation": "tracking", "body": page_of("05", "09")}
        )
        page = await door.poller.poll(oid("07"))
        assert ([oid_of(orjson.loads(m.body)) for m in page.messages]) == [oid("09")]
        assert (page.cursor, page.more) == (oid("09"), False)


async def test_a_feed_that_stands_still_does_not_hold_the_look() -> None:
    async with post(feed={"page_count": 1}) as door:
        await door.play({"fault": "malformed", "operation": "tracking", "body": page_of("05")})
        page = await door.poller.poll(oid("05"))
        assert (page.messages, page.more) == ((), False)


async def test_the_first_look_begins_where_the_settings_say() -> None:
    async with post(feed={"first_id": "ffffffff0000000000000000"}) as door:
        await door.deliver(ordered())
        await door.move()
        assert (await door.look())[0] == []


async def test_entries_keep_their_exact_bytes_and_odd_ones_do_not_move_the_cursor() -> None:
    odd = '{"_id": 7,  "OrderNumber":"x"}'
    body = json.dumps(PAGE)[:-1] + ', "_embedded": {"rh:doc": [' + odd + ", 5]}}"
    async with post() as door:
        await door.play({"fault": "malformed", "operation": "tracking", "body": body})
        page = await door.poller.poll("abc")
        assert [m.body for m in page.messages] == [odd.encode(), b"5"]
        assert (page.cursor, page.messages[0].id) != ("", page.messages[1].id)
        assert (page.cursor, page.receipts) == ("abc", ())


async def test_ids_of_another_kind_are_taken_in_the_order_of_the_feed() -> None:
    rows = [{"_id": {"$oid": name}} for name in ("m-9", "m-10")]
    body = json.dumps({**PAGE, "_embedded": {"rh:doc": rows}})
    async with post() as door:
        await door.play({"fault": "malformed", "operation": "tracking", "body": body})
        page = await door.poller.poll("m-8")
        assert (len(page.messages), page.cursor) == (2, "m-10")


@pytest.mark.parametrize(
    "body", ["", "[]", "{}", '{"_embedded": 5}', '{"_embedded": {"rh:doc": 5}}']
)
async def test_what_is_no_page_is_asked_for_again_later(body: str) -> None:
    async with post() as door:
        await door.play({"fault": "malformed", "operation": "tracking", "body": body})
        with pytest.raises(Unavailable) as caught:
            await door.poller.poll("")
        assert caught.value.code == "malformed_reply"


async def test_a_byte_order_mark_before_a_page_is_passed_over() -> None:
    async with post() as door:
        await door.play(
            {"fault": "malformed", "operation": "tracking", "body": f"\ufeff{page_of('01')}"}
        )
        assert len((await door.poller.poll("")).messages) == 1


async def test_an_empty_feed_and_a_lost_page_change_nothing() -> None:
    async with post() as door:
        empty = '{"_size": 0, "_total_pages": 0, "_returned": 0}'
        await door.play({"fault": "malformed", "operation": "tracking", "body": empty})
        assert (await door.poller.poll("x")).cursor == "x"
        await door.play({"fault": "timeout_after_success", "operation": "tracking", "then": "cut"})
        with pytest.raises(Unavailable):
            await door.poller.poll("x")
        with pytest.raises(Unavailable):
            await door.client.probe()


def oid(tail: str) -> str:
    """An ObjectId that ends so."""
    return f"695b7f00000000000000{tail:0>4}"


def page_of(*tails: str) -> str:
    """A page of entries with these ids."""
    return json.dumps({**PAGE, "_embedded": {"rh:doc": [{"_id": {"$oid": oid(t)}} for t in tails]}})


# Order numbers


@given(
    st.text(min_size=1, max_size=40).filter(lambda code: code == code.strip()),
    st.sampled_from([PostErrand.PICK_UP, PostErrand.RETURN, PostErrand.BOTH]),
    st.integers(1, 9999),
)
def test_an_order_number_tells_its_service_or_is_not_made(
    code: str, service: PostErrand, number: int
) -> None:
    try:
        made = order_number(code, service, number, SUFFIXES)
    except EncodeError as error:
        assert error.path == "/data/code"  # noqa: PT017 - either end is right
    else:
        assert service_of(made, SUFFIXES) is service
        assert made.startswith(code)


def test_a_code_that_looks_like_another_order_is_not_sent() -> None:
    with pytest.raises(EncodeError):
        encode(ordered(code=f"{CODE}-TG"), settings())
    with pytest.raises(EncodeError):
        encode(cancelled("unknown"), settings())


# Translation


@pytest.mark.parametrize(
    ("event", "path"),
    [
        (ordered(unit="H00"), "/data/unit"),
        (cancelled(unit="H00"), "/data/unit"),
        (ordered("unknown"), "/data/service"),
        (ordered(receiver=None), "/data/receiver"),
        (ordered("pick_up", sender=None), "/data/sender"),
        (ordered(receiver={**CITIZEN, "phone": " "}), "/data/receiver/phone"),
        (ordered("pick_up", sender={**CITIZEN, "province_code": ""}), "/data/sender/province_code"),
        (
            ordered("pick_up", sender={**CITIZEN, "district_code": "x"}),
            "/data/sender/district_code",
        ),
        (ordered("both", cod_amount_vnd=1), "/data/cod_amount_vnd"),
        (ordered("both", item_code="EA1"), "/data/item_code"),
        (ordered("both", procedure=None), "/data/procedure"),
        (ordered("both", receiver=None), "/data/receiver"),
    ],
)
def test_what_the_post_would_refuse_is_not_sent(event: Event, path: str) -> None:
    with pytest.raises(EncodeError) as caught:
        encode(event, settings())
    assert caught.value.path.startswith(path)


def test_a_deployment_may_register_single_services_too() -> None:
    block = settings(pick_up_as="document", return_as="document")
    sent = orjson.loads(encode(ordered("pick_up", procedure={"code": "1.1"}), block).body)
    assert (sent["IsSendDocument"], sent["IsReceiveResult"]) == (True, False)
    assert "ResultReceiver" not in sent
    sent = orjson.loads(encode(ordered("return", procedure={"code": "1.1"}), block).body)
    assert (sent["IsSendDocument"], sent["IsReceiveResult"]) == (False, True)
    assert "DocumentSender" not in sent


def tracked(**fields: Any) -> Event:
    """The event of one entry."""
    entry = {
        "_id": {"$oid": oid("01")},
        "CustomerCode": "HCC.H99.01",
        "OrderNumber": CODE,
        "StatusCode": "50",
    }
    body = json.dumps({**entry, **fields}).encode()
    (event,) = decode(message(body, "tracking"), settings())
    assert isinstance(event, Event)
    return event


TEXT = st.text(st.characters(exclude_characters="\x00", exclude_categories=["Cs"]), max_size=50)


@given(TEXT, TEXT, TEXT, st.integers(1, 4_102_444_800), st.booleans())
def test_an_entry_keeps_every_field(
    said: str, notes: str, office: str, epoch: int, milliseconds: bool
) -> None:
    event = tracked(
        StatusMessage=said,
        Notes=notes,
        POSID=office,
        EventTime=epoch * 1000 if milliseconds and epoch > 100_000_000 else epoch,
        Extra=[said],
    )
    data = event.data
    assert isinstance(data, ParcelEvent)
    kept = {"message": said, "notes": notes, "post_office": office}
    assert {name: getattr(data, name) for name in kept} == {
        name: text if text.strip() else "" for name, text in kept.items()
    }
    assert data.at is not None
    assert (int(data.at.timestamp()), data.unknown) == (epoch, {"Extra": [said]})


@pytest.mark.parametrize(
    "epoch",
    [0, -5, True, None, "", "x", 1e300, "9" * 15, 10**17, {"$date": "x"}, [1], float("1e18")],
)
def test_an_unreadable_time_is_kept_as_text_only(epoch: Any) -> None:
    data = tracked(EventTime=epoch).data
    assert isinstance(data, ParcelEvent)
    assert data.at is None
    assert bool(data.originals) == (epoch is not None)


@pytest.mark.parametrize("code", [90, 90.0, "90"])
def test_a_status_is_the_same_however_json_writes_the_number(code: Any) -> None:
    event = tracked(StatusCode=code)
    assert (event.kind, event.data.state_code) == ("post.delivered", "90")


@pytest.mark.parametrize("state", ParcelState)
def test_every_state_can_be_mapped_and_has_its_kind(state: ParcelState) -> None:
    block = settings(feed={"statuses": {"7": {"state": state, "service": "pick_up"}}})
    body = json.dumps(
        {"_id": {"$oid": "a"}, "CustomerCode": "c", "OrderNumber": "n", "StatusCode": 7}
    ).encode()
    (event,) = decode(message(body, "tracking"), block)
    assert isinstance(event, Event)
    assert event.kind == KIND_OF_STATE[state]
    assert (event.about, event.once) == (("post.order", "c/n"), True)
    assert isinstance(event.data, ParcelEvent)
    assert event.data.service == "pick_up"


@pytest.mark.parametrize("size", [2000, 2001])
def test_a_text_is_read_up_to_its_limit(size: int) -> None:
    if size > 2000:
        with pytest.raises(DecodeError) as caught:
            tracked(Notes="x" * size)
        assert caught.value.path == "/Notes"
    else:
        assert len(tracked(Notes="x" * size).data.notes) == size
