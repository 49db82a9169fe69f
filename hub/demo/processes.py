"""The processes of a run: started in sessions of their own, waited for, stopped in order.

A session of its own keeps Ctrl-C from reaching them: the demo stops them itself, last started
first. Their process ids are written down, so that the next run can end what a killed one left.
"""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path

from hub.local import process

LINES_SHOWN = 12
LINE_CHARACTERS = 300
STOP_SECONDS = 15.0
LOOK_SECONDS = 0.1


class DemoFailed(Exception):
    """The demo cannot go on, or its figures disagree; the text is for a person."""


class Processes:
    """What a run has started: commands of the hub, each with a log of its own.

    Args:
        folder: where logs and process ids are kept; exists.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._started: dict[str, subprocess.Popen[bytes]] = {}

    def log(self, name: str) -> Path:
        """The file with a process's own words."""
        return self._folder / f"{name}.log"

    def start(self, name: str, arguments: Sequence[str]) -> None:
        """Start `hub <arguments>`; its log begins anew.

        The last argument names a file of the folder: the process is known again by it.
        """
        command = [sys.executable, "-m", "hub", *arguments]
        with self.log(name).open("wb") as output:
            self._started[name] = started = subprocess.Popen(  # noqa: S603 - our own commands
                command,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )
        self._pid_file(name).write_text(f"{started.pid}\n{arguments[-1]}\n", "utf-8")

    async def wait_for(
        self, name: str, answers: Callable[[], Awaitable[bool]], *, seconds: float
    ) -> None:
        """Return when `answers` says so.

        Raises:
            DemoFailed: the process ended, or the time is over; with its last words.
        """
        try:
            async with asyncio.timeout(seconds):
                while not await answers():
                    self.check()
                    await asyncio.sleep(LOOK_SECONDS)
        except TimeoutError:
            text = f"{name} is not ready after {seconds:.0f} s.{self.last_words(name)}"
            raise DemoFailed(text) from None

    def check(self) -> None:
        """Return while everything that was started runs.

        Raises:
            DemoFailed: something has ended by itself; with its last words.
        """
        for name, started in self._started.items():
            if started.poll() is not None:
                code = started.returncode
                raise DemoFailed(f"{name} has ended by itself ({code}).{self.last_words(name)}")

    def stop(self) -> None:
        """Stop all, the last started first; kill what does not end in time."""
        while self._started:
            name, started = self._started.popitem()
            started.terminate()
            try:
                started.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                started.kill()
                started.wait()
            self._pid_file(name).unlink(missing_ok=True)

    def stop_left_over(self) -> None:
        """Stop what an earlier run in this folder started and could not stop."""
        for file in self._folder.glob("*.pid"):
            pid = process.read_pid(file)
            argument = file.read_text("utf-8").partition("\n")[2].strip()
            if pid is not None and argument and process.is_running(pid, argument=argument):
                process.stop(pid, argument=argument, hard=False, patience_seconds=STOP_SECONDS)
            file.unlink()

    def last_words(self, name: str) -> str:
        """The end of a process's log, to be put behind a sentence."""
        lines = self.log(name).read_text("utf-8", errors="replace").splitlines()
        words = "".join(f"\n  {line[:LINE_CHARACTERS]}" for line in lines[-LINES_SHOWN:])
        return f" Its last words ({self.log(name)}):{words}" if words else f" Log: {self.log(name)}"

    def _pid_file(self, name: str) -> Path:
        return self._folder / f"{name}.pid"
