"""Reading the timeline: what became of a dossier's messages, of one message, of a unit's."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, RowMapping, select

from hub.message import Position
from hub.outcome import Outcome, Stage, State
from hub.standing import Standing
from hub.store.database import Store
from hub.store.tables import alias, dossier, timeline
from hub.store.texts import keyed

ROWS_LIMIT = 5000
STAGES = tuple(Stage)
OUTCOME_FIELDS = Outcome.__struct_fields__
STANDING_FIELDS = tuple(field.name for field in fields(Standing))


@dataclass(frozen=True, slots=True)
class Entry:
    """One row of the timeline, and where its record stands in `outcomes`."""

    outcome: Outcome
    source: Position


class Timeline:
    """Questions about what has happened; each answers at most 5,000 rows, the newest ones."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def of_subject(self, subject: str) -> Sequence[Entry]:
        """Everything recorded about a subject, oldest first."""
        return await self._entries(timeline.c.subject == keyed(subject))

    async def of_message(self, handle: str) -> Sequence[Entry]:
        """Everything recorded about a raw message or an event, by either's id, oldest first."""
        by_message = await self._entries(timeline.c.message_id == keyed(handle))
        return by_message or await self._entries(timeline.c.event_id == keyed(handle))

    async def rejections(self, unit: str, since: datetime | None = None) -> Sequence[Entry]:
        """A unit's messages that were refused at the door or died later, oldest first."""
        states = timeline.c.state.in_([State.REFUSED.value, State.DEAD.value])
        condition = states & (timeline.c.unit == keyed(unit))
        if since is not None:
            condition &= timeline.c.at >= since
        return await self._entries(condition)

    async def standing(self, subject: str) -> Standing | None:
        """Where a dossier stands, none if no event about it was recorded."""
        query = select(dossier).where(dossier.c.subject == keyed(subject))
        async with self._store.transaction() as connection:
            row = (await connection.execute(query)).mappings().first()
        return Standing(**{name: row[name] for name in STANDING_FIELDS}) if row else None

    async def subjects_of_alias(self, value: str) -> Sequence[str]:
        """Subjects that a parcel, payment, document or other foreign number stands for."""
        query = select(alias.c.subject).where(alias.c.value == keyed(value)).distinct()
        async with self._store.transaction() as connection:
            return list((await connection.execute(query)).scalars())

    async def _entries(self, condition: ColumnElement[bool]) -> Sequence[Entry]:
        query = select(timeline).where(condition)
        query = query.order_by(
            timeline.c.at.desc(),
            timeline.c.source_partition,
            timeline.c.source_offset.desc(),
            timeline.c.source_item.desc(),
        ).limit(ROWS_LIMIT)
        async with self._store.transaction() as connection:
            rows = (await connection.execute(query)).mappings().all()
        return in_order([_entry(row) for row in reversed(rows)])


def in_order(entries: Sequence[Entry]) -> Sequence[Entry]:
    """Oldest first, and nothing behind what came of it.

    A message may be decoded, and even delivered, a moment before its acceptance is noted.
    """
    first: dict[tuple[str, Stage], datetime] = {}
    for each in entries:
        handle = (each.outcome.message_id, each.outcome.stage)
        first[handle] = min(each.outcome.at, first.get(handle, each.outcome.at))

    def place(entry: Entry) -> tuple[datetime, int]:
        message, stage, at = entry.outcome.message_id, entry.outcome.stage, entry.outcome.at
        rank = STAGES.index(stage)
        if message and at == first[message, stage]:
            later = [first.get((message, each), at) for each in STAGES[rank + 1 :]]
            at = min([at, *later])
        return at, rank

    return sorted(entries, key=place)


def _entry(row: RowMapping) -> Entry:
    values: Mapping[str, Any] = {name: row[name] for name in OUTCOME_FIELDS}
    outcome = Outcome(**{**values, "stage": Stage(row["stage"]), "state": State(row["state"])})
    source = Position(row["source_topic"], row["source_partition"], row["source_offset"])
    return Entry(outcome, source)
