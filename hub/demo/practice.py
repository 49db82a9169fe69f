"""Practice: a dossier that nobody has sent yet, for a person who makes it stick and repairs it.

docs/runbook/practice.md says how; `hub demo --keep` writes its two messages beside hub.yaml.
"""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path

from hub.demo.deployment import Deployment
from hub.demo.papers import appointment, form, received_before
from hub.worktime import VIETNAM

STATUSES = ("2", "4")
"""Received, then being processed: what follows waits behind what sticks."""


def write_practice(deployment: Deployment) -> str:
    """Write the calls of the one-stop product, practice-1.json and practice-2.json; the code."""
    received = received_before(datetime.now(VIETNAM))
    due = appointment(received)
    unit = deployment.unit
    code = f"{unit}-{received:%y%m%d}-9101"
    for number, status in enumerate(STATUSES, 1):
        told = form(code, deployment.place.units[unit], status, received=received, due=due)
        call = {"service": "DongBoHoSoMC", "isUpdating": number > 1, "data": [told]}
        file = Path(deployment.folder, f"practice-{number}.json")
        file.write_text(json.dumps(call, ensure_ascii=False), "utf-8")
    return code
