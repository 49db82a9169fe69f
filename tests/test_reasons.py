"""Every reason code that the hub can utter is explained, in both languages."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import astuple
from pathlib import Path

import pytest

from hub.reasons import reason_of, reasons
from tests.rules.tree import parsed

HUB = Path(__file__).parents[1] / "hub"
CODE = re.compile(r"[a-z][a-z0-9]*(_[a-z0-9]+)*")
CAUSES = {"Cause": 0, "Decision": 1, "Reason": 1, "stop_route": 1, "_stop": 0, "_stop_route": 0}
"""Calls that take a reason code, and at which place."""


def codes_in(source: str) -> Iterator[str]:
    """Reason codes that a module utters: `code=`, an error class's `code`, and causes."""
    for node in ast.walk(parsed(source)):
        values: list[ast.expr] = []
        if isinstance(node, ast.keyword) and node.arg == "code":
            values = [node.value]
        elif isinstance(node, ast.ClassDef):
            values = [
                each.value
                for each in node.body
                if isinstance(each, ast.Assign) and ast.unparse(each.targets[0]) == "code"
            ]
        elif isinstance(node, ast.Call):
            place = CAUSES.get(ast.unparse(node.func).rpartition(".")[2])
            values = node.args[place : place + 1] if place is not None else []
        for value in values:
            if isinstance(value, ast.IfExp):
                values += [value.body, value.orelse]
            if isinstance(value, ast.Constant) and isinstance(value.value, str):
                yield value.value


def uttered() -> dict[str, Path]:
    found: dict[str, Path] = {}
    for path in HUB.rglob("*.py"):
        for code in codes_in(path.read_text(encoding="utf-8")):
            if CODE.fullmatch(code):
                found.setdefault(code, path)
    return found


def test_every_code_used_in_the_hub_is_explained() -> None:
    missing = {code: path.name for code, path in uttered().items() if code not in reasons()}
    assert not missing


@pytest.mark.parametrize(
    "source",
    [
        'raise Unavailable("x", code="no_such_code")',
        'class Gone(HubError):\n    code = "no_such_code"',
        'BEHIND = Cause("no_such_code")',
        'x = Decision(Action.DEAD, "no_such_code")',
        'raise Unavailable("x", code="no_such_code" if a else "store_away")',
    ],
)
def test_an_unexplained_code_would_be_found(source: str) -> None:
    assert "no_such_code" in set(codes_in(source)) - set(reasons())


def test_every_entry_is_whole_and_in_two_languages() -> None:
    for code, reason in reasons().items():
        assert CODE.fullmatch(code), code
        for text in astuple(reason):
            assert text.strip() == text != "", code
            assert text.endswith("."), code
        assert reason.vi != reason.en, code


def test_an_unknown_code_is_named() -> None:
    assert "from_a_newer_hub" in reason_of("from_a_newer_hub").en
