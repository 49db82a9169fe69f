"""Processes that outlive the one that started them."""

from __future__ import annotations

import contextlib
import os
import signal
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import psutil  # type: ignore[import-untyped,unused-ignore]  # its stubs are a package apart

POLL_SECONDS = 0.02
NEWBORN_SECONDS = 1.0


def spawn(command: Sequence[str], *, output: Path) -> int:
    """Start a process in a session of its own, so that neither Ctrl-C nor our end reaches it.

    Args:
        command: the program's absolute path, then its arguments.
        output: file that stdout and stderr are appended to.

    Returns:
        The process id.
    """
    append = os.O_WRONLY | os.O_CREAT | os.O_APPEND
    return os.posix_spawn(
        command[0],
        list(command),
        os.environ,
        file_actions=[
            (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
            (os.POSIX_SPAWN_OPEN, 1, str(output), append, 0o644),
            (os.POSIX_SPAWN_DUP2, 1, 2),
        ],
        setsid=True,
    )


def read_pid(file: Path) -> int | None:
    """The number on the first line of a pid file, or None."""
    try:
        return int(file.read_text("utf-8").split(maxsplit=1)[0])
    except (FileNotFoundError, NotADirectoryError, ValueError, IndexError):
        return None


def is_running(pid: int | None, *, argument: str) -> bool:
    """Whether this process lives and was started with this argument.

    The argument tells a server from a stranger that was given the same number after a reboot.
    A child of ours that has ended is buried on the way; one that was killed and whose threads are
    not all gone yet still has its ports, and counts as running.
    """
    if pid is None:
        return False
    is_child = False
    with contextlib.suppress(ChildProcessError):
        is_child = os.waitpid(pid, os.WNOHANG)[0] == 0
    try:
        process = psutil.Process(pid)
        if is_child and process.status() == psutil.STATUS_ZOMBIE:
            return True
        # The kernel lets us go on before it has given the newborn process its arguments.
        wait_until(lambda: bool(process.cmdline()), seconds=NEWBORN_SECONDS)
        return argument in process.cmdline()
    except psutil.Error:
        return False


def wait_until(condition: Callable[[], bool], *, seconds: float) -> bool:
    """Ask until it is so; False when the time is over."""
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            return False
        time.sleep(POLL_SECONDS)
    return True


def stop(pid: int, *, argument: str, hard: bool, patience_seconds: float) -> None:
    """Ask a process to end and wait for it; kill it at once if `hard`, or when patience is over."""

    def ended() -> bool:
        return not is_running(pid, argument=argument)

    for number in (signal.SIGKILL,) if hard else (signal.SIGTERM, signal.SIGKILL):
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, number)
        if wait_until(ended, seconds=patience_seconds):
            return
