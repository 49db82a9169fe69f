"""What the axis answers: `{"status", "ErrorCode", "ErrorDesc", "data"}`, and what its codes mean.

The base64 of a package is cut out of its answer while that comes in.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from hub.connectors.document_exchange.settings import DocumentExchangeSettings
from hub.errors import HubError, Misconfigured, Rejected, Unavailable, UnknownOutcome
from hub.http import json_object, short_code

AROUND_BYTES = 65_536
"""Most of an answer that is not the package itself."""

_DATA = re.compile(rb'"data"[ \t\r\n]*:[ \t\r\n]*"')
_HOLDBACK = 64
_ESCAPE = re.compile(rb"\\(?:u([0-9A-Fa-f]{4})|(.))", re.DOTALL)
_ESCAPE_BYTES = 6
_PLAIN = {b"/": b"/", b"r": b"", b"n": b"", b"t": b""}


@dataclass(frozen=True, slots=True)
class AxisAnswer:
    """A readable answer: the whole object, its code, whether it says OK."""

    fields: Mapping[str, Any]
    code: str
    ok: bool

    def rows(self) -> list[Mapping[str, Any]]:
        """The objects of `data`.

        Raises:
            Unavailable: it is no list.
        """
        rows = self.fields.get("data") or []
        if not isinstance(rows, list):
            raise Unavailable("data is no list", code="malformed_reply")
        return [row for row in rows if isinstance(row, dict)]


def read_answer(body: bytes) -> AxisAnswer:
    """The answer of these bytes.

    Raises:
        UnknownOutcome: they have not the axis's form.
    """
    fields = json_object(body)
    if fields is None or "status" not in fields:
        raise UnknownOutcome("the answer is malformed", code="malformed_reply")
    said = fields.get("ErrorCode")
    code = "" if said is None else short_code(said)
    ok = str(fields["status"]).upper() == "OK" and code in ("", "0", "00")
    return AxisAnswer(fields, code, ok)


def refusal(answer: AxisAnswer, path: str, settings: DocumentExchangeSettings) -> HubError:
    """The table of codes: what a refusal asks the hub to do."""
    text = f"the axis refuses {path} (ErrorCode {answer.code or 'none'})"
    if answer.code in settings.account_codes:
        return Misconfigured(text, code="account_refused")
    if answer.code in settings.busy_codes:
        return Unavailable(text)
    final = answer.code in settings.final_codes
    return Rejected(text, documented=final, foreign_code=answer.code)


def text_of(row: Mapping[str, Any], name: str) -> str:
    """A field of a listed object as text that may become a header; `` if it is not usable."""
    value = row.get(name)
    text = str(value) if isinstance(value, str | int) else ""
    return text if len(text) <= 500 and text.isascii() and text.isprintable() else ""


def _unescaped(found: re.Match[bytes]) -> bytes:
    """What a JSON escape in base64 stands for: writers escape `/`, `+`, `=`, and break lines."""
    if found[1] is None:
        return _PLAIN.get(found[2], b"?")
    code = int(found[1], 16)
    return bytes([code]) if code < 128 else b"?"


class DataCutter:
    """Cuts the text of `data` out of an answer that comes in pieces.

    Args:
        take: gets the pieces of the text, as base64.
    """

    def __init__(self, take: Callable[[bytes], object]) -> None:
        self._take = take
        self._around = bytearray()
        self._waiting = b""
        self._state = "before"

    def feed(self, piece: bytes) -> None:
        """Look at a piece.

        Raises:
            UnknownOutcome: too much around the text.
        """
        text = self._waiting + piece
        self._waiting = b""
        if self._state == "before":
            found = _DATA.search(text)
            if found is None:
                self._keep(text[:-_HOLDBACK])
                self._waiting = text[-_HOLDBACK:]
                return
            self._keep(text[: found.end()])
            self._state, text = "inside", text[found.end() :]
        if self._state == "inside":
            text = self._inside(text)
        if self._state == "after":
            self._keep(text)

    def close(self) -> AxisAnswer:
        """The answer without the text.

        Raises:
            UnknownOutcome: it has not the axis's form.
        """
        self._keep(self._waiting)
        return read_answer(bytes(self._around))

    def _inside(self, text: bytes) -> bytes:
        end = text.find(b'"')
        part = text if end < 0 else text[:end]
        torn = part.rfind(b"\\", max(len(part) - _ESCAPE_BYTES + 1, 0)) if end < 0 else -1
        if torn >= 0:
            part, self._waiting = part[:torn], part[torn:]
        self._take(_ESCAPE.sub(_unescaped, part) if b"\\" in part else part)
        if end < 0:
            return b""
        self._state = "after"
        return text[end:]

    def _keep(self, text: bytes) -> None:
        self._around += text
        if len(self._around) > AROUND_BYTES:
            raise UnknownOutcome("the answer is malformed", code="malformed_reply")
