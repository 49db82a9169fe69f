"""Documents and statuses -> edXML in exactly the form that the reference kit reads.

The prefix `edXML:` is written literally, though the default namespace is the same: parsers in the
wild look for the text. Nothing is indented: that would break a signature later. Contents are left
open, a mark in the place of each (`pieces.mark`); the sender fills them in.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from datetime import date
from html import escape

from hub.errors import EncodeError
from hub.schemas.document import (
    Business,
    Clerk,
    Document,
    DocumentEvent,
    DocumentFile,
    DocumentLink,
    HandlingEvent,
    Organisation,
)
from hub.wire.edxml.dates import write_day, write_moment
from hub.wire.edxml.models import (
    BUSINESS_CODES,
    CONTENT_ID_PREFIX,
    RAW_EXTENSIONS,
    STATUS_CODES,
    URI,
    ZIP_TYPE,
)
from hub.wire.edxml.pieces import MARK, mark
from hub.wire.edxml.unpacking import ending

WireIdOf = Callable[[str], str]
"""An organisation id of the hub -> the form that the receiver of the package reads."""

CODE_OF_BUSINESS = {word: code for code, word in BUSINESS_CODES.items()}
CODE_OF_STATUS = {word: code for code, word in STATUS_CODES.items()}

REASONS = {
    Business.NEW: "Văn bản mới",
    Business.REVOKE: "Thu hồi văn bản",
    Business.UPDATE: "Cập nhật văn bản",
    Business.REPLACE: "Thay thế văn bản",
}
"""What stands as the reason if nobody gave one."""

_ILLEGAL = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def packed_type(name: str) -> str:
    """The `ContentType` with which a file of this name is packed: as it is, or zipped."""
    said = ending(name)
    return f"application/{said}" if said in RAW_EXTENSIONS else ZIP_TYPE


def is_zipped(name: str) -> bool:
    """Whether a file of this name is packed as the one entry of a zip."""
    return ending(name) not in RAW_EXTENSIONS


def document_id_of(document: Document) -> str:
    """The id of our own document: `OrganId,yyyy/MM/dd,CodeNumber/CodeNotation`, if it has none.

    Raises:
        EncodeError: a part of the id is missing.
    """
    if document.document_id:
        return document.document_id
    for name in ("number", "notation", "promulgated_on"):
        if not getattr(document, name):
            raise EncodeError("is needed for the document's id", path=f"/document/{name}")
    day = write_day(document.promulgated_on or date.min)
    return f"{document.sender.id},{day},{document.number}/{document.notation}"


def write_document(event: DocumentEvent, wire_id: WireIdOf) -> bytes:
    """A document package, its contents left open.

    Raises:
        EncodeError: a field that the form needs is missing.
    """
    document = event.document
    inside = "".join((_message_header(document, wire_id), _trace(event, wire_id)))
    envelope = _e("edXML:edXMLHeader", inside) + _e("edXML:edXMLBody", _manifest(document.files))
    return _wrap(envelope, _attachments(document.files))


def write_status(event: HandlingEvent, wire_id: WireIdOf) -> bytes:
    """A status package; its `ResponseFor/OrganId` names whom it is for.

    Raises:
        EncodeError: a field that the form needs is missing, or the status has no code.
    """
    code = CODE_OF_STATUS.get(event.status.value)
    if code is None:
        raise EncodeError("this status has no code", path="/status")
    if event.at is None:
        raise EncodeError("is needed", path="/at")
    link = event.answers
    if event.receiver:
        link = link.model_copy(update={"organ_id": event.receiver})
    if not link.document_id:
        raise EncodeError("is needed", path="/answers/document_id")
    staff = event.staff or Clerk()
    header = "".join(
        (
            _organisation("From", event.reporter, wire_id, "/reporter"),
            _response_for(link, wire_id),
            _staff(staff),
            _e("edXML:StatusCode", code),
            _text("Description", event.description, needed=True),
            _text("Timestamp", write_moment(event.at)),
        )
    )
    return _wrap(_e("edXML:edXMLHeader", _e("edXML:MessageHeader", header)), "")


def _wrap(envelope: str, attachments: str) -> bytes:
    wrapped = (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        f'<edXML xmlns="{URI}"><edXML:edXMLEnvelope xmlns:edXML="{URI}">{envelope}'
        f"</edXML:edXMLEnvelope>{attachments}</edXML>"
    )
    return wrapped.encode()


def _message_header(document: Document, wire_id: WireIdOf) -> str:
    if not document.receivers:
        raise EncodeError("is needed", path="/document/receivers")
    if document.promulgated_on is None:
        raise EncodeError("is needed", path="/document/promulgated_on")
    for name in ("number", "notation", "subject", "type_name"):
        if not getattr(document, name):
            raise EncodeError("is needed", path=f"/document/{name}")
    if document.signer is None or not document.signer.name:
        raise EncodeError("is needed", path="/document/signer/name")
    signer, day = document.signer, write_day(document.promulgated_on)
    code = _text("CodeNumber", document.number) + _text("CodeNotation", document.notation)
    kind = _text("Type", document.type_code or "1") + _text("TypeDetail", document.type_detail)
    signed = _text("Competence", signer.competence) + _text("Position", signer.position)
    issued = _text("Place", document.place, needed=True) + _text("PromulgationDate", day)
    parts = (
        _organisation("From", document.sender, wire_id, "/document/sender"),
        *(
            _organisation("To", each, wire_id, f"/document/receivers/{number}")
            for number, each in enumerate(document.receivers)
        ),
        _text("DocumentId", document_id_of(document)),
        _e("edXML:Code", code),
        _e("edXML:PromulgationInfo", issued),
        _e("edXML:DocumentType", kind + _text("TypeName", document.type_name)),
        _text("Subject", document.subject),
        _text("Content", document.content),
        _e("edXML:SignerInfo", signed + _text("FullName", signer.name)),
        _text("DueDate", write_day(document.due_on) if document.due_on else ""),
        _other(document),
        *(_response_for(each, wire_id) for each in document.responds_to),
        _text("SteeringType", document.steering_code),
        _list("ToPlaces", "Place", document.filed_at),
    )
    return _e("edXML:MessageHeader", "".join(parts))


def _other(document: Document) -> str:
    priority = document.priority if document.priority is not None else 0
    if not 0 <= priority <= 4:
        raise EncodeError("must be 0 to 4", path="/document/priority")
    return _e(
        "edXML:OtherInfo",
        "".join(
            (
                _text("Priority", str(priority)),
                _text("SphereOfPromulgation", document.sphere),
                _text("TyperNotation", document.typist),
                _count("PromulgationAmount", document.copy_count),
                _count("PageAmount", document.page_count),
                _list("Appendixes", "Appendix", document.appendixes),
            )
        ),
    )


def _trace(event: DocumentEvent, wire_id: WireIdOf) -> str:
    hops = "".join(
        _e(
            "edXML:TraceHeader",
            _text("OrganId", wire_id(hop.organ_id)) + _text("Timestamp", write_moment(hop.at)),
        )
        for hop in event.hops
        if hop.at is not None
    )
    return _e("edXML:TraceHeaderList", hops + _business(event, wire_id))


def _business(event: DocumentEvent, wire_id: WireIdOf) -> str:
    code = CODE_OF_BUSINESS.get(event.business.value)
    if code is None:
        raise EncodeError("this business has no code", path="/business")
    if event.business is Business.UPDATE and not event.target_id:
        raise EncodeError("an update names its document", path="/target_id")
    if event.business is Business.REPLACE and not event.replaces:
        raise EncodeError("a replacement names what it replaces", path="/replaces")
    if event.business is Business.REVOKE and not event.document.responds_to:
        raise EncodeError("a revocation names its document", path="/document/responds_to")
    parts = (
        _text("DocumentId", event.target_id),
        _text("BussinessDocType", code),
        _text("BussinessDocReason", event.reason or REASONS[event.business]),
        _text("Paper", "1" if event.paper_follows else "0"),
        _changes(event, wire_id) if event.business is Business.UPDATE else "",
        _replacements(event.replaces, wire_id) if event.business is Business.REPLACE else "",
        _staff(event.staff) if event.staff else "",
    )
    return _e("edXML:Bussiness", "".join(parts))


def _changes(event: DocumentEvent, wire_id: WireIdOf) -> str:
    receivers = "".join(
        _e(
            "edXML:Receiver",
            _text("OrganId", wire_id(change.organ_id))
            + _text("ReceiverType", "1" if change.added else "0"),
        )
        for change in event.receiver_changes
    )
    return _e(
        "edXML:BussinessDocumentInfo",
        _text("DocumentInfo", "1" if event.metadata_changed else "0")
        + _text("DocumentReceiver", "1" if event.receivers_changed else "0")
        + (_e("edXML:ReceiverList", receivers) if receivers else ""),
    )


def _replacements(links: Sequence[DocumentLink], wire_id: WireIdOf) -> str:
    listed = "".join(
        _e(
            "edXML:ReplacementInfo",
            _text("DocumentId", link.document_id)
            + _list("OrganIdList", "OrganId", [wire_id(each) for each in link.received_by]),
        )
        for link in links
    )
    return _e("edXML:ReplacementInfoList", listed)


def _organisation(name: str, of: Organisation, wire_id: WireIdOf, path: str) -> str:
    if not of.id or not of.name:
        raise EncodeError("needs an id and a name", path=path)
    parts = (
        _text("OrganId", wire_id(of.id)),
        _text("OrganizationInCharge", of.in_charge),
        _text("OrganName", of.name),
        _text("OrganAdd", of.address),
        _text("Email", of.email),
        _text("Telephone", of.phone),
        _text("Fax", of.fax),
        _text("Website", of.website),
    )
    return _e(f"edXML:{name}", "".join(parts))


def _response_for(link: DocumentLink, wire_id: WireIdOf) -> str:
    parts = (
        _text("OrganId", wire_id(link.organ_id) if link.organ_id else ""),
        _text("Code", link.code),
        _text("DocumentId", link.document_id),
        _text("PromulgationDate", write_day(link.promulgated_on) if link.promulgated_on else ""),
    )
    return _e("edXML:ResponseFor", "".join(parts))


def _staff(clerk: Clerk) -> str:
    parts = (
        _text("Department", clerk.department, needed=True),
        _text("Staff", clerk.staff, needed=True),
        _text("Mobile", clerk.phone),
        _text("Email", clerk.email),
    )
    return _e("edXML:StaffInfo", "".join(parts))


def _numbered(files: Sequence[DocumentFile]) -> Iterator[tuple[int, str, str, str]]:
    """Number, content id, name and description of each file."""
    for number, file in enumerate(files):
        if not file.name:
            raise EncodeError("is needed", path=f"/document/files/{number}/name")
        yield number, f"{CONTENT_ID_PREFIX}{file.id or number + 1}", file.name, file.description


def _manifest(files: Sequence[DocumentFile]) -> str:
    listed = "".join(
        _e(
            "edXML:Reference",
            _text("ContentId", content_id)
            + _text("ContentType", ZIP_TYPE)
            + _text("Description", description or name)
            + _text("AttachmentName", name),
        )
        for _, content_id, name, description in _numbered(files)
    )
    return f'<edXML:edXMLManifest version="1.0">{listed}</edXML:edXMLManifest>'


def _attachments(files: Sequence[DocumentFile]) -> str:
    listed = "".join(
        "<Attachment>"
        + _e("ContentId", escape(content_id, quote=False))
        + _e("AttachmentName", _clean(name))
        + _e("Description", _clean(description or name))
        + _e("ContentType", _clean(packed_type(name)))
        + f'<edXML:ContentTransferEncoded xmlns:edXML="{URI}">{mark(number)}'
        + "</edXML:ContentTransferEncoded></Attachment>"
        for number, content_id, name, description in _numbered(files)
    )
    return _e("AttachmentEncoded", listed) if files else ""


def _list(name: str, item: str, texts: Sequence[str]) -> str:
    return _e(f"edXML:{name}", "".join(_text(item, text) for text in texts)) if texts else ""


def _count(name: str, number: int | None) -> str:
    return "" if number is None else _text(name, str(number))


def _text(name: str, text: str, *, needed: bool = False) -> str:
    """A leaf; nothing if it is empty, unless readers need the element."""
    return _e(f"edXML:{name}", _clean(text)) if text or needed else ""


def _clean(text: str) -> str:
    """Escaped, and a space for what XML cannot hold.

    Raises:
        EncodeError: it holds a mark, which the sender would fill with a content.
    """
    if MARK in text:
        raise EncodeError("a text holds a mark of the hub", path="/document")
    return escape(_ILLEGAL.sub(" ", text), quote=False).replace("\r", "&#13;")


def _e(name: str, inside: str) -> str:
    return f"<{name}>{inside}</{name}>"
