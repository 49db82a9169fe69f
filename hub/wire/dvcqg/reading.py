"""Bytes -> wire objects. Every fault is a DecodeError with the path of the field, never a value."""

from __future__ import annotations

import hashlib
from typing import Any, TypeVar

import orjson
from pydantic import ValidationError

from hub.errors import DecodeError
from hub.event import decode_error
from hub.wire.dvcqg.models import WireDossier, WirePart, WireProgress

W = TypeVar("W", bound=WirePart)


def tree_of(body: bytes) -> Any:
    """The parsed JSON text.

    Raises:
        DecodeError: not UTF-8, not JSON, `NaN`, or nested beyond the parser's limit.
    """
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise DecodeError(f"not JSON (line {error.lineno}, column {error.colno})") from error


def body_hash(tree: Any) -> str:
    """SHA-256 (hex) of the parsed body with its keys sorted: spacing and order do not count.

    Raises:
        DecodeError: nested too deep.
    """
    try:
        return hashlib.sha256(orjson.dumps(tree, option=orjson.OPT_SORT_KEYS)).hexdigest()
    except orjson.JSONEncodeError as error:
        raise DecodeError("nested too deep", code="too_deep") from error


def dossier_of(tree: Any, path: str = "") -> WireDossier:
    """The dossier of one parsed item.

    Args:
        tree: the parsed JSON object.
        path: where the item stands, put before the paths of faults.

    Raises:
        DecodeError: not an object, or a field of the wrong JSON type.
    """
    return _checked(WireDossier, tree, path)


def progress_of(tree: Any, path: str = "") -> WireProgress:
    """The processing step of one parsed item; see `dossier_of`."""
    return _checked(WireProgress, tree, path)


def _checked(model: type[W], tree: Any, path: str) -> W:
    if not isinstance(tree, dict):
        raise DecodeError("must be a JSON object", path=path)
    try:
        return model.model_validate(tree)
    except ValidationError as error:
        raise decode_error(error, path) from error
