"""The files that the checker reads: JSON lines, one object each, read as a stream.

    sent     {"subject", "seq", "id"?}    seq rises within a subject
    effects  {"t", "system", "operation", "id", "subject", "seq", "ok", "body_sha256"}
             in the order they happened; several files are merged by `t`
    held     {"subject", "seq", "system"?, "state"?}   state dead (the default) or parked
    crashes  {"t", "worker", "partition"?}             one per `kill -9`

`t` is seconds since 1970. A row of the effects without a seq (a login, a query) is only counted.
"""

from __future__ import annotations

import heapq
from array import array
from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import orjson

from hub.errors import ConfigError


class Row(NamedTuple):
    """One line of the effects: a call that `system` took (`ok`) or refused."""

    t: float
    system: str
    operation: str
    id: str
    subject: str
    seq: int | None
    ok: bool
    body_sha256: str
    where: str


class Sent:
    """What producers sent: the sequence numbers of each subject, in order."""

    def __init__(self, pairs: Iterable[tuple[str, int]] = ()) -> None:
        self.count = 0
        self._seqs: dict[str, array[int]] = {}
        for subject, seq in pairs:
            self.add(subject, seq)

    def add(self, subject: str, seq: int) -> None:
        """One message.

        Raises:
            ConfigError: the sequence number of a subject does not rise.
        """
        seqs = self._seqs.get(subject)
        if seqs is None:
            self._seqs[subject] = array("q", (seq,))
        elif seqs[-1] < seq:
            seqs.append(seq)
        else:
            raise ConfigError(f"sent: seq {seq} of {subject} does not rise")
        self.count += 1

    def subjects(self) -> Iterable[str]:
        """Every subject, in the order of its first message."""
        return self._seqs

    def seqs(self, subject: str) -> Sequence[int]:
        """The sequence numbers of a subject, rising; empty for one that nobody sent."""
        return self._seqs.get(subject, array("q"))

    @classmethod
    def read(cls, path: Path) -> Sent:
        """The file of `--sent`.

        Raises:
            ConfigError: unreadable, a line of another form, or a seq that does not rise.
        """
        sent = cls()
        for number, text in _numbered(path):
            try:
                line = orjson.loads(text)
                sent.add(line["subject"], line["seq"])
            except (orjson.JSONDecodeError, KeyError, TypeError) as error:
                raise ConfigError(f"{path.name}:{number}: not a row of sent messages") from error
        return sent


def index_of(seqs: Sequence[int], seq: int) -> int:
    """Where a sequence number stands among a subject's; -1 if it was never sent."""
    if not seqs:
        return -1
    guess = seq - seqs[0]
    if not (0 <= guess < len(seqs) and seqs[guess] == seq):
        guess = bisect_left(seqs, seq)
    return guess if guess < len(seqs) and seqs[guess] == seq else -1


class Held:
    """Messages that ended, or stay, without an effect: dead ones, and parked ones."""

    def __init__(self, rows: Iterable[tuple[str, str, int, str]] = ()) -> None:
        self.count = 0
        self._dead: dict[tuple[str, str], set[int]] = defaultdict(set)
        self._parked: dict[tuple[str, str], set[int]] = defaultdict(set)
        for system, subject, seq, state in rows:
            self.count += 1
            (self._parked if state == "parked" else self._dead)[system, subject].add(seq)

    def dead(self, system: str, subject: str) -> frozenset[int]:
        """Sequence numbers that others may pass: dead at this system."""
        return frozenset(self._dead.get((system, subject), ())) | self._dead.get(
            ("", subject), frozenset()
        )

    def parked(self, system: str, subject: str, seq: int) -> bool:
        """Whether a message is held, so that it is not lost; nobody may pass it."""
        return any(seq in self._parked.get((name, subject), ()) for name in (system, ""))

    @classmethod
    def read(cls, path: Path) -> Held:
        """The file of `--dead`.

        Raises:
            ConfigError: unreadable, or a line of another form.
        """
        rows = []
        for where, line in _lines(path):
            state = line.get("state", "dead")
            if state not in ("dead", "parked"):
                raise ConfigError(f"{where}: state is dead or parked")
            subject, seq = _text(line, "subject", where), _number(line, "seq", where)
            rows.append((str(line.get("system", "")), subject, seq, state))
        return cls(rows)


class Crashes:
    """When workers were killed, and which partition that touched (all, unless a row says it)."""

    def __init__(self, rows: Iterable[tuple[float, int | None]] = ()) -> None:
        ordered = sorted(rows, key=lambda row: row[0])
        self.count = len(ordered)
        self._of_all = [t for t, partition in ordered if partition is None]
        self._of_one: dict[int, list[float]] = defaultdict(list)
        for t, partition in ordered:
            if partition is not None:
                self._of_one[partition].append(t)

    def until(self, partition: int, t: float) -> int:
        """How many kills touched this partition up to `t`."""
        return bisect_right(self._of_all, t) + bisect_right(self._of_one.get(partition, []), t)

    @classmethod
    def read(cls, path: Path) -> Crashes:
        """The file of `--crashes`.

        Raises:
            ConfigError: unreadable, or a line of another form.
        """
        rows: list[tuple[float, int | None]] = []
        for where, line in _lines(path):
            if not isinstance(line.get("t"), int | float):
                raise ConfigError(f"{where}: t is not a number")
            named = line.get("partition") is not None
            rows.append((line["t"], _number(line, "partition", where) if named else None))
        return cls(rows)


def read_effects(paths: Sequence[Path]) -> Iterator[Row]:
    """The rows of all files in the order they happened, one at a time.

    Raises:
        ConfigError: unreadable, or a line of another form.
    """
    if len(paths) == 1:
        return _effects(paths[0])
    return heapq.merge(*map(_effects, paths), key=lambda row: row.t)


def _effects(path: Path) -> Iterator[Row]:
    name, load = path.name, orjson.loads
    for number, text in _numbered(path):
        try:
            line = load(text)
            seq = line["seq"]
            row = Row(
                line["t"],
                line["system"],
                line["operation"],
                line["id"],
                line["subject"],
                seq,
                line["ok"],
                line["body_sha256"],
                f"{name}:{number}",
            )
        except (orjson.JSONDecodeError, KeyError, TypeError) as error:
            raise ConfigError(f"{name}:{number}: not a row of effects") from error
        if not isinstance(row.ok, bool) or not (seq is None or isinstance(seq, int)):
            raise ConfigError(f"{name}:{number}: ok is a boolean and seq a number or null")
        yield row


def _numbered(path: Path) -> Iterator[tuple[int, bytes]]:
    try:
        with path.open("rb") as file:
            yield from enumerate(file, 1)
    except OSError as error:
        raise ConfigError(f"cannot read {path}") from error


def _lines(path: Path) -> Iterator[tuple[str, Mapping[str, Any]]]:
    for number, text in _numbered(path):
        where = f"{path.name}:{number}"
        try:
            line = orjson.loads(text)
        except orjson.JSONDecodeError as error:
            raise ConfigError(f"{where}: not JSON") from error
        if not isinstance(line, dict):
            raise ConfigError(f"{where}: not a JSON object")
        yield where, line


def _text(line: Mapping[str, Any], name: str, where: str) -> str:
    value = line.get(name)
    if not isinstance(value, str):
        raise ConfigError(f"{where}: {name} is not a text")
    return value


def _number(line: Mapping[str, Any], name: str, where: str) -> int:
    value = line.get(name)
    if not isinstance(value, int) or isinstance(value, bool):
        raise ConfigError(f"{where}: {name} is not a whole number")
    return value
