"""What can be done to a machine without harming it: a full disk, and a clock that jumps.

The full disk is a memory file system mounted over the servers' folder (needs root on Linux). The
clock is a library preloaded into the servers and workers (needs a C compiler); the machine's own
time is never touched.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import struct
import subprocess
import sys
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path

from hub.errors import HubError

DISK_MEGABYTES = 1200
PIECE = bytes(1 << 20)


class Unproved(HubError):
    """This cannot be arranged on this machine; the text says what is missing."""

    code = "unproved"


@contextlib.contextmanager
def small_disk(folder: Path, *, megabytes: int = DISK_MEGABYTES) -> Iterator[None]:
    """A disk of its own for a folder, small enough to be filled.

    Raises:
        Unproved: nothing can be mounted here.
    """
    mount, leave = shutil.which("mount"), shutil.which("umount")
    if sys.platform != "linux" or os.geteuid() != 0 or mount is None or leave is None:
        raise Unproved("a small disk needs Linux and root")
    folder.mkdir(parents=True, exist_ok=True)
    options = ("-t", "tmpfs", "-o", f"size={megabytes}m,mode=755", "tmpfs", str(folder))
    done = subprocess.run((mount, *options), capture_output=True, check=False)  # noqa: S603 - fixed words
    if done.returncode != 0:
        raise Unproved("a small disk cannot be mounted here")
    try:
        yield
    finally:
        subprocess.run((leave, "--lazy", str(folder)), check=False)  # noqa: S603 - fixed words


def fill(file: Path) -> int:
    """Write into a file until the disk is full; how many bytes it took."""
    size = 0
    with file.open("wb", buffering=0) as full:
        try:
            while True:
                size += full.write(PIECE)
        except OSError:
            return size


class Clock:
    """A time of day that can be set for the processes started with `environment`.

    Args:
        folder: of the library and the file with the shift; every user may read it.

    Raises:
        Unproved: there is no C compiler, or no Linux.
    """

    def __init__(self, folder: Path) -> None:
        compiler = shutil.which("cc")
        if sys.platform != "linux" or compiler is None:
            raise Unproved("a clock that jumps needs Linux and a C compiler")
        folder.mkdir(parents=True, exist_ok=True)
        self._file = folder / "clock-shift"
        self._library = folder / "shifted_clock.so"
        self.jump(0)
        self._file.chmod(0o644)
        source = files("hub.reliability").joinpath("shifted_clock.c").read_bytes()
        command = (compiler, "-shared", "-fPIC", "-O1", "-x", "c", "-", "-ldl", "-o")
        try:
            subprocess.run((*command, str(self._library)), input=source, check=True)  # noqa: S603 - fixed words
        except subprocess.CalledProcessError as error:
            raise Unproved("the clock cannot be compiled here") from error

    @property
    def environment(self) -> dict[str, str]:
        """What a process must be started with to have this clock."""
        return {"LD_PRELOAD": str(self._library), "HUB_CLOCK_FILE": str(self._file)}

    def jump(self, seconds: int) -> None:
        """Show so many seconds more than the machine's time, from now on."""
        if self._file.exists():
            with self._file.open("r+b") as file:  # in place: it is mapped
                file.write(struct.pack("=q", seconds))
        else:
            self._file.write_bytes(struct.pack("=q", seconds))


@contextlib.contextmanager
def inherited(environment: dict[str, str]) -> Iterator[None]:
    """Processes started inside the block get these variables too."""
    before = {name: os.environ.get(name) for name in environment}
    os.environ.update(environment)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value
