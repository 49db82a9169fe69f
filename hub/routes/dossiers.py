"""Standard route of dossiers: what the one-stop shop tells, the national portal hears."""

from __future__ import annotations

from hub.route import Route

ROUTES = (Route(name="dossiers-to-national-portal", to="national_portal", kinds=("dossier.*",)),)
