"""The gateway: what it acknowledges, what it refuses, and what a request may cost it."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import BaseRoute, Mount, Route, WebSocketRoute

from hub.blobs import HEADER, Blobs
from hub.body import BodyIncomplete, BodyTooLarge, read_body
from hub.connector import Client, Connector, ConnectorSettings, Inbox, Refusal
from hub.errors import ConfigError, Unavailable
from hub.gateway.app import gateway_app
from hub.gateway.inbox import KafkaInbox, Surroundings
from hub.gateway.reports import Reports
from hub.gateway.server import ServerLimits, listen, serve
from hub.message import Message
from hub.metrics import Metric, Metrics
from hub.outbox import Outgoing
from hub.outcome import Outcome, Stage, State, outcomes_of
from hub.settings import GatewaySettings, HubSettings
from tests.connectors.ground import MemoryGround

PARENT = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
UNIT = "000.15.28.H22"


class EarSettings(ConnectorSettings):
    path: str = "/in"


def ear_endpoints(instance: str, settings: EarSettings, inbox: Inbox) -> Sequence[BaseRoute]:
    """Takes a body whose first line is its key; says what it did in its own form."""

    async def take(request: Request) -> Response:
        try:
            body = await read_body(request, 5000)
        except BodyTooLarge:
            return PlainTextResponse("own form: too large", 413)
        headers = {"unit": UNIT}
        key = body.partition(b"\n")[0].decode()
        await inbox.accept([Message(instance, "Take", body, key=key, headers=headers)])
        return PlainTextResponse("taken")

    async def raw(request: Request) -> Response:
        return PlainTextResponse(str(len(await request.body())))

    async def refuse(_: Request) -> Response:
        await inbox.refuse(Refusal(instance, UNIT, "Take", "bad_field", "/MaHoSo: missing"))
        return PlainTextResponse("refused", 400)

    async def known(request: Request) -> Response:
        return PlainTextResponse(str(await inbox.accepted(request.path_params["code"])))

    async def hang(_: Request) -> Response:
        await asyncio.Event().wait()
        return PlainTextResponse("never")

    async def broken(_: Request) -> Response:
        raise RuntimeError("Nguyen Van A")

    return [
        Route(settings.path, take, methods=["POST"]),
        Route("/raw", raw, methods=["POST"]),
        Route("/refuse", refuse, methods=["POST"]),
        Route("/known/{code}", known),
        Route("/hang", hang),
        Route("/broken", broken),
    ]


EAR = Connector(
    kind="ear",
    title_vi="Tai",
    title_en="Ear",
    settings=EarSettings,
    order_key=lambda message: message.headers.get("unit", ""),
    endpoints=ear_endpoints,
)


@dataclass
class Kafka:
    """Keeps what it is sent; fails, or waits, when told to."""

    records: list[tuple[str, Outgoing]] = field(default_factory=list)
    away: bool = False
    gate: asyncio.Event | None = None

    async def send_all(self, topic: str, records: Sequence[Outgoing]) -> None:
        if self.gate is not None:
            await self.gate.wait()
        if self.away:
            raise Unavailable("produce: KafkaConnectionError", code="kafka_away")
        self.records += [(topic, record) for record in records]


def hub_settings(gateway: Mapping[str, Any], connectors: Mapping[str, Any]) -> HubSettings:
    return HubSettings.model_validate(
        {
            "version": 1,
            "kafka": {"bootstrap_servers": "k:1"},
            "postgres": {"url": "postgresql://p"},
            "blobs": {"url": "file://b"},
            "gateway": GatewaySettings(**gateway),
            "connectors": connectors,
        }
    )


@dataclass
class Running:
    """A gateway that answers at `port`, and what it did."""

    kafka: Kafka
    metrics: Metrics
    outcomes: list[Outcome]
    stored: set[str]
    inboxes: dict[str, KafkaInbox]
    stop: asyncio.Event
    serving: asyncio.Task[None] | None = None
    port: int = 0
    http: aiohttp.ClientSession | None = None

    async def ask(
        self, path: str, data: Any = None, headers: Mapping[str, str] | None = None
    ) -> tuple[int, str]:
        assert self.http is not None
        method = "GET" if data is None else "POST"
        url = f"http://127.0.0.1:{self.port}{path}"
        async with self.http.request(method, url, data=data, headers=headers) as answer:
            return answer.status, await answer.text()


Around = Callable[..., Any]


@pytest.fixture
def around(tmp_path: Path) -> Around:
    """Run a gateway while a block runs."""
    return around_in(tmp_path)


def around_in(folder: Path) -> Around:
    """Runs a gateway whose blobs are in this folder."""

    @asynccontextmanager
    async def act(
        *,
        connectors: Mapping[str, ConnectorSettings] | None = None,
        limits: ServerLimits | None = None,
        known_subjects_count: int = 100,
        kafka: Kafka | None = None,
        **gateway: Any,
    ) -> AsyncIterator[Running]:
        it = Running(kafka or Kafka(), Metrics(), [], set(), {}, asyncio.Event())

        async def subject_known(subject: str) -> bool:
            if it.kafka.away:
                raise Unavailable("the store is away", code="store_away")
            return subject in it.stored

        def peer(name: str) -> Client:
            raise ConfigError(f"no instance {name}")

        shared = Surroundings(
            producer=it.kafka,
            blobs=Blobs(f"file://{folder}/blobs", threshold_bytes=1000),
            report=it.outcomes.append,
            ground=MemoryGround(),
            subject_known=subject_known,
            peer=peer,
            metrics=it.metrics,
            config="c0ffee",
            known_subjects_count=known_subjects_count,
        )
        settings = hub_settings(gateway, connectors or {"ear": EarSettings()})
        it.inboxes = {name: KafkaInbox(name, EAR, shared) for name in settings.connectors}
        app = gateway_app(settings, {"ear": EAR}, it.inboxes.__getitem__, it.metrics)
        listening = listen("127.0.0.1", 0)
        it.port = listening.getsockname()[1]
        it.serving = asyncio.create_task(serve(app, listening, it.stop, limits))
        async with aiohttp.ClientSession() as it.http:
            yield it
        it.stop.set()
        await it.serving

    return act


async def test_a_message_is_acknowledged_when_kafka_has_it(around: Around) -> None:
    async with around() as hub:
        hub.kafka.gate = asyncio.Event()
        asking = asyncio.create_task(hub.ask("/in", b"D1\nx"))
        done, _ = await asyncio.wait({asking}, timeout=0.1)
        assert not done
        hub.kafka.gate.set()
        assert await asking == (200, "taken")
        [(topic, (key, value, headers))] = hub.kafka.records
        assert (topic, key, value) == ("in.ear", b"D1", b"D1\nx")
        assert dict(headers)["wire-unit"] == UNIT.encode()


async def test_an_accepted_message_has_an_outcome_with_the_configuration(around: Around) -> None:
    async with around() as hub:
        await hub.ask("/in", b"D1\nx")
        [outcome] = hub.outcomes
        record = Message.from_record(
            key="D1",
            value=b"",
            headers={n: v.decode() for n, v in hub.kafka.records[0][1][2]},
            position=_nowhere(),
        )
        assert (outcome.stage, outcome.state, outcome.name) == ("receive", "accepted", "ear")
        assert (outcome.subject, outcome.unit, outcome.config) == ("D1", UNIT, "c0ffee")
        assert outcome.message_id == record.id
        assert outcome.traceparent == record.traceparent


def _nowhere() -> Any:
    from hub.message import Position

    return Position("in.ear", 0, 0)


async def test_a_message_that_kafka_did_not_take_is_not_acknowledged(around: Around) -> None:
    async with around() as hub:
        hub.kafka.away = True
        status, text = await hub.ask("/in", b"D1\nx")
        assert status == 503
        assert '"code":"kafka_away"' in text
        assert hub.outcomes == []
        hub.kafka.away = False
        assert await hub.ask("/known/D1") == (200, "False")


async def test_a_message_without_a_key_gets_its_connectors(around: Around) -> None:
    async with around() as hub:
        await hub.ask("/in", b"\nx")
        assert hub.kafka.records[0][1][0] == UNIT.encode()


async def test_a_large_body_travels_as_a_reference(around: Around) -> None:
    async with around() as hub:
        await hub.ask("/in", b"D1\n" + b"x" * 3000)
        _, (_, value, headers) = hub.kafka.records[0]
        assert value == b""
        assert f"wire-{HEADER}" in dict(headers)
        assert (
            hub.metrics.registry.get_sample_value(Metric.BLOBS_PUT_BYTES, {"connector": "ear"})
            == 3003
        )


@pytest.mark.parametrize(
    ("sent", "trace"),
    [
        (PARENT, PARENT[3:35]),
        ("", None),
        ("00-" + "0" * 32 + "-00f067aa0ba902b7-01", None),
        ("ff" + PARENT[2:], None),
        ("forged\u00e9", None),
    ],
)
async def test_a_trace_is_continued_or_begun(sent: str, trace: str | None, around: Around) -> None:
    async with around() as hub:
        await hub.ask("/in", b"D1", {"traceparent": sent} if sent else {})
        given = hub.outcomes[0].traceparent
        assert re.fullmatch(r"00-[0-9a-f]{32}-[0-9a-f]{16}-0[01]", given)
        assert given != PARENT
        if trace is not None:
            assert given[3:35] == trace


async def test_a_refusal_is_counted_and_reported_with_unit_and_reason(around: Around) -> None:
    async with around() as hub:
        hub.kafka.away = True
        assert (await hub.ask("/refuse", b""))[0] == 400
        [outcome] = hub.outcomes
        assert (outcome.state, outcome.reason, outcome.unit) == (State.REFUSED, "bad_field", UNIT)
        assert outcome.text == "Take: /MaHoSo: missing"
        labels = {"connector": "ear", "reason": "bad_field"}
        assert hub.metrics.registry.get_sample_value(Metric.GATEWAY_REFUSALS, labels) == 1


async def test_accepted_subjects_are_remembered_and_older_ones_asked_for(around: Around) -> None:
    async with around(known_subjects_count=2) as hub:
        hub.stored.add("old")
        for code in ("D1", "D2", "D3"):
            await hub.ask("/in", code.encode())
        answers = {code: (await hub.ask(f"/known/{code}"))[1] for code in ("D2", "D3", "D1", "old")}
        assert answers == {"D2": "True", "D3": "True", "D1": "False", "old": "True"}
        hub.kafka.away = True
        assert (await hub.ask("/known/D9"))[0] == 503


async def test_an_unknown_peer_is_a_configuration_error(around: Around) -> None:
    async with around() as hub:
        with pytest.raises(ConfigError):
            hub.inboxes["ear"].peer("none")


async def test_what_nobody_answers_is_told_as_problem_details(around: Around) -> None:
    async with around() as hub:
        assert await hub.ask("/none") == (
            404,
            '{"title":"There is nothing at this address","status":404,"code":"http_404"}',
        )
        assert (await hub.ask("/in"))[0] == 405
        status, text = await hub.ask("/broken")
        assert status == 500
        assert "Nguyen" not in text


async def test_a_body_over_the_connectors_limit_is_refused_in_its_own_form(around: Around) -> None:
    async def chunks() -> AsyncIterator[bytes]:
        for _ in range(6):
            yield b"x" * 1000

    async with around() as hub:
        assert await hub.ask("/in", b"x" * 5001) == (413, "own form: too large")
        assert await hub.ask("/in", chunks()) == (413, "own form: too large")
        assert hub.kafka.records == []


async def test_a_body_over_the_gateways_limit_is_refused_wherever_it_is_read(
    around: Around,
) -> None:
    async with around(body_limit_bytes=100) as hub:
        assert await hub.ask("/raw", b"x" * 100) == (200, "100")
        status, text = await hub.ask("/raw", b"x" * 101)
        assert status == 413
        assert '"code":"body_too_large"' in text
        assert await hub.ask("/in", b"x" * 101) == (413, "own form: too large")


async def test_a_request_that_takes_too_long_is_answered(around: Around) -> None:
    async with around(request_timeout_seconds=0.05) as hub:
        status, text = await hub.ask("/hang")
        assert status == 503
        assert "request_timeout" in text


async def _raw(port: int, data: bytes) -> bytes:
    """Everything the server says until it closes."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(data)
    answer = await asyncio.wait_for(reader.read(), 5)
    writer.close()
    return answer


HEAD = b"POST /raw HTTP/1.1\r\nhost: x\r\n"
BODY = HEAD + b"content-length: 10\r\n\r\n12345"


async def test_a_body_that_does_not_come_is_given_up(around: Around) -> None:
    async with around(body_timeout_seconds=0.05) as hub:
        reader, writer = await asyncio.open_connection("127.0.0.1", hub.port)
        writer.write(BODY)
        assert b"408" in await asyncio.wait_for(reader.readline(), 5)
        writer.close()


SLOW = ServerLimits(headers_seconds=0.1, headers_bytes=2000, keep_alive_seconds=1)


@pytest.mark.parametrize(
    "sent",
    [b"", b"\r\n", HEAD, HEAD + b"x-a: ", b"GET"],
    ids=["nothing", "empty line", "no end", "half a header", "half a method"],
)
async def test_a_connection_whose_headers_do_not_come_is_closed(
    sent: bytes, around: Around
) -> None:
    async with around(limits=SLOW) as hub:
        assert await _raw(hub.port, sent) == b""


async def test_a_used_connection_cannot_be_kept_open_with_crumbs(around: Around) -> None:
    async with around(limits=SLOW) as hub:
        answer = await _raw(hub.port, HEAD + b"content-length: 0\r\n\r\n\r\n\r\nGE")
        assert answer.startswith(b"HTTP/1.1 200")


@pytest.mark.parametrize(
    "sent",
    [
        HEAD + b"x-a: " + b"a" * 3000,
        HEAD + b"x-a: " + b"a" * 3000 + b"\r\ncontent-length: 0\r\n\r\n",
        HEAD + b"".join(b"a%d: b\r\n" % n for n in range(400)) + b"content-length: 0\r\n\r\n",
        b"GET /" + b"a" * 3000,
        b"GET /" + b"a" * 3000 + b" HTTP/1.1\r\n\r\n",
    ],
    ids=["unfinished", "one", "many", "half an address", "address"],
)
async def test_headers_that_are_too_large_are_refused(sent: bytes, around: Around) -> None:
    async with around(limits=SLOW) as hub:
        answer = await _raw(hub.port, sent)
        assert answer[:12] in (b"", b"HTTP/1.1 400")
        assert hub.kafka.records == []


async def test_more_connections_than_allowed_hear_so(around: Around) -> None:
    async with around(limits=ServerLimits(connections_count=2)) as hub:
        hanging = [asyncio.create_task(hub.ask("/hang")) for _ in range(3)]
        done, _ = await asyncio.wait(hanging, return_when=asyncio.FIRST_COMPLETED, timeout=5)
        assert done.pop().result()[0] == 503
        for task in hanging:
            task.cancel()


async def test_a_stop_lets_running_requests_end(around: Around) -> None:
    async with around(limits=ServerLimits(stop_seconds=5)) as hub:
        hub.kafka.gate = asyncio.Event()
        asking = asyncio.create_task(hub.ask("/in", b"D1"))
        await _until(lambda: hub.serving is not None and _reached(hub))
        hub.stop.set()
        assert _running(hub) == 1
        hub.kafka.gate.set()
        assert await asking == (200, "taken")
        await asyncio.wait_for(hub.serving, 5)
        assert _running(hub) == 0
        with pytest.raises(aiohttp.ClientConnectionError):
            await hub.ask("/known/D1")


def _running(hub: Running) -> float | None:
    labels = {"connector": "ear"}
    return hub.metrics.registry.get_sample_value(Metric.GATEWAY_RUNNING, labels)


def _reached(hub: Running) -> bool:
    gate = hub.kafka.gate
    return bool(gate is not None and getattr(gate, "_waiters", None))


async def _until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(5):
        while not condition():
            await asyncio.sleep(0.001)


async def test_requests_are_counted_by_connector_and_status(around: Around) -> None:
    async with around() as hub:
        await hub.ask("/in", b"D1")
        await hub.ask("/in", b"x" * 5001)
        value = hub.metrics.registry.get_sample_value
        for status in ("200", "413"):
            labels = {"connector": "ear", "status": status}
            assert value(Metric.GATEWAY_REQUESTS, labels) == 1


async def test_instances_are_served_under_their_mounts(around: Around) -> None:
    connectors = {"ear": EarSettings(), "ear2": EarSettings(kind="ear")}
    async with around(connectors=connectors, mounts={"ear2": "/second"}) as hub:
        await hub.ask("/in", b"D1")
        await hub.ask("/second/in", b"D2")
        await hub.ask("/second/known/D2")
        assert [topic for topic, _ in hub.kafka.records] == ["in.ear", "in.ear2"]


async def test_two_instances_at_one_address_are_refused(around: Around) -> None:
    connectors = {"ear": EarSettings(), "ear2": EarSettings(kind="ear")}
    with pytest.raises(ConfigError, match=r"gateway\.mounts\.ear2"):
        async with around(connectors=connectors):
            raise AssertionError("it must not start")


def _connector(name: str, *routes: BaseRoute) -> Connector:
    return Connector(
        kind=name,
        title_vi=name,
        title_en=name,
        settings=ConnectorSettings,
        endpoints=lambda *_: routes,
    )


async def _nothing(_: Request) -> Response:
    return Response()


@pytest.mark.parametrize(
    ("first", "second", "conflict"),
    [
        (Route("/a", _nothing), Route("/b", _nothing), False),
        (Route("/a", _nothing), Route("/a", _nothing, methods=["POST"]), False),
        (Route("/a/{x}", _nothing), Route("/a/b", _nothing), True),
        (Route("/a/b", _nothing), Route("/a/{x:path}", _nothing), True),
        (Route("/a/{x}", _nothing), Route("/a/{y:int}", _nothing), True),
        (Mount("/a", routes=[]), Route("/a/b", _nothing), True),
        (Mount("/a", routes=[]), Route("/b", _nothing), False),
    ],
)
def test_addresses_conflict_when_one_request_fits_both(
    first: BaseRoute, second: BaseRoute, conflict: bool
) -> None:
    connectors = {"x": _connector("x", first), "y": _connector("y", second)}
    settings = hub_settings({}, {"x": ConnectorSettings(), "y": ConnectorSettings()})
    inbox: Any = None
    if conflict:
        with pytest.raises(ConfigError, match="both answer"):
            gateway_app(settings, connectors, lambda _: inbox, Metrics())
    else:
        gateway_app(settings, connectors, lambda _: inbox, Metrics())


def test_an_endpoint_that_is_no_route_is_refused() -> None:
    endpoint: Any = _nothing
    odd = WebSocketRoute("/w", endpoint)
    settings = hub_settings({}, {"x": ConnectorSettings()})
    inbox: Any = None
    with pytest.raises(ConfigError, match="Route or Mount"):
        gateway_app(settings, {"x": _connector("x", odd)}, lambda _: inbox, Metrics())


def test_a_taken_port_is_a_configuration_error() -> None:
    with listen("127.0.0.1", 0) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(ConfigError, match=f"127.0.0.1:{port}"):
            listen("127.0.0.1", port)


async def test_a_body_that_is_broken_off_is_incomplete() -> None:
    async def receive() -> dict[str, str]:
        return {"type": "http.disconnect"}

    request = Request({"type": "http", "headers": []}, receive)
    with pytest.raises(BodyIncomplete):
        await read_body(request, 10)


async def test_a_slow_body_is_incomplete() -> None:
    async def receive() -> Any:
        await asyncio.Event().wait()

    request = Request({"type": "http", "headers": []}, receive)
    with pytest.raises(BodyIncomplete):
        await read_body(request, 10, timeout_seconds=0.01)


def _outcomes(count: int) -> list[Outcome]:
    from datetime import UTC, datetime

    at = datetime(2026, 1, 1, tzinfo=UTC)
    return [Outcome(Stage.RECEIVE, "ear", State.ACCEPTED, f"D{n}", at) for n in range(count)]


async def test_reports_survive_an_absent_kafka_and_keep_the_latest() -> None:
    kafka, metrics, seen = Kafka(away=True), Metrics(), list[Outcome]()
    reports = Reports(kafka, seen.extend, metrics, kept_count=3)
    for outcome in _outcomes(3):
        reports.report(outcome)
    assert not await reports.flush()
    reports.report(_outcomes(4)[3])
    assert not await reports.flush()
    kafka.away = False
    assert await reports.flush()
    assert await reports.flush()
    told = [each.subject for _, record in kafka.records for each in outcomes_of(record[1])]
    assert told == ["D1", "D2", "D3"]
    assert {topic for topic, _ in kafka.records} == {"outcomes"}
    assert [outcome.subject for outcome in seen] == ["D0", "D1", "D2", "D3"]
    labels = {"name": "gateway"}
    assert metrics.registry.get_sample_value(Metric.OUTCOMES_DROPPED, labels) == 1


async def test_a_flood_of_reports_between_two_flushes_is_bounded() -> None:
    kafka, metrics = Kafka(), Metrics()
    reports = Reports(kafka, lambda _: None, metrics, kept_count=3)
    for outcome in _outcomes(5):
        reports.report(outcome)
    await reports.flush()
    [(_, record)] = kafka.records
    assert len(outcomes_of(record[1])) == 3
    labels = {"name": "gateway"}
    assert metrics.registry.get_sample_value(Metric.OUTCOMES_DROPPED, labels) == 2


async def test_reports_are_sent_while_it_runs_and_at_its_end() -> None:
    kafka, stop = Kafka(), asyncio.Event()
    reports = Reports(kafka, lambda _: None, Metrics())
    running = asyncio.create_task(reports.run(stop))
    reports.report(_outcomes(1)[0])
    await _until(lambda: len(kafka.records) == 1)
    reports.report(_outcomes(1)[0])
    stop.set()
    await running
    assert len(kafka.records) == 2
