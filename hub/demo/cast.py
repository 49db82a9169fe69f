"""The cast: every counterpart of the story, as a simulator and as a block of hub.yaml.

All passwords are invented and the same. What a counterpart and the hub must agree on stands here
once, side by side.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from hub.demo.place import Place
from hub.demo.signing import Signer
from hub.local.place import LOOPBACK

PASSWORD = "demo-mat-khau"  # noqa: S105 - the simulators', invented
SECRET = "${file:counterparts.secret}"  # noqa: S105 - a reference
CUSTOMER = "HCC.DEMO"
PARTNER = "DTDEMO"
PARTNER_OFFICE = "H26.01"
PARCEL_SECONDS = 1.0
"""How soon a parcel moves one step on."""
AXIS_SYSTEM, PARTNER_SYSTEM = "vxp.demo.01", "vxp.demo.02"

MOUNT = "/payment_gateway"
"""Where the payment gateway's endpoints stand at the hub."""
CALLBACK = f"{MOUNT}/payments/callback"
ASKS_SOON = {"caller_ip": LOOPBACK, "poll_seconds": 2, "ask_after_seconds": 5}
VNPT_WORDS: Mapping[str, Any] = {
    "names": {
        "LoaiBanTin": "ACTION",
        "PhienBan": "VERSION",
        "MaDoiTac": "MERCHANT_SERVICE_ID",
        "MaThamChieu": "MERCHANT_ORDER_ID",
        "SoTien": "AMOUNT",
        "LoaiHinhThanhToan": "SERVICE_ID",
        "MaThietBi": "DEVICE",
        "NgonNgu": "LOCALE",
        "MaTienTe": "CURRENCY_CODE",
        "MaNganHang": "PAYMENT_METHOD",
        "ThongTinGiaoDich": "DESCRIPTION",
        "ThoiGianGD": "CREATE_DATE",
        "Ip": "CLIENT_IP",
        "MaXacThuc": "SECURE_CODE",
        "MaLoi": "RESPONSE_CODE",
        "MoTaLoi": "DESCRIPTION",
        "MaGiaoDich": "VNPTPAY_TRANSACTION_ID",
        "UrlThanhToan": "REDIRECT_URL",
        "TrangThaiGD": "TRANSACTION_STATUS",
    },
    "confirm_names": {"ThoiGianGD": "PAY_DATE", "ThongTinGiaoDich": "ADDITIONAL_INFO"},
    "query_word": "QUERY_TRANS",
    "init_fields": [
        *("LoaiBanTin", "PhienBan", "MaDoiTac", "MaThamChieu", "SoTien", "LoaiHinhThanhToan"),
        *("MaThietBi", "NgonNgu", "MaTienTe", "MaNganHang", "ThongTinGiaoDich", "ThoiGianGD"),
        "Ip",
    ],
    "receipt_details": False,
    "wrapped_reply": False,
}
"""The words of VNPT Pay by the payment platform's, as the profile's samples have them [U]."""

Faults = Sequence[Mapping[str, Any]]


PAYMENT_FAULTS: Faults = (
    {"fault": "duplicate", "operation": "callback"},
    {"fault": "5xx", "status": 502, "share": 0.2},
)


@dataclass(frozen=True, slots=True)
class Counterpart:
    """One outside system of the demo.

    Attributes:
        kind: connector, which is also its instance's name in hub.yaml.
        options: of its simulator.
        block: its settings in hub.yaml.
        faults: what goes wrong with it under `--faults`.
    """

    kind: str
    options: Mapping[str, Any]
    block: Mapping[str, Any]
    faults: Faults = field(default=())


KINDS = (
    "one_stop",
    "payment_gateway",
    "e_receipt",
    "public_post",
    "document_office",
    "document_exchange",
    "petitions",
)
"""Counterparts beside the national portal."""


def counterparts(
    place: Place, ports: Mapping[str, int], hub: str, *, password: str, signer: Signer | None
) -> list[Counterpart]:
    """All of them for one place; the first of its units has the one-stop product.

    Args:
        ports: of each of `KINDS`.
        hub: address of the gateway.
        password: of the units' accounts at the hub.
        signer: signs documents; none: they are not signed.
    """
    urls = {kind: f"http://{LOOPBACK}:{ports[kind]}" for kind in KINDS}
    unit = next(iter(place.units))
    pays = vnpt_pay if place.vnpt_pay else _vnpay
    return [
        _product(unit, password, urls["one_stop"], hub),
        pays(urls["payment_gateway"], hub),
        _receipt(place.units, urls["e_receipt"]),
        _post(place.units, urls["public_post"]),
        _office(unit, urls["document_office"]),
        _exchange(place, urls["document_exchange"], signer),
        _petitions(unit, urls["petitions"], hub),
    ]


def _product(unit: str, password: str, url: str, hub: str) -> Counterpart:
    login = {"url": hub, "unit": unit, "username": unit, "password": password}
    return Counterpart(
        "one_stop",
        options={
            "address": login,
            "counterparts": {
                **login,
                "partner": PARTNER,
                "secret": PASSWORD,
                "customer": CUSTOMER,
                "authorization": PASSWORD,
            },
        },
        block={
            "public_url": hub,
            "slips": True,
            "products": {
                unit: {
                    "base_url": url,
                    "authorization": SECRET,
                    "dossier_path": "/dvcqg/hoso",
                    "confirm_path": "/payplat/confirm",
                    "link_path": "/thanhtoan/link",
                    "receipt_path": "/bienlai",
                    "payment_partner": PARTNER,
                    "payment_secret": SECRET,
                    "post_customer": CUSTOMER,
                    "office": True,
                    "received_code": "05",
                }
            },
        },
        faults=({"fault": "slow", "seconds": 0.1, "share": 0.2}, *_lossy(0.1)),
    )


def _vnpay(url: str, hub: str) -> Counterpart:
    return Counterpart(
        "payment_gateway",
        options={
            "account": {
                "callback_url": f"{hub}{CALLBACK}",
                "tmn_code": "DEMOTMN1",
                "secret": PASSWORD,
            }
        },
        block={
            "profile": "vnpay",
            **ASKS_SOON,
            "vnpay": {
                "pay_url": f"{url}/paymentv2/vpcpay.html",
                "api_url": f"{url}/merchant_webapi/api/transaction",
                "return_url": f"{hub}{MOUNT}/payments/return",
                "tmn_code": "DEMOTMN1",
                "hash_secret": SECRET,
            },
        },
        faults=PAYMENT_FAULTS,
    )


def vnpt_pay(url: str, hub: str) -> Counterpart:
    """VNPT Pay: the payment platform's protocol in other words, as products know them."""
    return Counterpart(
        "payment_gateway",
        options={
            "profile": "payplat",
            "account": {
                "callback_url": f"{hub}{CALLBACK}",
                "partner_code": PARTNER,
                "secret": PASSWORD,
                "words": VNPT_WORDS,
            },
        },
        block={
            "profile": "payplat",
            **ASKS_SOON,
            "payplat": {
                "init_url": f"{url}/init",
                "query_url": f"{url}/query",
                "partner_code": PARTNER,
                "hash_secret": SECRET,
                "duplicate_codes": ["02"],
                "unknown_codes": ["11"],
                "reference_prefix": "",
                "constants": {
                    "LoaiHinhThanhToan": "1",
                    "MaThietBi": "1",
                    "NgonNgu": "vi-VN",
                    "MaNganHang": "VNPTPAY",
                },
                "vocabulary": VNPT_WORDS,
            },
        },
        faults=PAYMENT_FAULTS,
    )


def _receipt(units: Iterable[str], url: str) -> Counterpart:
    account = {
        "account": "can-bo",
        "account_password": PASSWORD,
        "username": "dich-vu",
        "password": PASSWORD,
    }
    return Counterpart(
        "e_receipt",
        options={"account": account},
        block={
            "base_url": url,
            "collectors": {
                unit: {
                    **account,
                    "account_password": SECRET,
                    "password": SECRET,
                    "pattern": "01BLP0-001",
                    "serial": "AA-{yy}E",
                }
                for unit in units
            },
        },
        faults=_lossy(0.5),
    )


def _post(units: Mapping[str, str], url: str) -> Counterpart:
    return Counterpart(
        "public_post",
        options={"account": {"key": "khoa", "secret": PASSWORD}, "step_seconds": PARCEL_SECONDS},
        block={
            "base_url": url,
            "oauth": {"key": "khoa", "secret": SECRET},
            "offices": {
                unit: {
                    "customer_code": CUSTOMER,
                    "name": f"Bộ phận Một cửa {name}",
                    "phone": "02400000000",
                    "address": "Số 1 phố Thử Nghiệm",
                    "province_code": "10",
                }
                for unit, name in units.items()
            },
            "feed": {"every_seconds": 1},
        },
        faults=POST_FAULTS,
    )


def _office(unit: str, url: str) -> Counterpart:
    return Counterpart(
        "document_office",
        options={"account": f"hub:{PASSWORD}"},
        block={
            "base_url": url,
            "username": "hub",
            "password": SECRET,
            "parent_unit": unit.partition(".")[0],
            "poll_seconds": 1,
            "duplicate_codes": ["301"],
        },
        faults=_lossy(0.3),
    )


def _exchange(place: Place, url: str, signer: Signer | None) -> Counterpart:
    own = list(place.units)
    others = [*place.traffic.receivers] if place.traffic else [PARTNER_OFFICE]
    certificate = {"certificate": signer.certificate} if signer else {}
    signed = (
        {
            "partners": {organ: {"takes_signature": True} for organ in others},
            "signing": {"key": "${file:signing.secret}", "certificate": signer.certificate},
        }
        if signer
        else {}
    )
    return Counterpart(
        "document_exchange",
        options={
            "systems": {
                AXIS_SYSTEM: {"secret": PASSWORD, "organs": own, **certificate},
                PARTNER_SYSTEM: {"secret": PASSWORD, "organs": others},
            }
        },
        block={
            "base_url": url,
            "system_id": AXIS_SYSTEM,
            "secret": SECRET,
            "units": own,
            "poll_seconds": 1,
            "page_count": 100,
            **signed,
        },
        faults=AXIS_FAULTS_OF_A_CITY if place.traffic else AXIS_FAULTS,
    )


def _petitions(unit: str, url: str, hub: str) -> Counterpart:
    return Counterpart(
        "petitions",
        options={
            "token": PASSWORD,
            "hub_url": f"{hub}/pakn",
            "tokens": {"source": f"{PASSWORD}-nguon", "agency": f"{PASSWORD}-co-quan"},
        },
        block={
            "base_url": url,
            "token": SECRET,
            "accounts": {
                "portal": {"token": "${file:petition_source.secret}", "role": "source"},
                unit: {"token": "${file:petition_agency.secret}", "role": "agency"},
            },
        },
        faults=_lossy(0.5),
    )


def _lossy(share: float, *, busy: float = 0.1, **only: str) -> Faults:
    """Answers that are lost although the call took effect, and a busy counterpart now and then."""
    return (
        {"fault": "timeout_after_success", "then": "cut", "share": share, **only},
        {"fault": "429", "retry_after_seconds": 1, "share": busy, **only},
    )


SENDING = "sendEdoc edoc"
READING = ("getReceivedEdocList", "getEdoc", "updateStatus")
AXIS_FAULTS = (
    {"fault": "timeout_after_success", "then": "cut", "next_calls": 1, "operation": SENDING},
    *_lossy(0.3, busy=0.5, operation=SENDING),
    *(each for name in READING for each in _lossy(0.03, busy=0.02, operation=name)),
)
"""A look takes many calls, and fails if one does. The answer to the story's document is lost in any
case, and its partner answers at once: before the hub can have asked what became of it."""
AXIS_FAULTS_OF_A_CITY = (*_lossy(0.02, busy=0.01, operation=SENDING), *_lossy(0.005, busy=0.002))
"""Of a city's documents some answers are lost: none may be sent twice for that."""
POST_FAULTS = (
    *_lossy(0.5, operation="order/post"),
    *_lossy(0.1, busy=0.05),
    {"fault": "expired_session", "share": 0.05},
)
"""A parcel must not be ordered twice; the feed is only looked at again."""
