"""Events of petitions -> bodies of the contract, pure.

A file in the blob store is written as its reference; `client.py` puts the content in its place.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

import orjson

from hub.connectors.petitions import wire
from hub.connectors.petitions.settings import PetitionSettings
from hub.errors import EncodeError
from hub.event import Event
from hub.message import Message
from hub.schemas.petition import Petition, PetitionAnswer, PetitionAttachment, PetitionEvent
from hub.wire.clock_texts import write_moment


def encode(event: Event, settings: PetitionSettings) -> Message:
    """The body that tells an event: a petition to the competent body, or what became of it.

    Args:
        event: a `petition.*` event.
        settings: of the connector instance.

    Raises:
        EncodeError: not about a petition, or a `petition.received` without the petition.
    """
    data = event.data
    if not isinstance(data, PetitionEvent):
        raise EncodeError("the contract knows petitions only", code="unknown_kind")
    told = event.kind.replace("petition", "pakn", 1)
    values: dict[str, Any] = {
        "type": told,
        "paknId": data.petition_id,
        "source": data.channel,
        "status": data.status_code,
        "dossierCode": data.dossier_code,
        "organTarget": data.unit,
        "organTargetName": data.unit_name,
        "reason": data.reason,
        "redirectedTo": data.redirected_to,
    }
    if told == wire.RECEIVED and data.petition is None:
        raise EncodeError("the petition is missing", path="/petition")
    if data.petition is not None:
        values |= _petition(data, data.petition, settings)
    if data.answer is not None:
        values |= _answer(data, data.answer)
    if told != wire.RECEIVED:
        values |= _done(data, settings)
    return Message(
        connector="petitions",
        operation=told,
        body=orjson.dumps(settings.names.write(values)),
        key=event.subject,
        headers={"unit": data.unit},
        id=event.id,
        received_at=event.time,
        traceparent=event.traceparent,
    )


def _petition(
    data: PetitionEvent, petition: Petition, settings: PetitionSettings
) -> dict[str, Any]:
    submitter = petition.submitter
    return {
        "submitter.anonymous": submitter.anonymous or None,
        "submitter.kind": submitter.kind_code,
        "submitter.name": submitter.name,
        "submitter.idNo": submitter.id_number,
        "submitter.phone": submitter.phone,
        "submitter.email": submitter.email,
        "submitter.address": submitter.address,
        "subject": petition.title,
        "content": petition.content,
        "category": petition.category,
        "procedureCode": petition.procedure_code,
        "fieldCode": petition.field_code,
        "submittedAt": _told(data, "submittedAt", petition.submitted_at),
        "transferDueAt": _told(data, "transferDueAt", data.transfer_due_at),
        "answerDueAt": _told(data, "answerDueAt", data.answer_due_at),
        "attachments": _attachments(petition.attachments, settings),
    }


def _done(data: PetitionEvent, settings: PetitionSettings) -> dict[str, Any]:
    values: dict[str, Any] = {"url": data.published_url}
    if (given := data.assignment) is not None:
        values |= {
            "fromOrgan": given.from_unit,
            "toOrgan": given.unit,
            "toOrganName": given.unit_name,
            "officer": given.officer,
            "dueAt": _told(data, "dueAt", given.due_at),
        }
    answered_at = None
    if (answer := data.answer) is not None:
        answered_at = answer.answered_at
        values["attachments"] = _attachments(answer.attachments, settings)
    if data.acted_at != answered_at:
        values["at"] = _told(data, "at", data.acted_at)
    return values


def _answer(data: PetitionEvent, answer: PetitionAnswer) -> dict[str, Any]:
    return {
        "answer": answer.content,
        "answeredBy": answer.answered_by,
        "position": answer.position,
        "answeredAt": _told(data, "answeredAt", answer.answered_at),
        "public": answer.public,
    }


def _attachments(
    files: Iterable[PetitionAttachment], settings: PetitionSettings
) -> list[dict[str, Any]] | None:
    return [
        settings.names.write_attachment(
            {
                "name": file.name,
                "contentType": file.content_type,
                "size": file.size_bytes,
                "url": file.url,
                wire.BLOB: file.blob,
            }
        )
        for file in files
    ] or None


def _told(data: PetitionEvent, field: str, moment: datetime | None) -> str | None:
    """A moment in our form; where the source wrote what is no moment, its own words."""
    return write_moment(moment) if moment is not None else data.originals.get(field)
