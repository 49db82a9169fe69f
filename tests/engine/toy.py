"""A connector in process: numbered facts of dossiers, and a destination that does as it is told."""

from __future__ import annotations

import asyncio
import hashlib
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from msgspec import structs

from hub.check_log import Checker, Crashes, Held, Report, Row, Rules, Sent
from hub.connector import (
    Answer,
    Asked,
    Connector,
    ConnectorSettings,
    Operation,
    Repetition,
    Reply,
    Request,
)
from hub.errors import DecodeError, EncodeError, HubError
from hub.event import Alias, Event
from hub.kafka import Outgoing
from hub.message import Message, Position
from hub.schemas.dossier import DossierEvent, DossierStatus
from tests.engine.virtual import pass_time

UNIT = "H99.01"
KIND = "dossier.progressed"
WHEN = datetime(2026, 11, 2, 8, 0, tzinfo=UTC)
UNSPEAKABLE = 666
"""A number that the toy's encode refuses; decode refuses `bad`, and stumbles over `bug`."""

Fault = Callable[[], HubError]


def fact(subject: str, number: int, kind: str = KIND) -> Event:
    """The event number `number` of a subject."""
    data = DossierEvent(
        code=subject, unit=UNIT, status=DossierStatus.PROCESSING, status_code=str(number)
    )
    return Event(
        kind=kind,
        source=f"/connectors/toy/{UNIT}",
        subject=subject,
        time=WHEN,
        data=data,
        natural_key=f"{subject}/{number}",
    )


def event_record(subject: str, number: int, kind: str = KIND) -> Outgoing:
    """Its record in `events`."""
    return fact(subject, number, kind).identify(Position("in.toy", 0, number)).to_record()


def event_id(subject: str, number: int) -> str:
    """Its id."""
    return fact(subject, number).identify(Position("in.toy", 0, number)).id


def message(subject: str, text: object, **headers: str) -> Message:
    """A message as the toy's sender writes it: `subject|text`."""
    return Message("toy", "push", f"{subject}|{text}".encode(), key=subject, headers=headers)


def message_record(subject: str, text: object, **headers: str) -> Outgoing:
    """Its record in `in.toy`."""
    sent = message(subject, text, **headers)
    return sent.key.encode(), sent.body, sent.to_record_headers()


def number_of(event: Event) -> int:
    """The number that `fact` gave it."""
    data: Any = event.data  # also a lean twin of DossierEvent
    return int(data.status_code)


def number_in(value: bytes) -> int:
    """The number in an event's body."""
    return int(DossierEvent.model_validate_json(value).status_code or 0)


def decode(message: Message, settings: Any) -> Sequence[Event | DecodeError]:
    """`subject|number`, `+`-joined for several items; `settings` is a set of texts now mended."""
    items: list[Event | DecodeError] = []
    for part in message.body.decode().split("+"):
        subject, _, text = part.partition("|")
        if text == "bug" and text not in settings:
            raise ZeroDivisionError
        if text == "bad" and text not in settings:
            raise DecodeError("no number", path="/1")
        if text == "item" and text not in settings:
            items.append(DecodeError("no number in an item", path="/1"))
            continue
        how, _, rest = text.rpartition(":")
        event = fact(subject, int(rest) if rest.isdigit() else 0)
        items.append(_special(event, *how.split(":")) if how else event)
    return items


def _special(event: Event, how: str, name: str = "") -> Event:
    """`about:P1:5` is found by parcel P1, `known:P1:5` makes it known, `once:5` is said once."""
    if how == "about":
        return structs.replace(event, subject="", about=("toy.parcel", name))
    if how == "known":
        return structs.replace(event, aliases=(Alias("toy.parcel", name, ""),))
    return structs.replace(event, once=True)


def encode(event: Event, settings: Any) -> Message:
    """The fact's number, with the operation that `settings` names by number, else `push`."""
    number = number_of(event)
    if number == UNSPEAKABLE:
        raise EncodeError("unspeakable", path="/number")
    if settings == "bug":
        raise ZeroDivisionError
    operation = settings.get(number, "push") if isinstance(settings, Mapping) else "push"
    return Message("toy", operation, str(number).encode(), event.subject)


def connector(*operations: Operation) -> Connector:
    """The toy with these outgoing operations; one harmless `push` if none is given."""
    given = operations or (Operation("push", Repetition.HARMLESS),)
    return Connector(
        kind="toy",
        title_vi="Đồ chơi",
        title_en="Toy",
        settings=ConnectorSettings,
        operations={each.name: each for each in given},
        decode=decode,
        encode=encode,
    )


@dataclass
class Destination:
    """A client in process that logs every attempt, and fails, hangs or answers as it is told.

    Attributes:
        rows: every attempt, in the checker's form; `t` counts calls and kills.
        failing: subject -> the error of its calls.
        away: the error of every call and probe.
        hanging: subject -> calls wait until it is set, and take effect then.
        answer_seconds: from the effect until the answer arrives.
        answers: operation key -> what `ask` says; `answered` is the reply it brings.
        replies: what the next deliveries answer.
    """

    rows: list[Row] = field(default_factory=list)
    kills: list[tuple[float, int | None]] = field(default_factory=list)
    failing: dict[str, Fault] = field(default_factory=dict)
    away: Fault | None = None
    hanging: dict[str, asyncio.Event] = field(default_factory=dict)
    answer_seconds: float = 0.0
    answers: dict[str, Answer] = field(default_factory=dict)
    answered: Reply = field(default_factory=Reply)
    replies: list[Reply] = field(default_factory=list)
    groups: list[int] = field(default_factory=list)
    probe_count: int = 0
    asked: list[str] = field(default_factory=list)
    running: int = 0
    most_running: int = 0

    @property
    def taken(self) -> dict[str, list[int]]:
        """Numbers that took effect by subject, in that order."""
        found: dict[str, list[int]] = defaultdict(list)
        for row in self.rows:
            if row.ok and row.seq is not None:
                found[row.subject].append(row.seq)
        return dict(found)

    @property
    def taken_count(self) -> int:
        """How many took effect."""
        return sum(row.ok for row in self.rows)

    def attempts(self, subject: str) -> list[int]:
        """Numbers that were tried, taken or not."""
        return [row.seq for row in self.rows if row.subject == subject and row.seq is not None]

    def killed(self) -> None:
        """A worker died just now."""
        self.kills.append((self._t() + 0.5, None))

    def check(self, sent: Sequence[tuple[str, int]], held: Sequence[Any] = ()) -> Report:
        """What the checker says of all this; `held` are (subject, number, dead or parked)."""
        rows = [("toy", subject, number, state) for subject, number, state in held]
        rules = Rules(grace_seconds=0.0, systems=("toy",))
        checker = Checker(Sent(sent), Held(rows), Crashes(self.kills), rules)
        return checker.check(self.rows)

    async def deliver(self, requests: Sequence[Request], *, timeout_seconds: float) -> Reply:
        self.groups.append(len(requests))
        subject = requests[0].event.subject
        self.running += 1
        self.most_running = max(self.most_running, self.running)
        try:
            if subject in self.hanging:
                await self.hanging[subject].wait()
            else:
                await asyncio.sleep(0)
            fault = self.away or self.failing.get(subject)
            self._log(requests, ok=fault is None)
            if self.answer_seconds:
                await pass_time(self.answer_seconds)
            if fault is not None:
                raise fault()
        finally:
            self.running -= 1
        return self.replies.pop(0) if self.replies else Reply()

    async def ask(self, request: Request, *, timeout_seconds: float) -> Asked:
        self.asked.append(request.operation_key)
        return Asked(self.answers.get(request.operation_key, Answer.UNKNOWN), self.answered)

    async def query(self, operation: str, unit: str, body: Mapping[str, Any]) -> Mapping[str, Any]:
        return {}

    async def probe(self) -> str:
        self.probe_count += 1
        await asyncio.sleep(0)
        if self.away is not None:
            raise self.away()
        return "there"

    async def close(self) -> None:
        return None

    def _t(self) -> float:
        return self.rows[-1].t if self.rows else 0.0

    def _log(self, requests: Sequence[Request], *, ok: bool) -> None:
        t = float(int(self._t()) + 1)
        for request in requests:
            self.rows.append(
                Row(
                    t,
                    "toy",
                    request.message.operation,
                    request.operation_key,
                    request.event.subject,
                    number_of(request.event),
                    ok,
                    hashlib.sha256(request.message.body).hexdigest(),
                    f"call {t:.0f}",
                )
            )
