"""Events -> calls of the gateway, pure.

The Message's body is the call without what only the moment of sending gives: reference, times,
hash. Operations: `pay` and `INIT` make a link, `querydr` and `QUERY` ask for a payment that a
callback has reported, `refund` gives money back.
"""

from __future__ import annotations

from typing import Any

import orjson

from hub.connectors.payment_gateway import payplat, vnpay
from hub.connectors.payment_gateway.owed import owed_by
from hub.connectors.payment_gateway.settings import (
    PaymentGatewaySettings,
    PayplatPartner,
    VnpayTerminal,
)
from hub.connectors.payment_gateway.told import REFERENCE
from hub.errors import EncodeError
from hub.event import Event
from hub.message import Message
from hub.schemas.dossier import DossierEvent, Fee
from hub.schemas.payment import OwedData, PaymentData, PaymentReported, RefundRequested
from hub.schemas.payment_order import PaymentOrderRequested

NAME_LIMIT = 250
"""Longest `TenTTHC`."""


def encode(event: Event, settings: PaymentGatewaySettings) -> Message:
    """The call that an event leads to.

    Args:
        event: `dossier.*` with fees, `payment.order_requested`, `payment.reported` or
            `payment.refund_requested`.
        settings: of the connector instance.

    Raises:
        EncodeError: another event, nothing to pay, or the profile has no such call.
    """
    data = event.data
    if isinstance(data, DossierEvent | PaymentOrderRequested):
        operation, body = _link(event, settings)
        unit = data.unit
    elif isinstance(data, PaymentReported):
        operation, body = _question(_reference(data), settings)
        unit = data.unit
    elif isinstance(data, RefundRequested):
        operation, body = _refund(data, _reference(data), settings)
        unit = data.unit
    else:
        raise EncodeError("the gateway has no call for this kind", code="unknown_kind")
    return Message(
        connector="payment_gateway",
        operation=operation,
        body=orjson.dumps(body),
        key=event.subject,
        headers={"unit": unit, "form": "call"},
        id=event.id,
        received_at=event.time,
        traceparent=event.traceparent,
    )


def _reference(data: PaymentData) -> str:
    if not REFERENCE.fullmatch(data.payment_id):
        raise EncodeError("not a reference", path="/payment_id")
    return data.payment_id


def _link(event: Event, settings: PaymentGatewaySettings) -> tuple[str, dict[str, Any]]:
    owed = owed_by(event)
    if settings.profile == "vnpay" and settings.vnpay is not None:
        return vnpay.PAY, _vnpay_link(owed, settings.vnpay, settings)
    assert settings.payplat is not None  # noqa: S101 - settings refuse a missing profile
    body = _payplat_link(owed, settings.payplat, settings)
    if settings.payplat.vocabulary.receipt_details:
        account = _account(event, settings.payplat, owed.unit)
        body[payplat.DETAILS] = {**_details(owed, settings.payplat), **account}
    return payplat.INIT, body


def _vnpay_link(
    owed: OwedData, terminal: VnpayTerminal, settings: PaymentGatewaySettings
) -> dict[str, Any]:
    body = {
        "vnp_Version": vnpay.VERSION,
        "vnp_Command": vnpay.PAY,
        "vnp_TmnCode": terminal.tmn_code,
        "vnp_Amount": str((owed.amount_vnd or 0) * vnpay.PER_VND),
        "vnp_CurrCode": settings.currency,
        "vnp_IpAddr": settings.caller_ip,
        "vnp_Locale": terminal.locale,
        "vnp_OrderInfo": vnpay.plain_text(f"Thanh toán hồ sơ {owed.code}"),
        "vnp_OrderType": terminal.order_type,
        "vnp_ReturnUrl": terminal.return_url,
    }
    if terminal.bank_code:
        body["vnp_BankCode"] = terminal.bank_code
    return body


def _payplat_link(
    owed: OwedData, partner: PayplatPartner, settings: PaymentGatewaySettings
) -> dict[str, Any]:
    fields = {
        **partner.constants,
        payplat.KIND: partner.vocabulary.init_word,
        "PhienBan": partner.version,
        "MaDoiTac": partner.partner_code,
        "SoTien": str(owed.amount_vnd),
        "MaTienTe": settings.currency,
        "ThongTinGiaoDich": f"THANH TOAN HO SO {owed.code}",
        "Ip": settings.caller_ip,
    }
    return {name: fields[name] for name in partner.vocabulary.init_fields if name in fields}


def _account(event: Event, partner: PayplatPartner, unit: str) -> dict[str, str]:
    """The account that gets the money: of hub.yaml; if it names none, the one that was ordered."""
    to, data = partner.beneficiaries.get(unit) or partner.beneficiaries.get("*"), event.data
    ordered = data if isinstance(data, PaymentOrderRequested) else None
    told = {
        "TKThuHuong": ordered.account if ordered else "",
        "MaNHThuHuong": ordered.account_bank if ordered else "",
        "TenTKThuHuong": ordered.account_name if ordered else "",
    }
    if to is None:
        return told
    account = {
        "TKThuHuong": to.account,
        "MaNHThuHuong": to.bank_code,
        "TenTKThuHuong": to.account_name,
    }
    return account | ({"TenDonVi": to.unit_name} if to.unit_name else {})


def _details(owed: OwedData, partner: PayplatPartner) -> dict[str, Any]:
    """`ThongTinBienLai`: what the platform's receipt shows; not part of the hash."""
    procedure, payer = owed.procedure, owed.payer
    code = procedure.code if procedure else ""
    name = (procedure.name if procedure else "")[:NAME_LIMIT]
    return {
        "MaDichVu": partner.service_code,
        "MaDVC": f"{code}{partner.service_suffix}",
        "TenDVC": name,
        "MaTTHC": code,
        "TenTTHC": name,
        "MaDonVi": owed.unit,
        "TenDonVi": owed.unit_name,
        "MaHoSo": owed.code,
        "HoTenNguoiNop": payer.name if payer else "",
        "SoCMNDNguoiNop": payer.id_number if payer else "",
        "DiaChiNguoiNop": payer.address if payer else "",
        "HuyenNguoiNop": "",
        "TinhNguoiNop": "",
        "NoiDungThanhToan": owed.purpose,
        "PhiLePhi": [_fee(fee, f"{code}{partner.service_suffix}") for fee in owed.fees],
        "DSKhoanNop": [
            {"NoiDung": fee.name or fee.code, "SoTien": str(fee.amount_vnd)} for fee in owed.fees
        ],
    }


def _fee(fee: Fee, service: str) -> dict[str, str]:
    return {
        "LoaiPhiLePhi": fee.type_code or "Phi",
        "MaPhiLePhi": fee.code or service,
        "TenPhiLePhi": fee.name,
        "SoTien": str(fee.amount_vnd),
    }


def _question(reference: str, settings: PaymentGatewaySettings) -> tuple[str, dict[str, Any]]:
    if settings.profile == "vnpay":
        return vnpay.QUERY, {"vnp_Command": vnpay.QUERY, "vnp_TxnRef": reference}
    return payplat.QUERY, {payplat.KIND: payplat.QUERY, payplat.REFERENCE: reference}


def _refund(
    data: RefundRequested, reference: str, settings: PaymentGatewaySettings
) -> tuple[str, dict[str, Any]]:
    if settings.profile != "vnpay":
        raise EncodeError("this profile has no refund: it is given back by hand")
    if data.amount_vnd is not None and data.amount_vnd <= 0:
        raise EncodeError("nothing to give back", path="/amount_vnd")
    body = {
        "vnp_Command": vnpay.REFUND,
        "vnp_TxnRef": reference,
        "vnp_OrderInfo": vnpay.plain_text(data.reason) or f"Hoan tien {reference}",
        "vnp_CreateBy": vnpay.plain_text(data.requested_by) or "hub",
    }
    if data.amount_vnd is not None:
        body["vnp_Amount"] = str(data.amount_vnd * vnpay.PER_VND)
    return vnpay.REFUND, body
