"""Drafts for the document office -> bodies of `GuiHoSo`, pure.

Files are written as references; `client.py` puts their content in. `ThamSoAn` is carried as it is:
the office gives it back unread.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import orjson

from hub.connectors.document_office import wire
from hub.connectors.document_office.settings import DocumentOfficeSettings
from hub.errors import EncodeError
from hub.event import Event
from hub.message import Message
from hub.schemas.document import Document, DocumentFile, OfficeEvent, Person
from hub.wire.dvcqg.dates import write_stamp

DRAFT = "VanBanDuThao"


def encode(event: Event, settings: DocumentOfficeSettings) -> Message:
    """The `GuiHoSo` of a `document.submitted`.

    Args:
        event: what the one-stop shop handed over.
        settings: of the connector instance.

    Raises:
        EncodeError: another kind of event, or an id that the office needs is missing.
    """
    data = event.data
    if not isinstance(data, OfficeEvent) or event.kind != "document.submitted":
        raise EncodeError("the office takes drafts only", code="unknown_kind")
    if not data.dossier_id:
        raise EncodeError("the office needs the product's id of the dossier", path="/IDHoSo")
    files = data.document.files if data.document else ()
    if len(data.components) + len(files) > settings.files_count:
        raise EncodeError(f"more than {settings.files_count} files", path="/ThanhPhanHoSo")
    due = write_stamp(data.due_at) if data.due_at else data.originals.get("HanXuLyVanBan")
    body = {
        **{name: value for name, value in data.unknown.items() if "/" not in name},
        "IDHoSo": data.dossier_id,
        "MaHoSo": event.subject,
        **_filled(TenHoSo=data.dossier_name, ThuTuc=data.procedure_name),
        **_people(data),
        "DonVi": _filled(Ten=data.unit_name, MaDinhDanh=_unit(data)),
        **({DRAFT: _draft(data, data.document)} if data.document else {}),
        "ThanhPhanHoSo": _files(data.components),
        "ThamSoAn": data.echo,
        **_filled(
            HccLinkAPI=data.callback_url,
            LoaiHSLienthong=data.linked_kind,
            SoKyHieuVanBan=data.originals.get("SoKyHieuVanBan", ""),
            NguoiKyVanBan=data.originals.get("NguoiKyVanBan", ""),
            HanXuLyVanBan=due or "",
        ),
    }
    return Message(
        connector="document_office",
        operation=wire.SUBMIT,
        body=orjson.dumps(body),
        key=event.subject,
        headers={"unit": data.unit},
        id=event.id,
        received_at=event.time,
        traceparent=event.traceparent,
    )


def _unit(data: OfficeEvent) -> str:
    """The unit as the product wrote it; the account's where it wrote none."""
    return (data.document.sender.id if data.document else "") or data.unit


def _people(data: OfficeEvent) -> dict[str, Any]:
    found = {
        "ChuHoSo": data.applicant,
        "NguoiNop": data.submitter,
        "NguoiKy": data.signer,
        "NguoiTrinhKy": data.presenter,
    }
    return {name: _person(person) for name, person in found.items() if person is not None}


def _person(person: Person) -> dict[str, str]:
    return _filled(
        Ten=person.name,
        CMND=person.id_number,
        SoDienThoai=person.phone,
        DiaChi=person.address,
        TaiKhoan=person.account,
        Id=person.id,
    )


def _draft(data: OfficeEvent, document: Document) -> dict[str, Any]:
    """The draft; what the product told of it beyond the known stands in the event by its path."""
    told = {tuple(path.split("/")): value for path, value in data.unknown.items()}
    return {
        **{path[1]: value for path, value in told.items() if path[0] == DRAFT and len(path) == 2},
        **document.unknown,
        **_filled(
            TrichYeu=document.subject,
            LoaiVanBan=document.type_name,
            NgayTao=document.originals.get("NgayTao", ""),
        ),
        "DinhKem": _files(document.files),
    }


def _files(files: Iterable[DocumentFile]) -> list[dict[str, str]]:
    return [
        _filled(
            **{
                "Ten": file.name,
                "Link": file.url,
                wire.STORED: file.reference,
                wire.SIZE: "" if file.size_bytes is None else str(file.size_bytes),
                wire.DIGEST: file.sha256,
            }
        )
        for file in files
    ]


def _filled(**texts: str) -> dict[str, str]:
    return {name: text for name, text in texts.items() if text}
