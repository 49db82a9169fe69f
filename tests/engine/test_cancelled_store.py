"""Engine tasks are cancelled at any moment; what they asked PostgreSQL must not answer others."""

from __future__ import annotations

import asyncio
import gc
import random
from collections import Counter

import pytest
from sqlalchemy import text

from hub.errors import HubError
from hub.store import Store

ROUNDS, SIDE_BY_SIDE = 60, 10
LONGEST_SECONDS = 0.006


async def ask(store: Store, number: int) -> int:
    """The number, as PostgreSQL repeats it, in either way of asking."""
    if number % 2:
        async with store.pipeline() as pipeline:
            await pipeline.run("SELECT -1")
            rows = await (await pipeline.run("SELECT %s::int", number)).fetchall()
        return int(rows[0][0])
    async with store.transaction() as connection:
        await connection.execute(text("SELECT -1"))
        result = await connection.execute(text("SELECT CAST(:n AS int)"), {"n": number})
        return int(result.scalar_one())


# A connection whose making was cancelled is closed when it is forgotten, and says so.
@pytest.mark.filterwarnings("ignore::ResourceWarning")
@pytest.mark.parametrize("seed", [1, 2])
async def test_a_cancelled_question_spoils_no_connection(migrated: str, seed: int) -> None:
    store, dice = Store.open(migrated, pool_size=4), random.Random(seed)  # noqa: S311 - a test, repeatable
    seen: Counter[str] = Counter()

    async def one(number: int) -> None:
        asking = asyncio.create_task(ask(store, number))
        if dice.random() < 0.4:
            for _ in range(dice.choice((1, 1, 2))):
                await asyncio.wait([asking], timeout=dice.random() * LONGEST_SECONDS)
                asking.cancel()
        try:
            seen["right" if await asking == number else "wrong"] += 1
        except asyncio.CancelledError:
            seen["cancelled"] += 1
        except HubError as error:
            seen[error.code] += 1

    for first in range(ROUNDS):
        await asyncio.gather(*(one(first * SIDE_BY_SIDE + n) for n in range(SIDE_BY_SIDE)))
    await store.close()
    gc.collect()
    assert seen["cancelled"] > ROUNDS
    # A connection that was cut may be noticed once more by who gets it next, and that is all.
    assert set(seen) <= {"right", "cancelled", "store_away"}
    assert seen["store_away"] < ROUNDS / 4
