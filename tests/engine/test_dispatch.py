"""One route in one worker, on virtual time: order, parking, draining, acts, backlog."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from hub.acts import Acts
from hub.connector import Operation, Repetition
from hub.errors import Misconfigured, Rejected, Unavailable
from hub.held import Act, Command, HeldState, RouteControl
from hub.lanes import decode_settled
from hub.outcome import State
from hub.route import AfterDead
from tests.engine import toy
from tests.engine.station import QUICK, ROUTE, Worker, World
from tests.engine.virtual import clock, pass_time, run


def down() -> Unavailable:
    return Unavailable("not now")


def refused() -> Rejected:
    return Rejected("no", foreign_code="E1")


def puzzling() -> Rejected:
    return Rejected("no", documented=False)


def test_a_subject_s_events_arrive_in_order_and_subjects_side_by_side() -> None:
    async def main() -> None:
        world = World()
        for _ in range(30):
            for subject in "ABCDE":
                world.send(subject)
        worker = Worker(world, "w").start()
        await pass_time(3)
        assert world.destination.check(world.sent).clean
        assert world.destination.taken_count == 150
        assert world.destination.most_running == 5
        assert world.log.offsets[0] == (150, "")
        await worker.end()

    run(main())


def test_a_failing_subject_is_parked_and_drains_in_order_when_it_recovers() -> None:
    async def main() -> None:
        world = World()
        world.destination.failing["A"] = down
        for _ in range(5):
            for subject in "ABC":
                world.send(subject)
        worker = Worker(world, "w").start()
        await pass_time(2)
        assert sorted(world.destination.taken) == ["B", "C"]
        assert world.log.offsets[0][0] == 15
        assert [row.position.offset for row in world.store.queue(ROUTE, "A")] == [0, 3, 6, 9, 12]
        del world.destination.failing["A"]
        world.send("A")
        await pass_time(8)
        assert world.destination.taken["A"] == [0, 1, 2, 3, 4, 5]
        assert not world.store.rows
        assert not world.store.held
        assert world.destination.check(world.sent).clean
        states = [each.state for each in world.topics.outcomes("A")]
        assert states == [State.PARKED] * 6 + [State.DELIVERED] * 6
        world.send("A")
        await pass_time(1)
        assert world.destination.taken["A"] == [0, 1, 2, 3, 4, 5, 6]
        await worker.end()

    run(main())


def test_a_subject_in_trouble_for_too_long_is_parked_and_waits_for_its_first_round() -> None:
    async def main() -> None:
        terms = QUICK.model_copy(
            update={"attempts_count": 99, "wait_initial_seconds": 0.9, "wait_max_seconds": 0.9}
        )
        world = World(
            terms.model_copy(
                update={"round_wait_initial_seconds": 50, "round_wait_max_seconds": 50}
            )
        )
        world.destination.failing["A"] = down
        world.send("A")
        worker = Worker(world, "w").start()
        await pass_time(6)
        (subject,) = world.store.held.values()
        assert subject.reason in ("patience", "unavailable")
        assert subject.next_try_at is not None
        tried = len(world.destination.rows)
        await pass_time(40)
        assert len(world.destination.rows) == tried
        await worker.end()

    run(main())


def test_the_end_of_a_call_that_outlives_its_lane_settles_the_row() -> None:
    async def main() -> None:
        world = World()
        hanging, failing = world.destination.hanging, world.destination.failing

        def then_hang() -> Unavailable:
            hanging["A"] = asyncio.Event()
            del failing["A"]
            return down()

        failing["A"] = then_hang
        world.send("A")
        world.send("A")
        worker = Worker(world, "w").start()
        await pass_time(3)
        head, behind = world.store.queue(ROUTE, "A")
        assert (head.state, head.reason) == (HeldState.IN_FLIGHT, "patience")
        assert behind.reason == ""
        hanging.pop("A").set()
        await pass_time(3)
        assert world.destination.taken["A"] == [0, 1]
        assert not world.store.rows
        await worker.end()

    run(main())


def test_a_documented_refusal_is_dead_at_once_and_holds_what_follows() -> None:
    async def main() -> None:
        world = World()
        world.destination.failing["A"] = refused
        for _ in range(3):
            world.send("A")
        worker = Worker(world, "w").start()
        await pass_time(60)
        assert world.destination.attempts("A") == [0]
        rows = world.store.queue(ROUTE, "A")
        assert [row.state for row in rows] == [HeldState.DEAD, HeldState.WAITING, HeldState.WAITING]
        assert (rows[0].reason, rows[0].foreign_code, rows[0].attempts) == ("rejected", "E1", 1)
        ((key, value, headers),) = world.topics.records[f"dead.{ROUTE}"]
        sent = toy.event_record("A", 0)
        assert (key, value, list(headers)[: len(sent[2])]) == sent
        reasons = dict(headers)
        assert reasons["hub-reason"] == b"rejected"
        assert reasons["hub-route"] == ROUTE.encode()
        assert reasons["hub-position"] == b"events/0/0"
        assert reasons["hub-attempts"] == b"1"
        assert [o.state for o in world.topics.outcomes("A")].count(State.DEAD) == 1
        await worker.end()

    run(main())


def test_an_undocumented_refusal_is_dead_when_its_rounds_are_used() -> None:
    async def main() -> None:
        world = World()
        world.destination.failing["A"] = puzzling
        world.send("A")
        worker = Worker(world, "w").start()
        await pass_time(60)
        assert world.destination.attempts("A") == [0, 0, 0]
        (row,) = world.store.queue(ROUTE, "A")
        assert (row.state, row.reason, row.attempts) == (HeldState.DEAD, "rounds_used", 3)
        await worker.end()

    run(main())


@pytest.mark.parametrize("held", [False, True])
def test_where_order_does_not_matter_the_followers_of_a_dead_one_flow(held: bool) -> None:
    async def main() -> None:
        world = World(QUICK.model_copy(update={"after_dead": AfterDead.CONTINUE}))
        fault = puzzling if held else refused
        world.destination.failing["A"] = fault
        world.send("A")
        world.send("A")
        worker = Worker(world, "w").start()
        await pass_time(1.5 if held else 0.3)
        await pass_time(3)
        del world.destination.failing["A"]
        await pass_time(10)
        world.send("A")
        await pass_time(5)
        rows = [(row.state, row.reason) for row in world.store.rows.values()]
        assert set(rows) <= {(HeldState.ASIDE, "rounds_used"), (HeldState.ASIDE, "rejected")}
        assert rows
        assert world.destination.taken["A"][-1] == 2
        assert world.log.offsets[0] == (3, "")
        await worker.end()

    run(main())


@pytest.mark.parametrize(
    ("act", "taken", "left"),
    [(Act.SKIP, [1, 2], 0), (Act.RELEASE, [1, 2], 1), (Act.REPLAY, [0, 1, 2], 0)],
)
def test_a_person_lets_a_dead_subject_go_on(act: Act, taken: list[int], left: int) -> None:
    async def main() -> None:
        world = World()
        world.destination.failing["A"] = refused
        for _ in range(3):
            world.send("A")
        worker = Worker(world, "w").start()
        await pass_time(2)
        del world.destination.failing["A"]
        number = world.store.ask(ROUTE, 0, "A", act)
        await pass_time(4)
        assert world.store.done[number].startswith("done")
        assert world.destination.taken["A"] == taken
        assert len(world.store.rows) == left
        assert all(row.state is HeldState.ASIDE for row in world.store.rows.values())
        assert not world.store.held
        states = [each.state for each in world.topics.outcomes("A")]
        assert (State.SKIPPED in states, State.RELEASED in states) == (
            act is Act.SKIP,
            act is Act.RELEASE,
        )
        world.send("A")
        await pass_time(1)
        assert world.destination.taken["A"] == [*taken, 3]
        await worker.end()

    run(main())


def test_an_act_on_what_is_not_there_is_refused() -> None:
    async def main() -> None:
        world = World()
        world.destination.failing["A"] = refused
        world.destination.failing["B"] = down
        world.send("A")
        world.send("A")
        world.send("B")
        worker = Worker(world, "w").start()
        await pass_time(2)
        second = world.store.queue(ROUTE, "A")[1].event_id
        asked = {
            world.store.ask(ROUTE, 0, "Z", Act.SKIP): "refused: nothing is held",
            world.store.ask(ROUTE, 0, "B", Act.RELEASE): "refused: the head is not dead",
            world.store.ask(
                ROUTE, 0, "A", Act.SKIP, second
            ): "refused: the message is not the head of its queue",
        }
        await pass_time(3)
        assert world.store.done == asked
        assert len(world.store.queue(ROUTE, "A")) == 2
        await worker.end()

    run(main())


def test_a_subject_that_becomes_due_while_an_act_on_it_is_refused_is_still_tried() -> None:
    async def main() -> None:
        world = World()
        world.destination.failing["A"] = down
        world.send("A")
        worker = Worker(world, "w").start()
        while not world.store.queue(ROUTE, "A"):
            await pass_time(0.05)
        due_at = world.store.held[ROUTE, "A"].next_try_at
        assert due_at is not None
        read = world.store.heads

        async def read_until_due(*asked: Any) -> Any:
            world.store.heads = read  # type: ignore[method-assign] # only the act's is slow
            await pass_time(due_at + 0.5 - clock())
            return await read(*asked)

        world.store.heads = read_until_due  # type: ignore[method-assign] # see above
        del world.destination.failing["A"]
        partition = worker.dispatcher.partitions[0]
        command = Command(1, ROUTE, 0, "A", Act.RELEASE)
        await Acts(
            worker.dispatcher.handling, worker.dispatcher.draining, clock=clock, now=clock
        ).execute(partition, command)
        assert clock() > due_at
        await pass_time(1)
        assert world.store.done == {1: "refused: the head is not dead"}
        assert world.destination.taken == {"A": [0]}
        await worker.end()

    run(main())


def test_a_head_that_was_skipped_is_not_sent_when_the_breaker_closes() -> None:
    async def main() -> None:
        world = World()
        world.destination.failing["A"] = down
        world.send("A")
        world.send("A")
        worker = Worker(world, "w").start()
        await pass_time(2)
        world.destination.away = lambda: Misconfigured("who are you")
        world.send("B")
        await pass_time(8)
        assert worker.dispatcher.handling.breaker.state.value == "open"
        world.store.ask(ROUTE, 0, "A", Act.SKIP)
        await pass_time(2)
        world.destination.away = None
        world.destination.failing.clear()
        await pass_time(70)
        assert world.destination.taken == {"B": [0], "A": [1]}
        assert not world.store.rows
        assert not worker.dispatcher.partitions[0].lanes
        await worker.end()

    run(main())


def test_an_outage_of_many_opens_the_breaker_and_makes_no_dead_letters() -> None:
    async def main() -> None:
        world = World(QUICK.model_copy(update={"breaker_subjects_count": 5}))
        world.destination.away = down
        for number in range(100):
            world.send(f"S{number % 20}")
        worker = Worker(world, "w").start()
        await pass_time(1800)
        assert worker.dispatcher.handling.breaker.state.value == "open"
        tries = len(world.destination.rows)
        assert tries < 40
        assert world.destination.probe_count >= 29
        assert len(world.store.rows) <= 25
        world.destination.away = None
        await pass_time(90)
        assert world.destination.check(world.sent).clean
        assert world.destination.taken_count == 100
        assert not world.topics.records[f"dead.{ROUTE}"]
        assert worker.dispatcher.handling.breaker.state.value == "closed"
        await worker.end()

    run(main())


def test_a_slow_probe_delays_nobody() -> None:
    async def main() -> None:
        world = World()
        world.destination.away = lambda: Misconfigured("who are you")
        world.send("A")
        worker = Worker(world, "w").start()
        await pass_time(1.5)
        asked = asyncio.Event()

        async def never() -> str:
            asked.set()
            await asyncio.Event().wait()
            return ""

        worker.dispatcher._outbound.client = type("Slow", (), {"probe": staticmethod(never)})()
        await asked.wait()
        world.store.stopped[ROUTE] = RouteControl(ROUTE, paused=True, text="night")
        await pass_time(2)
        assert worker.dispatcher.closed["paused"] == "night"
        await worker.end()

    run(main())


def test_a_slow_subject_does_not_hold_the_others_back() -> None:
    async def main() -> None:
        world = World()
        slow = world.destination.hanging["A"] = asyncio.Event()
        world.send("A")
        for number in range(200):
            world.send(f"B{number % 7}")
        worker = Worker(world, "w").start()
        await pass_time(10)
        assert world.destination.taken_count == 200
        assert world.log.offsets[0][0] == 201
        (row,) = world.store.queue(ROUTE, "A")
        assert (row.state, row.reason) == (HeldState.IN_FLIGHT, "backlog")
        world.send("A")
        slow.set()
        await pass_time(3)
        assert world.destination.taken["A"] == [0, 1]
        assert not world.store.rows
        assert world.destination.check(world.sent).clean
        await worker.end()

    run(main())


def test_a_full_window_of_unsettled_messages_pushes_back() -> None:
    async def main() -> None:
        world = World()
        gates = world.destination.hanging
        for number in range(300):
            world.send(f"S{number}")
            gates[f"S{number}"] = asyncio.Event()
        worker = Worker(world, "w").start()
        await pass_time(5)
        partition = worker.dispatcher.partitions[0]
        assert partition.full
        assert worker.reader.paused == {0}
        assert not world.store.rows
        for gate in gates.values():
            gate.set()
        await pass_time(20)
        assert world.destination.taken_count == 300
        assert not partition.full
        await worker.end()

    run(main())


def test_steps_of_one_subject_go_in_one_call_and_one_by_one_when_refused() -> None:
    async def main() -> None:
        world = World(connector=toy.connector(Operation("push", Repetition.HARMLESS, 0, 4)))
        world.settings = None
        for _ in range(6):
            world.send("A")
        worker = Worker(world, "w").start()
        await pass_time(1)
        assert world.destination.groups == [4, 2]
        world.destination.groups.clear()
        world.destination.failing["B"] = refused
        for _ in range(3):
            world.send("B")
        await pass_time(2)
        assert world.destination.groups == [3, 1]
        assert world.store.queue(ROUTE, "B")[0].state is HeldState.DEAD
        del world.destination.failing["B"]
        world.store.ask(ROUTE, 0, "B", Act.REPLAY)
        await pass_time(3)
        assert world.destination.taken["B"] == [0, 1, 2]
        assert world.destination.groups == [3, 1, 1, 1, 1]
        await worker.end()

    run(main())


def test_another_operation_or_an_unspeakable_event_ends_a_group() -> None:
    async def main() -> None:
        operations = [Operation(name, Repetition.HARMLESS, 0, 9) for name in ("push", "close")]
        world = World(connector=toy.connector(*operations), settings={2: "close"})
        for number in (0, 1, 2, 3, 4, toy.UNSPEAKABLE):
            world.send("A", number)
        worker = Worker(world, "w").start()
        await pass_time(2)
        assert world.destination.groups == [2, 1, 2]
        (row,) = world.store.queue(ROUTE, "A")
        assert (row.state, row.reason) == (HeldState.DEAD, "unencodable")
        await worker.end()

    run(main())


def test_requests_that_the_ledger_guards_go_alone() -> None:
    async def main() -> None:
        world = World(connector=toy.connector(Operation("push", Repetition.ASKABLE, 0, 9)))
        world.send("A")
        world.send("A")
        worker = Worker(world, "w").start()
        await pass_time(1)
        assert world.destination.groups == [1, 1]
        assert [effect.state for effect in world.store.ledger.values()] == ["taken", "taken"]
        await worker.end()

    run(main())


def test_too_many_dead_letters_in_a_row_stop_the_route_until_a_person_resumes_it() -> None:
    async def main() -> None:
        world = World(QUICK.model_copy(update={"dead_limit_count": 3, "concurrency_count": 1}))
        world.destination.away = refused
        for number in range(10):
            world.send(f"S{number}")
        worker = Worker(world, "w").start()
        await pass_time(5)
        assert len(world.topics.records[f"dead.{ROUTE}"]) == 3
        assert world.store.stopped[ROUTE].stopped_reason == "dead_limit"
        assert worker.dispatcher.closed["stopped"] == "dead_limit"
        world.store.stopped[ROUTE] = RouteControl(ROUTE)
        world.destination.away = None
        world.destination.failing["S3"] = refused
        await pass_time(5)
        assert world.destination.taken_count == 6
        assert not worker.dispatcher.closed
        await worker.end()

    run(main())


def test_an_event_older_than_the_terms_allow_is_dead_as_expired() -> None:
    async def main() -> None:
        world = World(QUICK.model_copy(update={"expires_after_seconds": 1}))
        world.send("A")
        worker = Worker(world, "w").start()
        await pass_time(1)
        (row,) = world.store.queue(ROUTE, "A")
        assert (row.state, row.reason) == (HeldState.DEAD, "expired")
        assert not world.destination.rows
        await worker.end()

    run(main())


def test_kinds_that_the_route_does_not_take_are_passed_over() -> None:
    async def main() -> None:
        world = World()
        for kind in (toy.KIND, "dossier.finished", toy.KIND, "dossier.finished"):
            world.send("A", kind=kind)
        worker = Worker(world, "w").start()
        await pass_time(1)
        assert world.destination.taken["A"] == [0, 2]
        assert world.log.offsets[0] == (4, "")
        await worker.end()

    run(main())


def test_a_foreign_record_without_key_headers_or_body_harms_nobody() -> None:
    async def main() -> None:
        world = World()
        for _ in range(2):
            # what a foreign producer may send against all types
            world.log.append(0, (None, None, [("ce_type", toy.KIND.encode()), ("odd", None)]))  # type: ignore[arg-type, list-item]
        world.send("A")
        worker = Worker(world, "w").start()
        await pass_time(2)
        assert world.destination.taken == {"A": [0]}
        assert worker.failed() is None
        assert [row.position.offset for row in world.store.queue(ROUTE, "")] == [0, 1]
        assert world.log.offsets[0] == (3, "")
        await worker.end()

    run(main())


def test_settled_offsets_above_the_watermark_are_committed_with_it() -> None:
    async def main() -> None:
        world = World()
        world.destination.hanging["A"] = asyncio.Event()
        for subject in "ABCA":
            world.send(subject)
        worker = Worker(world, "w").start()
        await pass_time(0.5)
        offset, metadata = world.log.offsets[0]
        assert offset == 0
        assert decode_settled(offset, metadata) == {1, 2}
        worker.crash()

    run(main())


def test_a_route_without_a_committed_offset_stops_visibly() -> None:
    async def main() -> None:
        world = World(partitions_count=2)
        del world.log.offsets[1]
        worker = Worker(world, "w").start()
        await pass_time(2)
        assert world.store.stopped[ROUTE].stopped_reason == "offset_missing"
        assert "partition 1" in world.store.stopped[ROUTE].text
        assert list(worker.dispatcher.partitions) == [0]
        assert worker.dispatcher.closed["stopped"] == "offset_missing"
        await worker.end()

    run(main())


def test_calls_keep_the_pace_of_the_route() -> None:
    async def main() -> None:
        world = World(QUICK.model_copy(update={"rate_per_second": 2}))
        for number in range(20):
            world.send(f"S{number}")
        worker = Worker(world, "w").start()
        await pass_time(5.5)
        assert 10 <= world.destination.taken_count <= 12
        await worker.end()

    run(main())


def test_drained_subjects_do_not_wait_for_the_store_one_after_the_other() -> None:
    async def main() -> None:
        world = World(QUICK.model_copy(update={"concurrency_count": 1}))
        world.destination.away = down
        for number in range(20):
            world.send(f"S{number}")
        worker = Worker(world, "w").start()
        while len(world.store.rows) < 20:
            await pass_time(0.1)
        world.destination.away = None
        world.store.latency_seconds = 1
        await pass_time(9)
        assert world.destination.taken_count == 20
        await worker.end()

    run(main())
