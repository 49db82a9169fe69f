"""What citizens say, as the recorder writes it: where petitions stand, and satisfaction votes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import astuple
from datetime import datetime

from hub.answering import PetitionStanding, Vote, advance_petition, petition_of, vote_of
from hub.event import Event
from hub.schemas.petition import PetitionEvent
from hub.store.database import Pipeline
from hub.store.texts import columns, keyed
from hub.worktime import VIETNAM

PETITIONS = """
SELECT petition, subject, state, event_topic, event_offset, unit, received_at, due_at, answered_at
FROM petition WHERE petition = ANY (%b::text[])
"""

# Only forward, like the standings of dossiers.
KEEP_PETITIONS = """
INSERT INTO petition AS p (
    petition, subject, state, event_topic, event_offset, unit, received_at, due_at, answered_at)
SELECT * FROM unnest(
    %b::text[], %b::text[], %b::text[], %b::text[], %b::bigint[], %b::text[], %b::timestamptz[],
    %b::timestamptz[], %b::timestamptz[])
ON CONFLICT (petition) DO UPDATE
SET state = excluded.state, event_topic = excluded.event_topic,
    event_offset = excluded.event_offset, unit = excluded.unit,
    received_at = excluded.received_at, due_at = excluded.due_at,
    answered_at = excluded.answered_at, updated_at = now()
WHERE p.event_topic <> excluded.event_topic OR p.event_offset < excluded.event_offset
"""

# A vote is said once: one that is there already stays as it is.
KEEP_VOTES = """
INSERT INTO vote (vote, unit, month, answer)
SELECT * FROM unnest(%b::text[], %b::text[], %b::text[], %b::text[]) ON CONFLICT DO NOTHING
"""


async def record_voices(pipeline: Pipeline, events: Sequence[Event]) -> None:
    """Write what a batch of events says of petitions and votes; again is harmless."""
    pakn = [
        (keyed(petition_of(event.data)), event)
        for event in events
        if isinstance(event.data, PetitionEvent)
    ]
    if pakn:
        await _record_petitions(pipeline, pakn)
    votes = {vote.vote: vote for vote in reversed([*map(vote_of, events)]) if vote is not None}
    if votes:
        await pipeline.run(KEEP_VOTES, *columns(_row(vote) for _, vote in sorted(votes.items())))


async def _record_petitions(pipeline: Pipeline, events: Sequence[tuple[str, Event]]) -> None:
    asked = await pipeline.run(PETITIONS, sorted({name for name, _ in events}))
    standings = {row[0]: PetitionStanding(*row) for row in await asked.fetchall()}
    known = dict(standings)
    for name, event in events:
        new = advance_petition(standings.get(name), event)
        if new is not None:
            standings[name] = new
    changed = [each for name, each in sorted(standings.items()) if each is not known.get(name)]
    if changed:
        await pipeline.run(KEEP_PETITIONS, *columns(map(_row, changed)))


def _row(of: PetitionStanding | Vote) -> tuple[object, ...]:
    return tuple(_column(value) for value in astuple(of))


def _column(value: object) -> object:
    if isinstance(value, datetime) and value.tzinfo is None:
        return value.replace(tzinfo=VIETNAM)
    return keyed(value) if isinstance(value, str) else value
