"""`hub run` as a process, on the real Kafka and PostgreSQL: planned stops, pauses, large events."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path

import orjson
import pytest
import yaml

from hub.bench.load import UNIT, messages
from hub.connector import discover
from hub.kafka import Kafka
from hub.message import Message
from hub.settings import KafkaSettings
from hub.simulation import CallLog, FaultScript, running
from hub.store import Store
from hub.store.acts import Author
from hub.store.held_view import HeldFilter, HeldView
from hub.store.routes import pause, resume
from tests.broker import Addresses

pytestmark = pytest.mark.timeout(170)
DSTCODE = "VN:GOV:000.00.00.G22:dvcqg"
WAIT_SECONDS = 60.0


@pytest.fixture
async def portal(tmp_path: Path) -> AsyncIterator[tuple[str, Path]]:
    """The portal's simulator over real HTTP, and its log."""
    log = tmp_path / "portal.jsonl"
    make = discover()["national_portal"].simulator
    assert make is not None
    with CallLog(log) as calls:
        async with running(make(FaultScript(), calls, dstcode=DSTCODE)) as url:
            yield url, log


class Run:
    """One deployment; `hub run` in a process of its own."""

    def __init__(self, folder: Path, addresses: Addresses, database: str, prefix: str) -> None:
        self.folder = folder
        self.prefix = prefix
        self.addresses = addresses
        self.database = database
        self.config = folder / "hub.yaml"

    def write(self, portal: str) -> None:
        """hub.yaml."""
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = free.getsockname()[1]
        account = {UNIT: {"username": UNIT, "password": "${env:PORTAL}"}}
        settings = {
            "version": 1,
            "kafka": {
                "bootstrap_servers": self.addresses.kafka,
                "prefix": self.prefix,
                "partitions_count": 2,
            },
            "postgres": {"url": "${env:POSTGRES}"},
            "blobs": {"url": f"file://{self.folder}/blobs"},
            "gateway": {"port": 0},
            "management": {"port": port},
            "units": {UNIT: {"name": "UBND phường Thử Nghiệm"}},
            "connectors": {
                "one_stop": {
                    "dstcode": DSTCODE,
                    "session_secret": "${env:SESSION}",
                    "reads_from": "national_portal",
                    "accounts": account,
                },
                "national_portal": {
                    "base_url": portal,
                    "auth_path": "/auth",
                    "integration_path": "/integration",
                    "share_path": "/share",
                    "dstcode": DSTCODE,
                    "accounts": account,
                },
            },
        }
        self.config.write_text(yaml.safe_dump(settings), "utf-8")

    @contextlib.contextmanager
    def hub(self) -> Iterator[subprocess.Popen[bytes]]:
        """A running hub; killed if the test leaves it running."""
        own = {name: value for name, value in os.environ.items() if not name.startswith("HUB_")}
        environment = own | {
            "POSTGRES": self.database,
            "PORTAL": "demo",
            "SESSION": "s" * 40,
        }
        command = [sys.executable, "-m", "hub", "run", "--config", str(self.config)]
        with (self.folder / "hub.log").open("ab") as log:
            process = subprocess.Popen(command, env=environment, stderr=log)
        try:
            yield process
        finally:
            if process.poll() is None:
                process.kill()
            process.wait()

    async def send(self, sending: list[Message]) -> None:
        """Put messages into the in-topic, as the gateway does."""
        async with Kafka(
            KafkaSettings(bootstrap_servers=self.addresses.kafka, prefix=self.prefix)
        ) as kafka:
            kafka.counts["in.one_stop"] = 2
            producer = await kafka.producer()
            records = [(m.key.encode(), m.body, m.to_record_headers()) for m in sending]
            await producer.send_all("in.one_stop", records)
            await producer.close()


@pytest.fixture
def deployment(tmp_path: Path, addresses: Addresses, migrated: str, namespace: str) -> Run:
    """A deployment of this test's own."""
    return Run(tmp_path, addresses, migrated, namespace)


def taken(log: Path) -> list[tuple[str, str]]:
    """(dossier, operation key) of every dossier that the portal took, in its order."""
    rows = [json.loads(line) for line in log.read_text("utf-8").splitlines()]
    return [(r["subject"], r["id"]) for r in rows if r["operation"] == "DongBoHoSoMC" and r["ok"]]


async def until(condition: Callable[[], bool | Awaitable[bool]]) -> None:
    """Wait for a condition, a minute at most."""
    deadline = time.monotonic() + WAIT_SECONDS
    while True:
        found = condition()
        if found if isinstance(found, bool) else await found:
            return
        assert time.monotonic() < deadline, "it did not come about"
        await asyncio.sleep(0.05)


async def test_a_planned_stop_takes_seconds_and_repeats_nothing(
    deployment: Run, portal: tuple[str, Path]
) -> None:
    url, log = portal
    deployment.write(url)
    count, subjects = 400, 40
    with deployment.hub() as process:
        await until(lambda: b"hub_started" in (deployment.folder / "hub.log").read_bytes())
        await deployment.send(list(messages(count, subjects)))
        await until(lambda: log.exists() and len(taken(log)) > count // 8)
        process.send_signal(signal.SIGTERM)
        begun = time.monotonic()
        assert await asyncio.to_thread(process.wait, 30) == 0
        assert time.monotonic() - begun < 10
    between = len(taken(log))
    with deployment.hub():
        await until(lambda: len(taken(log)) >= count)
    found = taken(log)
    assert between < count
    assert len(found) == len({key for _, key in found}) == count
    assert set(_per_subject(found).values()) == {count // subjects}


def _per_subject(found: list[tuple[str, str]]) -> dict[str, int]:
    counts: dict[str, int] = defaultdict(int)
    for subject, _ in found:
        counts[subject] += 1
    return counts


async def test_an_event_too_large_for_kafka_is_a_dead_letter_and_the_others_flow(
    deployment: Run, portal: tuple[str, Path], store: Store
) -> None:
    url, log = portal
    deployment.write(url)
    first, second, third = messages(3, 3)
    body = orjson.loads(first.body) | {"TruongLa": "x" * 850_000}
    large = Message(
        connector="one_stop",
        operation=first.operation,
        body=orjson.dumps(body),
        key=first.key,
        headers=first.headers,
    )
    with deployment.hub():
        await until(lambda: b"hub_started" in (deployment.folder / "hub.log").read_bytes())
        await deployment.send([large, second, third])
        await until(lambda: log.exists() and len(taken(log)) == 2)
        view = HeldView(store)

        async def held() -> bool:
            return bool(await view.queues(HeldFilter()))

        await until(held)
        (queue,) = await view.queues(HeldFilter())
    assert (queue.subject, queue.reason) == (first.key, "record_too_large")


async def test_a_paused_in_topic_rests_until_it_is_resumed(
    deployment: Run, portal: tuple[str, Path], store: Store
) -> None:
    url, log = portal
    deployment.write(url)
    author = Author("test", "maintenance")
    await pause(store, "in.one_stop", author)
    with deployment.hub():
        await until(lambda: b"hub_started" in (deployment.folder / "hub.log").read_bytes())
        first, second = messages(2, 2)
        await deployment.send([first, second])
        begun = time.monotonic()
        await until(lambda: time.monotonic() - begun > 3)
        assert not log.exists() or taken(log) == []
        await resume(store, "in.one_stop", author)
        await until(lambda: log.exists() and len(taken(log)) == 2)
