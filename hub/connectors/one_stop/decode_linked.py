"""Inter-agency dossiers, and states of dossiers that were filed at the portal -> events; pure."""

from __future__ import annotations

from typing import Any

from pydantic import ValidationError

from hub.connectors.one_stop.linked import read_linked
from hub.connectors.one_stop.settings import OneStopSettings
from hub.connectors.one_stop.wire import HANDOVER_RESULT_SERVICE, HANDOVER_SERVICE, STATUS_SERVICE
from hub.errors import DecodeError
from hub.event import Alias, Event, decode_error
from hub.message import Message
from hub.schemas.dossier import KIND_OF_STATUS, DossierEvent, Step
from hub.schemas.handover import PARENT_ALIAS
from hub.wire.dvcqg.canonical import subject_of
from hub.wire.dvcqg.codes import read_status
from hub.wire.dvcqg.dates import read_stamp, write_stamp
from hub.wire.dvcqg.models import Text, WireAttachment, WirePart
from hub.wire.dvcqg.reading import body_hash

UNIT_CODE_ALIAS = "dossier.unit_code"
"""Kind of the alias that leads from a unit's own code to the portal's."""


def handover(message: Message, tree: Any, settings: OneStopSettings) -> list[Event | DecodeError]:
    """The event of a child that is handed over, or of what came of it."""
    data = read_linked(tree, message.headers.get("unit", ""), settings.linked_results)
    operation = message.operation or handover_operation(tree)
    about: tuple[str, str] | None = None
    aliases: tuple[Alias, ...] = ()
    if operation == HANDOVER_SERVICE:
        if not data.parent_code:
            raise DecodeError("dossier code is missing", path="/MaHoSo", code="no_subject")
        if data.receiver is None:
            raise DecodeError("the receiving unit is missing", path="/DonViNhan")
        kind, subject, time = "handover.requested", data.child_code, data.handed_at
        facts = {"unit": data.sender.unit, "to": data.receiver.unit}
        if data.due_at is not None:
            facts["due_at"] = write_stamp(data.due_at)
        aliases = (Alias(PARENT_ALIAS, data.child_code, data.parent_code, facts),)
    elif operation == HANDOVER_RESULT_SERVICE:
        if data.result is None:
            raise DecodeError("the result is missing", path="/KetQua")
        kind, subject, time = "handover.completed", data.parent_code, data.completed_at
        if not subject:
            about = (PARENT_ALIAS, data.child_code)
    else:
        raise DecodeError("not an operation of this form", code="unknown_operation")
    return [
        Event(
            kind=kind,
            source=f"/connectors/{message.connector}/{data.sender.unit}",
            subject=subject,
            time=time or message.received_at,
            data=data,
            natural_key=f"{operation}:{body_hash(tree)}",
            message_id=message.id,
            traceparent=message.traceparent,
            about=about,
            aliases=aliases,
        )
    ]


def handover_operation(tree: Any) -> str:
    """Which of the two objects it is, where only the object is at hand."""
    if not isinstance(tree, dict):
        return ""
    return HANDOVER_RESULT_SERVICE if "KetQua" in tree else HANDOVER_SERVICE


def handover_key(tree: Any) -> str:
    """The subject of the event that either object becomes, as far as it is told; `` if not."""
    if not isinstance(tree, dict):
        return ""
    child, parent = tree.get("MaHoSoLT"), tree.get("MaHoSo")
    ended = handover_operation(tree) == HANDOVER_RESULT_SERVICE
    code = parent if ended and parent else child
    return code if isinstance(code, str) else ""


class WireState(WirePart):
    """`data` of `DongBoTrangThaiHoSo`."""

    TrangThai: Text = None
    MaHoSo: Text = None
    MaHoSoDonVi: Text = None
    MaDoiTuong: Text = None
    NoiDung: Text = None
    NgayXuLy: Text = None
    TaiLieuXuLy: tuple[WireAttachment, ...] | None = None


def status(message: Message, tree: Any, settings: OneStopSettings) -> list[Event | DecodeError]:
    """The event of a state: a step of the dossier, with the fields that only this form has."""
    if not isinstance(tree, dict):
        raise DecodeError("must be a JSON object")
    try:
        wire = WireState.model_validate(tree)
    except ValidationError as error:
        raise decode_error(error) from error
    code = subject_of(wire.MaHoSo)
    unit = message.headers.get("unit") or code.partition("-")[0]
    data = DossierEvent(
        code=code,
        unit=unit,
        status=read_status(wire.TrangThai),
        status_code=wire.TrangThai or "",
        step=_step(wire, message.headers.get("type", "")),
    )
    own = wire.MaHoSoDonVi
    return [
        Event(
            kind=KIND_OF_STATUS[data.status],
            source=f"/connectors/{message.connector}/{unit}",
            subject=code,
            time=read_stamp(wire.NgayXuLy) or message.received_at,
            data=data,
            natural_key=f"{STATUS_SERVICE}:{body_hash(tree)}",
            message_id=message.id,
            traceparent=message.traceparent,
            aliases=(Alias(UNIT_CODE_ALIAS, own, code, {"unit": unit}),) if own else (),
        )
    ]


def _step(wire: WireState, sort: str) -> Step:
    """The step; what the portal's form has beyond a step is kept as unknown, under its names."""
    more: dict[str, Any] = {
        name: text
        for name in ("MaHoSoDonVi", "MaDoiTuong")
        if (text := wire.__dict__[name]) is not None
    }
    if wire.TaiLieuXuLy is not None:
        more["TaiLieuXuLy"] = [_paper(paper) for paper in wire.TaiLieuXuLy]
    if sort:
        more["type"] = sort
    at = read_stamp(wire.NgayXuLy)
    kept = {"NgayXuLy": wire.NgayXuLy} if wire.NgayXuLy is not None and at is None else {}
    return Step(
        content=wire.NoiDung or "",
        at=at,
        originals=kept,
        unknown={**more, **(wire.__pydantic_extra__ or {})},
    )


def _paper(paper: WireAttachment) -> dict[str, Any]:
    return {name: value for name, value in paper.model_dump().items() if value is not None}
