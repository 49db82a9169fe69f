"""Tokens of the post's door: one login at a time, shared by all calls that wait for it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable

from hub.errors import Misconfigured


class Tokens:
    """The current token.

    Args:
        login: gives a token and how many seconds it lives; raises HubErrors.
        renew_before_seconds: a token with no more left is not used any more.
        pause_seconds: after a refused login, how long the same answer is given without asking.
        clock: seconds that never go back.
    """

    def __init__(
        self,
        login: Callable[[], Awaitable[tuple[str, float]]],
        *,
        renew_before_seconds: float,
        pause_seconds: float,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._login = login
        self._renew_before = renew_before_seconds
        self._pause = pause_seconds
        self._clock = clock
        self._token = ""
        self._until = 0.0
        self._refused_until = 0.0
        self._turn = asyncio.Lock()

    async def get(self) -> str:
        """A token that is still good for a while.

        Raises:
            Misconfigured: the account is refused (`account_refused`).
            Unavailable: the door cannot be reached.
        """
        async with self._turn:
            if self._token and self._clock() < self._until:
                return self._token
            left = self._refused_until - self._clock()
            if left > 0:
                raise _refusal(left)
            try:
                self._token, seconds = await self._login()
            except Misconfigured as error:
                self._refused_until = self._clock() + self._pause
                raise _refusal(self._pause) from error
            # A token that lives shorter than the margin is used for half its life.
            self._until = self._clock() + max(seconds - self._renew_before, seconds / 2)
            return self._token

    def drop(self, token: str) -> None:
        """Forget a token that is no longer taken; a newer one stays."""
        if self._token == token:
            self._token = ""


def _refusal(seconds: float) -> Misconfigured:
    return Misconfigured(
        "the door refuses the account", retry_after_seconds=seconds, code="account_refused"
    )
