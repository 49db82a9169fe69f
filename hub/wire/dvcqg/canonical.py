"""Wire objects <-> `hub.schemas.dossier`, pure; see `shape` for what happens to odd values."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from hub.errors import DecodeError, EncodeError
from hub.schemas.dossier import Dossier, DossierEvent, DossierStatus, Supplement
from hub.wire.dvcqg.codes import read_status, write_status
from hub.wire.dvcqg.doubts import doubts_of
from hub.wire.dvcqg.models import (
    WireDatabase,
    WireDossier,
    WireIdentity,
    WirePart,
    WireProgress,
)
from hub.wire.dvcqg.parts import APPLICANT, DOSSIER, PROCEDURE, STEP
from hub.wire.dvcqg.shape import EMPTY_LIST

SUBJECT_LIMIT = 100
"""Longest dossier code in characters; it becomes a Kafka key and a header."""


def subject_of(code: str | None, path: str = "") -> str:
    """The dossier code as on the wire, never normalised.

    Args:
        code: what was sent.
        path: where the item stands, put before the path of a fault.

    Raises:
        DecodeError: absent, blank, too long or with control characters.
    """
    if not code or code.isspace():
        raise DecodeError("dossier code is missing", path=f"{path}/MaHoSo", code="no_subject")
    if len(code) > SUBJECT_LIMIT or not code.isprintable():
        raise DecodeError("not a dossier code", path=f"{path}/MaHoSo", code="no_subject")
    return code


def read_dossier(
    wire: WireDossier, *, unit: str, updating: bool | None, path: str = ""
) -> DossierEvent:
    """The event data that tells a whole dossier; see `dossier_values`."""
    return DossierEvent.model_validate(
        dossier_values(wire, unit=unit, updating=updating, path=path)
    )


def dossier_values(
    wire: WireDossier, *, unit: str, updating: bool | None, path: str = ""
) -> dict[str, Any]:
    """The values of a `DossierEvent` that tells a whole dossier, not validated yet.

    Args:
        wire: the dossier.
        unit: organisation id of the sending unit.
        updating: what the sender said in `isUpdating`, `None` if nothing.
        path: where the item stands, put before the path of a fault.

    Raises:
        DecodeError: the dossier code is missing.
    """
    code = subject_of(wire.MaHoSo, path)
    originals: dict[str, Any] = {}
    dossier = DOSSIER.values(wire, originals)
    procedure = PROCEDURE.values(wire, originals)
    applicant = APPLICANT.values(wire, originals)
    unknown = dict(sorted(wire.__pydantic_extra__.items())) if wire.__pydantic_extra__ else {}
    procedure.setdefault("code", "")
    if wire.DinhDanhCHS is not None:
        applicant["identities"] = _read_identities(wire.DinhDanhCHS, originals, unknown)
    if wire.DSKetNoiCSDL is not None:
        dossier["databases"] = _read_databases(wire.DSKetNoiCSDL, originals, unknown)
    dossier["procedure"] = procedure
    dossier["applicant"] = applicant
    if wire.TrangThaiHoSo == "":
        originals["TrangThaiHoSo"] = ""
    if originals:
        dossier["originals"] = originals
    if unknown:
        dossier["unknown"] = unknown
    if doubts := doubts_of(wire):
        dossier["doubts"] = doubts
    values = _head(code, unit, wire.TrangThaiHoSo)
    values["dossier"] = dossier
    if updating is not None:
        values["updating"] = updating
    return values


def last_round(dossier: Dossier) -> Supplement | None:
    """The supplement round that was asked for last, in whatever order a product lists them.

    Where one of them has no date, it is the last one of the list.
    """
    rounds = dossier.supplements
    dates = [each.requested_at for each in rounds if each.requested_at is not None]
    if len(dates) < len(rounds) or not rounds:
        return rounds[-1] if rounds else None
    latest = max(dates)
    return next(each for each in reversed(rounds) if each.requested_at == latest)


def read_progress(wire: WireProgress, *, unit: str, path: str = "") -> DossierEvent:
    """The event data that tells one processing step; see `progress_values`."""
    return DossierEvent.model_validate(progress_values(wire, unit=unit, path=path))


def progress_values(wire: WireProgress, *, unit: str, path: str = "") -> dict[str, Any]:
    """The values of a `DossierEvent` that tells one processing step, not validated yet.

    Raises:
        DecodeError: the dossier code is missing.
    """
    code = subject_of(wire.MaHoSo, path)
    step = STEP.read(wire)
    if wire.TrangThai == "":
        step.setdefault("originals", {})["TrangThai"] = ""
    values = _head(code, unit, wire.TrangThai)
    values["step"] = step
    return values


def write_dossier(data: DossierEvent) -> dict[str, Any]:
    """The wire object (JSON values) of an event's dossier, for `DongBoHoSoMC`.

    Raises:
        EncodeError: the event carries no dossier.
    """
    dossier = data.dossier
    if dossier is None:
        raise EncodeError("the event carries no dossier", path="/dossier", code="no_dossier")
    out: dict[str, Any] = {"MaHoSo": data.code}
    PROCEDURE.say(dossier.procedure, out)
    APPLICANT.say(dossier.applicant, out)
    DOSSIER.say(dossier, out)
    _put_status(out, "TrangThaiHoSo", data.status, data.status_code)
    if "DinhDanhCHS" not in dossier.unknown and dossier.applicant.identities:
        out["DinhDanhCHS"] = [
            {"LoaiDinhDanh": each.type_code, "SoDinhDanh": each.number}
            for each in dossier.applicant.identities
        ]
    if "DSKetNoiCSDL" not in dossier.unknown and dossier.databases:
        out["DSKetNoiCSDL"] = [{"MaCSDL": code} for code in dossier.databases]
    _fill_in_lists(out, dossier)
    DOSSIER.fill_in(out, dossier)
    return out


def write_progress(data: DossierEvent) -> dict[str, Any]:
    """The wire object (JSON values) of an event's step, for `CapNhatTienDoHoSoMC`.

    Raises:
        EncodeError: the event carries no step.
    """
    if data.step is None:
        raise EncodeError("the event carries no step", path="/step", code="no_step")
    out: dict[str, Any] = {"MaHoSo": data.code}
    STEP.say(data.step, out)
    _put_status(out, "TrangThai", data.status, data.status_code)
    STEP.fill_in(out, data.step)
    return out


def _head(code: str, unit: str, status_code: str | None) -> dict[str, Any]:
    return {
        "code": code,
        "unit": unit,
        "status": read_status(status_code),
        "status_code": status_code or "",
    }


def _put_status(out: dict[str, Any], name: str, status: DossierStatus, code: str) -> None:
    if written := write_status(status, code):
        out[name] = written


def _read_identities(
    items: Sequence[WireIdentity], originals: dict[str, str], unknown: dict[str, Any]
) -> list[dict[str, str]]:
    """Type and number of each; a list that says more or less is also kept as it was sent."""
    if not items:
        originals["DinhDanhCHS"] = EMPTY_LIST
    read, whole = [], True
    for item in items:
        kind, number = item.LoaiDinhDanh, item.SoDinhDanh
        if not (kind and number) or item.__pydantic_extra__:
            whole = False
        read.append({"type_code": kind or "", "number": number or ""})
    if not whole:
        unknown["DinhDanhCHS"] = [_as_sent(item, "LoaiDinhDanh", "SoDinhDanh") for item in items]
    return read


def _read_databases(
    items: Sequence[WireDatabase], originals: dict[str, str], unknown: dict[str, Any]
) -> list[str]:
    """The codes; a list that says more or less is also kept as it was sent."""
    if not items:
        originals["DSKetNoiCSDL"] = EMPTY_LIST
    read, whole = [], True
    for item in items:
        if item.MaCSDL:
            read.append(item.MaCSDL)
        if not item.MaCSDL or item.__pydantic_extra__:
            whole = False
    if not whole:
        unknown["DSKetNoiCSDL"] = [_as_sent(item, "MaCSDL") for item in items]
    return read


def _as_sent(item: WirePart, *names: str) -> dict[str, Any]:
    sent = {name: getattr(item, name) for name in names}
    known = {name: text for name, text in sent.items() if text is not None}
    return known | (item.__pydantic_extra__ or {})


def _fill_in_lists(out: dict[str, Any], dossier: Dossier) -> None:
    """The two lists that `DOSSIER` does not know, if they were sent empty."""
    for name in ("DinhDanhCHS", "DSKetNoiCSDL"):
        if name not in out and dossier.originals.get(name) == EMPTY_LIST:
            out[name] = []
