"""The report: every figure that differs is named, and nothing else."""

from __future__ import annotations

from dataclasses import replace

import pytest

from hub.demo import scenario
from hub.demo.pages import report_page
from hub.demo.place import PHUC_LOI
from hub.demo.report import PortalState, Report, disagreements
from hub.demo.scenario import Figures
from hub.store.figures import RouteFigures, Tally

WARD = scenario.invent(60)
FORMS, STEPS = WARD.messages_of
TALLY = Tally(received=60, solved=59, early=58, on_time=1, open=1)
ROUTE = RouteFigures(delivered=FORMS + STEPS, retried=0, parked=0, dead=0)
PORTAL = PortalState(
    figures=Figures(60, 59, 58, 1, 0, 1),
    dossiers=60,
    forms=FORMS,
    steps=STEPS,
    older_steps=0,
    statuses={"10": 59, "2": 1},
)


def differing(
    tally: Tally = TALLY,
    route: RouteFigures = ROUTE,
    portal: PortalState = PORTAL,
    *,
    repeats: bool = False,
) -> list[str]:
    return list(disagreements(WARD, tally, route, portal, repeats=repeats))


def test_nothing_differs_when_all_agree() -> None:
    assert differing() == []
    assert differing(repeats=True) == []


@pytest.mark.parametrize(
    ("found", "named"),
    [
        (differing(tally=replace(TALLY, early=57)), ["early, says the hub: 57, expected 58"]),
        (differing(tally=replace(TALLY, late=2)), ["late, says the hub: 2, expected 0"]),
        (differing(tally=replace(TALLY, paused=1)), ["paused, says the hub: 1, expected 0"]),
        (differing(tally=replace(TALLY, overdue=1)), ["overdue, says the hub: 1, expected 0"]),
        (
            differing(portal=replace(PORTAL, figures=Figures(60, 59, 57, 2, 0, 1))),
            ["early, says the portal: 57, expected 58", "on time, says the portal: 2, expected 1"],
        ),
        (
            differing(route=replace(ROUTE, delivered=1)),
            [f"messages delivered to the portal: 1, expected {FORMS + STEPS}"],
        ),
        (differing(route=replace(ROUTE, dead=3)), ["dead letters: 3, expected 0"]),
        (
            differing(portal=replace(PORTAL, dossiers=59)),
            ["dossiers at the portal: 59, expected 60"],
        ),
        (
            differing(portal=replace(PORTAL, older_steps=1)),
            ["steps that came too late: 1, expected 0"],
        ),
        (
            differing(portal=replace(PORTAL, steps=STEPS + 1)),
            [f"steps at the portal: {STEPS + 1}, expected {STEPS}"],
        ),
        (
            differing(portal=replace(PORTAL, forms=FORMS - 1), repeats=True),
            [f"whole dossiers taken by the portal: {FORMS - 1}, expected {FORMS}"],
        ),
        (
            differing(portal=replace(PORTAL, steps=STEPS - 1), repeats=True),
            [f"steps at the portal: {STEPS - 1}, expected {STEPS}"],
        ),
    ],
)
def test_a_figure_that_differs_is_named(found: list[str], named: list[str]) -> None:
    assert found == named


def test_what_was_sent_again_may_stand_twice_at_the_portal() -> None:
    portal = replace(PORTAL, forms=FORMS + 3, steps=STEPS + 5, older_steps=2)
    assert differing(portal=portal, repeats=True) == []


def test_the_portals_answers_are_read() -> None:
    state = {
        "dossiers": 60,
        "by_status": {"10": 59, "2": 1},
        "progress": STEPS,
        "older_rows": 0,
        "calls": {"DongBoHoSoMC taken": FORMS, "login taken": 1},
    }
    figures = {"received": 60, "solved": 59, "early": 58, "on_time": 1, "late": 0, "open": 1}
    assert PortalState.from_json(state, figures) == PORTAL


def test_the_page_shows_what_the_hub_counted() -> None:
    tally = Tally(received=2452, solved=2451, early=2390, on_time=61, open=1)
    route = RouteFigures(delivered=17_810, retried=12, parked=3, dead=0)
    page = report_page(Report(tally, route, PORTAL, 15_358, 20.0, ()), PHUC_LOI)
    for text in ("2,452", "2,451", "2,390  (97.51%)", "61", "17,810 delivered, 12 of them"):
        assert text in page
    assert "counts the same figures" in page
    page = report_page(
        Report(tally, route, PORTAL, 15_358, 20.0, ("late: 1, expected 0",)), PHUC_LOI
    )
    assert "same figures" not in page


def test_a_report_of_nothing_solved_has_no_share() -> None:
    report = Report(Tally(received=1, open=1), ROUTE, PORTAL, 2, 1.0, ())
    assert report.early_share == 0.0
    assert report.to_json()["early_share"] == 0.0
