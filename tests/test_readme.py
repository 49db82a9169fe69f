"""What the papers tell people to type works: commands are run or parsed, hub.yaml examples load."""

from __future__ import annotations

import re
import shlex
import subprocess
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import typer.main
import yaml
from typer.exceptions import TyperException
from typer.testing import CliRunner

from hub.__main__ import commands
from hub.crash import POINTS
from hub.route import Terms
from hub.settings import HubSettings, load_settings
from tests.rules.tree import ROOT

APP = commands()
ROOT_COMMAND: Any = typer.main.get_command(APP)
PAPERS = sorted(
    str(path.relative_to(ROOT))
    for path in (*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *ROOT.glob("hub/**/*.md"))
)
SHELL = re.compile(r"^( *)```(?:sh|bash|console)\n(.*?)^\1```", re.M | re.S)
YAML = re.compile(r"^```yaml\n(.*?)^```", re.M | re.S)
REFERENCE = re.compile(r"\$\{(env|file):([\w./-]+)\}")

INLINE = re.compile(r"`(hub [a-z][^`\n]*)`")

ALONE = {"check": 0, "decode": 0, "encode": 0, "local status": 3, "schemas": 0, "topics": 0}
"""Commands that are run for real, without a server, and what they end with here."""
ON_POSTGRES = {"rejections": 0, "held list": 0, "route list": 0, "show dossier": 1}
"""The same, on an empty database: nothing is known of a dossier there."""
READING = {"decode", "encode"}
"""Commands that read standard input where no file is named: in a sentence they are only named."""
FOREIGN = {"curl", "export", "python3", "reader/bin/python"}
"""Programs that are not ours to test."""

INVENTED = {
    "KAFKA_SERVERS": "localhost:9092",
    "POSTGRES_URL": "postgresql://hub:hub@localhost:5432/hub",
    "PORTAL_URL": "http://127.0.0.1:8090",
}
SECRET = "an-invented-secret-of-more-than-32-characters"


def text_of(paper: str) -> str:
    return (ROOT / paper).read_text(encoding="utf-8")


def commands_in(text: str) -> Iterator[list[str]]:
    """The words of each command in the shell blocks of a text, without comments."""
    for _, block in SHELL.findall(text):
        for line in block.replace("\\\n", " ").splitlines():
            words = shlex.split(line.strip().removeprefix("$ "), comments=True)
            if words:
                yield words


def hub_command(words: list[str]) -> tuple[str, Any, list[str]]:
    """Name of the innermost command, the command, and the words that are left for it."""
    command, rest = ROOT_COMMAND, words
    while rest and (group := getattr(command, "commands", None)) and rest[0] in group:
        command, rest = group[rest[0]], rest[1:]
    return " ".join(words[: len(words) - len(rest)]), command, rest


TYPED = [(paper, words) for paper in PAPERS for words in commands_in(text_of(paper))]


def lines_of(kinds: Collection[str]) -> dict[str, list[str]]:
    """What the papers type after `hub`, in blocks or in a sentence, if it is one of these."""
    blocks = [words for _, words in TYPED if Path(words[0]).name == "hub"]
    named = [shlex.split(line) for paper in PAPERS for line in INLINE.findall(text_of(paper))]
    asked = [words for words in named if words[1] not in READING]
    ours = [words[1:] for words in (*blocks, *asked) if hub_command(words[1:])[0] in kinds]
    return {" ".join(words): words for words in ours if is_whole(words)}


def is_whole(words: list[str]) -> bool:
    """Whether nothing is missing; a sentence may name a command without its arguments."""
    name, command, rest = hub_command(words)
    try:
        command.make_context(name, rest)
    except (TyperException, typer.Exit):
        return False
    return True


@pytest.mark.parametrize(
    "words", [words for _, words in TYPED], ids=[" ".join(words) for _, words in TYPED]
)
def test_every_command_of_the_papers_can_be_typed(words: list[str]) -> None:
    program = Path(words[0]).name
    if words[0] in FOREIGN:
        return
    if program == "hub":
        name, command, rest = hub_command(words[1:])
        command.make_context(name, rest)  # parses every argument and option, or raises
    elif program == "make":
        planned = subprocess.run(["make", "-n", *words[1:]], cwd=ROOT, capture_output=True)
        assert planned.returncode == 0
    elif program == "python":
        assert [path for path in words if path.startswith("tests/")] != []
        assert all((ROOT / path).exists() for path in words if path.startswith("tests/"))
    else:
        pytest.fail(f"{program} is no program that the papers speak of")


@pytest.fixture
def deployment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder as the README describes it: hub.yaml, and the hub's samples beside it."""
    for name in ("HUB_CONFIG", "HUB_POSTGRES", "HUB_KAFKA"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "hub.yaml").write_text(example(), encoding="utf-8")
    (tmp_path / "hub").symlink_to(ROOT / "hub")
    for name, value in environment_of(example(), tmp_path).items():
        monkeypatch.setenv(name, value)
    return tmp_path


ALONE_LINES, STORE_LINES = lines_of(ALONE), lines_of(ON_POSTGRES)


@pytest.mark.usefixtures("deployment")
@pytest.mark.parametrize("line", ALONE_LINES)
def test_short_commands_do_what_the_papers_say(line: str) -> None:
    words = ALONE_LINES[line]
    ended = CliRunner().invoke(APP, words)
    assert ended.exit_code == ALONE[hub_command(words)[0]], ended.output
    assert ended.output


@pytest.mark.usefixtures("deployment")
@pytest.mark.parametrize("line", STORE_LINES)
def test_questions_of_the_papers_are_answered_by_the_store(line: str, migrated: str) -> None:
    words = ["dossiers-to-national-portal" if w == "ROUTE" else w for w in STORE_LINES[line]]
    ended = CliRunner().invoke(APP, words, env={"HUB_POSTGRES": migrated})
    assert ended.exit_code == ON_POSTGRES[hub_command(words)[0]], ended.output
    assert "nothing_known" in ended.output or ended.exit_code == 0


def example() -> str:
    """The hub.yaml of the README."""
    [found] = [text for text in YAML.findall(text_of("README.md")) if text.startswith("version:")]
    return str(found)


def environment_of(text: str, folder: Path) -> dict[str, str]:
    """Values for what a hub.yaml refers to; files are written into the folder."""
    found = {}
    for kind, name in REFERENCE.findall(text):
        if kind == "env":
            found[name] = INVENTED.get(name, SECRET)
        else:
            (folder / name).write_text(SECRET, encoding="utf-8")
    return found


def load(document: Mapping[str, Any], folder: Path) -> HubSettings:
    """The settings of a document, under an invented environment."""
    text = yaml.safe_dump(dict(document), allow_unicode=True)
    file = folder / "hub.yaml"
    file.write_text(text, encoding="utf-8")
    return load_settings(file, environment_of(text, folder))


EXAMPLES = [
    pytest.param(yaml.safe_load(text), id=f"{paper}-{number}")
    for paper in PAPERS
    for number, text in enumerate(YAML.findall(text_of(paper)))
    if set(yaml.safe_load(text)) <= set(HubSettings.model_fields)
]


@pytest.mark.parametrize("part", EXAMPLES)
def test_every_example_of_hub_yaml_loads(part: dict[str, Any], tmp_path: Path) -> None:
    whole = yaml.safe_load(example())
    for section, value in part.items():
        known = whole.get(section)
        whole[section] = {**known, **value} if isinstance(known, dict) else value
    settings = load(whole, tmp_path)
    assert set(settings.connectors) >= set(part.get("connectors", ()))


def test_the_example_of_the_repository_loads(tmp_path: Path) -> None:
    text = text_of("hub.example.yaml")
    (tmp_path / "hub.yaml").write_text(text, encoding="utf-8")
    settings = load_settings(tmp_path / "hub.yaml", environment_of(text, tmp_path))
    assert "dossiers-to-national-portal" in settings.routes


def test_the_readme_in_vietnamese_tells_the_same_two_commands() -> None:
    two = [["make", "demo"], ["make", "test"]]
    for paper in ("README.md", "README.vi.md"):
        assert [words for words in commands_in(text_of(paper)) if words[0] == "make"] == two


def test_the_engine_page_has_every_crash_point_and_every_term() -> None:
    page = text_of("docs/engine.md")
    points = re.findall(r"^\| `(\w+)` \|", page.partition("## Crash points")[2], re.M)
    assert sorted(points) == sorted(POINTS)
    assert [name for name in Terms.model_fields if name not in page] == []


def test_a_command_that_could_not_be_typed_is_found() -> None:
    typed = "```sh\nhub held replay ROUTE DOSSIER --reason mended   # a comment\n```\n"
    [words] = commands_in(typed)
    assert is_whole(words[1:])
    assert not is_whole(words[1:-2])
    assert not is_whole([*words[1:], "--verbatim"])


def test_commands_of_every_kind_are_found() -> None:
    assert {paper for paper, _ in TYPED} >= {"README.md", "README.vi.md", "docs/runbook/README.md"}
    for kinds, lines in ((ALONE, ALONE_LINES), (ON_POSTGRES, STORE_LINES)):
        assert {hub_command(words)[0] for words in lines.values()} == set(kinds)
