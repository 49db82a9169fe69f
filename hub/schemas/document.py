"""Events of an official document (văn bản): between offices, and between one-stop and its office.

The business types are those of QCVN 102:2016 (`BussinessDocType`), the statuses those of its
status package; every text of the wire that has no canonical form is kept beside.
"""

from __future__ import annotations

from datetime import date, datetime
from enum import StrEnum
from typing import Any

from pydantic import Field

from hub.event import Contact, EventData, IdentityNumber, Part, Personal, Public, data_of


class Business(StrEnum):
    """What a document package does; `unknown` keeps its code in `business_code`."""

    NEW = "new"  # 0 văn bản mới
    REVOKE = "revoke"  # 1 thu hồi
    UPDATE = "update"  # 2 cập nhật
    REPLACE = "replace"  # 3 thay thế
    UNKNOWN = "unknown"


class Handling(StrEnum):
    """How far the receiving office is (trạng thái xử lý); `unknown` keeps its code."""

    ARRIVED = "arrived"  # 01 đã đến
    REFUSED = "refused"  # 02 từ chối tiếp nhận
    REGISTERED = "registered"  # 03 đã tiếp nhận, vào sổ
    ASSIGNED = "assigned"  # 04 phân công xử lý
    PROCESSING = "processing"  # 05 đang xử lý
    DONE = "done"  # 06 hoàn thành
    RECALLED = "recalled"  # 13 lấy lại, thu hồi
    CHANGE_ACCEPTED = "change_accepted"  # 15 đồng ý cập nhật, lấy lại
    CHANGE_REFUSED = "change_refused"  # 16 từ chối cập nhật, lấy lại
    UNKNOWN = "unknown"


class Finding(StrEnum):
    """What the check of an electronic signature found."""

    VALID = "valid"  # intact, and the signer is the one configured for the sender
    ABSENT = "absent"  # there is no signature
    UNTRUSTED = "untrusted"  # intact, but by a signer that is not configured for the sender
    INVALID = "invalid"  # broken, or it does not cover what is used
    UNREADABLE = "unreadable"  # no validator can see it (the reference kit's dummy)
    UNCHECKED = "unchecked"  # the policy is off


class OfficeResult(StrEnum):
    """How the document office ended a request (loại kết quả)."""

    ISSUED = "issued"  # 01 đã ban hành
    SIGNED = "signed"  # 02 ký, không ban hành
    DISAPPROVED = "disapproved"  # 03 không duyệt
    APPROVED = "approved"  # 04 đã ký duyệt, only to follow
    UNKNOWN = "unknown"


class Organisation(Part):
    """An office that sends or receives (cơ quan, tổ chức)."""

    id: Public[str] = Field(description="Organisation id, in the hub's (new) form if mapped.")
    name: Public[str] = Field("", description="Name.")
    in_charge: Public[str] = Field("", description="Superior body (cơ quan chủ quản).")
    address: Public[str] = Field("", description="Address.")
    email: Contact[str] = Field("", description="E-mail.")
    phone: Contact[str] = Field("", description="Telephone.")
    fax: Contact[str] = Field("", description="Fax.")
    website: Public[str] = Field("", description="Web site.")
    wire_id: Public[str] = Field("", description="The id as on the wire, if it was another.")


class SignatureVerdict(Part):
    """What the hub found when it checked one signature."""

    of: Public[str] = Field(description="`package`, or the id of the file.")
    finding: Public[Finding] = Field(description="What was found.")
    reason: Public[str] = Field("", description="Fixed word for why, if it is not valid.")
    signer: Personal[str] = Field("", description="Subject of the signer's certificate.")
    fingerprint: Public[str] = Field("", description="SHA-256 of the certificate, hex.")
    signed_at: Public[datetime | None] = Field(None, description="When, as the signature says.")


class DocumentFile(Part):
    """One attached file; its bytes are in the hub's blob store, or at `url`."""

    id: Public[str] = Field("", description="Id within the package (`1` of `cid:1`).")
    name: Personal[str] = Field("", description="File name.")
    description: Personal[str] = Field("", description="Description.")
    content_type: Public[str] = Field("", description="Media type of the unpacked bytes.")
    size_bytes: Public[int | None] = Field(None, description="Size of the unpacked bytes.")
    sha256: Public[str] = Field("", description="SHA-256 of the unpacked bytes, hex.")
    reference: Public[str] = Field("", description="Blob reference (claim check) of the bytes.")
    url: Personal[str] = Field("", description="Where else they can be fetched.")


class DocumentLink(Part):
    """Another document that this one answers, revokes or replaces (`ResponseFor`)."""

    document_id: Public[str] = Field("", description="Its document id, as on the wire.")
    organ_id: Public[str] = Field("", description="Organisation that issued it.")
    code: Public[str] = Field("", description="Number/notation in one text.")
    promulgated_on: Public[date | None] = Field(None, description="Date of issue.")
    received_by: Public[tuple[str, ...]] = Field((), description="Who had received it (replace).")


class Clerk(Part):
    """The clerk in charge (`StaffInfo`)."""

    department: Public[str] = Field("", description="Department.")
    staff: Personal[str] = Field("", description="Name.")
    email: Contact[str] = Field("", description="E-mail.")
    phone: Contact[str] = Field("", description="Telephone.")


class Signer(Part):
    """Who signed the paper (`SignerInfo`)."""

    name: Personal[str] = Field("", description="Name.")
    position: Public[str] = Field("", description="Position.")
    competence: Public[str] = Field("", description="Authority: TM., KT., TL., TUQ., Q.")


class ReceiverChange(Part):
    """An organisation added to or removed from the receivers (update)."""

    organ_id: Public[str] = Field(description="Organisation.")
    added: Public[bool] = Field(description="Newly added; else removed.")


class Document(Part):
    """An official document with its metadata."""

    document_id: Public[str] = Field(
        "", description="Document id; relayed as it came, never derived anew. `` before issue."
    )
    sender: Public[Organisation] = Field(description="Issuing organisation.")
    receivers: Public[tuple[Organisation, ...]] = Field((), description="Receivers.")
    number: Public[str] = Field("", description="Number (số).")
    notation: Public[str] = Field("", description="Notation (ký hiệu).")
    place: Public[str] = Field("", description="Place of issue.")
    promulgated_on: Public[date | None] = Field(None, description="Date of issue.")
    type_code: Public[str] = Field("", description="Type code as on the wire.")
    type_detail: Public[str] = Field("", description="Detail code as on the wire.")
    type_name: Public[str] = Field("", description="Kind of document (Công văn, Quyết định).")
    subject: Personal[str] = Field("", description="What it is about (trích yếu).")
    content: Personal[str] = Field("", description="Summary.")
    signer: Personal[Signer | None] = Field(None, description="Who signed.")
    due_on: Public[date | None] = Field(None, description="To be handled until (hạn xử lý).")
    priority: Public[int | None] = Field(None, description="0 thường to 4 hỏa tốc hẹn giờ.")
    sphere: Public[str] = Field("", description="Scope of circulation.")
    typist: Public[str] = Field("", description="Drafter's initials.")
    copy_count: Public[int | None] = Field(None, description="Copies issued.")
    page_count: Public[int | None] = Field(None, description="Pages.")
    appendixes: Personal[tuple[str, ...]] = Field((), description="Names of appendixes.")
    responds_to: Public[tuple[DocumentLink, ...]] = Field((), description="What it answers.")
    steering_code: Public[str] = Field("", description="Kind of steering, as on the wire.")
    filed_at: Public[tuple[str, ...]] = Field((), description="Nơi nhận, for filing.")
    files: Personal[tuple[DocumentFile, ...]] = Field((), description="Attached files.")
    originals: Personal[dict[str, str]] = Field(
        default_factory=dict, description="Wire texts that have no canonical form, by field."
    )
    unknown: Personal[dict[str, Any]] = Field(default_factory=dict, description="Other fields.")


class Hop(Part):
    """One relay that the package passed (`TraceHeader`)."""

    organ_id: Public[str] = Field("", description="Relay.")
    at: Public[datetime | None] = Field(None, description="When.")


@data_of("document.issued", "A signed document leaves an office for others.")
@data_of("document.received", "A signed document has come from another office.")
class DocumentEvent(EventData):
    """A signed document leaves an office for others, or has come from another."""

    unit: Public[str] = Field(description="Organisation id of our office.")
    document: Personal[Document] = Field(description="The document.")
    dossier_code: Public[str] = Field("", description="Dossier it concerns, if known.")
    business: Public[Business] = Field(Business.NEW, description="New, revoke, update, replace.")
    business_code: Public[str] = Field("", description="The same as on the wire.")
    reason: Personal[str] = Field("", description="Why (lý do).")
    target_id: Public[str] = Field("", description="Document id that is updated or revoked.")
    metadata_changed: Public[bool | None] = Field(None, description="Update: metadata changes.")
    receivers_changed: Public[bool | None] = Field(None, description="Update: receivers change.")
    receiver_changes: Public[tuple[ReceiverChange, ...]] = Field((), description="Which ones.")
    replaces: Public[tuple[DocumentLink, ...]] = Field((), description="Documents replaced.")
    paper_follows: Public[bool | None] = Field(None, description="A paper copy is sent too.")
    staff: Personal[Clerk | None] = Field(None, description="Clerk in charge.")
    hops: Public[tuple[Hop, ...]] = Field((), description="Relays passed so far.")
    axis_id: Public[str] = Field("", description="Id of the package on the axis (docId).")
    package: Public[tuple[str, ...]] = Field(
        (), description="Blob references of the package as received, in order."
    )
    signatures: Personal[tuple[SignatureVerdict, ...]] = Field((), description="Checks made.")


@data_of("document.dispatched")
class DispatchEvent(EventData):
    """The axis has taken a document or a status that we sent."""

    unit: Public[str] = Field(description="Organisation id of our office.")
    document_id: Public[str] = Field(description="Document that was sent.")
    axis_id: Public[str] = Field(description="Id that the axis gave (docId).")
    receivers: Public[tuple[str, ...]] = Field((), description="Organisation ids addressed.")
    dossier_code: Public[str] = Field("", description="Dossier it concerns, if known.")
    business: Public[Business] = Field(Business.NEW, description="What the package did.")


@data_of("document.status_changed", "A partner office tells how far it is with a document.")
@data_of("document.handled", "Our office tells how far it is with a document.")
class HandlingEvent(EventData):
    """An office tells how far it is with a document: a partner (status_changed) or ours (handled).

    The reporter of a recall (13) is the sender itself; `answers.organ_id` names the receiver then.
    """

    unit: Public[str] = Field(description="Organisation id of our office.")
    reporter: Public[Organisation] = Field(description="Who reports.")
    answers: Public[DocumentLink] = Field(description="The document reported on.")
    status: Public[Handling] = Field(description="How far.")
    status_code: Public[str] = Field("", description="The same as on the wire.")
    description: Personal[str] = Field("", description="Free text, such as the reason.")
    at: Public[datetime | None] = Field(None, description="When, as reported.")
    staff: Personal[Clerk | None] = Field(None, description="Clerk in charge.")
    receiver: Public[str] = Field(
        "", description="Whom it is for (organisation id); the document's sender if left out."
    )
    dossier_code: Public[str] = Field("", description="Dossier it concerns, if known.")
    axis_id: Public[str] = Field("", description="Id of the package on the axis (docId).")
    originals: Personal[dict[str, str]] = Field(
        default_factory=dict, description="Wire texts that have no canonical form, by field."
    )
    signatures: Personal[tuple[SignatureVerdict, ...]] = Field((), description="Checks made.")


class Person(Part):
    """Somebody of a dossier or of an office (chủ hồ sơ, người nộp, người ký, người trình ký)."""

    name: Personal[str] = Field("", description="Name.")
    id_number: IdentityNumber[str] = Field("", description="Number of the identity paper.")
    phone: Contact[str] = Field("", description="Telephone.")
    address: Contact[str] = Field("", description="Address.")
    account: Personal[str] = Field("", description="Account in the office's system.")
    id: Public[str] = Field("", description="Id in the office's system.")


@data_of("document.submitted", "The one-stop shop hands a draft to its document office.")
@data_of("document.processed", "The document office tells what has become of a draft.")
class OfficeEvent(EventData):
    """The one-stop hands a draft to its document office, or the office tells the outcome."""

    unit: Public[str] = Field(description="Organisation id of the unit.")
    unit_name: Public[str] = Field("", description="Its name.")
    dossier_code: Public[str] = Field(description="Dossier it concerns.")
    dossier_id: Public[str] = Field("", description="Id of the dossier in the one-stop product.")
    dossier_name: Personal[str] = Field("", description="Name of the dossier.")
    procedure_name: Public[str] = Field("", description="Procedure.")
    document: Personal[Document | None] = Field(None, description="The draft, or what came of it.")
    components: Personal[tuple[DocumentFile, ...]] = Field((), description="Dossier's papers.")
    applicant: Personal[Person | None] = Field(None, description="Owner of the dossier.")
    submitter: Personal[Person | None] = Field(None, description="Who filed it.")
    signer: Personal[Person | None] = Field(None, description="Who is to sign.")
    presenter: Personal[Person | None] = Field(None, description="Who presents it for signing.")
    echo: Personal[str] = Field("", description="Text that must be given back unread.")
    callback_url: Public[str] = Field("", description="Where the one-stop takes calls.")
    linked_kind: Public[str] = Field("", description="Kind of linked dossier, as on the wire.")
    due_at: Public[datetime | None] = Field(None, description="To be handled until.")
    package_code: Public[str] = Field("", description="Code of the office's result package.")
    result: Public[OfficeResult | None] = Field(None, description="Outcome.")
    result_code: Public[str] = Field("", description="The same as on the wire.")
    signed_on: Public[date | None] = Field(None, description="When it was signed.")
    originals: Personal[dict[str, str]] = Field(
        default_factory=dict, description="Wire texts that have no canonical form, by field."
    )
    unknown: Personal[dict[str, Any]] = Field(default_factory=dict, description="Other fields.")
