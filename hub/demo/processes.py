"""The processes of a run: started in sessions of their own, waited for, stopped in order.

A session of its own keeps Ctrl-C from reaching them: the demo stops them itself, last started
first. Their process ids are written down, so that the next run can end what a killed one left.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from hub.local import process

LINES_SHOWN = 15
STOP_SECONDS = 15.0


class DemoFailed(Exception):
    """The demo cannot go on, or its figures disagree; the text is for a person."""


class Processes:
    """What a run has started: commands of the hub, each with a log of its own.

    Args:
        folder: where logs and process ids are kept; exists.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._started: list[str] = []

    def log(self, name: str) -> Path:
        """The file with a process's own words."""
        return self._folder / f"{name}.log"

    def start(self, name: str, arguments: Sequence[str]) -> None:
        """Start `hub <arguments>`; its log begins anew."""
        self.log(name).write_bytes(b"")
        command = [sys.executable, "-m", "hub", *arguments]
        pid = process.spawn(command, output=self.log(name))
        self._pid_file(name).write_text(f"{pid}\n", "utf-8")
        self._started.append(name)

    def wait_for(self, name: str, answers: Callable[[], bool], *, seconds: float) -> None:
        """Return when `answers` says so.

        Raises:
            DemoFailed: the process ended, or the time is over; with its last words.
        """

        def decided() -> bool:
            return not self.lives(name) or answers()

        in_time = process.wait_until(decided, seconds=seconds)
        if not self.lives(name):
            raise DemoFailed(f"{name} has ended.{self._last_words(name)}")
        if not in_time:
            raise DemoFailed(f"{name} is not ready after {seconds:.0f} s.{self._last_words(name)}")

    def lives(self, name: str) -> bool:
        """Whether a process that was started here still runs."""
        pid = process.read_pid(self._pid_file(name))
        return process.is_running(pid, argument="hub")

    def check(self) -> None:
        """Return while everything that was started runs.

        Raises:
            DemoFailed: something has ended by itself; with its last words.
        """
        for name in self._started:
            if not self.lives(name):
                raise DemoFailed(f"{name} has ended by itself.{self._last_words(name)}")

    def stop(self) -> None:
        """Stop all, the last started first; kill what does not end in time."""
        while self._started:
            self._stop(self._started.pop())

    def stop_left_over(self) -> None:
        """Stop what an earlier run in this folder started and could not stop."""
        for file in sorted(self._folder.glob("*.pid")):
            self._stop(file.stem)

    def _stop(self, name: str) -> None:
        pid = process.read_pid(self._pid_file(name))
        if pid is not None and process.is_running(pid, argument="hub"):
            process.stop(pid, argument="hub", hard=False, patience_seconds=STOP_SECONDS)
        self._pid_file(name).unlink(missing_ok=True)

    def _pid_file(self, name: str) -> Path:
        return self._folder / f"{name}.pid"

    def _last_words(self, name: str) -> str:
        lines = self.log(name).read_text("utf-8", errors="replace").splitlines()
        words = "".join(f"\n  {line[:300]}" for line in lines[-LINES_SHOWN:])
        return f" Its last words ({self.log(name)}):{words}" if words else f" Log: {self.log(name)}"
