"""Foreign ids (parcel, payment, document) that stand for a subject, and what was agreed under them.

An alias is stored before anyone outside can use the id it stands for. The first subject stays: a
foreign id never changes its meaning. Its facts are merged, newer over older.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from psycopg.types.json import Jsonb

from hub.event import Alias
from hub.store.database import Store
from hub.store.texts import columns, keyed, original, storable

PUT = """
INSERT INTO alias AS a (kind, value, subject, facts)
SELECT DISTINCT ON (kind, value) kind, value, subject, facts::jsonb
FROM unnest(%b::text[], %b::text[], %b::text[], %b::text[]) AS g (kind, value, subject, facts)
ORDER BY kind, value
ON CONFLICT (kind, value) DO UPDATE SET facts = a.facts || excluded.facts, changed_at = now()
WHERE NOT a.facts @> excluded.facts
"""

FOUND = "kind, value, subject, facts"

RESOLVE = f"""
SELECT {FOUND} FROM alias
JOIN unnest(%b::text[], %b::text[]) AS asked (kind, value) USING (kind, value)
"""  # noqa: S608 - no value is put into the text

FIND = f"""
SELECT {FOUND} FROM alias
WHERE kind = %(kind)s AND (%(subject)s::text IS NULL OR subject = %(subject)s)
    AND facts @> %(facts)s AND changed_at <= now() - make_interval(secs => %(seconds)s)
ORDER BY changed_at, value LIMIT %(limit)s
"""  # noqa: S608 - no value is put into the text


FORGET = """
DELETE FROM alias USING unnest(%b::text[], %b::text[], %b::text[]) AS g (kind, value, facts)
WHERE alias.kind = g.kind AND alias.value = g.value AND alias.facts = g.facts::jsonb
"""


async def put_aliases(store: Store, aliases: Sequence[Alias]) -> None:
    """Store them; known ones keep their subject, and their facts are merged.

    Of two with one name in one call, the later one's facts are merged over the earlier one's.
    """
    if not aliases:
        return
    merged: dict[tuple[str, str], Alias] = {}
    for alias in aliases:
        name = (keyed(alias.kind), keyed(alias.value))
        before = merged.get(name, alias)
        facts = {**before.facts, **alias.facts}
        merged[name] = Alias(*name, keyed(before.subject), facts)
    rows = ((a.kind, a.value, a.subject, _json(a.facts)) for a in merged.values())
    async with store.pipeline() as pipeline:
        await pipeline.run(PUT, *columns(rows))


async def resolve_aliases(
    store: Store, wanted: Iterable[tuple[str, str]]
) -> Mapping[tuple[str, str], Alias]:
    """(kind, value) -> alias of those that are known."""
    asked = {(keyed(kind), keyed(value)): (kind, value) for kind, value in wanted}
    if not asked:
        return {}
    async with store.pipeline() as pipeline:
        rows = await (await pipeline.run(RESOLVE, *columns(asked))).fetchall()
    return {asked[row[0], row[1]]: _alias(row) for row in rows}


async def forget_aliases(store: Store, aliases: Sequence[Alias]) -> None:
    """Delete them; one whose facts are no longer these stays."""
    if not aliases:
        return
    rows = ((keyed(a.kind), keyed(a.value), _json(a.facts)) for a in aliases)
    async with store.pipeline() as pipeline:
        await pipeline.run(FORGET, *columns(rows))


@dataclass(frozen=True, slots=True, kw_only=True)
class AliasFilter:
    """Which aliases are wanted; see `hub.connector.Ground.aliases`."""

    kind: str
    subject: str | None = None
    facts: Mapping[str, str] | None = None
    older_than_seconds: float = 0
    limit: int = 100


async def find_aliases(store: Store, wanted: AliasFilter) -> Sequence[Alias]:
    """Those that pass the filter, longest unchanged first."""
    values = {
        "kind": keyed(wanted.kind),
        "subject": None if wanted.subject is None else keyed(wanted.subject),
        "facts": Jsonb(dict(wanted.facts or {})),
        "seconds": wanted.older_than_seconds,
        "limit": wanted.limit,
    }
    async with store.pipeline() as pipeline:
        rows = await (await pipeline.ask(FIND, values)).fetchall()
    return [_alias(row) for row in rows]


def _json(facts: Mapping[str, str]) -> str:
    return json.dumps({name: storable(text) for name, text in facts.items()})


def _alias(row: Sequence[Any]) -> Alias:
    kind, value, subject, facts = row
    return Alias(kind, original(value), original(subject), facts)
