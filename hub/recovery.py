"""decide(): what an error means for a message. retry(): the only retry loop of the hub.

The class of the error decides, never its text. This is the only module that imports tenacity.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import TypeVar

from tenacity import AsyncRetrying, RetryCallState, retry_if_exception_type
from tenacity.stop import stop_base
from tenacity.wait import wait_base, wait_random_exponential

from hub.connector import Repetition
from hub.errors import (
    HubError,
    MessageError,
    Misconfigured,
    OwnershipLost,
    Rejected,
    StoreAway,
    Unavailable,
    UnknownOutcome,
)
from hub.route import Terms

T = TypeVar("T")


class Action(StrEnum):
    """What to do with the message now."""

    RETRY = "retry"  # once more in this go, after a wait
    PARK = "park"  # into the store, the next round later
    DEAD = "dead"  # a person must act
    ASK = "ask"  # like RETRY, but the ledger asks the destination before it sends again
    HOLD = "hold"  # the destination refuses us: the breaker opens, the message stays
    ABANDON = "abandon"  # not ours any more


@dataclass(frozen=True, slots=True)
class History:
    """What has been tried.

    Attributes:
        attempts: calls made in this go, the failed one included.
        rounds: rounds out of the store used so far, this one included; 0 in a lane.
        troubled_seconds: since the lane's first trouble, open breaker not counted.
        repetition: what a repetition of the operation does.
    """

    attempts: int
    rounds: int
    troubled_seconds: float
    repetition: Repetition


@dataclass(frozen=True, slots=True)
class Decision:
    """Action, fixed reason code, and the least wait in seconds (0: the terms' own)."""

    action: Action
    reason: str
    wait_seconds: float = 0.0


def decide(error: HubError, history: History, terms: Terms) -> Decision:
    """What this error means under these terms; pure."""
    if isinstance(error, OwnershipLost):
        return Decision(Action.ABANDON, error.code)
    if isinstance(error, StoreAway):
        return Decision(Action.HOLD, error.code)
    if isinstance(error, Misconfigured):
        return Decision(Action.HOLD, error.code, error.retry_after_seconds or 0.0)
    if isinstance(error, Rejected) and not error.documented:
        if history.rounds >= terms.rounds_count:
            return Decision(Action.DEAD, "rounds_used")
        return Decision(Action.PARK, error.code)
    if isinstance(error, MessageError):
        return Decision(Action.DEAD, error.code)
    again = Action.RETRY
    if isinstance(error, UnknownOutcome):
        if history.repetition is Repetition.DANGEROUS:
            return Decision(Action.DEAD, error.code)
        if history.repetition is Repetition.ASKABLE:
            again = Action.ASK
    wait = error.retry_after_seconds or 0.0 if isinstance(error, Unavailable) else 0.0
    left = terms.patience_seconds - history.troubled_seconds
    if history.attempts >= terms.attempts_count or wait >= left:
        return Decision(Action.PARK, error.code, wait)
    return Decision(again, error.code, wait)


def round_wait(rounds: int, terms: Terms, asked_seconds: float = 0.0) -> float:
    """Seconds until the next round of a parked subject: doubles, capped, never below the asked."""
    wait = terms.round_wait_initial_seconds * 2.0 ** min(rounds, 30)
    return max(min(wait, terms.round_wait_max_seconds), asked_seconds)


Judge = Callable[[HubError, int], Decision]


class _Stop(stop_base):
    def __init__(self, judge: Judge) -> None:
        self._judge = judge

    def __call__(self, retry_state: RetryCallState) -> bool:
        decision = self._judge(_error(retry_state), retry_state.attempt_number)
        return decision.action not in (Action.RETRY, Action.ASK)


class _Wait(wait_base):
    def __init__(self, terms: Terms, judge: Judge) -> None:
        self._own = wait_random_exponential(
            multiplier=terms.wait_initial_seconds, max=terms.wait_max_seconds
        )
        self._judge = judge

    def __call__(self, retry_state: RetryCallState) -> float:
        asked = self._judge(_error(retry_state), retry_state.attempt_number).wait_seconds
        return max(self._own(retry_state), asked)


def _error(state: RetryCallState) -> HubError:
    error = state.outcome.exception() if state.outcome else None
    assert isinstance(error, HubError)  # noqa: S101 - tenacity asks about our errors only
    return error


async def retry(
    call: Callable[[], Awaitable[T]],
    failed: HubError,
    judge: Judge,
    terms: Terms,
    *,
    sleep: Callable[[float], Awaitable[None]],
) -> T:
    """Call again, until it succeeds or `judge(error, attempts)` says neither RETRY nor ASK.

    Waits grow exponentially with full jitter, and are never shorter than what was asked for.

    Args:
        call: what has been called once already.
        failed: the error of that first attempt, which is judged like the later ones.

    Raises:
        HubError: the last call's error, unwrapped.
    """
    first: HubError | None = failed

    async def again() -> T:
        nonlocal first
        if first is not None:
            known, first = first, None
            raise known
        return await call()

    retrying = AsyncRetrying(
        retry=retry_if_exception_type(HubError),
        stop=_Stop(judge),
        wait=_Wait(terms, judge),
        sleep=sleep,
        reraise=True,
    )
    return await retrying(again)
