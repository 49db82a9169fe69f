"""What belongs together stays in order: a document, what changes it, and what is said about it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.connectors.document_exchange import answers
from hub.connectors.document_exchange.listing import BEFORE_ALL, Listing
from hub.connectors.document_exchange.poll import AxisPoller
from hub.errors import DecodeError, Rejected, Unavailable
from hub.wire.edxml import models
from hub.wire.edxml.dates import VIETNAM, write_moment
from tests.connectors.document_examples import Axis, axis, exchange_settings
from tests.connectors.ground import MemoryGround

NOW = datetime(2026, 1, 5, 10, tzinfo=UTC)


async def document_id_of(here: Axis) -> str:
    """Id of the only document that is listed, which stays listed."""
    other = AxisPoller("other", here.settings, MemoryGround())
    (message,) = (await other.poll("")).messages
    await other.close()
    (event,) = here.decoded(message)
    return str(event.data.document.document_id)


@pytest.mark.parametrize("do", ["revoke", "update", "replace", "document"])
async def test_what_changes_a_document_of_the_same_look_is_of_its_subject(do: str) -> None:
    async with axis() as here:
        await here.act(do="document", number="7")
        first = await document_id_of(here)
        await here.act(do=do, about=first, number="8")
        page = await here.poller.poll("")
    events = [here.decoded(message)[0] for message in page.messages]
    assert [event.subject for event in events] == [first, first]
    assert {message.key for message in page.messages} == {first}


async def test_a_status_of_a_document_of_the_same_look_follows_it_on_its_way() -> None:
    async with axis() as here:
        await here.act(do="document", number="7", title="V/v hồ sơ H99.01-260105-0001")
        first = await document_id_of(here)
        await here.act(do="status", code="13", about=first)
        page = await here.poller.poll("")
    assert [here.decoded(message)[0].kind for message in page.messages] == [
        "document.received",
        "document.status_changed",
    ]
    assert {message.key for message in page.messages} == {"H99.01-260105-0001"}


async def test_documents_and_statuses_come_in_the_order_of_their_times() -> None:
    async with axis() as here:
        for number, (do, minute) in enumerate(
            [("document", 3), ("status", 1), ("document", 2), ("status", 2), ("status", 4)]
        ):
            await here.act(
                do=do,
                code="03",
                about=f"x{number}",
                number=str(number),
                listed_at=f"2026/01/05 10:0{minute}:00",
            )
        page = await here.poller.poll("")
    numbers = [int(message.headers["doc_id"], 16) for message in page.messages]
    assert numbers == [2, 3, 4, 1, 5]


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("31/12/2025 23:59:59", "01/01/2026 00:00:01"),
        ("2026-01-05T09:00:00.9+07:00", "2026-01-05T09:00:01.1+07:00"),
        ("2026-01-05 09:00:00.100", "2026-01-05 09:00:00.200"),
        ("1767578400000", "1767578400001"),
    ],
)
async def test_a_time_of_any_form_tells_what_was_listed_first(first: str, second: str) -> None:
    async with axis() as here:
        await here.act(do="document", number="2", listed_at=second)
        await here.act(do="status", code="03", about="x", listed_at=first)
        page = await here.poller.poll("")
    assert [int(message.headers["doc_id"], 16) for message in page.messages] == [2, 1]


async def test_a_document_that_is_refused_is_known_to_nobody() -> None:
    async with axis(signature_policy="enforce") as here:
        await here.act(do="document", number="7")
        (message,) = (await here.poller.poll("")).messages
        with pytest.raises(DecodeError):
            here.decoded(message)
        assert "edoc.document" not in {kind for kind, _ in here.ground.known}


async def test_what_is_asked_again_has_the_same_key_and_subject() -> None:
    async with axis() as here:
        await here.act(do="document", number="7", title="V/v hồ sơ H99.01-260105-0001")
        pages = [await here.poller.poll("") for _ in range(2)]
    one, two = (page.messages[0] for page in pages)
    assert (one.id, one.key) == (two.id, two.key)
    assert here.decoded(one)[0].subject == here.decoded(two)[0].subject


# Lists that are too long


class LongAxis:
    """An axis that lists these (kind, moment), and whose answers are read up to a limit."""

    def __init__(self, limit: int, *listed: tuple[str, datetime], periods: str = "known") -> None:
        self.limit = limit
        self.periods = periods
        self.rows = {str(number): each for number, each in enumerate(listed)}
        self.asked: list[str] = []

    async def call(self, path: str, logical: Any, seconds: float) -> answers.AxisAnswer:
        self.asked.append(logical["messagetype"])
        until = logical.get("toDate")
        if until is not None and self.periods == "refused":
            raise Rejected("no", documented=False)
        last = datetime.max.replace(tzinfo=VIETNAM)
        if until is not None and self.periods == "known":
            last = datetime.strptime(until, "%d/%m/%Y %H:%M:%S").replace(tzinfo=VIETNAM)
        if until is not None and self.periods == "misread":
            last = BEFORE_ALL
        found = [
            {"docId": doc_id, "created_time": write_moment(at), "from": "A", "to": "B"}
            for doc_id, (kind, at) in reversed(self.rows.items())
            if kind == logical["messagetype"] and at <= last
        ]
        if len(found) > self.limit:
            raise Unavailable("the answer is too large", code="reply_too_large")
        return answers.AxisAnswer({"data": found}, "0", ok=True)

    def listing(self, **changes: Any) -> Listing:
        return Listing(exchange_settings(**changes), self, clock=lambda: NOW)


def at(second: int) -> datetime:
    return NOW + timedelta(seconds=second)


@given(
    limit=st.integers(1, 6),
    listed=st.lists(
        st.tuples(st.sampled_from([models.DOCUMENT, models.STATUS]), st.integers(-9000, 0)),
        max_size=25,
        unique_by=lambda row: row[1],
    ),
    enough=st.integers(1, 4),
)
async def test_a_list_of_any_length_is_read_to_its_end_oldest_first(
    limit: int, listed: list[tuple[str, int]], enough: int
) -> None:
    long = LongAxis(limit, *((kind, at(second)) for kind, second in listed))
    listing, taken = long.listing(), []
    for _ in range(len(listed)):
        rows = (await listing.look(enough))[:enough]
        taken += [long.rows.pop(row["docId"])[1] for row in rows]
    assert await listing.look(enough) == []
    assert not long.rows
    assert taken == sorted(taken)
    assert not listing.is_cut


async def test_statuses_are_listed_before_the_documents_they_may_be_about() -> None:
    long = LongAxis(9)
    await long.listing().look(1)
    assert long.asked == [models.STATUS, models.DOCUMENT]


@pytest.mark.parametrize("periods", ["ignored", "refused", "misread"])
async def test_a_long_list_of_an_axis_that_knows_no_periods_is_told(periods: str) -> None:
    long = LongAxis(1, *((models.DOCUMENT, at(-each)) for each in range(2)), periods=periods)
    with pytest.raises(Unavailable) as caught:
        await long.listing().look(1)
    assert caught.value.code == "list_too_long"
    assert "raise reply_bytes" in str(caught.value)
    assert len(long.asked) < 40
    long.limit = 2
    assert len(await long.listing().look(1)) == 2


async def test_an_axis_that_is_said_to_know_no_periods_is_not_asked_for_one() -> None:
    long = LongAxis(1, *((models.DOCUMENT, at(-each)) for each in range(2)))
    with pytest.raises(Unavailable):
        await long.listing(period_form="").look(1)
    assert len(long.asked) == 2


async def test_more_of_one_second_than_fits_is_told_once_what_was_before_is_taken() -> None:
    long = LongAxis(1, *((models.DOCUMENT, at(each)) for each in (-5, -5, -9)))
    listing = long.listing()
    (first,) = await listing.look(1)
    del long.rows[first["docId"]]
    assert first["created_time"] == write_moment(at(-9))
    with pytest.raises(Unavailable) as caught:
        await listing.look(1)
    assert caught.value.code == "list_too_long"


async def _list_bytes(here: Axis) -> int:
    """Size of the list of documents as the axis answers it."""
    calls = here.poller._calls
    asked = {"servicetype": models.SERVICE_TYPE, "messagetype": models.DOCUMENT}
    answer = await calls.call(models.RECEIVED_LIST, asked, 5)
    return len(orjson.dumps(answer.fields))


@pytest.mark.parametrize("spare", [0, -1])
async def test_a_list_at_the_limit_is_read_whole_and_a_longer_one_from_its_old_end(
    spare: int,
) -> None:
    async with axis() as here:
        for minute in range(4):
            day = f"2026/01/05 10:0{minute}:00"
            await here.act(do="document", number=str(minute), listed_at=day)
        size = await _list_bytes(here) + spare
        narrow = here.settings.model_copy(update={"reply_bytes": size, "page_count": 2})
        poller = AxisPoller("x", narrow, here.ground)
        taken, problems = [], []
        for _ in range(3):
            page = await poller.poll("")
            await poller.done(page)
            taken += [int(message.headers["doc_id"], 16) for message in page.messages]
            problems.append(page.problem)
        await poller.close()
    told = "the list is longer than reply_bytes and is read from its old end"
    assert taken == [1, 2, 3, 4]
    assert problems == ["" if spare == 0 else told, "", ""]
