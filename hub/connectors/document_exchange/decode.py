"""Packages of the axis -> documents and statuses; pure.

Forms: `edxml` is a package as it stands in a file, attachments inside; `package` what the poller
made of one (JSON: the text, references of the attachments, verdicts); `reply` what became of a
package that the hub sent.
"""

from __future__ import annotations

import hashlib
import io
import re
from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

import orjson
from pydantic import BaseModel, ConfigDict, ValidationError

from hub.connectors.document_exchange.ids import ORGAN_ID, Ids, Listed
from hub.connectors.document_exchange.opening import Opening, refuse_by
from hub.connectors.document_exchange.settings import DocumentExchangeSettings
from hub.errors import DecodeError
from hub.event import Alias, Event, decode_error
from hub.message import Message
from hub.schemas.document import Business, DispatchEvent, DocumentFile, SignatureVerdict
from hub.wire.edxml.pieces import ContentCutter
from hub.wire.edxml.reading import Package, open_package, read_document, read_status
from hub.wire.xml import XmlLimits, parse

M = TypeVar("M", bound=BaseModel)

FORMS = ("edxml", "package", "reply")
INSTANCE = "document_exchange"
DOCUMENT_ALIAS = "edoc.document"
PACKAGE_ALIAS = "edoc.package"
SUBJECT_LIMIT = 200
"""Longest document id in characters; it becomes a Kafka key and a header."""


class Problem(BaseModel):
    """Why the poller could not read a package."""

    model_config = ConfigDict(extra="ignore", hide_input_in_errors=True)

    code: str
    path: str


class Received(BaseModel):
    """A package as the poller hands it on.

    Attributes:
        doc_id: its id on the axis.
        sender, receiver: as the axis lists them.
        subject: what the hub knows the document, or one that it answers, by.
        ids: ids in the text, and `receiver`, that the axis lists as another's -> that one.
        edxml: the text, a mark in the place of each content.
        contents: what became of each content, by number.
        original: references of the bytes as received, in order.
    """

    model_config = ConfigDict(extra="ignore", hide_input_in_errors=True)

    doc_id: str = ""
    sender: str = ""
    receiver: str = ""
    subject: str = ""
    ids: dict[str, str] = {}
    edxml: str = ""
    contents: tuple[DocumentFile, ...] = ()
    signatures: tuple[SignatureVerdict, ...] = ()
    original: tuple[str, ...] = ()
    problem: Problem | None = None


class Dispatched(BaseModel):
    """What the axis answered to a document, with what was asked."""

    model_config = ConfigDict(extra="ignore", hide_input_in_errors=True)

    subject: str
    unit: str
    operation_key: str
    document_id: str
    axis_id: str
    receivers: tuple[str, ...] = ()
    dossier_code: str = ""
    business: Business = Business.NEW


def message(body: bytes, form: str) -> Message:
    """The Message of wire bytes; the same bytes give the same Message."""
    return Message.of_file(
        body,
        connector=INSTANCE,
        operation=form,
        headers={"form": form},
        content_type="application/xml" if form == "edxml" else "application/json",
    )


def order_key(message: Message) -> str:
    """The dossier code that a document names, else the document's id; never raises."""
    form = message.headers.get("form", FORMS[0])
    try:
        if form == "edxml":
            return _key_of_text(message.body)
        told = orjson.loads(message.body)
        if form == "reply" or told["subject"]:
            return str(told["subject"]) or INSTANCE
        return _key_of_text(told["edxml"].encode()) if told["edxml"] else str(told["doc_id"])
    except (ValueError, LookupError, TypeError, AttributeError, DecodeError):
        return message.headers.get("unit") or INSTANCE


def _key_of_text(body: bytes) -> str:
    """The order key of a package.

    Raises:
        DecodeError: it cannot be read.
    """
    cutter = ContentCutter(lambda number, piece: None)
    cutter.feed(body)
    return key_of(open_package(parse(cutter.close()))) or INSTANCE


def key_of(package: Package) -> str:
    """The order key of a package that nothing is known about.

    Raises:
        DecodeError: it has no readable id.
    """
    code = "" if package.is_status else _named(package.header.text("Subject"), DEFAULT_CODE)
    return code or _usable(package.document_id)


DEFAULT_CODE: str = DocumentExchangeSettings.model_fields["dossier_code_pattern"].default


def decode(message: Message, settings: DocumentExchangeSettings) -> Sequence[Event | DecodeError]:
    """The one event of a message.

    Raises:
        DecodeError: it is unreadable, or its signatures do not hold and the policy enforces them.
    """
    form = message.headers.get("form", FORMS[0])
    if form == "reply":
        return [_dispatched(message)]
    if form == "package":
        received = _model(Received, message.body)
        if received.problem is not None:
            raise _told_problem(received.problem)
        limits = XmlLimits(size_bytes=settings.around_bytes)
        package = open_package(parse(received.edxml.encode(), limits=limits))
    else:
        received, package = _in_memory(message, settings)
    is_status = package.is_status
    refuse_by(settings.signature_policy, list(received.signatures), is_status=is_status)
    make = _status if is_status else _document
    return [make(message, settings, received, package)]


PROBLEMS = frozenset(
    {
        *("attachment_broken", "doctype", "fetch_refused", "hostile_zip"),
        *("too_deep", "too_large", "undecodable"),
    }
)
"""What a poller may have found."""


def _told_problem(problem: Problem) -> DecodeError:
    """What the poller found, of which nothing is taken that it does not say itself."""
    path = problem.path if re.fullmatch(r"(/[A-Za-z0-9_*]+)*/?", problem.path, re.ASCII) else "/"
    code = problem.code if problem.code in PROBLEMS else "undecodable"
    return DecodeError("the package could not be read", path=path, code=code)


def _in_memory(message: Message, settings: DocumentExchangeSettings) -> tuple[Received, Package]:
    """A package with its attachments inside; their bytes are looked at and not kept."""
    if len(message.body) > settings.memory_bytes:
        text = f"more than {settings.memory_bytes} bytes"
        raise DecodeError(text, path="/", code="too_large")
    opening = Opening(settings, io.BytesIO, at=message.received_at)
    opening.feed(message.body)
    opened = opening.close()
    contents = {slot.number: file for slot, file, _ in opening.attachments(opened)}
    received = Received(
        doc_id=message.headers.get("doc_id", ""),
        contents=tuple(contents[number] for number in sorted(contents)),
        signatures=tuple(opened.verdicts),
    )
    return received, opened.package


def _document(
    message: Message,
    settings: DocumentExchangeSettings,
    received: Received,
    package: Package,
) -> Event:
    contents = dict(enumerate(received.contents))
    data = read_document(package, contents, unit="", id_of=_ids(received, settings).id_of)
    document = data.document
    document_id = _usable(document.document_id)
    ours = [each.id for each in document.receivers if each.id in settings.units]
    listed = _listed_unit(received, settings)
    unit = listed if listed in ours or not ours else ours[0]
    pattern = settings.dossier_code_pattern
    known = received.subject if re.fullmatch(pattern, received.subject) else ""
    code = known or _named(document.subject, pattern)
    subject = received.subject or code or document_id
    data = data.model_copy(
        update={
            "unit": unit,
            "dossier_code": code,
            "axis_id": received.doc_id,
            "package": received.original,
            "signatures": received.signatures,
        }
    )
    if received.doc_id:
        natural_key = f"package {received.doc_id}"
    else:
        natural_key = f"document {hashlib.sha256(message.body).hexdigest()}"
    return Event(
        kind="document.received",
        source=_source(message, settings, received, unit),
        subject=subject,
        time=next((hop.at for hop in data.hops if hop.at), message.received_at),
        data=data,
        natural_key=natural_key,
        aliases=(Alias(DOCUMENT_ALIAS, document_id, subject),),
        once=True,
    )


def _status(
    message: Message,
    settings: DocumentExchangeSettings,
    received: Received,
    package: Package,
) -> Event:
    data = read_status(package, unit="", id_of=_ids(received, settings).id_of)
    document_id = _usable(data.answers.document_id)
    organ_id = data.answers.organ_id
    unit = organ_id if organ_id in settings.units else _listed_unit(received, settings)
    data = data.model_copy(
        update={"unit": unit, "axis_id": received.doc_id, "signatures": received.signatures}
    )
    said_at = package.header.text("Timestamp") or received.doc_id
    # As agreed, not as listed: what was read before a list came and after it is one fact.
    reporter = settings.id_of(data.reporter.wire_id or data.reporter.id)
    return Event(
        kind="document.status_changed",
        source=_source(message, settings, received, unit),
        subject="",
        about=(DOCUMENT_ALIAS, document_id),
        time=data.at or message.received_at,
        data=data,
        natural_key=f"status {document_id} {data.status_code} {said_at} {reporter}",
        once=True,
    )


def _dispatched(message: Message) -> Event:
    told = _model(Dispatched, message.body)
    if not told.subject or not told.operation_key:
        raise DecodeError("is missing", path="/subject")
    return Event(
        kind="document.dispatched",
        source=f"/connectors/{message.connector}/{told.unit}",
        subject=told.subject,
        time=message.received_at,
        data=DispatchEvent(
            unit=told.unit,
            document_id=told.document_id,
            axis_id=told.axis_id,
            receivers=told.receivers,
            dossier_code=told.dossier_code,
            business=told.business,
        ),
        natural_key=f"dispatched {told.operation_key}",
        aliases=aliases_of(told),
        once=True,
    )


def aliases_of(told: Dispatched) -> tuple[Alias, ...]:
    """The foreign ids under which a sent document will be spoken of."""
    facts = {"document_id": told.document_id, "operation_key": told.operation_key}
    return (
        Alias(DOCUMENT_ALIAS, told.document_id, told.subject),
        Alias(PACKAGE_ALIAS, told.axis_id, told.subject, facts),
    )


def _usable(document_id: str) -> str:
    """A document id that can be a subject.

    Raises:
        DecodeError: too long, or with characters that no id has.
    """
    path = "/edXML/edXMLEnvelope/edXMLHeader/MessageHeader/DocumentId"
    if len(document_id) > SUBJECT_LIMIT:
        raise DecodeError(f"longer than {SUBJECT_LIMIT} characters", path=path, code="too_large")
    if not document_id.isprintable():
        raise DecodeError("holds control characters", path=path)
    return document_id


def _ids(received: Received, settings: DocumentExchangeSettings) -> Ids:
    """What is agreed, and what was listed when the package came: the same whenever it is read."""
    return Ids(settings, Listed(received.ids))


def _listed_unit(received: Received, settings: DocumentExchangeSettings) -> str:
    """Our office as the axis names it, else the first one."""
    listed = _ids(received, settings).id_of(received.receiver)
    return listed if listed in settings.units else settings.units[0]


def _source(
    message: Message, settings: DocumentExchangeSettings, received: Received, unit: str
) -> str:
    """The source of an event: the same before the axis's list of ids is pulled, and after it.

    A package of an office whose id is known by the list alone is from that id.
    """
    told = received.receiver
    office = settings.id_of(told) if ORGAN_ID.fullmatch(told) else unit
    if office not in settings.units and len(settings.units) == 1:
        office = unit
    return f"/connectors/{message.connector}/{office}"


def _named(subject: str, pattern: str) -> str:
    """The dossier code in the title of a document, `` if there is none."""
    found = re.search(pattern, subject[:2000])
    return found[0] if found else ""


def _model(model: type[M], body: bytes) -> M:
    try:
        tree: Mapping[str, Any] = orjson.loads(body)
        return model.model_validate(tree)
    except orjson.JSONDecodeError as error:
        raise DecodeError(f"not JSON (character {error.pos})") from None
    except ValidationError as error:
        raise decode_error(error) from None
