"""Canonical events -> items of the portal's `data`, pure.

The Message's body is one item; `client.py` puts it into the call's envelope, because the session
is not known here and up to ten progress rows of a dossier travel in one call. Statuses are never
rewritten and no id is ever invented: what the portal would refuse is an EncodeError.

A dossier that was filed at the portal (its code is the portal's, or the product sends the
portal's code beside its own) goes back as a state, not as a dossier of the unit.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import cache
from typing import Any

import orjson

from hub.connectors.national_portal.settings import NationalPortalSettings
from hub.errors import EncodeError
from hub.event import Event
from hub.lean import lean_of
from hub.message import Message
from hub.schemas.dossier import DossierEvent
from hub.schemas.petition import PetitionEvent
from hub.wire.dvcqg import models, rules
from hub.wire.dvcqg.canonical import write_dossier, write_progress
from hub.wire.dvcqg.codes import STATUS_OF_CODE, write_status
from hub.wire.dvcqg.filed import forget_kept, national_code_of, write_state
from hub.wire.dvcqg.questions import CHANNEL, write_answer
from hub.wire.dvcqg.reading import quick_dossier_of

OFFICER_LIMIT = 50
"""Longest `NguoiXuLy`; products that talk to the portal cut it here too."""

REFUSED_THERE = "11"
"""State that only `DongBoTrangThaiHoSo` has; one product says it for 3."""

_DOSSIER = (DossierEvent, lean_of(DossierEvent))
_PETITION = (PetitionEvent, lean_of(PetitionEvent))

MANDATORY = {2020: rules.MANDATORY_2020, 2023: rules.MANDATORY_2023}


def encode(event: Event, settings: NationalPortalSettings) -> Message:
    """The item that tells an event.

    Args:
        event: a `dossier.*` event: the whole dossier if it has one, else one progress row, and a
            state if it was filed at the portal; or the `petition.answered` of the portal's
            question.
        settings: of the connector instance.

    Raises:
        EncodeError: of another kind, or the portal would refuse a field; with its path.
    """
    data = event.data
    if isinstance(data, _DOSSIER):
        operation, item = _told(event, data, settings)
    elif isinstance(data, _PETITION):
        operation, item = models.ANSWER_SERVICE, _answer(data)
    else:
        raise EncodeError("the portal takes dossiers and answers only", code="unknown_kind")
    return Message(
        connector="national_portal",
        operation=operation,
        body=orjson.dumps(item),
        key=event.subject,
        headers={"unit": data.unit},
        id=event.id,
        received_at=event.time,
        traceparent=event.traceparent,
    )


def _told(
    event: Event, data: DossierEvent, settings: NationalPortalSettings
) -> tuple[str, dict[str, Any]]:
    """Operation and item of a dossier's event."""
    if settings.states_of_filed_here and (code := _national_code(event, data, settings)):
        return models.STATE_SERVICE, _state(event, data, settings, code)
    if data.dossier is not None:
        return models.DOSSIER_SERVICE, _dossier(data, settings)
    return models.PROGRESS_SERVICE, _progress(data, settings)


def _national_code(event: Event, data: DossierEvent, settings: NationalPortalSettings) -> str:
    """The portal's code: what the item is about, what the hub knows it by, or what it says."""
    if settings.national_code_pattern:
        fits = _fitting(settings.national_code_pattern)
        if fits(data.code):
            return data.code
        if event.subject != data.code and fits(event.subject):
            return event.subject
    return national_code_of(data)


@cache
def _fitting(pattern: str) -> Callable[[str], Any]:
    """Whether a whole text is of this form; compiled once."""
    return re.compile(pattern).fullmatch


def _state(
    event: Event, data: DossierEvent, settings: NationalPortalSettings, code: str
) -> dict[str, Any]:
    status = write_status(data.status, data.status_code)
    known = status in STATUS_OF_CODE or status in settings.state_codes or status == REFUSED_THERE
    if not known:
        status = settings.unknown_step_status_code if data.step else ""
    state = settings.state_codes.get(status, status)
    item = write_state(data, national_code=code, state_code=state, at=event.time)
    forget_kept(item)
    return item


def _answer(data: PetitionEvent) -> dict[str, Any]:
    if data.channel != CHANNEL:
        raise EncodeError("not a question of this portal", path="/channel", code="unknown_kind")
    return write_answer(data)


def _dossier(data: DossierEvent, settings: NationalPortalSettings) -> dict[str, Any]:
    item = write_dossier(data)
    forget_kept(item)
    if item.get("TrangThaiHoSo") not in STATUS_OF_CODE:
        raise EncodeError("the portal knows statuses 1 to 10", path="/TrangThaiHoSo")
    mandatory = MANDATORY[settings.form_year]
    if not rules.surely_good(item, data.dossier, mandatory):
        _refuse(rules.dossier_faults(quick_dossier_of(item), mandatory=mandatory))
    return item


def _progress(data: DossierEvent, settings: NationalPortalSettings) -> dict[str, Any]:
    item = write_progress(data)
    if item.get("TrangThai") not in STATUS_OF_CODE:
        if not settings.unknown_step_status_code:
            raise EncodeError("the portal knows statuses 1 to 10", path="/TrangThai")
        item["TrangThai"] = settings.unknown_step_status_code
    if isinstance(officer := item.get("NguoiXuLy"), str):
        item["NguoiXuLy"] = officer[:OFFICER_LIMIT]
    _refuse(rules.progress_faults(models.WireProgress.model_validate(item)))
    return item


def _refuse(faults: list[rules.Fault]) -> None:
    if faults:
        raise EncodeError(faults[0].text, path=faults[0].path)
