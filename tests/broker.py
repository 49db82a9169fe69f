"""Which Kafka and PostgreSQL the tests run on, and how they come and go.

Addresses given in the environment win (`HUB_TEST_KAFKA` and `HUB_TEST_POSTGRES`); else containers
where a Docker engine answers; else the local pair. `HUB_TEST_BROKER=docker` or `local` decides it.
"""

from __future__ import annotations

import fcntl
import os
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

import psycopg
from psycopg import sql

from hub import local
from hub.local.handshake import cluster_id
from hub.local.place import choose_ports

KAFKA_IMAGE = "apache/kafka:4.1.1"
POSTGRES_IMAGE = "postgres:18"
CONTAINER_SECONDS = 120
FOLDER = Path(__file__).parents[1] / ".hub" / "test"
UNIX_SOCKETS = (
    "/var/run/docker.sock",
    "~/.docker/run/docker.sock",
    "~/.docker/desktop/docker.sock",
)
PING = (
    "from testcontainers.core.docker_client import DockerClient;"
    "DockerClient(timeout=3).client.ping()"
)


@dataclass(frozen=True)
class Addresses:
    """A Kafka bootstrap string, and the URL of a PostgreSQL role that may make databases."""

    kafka: str
    postgres: str


Choice = Addresses | Literal["docker", "local"]


def choose(environment: Mapping[str, str], docker_answers: Callable[[], bool]) -> Choice:
    """Decide where the tests run; asks for Docker only where that matters.

    Raises:
        ValueError: the environment says half of it, or a word that is none.
    """
    kafka, postgres = environment.get("HUB_TEST_KAFKA"), environment.get("HUB_TEST_POSTGRES")
    if kafka and postgres:
        return Addresses(kafka, postgres)
    if kafka or postgres:
        missing = "HUB_TEST_POSTGRES" if kafka else "HUB_TEST_KAFKA"
        raise ValueError(f"{missing} is missing: give both addresses, or none")
    match environment.get("HUB_TEST_BROKER", ""):
        case "docker":
            return "docker"
        case "local":
            return "local"
        case "":
            return "docker" if docker_answers() else "local"
        case word:
            raise ValueError(f"HUB_TEST_BROKER is {word!r}; it can be docker or local")


def docker_answers() -> bool:
    """Whether a Docker engine answers within a few seconds; at once where there is no trace of one.

    Asked in a process of its own: the client leaves open sockets behind when nobody answers.
    """
    sockets = (Path(name).expanduser() for name in UNIX_SOCKETS)
    if not os.environ.get("DOCKER_HOST") and not any(path.exists() for path in sockets):
        return False
    try:
        ping = subprocess.run([sys.executable, "-c", PING], capture_output=True, timeout=10)
    except subprocess.TimeoutExpired:
        return False
    return ping.returncode == 0


@contextmanager
def serving(choice: Choice) -> Iterator[Addresses]:
    """The addresses, for as long as the tests need them."""
    if isinstance(choice, Addresses):
        yield choice
        return
    with _containers() if choice == "docker" else _local_pair(FOLDER) as addresses:
        yield addresses


@contextmanager
def _local_pair(folder: Path) -> Iterator[Addresses]:
    """One pair for all test runs of this tree: the first starts it afresh, the last stops it."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / ".users").open("w") as users:
        if _last_one(users) and not any(server.pid for server in local.status(folder)):
            local.reset(folder)
        fcntl.flock(users, fcntl.LOCK_SH)
        addresses = local.up(folder, durable=False)
        try:
            yield Addresses(addresses.kafka, addresses.postgres)
        finally:
            if os.environ.get("HUB_TEST_KEEP") != "1" and _last_one(users):
                local.down(folder)


def _last_one(users: object) -> bool:
    try:
        fcntl.flock(users, fcntl.LOCK_EX | fcntl.LOCK_NB)  # type: ignore[arg-type]  # an open file
    except BlockingIOError:
        return False
    return True


@contextmanager
def _containers() -> Iterator[Addresses]:
    from testcontainers.core.container import DockerContainer

    ports = choose_ports(durable=False)
    kafka = DockerContainer(KAFKA_IMAGE).with_bind_ports(9092, ports.kafka)
    for name, value in kafka_settings(ports.kafka).items():
        kafka = kafka.with_env(name, value)
    postgres = (
        DockerContainer(POSTGRES_IMAGE)
        .with_bind_ports(5432, ports.postgres)
        .with_env("POSTGRES_USER", "hub")
        .with_env("POSTGRES_HOST_AUTH_METHOD", "trust")
        .with_command("postgres -c fsync=off -c max_connections=200")
    )
    url = f"postgresql://hub@127.0.0.1:{ports.postgres}/hub"
    with ExitStack() as stack:
        stack.enter_context(kafka)
        stack.enter_context(postgres)
        _wait_for("Kafka", lambda: cluster_id(ports.kafka) is not None)
        _wait_for("PostgreSQL", lambda: _answers(url))
        yield Addresses(f"127.0.0.1:{ports.kafka}", url)


def kafka_settings(port: int) -> dict[str, str]:
    """Environment of Kafka's official image for one node that tests reach on a loopback port."""
    settings = {
        "node.id": "1",
        "process.roles": "broker,controller",
        "controller.quorum.voters": "1@localhost:9093",
        "controller.listener.names": "CONTROLLER",
        "listeners": "PLAINTEXT://:9092,CONTROLLER://:9093",
        "advertised.listeners": f"PLAINTEXT://127.0.0.1:{port}",
        "listener.security.protocol.map": "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT",
        "offsets.topic.replication.factor": "1",
        "transaction.state.log.replication.factor": "1",
        "transaction.state.log.min.isr": "1",
        "group.initial.rebalance.delay.ms": "0",
        "auto.create.topics.enable": "false",
        "message.max.bytes": str(8 * 1024 * 1024),
    }
    return {f"KAFKA_{name.upper().replace('.', '_')}": value for name, value in settings.items()}


def _wait_for(what: str, answers: Callable[[], bool]) -> None:
    end = time.monotonic() + CONTAINER_SECONDS
    while not answers():
        if time.monotonic() > end:
            raise TimeoutError(f"the container of {what} did not answer")
        time.sleep(0.1)


def _answers(url: str) -> bool:
    try:
        psycopg.connect(url, connect_timeout=2).close()
    except psycopg.Error:
        return False
    return True


@contextmanager
def fresh_database(server: str, *, template: str = "template1") -> Iterator[str]:
    """A database of its own, dropped afterwards whoever is still connected.

    Args:
        server: URL of a role that may make databases.
        template: database that is copied; nobody may be connected to it.

    Yields:
        The URL of the new database.
    """
    name = f"test_{uuid.uuid4().hex[:12]}"
    names = (sql.Identifier(name), sql.Identifier(template))
    make = sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(*names)
    drop = sql.SQL("DROP DATABASE {} WITH (FORCE)").format(names[0])
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(make)
    try:
        yield urlsplit(server)._replace(path=f"/{name}").geturl()
    finally:
        with psycopg.connect(server, autocommit=True) as connection:
            connection.execute(drop)


async def remove_topics(bootstrap: str, prefix: str) -> None:
    """Delete every topic whose name begins so."""
    from aiokafka.admin import AIOKafkaAdminClient

    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
    await admin.start()
    try:
        topics = [name for name in await admin.list_topics() if name.startswith(prefix)]
        if topics:
            await admin.delete_topics(topics)
    finally:
        await admin.close()
