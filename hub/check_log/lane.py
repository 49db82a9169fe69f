"""Lane: what one system was asked about one subject, row by row, and what was wrong with it."""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterator, Sequence
from enum import StrEnum
from itertools import chain

from hub.check_log.rows import Row, index_of
from hub.check_log.rules import Rules


class Fault(StrEnum):
    """What can be wrong with one row, or with one message that has none."""

    LOST = "lost"  # sent, never taken, not held
    ORDER = "order"  # its first effect came after that of a later one
    OVERTAKEN = "overtaken"  # tried while an earlier one was neither taken nor dead
    REGRESS = "regress"  # an older effect after a newer one, without a kill
    REPEATED = "repeated"  # the newest effect once more, without a kill
    GAP = "gap"  # a rerun after a kill left something out
    BOUND = "bound"  # more repeated than a kill excuses
    KEY = "key"  # repeated under another operation key
    BODY = "body"  # repeated with another body
    TWICE = "twice"  # a dangerous effect happened again
    STRAY = "stray"  # nobody sent it


Finding = tuple[Fault, str]
Kills = Callable[[float], int]

NO_ROWS: dict[int, Row] = {}
NO_STEPS: dict[tuple[int, int], tuple[int, int]] = {}
"""Shared by all lanes that need none, which are most; never written to."""


class Lane:
    """One subject at one system.

    Messages are named by their index among those sent. Keys, bodies and operations are kept as
    64-bit hashes in arrays: a run has millions of rows.

    Args:
        seqs: sequence numbers that were sent, rising.
        dead: those that others may pass.
        kills: how many kills touched the subject's partition up to a time.
    """

    __slots__ = (
        *("seqs", "dead", "_next", "_newest", "_passed"),
        *("_operations", "_keys", "_bodies", "_steps"),
        *("_call_t", "_call_from", "_tried_t", "_tried_to"),
        *("_rerun", "_refused", "_again", "_kills", "_used", "_counted", "_last_t"),
    )

    def __init__(self, seqs: Sequence[int], dead: frozenset[int], kills: Kills) -> None:
        self.seqs = seqs
        self.dead = dead  # sequence numbers, not indexes
        self._next = 0  # lowest index that is neither taken nor dead
        self._newest = -1  # highest index taken
        self._passed = NO_ROWS  # what is open below the newest -> the first effect past it
        self._operations, self._keys, self._bodies = array("q"), array("q"), array("q")
        self._steps = NO_STEPS  # further operations of an index
        self._call_t, self._call_from = -1.0, 0  # the newest call with effects
        self._tried_t, self._tried_to = -1.0, -1  # the newest refused call
        self._rerun = -1  # index that a rerun has reached, -1 for none
        self._refused = -1  # first index of the rerun's calls that were refused and may come again
        self._again: frozenset[int] = frozenset()  # operations repeated at that index
        self._kills = kills  # how many touched this subject's partition up to a time
        self._used = 0  # kills that earlier reruns have used up
        self._last_t = 0.0  # of the last effect
        self._counted = False  # whether this rerun counts against the bound
        self._close()

    def take(self, row: Row, rules: Rules) -> tuple[list[Finding], bool]:
        """Account for one row; what is wrong with it, and whether it counts as a repetition."""
        if self._is_next(row):
            return [], False
        index = index_of(self.seqs, row.seq) if row.seq is not None else -1
        if index < 0:
            return [(Fault.STRAY, "nobody sent it")], False
        if not self._taken(index):
            return self._first(index, row, rules), False
        if row.ok and index == self._newest and self._known(index, hash(row.operation)) is None:
            self._remember(index, row)  # the next step of the same message
            return [], False
        return self._repetition(index, row, rules)

    def _is_next(self, row: Row) -> bool:
        """The healthy case, made fast: the next message is taken, and nothing else is pending."""
        index = self._next
        if (
            not row.ok
            or index == len(self.seqs)
            or self.seqs[index] != row.seq
            or index != len(self._operations)
            or self._rerun >= 0
            or self._passed
        ):
            return False
        self._operations.append(hash(row.operation) or 1)
        self._keys.append(hash(row.id))
        self._bodies.append(hash(row.body_sha256))
        if row.t != self._call_t:
            self._call_t, self._call_from = row.t, index
        self._last_t = row.t
        self._newest = index
        self._next = index + 1
        if self.dead:
            self._close()
        return True

    def open(self) -> Iterator[tuple[int, Row | None]]:
        """Sequence numbers without an effect, dead ones excepted, and what went past them."""
        for index in range(self._next, len(self.seqs)):
            if not self._taken(index) and self.seqs[index] not in self.dead:
                yield self.seqs[index], self._passed.get(index)

    # First effects and first attempts

    def _first(self, index: int, row: Row, rules: Rules) -> list[Finding]:
        found: list[Finding] = []
        if self._rerun >= 0 and (left := self._following(self._rerun, rules)) is not None:
            found.append((Fault.GAP, f"the rerun before it left out seq {self.seqs[left]}"))
        if row.ok or found:
            self._rerun = self._refused = -1
        if not row.ok:
            return found + self._attempt(index, row)
        if self._passed and (passer := self._passed.pop(index, None)) is not None:
            found.append((Fault.ORDER, f"seq {passer.seq} was taken before it ({passer.where})"))
        if new := dict.fromkeys(self._open_between(index), row):
            self._passed = self._passed or {}
            self._passed.update(new)
        self._remember(index, row)
        if row.t != self._call_t:
            self._call_t, self._call_from = row.t, index
        self._last_t = row.t
        if index > self._newest:
            self._newest = index
        self._close()
        return found

    def _attempt(self, index: int, row: Row) -> list[Finding]:
        """A refused first attempt; the items of one call are tried together."""
        before = chain((i for i in self._passed if i < index), self._open_between(index))
        missing = next((i for i in before if not self._tried_with(i, row)), None)
        self._tried_t, self._tried_to = row.t, index
        if missing is None:
            return []
        earlier = self.seqs[missing]
        return [(Fault.OVERTAKEN, f"tried while seq {earlier} was neither taken nor dead")]

    def _tried_with(self, index: int, row: Row) -> bool:
        return row.t == self._tried_t and index <= self._tried_to

    def _open_between(self, index: int) -> Iterator[int]:
        """What is open between the newest effect and `index`; what is open below is in _passed."""
        for between in range(max(self._newest + 1, self._next), index):
            if self.seqs[between] not in self.dead:
                yield between

    def _close(self) -> None:
        """Move `_next` past what is taken or dead."""
        at, seqs, operations = self._next, self.seqs, self._operations
        while at < len(seqs) and (
            (at < len(operations) and operations[at]) or (self.dead and seqs[at] in self.dead)
        ):
            at += 1
        self._next = at

    # Repetitions

    def _repetition(self, index: int, row: Row, rules: Rules) -> tuple[list[Finding], bool]:
        found = self._difference(index, row) if row.ok else []
        if row.ok and row.operation in rules.dangerous:
            found.append((Fault.TWICE, f"{row.operation} must take effect once"))
        operation = hash(row.operation)
        here = index == self._rerun and operation not in self._again
        once_more = index == self._refused
        if not (here or once_more) and (
            self._rerun < 0 or index != self._following(self._rerun, rules)
        ):
            fault = self._start(index, row.t, rules)
            if fault is not None:
                return [*found, fault], False
        if index != self._rerun:
            self._rerun = index
            self._again = frozenset()
        if row.ok:
            self._last_t = row.t
            if row.t != self._call_t:
                self._call_t, self._call_from = row.t, index
            self._again |= {operation}
            self._refused = -1
        elif self._refused < 0:
            self._refused = index
        return found, row.ok and self._counted

    def _start(self, index: int, t: float, rules: Rules) -> Finding | None:
        """Begin a rerun at `index`; why it must not, if it must not."""
        kills = self._kills(t)
        if rules.lost_answers and index >= self._call_from:
            self._counted = False
        elif kills > max(self._used, self._kills(self._last_t - rules.grace_seconds)):
            self._used = kills
            self._counted = True
        elif 0 <= self._rerun < index:
            return Fault.GAP, f"the rerun jumped here from seq {self.seqs[self._rerun]}"
        elif index == self._newest:
            return Fault.REPEATED, "taken before, and no kill in between"
        else:
            return Fault.REGRESS, f"seq {self.seqs[self._newest]} was taken before it"
        self._rerun = self._refused = -1
        return None

    def _following(self, index: int, rules: Rules) -> int | None:
        """The index that a rerun must reach next; none at its end."""
        silent = {hash(name) for name in rules.dangerous}
        for later in range(index + 1, self._newest + 1):
            if self._taken(later) and self._operations[later] not in silent:
                return later
        return None

    def _difference(self, index: int, row: Row) -> list[Finding]:
        known = self._known(index, hash(row.operation))
        if known is None:
            return []
        found = []
        if known[0] != hash(row.id):
            found.append((Fault.KEY, "its operation key is another than the first time"))
        if known[1] != hash(row.body_sha256):
            found.append((Fault.BODY, "its body is another than the first time"))
        return found

    # What is remembered of an effect

    def _taken(self, index: int) -> bool:
        return index < len(self._operations) and self._operations[index] != 0

    def _known(self, index: int, operation: int) -> tuple[int, int] | None:
        if self._operations[index] == operation:
            return self._keys[index], self._bodies[index]
        return self._steps.get((index, operation))

    def _remember(self, index: int, row: Row) -> None:
        prints = hash(row.id), hash(row.body_sha256)
        if self._taken(index):
            self._steps = self._steps or {}
            self._steps[index, hash(row.operation)] = prints
            return
        while len(self._operations) <= index:
            for kept in (self._operations, self._keys, self._bodies):
                kept.append(0)
        self._operations[index] = hash(row.operation) or 1
        self._keys[index], self._bodies[index] = prints
