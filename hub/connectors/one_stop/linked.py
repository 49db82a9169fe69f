"""An inter-agency dossier (liên thông) on the wire and in the hub, both ways; pure.

No interface between one-stop products of different agencies is published. This is the hub's own
form, an object in the portal's envelope, with the portal's names where it has them:

    ChuyenHoSoLienThong   MaHoSo (parent), MaHoSoLT (child), DonViChuyen, DonViNhan, HanXuLy,
                          NgayChuyen, NoiDung, NguoiXuLy, HoSo (a dossier as in DongBoHoSoMC),
                          TaiLieuKemTheo
    KetQuaHoSoLienThong   MaHoSoLT, MaHoSo (may be left out), KetQua, NgayHoanThanh, NoiDung,
                          NguoiXuLy, DanhSachGiayToKetQua
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError

from hub.errors import DecodeError
from hub.event import decode_error
from hub.schemas.dossier import DossierEvent
from hub.schemas.handover import Agency, HandoverEvent
from hub.wire.dvcqg.canonical import dossier_values, subject_of, write_dossier
from hub.wire.dvcqg.codes import read_status
from hub.wire.dvcqg.models import Text, WireAttachment, WirePart, WireResult
from hub.wire.dvcqg.parts import ATTACHMENT, RESULT
from hub.wire.dvcqg.reading import dossier_of
from hub.wire.dvcqg.shape import Row, Shape, date, many

STATUS = "HoSo/TrangThaiHoSo"
"""Under which original the child's own status is kept."""


class WireLinked(WirePart):
    """Both objects; `DonVi…` are organisation ids, `TenDonVi…` names."""

    MaHoSo: Text = None
    MaHoSoLT: Text = None
    DonViChuyen: Text = None
    TenDonViChuyen: Text = None
    DonViNhan: Text = None
    TenDonViNhan: Text = None
    NgayChuyen: Text = None
    HanXuLy: Text = None
    NoiDung: Text = None
    NguoiXuLy: Text = None
    HoSo: dict[str, Any] | None = None
    TaiLieuKemTheo: tuple[WireAttachment, ...] | None = None
    KetQua: Text = None
    NgayHoanThanh: Text = None
    DanhSachGiayToKetQua: tuple[WireResult, ...] | None = None


SHAPE = Shape(
    HandoverEvent,
    Row("MaHoSo", "parent_code"),
    Row("MaHoSoLT", "child_code"),
    Row("NoiDung", "content"),
    Row("NguoiXuLy", "officer"),
    Row("KetQua", "result_code"),
    date("NgayChuyen", "handed_at"),
    date("HanXuLy", "due_at"),
    date("NgayHoanThanh", "completed_at"),
    many("TaiLieuKemTheo", "attachments", ATTACHMENT),
    many("DanhSachGiayToKetQua", "results", RESULT),
)


def read_linked(tree: Any, unit: str, results: Mapping[str, str], path: str = "") -> HandoverEvent:
    """The event data of either object.

    Args:
        tree: the parsed JSON object.
        unit: organisation id of the sending unit, proved; empty: what the object says.
        results: `KetQua` -> `done` or `refused`.
        path: where it stands, put before the paths of faults.

    Raises:
        DecodeError: not such an object, or a code in it is missing.
    """
    if not isinstance(tree, dict):
        raise DecodeError("must be a JSON object", path=path)
    try:
        wire = WireLinked.model_validate(tree)
    except ValidationError as error:
        raise decode_error(error, path) from error
    values = SHAPE.read(wire)
    values["child_code"] = _code(wire.MaHoSoLT, f"{path}/MaHoSoLT")
    if wire.MaHoSo:
        values["parent_code"] = _code(wire.MaHoSo, f"{path}/MaHoSo")
    own = wire.MaHoSoLT if wire.KetQua else wire.MaHoSo
    unit = unit or wire.DonViChuyen or (own or "").partition("-")[0]
    values["sender"] = Agency(unit=unit, name=wire.TenDonViChuyen or "")
    if wire.DonViNhan:
        values["receiver"] = Agency(unit=wire.DonViNhan, name=wire.TenDonViNhan or "")
    if wire.KetQua:
        values["result"] = results.get(wire.KetQua, "unknown")
    if wire.HoSo is not None:
        whole = {"MaHoSo": wire.MaHoSoLT, **wire.HoSo}
        child = dossier_values(dossier_of(whole, f"{path}/HoSo"), unit=unit, updating=None)
        values["dossier"] = child["dossier"]
        values.setdefault("originals", {})[STATUS] = child["status_code"]
    try:
        return HandoverEvent.model_validate(values)
    except ValidationError as error:
        raise decode_error(error, path) from error


def write_linked(data: HandoverEvent, parent_code: str) -> dict[str, Any]:
    """The JSON object of either; see `read_linked`.

    Args:
        data: what is told.
        parent_code: code of the dossier that the child belongs to.

    Raises:
        EncodeError: the child's dossier cannot be written.
    """
    kept = {name: text for name, text in data.originals.items() if name != STATUS}
    out = SHAPE.write(data.model_copy(update={"originals": kept}))
    out["MaHoSo"] = parent_code
    out |= _agency(data.sender, "Chuyen")
    if data.receiver is not None:
        out |= _agency(data.receiver, "Nhan")
    if data.dossier is not None:
        code = data.originals.get(STATUS, "")
        child = DossierEvent(
            code=data.child_code,
            unit=data.sender.unit,
            status=read_status(code),
            status_code=code,
            dossier=data.dossier,
        )
        out["HoSo"] = write_dossier(child)
    return out


def _agency(agency: Agency, side: str) -> dict[str, str]:
    said = {f"DonVi{side}": agency.unit, f"TenDonVi{side}": agency.name}
    return {name: text for name, text in said.items() if text}


def _code(text: str | None, path: str) -> str:
    try:
        return subject_of(text)
    except DecodeError as error:
        raise DecodeError("dossier code is missing or none", path=path, code=error.code) from error
