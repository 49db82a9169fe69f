"""Canonical dossier events -> items of the platform's array, pure.

The Message's body is one item; `client.py` puts it into an array and writes the address. Statuses
are never rewritten to others, and no id is ever invented.
"""

from __future__ import annotations

from typing import Any

import orjson

from hub.connectors.provincial_portal.settings import ProvincialPortalSettings
from hub.errors import EncodeError
from hub.event import Event
from hub.message import Message
from hub.schemas.dossier import DossierEvent, DossierStatus
from hub.wire.dvcqg import models, rules
from hub.wire.dvcqg.canonical import write_dossier, write_progress
from hub.wire.dvcqg.codes import FLAG_OF_TEXT, STATUS_OF_CODE, STATUS_OF_WORD
from hub.wire.dvcqg.dates import write_stamp
from hub.wire.dvcqg.filed import BLOB, forget_kept
from hub.wire.dvcqg.lgsp import DOCUMENT_SERVICE, TRACES_SERVICE, write_document, write_trace

MANDATORY = {2020: rules.MANDATORY_2020, 2023: rules.MANDATORY_2023}
MANDATORY_DOCUMENT = ("MaHoSo", "MaTTHC", "TrangThaiHoSo")
OFFICER_LIMIT = 50
WORD_OF_CODE = {
    code: next(word for word, status in STATUS_OF_WORD.items() if status is of_code)
    for code, of_code in STATUS_OF_CODE.items()
}
TEXT_OF_CODE = {
    "1": "Mới đăng ký",
    "2": "Được tiếp nhận",
    "3": "Không được tiếp nhận",
    "4": "Đang xử lý",
    "5": "Yêu cầu bổ sung giấy tờ",
    "6": "Yêu cầu thực hiện nghĩa vụ tài chính",
    "7": "Công dân yêu cầu rút hồ sơ",
    "8": "Dừng xử lý",
    "9": "Đã xử lý xong",
    "10": "Đã trả kết quả",
}
"""Names of the statuses; what a step without a text says."""
FLAGS = frozenset((*rules.DOSSIER_FLAGS, *rules.ATTACHMENT_FLAGS))


def encode(event: Event, settings: ProvincialPortalSettings) -> Message:
    """The item that tells an event: the whole dossier if it has one, else one step.

    Raises:
        EncodeError: not about a dossier, or the platform would refuse a field; with its path.
    """
    data = event.data
    if not isinstance(data, DossierEvent):
        raise EncodeError("the platform takes dossiers only", code="unknown_kind")
    whole = data.dossier is not None
    item = _dossier(data, settings) if whole else _progress(event, data, settings)
    operation = models.DOSSIER_SERVICE if whole else models.PROGRESS_SERVICE
    if settings.profile != "ministry":
        forget_kept(item)
    else:
        _name_kept(item)
        write = write_document if whole else write_trace
        item = write(item, iso_dates=settings.iso_dates)
        operation = DOCUMENT_SERVICE if whole else TRACES_SERVICE
    return Message(
        connector="provincial_portal",
        operation=operation,
        body=orjson.dumps(item),
        key=event.subject,
        headers={"unit": data.unit},
        id=event.id,
        received_at=event.time,
        traceparent=event.traceparent,
    )


def _dossier(data: DossierEvent, settings: ProvincialPortalSettings) -> dict[str, Any]:
    item = write_dossier(data)
    wire = models.WireDossier.model_validate(item)
    if settings.profile == "ministry":
        missing = [name for name in MANDATORY_DOCUMENT if not item.get(name)]
        if missing:
            raise EncodeError("mandatory, but missing", path=f"/{missing[0]}")
    else:
        _refuse(rules.dossier_faults(wire, mandatory=_mandatory(data, settings)))
    _check_status(item, "TrangThaiHoSo")
    _say_status(item, "TrangThaiHoSo", settings)
    if settings.booleans == "word":
        _spell(item)
    return item


def _mandatory(data: DossierEvent, settings: ProvincialPortalSettings) -> tuple[str, ...]:
    """What a dossier must have: one that waits to be received was not received yet."""
    names = MANDATORY[settings.form_year]
    waits = data.status is DossierStatus.NEW
    return tuple(name for name in names if not waits or name != "NgayTiepNhan")


def _progress(
    event: Event, data: DossierEvent, settings: ProvincialPortalSettings
) -> dict[str, Any]:
    """One step; what a state of the portal does not tell (officer, text, time) is said plainly."""
    item = write_progress(data)
    _check_status(item, "TrangThai")
    item["NguoiXuLy"] = (item.get("NguoiXuLy") or settings.untold_officer)[:OFFICER_LIMIT]
    item["NoiDungXuLy"] = item.get("NoiDungXuLy") or TEXT_OF_CODE[item["TrangThai"]]
    item["ThoiDiemXuLy"] = item.get("ThoiDiemXuLy") or write_stamp(event.time)
    _refuse(rules.progress_faults(models.WireProgress.model_validate(item)))
    _say_status(item, "TrangThai", settings)
    return item


def _name_kept(item: dict[str, Any]) -> None:
    """A Document has its files inside: `client.py` puts the kept ones where they are named."""
    for part in item.get("TaiLieuNop") or ():
        address = str(part.get("DuongDanTaiTepTin", ""))
        if address.startswith(BLOB):
            part["Base64"] = address


def _check_status(item: dict[str, Any], name: str) -> None:
    if item.get(name) not in STATUS_OF_CODE:
        raise EncodeError("the platform knows statuses 1 to 10", path=f"/{name}")


def _say_status(item: dict[str, Any], name: str, settings: ProvincialPortalSettings) -> None:
    if settings.statuses == "word":
        item[name] = WORD_OF_CODE[item[name]]


def _spell(tree: dict[str, Any]) -> None:
    """Write every boolean of an item and of its parts as `True` or `False`."""
    for name, value in tree.items():
        if name in FLAGS and isinstance(value, str | bool) and value in FLAG_OF_TEXT:
            tree[name] = str(FLAG_OF_TEXT[value])
        elif isinstance(value, list):
            for part in value:
                if isinstance(part, dict):
                    _spell(part)


def _refuse(faults: list[rules.Fault]) -> None:
    if faults:
        raise EncodeError(faults[0].text, path=faults[0].path)
