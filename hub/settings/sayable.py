"""Sayable: the kinds of a route, against those that its destination can be told.

An encoder is asked: it refuses what it cannot say with `unknown_kind` before it looks at a field.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from fnmatch import fnmatchcase

from hub.connector import Connector, ConnectorSettings
from hub.errors import EncodeError
from hub.event import KINDS, Event
from hub.route import Route
from hub.settings.document import Document
from hub.settings.examples import example
from hub.settings.findings import listed
from hub.settings.overlaps import never

TODO = "Leave out what it cannot be told: each such event would be a dead letter."


def refuse_unsayable(
    document: Document,
    routes: Mapping[str, Route],
    kinds: Mapping[str, Connector | None],
    instances: Mapping[str, ConnectorSettings],
) -> None:
    """Report the kinds of written routes that their destination cannot be told.

    An error where the route names the kind or takes whatever fits its pattern; a warning where it
    has a condition that may leave the kind out.
    """
    written = document.data.get("routes")
    for name in written if isinstance(written, Mapping) else ():
        route = routes.get(name)
        connector = kinds.get(route.to) if route else None
        if route is None or connector is None or route.to not in instances:
            continue
        when = route.when if document.is_sound(("routes", name, "when")) else ""
        own = instances[route.to]
        for index, pattern in enumerate(route.kinds):
            fitting = [kind for kind in KINDS if fnmatchcase(kind, pattern)]
            taken = [kind for kind in fitting if not never(kind, when)]
            silent = [kind for kind in taken if not says(connector, own, kind)]
            if not silent:
                continue
            path = ("routes", name, "kinds", index)
            what = f"`{route.to}` cannot be told {listed(silent)}"
            if pattern in KINDS or not route.when:
                document.report(path, what, TODO)
            else:
                document.warn(path, f"{what}, which `when` may let through", TODO)


def says(connector: Connector, settings: ConnectorSettings, kind: str) -> bool:
    """Whether a connector can say a kind at all, whatever its fields."""
    if connector.encode is None:
        return True
    event = Event(
        kind=kind,
        source="/connectors/hub/A",
        subject="A-260105-0001",
        time=datetime(2026, 1, 5, tzinfo=UTC),
        data=example(KINDS[kind], whole=False),
        natural_key="A",
    )
    try:
        connector.encode(event, settings)
    except EncodeError as error:
        return error.code != "unknown_kind" or bool(error.path)
    except Exception:  # noqa: BLE001 - a connector's bug is told where it delivers, not here
        return True
    return True
