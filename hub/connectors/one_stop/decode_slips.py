"""The slips (phiếu) that a dossier's state means, where the wire tells enough; pure.

One slip of a kind for each dossier and day: a product that sends the dossier and then the step
tells the same slip twice, and the natural key, which can be said only once, makes it one.

    received, with an appointment                  receipt (01), once for each appointment
    supplement asked for                           supplement (02)
    refused                                        refusal (03)
    a new appointment set after the old one passed apology (04)
    stopped                                        stop (05)
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from hub.event import Event
from hub.schemas.dossier import Dossier, DossierEvent, DossierStatus, Supplement
from hub.schemas.slip import FORM_OF_SLIP, SlipEvent, SlipKind
from hub.wire.dvcqg.canonical import last_round
from hub.wire.dvcqg.dates import VIETNAM, write_stamp

SLIP_OF_STATUS = {
    DossierStatus.RECEIVED: SlipKind.RECEIPT,
    DossierStatus.SUPPLEMENT: SlipKind.SUPPLEMENT,
    DossierStatus.REFUSED: SlipKind.REFUSAL,
    DossierStatus.STOPPED: SlipKind.STOP,
}
UNDER_WAY = {DossierStatus.RECEIVED, DossierStatus.PROCESSING, DossierStatus.SUPPLEMENT}


def slips_of(event: Event, heard_at: datetime) -> Iterator[Event]:
    """The slips that a dossier event means, each an event of the same dossier.

    Args:
        event: a `dossier.*` event.
        heard_at: when the hub first heard this, for states that carry no date of their own.
    """
    data = event.data
    if not isinstance(data, DossierEvent):
        return
    slip = SLIP_OF_STATUS.get(data.status)
    due_at = data.dossier.due_at if data.dossier else None
    if slip is SlipKind.RECEIPT and due_at is not None:
        yield _slip(event, data, slip, write_stamp(due_at))
    elif slip is not None and slip is not SlipKind.RECEIPT:
        yield _slip(event, data, slip, _day(_when(data) or heard_at))
    extended = _extended(data)
    if extended is not None and extended.due_after is not None:
        apology = _slip(event, data, SlipKind.APOLOGY, write_stamp(extended.due_after))
        yield apology


def is_undated(event: Event) -> bool:
    """Whether it means a slip of a state that the wire gives no date: of the day it was heard."""
    data = event.data
    if not isinstance(data, DossierEvent) or _when(data) is not None:
        return False
    return SLIP_OF_STATUS.get(data.status, SlipKind.RECEIPT) is not SlipKind.RECEIPT


def _extended(data: DossierEvent) -> Supplement | None:
    """The last round, if it moved an appointment that had already passed when it was written."""
    last = last_round(data.dossier) if data.dossier is not None else None
    if last is None or data.status not in UNDER_WAY:
        return None
    written = last.received_at or last.requested_at
    if last.due_before is None or last.due_after is None or written is None:
        return None
    missed = last.due_before < written and last.due_before < last.due_after
    return last if missed else None


def _when(data: DossierEvent) -> datetime | None:
    """The date that belongs to the state; none: the wire tells none."""
    if data.step is not None:
        return data.step.at
    dossier = data.dossier
    if dossier is not None and data.status is DossierStatus.REFUSED:
        return dossier.refused_at
    if dossier is not None and data.status is DossierStatus.SUPPLEMENT:
        last = last_round(dossier)
        return last.requested_at if last else None
    return None


def _day(at: datetime) -> str:
    return f"{at.astimezone(VIETNAM):%Y%m%d}"


def _slip(event: Event, data: DossierEvent, slip: SlipKind, mark: str) -> Event:
    values: dict[str, Any] = {
        "slip": slip,
        "form": FORM_OF_SLIP[slip],
        "code": data.code,
        "unit": data.unit,
    }
    if data.dossier is not None:
        values |= _of_dossier(data.dossier, slip)
    if data.step is not None:
        values |= {"officer": data.step.officer, "content": data.step.content}
    return Event(
        kind="slip.issued",
        source=event.source,
        subject=event.subject,
        time=event.time,
        data=SlipEvent.model_validate(values),
        natural_key=f"slip:{slip}:{data.code}:{mark}",
        message_id=event.message_id,
        traceparent=event.traceparent,
        once=True,
    )


def _of_dossier(dossier: Dossier, slip: SlipKind) -> dict[str, Any]:
    last = last_round(dossier)
    values: dict[str, Any] = {
        "unit_name": dossier.unit_name,
        "procedure": dossier.procedure,
        "applicant": dossier.applicant,
        "channel": dossier.channel,
        "return_way": dossier.return_way,
        "components": dossier.other_papers,
        "received_at": dossier.received_at,
        "due_at": dossier.due_at,
        "content": dossier.note,
    }
    if slip is SlipKind.SUPPLEMENT and last is not None:
        values |= {"officer": last.requested_by, "content": last.content}
    if slip is SlipKind.APOLOGY and last is not None:
        values |= {
            "due_at": last.due_after,
            "due_before": last.due_before,
            "officer": last.received_by or last.requested_by,
            "content": last.content,
        }
    return values
