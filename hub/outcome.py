"""Outcome: how the handling of one message ended at one stage."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from operator import attrgetter
from typing import Any, Self

import orjson

OUTCOMES_TOPIC = "outcomes"


class Stage(StrEnum):
    """Where in the flow."""

    __hash__ = str.__hash__  # Enum's own is not in C

    RECEIVE = "receive"
    DECODE = "decode"
    DELIVER = "deliver"


class State(StrEnum):
    """How it ended."""

    __hash__ = str.__hash__  # Enum's own is not in C

    ACCEPTED = "accepted"  # receive: Kafka has the bytes
    REFUSED = "refused"  # receive: answered with an error, kept for `hub rejections`
    DECODED = "decoded"  # decode: it became an event
    DUPLICATE = "duplicate"  # decode: a consecutive repetition, suppressed
    DELIVERED = "delivered"
    SKIPPED = "skipped"
    PARKED = "parked"  # kept for later, the hub will try again
    DEAD = "dead"  # kept for later, a person must act
    RELEASED = "released"  # a person let the followers of a dead head flow


@dataclass(slots=True)
class Outcome:
    """One row of a dossier's timeline; not frozen, because that costs half of making one.

    Attributes:
        stage, name: the stage and the connector instance or route it happened at.
        state: how it ended.
        reason: fixed reason code, `` when nothing went wrong.
        text: one sentence for a person, without message content.
        subject: dossier code or other subject; the sending account when unreadable.
        kind: event kind, `` before decoding.
        unit: organisation id of the sending unit.
        event_id, message_id: handles of event and raw message.
        position: where the handled record stands (`in.one_stop/3/118`).
        attempts: calls made for it.
        duration_ms: from taking it up to this end, waits included.
        at: when it ended, with zone.
        config: content hash of hub.yaml in force.
        foreign_code: the destination's own code.
        traceparent: W3C trace context.
    """

    stage: Stage
    name: str
    state: State
    subject: str
    at: datetime
    reason: str = ""
    text: str = ""
    kind: str = ""
    unit: str = ""
    event_id: str = ""
    message_id: str = ""
    position: str = ""
    attempts: int = 0
    duration_ms: float = 0.0
    config: str = ""
    foreign_code: str = ""
    operation_key: str = ""
    traceparent: str = ""

    def to_record(self) -> tuple[bytes, bytes]:
        """Key (the subject) and JSON value of the record in `outcomes`; empty fields left out."""
        subject = self.subject
        value = {
            "stage": self.stage,
            "name": self.name,
            "state": self.state,
            "subject": subject,
            "at": self.at,
        }
        for name, found in zip(_OPTIONAL, _optional(self), strict=True):
            if found:
                value[name] = found
        value["v"] = 1
        return subject.encode(), orjson.dumps(value)

    @classmethod
    def from_record(cls, value: bytes) -> Self:
        """The outcome of a record's value.

        Raises:
            ValueError: not an outcome of a known format version.
        """
        fields: Mapping[str, Any] = orjson.loads(value)
        if fields.get("v") != 1:
            raise ValueError("unknown outcome format")
        known = {name: fields[name] for name in cls.__slots__ if name in fields}
        known |= {
            "stage": Stage(known["stage"]),
            "state": State(known["state"]),
            "at": datetime.fromisoformat(known["at"]),
        }
        return cls(**known)


_OPTIONAL = tuple(Outcome.__slots__)[5:]
"""Fields that have a default, in their order."""

_optional: Callable[[Outcome], tuple[Any, ...]] = attrgetter(*_OPTIONAL)
