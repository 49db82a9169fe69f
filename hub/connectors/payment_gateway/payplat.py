"""The payment platform of the national portal (PayPlat) and its twins, pure.

JSON messages whose `MaXacThuc` is SHA-256 of their values and the shared secret. Everything here
speaks PayPlat's names; `Vocabulary` says how they are called on the wire.

Source: the messages of two products that use the platform; VNPT Pay's words are unverified.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import orjson

from hub.connectors.payment_gateway.settings import PayplatPartner, Vocabulary
from hub.connectors.payment_gateway.signing import piped_sha256, same_hash
from hub.connectors.payment_gateway.told import (
    Order,
    Told,
    amount_in,
    path_of,
    reference_in,
    short_text,
)
from hub.errors import DecodeError
from hub.schemas.payment import PaymentClaim
from hub.wire.json_text import strict_tree

HASH, KIND, CODE, STATUS = "MaXacThuc", "LoaiBanTin", "MaLoi", "TrangThaiGD"
REFERENCE, AMOUNT, LINK = "MaThamChieu", "SoTien", "UrlThanhToan"
INIT, QUERY, BILL = "INIT", "QUERY", "GET_BILL"
DETAILS = "ThongTinBienLai"
READ = (
    *(KIND, CODE, "MaDoiTac", REFERENCE, AMOUNT, "MaTienTe", "MaGiaoDich", "MaNganHang"),
    *("ThoiGianGD", "ThongTinGiaoDich", STATUS, HASH),
)


def written(words: Vocabulary, fields: Mapping[str, Any]) -> dict[str, Any]:
    """Fields by PayPlat's names -> by the wire's."""
    return {words.names.get(name, name): value for name, value in fields.items()}


def signed(
    partner: PayplatPartner, hashed: Sequence[str], fields: Mapping[str, Any]
) -> dict[str, Any]:
    """A message by the wire's names, with its hash over the named fields."""
    values = (str(fields.get(name, "")) for name in hashed)
    proof = piped_sha256(partner.hash_secret.get_secret_value(), values)
    return written(partner.vocabulary, {**fields, HASH: proof})


def read_fields(words: Vocabulary, tree: Mapping[str, Any]) -> dict[str, Any]:
    """What CONFIRM and the reply to QUERY say, by PayPlat's names."""
    found = {}
    for name in READ:
        wire = words.confirm_names.get(name, words.names.get(name, name))
        if wire in tree:
            found[name] = tree[wire]
    return found


def read_body(words: Vocabulary, body: bytes) -> dict[str, Any]:
    """The same of a body.

    Raises:
        DecodeError: not strict JSON, or no object.
    """
    tree = strict_tree(body)
    if not isinstance(tree, dict):
        raise DecodeError("must be a JSON object")
    return read_fields(words, tree)


def is_proved(partner: PayplatPartner, hashed: Sequence[str], fields: Mapping[str, Any]) -> bool:
    """Whether the hash of what the platform says is right."""
    values = ("" if (v := fields.get(name)) is None else str(v) for name in hashed)
    right = piped_sha256(partner.hash_secret.get_secret_value(), values)
    return same_hash(str(fields.get(HASH, "")), right)


def told_by_confirm(fields: Mapping[str, Any], success_codes: Sequence[str]) -> Told:
    """What a CONFIRM claims.

    Raises:
        DecodeError: a field is not of its form.
    """
    code = short_text(fields, CODE, needed=True)
    paid = code in success_codes
    return _told(fields, PaymentClaim.PAID if paid else PaymentClaim.FAILED)


def told_by_query(fields: Mapping[str, Any], reference: str, partner: PayplatPartner) -> Told:
    """What QUERY tells: paid needs a success and a paid status; no known status claims nothing.

    Raises:
        DecodeError: a field is not of its form, or it speaks of another order.
    """
    code, status = short_text(fields, CODE, needed=True), short_text(fields, STATUS)
    if code in partner.unknown_codes:
        return Told(reference, PaymentClaim.PENDING, known=False, response_code=code)
    claim = PaymentClaim.PENDING
    if status in partner.failed_statuses:
        claim = PaymentClaim.FAILED
    elif status in partner.paid_statuses and code in partner.success_codes:
        claim = PaymentClaim.PAID
    elif REFERENCE not in fields:
        return Told(reference, claim, response_code=code, status_code=status)
    told = _told(fields, claim)
    if told.reference != reference:
        raise DecodeError("speaks of another order", path=path_of(REFERENCE))
    return told


def is_refusal(told: Told, partner: PayplatPartner) -> bool:
    """Whether an answer to QUERY is a code alone that tells nothing of the order."""
    return told.known and not told.status_code and told.response_code not in partner.success_codes


def _told(fields: Mapping[str, Any], claim: PaymentClaim) -> Told:
    return Told(
        reference=reference_in(fields, REFERENCE),
        claim=claim,
        amount_vnd=amount_in(fields, AMOUNT),
        currency=short_text(fields, "MaTienTe"),
        transaction=short_text(fields, "MaGiaoDich"),
        bank_code=short_text(fields, "MaNganHang"),
        paid_at_text=short_text(fields, "ThoiGianGD"),
        response_code=short_text(fields, CODE),
        status_code=short_text(fields, STATUS),
    )


def link_in(partner: PayplatPartner, body: bytes, order: Order) -> tuple[str, str]:
    """Code and payment address in the reply to INIT; the address is `` if it has none.

    Raises:
        DecodeError: not of the form, or its echo tells another reference or amount.
    """
    words = partner.vocabulary
    tree = strict_tree(body)
    if not isinstance(tree, dict):
        raise DecodeError("must be a JSON object")
    code_name = "error_code" if words.wrapped_reply else words.names.get(CODE, CODE)
    code = short_text(tree, code_name, needed=True)
    inner = _unwrapped(tree.get("message")) if words.wrapped_reply else tree
    link = inner.get(words.names.get(LINK, LINK), "")
    if not isinstance(link, str) or len(link) > 4000:
        raise DecodeError("not an address", path=path_of(LINK))
    for name, right in ((REFERENCE, order.reference), (AMOUNT, order.facts.get("amount_vnd"))):
        echo = inner.get(words.names.get(name, name))
        if link and echo is not None and str(echo) != right:
            raise DecodeError("speaks of another order", path=path_of(name))
    return code, link


def _unwrapped(message: object) -> Mapping[str, Any]:
    """JSON in a text, or already an object; anything else has no fields."""
    if isinstance(message, str):
        try:
            message = orjson.loads(message)
        except orjson.JSONDecodeError:
            return {}
    return message if isinstance(message, dict) else {}
