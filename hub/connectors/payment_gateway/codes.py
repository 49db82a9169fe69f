"""What each documented code means, one row each.

VNPAY 2.1.0 publishes four lists; PayPlat only says that `00` is a success, `1` paid and `4`
failed. What stands in no list is never taken as paid nor as failed: it is asked about again.
"""

from __future__ import annotations

from enum import Enum, auto
from typing import NamedTuple

from hub.schemas.payment import PaymentClaim

PAID, FAILED, PENDING, REFUNDED = (
    PaymentClaim.PAID,
    PaymentClaim.FAILED,
    PaymentClaim.PENDING,
    PaymentClaim.REFUNDED,
)


class Row(NamedTuple):
    """What a code claims, and what it says."""

    claim: PaymentClaim
    text: str


VNPAY_RESPONSE: dict[str, Row] = {
    "00": Row(PAID, "success"),
    "01": Row(FAILED, "the transaction exists already"),
    "02": Row(FAILED, "invalid merchant"),
    "03": Row(FAILED, "bad format"),
    "04": Row(FAILED, "the website is locked"),
    "05": Row(FAILED, "wrong payment password too often"),
    "06": Row(FAILED, "wrong one-time password"),
    "07": Row(PENDING, "debited, but suspicious"),
    "08": Row(FAILED, "the bank's system is under maintenance"),
    "09": Row(FAILED, "no internet banking"),
    "10": Row(FAILED, "wrong card or account data too often"),
    "11": Row(FAILED, "the time to pay has expired"),
    "12": Row(FAILED, "card or account is locked"),
    "13": Row(FAILED, "wrong one-time password"),
    "24": Row(FAILED, "cancelled by the customer"),
    "51": Row(FAILED, "insufficient balance"),
    "65": Row(FAILED, "daily limit exceeded"),
    "75": Row(FAILED, "the paying bank is under maintenance"),
    "79": Row(FAILED, "wrong payment password too often"),
    "99": Row(FAILED, "other"),
}
"""`vnp_ResponseCode` of the return address and the IPN."""

VNPAY_STATUS: dict[str, Row] = {
    "00": Row(PAID, "success"),
    "01": Row(PENDING, "not completed"),
    "02": Row(FAILED, "error"),
    "04": Row(PENDING, "reversed: debited, not settled"),
    "05": Row(REFUNDED, "refund being processed"),
    "06": Row(REFUNDED, "refund sent to the bank"),
    "07": Row(PENDING, "suspected fraud"),
    "09": Row(PENDING, "refund refused"),
}
"""`vnp_TransactionStatus`."""


class ApiAnswer(Enum):
    """What an answer of QueryDR or refund says about the question."""

    ANSWERED = auto()
    NOT_FOUND = auto()
    MISCONFIGURED = auto()
    REFUSED = auto()
    LATER = auto()


VNPAY_API: dict[str, ApiAnswer] = {
    "00": ApiAnswer.ANSWERED,
    "02": ApiAnswer.MISCONFIGURED,  # bad TmnCode
    "03": ApiAnswer.REFUSED,  # bad format
    "91": ApiAnswer.NOT_FOUND,
    "94": ApiAnswer.LATER,  # duplicate request
    "95": ApiAnswer.REFUSED,  # refund: the original was not successful
    "97": ApiAnswer.MISCONFIGURED,  # bad checksum
    "99": ApiAnswer.LATER,  # other
}
"""`vnp_ResponseCode` of QueryDR and refund."""

REFUND_TYPES = ("02", "03")
"""`vnp_TransactionType` of a refund, whole and partial; `01` is a payment."""


class Rsp(NamedTuple):
    """What VNPAY hears after an IPN."""

    code: str
    message: str


RSP_TAKEN = Rsp("00", "Confirm Success")
RSP_UNKNOWN = Rsp("01", "Order not found")
RSP_KNOWN = Rsp("02", "Order already confirmed")
RSP_IP = Rsp("03", "IP prohibited")
RSP_AMOUNT = Rsp("04", "Invalid amount")
RSP_HASH = Rsp("97", "Fail checksum")
RSP_FAILED = Rsp("99", "Unknown error")


def vnpay_claim(response: str, status: str) -> PaymentClaim:
    """What an IPN claims: paid only if both codes say so; unknown codes claim nothing."""
    answered = VNPAY_RESPONSE.get(response, Row(PENDING, "")).claim
    settled = VNPAY_STATUS.get(status, Row(PENDING, "")).claim
    if settled is REFUNDED:
        return REFUNDED
    if PENDING in (answered, settled):
        return PENDING
    return PAID if answered is settled is PAID else FAILED


def vnpay_query_claim(status: str, transaction_type: str) -> PaymentClaim:
    """What QueryDR tells of a payment; that a refund has failed says nothing of it."""
    claim = VNPAY_STATUS.get(status, Row(PENDING, "")).claim
    if transaction_type in REFUND_TYPES:
        return {PAID: REFUNDED, FAILED: PENDING}.get(claim, claim)
    return claim
