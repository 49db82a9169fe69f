"""What a simulator may import: a mistake that it shared with its connector would stay unseen."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from tests.rules.tree import Module

ALLOWED = (
    r"hub\.(simulation|errors)(\.|$)",
    r"hub\.wire(\.\w+)*\.models(\.|$)",
    r"hub\.connectors\.{kind}\.(simulator|wire)(_\w+)?(\.|$)",
)


def foreign_imports(folder: Path, kind: str) -> Iterator[str]:
    """Imports of the folder's simulator modules beyond simulation, errors and wire models."""
    allowed = re.compile("|".join(ALLOWED).replace("{kind}", kind))
    for path in sorted(folder.glob("simulator*.py")):
        name = f"hub/connectors/{kind}/{path.name}"
        module = Module.parse(name, path.read_text(encoding="utf-8"))
        for node, imported in module.imports():
            if imported.partition(".")[0] == "hub" and not allowed.match(imported):
                yield module.at(node, f"the simulator imports {imported}")
