"""Measure: seconds, CPU seconds and memory of a piece of work in this process."""

from __future__ import annotations

import os
import resource
import statistics
import time
from collections.abc import Sequence
from typing import Any


class Clock:
    """Wall and CPU seconds since it was made."""

    def __init__(self) -> None:
        self._wall = time.perf_counter()
        self._cpu = time.process_time()

    def figures(self, count: int) -> dict[str, float]:
        """Rate and cost of `count` pieces of work done since."""
        seconds = time.perf_counter() - self._wall
        cpu = time.process_time() - self._cpu
        return {
            "per_second": count / seconds,
            "per_cpu_second": count / cpu,
            "cpu_seconds_per_100000": cpu / count * 100_000,
        }


def resident_mb() -> float:
    """Memory of this process now."""
    with open("/proc/self/statm", encoding="ascii") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1e6


def peak_mb() -> float:
    """Largest memory of this process so far."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1000


def summary(runs: Sequence[dict[str, float]]) -> dict[str, Any]:
    """Minimum, median and maximum of each figure over the repeats."""
    return {
        name: {
            "min": round(min(values), 3),
            "median": round(statistics.median(values), 3),
            "max": round(max(values), 3),
        }
        for name in runs[0]
        if (values := [run[name] for run in runs])
    }


def machine() -> dict[str, float | int]:
    """What the machine was doing meanwhile."""
    one, five, _ = os.getloadavg()
    return {
        "load_1_minute": round(one, 2),
        "load_5_minutes": round(five, 2),
        "cores": os.cpu_count() or 0,
    }
