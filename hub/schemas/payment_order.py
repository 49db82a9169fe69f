"""Event of a payment that a one-stop product orders itself, as it orders at the payment platform.

It triggers what `dossier.payment_requested` triggers, without telling a state of the dossier.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from pydantic import Field

from hub.event import Personal, Public, data_of
from hub.schemas.payment import OwedData


@data_of("payment.order_requested")
class PaymentOrderRequested(OwedData):
    """The one-stop shop wants a link under which the fees of a dossier can be paid.

    `payment_id` is the product's own reference (`MaThamChieu`); the gateway may have another.
    """

    account: Public[str] = Field("", description="Account that gets the money.")
    account_bank: Public[str] = Field("", description="Its bank.")
    account_name: Public[str] = Field("", description="Its holder.")
    ordered_at: Public[datetime | None] = Field(None, description="When it was ordered.")
    originals: Personal[dict[str, str]] = Field(
        default_factory=dict, description="Wire texts that have no canonical form, by field."
    )
    unknown: Personal[dict[str, Any]] = Field(default_factory=dict, description="Other fields.")
