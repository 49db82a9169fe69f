"""What a run came to: read back from the hub, held against the scenario and the portal.

Nothing here is printed from the generator: it only says what must come out.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from hub.demo.checks import Checks
from hub.demo.scenario import Figures, Scenario
from hub.store.figures import RouteFigures, Tally


@dataclass(frozen=True, slots=True)
class PortalState:
    """What the portal's simulator holds.

    Attributes:
        figures: its own, by its own count.
        dossiers: how many it knows.
        forms, steps: how often it took a whole dossier, and how many steps it keeps.
        older_steps: steps that came after a newer one of their dossier.
        statuses: dossiers by the last status that a form told.
    """

    figures: Figures
    dossiers: int
    forms: int
    steps: int
    older_steps: int
    statuses: Mapping[str, int]

    @classmethod
    def from_json(cls, state: Mapping[str, Any], figures: Mapping[str, int]) -> PortalState:
        """From its answers at `/_control/state` and `/_control/figures`.

        Raises:
            KeyError, TypeError: they are not of that form.
        """
        return cls(
            figures=Figures(**figures),
            dossiers=state["dossiers"],
            forms=state["calls"].get("DongBoHoSoMC taken", 0),
            steps=state["progress"],
            older_steps=state["older_rows"],
            statuses=state["by_status"],
        )


@dataclass(frozen=True, slots=True)
class Report:
    """What the hub says about a run, and whether all agree.

    Attributes:
        tally: dossiers, of the hub's standings.
        route: messages to the portal, of the hub's timeline.
        portal: what the portal holds.
        calls: calls that the one-stop product made.
        play_seconds: from the first call until everything was delivered.
        disagreements: one sentence for each figure that differs; empty is success.
        beside: what was counted at the counterparts beside the portal.
    """

    tally: Tally
    route: RouteFigures
    portal: PortalState
    calls: int
    play_seconds: float
    disagreements: tuple[str, ...]
    beside: tuple[Checks, ...] = ()

    @property
    def early_share(self) -> float:
        """Early ones of the solved, from 0 to 1."""
        return self.tally.early / self.tally.solved if self.tally.solved else 0.0

    def to_json(self) -> dict[str, Any]:
        """Everything, for `hub demo --json`."""
        return {
            "dossiers": asdict(self.tally),
            "early_share": round(self.early_share, 4),
            "national_portal": {**asdict(self.route), "holds": asdict(self.portal)},
            "calls": self.calls,
            "play_seconds": round(self.play_seconds, 1),
            "counterparts": {each.title: each.to_json() for each in self.beside},
            "disagreements": list(self.disagreements),
        }


def figures_of(tally: Tally) -> Figures:
    """The hub's tally in the words of the scenario."""
    names = ("received", "solved", "early", "on_time", "late", "open")
    return Figures(**{name: getattr(tally, name) for name in names})


def disagreements(
    scenario: Scenario, tally: Tally, route: RouteFigures, portal: PortalState, *, repeats: bool
) -> Iterator[str]:
    """Every figure in which hub, portal and scenario differ.

    With `repeats` (under faults, or if the hub was interrupted) the portal may hold a step twice:
    it took one and its answer was lost, so it was sent again, and the first of the second time
    comes after a newer one.
    """
    expected = asdict(scenario.expected)
    for who, found in (("the hub", figures_of(tally)), ("the portal", portal.figures)):
        for name, count in asdict(found).items():
            yield from _differ(f"{name.replace('_', ' ')}, says {who}", count, expected[name])
    for name in ("carried_over", "overdue", "paused", "withdrawn", "not_accepted"):
        yield from _differ(f"{name.replace('_', ' ')}, says the hub", getattr(tally, name), 0)
    yield from _differ("dossiers at the portal", portal.dossiers, len(scenario.dossiers))
    yield from _differ("messages delivered to the portal", route.delivered, scenario.messages)
    yield from _differ("dead letters", route.dead, 0)
    forms, steps = scenario.messages_of
    if repeats:
        if portal.forms < forms:
            yield from _differ("whole dossiers taken by the portal", portal.forms, forms)
        if portal.steps < steps:
            yield from _differ("steps at the portal", portal.steps, steps)
    else:
        yield from _differ("whole dossiers taken by the portal", portal.forms, forms)
        yield from _differ("steps at the portal", portal.steps, steps)
        yield from _differ("steps that came too late", portal.older_steps, 0)


def _differ(what: str, found: int, expected: int) -> Iterator[str]:
    if found != expected:
        yield f"{what}: {found:,}, expected {expected:,}"
