"""VNPAY 2.1.0, pure: what is said, what is hashed, and what the answers tell.

Sources: the public merchant documents of VNPAY 2.1.0 (pay, IPN, QueryDR, refund).
"""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from hub.connectors.payment_gateway.codes import (
    VNPAY_API,
    ApiAnswer,
    vnpay_claim,
    vnpay_query_claim,
)
from hub.connectors.payment_gateway.settings import VnpayTerminal
from hub.connectors.payment_gateway.signing import (
    HASH,
    form_text,
    hmac_sha512,
    piped_hmac,
    same_hash,
)
from hub.connectors.payment_gateway.told import Told, amount_in, reference_in, short_text
from hub.errors import DecodeError
from hub.schemas.payment import PaymentClaim
from hub.wire.dvcqg.dates import write_stamp

VERSION = "2.1.0"
PER_VND = 100
PAY, QUERY, REFUND = "pay", "querydr", "refund"
WHOLE, PARTIAL = "02", "03"

QUERY_HASHED = (
    *("vnp_RequestId", "vnp_Version", "vnp_Command", "vnp_TmnCode", "vnp_TxnRef"),
    *("vnp_TransactionDate", "vnp_CreateDate", "vnp_IpAddr", "vnp_OrderInfo"),
)
REFUND_HASHED = (
    *("vnp_RequestId", "vnp_Version", "vnp_Command", "vnp_TmnCode", "vnp_TransactionType"),
    *("vnp_TxnRef", "vnp_Amount", "vnp_TransactionNo", "vnp_TransactionDate", "vnp_CreateBy"),
    *("vnp_CreateDate", "vnp_IpAddr", "vnp_OrderInfo"),
)
REFUND_REPLY_HASHED = (
    *("vnp_ResponseId", "vnp_Command", "vnp_ResponseCode", "vnp_Message", "vnp_TmnCode"),
    *("vnp_TxnRef", "vnp_Amount", "vnp_BankCode", "vnp_PayDate", "vnp_TransactionNo"),
    *("vnp_TransactionType", "vnp_TransactionStatus", "vnp_OrderInfo"),
)
QUERY_REPLY_HASHED = (*REFUND_REPLY_HASHED, "vnp_PromotionCode", "vnp_PromotionAmount")


def plain_text(text: str) -> str:
    """A text without diacritics and without characters that `vnp_OrderInfo` may not have."""
    bare = unicodedata.normalize("NFD", text.replace("đ", "d").replace("Đ", "D"))
    letters = (char for char in bare if not unicodedata.combining(char))
    kept = (char if char == "-" or (char.isascii() and char.isalnum()) else " " for char in letters)
    return " ".join("".join(kept).split())[:255]


def pay_url(
    terminal: VnpayTerminal,
    body: Mapping[str, str],
    *,
    reference: str,
    at: datetime,
    seconds: float,
) -> str:
    """The address under which an order can be paid.

    Args:
        body: what `encode` made: all that does not depend on the moment.
        reference: `vnp_TxnRef`.
        at: when the order was made.
        seconds: how long it can be paid.
    """
    params = {
        **body,
        "vnp_TxnRef": reference,
        "vnp_CreateDate": write_stamp(at),
        "vnp_ExpireDate": write_stamp(at + timedelta(seconds=seconds)),
    }
    text = form_text({name: value for name, value in params.items() if value})
    secret = terminal.hash_secret.get_secret_value()
    return f"{terminal.pay_url}?{text}&{HASH}={hmac_sha512(secret, text)}"


def signed_call(secret: str, fields: Mapping[str, str]) -> dict[str, str]:
    """A QueryDR or refund message with its hash."""
    hashed = REFUND_HASHED if fields["vnp_Command"] == REFUND else QUERY_HASHED
    values = (fields.get(name, "") for name in hashed)
    return {**fields, HASH: piped_hmac(secret, values)}


def reply_is_proved(secret: str, fields: Mapping[str, Any], *, refund: bool) -> bool:
    """Whether the hash of an answer is right; what is missing counts as empty."""
    hashed = REFUND_REPLY_HASHED if refund else QUERY_REPLY_HASHED
    values = (_said(fields.get(name)) for name in hashed)
    return same_hash(_said(fields.get(HASH)), piped_hmac(secret, values))


def _said(value: object) -> str:
    return "" if value is None else str(value)


def told_by_ipn(params: Mapping[str, str]) -> Told:
    """What an IPN (or the return address) claims.

    Raises:
        DecodeError: a field is not of its form.
    """
    response = short_text(params, "vnp_ResponseCode", needed=True)
    status = short_text(params, "vnp_TransactionStatus", needed=True)
    return Told(
        reference=reference_in(params, "vnp_TxnRef"),
        claim=vnpay_claim(response, status),
        amount_vnd=amount_in(params, "vnp_Amount", per_vnd=PER_VND),
        transaction=short_text(params, "vnp_TransactionNo"),
        bank_transaction=short_text(params, "vnp_BankTranNo"),
        bank_code=short_text(params, "vnp_BankCode"),
        paid_at_text=short_text(params, "vnp_PayDate"),
        response_code=response,
        status_code=status,
    )


def told_by_query(fields: Mapping[str, Any], reference: str) -> Told:
    """What QueryDR tells of a payment; an order that VNPAY does not know is not `known`.

    Raises:
        DecodeError: a field is not of its form, or it speaks of another order.
    """
    code = short_text(fields, "vnp_ResponseCode", needed=True)
    if VNPAY_API.get(code) is ApiAnswer.NOT_FOUND:
        return Told(reference, PaymentClaim.PENDING, known=False, response_code=code)
    status = short_text(fields, "vnp_TransactionStatus")
    return Told(
        reference=_same_reference(fields, reference),
        claim=vnpay_query_claim(status, short_text(fields, "vnp_TransactionType")),
        amount_vnd=amount_in(fields, "vnp_Amount", per_vnd=PER_VND),
        transaction=short_text(fields, "vnp_TransactionNo"),
        bank_code=short_text(fields, "vnp_BankCode"),
        paid_at_text=short_text(fields, "vnp_PayDate"),
        response_code=code,
        status_code=status,
    )


def _same_reference(fields: Mapping[str, Any], reference: str) -> str:
    if reference_in(fields, "vnp_TxnRef") != reference:
        raise DecodeError("speaks of another order", path="/vnp_TxnRef")
    return reference
