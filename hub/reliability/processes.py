"""The processes of a stand: commands of the hub that can be killed, stopped and continued."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from hub.errors import HubError

LOOK_SECONDS = 0.01
STOP_SECONDS = 30.0
WORDS_COUNT = 8
FOREIGN = ("HUB_KAFKA", "HUB_POSTGRES", "HUB_CONFIG", "HUB_CRASH")
"""Variables of ours that a stand's processes must not inherit."""


class StandFailed(HubError):
    """A stand cannot go on: one of its processes does not do what it must."""

    code = "stand_failed"


class Running:
    """One process: `hub <arguments>`, its output in a log of its own.

    Args:
        name: of its log.
        folder: where logs lie; exists.
    """

    def __init__(
        self,
        name: str,
        folder: Path,
        arguments: Sequence[str],
        environment: Mapping[str, str] | None = None,
    ) -> None:
        self.name = name
        self.log = folder / f"{name}.log"
        inherited = {key: value for key, value in os.environ.items() if key not in FOREIGN}
        with self.log.open("ab") as output:
            self._process = subprocess.Popen(  # noqa: S603 - our own commands
                [sys.executable, "-m", "hub", *arguments],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                env=inherited | dict(environment or {}),
                start_new_session=True,
            )

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._process.pid

    @property
    def runs(self) -> bool:
        """Whether it lives."""
        return self._process.poll() is None

    @property
    def killed(self) -> bool:
        """Whether it has ended by SIGKILL."""
        return self._process.poll() == -signal.SIGKILL

    def signal(self, number: signal.Signals) -> None:
        """Send a signal; nothing happens if it has ended."""
        with contextlib.suppress(ProcessLookupError):
            self._process.send_signal(number)

    async def ended(self, seconds: float) -> float | None:
        """Wait for its end; the moment (seconds since 1970), none if it still runs."""
        limit = time.monotonic() + seconds
        while self.runs:
            if time.monotonic() > limit:
                return None
            await asyncio.sleep(LOOK_SECONDS)
        return time.time()

    async def stop(self) -> None:
        """End it in order.

        Raises:
            StandFailed: it did not end in time, or not well.
        """
        self.signal(signal.SIGTERM)
        if await self.ended(STOP_SECONDS) is None:
            self.kill()
            raise StandFailed(f"{self.name} does not stop.{self.last_words()}")
        if self._process.returncode != 0:
            code = self._process.returncode
            raise StandFailed(f"{self.name} ended with {code}.{self.last_words()}")

    def kill(self) -> None:
        """End it at once, and wait for it."""
        self.signal(signal.SIGKILL)
        self._process.wait()

    def last_words(self) -> str:
        """The end of its log, to be put behind a sentence."""
        lines = self.log.read_text("utf-8", errors="replace").splitlines()[-WORDS_COUNT:]
        return "".join(f"\n  {line[:300]}" for line in [f"Last words ({self.log}):", *lines])
