"""Keeper: the held subjects of one owned partition, and the writes that keep them in the store.

Everything is decided in memory by the partition's only owner and written in batches, in order; an
offset is settled in the window only when the row that replaces it is durable.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

from hub.errors import OwnershipLost
from hub.held import (
    Changes,
    Claim,
    HeldMessage,
    HeldState,
    HeldStore,
    HeldSubject,
    Settlement,
)

BATCH_COUNT = 2000


@dataclass(frozen=True, slots=True)
class Cause:
    """Why something is held: fixed reason code, one sentence, the destination's own code."""

    reason: str
    text: str = ""
    foreign_code: str = ""


NO_CAUSE = Cause("")
BEHIND = Cause("behind", "another message of this subject is held")


@dataclass(slots=True)
class _Pending:
    """Changes that wait for the next write."""

    park: list[HeldMessage] = field(default_factory=list)
    subjects: dict[str, HeldSubject] = field(default_factory=dict)
    settle: list[Settlement] = field(default_factory=list)
    mark: dict[str, HeldMessage] = field(default_factory=dict)
    forget: list[str] = field(default_factory=list)
    done: dict[int, str] = field(default_factory=dict)
    offsets: list[int] = field(default_factory=list)
    touched: set[str] = field(default_factory=set)
    size: int = 0


class Keeper:
    """Held subjects of one (route, partition).

    Args:
        claim: proof of ownership, renewed from outside by `renew`.
        store: where rows live.
        settled: called with the offsets whose rows have become durable.
        before: awaited before every write: what was said of the messages must be safe first,
            since a settled row never comes back to say it again.
    """

    def __init__(
        self,
        claim: Claim,
        store: HeldStore,
        settled: Callable[[Sequence[int]], None],
        before: Callable[[], Awaitable[None]] | None = None,
    ) -> None:
        self.claim = claim
        self.subjects: dict[str, HeldSubject] = {}
        self._store = store
        self._settled = settled
        self._before = before
        self._pending = _Pending()
        self._writing = _Pending()
        self._empty: set[str] = set()
        self._writes = 0
        self._lock = asyncio.Lock()

    @property
    def dirty(self) -> bool:
        """Something waits to be written."""
        return self._pending.size > 0

    async def load(self) -> None:
        """Read the partition's held subjects after taking ownership."""
        for subject in await self._store.subjects(self.claim.route, self.claim.partition):
            self.subjects[subject.subject] = subject
            self._empty.add(subject.subject)

    def held(self, subject: str) -> HeldSubject | None:
        """The subject's queue if anything is in it."""
        found = self.subjects.get(subject)
        return found if found is not None and found.waiting_count else None

    def redelivered(self, subject: str, offset: int) -> bool:
        """Whether this record was settled or parked already, before a restart."""
        found = self.subjects.get(subject)
        return found is not None and offset < found.settled_below

    def park(
        self, messages: Sequence[HeldMessage], cause: Cause, next_try_at: float | None
    ) -> HeldSubject:
        """Put a subject's messages, oldest first, into the store; none: the head is dead.

        The head (first message) carries the cause.
        """
        head = messages[0]
        subject = self.subjects.get(head.subject) or HeldSubject(
            route=head.route, partition=self.claim.partition, subject=head.subject, settled_below=0
        )
        subject.round_count = 0
        subject.next_try_at = next_try_at
        subject.dead = next_try_at is None
        subject.reason, subject.text = cause.reason, cause.text
        subject.unit = head.unit
        subject.since = datetime.now(UTC)
        self.subjects[head.subject] = subject
        for message in messages:
            self.behind(subject, message)
        return subject

    def behind(self, subject: HeldSubject, message: HeldMessage) -> None:
        """Put a message behind what its subject has in the store."""
        subject.waiting_count += 1
        subject.settled_below = max(subject.settled_below, message.position.offset + 1)
        self._pending.park.append(message)
        self._pending.offsets.append(message.position.offset)
        self._touch(subject)

    def aside(self, message: HeldMessage) -> None:
        """Keep a dead message without holding its followers (`after_dead: continue`)."""
        self._pending.park.append(replace(message, state=HeldState.ASIDE))
        self._pending.offsets.append(message.position.offset)
        self._pending.size += 1

    def settle(self, message: HeldMessage, keep: HeldState | None = None) -> None:
        """The head of a queue is done."""
        subject = self.subjects[message.subject]
        self._pending.mark.pop(message.event_id, None)
        subject.waiting_count -= 1
        if not subject.waiting_count:
            self._empty.add(subject.subject)
        self._pending.settle.append(
            Settlement(message.subject, message.event_id, message.position.offset + 1, keep)
        )
        if subject.round_count or subject.dead:
            subject.round_count = 0
            subject.dead = False
            self._touch(subject)
        else:  # the settlement says all there is to say
            self.subjects[subject.subject] = subject
            self._pending.touched.add(subject.subject)
            self._pending.size += 1

    def failed_round(self, message: HeldMessage, cause: Cause, next_try_at: float | None) -> None:
        """A round has failed: the head waits for the next one, or is dead (no next try)."""
        subject = self.subjects[message.subject]
        subject.round_count += 1
        subject.next_try_at = next_try_at
        subject.dead = next_try_at is None
        subject.reason, subject.text = cause.reason, cause.text
        self._pending.mark[message.event_id] = replace(
            message,
            state=HeldState.DEAD if subject.dead else HeldState.WAITING,
            reason=cause.reason,
            text=cause.text,
            foreign_code=cause.foreign_code,
        )
        self._touch(subject)

    def mark(self, message: HeldMessage) -> None:
        """Write the row's state, reason and attempts as given."""
        self._pending.mark[message.event_id] = message
        self._pending.size += 1

    def retry_now(self, subject: HeldSubject, now: float) -> None:
        """A person wants the head tried again; rounds start anew."""
        subject.round_count = 0
        subject.next_try_at = now
        subject.dead = False
        self._touch(subject)

    def command_done(self, command_id: int, result: str) -> None:
        """A person's act has been executed, or refused, with this result."""
        self._pending.done[command_id] = result
        self._pending.size += 1

    def forget_below(self, committed: int) -> None:
        """Empty queues below the committed watermark need not be remembered any more."""
        found = [self.subjects[name] for name in self._empty]
        self._empty = {s.subject for s in found if not s.waiting_count}
        gone = [s.subject for s in found if not s.waiting_count and s.settled_below <= committed]
        self._empty.difference_update(gone)
        for name in gone:
            del self.subjects[name]
            self._pending.forget.append(name)
            self._pending.size += 1

    async def write(self) -> None:
        """Write what is pending now; on failure it stays pending, in order.

        Raises:
            Unavailable: the store (or Kafka) is away.
            OwnershipLost: somebody else owns the partition.
        """
        async with self._lock:
            if not self._pending.size:
                return
            taken, self._pending = self._pending, _Pending()
            self._writing = taken
            self._writes += 1
            settled = {each.event_id for each in taken.settle}
            changes = Changes(
                park=taken.park,
                subjects=[replace(subject) for subject in taken.subjects.values()],
                settle=taken.settle,
                mark=[
                    each
                    for each in taken.mark.values()
                    if each.state is HeldState.ASIDE or each.event_id not in settled
                ],
                forget=[name for name in taken.forget if name not in self.subjects],
                commands_done=taken.done,
            )
            try:
                if self._before is not None:
                    await self._before()
                await self._store.write(self.claim, changes)
            except OwnershipLost:
                raise
            except BaseException:
                self._pending = _merge(taken, self._pending)
                raise
            finally:
                self._writing = _Pending()
        self._settled(taken.offsets)

    async def heads(
        self, subjects: Sequence[str], count: int
    ) -> Mapping[str, Sequence[HeldMessage]]:
        """The oldest rows of these subjects, after what is pending for them is written.

        The store keeps a message only once, also if Kafka brought it twice (an event that was
        replayed by hand and again after a crash); a queue that ends here is counted anew.
        """
        unwritten = self._pending.touched | self._writing.touched
        if not unwritten.isdisjoint(subjects):
            await self.write()
        writes = self._writes
        found = await self._store.heads(self.claim.route, subjects, count)
        if self._writes == writes:
            for name in subjects:
                rows = len(found.get(name, ()))
                if rows < count and name in self.subjects:
                    pending = sum(row.subject == name for row in self._pending.park)
                    self.subjects[name].waiting_count = rows + pending
                    self._empty.add(name)
        return found

    def _touch(self, subject: HeldSubject) -> None:
        self.subjects[subject.subject] = subject  # it may have been forgotten meanwhile
        self._pending.subjects[subject.subject] = subject
        self._pending.touched.add(subject.subject)
        self._pending.size += 1


def _merge(first: _Pending, second: _Pending) -> _Pending:
    return _Pending(
        park=first.park + second.park,
        subjects=first.subjects | second.subjects,
        settle=first.settle + second.settle,
        mark=first.mark | second.mark,
        forget=first.forget + second.forget,
        done=first.done | second.done,
        offsets=first.offsets + second.offsets,
        touched=first.touched | second.touched,
        size=first.size + second.size,
    )
