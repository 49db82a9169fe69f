"""Names: what decoding asks PostgreSQL, for the few events that need it.

Foreign ids are resolved through aliases (remembered here, since their subject never changes), and
facts that can be said only once are held against those that were said.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping, Sequence

from hub.event import Alias
from hub.store.aliases import put_aliases, resolve_aliases
from hub.store.database import Store
from hub.store.texts import columns, keyed

KNOWN_COUNT = 100_000
"""Foreign ids remembered in one worker; older ones are asked for again."""

SAY = """
INSERT INTO once (source, natural_key, position)
SELECT * FROM unnest(%b::text[], %b::text[], %b::text[])
ON CONFLICT DO NOTHING
"""

SAID = """
SELECT o.source, o.natural_key, o.position FROM once AS o
JOIN unnest(%b::text[], %b::text[]) AS asked (source, natural_key) USING (source, natural_key)
"""


class StoreNames:
    """The `hub.inbound.Names` of a worker."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._known: OrderedDict[tuple[str, str], str] = OrderedDict()

    async def subject_of(self, kind: str, value: str) -> str | None:
        """See `hub.inbound.Names.subject_of`."""
        if (kind, value) in self._known:
            self._known.move_to_end((kind, value))
            return self._known[kind, value]
        found = await resolve_aliases(self._store, [(kind, value)])
        if (kind, value) not in found:
            return None
        self._known[kind, value] = found[kind, value].subject
        if len(self._known) > KNOWN_COUNT:
            self._known.popitem(last=False)
        return self._known[kind, value]

    async def remember(self, aliases: Sequence[Alias]) -> None:
        """See `hub.inbound.Names.remember`."""
        await put_aliases(self._store, aliases)

    async def said_before(self, said: Mapping[tuple[str, str], str]) -> set[tuple[str, str]]:
        """See `hub.inbound.Names.said_before`."""
        rows = {(keyed(s), keyed(n)): ((s, n), position) for (s, n), position in said.items()}
        if not rows:
            return set()
        names = columns(rows)
        async with self._store.pipeline() as pipeline:
            await pipeline.run(SAY, *names, [position for _, position in rows.values()])
            found = await (await pipeline.run(SAID, *names)).fetchall()
        return {rows[s, n][0] for s, n, position in found if rows[s, n][1] != position}
