"""Old and new ids of organisations: agreed ones, and those that the axis lists."""

from __future__ import annotations

import base64
from collections.abc import AsyncIterator, Mapping
from contextlib import suppress
from typing import Any

import pytest

from hub.connector import Answer
from hub.connectors.document_exchange.decode import decode
from hub.connectors.document_exchange.encode import encode_with
from hub.connectors.document_exchange.ids import NOTHING, Ids, Listed, listed
from hub.connectors.document_exchange.organisations import RETRY_SECONDS, Organisations
from hub.connectors.document_exchange.poll import AxisPoller
from hub.errors import Unavailable
from hub.event import Alias
from hub.schemas.document import DocumentLink, Finding, Handling, Hop, Organisation
from hub.wire.edxml.signatures import sign
from hub.wire.xml import parse
from tests.connectors.document_examples import (
    AT,
    OURS,
    SYSTEMS,
    THEIRS,
    Axis,
    axis,
    document,
    exchange_settings,
    handled,
    identity,
    issued,
    request,
)
from tests.connectors.ground import MemoryGround

OLD = {OURS: "000.00.01.H99", THEIRS: "000.00.02.H99"}
LIST = "getAgenciesListQD20"
READS_OLD = {THEIRS: {"write_old_id": True}}


def row(code: Any, code102: Any = "", old_code: Any = "") -> dict[str, Any]:
    return {"code": code, "code102": code102, "oldCode": old_code}


# What a list says


@pytest.mark.parametrize(
    ("rows", "new", "old"),
    [
        (
            [row("H99.01", "000.00.01.H99")],
            {"000.00.01.H99": "H99.01"},
            {"H99.01": "000.00.01.H99"},
        ),
        (
            [row("H99.01", "", "000.00.01.H99")],
            {"000.00.01.H99": "H99.01"},
            {"H99.01": "000.00.01.H99"},
        ),
        # An id of another form is read, and not written to who reads the old form.
        ([row("H99.01", "", "H56.14")], {"H56.14": "H99.01"}, {}),
        # Two forms of one organisation: both are read, that of 2016 is written.
        (
            [row("H99.01", "000.00.01.H99", "000.00.09.H99")],
            {"000.00.01.H99": "H99.01", "000.00.09.H99": "H99.01"},
            {"H99.01": "000.00.01.H99"},
        ),
        # Merged units: what each was is read as what they are; which one to write is not known.
        (
            [row("H99.01", "000.00.01.H98"), row("H99.01", "000.00.01.H97")],
            {"000.00.01.H98": "H99.01", "000.00.01.H97": "H99.01"},
            {},
        ),
        # Two claim one id, or it is still in use: it says nothing.
        ([row("H99.01", "000.00.01.H99"), row("H99.02", "000.00.01.H99")], {}, {}),
        ([row("H99.01", "", "H99.02"), row("H99.02")], {}, {}),
        ([row("H99.01", "H99.01", "H99.01")], {}, {}),
        # Rows without usable ids.
        ([row("", "000.00.01.H99"), row(None, "x"), row("H99.01", "a b", 7), {}], {}, {}),
        ([], {}, {}),
    ],
)
def test_a_list_says_which_id_is_which_and_nothing_where_it_is_not_clear(
    rows: list[dict[str, Any]], new: dict[str, str], old: dict[str, str]
) -> None:
    assert listed(rows) == Listed(new, old)


LISTED = listed([row(OURS, OLD[OURS]), row(THEIRS, OLD[THEIRS]), row("H99.05", "", "H88.05")])


@pytest.mark.parametrize(
    ("partners", "wire_id", "hub_id"),
    [
        ({}, OLD[THEIRS], THEIRS),
        ({}, "000.00.77.H99", "000.00.77.H99"),
        ({}, THEIRS, THEIRS),
        ({"H99.04": {"old_id": OLD[THEIRS]}}, OLD[THEIRS], "H99.04"),
        ({"H99.04": {"other_ids": [THEIRS]}}, OLD[THEIRS], "H99.04"),
        ({"H88.05": {}}, "H88.05", "H88.05"),
        ({}, "H88.05", "H99.05"),
    ],
)
def test_what_is_agreed_wins_over_what_is_listed_when_reading(
    partners: dict[str, Any], wire_id: str, hub_id: str
) -> None:
    assert Ids(exchange_settings(partners=partners), LISTED).id_of(wire_id) == hub_id


def test_our_own_id_is_never_read_as_anothers() -> None:
    ours = exchange_settings(units=["H88.05"])
    assert Ids(ours, LISTED).id_of("H88.05") == "H88.05"


@pytest.mark.parametrize(
    ("partners", "organ", "written"),
    [
        ({}, THEIRS, THEIRS),
        (READS_OLD, THEIRS, OLD[THEIRS]),
        (READS_OLD, OURS, OLD[OURS]),
        (READS_OLD, "H99.05", "H99.05"),
        ({THEIRS: {"write_old_id": True, "old_id": "000.00.55.H99"}}, THEIRS, "000.00.55.H99"),
        # The listed id is another's, by agreement: we should not read our own word.
        (READS_OLD | {"H99.04": {"old_id": OLD[OURS]}}, OURS, OURS),
    ],
)
def test_what_is_agreed_wins_over_what_is_listed_when_writing(
    partners: dict[str, Any], organ: str, written: str
) -> None:
    assert Ids(exchange_settings(partners=partners), LISTED).wire_id(organ, THEIRS) == written


def test_only_the_ids_of_a_package_go_along_with_it() -> None:
    package = f"<a><b> {OLD[OURS]}\n</b><c>{THEIRS}</c><d>x {OLD[THEIRS]}</d></a>"
    assert LISTED.within(package, "") == {OLD[OURS]: OURS}
    assert LISTED.within("", OLD[THEIRS]) == {OLD[THEIRS]: THEIRS}
    assert NOTHING.within(package, OLD[OURS]) == {}


# On the way in


@pytest.fixture
async def here() -> AsyncIterator[Axis]:
    async with listing() as running:
        yield running


def listing(**changes: Any) -> Any:
    """An axis whose organisations had other ids before, all of which are listed."""
    both = {name: {**system, "old_ids": OLD} for name, system in SYSTEMS.items()}
    return axis(simulated={"systems": both}, **changes)


def theirs() -> bytes:
    """A package of theirs to us, with both ids of the old form."""
    said = {
        "sender": Organisation(id=OLD[THEIRS], name="Sở Thử nghiệm B"),
        "receivers": (Organisation(id=OLD[OURS], name="Sở Thử nghiệm A"),),
    }
    return request(issued(letter=document(**said)), exchange_settings()).message.body


async def test_ids_that_the_axis_lists_are_read_as_the_hubs(here: Axis) -> None:
    await here.bring(theirs())
    page = await here.poller.poll("")
    (message,) = page.messages
    read = [here.decoded(message)[0].data for _ in range(2)]
    organs = [read[0].document.sender, *read[0].document.receivers]
    assert [(each.id, each.wire_id) for each in organs] == [
        (THEIRS, OLD[THEIRS]),
        (OURS, OLD[OURS]),
    ]
    assert (read[0].unit, page.problem) == (OURS, "")
    assert here.operations()[0] == LIST


async def test_a_package_is_read_the_same_however_late(here: Axis) -> None:
    """What was listed when it came travels with it: decode asks nobody."""
    await here.bring(theirs())
    (message,) = (await here.poller.poll("")).messages
    agreed = exchange_settings(partners={"H99.04": {"old_id": OLD[THEIRS]}})
    read: list[Any] = [decode(message, each)[0] for each in (exchange_settings(), agreed)]
    ids = [each.data.document.sender.id for each in read]
    assert ids == [THEIRS, "H99.04"]


async def test_a_status_names_offices_by_what_the_axis_lists(here: Axis) -> None:
    link = DocumentLink(document_id="d-1", organ_id=OLD[OURS], code="12/STN-VP")
    told = handled(
        Handling.DONE, link, reporter=Organisation(id=OLD[THEIRS], name="Sở Thử nghiệm B")
    )
    await here.bring(request(told, exchange_settings()).message.body, "status")
    (event,) = await here.take()
    assert (event.data.reporter.id, event.data.answers.organ_id, event.data.unit) == (
        THEIRS,
        OURS,
        OURS,
    )


async def test_the_hops_of_a_package_are_read_and_written_in_the_form_of_all_other_ids(
    here: Axis,
) -> None:
    hops = (Hop(organ_id=OLD[THEIRS], at=AT), Hop(organ_id="000.00.77.H99", at=AT), Hop(at=AT))
    told = issued(letter=document(sender=Organisation(id=OLD[THEIRS])), hops=hops)
    await here.bring(request(told, exchange_settings()).message.body)
    (event,) = await here.take()
    assert [hop.organ_id for hop in event.data.hops] == [THEIRS, "000.00.77.H99", ""]
    ids = Ids(exchange_settings(partners=READS_OLD), LISTED)
    back = encode_with(issued(hops=event.data.hops), ids).body.decode()
    trace = back[back.index("TraceHeaderList") :]
    assert OLD[THEIRS] in trace
    assert THEIRS not in trace


@pytest.mark.parametrize("kind", ["edoc", "status"])
@pytest.mark.parametrize("units", [[OURS], ["H99.03", OURS]])
async def test_what_was_read_before_the_first_list_and_after_it_is_one_fact(
    kind: str, units: list[str]
) -> None:
    """The axis did not hear that it was taken, and lists it again."""
    async with listing(units=units) as here:
        await here.play({"fault": "refuse", "error_code": "20", "operation": LIST, "next_calls": 1})
        link = DocumentLink(document_id="d-1", organ_id=OLD[OURS], code="12/STN-VP")
        by = Organisation(id=OLD[THEIRS], name="Sở Thử nghiệm B")
        told = request(handled(Handling.DONE, link, reporter=by), exchange_settings()).message.body
        edxml = base64.b64encode(theirs() if kind == "edoc" else told).decode()
        await here.act(do="raw", edxml=edxml, to=OLD[OURS], type=kind)
        (first,) = (await here.poller.poll("")).messages
        late = AxisPoller("document_exchange", here.settings, here.ground)
        (again,) = (await late.poll("")).messages
        await late.close()
        events: list[Any] = [here.decoded(each)[0] for each in (first, again)]
        assert [event.data.unit for event in events] == [units[0], OURS]
        facts = [(event.source, event.natural_key) for event in events]
        assert facts[0] == facts[1]


async def test_the_office_that_the_axis_lists_by_an_old_id_is_ours() -> None:
    async with listing(units=["H99.03", OURS]) as here:
        to_another = theirs().replace(OLD[OURS].encode(), b"H99.77")
        edxml = base64.b64encode(to_another).decode()
        await here.act(do="raw", edxml=edxml, to=OLD[OURS])
        (message,) = (await here.poller.poll("")).messages
        assert message.headers["unit"] == here.decoded(message)[0].data.unit == OURS


async def test_a_signature_counts_if_the_listed_sender_may_sign() -> None:
    signer = identity("Sở Thử nghiệm B")
    async with listing(partners={THEIRS: {"certificates": [signer.pem]}}) as here:
        await here.bring(sign(parse(theirs()), lambda n: [], signer.key, signer.certificate))
        (event,) = await here.take()
        assert [each.finding for each in event.data.signatures] == [Finding.VALID]
        assert event.data.document.sender.id == THEIRS


async def test_the_list_is_pulled_once_and_again_when_it_is_old(here: Axis) -> None:
    for _ in range(3):
        await here.poller.poll("")
    other = AxisPoller("document_exchange", here.settings, here.ground)
    await other.poll("")
    assert here.operations().count(LIST) == 1
    (key,) = [key for key in here.ground.known if key[0] == "edoc.catalogue"]
    await here.ground.remember([Alias(*key, key[1], {"pulled_at": "0"})])
    late = AxisPoller("document_exchange", here.settings, here.ground)
    await late.poll("")
    assert here.operations().count(LIST) == 2
    await other.close()
    await late.close()


async def test_an_axis_without_such_a_list_is_not_asked() -> None:
    async with listing(pulls_organisations=False) as here:
        await here.bring(theirs())
        (event,) = await here.take()
        assert event.data.document.sender.id == OLD[THEIRS]
        assert LIST not in here.operations()


@pytest.mark.parametrize(
    ("fault", "code"),
    [
        ({"fault": "refuse", "error_code": "20"}, "undocumented_refusal"),
        ({"fault": "refuse", "error_code": "19"}, "account_refused"),
    ],
)
async def test_a_list_that_is_refused_is_told_and_keeps_no_package_waiting(
    here: Axis, fault: dict[str, Any], code: str
) -> None:
    await here.play({**fault, "operation": LIST})
    await here.bring(theirs())
    page = await here.poller.poll("")
    assert len(page.messages) == 1
    assert page.problem == f"the list of organisations is refused ({code})"
    assert (await here.poller.poll("")).problem == ""
    assert here.operations().count(LIST) == 1


async def test_while_the_list_cannot_be_had_every_other_look_goes_without(here: Axis) -> None:
    await here.play({"fault": "5xx", "operation": LIST, "status": 503})
    await here.bring(theirs())
    with pytest.raises(Unavailable):
        await here.poller.poll("")
    assert len((await here.poller.poll("")).messages) == 1
    assert here.operations().count(LIST) == 1


# Kept


class Clock:
    now = 1_000_000.0

    def __call__(self) -> float:
        return self.now


class Asked:
    """The axis's list; none: the axis is away."""

    def __init__(self, *rows: Mapping[str, Any]) -> None:
        self.rows: tuple[Mapping[str, Any], ...] | None = rows
        self.count = 0

    async def __call__(self) -> tuple[Mapping[str, Any], ...]:
        self.count += 1
        if self.rows is None:
            raise Unavailable("the axis is away", code="connect_failed")
        return self.rows


async def test_while_the_axis_is_away_the_last_known_list_counts() -> None:
    clock, ground, asked = Clock(), MemoryGround(), Asked(row(THEIRS, OLD[THEIRS]))
    mine, late = (Organisations("axis", exchange_settings(), ground, clock=clock) for _ in range(2))
    assert await mine.refresh(asked) == ""
    asked.rows = None
    clock.now += 30 * 86_400
    with pytest.raises(Unavailable):
        await mine.refresh(asked)
    for each in (mine, late):
        assert (await each.ids()).id_of(OLD[THEIRS]) == THEIRS


async def test_a_list_that_could_not_be_pulled_is_asked_for_again_after_a_while() -> None:
    clock, asked = Clock(), Asked()
    mine = Organisations("axis", exchange_settings(), MemoryGround(), clock=clock)
    asked.rows = None
    for wait, count in ((0, 1), (RETRY_SECONDS - 1, 1), (1, 2)):
        clock.now += wait
        with suppress(Unavailable):
            await mine.refresh(asked)
        assert asked.count == count


async def test_after_a_clock_that_was_wrong_the_list_is_pulled_anew() -> None:
    clock, asked = Clock(), Asked(row(THEIRS, OLD[THEIRS]))
    mine = Organisations("axis", exchange_settings(), MemoryGround(), clock=clock)
    for jump, count in ((0, 1), (-31_536_000, 2), (1, 2)):
        clock.now += jump
        await mine.refresh(asked)
        assert asked.count == count


async def test_a_list_of_organisations_is_pulled_again_at_its_age() -> None:
    clock, ground, asked = Clock(), MemoryGround(), Asked(row(THEIRS, OLD[THEIRS]))
    settings = exchange_settings(organisations_seconds=100)
    mine = Organisations("axis", settings, ground, clock=clock)
    for wait, count in ((0, 1), (99, 1), (1, 2)):
        clock.now += wait
        await mine.refresh(asked)
        assert asked.count == count


async def test_a_list_counts_no_more_once_it_is_not_wanted() -> None:
    ground, asked = MemoryGround(), Asked(row(THEIRS, OLD[THEIRS]))
    await Organisations("axis", exchange_settings(), ground).refresh(asked)
    unwanted = Organisations("axis", exchange_settings(pulls_organisations=False), ground)
    assert (await unwanted.ids()).id_of(OLD[THEIRS]) == OLD[THEIRS]


async def test_an_empty_list_replaces_nothing() -> None:
    clock, ground, asked = Clock(), MemoryGround(), Asked(row(THEIRS, OLD[THEIRS]))
    mine = Organisations("axis", exchange_settings(), ground, clock=clock)
    await mine.refresh(asked)
    asked.rows = ()
    clock.now += 2 * 86_400
    assert await mine.refresh(asked) == ""
    assert (await mine.ids()).id_of(OLD[THEIRS]) == THEIRS


# On the way out


async def sent_by(here: Axis, kind: str = "edoc") -> list[tuple[str, str]]:
    """Sender and receiver of each package of ours, as the axis has them."""
    asked = {"messagetype": kind, "docId": ""}
    rows = (await here.client.query("getSentEdocList", OURS, asked))["data"]
    return [(each["fromCode"], each["toCode"]) for each in rows]


async def test_who_reads_old_ids_is_written_to_in_those_that_the_axis_lists() -> None:
    async with listing(partners=READS_OLD) as here:
        await here.poller.poll("")
        told = issued()
        await here.deliver(told)
        assert await sent_by(here) == [(OLD[OURS], OLD[THEIRS])]
        asked = await here.client.ask(request(told, here.settings), timeout_seconds=5)
        assert asked.answer is Answer.TAKEN
        link = DocumentLink(document_id="d-1", organ_id=THEIRS, code="12/STN-VP")
        await here.deliver(handled(Handling.DONE, link))
        assert await sent_by(here, "status") == [(OLD[OURS], OLD[THEIRS])]


async def test_who_reads_new_ids_is_written_to_in_those(here: Axis) -> None:
    await here.poller.poll("")
    await here.deliver(issued())
    assert await sent_by(here) == [(OURS, THEIRS)]
