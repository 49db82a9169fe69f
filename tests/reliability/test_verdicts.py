"""Verdicts and slopes: what makes a run fail."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.check_log import Fault, Report
from hub.reliability.soaking import Look, figures, not_flat, slope
from hub.reliability.trial import DISORDER, DOUBLED, LOST, Verdict, total


def test_every_fault_of_the_checker_is_counted_as_one_kind() -> None:
    assert sorted([*LOST, *DISORDER, *DOUBLED]) == sorted(Fault)


@pytest.mark.parametrize("fault", Fault)
def test_any_fault_of_the_checker_makes_a_verdict_unclean(fault: Fault) -> None:
    report = Report(counts={"systems": {"national_portal": {"repeated": 3}}})
    verdict = Verdict("x")
    verdict.judged(report)
    assert verdict.clean
    report.faults[fault] = 2
    verdict.judged(report)
    assert not verdict.clean
    assert verdict.repeated == 3
    assert verdict.lost + verdict.disorder + verdict.doubled == 2
    assert not total([Verdict("y"), verdict])["clean"]


def test_a_trial_that_could_not_be_carried_out_is_not_clean() -> None:
    verdict = Verdict("x", messages=5, problem="not reached")
    assert not verdict.clean
    assert verdict.to_json()["clean"] is False


@given(
    st.floats(-100, 100),
    st.floats(-100, 100),
    st.lists(st.integers(-1000, 1000), min_size=2, unique=True),
)
def test_the_slope_of_a_straight_line_is_found(rise: float, start: float, xs: list[int]) -> None:
    found = slope([(x, start + rise * x) for x in xs])
    assert found == pytest.approx(rise, abs=1e-6)


def test_a_level_line_and_a_single_point_have_no_slope() -> None:
    assert slope([(1, 5), (2, 5), (9, 5)]) == 0
    assert slope([(1, 5)]) == 0
    assert slope([(1, 5), (1, 7)]) == 0


def looks(grow_mb_per_hour: float = 0, slower_percent_per_hour: float = 0) -> list[Look]:
    """A look every 5 s for half an hour, 200 messages a second at first."""
    found, taken = [], 0.0
    for at in range(0, 1800, 5):
        taken += 5 * 200 * (1 - slower_percent_per_hour / 100 * at / 3600)
        memory = 120 + grow_mb_per_hour * at / 3600
        found.append(Look(at, int(taken), int(taken), memory, 90))
    return found


def test_a_flat_run_is_flat_and_its_level_is_told() -> None:
    found = figures(looks())
    assert not_flat(found) == ""
    assert found["pace_per_second"] == pytest.approx(200, abs=1)
    assert found["worker_mb"] == 120


def test_memory_that_grows_and_a_pace_that_falls_are_named() -> None:
    assert "memory" in not_flat(figures(looks(grow_mb_per_hour=60)))
    assert "pace" in not_flat(figures(looks(slower_percent_per_hour=30)))
