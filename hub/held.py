"""Held: messages kept for later, and what the delivery engine needs from the store for them.

Parked: the hub will try again. Dead: a person must act. Both hold what follows them for their
subject on their route. The store is PostgreSQL; `hub.store.held` implements the protocols.

For the decode stage the route is `in.<connector>` and `event_id` is the message's id.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, Protocol

from hub.message import Position


class HeldState(StrEnum):
    """State of one held message."""

    WAITING = "waiting"  # parked, or behind one that is
    IN_FLIGHT = "in_flight"  # its call was running when its worker let go: ask before sending
    DEAD = "dead"  # at the head of its queue; the followers wait for a person
    ASIDE = "aside"  # dead, and released (or `after_dead: continue`): the followers flow


class Act(StrEnum):
    """What a person can do with a held subject."""

    REPLAY = "replay"  # try the head again, rounds reset
    RESEND = "resend"  # the same; a person says that its earlier sending has not taken effect
    SKIP = "skip"  # settle the head without delivering it
    RELEASE = "release"  # let the followers flow, the head stays dead

    @property
    def settles(self) -> bool:
        """Whether the head is settled without being delivered."""
        return self in (Act.SKIP, Act.RELEASE)


@dataclass(frozen=True, slots=True)
class Claim:
    """Proof of ownership of (route, partition); every write of the engine carries it.

    Attributes:
        epoch: grows with every change of owner; a write with an old epoch is refused.
        expires_at: monotonic clock of this process; past it no call may start.
    """

    route: str
    partition: int
    owner: str
    epoch: int
    expires_at: float


@dataclass(frozen=True, slots=True)
class HeldMessage:
    """One held record: original bytes and headers, where it stood, what went wrong."""

    route: str
    subject: str
    event_id: str
    position: Position
    key: bytes
    value: bytes
    headers: Mapping[str, str]
    kind: str = ""
    unit: str = ""
    message_id: str = ""
    state: HeldState = HeldState.WAITING
    reason: str = ""
    text: str = ""
    foreign_code: str = ""
    attempts: int = 0
    held_at: datetime | None = None


@dataclass(slots=True)
class HeldSubject:
    """The queue of one subject on one route, as its owner sees it.

    Attributes:
        settled_below: offset; what stands below it for this subject is settled or held here, so
            a redelivery of it is dropped.
        waiting_count: rows in the queue (head included, `aside` rows not).
        round_count: rounds that the head has used.
        next_try_at: unix seconds of the next round; none for a dead head.
        reason, text: of the head, in fixed code and one sentence.
        since: when the subject was parked.
    """

    route: str
    partition: int
    subject: str
    settled_below: int
    waiting_count: int = 0
    round_count: int = 0
    next_try_at: float | None = None
    dead: bool = False
    reason: str = ""
    text: str = ""
    unit: str = ""
    since: datetime | None = None


@dataclass(frozen=True, slots=True)
class Settlement:
    """The head of a subject's queue is done: remove its row, remember `settled_below`.

    `keep` leaves the row as `aside` (released, or `after_dead: continue`).
    """

    subject: str
    event_id: str
    settled_below: int
    keep: HeldState | None = None


@dataclass(frozen=True, slots=True)
class Command:
    """An act of a person, to be executed by the partition's owner inside the subject's lane."""

    id: int
    route: str
    partition: int
    subject: str
    act: Act
    event_id: str = ""
    actor: str = ""
    reason: str = ""


@dataclass(frozen=True, slots=True)
class RouteControl:
    """What people have told a route (`hub route pause`), and what stopped it by itself.

    Attributes:
        paused: a person paused it, or a maintenance window is open.
        stopped_reason: fixed code set by the engine (`dead_limit`, `offset_missing`), `` if none.
        changed: grows with every change, so that a worker sees a resume.
    """

    route: str
    paused: bool = False
    stopped_reason: str = ""
    text: str = ""
    changed: int = 0


@dataclass(frozen=True, slots=True)
class Effect:
    """One row of the effects ledger: a request that must not be repeated unasked.

    `state`: started, taken, not_taken, unknown. `started_at` is unix seconds of the store. `reply`
    is what a taken one gave back (JSON), so that it can be told again.
    """

    operation_key: str
    step: int
    route: str
    subject: str
    state: str
    started_at: float = 0.0
    epoch: int = 0
    foreign_code: str = ""
    reply: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Changes:
    """Everything one flush writes for one claim, in one transaction, in this order.

    Attributes:
        park: rows to add (unknown (route, event_id) only; a known one is left as it is).
        subjects: subject rows to write as given (insert or update; counts are the store's own).
        settle: heads that are done.
        mark: rows whose state, reason, text, code or attempts changed.
        forget: subjects with an empty queue whose `settled_below` has been committed.
        commands_done: id -> result text.
    """

    park: Sequence[HeldMessage] = ()
    subjects: Sequence[HeldSubject] = ()
    settle: Sequence[Settlement] = ()
    mark: Sequence[HeldMessage] = ()
    forget: Sequence[str] = ()
    commands_done: Mapping[int, str] = field(default_factory=dict)


class HeldStore(Protocol):
    """Held messages, ownership, effects and commands in PostgreSQL.

    Every method raises `Unavailable` (code `store_away`) when PostgreSQL does not answer;
    `write` raises `OwnershipLost` when the claim's epoch is not the current one.
    """

    async def claim(self, route: str, partition: int, owner: str, ttl: float) -> Claim | None:
        """Take ownership if it is free, expired or already ours; none while another holds it."""

    async def renew(self, claims: Sequence[Claim], ttl: float) -> Sequence[Claim]:
        """The claims that are still ours, with their new expiry; one statement."""

    async def release(self, claims: Sequence[Claim]) -> None:
        """Give ownership up at once."""

    async def members(self, worker: str, routes: Sequence[str], ttl: float) -> Mapping[str, int]:
        """Say that this worker is alive for `ttl` seconds; live workers per route, us included."""

    async def subjects(self, route: str, partition: int) -> Sequence[HeldSubject]:
        """Every held subject of the partition, empty queues included."""

    async def heads(
        self, route: str, subjects: Sequence[str], count: int
    ) -> Mapping[str, Sequence[HeldMessage]]:
        """Up to `count` oldest rows (waiting, in_flight or dead) of each subject; one query."""

    async def write(self, claim: Claim, changes: Changes) -> None:
        """Apply all changes in one transaction that checks the epoch (row lock, `FOR SHARE`)."""

    async def commands(self, claims: Sequence[Claim]) -> Sequence[Command]:
        """Acts that wait for these partitions, oldest first."""

    async def effects(self, operation_keys: Sequence[str]) -> Mapping[str, Effect]:
        """The latest step of each known operation key."""

    async def begin_effects(self, claim: Claim, effects: Sequence[Effect]) -> None:
        """Write rows before the calls; checks the epoch."""

    async def end_effects(self, effects: Sequence[Effect]) -> None:
        """Write what became of them."""

    async def controls(self) -> Mapping[str, RouteControl]:
        """What people and the engine have told every route."""

    async def stop_route(self, route: str, reason: str, text: str) -> None:
        """The engine stops a route visibly."""

    async def report(self, worker: str, role: str, status: Mapping[str, object]) -> None:
        """A worker's heartbeat with its status (JSON), for `hub top` and `hub show`."""
