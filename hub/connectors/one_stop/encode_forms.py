"""Payments, receipts, parcels and the office's results as products expect them; pure.

Sources of the formats: the payment platform's CONFIRM, the post's tracking feed and the document
office's result package as one-stop products implement them. The link and the receipt are the hub's
own forms: the platform tells the link only in the answer to INIT, and nobody tells receipts.
"""

from __future__ import annotations

from typing import Any

from hub.connectors.one_stop.papers import write_files
from hub.connectors.one_stop.settings import OneStopSettings, Product
from hub.connectors.one_stop.wire import CONFIRM
from hub.errors import EncodeError
from hub.event import Event
from hub.schemas.document import Document, DocumentEvent, OfficeEvent, OfficeResult
from hub.schemas.payment import PaymentConfirmed, PaymentFailed, PaymentRequested
from hub.schemas.post import ParcelEvent
from hub.schemas.receipt import ReceiptIssued
from hub.wire.clock_texts import write_day
from hub.wire.dvcqg.dates import write_stamp

KIND_OF_PACKAGE = "document.processed"
PURPOSE = "THANH TOAN HO SO {}"
TAKEN = "00"
CODE_OF_RESULT = {
    OfficeResult.ISSUED: "01",
    OfficeResult.SIGNED: "02",
    OfficeResult.DISAPPROVED: "03",
    OfficeResult.APPROVED: "04",
}


def link(event: Event, data: PaymentRequested, product: Product) -> dict[str, Any]:
    """The link at which a citizen pays; `MaThamChieu` is replaced by the product's own."""
    return _filled(
        MaHoSo=event.subject,
        MaDoiTac=product.payment_partner or "",
        MaThamChieu=data.payment_id,
        SoTien=_amount(data.amount_vnd),
        MaTienTe=data.currency,
        NoiDungThanhToan=data.purpose,
        UrlThanhToan=data.pay_url,
        ThoiGianHetHan=write_stamp(data.expires_at) if data.expires_at else "",
    )


def confirm(
    event: Event,
    data: PaymentConfirmed | PaymentFailed,
    product: Product,
    settings: OneStopSettings,
) -> dict[str, Any]:
    """CONFIRM without `MaXacThuc`; `MaThamChieu` is replaced by the product's own.

    A failure never says `00`, also where the gateway's code of the answer was that of a success.
    """
    purpose = data.purpose if isinstance(data, PaymentConfirmed) else ""
    code = TAKEN
    if isinstance(data, PaymentFailed):
        own = data.response_code or data.status_code
        taken = not own or own in settings.success_codes or own == TAKEN
        code = settings.payment_failed_code if taken else own
    return {
        "LoaiBanTin": CONFIRM,
        "MaLoi": code,
        "MaDoiTac": product.payment_partner or "",
        "MaThamChieu": data.payment_id,
        "SoTien": _amount(data.amount_vnd),
        "MaTienTe": data.currency,
        "MaGiaoDich": data.transaction or data.bank_transaction,
        "MaNganHang": data.bank_code,
        "ThoiGianGD": write_stamp(data.paid_at or event.time),
        "ThongTinGiaoDich": purpose or PURPOSE.format(event.subject),
    }


def receipt(event: Event, data: ReceiptIssued) -> dict[str, Any]:
    """The facts of an e-receipt; `MaThamChieu` is replaced by the product's own."""
    return _filled(
        MaHoSo=event.subject,
        MaDonVi=data.unit,
        MaThamChieu=data.payment_id,
        MaTraCuu=data.fkey,
        MauBienLai=data.pattern,
        KyHieu=data.serial,
        SoBienLai=data.number,
        SoTien=_amount(data.amount_vnd),
        NgayBienLai=write_day(data.issued_on) if data.issued_on else "",
        LinkBienLai=data.link,
    )


def row(
    event: Event, data: ParcelEvent, customer: str, settings: OneStopSettings
) -> dict[str, Any]:
    """One row of the tracking feed, without its id; `OrderNumber` becomes the product's own."""
    at = (data.at or event.time).timestamp()
    return {
        "CustomerCode": customer,
        "OrderNumber": data.order_number or event.subject,
        "EventTime": int(at * 1000) if settings.tracking_time == "milliseconds" else int(at),
        "POSID": data.post_office,
        "ItemCode": data.item_code,
        "StatusCode": data.state_code or settings.tracking_codes.get(data.state, ""),
        "StatusMessage": data.message,
        "Notes": data.notes,
    }


def package(event: Event, data: OfficeEvent) -> dict[str, Any]:
    """A result package; its files still stand as references.

    Raises:
        EncodeError: the outcome has no code.
    """
    known = CODE_OF_RESULT.get(data.result) if data.result else None
    code = known or data.result_code
    if not code:
        raise EncodeError("the outcome is missing", path="/LoaiKetQua")
    issued = data.document
    paper = _paper(issued) if issued is not None else {}
    if data.signed_on is not None:
        paper["NgayKy"] = write_day(data.signed_on)
    if data.presenter is not None and data.presenter.name:
        paper["NguoiSoan"] = data.presenter.name
    paper |= _filled(TenHoSo=data.dossier_name, ThuTuc=data.procedure_name)
    paper["ThanhPhanHoSo"] = write_files(data.components)
    return {
        "IDHoSo": data.dossier_id,
        "MaHoSo": event.subject,
        "DonVi": {"Ten": data.unit_name, "MaDinhDanh": data.unit},
        "VanBanDi": paper,
        "ThamSoAn": data.echo,
        "HccLinkAPI": data.callback_url,
        "LoaiHSLienthong": data.linked_kind,
        "LoaiKetQua": code,
    }


def received(event: Event, data: DocumentEvent, code: str) -> dict[str, Any]:
    """A document from another office, as a package under the configured code."""
    sender = data.document.sender
    return {
        "MaHoSo": event.subject,
        "DonVi": {"Ten": sender.name, "MaDinhDanh": sender.id},
        "VanBanDi": _paper(data.document),
        "LoaiKetQua": code,
    }


def _paper(document: Document) -> dict[str, Any]:
    signer = document.signer
    number = "/".join(part for part in (document.number, document.notation) if part)
    said = _filled(
        TrichYeu=document.subject,
        LoaiVanBan=document.type_name,
        NgayBanHanh=write_day(document.promulgated_on) if document.promulgated_on else "",
        NguoiKy=signer.name if signer else "",
        ChucVu=signer.position if signer else "",
        SoKyHieu=number,
    )
    said["DinhKem"] = write_files(document.files)
    return {**document.originals, **said}


def _amount(amount: int | None) -> str:
    return "" if amount is None else str(amount)


def _filled(**texts: str) -> dict[str, Any]:
    return {name: text for name, text in texts.items() if text}
