"""Examples: data of a kind, made of its schema, on which conditions and encoders are tried."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any

from hub.event import EventData, schema_of
from hub.settings.references import branches

FORMATS = {"date-time": "2026-01-05T08:00:00+07:00", "date": "2026-01-05"}


@cache
def example(model: type[EventData], *, whole: bool) -> EventData:
    """Data of a kind: only what it must have, or everything that it can have, a list's one entry.

    A text that has to be one of several words is the first of them.
    """
    schema = schema_of(model)
    return model.model_validate(_value(schema, schema, whole=whole))


def _value(root: Mapping[str, Any], schema: Mapping[str, Any], *, whole: bool) -> Any:
    parts = list(branches(root, schema))
    part = next((each for each in parts if each.get("type", "null") != "null"), {})
    if "enum" in part or "const" in part:
        return part["const"] if "const" in part else part["enum"][0]
    match part.get("type"):
        case "object":
            fields = part.get("properties", {})
            names = fields if whole else part.get("required", ())
            return {name: _value(root, fields[name], whole=whole) for name in names}
        case "array":
            return [_value(root, part.get("items", {}), whole=whole)] if whole else []
        case "boolean":
            return True
        case "integer" | "number":
            return part.get("minimum", 1)
        case _:
            return FORMATS.get(part.get("format", ""), "A")
