"""Kinds that a destination cannot be told: what encoders say about every kind of event."""

from __future__ import annotations

from pathlib import Path

import pytest

from hub.connector import discover
from hub.event import KINDS
from hub.route import Route
from hub.settings import Finding, Level, look_at, read_block
from hub.settings.examples import example
from hub.settings.overlaps import never
from hub.settings.routes import standard_routes
from hub.settings.sayable import says
from tests.rules.tree import ROOT
from tests.settings.invented import invented

EXAMPLE = (ROOT / "hub.example.yaml").read_text(encoding="utf-8")


def looked(folder: Path, route: str) -> list[Finding]:
    """What is said about the example with one more route, in the last line."""
    file = folder / "hub.yaml"
    file.write_text(f"{EXAMPLE}  r: {route}\n", encoding="utf-8")
    return look_at(file, invented(EXAMPLE)).document.findings


@pytest.mark.parametrize(
    ("kinds", "when", "level"),
    [
        ("[petition.answered, slip.issued]", "", Level.ERROR),
        ("[petition.answered, slip.issued]", "data.code == 'a'", Level.ERROR),
        ("[petition.answered, 'slip.*']", "", Level.ERROR),
        ("[petition.answered, 'slip.*']", "data.code == 'a'", Level.WARNING),
    ],
)
def test_a_kind_that_the_destination_cannot_be_told_is_named(
    tmp_path: Path, kinds: str, when: str, level: Level
) -> None:
    route = f'{{paused: true, to: national_portal, kinds: {kinds}, when: "{when}"}}'
    findings = [each for each in looked(tmp_path, route) if each.path == "routes.r.kinds.1"]
    [finding] = findings
    assert finding.level is level
    assert "`national_portal` cannot be told `slip.issued`" in finding.what
    assert finding.line == EXAMPLE.count("\n") + 1
    assert finding.column == f"  r: {route}".index("slip" if "'slip" not in kinds else "'slip") + 1


def test_a_condition_may_leave_out_what_cannot_be_told(tmp_path: Path) -> None:
    when = "kind != 'slip.issued' && data.code == 'a'"
    route = f"{{to: national_portal, kinds: ['slip.*'], when: \"{when}\"}}"
    assert looked(tmp_path, route) == []


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("whole", [True, False])
def test_every_kind_has_an_example(kind: str, *, whole: bool) -> None:
    assert isinstance(example(KINDS[kind], whole=whole), KINDS[kind])


@pytest.mark.parametrize("route", standard_routes().values(), ids=lambda route: route.name)
def test_every_standard_route_takes_only_what_its_destination_can_be_told(route: Route) -> None:
    connector = discover()[route.to]
    file = ROOT / "hub" / "connectors" / route.to / "samples" / "settings.yaml"
    settings = read_block(file.read_text(encoding="utf-8"), str(file), connector.settings)
    kinds = [kind for kind in KINDS if route.takes(kind) and not never(kind, route.when)]
    assert [kind for kind in kinds if not says(connector, settings, kind)] == []
    assert not all(says(connector, settings, kind) for kind in KINDS)
