"""CallLog: one line per item of every call that a simulator took or refused.

The checker of `hub check-log` reads these files; a line is one JSON object:
`{"t","system","operation","id","subject","seq","ok","body_sha256"}`.
"""

from __future__ import annotations

import hashlib
import time
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import orjson

KEPT_COUNT = 10_000
"""How many of the last lines stay readable at `/_control/log`."""


@dataclass(frozen=True, slots=True)
class Item:
    """One thing that a call carries.

    Attributes:
        id: the operation key that the caller sent, `` if none.
        subject: dossier code or other subject, `` if it has none.
        seq: sequence number inside the item, if it carries one.
        body: exact bytes of the item as received.
    """

    id: str = ""
    subject: str = ""
    seq: int | None = None
    body: bytes = b""


@dataclass(frozen=True, slots=True)
class Call:
    """One call: the system's own name of what was asked, and its items (at least one)."""

    operation: str
    items: Sequence[Item]

    @property
    def subject(self) -> str:
        """Subject of the first item."""
        return self.items[0].subject


class CallLog:
    """Keeps the last lines in memory and writes all of them to a file, flushed one by one.

    Args:
        file: where lines are appended; none: memory only.
        clock: seconds since 1970, the `t` of a line.
    """

    def __init__(self, file: Path | None = None, *, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self._last: deque[bytes] = deque(maxlen=KEPT_COUNT)
        self._file = file.open("ab") if file is not None else None

    def write(self, system: str, call: Call, ok: bool) -> None:
        """One line per item; `ok` says that the call was taken, not that its answer arrived."""
        now = round(self._clock(), 6)
        lines = [
            orjson.dumps(
                {
                    "t": now,
                    "system": system,
                    "operation": call.operation,
                    "id": item.id,
                    "subject": item.subject,
                    "seq": item.seq,
                    "ok": ok,
                    "body_sha256": hashlib.sha256(item.body).hexdigest(),
                }
            )
            for item in call.items
        ]
        self._last.extend(lines)
        if self._file is not None:
            self._file.write(b"\n".join(lines) + b"\n")
            self._file.flush()

    def last(self, subject: str = "") -> Iterable[dict[str, Any]]:
        """The lines still in memory, oldest first, of one subject if given."""
        rows = (orjson.loads(line) for line in self._last)
        return (row for row in rows if not subject or row["subject"] == subject)

    def forget(self) -> None:
        """Drop the lines in memory; the file stays as it is."""
        self._last.clear()

    def close(self) -> None:
        """Close the file."""
        if self._file is not None:
            self._file.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()
