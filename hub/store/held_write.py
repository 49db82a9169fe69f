"""One flush of the delivery engine: all its changes in one transaction, in one journey.

Rows travel as arrays and are unnested by the server. `waiting_count` is kept by differences, each
computed in the statement that adds or removes rows: a queue may be long, a flush may not care.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import orjson

from hub.held import Changes, Claim, HeldMessage, HeldSubject, Settlement
from hub.store.database import Pipeline
from hub.store.texts import columns, keyed, storable

# A message whose subject has no row yet makes one: a queue that nobody loads would be a loss.
PARK = """
WITH added AS (
    INSERT INTO held_message (
        route, event_id, subject, topic, partition, record_offset, key, value, headers,
        kind, unit, message_id, state, reason, text, foreign_code, attempts, held_at)
    SELECT %s, event_id, subject, topic, partition, record_offset, key, value, headers::jsonb,
        kind, unit, message_id, state, reason, text, foreign_code, attempts,
        coalesce(held_at, now())
    FROM unnest(
        %b::text[], %b::text[], %b::text[], %b::int[], %b::bigint[], %b::bytea[], %b::bytea[],
        %b::text[], %b::text[], %b::text[], %b::text[], %b::text[], %b::text[], %b::text[],
        %b::text[], %b::int[], %b::timestamptz[]
    ) AS given (
        event_id, subject, topic, partition, record_offset, key, value,
        headers, kind, unit, message_id, state, reason, text,
        foreign_code, attempts, held_at)
    ON CONFLICT (route, event_id) DO NOTHING
    RETURNING route, subject, partition, state
)
INSERT INTO held_subject AS s (route, subject, partition, settled_below, waiting_count)
SELECT route, subject, max(partition), 0, count(*) FROM added
WHERE state <> 'aside' GROUP BY route, subject
ON CONFLICT (route, subject) DO UPDATE
SET waiting_count = s.waiting_count + excluded.waiting_count, updated_at = now()
"""

# settled_below never falls: what was once settled must stay dropped when it is read again.
SUBJECTS = """
INSERT INTO held_subject AS s (
    route, subject, partition, settled_below, round_count, next_try_at, dead, reason, text, unit,
    since)
SELECT %s, subject, partition, settled_below, round_count, to_timestamp(next_try_at), dead,
    reason, text, unit, coalesce(since, now())
FROM unnest(
    %b::text[], %b::int[], %b::bigint[], %b::int[], %b::float8[], %b::bool[], %b::text[],
    %b::text[], %b::text[], %b::timestamptz[]
) AS given (
    subject, partition, settled_below, round_count, next_try_at, dead, reason,
    text, unit, since)
ON CONFLICT (route, subject) DO UPDATE
SET partition = excluded.partition,
    settled_below = greatest(s.settled_below, excluded.settled_below),
    round_count = excluded.round_count, next_try_at = excluded.next_try_at,
    dead = excluded.dead, reason = excluded.reason, text = excluded.text, unit = excluded.unit,
    since = excluded.since, updated_at = now()
"""

SETTLE = """
WITH given AS (
    SELECT %s AS route, * FROM unnest(%b::text[], %b::text[], %b::bigint[], %b::text[])
        AS g (subject, event_id, settled_below, keep)
), gone AS (
    DELETE FROM held_message AS m USING given AS g
    WHERE m.route = g.route AND m.event_id = g.event_id AND g.keep = ''
    RETURNING m.subject, m.state <> 'aside' AS waited
), kept AS (
    UPDATE held_message AS m SET state = g.keep FROM given AS g
    WHERE m.route = g.route AND m.event_id = g.event_id AND g.keep <> '' AND m.state <> g.keep
    RETURNING m.subject, g.keep = 'aside' AS waited
), removed AS (
    SELECT subject, count(*) AS n
    FROM (SELECT * FROM gone UNION ALL SELECT * FROM kept) AS r WHERE waited GROUP BY subject
), settled AS (
    SELECT route, subject, max(settled_below) AS below FROM given GROUP BY route, subject
)
UPDATE held_subject AS s
SET waiting_count = s.waiting_count - coalesce(removed.n, 0),
    settled_below = greatest(s.settled_below, settled.below), updated_at = now()
FROM settled LEFT JOIN removed USING (subject)
WHERE s.route = settled.route AND s.subject = settled.subject
"""

MARK = """
WITH given AS (
    SELECT %s AS route, *
    FROM unnest(%b::text[], %b::text[], %b::text[], %b::text[], %b::text[], %b::int[])
        AS g (event_id, state, reason, text, foreign_code, attempts)
), before AS (
    SELECT m.route, m.subject, (g.state <> 'aside')::int - (m.state <> 'aside')::int AS n
    FROM held_message AS m JOIN given AS g USING (route, event_id)
), marked AS (
    UPDATE held_message AS m
    SET state = g.state, reason = g.reason, text = g.text, foreign_code = g.foreign_code,
        attempts = g.attempts
    FROM given AS g WHERE m.route = g.route AND m.event_id = g.event_id
)
UPDATE held_subject AS s SET waiting_count = s.waiting_count + d.n, updated_at = now()
FROM (SELECT route, subject, sum(n) AS n FROM before GROUP BY route, subject) AS d
WHERE d.n <> 0 AND s.route = d.route AND s.subject = d.subject
"""

FORGET = """
DELETE FROM held_subject WHERE route = %s AND subject = ANY (%b::text[]) AND waiting_count = 0
"""

DONE = """
UPDATE command AS c SET done_at = now(), result = g.result
FROM unnest(%b::bigint[], %b::text[]) AS g (id, result)
WHERE c.id = g.id AND c.done_at IS NULL
"""


async def apply(pipeline: Pipeline, claim: Claim, changes: Changes) -> None:
    """Send every part that has something to say, in the order that `Changes` promises."""
    route = claim.route
    if changes.park:
        await pipeline.run(PARK, route, *_park_columns(changes.park))
    if changes.subjects:
        await pipeline.run(SUBJECTS, route, *_subject_columns(changes.subjects))
    if changes.settle:
        await pipeline.run(SETTLE, route, *_settle_columns(changes.settle))
    if changes.mark:
        await pipeline.run(MARK, route, *_mark_columns(changes.mark))
    if changes.forget:
        await pipeline.run(FORGET, route, [keyed(subject) for subject in changes.forget])
    if changes.commands_done:
        await pipeline.run(DONE, *_done_columns(changes.commands_done))


def _park_columns(rows: Sequence[HeldMessage]) -> tuple[list[object], ...]:
    return columns(
        (
            keyed(row.event_id),
            keyed(row.subject),
            row.position.topic,
            row.position.partition,
            row.position.offset,
            row.key,
            row.value,
            _headers(row.headers),
            storable(row.kind),
            storable(row.unit),
            storable(row.message_id),
            row.state.value,
            row.reason,
            storable(row.text),
            storable(row.foreign_code),
            row.attempts,
            row.held_at,
        )
        for row in rows
    )


def _subject_columns(rows: Sequence[HeldSubject]) -> tuple[list[object], ...]:
    latest = {row.subject: row for row in rows}  # one statement cannot write a row twice
    return columns(
        (
            keyed(row.subject),
            row.partition,
            row.settled_below,
            row.round_count,
            row.next_try_at,
            row.dead,
            row.reason,
            storable(row.text),
            storable(row.unit),
            row.since,
        )
        for row in latest.values()
    )


def _settle_columns(rows: Sequence[Settlement]) -> tuple[list[object], ...]:
    return columns(
        (
            keyed(row.subject),
            keyed(row.event_id),
            row.settled_below,
            row.keep.value if row.keep else "",
        )
        for row in rows
    )


def _mark_columns(rows: Sequence[HeldMessage]) -> tuple[list[object], ...]:
    latest = {row.event_id: row for row in rows}
    return columns(
        (
            keyed(row.event_id),
            row.state.value,
            row.reason,
            storable(row.text),
            storable(row.foreign_code),
            row.attempts,
        )
        for row in latest.values()
    )


def _done_columns(results: Mapping[int, str]) -> tuple[list[object], ...]:
    return columns((number, storable(text)) for number, text in results.items())


def _headers(headers: Mapping[str, str]) -> str:
    clean = {storable(name): storable(value) for name, value in headers.items()}
    return orjson.dumps(clean).decode()
