"""Events of an inter-agency dossier (hồ sơ liên thông): to another agency's one-stop and back.

The agency that received the citizen's dossier (the parent) hands a part of it, the child, to
another agency, which has its own deadline for it. `handover.requested` is about the child,
`handover.completed` about the parent, so that each stands in order with what else is told of it.
The alias `dossier.parent` leads from a child's code to its parent.
"""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any

from pydantic import Field

from hub.event import EventData, Part, Personal, Public, data_of
from hub.schemas.dossier import Attachment, Dossier, ResultPaper

PARENT_ALIAS = "dossier.parent"
"""Kind of the alias that leads from a child's code to the parent's."""


class HandoverResult(StrEnum):
    """How the other agency ended its part; `unknown` keeps its code in `result_code`."""

    DONE = "done"  # đã giải quyết
    REFUSED = "refused"  # từ chối, trả lại
    UNKNOWN = "unknown"


class Agency(Part):
    """An agency that hands over or takes over (cơ quan chuyển, cơ quan nhận)."""

    unit: Public[str] = Field(description="Organisation id.")
    name: Public[str] = Field("", description="Name.")


@data_of("handover.requested", "A child dossier goes to another agency.")
@data_of("handover.completed", "The outcome of a child dossier goes back to the parent's agency.")
class HandoverEvent(EventData):
    """A child dossier goes to another agency, or its outcome goes back to the parent's agency."""

    child_code: Public[str] = Field(description="Code of the part that is handed over.")
    parent_code: Public[str] = Field(
        "", description="Code of the dossier it belongs to; the subject, where the wire is silent."
    )
    sender: Public[Agency] = Field(description="Who tells it.")
    receiver: Public[Agency | None] = Field(
        None, description="Whom it is for; none: the keeper of the parent."
    )
    handed_at: Public[datetime | None] = Field(None, description="When it was handed over.")
    due_at: Public[datetime | None] = Field(None, description="The child's own deadline.")
    content: Personal[str] = Field("", description="What is asked, or what was done.")
    officer: Personal[str] = Field("", description="Who handed it over or ended it.")
    dossier: Personal[Dossier | None] = Field(None, description="The child as a dossier.")
    attachments: Personal[tuple[Attachment, ...]] = Field((), description="Papers that go along.")
    result: Public[HandoverResult | None] = Field(None, description="Outcome, when completed.")
    result_code: Public[str] = Field("", description="The same as on the wire.")
    results: Personal[tuple[ResultPaper, ...]] = Field((), description="Results, when completed.")
    completed_at: Public[datetime | None] = Field(None, description="When it was ended.")
    originals: Personal[dict[str, str]] = Field(
        default_factory=dict, description="Wire texts that have no canonical form, by field."
    )
    unknown: Personal[dict[str, Any]] = Field(default_factory=dict, description="Other fields.")
