"""decide() over everything that can come together, and the waits of retry()."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.connector import Repetition
from hub.errors import (
    ConfigError,
    DecodeError,
    EncodeError,
    Expired,
    HubError,
    MessageError,
    Misconfigured,
    OwnershipLost,
    Rejected,
    StoreAway,
    Unavailable,
    UnknownOutcome,
)
from hub.recovery import Action, Decision, History, decide, retry, round_wait
from hub.route import Terms
from tests.engine.virtual import clock, pass_time, run

TERMS = Terms(attempts_count=3, patience_seconds=10, rounds_count=4)
GONE = (OwnershipLost("x"),)
NOT_US = (Misconfigured("x"), Misconfigured("x", retry_after_seconds=30), StoreAway("x"))
FINAL = (MessageError("x"), DecodeError("x"), EncodeError("x"), Expired("x"), Rejected("x"))
PUZZLING = (Rejected("x", documented=False),)
UNKNOWN = (UnknownOutcome("x"), UnknownOutcome("x", code="timeout"))
AWAY = (
    *(Unavailable("x", retry_after_seconds=wait) for wait in (None, 0, 3, 60)),
    HubError("x"),
    ConfigError("x"),
)
EVERY: tuple[HubError, ...] = (*GONE, *NOT_US, *FINAL, *PUZZLING, *UNKNOWN, *AWAY)
HISTORIES = [
    History(*each)
    for each in itertools.product((1, 2, 3, 4), (0, 3, 4), (0.0, 6.9, 7.0, 10.0), Repetition)
]


def expected(error: HubError, history: History) -> Action:
    """The table of docs/engine.md, read aloud."""
    if error in GONE:
        return Action.ABANDON
    if error in NOT_US:
        return Action.HOLD
    if error in FINAL:
        return Action.DEAD
    if error in PUZZLING:
        return Action.DEAD if history.rounds >= 4 else Action.PARK
    if error in UNKNOWN and history.repetition is Repetition.DANGEROUS:
        return Action.DEAD
    asked = getattr(error, "retry_after_seconds", None) or 0
    if history.attempts >= 3 or history.troubled_seconds + asked >= 10:
        return Action.PARK
    asks = error in UNKNOWN and history.repetition is Repetition.ASKABLE
    return Action.ASK if asks else Action.RETRY


@pytest.mark.parametrize("error", EVERY, ids=lambda error: f"{type(error).__name__}-{error.code}")
def test_the_class_of_the_error_and_what_was_tried_decide(error: HubError) -> None:
    for history in HISTORIES:
        decision = decide(error, history, TERMS)
        assert decision.action is expected(error, history), history
        used = error in PUZZLING and decision.action is Action.DEAD
        assert decision.reason == ("rounds_used" if used else error.code)
        asked = getattr(error, "retry_after_seconds", None) or 0
        assert decision.wait_seconds == asked


@given(
    initial=st.floats(0.001, 5),
    longest=st.floats(0.001, 5),
    asked=st.lists(st.floats(0, 20), min_size=1, max_size=6),
)
def test_waits_are_jittered_within_the_terms_and_never_shorter_than_asked(
    initial: float, longest: float, asked: list[float]
) -> None:
    terms = Terms(wait_initial_seconds=initial, wait_max_seconds=longest)
    moments: list[float] = []

    async def call() -> str:
        moments.append(clock())
        if len(moments) <= len(asked):
            raise Unavailable("x")
        return "taken"

    def judge(_: HubError, attempts: int) -> Decision:
        return Decision(Action.RETRY, "unavailable", asked[attempts - 1])

    async def main() -> None:
        moments.append(clock())
        failed = Unavailable("x")
        assert await retry(call, failed, judge, terms, sleep=pass_time) == "taken"

    run(main())
    waits = [later - earlier for earlier, later in itertools.pairwise(moments)]
    for number, (wait, least) in enumerate(zip(waits, asked, strict=True)):
        most = max(least, min(longest, initial * 2**number))
        assert least - 1e-6 <= wait <= most + 1e-6


def test_a_foreign_error_is_nobody_s_retry() -> None:
    async def call() -> None:
        raise ZeroDivisionError

    async def main() -> None:
        again = Decision(Action.RETRY, "x")
        with pytest.raises(ZeroDivisionError):
            await retry(call, Unavailable("x"), lambda *_: again, TERMS, sleep=pass_time)

    run(main())


@given(st.integers(0, 10_000), st.floats(0, 1e6))
def test_rounds_wait_at_least_what_was_asked_and_else_no_longer_than_the_terms(
    rounds: int, asked: float
) -> None:
    wait = round_wait(rounds, TERMS, asked)
    assert wait >= asked
    assert TERMS.round_wait_initial_seconds <= wait <= max(TERMS.round_wait_max_seconds, asked)
