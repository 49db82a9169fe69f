"""Engine tasks are cancelled at any moment; what they asked PostgreSQL must not answer others."""

from __future__ import annotations

import asyncio

from hub.store import Store


async def ask(store: Store, number: int) -> int:
    """The number, as PostgreSQL repeats it."""
    async with store.pipeline() as pipeline:
        await pipeline.run("SELECT -1")
        rows = await (await pipeline.run("SELECT %s::int", number)).fetchall()
    return int(rows[0][0])


async def test_a_cancelled_question_spoils_no_connection(migrated: str) -> None:
    store = Store.open(migrated, pool_size=3)
    wrong = 0
    for moment in range(300):
        asked = [asyncio.create_task(ask(store, number)) for number in range(3)]
        for _ in range(moment % 25):
            await asyncio.sleep(0)
        asked[moment % 3].cancel()
        answers = await asyncio.gather(*asked, return_exceptions=True)
        again = await asyncio.gather(*(ask(store, number) for number in range(10, 13)))
        wrong += again != [10, 11, 12]
        wrong += any(
            answer not in (number, None)
            for number, answer in enumerate(answers)
            if isinstance(answer, int)
        )
    await store.close()
    assert not wrong
