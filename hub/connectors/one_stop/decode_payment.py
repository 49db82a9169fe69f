"""A payment that a product orders (INIT of the payment platform's form) -> event; pure."""

from __future__ import annotations

from typing import Any

from pydantic import ValidationError

from hub.connectors.one_stop.leftovers import leftovers
from hub.connectors.one_stop.payplat import HASH
from hub.connectors.one_stop.settings import OneStopSettings
from hub.connectors.one_stop.wire import INIT
from hub.errors import DecodeError
from hub.event import Alias, Event, decode_error
from hub.message import Message
from hub.schemas.dossier import Fee, Procedure
from hub.schemas.payment import Payer
from hub.schemas.payment_order import PaymentOrderRequested
from hub.wire.dvcqg.canonical import subject_of
from hub.wire.dvcqg.dates import read_stamp
from hub.wire.dvcqg.models import Text, WirePart
from hub.wire.dvcqg.shape import whole_number

PAYMENT_ALIAS = "one_stop.payment"
"""Kind of the alias `<MaDoiTac>/<MaThamChieu>`; facts: amount_vnd, currency, unit, state."""

OWN_CODE = "code"
"""Fact of an order: the product's code of a dossier that the hub knows by another."""


def payment_alias(partner: str, reference: str) -> tuple[str, str]:
    """Kind and value of the alias of a product's payment."""
    return PAYMENT_ALIAS, f"{partner}/{reference}"


class WireFeeLine(WirePart):
    """Item of `PhiLePhi`."""

    LoaiPhiLePhi: Text = None
    MaPhiLePhi: Text = None
    TenPhiLePhi: Text = None
    SoTien: Text = None


class WireReceipt(WirePart):
    """`ThongTinBienLai`."""

    MaTTHC: Text = None
    TenTTHC: Text = None
    MaDonVi: Text = None
    TenDonVi: Text = None
    MaHoSo: Text = None
    TKThuHuong: Text = None
    MaNHThuHuong: Text = None
    TenTKThuHuong: Text = None
    HoTenNguoiNop: Text = None
    SoCMNDNguoiNop: Text = None
    DiaChiNguoiNop: Text = None
    HuyenNguoiNop: Text = None
    TinhNguoiNop: Text = None
    NoiDungThanhToan: Text = None
    PhiLePhi: tuple[WireFeeLine, ...] | None = None


class WireInit(WirePart):
    """The whole message."""

    LoaiBanTin: Text = None
    MaDoiTac: Text = None
    MaThamChieu: Text = None
    SoTien: Text = None
    MaTienTe: Text = None
    ThongTinGiaoDich: Text = None
    ThoiGianGD: Text = None
    ThongTinBienLai: WireReceipt | None = None


def payment(message: Message, tree: Any, settings: OneStopSettings) -> list[Event | DecodeError]:
    """The event of an INIT; its hash was checked at the door."""
    wire = read_init(tree)
    receipt = wire.ThongTinBienLai or WireReceipt()
    amount = whole_number(wire.SoTien or "")
    if not amount:
        raise DecodeError("must be a whole number of VND", path="/SoTien")
    if not wire.MaThamChieu or not wire.MaDoiTac:
        raise DecodeError("the reference is missing", path="/MaThamChieu")
    code = subject_of(receipt.MaHoSo, "/ThongTinBienLai")
    subject = message.headers.get("subject") or code
    unit = message.headers.get("unit") or receipt.MaDonVi or code.partition("-")[0]
    currency = wire.MaTienTe or "VND"
    kind, value = payment_alias(wire.MaDoiTac, wire.MaThamChieu)
    facts = payment_facts(unit, amount, currency) | ({} if subject == code else {OWN_CODE: code})
    return [
        Event(
            kind="payment.order_requested",
            source=f"/connectors/{message.connector}/{unit}",
            subject=subject,
            time=message.received_at,
            data=PaymentOrderRequested(
                **_owed(receipt),
                code=code,
                unit=unit,
                payment_id=wire.MaThamChieu,
                amount_vnd=amount,
                currency=currency,
                purpose=wire.ThongTinGiaoDich or receipt.NoiDungThanhToan or "",
                ordered_at=read_stamp(wire.ThoiGianGD),
                originals={"ThoiGianGD": wire.ThoiGianGD} if wire.ThoiGianGD else {},
                unknown={n: value for n, value in leftovers(wire).items() if n != HASH},
            ),
            natural_key=f"{INIT}:{value}",
            message_id=message.id,
            traceparent=message.traceparent,
            aliases=(Alias(kind, value, subject, facts),),
            once=True,
        )
    ]


def payment_facts(unit: str, amount_vnd: int, currency: str) -> dict[str, str]:
    """What was agreed under a reference and is compared later."""
    return {"unit": unit, "amount_vnd": str(amount_vnd), "currency": currency}


def read_init(tree: Any) -> WireInit:
    """The wire object.

    Raises:
        DecodeError: not an object of this form.
    """
    if not isinstance(tree, dict):
        raise DecodeError("must be a JSON object")
    try:
        wire = WireInit.model_validate(tree)
    except ValidationError as error:
        raise decode_error(error) from error
    if wire.LoaiBanTin != INIT:
        raise DecodeError("not an order", path="/LoaiBanTin", code="unknown_operation")
    return wire


def payment_key(tree: Any) -> str:
    """The dossier code of an INIT; `` if there is none."""
    receipt = tree.get("ThongTinBienLai") if isinstance(tree, dict) else None
    code = receipt.get("MaHoSo") if isinstance(receipt, dict) else None
    return code if isinstance(code, str) else ""


def _owed(receipt: WireReceipt) -> dict[str, Any]:
    address = (receipt.DiaChiNguoiNop, receipt.HuyenNguoiNop, receipt.TinhNguoiNop)
    payer = Payer(
        name=receipt.HoTenNguoiNop or "",
        id_number=receipt.SoCMNDNguoiNop or "",
        address=", ".join(part for part in address if part),
    )
    return {
        "unit_name": receipt.TenDonVi or "",
        "procedure": Procedure(code=receipt.MaTTHC, name=receipt.TenTTHC or "")
        if receipt.MaTTHC
        else None,
        "payer": payer if payer != Payer() else None,
        "fees": tuple(_fee(line) for line in receipt.PhiLePhi or ()),
        "account": receipt.TKThuHuong or "",
        "account_bank": receipt.MaNHThuHuong or "",
        "account_name": receipt.TenTKThuHuong or "",
    }


def _fee(line: WireFeeLine) -> Fee:
    amount = whole_number(line.SoTien or "")
    kept = {"SoTien": line.SoTien} if line.SoTien and amount is None else {}
    return Fee(
        name=line.TenPhiLePhi or "",
        code=line.MaPhiLePhi or "",
        type_code=line.LoaiPhiLePhi or "",
        amount_vnd=amount,
        unknown=kept,
    )
