"""Sessions: one login per unit at a time, shared by all calls that wait for it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable

from hub.errors import HubError, Misconfigured, Unavailable


class Sessions:
    """The portal sessions of all units.

    Args:
        login: signs a unit in and gives the session; raises HubErrors.
        pause_seconds: after a refused login, how long the same answer is given without asking:
            an account must not be locked by the hub's insisting.
        clock: seconds that never go back.
    """

    def __init__(
        self,
        login: Callable[[str], Awaitable[str]],
        *,
        pause_seconds: float,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._login = login
        self._pause_seconds = pause_seconds
        self._clock = clock
        self._current: dict[str, str] = {}
        self._logins: dict[str, asyncio.Task[str]] = {}
        self._refused_until: dict[str, float] = {}

    async def get(self, unit: str) -> str:
        """The unit's session, signing in if there is none.

        Raises:
            Misconfigured: the portal refuses the account, and no other unit is signed in.
            Unavailable: it refuses this account only, or cannot be reached.
        """
        session = self._current.get(unit)
        if session is not None:
            return session
        left = self._refused_until.get(unit, 0.0) - self._clock()
        if left > 0:
            raise self._refusal(left)
        task = self._logins.get(unit)
        if task is None:
            task = self._logins[unit] = asyncio.create_task(self._sign_in(unit))
            task.add_done_callback(_retrieve)
        # One caller's cancellation must not end the login that others wait for.
        return await asyncio.shield(task)

    def drop(self, unit: str, session: str) -> None:
        """Forget a session that the portal no longer takes; a newer one stays."""
        if self._current.get(unit) == session:
            del self._current[unit]

    async def close(self) -> None:
        """Give up logins under way and forget all sessions."""
        for task in self._logins.values():
            task.cancel()
        await asyncio.gather(*self._logins.values(), return_exceptions=True)
        self._current.clear()

    async def _sign_in(self, unit: str) -> str:
        try:
            session = await self._login(unit)
        except Misconfigured as error:
            self._refused_until[unit] = self._clock() + self._pause_seconds
            raise self._refusal(self._pause_seconds) from error
        finally:
            del self._logins[unit]
        self._current[unit] = session
        return session

    def _refusal(self, seconds: float) -> HubError:
        """Who is refused: the hub, or one unit among others that work."""
        if self._current:
            return Unavailable(
                "the portal refuses this unit's account",
                retry_after_seconds=seconds,
                code="account_refused",
            )
        return Misconfigured(
            "the portal refuses the account", retry_after_seconds=seconds, code="account_refused"
        )


def _retrieve(task: asyncio.Task[str]) -> None:
    """Look at the exception: every waiter may have been cancelled."""
    if not task.cancelled():
        task.exception()
