"""Body: reading a request's body without trusting its sender."""

from __future__ import annotations

import asyncio

from starlette.requests import ClientDisconnect, Request

from hub.errors import HubError, MessageError

TIMEOUT_SECONDS = 30.0


class BodyTooLarge(MessageError):
    """The body is larger than the limit: HTTP 413 in the connector's own form."""

    code = "body_too_large"


class BodyIncomplete(HubError):
    """The sender left, or took too long: HTTP 408, if anyone still listens."""

    code = "body_incomplete"


async def read_body(
    request: Request, limit_bytes: int, *, timeout_seconds: float = TIMEOUT_SECONDS
) -> bytes:
    """The whole body, read as it comes and given up at the limit.

    The gateway's own limits (`gateway.body_limit_bytes`, `body_timeout_seconds`) hold as well;
    whichever is smaller decides.

    Raises:
        BodyTooLarge: more than `limit_bytes`, declared or sent.
        BodyIncomplete: it did not arrive in time, or the sender left.
    """
    declared = request.headers.get("content-length", "")
    if declared.isdecimal() and int(declared) > limit_bytes:
        raise BodyTooLarge(f"the body is larger than {limit_bytes} bytes")
    chunks: list[bytes] = []
    size_bytes = 0
    try:
        async with asyncio.timeout(timeout_seconds):
            async for chunk in request.stream():
                size_bytes += len(chunk)
                if size_bytes > limit_bytes:
                    raise BodyTooLarge(f"the body is larger than {limit_bytes} bytes")
                chunks.append(chunk)
    except TimeoutError as error:
        raise BodyIncomplete(f"the body did not arrive in {timeout_seconds:g} s") from error
    except ClientDisconnect as error:
        raise BodyIncomplete("the sender left before the body was complete") from error
    return b"".join(chunks)
