"""Breaker: many different subjects failing, half-open, and the waits between probes."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.breaker import OPEN_SECONDS_MAX, Breaker, BreakerState


def half_open(threshold: int = 8, open_seconds: float = 5) -> Breaker:
    breaker = Breaker(threshold, open_seconds)
    breaker.open("unavailable", 0)
    breaker.probed(ok=True, now=5)
    return breaker


def test_the_same_subject_failing_for_ever_never_opens_it() -> None:
    breaker = Breaker(2, 5)
    for second in range(1000):
        breaker.failed("one", "unavailable", second)
    assert breaker.state is BreakerState.CLOSED


def test_a_refusal_of_our_account_opens_it_at_once_with_its_reason() -> None:
    breaker = Breaker(20, 5)
    breaker.open("destination_refuses_us", 100, 30)
    assert (breaker.state, breaker.reason) == (BreakerState.OPEN, "destination_refuses_us")
    assert (breaker.probe_at, breaker.opened_at, breaker.limit(64)) == (130, 100, 0)


def test_what_fails_or_succeeds_while_it_is_open_changes_nothing() -> None:
    breaker = Breaker(2, 5)
    breaker.open("unavailable", 0)
    breaker.open("another", 3)
    for subject in "abc":
        breaker.failed(subject, "another", 3)
    breaker.succeeded()
    assert (breaker.state, breaker.reason, breaker.probe_at) == (
        BreakerState.OPEN,
        "unavailable",
        5,
    )


@pytest.mark.parametrize(("threshold", "needed"), [(8, 3), (2, 2)])
def test_half_open_it_opens_again_after_few_failures_and_waits_twice_as_long(
    threshold: int, needed: int
) -> None:
    breaker = half_open(threshold)
    for number in range(needed - 1):
        breaker.failed(f"S{number}", "unavailable", 6)
    assert breaker.state is BreakerState.HALF_OPEN
    breaker.failed("last", "timeout", 6)
    assert (breaker.state, breaker.reason) == (BreakerState.OPEN, "timeout")
    assert breaker.probe_at == 6 + 10
    assert breaker.opened_at == 0


def test_an_outage_has_one_beginning_and_the_next_one_another() -> None:
    breaker = half_open(1)
    breaker.succeeded()
    assert (breaker.state, breaker.reason, breaker.opened_at) == (BreakerState.CLOSED, "", None)
    breaker.open("unavailable", 50)
    assert (breaker.opened_at, breaker.probe_at) == (50, 55)


@given(st.lists(st.sampled_from(["bad probe", "good probe", "fail", "open"]), max_size=40))
def test_the_wait_for_the_next_probe_is_never_longer_than_a_minute(steps: list[str]) -> None:
    breaker, now = Breaker(3, 5), 0.0
    for number, step in enumerate(steps):
        now = max(now, breaker.probe_at)
        if step == "open":
            breaker.open("unavailable", now)
        elif step == "fail":
            breaker.failed(f"S{number}", "unavailable", now)
        elif breaker.state is BreakerState.OPEN:
            breaker.probed(ok=step == "good probe", now=now)
        assert 0 <= breaker.probe_at - now <= OPEN_SECONDS_MAX or breaker.probe_at <= now
        assert 0 <= breaker.limit(7) <= 7
        assert (breaker.limit(7) == 0) == (breaker.state is BreakerState.OPEN)
