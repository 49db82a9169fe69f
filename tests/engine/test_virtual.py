"""The event loop of virtual time."""

from __future__ import annotations

import asyncio
import hashlib

from tests.engine.virtual import clock, pass_time, run


def test_the_clock_does_not_jump_while_a_thread_works() -> None:
    async def main() -> float:
        begun = clock()
        async with asyncio.timeout(5):
            await asyncio.to_thread(hashlib.pbkdf2_hmac, "sha256", b"x", b"y", 200_000)
        return clock() - begun

    assert run(main(), real_seconds=0.001) == 0


def test_when_nothing_works_the_clock_jumps_to_the_next_appointment() -> None:
    async def main() -> float:
        begun = clock()
        await asyncio.to_thread(int)
        await pass_time(3600)
        return clock() - begun

    assert run(main(), real_seconds=0.001) == 3600
