"""What the recorder writes: timeline, standings of dossiers, and its own offsets, together.

Rows travel as arrays in one statement. Measured against COPY into a stage (text and binary) with
all indexes on, batches of 1,000 to 5,000: the same 30,000 rows a second, with less machinery.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from itertools import groupby
from operator import itemgetter

from hub.deadline import Rules
from hub.event import Event
from hub.message import Position
from hub.outcome import Outcome
from hub.standing import RULES, Standing, advance
from hub.store.database import Pipeline, Store
from hub.store.texts import columns, keyed, storable
from hub.store.voices import record_voices
from hub.worktime import VIETNAM

TIMELINE = """
INSERT INTO timeline (
    source_topic, source_partition, source_offset, source_item, at, stage, name, state, reason,
    text, subject, kind, unit, event_id, message_id, position, attempts, duration_ms, config,
    foreign_code, operation_key, traceparent)
SELECT * FROM unnest(
    %b::text[], %b::int[], %b::bigint[], %b::int[], %b::timestamptz[], %b::text[], %b::text[],
    %b::text[], %b::text[], %b::text[], %b::text[], %b::text[], %b::text[], %b::text[], %b::text[],
    %b::text[], %b::int[], %b::float8[], %b::text[], %b::text[], %b::text[], %b::text[])
ON CONFLICT DO NOTHING
"""

STANDINGS = """
SELECT subject, status, event_topic, event_offset, unit, procedure_code, procedure_name,
    status_code, channel, submitted_at, received_at, due_at, finished_at, returned_at, event_id,
    event_kind, event_time, deadline_at, deadline_calendar, paused_at, fee_bearing, paid_online,
    digitised, reused, electronic_result, doubts
FROM dossier WHERE subject = ANY (%b::text[])
"""

# Only forward: a second recorder that reads the same events changes nothing. That is why what was
# read needs no lock: each recorder folds every event itself, and the further one wins.
DOSSIERS = """
INSERT INTO dossier AS d (
    subject, status, event_topic, event_offset, unit, procedure_code, procedure_name,
    status_code, channel, submitted_at, received_at, due_at, finished_at, returned_at, event_id,
    event_kind, event_time, deadline_at, deadline_calendar, paused_at, fee_bearing, paid_online,
    digitised, reused, electronic_result, doubts)
SELECT * FROM unnest(
    %b::text[], %b::text[], %b::text[], %b::bigint[], %b::text[], %b::text[], %b::text[],
    %b::text[], %b::text[], %b::timestamptz[], %b::timestamptz[], %b::timestamptz[],
    %b::timestamptz[], %b::timestamptz[], %b::text[], %b::text[], %b::timestamptz[],
    %b::timestamptz[], %b::text[], %b::timestamptz[], %b::bool[], %b::bool[], %b::bool[],
    %b::bool[], %b::bool[], %b::text[])
ON CONFLICT (subject) DO UPDATE
SET status = excluded.status, event_topic = excluded.event_topic,
    event_offset = excluded.event_offset, unit = excluded.unit,
    procedure_code = excluded.procedure_code, procedure_name = excluded.procedure_name,
    status_code = excluded.status_code, channel = excluded.channel,
    submitted_at = excluded.submitted_at, received_at = excluded.received_at,
    due_at = excluded.due_at, finished_at = excluded.finished_at,
    returned_at = excluded.returned_at, event_id = excluded.event_id,
    deadline_at = excluded.deadline_at, deadline_calendar = excluded.deadline_calendar,
    paused_at = excluded.paused_at, fee_bearing = excluded.fee_bearing,
    paid_online = excluded.paid_online, digitised = excluded.digitised,
    reused = excluded.reused, electronic_result = excluded.electronic_result,
    doubts = excluded.doubts,
    event_kind = excluded.event_kind, event_time = excluded.event_time, updated_at = now()
WHERE d.event_topic <> excluded.event_topic OR d.event_offset < excluded.event_offset
"""

OFFSETS = """
INSERT INTO recorder_offset AS o (topic, partition, next_offset)
SELECT * FROM unnest(%b::text[], %b::int[], %b::bigint[])
ON CONFLICT (topic, partition) DO UPDATE
SET next_offset = excluded.next_offset, updated_at = now()
WHERE o.next_offset < excluded.next_offset
"""


@dataclass(frozen=True, slots=True)
class Recording:
    """One batch of the recorder.

    Attributes:
        outcomes: each with where its record stands, those of a record side by side.
        events: in the order of their partitions, each with its position.
        offsets: (topic, partition) -> the offset to go on with.
    """

    outcomes: Sequence[tuple[Position, Outcome]]
    events: Sequence[Event]
    offsets: Mapping[tuple[str, int], int]


async def recorded_offsets(store: Store) -> Mapping[tuple[str, int], int]:
    """(topic, partition) -> the first offset that is not recorded yet."""
    async with store.pipeline() as pipeline:
        asked = await pipeline.run("SELECT topic, partition, next_offset FROM recorder_offset")
        return {(topic, part): offset for topic, part, offset in await asked.fetchall()}


async def record(store: Store, batch: Recording, rules: Rules = RULES) -> None:
    """Write everything, and the offsets, in one transaction; again is harmless.

    Args:
        rules: how deadlines move.
    """
    async with store.pipeline() as pipeline:
        if batch.outcomes:
            await pipeline.run(TIMELINE, *columns(_timeline_rows(batch.outcomes)))
        if batch.events:
            await _record_standings(pipeline, batch.events, rules)
            await record_voices(pipeline, batch.events)
        if batch.offsets:
            rows = ((*where, offset) for where, offset in batch.offsets.items())
            await pipeline.run(OFFSETS, *columns(rows))


async def _record_standings(pipeline: Pipeline, events: Sequence[Event], rules: Rules) -> None:
    subjects = sorted({keyed(event.subject) for event in events})
    asked = await pipeline.run(STANDINGS, subjects)
    known = {row[0]: Standing(*row) for row in await asked.fetchall()}
    changed: dict[str, Standing] = {}
    for event in events:
        subject = keyed(event.subject)
        old = changed.get(subject) or known.get(subject)
        new = advance(old, event, rules)
        if new is not None and new is not old:
            changed[subject] = new
    if changed:
        ordered = sorted(changed.items())  # two recorders take the rows' locks in one order
        await pipeline.run(DOSSIERS, *columns(dossier_row(*each) for each in ordered))


def _timeline_rows(
    outcomes: Sequence[tuple[Position, Outcome]],
) -> Iterator[tuple[object, ...]]:
    """A row for each; those of one record stand side by side, and are numbered."""
    for position, lot in groupby(outcomes, itemgetter(0)):
        for item, (_, outcome) in enumerate(lot):
            yield _timeline_row(position, item, outcome)


def _timeline_row(position: Position, item: int, outcome: Outcome) -> tuple[object, ...]:
    return (
        *position,
        item,
        outcome.at,
        outcome.stage.value,
        keyed(outcome.name),
        outcome.state.value,
        storable(outcome.reason),
        storable(outcome.text),
        keyed(outcome.subject),
        storable(outcome.kind),
        keyed(outcome.unit),
        keyed(outcome.event_id),
        keyed(outcome.message_id),
        storable(outcome.position),
        outcome.attempts,
        float(outcome.duration_ms),
        storable(outcome.config),
        storable(outcome.foreign_code),
        storable(outcome.operation_key),
        storable(outcome.traceparent),
    )


_, *REST = (field.name for field in fields(Standing))


def dossier_row(subject: str, standing: Standing) -> tuple[object, ...]:
    """What DOSSIERS takes for one dossier."""
    return (subject, *(_column(getattr(standing, name)) for name in REST))


def _column(value: object) -> object:
    if isinstance(value, str):
        return keyed(value)
    if isinstance(value, datetime) and value.tzinfo is None:
        return value.replace(tzinfo=VIETNAM)  # an array holds times with a zone, or none has one
    return value
