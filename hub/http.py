"""Outgoing HTTP: one session per connector instance, and aiohttp's errors as ours.

Only a connector's `client.py` uses this. Nothing is retried here and no redirect is followed.
"""

from __future__ import annotations

import time
from collections.abc import AsyncIterable, AsyncIterator, Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from io import BytesIO
from typing import Any

import aiohttp
import orjson

from hub.errors import Misconfigured, Rejected, Unavailable, UnknownOutcome

CONNECT_SECONDS = 10.0
"""Longest wait for a connection, name look-up and TLS included."""

CONNECT_SHARE = 0.5
"""Of a call's time, at most this much goes into connecting: what comes later was sent."""

PIECE_BYTES = 262_144
"""How much of a large answer is read at once."""

PIECEWISE_BYTES = 1_000_000
"""A body larger than this is sent piece by piece, so that others get their turn."""

RETRY_AFTER_LIMIT_SECONDS = 3600.0
"""A destination that asks for more is asked again after this."""


@dataclass(frozen=True, slots=True)
class HttpReply:
    """An answer as received: status, headers (any case), whole body."""

    status: int
    headers: Mapping[str, str]
    body: bytes


BYTE_ORDER_MARK = b"\xef\xbb\xbf"
"""What some servers put before their JSON; parsers of JSON do not take it."""


def json_object(body: bytes) -> dict[str, Any] | None:
    """The JSON object of an answer; none: it has another form."""
    try:
        fields = orjson.loads(body.removeprefix(BYTE_ORDER_MARK))
    except orjson.JSONDecodeError:
        return None
    return fields if isinstance(fields, dict) else None


def short_code(code: object) -> str:
    """A foreign code as it may be shown: short plain text; numbers and texts are sent alike."""
    text = str(code)
    return text if len(text) <= 20 and text.isascii() and text.isprintable() else "unreadable"


@dataclass(frozen=True, slots=True)
class CallLimits:
    """How long a call may take, and how much its answer may hold."""

    timeout_seconds: float
    reply_bytes: int


class Deadline:
    """The time left for all the calls that one delivery needs.

    Args:
        seconds: from now.
        clock: seconds that never go back.
    """

    def __init__(self, seconds: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._end = clock() + seconds

    def left(self) -> float:
        """Seconds left.

        Raises:
            Unavailable: none; nothing more is sent (`timeout_before_sending`).
        """
        left = self._end - self._clock()
        if left <= 0:
            raise Unavailable("no time left for the call", code="timeout_before_sending")
        return left


def outgoing_session(
    *, connections_count: int, keepalive_seconds: float = 15
) -> aiohttp.ClientSession:
    """A session with keep-alive, no cookies and no proxy; must be made inside the event loop.

    Args:
        connections_count: most connections at once; further calls wait for one.
        keepalive_seconds: how long an idle connection is kept; less than the server keeps it.
    """
    connector = aiohttp.TCPConnector(limit=connections_count, keepalive_timeout=keepalive_seconds)
    session = aiohttp.ClientSession(
        connector=connector, cookie_jar=aiohttp.DummyCookieJar(), auto_decompress=True
    )
    # aiohttp sends a GET once more by itself when a kept connection breaks; some doors act on GET.
    session._retry_connection = False
    return session


async def post(
    session: aiohttp.ClientSession,
    url: str,
    *,
    body: bytes | AsyncIterable[bytes],
    headers: Mapping[str, str],
    limits: CallLimits,
) -> HttpReply:
    """Send one request and read the whole answer, whatever its status.

    A body that comes in pieces is sent in pieces; its length is in `headers` or not said.

    Raises:
        Unavailable: no connection (name, TLS, refused, none free): the request was not sent.
        UnknownOutcome: it was sent, and no complete answer came; code `timeout`,
            `connection_lost` or `reply_too_large`.
    """
    data = BytesIO(body) if isinstance(body, bytes) and len(body) > PIECEWISE_BYTES else body
    return await _call(session, "POST", url, {"data": data, "headers": headers}, limits)


async def pieces(
    session: aiohttp.ClientSession, url: str, *, headers: Mapping[str, str], limits: CallLimits
) -> AsyncIterator[bytes]:
    """Send a request without body and read its answer piece by piece, for what is large.

    Raises:
        Unavailable, UnknownOutcome: see `post`, also between two pieces.
        Unavailable, Misconfigured, Rejected: the status is not 2xx, see `check_status`.
    """
    left = limits.reply_bytes
    with _translated():
        async with session.post(
            url, headers=headers, timeout=_timeout(limits), allow_redirects=False
        ) as response:
            check_status(HttpReply(response.status, response.headers, b""))
            async for piece in response.content.iter_chunked(PIECE_BYTES):
                left -= len(piece)
                if left < 0:
                    response.close()
                    raise UnknownOutcome("the answer is too large", code="reply_too_large")
                yield piece


async def get(
    session: aiohttp.ClientSession, url: str, *, headers: Mapping[str, str], limits: CallLimits
) -> HttpReply:
    """Ask for an address, its query included; raises like `post`."""
    return await _call(session, "GET", url, {"headers": headers}, limits)


async def _call(
    session: aiohttp.ClientSession,
    method: str,
    url: str,
    said: Mapping[str, Any],
    limits: CallLimits,
) -> HttpReply:
    with _translated():
        async with session.request(
            method, url, timeout=_timeout(limits), allow_redirects=False, **said
        ) as response:
            answer = await _read(response, limits.reply_bytes)
            return HttpReply(response.status, response.headers, answer)


def _timeout(limits: CallLimits) -> aiohttp.ClientTimeout:
    connecting = min(CONNECT_SECONDS, limits.timeout_seconds * CONNECT_SHARE)
    return aiohttp.ClientTimeout(total=limits.timeout_seconds, connect=connecting)


@contextmanager
def _translated() -> Iterator[None]:
    """aiohttp's errors as ours."""
    try:
        yield
    except aiohttp.ConnectionTimeoutError as error:
        raise Unavailable("no connection in time", code="connect_timeout") from error
    except aiohttp.ClientConnectorDNSError as error:
        raise Unavailable("the name has no address", code="dns_failed") from error
    except (aiohttp.ClientConnectorCertificateError, aiohttp.ClientSSLError) as error:
        raise Unavailable("TLS failed", code="tls_failed") from error
    except aiohttp.ClientConnectorError as error:
        raise Unavailable("no connection", code="connect_failed") from error
    except TimeoutError as error:
        raise UnknownOutcome("sent, no answer in time", code="timeout") from error
    except aiohttp.ClientError as error:
        raise UnknownOutcome("sent, connection lost", code="connection_lost") from error


async def _read(response: aiohttp.ClientResponse, limit_bytes: int) -> bytes:
    length = response.content_length
    if (
        length is not None
        and length <= limit_bytes
        and not response.headers.get("Content-Encoding")
    ):
        return await response.read()
    parts = bytearray()
    async for part in response.content.iter_any():
        parts += part
        if len(parts) > limit_bytes:
            response.close()
            raise UnknownOutcome("the answer is too large", code="reply_too_large")
    return bytes(parts)


def check_status(reply: HttpReply) -> None:
    """Return for 2xx; raise what any other HTTP status means.

    A 5xx is read as "not taken", which is safe where a repetition is harmless; an operation that
    is not must read 500, 502 and 504 as an unknown outcome itself.

    Raises:
        Unavailable: 429 or 5xx, with `Retry-After` if it came.
        Misconfigured: 3xx, 401, 403, 404, 405: the address or the account is wrong.
        Rejected: any other status, undocumented.
    """
    status = reply.status
    if 200 <= status < 300:
        return
    if status == 429 or status >= 500:
        wait = retry_after_seconds(reply.headers.get("Retry-After"), now=time.time())
        code = "rate_limited" if status == 429 else "http_5xx"
        raise Unavailable(f"HTTP {status}", retry_after_seconds=wait, code=code)
    if 300 <= status < 400 or status in (401, 403, 404, 405):
        raise Misconfigured(f"HTTP {status}")
    raise Rejected(f"HTTP {status}", documented=False, foreign_code=f"http_{status}")


def retry_after_seconds(value: str | None, *, now: float) -> float | None:
    """Seconds that a `Retry-After` header asks for: a number, or a date minus `now`.

    Args:
        value: the header; none or unreadable gives none.
        now: seconds since 1970.

    Source: RFC 9110 §10.2.3. Kept between 0 and one hour.
    """
    if value is None:
        return None
    text = value.strip()
    if text.isascii() and text.isdecimal():
        seconds = float(text[:9])
    else:
        try:
            seconds = parsedate_to_datetime(text).timestamp() - now
        except (ValueError, OverflowError):
            return None
    return min(max(seconds, 0.0), RETRY_AFTER_LIMIT_SECONDS)
