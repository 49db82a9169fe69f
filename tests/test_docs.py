"""Papers say what is there: links resolve, named files exist, commands and options are known."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer.main

from hub.__main__ import commands
from tests.rules.tree import ROOT

PAPERS = sorted(
    path
    for path in (*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *ROOT.glob("hub/**/*.md"))
    if path.is_file()
)
NAMES = [str(path.relative_to(ROOT)) for path in PAPERS]

LINK = re.compile(r"\]\(([^)#\s]+)(?:#[^)]*)?\)")
FILE = re.compile(r"`((?:hub|tests|docs|deploy)/[\w./-]*\w/?)`")
MAKE = re.compile(r"(?:^|`)make ([a-z]+)", re.M)


def _text(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


def _code(text: str) -> Iterator[str]:
    """What stands in backticks or in blocks of shell: the places where commands are meant."""
    for block in re.findall(r"```sh\n(.*?)```", text, re.S):
        yield from block.splitlines()
    yield from re.findall(r"`([^`\n]+)`", re.sub(r"```.*?```", "", text, flags=re.S))


def unknown_commands(text: str) -> list[str]:
    """The commands and options of `hub` in a text that the program does not have."""
    root = typer.main.get_command(commands())
    found = []
    for line in _code(text):
        for words in re.findall(r"^(?:\S*/)?hub ([a-z][^#]*)", line.strip()):
            if not _is_known(root, words.split()):
                found.append(f"hub {words.strip()}")
    return found


def _is_known(command: Any, words: list[str]) -> bool:
    while words and (group := getattr(command, "commands", None)):
        if words[0] not in group:
            return False
        command = group[words.pop(0)]
    options = {name for each in command.params for name in (*each.opts, *each.secondary_opts)}
    return all(word in options for word in words if word.startswith("--"))


@pytest.mark.parametrize("name", NAMES)
def test_every_link_leads_somewhere(name: str) -> None:
    here = (ROOT / name).parent
    links = [link for link in LINK.findall(_text(name)) if "://" not in link]
    assert [link for link in links if not (here / link).exists()] == []


@pytest.mark.parametrize("name", NAMES)
def test_every_file_that_is_named_exists(name: str) -> None:
    assert [path for path in FILE.findall(_text(name)) if not (ROOT / path).exists()] == []


@pytest.mark.parametrize("name", NAMES)
def test_every_command_and_option_is_known(name: str) -> None:
    assert unknown_commands(_text(name)) == []


@pytest.mark.parametrize("name", NAMES)
def test_every_target_of_make_is_there(name: str) -> None:
    makefile = _text("Makefile")
    targets = {target for line in _code(_text(name)) for target in MAKE.findall(line)}
    assert [t for t in sorted(targets) if not re.search(rf"^{t}:", makefile, re.M)] == []


@pytest.mark.parametrize(
    ("text", "unknown"),
    [
        ("`hub local up --new-ports` and `hub local status`", []),
        ("`hub local fly`", ["hub local fly"]),
        (
            "```sh\n.venv/bin/hub check-log --sent a --ever b\n```",
            ["hub check-log --sent a --ever b"],
        ),
        ("the hub local people speak of, and `hub.yaml`", []),
        ("`hub sing`", ["hub sing"]),
    ],
)
def test_a_command_that_is_not_there_is_found(text: str, unknown: list[str]) -> None:
    assert unknown_commands(text) == unknown


def test_the_papers_are_found() -> None:
    assert {"CONTRIBUTING.md", "docs/architecture.md", "docs/connectors.md"} <= set(NAMES)
    assert Path(ROOT / "LICENSE").read_text(encoding="utf-8").lstrip().startswith("Apache License")
