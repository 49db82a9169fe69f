"""Names that one section uses and another must define, and addresses that exclude each other."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import Any

from hub.connector import Connector
from hub.fields import INSTANCE, NAMES, UNIT
from hub.settings.document import Document
from hub.settings.findings import Path, listed, nearest
from hub.settings.references import placed
from hub.settings.validation import schema_of


def check_names(
    document: Document, sections: Mapping[str, Any], kinds: Mapping[str, Connector | None]
) -> None:
    """Report every name that nothing has.

    Args:
        sections: those that are sound, as their models.
        kinds: the connector of each instance; none: there is no such connector.
    """
    for name in sections["gateway"].mounts if "gateway" in sections else ():
        if name not in kinds:
            _no_instance(document, ("gateway", "mounts", name), kinds, at_key=True)
    units = sections.get("units", {})
    for name, unit in units.items():
        if unit.parent is not None and unit.parent not in units:
            document.report(
                ("units", name, "parent"),
                f"no unit has the id `{unit.parent}`",
                "Add it under `units`.",
                nearest=nearest(unit.parent, units),
            )
    for path, value, what in _marked(document, kinds):
        if what == INSTANCE:
            if isinstance(value, str) and value not in kinds and document.is_sound(path):
                _no_instance(document, path, kinds)
        elif what == UNIT and units and not _serves(str(path[-1]), units):
            document.warn(
                path,
                f"no unit has the id `{path[-1]}`",
                "Mend it, or add the unit under `units`.",
                nearest=nearest(str(path[-1]), units),
                at_key=True,
            )


def _no_instance(
    document: Document, path: Path, configured: Mapping[str, Any], *, at_key: bool = False
) -> None:
    name = str(path[-1]) if at_key else _at(document, path)
    document.report(
        path,
        f"no connector instance is called `{name}`",
        f"Configured: {listed(configured)}." if configured else "",
        nearest=nearest(name, configured),
        at_key=at_key,
    )


def _at(document: Document, path: Path) -> str:
    data: Any = document.data
    for step in path:
        data = data[step]
    return str(data)


def _marked(
    document: Document, kinds: Mapping[str, Connector | None]
) -> Iterator[tuple[Path, Any, str]]:
    """Every value or key of the connectors' blocks that names something, and what it names."""
    for instance, connector in kinds.items():
        if connector is None:
            continue
        schema = schema_of(connector.settings)
        block = document.data["connectors"][instance]
        for path, value, branch in placed(schema, schema, block, ("connectors", instance)):
            if NAMES in branch:
                yield path, value, branch[NAMES]
            what = branch.get("propertyNames", {}).get(NAMES, "")
            for key in value if what and isinstance(value, Mapping) else ():
                yield (*path, key), key, what


def _serves(name: str, units: Mapping[str, Any]) -> bool:
    """Whether an organisation id is that of a unit, or of one above a unit."""
    return any(f"{unit}.".startswith(f"{name}.") for unit in units)


def check_addresses(document: Document, sections: Mapping[str, Any]) -> None:
    """Report two servers of the hub that want one address."""
    gateway, management = sections.get("gateway"), sections.get("management")
    if gateway is None or management is None or not gateway.port:
        return
    if gateway.port == management.port and _meet(gateway.host, management.host):
        if "management" in document.data:
            document.report(("management", "port"), "it is the gateway's port", "Take another.")
        else:
            document.report(("gateway", "port"), "it is the management's port", "Take another.")


def _meet(first: str, second: str) -> bool:
    """Whether listening on one address takes the other as well."""
    if first == second:
        return True
    one, other = (_ip(host) for host in (first, second))
    if one is None or other is None or one.version != other.version:
        return False
    return one == other or one.is_unspecified or other.is_unspecified


def _ip(host: str) -> IPv4Address | IPv6Address | None:
    """The address that a host stands for; none: that does not show without asking."""
    try:
        return ip_address("127.0.0.1" if host == "localhost" else host)
    except ValueError:
        return None
