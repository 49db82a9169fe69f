"""Events of deadlines: a dossier is nearly due, or past its deadline and not done.

Said by the hub itself, once for each dossier, kind and deadline (`hub.noticing`).
"""

from __future__ import annotations

from datetime import datetime

from pydantic import Field

from hub.event import EventData, Public, data_of


@data_of("sla.due_soon", "A dossier that is being handled is near its deadline.")
@data_of("sla.overdue", "A dossier that is being handled is past its deadline.")
class SlaNotice(EventData):
    """How a dossier that is being handled stands against its deadline; the kind tells which."""

    code: Public[str] = Field(description="Dossier code (mã hồ sơ), as on the wire.")
    unit: Public[str] = Field("", description="Organisation id of the unit.")
    procedure_code: Public[str] = Field("", description="Procedure code (mã TTHC).")
    procedure_name: Public[str] = Field("", description="Name of the procedure.")
    status: Public[str] = Field("", description="Status when this was said.")
    received_at: Public[datetime | None] = Field(None, description="Received (ngày tiếp nhận).")
    due_at: Public[datetime] = Field(description="Deadline in force, after pauses.")
    told_due_at: Public[datetime | None] = Field(None, description="Appointment as last told.")
    calendar: Public[str] = Field(
        "", description="Version of the calendar that moved the deadline; empty: not moved."
    )
