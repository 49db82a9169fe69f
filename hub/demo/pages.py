"""The pages that a run ends with, as plain text."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Sequence
from pathlib import Path

from hub.demo.checks import Checks, Row
from hub.demo.deployment import Deployment
from hub.demo.place import Place
from hub.demo.report import Report
from hub.demo.story import Told

TIMELINE = "in the timeline"
STATE = "/_control/state"
PRACTICE = "How to make a dossier stick on purpose, and repair it: docs/runbook/practice.md"


def report_page(report: Report, place: Place) -> str:
    """What the hub says about a place's period, and what it delivered."""
    tally, route, portal = report.tally, report.route, report.portal
    rows = [
        ("received", "đã tiếp nhận", f"{tally.received:,}"),
        ("solved", "đã giải quyết", f"{tally.solved:,}"),
        ("  early", "trước hạn", f"{tally.early:,}  ({report.early_share:.2%})"),
        ("  on time", "đúng hạn", f"{tally.on_time:,}"),
        ("  late", "quá hạn", f"{tally.late:,}"),
        ("open", "đang giải quyết", f"{tally.open:,}"),
    ]
    speed = route.delivered / report.play_seconds if report.play_seconds else 0.0
    return "\n".join(
        [
            "",
            f"{place.title}, {place.first_day:%d/%m/%Y} - {place.last_day:%d/%m/%Y},"
            " read back from the hub:",
            *(f"  {english:<10} {vietnamese:<16} {count}" for english, vietnamese, count in rows),
            "",
            "Messages, from the hub's timeline:",
            f"  national portal: {route.delivered:,} delivered, {route.retried:,} of them after"
            f" a retry, {route.parked:,} parked in between, {route.dead:,} dead",
            f"  the portal itself holds {portal.dossiers:,} dossiers, {portal.steps:,} steps,"
            " and counts the same figures"
            if not report.disagreements
            else "  the figures do not agree, see below",
            f"  {report.calls:,} calls of the one-stop product, all delivered after"
            f" {report.play_seconds:.1f} s ({speed:,.0f} messages/s)",
            *(line for each in report.beside for line in _checked(each)),
        ]
    )


def _checked(checks: Checks) -> list[str]:
    """Counts at the counterparts, then whether the hub's own agree; none if all are none."""
    if not any(found or wanted for _, found, wanted in checks.rows):
        return []
    kinds = [row for row in checks.rows if row[0].endswith(TIMELINE)]
    rows = [row for row in checks.rows if row not in kinds]
    return [
        "",
        f"{checks.title}, counted at the counterparts:",
        *(f"  {what:<40} {found:>10,}" for what, found, _ in rows),
        f"  and {len(kinds)} kinds of event in the hub's timeline, {_verdict(kinds)}",
    ]


def _verdict(kinds: Sequence[Row]) -> str:
    if all(found == wanted for _, found, wanted in kinds):
        return "each as often as it must be"
    return "some of them wrong, see below"


def story_page(told: Told) -> str:
    """What became of the dossier that went through every system."""
    kinds = [row for row in told.counts if row[0].endswith(TIMELINE)]
    rows = [row for row in told.counts if row not in kinds]
    return "\n".join(
        [
            "",
            f"One dossier through every system, {told.code}, counted at the counterparts:",
            *(f"  {what:<32} {found}" for what, found, _ in rows),
            f"  and {len(kinds)} kinds of event in the hub's timeline, {_verdict(kinds)}",
        ]
    )


def addresses_page(deployment: Deployment, code: str, practice: str) -> str:
    """Where everything is, and what to try; for a demo that is left running.

    Args:
        code: of the dossier that was shown.
        practice: of the one that nobody has sent yet; empty where the product is not there.
    """
    rows = [
        ("hub, for one-stop products", deployment.gateway_url),
        ("hub, health and metrics", f"{deployment.management_url}/readyz, /metrics"),
        ("national_portal, simulated", f"{deployment.portal_url}{STATE}"),
        *((f"{kind}, simulated", f"{deployment.url_of(kind)}{STATE}") for kind in deployment.ports),
        ("Kafka", f"{deployment.kafka}, topics {deployment.prefix}*"),
        ("PostgreSQL", f"database {deployment.name}"),
        ("settings and logs", str(deployment.folder)),
    ]
    known = {"HUB_CONFIG": str(deployment.config), "PORTAL": deployment.portal_url}
    if practice:
        known |= {"PRODUCT": deployment.url_of("one_stop"), "DOSSIER": practice}
    exported = " ".join(f"{name}={shlex.quote(value)}" for name, value in known.items())
    commands = shlex.quote(str(Path(sys.executable).parent))
    return "\n".join(
        [
            "",
            "All of it keeps running. Ctrl-C ends it.",
            *(f"  {what:<28} {where}" for what, where in rows),
            "Try in another terminal; the first line tells every command which hub is meant:",
            f"  export PATH={commands}:$PATH {exported}",
            f"  hub show dossier {code}",
            "  hub top",
            f"  curl -s $PORTAL/_control/dossiers/{code}",
            *([PRACTICE] if practice else []),
        ]
    )
