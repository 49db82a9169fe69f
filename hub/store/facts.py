"""Reading all that is known about one subject, for `hub show dossier`."""

from __future__ import annotations

from collections.abc import Sequence

from hub.held import HeldMessage
from hub.now import Beat, Facts
from hub.store.database import Store
from hub.store.held_view import HeldFilter, HeldView, WorkerReport
from hub.store.routes import controls
from hub.store.routes import windows as planned
from hub.store.timeline import Timeline


async def facts_about(store: Store, subject: str) -> Facts:
    """Timeline, standing, queues, controls and heartbeats, as they are now."""
    timeline, view = Timeline(store), HeldView(store)
    queues = await view.queues(HeldFilter(limit=1000), subject=subject)
    aside: dict[str, list[HeldMessage]] = {}
    for message in await view.aside(HeldFilter(limit=1000), subject=subject):
        aside.setdefault(message.route, []).append(message)
    windows: dict[str, list[int]] = {}
    for window in await planned(store):
        if window.is_open:
            windows.setdefault(window.route, []).append(window.id)
    return Facts(
        outcomes=[entry.outcome for entry in await timeline.of_subject(subject)],
        standing=await timeline.standing(subject),
        queues={queue.route: queue for queue in queues},
        aside=aside,
        controls=await controls(store),
        windows=windows,
        beats=beats_of(await view.workers()),
    )


def beats_of(reports: Sequence[WorkerReport]) -> dict[str, list[Beat]]:
    """What workers say, by route; the decode stage of a connector is `in.<connector>`."""
    beats: dict[str, list[Beat]] = {}
    for report in reports:
        for part in ("routes", "decode"):
            for route, status in dict(report.status.get(part) or {}).items():
                beats.setdefault(route, []).append(Beat(report.age_seconds, status))
    return beats
