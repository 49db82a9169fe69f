"""edXML -> documents and statuses: tolerant of order, prefix, form of dates and missing parts.

Contents have been cut out before (`pieces`): in their place stand marks, and what became of each
content is handed in. Both the layered form and the flat provincial one are read.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from hub.errors import DecodeError
from hub.schemas.document import (
    Business,
    Clerk,
    Document,
    DocumentEvent,
    DocumentFile,
    DocumentLink,
    Handling,
    HandlingEvent,
    Hop,
    Organisation,
    ReceiverChange,
    Signer,
)
from hub.wire.edxml.fields import Fields
from hub.wire.edxml.models import BUSINESS_CODES, CONTENT_ID_PREFIX, STATUS_CODES
from hub.wire.edxml.pieces import mark_number
from hub.wire.edxml.unpacking import Slot, plain_name
from hub.wire.xml import Element, local_name

IdOf = Callable[[str], str]
"""An organisation id as on the wire -> the hub's (new) form."""


@dataclass(frozen=True, slots=True)
class Package:
    """A package's parts, before they are read.

    Attributes:
        header: `MessageHeader`.
        trace: `TraceHeaderList`, if there is one.
        slots: the attachments announced, in order.
        flat: it has the provincial form.
    """

    header: Fields
    trace: Fields | None
    slots: Sequence[Slot]
    flat: bool
    originals: dict[str, str]

    @property
    def is_status(self) -> bool:
        """A status package: it reports on a document and brings none."""
        return self.header.has("StatusCode")

    @property
    def document_id(self) -> str:
        """Id of the document that it brings, or reports on."""
        if not self.is_status:
            return self.header.text("DocumentId")
        answered = self.header.child("ResponseFor")
        return answered.text("DocumentId") if answered else ""


def open_package(root: Element) -> Package:
    """The parts of a parsed package.

    Raises:
        DecodeError: neither of the two forms, or a part stands twice.
    """
    originals: dict[str, str] = {}
    top = Fields(root, originals)
    if local_name(root) == "EdXMLEnvelope":
        header = top.needed("MessageHeader")
        trace = header.child("TraceHeaderList") or top.child("TraceHeaderList")
        manifest = top.child("Manifest")
        found = [_flat_slot(each, n) for n, each in enumerate(_attachments(manifest))]
        return Package(header, trace, found, True, originals)
    if local_name(root) != "edXML":
        raise DecodeError("neither edXML nor EdXMLEnvelope", path="/")
    envelope = top.needed("edXMLEnvelope")
    inside = envelope.needed("edXMLHeader")
    encoded = top.child("AttachmentEncoded") or envelope.child("AttachmentEncoded")
    slots = [_slot(each, n) for n, each in enumerate(_attachments(encoded))]
    _check_manifest(envelope, slots)
    return Package(
        inside.needed("MessageHeader"), inside.child("TraceHeaderList"), slots, False, originals
    )


def read_document(
    package: Package, contents: Mapping[int, DocumentFile], *, unit: str, id_of: IdOf
) -> DocumentEvent:
    """The document of a package.

    Args:
        contents: what became of each content, by number; its name and id come from the slot.
        unit: our office.
        id_of: maps organisation ids.

    Raises:
        DecodeError: a part that is needed is missing, or a part stands twice.
    """
    document = _document(package, contents, id_of)
    trace = package.trace
    business = trace.child("Bussiness") if trace else None
    extra = _business(business, id_of) if business else {}
    return DocumentEvent(
        unit=unit,
        document=document,
        hops=tuple(_hop(each, id_of) for each in trace.children("TraceHeader")) if trace else (),
        **extra,
    )


def read_status(package: Package, *, unit: str, id_of: IdOf) -> HandlingEvent:
    """What a status package reports.

    Raises:
        DecodeError: it does not say about which document.
    """
    header = package.header
    code = header.text("StatusCode")
    code = code.zfill(2) if code.isascii() and code.isdecimal() else code
    answered = header.needed("ResponseFor")
    link = _link(answered, id_of)
    if not link.document_id:
        raise DecodeError("is missing", path=f"{answered.path}/DocumentId")
    staff = header.child("StaffInfo")
    return HandlingEvent(
        unit=unit,
        reporter=_organisation(header.needed("From"), id_of),
        answers=link,
        status=Handling(STATUS_CODES.get(code, "unknown")),
        status_code=code,
        description=header.text("Description"),
        at=header.moment("Timestamp"),
        staff=_clerk(staff) if staff else None,
        originals=dict(package.originals),
    )


def _attachments(holder: Fields | None) -> Sequence[Fields]:
    return holder.children("Attachment") if holder else ()


def _slot(attachment: Fields, position: int) -> Slot:
    content = attachment.needed("ContentTransferEncoded")
    name = attachment.text("AttachmentName") or attachment.text("Description")
    return Slot(
        number=_number(content),
        id=attachment.text("ContentId").removeprefix(CONTENT_ID_PREFIX) or str(position + 1),
        name=plain_name(name, position),
        description=attachment.text("Description"),
        packed_type=attachment.text("ContentType"),
        path=attachment.path,
    )


def _flat_slot(attachment: Fields, position: int) -> Slot:
    return Slot(
        number=_number(attachment.needed("Content")),
        id=str(position + 1),
        name=plain_name(attachment.text("FileName"), position),
        description="",
        packed_type=attachment.text("FileType"),
        path=attachment.path,
    )


def _number(content: Fields) -> int:
    """Which content stands here; the base64 itself if it was too short to be cut out."""
    number = mark_number(content.element.text or "")
    if number is None or len(content.element):
        raise DecodeError("holds no base64", path=content.path, code="attachment_broken")
    return number


def _check_manifest(envelope: Fields, slots: Sequence[Slot]) -> None:
    """What the manifest announces must be there; what comes beside is taken too."""
    body = envelope.child("edXMLBody")
    manifest = body.child("edXMLManifest") if body else None
    have = {slot.id for slot in slots}
    if len(have) != len(slots):
        raise DecodeError("two attachments share an id", path="/edXML")
    for reference in manifest.children("Reference") if manifest else ():
        named = reference.text("ContentId").removeprefix(CONTENT_ID_PREFIX)
        if named and named not in have:
            raise DecodeError("is announced only", path=reference.path, code="attachment_broken")


def _document(package: Package, contents: Mapping[int, DocumentFile], id_of: IdOf) -> Document:
    header = package.header
    code, promulgation = header.child("Code"), header.child("PromulgationInfo")
    kind, other = header.child("DocumentType"), header.child("OtherInfo")
    receivers = header.children("To")
    if not receivers:
        raise DecodeError("is missing", path=f"{header.path}/To")
    document_id = header.text("DocumentId")
    if not document_id:
        raise DecodeError("is missing", path=f"{header.path}/DocumentId")
    layered = kind is not None and kind.has("TypeName")
    found = {
        "document_id": document_id,
        "sender": _organisation(header.needed("From"), id_of),
        "receivers": tuple(_organisation(each, id_of) for each in receivers),
        "number": code.text("CodeNumber") if code else "",
        "notation": code.text("CodeNotation") if code else "",
        "place": promulgation.text("Place") if promulgation else "",
        "promulgated_on": promulgation.day("PromulgationDate") if promulgation else None,
        "type_code": kind.text("Type") if kind else "",
        "type_detail": kind.text("TypeDetail") if kind else "",
        "type_name": (kind.text("TypeName") if layered else kind.text()) if kind else "",
        "subject": header.text("Subject"),
        "content": header.text("Content"),
        "signer": _signer(header.child("SignerInfo")),
        "due_on": header.day("DueDate"),
        "responds_to": tuple(_link(each, id_of) for each in header.children("ResponseFor")),
        "steering_code": header.text("SteeringType"),
        "files": tuple(_file(slot, contents) for slot in package.slots),
        **(_other(other) if other else {}),
    }
    places = header.child("ToPlaces")
    found["filed_at"] = places.texts("Place") if places else ()
    header.child("TraceHeaderList")
    unknown = header.rest()
    for name, fields in (("OtherInfo", other), ("PromulgationInfo", promulgation), ("Code", code)):
        if fields and (rest := fields.rest()):
            unknown[name] = rest
    return Document(unknown=unknown, originals=dict(package.originals), **found)


def _other(other: Fields) -> dict[str, object]:
    appendixes = other.child("Appendixes")
    names = appendixes.texts("Appendix") if appendixes else other.texts("Appendix")
    return {
        "priority": other.number("Priority"),
        "sphere": other.text("SphereOfPromulgation"),
        "typist": other.text("TyperNotation"),
        "copy_count": other.number("PromulgationAmount"),
        "page_count": other.number("PageAmount"),
        "appendixes": names,
    }


def _signer(info: Fields | None) -> Signer | None:
    if info is None:
        return None
    return Signer(
        name=info.text("FullName") or info.text("Signer"),
        position=info.text("Position"),
        competence=info.text("Competence"),
    )


def _organisation(fields: Fields, id_of: IdOf) -> Organisation:
    wire_id = fields.text("OrganId")
    if not wire_id:
        raise DecodeError("is missing", path=f"{fields.path}/OrganId")
    return Organisation(
        id=id_of(wire_id),
        wire_id=wire_id if id_of(wire_id) != wire_id else "",
        name=fields.text("OrganName"),
        in_charge=fields.text("OrganizationInCharge"),
        address=fields.text("OrganAdd"),
        email=fields.text("Email"),
        phone=fields.text("Telephone"),
        fax=fields.text("Fax"),
        website=fields.text("Website"),
    )


def _link(fields: Fields, id_of: IdOf) -> DocumentLink:
    organ_id = fields.text("OrganId")
    return DocumentLink(
        document_id=fields.text("DocumentId"),
        organ_id=id_of(organ_id) if organ_id else "",
        code=fields.text("Code"),
        promulgated_on=fields.day("PromulgationDate"),
    )


def _clerk(fields: Fields) -> Clerk:
    return Clerk(
        department=fields.text("Department"),
        staff=fields.text("Staff"),
        email=fields.text("Email"),
        phone=fields.text("Mobile"),
    )


def _hop(fields: Fields, id_of: IdOf) -> Hop:
    wire_id = fields.text("OrganId")
    return Hop(
        organ_id=id_of(wire_id) if wire_id else "",
        at=fields.moment("Timestamp") or fields.moment("Time"),
    )


def _file(slot: Slot, contents: Mapping[int, DocumentFile]) -> DocumentFile:
    content = contents.get(slot.number)
    if content is None:
        raise DecodeError("has no content", path=slot.path, code="attachment_broken")
    return content.model_copy(
        update={
            "id": slot.id,
            "name": slot.name,
            "description": slot.description,
            "content_type": slot.media_type,
        }
    )


def _business(fields: Fields, id_of: IdOf) -> dict[str, object]:
    code = fields.text("BussinessDocType")
    info, listed = fields.child("BussinessDocumentInfo"), fields.child("ReplacementInfoList")
    staff = fields.child("StaffInfo")
    changes = info.child("ReceiverList") if info else None
    return {
        "business": Business(BUSINESS_CODES.get(code, "unknown") if code else "new"),
        "business_code": code,
        "reason": fields.text("BussinessDocReason"),
        "target_id": fields.text("DocumentId"),
        "paper_follows": fields.flag("Paper"),
        "metadata_changed": info.flag("DocumentInfo") if info else None,
        "receivers_changed": info.flag("DocumentReceiver") if info else None,
        "receiver_changes": tuple(
            ReceiverChange(
                organ_id=id_of(each.text("OrganId")), added=bool(each.flag("ReceiverType"))
            )
            for each in (changes.children("Receiver") if changes else ())
        ),
        "replaces": tuple(
            _replaced(each, id_of)
            for each in (listed.children("ReplacementInfo") if listed else ())
        ),
        "staff": _clerk(staff) if staff else None,
    }


def _replaced(fields: Fields, id_of: IdOf) -> DocumentLink:
    receivers = fields.child("OrganIdList")
    ids = receivers.texts("OrganId") if receivers else ()
    return DocumentLink(
        document_id=fields.text("DocumentId"), received_by=tuple(id_of(each) for each in ids)
    )
