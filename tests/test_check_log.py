"""The offline checker finds what must not happen, names its row, and accuses nobody else."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from pathlib import Path

import pytest
import typer
from hypothesis import assume, given
from hypothesis import strategies as st
from typer.testing import CliRunner

from hub.check_log import Checker, Crashes, Fault, Held, Report, Row, Rules, Sent, read_effects
from hub.commands.check_log import check_log
from hub.errors import ConfigError

A, B, C = 1, 2, 3
KILL = "kill"


def row(
    seq: int | None, *, ok: bool = True, subject: str = "S", t: float = 0.0, **other: str
) -> Row:
    """A row whose key and body follow from its message, as the hub makes them."""
    operation = other.get("operation", "push")
    key = other.get("id", f"{subject}/{seq}/{operation}")
    body = other.get("body_sha256", f"body of {subject}/{seq}")
    return Row(0.0, other.get("system", "portal"), operation, key, subject, seq, ok, body, "")


def no(seq: int, subject: str = "S") -> Row:
    """A refused attempt."""
    return row(seq, ok=False, subject=subject)


Event = Row | str


def check(
    events: Sequence[Event],
    *,
    sent: Sequence[int] = (A, B, C),
    held: Sequence[tuple[str, str, int, str]] = (),
    rules: Rules | None = None,
    together: bool = False,
) -> Report:
    """Check rows and kills, one a second (or all at once), of subject S unless rows say more."""
    rows, kills = [], []
    for second, event in enumerate(events, 1):
        t = 1.0 if together else float(second)
        if isinstance(event, str):
            kills.append((t, None))
        else:
            rows.append(event._replace(t=t, where=f"effects.jsonl:{second}"))
    rules = rules or Rules(grace_seconds=0)
    checker = Checker(Sent(("S", seq) for seq in sent), Held(held), Crashes(kills), rules)
    return checker.check(rows)


def faults(report: Report) -> list[tuple[Fault, int | None, str]]:
    return [(v.fault, v.seq, v.where.partition(":")[2]) for v in report.violations]


CLEAN: dict[str, Sequence[Event]] = {
    "in order": [row(A), row(B), row(C)],
    "tried again until taken": [no(A), no(A), row(A), row(B), no(C), row(C)],
    "rerun of a suffix after a kill": [row(A), row(B), KILL, row(A), row(B), row(C)],
    "rerun of the newest after a kill": [row(A), row(B), KILL, row(B), row(C)],
    "rerun interrupted by a kill": [row(A), row(B), KILL, row(A), KILL, row(A), row(B), row(C)],
    "rerun that fails at first": [row(A), row(B), KILL, no(A), row(A), row(B), row(C)],
    "rerun refused together, taken one by one": [
        *(row(A), row(B), row(C), KILL, no(A), no(B), no(C)),
        *(row(A), no(B), row(B), row(C)),
    ],
    "rerun refused together with a new one": [
        *(row(A), row(B), KILL, no(A), no(B), no(C)),
        *(row(A), row(B), row(C)),
    ],
    "rerun answered as duplicate": [row(A), row(B), KILL, no(A), no(B), row(C)],
    "two steps of one message": [
        *(row(A), row(A, operation="attach"), row(B), KILL),
        *(row(A), row(A, operation="attach"), row(B), row(C)),
    ],
    "calls without a seq": [row(None, operation="login"), row(A), row(B), row(None), row(C)],
}


@pytest.mark.parametrize("events", CLEAN.values(), ids=CLEAN.keys())
def test_a_clean_log_passes(events: Sequence[Event]) -> None:
    report = check(events)
    assert not report.violations
    assert report.clean


BROKEN: dict[str, tuple[Sequence[Event], tuple[Fault, int | None, str]]] = {
    "one lost": ([row(A), row(C)], (Fault.LOST, B, "")),
    "the last lost": ([row(A), row(B)], (Fault.LOST, C, "")),
    "two swapped": ([row(A), row(C), row(B)], (Fault.ORDER, B, "3")),
    "one doubled": ([row(A), row(B), row(B), row(C)], (Fault.REPEATED, B, "3")),
    "the last doubled": ([row(A), row(B), row(C), row(C)], (Fault.REPEATED, C, "4")),
    "one overtaken": ([no(A), no(B), row(A), row(B), row(C)], (Fault.OVERTAKEN, B, "2")),
    "an older after a newer": ([row(A), row(B), row(A), row(C)], (Fault.REGRESS, A, "3")),
    "a step of an older after a newer": (
        [row(A), row(B), row(A, operation="attach"), row(C)],
        (Fault.REGRESS, A, "3"),
    ),
    "a kill excuses one rerun only": (
        [row(A), row(B), KILL, row(A), row(B), row(A), row(B), row(C)],
        (Fault.REGRESS, A, "6"),
    ),
    "a refusal excuses no second rerun": (
        [row(A), row(B), KILL, no(A), row(A), row(B), row(A), row(C)],
        (Fault.REGRESS, A, "7"),
    ),
    "a kill excuses nothing that came after it": (
        [row(A), KILL, row(B), row(B), row(C)],
        (Fault.REPEATED, B, "4"),
    ),
    "a hole in a rerun": (
        [row(A), row(B), row(C), KILL, row(A), row(C)],
        (Fault.GAP, C, "6"),
    ),
    "a rerun broken off": ([row(A), row(B), KILL, row(A), row(C)], (Fault.GAP, C, "5")),
    "another key": (
        [row(A), row(B), KILL, row(B, id="new"), row(C)],
        (Fault.KEY, B, "4"),
    ),
    "another body": (
        [row(A), row(B), KILL, row(B, body_sha256="new"), row(C)],
        (Fault.BODY, B, "4"),
    ),
    "what nobody sent": ([row(A), row(B), row(C), row(4)], (Fault.STRAY, 4, "4")),
}


@pytest.mark.parametrize(("events", "expected"), BROKEN.values(), ids=BROKEN.keys())
def test_a_broken_log_fails_with_the_name_of_its_row(
    events: Sequence[Event], expected: tuple[Fault, int | None, str]
) -> None:
    report = check(events)
    assert expected in faults(report)
    assert report.faults[expected[0]] == 1
    assert not report.clean


def test_nothing_taken_at_all_is_all_lost() -> None:
    assert check([]).faults == {Fault.LOST: 3}


def test_a_system_that_was_never_reached_has_lost_everything() -> None:
    rules = Rules(systems=("portal", "ministry"))
    report = check([row(A), row(B), row(C)], rules=rules)
    assert {(v.system, v.fault) for v in report.violations} == {("ministry", Fault.LOST)}
    assert report.faults[Fault.LOST] == 3


def test_each_system_has_its_own_order() -> None:
    events = [row(seq, system=name) for seq in (A, B, C) for name in ("portal", "ministry")]
    assert check(events).clean
    assert not check(events[:-1]).clean


def test_a_dead_message_is_not_lost_and_may_be_passed() -> None:
    events: list[Event] = [row(A), no(B), no(C), row(C)]
    assert check(events, held=[("", "S", B, "dead")]).clean
    assert check(events, held=[("portal", "S", B, "dead")]).clean
    assert not check(events, held=[("ministry", "S", B, "dead")]).clean


def test_a_dead_message_that_is_replayed_later_is_no_disorder() -> None:
    assert check([row(A), row(C), row(B)], held=[("", "S", B, "dead")]).clean


def test_a_parked_message_is_not_lost_but_nobody_passes_it() -> None:
    held = [("", "S", seq, "parked") for seq in (B, C)]
    assert check([row(A), no(B)], held=held).clean
    passed = check([row(A), no(B), row(C)], held=held[:1])
    assert faults(passed) == [(Fault.ORDER, C, "3")]


def test_items_of_one_refused_call_do_not_overtake_each_other() -> None:
    assert check([no(A), no(B), no(C)], together=True).faults == {Fault.LOST: 3}
    assert check([no(A), no(C)], together=True).faults[Fault.OVERTAKEN] == 1


def test_a_dangerous_effect_happens_once_whatever_was_killed() -> None:
    rules = Rules(grace_seconds=0, dangerous=frozenset({"pay"}))
    twice = check(
        [row(A, operation="pay"), KILL, row(A, operation="pay"), row(B), row(C)], rules=rules
    )
    assert faults(twice) == [(Fault.TWICE, A, "3")]


def test_a_rerun_passes_dangerous_effects_silently() -> None:
    rules = Rules(grace_seconds=0, dangerous=frozenset({"pay"}))
    events: list[Event] = [row(A), row(B, operation="pay"), row(C), KILL, row(A), row(C)]
    assert check(events, rules=rules).clean
    assert check(events).faults == {Fault.GAP: 1}


def test_more_repetitions_than_the_window_are_found() -> None:
    events: list[Event] = [row(A), row(B), KILL, row(A), row(B), row(C)]
    assert check(events, rules=Rules(window_count=2, grace_seconds=0)).clean
    over = check(events, rules=Rules(window_count=1, grace_seconds=0))
    assert faults(over) == [(Fault.BOUND, B, "5")]


def test_a_kill_of_another_partition_excuses_nothing() -> None:
    rows = [row(A)._replace(t=1.0), row(A)._replace(t=3.0)]
    for partition, clean in ((7, True), (8, False)):
        rules = Rules(grace_seconds=0, partition=lambda _: 7)
        checker = Checker(Sent([("S", A)]), Held(), Crashes([(2.0, partition)]), rules)
        assert checker.check(rows).clean is clean


def test_an_effect_still_on_the_wire_at_the_kill_may_be_rerun() -> None:
    events: list[Event] = [row(A), KILL, row(B), row(B), row(C)]
    assert check(events, rules=Rules(grace_seconds=1.5)).clean
    assert not check(events, rules=Rules(grace_seconds=0.5)).clean


def test_a_lost_answer_excuses_the_newest_call_only() -> None:
    rules = Rules(grace_seconds=0, lost_answers=True)
    assert check([row(A), row(A), row(A), row(B), row(B), row(C)], rules=rules).clean
    older = check([row(A), row(B), row(A), row(C)], rules=rules)
    assert faults(older) == [(Fault.REGRESS, A, "3")]
    other_key = check([row(A), row(A, id="new"), row(B), row(C)], rules=rules)
    assert faults(other_key) == [(Fault.KEY, A, "2")]


def test_the_newest_call_is_all_that_went_together_repetitions_included() -> None:
    calls = {1.0: (A,), 2.0: (A, B), 3.0: (A, B, C)}
    rows = [row(seq)._replace(t=t) for t, seqs in calls.items() for seq in seqs]
    rules = Rules(grace_seconds=0, lost_answers=True)
    sent = Sent(("S", seq) for seq in (A, B, C))
    assert Checker(sent, Held(), Crashes(), rules).check(rows).clean


def test_many_violations_are_counted_and_the_first_are_kept() -> None:
    report = check([row(seq) for seq in range(2, 101, 2)], sent=range(1, 101))
    assert report.faults[Fault.LOST] == 50
    assert [v.seq for v in report.violations] == list(range(1, 40, 2))


# Any single mutation of a clean log is found.


@st.composite
def clean_logs(draw: st.DrawFn) -> list[Event]:
    """Subjects interleaved at will, refusals, kills, and reruns of a suffix after them."""
    left = {subject: list(range(1, draw(st.integers(3, 6)) + 1)) for subject in "XYZ"}
    done: dict[str, list[int]] = {subject: [] for subject in left}
    events: list[Event] = []
    while any(left.values()):
        subject = draw(st.sampled_from([s for s, seqs in left.items() if seqs]))
        act = draw(st.sampled_from(["take", "take", "take", "refuse", "kill"]))
        if act == "kill":
            events.append(KILL)
            for other, seqs in done.items():
                again = draw(st.integers(0, len(seqs)))
                events += [row(seq, subject=other) for seq in seqs[len(seqs) - again :]]
        elif act == "refuse":
            events.append(no(left[subject][0], subject=subject))
        else:
            done[subject].append(left[subject].pop(0))
            events.append(row(done[subject][-1], subject=subject))
    return events


def _check(events: Sequence[Event], sent: Sequence[Event]) -> Report:
    pairs = sorted({(e.subject, e.seq) for e in sent if isinstance(e, Row) and e.seq is not None})
    rows = [e._replace(t=float(i)) for i, e in enumerate(events) if isinstance(e, Row)]
    kills = [(float(i), None) for i, e in enumerate(events) if isinstance(e, str)]
    rules = Rules(grace_seconds=0)
    return Checker(Sent(pairs), Held(), Crashes(kills), rules).check(rows)


def _firsts(events: Sequence[Event], subject: str) -> list[int]:
    """Where the first effects of a subject stand."""
    seen: set[int | None] = set()
    found = []
    for at, event in enumerate(events):
        if isinstance(event, Row) and event.ok and event.subject == subject:
            if event.seq not in seen:
                found.append(at)
            seen.add(event.seq)
    return found


def _reruns(events: Sequence[Event]) -> list[int]:
    first = {at for subject in "XYZ" for at in _firsts(events, subject)}
    return [at for at, e in enumerate(events) if isinstance(e, Row) and e.ok and at not in first]


@given(clean_logs())
def test_any_clean_log_passes(events: list[Event]) -> None:
    assert _check(events, events).violations == []


@given(clean_logs(), st.data())
def test_any_lost_effect_is_found(events: list[Event], data: st.DataObject) -> None:
    lost = data.draw(st.sampled_from([e for e in events if isinstance(e, Row) and e.ok]))
    left = [e for e in events if isinstance(e, str) or not e.ok or e != lost]
    report = _check(left, events)
    assert (Fault.LOST, lost.subject, lost.seq) in [
        (v.fault, v.subject, v.seq) for v in report.violations
    ]


@given(clean_logs(), st.data())
def test_any_two_swapped_effects_are_found(events: list[Event], data: st.DataObject) -> None:
    firsts = _firsts(events, data.draw(st.sampled_from("XYZ")))
    n = data.draw(st.integers(0, len(firsts) - 2))
    one, other = firsts[n], firsts[n + 1]
    swapped = list(events)
    swapped[one], swapped[other] = events[other], events[one]
    assert _check(swapped, events).faults[Fault.ORDER]


@given(clean_logs(), st.data())
def test_any_doubled_effect_is_found(events: list[Event], data: st.DataObject) -> None:
    at = data.draw(
        st.sampled_from([n for n, e in enumerate(events) if isinstance(e, Row) and e.ok])
    )
    doubled = [*events[: at + 1], events[at], *events[at + 1 :]]
    assert not _check(doubled, events).clean


@given(clean_logs(), st.data())
def test_any_overtaken_attempt_is_found(events: list[Event], data: st.DataObject) -> None:
    firsts = _firsts(events, data.draw(st.sampled_from("XYZ")))
    n = data.draw(st.integers(0, len(firsts) - 2))
    later = events[firsts[n + 1]]
    assert isinstance(later, Row)
    refused = later._replace(ok=False)
    assert _check([*events[: firsts[n]], refused, *events[firsts[n] :]], events).faults[
        Fault.OVERTAKEN
    ]


@given(clean_logs(), st.data())
def test_any_regress_is_found(events: list[Event], data: st.DataObject) -> None:
    firsts = _firsts(events, data.draw(st.sampled_from("XYZ")))
    n = data.draw(st.integers(1, len(firsts) - 1))
    older = events[firsts[data.draw(st.integers(0, n - 1))]]
    report = _check([*events[: firsts[n] + 1], older, *events[firsts[n] + 1 :]], events)
    assert report.faults[Fault.REGRESS]


@given(clean_logs(), st.data())
@pytest.mark.parametrize(("name", "fault"), [("id", Fault.KEY), ("body_sha256", Fault.BODY)])
def test_any_changed_repetition_is_found(
    name: str, fault: Fault, events: list[Event], data: st.DataObject
) -> None:
    reruns = _reruns(events)
    assume(reruns)
    at = data.draw(st.sampled_from(reruns))
    original = events[at]
    assert isinstance(original, Row)
    changed = Row(**(original._asdict() | {name: "changed"}))
    assert _check([*events[:at], changed, *events[at + 1 :]], events).faults == {fault: 1}


# Files and the command.


def _write(path: Path, rows: Sequence[object]) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def _effects(*seqs: int, system: str = "portal", start: float = 1.0) -> list[dict[str, object]]:
    return [
        {
            "t": start + n,
            "system": system,
            "operation": "push",
            "id": f"key {seq}",
            "subject": "S",
            "seq": seq,
            "ok": True,
            "body_sha256": f"body {seq}",
        }
        for n, seq in enumerate(seqs)
    ]


def _run(folder: Path, effects: Sequence[object], *more: str) -> tuple[int, str]:
    sent = _write(folder / "sent.jsonl", [{"subject": "S", "seq": n} for n in (A, B, C)])
    log = _write(folder / "effects.jsonl", effects)
    app = typer.Typer()
    app.command()(check_log)
    done = CliRunner().invoke(app, ["--sent", str(sent), "--effects", str(log), *more])
    return done.exit_code, done.output


def test_the_command_ends_with_0_and_prints_counts_seed_and_commit(tmp_path: Path) -> None:
    code, output = _run(tmp_path, _effects(A, B, C), "--seed", "7", "--commit", "abc123")
    assert code == 0
    assert "3 taken" in output
    assert "clean" in output
    assert output.split()[:4] == ["seed", "7", "commit", "abc123"]


def test_the_command_ends_with_1_and_names_the_offending_row(tmp_path: Path) -> None:
    code, output = _run(tmp_path, _effects(A, C, B))
    assert code == 1
    assert "order: effects.jsonl:3: portal S seq 2" in output


def test_the_command_prints_json_that_says_the_same(tmp_path: Path) -> None:
    code, output = _run(tmp_path, _effects(A, B), "--json", "--seed", "7")
    report = json.loads(output)
    assert code == 1
    assert report["faults"] == {"lost": 1}
    assert report["seed"] == "7"
    assert report["violations"][0] | {"text": ""} == {
        "fault": "lost",
        "system": "portal",
        "subject": "S",
        "seq": 3,
        "where": "",
        "text": "",
    }


def test_the_command_reads_dead_letters_and_kills(tmp_path: Path) -> None:
    dead = _write(tmp_path / "dead.jsonl", [{"subject": "S", "seq": C, "state": "parked"}])
    kills = _write(tmp_path / "kills.jsonl", [{"t": 2.5, "worker": "w1"}])
    effects = [*_effects(A, B), *_effects(A, B, start=3.0)]
    more = ("--dead", str(dead), "--crashes", str(kills), "--window", "2", "--partitions", "12")
    assert _run(tmp_path, effects, *more)[0] == 0
    assert _run(tmp_path, effects, *more, "--window", "1")[0] == 1
    assert _run(tmp_path, effects)[0] == 1


def test_several_logs_of_one_system_are_merged_by_time(tmp_path: Path) -> None:
    one = _write(tmp_path / "one.jsonl", _effects(A) + _effects(C, start=3.0))
    other = _write(tmp_path / "other.jsonl", _effects(B, start=2.0))
    rows = list(read_effects([one, other]))
    assert [(r.seq, r.where) for r in rows] == [
        (A, "one.jsonl:1"),
        (B, "other.jsonl:1"),
        (C, "one.jsonl:2"),
    ]


@pytest.mark.parametrize(
    "line",
    ["{", "[]", '{"subject": "S"}', json.dumps({**_effects(A)[0], "ok": 1})],
)
def test_a_line_of_another_form_is_named_not_passed_over(tmp_path: Path, line: str) -> None:
    log = tmp_path / "effects.jsonl"
    log.write_text(json.dumps(_effects(A)[0]) + "\n" + line + "\n")
    with pytest.raises(ConfigError, match=r"effects\.jsonl:2"):
        list(read_effects([log]))


def test_the_command_ends_with_2_for_files_that_cannot_be_read(tmp_path: Path) -> None:
    assert _run(tmp_path, _effects(A, B, C), "--dead", str(tmp_path / "missing"))[0] == 2
    kills = _write(tmp_path / "kills.jsonl", [{"t": "noon"}])
    assert _run(tmp_path, _effects(A, B, C), "--crashes", str(kills))[0] == 2


def test_a_sequence_number_that_does_not_rise_is_refused() -> None:
    with pytest.raises(ConfigError, match="does not rise"):
        Sent([("S", 2), ("S", 2)])


def test_sequence_numbers_may_have_holes() -> None:
    assert check([row(2), row(5), row(90)], sent=(2, 5, 90)).clean
    assert check([row(2), row(90), row(5)], sent=(2, 5, 90)).faults == {Fault.ORDER: 1}


@pytest.mark.parametrize("subjects_count", [1, 10_000])
@pytest.mark.parametrize("lost", [False, True])
def test_the_work_grows_with_the_rows_whatever_is_wrong(subjects_count: int, lost: bool) -> None:
    subjects = [f"S{n}" for n in range(subjects_count)]
    seqs = range(50_000 // subjects_count)
    sent = Sent((subject, seq) for seq in seqs for subject in subjects)
    rows = [row(seq, subject=subject) for seq in seqs[lost:] for subject in subjects]
    began = time.process_time()
    report = Checker(sent, Held(), Crashes(), Rules()).check(rows)
    assert time.process_time() - began < 5  # ten times what it takes
    assert report.faults == ({Fault.LOST: subjects_count} if lost else {})
