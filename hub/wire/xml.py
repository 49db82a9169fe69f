"""XML as it comes in at the door: read with everything off, within limits, or not at all.

No DOCTYPE, so no entities of the sender's; nothing is fetched; only UTF-8 and UTF-16, judged by
the bytes themselves. Size, depth and counts are looked at while the text is read, so that what is
too much is never built whole. Everything that parses XML from outside goes through `parse`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, TypeAlias

from lxml import etree

from hub.errors import DecodeError

Element: TypeAlias = Any
"""An `lxml.etree` element; lxml brings no types."""


@dataclass(frozen=True, slots=True)
class XmlLimits:
    """How much one document may hold.

    Attributes:
        size_bytes: as received.
        depth_count: elements inside each other; the root is 1.
        element_count: elements in all.
        attribute_count: attributes and namespace declarations of one element.
    """

    size_bytes: int = 5_000_000
    depth_count: int = 32
    element_count: int = 20_000
    attribute_count: int = 32


LIMITS = XmlLimits()
"""For documents without large attachments."""

_PIECE_BYTES = 65_536
_TEXT_LIMIT_BYTES = 10_000_000
"""The longest text that libxml2 takes unless it is told to take any."""

_DECLARATION = re.compile(rb"<\?xml[ \t\r\n][^<>]{0,200}?\?>")
_LABEL = re.compile(rb"\bencoding[ \t\r\n]*=[ \t\r\n]*[\"']([A-Za-z0-9._-]{1,40})[\"']")
_LABELS = frozenset({"utf-8", "utf8", "utf-16", "utf16", "utf-16le", "utf-16be", "us-ascii"})
_BEFORE_ROOT = re.compile(rb"(?:[ \t\r\n]+|<!--.*?-->|<\?.*?\?>)*", re.DOTALL)
_PLAIN_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_.-]{0,63}")
_WIDE = (
    (b"\xff\xfe", "utf-16-le"),
    (b"\xfe\xff", "utf-16-be"),
    (b"<\x00", "utf-16-le"),
    (b"\x00<", "utf-16-be"),
)


def parse(body: bytes, *, limits: XmlLimits = LIMITS) -> Element:
    """The root element of a document; comments and processing instructions are left out.

    Args:
        body: the document as received. A byte order mark is taken; a label of the other allowed
            encoding is passed over, because the bytes leave no doubt (.NET writes "utf-16" into
            texts that travel as UTF-8).
        limits: what it may hold.

    Raises:
        DecodeError: not well-formed, or another encoding (`undecodable`), a DOCTYPE (`doctype`),
            nested too deep (`too_deep`), too much of anything else (`too_large`); with the path
            of the element where there is one, and without anything of the content.
    """
    if len(body) > limits.size_bytes:
        raise DecodeError(f"more than {limits.size_bytes} bytes", code="too_large")
    return _read(_utf8(body), limits)


def local_name(element: Element) -> str:
    """The name of an element without its namespace."""
    return str(etree.QName(element).localname)


def path_of(element: Element) -> str:
    """Where an element stands, as `/Envelope/Body/Inv/2`: local names, and a number from 0 where
    there are several of a name side by side; names that are not plain are `*`."""
    steps: list[str] = []
    while element is not None and len(steps) < 64:
        parent = element.getparent()
        if parent is not None:
            alike = [each for each in parent.iterchildren("*") if each.tag == element.tag]
            if len(alike) > 1:
                steps.append(str(alike.index(element)))
        steps.append(_plain(local_name(element)))
        element = parent
    return "".join(f"/{step}" for step in reversed(steps))


def _plain(name: str) -> str:
    return name if _PLAIN_NAME.fullmatch(name) else "*"


def _utf8(body: bytes) -> bytes:
    """The document as UTF-8 without mark and declaration, its prolog without a DOCTYPE."""
    if body.startswith((b"\xff\xfe\x00\x00", b"\x00\x00\xfe\xff")):
        raise DecodeError("UTF-32 is not read")
    body = body.removeprefix(b"\xef\xbb\xbf")
    for mark, encoding in _WIDE:
        if body.startswith(mark):
            body = _decoded(body, encoding).removeprefix("\ufeff").encode()
            break
    else:
        _decoded(body, "utf-8")
    if declaration := _DECLARATION.match(body):
        label = _LABEL.search(declaration[0])
        if label and label[1].decode().lower() not in _LABELS:
            raise DecodeError("only UTF-8 and UTF-16 are read")
        body = body[declaration.end() :]
    before = _BEFORE_ROOT.match(body)
    if before and body.startswith(b"<!", before.end()):
        raise DecodeError("a DOCTYPE is not read", code="doctype")
    return body


def _decoded(body: bytes, encoding: str) -> str:
    try:
        return body.decode(encoding)
    except UnicodeDecodeError as error:
        raise DecodeError(f"not {encoding} (byte {error.start})") from None


def _read(body: bytes, limits: XmlLimits) -> Element:
    parser = etree.XMLPullParser(
        events=("start-ns", "start", "end"),
        encoding="utf-8",
        resolve_entities=False,
        load_dtd=False,
        no_network=True,
        remove_comments=True,
        remove_pis=True,
        huge_tree=limits.size_bytes > _TEXT_LIMIT_BYTES,
    )
    watch = _Watch(limits)
    try:
        for start in range(0, len(body), _PIECE_BYTES):
            parser.feed(body[start : start + _PIECE_BYTES])
            watch.look(parser.read_events())
        root = parser.close()
        watch.look(parser.read_events())
    except etree.XMLSyntaxError as error:
        watch.look(parser.read_events())
        line, column = error.position
        # The parser's own text repeats names of the message.
        raise DecodeError(f"not well-formed (line {line}, column {column})") from None
    if root.getroottree().docinfo.internalDTD is not None:
        raise DecodeError("a DOCTYPE is not read", code="doctype")
    return root


class _Watch:
    """Counts what has been read so far."""

    def __init__(self, limits: XmlLimits) -> None:
        self._limits = limits
        self._depth = 0
        self._elements = 0
        self._namespaces = 0

    def look(self, events: Iterator[tuple[str, Any]]) -> None:
        """Look at what a piece brought.

        Raises:
            DecodeError: `too_deep` or `too_large`.
        """
        for happened, what in events:
            if happened == "start-ns":
                self._namespaces += 1
            elif happened == "end":
                self._depth -= 1
            else:
                self._start(what)

    def _start(self, element: Element) -> None:
        limits = self._limits
        self._depth += 1
        self._elements += 1
        attributes, self._namespaces = len(element.attrib) + self._namespaces, 0
        if self._depth > limits.depth_count:
            text = f"nested deeper than {limits.depth_count} elements"
            raise DecodeError(text, path=path_of(element), code="too_deep")
        if self._elements > limits.element_count:
            raise DecodeError(f"more than {limits.element_count} elements", code="too_large")
        if attributes > limits.attribute_count:
            text = f"more than {limits.attribute_count} attributes"
            raise DecodeError(text, path=path_of(element), code="too_large")
