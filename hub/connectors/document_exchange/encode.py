"""Documents and statuses of our offices -> packages for the axis; pure.

The attachments' bytes are not in the event: the package is written with a mark in the place of
each, and the client puts them in while it sends.
"""

from __future__ import annotations

import orjson

from hub.connectors.document_exchange.ids import ORGAN_ID, Ids
from hub.connectors.document_exchange.settings import DocumentExchangeSettings
from hub.errors import EncodeError
from hub.event import Event
from hub.message import Message
from hub.schemas.document import (
    Business,
    DocumentEvent,
    DocumentLink,
    HandlingEvent,
    Hop,
    Organisation,
)
from hub.wire.edxml.writing import document_id_of, write_document, write_status

SEND_DOCUMENT = "sendEdoc edoc"
SEND_STATUS = "sendEdoc status"


def encode(event: Event, settings: DocumentExchangeSettings) -> Message:
    """The package that tells an event, with the ids that are agreed; see `encode_with`."""
    return encode_with(event, Ids(settings))


def encode_with(event: Event, ids: Ids) -> Message:
    """The package that tells an event.

    Args:
        event: `document.issued` or `document.handled`.
        ids: of organisations, as known now; with the settings of the connector instance.

    Raises:
        EncodeError: another kind, or a field that the form needs is missing; with its path.
    """
    data = event.data
    if event.kind == "document.issued" and isinstance(data, DocumentEvent):
        return _document(event, data, ids)
    if event.kind == "document.handled" and isinstance(data, HandlingEvent):
        return _status(event, data, ids)
    raise EncodeError("the axis takes documents and statuses only", code="unknown_kind")


def _document(event: Event, data: DocumentEvent, ids: Ids) -> Message:
    for number, file in enumerate(data.document.files):
        if not file.reference:
            raise EncodeError(
                "its bytes are not in the blob store", path=f"/document/files/{number}/reference"
            )
    data = _completed(data, ids.settings)
    receivers = [each.id for each in data.document.receivers]
    if not data.hops:
        data = data.model_copy(update={"hops": (Hop(organ_id=data.unit, at=event.time),)})

    def wire_id(organ_id: str) -> str:
        """Old ids only where every receiver reads them."""
        forms = {ids.wire_id(organ_id, reader) for reader in receivers}
        return forms.pop() if len(forms) == 1 else organ_id

    body = write_document(data, wire_id)
    to = [_sendable(wire_id(each), "/document/receivers") for each in receivers]
    beside = {
        "from": _sendable(wire_id(data.document.sender.id), "/document/sender/id"),
        "document_id": document_id_of(data.document),
    }
    return _message(event, SEND_DOCUMENT, body, data.unit, {**beside, "to": _list(to)})


def _status(event: Event, data: HandlingEvent, ids: Ids) -> Message:
    reader = data.receiver or data.answers.organ_id
    if not reader:
        raise EncodeError("is needed", path="/answers/organ_id")
    said = {"at": data.at or event.time, "reporter": _named(data.reporter, ids.settings)}
    data = data.model_copy(update=said)

    def wire_id(organ_id: str) -> str:
        return ids.wire_id(organ_id, reader)

    body = write_status(data, wire_id)
    beside = {
        "from": _sendable(wire_id(data.reporter.id), "/reporter/id"),
        "document_id": data.answers.document_id,
        "to": _list([_sendable(wire_id(reader), "/receiver")]),
    }
    return _message(event, SEND_STATUS, body, data.unit, beside)


def _completed(data: DocumentEvent, settings: DocumentExchangeSettings) -> DocumentEvent:
    """Names where the event has only ids; what is revoked or replaced, where the form has it.

    An update that does not say what it changes brings the document anew, so its data count.
    """
    document, said = data.document, dict[str, object]()
    changes: dict[str, object] = {
        "sender": _named(document.sender, settings),
        "receivers": tuple(_named(each, settings) for each in document.receivers),
    }
    if data.business is Business.REVOKE and data.target_id and not document.responds_to:
        revoked = DocumentLink(document_id=data.target_id, organ_id=document.sender.id)
        changes["responds_to"] = (revoked,)
    if data.business is Business.REPLACE and data.target_id and not data.replaces:
        said["replaces"] = (DocumentLink(document_id=data.target_id),)
    if data.business is Business.UPDATE and data.metadata_changed is data.receivers_changed is None:
        said["metadata_changed"] = True
    return data.model_copy(update={"document": document.model_copy(update=changes), **said})


def _named(organisation: Organisation, settings: DocumentExchangeSettings) -> Organisation:
    if organisation.name:
        return organisation
    name = settings.partner(organisation.id).name or organisation.id
    return organisation.model_copy(update={"name": name})


def _sendable(wire_id: str, path: str) -> str:
    """An organisation id that may stand in a header."""
    if not ORGAN_ID.fullmatch(wire_id):
        raise EncodeError("is no organisation id", path=path)
    return wire_id


def _list(ids: list[str]) -> str:
    return orjson.dumps(ids).decode()


def _message(
    event: Event, operation: str, body: bytes, unit: str, beside: dict[str, str]
) -> Message:
    return Message(
        connector="document_exchange",
        operation=operation,
        body=body,
        key=event.subject,
        headers={"unit": unit, "form": "edxml", **beside},
        id=event.id,
        received_at=event.time,
        content_type="application/xml",
        traceparent=event.traceparent,
    )
