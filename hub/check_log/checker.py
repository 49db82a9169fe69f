"""Checker: reads the rows of a run once and reports everything that must not have happened."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from hub.check_log.lane import Fault, Finding, Lane
from hub.check_log.rows import Crashes, Held, Row, Sent
from hub.check_log.rules import Rules

SHOWN_COUNT = 20
"""How many violations of each kind are kept; all are counted."""


@dataclass(frozen=True, slots=True)
class Violation:
    """One broken promise, named by its message.

    Attributes:
        fault: which promise.
        system, subject, seq: the message.
        where: `file:line` of the row, `` for a message without one.
        text: one sentence.
    """

    fault: Fault
    system: str
    subject: str
    seq: int | None
    where: str
    text: str

    def __str__(self) -> str:
        place = f"{self.where}: " if self.where else ""
        return f"{self.fault}: {place}{self.system} {self.subject} seq {self.seq}: {self.text}"


@dataclass(slots=True)
class Report:
    """What a run did: counts, and the first violations of each kind.

    `counts` has sent, subjects, held, crashes, and per system `taken`, `repeated`, `refused` and
    `without_seq`, which counts logins and queries.
    """

    counts: dict[str, Any] = field(default_factory=dict)
    faults: Counter[Fault] = field(default_factory=Counter)
    violations: list[Violation] = field(default_factory=list)

    @property
    def clean(self) -> bool:
        """Whether nothing was wrong."""
        return not self.faults

    def add(self, violation: Violation) -> None:
        """Count a violation, and keep it if it is among the first of its kind."""
        self.faults[violation.fault] += 1
        if self.faults[violation.fault] <= SHOWN_COUNT:
            self.violations.append(violation)

    def to_json(self) -> dict[str, Any]:
        """JSON-able: `clean`, `counts`, `faults` by kind, `violations`."""
        shown = [
            {
                "fault": v.fault.value,
                "system": v.system,
                "subject": v.subject,
                "seq": v.seq,
                "where": v.where,
                "text": v.text,
            }
            for v in self.violations
        ]
        faults = {fault.value: count for fault, count in self.faults.items()}
        return {"clean": self.clean, "counts": self.counts, "faults": faults, "violations": shown}


class Checker:
    """Checks one run.

    Args:
        sent: what producers sent.
        held: what ended or stays without an effect.
        crashes: when workers were killed.
        rules: what may be repeated.
    """

    def __init__(self, sent: Sent, held: Held, crashes: Crashes, rules: Rules) -> None:
        self._sent, self._held, self._crashes, self._rules = sent, held, crashes, rules
        self._lanes: dict[str, dict[str, Lane]] = {name: {} for name in rules.systems}
        self._totals: dict[str, Counter[str]] = {}
        self._repeated: Counter[tuple[str, int]] = Counter()
        self._report = Report()

    def check(self, effects: Iterable[Row]) -> Report:
        """Read all rows, in the order they happened, and report."""
        for row in effects:
            self._take(row)
        self._find_lost()
        self._report.counts = {
            "sent": self._sent.count,
            "subjects": len(list(self._sent.subjects())),
            "held": self._held.count,
            "crashes": self._crashes.count,
            "systems": {system: dict(totals) for system, totals in self._totals.items()},
        }
        return self._report

    def _take(self, row: Row) -> None:
        totals = self._totals.get(row.system)
        if totals is None:
            totals = self._totals[row.system] = Counter()
            self._lanes.setdefault(row.system, {})
        if row.seq is None:
            totals["without_seq"] += 1
            return
        totals["taken" if row.ok else "refused"] += 1
        lanes = self._lanes[row.system]
        lane = lanes.get(row.subject)
        if lane is None:
            lane = lanes[row.subject] = self._lane(row.system, row.subject)
        found, repeated = lane.take(row, self._rules)
        if repeated:
            totals["repeated"] += 1
            found += self._over_bound(row)
        for fault, text in found:
            self._report.add(Violation(fault, row.system, row.subject, row.seq, row.where, text))

    def _over_bound(self, row: Row) -> list[Finding]:
        partition = self._rules.partition(row.subject)
        self._repeated[row.system, partition] += 1
        bound = self._rules.window_count * self._crashes.until(partition, row.t)
        if self._repeated[row.system, partition] <= bound:
            return []
        return [(Fault.BOUND, f"more than {bound} repeated in partition {partition}")]

    def _lane(self, system: str, subject: str) -> Lane:
        kills = partial(self._crashes.until, self._rules.partition(subject))
        return Lane(self._sent.seqs(subject), self._held.dead(system, subject), kills)

    def _find_lost(self) -> None:
        """Messages without an effect: lost, or parked and passed by a later one."""
        for system, lanes in (self._lanes or {"every system": {}}).items():
            for subject in self._sent.subjects():
                lane = lanes.get(subject) or self._lane(system, subject)
                for seq, passer in lane.open():
                    self._judge(system, subject, seq, passer)

    def _judge(self, system: str, subject: str, seq: int, passer: Row | None) -> None:
        if not self._held.parked(system, subject, seq):
            text = "sent, never taken, not held"
            self._report.add(Violation(Fault.LOST, system, subject, seq, "", text))
        elif passer is not None:
            text = f"taken while seq {seq} was parked"
            where = passer.where
            self._report.add(Violation(Fault.ORDER, system, subject, passer.seq, where, text))
