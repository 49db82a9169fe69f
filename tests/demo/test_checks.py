"""Checks: what differs is named; a count that still moves is waited for."""

from __future__ import annotations

import pytest

from hub.demo import checks
from hub.demo.checks import Checks, settled
from hub.demo.pages import report_page
from hub.demo.place import PHUC_LOI
from hub.demo.report import Report
from tests.demo.test_report import PORTAL, ROUTE, TALLY


def counted(found: int, wanted: int = 3) -> Checks:
    return Checks("Payments", (("paid", found, wanted), ("x in the timeline", wanted, wanted)))


def test_what_differs_is_named() -> None:
    assert [*counted(3).disagreements()] == []
    assert [*counted(4).disagreements()] == ["paid: 4, expected 3"]
    assert counted(4).to_json()["paid"] == {"found": 4, "expected": 3}


async def test_what_still_moves_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checks, "LOOK_SECONDS", 0)
    steps = iter([0, 1, 2, 3])

    async def look() -> Checks:
        return counted(next(steps))

    assert [*(await settled(look, lambda: None)).disagreements()] == []


async def test_what_stands_still_is_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checks, "LOOK_SECONDS", 0)
    monkeypatch.setattr(checks, "STILL_SECONDS", 0.02)

    async def look() -> Checks:
        return counted(2)

    assert [*(await settled(look, lambda: None)).disagreements()] == ["paid: 2, expected 3"]


def test_the_page_shows_them_unless_there_is_nothing() -> None:
    def page(*beside: Checks) -> str:
        return report_page(Report(TALLY, ROUTE, PORTAL, 5, 1.0, (), beside), PHUC_LOI)

    assert "Payments, counted at the counterparts:" in page(counted(3))
    assert "1 kinds of event in the hub's timeline, each as often" in page(counted(3))
    assert "Payments" not in page(counted(0, wanted=0))
