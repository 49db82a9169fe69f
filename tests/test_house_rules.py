"""The house rules hold in the whole tree, and each rule refuses what it must.

A rule is a function from one parsed module to its violations (`tests/rules/`). For every rule
`tests/rules/examples.py` has text that it must refuse and text that it must let pass, so that no
rule can pass by looking away.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from hub.connector import discover
from tests.rules import examples, imports, shape
from tests.rules.tree import ROOT, Module, modules, no_python

Rule = Callable[[Module], Iterator[str]]

RULES: dict[Rule, tuple[str, ...]] = {
    imports.single_importers: ("hub",),
    imports.connectors_apart: ("hub",),
    imports.no_foreign_retries: ("hub",),
    shape.module_length: ("hub", "tests", "bench"),
    shape.function_length: ("hub", "tests", "bench"),
    shape.parameters: ("hub", "tests", "bench"),
    shape.names: ("hub", "tests", "bench"),
    shape.docstrings: ("hub", "bench"),
    shape.broad_excepts: ("hub", "tests", "bench"),
    shape.reasons: ("hub", "tests", "bench"),
    shape.prints: ("hub",),
    shape.no_sleeping_tests: ("tests",),
    shape.telling_tests: ("tests",),
}
"""Every rule of one module, and the folders it rules."""

EVERY = {rule.__name__: rule for rule in (*RULES, imports.pure)}


def _told(violations: list[str]) -> str:
    return "\n" + "\n".join(violations)


def test_every_file_is_python() -> None:
    broken = list(no_python("hub", "tests", "bench"))
    assert not broken, _told(broken)


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
def test_the_tree_keeps_the_rule(rule: Rule) -> None:
    broken = [text for module in modules(*RULES[rule]) for text in rule(module)]
    assert not broken, _told(broken)


def test_nobody_outside_its_folder_knows_a_connector_by_name() -> None:
    kinds = list(discover())
    broken = [text for module in modules("hub") for text in imports.connector_names(module, kinds)]
    assert not broken, _told(broken)


@pytest.mark.parametrize(
    ("source", "known"),
    [
        ('if name == "toy": act()', True),
        ("toy = settings.connectors.toy", True),
        ('"""For example toy."""', False),
        ('"toys are many"', False),
    ],
)
def test_a_connector_named_in_code_is_found(source: str, known: bool) -> None:
    assert bool(list(imports.connector_names(Module.parse("hub/x.py", source), ["toy"]))) is known
    assert not list(imports.connector_names(Module.parse("hub/routes/x.py", source), ["toy"]))


def test_decode_and_encode_are_pure() -> None:
    broken = [
        text for module in imports.pure_modules(modules("hub")) for text in imports.pure(module)
    ]
    assert not broken, _told(broken)


def test_purity_follows_what_decode_imports_of_its_folder() -> None:
    decode = Module.parse("hub/connectors/toy/decode.py", "from hub.connectors.toy import wire")
    wire = Module.parse("hub/connectors/toy/wire.py", "import time")
    client = Module.parse("hub/connectors/toy/client.py", "import time")
    assert imports.pure_modules([decode, wire, client]) == [decode, wire]


@pytest.mark.parametrize(
    ("name", "path", "source"),
    [(name, *example) for name, all_of in examples.REFUSED.items() for example in all_of],
)
def test_a_rule_refuses_what_breaks_it(name: str, path: str, source: str) -> None:
    violations = list(EVERY[name](Module.parse(path, source)))
    assert violations
    assert violations[0].startswith(f"{path}:")


@pytest.mark.parametrize(
    ("name", "path", "source"),
    [(name, *example) for name, all_of in examples.ACCEPTED.items() for example in all_of],
)
def test_a_rule_lets_pass_what_keeps_it(name: str, path: str, source: str) -> None:
    assert not list(EVERY[name](Module.parse(path, source)))


def test_every_rule_has_an_example_of_both() -> None:
    assert set(EVERY) == set(examples.REFUSED) == set(examples.ACCEPTED)


# Imports point one way (`.importlinter`)


def test_imports_point_one_way() -> None:
    done = subprocess.run(
        [Path(sys.executable).with_name("lint-imports"), "--no-cache", "--no-logo"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout


def test_an_import_upwards_is_refused(tmp_path: Path) -> None:
    for name, text in {"__init__": "", "errors": "import hub.event", "event": ""}.items():
        (tmp_path / "hub").mkdir(exist_ok=True)
        (tmp_path / "hub" / f"{name}.py").write_text(text)
    rules = (ROOT / ".importlinter").read_text(encoding="utf-8")
    layers = re.sub(r"(?s)(layers =\n).*?\n\n.*", r"\1    event\n    errors\n", rules)
    (tmp_path / ".importlinter").write_text(layers)
    done = subprocess.run(
        [Path(sys.executable).with_name("lint-imports"), "--no-cache", "--no-logo"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONPATH": str(tmp_path)},
    )
    assert done.returncode == 1
    assert "hub.errors is not allowed to import hub.event" in done.stdout
