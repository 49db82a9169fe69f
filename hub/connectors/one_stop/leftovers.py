"""What a wire object says beyond the fields that are known, with the path of each; pure."""

from __future__ import annotations

from typing import Any

from hub.wire.dvcqg.models import WirePart


def leftovers(wire: WirePart, path: str = "") -> dict[str, Any]:
    """Unknown fields of an object and of all it holds: `ThongTinBienLai/SoQD` -> value."""
    found: dict[str, Any] = {
        f"{path}{name}": value for name, value in (wire.__pydantic_extra__ or {}).items()
    }
    for name, value in wire.__dict__.items():
        if isinstance(value, WirePart):
            found |= leftovers(value, f"{path}{name}/")
        elif isinstance(value, tuple):
            for number, each in enumerate(value):
                if isinstance(each, WirePart):
                    found |= leftovers(each, f"{path}{name}/{number}/")
    return found
