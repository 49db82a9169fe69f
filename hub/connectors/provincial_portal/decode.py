"""What the provincial platform pushes -> dossier events; pure.

Forms: `lgsp` is one item of the array (dossier or step in the portal's field names), `document`
one Document, `trace` one Trace. A dossier's subject is the platform's code, unless the hub knows
it by another (header `subject`); national and provincial codes become aliases of it.

Nothing is ordered by dates: a known product writes a 12-hour clock.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import orjson

from hub.connectors.provincial_portal.settings import ProvincialPortalSettings
from hub.errors import DecodeError
from hub.event import Alias, Event
from hub.message import Message
from hub.schemas.dossier import KIND_OF_STATUS, DossierEvent
from hub.wire.dvcqg.canonical import dossier_values, progress_values, subject_of
from hub.wire.dvcqg.claims import with_claims
from hub.wire.dvcqg.codes import FLAG_OF_TEXT
from hub.wire.dvcqg.filed import NATIONAL_CODE, filed_item
from hub.wire.dvcqg.lgsp import DOCUMENT_SERVICE, TRACES_SERVICE, read_document, read_trace
from hub.wire.dvcqg.models import PROGRESS_SERVICE
from hub.wire.dvcqg.reading import body_hash, dossier_of, progress_of, tree_of

FORMS = ("lgsp", "document", "trace")
INSTANCE = "provincial_portal"
NATIONAL_ALIAS = "dossier.national_code"
OWN_ALIAS = "dossier.provincial_code"
"""Kind of the alias of a code that a platform gave; its facts name the instances that told it."""
CLAIMS = "ThongTinTaiKhoan"
"""Field that holds the claims of the shared sign-on of who filed, where the platform sends it."""


def message(body: bytes, form: str) -> Message:
    """The Message of wire bytes; the same bytes give the same Message."""
    operation = {"document": DOCUMENT_SERVICE, "trace": TRACES_SERVICE}.get(form, "")
    return Message.of_file(
        body,
        connector=INSTANCE,
        operation=operation,
        headers={"form": form},
    )


def order_key(message: Message) -> str:
    """The dossier's subject, else the platform's code, else the unit. Never raises."""
    if known := message.headers.get("subject"):
        return known
    try:
        tree = orjson.loads(message.body)
        return subject_of(code_of(tree) if isinstance(tree, dict) else "")
    except (orjson.JSONDecodeError, DecodeError):
        return message.headers.get("unit") or message.connector


def code_of(tree: Mapping[str, Any]) -> str:
    """The platform's code of an item of any form, `` if it has none."""
    code = next((tree[n] for n in ("MaHoSo", "DocCode", "docCode") if tree.get(n)), "")
    return str(code) if isinstance(code, str | int) and not isinstance(code, bool) else ""


def decode(message: Message, settings: ProvincialPortalSettings) -> Sequence[Event | DecodeError]:
    """The one event of a message, without id.

    Raises:
        DecodeError: unreadable, or without a code.
    """
    tree = tree_of(message.body)
    if not isinstance(tree, dict):
        raise DecodeError("must be a JSON object")
    form, unit = message.headers.get("form", "lgsp"), message.headers.get("unit", "")
    if form == "trace" or (form == "lgsp" and _is_step(message, tree)):
        item = read_trace(tree) if form == "trace" else tree
        values, national = progress_values(progress_of(item), unit=unit), ""
    else:
        item = read_document(tree) if form == "document" else tree
        values, national = _dossier(message, item)
    data = DossierEvent.model_validate(values)
    subject = message.headers.get("subject") or data.code
    return [
        Event(
            kind=KIND_OF_STATUS[data.status],
            source=f"/connectors/{message.connector}/{unit}",
            subject=subject,
            time=_time(data) or message.received_at,
            data=data,
            natural_key=f"{message.operation or form}:{body_hash(tree)}",
            message_id=message.id,
            traceparent=message.traceparent,
            aliases=tuple(_aliases(message.connector, data, subject, national)),
        )
    ]


def _is_step(message: Message, tree: Mapping[str, Any]) -> bool:
    if message.operation:
        return message.operation == PROGRESS_SERVICE
    return "TrangThaiHoSo" not in tree and "MaTTHC" not in tree


def _dossier(message: Message, tree: dict[str, Any]) -> tuple[dict[str, Any], str]:
    """The values of a dossier, and the national code that the item names."""
    item = with_claims(tree, tree.get(CLAIMS))
    item.pop(CLAIMS, None)
    national = item.get(NATIONAL_CODE)
    item = filed_item(item, message.headers.get("files", "").split("\n"))
    updating = FLAG_OF_TEXT.get(message.headers.get("is_updating", ""))
    unit = message.headers.get("unit", "")
    values = dossier_values(dossier_of(item), unit=unit, updating=updating)
    return values, national if isinstance(national, str) else ""


def own_alias(instance: str, unit: str, code: str, subject: str) -> Alias:
    """The alias of a code that the platform of this instance gave."""
    return Alias(OWN_ALIAS, code, subject, {instance: unit})


def _aliases(instance: str, data: DossierEvent, subject: str, national: str) -> list[Alias]:
    if data.dossier is None:
        return []
    told = [own_alias(instance, data.unit, data.code, subject)]
    if national and len(national) <= 100 and national.isprintable():
        told.append(Alias(NATIONAL_ALIAS, national, subject))
    return told


def _time(data: DossierEvent) -> datetime | None:
    if data.step:
        return data.step.at
    dossier = data.dossier
    return (dossier.received_at or dossier.submitted_at) if dossier else None
