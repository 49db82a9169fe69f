"""Foreign ids (parcel, payment, document) that stand for a subject.

An alias is stored before anyone outside can use the id it stands for. The first subject stays: a
foreign id never changes its meaning.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from hub.connector import Alias
from hub.store.database import Store
from hub.store.texts import columns, keyed, original

PUT = """
INSERT INTO alias (kind, value, subject)
SELECT * FROM unnest(%b::text[], %b::text[], %b::text[]) ON CONFLICT DO NOTHING
"""

RESOLVE = """
SELECT kind, value, subject FROM alias
JOIN unnest(%b::text[], %b::text[]) AS asked (kind, value) USING (kind, value)
"""


async def put_aliases(store: Store, aliases: Sequence[Alias]) -> None:
    """Store them; known ones stay as they are."""
    if aliases:
        rows = ((keyed(a.kind), keyed(a.value), keyed(a.subject)) for a in aliases)
        async with store.pipeline() as pipeline:
            await pipeline.run(PUT, *columns(rows))


async def resolve_aliases(
    store: Store, wanted: Iterable[tuple[str, str]]
) -> Mapping[tuple[str, str], str]:
    """(kind, value) -> subject of those that are known."""
    asked = {(keyed(kind), keyed(value)): (kind, value) for kind, value in wanted}
    if not asked:
        return {}
    async with store.pipeline() as pipeline:
        rows = await (await pipeline.run(RESOLVE, *columns(asked))).fetchall()
    return {asked[kind, value]: original(subject) for kind, value, subject in rows}
