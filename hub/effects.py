"""Effects: requests that must not be repeated unasked are written down before they are sent.

Operations that declare `askable` or `dangerous` get a row (operation key, step, epoch) before the
call; whoever comes later with the same key looks there first and asks the destination. What a
request gave back is kept with it, so that it enters the flow also if its worker dies too early.
"""

from __future__ import annotations

import asyncio
import base64
import time
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from hub.connector import Answer, Asked, Client, Operation, Repetition, Reply, Request
from hub.errors import HubError, UnknownOutcome
from hub.event import Alias
from hub.held import Claim, Effect, HeldStore
from hub.message import Message

BY_A_PERSON = "by_a_person"
OPEN = ("started", "unknown")
"""States of a sending that may have taken effect."""


class Effects:
    """The ledger as one route sees it."""

    def __init__(
        self, store: HeldStore, client: Client, *, now: Callable[[], float] = time.time
    ) -> None:
        self._store = store
        self._client = client
        self._now = now
        self._unwritten: dict[str, Reply] = {}

    @staticmethod
    def guards(operation: Operation) -> bool:
        """Whether this operation needs the ledger."""
        repetition = operation.repetition
        return repetition is Repetition.ASKABLE or repetition is Repetition.DANGEROUS

    async def before(
        self, claim: Claim, request: Request, operation: Operation, timeout_seconds: float
    ) -> Reply | None:
        """Look for an earlier sending, ask about it, and write this one down.

        Returns:
            None: send it. Else it has taken effect, and this is what it gave back.

        Raises:
            UnknownOutcome: an earlier sending may have taken effect and nobody can tell yet.
            Unavailable, OwnershipLost: the store or the destination does not answer; not ours.
        """
        answered = self._unwritten.get(request.operation_key)
        if answered is not None:
            await self.after(request, "taken", reply=answered)
            return answered
        known = (await self._store.effects([request.operation_key])).get(request.operation_key)
        step = 0
        if known is not None:
            if known.state == "taken":
                return reply_of(known.reply)
            if known.state != "not_taken":
                asked = await self._ask(known, request, operation, timeout_seconds)
                if asked.answer is Answer.TAKEN:
                    await self.after(request, "taken", step=known.step, reply=asked.reply)
                    return asked.reply
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
        return None

    async def after(
        self,
        request: Request,
        state: str,
        *,
        step: int | None = None,
        foreign_code: str = "",
        reply: Reply | None = None,
    ) -> None:
        """Write what became of the latest sending: taken (with its reply), not_taken, unknown.

        What was taken and cannot be written now is remembered, and written before the request
        could be sent again.
        """
        if state == "taken":
            self._unwritten[request.operation_key] = reply or Reply()
        if step is None:
            known = (await self._store.effects([request.operation_key])).get(request.operation_key)
            step = known.step if known else 0
        row = Effect(
            operation_key=request.operation_key,
            step=step,
            route="",
            subject=request.event.subject,
            state=state,
            foreign_code=foreign_code or (reply.foreign_code if reply else ""),
            reply=None if reply is None else json_of(reply),
        )
        await self._store.end_effects([row])
        self._unwritten.pop(request.operation_key, None)

    async def allow_again(self, request: Request, operation: Operation) -> None:
        """A person says that the latest sending has not taken effect.

        A destination that can be asked is asked first all the same: the person's word counts where
        it cannot tell.
        """
        if operation.repetition is Repetition.DANGEROUS:
            await self.after(request, "not_taken", foreign_code=BY_A_PERSON)
        elif operation.repetition is Repetition.ASKABLE:
            known = (await self._store.effects([request.operation_key])).get(request.operation_key)
            if known is not None and known.state in OPEN:
                await self.after(request, "unknown", step=known.step, foreign_code=BY_A_PERSON)

    async def _ask(
        self, known: Effect, request: Request, operation: Operation, timeout_seconds: float
    ) -> Asked:
        if operation.repetition is Repetition.DANGEROUS:
            raise UnknownOutcome("sent before, and the destination cannot be asked")
        asked = await self._answer(request, timeout_seconds)
        settled = self._now() - known.started_at >= operation.settle_seconds
        unknown = asked.answer is Answer.UNKNOWN and known.foreign_code != BY_A_PERSON
        if unknown or (asked.answer is Answer.NOT_TAKEN and not settled):
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


def json_of(reply: Reply) -> dict[str, Any]:
    """A reply as the ledger keeps it."""
    return {
        "code": reply.foreign_code,
        "aliases": [[a.kind, a.value, a.subject, dict(a.facts)] for a in reply.aliases],
        "messages": [
            {
                "connector": message.connector,
                "operation": message.operation,
                "body": base64.b64encode(message.body).decode(),
                "key": message.key,
                "headers": dict(message.headers),
                "id": message.id,
                "received_at": message.received_at.isoformat(),
                "content_type": message.content_type,
                "traceparent": message.traceparent,
            }
            for message in reply.messages
        ],
    }


def reply_of(kept: Mapping[str, Any] | None) -> Reply:
    """The reply that the ledger keeps; an empty one where it keeps none."""
    if kept is None:
        return Reply()
    messages = tuple(
        Message(
            **{
                **message,
                "body": base64.b64decode(message["body"]),
                "received_at": datetime.fromisoformat(message["received_at"]),
            }
        )
        for message in kept["messages"]
    )
    aliases = tuple(Alias(*alias) for alias in kept["aliases"])
    return Reply(messages=messages, aliases=aliases, foreign_code=kept["code"])
