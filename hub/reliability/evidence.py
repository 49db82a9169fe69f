"""Evidence: the files of one run that the checker reads, and what it says of them."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Collection, Iterable
from pathlib import Path

import orjson

from hub.check_log import Checker, Crashes, Held, Report, Rules, Sent, read_effects
from hub.reliability.load import Numbered


class Evidence:
    """What was sent, killed and held in one run; `hub check-log` reads the same files.

    Args:
        folder: made if missing; earlier evidence in it is removed.
    """

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self.effects = folder / "effects.jsonl"
        self.sent_file, self.crash_file = folder / "sent.jsonl", folder / "crashes.jsonl"
        self.held_file = folder / "held.jsonl"
        for file in (self.sent_file, self.crash_file, self.held_file, self.effects):
            file.write_bytes(b"")
        self.sent_count = self.crash_count = 0
        self._seqs: dict[str, int] = {}  # subject -> messages sent, numbers from 0

    @property
    def subjects(self) -> Collection[str]:
        """Every dossier that something was sent about."""
        return self._seqs.keys()

    def sent(self, numbered: Iterable[Numbered]) -> None:
        """These were acknowledged."""
        with self.sent_file.open("ab") as file:
            for subject, seq in numbered:
                file.write(orjson.dumps({"subject": subject, "seq": seq}) + b"\n")
                self._seqs[subject] = seq + 1
                self.sent_count += 1

    def crashed(self, at: float, worker: str, partitions: Collection[int]) -> None:
        """A worker that held these partitions was killed at `at` (seconds since 1970)."""
        self.crash_count += 1
        with self.crash_file.open("ab") as file:
            for partition in sorted(partitions):
                row = {"t": at, "worker": worker, "partition": partition}
                file.write(orjson.dumps(row) + b"\n")

    def held(self, rows: Iterable[tuple[str, int, str]]) -> None:
        """These (subject, seq, `dead` or `parked`) have no effect yet, and are kept."""
        with self.held_file.open("ab") as file:
            for subject, seq, state in rows:
                row = {"subject": subject, "seq": seq, "state": state}
                file.write(orjson.dumps(row) + b"\n")

    def check(self, rules: Rules) -> Report:
        """Hold what was sent against the effects.

        Raises:
            ConfigError: a file is not what it should be.
        """
        checker = Checker(
            Sent.read(self.sent_file),
            Held.read(self.held_file),
            Crashes.read(self.crash_file),
            rules,
        )
        return checker.check(read_effects([self.effects]))


class Taken:
    """Follows the portal's log: which messages have taken effect.

    Args:
        log: being written by the simulator.
    """

    def __init__(self, log: Path) -> None:
        self._log = log
        self._at = 0
        self._rest = b""
        self.count = 0
        self.longest_gap = 0.0
        self._last_at = 0.0
        self._seqs: dict[str, set[int]] = defaultdict(set)

    def watch(self) -> None:
        """Measure the longest time without an effect (`longest_gap`, seconds) from now on."""
        self._last_at, self.longest_gap = time.time(), 0.0

    def read(self) -> int:
        """Read what is new; how many different messages have taken effect so far."""
        with self._log.open("rb") as file:
            file.seek(self._at)
            new = file.read()
        self._at += len(new)
        *lines, self._rest = (self._rest + new).split(b"\n")
        for line in lines:
            row = orjson.loads(line)
            if not row["ok"] or row["seq"] is None:
                continue
            self.longest_gap = max(self.longest_gap, row["t"] - self._last_at)
            self._last_at = row["t"]
            seqs = self._seqs[row["subject"]]
            if row["seq"] not in seqs:
                seqs.add(row["seq"])
                self.count += 1
        return self.count

    def of(self, subjects: Collection[str]) -> int:
        """How many messages of these dossiers have taken effect."""
        return sum(len(self._seqs[subject]) for subject in subjects if subject in self._seqs)

    @property
    def at(self) -> int:
        """Bytes of the log read so far."""
        return self._at

    def copy(self, start: int, evidence: Evidence) -> None:
        """The rows from byte `start` on, about the evidence's own dossiers."""
        with self._log.open("rb") as source, evidence.effects.open("wb") as target:
            source.seek(start)
            for line in source:
                if line.endswith(b"\n") and orjson.loads(line)["subject"] in evidence.subjects:
                    target.write(line)
