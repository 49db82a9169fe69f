"""The house rules hold in the whole tree, and each rule refuses what it must.

A rule is a function from one parsed module to its violations (`tests/rules/`). For every rule
`tests/rules/examples.py` has text that it must refuse and text that it must let pass, so that no
rule can pass by looking away.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from tests.rules import examples, imports, shape
from tests.rules.tree import Module, modules

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


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
def test_the_tree_keeps_the_rule(rule: Rule) -> None:
    broken = [text for module in modules(*RULES[rule]) for text in rule(module)]
    assert not broken, _told(broken)


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
