"""Inbound: Message -> events. What becomes of one message, without Kafka's transactions.

A message becomes events, or is a repetition, or is dead; what follows a dead one of its dossier is
held behind it. An unreadable key (the sending account's) holds nobody: the documented exception.
"""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

from hub.blobs import HEADER
from hub.connector import Connector
from hub.errors import ConfigError, DecodeError, Unavailable
from hub.event import Event
from hub.held import HeldMessage, HeldState
from hub.kafka import Outgoing, Record, partition_of, safe_headers
from hub.message import Message, Position
from hub.outbound import ENTERED_HEADER
from hub.outcome import Outcome, Stage, State
from hub.parking import BEHIND, NO_CAUSE, Cause, Keeper
from hub.resolving import Names, Wait, resolve, unknown_wait

LOOK_BACK_COUNT = 1000
"""A repetition is recognised if it follows its original within so many offsets of the partition."""

EVENT_BYTES = 800_000
"""Largest event; leaves room for headers in a batch of Kafka's."""

Headers = Sequence[tuple[str, bytes]]
CheckOut = Callable[[Message], Awaitable[Message]]


@dataclass(slots=True)
class Batch:
    """What one transaction produces; events and dead letters by output partition.

    `keys` are those of the messages that have become events in it.
    """

    events: dict[int, list[Outgoing]] = field(default_factory=lambda: defaultdict(list))
    outcomes: list[Outcome] = field(default_factory=list)
    dead: dict[int, list[Outgoing]] = field(default_factory=lambda: defaultdict(list))
    keys: set[str] = field(default_factory=set)


@dataclass(slots=True)
class Memory:
    """What decoding remembers of one partition.

    Attributes:
        number: the partition.
        start: committed offset; records below it are only looked at for repetitions.
        last: subject -> (natural key, offset) of its latest message.
    """

    number: int
    keeper: Keeper
    start: int
    last: dict[str, tuple[str, int]] = field(default_factory=dict)


class Inbound:
    """Decodes the messages of one connector instance.

    Args:
        instance: name in hub.yaml; `settings` its block.
        partitions_count: of `in.<instance>` and of `events`, which have the same number.
        check_out: fetches a claim-checked body.
        names: resolves foreign ids, and knows what was said.
        config: configuration version for outcomes.
    """

    def __init__(
        self,
        instance: str,
        connector: Connector,
        settings: object,
        *,
        partitions_count: int,
        check_out: CheckOut,
        names: Names,
        config: str = "",
        now: Callable[[], float] = time.time,
    ) -> None:
        if connector.decode is None:
            raise ConfigError(f"connector {connector.kind} cannot decode")
        self.instance = instance
        self.topic = f"in.{instance}"
        self.partitions_count = partitions_count
        self._decode = connector.decode
        self._settings = settings
        self._check_out = check_out
        self._names = names
        self._now = now
        self._config = config

    async def handle(self, memory: Memory, record: Record, batch: Batch) -> bool:
        """Put what becomes of a record into the batch; below the start it is only looked at.

        Returns:
            False, and nothing is done: the batch must be committed first. What the keeper writes
            is written before the transaction ends, and says that all below it is settled.

        Raises:
            Unavailable: its body cannot be fetched now.
        """
        key = (record.key or b"").decode("utf-8", "replace")
        headers = safe_headers(record.headers)
        position = Position(self.topic, memory.number, record.offset)
        message = Message.from_record(
            key=key, value=record.value or b"", headers=headers, position=position
        )
        if record.offset < memory.start:
            await self._remember(memory, message)
            return True
        if key in memory.keeper.subjects:
            if memory.keeper.redelivered(key, record.offset):
                await self._held_before(memory, message, record, batch)
                return True
            held = memory.keeper.held(key)
            if held is not None:
                memory.keeper.behind(held, self._row(message, record, headers))
                batch.outcomes.append(self.outcome(message, State.PARKED, BEHIND))
                return True
        cause = await self.to_events(memory, message, batch)
        if cause is None:
            batch.keys.add(key)
        elif key in batch.keys:
            return False
        elif isinstance(cause, Wait) and not _keyed_by_account(message):
            row = replace(self._row(message, record, headers), reason=cause.reason, text=cause.text)
            memory.keeper.park([row], cause, self._now() + unknown_wait(0))
            batch.outcomes.append(self.outcome(message, State.PARKED, cause))
        else:
            self._bury(memory, message, record, batch, cause)
        return True

    async def _remember(self, memory: Memory, message: Message) -> None:
        """Look at an earlier message for the sake of repetitions only."""
        position = message.position
        assert position is not None  # noqa: S101 - every record has one
        if memory.keeper.redelivered(message.key, position.offset):
            return  # held, perhaps still: it is no repetition of itself when it is replayed
        items = await self._items(message)
        if not isinstance(items, Cause):
            for item in items:
                if not item.once:
                    memory.last[item.subject] = (item.natural_key, position.offset)

    async def _held_before(
        self, memory: Memory, message: Message, record: Record, batch: Batch
    ) -> None:
        """Its row is kept already, but what was said of it got lost with a transaction."""
        held = memory.keeper.held(message.key)
        dead = held is not None and held.dead
        cause = await self._items(message) if dead else None
        if isinstance(cause, Cause):
            self._say_dead(memory, message, record, batch, cause)
        else:
            batch.outcomes.append(self.outcome(message, State.PARKED, BEHIND))

    async def to_events(self, memory: Memory, message: Message, batch: Batch) -> Cause | None:
        """Put the message's events into the batch; the cause if it cannot be decoded."""
        position = message.position
        assert position is not None  # noqa: S101 - every record has one
        items = await self._items(message)
        if isinstance(items, Cause):
            return items
        said: frozenset[int] = frozenset()
        for item in items:
            if item.about or item.aliases or item.once:
                joined = await resolve(self._names, items, position)
                if isinstance(joined, Cause):
                    return joined
                items, said = joined
                break
        where = str(position)
        for index, item in enumerate(items):
            if index in said or (not item.once and _repeats(memory, item, position)):
                batch.outcomes.append(self.outcome(message, State.DUPLICATE, event=item))
                continue
            event_id = item.id_at(where, index)
            same = item.subject == message.key
            target = (
                memory.number
                if same
                else partition_of(item.subject.encode(), self.partitions_count)
            )
            batch.events[target].append(item.to_record(event_id=event_id, message=message))
            batch.outcomes.append(
                self.outcome(message, State.DECODED, event=item, event_id=event_id)
            )
        if len(memory.last) > 4 * LOOK_BACK_COUNT:
            oldest = position.offset - LOOK_BACK_COUNT
            memory.last = {s: seen for s, seen in memory.last.items() if seen[1] >= oldest}
        return None

    async def _items(self, message: Message) -> Sequence[Event] | Cause:
        """What the connector makes of a message, or why it can make nothing of it.

        Raises:
            Unavailable: its body cannot be fetched now.
        """
        try:
            if HEADER in message.headers:
                message = await self._check_out(message)
            items = self._decode(message, self._settings)
        except DecodeError as error:
            return Cause(error.code, str(error))
        except Unavailable:
            raise
        except Exception as error:  # noqa: BLE001 - a connector's bug must not stop other dossiers
            return Cause("connector_bug", f"decode raised {type(error).__name__}")
        events = []
        for item in items:
            if isinstance(item, DecodeError):
                return Cause(item.code, str(item))
            if _event_bytes(item, message) > EVENT_BYTES:
                return Cause("record_too_large", "its event is larger than Kafka takes")
            events.append(item)
        return events

    def _bury(
        self,
        memory: Memory,
        message: Message,
        record: Record,
        batch: Batch,
        cause: Cause,
    ) -> None:
        """Dead: a copy for the dead letters, and a row that holds the dossier's later messages."""
        row = replace(
            self._row(message, record, safe_headers(record.headers)),
            state=HeldState.DEAD,
            reason=cause.reason,
            text=cause.text,
        )
        self._say_dead(memory, message, record, batch, cause)
        if _keyed_by_account(message):
            memory.keeper.aside(row)
        else:
            memory.keeper.park([row], cause, None)

    def _say_dead(
        self,
        memory: Memory,
        message: Message,
        record: Record,
        batch: Batch,
        cause: Cause,
    ) -> None:
        headers = [(name, value or b"") for name, value in record.headers]
        copy = _copy(record.key or b"", record.value, headers, message, cause)
        batch.dead[memory.number].append(copy)
        batch.outcomes.append(self.outcome(message, State.DEAD, cause))

    def say_dead(self, memory: Memory, row: HeldMessage, batch: Batch, cause: Cause) -> None:
        """A held message that could have become readable, and did not, is dead."""
        headers = [(n, text.encode()) for n, text in row.headers.items() if n != ENTERED_HEADER]
        message = message_of(row)
        batch.dead[memory.number].append(_copy(row.key, row.value, headers, message, cause))
        batch.outcomes.append(self.outcome(message, State.DEAD, cause))

    def _row(self, message: Message, record: Record, headers: dict[str, str]) -> HeldMessage:
        assert message.position is not None  # noqa: S101 - every record has one
        entered = datetime.fromtimestamp(record.timestamp / 1000, UTC).isoformat()
        return HeldMessage(
            route=self.topic,
            subject=message.key,
            event_id=message.id,
            position=message.position,
            key=record.key or b"",
            value=record.value or b"",
            headers={**headers, ENTERED_HEADER: entered},
            unit=message.headers.get("unit", ""),
            message_id=message.id,
            held_at=datetime.fromtimestamp(self._now(), UTC),
        )

    def outcome(
        self,
        message: Message,
        state: State,
        cause: Cause = NO_CAUSE,
        event: Event | None = None,
        event_id: str = "",
    ) -> Outcome:
        """How the handling of one message ended, as a row of the timeline."""
        now = datetime.now(UTC)
        outcome = Outcome(
            Stage.DECODE,
            self.instance,
            state,
            event.subject if event is not None else message.key,
            now,
            kind=event.kind if event is not None else "",
            unit=message.headers.get("unit", ""),
            event_id=event_id,
            message_id=message.id,
            position=str(message.position),
            attempts=1,
            duration_ms=round((now - message.received_at).total_seconds() * 1000, 3),
            config=self._config,
        )
        if cause is not NO_CAUSE:
            outcome.reason, outcome.text = cause.reason, cause.text
        if message.traceparent:
            outcome.traceparent = message.traceparent
        return outcome


def _copy(
    key: bytes, value: bytes | None, headers: Headers, message: Message, cause: Cause
) -> Outgoing:
    """The record for the dead letters: original bytes and headers, and why."""
    why = [
        ("hub-reason", cause.reason.encode()),
        ("hub-text", cause.text.encode()),
        ("hub-position", str(message.position).encode()),
    ]
    return key, value, [*headers, *why]


def _keyed_by_account(message: Message) -> bool:
    """Whether its key is the sending account's: it says nothing of what order is kept for."""
    return message.key in ("", message.headers.get("unit", ""))


def _repeats(memory: Memory, item: Event, position: Position) -> bool:
    """Whether the message before it of the same subject said the same; it is remembered."""
    last = memory.last.get(item.subject)
    memory.last[item.subject] = (item.natural_key, position.offset)
    return (
        last is not None
        and last[0] == item.natural_key
        and 0 <= position.offset - last[1] <= LOOK_BACK_COUNT
    )


def message_of(row: HeldMessage) -> Message:
    """The message that a held row keeps."""
    return Message.from_record(
        key=row.subject, value=row.value, headers=row.headers, position=row.position
    )


def _event_bytes(event: Event, message: Message) -> int:
    """Bytes of the event's data; 0 where the message is so small that it need not be made."""
    if event.encoded is not None:
        return len(event.encoded)
    return len(event.to_record()[1]) if len(message.body) > EVENT_BYTES // 8 else 0
