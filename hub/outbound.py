"""Outbound: an event on a route -> one Outcome. Encode, deliver, and what came of it.

Knows nothing of lanes, windows and stores: it gets items, and raises what `recovery` decides on.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import msgspec

from hub import crash
from hub.connector import Client, Connector, Operation, Repetition, Reply, Request
from hub.effects import Effects
from hub.errors import (
    EncodeError,
    Expired,
    HubError,
    MessageError,
    Unavailable,
    UnknownOutcome,
)
from hub.event import Alias, Event
from hub.held import Claim, HeldMessage
from hub.kafka import Record, header, safe_headers
from hub.lanes import Item
from hub.message import Position, name_id
from hub.outbox import Outbox
from hub.outcome import Outcome, Stage, State
from hub.overdue import Overdue
from hub.parking import NO_CAUSE, Cause
from hub.route import Route
from hub.when import When

EVENTS_TOPIC = "events"

ENTERED_HEADER = "hub-entered-at"
"""Header that a held row gets beside the original ones: when the record entered Kafka."""

PutAliases = Callable[[Sequence[Alias]], Awaitable[None]]


class Facts(msgspec.Struct, frozen=True):
    """What a record says about itself in its headers, readable also when its body is not."""

    headers: Mapping[str, str]
    position: Position
    subject: str

    @property
    def event_id(self) -> str:
        """CloudEvents `id`; of a foreign record without one, made of its position."""
        return self.headers.get("ce_id") or name_id(str(self.position))

    @property
    def kind(self) -> str:
        """CloudEvents `type`."""
        return self.headers.get("ce_type", "")

    @property
    def unit(self) -> str:
        """Organisation id of the sending unit, the last part of the source."""
        return self.headers.get("ce_source", "").rpartition("/")[2]

    @property
    def message_id(self) -> str:
        """Id of the raw message it was decoded from."""
        return self.headers.get("ce_messageid", "")


def facts_of(item: Item, partition: int, topic: str = EVENTS_TOPIC) -> Facts:
    """Facts of a record, or of a held row."""
    found: Facts | None = item.facts
    if found is None:
        record = item.record
        if isinstance(record, HeldMessage):
            found = Facts(record.headers, record.position, record.subject)
        else:
            position = Position(topic, partition, item.offset)
            found = Facts(safe_headers(record.headers), position, subject_of(record))
        item.facts = found
    return found


def subject_of(record: Record) -> str:
    """The subject of a record of `events`: its key."""
    return (record.key or b"").decode("utf-8", "replace")


class Outbound:
    """Encodes and delivers for one route.

    Args:
        connector: the kind of system; `settings` its block of hub.yaml.
        client: its outgoing side.
        effects: the ledger.
        outbox: where replies and outcomes go.
        put_aliases: stores aliases before anyone outside can use them.
        config: configuration version for outcomes.
        now: the wall clock.
    """

    def __init__(
        self,
        route: Route,
        connector: Connector,
        settings: object,
        client: Client,
        *,
        effects: Effects,
        outbox: Outbox,
        put_aliases: PutAliases,
        config: str = "",
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        if connector.encode is None:
            raise EncodeError(f"connector {connector.kind} cannot deliver")
        self.route = route
        self._when = When(route.when) if route.when else None
        self.client = client
        self._encode = connector.encode
        self._operations = connector.operations
        looks = self._when is not None and "data" in self._when.names
        self._lean = connector.reads_lean and not looks
        self._settings = settings
        self._now = now
        self._effects = effects
        self._outbox = outbox
        self._put_aliases = put_aliases
        self._config = config
        self._overdue = Overdue()
        self._takes: dict[str, bool] = {}
        self._name = f"{route.name} "

    def wants(self, record: Record) -> bool:
        """Whether the route takes the record's kind, and its condition holds.

        Where nobody can tell, it does: `encode` will find the fault, and the event is dead, not
        lost.
        """
        kind = header(record, "ce_type")
        if kind not in self._takes:
            self._takes[kind] = self.route.takes(kind)
        if not self._takes[kind]:
            return False
        if self._when is None:
            return True
        try:
            return self._when.holds(partial(_attribute, record), partial(_data, record))
        except MessageError:
            return True

    def encode(self, item: Item, facts: Facts) -> tuple[Request, Operation]:
        """The request of an item; pure but for the clock that tells expiry.

        Raises:
            MessageError: it can never succeed (unreadable, cannot be said, expired, or the
                route's condition cannot be computed for it).
        """
        record = item.record
        event = Event.from_record(
            record.value or b"", facts.headers, facts.position, lean=self._lean
        )
        if self._when is not None:  # false: it was true when the event was taken
            self._when.holds(
                {
                    "kind": event.kind,
                    "source": event.source,
                    "subject": event.subject,
                    "unit": facts.unit,
                }.__getitem__,
                lambda: event.data.model_dump(mode="json"),  # a lean event has no such form
            )
        expires = self.route.terms.expires_after_seconds
        if expires is not None and self._now() - _entered(record) > timedelta(seconds=expires):
            raise Expired("older than the route's terms allow")
        try:
            message = self._encode(event, self._settings)
        except MessageError:
            raise
        except Exception as error:  # a connector's bug must not stop other dossiers
            raise EncodeError(
                f"encode raised {type(error).__name__}", code="connector_bug"
            ) from error
        crash.point("after_encode")
        operation = self._operations.get(message.operation)
        if operation is None:
            raise EncodeError(f"operation {message.operation} is not declared")
        key = name_id(f"{self._name}{event.id} 0")
        return Request(message=message, operation_key=key, event=event), operation

    async def send(self, claim: Claim, requests: Sequence[Request], operation: Operation) -> Reply:
        """One call for one group of requests of a subject, its reply safely on its way.

        Raises:
            HubError: see `hub.errors`; foreign errors never.
        """
        timeout = self.route.terms.timeout_seconds
        guarded = self._effects.guards(operation)
        if guarded:
            earlier = await self._effects.before(claim, requests[0], operation, timeout)
            if earlier is not None:
                return await self._enter(earlier)
            crash.point("after_effect_begun")
        crash.point("before_call")
        try:
            reply = await self._overdue.within(
                timeout + 1, self.client.deliver(requests, timeout_seconds=timeout)
            )
        except TimeoutError as error:
            raise UnknownOutcome("no answer within the time-out", code="timeout") from error
        except (MessageError, Unavailable) as error:
            if guarded:
                await self._effects.after(requests[0], "not_taken", foreign_code=error.code)
            raise
        except HubError:
            raise
        except Exception as error:  # a connector's bug: nobody knows whether it was sent
            raise UnknownOutcome(
                f"deliver raised {type(error).__name__}", code="connector_bug"
            ) from error
        crash.point("after_call")
        if guarded:
            await self._effects.after(requests[0], "taken", reply=reply)
            crash.point("after_effect_taken")
        return await self._enter(reply) if reply.aliases or reply.messages else reply

    async def allow_again(self, item: Item, facts: Facts) -> None:
        """A person says that the request of a message has not taken effect, however it was sent.

        Raises:
            Unavailable: the store does not answer.
        """
        try:
            request, operation = self.encode(item, facts)
        except MessageError:
            return  # it was never sent
        await self._effects.allow_again(request, operation)

    async def _enter(self, reply: Reply) -> Reply:
        """The reply, its aliases stored, its messages on their way into the flow."""
        if reply.aliases:
            await self._put_aliases(reply.aliases)
        for message in reply.messages:
            self._outbox.reply(message)
        return reply

    async def probe(self) -> None:
        """A harmless call that tells whether the destination is there.

        Raises:
            HubError: it is not.
        """
        try:
            async with asyncio.timeout(self.route.terms.timeout_seconds):
                await self.client.probe()
        except TimeoutError as error:
            raise Unavailable("no answer within the time-out", code="timeout") from error
        except HubError:
            raise
        except Exception as error:  # a connector's bug must not stop other routes
            raise Unavailable(
                f"probe raised {type(error).__name__}", code="connector_bug"
            ) from error

    def group_count(self, operation: Operation) -> int:
        """How many requests may go in one call; the ledger knows single requests only."""
        return 1 if self._effects.guards(operation) else operation.group_count

    def repetition(self, operation: Operation | None) -> Repetition:
        """What a repetition does; harmless when nothing was encoded."""
        return operation.repetition if operation else Repetition.HARMLESS

    def report(
        self,
        item: Item,
        facts: Facts,
        state: State,
        *,
        cause: Cause = NO_CAUSE,
        operation_key: str = "",
    ) -> None:
        """The one place where the handling of a message on a route ends."""
        outcome = Outcome(
            Stage.DELIVER,
            self.route.name,
            state,
            facts.subject,
            datetime.now(UTC),
            kind=facts.kind,
            unit=facts.unit,
            event_id=facts.event_id,
            message_id=facts.message_id,
            position=str(facts.position),
            attempts=item.attempts,
            duration_ms=round((time.monotonic() - item.taken_at) * 1000, 3),
            config=self._config,
            operation_key=operation_key,
        )
        if cause is not NO_CAUSE:
            outcome.reason, outcome.text = cause.reason, cause.text
            outcome.foreign_code = cause.foreign_code
        if traceparent := facts.headers.get("traceparent"):
            outcome.traceparent = traceparent
        self._outbox.report(outcome)

    def bury(self, item: Item, facts: Facts, cause: Cause) -> None:
        """A copy for `dead.<route>`: original bytes and headers, reason headers."""
        record = item.record
        if isinstance(record, HeldMessage):
            key, value = record.key, record.value
            headers = [
                (name, text.encode())
                for name, text in record.headers.items()
                if name != ENTERED_HEADER
            ]
        else:
            key, value = record.key or b"", record.value
            headers = [(name, content or b"") for name, content in record.headers]
        headers += [
            ("hub-reason", cause.reason.encode()),
            ("hub-text", cause.text.encode()),
            ("hub-route", self.route.name.encode()),
            ("hub-position", str(facts.position).encode()),
            ("hub-attempts", str(item.attempts).encode()),
        ]
        self._outbox.put(f"dead.{self.route.name}", (key, value, headers))


def _attribute(record: Record, name: str) -> str:
    """A record's attribute by the name that conditions use."""
    if name == "subject":
        return header(record, "ce_subject")
    if name == "unit":
        return header(record, "ce_source").rpartition("/")[2]
    return header(record, {"kind": "ce_type", "source": "ce_source"}[name])


def _data(record: Record) -> Any:
    """A record's data as conditions see it: every field of its kind, defaults filled in.

    Raises:
        DecodeError: it is unreadable.
    """
    event = Event.from_record(record.value or b"", safe_headers(record.headers))
    return event.data.model_dump(mode="json")


def held_row(item: Item, facts: Facts, route: str) -> HeldMessage:
    """The row that keeps an item in the store: original bytes and headers, and when it entered."""
    record = item.record
    if isinstance(record, HeldMessage):
        return record
    return HeldMessage(
        route=route,
        subject=facts.subject,
        event_id=facts.event_id,
        position=facts.position,
        key=record.key or b"",
        value=record.value or b"",
        headers={**facts.headers, ENTERED_HEADER: _entered(record).isoformat()},
        kind=facts.kind,
        unit=facts.unit,
        message_id=facts.message_id,
        attempts=item.attempts,
        held_at=datetime.now(UTC),
    )


def _entered(record: Record | HeldMessage) -> datetime:
    """When the event entered Kafka; for a held row, when it was held."""
    if isinstance(record, HeldMessage):
        return datetime.fromisoformat(record.headers[ENTERED_HEADER])
    return datetime.fromtimestamp(record.timestamp / 1000, UTC)
