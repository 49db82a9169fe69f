"""Now: where a subject stands on each route, why, when it goes on, and what helps.

Pure: everything that was read comes in as `Facts`; `hub.store.facts` reads it.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

from hub.held import HeldMessage, HeldSubject, RouteControl
from hub.outcome import Outcome, Stage, State
from hub.route import Route
from hub.standing import Standing
from hub.when import When

SETTLED = frozenset({State.DELIVERED, State.SKIPPED, State.RELEASED})
FRESH_SECONDS = 30.0  # a worker that has been silent for longer is not running


class Situation(StrEnum):
    """Where a subject stands on one route."""

    DELIVERED = "delivered"  # everything recorded has arrived
    WAITING = "waiting"  # on its way
    PARKED = "parked"  # the hub will try again
    DEAD = "dead"  # a person must act
    NOTHING = "nothing"  # the route has had nothing to do for it


@dataclass(frozen=True, slots=True)
class Beat:
    """What one worker last said about one route."""

    age_seconds: float
    status: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Facts:
    """All that was read about one subject.

    Attributes:
        outcomes: its timeline, oldest first.
        queues: what is held of it, by route.
        aside: its dead letters whose followers flow, by route.
        controls: what routes were told.
        windows: numbers of the maintenance windows that are open, by route.
        beats: what workers say, by route; no entry for a route that no worker has ever run.
    """

    outcomes: Sequence[Outcome]
    standing: Standing | None = None
    queues: Mapping[str, HeldSubject] = field(default_factory=dict)
    aside: Mapping[str, Sequence[HeldMessage]] = field(default_factory=dict)
    controls: Mapping[str, RouteControl] = field(default_factory=dict)
    windows: Mapping[str, Sequence[int]] = field(default_factory=dict)
    beats: Mapping[str, Sequence[Beat]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class RouteNow:
    """One route's line.

    Attributes:
        route: its name (`in.<connector>` for what could not be decoded).
        situation: see there.
        since: of the last delivery, or of the parking.
        up_to: position of the last delivered record.
        code: fixed reason code of what holds it, `` if nothing does.
        text: one sentence more about it.
        gate: fixed reason code of what holds the whole route, `` if it is open.
        next_try_at: of a parked subject.
        waiting_count: messages held, the head included.
        aside_count: dead letters whose followers flow.
        commands: what a person can type.
    """

    route: str
    situation: Situation
    since: datetime | None = None
    up_to: str = ""
    code: str = ""
    text: str = ""
    gate: str = ""
    next_try_at: datetime | None = None
    waiting_count: int = 0
    aside_count: int = 0
    commands: tuple[str, ...] = ()


def routes_now(subject: str, facts: Facts, routes: Mapping[str, Route]) -> list[RouteNow]:
    """One line for each route in force, and for every other that has to do with the subject."""
    seen = [each.name for each in facts.outcomes if each.stage is Stage.DELIVER]
    names = dict.fromkeys([*routes, *seen, *facts.queues, *facts.aside])
    return [_route_now(name, subject, facts, routes.get(name)) for name in names]


def _route_now(name: str, subject: str, facts: Facts, route: Route | None) -> RouteNow:
    settled = [
        each
        for each in facts.outcomes
        if each.stage is Stage.DELIVER and each.name == name and each.state in SETTLED
    ]
    last = max(settled, key=lambda each: (_offset(each.position), each.at), default=None)
    queue = facts.queues.get(name)
    gate, gate_text = _gate(name, facts)
    standing = facts.standing
    is_taken = standing is not None and route is not None and _takes(route, standing, facts)
    situation = _situation(queue, last, standing if is_taken else None)
    held = queue is not None
    return RouteNow(
        route=name,
        situation=situation,
        since=queue.since if queue else last.at if last else None,
        up_to=last.position if last else "",
        code=queue.reason if queue else "",
        text=queue.text if queue else gate_text if gate else "",
        gate=gate if situation is not Situation.DELIVERED else "",
        next_try_at=_next_try(queue),
        waiting_count=queue.waiting_count if queue else 0,
        aside_count=len(facts.aside.get(name, ())),
        commands=(
            *_on_queue(name, subject, situation, held),
            *(_on_gate(name, gate, facts) if situation is not Situation.DELIVERED else ()),
        ),
    )


def _takes(route: Route, standing: Standing, facts: Facts) -> bool:
    """Whether the newest event is for the route, as far as its condition can be judged from here.

    The event's data is not at hand: a condition over it counts as false, so that nothing is said
    to be on its way that perhaps never goes.
    """
    if not route.takes(standing.event_kind) or not route.when:
        return route.takes(standing.event_kind)
    told = [
        each
        for each in facts.outcomes
        if each.stage is Stage.DECODE and each.event_id == standing.event_id
    ]
    if not told:
        return False
    attributes = {
        "kind": standing.event_kind,
        "source": f"/connectors/{told[-1].name}/{told[-1].unit}",
        "subject": told[-1].subject,
        "unit": told[-1].unit,
    }
    condition = When(route.when)
    return "data" not in condition.names and condition.holds(attributes.__getitem__, dict)


def _situation(
    queue: HeldSubject | None,
    last: Outcome | None,
    taken: Standing | None,
) -> Situation:
    """Where a subject stands on a route; `taken` is its newest event if the route takes it."""
    if queue is not None:
        return Situation.DEAD if queue.dead else Situation.PARKED
    if taken is not None:
        arrived = last is not None and _offset(last.position) >= taken.event_offset
        return Situation.DELIVERED if arrived else Situation.WAITING
    return Situation.DELIVERED if last is not None else Situation.NOTHING


def _gate(name: str, facts: Facts) -> tuple[str, str]:
    """What holds the whole route: reason code and sentence, both empty if nothing does."""
    control = facts.controls.get(name)
    if control is not None and control.stopped_reason:
        return control.stopped_reason, control.text
    if control is not None and control.paused:
        return "paused", control.text
    fresh = [beat.status for beat in facts.beats.get(name, ()) if beat.age_seconds < FRESH_SECONDS]
    if not fresh:
        return "no_worker", ""
    for status in fresh:
        for code, text in dict(status.get("closed") or {}).items():
            return str(code), str(text)
        if status.get("breaker") == "open":
            return str(status.get("breaker_reason") or "breaker_open"), ""
    return "", ""


def _next_try(queue: HeldSubject | None) -> datetime | None:
    if queue is None or queue.next_try_at is None:
        return None
    return datetime.fromtimestamp(queue.next_try_at, UTC)


def _on_queue(name: str, subject: str, situation: Situation, held: bool) -> Iterable[str]:
    what = f"{name} {shlex.quote(subject)}"
    if held:
        yield f"hub held show {what}"
        yield f"hub held replay {what} --reason …"
    if situation is Situation.DEAD:
        yield f"hub held skip {what} --reason …"
        yield f"hub held release {what} --reason …"


def _on_gate(name: str, gate: str, facts: Facts) -> Iterable[str]:
    windows = facts.windows.get(name, ()) if gate == "paused" else ()
    if windows:
        yield from (f"hub route window remove {number} --reason …" for number in windows)
    elif gate in ("paused", "stopped", "dead_limit", "offset_missing"):
        yield f"hub route resume {name} --reason …"
    elif gate not in ("", "no_worker"):
        yield "hub route list"


def _offset(position: str) -> int:
    number = position.rpartition("/")[2]
    return int(number) if number.isdecimal() else -1
