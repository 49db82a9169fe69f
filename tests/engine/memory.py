"""The store and the broker of the model: in memory, exact, and away when told so."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from hub.errors import HubError, OwnershipLost, Unavailable
from hub.event import Alias
from hub.held import (
    Act,
    Changes,
    Claim,
    Command,
    Effect,
    HeldMessage,
    HeldState,
    HeldSubject,
    RouteControl,
)
from hub.kafka import Outgoing, Reader
from tests.engine.virtual import pass_time


@dataclass
class _Lease:
    owner: str = ""
    epoch: int = 0
    expires_at: float = 0.0


@dataclass
class MemoryStore:
    """`hub.held.HeldStore` in memory, with the semantics of the SQL.

    Attributes:
        clock: seconds, of the store and of its users.
        away: every call raises `Unavailable`.
        silent: every call waits until it is set.
        latency_seconds: of every call.
        torn: the next writes succeed, and their answers are lost.
    """

    clock: Callable[[], float]
    away: bool = False
    silent: asyncio.Event | None = None
    latency_seconds: float = 0.0
    torn: int = 0
    rows: dict[tuple[str, str], HeldMessage] = field(default_factory=dict)
    held: dict[tuple[str, str], HeldSubject] = field(default_factory=dict)
    leases: dict[tuple[str, int], _Lease] = field(default_factory=lambda: defaultdict(_Lease))
    alive: dict[tuple[str, str], float] = field(default_factory=dict)
    asked: list[Command] = field(default_factory=list)
    done: dict[int, str] = field(default_factory=dict)
    ledger: dict[tuple[str, int], Effect] = field(default_factory=dict)
    stopped: dict[str, RouteControl] = field(default_factory=dict)
    write_count: int = 0

    async def _journey(self) -> None:
        await pass_time(self.latency_seconds)
        if self.silent is not None:
            await self.silent.wait()
        if self.away:
            raise Unavailable("the store does not answer", code="store_away")

    def _require(self, claim: Claim) -> None:
        lease = self.leases[claim.route, claim.partition]
        if (lease.owner, lease.epoch) != (claim.owner, claim.epoch):
            raise OwnershipLost("another owner")

    # --- ownership ---

    async def claim(self, route: str, partition: int, owner: str, ttl: float) -> Claim | None:
        now = self.clock()
        await self._journey()
        lease = self.leases[route, partition]
        if lease.owner not in ("", owner) and lease.expires_at > self.clock():
            return None
        lease.owner, lease.epoch, lease.expires_at = owner, lease.epoch + 1, self.clock() + ttl
        return Claim(route, partition, owner, lease.epoch, now + ttl)

    async def renew(self, claims: Sequence[Claim], ttl: float) -> Sequence[Claim]:
        now = self.clock()
        await self._journey()
        kept = []
        for claim in claims:
            lease = self.leases[claim.route, claim.partition]
            if (lease.owner, lease.epoch) == (claim.owner, claim.epoch):
                lease.expires_at = self.clock() + ttl
                kept.append(replace(claim, expires_at=now + ttl))
        return kept

    async def release(self, claims: Sequence[Claim]) -> None:
        await self._journey()
        for claim in claims:
            lease = self.leases[claim.route, claim.partition]
            if (lease.owner, lease.epoch) == (claim.owner, claim.epoch):
                lease.owner, lease.expires_at = "", 0.0

    async def members(self, worker: str, routes: Sequence[str], ttl: float) -> Mapping[str, int]:
        await self._journey()
        now = self.clock()
        self.alive = {
            key: until
            for key, until in self.alive.items()
            if until > now and (key[0] != worker or key[1] in routes)
        }
        self.alive |= {(worker, route): now + ttl for route in routes}
        return {route: sum(name == route for _, name in self.alive) for route in routes}

    # --- held messages ---

    async def subjects(self, route: str, partition: int) -> Sequence[HeldSubject]:
        await self._journey()
        found = (s for (name, _), s in self.held.items() if name == route)
        return [replace(s) for s in found if s.partition == partition]

    async def heads(
        self, route: str, subjects: Sequence[str], count: int
    ) -> Mapping[str, Sequence[HeldMessage]]:
        await self._journey()
        found = {subject: self.queue(route, subject)[:count] for subject in subjects}
        return {subject: rows for subject, rows in found.items() if rows}

    def queue(self, route: str, subject: str) -> list[HeldMessage]:
        """Rows that wait, oldest first."""
        rows = (
            row
            for (name, _), row in self.rows.items()
            if name == route and row.subject == subject and row.state is not HeldState.ASIDE
        )
        return sorted(rows, key=lambda row: row.position.offset)

    async def write(self, claim: Claim, changes: Changes) -> None:
        await self._journey()
        self._require(claim)
        self.write_count += 1
        for row in changes.park:
            if (row.route, row.event_id) not in self.rows:
                self.rows[row.route, row.event_id] = row
                if row.state is not HeldState.ASIDE:
                    self._subject(claim, row.subject).waiting_count += 1
        for given in changes.subjects:
            known = self._subject(claim, given.subject)
            below = max(known.settled_below, given.settled_below)
            count = known.waiting_count
            self.held[claim.route, given.subject] = replace(
                given, settled_below=below, waiting_count=count
            )
        for each in changes.settle:
            self._settle(claim.route, each.event_id, each.keep)
            if (claim.route, each.subject) in self.held:
                known = self.held[claim.route, each.subject]
                known.settled_below = max(known.settled_below, each.settled_below)
        for row in changes.mark:
            self._mark(row)
        for name in changes.forget:
            if self._subject(claim, name).waiting_count == 0:
                del self.held[claim.route, name]
        self.done |= changes.commands_done
        if self.torn:
            self.torn -= 1
            raise Unavailable("the answer got lost", code="store_away")

    def _subject(self, claim: Claim, name: str) -> HeldSubject:
        fresh = HeldSubject(claim.route, claim.partition, name, settled_below=0)
        return self.held.setdefault((claim.route, name), fresh)

    def _settle(self, route: str, event_id: str, keep: HeldState | None) -> None:
        row = self.rows.get((route, event_id))
        if row is None:
            return
        if row.state is not HeldState.ASIDE:
            self.held[route, row.subject].waiting_count -= 1
        if keep is None:
            del self.rows[route, event_id]
        else:
            self.rows[route, event_id] = replace(row, state=keep)

    def _mark(self, row: HeldMessage) -> None:
        known = self.rows.get((row.route, row.event_id))
        if known is None:
            return
        change = (row.state is not HeldState.ASIDE) - (known.state is not HeldState.ASIDE)
        self.held[row.route, row.subject].waiting_count += change
        self.rows[row.route, row.event_id] = replace(
            known,
            state=row.state,
            reason=row.reason,
            text=row.text,
            foreign_code=row.foreign_code,
            attempts=row.attempts,
        )

    # --- what people want ---

    def ask(self, route: str, partition: int, subject: str, act: Act, event_id: str = "") -> int:
        """A person asks for an act; its id."""
        number = len(self.asked) + 1
        self.asked.append(Command(number, route, partition, subject, act, event_id, "người trực"))
        return number

    async def commands(self, claims: Sequence[Claim]) -> Sequence[Command]:
        await self._journey()
        places = {(claim.route, claim.partition) for claim in claims}
        return [
            each
            for each in self.asked
            if each.id not in self.done and (each.route, each.partition) in places
        ]

    async def controls(self) -> Mapping[str, RouteControl]:
        await self._journey()
        return dict(self.stopped)

    async def stop_route(self, route: str, reason: str, text: str) -> None:
        await self._journey()
        self.stopped[route] = RouteControl(route, stopped_reason=reason, text=text)

    async def report(self, worker: str, role: str, status: Mapping[str, object]) -> None:
        await self._journey()

    # --- effects ---

    async def effects(self, operation_keys: Sequence[str]) -> Mapping[str, Effect]:
        await self._journey()
        found: dict[str, Effect] = {}
        for (key, _), effect in sorted(self.ledger.items()):
            if key in operation_keys and (key not in found or found[key].state != "taken"):
                found[key] = effect
        return found

    async def begin_effects(self, claim: Claim, effects: Sequence[Effect]) -> None:
        await self._journey()
        self._require(claim)
        for effect in effects:
            if any(
                e.state == "taken" for (k, _), e in self.ledger.items() if k == effect.operation_key
            ):
                raise HubError("the request has taken effect already", code="effect_taken")
            begun = replace(effect, started_at=self.clock())
            self.ledger[effect.operation_key, effect.step] = begun

    async def end_effects(self, effects: Sequence[Effect]) -> None:
        await self._journey()
        for effect in effects:
            known = self.ledger.get((effect.operation_key, effect.step))
            if known is not None and known.state != "taken":
                self.ledger[effect.operation_key, effect.step] = replace(
                    known, state=effect.state, foreign_code=effect.foreign_code, reply=effect.reply
                )


@dataclass(frozen=True, slots=True)
class MemoryRecord:
    """What an aiokafka ConsumerRecord says."""

    offset: int
    key: bytes | None
    value: bytes | None
    headers: tuple[tuple[str, bytes | None], ...]
    timestamp: int = 1_790_000_000_000


class MemoryLog:
    """Partitions of `events`, and the offsets of one group."""

    def __init__(self, partitions_count: int) -> None:
        self.partitions: list[list[MemoryRecord]] = [[] for _ in range(partitions_count)]
        self.offsets: dict[int, tuple[int, str]] = dict.fromkeys(range(partitions_count), (0, ""))
        self.away = False
        self.commit_count = 0

    def append(self, partition: int, record: Outgoing) -> int:
        """The record's offset."""
        records = self.partitions[partition]
        key, value, headers = record
        records.append(MemoryRecord(len(records), key, value, tuple(headers)))
        return len(records) - 1

    async def committed(self) -> dict[int, tuple[int, str]]:
        """See `hub.kafka.Kafka.committed`."""
        await asyncio.sleep(0)
        if self.away:
            raise Unavailable("no broker", code="kafka_away")
        return dict(self.offsets)


class MemoryReader(Reader):
    """A reader of a MemoryLog."""

    def __init__(self, log: MemoryLog) -> None:
        self._log = log
        self._at: dict[int, int] = {}
        self.paused: set[int] = set()
        self.assigned_count = 0

    async def assign(self, positions: Mapping[int, int]) -> None:
        self.assigned_count += 1
        self._at = dict(positions)
        self.paused = set()

    async def renew(self, positions: Mapping[int, int]) -> None:
        await self.assign(positions)

    async def fetch(self, max_records: int, timeout_ms: int) -> dict[int, Any]:
        end = asyncio.get_running_loop().time() + timeout_ms / 1000
        while True:
            if self._log.away:
                raise Unavailable("no broker", code="kafka_away")
            found = {
                p: self._log.partitions[p][at : at + max_records]
                for p, at in self._at.items()
                if p not in self.paused and at < len(self._log.partitions[p])
            }
            if found or asyncio.get_running_loop().time() >= end:
                for p, records in found.items():
                    self._at[p] += len(records)
                return found
            await pass_time(0.05)

    async def position(self, partition: int) -> int:
        return self._at[partition]

    def end(self, partition: int) -> int | None:
        return len(self._log.partitions[partition]) if partition in self._at else None

    def pause(self, partition: int) -> None:
        self.paused.add(partition)

    def resume(self, partition: int) -> None:
        self.paused.discard(partition)

    async def commit(self, offsets: Mapping[int, tuple[int, str]]) -> None:
        await asyncio.sleep(0)
        if self._log.away:
            raise Unavailable("no broker", code="kafka_away")
        self._log.offsets |= offsets
        self._log.commit_count += 1

    async def close(self) -> None:
        return None


class MemoryNames:
    """`hub.inbound.Names` in memory."""

    def __init__(self) -> None:
        self.known: dict[tuple[str, str], str] = {}
        self.said: dict[tuple[str, str], str] = {}
        self.away = False

    async def subject_of(self, kind: str, value: str) -> str | None:
        if self.away:
            raise Unavailable("no store", code="store_away")
        return self.known.get((kind, value))

    async def remember(self, aliases: Sequence[Alias]) -> None:
        for alias in aliases:
            self.known.setdefault((alias.kind, alias.value), alias.subject)

    async def said_before(self, said: Mapping[tuple[str, str], str]) -> set[tuple[str, str]]:
        return {f for f, where in said.items() if self.said.setdefault(f, where) != where}
