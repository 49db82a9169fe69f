"""Effects: requests that must not be repeated unasked are written down before they are sent.

Operations that declare `askable` or `dangerous` get a row (operation key, step, epoch) before the
call; whoever comes later with the same key looks there first and asks the destination.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from enum import StrEnum

from hub.connector import Answer, Asked, Client, Operation, Repetition, Request
from hub.errors import HubError, UnknownOutcome
from hub.held import Claim, Effect, HeldStore


class Verdict(StrEnum):
    """What the ledger says before a request is sent."""

    SEND = "send"
    TAKEN = "taken"


class Effects:
    """The ledger as one route sees it."""

    def __init__(
        self, store: HeldStore, client: Client, *, now: Callable[[], float] = time.time
    ) -> None:
        self._store = store
        self._client = client
        self._now = now

    @staticmethod
    def guards(operation: Operation) -> bool:
        """Whether this operation needs the ledger."""
        return operation.repetition in (Repetition.ASKABLE, Repetition.DANGEROUS)

    async def before(
        self, claim: Claim, request: Request, operation: Operation, timeout_seconds: float
    ) -> Verdict:
        """Look for an earlier sending, ask about it, and write this one down.

        Raises:
            UnknownOutcome: an earlier sending may have taken effect and nobody can tell yet.
            Unavailable, OwnershipLost: the store or the destination does not answer; not ours.
        """
        known = (await self._store.effects([request.operation_key])).get(request.operation_key)
        step = 0
        if known is not None:
            if known.state == "taken":
                return Verdict.TAKEN
            if known.state != "not_taken":
                answer = (await self._ask(known, request, operation, timeout_seconds)).answer
                if answer is Answer.TAKEN:
                    await self.after(request, "taken", step=known.step)
                    return Verdict.TAKEN
            step = known.step + 1
        row = Effect(
            operation_key=request.operation_key,
            step=step,
            route=claim.route,
            subject=request.event.subject,
            state="started",
            epoch=claim.epoch,
        )
        await self._store.begin_effects(claim, [row])
        return Verdict.SEND

    async def after(
        self, request: Request, state: str, *, step: int | None = None, foreign_code: str = ""
    ) -> None:
        """Write what became of the latest sending: taken, not_taken or unknown."""
        if step is None:
            known = (await self._store.effects([request.operation_key])).get(request.operation_key)
            step = known.step if known else 0
        row = Effect(
            operation_key=request.operation_key,
            step=step,
            route="",
            subject=request.event.subject,
            state=state,
            foreign_code=foreign_code,
        )
        await self._store.end_effects([row])

    async def _ask(
        self, known: Effect, request: Request, operation: Operation, timeout_seconds: float
    ) -> Asked:
        if operation.repetition is Repetition.DANGEROUS:
            raise UnknownOutcome("sent before, and the destination cannot be asked")
        asked = await self._answer(request, timeout_seconds)
        answer = asked.answer
        settled = self._now() - known.started_at >= operation.settle_seconds
        if answer is Answer.UNKNOWN or (answer is Answer.NOT_TAKEN and not settled):
            raise UnknownOutcome("sent before, and the destination cannot tell yet")
        return asked

    async def _answer(self, request: Request, timeout_seconds: float) -> Asked:
        try:
            async with asyncio.timeout(timeout_seconds + 1):
                return await self._client.ask(request, timeout_seconds=timeout_seconds)
        except TimeoutError as error:
            raise UnknownOutcome("no answer to the question", code="timeout") from error
        except HubError:
            raise
        except Exception as error:  # a connector's bug must not stop other dossiers
            raise UnknownOutcome(
                f"ask raised {type(error).__name__}", code="connector_bug"
            ) from error
