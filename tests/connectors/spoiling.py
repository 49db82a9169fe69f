"""Calls with something missing or wrong: by name, in JSON, XML, forms and heads."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import orjson

from tests.connectors.broken_server import Change


def without(name: str) -> Change:
    """The call without all that has this name: a header (`name:`), a field or an element."""

    def change(head: bytes, body: bytes) -> tuple[bytes, bytes]:
        if name.endswith(":"):
            return re.sub(rb"(?im)^" + re.escape(name.encode()) + rb".*\r\n", b"", head), body
        if body.lstrip().startswith((b"{", b"[")):
            return head, orjson.dumps(_dropped(orjson.loads(body), name))
        return head, _without_element(body, name.encode())

    return change


def with_other(name: str, text: str) -> Change:
    """The call with this text as the value of all that has the name."""

    def change(head: bytes, body: bytes) -> tuple[bytes, bytes]:
        said = text.encode()
        if name.endswith(":"):
            line = re.escape(name.encode()) + rb" *[^\r\n]*"
            return re.sub(rb"(?im)^" + line, name.encode() + b" " + said, head), body
        if body.lstrip().startswith((b"{", b"[")):
            return head, orjson.dumps(_set(orjson.loads(body), name, text))
        tag = rb"([\w-]+:)?" + re.escape(name.encode()) + rb"\b"
        for element in (rb"(<" + tag + rb"[^>]*>)[^<]*", rb"(&lt;" + tag + rb".*?&gt;).*?(?=&lt;)"):
            body = re.sub(element, rb"\g<1>" + said, body)
        return head, body

    return change


def emptied(head: bytes, _: bytes) -> tuple[bytes, bytes]:
    """A call without a body."""
    return head, b""


def torn(head: bytes, body: bytes) -> tuple[bytes, bytes]:
    """A call with half of its body."""
    return head, body[: len(body) // 2]


def names_in(body: bytes) -> Iterator[str]:
    """Names of all fields of a JSON body."""
    if body.lstrip().startswith((b"{", b"[")):
        yield from dict.fromkeys(_names(orjson.loads(body)))


def _names(tree: Any) -> Iterator[str]:
    if isinstance(tree, dict):
        for name, value in tree.items():
            yield name
            yield from _names(value)
    elif isinstance(tree, list):
        for value in tree:
            yield from _names(value)


def _dropped(tree: Any, name: str) -> Any:
    if isinstance(tree, dict):
        return {key: _dropped(value, name) for key, value in tree.items() if key != name}
    if isinstance(tree, list):
        return [_dropped(value, name) for value in tree]
    return tree


def _set(tree: Any, name: str, text: str) -> Any:
    if isinstance(tree, dict):
        return {key: text if key == name else _set(v, name, text) for key, v in tree.items()}
    if isinstance(tree, list):
        return [_set(value, name, text) for value in tree]
    return tree


def _without_element(body: bytes, name: bytes) -> bytes:
    """The element, also inside a document that stands escaped in another."""
    for opening, closing in ((rb"<", rb">"), (rb"&lt;", rb"&gt;")):
        tag = rb"([\w-]+:)?" + re.escape(name)
        whole = opening + tag + rb"\b.*?" + opening + rb"/" + tag + closing
        body = re.sub(whole, b"", body, flags=re.S)
    return body
