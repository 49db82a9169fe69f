"""Types of the settings that more than one system has."""

from __future__ import annotations

from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, StringConstraints


def http_address(url: str) -> str:
    """The address without a slash at its end.

    Raises:
        ValueError: not http or https, or with user, query or fragment.
    """
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.port == 0:
        raise ValueError("must be an http or https address")
    if parts.username or parts.query or parts.fragment:
        raise ValueError("must have no user, query or fragment")
    return url.rstrip("/")


Count = Annotated[int, Field(ge=1)]
Seconds = Annotated[float, Field(gt=0)]
BaseUrl = Annotated[str, AfterValidator(http_address)]
"""Address of a system that is called; the paths stand behind it."""
UrlPath = Annotated[str, StringConstraints(pattern=r"^/[!-~]*$")]
"""Path behind a `BaseUrl`, with a query where the system wants one."""
Path = Annotated[str, StringConstraints(pattern=r"^(/[A-Za-z0-9._~-]+)+$")]
"""Path of plain words, where the hub is called or calls."""
UnitId = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")]

NAMES = "x-names"
"""Marks in a schema that a text names an entry of the same hub.yaml; `hub check` looks for it."""
INSTANCE, UNIT = "instance", "unit"
PeerName = Annotated[str, Field(json_schema_extra={NAMES: INSTANCE})]
"""Name of a connector instance that is configured beside this one."""
OwnUnit = Annotated[UnitId, Field(json_schema_extra={NAMES: UNIT})]
"""Key of a mapping: id of a unit whose dossiers pass through the hub, as under `units`."""
