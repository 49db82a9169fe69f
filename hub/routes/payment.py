"""Standard routes of payments: a fee becomes a link, a callback a question, a decision a refund."""

from __future__ import annotations

from hub.route import Route

OWED = (
    'kind == "payment.order_requested" || (data.dossier != null && '
    "data.dossier.fees.exists(fee, fee.amount_vnd != null && fee.amount_vnd > 0))"
)
ITS_OWN = 'source.startsWith("/connectors/payment_gateway/")'

ROUTES = (
    Route(
        name="payments-request",
        to="payment_gateway",
        kinds=("dossier.payment_requested", "payment.order_requested"),
        when=OWED,
    ),
    # Another instance's reports are asked about there: it knows their references.
    Route(
        name="payments-to-confirm",
        to="payment_gateway",
        kinds=("payment.reported",),
        when=ITS_OWN,
    ),
    Route(name="payments-refund", to="payment_gateway", kinds=("payment.refund_requested",)),
)
