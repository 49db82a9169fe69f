"""What is done to a machine: only the processes that were given the clock see it jump."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from hub.reliability.machine import Clock, Unproved, fill, inherited, small_disk

TIMES = "import time; from datetime import datetime as d; print(time.time(), time.monotonic())"


@pytest.fixture
def clock(tmp_path: Path) -> Clock:
    try:
        return Clock(tmp_path / "clock")
    except Unproved as error:
        pytest.skip(str(error))


def test_a_process_with_the_clock_sees_it_jump_and_its_monotonic_clock_stand(clock: Clock) -> None:
    def told() -> tuple[float, float]:
        with inherited(clock.environment):
            shown = subprocess.run([sys.executable, "-c", TIMES], capture_output=True, check=True)
        of_day, monotonic = shown.stdout.split()
        return float(of_day) - time.time(), float(monotonic) - time.monotonic()

    for shift in (0, 600, -600):
        clock.jump(shift)
        of_day, monotonic = told()
        assert of_day == pytest.approx(shift, abs=10)
        assert monotonic == pytest.approx(0, abs=10)
    assert "LD_PRELOAD" not in os.environ


def test_variables_come_back_as_they_were(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HUB_A", "old")
    monkeypatch.delenv("HUB_B", raising=False)
    with inherited({"HUB_A": "new", "HUB_B": "new"}):
        assert (os.environ["HUB_A"], os.environ["HUB_B"]) == ("new", "new")
    assert os.environ["HUB_A"] == "old"
    assert "HUB_B" not in os.environ


def test_a_small_disk_fills_and_goes_with_its_block(tmp_path: Path) -> None:
    folder = tmp_path / "disk"
    try:
        with small_disk(folder, megabytes=8):
            filled = fill(folder / "filler")
            assert 6 << 20 <= filled <= 8 << 20
            with pytest.raises(OSError, match="space"):
                (folder / "more").write_bytes(bytes(1 << 20))
    except Unproved as error:
        pytest.skip(str(error))
    assert not list(folder.iterdir())
