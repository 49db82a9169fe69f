"""Whether a JSON Schema of an event differs from an older one only by optional fields.

Old events must be readable by new code, and new events by old code, which ignores fields that it
does not know but refuses words that it does not know. So a field may come if it is optional, and
nothing else may come, go or change.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

Schema = Mapping[str, Any]

SAID_ONLY = {"description", "title", "default", "examples", "$defs", "$schema"}
"""Keywords that say something to people and allow or refuse nothing."""

COMPARED = {"properties", "required", "items", "prefixItems", "additionalProperties", "anyOf"}
COMPARED |= {"$ref"}


def breaks(old: Schema, new: Schema) -> list[str]:
    """What an event of the new schema would break, as `path: reason`; empty if nothing."""
    return _Comparison(old, new).breaks


class _Comparison:
    def __init__(self, old: Schema, new: Schema) -> None:
        self.breaks: list[str] = []
        self._old_parts, self._new_parts = old.get("$defs", {}), new.get("$defs", {})
        self._seen: set[tuple[str, str]] = set()
        self._compare("", old, new)

    def _compare(self, path: str, old: Schema, new: Schema) -> None:
        names = str(old.get("$ref", "")), str(new.get("$ref", ""))
        if all(names):
            if names in self._seen:
                return
            self._seen.add(names)
        old, new = self._resolved(old, self._old_parts), self._resolved(new, self._new_parts)
        plain = (set(old) | set(new)) - SAID_ONLY - COMPARED
        for keyword in sorted(plain):
            if old.get(keyword) != new.get(keyword):
                self._add(path, f"{keyword} has changed")
        self._compare_fields(path, old, new)
        self._compare_inner(path, old, new)

    @staticmethod
    def _resolved(schema: Schema, parts: Schema) -> Schema:
        """The schema with the part that it refers to; its own keywords come first."""
        if "$ref" not in schema:
            return schema
        part = parts[schema["$ref"].rpartition("/")[2]]
        return {**part, **{name: value for name, value in schema.items() if name != "$ref"}}

    def _add(self, path: str, reason: str) -> None:
        self.breaks.append(f"{path or '/'}: {reason}")

    def _compare_fields(self, path: str, old: Schema, new: Schema) -> None:
        before, after = old.get("properties", {}), new.get("properties", {})
        for name, schema in before.items():
            if name in after:
                self._compare(f"{path}/{name}", schema, after[name])
            else:
                self._add(f"{path}/{name}", "the field is gone")
        required = set(old.get("required", ())), set(new.get("required", ()))
        for name in sorted(required[1] - required[0]):
            self._add(f"{path}/{name}", "the field has become required")
        for name in sorted((required[0] - required[1]) & set(after)):
            self._add(f"{path}/{name}", "the field has become optional")

    def _compare_inner(self, path: str, old: Schema, new: Schema) -> None:
        for keyword in ("items", "additionalProperties"):
            before, after = old.get(keyword, True), new.get(keyword, True)
            if isinstance(before, Mapping) and isinstance(after, Mapping):
                self._compare(f"{path}/*", before, after)
            elif before != after:
                self._add(f"{path}/*", f"{keyword} has changed")
        for keyword in ("anyOf", "prefixItems"):
            before, after = old.get(keyword, ()), new.get(keyword, ())
            if len(before) != len(after):
                self._add(path, f"{keyword} has another length")
            for one, other in zip(before, after, strict=False):
                self._compare(path, one, other)
