"""Bodies of the petition contract -> events of petitions and votes; pure.

One form, `pakn`: a JSON object (domain notes 7.3), in the contract's names or in those that the
settings give. A complaint or denunciation becomes `petition.redirected` without its text.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import orjson

from hub.connectors.petitions import wire
from hub.connectors.petitions.decode_fields import Fields, body_hash
from hub.connectors.petitions.settings import PetitionSettings
from hub.errors import DecodeError
from hub.event import Alias, Event
from hub.message import Message
from hub.schemas import petition as schema
from hub.wire.clock_texts import VIETNAM
from hub.wire.json_text import strict_tree
from hub.wire.spelling import folded
from hub.worktime import WORKING_DAY

FORMS = ("pakn",)
INSTANCE = "petitions"
REDIRECTED_KIND = "petition.redirected"


def message(body: bytes, form: str) -> Message:
    """The Message of wire bytes; the same bytes give the same Message."""
    return Message.of_file(
        body,
        connector=INSTANCE,
        operation=_texts(body).get("type", ""),
        headers={"form": form},
    )


def order_key(message: Message) -> str:
    """The subject if the body tells it, else the petition's id; never raises.

    The door, which knows by what names a system calls things, tells it in the header `order`.
    """
    if told := message.headers.get("order"):
        return told
    text = _texts(message.body)
    petition, source, kind = text.get("paknId"), text.get("source", ""), text.get("type")
    if kind == wire.RECEIVED and petition:
        own = schema.petition_subject(source, petition)
        said = text.get("category", ""), text.get("subject", "")
        odd = wire.category_redirected(*said, wire.CATEGORIES, wire.TITLE_WORDS)
        return own if odd else text.get("dossierCode") or own
    if kind == wire.VOTED:
        return text.get("dossierCode") or text.get("unit") or _unit(message)
    return f"{source}/{petition}" if petition else _unit(message)


def decode(message: Message, settings: PetitionSettings) -> Sequence[Event | DecodeError]:
    """The one event of a body, without id.

    Raises:
        DecodeError: unreadable, an unknown type, or a field that breaks the contract.
    """
    tree = strict_tree(message.body)
    fields = Fields(tree, settings)
    told = fields.text("type") or settings.default_type
    if told in (wire.VOTED, wire.RATED):
        return [_voted(fields, message, settings, told)]
    if told == wire.RECEIVED:
        return [_received(fields, message, settings)]
    if told in wire.DONE_BY_AGENCY:
        return [_done(fields, message, settings, body_hash(tree))]
    raise DecodeError("not a type of the contract", path="/type", code="unknown_operation")


def _received(fields: Fields, message: Message, settings: PetitionSettings) -> Event:
    values = _said_of_all(fields, message, settings)
    channel, petition_id = values["channel"], values["petition_id"]
    values["origin"] = message.connector
    odd = wire.category_redirected(
        fields.text("category"),
        fields.text("subject"),
        settings.redirected_categories,
        settings.redirected_title_words,
    )
    if odd:
        return _redirected(values, odd, message, settings)
    petition = _petition(fields)
    if not petition.content and not petition.title:
        raise fields.fault("content", "a petition says something")
    begun = petition.submitted_at or message.received_at
    transfer, answer = fields.moment("transferDueAt"), fields.moment("answerDueAt")
    values |= {
        "petition": petition,
        "answer": _answer(fields, fields.moment("answeredAt")) if fields.text("answer") else None,
        "acted_at": petition.submitted_at,
        "transfer_due_at": transfer or _due(begun, settings.transfer_days_count, settings),
        "answer_due_at": answer or _due(begun, settings.answer_days_count, settings),
        "originals": fields.originals,
        "unknown": {} if petition.submitter.anonymous else fields.unknown,
    }
    if (values["transfer_due_at"], values["answer_due_at"]) != (transfer, answer):
        values["calendar_version"] = settings.calendar.version
    data = schema.PetitionEvent.model_validate(values)
    subject = data.dossier_code or schema.petition_subject(channel, petition_id)
    return _event("petition.received", data, message, settings, subject)


def _redirected(
    values: Mapping[str, Any], category: str, message: Message, settings: PetitionSettings
) -> Event:
    """Of a complaint: that there was one, and who is competent. It joins no dossier."""
    data = schema.PetitionEvent(
        petition_id=values["petition_id"],
        channel=values["channel"],
        origin=values["origin"],
        unit=values["unit"],
        reason=category,
        redirected_to=settings.redirected_categories.get(category, ""),
    )
    subject = schema.petition_subject(data.channel, data.petition_id)
    return _event(REDIRECTED_KIND, data, message, settings, subject)


def _event(
    kind: str,
    data: schema.PetitionEvent,
    message: Message,
    settings: PetitionSettings,
    subject: str,
) -> Event:
    """The first event of a petition: it makes the petition's id known, and is said once."""
    alias = schema.petition_alias(data.channel, data.petition_id)
    facts = {"origin": data.origin, "kind": kind}
    return Event(
        kind=kind,
        source=_source(message, data.channel),
        subject=subject,
        time=data.acted_at or message.received_at,
        data=data,
        natural_key=f"{wire.RECEIVED}:{alias[1]}",
        message_id=message.id,
        traceparent=message.traceparent,
        aliases=(Alias(*alias, subject=subject, facts=facts),),
        once=True,
    )


def _done(fields: Fields, message: Message, settings: PetitionSettings, body_hash: str) -> Event:
    """What an agency did; the same with the same time is the same, however late it comes.

    An answer is also without a time: a citizen is answered once.
    """
    values = _said_of_all(fields, message, settings)
    told = fields.text("type") or settings.default_type
    at = fields.moment("at")
    answered_at = fields.moment("answeredAt")
    if told == wire.ANSWERED and not fields.text("answer"):
        raise fields.fault("answer", "an answer says something")
    if told in ("pakn.assigned", wire.TRANSFERRED):
        values["assignment"] = schema.Assignment(
            from_unit=fields.code("fromOrgan"),
            unit=fields.code("toOrgan", needed=told == wire.TRANSFERRED),
            unit_name=fields.text("toOrganName"),
            officer=fields.text("officer"),
            due_at=fields.moment("dueAt"),
        )
    if told == wire.TRANSFERRED and "content" in fields:
        values["petition"] = _petition(fields)
    if "answer" in fields:
        values["answer"] = _answer(fields, answered_at, fields.attachments())
    values |= {
        "reason": fields.text("reason"),
        "redirected_to": fields.text("redirectedTo"),
        "published_url": fields.text("url"),
        "acted_at": at or answered_at,
        "originals": fields.originals,
        "unknown": fields.unknown,
    }
    data = schema.PetitionEvent.model_validate(values)
    about = schema.petition_alias(data.channel, data.petition_id)
    return Event(
        kind=told.replace("pakn", "petition", 1),
        source=_source(message),
        subject="",
        time=data.acted_at or message.received_at,
        data=data,
        natural_key=f"{told}:{about[1]}:{body_hash}",
        message_id=message.id,
        traceparent=message.traceparent,
        about=about,
        once=data.acted_at is not None or told in wire.SAID_ONCE,
    )


def _said_of_all(fields: Fields, message: Message, settings: PetitionSettings) -> dict[str, Any]:
    channel = fields.code("source") or settings.default_source
    return {
        "petition_id": fields.code("paknId", needed=True),
        "channel": channel,
        "origin": settings.origins.get(channel, message.connector),
        "unit": fields.code("organTarget") or fields.code("unit") or _account(message),
        "unit_name": fields.text("organTargetName"),
        "dossier_code": fields.code("dossierCode"),
        "status_code": fields.text("status"),
    }


def _voted(fields: Fields, message: Message, settings: PetitionSettings, told: str) -> Event:
    """A vote counts for the month in which it was given."""
    channel = fields.code("source") or settings.default_source
    vote_id = fields.code("voteId", needed=True)
    petition_id = fields.code("paknId", needed=told == wire.RATED)
    text = fields.text("vote")
    at = fields.moment("at")
    unit = fields.code("unit") or fields.code("organTarget")
    votes = {folded(code): vote for code, vote in settings.vote_codes.items()}
    data = schema.SurveyVoted(
        vote_id=vote_id,
        unit=unit,
        month=fields.month("month") or f"{at or message.received_at.astimezone(VIETNAM):%Y-%m}",
        dossier_code=fields.code("dossierCode"),
        petition_id=petition_id,
        channel=channel,
        vote=schema.Satisfaction(votes.get(folded(text), "unknown")),
        vote_code=text,
        comment=fields.text("comment"),
        voted_at=at,
        originals=fields.originals,
    )
    about = schema.petition_alias(channel, petition_id) if petition_id else None
    return Event(
        kind="survey.voted",
        source=_source(message, channel),
        subject="" if about else data.dossier_code or unit or _unit(message),
        time=at or message.received_at,
        data=data,
        natural_key=f"{wire.VOTED}:{channel}/{vote_id}",
        message_id=message.id,
        traceparent=message.traceparent,
        about=about,
        once=True,
    )


def _petition(fields: Fields) -> schema.Petition:
    return schema.Petition(
        title=fields.text("subject"),
        content=fields.text("content"),
        category=fields.text("category"),
        procedure_code=fields.text("procedureCode"),
        field_code=fields.text("fieldCode"),
        submitter=_submitter(fields),
        attachments=fields.attachments(),
        submitted_at=fields.moment("submittedAt"),
    )


def _answer(
    fields: Fields, at: datetime | None, files: tuple[schema.PetitionAttachment, ...] = ()
) -> schema.PetitionAnswer:
    return schema.PetitionAnswer(
        content=fields.text("answer"),
        answered_by=fields.text("answeredBy"),
        position=fields.text("position"),
        answered_at=at,
        public=fields.flag("public"),
        attachments=files,
    )


def _submitter(fields: Fields) -> schema.Submitter:
    """Who wrote it; of an anonymous one only that."""
    if fields.anonymous:
        return schema.Submitter(anonymous=True)
    return schema.Submitter(
        kind_code=fields.text("submitter.kind"),
        name=fields.text("submitter.name"),
        id_number=fields.text("submitter.idNo"),
        phone=fields.text("submitter.phone"),
        email=fields.text("submitter.email"),
        address=fields.text("submitter.address"),
    )


def _due(begun: datetime, days: int, settings: PetitionSettings) -> datetime | None:
    """The end of a term in working days; `None` if the calendar does not know a year of it."""
    try:
        return settings.calendar.add(begun, days * WORKING_DAY)
    except (LookupError, OverflowError):
        return None


def _account(message: Message) -> str:
    return message.headers.get("unit", "")


def _unit(message: Message) -> str:
    return message.headers.get("unit") or message.connector


def _source(message: Message, channel: str = "") -> str:
    """Whose event it is: of the source that is named, whichever account brings it; else its own."""
    return f"/connectors/{message.connector}/{channel or _account(message)}"


def _texts(body: bytes) -> dict[str, str]:
    """Texts and whole numbers on the first level of a body; none if it is unreadable."""
    try:
        tree = orjson.loads(body)
    except orjson.JSONDecodeError:
        return {}
    if not isinstance(tree, dict):
        return {}
    plain = {name: value for name, value in tree.items() if not isinstance(value, bool)}
    return {name: str(value) for name, value in plain.items() if isinstance(value, str | int)}
