"""Outbound and effects: what is sent, what is asked first, and what errors become."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from typing import Any

import pytest

from hub.connector import Answer, Asked, Operation, Repetition, Reply, Request
from hub.effects import Effects, json_of, reply_of
from hub.errors import (
    DecodeError,
    EncodeError,
    Expired,
    HubError,
    Rejected,
    StoreAway,
    Unavailable,
    UnknownOutcome,
)
from hub.event import Alias, Event, EventData
from hub.held import Claim, Effect
from hub.lanes import Item
from hub.message import Message, Position
from hub.outbound import ENTERED_HEADER, Outbound, facts_of, held_row
from hub.outbox import Outbox
from hub.outcome import State
from hub.parking import Cause
from hub.route import Route, Terms
from tests.engine import toy
from tests.engine.memory import MemoryRecord, MemoryStore
from tests.engine.station import Topics
from tests.engine.virtual import clock, pass_time, run

ASKABLE = Operation("push", Repetition.ASKABLE, settle_seconds=60)
DANGEROUS = Operation("push", Repetition.DANGEROUS)
HARMLESS = Operation("push", Repetition.HARMLESS)


def record(subject: str = "A", number: int = 1, **changes: Any) -> MemoryRecord:
    key, value, headers = toy.event_record(subject, number)
    return replace(MemoryRecord(7, key, value, tuple(headers)), **changes)


def item(**changes: Any) -> Item:
    return Item(7, record(**changes), taken_at=0.0)


class Bench:
    """One route's outbound side with everything around it in memory."""

    def __init__(
        self,
        *operations: Operation,
        settings: object = None,
        terms: Terms | None = None,
        **more: Any,
    ) -> None:
        self.store = MemoryStore(clock)
        self.topics = Topics()
        self.outbox = Outbox(self.topics, lambda _: None)
        self.destination = toy.Destination()
        self.effects = Effects(self.store, self.destination, now=clock)
        self.aliases: list[Alias] = []
        self.outbound = Outbound(
            Route(name="r", to="toy", kinds=("*",), terms=terms or Terms(timeout_seconds=1)),
            toy.connector(*operations),
            settings,
            self.destination,
            effects=self.effects,
            outbox=self.outbox,
            put_aliases=self._put,
            **more,
        )

    async def _put(self, aliases: Any) -> None:
        self.aliases += aliases

    async def claim(self) -> Claim:
        claim = await self.store.claim("r", 0, "w", 60)
        assert claim is not None
        return claim

    def encode(self, given: Item | None = None) -> tuple[Request, Operation]:
        given = given or item()
        return self.outbound.encode(given, facts_of(given, 0))

    async def send(self) -> Reply:
        request, operation = self.encode()
        return await self.outbound.send(await self.claim(), [request], operation)

    def states(self) -> list[str]:
        return [effect.state for _, effect in sorted(self.store.ledger.items())]


def test_a_connector_without_encode_cannot_deliver() -> None:
    bench = Bench()
    connector = replace(toy.connector(), encode=None)
    with pytest.raises(EncodeError):
        Outbound(
            bench.outbound.route,
            connector,
            None,
            bench.destination,
            effects=bench.effects,
            outbox=bench.outbox,
            put_aliases=bench._put,
        )


@pytest.mark.parametrize(
    ("when", "lean"),
    [
        ("", True),
        ('source.startsWith("/connectors/toy/")', True),
        ('subject == "A" && unit != ""', True),
        ('data.status == "processing"', False),
    ],
)
def test_events_are_read_lean_unless_the_condition_looks_into_them(when: str, lean: bool) -> None:
    def encode(event: Event, settings: object) -> Message:
        seen.append(isinstance(event.data, EventData))
        return Message("toy", "push", event.subject.encode())

    seen: list[bool] = []
    bench = Bench()
    outbound = Outbound(
        Route(name="r", to="toy", kinds=("*",), when=when),
        replace(toy.connector(), encode=encode, reads_lean=True),
        None,
        bench.destination,
        effects=bench.effects,
        outbox=bench.outbox,
        put_aliases=bench._put,
    )
    request, _ = outbound.encode(item(), facts_of(item(), 0))
    assert request.message.body == b"A"
    assert seen == [not lean]


def test_the_operation_key_is_the_same_whenever_and_whoever_encodes() -> None:
    first, _ = Bench().encode()
    again, _ = Bench().encode()
    other, _ = Bench().encode(Item(8, record(number=2), 0.0))
    assert first.operation_key == again.operation_key != other.operation_key


@pytest.mark.parametrize(
    ("given", "settings", "code"),
    [
        (item(number=toy.UNSPEAKABLE), None, "unencodable"),
        (item(), "bug", "connector_bug"),
        (item(), {1: "unheard of"}, "unencodable"),
        (item(value=b"{"), None, "undecodable"),
        (item(value=None), None, "undecodable"),
        (item(headers=()), None, "unknown_kind"),
    ],
)
def test_what_can_never_be_sent_says_why(given: Item, settings: object, code: str) -> None:
    with pytest.raises((EncodeError, DecodeError)) as refused:
        Bench(settings=settings).encode(given)
    assert refused.value.code == code


def test_an_event_expires_by_the_time_it_entered_kafka_also_after_it_was_held() -> None:
    bench = Bench(terms=Terms(expires_after_seconds=3600))
    old = item(timestamp=1_000_000)
    with pytest.raises(Expired):
        bench.encode(old)
    kept = held_row(old, facts_of(old, 0), "r")
    with pytest.raises(Expired):
        bench.encode(Item(7, kept, 0.0, held=True))


def test_a_held_row_is_the_record_as_it_was() -> None:
    given = item()
    facts = facts_of(given, 3)
    row = held_row(given, facts, "r")
    assert (row.key, row.value) == (given.record.key, given.record.value)
    assert row.position == Position("events", 3, 7)
    assert (row.subject, row.kind, row.unit) == ("A", toy.KIND, toy.UNIT)
    assert row.event_id == facts.event_id == toy.event_id("A", 1)
    assert {n: v for n, v in row.headers.items() if n != ENTERED_HEADER} == facts.headers
    assert held_row(Item(7, row, 0.0, held=True), facts, "r") is row
    assert facts_of(Item(7, row, 0.0, held=True), 3).event_id == row.event_id


def test_a_foreign_record_gets_an_id_of_its_position_so_that_two_are_not_one() -> None:
    bare = item(key=None, headers=())
    ids = {facts_of(Item(n, bare.record, 0.0), 0).event_id for n in (1, 2)}
    assert len(ids) == 2
    assert facts_of(bare, 0).event_id == facts_of(bare, 0).event_id
    row = held_row(bare, facts_of(bare, 0), "r")
    assert (row.key, row.subject) == (b"", "")


@pytest.mark.parametrize("held", [False, True])
def test_a_dead_letter_keeps_bytes_and_headers_and_says_why(held: bool) -> None:
    async def main() -> None:
        bench = Bench()
        given = item()
        facts = facts_of(given, 0)
        if held:
            given = Item(7, held_row(given, facts, "r"), 0.0, held=True)
        given.attempts = 4
        bench.outbound.bury(given, facts, Cause("rejected", "no", "E1"))
        await bench.outbox.flush()
        ((key, value, headers),) = bench.topics.records["dead.r"]
        sent = toy.event_record("A", 1)
        assert (key, value, list(headers)[:-5]) == sent
        assert dict(headers[-5:]) == {
            "hub-reason": b"rejected",
            "hub-text": b"no",
            "hub-route": b"r",
            "hub-position": b"events/0/7",
            "hub-attempts": b"4",
        }

    run(main())


def test_a_reply_s_messages_and_aliases_are_on_their_way_when_send_returns() -> None:
    async def main() -> None:
        bench = Bench()
        alias = Alias("parcel", "EA1", "A")
        bench.destination.replies.append(Reply((toy.message("A", 9),), (alias,), "00"))
        reply = await bench.send()
        assert reply.foreign_code == "00"
        assert bench.aliases == [alias]
        await bench.outbox.flush()
        assert [value for _, value, _ in bench.topics.records["in.toy"]] == [b"A|9"]

    run(main())


def deliverer(error: BaseException | None) -> Callable[..., Awaitable[Reply]]:
    async def deliver(requests: object, *, timeout_seconds: float) -> Reply:
        if error is None:
            await asyncio.Event().wait()
        assert error is not None
        raise error

    return deliver


@pytest.mark.parametrize(
    ("error", "raised", "code", "state"),
    [
        (None, UnknownOutcome, "timeout", "started"),
        (ZeroDivisionError(), UnknownOutcome, "connector_bug", "started"),
        (UnknownOutcome("?"), UnknownOutcome, "unknown_outcome", "started"),
        (Unavailable("no"), Unavailable, "unavailable", "not_taken"),
        (Rejected("no"), Rejected, "rejected", "not_taken"),
    ],
)
def test_what_goes_wrong_in_a_call_is_ours_and_written_down(
    error: BaseException | None, raised: type[HubError], code: str, state: str
) -> None:
    async def main() -> None:
        for operation, expected in ((HARMLESS, []), (ASKABLE, [state])):
            bench = Bench(operation)
            bench.destination.deliver = deliverer(error)  # type: ignore[method-assign, assignment]  # one bad call
            with pytest.raises(raised) as found:
                await bench.send()
            assert found.value.code == code
            assert bench.states() == expected

    run(main())


@pytest.mark.parametrize("error", [None, ZeroDivisionError(), Unavailable("no", code="timeout")])
def test_a_probe_that_fails_in_any_way_says_that_the_destination_is_away(
    error: BaseException | None,
) -> None:
    async def probe() -> str:
        if error is None:
            await asyncio.Event().wait()
        assert error is not None
        raise error

    async def main() -> None:
        bench = Bench()
        await bench.outbound.probe()
        bench.destination.probe = probe  # type: ignore[method-assign]  # one bad call
        with pytest.raises(Unavailable) as found:
            await bench.outbound.probe()
        bug = isinstance(error, ZeroDivisionError)
        assert found.value.code == ("connector_bug" if bug else "timeout")

    run(main())


def test_how_it_ended_is_said_with_everything_that_is_known() -> None:
    async def main() -> None:
        bench = Bench()
        given = item()
        given.attempts = 2
        facts = facts_of(given, 0)
        bench.outbound.report(
            given, facts, State.DELIVERED, cause=Cause("", foreign_code="00"), operation_key="k"
        )
        await bench.outbox.flush()
        (outcome,) = bench.topics.outcomes()
        assert (outcome.name, outcome.subject, outcome.kind) == ("r", "A", toy.KIND)
        assert (outcome.unit, outcome.event_id) == (toy.UNIT, toy.event_id("A", 1))
        assert (outcome.position, outcome.attempts) == ("events/0/7", 2)
        assert (outcome.foreign_code, outcome.operation_key) == ("00", "k")

    run(main())


def test_a_guarded_request_is_written_down_before_it_is_sent_and_never_sent_twice() -> None:
    async def main() -> None:
        for operation in (ASKABLE, DANGEROUS):
            bench = Bench(operation)
            await bench.send()
            assert bench.states() == ["taken"]
            await bench.send()
            assert len(bench.destination.rows) == 1
            assert bench.outbound.group_count(operation) == 1
        bench = Bench(HARMLESS)
        await bench.send()
        await bench.send()
        assert len(bench.destination.rows) == 2
        assert not bench.store.ledger
        assert bench.outbound.repetition(HARMLESS) is Repetition.HARMLESS
        assert bench.outbound.repetition(None) is Repetition.HARMLESS

    run(main())


async def started(bench: Bench, operation: Operation, state: str = "started") -> Request:
    request, _ = bench.encode()
    key = request.operation_key
    effect = Effect(key, 0, "r", "A", "started")
    await bench.store.begin_effects(await bench.claim(), [effect])
    await bench.effects.after(request, state)
    return request


@pytest.mark.parametrize(
    ("answer", "seconds", "after"),
    [
        (Answer.TAKEN, 0, ["taken"]),
        (Answer.NOT_TAKEN, 61, ["started", "started"]),
        (Answer.NOT_TAKEN, 59, ["started"]),
        (Answer.UNKNOWN, 61, ["started"]),
    ],
)
def test_an_earlier_sending_is_asked_about(
    answer: Answer, seconds: float, after: list[str]
) -> None:
    async def main() -> None:
        bench = Bench(ASKABLE)
        request = await started(bench, ASKABLE)
        await pass_time(seconds)
        bench.destination.answers[request.operation_key] = answer
        asking = bench.effects.before(await bench.claim(), request, ASKABLE, 5)
        if after == ["started"]:
            with pytest.raises(UnknownOutcome):
                await asking
        else:
            assert (await asking is not None) is (answer is Answer.TAKEN)
        assert bench.states() == after

    run(main())


def test_a_dangerous_request_whose_end_is_unknown_waits_for_a_person() -> None:
    async def main() -> None:
        bench = Bench(DANGEROUS)
        request = await started(bench, DANGEROUS)
        with pytest.raises(UnknownOutcome):
            await bench.effects.before(await bench.claim(), request, DANGEROUS, 5)
        assert not bench.destination.asked

    run(main())


def test_what_was_surely_not_taken_is_sent_again_as_the_next_step() -> None:
    async def main() -> None:
        bench = Bench(DANGEROUS)
        request = await started(bench, DANGEROUS, "not_taken")
        assert await bench.effects.before(await bench.claim(), request, DANGEROUS, 5) is None
        assert [step for _, step in sorted(bench.store.ledger)] == [0, 1]
        await bench.effects.after(request, "taken")
        assert bench.states() == ["not_taken", "taken"]

    run(main())


@pytest.mark.parametrize(
    ("error", "raised", "code"),
    [
        (None, UnknownOutcome, "timeout"),
        (ZeroDivisionError(), UnknownOutcome, "connector_bug"),
        (Unavailable("no"), Unavailable, "unavailable"),
    ],
)
def test_a_question_without_an_answer_sends_nothing(
    error: BaseException | None, raised: type[HubError], code: str
) -> None:
    async def ask(request: Request, *, timeout_seconds: float) -> Asked:
        if error is None:
            await asyncio.Event().wait()
        assert error is not None
        raise error

    async def main() -> None:
        bench = Bench(ASKABLE)
        await started(bench, ASKABLE)
        bench.destination.ask = ask  # type: ignore[method-assign]  # one bad call
        with pytest.raises(raised) as found:
            await bench.send()
        assert found.value.code == code
        assert not bench.destination.rows

    run(main())


A_REPLY = Reply(
    messages=(Message("toy", "reply", b"\x00{}", key="A", headers={"unit": "U"}, id="m"),),
    aliases=(Alias("toy.parcel", "EA1", "A", {"amount": "5"}),),
    foreign_code="100",
)


def test_a_reply_survives_the_ledger() -> None:
    assert reply_of(json.loads(json.dumps(json_of(A_REPLY)))) == A_REPLY
    assert reply_of(None) == Reply()


def test_what_a_request_gave_back_is_told_again_if_its_worker_died_too_early() -> None:
    async def main() -> None:
        bench = Bench(ASKABLE)
        bench.destination.replies.append(A_REPLY)
        assert await bench.send() == A_REPLY
        bench.aliases.clear()
        assert await bench.send() == A_REPLY
        await bench.outbox.flush()
        assert len(bench.destination.rows) == 1
        assert bench.aliases == list(A_REPLY.aliases)
        assert [value for _, value, _ in bench.topics.records["in.toy"]] == [b"\x00{}"] * 2

    run(main())


def test_a_question_brings_the_reply_of_the_sending_whose_answer_was_lost() -> None:
    async def main() -> None:
        bench = Bench(ASKABLE)
        request = await started(bench, ASKABLE)
        bench.destination.answers[request.operation_key] = Answer.TAKEN
        bench.destination.answered = A_REPLY
        assert await bench.send() == A_REPLY
        assert not bench.destination.rows
        assert bench.aliases == list(A_REPLY.aliases)

    run(main())


def test_a_person_who_resends_a_dangerous_request_says_that_it_was_not_taken() -> None:
    async def main() -> None:
        bench = Bench(DANGEROUS)
        await started(bench, DANGEROUS)
        with pytest.raises(UnknownOutcome):
            await bench.send()
        await bench.outbound.allow_again(item(), facts_of(item(), 0))
        await bench.send()
        assert len(bench.destination.rows) == 1
        unspeakable = item(number=toy.UNSPEAKABLE)
        await bench.outbound.allow_again(unspeakable, facts_of(unspeakable, 0))

    run(main())


@pytest.mark.parametrize("answer", Answer)
def test_a_person_s_word_about_an_askable_request_counts_where_the_destination_cannot_tell(
    answer: Answer,
) -> None:
    async def main() -> None:
        bench = Bench(ASKABLE)
        request = await started(bench, ASKABLE)
        await pass_time(ASKABLE.settle_seconds + 1)
        bench.destination.answers[request.operation_key] = answer
        await bench.outbound.allow_again(item(), facts_of(item(), 0))
        await bench.send()
        assert bench.destination.asked == [request.operation_key]
        assert len(bench.destination.rows) == (answer is not Answer.TAKEN)

    run(main())


def test_a_person_s_word_counts_for_one_sending_only() -> None:
    async def main() -> None:
        bench = Bench(ASKABLE)
        request = await started(bench, ASKABLE)
        bench.destination.answers[request.operation_key] = Answer.UNKNOWN
        await bench.outbound.allow_again(item(), facts_of(item(), 0))
        assert await bench.effects.before(await bench.claim(), request, ASKABLE, 5) is None
        with pytest.raises(UnknownOutcome):
            await bench.effects.before(await bench.claim(), request, ASKABLE, 5)

    run(main())


@pytest.mark.parametrize("state", ["taken", "not_taken"])
def test_a_person_s_word_does_not_open_what_is_known(state: str) -> None:
    async def main() -> None:
        bench = Bench(ASKABLE)
        await started(bench, ASKABLE, state)
        await bench.outbound.allow_again(item(), facts_of(item(), 0))
        assert bench.states() == [state]

    run(main())


def test_the_end_of_a_request_nobody_wrote_down_is_written_nowhere() -> None:
    async def main() -> None:
        bench = Bench(ASKABLE)
        request, _ = bench.encode()
        await bench.effects.after(request, "taken")
        assert not bench.store.ledger

    run(main())


def test_an_answer_that_cannot_be_written_is_not_forgotten() -> None:
    async def main() -> None:
        bench = Bench(DANGEROUS)
        bench.destination.replies.append(A_REPLY)
        end = bench.store.end_effects

        async def away(effects: Sequence[Effect]) -> None:
            raise StoreAway("no answer")

        bench.store.end_effects = away  # type: ignore[method-assign]  # one bad minute
        with pytest.raises(StoreAway):
            await bench.send()
        assert bench.states() == ["started"]
        with pytest.raises(StoreAway):
            await bench.send()
        bench.store.end_effects = end  # type: ignore[method-assign]  # it is back
        assert await bench.send() == A_REPLY
        assert bench.states() == ["taken"]
        assert len(bench.destination.rows) == 1

    run(main())
