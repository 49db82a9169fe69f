"""Roles: start-up time and resident memory of each role's process, as `hub run` starts it.

Python keeps compiled modules here, as an installation does, whatever the caller's environment says:
the first start, which compiles them, is the one that warms up.
"""

from __future__ import annotations

import asyncio
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Mapping
from pathlib import Path

import yaml

from hub.bench.ground import Ground, standing
from hub.bench.load import UNIT, message_records
from hub.metrics import Metric
from hub.settings import KafkaSettings

ROLES = ("gateway", "worker", "recorder")
START_SECONDS = 60.0
PREFIX = "r."
WAITING_COUNT = 1000


async def roles(ground: Ground, _count: int) -> dict[str, float]:
    """Seconds until `/readyz` is green, and megabytes after three idle seconds, of each role.

    Of the worker also the seconds until it has handled the first of the records that wait for it.
    """
    figures: dict[str, float] = {}
    for role in ROLES:
        if role == "worker":  # the gateway before it has made the topics
            prefix = f"{ground.kafka.prefix}{PREFIX}"
            servers = ground.kafka.settings.bootstrap_servers
            topics = {"in.one_stop": KafkaSettings(bootstrap_servers=servers).partitions_count}
            async with standing(servers, ground.postgres, prefix, topics) as place:
                await place.fill("in.one_stop", message_records(WAITING_COUNT, WAITING_COUNT))
        folder = Path(tempfile.mkdtemp(prefix="hub-bench-"))
        try:
            found = await asyncio.to_thread(_start_and_stop, ground, role, folder)
        finally:
            shutil.rmtree(folder)
        figures |= {f"{role}_{name}": value for name, value in found.items()}
    return figures


def _start_and_stop(ground: Ground, role: str, folder: Path) -> dict[str, float]:
    port = _free_port()
    config = folder / "hub.yaml"
    config.write_text(yaml.safe_dump(_settings(ground, folder, port)), "utf-8")
    environment = ground.environment | {"BENCH_SECRET": secrets.token_urlsafe(32)}
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    command = [sys.executable, "-m", "hub", "run", "--role", role, "--config", str(config)]
    begun = time.monotonic()
    process = subprocess.Popen(command, env=environment)  # noqa: S603 - our own module
    try:
        _wait_until_ready(port)
        figures = {"ready_seconds": time.monotonic() - begun}
        if role == "worker":
            figures["first_record_seconds"] = _until_handled(port, begun)
        time.sleep(3)
        figures["resident_mb"] = _resident_mb(process.pid)
    finally:
        begun = time.monotonic()
        process.send_signal(signal.SIGTERM)
        process.wait(20)
    return figures | {"stop_seconds": time.monotonic() - begun}


def _settings(ground: Ground, folder: Path, port: int) -> Mapping[str, object]:
    secret = "${env:BENCH_SECRET}"  # noqa: S105 - only a reference
    account = {UNIT: {"username": "bench", "password": secret}}
    return {
        "version": 1,
        "kafka": {
            "bootstrap_servers": "${env:HUB_KAFKA}",
            "prefix": f"{ground.kafka.prefix}{PREFIX}",
        },
        "postgres": {"url": "${env:HUB_POSTGRES}"},
        "blobs": {"url": f"file://{folder}/blobs"},
        "gateway": {"port": 0},
        "management": {"port": port},
        "log": {"level": "error"},
        "units": {UNIT: {"name": "bench"}},
        "connectors": {
            "one_stop": {
                "dstcode": "bench",
                "session_secret": secret,
                "reads_from": "national_portal",
                "accounts": account,
            },
            "national_portal": {
                "base_url": "http://127.0.0.1:9",
                "auth_path": "/a",
                "integration_path": "/i",
                "share_path": "/s",
                "dstcode": "bench",
                "accounts": account,
            },
        },
    }


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port: int = free.getsockname()[1]
        return port


def _wait_until_ready(port: int) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/readyz", timeout=1):
                return
        except (urllib.error.URLError, OSError):
            time.sleep(0.02)
    raise TimeoutError("the role did not become ready")


def _until_handled(port: int, begun: float) -> float:
    """Seconds from the start until a decoded message is counted."""
    counted = f'{Metric.MESSAGES_HANDLED}{{name="one_stop",stage="decode",state="decoded"}}'
    while time.monotonic() < begun + START_SECONDS:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=1) as answer:
            if counted in answer.read().decode():
                return time.monotonic() - begun
        time.sleep(0.02)
    raise TimeoutError("the worker handled nothing")


def _resident_mb(pid: int) -> float:
    pages = int(Path(f"/proc/{pid}/statm").read_text("ascii").split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6
