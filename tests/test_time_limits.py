"""Limits of time of the hub's own settings at the edge; connectors': tests/connectors.

Nothing waits: clocks are passed in, and where a server or a library keeps the time, the event
loop's own time is virtual.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from hub.blobs import Blobs
from hub.breaker import Breaker
from hub.errors import Expired, Unavailable
from hub.gateway.server import ServerLimits
from hub.lanes import Item
from hub.outbound import facts_of, held_row
from hub.route import Terms
from hub.settings import HubSettings
from tests.engine.test_outbound import Bench, item
from tests.engine.virtual import clock, pass_time, run
from tests.rules.names import named_tests
from tests.rules.settings import named
from tests.test_gateway import BODY, HEAD, around_in

LIMIT = 4

EDGES = {
    "blobs.timeout_seconds": "test_the_blob_store_is_waited_for_as_long_as_its_limit_says",
    "gateway.headers_timeout_seconds gateway.body_timeout_seconds gateway.keep_alive_seconds": (
        "test_a_sender_is_waited_for_as_long_as_the_limit_says"
    ),
    "gateway.request_timeout_seconds gateway.stop_seconds": (
        "test_an_endpoint_may_take_as_long_as_the_limit_says"
    ),
    "worker.lease_seconds": "test_a_lease_is_taken_over_at_its_end_and_not_before",
    "sla.due_soon_seconds sla.oldest_seconds": (
        "test_open_dossiers_are_found_by_the_exact_time_oldest_first"
    ),
    "routes.terms.timeout_seconds": "test_a_delivery_takes_no_longer_than_its_route_allows",
    "routes.terms.wait_initial_seconds routes.terms.wait_max_seconds": (
        "test_waits_are_jittered_within_the_terms_and_never_shorter_than_asked"
    ),
    "routes.terms.patience_seconds": "test_what_the_destination_asked_for_is_waited_or_parked",
    "routes.terms.round_wait_initial_seconds routes.terms.round_wait_max_seconds": (
        "test_rounds_wait_longer_and_longer_up_to_the_limit_and_never_less_than_asked"
    ),
    "routes.terms.expires_after_seconds": "test_an_event_expires_after_its_limit",
    "routes.terms.breaker_open_seconds": "test_a_breaker_is_probed_no_sooner_than_its_terms_say",
}
PAUSES = {"sla.interval_seconds"}
"""From one look to the next; nothing ends with it."""


def test_every_limit_of_time_has_a_test_at_its_edge() -> None:
    shown = {name: test for names, test in EDGES.items() for name in names.split()}
    limits = {each for each in named(HubSettings, "_seconds") if "per_second" not in each}
    assert set(shown) == limits - PAUSES
    assert set(shown.values()) <= set(named_tests())


# The gateway


async def said(port: int, first: bytes, after: float, rest: bytes) -> bytes:
    """What a sender hears that goes on so much later."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    heard = b""
    writer.write(first)
    await pass_time(after)
    with suppress(ConnectionError):
        writer.write(rest)
        heard = await reader.read()
    writer.close()
    return heard


LAST = b"Connection: close\r\n"
EMPTY = b"content-length: 0\r\n"


@pytest.mark.parametrize("late", [-1, 1])
@pytest.mark.parametrize(
    ("limit", "first", "rest"),
    [
        ("headers", HEAD, LAST + EMPTY + b"\r\n"),
        ("body", BODY.replace(HEAD, HEAD + LAST), b"67890"),
        ("keep_alive", HEAD + EMPTY + b"\r\n", HEAD + LAST + EMPTY + b"\r\n"),
    ],
)
def test_a_sender_is_waited_for_as_long_as_the_limit_says(
    limit: str, first: bytes, rest: bytes, late: int, tmp_path: Path
) -> None:
    seconds = dict.fromkeys(("headers", "body", "keep_alive"), 400) | {limit: LIMIT}

    async def main() -> None:
        limits = ServerLimits(
            headers_seconds=seconds["headers"], keep_alive_seconds=seconds["keep_alive"]
        )
        around = around_in(tmp_path)
        async with around(limits=limits, body_timeout_seconds=seconds["body"]) as hub:
            heard = await said(hub.port, first, LIMIT + late, rest)
            wanted = 2 if limit == "keep_alive" else 1
            assert (heard.count(b"HTTP/1.1 200") == wanted) == (late < 0), heard

    run(main(), real_seconds=0.005)


@pytest.mark.parametrize("late", [-1, 1])
@pytest.mark.parametrize("limit", ["request", "stop"])
def test_an_endpoint_may_take_as_long_as_the_limit_says(
    limit: str, late: int, tmp_path: Path
) -> None:
    async def main() -> None:
        around = around_in(tmp_path)
        limits = ServerLimits(stop_seconds=LIMIT if limit == "stop" else 400)
        request = LIMIT if limit == "request" else 400
        async with around(limits=limits, request_timeout_seconds=request) as hub:
            hub.kafka.gate = asyncio.Event()
            asking = asyncio.create_task(hub.ask("/in", b"D1"))
            await pass_time(0.01)
            if limit == "stop":
                hub.stop.set()
            await pass_time(LIMIT + late)
            hub.kafka.gate.set()
            heard: Any = None
            with suppress(OSError):
                heard = await asking
            assert (heard == (200, "taken")) == (late < 0), heard

    run(main(), real_seconds=0.005)


# The blob store


@pytest.mark.parametrize("late", [-1, 1])
def test_the_blob_store_is_waited_for_as_long_as_its_limit_says(late: int) -> None:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        await pass_time(LIMIT + late)
        writer.write(b'HTTP/1.1 200 OK\r\nETag: "x"\r\ncontent-length: 0\r\n\r\n')
        writer.close()

    async def main() -> None:
        server = await asyncio.start_server(answer, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        s3 = {
            "endpoint": f"http://127.0.0.1:{port}",
            "region": "x",
            "access_key_id": "a",
            "secret_access_key": "b",
            "client_options": {"allow_http": True},
        }
        blobs = Blobs("s3://bucket", threshold_bytes=1, timeout_seconds=LIMIT, s3=s3)
        begun, heard = clock(), "stored"
        try:
            await blobs.put(b"x", "text/plain")
        except Unavailable as error:
            heard = error.code
        assert heard == ("stored" if late < 0 else "blobs_away")
        assert clock() - begun == pytest.approx(min(LIMIT, LIMIT + late), abs=0.1)
        await pass_time(LIMIT)
        server.close()

    run(main(), real_seconds=1.0)


# Routes


@pytest.mark.parametrize("over", [0, 1])
@pytest.mark.parametrize("was_held", [False, True])
def test_an_event_expires_after_its_limit(over: int, was_held: bool) -> None:
    entered = datetime(2026, 1, 5, 9, tzinfo=UTC)
    bench = Bench(
        terms=Terms(expires_after_seconds=3600),
        now=lambda: entered + timedelta(seconds=3600, milliseconds=over),
    )
    given = item(timestamp=int(entered.timestamp() * 1000))
    if was_held:
        given = Item(7, held_row(given, facts_of(given, 0), "r"), 0.0, held=True)
    heard = "taken"
    try:
        bench.encode(given)
    except Expired:
        heard = "expired"
    assert heard == ("expired" if over else "taken")


@pytest.mark.parametrize("seconds", [5, 40, 300])
def test_a_breaker_is_probed_no_sooner_than_its_terms_say(seconds: float) -> None:
    breaker = Breaker(8, seconds)
    breaker.open("unavailable", 100)
    waits = [breaker.probe_at - 100]
    for _ in range(4):
        now = breaker.probe_at
        breaker.probed(ok=False, now=now)
        waits.append(breaker.probe_at - now)
    assert waits[0] == seconds
    assert waits == sorted(waits)
    assert waits[-1] == max(60, seconds)
