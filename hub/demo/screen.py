"""What the person who runs the demo sees while it runs: bars on a terminal, else plain lines."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
)

LINE_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class Part:
    """How far something beside the dossiers is."""

    name: str
    done: int
    total: int


@dataclass(frozen=True, slots=True)
class Counts:
    """How far a run is; of `calls_total` calls and `messages_total` messages, and of its parts."""

    calls: int
    calls_total: int
    delivered: int
    messages_total: int
    parts: tuple[Part, ...] = ()


class Screen(Protocol):
    """Where a run tells what it does."""

    def say(self, text: str) -> None:
        """One line."""

    def show(self, counts: Counts) -> None:
        """How far it is now; may be called often."""

    def close(self) -> None:
        """Nothing more comes."""


class Lines:
    """Plain lines, at most one every five seconds for the counts.

    Args:
        write: takes one line.
        clock: seconds that never go back.
    """

    def __init__(
        self, write: Callable[[str], None], *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._write = write
        self._clock = clock
        self._next = 0.0
        self._shown: Counts | None = None

    def say(self, text: str) -> None:
        """One line."""
        self._write(text)

    def show(self, counts: Counts) -> None:
        """A line if the last one is old enough, or if this is the end."""
        is_end = (counts.calls, counts.delivered) == (counts.calls_total, counts.messages_total)
        is_end = is_end and all(part.done == part.total for part in counts.parts)
        if counts == self._shown or not (is_end or self._clock() >= self._next):
            return
        self._next = self._clock() + LINE_SECONDS
        self._shown = counts
        self._write(
            f"  sent {counts.calls:,} of {counts.calls_total:,} calls,"
            f" delivered {counts.delivered:,} of {counts.messages_total:,} messages"
            + "".join(f", {each.name} {each.done:,} of {each.total:,}" for each in counts.parts)
        )

    def close(self) -> None:
        """Nothing to put away."""


class Bars:
    """Bars that move, and lines above them."""

    def __init__(self, console: Console) -> None:
        self._progress = Progress(
            TextColumn("  {task.description}"),
            BarColumn(bar_width=28),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            console=console,
        )
        self._calls = self._progress.add_task("one-stop → hub, calls", visible=False)
        self._delivered = self._progress.add_task("hub → portal, messages", visible=False)
        self._parts: dict[str, TaskID] = {}
        self._progress.start()

    def say(self, text: str) -> None:
        """One line above the bars."""
        self._progress.console.print(text, highlight=False, markup=False)

    def show(self, counts: Counts) -> None:
        """Move the bars."""
        for task, done, total in (
            (self._calls, counts.calls, counts.calls_total),
            (self._delivered, counts.delivered, counts.messages_total),
        ):
            self._progress.update(task, completed=done, total=total, visible=True)
        for part in counts.parts:
            if part.name not in self._parts:
                self._parts[part.name] = self._progress.add_task(part.name)
            self._progress.update(self._parts[part.name], completed=part.done, total=part.total)

    def close(self) -> None:
        """Leave the bars as they are."""
        self._progress.stop()
