"""Two stories through every counterpart, while the hub's roles are killed."""

from __future__ import annotations

from pathlib import Path

import pytest

from hub.demo.deployment import Deployment
from hub.demo.ground import remove
from hub.reliability.stories import Stories
from tests.broker import Addresses


@pytest.mark.reliability
@pytest.mark.timeout(400)
async def test_stories_under_kills_come_to_each_thing_once(
    addresses: Addresses, tmp_path: Path
) -> None:
    deployment = Deployment.plan(tmp_path, addresses.kafka, addresses.postgres, faults=False)
    stories = Stories(deployment, None, seed=20261125, tell=lambda _: None)
    try:
        verdict = await stories.play(2)
    finally:
        await remove(deployment.name, deployment.kafka, deployment.postgres)
    assert verdict.clean, verdict
    assert verdict.crashes > 1
