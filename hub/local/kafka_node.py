"""One real Apache Kafka node (KRaft, broker and controller in one) on this machine."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping
from pathlib import Path

from hub.local import handshake, jars, start_cache
from hub.local.errors import LocalError
from hub.local.place import Place, Ports, Progress, require_free
from hub.local.process import is_running, read_pid, spawn, stop, wait_until
from hub.local.properties import server_properties

READY_SECONDS = 60.0
STOP_SECONDS = 60.0
HEAP = ("-Xms256m", "-Xmx512m", "-XX:+UseSerialGC")
# Java's own log is off but for errors: it comments on every class it could not archive.
QUIET = (
    "-Xlog:disable",
    "-Xlog:all=error:stderr",
    "--sun-misc-unsafe-memory-access=allow",
    "--enable-native-access=ALL-UNNAMED",
)


class KafkaNode:
    """The node of one place: started, stopped and asked, its data kept in between."""

    def __init__(self, place: Place, ports: Ports) -> None:
        self._place = place
        self._ports = ports
        self._properties = place.kafka / "server.properties"
        self._pid_file = place.kafka / "kafka.pid"
        self._training = place.kafka / "start-cache.aot"
        self.log = place.kafka / "kafka.log"

    @property
    def pid(self) -> int | None:
        """The process, if it lives."""
        pid = read_pid(self._pid_file)
        return pid if is_running(pid, argument=str(self._properties)) else None

    def answers(self) -> bool:
        """Whether a client would be served now, by this node and no other."""
        return handshake.cluster_id(self._ports.kafka) == self._ports.cluster_id

    def start(self, progress: Progress, extra: Mapping[str, str] | None = None) -> bool:
        """Start the node if it does not run, and wait until it serves clients.

        Args:
            progress: told what takes long.
            extra: properties on top, kept for later starts; None leaves what there is.

        Returns:
            Whether it was started by this call.

        Raises:
            LocalError: something is missing, a port is taken, or it does not come up.
        """
        if self.pid is not None:
            self._wait()
            return False
        java, classpath = jars.java(), jars.classpath(progress)
        require_free(self._ports.kafka, "Kafka", self._place)
        require_free(self._ports.controller, "Kafka's controller", self._place)
        self._configure(extra)
        run = (str(java), "-cp", ":".join(map(str, classpath)))
        if not self._data.joinpath("meta.properties").exists():
            progress("Kafka: preparing its folder")
            self._format(run)
        progress(f"Kafka {jars.kafka_version()}: starting on port {self._ports.kafka}")
        cache = start_cache.options(java, classpath, self._training)
        crash = f"-XX:ErrorFile={self._place.kafka}/java-crash-%p.log"
        command = (*run, *HEAP, *QUIET, crash, *cache, *self._logging(), "kafka.Kafka")
        pid = spawn((*command, str(self._properties)), output=self.log)
        self._pid_file.write_text(f"{pid}\n", "utf-8")
        self._wait()
        return True

    def stop(self, progress: Progress, *, hard: bool = False) -> bool:
        """End the process: in order, or as a power failure would (`hard`).

        Returns:
            Whether it was running.
        """
        pid = self.pid
        if pid is not None:
            learning = is_running(pid, argument=f"-XX:AOTCacheOutput={self._training}")
            once = ", and keeping what Java learnt for quicker starts (once, some seconds)"
            progress(f"Kafka: stopping{once if learning and not hard else ''}")
            stop(
                pid,
                argument=str(self._properties),
                hard=hard,
                patience_seconds=STOP_SECONDS,
            )
        self._pid_file.unlink(missing_ok=True)
        if hard:
            self._training.unlink(missing_ok=True)
        elif self._training.exists():
            start_cache.keep(
                self._training,
                start_cache.file_for(jars.java(), jars.classpath(progress)),
            )
        return pid is not None

    @property
    def _data(self) -> Path:
        return self._place.kafka / "data"

    def _configure(self, extra: Mapping[str, str] | None) -> None:
        self._place.kafka.mkdir(exist_ok=True)
        if extra is not None or not self._properties.exists():
            text = server_properties(self._ports, self._data, extra or {})
            self._properties.write_text(text, "utf-8")

    def _logging(self) -> tuple[str, ...]:
        settings = {
            "defaultLogLevel": "warn",
            "showDateTime": "true",
            "dateTimeFormat": "yyyy-MM-dd'T'HH:mm:ss.SSSXXX",
            "logFile": "System.err",
        }
        return tuple(f"-Dorg.slf4j.simpleLogger.{name}={value}" for name, value in settings.items())

    def _format(self, run: tuple[str, ...]) -> None:
        tool = (
            "-Xmx128m",
            "-XX:TieredStopAtLevel=1",
            "kafka.tools.StorageTool",
            "format",
        )
        cluster = ("-t", self._ports.cluster_id, "-c", str(self._properties))
        done = subprocess.run(  # noqa: S603  (our own tools, no shell)
            (*run, *tool, *cluster), capture_output=True, text=True, check=False
        )
        if done.returncode != 0:
            raise LocalError(
                f"Kafka cannot prepare {self._data}: {done.stderr.strip()[-500:]}",
                "Remove what is left with `hub local reset --yes`.",
            )

    def _wait(self) -> None:
        wait_until(lambda: self.pid is None or self.answers(), seconds=READY_SECONDS)
        if self.pid is None:
            raise LocalError(
                f"Kafka stopped while starting. Its last words:\n{last_lines(self.log)}",
                f"The whole story is in {self.log}. `hub local reset` starts afresh, without data.",
            )
        if not self.answers():
            raise LocalError(
                f"Kafka runs (process {self.pid}) but did not answer within {READY_SECONDS:.0f} s.",
                f"Look into {self.log}, then try `hub local down` and `hub local up`.",
            )


def last_lines(log: Path, *, count: int = 8) -> str:
    """The end of a log, or a word that there is none."""
    try:
        lines = log.read_text("utf-8", "replace").splitlines()
    except FileNotFoundError:
        return "(no log)"
    return "\n".join(line[:300] for line in lines[-count:])
