"""Sizes, names, docstrings, broad excepts, prints: what one module's text must look like."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from functools import cache

from tests.rules.tree import Function, Module, dotted, modules, words

FORBIDDEN = {"util", "helper", "common", "base", "manager", "service", "misc"}
LINES, TEST_LINES, SCREEN, PARAMETERS = 400, 600, 60, 5


def module_length(module: Module) -> Iterator[str]:
    """A module has at most 400 lines, a test module 600."""
    wall = TEST_LINES if module.path.startswith("tests/") else LINES
    count = len(module.source.splitlines())
    if count > wall:
        yield module.at(1, f"{count} lines; the wall is {wall}")


def function_length(module: Module) -> Iterator[str]:
    """A function fits on one screen: 60 lines, its decorators and docstring not counted."""
    for function in module.functions():
        body = function.body[1:] if ast.get_docstring(function) and function.body[1:] else []
        first = body[0].lineno if body else function.lineno
        count = (function.end_lineno or first) - first + 1
        if count > SCREEN:
            yield module.at(function, f"{function.name} has {count} lines; a screen has {SCREEN}")


def parameters(module: Module) -> Iterator[str]:
    """A function has at most 5 parameters.

    A command has one for each option. A constructor may be handed further parts by keyword: what
    the composition root passes in (stores, clocks) must be told apart by name.
    """
    if module.name.startswith("hub.commands"):
        return
    for function in module.functions():
        names = [arg.arg for arg in (*function.args.posonlyargs, *function.args.args)]
        if names[:1] in (["self"], ["cls"]):
            names = names[1:]
        if function.name != "__init__":
            names += [arg.arg for arg in function.args.kwonlyargs]
        fixtures = function.name.startswith("test_") and module.path.startswith("tests/")
        if len(names) > PARAMETERS and not fixtures:
            yield module.at(function, f"{function.name} has {len(names)} parameters")


def names(module: Module) -> Iterator[str]:
    """No module, class or folder is named after nothing: name the idea or inline it."""
    for part in module.name.split("."):
        if bad := FORBIDDEN & {word.removesuffix("s") for word in words(part)}:
            yield module.at(1, f"a module or folder is named {bad.pop()}")
    for node in module.classes():
        if bad := FORBIDDEN & {word.removesuffix("s") for word in words(node.name)}:
            yield module.at(node, f"the class {node.name} is named {bad.pop()}")


def docstrings(module: Module) -> Iterator[str]:
    """Every public module, class, function and method says what it is.

    A method that a Protocol of the hub describes (`Client.deliver`) is described there.
    """
    if module.source.strip() and not ast.get_docstring(module.tree):
        yield module.at(1, "the module has no docstring")
    yield from _undescribed(module, module.tree.body)


@cache
def protocol_methods() -> frozenset[str]:
    """The names of all methods that a Protocol of the hub describes."""
    return frozenset(
        method.name
        for module in modules("hub")
        for node in module.classes()
        if any(dotted(parent) == "Protocol" for parent in node.bases)
        for method in node.body
        if isinstance(method, Function) and ast.get_docstring(method)
    )


def _undescribed(module: Module, body: list[ast.stmt]) -> Iterator[str]:
    for node in body:
        if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
            if not ast.get_docstring(node):
                yield module.at(node, f"the class {node.name} has no docstring")
            yield from _undescribed(module, node.body)
        elif isinstance(node, Function) and not _needs_no_docstring(node):
            yield module.at(node, f"{node.name} has no docstring")


def _needs_no_docstring(node: Function) -> bool:
    private = node.name.startswith("_") or node.name in protocol_methods()
    return private or ast.get_docstring(node) is not None


def broad_excepts(module: Module) -> Iterator[str]:
    """Whoever catches everything says why, in a comment on that line or the one above.

    Cleaning up and raising again is not catching.
    """
    comments = module.comments()
    for node in ast.walk(module.tree):
        if isinstance(node, ast.ExceptHandler) and _is_broad(node):
            beside = comments.get(node.lineno, "") + comments.get(node.lineno - 1, "")
            if not _has_reason(beside):
                yield module.at(node, "catches everything without a reason beside it")


def _is_broad(handler: ast.ExceptHandler) -> bool:
    last = handler.body[-1]
    if isinstance(last, ast.Raise) and last.exc is None:
        return False
    caught = handler.type
    if caught is None:
        return True
    listed = caught.elts if isinstance(caught, ast.Tuple) else [caught]
    return any(dotted(name) in {"Exception", "BaseException"} for name in listed)


IGNORE = re.compile(r"(noqa|type:\s*ignore|pragma:\s*no cover|fmt:\s*off)", re.I)
CODES = re.compile(r"(noqa(:\s*[A-Z]+\d+(,\s*[A-Z]+\d+)*)?|type:\s*ignore(\[[\w, -]+\])?)", re.I)


def reasons(module: Module) -> Iterator[str]:
    """Every ignore (noqa, type: ignore, pragma) has its reason beside it or in the line above."""
    comments = module.comments()
    for line, comment in comments.items():
        above = comments.get(line - 1, "")
        if IGNORE.match(comment) and not _has_reason(f"{comment} {above}"):
            yield module.at(line, "an ignore without a reason beside it")


def _has_reason(comment: str) -> bool:
    text = IGNORE.sub("", CODES.sub("", comment))
    return len(re.findall(r"[^\W\d_]{2,}", text)) >= 2


def prints(module: Module) -> Iterator[str]:
    """Only commands print, and modules that can be run by themselves."""
    if module.name.startswith("hub.commands") or "__main__" in module.source:
        return
    for node in ast.walk(module.tree):
        if isinstance(node, ast.Call) and dotted(node.func) in {"print", "sys.stdout.write"}:
            yield module.at(node, "prints outside a command")


def no_sleeping_tests(module: Module) -> Iterator[str]:
    """A test waits for a condition: only a polling loop's short wait (at most 0.1 s) sleeps."""
    if not module.path.startswith("tests/"):
        return
    for node in ast.walk(module.tree):
        if isinstance(node, ast.Call) and dotted(node.func) in {"time.sleep", "asyncio.sleep"}:
            wait = node.args[0] if node.args else None
            seconds = wait.value if isinstance(wait, ast.Constant) else None
            if not isinstance(seconds, int | float) or seconds > 0.1:
                yield module.at(node, "a test sleeps; wait for the condition")


def telling_tests(module: Module) -> Iterator[str]:
    """A test's name states behaviour: at least three words."""
    if not module.path.startswith("tests/"):
        return
    for function in module.functions():
        if function.name.startswith("test_") and len(words(function.name)) < 4:
            yield module.at(function, f"{function.name} does not say what behaviour it shows")
