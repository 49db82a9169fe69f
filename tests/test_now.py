"""Where a subject stands on a route, from what was read: a table."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from hub.held import HeldSubject, RouteControl
from hub.now import Beat, Facts, RouteNow, Situation, routes_now
from hub.outcome import Outcome, Stage, State
from hub.route import Route
from hub.standing import Standing

AT = datetime(2026, 11, 3, tzinfo=UTC)
ROUTES = {"portal": Route(name="portal", to="national_portal", kinds=("dossier.*",))}
WELL = {"portal": [Beat(1.0, {"breaker": "closed", "closed": {}})]}
STANDING = Standing(
    subject="H1", status="done", event_topic="events", event_offset=9, event_kind="dossier.finished"
)


def handled(state: State, offset: int) -> Outcome:
    return Outcome(Stage.DELIVER, "portal", state, "H1", AT, position=f"events/0/{offset}")


def queue(**values: Any) -> dict[str, HeldSubject]:
    given: dict[str, Any] = {
        "route": "portal",
        "partition": 0,
        "subject": "H1",
        "settled_below": 10,
        "waiting_count": 3,
        "reason": "timeout",
        "since": AT,
    }
    return {"portal": HeldSubject(**(given | values))}


def now(**facts: Any) -> RouteNow:
    given: dict[str, Any] = {"outcomes": (), "beats": WELL, "standing": STANDING}
    [found] = routes_now("H1", Facts(**(given | facts)), ROUTES)
    return found


def test_everything_recorded_has_arrived() -> None:
    found = now(outcomes=[handled(State.DELIVERED, 4), handled(State.DELIVERED, 9)])
    assert (found.situation, found.up_to) == (Situation.DELIVERED, "events/0/9")
    assert found.commands == ()


def test_an_event_that_has_not_arrived_is_on_its_way() -> None:
    found = now(outcomes=[handled(State.DELIVERED, 4)])
    assert (found.situation, found.up_to) == (Situation.WAITING, "events/0/4")


def test_a_repetition_after_a_crash_takes_nothing_back() -> None:
    found = now(outcomes=[handled(State.DELIVERED, 9), handled(State.DELIVERED, 4)])
    assert found.situation is Situation.DELIVERED


def test_an_event_that_the_route_does_not_take_is_not_waited_for() -> None:
    other = Standing(
        subject="H1", status="x", event_topic="events", event_offset=9, event_kind="payment.paid"
    )
    assert now(standing=other).situation is Situation.NOTHING
    found = now(standing=other, outcomes=[handled(State.DELIVERED, 4)])
    assert found.situation is Situation.DELIVERED


def test_a_parked_subject_says_why_since_when_and_what_comes_next() -> None:
    found = now(queues=queue(next_try_at=AT.timestamp(), text="no answer"))
    assert found.situation is Situation.PARKED
    assert (found.code, found.text, found.since, found.next_try_at) == (
        "timeout",
        "no answer",
        AT,
        AT,
    )
    assert found.waiting_count == 3
    assert found.commands == (
        "hub held show portal H1",
        "hub held replay portal H1 --reason …",
    )


def test_a_route_in_a_maintenance_window_is_not_said_to_go_on_by_a_resume() -> None:
    controls = {"portal": RouteControl("portal", paused=True)}
    found = now(standing=STANDING, controls=controls, windows={"portal": [3]})
    assert found.commands == ("hub route window remove 3 --reason …",)


def test_a_dead_head_offers_every_act() -> None:
    found = now(queues=queue(dead=True))
    assert found.situation is Situation.DEAD
    assert [command.split()[2] for command in found.commands] == [
        "show",
        "replay",
        "skip",
        "release",
    ]


@pytest.mark.parametrize(
    ("condition", "instance", "situation"),
    [
        ('!source.startsWith("/connectors/portal/")', "one_stop", Situation.WAITING),
        ('!source.startsWith("/connectors/portal/")', "portal", Situation.NOTHING),
        ('data.channel == "post"', "one_stop", Situation.NOTHING),
    ],
)
def test_a_condition_that_is_false_or_cannot_be_judged_promises_nothing(
    condition: str, instance: str, situation: Situation
) -> None:
    standing = replace(STANDING, event_id="e9")
    decoded = Outcome(Stage.DECODE, instance, State.DECODED, "H1", AT, unit="U", event_id="e9")
    routes = {"portal": ROUTES["portal"].model_copy(update={"when": condition})}
    facts = Facts(outcomes=[decoded], beats=WELL, standing=standing)
    [found] = routes_now("H1", facts, routes)
    assert found.situation is situation


@pytest.mark.parametrize(
    ("facts", "gate", "command"),
    [
        (
            {"controls": {"portal": RouteControl("portal", paused=True)}},
            "paused",
            "hub route resume",
        ),
        (
            {"controls": {"portal": RouteControl("portal", stopped_reason="dead_limit")}},
            "dead_limit",
            "hub route resume",
        ),
        (
            {"beats": {"portal": [Beat(1, {"breaker": "open", "breaker_reason": "http_5xx"})]}},
            "http_5xx",
            "hub route list",
        ),
        ({"beats": {"portal": [Beat(1, {"breaker": "open"})]}}, "breaker_open", "hub route list"),
        ({"beats": {"portal": [Beat(1, {"closed": {"kafka_away": "x"}})]}}, "kafka_away", "hub"),
        ({"beats": {"portal": [Beat(900, {"breaker": "open"})]}}, "no_worker", ""),
        ({"beats": {}}, "no_worker", ""),
    ],
)
def test_what_holds_the_whole_route_is_said_while_something_waits(
    facts: dict[str, Any], gate: str, command: str
) -> None:
    waiting = now(**facts)
    assert (waiting.situation, waiting.gate) == (Situation.WAITING, gate)
    assert " ".join(waiting.commands).startswith(command)
    done = now(**facts, outcomes=[handled(State.DELIVERED, 9)])
    assert (done.gate, done.commands) == ("", ())


def test_a_stage_that_holds_it_before_decoding_has_its_line() -> None:
    held = {"in.one_stop": queue()["portal"]}
    found = routes_now("H 1", Facts((), queues=held), ROUTES)
    assert [(each.route, each.situation) for each in found] == [
        ("portal", Situation.NOTHING),
        ("in.one_stop", Situation.PARKED),
    ]
    assert found[1].commands[0] == "hub held show in.one_stop 'H 1'"
