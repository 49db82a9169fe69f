"""Evidence: what is written is what the checker reads; the portal's log is followed exactly."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import orjson

from hub.check_log import Fault, Rules
from hub.reliability.evidence import Evidence, Taken


def line(subject: str, seq: int | None, t: float, *, ok: bool = True) -> bytes:
    row: dict[str, Any] = {"t": t, "system": "portal", "operation": "push", "id": f"{subject}{seq}"}
    row |= {"subject": subject, "seq": seq, "ok": ok, "body_sha256": f"{subject}{seq}"}
    return orjson.dumps(row) + b"\n"


def test_the_log_is_followed_as_it_grows_and_repetitions_count_once(tmp_path: Path) -> None:
    log = tmp_path / "calls.jsonl"
    log.write_bytes(line("A", 0, 1.0) + line("A", 1, 1.1, ok=False) + line("A", None, 1.2))
    taken = Taken(log)
    assert taken.read() == 1
    half = line("A", 1, 2.0)
    with log.open("ab") as file:
        file.write(half[:10])
    assert taken.read() == 1
    with log.open("ab") as file:
        file.write(half[10:] + line("A", 1, 3.0) + line("B", 0, 9.0))
    assert taken.read() == 3
    assert taken.of(["A"]) == 2


def test_the_longest_time_without_an_effect_is_measured(tmp_path: Path) -> None:
    log = tmp_path / "calls.jsonl"
    log.write_bytes(b"")
    taken = Taken(log)
    log.write_bytes(b"".join(line("A", seq, t) for seq, t in enumerate((10.0, 11.0, 15.5, 16.0))))
    taken.read()
    first = 10.0  # nothing was watched before it
    assert taken.longest_gap == first
    taken.watch()
    assert taken.longest_gap == 0


def test_a_run_s_evidence_is_judged_by_the_checker(tmp_path: Path) -> None:
    log = tmp_path / "calls.jsonl"
    log.write_bytes(line("other", 0, 0.5) + line("A", 0, 1.0) + line("A", 2, 2.0))
    evidence = Evidence(tmp_path / "run")
    evidence.sent([("A", 0), ("A", 1), ("A", 2), ("A", 3)])
    evidence.held([("A", 3, "parked")])
    taken = Taken(log)
    taken.copy(0, evidence)
    report = evidence.check(Rules())
    assert dict(report.faults) == {Fault.LOST: 1}
    assert report.violations[0].seq == 1
    assert evidence.sent_count == 4


def test_a_kill_excuses_the_partitions_that_its_worker_held(tmp_path: Path) -> None:
    log = tmp_path / "calls.jsonl"
    log.write_bytes(line("A", 0, 1.0) + line("B", 0, 1.0) + line("A", 0, 9.0) + line("B", 0, 9.0))
    evidence = Evidence(tmp_path / "run")
    evidence.sent([("A", 0), ("B", 0)])
    evidence.crashed(5.0, "worker-1", {1})
    Taken(log).copy(0, evidence)
    report = evidence.check(Rules(partition=lambda subject: 1 if subject == "A" else 2))
    assert [(v.fault, v.subject) for v in report.violations] == [(Fault.REPEATED, "B")]
