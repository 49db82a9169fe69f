"""What the simulated portal holds: dossiers with their status history and progress rows."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import orjson

DONE = {"9", "10"}
NOT_ACCEPTED = {"1", "3"}


@dataclass(slots=True)
class _Kept:
    """One dossier as last sent (JSON bytes), where from, and what happened to it."""

    unit: str
    body: bytes
    statuses: list[str] = field(default_factory=list)
    rows: list[bytes] = field(default_factory=list)
    last_row_at: str = ""


class DossierBook:
    """Dossiers by code."""

    def __init__(self) -> None:
        self._kept: dict[str, _Kept] = {}
        self._of_status: Counter[str] = Counter()
        self._of_unit: Counter[str] = Counter()
        self._rows = 0
        self._older_rows = 0

    def __contains__(self, code: str) -> bool:
        return code in self._kept

    def sync(self, dossier: Mapping[str, Any], unit: str) -> None:
        """Take a dossier as it now is; the last one sent wins."""
        code, status = str(dossier["MaHoSo"]), str(dossier["TrangThaiHoSo"])
        kept = self._kept.get(code)
        if kept is None:
            kept = self._kept[code] = _Kept(unit, b"")
            self._of_unit[unit] += 1
        else:
            self._of_status[kept.statuses[-1]] -= 1
        kept.body = orjson.dumps(dossier)
        kept.statuses.append(status)
        self._of_status[status] += 1

    def add_row(self, row: Mapping[str, Any]) -> None:
        """Take a progress row of a known dossier; older than the last one is only counted."""
        kept = self._kept[str(row["MaHoSo"])]
        at = str(row["ThoiDiemXuLy"])
        self._older_rows += at < kept.last_row_at
        kept.last_row_at = at
        kept.rows.append(orjson.dumps(row))
        self._rows += 1

    def find(self, code: str) -> list[Any]:
        """The dossier as last sent, in a list; empty if unknown."""
        kept = self._kept.get(code)
        return [orjson.Fragment(kept.body)] if kept else []

    def show(self, code: str) -> Mapping[str, Any] | None:
        """Everything about one dossier, for `/_control/dossiers/{code}`."""
        kept = self._kept.get(code)
        if kept is None:
            return None
        return {
            "unit": kept.unit,
            "dossier": orjson.Fragment(kept.body),
            "statuses": kept.statuses,
            "progress": [orjson.Fragment(row) for row in kept.rows],
        }

    def counts(self) -> Mapping[str, Any]:
        """Counts for `/_control/state`; `older_rows` counts rows that came after newer ones."""
        return {
            "dossiers": len(self._kept),
            "by_status": {status: count for status, count in self._of_status.items() if count},
            "by_unit": dict(self._of_unit),
            "progress": self._rows,
            "older_rows": self._older_rows,
        }

    def figures(self) -> Mapping[str, int]:
        """Received, solved, early, on time, late, open: calendar dates against NgayHenTra.

        Walks all dossiers: for reports, not for polling.
        """
        figures = dict.fromkeys(("received", "solved", "early", "on_time", "late", "open"), 0)
        for kept in self._kept.values():
            if kept.statuses[-1] in NOT_ACCEPTED:
                continue
            figures["received"] += 1
            if kept.statuses[-1] not in DONE:
                figures["open"] += 1
                continue
            figures["solved"] += 1
            figures[_against_due(orjson.loads(kept.body))] += 1
        return figures


def _against_due(dossier: Mapping[str, Any]) -> str:
    due = str(dossier.get("NgayHenTra") or "")[:8]
    finished = str(dossier.get("NgayKetThucXuLy") or dossier.get("NgayTra") or "")[:8]
    if not due or not finished or finished == due:
        return "on_time"
    return "early" if finished < due else "late"
