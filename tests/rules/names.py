"""Names of the tests and checks that there are, for papers that say what shows a promise."""

from __future__ import annotations

import ast
from functools import cache

from tests.rules.tree import ROOT, parsed


@cache
def named_tests() -> dict[str, tuple[str, ...]]:
    """Every test, contract check and state machine by its name, with its files."""
    found: dict[str, list[str]] = {}
    for path in sorted((ROOT / "tests").rglob("*.py")):
        for node in ast.walk(parsed(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and _shows(node, path.name):
                found.setdefault(node.name, []).append(str(path.relative_to(ROOT)))
            if isinstance(node, ast.ClassDef) and "RuleBasedStateMachine" in map(
                ast.unparse, node.bases
            ):
                found.setdefault(node.name, []).append(str(path.relative_to(ROOT)))
    return {name: tuple(files) for name, files in found.items()}


def _shows(node: ast.FunctionDef | ast.AsyncFunctionDef, file: str) -> bool:
    """A test, or a check of the contract (one folder) or of the house (one module)."""
    names = [argument.arg for argument in node.args.args]
    check = names in (["folder"], ["module"]) and not node.name.startswith("_")
    return check or (node.name.startswith("test_") and file.startswith("test_"))
