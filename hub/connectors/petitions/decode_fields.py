"""Fields: typed reading of one body of the contract, with the path of what is wrong; pure."""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections.abc import Mapping
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

import orjson

from hub.connectors.petitions import wire
from hub.connectors.petitions.settings import PetitionSettings
from hub.errors import DecodeError
from hub.schemas.petition import PetitionAttachment
from hub.wire.clock_texts import read_moment, write_moment

CODE = re.compile(r"[!-~]{1,100}")
"""Ids and codes: printable ASCII without spaces."""

MONTH = re.compile(r"[0-9]{4}-(0[1-9]|1[0-2])")
NAME_LIMIT = 200
URL_LIMIT = 2000


class Fields:
    """What one body tells, by the contract's paths.

    Args:
        tree: the parsed body.
        settings: names and limits.

    Attributes:
        anonymous: who wrote it wants to be anonymous.
        originals: texts that have no canonical form, by the contract's path.
        unknown: what of the body's first level the contract does not know.
    """

    def __init__(self, tree: Any, settings: PetitionSettings) -> None:
        if not isinstance(tree, dict):
            raise DecodeError("must be a JSON object")
        self._names = settings.names
        self._settings = settings
        self._values, self.unknown = self._names.read(tree)
        self.anonymous = self._anonymous("submitter.anonymous")
        self.originals: dict[str, str] = {}

    def __contains__(self, field: str) -> bool:
        return field in self._values

    def fault(self, field: str, text: str, inner: str = "") -> DecodeError:
        """An error with the path as the sender calls it."""
        return DecodeError(text, path="/" + self._names.path(field).replace(".", "/") + inner)

    def text(self, field: str) -> str:
        """A text or whole number; `` if it is not told.

        Raises:
            DecodeError: of another JSON type, or longer than `text_limit_count`.
        """
        value = self._values.get(field, "")
        if isinstance(value, int) and not isinstance(value, bool):
            value = str(value)
        if not isinstance(value, str):
            raise self.fault(field, "must be a text")
        if len(value) > self._settings.text_limit_count:
            raise self.fault(field, f"longer than {self._settings.text_limit_count} characters")
        return value

    def code(self, field: str, *, needed: bool = False) -> str:
        """An id or code.

        Raises:
            DecodeError: not printable ASCII without spaces, too long, or missing though needed.
        """
        text = self.text(field)
        if not text and not needed:
            return ""
        if not CODE.fullmatch(text):
            raise self.fault(field, "must be 1 to 100 printable ASCII characters without spaces")
        return text

    def month(self, field: str) -> str:
        """A month as `2026-01`; `` if it is not told.

        Raises:
            DecodeError: written otherwise: it would be counted nowhere.
        """
        text = self.text(field)
        if text and not MONTH.fullmatch(text):
            raise self.fault(field, "must be a month as 2026-01")
        return text

    def flag(self, field: str) -> bool | None:
        """True or false in any spelling; `None` if it is not told or neither."""
        return wire.truth(self._values.get(field))

    def _anonymous(self, field: str) -> bool:
        told = self.flag(field)
        if told is None and self._values.get(field, "") != "":
            raise self.fault(field, "must be true or false")  # or a wish would be passed over
        return bool(told)

    def moment(self, field: str) -> datetime | None:
        """A moment; what is none, or is written otherwise than we write it, is kept as it came."""
        text = self.text(field)
        found = read_moment(text)
        if text and (found is None or write_moment(found) != text):
            self.originals[field] = text
        return found

    def attachments(self) -> tuple[PetitionAttachment, ...]:
        """The files, their content already in the blob store.

        Raises:
            DecodeError: too many, a name or address that is not allowed, content sent along.
        """
        items = self._values.get("attachments", [])
        if not isinstance(items, list):
            raise self.fault("attachments", "must be an array")
        if len(items) > self._settings.attachments_count:
            most = self._settings.attachments_count
            raise self.fault("attachments", f"more than {most} attachments")
        return tuple(self._attachment(item, f"/{number}") for number, item in enumerate(items))

    def _attachment(self, item: Any, path: str) -> PetitionAttachment:
        if not isinstance(item, Mapping):
            raise self.fault("attachments", "must be an object", path)
        told = self._names.read_attachment(item)
        if wrong := file_fault(told, self._settings):
            field = self._settings.attachment_names.get(wrong[0], wrong[0])
            raise self.fault("attachments", wrong[1], f"{path}/{field}")
        if "base64" in told and wire.BLOB not in told:
            raise self.fault("attachments", "content is kept at the door only", path)
        size = told.get("size")
        return PetitionAttachment(
            name=told["name"],
            content_type=told.get("contentType", ""),
            size_bytes=int(size) if size is not None else None,
            url=told.get("url", ""),
            blob=told.get(wire.BLOB, ""),
        )


def file_fault(told: Mapping[str, Any], settings: PetitionSettings) -> tuple[str, str] | None:
    """What is wrong with an attachment: the field and a sentence; `None` if nothing.

    A name leads nowhere: one plain file name with an ending that is allowed. An address is http
    or https without user.
    """
    name, url, size = told.get("name"), told.get("url", ""), told.get("size", 0)
    if not isinstance(name, str) or not 1 <= len(name) <= NAME_LIMIT:
        return "name", f"must be a text of 1 to {NAME_LIMIT} characters"
    if any(unicodedata.category(sign)[0] == "C" for sign in name) or re.search(
        r'[/\\:*?"<>|]', name
    ):
        return "name", "has a sign that no file name may have"
    stem, _, ending = name.rpartition(".")
    if not stem.strip(". ") or ending.lower() not in settings.attachment_endings:
        return "name", "has an ending that is not taken"
    if not all(isinstance(told.get(key, ""), str) for key in ("contentType", "url", wire.BLOB)):
        return "name", "has a field beside it that is no text"
    if url and not _is_address(url):
        return "url", "must be an http or https address without user"
    if not str(size).isdecimal() or len(str(size)) > 15:
        return "size", "must be a number of bytes"
    if int(size) > settings.attachment_bytes:
        return "size", f"larger than {settings.attachment_bytes} bytes"
    return None


def _is_address(url: str) -> bool:
    if len(url) > URL_LIMIT or not re.fullmatch(r"[!-~]+", url):
        return False
    try:
        parts = urlsplit(url)
        return parts.scheme in ("http", "https") and bool(parts.hostname) and not parts.username
    except ValueError:
        return False


def body_hash(tree: Any) -> str:
    """SHA-256 (hex) of a parsed body with its keys sorted.

    Raises:
        DecodeError: nested too deep.
    """
    try:
        return hashlib.sha256(orjson.dumps(tree, option=orjson.OPT_SORT_KEYS)).hexdigest()
    except orjson.JSONEncodeError as error:
        raise DecodeError("nested too deep", code="too_deep") from error
