"""A Kafka that is away turns `/readyz` red, also where nobody has anything to do."""

from __future__ import annotations

import asyncio
from unittest.mock import AsyncMock

import pytest

from hub.errors import Unavailable
from hub.kafka import Kafka
from hub.presence import Presence
from hub.settings import KafkaSettings
from tests.broker import Addresses
from tests.engine.virtual import pass_time, run

AWAY = Unavailable("no broker", code="kafka_away")


@pytest.mark.parametrize(
    ("answers", "seconds", "problem"),
    [
        ([None], 1, None),
        ([AWAY, None], 1, None),
        ([AWAY, None, AWAY, None], 11, None),
        ([AWAY, AWAY, None], 6, "kafka_away"),
        ([AWAY, AWAY, None], 11, None),
    ],
)
def test_two_missed_answers_are_a_problem_until_the_next_one(
    answers: list[Exception | None], seconds: float, problem: str | None
) -> None:
    async def main() -> None:
        ask = AsyncMock(side_effect=[*answers, *[None] * 9])
        halt = asyncio.Event()
        watching = Presence(ask)
        running = asyncio.create_task(watching.run(halt))
        await pass_time(seconds)
        assert watching.problem() == problem
        halt.set()
        await running

    run(main())


async def test_a_broker_that_is_there_answers(addresses: Addresses) -> None:
    async with Kafka(KafkaSettings(bootstrap_servers=addresses.kafka)) as kafka:
        await kafka.ping()
