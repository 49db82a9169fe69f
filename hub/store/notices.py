"""Deadlines of open dossiers, and what was said about them."""

from __future__ import annotations

from collections.abc import Sequence

from hub.noticing import DUE_SOON, OVERDUE, Horizon, Notice
from hub.schemas.sla import SlaNotice
from hub.store.database import Store
from hub.store.texts import columns, keyed, original

# The statuses stand here as in the partial index, or the planner would not use it.
UNSAID = """
SELECT kind, subject, unit, procedure_code, procedure_name, status, received_at, deadline_at,
    due_at, deadline_calendar
FROM (
    SELECT *, CASE WHEN deadline_at < %(now)s THEN %(overdue)s ELSE %(due_soon)s END AS kind
    FROM dossier
    WHERE status IN ('received', 'processing', 'unknown')
        AND deadline_at BETWEEN %(oldest)s AND %(soon)s
) AS d
WHERE NOT EXISTS (
    SELECT FROM sla_notice AS n
    WHERE n.subject = d.subject AND n.kind = d.kind AND n.due_at = d.deadline_at)
ORDER BY deadline_at LIMIT %(limit)s
"""

SAID = """
INSERT INTO sla_notice (subject, kind, due_at)
SELECT * FROM unnest(%b::text[], %b::text[], %b::timestamptz[]) ON CONFLICT DO NOTHING
"""


class StoreNotices:
    """The `hub.noticing.Notices` of a deployment."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def unsaid(self, horizon: Horizon, limit: int) -> Sequence[Notice]:
        """See `hub.noticing.Notices.unsaid`."""
        values = {
            "now": horizon.now,
            "soon": horizon.now + horizon.soon,
            "oldest": horizon.now - horizon.oldest,
            "overdue": OVERDUE,
            "due_soon": DUE_SOON,
            "limit": limit,
        }
        async with self._store.pipeline() as pipeline:
            rows = await (await pipeline.ask(UNSAID, values)).fetchall()
        names = tuple(SlaNotice.model_fields)
        return [
            Notice(
                kind,
                SlaNotice(**dict(zip(names, (original(subject), *rest), strict=True))),
            )
            for kind, subject, *rest in rows
        ]

    async def said(self, notices: Sequence[Notice]) -> None:
        """See `hub.noticing.Notices.said`."""
        rows = ((keyed(each.data.code), each.kind, each.data.due_at) for each in notices)
        async with self._store.pipeline() as pipeline:
            await pipeline.run(SAID, *columns(rows))
