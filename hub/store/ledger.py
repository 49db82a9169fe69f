"""The effects ledger: requests that must not be repeated unasked."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

from hub.errors import HubError
from hub.held import Claim, Effect
from hub.store.database import Store
from hub.store.leases import ask_epoch, require_epoch
from hub.store.texts import keyed, storable

LATEST = """
SELECT DISTINCT ON (operation_key)
    operation_key, step, route, subject, state, extract(epoch FROM started_at)::float8, epoch,
    foreign_code, reply
FROM effects WHERE operation_key = ANY (%b::text[])
ORDER BY operation_key, state <> 'taken', step DESC
"""

# A request that a late answer has meanwhile declared taken is not begun again.
BEGIN = """
INSERT INTO effects AS e (operation_key, step, route, subject, state, epoch)
SELECT * FROM unnest(%b::text[], %b::int[], %b::text[], %b::text[], %b::text[], %b::bigint[])
    AS g (operation_key, step, route, subject, state, epoch)
WHERE NOT EXISTS (
    SELECT FROM effects AS t WHERE t.operation_key = g.operation_key AND t.state = 'taken')
ON CONFLICT (operation_key, step) DO UPDATE
SET state = excluded.state, epoch = excluded.epoch, started_at = now(), ended_at = NULL,
    foreign_code = '', reply = NULL
WHERE e.state <> 'taken'
RETURNING operation_key
"""

# "taken" is final: what a lagging owner says later cannot take it back.
END = """
UPDATE effects AS e SET state = g.state, foreign_code = g.foreign_code, reply = g.reply::jsonb,
    ended_at = now()
FROM unnest(%b::text[], %b::int[], %b::text[], %b::text[], %b::text[])
    AS g (operation_key, step, state, foreign_code, reply)
WHERE e.operation_key = g.operation_key AND e.step = g.step AND e.state <> 'taken'
"""


async def latest(store: Store, operation_keys: Sequence[str]) -> Mapping[str, Effect]:
    """The latest step of each known key; one that was taken wins over later ones."""
    async with store.pipeline() as pipeline:
        rows = await (await pipeline.run(LATEST, list(operation_keys))).fetchall()
    return {row[0]: Effect(*row) for row in rows}


async def begin(store: Store, claim: Claim, rows: Sequence[Effect]) -> None:
    """Write them before the calls.

    Raises:
        OwnershipLost: the claim is not the current one.
        HubError: code `effect_taken`; one of them has taken effect meanwhile, none is begun.
    """
    async with store.pipeline() as pipeline:
        asked = await ask_epoch(pipeline, claim)
        begun = await pipeline.run(
            BEGIN,
            [row.operation_key for row in rows],
            [row.step for row in rows],
            [row.route for row in rows],
            [keyed(row.subject) for row in rows],
            [row.state for row in rows],
            [claim.epoch] * len(rows),
        )
        await require_epoch(asked, claim)
        if len(await begun.fetchall()) < len(rows):
            raise HubError("the request has taken effect already", code="effect_taken")


async def end(store: Store, rows: Sequence[Effect]) -> None:
    """Write what became of them."""
    async with store.pipeline() as pipeline:
        await pipeline.run(
            END,
            [row.operation_key for row in rows],
            [row.step for row in rows],
            [row.state for row in rows],
            [storable(row.foreign_code) for row in rows],
            [None if row.reply is None else json.dumps(row.reply) for row in rows],
        )
