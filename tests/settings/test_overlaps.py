"""Two routes that tell one destination the same: certain, possible, and excluded at a glance."""

from __future__ import annotations

from itertools import combinations
from pathlib import Path

import pytest

from hub.event import KINDS
from hub.settings import Finding, Level, look_at
from hub.settings.overlaps import never
from hub.settings.routes import standard_routes
from tests.settings.conftest import EAR, MINIMAL, STANDARD, TOY

TOP = MINIMAL.count("\n") + 1
HERE = 'source.startsWith("/connectors/a/")'


def looked(folder: Path, routes: str) -> list[Finding]:
    """Everything that is said about MINIMAL with these routes."""
    file = folder / "hub.yaml"
    file.write_text(f"{MINIMAL}routes:\n{routes}", encoding="utf-8")
    environ = {"PG": "postgresql://db.example/hub"}
    known = {"toy": TOY, "ear": EAR}
    return look_at(file, environ, connectors=known, routes=STANDARD).document.findings


EXCLUDED: list[tuple[str, str]] = [
    (HERE, f"!{HERE}"),
    (HERE, f"!({HERE})"),
    (f"({HERE}) && data.status == 'done'", f" !{HERE}"),
    ("data.unit == 'H1'", "data.unit == 'H2'"),
    ("'H1' == data.unit", 'data.unit=="H2" && data.code != ""'),
    ("data.unit in ['H1', 'H2']", "data.unit == 'H3'"),
    ("data.unit in ['H1', 'H2']", "!(data.unit in ['H2', 'H1', 'H3'])"),
    ("data.unit == 'H1'", "data.unit != 'H1'"),
    ("data.dossier == null", "data.dossier != null"),
    ("unit.startsWith('H1.')", "unit.startsWith('H2.')"),
    ("unit.startsWith('H1.2')", "!unit.startsWith('H1.')"),
    ("unit == 'H1.2'", "!unit.startsWith('H1.')"),
    ("unit == 'H1' || unit == 'H2'", "unit == 'H3'"),
    ("kind != 'dossier.received'", ""),
    ("kind == 'dossier.finished' || unit == 'H1'", "unit == 'H2'"),
]

POSSIBLE: list[tuple[str, str]] = [
    ("", ""),
    (HERE, ""),
    (HERE, "data.unit == 'H1'"),
    ("data.unit == 'H1'", "data.code == 'H2'"),
    ("data.unit in ['H1', 'H2']", "data.unit == 'H2'"),
    ("unit.startsWith('H1')", "unit.startsWith('H1.')"),
    ("unit.startsWith('H1.')", "!unit.startsWith('H1.2')"),
    ("data.unit != 'H1'", "data.unit != 'H2'"),
    ("data.unit == 'H1' || data.code == 'a'", "data.unit == 'H2'"),
    ("data.code != 'a' || data.unit == 'b'", "data.code == 'a' || data.unit == 'b'"),
    ("!(data.code != 'a' || data.unit == 'b')", "!(data.unit == 'b' || data.code == 'a')"),
    ("data.unit == 'H1' ? true : data.code == 'a'", "data.unit == 'H2' && data.code == 'a'"),
    ("data.code == 'a' && kind == 'dossier.received'", "kind.startsWith('dossier.')"),
]


@pytest.mark.parametrize(("one", "other"), EXCLUDED)
def test_conditions_that_exclude_each_other_are_seen(one: str, other: str) -> None:
    assert never("dossier.received", one, other)
    assert never("dossier.received", other, one)


@pytest.mark.parametrize(("one", "other"), POSSIBLE)
def test_conditions_that_may_both_be_true_are_not_taken_for_others(one: str, other: str) -> None:
    assert not never("dossier.received", one, other)
    assert not never("dossier.received", other, one)


@pytest.mark.parametrize(
    ("routes", "level", "what"),
    [
        ("  r: {to: toy, kinds: [dossier.received]}\n", Level.ERROR, "already"),
        ("  r: {to: toy, kinds: ['*'], when: data.unit == 'H'}\n", Level.ERROR, "already"),
        ("  r: {to: toy, kinds: [dossier.*], paused: true}\n", Level.WARNING, "once both run"),
    ],
    ids=["bare", "everything", "paused"],
)
def test_a_second_route_beside_the_standard_one_is_told(
    tmp_path: Path, routes: str, level: Level, what: str
) -> None:
    [finding] = looked(tmp_path, routes)
    assert (finding.line, finding.column, finding.path) == (TOP + 1, 3, "routes.r")
    assert finding.level is level
    assert "`toy` is told" in finding.what
    assert "`dossier.received`" in finding.what
    assert "by `dossiers-to-toy`" in finding.what
    assert what in finding.what
    assert "`routes: {dossiers-to-toy: …}`" in finding.todo


def test_two_conditions_that_may_both_be_true_are_a_warning(tmp_path: Path) -> None:
    routes = (
        "  dossiers-to-toy: {when: unit == 'H1'}\n"
        "  r: {to: toy, kinds: [dossier.received], when: data.code == 'a'}\n"
    )
    [finding] = looked(tmp_path, routes)
    assert finding.level is Level.WARNING
    assert "where both conditions are true" in finding.what
    assert ": warning: routes.r: " in str(finding)
    same = routes.replace("unit == 'H1'", "data.code == 'a'")
    assert [each.level for each in looked(tmp_path, same)] == [Level.ERROR]


@pytest.mark.parametrize(
    "routes",
    [
        "  r: {to: toy, kinds: [petition.*]}\n",
        "  dossiers-to-toy: {when: unit == 'H1'}\n"
        "  r: {to: toy, kinds: [dossier.*], when: unit != 'H1'}\n",
        "  dossiers-to-toy: {when: kind != 'dossier.received'}\n"
        "  r: {to: toy, kinds: [dossier.received]}\n",
        "  dossiers-to-toy: {kinds: [dossier.finished]}\n"
        "  r: {to: toy, kinds: [dossier.received]}\n",
    ],
    ids=["other kinds", "conditions", "kinds by condition", "kinds"],
)
def test_routes_that_share_nothing_stand_side_by_side(tmp_path: Path, routes: str) -> None:
    assert looked(tmp_path, routes) == []


def test_a_route_with_a_fault_is_not_compared(tmp_path: Path) -> None:
    [finding] = looked(tmp_path, "  r: {to: toy, kinds: [dossier.*], when: data.unitt == ''}\n")
    assert finding.path == "routes.r.when"


def test_no_two_standard_routes_tell_the_same() -> None:
    for one, other in combinations(standard_routes().values(), 2):
        shared = [kind for kind in KINDS if one.takes(kind) and other.takes(kind)]
        twice = [kind for kind in shared if not never(kind, one.when, other.when)]
        assert one.to != other.to or twice == [], f"{one.name} and {other.name}"
