"""Events of a petition (phản ánh, kiến nghị) and of a satisfaction vote.

A petition is known by the id that its source gave it, which is one only within that source: the
alias of a petition is named by `petition_alias`. Complaints (khiếu nại) and denunciations (tố cáo)
follow other laws: of them the hub says `petition.redirected` and keeps neither text nor author.
"""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any

from pydantic import Field

from hub.event import Contact, EventData, IdentityNumber, Part, Personal, Public, data_of

PETITION_ALIAS = "petition.id"
"""Kind of the alias that leads from a petition to its dossier, or to its own subject."""


def petition_alias(channel: str, petition_id: str) -> tuple[str, str]:
    """Kind and value of the alias of a petition: ids of two sources may be equal.

    Args:
        channel: the source as on the wire (`dvcqg`, `portal`, `1022`, `app`).
        petition_id: the id that it gave.
    """
    return PETITION_ALIAS, f"{channel}/{petition_id}"


def petition_subject(channel: str, petition_id: str) -> str:
    """The subject of a petition that belongs to no dossier."""
    return f"PAKN-{channel}-{petition_id}"


class PetitionAttachment(Part):
    """A file of a petition or of its answer; either kept in the blob store or fetched by URL."""

    name: Personal[str] = Field("", description="File name, checked: no path, no odd characters.")
    content_type: Public[str] = Field("", description="Media type as told.")
    size_bytes: Public[int | None] = Field(None, description="Size.")
    url: Personal[str] = Field("", description="Where it is fetched, if it was not sent along.")
    blob: Public[str] = Field("", description="Reference in the blob store, if it was sent along.")


class Submitter(Part):
    """Who wrote the petition; of an anonymous one nothing else is kept."""

    anonymous: Public[bool] = Field(False, description="The name is withheld (ẩn danh).")
    kind_code: Public[str] = Field("", description="Citizen or business, as on the wire.")
    name: Personal[str] = Field("", description="Name.")
    id_number: IdentityNumber[str] = Field("", description="Number of the paper.")
    phone: Contact[str] = Field("", description="Telephone.")
    email: Contact[str] = Field("", description="E-mail.")
    address: Contact[str] = Field("", description="Address.")


class Petition(Part):
    """The petition as its source told it."""

    title: Personal[str] = Field("", description="Title (tiêu đề).")
    content: Personal[str] = Field("", description="Text (nội dung).")
    category: Public[str] = Field("", description="Category as on the wire.")
    procedure_code: Public[str] = Field("", description="Procedure it is about, if any.")
    field_code: Public[str] = Field("", description="Field it is about (lĩnh vực), if any.")
    submitter: Personal[Submitter] = Field(default_factory=Submitter, description="Who wrote it.")
    attachments: Personal[tuple[PetitionAttachment, ...]] = Field((), description="Files.")
    submitted_at: Public[datetime | None] = Field(None, description="When it was sent.")


class Assignment(Part):
    """Who is to answer (phân công, chuyển)."""

    from_unit: Public[str] = Field("", description="Organisation id it leaves.")
    unit: Public[str] = Field("", description="Organisation id that is to answer.")
    unit_name: Public[str] = Field("", description="Its name.")
    officer: Personal[str] = Field("", description="Officer, if one is named.")
    due_at: Public[datetime | None] = Field(None, description="Internal date, if one is told.")


class PetitionAnswer(Part):
    """The answer (trả lời)."""

    content: Personal[str] = Field("", description="Text of the answer.")
    answered_by: Personal[str] = Field("", description="Who answered.")
    position: Public[str] = Field("", description="Position of who answered.")
    answered_at: Public[datetime | None] = Field(None, description="When.")
    public: Public[bool | None] = Field(None, description="May be published (công khai).")
    attachments: Personal[tuple[PetitionAttachment, ...]] = Field((), description="Files.")


@data_of("petition.received", "A petition (phản ánh, kiến nghị) has come.")
@data_of("petition.assigned", "Somebody was told to answer a petition.")
@data_of("petition.transferred", "A petition was given to another unit, which is competent.")
@data_of("petition.answered", "A petition was answered.")
@data_of("petition.published", "The answer to a petition was made public.")
@data_of("petition.rejected", "A petition was not taken up.")
@data_of(
    "petition.redirected",
    "The sender was told who is competent; of a complaint no content is kept.",
)
class PetitionEvent(EventData):
    """A petition has come, or something was done about it; the kind tells which."""

    petition_id: Public[str] = Field(description="Id that its source gave it, as on the wire.")
    channel: Public[str] = Field(
        "", description="Source as on the wire (dvcqg, portal, 1022, app)."
    )
    origin: Public[str] = Field("", description="Connector instance that leads back to the source.")
    unit: Public[str] = Field("", description="Organisation id addressed, or that acted.")
    unit_name: Public[str] = Field("", description="Its name.")
    dossier_code: Public[str] = Field("", description="Dossier it is about, if any.")
    status_code: Public[str] = Field("", description="State as on the wire, if it is told so.")
    petition: Personal[Petition | None] = Field(None, description="The petition; when received.")
    assignment: Personal[Assignment | None] = Field(None, description="When assigned, transferred.")
    answer: Personal[PetitionAnswer | None] = Field(None, description="When answered, published.")
    reason: Personal[str] = Field("", description="Why, when rejected, transferred, redirected.")
    redirected_to: Public[str] = Field("", description="Who is competent, when redirected.")
    published_url: Public[str] = Field("", description="Where it stands, when published.")
    acted_at: Public[datetime | None] = Field(None, description="When it happened.")
    transfer_due_at: Public[datetime | None] = Field(None, description="Last time to transfer.")
    answer_due_at: Public[datetime | None] = Field(None, description="Last time to answer.")
    calendar_version: Public[str] = Field("", description="Calendar of the two dates.")
    originals: Personal[dict[str, str]] = Field(
        default_factory=dict, description="Wire texts that have no canonical form, by field."
    )
    unknown: Personal[dict[str, Any]] = Field(default_factory=dict, description="Other fields.")


class Satisfaction(StrEnum):
    """A satisfaction vote (mức độ hài lòng)."""

    VERY_SATISFIED = "very_satisfied"  # rất hài lòng
    SATISFIED = "satisfied"  # hài lòng
    NOT_SATISFIED = "not_satisfied"  # không hài lòng
    UNKNOWN = "unknown"


@data_of("survey.voted")
class SurveyVoted(EventData):
    """A citizen has said how satisfied they are with a unit, a dossier or an answer."""

    vote_id: Public[str] = Field(description="Id of the vote.")
    unit: Public[str] = Field("", description="Organisation id of the unit that is judged.")
    month: Public[str] = Field("", description="Month it counts for, `2026-01`.")
    dossier_code: Public[str] = Field("", description="Dossier it is about, if any.")
    petition_id: Public[str] = Field("", description="Petition it is about, if any.")
    channel: Public[str] = Field("", description="Source as on the wire.")
    vote: Public[Satisfaction] = Field(Satisfaction.UNKNOWN, description="The vote.")
    vote_code: Public[str] = Field("", description="The vote as on the wire.")
    comment: Personal[str] = Field("", description="What was written beside it.")
    voted_at: Public[datetime | None] = Field(None, description="When.")
    originals: Personal[dict[str, str]] = Field(
        default_factory=dict, description="Wire texts that have no canonical form, by field."
    )
