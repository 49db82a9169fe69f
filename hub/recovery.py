"""decide(): what an error means for a message. attempt(): the only retry loop of the hub.

The class of the error decides, never its text. This is the only module that imports tenacity.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import TypeVar

from tenacity import AsyncRetrying, RetryCallState, retry_if_exception
from tenacity.stop import stop_base
from tenacity.wait import wait_base, wait_random_exponential

from hub.connector import Repetition
from hub.errors import HubError, MessageError, Misconfigured, OwnershipLost, Rejected, Unavailable
from hub.errors import UnknownOutcome as UnknownOutcomeError
from hub.route import Terms

T = TypeVar("T")


class Action(StrEnum):
    """What to do with the message now."""

    RETRY = "retry"  # once more in this go, after a wait
    PARK = "park"  # into the store, the next round later
    DEAD = "dead"  # a person must act
    ASK = "ask"  # ask the destination whether it took effect
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
    if isinstance(error, Misconfigured):
        return Decision(Action.HOLD, error.code, error.retry_after_seconds or 0.0)
    if isinstance(error, Rejected) and not error.documented:
        if history.rounds >= terms.rounds_count:
            return Decision(Action.DEAD, "rounds_used")
        return Decision(Action.PARK, error.code)
    if isinstance(error, MessageError):
        return Decision(Action.DEAD, error.code)
    if isinstance(error, UnknownOutcomeError):
        if history.repetition is Repetition.ASKABLE:
            return Decision(Action.ASK, error.code)
        if history.repetition is Repetition.DANGEROUS:
            return Decision(Action.DEAD, error.code)
    wait = error.retry_after_seconds or 0.0 if isinstance(error, Unavailable) else 0.0
    left = terms.patience_seconds - history.troubled_seconds
    if history.attempts >= terms.attempts_count or wait >= left:
        return Decision(Action.PARK, error.code, wait)
    return Decision(Action.RETRY, error.code, wait)


def round_wait(rounds: int, terms: Terms, asked_seconds: float = 0.0) -> float:
    """Seconds until the next round of a parked subject: doubles, capped, never below the asked."""
    wait = terms.round_wait_initial_seconds * 2.0 ** min(rounds, 30)
    return max(min(wait, terms.round_wait_max_seconds), asked_seconds)


class _Stop(stop_base):
    def __init__(self, wants_retry: Callable[[HubError, int], Decision]) -> None:
        self._decide = wants_retry

    def __call__(self, retry_state: RetryCallState) -> bool:
        error = _error(retry_state)
        return error is None or (
            self._decide(error, retry_state.attempt_number).action is not Action.RETRY
        )


class _Wait(wait_base):
    def __init__(self, terms: Terms, wants_retry: Callable[[HubError, int], Decision]) -> None:
        self._own = wait_random_exponential(
            multiplier=terms.wait_initial_seconds, max=terms.wait_max_seconds
        )
        self._decide = wants_retry

    def __call__(self, retry_state: RetryCallState) -> float:
        error = _error(retry_state)
        asked = self._decide(error, retry_state.attempt_number).wait_seconds if error else 0.0
        return max(self._own(retry_state), asked)


def _error(state: RetryCallState) -> HubError | None:
    error = state.outcome.exception() if state.outcome else None
    return error if isinstance(error, HubError) else None


async def attempt(
    call: Callable[[], Awaitable[T]],
    wants_retry: Callable[[HubError, int], Decision],
    terms: Terms,
    *,
    sleep: Callable[[float], Awaitable[None]],
) -> T:
    """Call until it succeeds or `wants_retry(error, attempts)` does not say RETRY.

    Waits grow exponentially with full jitter, and are never shorter than what was asked for.

    Raises:
        HubError: the last call's error, unwrapped.
    """
    retrying = AsyncRetrying(
        retry=retry_if_exception(lambda error: isinstance(error, HubError)),
        stop=_Stop(wants_retry),
        wait=_Wait(terms, wants_retry),
        sleep=sleep,
        reraise=True,
    )
    return await retrying(call)
