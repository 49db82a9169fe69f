"""decide(): every class of error, as a table; retry(): again while the judge says so."""

from __future__ import annotations

import pytest

from hub.connector import Repetition
from hub.errors import (
    DecodeError,
    EncodeError,
    Expired,
    HubError,
    Misconfigured,
    OwnershipLost,
    Rejected,
    Unavailable,
    UnknownOutcome,
)
from hub.recovery import Action, Decision, History, decide, retry, round_wait
from hub.route import Terms

TERMS = Terms(attempts_count=3, patience_seconds=10, rounds_count=4)
HARMLESS, DUPLICATE = Repetition.HARMLESS, Repetition.ANSWERED_AS_DUPLICATE
ASKABLE, DANGEROUS = Repetition.ASKABLE, Repetition.DANGEROUS

TABLE: list[tuple[HubError, History, Action, str]] = [
    (OwnershipLost("x"), History(1, 0, 0, HARMLESS), Action.ABANDON, "ownership_lost"),
    (Misconfigured("x"), History(1, 0, 0, HARMLESS), Action.HOLD, "destination_refuses_us"),
    (DecodeError("x"), History(1, 0, 0, HARMLESS), Action.DEAD, "undecodable"),
    (EncodeError("x"), History(1, 0, 0, HARMLESS), Action.DEAD, "unencodable"),
    (Expired("x"), History(1, 0, 0, HARMLESS), Action.DEAD, "expired"),
    (Rejected("x"), History(1, 0, 0, HARMLESS), Action.DEAD, "rejected"),
    (
        Rejected("x", documented=False),
        History(1, 0, 0, HARMLESS),
        Action.PARK,
        "undocumented_refusal",
    ),
    (
        Rejected("x", documented=False),
        History(1, 3, 0, HARMLESS),
        Action.PARK,
        "undocumented_refusal",
    ),
    (Rejected("x", documented=False), History(1, 4, 0, HARMLESS), Action.DEAD, "rounds_used"),
    (Unavailable("x"), History(1, 0, 0, HARMLESS), Action.RETRY, "unavailable"),
    (Unavailable("x"), History(2, 0, 9.9, DANGEROUS), Action.RETRY, "unavailable"),
    (Unavailable("x"), History(3, 0, 0, HARMLESS), Action.PARK, "unavailable"),
    (Unavailable("x"), History(1, 0, 10, HARMLESS), Action.PARK, "unavailable"),
    (Unavailable("x"), History(1, 999, 10, HARMLESS), Action.PARK, "unavailable"),
    (UnknownOutcome("x"), History(1, 0, 0, HARMLESS), Action.RETRY, "unknown_outcome"),
    (UnknownOutcome("x"), History(1, 0, 0, DUPLICATE), Action.RETRY, "unknown_outcome"),
    (UnknownOutcome("x"), History(1, 0, 0, ASKABLE), Action.ASK, "unknown_outcome"),
    (UnknownOutcome("x"), History(3, 0, 0, ASKABLE), Action.PARK, "unknown_outcome"),
    (UnknownOutcome("x"), History(1, 0, 0, DANGEROUS), Action.DEAD, "unknown_outcome"),
]


@pytest.mark.parametrize(("error", "history", "action", "reason"), TABLE)
def test_the_class_of_the_error_decides(
    error: HubError, history: History, action: Action, reason: str
) -> None:
    decision = decide(error, history, TERMS)
    assert (decision.action, decision.reason) == (action, reason)


def test_what_the_destination_asked_for_is_waited_or_parked() -> None:
    history = History(1, 0, 4, HARMLESS)
    short = decide(Unavailable("x", retry_after_seconds=5.9), history, TERMS)
    long = decide(Unavailable("x", retry_after_seconds=6.0), history, TERMS)
    assert short == Decision(Action.RETRY, "unavailable", 5.9)
    assert long == Decision(Action.PARK, "unavailable", 6.0)


def test_rounds_wait_longer_and_longer_up_to_the_limit_and_never_less_than_asked() -> None:
    terms = Terms(round_wait_initial_seconds=30, round_wait_max_seconds=200)
    waits = [round_wait(rounds, terms) for rounds in (0, 1, 2, 3, 1000)]
    assert waits == [30, 60, 120, 200, 200]
    assert round_wait(0, terms, 500) == 500


async def test_it_tries_again_while_the_judge_says_so_and_waits_as_long_as_asked() -> None:
    waits: list[float] = []
    tried = 0

    async def call() -> str:
        nonlocal tried
        tried += 1
        if tried < 2:
            raise Unavailable("away")
        return "taken"

    async def sleep(seconds: float) -> None:
        waits.append(seconds)

    def judge(_error: HubError, attempts: int) -> Decision:
        return Decision(Action.RETRY, "unavailable", 7.0 * attempts)

    assert await retry(call, Unavailable("away"), judge, TERMS, sleep=sleep) == "taken"
    assert tried == 2
    assert waits[0] >= 7
    assert waits[1] >= 14
    assert all(wait <= asked + 2 for wait, asked in zip(waits, (7, 14), strict=True))


async def test_the_last_error_comes_out_as_it_is() -> None:
    waits: list[float] = []
    tried = 0

    async def call() -> str:
        nonlocal tried
        tried += 1
        raise Rejected(f"refused {tried}")

    async def sleep(seconds: float) -> None:
        waits.append(seconds)

    with pytest.raises(Rejected, match="the first time"):
        await retry(call, Rejected("the first time"), _never, TERMS, sleep=sleep)
    assert (tried, waits) == (0, [])
    with pytest.raises(Rejected, match="refused 1"):
        await retry(call, Unavailable("away"), _once, TERMS, sleep=sleep)
    assert (tried, len(waits)) == (1, 1)


def _never(error: HubError, attempts: int) -> Decision:
    return Decision(Action.DEAD, error.code)


def _once(error: HubError, attempts: int) -> Decision:
    return Decision(Action.RETRY if attempts == 1 else Action.DEAD, error.code)
