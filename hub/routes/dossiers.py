"""Standard routes of dossiers: what the one-stop shop tells, the portals hear.

A portal does not hear again what it has told itself.
"""

from __future__ import annotations

from hub.route import Route

ROUTES = (
    Route(
        name="dossiers-to-national-portal",
        to="national_portal",
        kinds=("dossier.*",),
        when='!source.startsWith("/connectors/national_portal/")',
    ),
    Route(
        name="dossiers-to-provincial-portal",
        to="provincial_portal",
        kinds=("dossier.*",),
        when='!source.startsWith("/connectors/provincial_portal/")',
    ),
)
