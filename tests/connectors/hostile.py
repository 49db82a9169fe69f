"""Bytes that nobody promised: what decode must answer with a DecodeError, whatever they are."""

from __future__ import annotations

import gzip
import json
import re
import zipfile
from collections.abc import Callable, Iterator
from io import BytesIO

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hub.errors import DecodeError
from hub.event import Event
from tests.connectors.contract import Check, Folder
from tests.connectors.reading import place_of

CANARY = "canary7f3a91"
"""A value that must not come back in the text of an error."""

SHOWN_BYTES = 60
"""Of a message that breaks a connector."""


def _entities_of_entities() -> bytes:
    """A few hundred bytes of XML that stand for gigabytes."""
    told = "".join(f'<!ENTITY e{n} "{f"&e{n - 1};" * 10}">' for n in range(1, 12))
    return f'<!DOCTYPE a [<!ENTITY e0 "0123456789">{told}]><a>&e11;</a>'.encode()


def _zip_of_zeros(name: str) -> bytes:
    """A small archive of a large file with that name."""
    packed = BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(name, bytes(10_000_000))
    return packed.getvalue()


ODD = (
    *(b"", b" ", b"\x00", b"\xef\xbb\xbf{}", b"null", b"true", b"0", b'""', b"[]", b"{}", b"[[]]"),
    *(b"{", b"[{}", b'{"a":', b'{"a":NaN}', b'{"a":1e999999}', b'{"a":"\\ud800"}', b"[null]"),
    *(b'{"a":1,"a":2}', b'{"\\u0000":"\\u0000"}', b"\xff\xfe{\x00}\x00", b"\xc3\x28", b"9" * 5000),
    *(b"[" * 100_000, b'{"a":' * 50_000, b"[" * 900 + b"]" * 900, b"<a/>", b"a=1&a=2"),
    *(b'<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>', b"\r\n\r\n", b'{"a":"\\r\\nX: y"}'),
    b'<!DOCTYPE a [<!ENTITY b SYSTEM "file:///etc/hostname">]><a>&b;</a>',
    b'<!DOCTYPE a SYSTEM "http://127.0.0.1:1/a.dtd"><a/>',
    b'<?xml version="1.0" encoding="UTF-16"?><a/>',
    _entities_of_entities(),
    _zip_of_zeros("../../a"),
    gzip.compress(bytes(10_000_000)),
)

VALUE = re.compile(
    rb'(?<=:)\s*"([^"\\]*)"|(?<=>)([^<>]+)(?=<)|(?<==)([^&"\s]+)|(?<=[|;\t])([^|;\t\r\n]+)'
)

SETTINGS = settings(
    max_examples=150,
    deadline=None,
    database=None,
    report_multiple_bugs=False,
    suppress_health_check=list(HealthCheck),
)


class Broken(Exception):
    """What one odd message did, with the first of its bytes.

    Attributes:
        what: the same without the message.
    """

    def __init__(self, what: str, body: bytes | None = None) -> None:
        given = "" if body is None else f", given {len(body)} bytes: {body[:SHOWN_BYTES]!r}"
        super().__init__(what + given)
        self.what = what


def _try(folder: Folder, body: bytes, form: str) -> list[DecodeError]:
    """Receive and decode it; the errors, if they are the ones that are allowed.

    Raises:
        Broken: anything but events and DecodeErrors with a path came out.
    """
    connector = folder.connector
    assert connector.message is not None
    assert connector.order_key is not None
    try:
        message = connector.message(body, form)
        key = connector.order_key(message)
    # Any exception at all is what is looked for.
    except Exception as error:
        what = f"message or order_key raised {_named(error, folder)}"
        raise Broken(f"{form}: {what}", body) from error
    if not isinstance(key, str) or not key:
        raise Broken(f"{form}: order_key gave {type(key).__name__} or nothing", body)
    try:
        items = folder.decode(body, form)
    except DecodeError as error:
        items = [error]
    # Any other exception is what is looked for.
    except Exception as error:
        raise Broken(f"{form}: decode raised {_named(error, folder)}", body) from error
    errors = [item for item in items if isinstance(item, DecodeError)]
    if not all(isinstance(item, Event | DecodeError) for item in items):
        raise Broken(f"{form}: an item is neither an Event nor a DecodeError", body)
    if not all(re.fullmatch(r"(/.*)?", error.path) for error in errors):
        raise Broken(f"{form}: an error's path does not begin with /", body)
    return errors


def _named(error: Exception, folder: Folder) -> str:
    return f"{type(error).__name__}{place_of(error, folder.path)}"


def _first_broken(run: Callable[[], object]) -> Iterator[str]:
    try:
        run()
    except Broken as broken:
        yield str(broken)


def odd_bytes_are_refused(folder: Folder) -> Iterator[str]:
    """Empty, torn, nested, wrongly encoded and foreign bytes end in DecodeErrors."""
    if folder.connector.decode is None:
        return
    told = set()
    for form in folder.connector.forms:
        for body in ODD:
            try:
                _try(folder, body, form)
            except Broken as broken:
                if broken.what not in told:
                    yield str(broken)
                told.add(broken.what)


def random_bytes_are_refused(folder: Folder) -> Iterator[str]:
    """Any bytes and any JSON end in events or DecodeErrors."""
    if folder.connector.decode is None:
        return
    leaves = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text()
    trees = st.recursive(leaves, lambda t: st.lists(t) | st.dictionaries(st.text(), t))
    documents = trees.map(lambda tree: json.dumps(tree).encode())

    @SETTINGS
    @given(st.binary() | documents, st.sampled_from(folder.connector.forms))
    def attempt(body: bytes, form: str) -> None:
        _try(folder, body, form)

    yield from _first_broken(attempt)


def spoiled_samples_are_refused(folder: Folder) -> Iterator[str]:
    """Samples cut off, with a byte changed, or in another encoding end in DecodeErrors."""
    samples = folder.samples("in")
    if not samples:
        return

    @SETTINGS
    @given(st.data())
    def attempt(data: st.DataObject) -> None:
        sample = data.draw(st.sampled_from(samples))
        body = sample.wire.read_bytes()
        at = data.draw(st.integers(0, max(len(body) - 1, 0)))
        spoilt = data.draw(
            st.sampled_from(
                [
                    body[:at],
                    body[:at] + bytes([data.draw(st.integers(0, 255))]) + body[at + 1 :],
                    body[:at] + body[at + 1 :],
                    body + body[at:],
                    body.decode(errors="replace").encode("utf-16"),
                    body.decode(errors="replace").encode("cp1258", errors="replace"),
                ]
            )
        )
        try:
            _try(folder, spoilt, sample.form)
        except Broken as broken:
            where = f"{sample.form}/{sample.wire.name}, changed at byte {at}"
            raise Broken(f"{where}: {broken}") from broken

    yield from _first_broken(attempt)


def errors_do_not_repeat_the_content(folder: Folder) -> Iterator[str]:
    """The text of an error, and of what caused it, never holds a value of the message."""
    for sample in folder.samples("in"):
        body = sample.wire.read_bytes()
        for start, end in _values(body):
            spoilt = body[:start] + CANARY.encode() + body[end:]
            try:
                errors = _try(folder, spoilt, sample.form)
            except Broken as broken:
                yield f"{sample.form}/{sample.wire.name}: {broken}"
                break
            if any(CANARY in str(each) for error in errors for each in chain(error)):
                yield f"{sample.form}/{sample.wire.name}: an error repeats the value at {start}"
                break


def _values(body: bytes) -> Iterator[tuple[int, int]]:
    """Where values stand: JSON texts, XML texts, form fields, columns."""
    for found in VALUE.finditer(body):
        yield found.span(found.lastindex or 0)


def chain(error: BaseException) -> Iterator[BaseException]:
    """An error, and what caused it."""
    yield error
    if error.__cause__ is not None:
        yield from chain(error.__cause__)


CHECKS: tuple[Check, ...] = (
    odd_bytes_are_refused,
    random_bytes_are_refused,
    spoiled_samples_are_refused,
    errors_do_not_repeat_the_content,
)
