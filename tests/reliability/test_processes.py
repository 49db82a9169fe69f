"""A stand's processes: how their ends are told apart, and what they inherit."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from hub.local.place import choose_ports
from hub.reliability.processes import Running, StandFailed


async def test_a_process_that_ends_by_itself_is_told_with_its_last_words(tmp_path: Path) -> None:
    running = Running("checking", tmp_path, ["check", str(tmp_path / "nowhere.yaml")])
    before = time.time()
    ended = await running.ended(60)
    assert ended is not None
    assert before <= ended <= time.time()
    assert not running.killed
    with pytest.raises(StandFailed, match="checking ended with 1") as failed:
        await running.stop()
    assert "nowhere.yaml" in str(failed.value)


async def test_a_kill_is_told_from_every_other_end(tmp_path: Path) -> None:
    port = str(choose_ports(durable=False).kafka)
    running = Running("portal", tmp_path, ["sim", "national_portal", "--port", port])
    assert await running.ended(0.2) is None
    running.kill()
    assert running.killed
    assert not running.runs
    running.kill()  # once more is harmless


async def test_a_stand_s_process_has_its_own_addresses(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HUB_CONFIG", str(tmp_path / "foreign.yaml"))
    running = Running("checking", tmp_path, ["check"])
    assert await running.ended(60) is not None
    assert "foreign.yaml" not in running.last_words()
