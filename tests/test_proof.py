"""docs/proof.md: whatever is said to show a promise is there.

Commands, options, files and links are checked with all papers in `test_docs.py`.
"""

from __future__ import annotations

import re

import pytest

from hub.connector import discover
from tests.rules.names import named_tests
from tests.rules.tree import ROOT

TEXT = (ROOT / "docs" / "proof.md").read_text(encoding="utf-8")
COMMAND = re.compile(r"(hub|make) [a-z]")
NOT_SHOWN = "not shown"


def rows(text: str) -> list[list[str]]:
    """The cells of every row of every table, but of its two heads."""
    lines = [line for line in text.splitlines() if line.startswith("| ")]
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    return [row for row in cells if row[-1] != "shown by"]


def unknown(cell: str) -> list[str]:
    """Names in a cell that are neither a test or check nor a command."""
    names = re.findall(r"`([^`]+)`", cell)
    return [name for name in names if not COMMAND.match(name) and name not in named_tests()]


def shows_nothing(cell: str) -> bool:
    """Whether a cell names no test, command or page, and does not say that it is not shown."""
    return not (re.search(r"`[^`]+`|\]\(", cell) or cell.startswith(NOT_SHOWN))


@pytest.mark.parametrize("row", rows(TEXT), ids=lambda row: " ".join(row[:-1])[:60])
def test_what_is_said_to_show_a_promise_is_there(row: list[str]) -> None:
    assert unknown(row[-1]) == []
    assert not shows_nothing(row[-1])


@pytest.mark.parametrize("kind", discover())
def test_every_connector_has_rows(kind: str) -> None:
    if kind not in {row[0].strip("`") for row in rows(TEXT) if len(row) == 3}:
        what = f"no row says what shows the promises of `{kind}`"
        pytest.fail(f"docs/proof.md: {what}", pytrace=False)


@pytest.mark.parametrize(
    ("cell", "missing", "empty"),
    [
        ("`test_every_connector_has_rows`, `hub faults`", [], False),
        ("`test_that_nobody_wrote`", ["test_that_nobody_wrote"], False),
        ("surely", [], True),
        ("not shown", [], False),
    ],
)
def test_a_name_that_is_not_there_is_found(cell: str, missing: list[str], empty: bool) -> None:
    assert (unknown(cell), shows_nothing(cell)) == (missing, empty)
