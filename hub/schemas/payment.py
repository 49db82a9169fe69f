"""Events of a payment: a link exists, the bank says so, the bank was asked, money went back.

Only `payment.confirmed` means that the money is there: it is said after the hub has asked the
payment gateway itself, and once for each transaction. `payment.reported` is what a callback
claims. Amounts are whole VND.
"""

from __future__ import annotations

from datetime import date, datetime
from enum import StrEnum

from pydantic import Field

from hub.event import Contact, EventData, IdentityNumber, Part, Personal, Public, data_of
from hub.schemas.dossier import ApplicantKind, Fee, Procedure


class Payer(Part):
    """Who pays (người nộp), as far as the dossier tells it."""

    kind: Public[ApplicantKind] = Field(ApplicantKind.UNKNOWN, description="Kind of payer.")
    name: Personal[str] = Field("", description="Name.")
    address: Personal[str] = Field("", description="Address.")
    id_type_code: Public[str] = Field(
        "", description="Type of the paper as on the dossier: 1 số định danh, 2 CMND."
    )
    id_number: IdentityNumber[str] = Field("", description="Number of the payer's paper.")
    phone: Contact[str] = Field("", description="Telephone.")
    email: Contact[str] = Field("", description="E-mail.")


class PaymentData(EventData):
    """What every event of one payment says."""

    code: Public[str] = Field("", description="Dossier code; empty: the event's subject.")
    unit: Public[str] = Field("", description="Organisation id of the unit that is owed the fee.")
    profile: Public[str] = Field("", description="Kind of payment gateway (`vnpay`, `payplat`).")
    payment_id: Public[str] = Field(description="The hub's reference of the order at the gateway.")
    amount_vnd: Public[int | None] = Field(None, description="Amount in VND.")
    currency: Public[str] = Field("VND", description="Currency.")


class OwedData(PaymentData):
    """What is paid for, and by whom: all that a receipt needs."""

    purpose: Public[str] = Field("", description="What is paid (nội dung thanh toán).")
    procedure: Public[Procedure | None] = Field(None, description="The procedure.")
    unit_name: Public[str] = Field("", description="Name of the unit.")
    fees: Public[tuple[Fee, ...]] = Field((), description="The fees and charges in the amount.")
    payer: Personal[Payer | None] = Field(None, description="Who pays.")


@data_of("payment.requested")
class PaymentRequested(OwedData):
    """A link exists under which the fees of a dossier can be paid."""

    pay_url: Personal[str] = Field(description="Where the citizen pays.")
    requested_at: Public[datetime | None] = Field(None, description="When the link was made.")
    expires_at: Public[datetime | None] = Field(None, description="Until when it can be used.")


class PaymentClaim(StrEnum):
    """What a gateway says of a payment."""

    PAID = "paid"
    FAILED = "failed"
    PENDING = "pending"  # debited or suspected, not settled; or not begun
    REFUNDED = "refunded"


class Transaction(PaymentData):
    """What a gateway tells of a payment at the bank."""

    transaction: Public[str] = Field("", description="The gateway's transaction number.")
    bank_transaction: Public[str] = Field("", description="The bank's transaction number.")
    bank_code: Public[str] = Field("", description="The paying bank.")
    paid_at: Public[datetime | None] = Field(None, description="When it was paid.")
    paid_at_text: Public[str] = Field("", description="The same as on the wire.")
    response_code: Public[str] = Field("", description="The gateway's code of the answer.")
    status_code: Public[str] = Field("", description="The gateway's code of the transaction.")


@data_of("payment.reported")
class PaymentReported(Transaction):
    """A callback claims how a payment ended; nothing is confirmed by it."""

    claim: Public[PaymentClaim] = Field(description="What it claims.")


@data_of("payment.confirmed")
class PaymentConfirmed(OwedData, Transaction):
    """The gateway was asked and says that the money of this transaction is there."""

    late: Public[bool | None] = Field(None, description="Paid after the link had expired.")
    confirmed_at: Public[datetime | None] = Field(None, description="When the hub was told so.")


class FailureReason(StrEnum):
    """Why a payment has failed."""

    REFUSED = "refused"  # cancelled, refused or wrong at the bank
    EXPIRED = "expired"  # never paid, or never settled
    AMOUNT_DIFFERS = "amount_differs"  # money may have moved: a person must look
    CURRENCY_DIFFERS = "currency_differs"  # the same
    REFUNDED = "refunded"  # the gateway has sent it back


@data_of("payment.failed")
class PaymentFailed(Transaction):
    """The gateway was asked and says that the payment has not succeeded."""

    reason: Public[FailureReason] = Field(description="Why.")


@data_of("payment.refund_requested")
class RefundRequested(PaymentData):
    """Somebody who may has decided that money goes back."""

    reason: Personal[str] = Field("", description="Why, for the gateway's record.")
    requested_by: Personal[str] = Field("", description="Who decided it.")


@data_of("payment.refunded")
class PaymentRefunded(Transaction):
    """The gateway has taken a refund; the bank may still need days for it."""

    whole: Public[bool | None] = Field(None, description="The whole amount was given back.")


class DifferenceKind(StrEnum):
    """How the gateway's settlement and the hub disagree about a payment."""

    MISSING_IN_FILE = "missing_in_file"
    MISSING_IN_HUB = "missing_in_hub"
    AMOUNT = "amount"
    TRANSACTION = "transaction"
    TWICE_IN_FILE = "twice_in_file"


class Difference(Part):
    """One payment about which the settlement and the hub disagree."""

    kind: Public[DifferenceKind] = Field(description="How they disagree.")
    payment_id: Public[str] = Field("", description="The reference.")
    code: Public[str] = Field("", description="Dossier code, if the hub knows it.")
    transaction: Public[str] = Field("", description="Transaction number in the file.")
    file_amount_vnd: Public[int | None] = Field(None, description="Amount in the file.")
    hub_amount_vnd: Public[int | None] = Field(None, description="Amount in the hub.")


@data_of("payment.reconciled")
class PaymentReconciled(EventData):
    """A day's settlement file was compared with what the hub holds."""

    instance: Public[str] = Field(description="The connector instance.")
    profile: Public[str] = Field("", description="Kind of payment gateway.")
    day: Public[date] = Field(description="The day, in Vietnam.")
    file_found: Public[bool] = Field(description="Whether there was a file at all.")
    file_count: Public[int] = Field(0, description="Payments in the file.")
    file_vnd: Public[int] = Field(0, description="Their sum.")
    hub_count: Public[int] = Field(0, description="Payments that the hub holds as confirmed.")
    hub_vnd: Public[int] = Field(0, description="Their sum.")
    difference_count: Public[int] = Field(0, description="How many differences there are.")
    differences: Public[tuple[Difference, ...]] = Field((), description="The first of them.")
    file: Public[str] = Field("", description="The file's bytes in the blob store.")
