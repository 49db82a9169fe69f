"""Large contents, piece by piece: base64 is cut out of the text around it, and decoded on the way.

A package of 50 MB is one or two attachments and a little XML. `ContentCutter` passes the base64
of each attachment on and leaves a mark in its place, so that only the little XML is ever parsed.
It does not parse: what it cuts out wrongly (in a comment, in CDATA) leaves a mark that no
attachment has, and the reader refuses that.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Callable

from hub.errors import DecodeError

MARK = "{hub-content-"
"""How a mark begins; no base64 text holds a brace."""

_OPENING = re.compile(
    rb"<(?:[A-Za-z_][\w.-]{0,40}:)?(ContentTransferEncoded|Content|Attachment)"
    rb"(?:[ \t\r\n][^<>]{0,500})?(?<!/)>"
)
_HOLDBACK = 640
"""As long as an opening tag may be: so much of the end waits for what follows."""
_NOT_BASE64 = re.compile(rb"[^A-Za-z0-9+/= \t\r\n]")


def mark(number: int) -> str:
    """What stands in the place of the content of this number."""
    return f"{MARK}{number}}}"


def mark_number(text: str) -> int | None:
    """The number of a mark, `None` if the text is none."""
    found = re.fullmatch(r"\{hub-content-(\d{1,4})\}", text.strip(), re.ASCII)
    return int(found[1]) if found else None


class Base64Pieces:
    """Decodes base64 that comes in pieces.

    Args:
        take: gets the decoded pieces.
        limit_bytes: most decoded bytes.
    """

    def __init__(self, take: Callable[[bytes], object], *, limit_bytes: int) -> None:
        self._take = take
        self._left = limit_bytes
        self._rest = b""
        self._ended = False

    def feed(self, text: bytes) -> None:
        """Decode a piece.

        Raises:
            DecodeError: not base64 (`attachment_broken`), or more than the limit (`too_large`).
        """
        text = self._rest + text.translate(None, b" \t\r\n")
        whole = len(text) // 4 * 4
        self._rest = text[whole:]
        if not whole:
            return
        if self._ended:
            raise DecodeError("base64 goes on after its end", code="attachment_broken")
        self._ended = text[whole - 1 : whole] == b"="
        try:
            decoded = base64.b64decode(text[:whole], validate=True)
        except binascii.Error:
            raise DecodeError("not base64", code="attachment_broken") from None
        self._left -= len(decoded)
        if self._left < 0:
            raise DecodeError("the decoded content is too large", code="too_large")
        self._take(decoded)

    def close(self) -> None:
        """The text has ended.

        Raises:
            DecodeError: in the middle of a group of four.
        """
        if self._rest:
            raise DecodeError("base64 ends too early", code="attachment_broken")


class ContentCutter:
    """Cuts the base64 of attachments out of an edXML package that comes in pieces.

    Args:
        take: gets the number of a content (from 0) and a piece of its base64 text.
        limit_bytes: most bytes of all the text around the contents.
        contents_count: most contents.
    """

    def __init__(
        self,
        take: Callable[[int, bytes], object],
        *,
        limit_bytes: int = 5_000_000,
        contents_count: int = 100,
    ) -> None:
        self._take = take
        self._limit = limit_bytes
        self._most = contents_count
        self._around = bytearray()
        self._waiting = b""
        self._attached = False
        self._inside = False
        self.count = 0

    def feed(self, piece: bytes) -> None:
        """Look at a piece.

        Raises:
            DecodeError: too many contents, or too much around them (`too_large`); a mark of ours
                stands in it already (`undecodable`).
        """
        text = self._waiting + piece
        self._waiting = b""
        at = 0
        while at < len(text):
            at = self._within(text, at) if self._inside else self._outside(text, at)

    def close(self) -> bytes:
        """The text around the contents, a mark in the place of each.

        Raises:
            DecodeError: see `feed`.
        """
        self._keep(self._waiting)
        self._waiting = b""
        if self._around.count(MARK.encode()) != self.count:
            raise DecodeError("the text holds a mark that is not the hub's")
        return bytes(self._around)

    def _outside(self, text: bytes, at: int) -> int:
        """Keep text up to where the next content begins; where to go on."""
        found = _OPENING.search(text, at)
        if found is None:
            start = text.rfind(b"<", max(len(text) - _HOLDBACK, at))
            cut = len(text) if start < 0 or text.find(b">", start) >= 0 else start
            self._keep(text[at:cut])
            self._waiting = text[cut:]
            return len(text)
        self._keep(text[at : found.end()])
        if found[1] == b"Attachment":
            self._attached = True
        # Before the attachments, `Content` is the summary of the document.
        elif found[1] != b"Content" or self._attached:
            self._inside = True
            self.count += 1
            if self.count > self._most:
                raise DecodeError(f"more than {self._most} contents", code="too_large")
            self._keep(mark(self.count - 1).encode())
        return found.end()

    def _within(self, text: bytes, at: int) -> int:
        """Pass base64 on, up to the first byte that is none; where to go on."""
        found = _NOT_BASE64.search(text, at)
        end = len(text) if found is None else found.start()
        self._take(self.count - 1, text[at:end])
        self._inside = found is None
        return end

    def _keep(self, text: bytes) -> None:
        if len(self._around) + len(text) > self._limit:
            raise DecodeError(f"more than {self._limit} bytes around", code="too_large")
        self._around += text
