"""Outgoing HTTP: which statuses and headers mean what; what happens to a lost answer."""

from __future__ import annotations

import asyncio
from email.utils import formatdate

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub import http
from hub.errors import HubError, Misconfigured, Rejected, Unavailable, UnknownOutcome

NOW = 1_767_600_000.0


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        (None, None),
        ("", None),
        ("soon", None),
        ("7", 7),
        (" 7 ", 7),
        ("-7", None),
        ("99999999999", http.RETRY_AFTER_LIMIT_SECONDS),
        (formatdate(NOW + 30, usegmt=True), 30),
        (formatdate(NOW - 30, usegmt=True), 0),
        (formatdate(NOW + 86_400 * 365, usegmt=True), http.RETRY_AFTER_LIMIT_SECONDS),
        ("Mon, 99 Jan 2026 00:00:00 GMT", None),
    ],
)
def test_retry_after_is_read_as_seconds_or_date(value: str | None, seconds: float | None) -> None:
    assert http.retry_after_seconds(value, now=NOW) == seconds


@given(st.text(max_size=60))
def test_any_retry_after_gives_a_bounded_wait_or_none(value: str) -> None:
    wait = http.retry_after_seconds(value, now=NOW)
    assert wait is None or 0 <= wait <= http.RETRY_AFTER_LIMIT_SECONDS


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (301, Misconfigured),
        (400, Rejected),
        (401, Misconfigured),
        (404, Misconfigured),
        (413, Rejected),
        (429, Unavailable),
        (500, Unavailable),
        (503, Unavailable),
    ],
)
def test_a_status_means_one_error(status: int, kind: type[HubError]) -> None:
    with pytest.raises(HubError) as caught:
        http.check_status(http.HttpReply(status, {"Retry-After": "9"}, b""))
    assert type(caught.value) is kind
    if kind is Unavailable:
        assert getattr(caught.value, "retry_after_seconds", None) == 9


def test_an_unexpected_status_is_not_final() -> None:
    with pytest.raises(Rejected) as caught:
        http.check_status(http.HttpReply(418, {}, b""))
    assert (caught.value.documented, caught.value.foreign_code) == (False, "http_418")


@pytest.mark.parametrize("status", [200, 201, 204])
def test_a_success_passes(status: int) -> None:
    http.check_status(http.HttpReply(status, {}, b""))


async def post_to(answers: bytes) -> http.HttpReply:
    """POST to a server that sends these bytes and closes."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(answers)
        await writer.drain()
        writer.close()
        await writer.wait_closed()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/"
    limits = http.CallLimits(timeout_seconds=5, reply_bytes=10)
    async with server, http.outgoing_session(connections_count=1) as session:
        return await http.post(session, url, body=b"{}", headers={}, limits=limits)


OK = b"HTTP/1.1 200 OK\r\n"
CHUNKED = OK + b"Transfer-Encoding: chunked\r\n\r\n"


async def test_a_whole_answer_is_read() -> None:
    for sent in (OK + b"Content-Length: 2\r\n\r\n{}", CHUNKED + b"2\r\n{}\r\n0\r\n\r\n"):
        reply = await post_to(sent)
        assert (reply.status, reply.body) == (200, b"{}")


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        (b"", "connection_lost"),
        (b"not http at all\r\n\r\n", "connection_lost"),
        (OK + b"Content-Length: 9\r\n\r\n{}", "connection_lost"),
        (CHUNKED + b"2\r\n{}\r\n", "connection_lost"),
        (OK + b"Content-Length: 11\r\n\r\n" + b"x" * 11, "reply_too_large"),
        (CHUNKED + b"b\r\n" + b"x" * 11 + b"\r\n0\r\n\r\n", "reply_too_large"),
    ],
)
async def test_an_incomplete_or_endless_answer_is_an_unknown_outcome(
    answer: bytes, code: str
) -> None:
    with pytest.raises(UnknownOutcome) as caught:
        await post_to(answer)
    assert caught.value.code == code


async def test_a_redirect_is_not_followed() -> None:
    reply = await post_to(OK.replace(b"200 OK", b"302 Found") + b"Location: /x\r\n\r\n")
    assert reply.status == 302


async def test_a_broken_connection_is_not_tried_again_behind_our_back() -> None:
    asked: list[bytes] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked.append(await reader.readuntil(b"\r\n\r\n"))
        writer.write(OK + b"Content-Length: 2\r\n\r\n{}")
        await writer.drain()
        asked.append(await reader.readuntil(b"\r\n\r\n"))
        writer.close()
        await writer.wait_closed()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/a?b=%26c"
    limits = http.CallLimits(timeout_seconds=5, reply_bytes=10)
    async with server, http.outgoing_session(connections_count=1) as session:
        assert (await http.get(session, url, headers={}, limits=limits)).body == b"{}"
        with pytest.raises(UnknownOutcome):
            await http.get(session, url, headers={}, limits=limits)
    assert [request.split(b" ")[:2] for request in asked] == [[b"GET", b"/a?b=%26c"]] * 2


def test_a_deadline_lets_nothing_be_sent_after_it() -> None:
    now = [10.0]
    deadline = http.Deadline(2, lambda: now[0])
    now[0] = 11.5
    assert deadline.left() == 0.5
    now[0] = 12.0
    with pytest.raises(Unavailable) as caught:
        deadline.left()
    assert caught.value.code == "timeout_before_sending"
