"""Bytes -> wire objects. Every fault is a DecodeError with the path of the field, never a value.

Most items are exactly in the documented format, all values texts. For those `dossier_in` and
`progress_in` check a twin of the model that costs a tenth; whatever the twin does not take
(numbers, unknown fields, real faults) goes to the model, which decides.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Any, TypeVar, cast, get_args, get_origin

import msgspec
import orjson
from pydantic import ValidationError

from hub.errors import DecodeError
from hub.event import decode_error
from hub.wire.dvcqg.models import (
    WireDossier,
    WirePart,
    WireProgress,
    WireQuestion,
    WireState,
)

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


def state_of(tree: Any, path: str = "") -> WireState:
    """The state of one parsed item; see `dossier_of`."""
    return _checked(WireState, tree, path)


def question_of(tree: Any, path: str = "") -> WireQuestion:
    """The question of one parsed row; see `dossier_of`."""
    return _checked(WireQuestion, tree, path)


def dossier_in(body: bytes, path: str = "") -> WireDossier:
    """What `dossier_of` gives for JSON bytes, or a twin with the same attributes."""
    try:
        return _read_dossier(body)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return _checked(WireDossier, tree_of(body), path)


def progress_in(body: bytes, path: str = "") -> WireProgress:
    """What `progress_of` gives for JSON bytes, or a twin with the same attributes."""
    try:
        return _read_progress(body)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return _checked(WireProgress, tree_of(body), path)


def quick_dossier_of(tree: Any, path: str = "") -> WireDossier:
    """What `dossier_of` gives, or a twin with the same attributes."""
    try:
        return cast(WireDossier, msgspec.convert(tree, _DOSSIER_TWIN))
    except msgspec.ValidationError:
        return _checked(WireDossier, tree, path)


def quick_progress_of(tree: Any, path: str = "") -> WireProgress:
    """What `progress_of` gives, or a twin with the same attributes."""
    try:
        return cast(WireProgress, msgspec.convert(tree, _PROGRESS_TWIN))
    except msgspec.ValidationError:
        return _checked(WireProgress, tree, path)


def _twin(model: type[WirePart]) -> type[msgspec.Struct]:
    """A struct with the model's fields that takes texts, lists of twins and nothing unknown."""
    fields: list[tuple[str, Any, None]] = []
    for name, field in model.model_fields.items():
        listed = [each for each in get_args(field.annotation) if get_origin(each) is tuple]
        kind = tuple[_twin(get_args(listed[0])[0]), ...] if listed else str  # type: ignore[misc] # made at run time
        fields.append((name, kind | None, None))
    return msgspec.defstruct(
        f"{model.__name__}Twin",
        fields,
        namespace={"__pydantic_extra__": None},
        forbid_unknown_fields=True,
        frozen=True,
    )


_DOSSIER_TWIN = _twin(WireDossier)
_PROGRESS_TWIN = _twin(WireProgress)
_read_dossier = cast(
    Callable[[bytes], WireDossier], msgspec.json.Decoder(_DOSSIER_TWIN, strict=True).decode
)
_read_progress = cast(
    Callable[[bytes], WireProgress], msgspec.json.Decoder(_PROGRESS_TWIN, strict=True).decode
)


def _checked(model: type[W], tree: Any, path: str) -> W:
    if not isinstance(tree, dict):
        raise DecodeError("must be a JSON object", path=path)
    try:
        return model.model_validate(tree)
    except ValidationError as error:
        raise decode_error(error, path) from error
