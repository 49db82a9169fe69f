"""The folder of a local pair: where each thing lies, and which ports it keeps."""

from __future__ import annotations

import base64
import contextlib
import fcntl
import json
import os
import random
import shutil
import socket
import uuid
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

from hub.local.errors import LocalError
from hub.local.process import wait_until

LOOPBACK = "127.0.0.1"
GIVEN_BACK_SECONDS = 3.0
# Below every system's range of outgoing ports (32768 on Linux, 49152 on macOS): a client that
# redials a stopped server could otherwise be given the server's own port, and keep it.
PORTS = range(20_000, 32_000)
NEEDED_BYTES = 500 * 1024 * 1024

Progress = Callable[[str], None]


@dataclass(frozen=True)
class Ports:
    """What a pair keeps from its first start until `reset`; the content of `local.json`."""

    kafka: int
    controller: int
    postgres: int
    cluster_id: str
    durable: bool


@dataclass(frozen=True)
class Place:
    """The paths inside one folder. Nothing is read or made until a method is called."""

    folder: Path

    @classmethod
    def at(cls, folder: Path) -> Place:
        """The place of this folder, its path made absolute."""
        return cls(folder.expanduser().resolve())

    @property
    def ports_file(self) -> Path:
        """Which ports were chosen."""
        return self.folder / "local.json"

    @property
    def kafka(self) -> Path:
        """Kafka's data and log."""
        return self.folder / "kafka"

    @property
    def postgres(self) -> Path:
        """PostgreSQL's data."""
        return self.folder / "postgres"

    @property
    def postgres_log(self) -> Path:
        """What PostgreSQL says."""
        return self.folder / "postgres.log"

    def owned(self) -> tuple[Path, ...]:
        """All that `up` makes here, and so all that `reset` may remove."""
        return (self.kafka, self.postgres, self.postgres_log, self.ports_file)

    def read_ports(self) -> Ports | None:
        """The remembered ports, or None where nothing was started yet.

        Raises:
            LocalError: local.json is not what `up` wrote.
        """
        try:
            text = self.ports_file.read_text("utf-8")
        except FileNotFoundError:
            return None
        try:
            return Ports(**json.loads(text))
        except (ValueError, TypeError) as error:
            raise LocalError(
                f"{self.ports_file} cannot be read.",
                "Remove what is left with `hub local reset --yes`.",
            ) from error

    def write_ports(self, ports: Ports) -> None:
        """Remember the ports, all or nothing."""
        draft = self.ports_file.with_suffix(".new")
        draft.write_text(json.dumps(asdict(ports), indent=2) + "\n", "utf-8")
        draft.replace(self.ports_file)

    def make(self) -> None:
        """Make the folder, with room for both servers.

        Raises:
            LocalError: the folder cannot be made, or the disk is full.
        """
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise LocalError(
                f"The folder {self.folder} cannot be made: {error.strerror}.",
                "Choose another one with --folder.",
            ) from error
        free = shutil.disk_usage(self.folder).free
        if free < NEEDED_BYTES:
            raise LocalError(
                f"The disk of {self.folder} has {free // 2**20} MB left; "
                f"Kafka and PostgreSQL need {NEEDED_BYTES // 2**20} MB.",
                "Make room, or choose a folder on another disk with --folder.",
            )

    @contextlib.contextmanager
    def locked(self, progress: Progress) -> Iterator[None]:
        """Hold the folder: one `up`, `down` or `reset` at a time, whoever calls."""
        handle = os.open(self.folder / ".lock", os.O_CREAT | os.O_RDWR, 0o644)
        try:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                progress(f"another command works in {self.folder}: waiting for it")
                fcntl.flock(handle, fcntl.LOCK_EX)
            yield
        finally:
            os.close(handle)


def port_is_free(port: int) -> bool:
    """Whether a server could listen on this loopback port now."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        # As the servers do: a port whose last connections are still closing is free.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
        except OSError:
            return False
    return True


def choose_ports(*, durable: bool) -> Ports:
    """Three free loopback ports and a new Kafka cluster id.

    Raises:
        LocalError: no free port was found.
    """
    free = (port for port in random.sample(PORTS, k=len(PORTS)) if port_is_free(port))
    try:
        kafka, controller, postgres = next(free), next(free), next(free)
    except StopIteration as error:
        raise LocalError(
            f"No free port between {PORTS.start} and {PORTS.stop} on {LOOPBACK}.",
            "Stop some of the programs that listen there.",
        ) from error
    cluster_id = base64.urlsafe_b64encode(uuid.uuid4().bytes).rstrip(b"=").decode()
    # Kafka's own tools refuse an id that looks like an option.
    return Ports(kafka, controller, postgres, cluster_id.replace("-", "A", 1), durable)


def require_free(port: int, of: str, place: Place) -> None:
    """Refuse to start a server on a port that somebody else has.

    Raises:
        LocalError: the port is taken.
    """
    # A process that was killed a moment ago may not have given it back yet.
    if not wait_until(lambda: port_is_free(port), seconds=GIVEN_BACK_SECONDS):
        raise LocalError(
            f"Port {port}, which {of} has in {place.folder}, is taken by another program.",
            "Stop that program, or take new ports and keep the data: `hub local up --new-ports`.",
        )
