"""Events of an electronic receipt (biên lai điện tử thu phí, lệ phí).

A receipt is known to its system by an `fkey` that the hub derives from the payment, so that asking
twice can never give two. Pattern, serial and number are what the law prints on it.
"""

from __future__ import annotations

from datetime import date

from pydantic import Field

from hub.event import EventData, Personal, Public, data_of
from hub.schemas.dossier import Fee, Procedure
from hub.schemas.payment import Payer

FKEY_ALIAS = "receipt.fkey"
"""Kind of the alias that leads from a receipt's key to its dossier."""


class ReceiptData(EventData):
    """What every event of one receipt says."""

    code: Public[str] = Field("", description="Dossier code; empty: the event's subject.")
    unit: Public[str] = Field("", description="Organisation id of the collecting unit.")
    payment_id: Public[str] = Field("", description="The payment it is for.")
    fkey: Public[str] = Field("", description="Key of the receipt in its system.")


class NumberedReceipt(ReceiptData):
    """A receipt that has its number."""

    pattern: Public[str] = Field("", description="Template symbol (`01BLP0-001`).")
    serial: Public[str] = Field("", description="Serial (`AA-26E`).")
    number: Public[str] = Field("", description="Number, as on the wire.")
    amount_vnd: Public[int | None] = Field(None, description="Amount in VND.")
    link: Personal[str] = Field("", description="Where the payer sees it, if the system says so.")
    issued_on: Public[date | None] = Field(None, description="Date of the receipt.")
    existed: Public[bool | None] = Field(None, description="The system had it already.")
    operation_key: Public[str] = Field("", description="Of the hub's request.")


@data_of("receipt.issued")
class ReceiptIssued(NumberedReceipt):
    """A receipt exists for a payment."""


@data_of("receipt.replaced")
class ReceiptReplaced(NumberedReceipt):
    """A new receipt stands for an earlier one, which is no longer valid."""

    replaced_fkey: Public[str] = Field("", description="Key of the earlier receipt.")
    reason: Personal[str] = Field("", description="Why.")


@data_of("receipt.cancel_requested")
class ReceiptCancelRequested(ReceiptData):
    """Somebody who may has decided that a receipt is void. `fkey` empty: that of the payment."""

    reason: Personal[str] = Field("", description="Why.")
    requested_by: Personal[str] = Field("", description="Who decided it.")


@data_of("receipt.cancelled")
class ReceiptCancelled(ReceiptData):
    """A receipt is void."""

    reason: Personal[str] = Field("", description="Why.")
    existed: Public[bool | None] = Field(None, description="It had been void already.")
    operation_key: Public[str] = Field("", description="Of the hub's request.")


@data_of("receipt.replace_requested")
class ReceiptReplaceRequested(ReceiptData):
    """Somebody who may has decided that a receipt is replaced by one with this content.

    `fkey` is that of the receipt to be replaced; empty: that of the payment.
    """

    reason: Personal[str] = Field("", description="Why.")
    requested_by: Personal[str] = Field("", description="Who decided it.")
    amount_vnd: Public[int | None] = Field(None, description="Amount of the new receipt in VND.")
    purpose: Public[str] = Field("", description="What was paid (nội dung thanh toán).")
    procedure: Public[Procedure | None] = Field(None, description="The procedure.")
    unit_name: Public[str] = Field("", description="Name of the unit.")
    fees: Public[tuple[Fee, ...]] = Field((), description="The fees and charges in the amount.")
    payer: Personal[Payer | None] = Field(None, description="Who paid.")
    profile: Public[str] = Field("", description="Kind of payment gateway, empty for cash.")
