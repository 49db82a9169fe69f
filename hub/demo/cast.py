"""The cast: every counterpart of the story, as a simulator and as a block of hub.yaml.

All passwords are invented and the same. What a counterpart and the hub must agree on stands here
once, side by side.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from hub.local.place import LOOPBACK

PASSWORD = "demo-mat-khau"  # noqa: S105 - the simulators', invented
SECRET = "${file:counterparts.secret}"  # noqa: S105 - a reference
CUSTOMER = "HCC.DEMO"
PARTNER = "DTDEMO"
PARTNER_OFFICE = "H26.01"
AXIS_SYSTEM, PARTNER_SYSTEM = "vxp.demo.01", "vxp.demo.02"

Faults = Sequence[Mapping[str, Any]]


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


@dataclass(frozen=True, slots=True)
class Unit:
    """The unit whose counterparts they are: organisation id, name, its account's password."""

    id: str
    name: str
    password: str


def counterparts(own: Unit, ports: Mapping[str, int], hub: str) -> list[Counterpart]:
    """All of them for one unit.

    Args:
        ports: of each of `KINDS`.
        hub: address of the gateway.
    """
    urls = {kind: f"http://{LOOPBACK}:{ports[kind]}" for kind in KINDS}
    unit, name = own.id, own.name
    return [
        _product(own, urls["one_stop"], hub),
        _payment(urls["payment_gateway"], hub),
        _receipt(unit, urls["e_receipt"]),
        _post(unit, name, urls["public_post"]),
        _office(unit, urls["document_office"]),
        _exchange(unit, urls["document_exchange"]),
        _petitions(unit, urls["petitions"], hub),
    ]


def _product(own: Unit, url: str, hub: str) -> Counterpart:
    unit = own.id
    login = {"url": hub, "unit": unit, "username": unit, "password": own.password}
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


def _payment(url: str, hub: str) -> Counterpart:
    return Counterpart(
        "payment_gateway",
        options={
            "account": {
                "callback_url": f"{hub}/payment_gateway/callback",
                "tmn_code": "DEMOTMN1",
                "secret": PASSWORD,
            }
        },
        block={
            "profile": "vnpay",
            "caller_ip": LOOPBACK,
            "poll_seconds": 2,
            "ask_after_seconds": 5,
            "vnpay": {
                "pay_url": f"{url}/paymentv2/vpcpay.html",
                "api_url": f"{url}/merchant_webapi/api/transaction",
                "return_url": f"{hub}/payment_gateway/return",
                "tmn_code": "DEMOTMN1",
                "hash_secret": SECRET,
            },
        },
        faults=(
            {"fault": "duplicate", "operation": "callback"},
            {"fault": "5xx", "status": 502, "share": 0.2},
        ),
    )


def _receipt(unit: str, url: str) -> Counterpart:
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
            },
        },
        faults=_lossy(0.5),
    )


def _post(unit: str, name: str, url: str) -> Counterpart:
    return Counterpart(
        "public_post",
        options={"account": {"key": "khoa", "secret": PASSWORD}},
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
            },
            "feed": {"every_seconds": 1},
        },
        faults=(*_lossy(0.5), {"fault": "expired_session", "share": 0.05}),
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


def _exchange(unit: str, url: str) -> Counterpart:
    return Counterpart(
        "document_exchange",
        options={
            "systems": {
                AXIS_SYSTEM: {"secret": PASSWORD, "organs": [unit]},
                PARTNER_SYSTEM: {"secret": PASSWORD, "organs": [PARTNER_OFFICE]},
            }
        },
        block={
            "base_url": url,
            "system_id": AXIS_SYSTEM,
            "secret": SECRET,
            "units": [unit],
            "poll_seconds": 1,
        },
        faults=_lossy(0.3),
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


def _lossy(share: float) -> Faults:
    """Answers that are lost although the call took effect, and a busy counterpart now and then."""
    return (
        {"fault": "timeout_after_success", "then": "cut", "share": share},
        {"fault": "429", "retry_after_seconds": 1, "share": 0.1},
    )
