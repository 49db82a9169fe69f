"""Canonical dossier events -> items of the portal's `data` array, pure.

The Message's body is one item; `client.py` puts it into the call's envelope, because the session
is not known here and up to ten progress rows of a dossier travel in one call. Statuses are never
rewritten and no id is ever invented: what the portal would refuse is an EncodeError.
"""

from __future__ import annotations

from typing import Any

import orjson

from hub.connectors.national_portal.settings import NationalPortalSettings
from hub.errors import EncodeError
from hub.event import Event
from hub.message import Message
from hub.schemas.dossier import DossierEvent
from hub.wire.dvcqg import models, rules
from hub.wire.dvcqg.canonical import write_dossier, write_progress
from hub.wire.dvcqg.codes import STATUS_OF_CODE

OFFICER_LIMIT = 50
"""Longest `NguoiXuLy`; products that talk to the portal cut it here too."""

MANDATORY = {2020: rules.MANDATORY_2020, 2023: rules.MANDATORY_2023}


def encode(event: Event, settings: NationalPortalSettings) -> Message:
    """The item that tells an event: the whole dossier if it has one, else one progress row.

    Args:
        event: a `dossier.*` event.
        settings: of the connector instance.

    Raises:
        EncodeError: not about a dossier, or the portal would refuse a field; with its path.
    """
    data = event.data
    if not isinstance(data, DossierEvent):
        raise EncodeError("the portal takes dossiers only", code="unknown_kind")
    if data.dossier is not None:
        operation, item = models.DOSSIER_SERVICE, _dossier(data, settings)
    else:
        operation, item = models.PROGRESS_SERVICE, _progress(data, settings)
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


def _dossier(data: DossierEvent, settings: NationalPortalSettings) -> dict[str, Any]:
    item = write_dossier(data)
    if item.get("TrangThaiHoSo") not in STATUS_OF_CODE:
        raise EncodeError("the portal knows statuses 1 to 10", path="/TrangThaiHoSo")
    wire = models.WireDossier.model_validate(item)
    _refuse(rules.dossier_faults(wire, mandatory=MANDATORY[settings.form_year]))
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
