"""Names in a connector's block that another part of hub.yaml must have."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from hub.settings import Finding, Level, look_at
from tests.settings.conftest import EAR, MINIMAL, STANDARD, TOY

TOP = MINIMAL.count("\n") + 1


def looked(folder: Path, text: str, environ: Mapping[str, str] | None = None) -> list[Finding]:
    """Everything that is said about MINIMAL with more keys of its toy."""
    file = folder / "hub.yaml"
    file.write_text(MINIMAL + text, encoding="utf-8")
    given = {"PG": "postgresql://db.example/hub", **(environ or {})}
    known = {"toy": TOY, "ear": EAR}
    return look_at(file, given, connectors=known, routes=STANDARD).document.findings


def test_an_instance_that_is_asked_must_be_there(tmp_path: Path) -> None:
    [finding] = looked(tmp_path, "    asks: eer\n  ear: {}\n")
    assert (finding.line, finding.column) == (TOP, 11)
    assert finding.path == "connectors.toy.asks"
    assert finding.what == "no connector instance is called `eer`"
    assert finding.nearest == "ear"
    assert finding.level is Level.ERROR
    assert looked(tmp_path, "    asks: ear\n  ear: {}\n") == []


def test_a_reference_that_is_not_set_has_no_second_fault(tmp_path: Path) -> None:
    [finding] = looked(tmp_path, "    asks: ${env:NOBODY}\n")
    assert "NOBODY is not set" in finding.what


def test_a_unit_that_is_not_listed_is_a_warning(tmp_path: Path) -> None:
    text = "    shelves:\n      H1.3: left\nunits: {H1.2: {name: A}}\n"
    [finding] = looked(tmp_path, text)
    assert (finding.line, finding.column) == (TOP + 1, 7)
    assert finding.path == "connectors.toy.shelves.H1.3"
    assert finding.what == "no unit has the id `H1.3`"
    assert finding.nearest == "H1.2"
    assert finding.level is Level.WARNING


@pytest.mark.parametrize("unit", ["H1.2", "H1"])
def test_a_unit_that_is_listed_or_above_one_is_right(tmp_path: Path, unit: str) -> None:
    text = f"    shelves: {{{unit}: left}}\nunits: {{H1.2: {{name: A}}}}\n"
    assert looked(tmp_path, text) == []


def test_where_no_units_are_listed_none_is_missed(tmp_path: Path) -> None:
    assert looked(tmp_path, "    shelves: {H1: left}\n") == []
