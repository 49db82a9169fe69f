"""Routes in force: the standard ones of `hub/routes/`, and what hub.yaml says about routes."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Container, Iterator, Mapping
from fnmatch import fnmatchcase
from typing import Any

from pydantic import ValidationError

import hub.schemas  # noqa: F401 - registers the kinds
from hub.errors import ConfigError
from hub.event import KINDS, EventData
from hub.route import Route
from hub.settings.comparisons import wrong_comparison
from hub.settings.conditions import unknown_field
from hub.settings.document import Document
from hub.settings.examples import example
from hub.settings.findings import Path, listed, nearest
from hub.settings.validation import validate
from hub.when import Problem, problem_of, problem_with


def standard_routes(package: str = "hub.routes") -> dict[str, Route]:
    """Every route of the files in a package, by name.

    Raises:
        ConfigError: a file binds no `ROUTES`, or two routes have one name.
    """
    found: dict[str, Route] = {}
    for info in pkgutil.iter_modules(importlib.import_module(package).__path__):
        routes = getattr(importlib.import_module(f"{package}.{info.name}"), "ROUTES", None)
        if not isinstance(routes, tuple) or not all(isinstance(each, Route) for each in routes):
            raise ConfigError(f"{package}.{info.name} must bind ROUTES, a tuple of Route")
        for route in routes:
            if found.setdefault(route.name, route) is not route:
                raise ConfigError(f"two standard routes are called {route.name}")
    return found


def routes_in_force(
    document: Document, standard: Mapping[str, Route], delivering: Container[str]
) -> dict[str, Route]:
    """Standard routes whose destination is configured, overridden and joined by the document's.

    One with findings is there as well, as far as it can be read, so that more of it is looked at.

    Args:
        delivering: names of the configured connector instances that can deliver.
    """
    written = document.data.get("routes")
    blocks: Mapping[str, Any] = written if isinstance(written, Mapping) else {}
    if written is not None and not isinstance(written, Mapping):
        document.report(("routes",), "routes must be a mapping of route names")
    in_force = {
        name: route
        for name, route in standard.items()
        if route.to in delivering and name not in blocks
    }
    for name, block in blocks.items():
        route = _route(document, name, block, standard)
        if route is not None:
            _check(document, route, delivering)
            in_force[name] = route
    return in_force


def _route(
    document: Document, name: str, block: Any, standard: Mapping[str, Route]
) -> Route | None:
    path: Path = ("routes", name)
    if not isinstance(block, Mapping):
        document.report(path, "a route must be a mapping", "Give it `to` and `kinds`.")
        return None
    if "name" in block:
        document.report((*path, "name"), "the name of a route is its key", "Remove it.")
        return None
    known = standard.get(name)
    if known is None and not {"to", "kinds"} <= set(block):
        document.report(
            path,
            "no standard route has this name, and a new one needs `to` and `kinds`",
            f"Standard routes: {listed(standard)}." if standard else "",
            nearest=nearest(name, standard),
            at_key=True,
        )
        return None
    base = known.model_dump(exclude_unset=True) if known else {}
    merged = {**base, **block, "name": name}
    if isinstance(block.get("terms"), Mapping):
        merged["terms"] = {**base.get("terms", {}), **block["terms"]}
    route = validate(document, Route, merged, path, set())
    if route is not None:
        return route
    readable = {key: each for key, each in merged.items() if document.is_sound((*path, key))}
    try:
        return Route.model_validate(readable)
    except ValidationError:
        return None


def _patterns() -> set[str]:
    """A pattern for each noun: `dossier.*`."""
    return {f"{kind.partition('.')[0]}.*" for kind in KINDS}


def _problem(route: Route) -> Problem | None:
    """What is wrong with a route's condition."""
    models = {kind: model for kind, model in KINDS.items() if route.takes(kind)}
    return (
        problem_of(route.when)
        or unknown_field(route.when, models.values())
        or wrong_comparison(route.when, models)
        or problem_with(route.when, _examples(models))
    )


def _examples(models: Mapping[str, type[EventData]]) -> Iterator[dict[str, Any]]:
    """What a condition sees of an event of each kind, with and without what may be left out."""
    for kind, model in models.items():
        for whole in (True, False):
            data = example(model, whole=whole).model_dump(mode="json")
            yield {"kind": kind, "source": "/a/b/c", "subject": "S", "unit": "U", "data": data}


def _check(document: Document, route: Route, delivering: Container[str]) -> None:
    """Report what a route names and does not exist: destination, kinds, words of its condition."""
    path: Path = ("routes", route.name)
    if route.to not in delivering:
        names = [name for name in document.data.get("connectors", ()) if name in delivering]
        document.report(
            (*path, "to"),
            f"no connector instance `{route.to}` that can deliver is configured",
            f"Configured: {listed(names)}." if names else "Add one under `connectors`.",
            nearest=nearest(route.to, names),
        )
    for index, pattern in enumerate(route.kinds):
        if not any(fnmatchcase(kind, pattern) for kind in KINDS):
            document.report(
                (*path, "kinds", index),
                f"no event kind is called `{pattern}`",
                "`hub schemas` and docs/events.md list the kinds.",
                nearest=nearest(pattern, (*KINDS, *_patterns())),
            )
    problem = _problem(route) if route.when else None
    if problem is not None:
        document.report((*path, "when"), problem.what, problem.todo, nearest=problem.nearest)
    terms = route.terms
    for small, large in (
        ("wait_initial_seconds", "wait_max_seconds"),
        ("round_wait_initial_seconds", "round_wait_max_seconds"),
    ):
        if getattr(terms, small) > getattr(terms, large):
            document.report((*path, "terms", small), f"it is larger than {large}", "Lower it.")
