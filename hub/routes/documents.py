"""Standard route of documents: what our offices issue, and how far they are with what came."""

from __future__ import annotations

from hub.route import Route

ROUTES = (
    Route(
        name="documents-to-exchange",
        to="document_exchange",
        kinds=("document.issued", "document.handled"),
        when='!source.startsWith("/connectors/document_exchange/")',
    ),
)
