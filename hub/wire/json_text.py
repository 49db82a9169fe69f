"""JSON as it comes in at the door: stricter than the parsers, so that all readers see the same.

Parsers disagree about repeated names (first or last wins), `NaN`, lone surrogates and how deep is
too deep; what one accepts and the next reads differently is refused here.
"""

from __future__ import annotations

import json
import re
from typing import Any

import orjson

from hub.errors import DecodeError

DEPTH_LIMIT = 16
"""Deepest nesting; the deepest known wire object has six levels."""

_PLAIN_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,63}")


def strict_tree(body: bytes, *, depth_limit: int = DEPTH_LIMIT) -> Any:
    """The parsed JSON text.

    Raises:
        DecodeError: not UTF-8, not JSON, `NaN` or a number beyond a float, nested too deep
            (`too_deep`), or a name twice in one object (`duplicate_name`).
    """
    try:
        tree = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise DecodeError(f"not JSON (line {error.lineno}, column {error.colno})") from error
    _refuse_depth(tree, depth_limit)
    # The tree has lost repeated names; this pass looks only for them and keeps nothing.
    json.loads(body, object_pairs_hook=_refuse_duplicates, parse_int=len, parse_float=len)
    return tree


def _refuse_depth(tree: Any, limit: int) -> None:
    level = [tree]
    for _ in range(limit + 1):
        level = [
            child
            for node in level
            if isinstance(node, dict | list)
            for child in (node.values() if isinstance(node, dict) else node)
        ]
        if not level:
            return
    raise DecodeError(f"nested deeper than {limit} levels", code="too_deep")


def _refuse_duplicates(pairs: list[tuple[str, Any]]) -> None:
    if len(dict(pairs)) == len(pairs):
        return
    names = [name for name, _ in pairs]
    twice = next(name for name in names if names.count(name) > 1)
    path = f"/{twice}" if _PLAIN_NAME.fullmatch(twice) else ""
    raise DecodeError("the name stands twice in one object", path=path, code="duplicate_name")
