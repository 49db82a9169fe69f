"""Kafka and PostgreSQL of one folder, together: up, down, status, reset."""

from __future__ import annotations

import dataclasses
import shutil
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from hub.local.errors import LocalError
from hub.local.kafka_node import KafkaNode
from hub.local.place import LOOPBACK, Place, Ports, Progress, choose_ports
from hub.local.postgres_server import PostgresServer


@dataclass(frozen=True)
class LocalAddresses:
    """Where the running pair answers.

    Attributes:
        kafka: bootstrap string, `127.0.0.1:port`.
        postgres: URL of the database `hub`, as psycopg takes it; the role may make databases.
        kafka_pid: process id of the Kafka node.
        postgres_pid: process id of PostgreSQL's main process.
    """

    kafka: str
    postgres: str
    kafka_pid: int
    postgres_pid: int


@dataclass(frozen=True)
class ServerStatus:
    """One server of the pair, as it is now.

    Attributes:
        name: `Kafka` or `PostgreSQL`.
        address: where clients reach it, running or not.
        pid: its process, None where none lives.
        answers: whether it served a request just now.
        log: file with its own words.
    """

    name: str
    address: str
    pid: int | None
    answers: bool
    log: Path


def silent(text: str) -> None:
    """A progress that tells nobody."""


def up(
    folder: Path,
    *,
    progress: Progress = silent,
    durable: bool = True,
    new_ports: bool = False,
    kafka_properties: Mapping[str, str] | None = None,
) -> LocalAddresses:
    """Start what does not run, both side by side, and wait until both answer. Repeatable.

    Args:
        folder: where data, logs and ports are kept; made if missing.
        progress: told what is being done, one line each, from two threads.
        durable: False lets PostgreSQL skip waiting for the disk (tests only); decided at the
            first start of a folder.
        new_ports: take other ports than the remembered ones; only while nothing runs.
        kafka_properties: Kafka settings on top, kept until given again. Applied when Kafka starts.

    Returns:
        The addresses of the pair.

    Raises:
        LocalError: with what is missing and what to do; what this call started is stopped again.
    """
    place = Place.at(folder)
    place.make()
    with place.locked(progress):
        ports = place.read_ports()
        if ports is None:
            ports = choose_ports(durable=durable)
            place.write_ports(ports)
        kafka, postgres = KafkaNode(place, ports), PostgresServer(place, ports)
        if new_ports:
            if kafka.pid or postgres.pid:
                text = f"The pair in {place.folder} runs: its ports cannot change now."
                raise LocalError(text, "Stop it first: `hub local down`.")
            ports = _with_new_ports(ports)
            place.write_ports(ports)
            kafka, postgres = KafkaNode(place, ports), PostgresServer(place, ports)
            kafka_properties = kafka_properties or {}
        _start_both(kafka, postgres, progress, kafka_properties)
        return _addresses(kafka, postgres, ports)


def down(folder: Path, *, progress: Progress = silent) -> bool:
    """Stop both in order; data and ports stay. Nothing happens where nothing runs.

    Returns:
        Whether anything was running.
    """
    place = Place.at(folder)
    ports = place.read_ports()
    return ports is not None and _stop_both(place, ports, progress)


def status(folder: Path) -> tuple[ServerStatus, ...]:
    """Kafka's state and PostgreSQL's; empty where nothing was ever started."""
    place = Place.at(folder)
    ports = place.read_ports()
    if ports is None:
        return ()
    kafka, postgres = KafkaNode(place, ports), PostgresServer(place, ports)
    return (
        ServerStatus("Kafka", bootstrap(ports), kafka.pid, kafka.answers(), kafka.log),
        ServerStatus("PostgreSQL", postgres.url(), postgres.pid, postgres.answers(), postgres.log),
    )


def reset(folder: Path, *, progress: Progress = silent) -> bool:
    """Stop both and remove their data, logs and ports; other files in the folder stay.

    Returns:
        Whether there was anything to remove.
    """
    place = Place.at(folder)
    if place.folder.is_dir():
        # Processes are found by their folder: an unreadable local.json does not save them.
        _stop_both(
            place,
            Ports(kafka=0, controller=0, postgres=0, cluster_id="", durable=True),
            progress,
        )
    found = [path for path in place.owned() if path.exists()]
    for path in found:
        progress(f"removing {path}")
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink()
    return bool(found)


def kafka_start(folder: Path, *, progress: Progress = silent) -> None:
    """Start the Kafka of a folder that `up` has made, on its port, with its data."""
    place, ports = _known(folder)
    with place.locked(progress):
        KafkaNode(place, ports).start(progress)


def kafka_stop(folder: Path, hard: bool = False, *, progress: Progress = silent) -> bool:
    """Stop only Kafka, in order or (`hard`) as a power failure would; whether it was running."""
    place, ports = _known(folder)
    with place.locked(progress):
        return KafkaNode(place, ports).stop(progress, hard=hard)


def postgres_start(folder: Path, *, progress: Progress = silent) -> None:
    """Start the PostgreSQL of a folder that `up` has made, on its port, with its data."""
    place, ports = _known(folder)
    with place.locked(progress):
        PostgresServer(place, ports).start(progress)


def postgres_stop(folder: Path, hard: bool = False, *, progress: Progress = silent) -> bool:
    """Stop only PostgreSQL, in order or (`hard`) without a checkpoint; whether it was running."""
    place, ports = _known(folder)
    with place.locked(progress):
        return PostgresServer(place, ports).stop(progress, hard=hard)


def bootstrap(ports: Ports) -> str:
    """Kafka's bootstrap string."""
    return f"{LOOPBACK}:{ports.kafka}"


def _known(folder: Path) -> tuple[Place, Ports]:
    place = Place.at(folder)
    ports = place.read_ports()
    if ports is None:
        raise LocalError(f"There is no local pair in {place.folder}.", "Make it: `hub local up`.")
    return place, ports


def _with_new_ports(old: Ports) -> Ports:
    new = choose_ports(durable=old.durable)
    return dataclasses.replace(new, cluster_id=old.cluster_id)


def _start_both(
    kafka: KafkaNode,
    postgres: PostgresServer,
    progress: Progress,
    kafka_properties: Mapping[str, str] | None,
) -> None:
    with ThreadPoolExecutor(2) as pool:
        jobs = (
            pool.submit(kafka.start, progress, kafka_properties),
            pool.submit(postgres.start, progress),
        )
    errors = [error for job in jobs if (error := job.exception()) is not None]
    if not errors:
        return
    stops: tuple[Callable[..., bool], ...] = (kafka.stop, postgres.stop)
    for job, stop in zip(jobs, stops, strict=True):
        if job.exception() is None and job.result():
            stop(progress)
    raise errors[0]


def _stop_both(place: Place, ports: Ports, progress: Progress) -> bool:
    servers = (KafkaNode(place, ports), PostgresServer(place, ports))
    with place.locked(progress), ThreadPoolExecutor(2) as pool:
        jobs = [pool.submit(server.stop, progress) for server in servers]
    return any(job.result() for job in jobs)


def _addresses(kafka: KafkaNode, postgres: PostgresServer, ports: Ports) -> LocalAddresses:
    kafka_pid, postgres_pid = kafka.pid, postgres.pid
    if kafka_pid is None or postgres_pid is None:
        raise LocalError("A server ended right after it answered.", "Try `hub local up` again.")
    return LocalAddresses(bootstrap(ports), postgres.url(), kafka_pid, postgres_pid)
