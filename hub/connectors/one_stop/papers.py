"""Files inside a call to the document office, and dates on its papers; pure.

`Base64` would fill Kafka: the endpoint puts each file's bytes into the blob store and writes in
their place `KhoTep` (the reference), `KichThuoc` (bytes) and `SHA256` (hex). On the way out the
endpoint puts `Base64` back.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from typing import Any

from hub.schemas.document import DocumentFile
from hub.wire.clock_texts import read_day, write_day
from hub.wire.dvcqg.models import Text, WirePart
from hub.wire.dvcqg.shape import whole_number

CONTENT, STORED, SIZE, DIGEST = "Base64", "KhoTep", "KichThuoc", "SHA256"
FILE_LISTS = ("DinhKem", "ThanhPhanHoSo")
NESTED = ("VanBanDuThao", "VanBanDi", "VanBan")


class WireFile(WirePart):
    """Item of `DinhKem` and `ThanhPhanHoSo`, its bytes already put away."""

    Ten: Text = None
    Link: Text = None
    KhoTep: Text = None
    KichThuoc: Text = None
    SHA256: Text = None


def files_in(tree: Mapping[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Every file object of a call and its path, wherever it may stand."""
    for name in NESTED:
        inner = tree.get(name)
        if isinstance(inner, dict):
            for path, each in files_in(inner):
                yield f"/{name}{path}", each
    for name in FILE_LISTS:
        listed = tree.get(name)
        for number, each in enumerate(listed if isinstance(listed, list) else ()):
            if isinstance(each, dict):
                yield f"/{name}/{number}", each


def stored_fields(body: bytes, reference: str) -> dict[str, str]:
    """What stands in the place of a file's `Base64`."""
    digest = hashlib.sha256(body).hexdigest()
    return {STORED: reference, SIZE: str(len(body)), DIGEST: digest}


def read_files(wires: Sequence[WireFile] | None) -> tuple[DocumentFile, ...]:
    """The files of a list."""
    return tuple(
        DocumentFile(
            id=str(number),
            name=wire.Ten or "",
            url=wire.Link or "",
            reference=wire.KhoTep or "",
            size_bytes=whole_number(wire.KichThuoc or ""),
            sha256=wire.SHA256 or "",
        )
        for number, wire in enumerate(wires or (), start=1)
    )


def write_files(files: Sequence[DocumentFile]) -> list[dict[str, str]]:
    """The list that a package holds, before its bytes are put in."""
    return [
        {
            name: text
            for name, text in {
                "Ten": each.name,
                "Link": each.url,
                STORED: each.reference,
                SIZE: "" if each.size_bytes is None else str(each.size_bytes),
                DIGEST: each.sha256,
            }.items()
            if text
        }
        for each in files
    ]


def day_of(text: str | None, name: str, kept: dict[str, str]) -> date | None:
    """The day that a `dd/MM/yyyy` text names; what is none is kept under its name."""
    day = read_day(text)
    if text is not None and (day is None or write_day(day) != text):
        kept[name] = text
    return day
