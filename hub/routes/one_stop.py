"""Standard route to one-stop products: what their counterparts tell, in one order.

One route for all kinds, because order is kept within a route: a product must hear the link before
the payment, and the handed-over dossier before what came of it. What the one-stop itself has told
does not come back to it; an inter-agency dossier is told by one product and heard by another.
"""

from __future__ import annotations

from hub.route import Route

ROUTES = (
    Route(
        name="counterparts-to-one-stop",
        to="one_stop",
        kinds=(
            "dossier.*",
            "payment.requested",
            "payment.confirmed",
            "payment.failed",
            "receipt.issued",
            "post.order_accepted",
            "post.tracked",
            "post.delivered",
            "post.failed",
            "post.cancelled",
            "document.processed",
            "document.received",
            "handover.*",
        ),
        when='kind.startsWith("handover.") || !source.startsWith("/connectors/one_stop/")',
    ),
)
