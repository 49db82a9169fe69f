"""Attachments out of their packing: zipped or raw, by what the package says, within limits.

Unzipped is only what the attachment's own type calls `application/zip` and whose name does not
end so; the two letters `PK` decide nothing, because a raw `.docx` begins with them too. One
gateway zips but says `application/pdf`: where the content is not of its type, unzipping is tried.
"""

from __future__ import annotations

import re
import zipfile
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import IO

from hub.errors import DecodeError
from hub.wire.edxml.models import ZIP_TYPE

PIECE_BYTES = 262_144
DIRECTORY_BYTES = 65_536
"""A zip with a longer list of entries is not opened: all of it would be read first."""

_END, _END_BYTES, _END64 = b"PK\x05\x06", 22, b"PK\x06\x07"

_BEGINNINGS = {"pdf": (b"%PDF",), "doc": (b"\xd0\xcf\x11\xe0", b"{\\rtf"), "docx": (b"PK",)}
_TYPES = {
    "pdf": "application/pdf",
    "doc": "application/msword",
    "docx": "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    "xls": "application/vnd.ms-excel",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "png": "image/png",
    "jpg": "image/jpeg",
    "jpeg": "image/jpeg",
    "tif": "image/tiff",
    "txt": "text/plain",
    "xml": "application/xml",
    "zip": ZIP_TYPE,
}


@dataclass(frozen=True, slots=True)
class Slot:
    """One attachment as the package announces it.

    Attributes:
        number: which content of the package is its own (see `pieces.mark`).
        id: its `ContentId` without `cid:`.
        name: file name, without folders.
        packed_type: its `ContentType`.
        path: where it stands, for errors.
    """

    number: int
    id: str
    name: str
    description: str
    packed_type: str
    path: str

    @property
    def media_type(self) -> str:
        """Media type of the unpacked bytes, by the name's ending."""
        return _TYPES.get(ending(self.name), "application/octet-stream")


def ending(name: str) -> str:
    """The ending of a file name in lower case, `` if it has none."""
    return name.rpartition(".")[2].lower() if "." in name else ""


def plain_name(name: str, number: int) -> str:
    """A file name without folders and control characters; `tep-<number>` if nothing is left."""
    last = re.split(r"[/\\]", name)[-1]
    kept = "".join(letter for letter in last if letter.isprintable()).strip(" .")
    return kept[:255] or f"tep-{number}"


def unpack(
    packed: IO[bytes], slot: Slot, take: Callable[[bytes], object], *, limit_bytes: int
) -> None:
    """Give the unpacked bytes of an attachment to `take`, piece by piece.

    Raises:
        DecodeError: a zip that cannot be read (`attachment_broken`), that names places outside
            (`hostile_zip`), or more bytes than the limit (`too_large`).
    """
    if _is_zipped(packed, slot):
        _unzip(packed, slot, take, limit_bytes)
        return
    packed.seek(0)
    _copy(packed, slot, take, limit_bytes)


def _is_zipped(packed: IO[bytes], slot: Slot) -> bool:
    packed.seek(0)
    head = packed.read(8)
    said = ending(slot.name)
    matching = _BEGINNINGS.get(said)
    fits = matching is not None and head.startswith(matching)
    if said == "zip":
        return False
    if slot.packed_type.lower() == ZIP_TYPE:
        # Clients that zip nothing say `application/zip` too.
        return head.startswith(b"PK") or not fits
    return matching is not None and not fits and head.startswith(b"PK\x03\x04")


def _unzip(
    packed: IO[bytes], slot: Slot, take: Callable[[bytes], object], limit_bytes: int
) -> None:
    _check_directory(packed, slot)
    try:
        with zipfile.ZipFile(packed) as archive:
            entries = [entry for entry in archive.infolist() if not entry.is_dir()]
            for entry in archive.infolist():
                _check(entry, slot)
            if len(entries) != 1:
                raise DecodeError(
                    "the zip holds not one file", path=slot.path, code="attachment_broken"
                )
            inside = archive.open  # bytes at hand: no file is opened
            with inside(entries[0]) as unpacked:
                _copy(unpacked, slot, take, limit_bytes)
    except (
        zipfile.BadZipFile,
        zlib.error,
        EOFError,
        NotImplementedError,
        OSError,
        OverflowError,
        RuntimeError,
        UnicodeError,
        ValueError,
    ) as error:
        raise DecodeError(
            f"the zip cannot be read ({type(error).__name__})",
            path=slot.path,
            code="attachment_broken",
        ) from None


def _check_directory(packed: IO[bytes], slot: Slot) -> None:
    """Look at the zip's end record before the library reads all that it announces."""
    size = packed.seek(0, 2)
    packed.seek(max(size - _END_BYTES - 65_535 - len(_END64) - 16, 0))
    tail = packed.read()
    at = len(tail) - _END_BYTES
    if at < 0 or not tail.startswith(_END, at) or not tail.endswith(b"\0\0"):
        at = tail.rfind(_END)
    listed = int.from_bytes(tail[at + 12 : at + 16], "little") if at >= 0 else 0
    if at < 0 or listed > DIRECTORY_BYTES or _END64 in tail[max(at - 20, 0) : at]:
        text = "the zip has no end, or too long a list"
        raise DecodeError(text, path=slot.path, code="attachment_broken")


def _check(entry: zipfile.ZipInfo, slot: Slot) -> None:
    steps = re.split(r"[/\\]", entry.orig_filename.partition("\0")[0])
    if ".." in steps or not steps[0] or re.match(r"[A-Za-z]:", steps[0]):
        raise DecodeError("the zip names a place outside", path=slot.path, code="hostile_zip")
    if entry.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise DecodeError("the zip's method is not read", path=slot.path, code="attachment_broken")
    if entry.flag_bits & 1:
        raise DecodeError("the zip is encrypted", path=slot.path, code="attachment_broken")


def _copy(source: IO[bytes], slot: Slot, take: Callable[[bytes], object], limit_bytes: int) -> None:
    left = limit_bytes
    while piece := source.read(PIECE_BYTES):
        left -= len(piece)
        if left < 0:
            text = f"more than {limit_bytes} bytes unpacked"
            raise DecodeError(text, path=slot.path, code="too_large")
        take(piece)
