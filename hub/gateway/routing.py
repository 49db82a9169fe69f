"""Routing: every receiving connector's endpoints under its mount, without two for one address.

A product keeps its existing path: connectors name their paths in their own settings, and the
gateway's `mounts` put an instance under a prefix. Without one it stands at `/`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import combinations

from starlette.routing import BaseRoute, Mount, Route
from starlette.types import ASGIApp

from hub.connector import Connector, Inbox
from hub.errors import ConfigError
from hub.settings import HubSettings

PARAMETER = re.compile(r"\{[^}]*\}")
EVERY_METHOD = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})


class Mounted:
    """The endpoints of one connector instance.

    Attributes:
        instance: its name in hub.yaml.
        prefix: where it is mounted, `` for the root.
        routes: its endpoints, paths without the prefix.

    Raises:
        ConfigError: an endpoint is neither a Route nor a Mount.
    """

    def __init__(self, instance: str, prefix: str, routes: Sequence[BaseRoute]) -> None:
        self.instance = instance
        self.prefix = prefix
        self.routes = [route for route in routes if isinstance(route, Route | Mount)]
        if len(self.routes) != len(routes):
            raise ConfigError(f"connector {instance}: endpoints must be Route or Mount")

    def behind(self, route: Route | Mount, app: ASGIApp) -> BaseRoute:
        """An endpoint at its full address, answered by `app`."""
        if isinstance(route, Mount):
            return Mount(self.prefix + route.path, app)
        return Route(self.prefix + route.path, app, methods=sorted(_methods(route)))

    def addresses(self) -> list[tuple[str, frozenset[str]]]:
        """Path (a parameter written as `1`) and methods of each endpoint."""
        return [
            (PARAMETER.sub("1", self.prefix + route.path), _methods(route)) for route in self.routes
        ]

    def takes(self, path: str, methods: frozenset[str]) -> bool:
        """Whether an endpoint here would answer a request for this path and one of the methods."""
        if not path.startswith(self.prefix):
            return False
        rest = path.removeprefix(self.prefix)
        return any(
            route.path_regex.match(rest) and methods & _methods(route) for route in self.routes
        )


def mounted(
    settings: HubSettings,
    connectors: Mapping[str, Connector],
    inbox_of: Callable[[str], Inbox],
) -> list[Mounted]:
    """The endpoints of every configured instance whose connector receives.

    Args:
        connectors: by kind.
        inbox_of: gives the inbox of an instance.

    Raises:
        ConfigError: two instances would answer one address.
    """
    found = endpoints_of(settings, connectors, inbox_of)
    for conflict in conflicts(found):
        raise conflict
    return found


def endpoints_of(
    settings: HubSettings,
    connectors: Mapping[str, Connector],
    inbox_of: Callable[[str], Inbox],
) -> list[Mounted]:
    """The same, whether they can stand beside each other or not."""
    found: list[Mounted] = []
    for instance, own in settings.connectors.items():
        endpoints = connectors[settings.kind_of(instance)].endpoints
        if endpoints is not None:
            prefix = settings.gateway.mounts.get(instance, "/").rstrip("/")
            found.append(Mounted(instance, prefix, endpoints(instance, own, inbox_of(instance))))
    return found


def conflicts(found: Sequence[Mounted]) -> Iterator[ConfigError]:
    """Each two instances that would answer one address."""
    for first, second in combinations(found, 2):
        shared = [path for path, methods in first.addresses() if second.takes(path, methods)]
        shared += [path for path, methods in second.addresses() if first.takes(path, methods)]
        if shared:
            yield ConfigError(
                f"{first.instance} and {second.instance} would both answer {shared[0]}: "
                f"put one of them under a prefix (gateway.mounts.{second.instance}: /…) "
                "or change its path",
                at=("connectors", second.instance),
                code="gateway_conflict",
            )


def _methods(route: Route | Mount) -> frozenset[str]:
    return frozenset(getattr(route, "methods", None) or EVERY_METHOD)
