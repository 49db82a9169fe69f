"""Cursors of pollers: where each instance's next look begins."""

from __future__ import annotations

from hub.store.database import Store
from hub.store.texts import storable

CURSOR = "SELECT cursor FROM poll_cursor WHERE instance = %s"

KEEP = """
INSERT INTO poll_cursor (instance, cursor) VALUES (%s, %s)
ON CONFLICT (instance) DO UPDATE SET cursor = excluded.cursor, changed_at = now()
"""


class StoreCursors:
    """The `hub.polling.Cursors` of a deployment."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def cursor(self, instance: str) -> str:
        """See `hub.polling.Cursors.cursor`."""
        async with self._store.pipeline() as pipeline:
            row = await (await pipeline.run(CURSOR, instance)).fetchone()
        return str(row[0]) if row else ""

    async def keep(self, instance: str, cursor: str) -> None:
        """See `hub.polling.Cursors.keep`."""
        async with self._store.pipeline() as pipeline:
            await pipeline.run(KEEP, instance, storable(cursor))
