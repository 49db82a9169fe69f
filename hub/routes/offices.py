"""Standard route of document offices: drafts that a one-stop shop wants signed."""

from __future__ import annotations

from hub.route import Route

ROUTES = (Route(name="drafts-to-office", to="document_office", kinds=("document.submitted",)),)
