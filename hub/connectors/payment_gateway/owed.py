"""What a dossier's fees are, for whom and by whom: read out of its event, pure.

It is kept as one JSON document under the order's reference, because the bank's answer, which may
come days later, knows nothing of payers and fees.
"""

from __future__ import annotations

import orjson

from hub.errors import EncodeError
from hub.event import Event
from hub.schemas.dossier import Applicant, DossierEvent, Fee
from hub.schemas.payment import OwedData, Payer
from hub.schemas.payment_order import PaymentOrderRequested


def owed_by(event: Event) -> OwedData:
    """What an event asks to pay, without a reference.

    Args:
        event: of a dossier with fees, or a payment that a product orders itself.

    Raises:
        EncodeError: another event, no dossier, or nothing to pay.
    """
    data = event.data
    if isinstance(data, PaymentOrderRequested):
        return _ordered(data, event.subject)
    if not isinstance(data, DossierEvent):
        raise EncodeError("a payment is asked for by a dossier", code="unknown_kind")
    if data.dossier is None:
        raise EncodeError("the event tells no dossier", path="/dossier", code="no_dossier")
    dossier = data.dossier
    fees = _with_amount(dossier.fees)
    if not fees:
        raise EncodeError("no fee has an amount", path="/dossier/fees")
    return OwedData(
        code=data.code,
        unit=data.unit,
        payment_id="",
        amount_vnd=sum(fee.amount_vnd or 0 for fee in fees),
        purpose=_purpose(fees),
        procedure=dossier.procedure,
        unit_name=dossier.unit_name,
        fees=fees,
        payer=_payer(dossier.applicant),
    )


def _ordered(data: PaymentOrderRequested, subject: str) -> OwedData:
    fees = _with_amount(data.fees)
    amount = data.amount_vnd or sum(fee.amount_vnd or 0 for fee in fees)
    if amount <= 0:
        raise EncodeError("nothing to pay", path="/amount_vnd")
    purpose = data.purpose or _purpose(fees)
    if not fees:  # the rows make up the amount: one row then
        fees = (Fee(name=purpose, amount_vnd=amount),)
    told = {name: getattr(data, name) for name in OwedData.model_fields}
    changed = {
        "code": data.code or subject,
        "payment_id": "",
        "profile": "",
        "amount_vnd": amount,
        "fees": fees,
        "purpose": purpose,
    }
    return OwedData(**{**told, **changed})


def document_of(owed: OwedData, pay_url: str) -> bytes:
    """What is kept until the bank has answered: the fees, who pays, and the link."""
    told = owed.model_dump(mode="json", exclude_defaults=True)
    return orjson.dumps({"owed": told, "pay_url": pay_url})


def _with_amount(fees: tuple[Fee, ...]) -> tuple[Fee, ...]:
    return tuple(
        fee.model_copy(update={"unknown": {}}) for fee in fees if (fee.amount_vnd or 0) > 0
    )


def _purpose(fees: tuple[Fee, ...]) -> str:
    return "; ".join(fee.name or fee.code for fee in fees)[:500]


def _payer(applicant: Applicant) -> Payer:
    identity = applicant.identities[0] if applicant.identities else None
    return Payer(
        kind=applicant.kind,
        name=applicant.name,
        id_type_code=identity.type_code if identity else "",
        id_number=identity.number if identity else applicant.id_number,
        phone=applicant.phone,
        email=applicant.email,
    )
