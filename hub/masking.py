"""Masking: what a print or a screen may show of a message, by the data class of each field.

public           as it is
personal         initials (`N. V. A.`), which tell two people apart and name nobody
identity number  its last three digits
contact          the last two characters of a number, the first of a mailbox
secret           nothing

A field that no model knows, and every value of bytes as they crossed a wire, is masked; the
structure stays, so that a person sees what was there.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Mapping
from typing import Any, get_args

from hub.event import DataClass, Part

DOTS = "•••"
INITIALS = 6
DIGITS_SHOWN = 3
CONTACT_SHOWN = 2
SHORT = 6  # of a number this short, the last digits would be most of it


def masked_event(data: Mapping[str, Any], model: type[Part]) -> dict[str, Any]:
    """The JSON data of an event, masked by its model; fields that the model lacks show nothing."""
    fields = model.model_fields
    return {
        name: _masked(value, fields[name].annotation, _data_class(fields[name].metadata))
        if name in fields
        else _hidden(value)
        for name, value in data.items()
    }


def masked_wire(body: bytes, known: Collection[str] = ()) -> str:
    """Bytes of a wire message as text: JSON keeps its structure, anything else its length.

    Args:
        known: values that may be shown (dossier code, unit): they are public elsewhere too.
    """
    try:
        document = json.loads(body)
    except (ValueError, RecursionError):
        return f"({len(body)} bytes that are not JSON)"
    return json.dumps(_hidden(document, frozenset(known)), ensure_ascii=False, indent=2)


def masked_text(text: str, data_class: DataClass) -> str:
    """One value."""
    if not text or data_class is DataClass.PUBLIC:
        return text
    if data_class is DataClass.PERSONAL:
        return _initials(text)
    if data_class is DataClass.IDENTITY_NUMBER:
        return DOTS + (text[-DIGITS_SHOWN:] if len(text) > SHORT else "")
    if data_class is DataClass.CONTACT:
        name, at, _ = text.partition("@")
        if at:
            return f"{name[:1]}{DOTS}@{DOTS}"
        return DOTS + (text[-CONTACT_SHOWN:] if len(text) > SHORT else "")
    return DOTS


def _initials(text: str) -> str:
    words = text.split()
    initials = " ".join(f"{word[0]}." for word in words[:INITIALS] if word[0].isalpha())
    more = " …" if len(words) > INITIALS else ""
    return f"{initials}{more}" or DOTS


def _data_class(metadata: Collection[Any]) -> DataClass:
    found = [each for each in metadata if isinstance(each, DataClass)]
    return found[0] if found else DataClass.SECRET  # a field without a class shows nothing


def _masked(value: Any, annotation: Any, data_class: DataClass) -> Any:
    part = next(_parts(annotation), None)
    if isinstance(value, list):
        return [_masked(each, annotation, data_class) for each in value]
    if isinstance(value, dict):
        return masked_event(value, part) if part is not None else _hidden(value)
    if value is None or data_class is DataClass.PUBLIC:
        return value
    return masked_text(value, data_class) if isinstance(value, str) else DOTS


def _parts(annotation: Any) -> Iterator[type[Part]]:
    """The models inside an annotation (`tuple[Attachment, ...]`, `Dossier | None`)."""
    if isinstance(annotation, type) and issubclass(annotation, Part):
        yield annotation
    for inner in get_args(annotation):
        yield from _parts(inner)


def _hidden(value: Any, known: Collection[str] = ()) -> Any:
    if isinstance(value, dict):
        return {name: _hidden(each, known) for name, each in value.items()}
    if isinstance(value, list):
        return [_hidden(each, known) for each in value]
    if value is None or value == "" or isinstance(value, bool) or value in known:
        return value
    return DOTS
