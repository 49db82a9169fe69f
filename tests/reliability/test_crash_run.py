"""A short crash run: kill -9 at two points under load, on the real Kafka and PostgreSQL."""

from __future__ import annotations

from pathlib import Path

import pytest

from hub.reliability.crashing import CrashMatrix
from hub.reliability.stand import Plan, standing
from hub.reliability.trial import Trials
from tests.broker import Addresses


@pytest.mark.reliability
@pytest.mark.timeout(180)
async def test_workers_killed_behind_a_call_and_before_a_commit_lose_and_disorder_nothing(
    addresses: Addresses, tmp_path: Path
) -> None:
    told: list[str] = []
    plan = Plan(tmp_path, addresses.kafka, addresses.postgres, lease_seconds=3)
    async with standing(plan) as stand:
        trials = Trials(stand, rate=80, seed=20261122)
        matrix = CrashMatrix(trials, 1, told.append)
        await matrix.run(("after_call", "before_commit"))
        await trials.recorded()
        await matrix.stop()
    assert [verdict.name for verdict in trials.verdicts if verdict.crashes == 1] == [
        "after_call",
        "before_commit",
    ]
    assert all(verdict.clean for verdict in trials.verdicts), trials.verdicts
    assert sum(verdict.messages for verdict in trials.verdicts) > 100
