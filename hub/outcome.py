"""Outcome: how the handling of one message ended at one stage."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from enum import StrEnum

import msgspec

OUTCOMES_TOPIC = "outcomes"
FORMAT_VERSION = 2
LOT_COUNT = 250
"""Most outcomes in one record."""
LOT_BYTES = 400_000
"""A record with more is cut in two."""
ATTEMPTS_LIMIT = 2**31


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


class Outcome(msgspec.Struct, omit_defaults=True):
    """One row of a dossier's timeline.

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


Ending = tuple[Stage, str, State]
"""Stage, name and state of an outcome: what batches of them are counted by."""


def by_ending(outcomes: Iterable[Outcome]) -> dict[Ending, list[Outcome]]:
    """Outcomes of the same stage, name and state together, in order."""
    found: dict[Ending, list[Outcome]] = {}
    for each in outcomes:
        ending = (each.stage, each.name, each.state)
        if ending in found:
            found[ending].append(each)
        else:
            found[ending] = [each]
    return found


class Lot(msgspec.Struct):
    """What one record of `outcomes` carries: many outcomes, since a record costs more than a row.

    Attributes:
        v: format version.
        rows: the outcomes, in the order in which they were reported.
    """

    v: int
    rows: list[Outcome]


def records_of(outcomes: Sequence[Outcome]) -> list[tuple[bytes, bytes, list[tuple[str, bytes]]]]:
    """Records of `outcomes` that carry these, in order; keyed by the first one's stage and name."""
    found = []
    for start in range(0, len(outcomes), LOT_COUNT):
        lot = outcomes[start : start + LOT_COUNT]
        value = _encode(Lot(FORMAT_VERSION, list(lot)))
        if len(value) > LOT_BYTES and len(lot) > 1:
            half = len(lot) // 2
            found += [*records_of(lot[:half]), *records_of(lot[half:])]
        else:
            found.append((f"{lot[0].stage.value}/{lot[0].name}".encode(), value, []))
    return found


def outcomes_of(value: bytes) -> list[Outcome]:
    """The outcomes of a record, every field of the right type; the inverse of `records_of`.

    Raises:
        ValueError: not outcomes of the known format version.
    """
    try:
        lot = _decode(value)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise ValueError("not a record of outcomes") from error
    if lot.v != FORMAT_VERSION:
        raise ValueError("unknown outcome format")
    if any(each.at.tzinfo is None for each in lot.rows):
        raise ValueError("a time has no zone")
    if any(not 0 <= each.attempts < ATTEMPTS_LIMIT for each in lot.rows):
        raise ValueError("attempts out of range")
    return lot.rows


_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(Lot).decode
