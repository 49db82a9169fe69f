"""What all doors do alike: read a call, answer it in its form, and keep every refusal."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, TypeVar

import orjson
from starlette.requests import Request
from starlette.responses import Response

from hub.body import BodyIncomplete, BodyTooLarge, read_body
from hub.connector import Inbox, Refusal
from hub.connectors.one_stop import replies
from hub.connectors.one_stop.replies import Refused
from hub.errors import HubError

Reply = Mapping[str, Any]
T = TypeVar("T")
Say = Callable[[Refused], Response]


def said(reply: Reply, status: int = 200) -> Response:
    """A JSON answer."""
    return Response(orjson.dumps(reply), status, media_type="application/json")


def plain(refused: Refused) -> Response:
    """A refusal as `{"error_code", "message"}`."""
    return said(refused.reply())


class Answering:
    """Turns what a door does into its answer; a refusal is recorded.

    Args:
        instance: name of the connector instance.
        inbox: where refusals go.
        say: writes a refusal in the form of the door.
    """

    def __init__(self, instance: str, inbox: Inbox, say: Say = plain) -> None:
        self._instance = instance
        self._inbox = inbox
        self._say = say

    async def answer(
        self, operation: Callable[[], str], act: Callable[[], Awaitable[Reply]]
    ) -> Response:
        """The answer to one call.

        Args:
            operation: what was asked, as far as it is known when it is refused.
            act: does it.
        """
        try:
            return said(await act())
        except Refused as refused:
            await self._inbox.refuse(
                Refusal(
                    connector=self._instance,
                    unit=refused.unit,
                    operation=operation(),
                    code=refused.code,
                    text=str(refused),
                )
            )
            return self._say(refused)


async def asked(asking: Awaitable[T], unit: str) -> T:
    """What Kafka or the ground says.

    Raises:
        Refused: `try_again`, they do not answer.
    """
    try:
        return await asking
    except HubError as error:
        raise Refused(replies.TRY_AGAIN, unit=unit) from error


async def read_call(request: Request, limit_bytes: int) -> bytes:
    """The whole body, read no further than the limit.

    Raises:
        Refused: `too_large`, `malformed` (broken off or too slow).
    """
    try:
        return await read_body(request, limit_bytes)
    except BodyTooLarge as error:
        raise Refused(replies.TOO_LARGE, f"tối đa {limit_bytes} byte") from error
    except BodyIncomplete as error:
        raise Refused(replies.MALFORMED, "chưa nhận đủ") from error


def page_size(text: str, limit: int) -> int:
    """How many are asked for, between 1 and the limit; the limit where nothing readable is."""
    readable = text.isascii() and text.isdecimal() and len(text) < 7
    return min(max(int(text), 1), limit) if readable else limit
