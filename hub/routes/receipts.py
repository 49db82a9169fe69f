"""Standard routes of receipts: what is paid is receipted, and what was decided is changed."""

from __future__ import annotations

from hub.route import Route

ROUTES = (
    Route(name="receipts-issue", to="e_receipt", kinds=("payment.confirmed",)),
    Route(
        name="receipts-change",
        to="e_receipt",
        kinds=("receipt.cancel_requested", "receipt.replace_requested"),
    ),
)
