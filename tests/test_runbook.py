"""The runbook has an entry for every reason code, and each entry says what to look at and to do."""

from __future__ import annotations

import re
from collections import Counter

import pytest

from hub.reasons import reasons
from tests.rules.tree import ROOT

RUNBOOK = ROOT / "docs" / "runbook"
PAGES = {
    path.name: path.read_text(encoding="utf-8")
    for path in sorted(RUNBOOK.glob("*.md"))
    if path.name != "README.md"
}
INDEX = (RUNBOOK / "README.md").read_text(encoding="utf-8")
ENTRY = re.compile(r"^### `(\w+)`\n(.*?)(?=^#|\Z)", re.M | re.S)
PARTS = re.compile(r"^\*\*(\w[\w ]*)\.\*\* (\S.*)", re.M)


def entries(text: str) -> dict[str, str]:
    """Text of each entry of a page, by code."""
    return dict(ENTRY.findall(text))


def lacks(entry: str) -> list[str]:
    """Which of the three parts an entry does not have, in their order."""
    found = [name for name, _ in PARTS.findall(entry)]
    wanted = ["Means", "Look at", "Do"]
    return [name for name in wanted if name not in found] or ([] if found == wanted else found)


CODES = Counter(code for text in PAGES.values() for code in entries(text))


def test_every_reason_code_has_one_entry() -> None:
    assert sorted(CODES) == sorted(reasons())
    assert [code for code, count in CODES.items() if count > 1] == []


@pytest.mark.parametrize("page", PAGES)
def test_every_entry_says_what_it_means_what_to_look_at_and_what_to_do(page: str) -> None:
    incomplete = {code: lacks(text) for code, text in entries(PAGES[page]).items()}
    assert {code: parts for code, parts in incomplete.items() if parts} == {}


def test_the_index_leads_to_every_entry_and_nowhere_else() -> None:
    links = re.findall(r"\[`(\w+)`\]\((\w+\.md)#(\w+)\)", INDEX.partition("## All codes")[2])
    standing = {(code, page, code) for page, text in PAGES.items() for code in entries(text)}
    assert sorted(links) == sorted(standing)


def test_an_entry_without_advice_is_found() -> None:
    assert lacks("**Means.** It is away.\n**Look at.** The disk.\n") == ["Do"]
    assert lacks("**Means.** It is away.\n**Look at.** The disk.\n**Do.** Wait.\n") == []
    assert lacks("**Means.** It is away.\n**Do.** Wait.\n**Look at.** The disk.\n") != []
