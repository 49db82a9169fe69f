"""What the portal pushes to the unit, and what is read from it -> events; pure.

Forms: `session` is one pushed dossier (the item of `data`), `state` one pushed state
(`DongBoTrangThaiHoSo`), `question` one row of the list of citizens' questions.

A pushed dossier's subject is the portal's code, unless the hub knows it by another (header
`subject`). A state names only the portal's code, so the hub finds the dossier by its alias; one
that comes before its dossier waits there. Nothing is ordered by dates: a known product writes a
12-hour clock.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import orjson

from hub.connectors.national_portal.settings import NationalPortalSettings
from hub.errors import DecodeError
from hub.event import Alias, Event
from hub.message import Message
from hub.schemas.dossier import KIND_OF_STATUS, DossierEvent, DossierStatus
from hub.schemas.petition import PetitionEvent, petition_alias, petition_subject
from hub.wire.dvcqg.canonical import dossier_values, subject_of
from hub.wire.dvcqg.claims import with_claims
from hub.wire.dvcqg.codes import FLAG_OF_TEXT
from hub.wire.dvcqg.filed import NATIONAL_CODE, UNIT_CODE, filed_item, state_values
from hub.wire.dvcqg.models import DOSSIER_SERVICE, QUESTIONS_SERVICE, STATE_SERVICE
from hub.wire.dvcqg.questions import CHANNEL, question_id, question_values
from hub.wire.dvcqg.reading import body_hash, dossier_of, question_of, state_of, tree_of

FORMS = ("session", "state", "question")
INSTANCE = "national_portal"
CODE_ALIAS = "dossier.national_code"
UNIT_CODE_ALIAS = "dossier.unit_code"
"""The code that the unit gave (`MaHoSoDonVi`), for the same subject."""

CLAIMS = "ThongTinTaiKhoan"
"""Field of a pushed dossier that holds the claims of who filed it, where the portal sends it."""

NEW_CODE = "1"
SERVICE_OF_FORM = {
    "session": DOSSIER_SERVICE,
    "state": STATE_SERVICE,
    "question": QUESTIONS_SERVICE,
}


def message(body: bytes, form: str) -> Message:
    """The Message of wire bytes; the same bytes give the same Message."""
    return Message.of_file(
        body,
        connector=INSTANCE,
        operation=SERVICE_OF_FORM.get(form, ""),
        headers={"form": form},
    )


def order_key(message: Message) -> str:
    """The dossier's subject, the portal's code, or the question's id; else the unit."""
    account = message.headers.get("unit") or message.connector
    if known := message.headers.get("subject"):
        return known
    try:
        tree = orjson.loads(message.body)
        if not isinstance(tree, dict):
            return account
        if message.headers.get("form") == "question":
            code = tree.get("CAUHOIID")
            return petition_subject(CHANNEL, question_id(str(code or "")))
        return subject_of(code_of(tree))
    except (orjson.JSONDecodeError, DecodeError):
        return account


def code_of(item: Mapping[str, Any]) -> str:
    """The portal's code of an item, `` if it has none."""
    code = item.get("MaHoSo") or item.get(NATIONAL_CODE)
    return str(code) if isinstance(code, str | int) and not isinstance(code, bool) else ""


def decode(message: Message, settings: NationalPortalSettings) -> Sequence[Event | DecodeError]:
    """The one event of a message, without id.

    Raises:
        DecodeError: unreadable, or without a code.
    """
    tree = tree_of(message.body)
    if not isinstance(tree, dict):
        raise DecodeError("must be a JSON object")
    match message.headers.get("form", "session"):
        case "state":
            return [_state(message, tree)]
        case "question":
            return [_question(message, tree, settings)]
    return [_dossier(message, tree)]


def _dossier(message: Message, tree: dict[str, Any]) -> Event:
    unit, headers = message.headers.get("unit", ""), message.headers
    item = with_claims(filed_item(tree, headers.get("files", "").split("\n")), tree.get(CLAIMS))
    item.pop(CLAIMS, None)
    if item.get("TrangThaiHoSo") in (None, ""):
        item["TrangThaiHoSo"] = NEW_CODE
    updating = FLAG_OF_TEXT.get(headers.get("is_updating", ""))
    values = dossier_values(dossier_of(item), unit=unit, updating=updating)
    if doubts := headers.get("doubts", "").split():
        told = values["dossier"]
        told["doubts"] = [*told.get("doubts", ()), *doubts]
    data = DossierEvent.model_validate(values)
    filed_at = data.dossier.submitted_at if data.dossier else None
    first = data.status is DossierStatus.NEW and not updating
    subject = headers.get("subject") or data.code
    aliases = [Alias(CODE_ALIAS, data.code, subject)]
    if isinstance(own := tree.get(UNIT_CODE), str) and 0 < len(own) <= 100 and own.isprintable():
        aliases.append(Alias(UNIT_CODE_ALIAS, own, subject))
    return Event(
        kind=KIND_OF_STATUS[data.status],
        source=f"/connectors/{message.connector}/{unit}",
        subject=subject,
        time=(filed_at if first else None) or message.received_at,
        data=data,
        natural_key=f"{message.operation}:{body_hash(tree)}",
        message_id=message.id,
        traceparent=message.traceparent,
        aliases=tuple(aliases),
    )


def _state(message: Message, tree: dict[str, Any]) -> Event:
    unit = message.headers.get("unit", "")
    data = DossierEvent.model_validate(state_values(state_of(tree), unit=unit))
    subject = message.headers.get("subject", "")
    return Event(
        kind=KIND_OF_STATUS[data.status],
        source=f"/connectors/{message.connector}/{unit}",
        subject=subject,
        time=(data.step.at if data.step else None) or message.received_at,
        data=data,
        natural_key=f"{message.operation}:{body_hash(tree)}",
        message_id=message.id,
        traceparent=message.traceparent,
        about=None if subject else (CODE_ALIAS, data.code),
    )


def _question(message: Message, tree: dict[str, Any], settings: NationalPortalSettings) -> Event:
    names = settings.polls.question_fields if settings.polls else {}
    row = {names.get(name, name): value for name, value in tree.items()}
    unit = message.headers.get("unit", "")
    values = question_values(question_of(row), unit=unit, origin=message.connector)
    data = PetitionEvent.model_validate(values)
    subject = petition_subject(CHANNEL, data.petition_id)
    return Event(
        kind="petition.received",
        source=f"/connectors/{message.connector}/{unit}",
        subject=subject,
        time=message.received_at,
        data=data,
        natural_key=f"{QUESTIONS_SERVICE}:{data.petition_id}",
        message_id=message.id,
        traceparent=message.traceparent,
        aliases=(Alias(*petition_alias(CHANNEL, data.petition_id), subject),),
        once=True,
    )
