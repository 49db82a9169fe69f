"""Forms that the hub only reads: what a counterpart may write arrives field by field.

Each test writes generated values into a wire message and compares every field of the event.
"""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

from hypothesis import given, settings
from hypothesis import strategies as st

from hub.connector import discover
from hub.event import Event
from hub.wire.dvcqg.dates import VIETNAM
from tests.connectors.contract import Folder

PAYMENTS, RECEIPTS, POST = (
    Folder.of(discover()[kind]) for kind in ("payment_gateway", "e_receipt", "public_post")
)
QUICK = settings(max_examples=60, deadline=None, database=None)

REFERENCES = st.from_regex(r"[A-Za-z0-9]{1,40}", fullmatch=True)
NAMES = st.from_regex(r"[A-Z]{2,20}", fullmatch=True)
NUMBERS = st.from_regex(r"[1-9][0-9]{0,14}", fullmatch=True)
MOMENTS = st.datetimes(datetime(2020, 1, 1), datetime(2030, 12, 31)).map(
    lambda moment: moment.replace(microsecond=0, tzinfo=VIETNAM)
)
AMOUNTS = st.integers(1, 10**10)


def data_of(folder: Folder, body: bytes, form: str) -> Any:
    """The data of the one event of a message."""
    (item,) = folder.decode(body, form)
    assert isinstance(item, Event), item
    return item.data


def sample_of(folder: Folder, form: str, name: str) -> dict[str, Any]:
    """The JSON object of a sample."""
    file = folder.path / "samples" / "in" / form / f"{name}.json"
    tree: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    return tree


@QUICK
@given(REFERENCES, AMOUNTS, NAMES, NUMBERS, MOMENTS)
def test_a_notice_of_vnpay_arrives_field_by_field(
    reference: str, amount: int, bank: str, number: str, at: datetime
) -> None:
    pairs = {
        "vnp_Amount": amount * 100,
        "vnp_BankCode": bank,
        "vnp_BankTranNo": f"VNP{number}",
        "vnp_PayDate": f"{at:%Y%m%d%H%M%S}",
        "vnp_ResponseCode": "00",
        "vnp_TransactionNo": number,
        "vnp_TransactionStatus": "00",
        "vnp_TxnRef": reference,
    }
    told = data_of(PAYMENTS, urlencode(pairs).encode(), "ipn")
    assert (told.payment_id, told.amount_vnd, told.bank_code) == (reference, amount, bank)
    assert (told.transaction, told.bank_transaction) == (number, f"VNP{number}")
    assert (told.paid_at, told.paid_at_text) == (at, pairs["vnp_PayDate"])
    assert (told.response_code, told.status_code, told.claim.value) == ("00", "00", "paid")


@QUICK
@given(REFERENCES, AMOUNTS, NAMES, NUMBERS, MOMENTS)
def test_a_confirm_of_the_platform_arrives_field_by_field(
    reference: str, amount: int, bank: str, number: str, at: datetime
) -> None:
    wire = sample_of(PAYMENTS, "confirm", "paid") | {
        "MaThamChieu": reference,
        "SoTien": str(amount),
        "MaNganHang": bank,
        "MaGiaoDich": number,
        "ThoiGianGD": f"{at:%Y%m%d%H%M%S}",
    }
    told = data_of(PAYMENTS, json.dumps(wire).encode(), "confirm")
    assert (told.payment_id, told.amount_vnd, told.bank_code) == (reference, amount, bank)
    assert (told.transaction, told.paid_at) == (number, at)
    assert (told.paid_at_text, told.claim.value) == (wire["ThoiGianGD"], "paid")


DIFFERENCES = st.fixed_dictionaries(
    {
        "kind": st.sampled_from(["missing_in_file", "missing_in_hub", "amount", "transaction"]),
        "payment_id": REFERENCES,
        "code": REFERENCES,
        "transaction": NUMBERS,
        "file_amount_vnd": AMOUNTS,
        "hub_amount_vnd": AMOUNTS,
    }
)


@QUICK
@given(st.lists(DIFFERENCES, max_size=5), AMOUNTS, AMOUNTS, st.integers(0, 10**6))
def test_a_compared_day_arrives_field_by_field(
    differences: list[dict[str, Any]], file_vnd: int, hub_vnd: int, count: int
) -> None:
    wire = sample_of(PAYMENTS, "settlement", "agrees") | {
        "file_vnd": file_vnd,
        "hub_vnd": hub_vnd,
        "file_count": count,
        "hub_count": count,
        "difference_count": len(differences),
        "differences": differences,
    }
    told = data_of(PAYMENTS, json.dumps(wire).encode(), "settlement").model_dump(mode="json")
    assert told["differences"] == differences
    assert {name: told[name] for name in wire if name in told} == {
        name: value for name, value in wire.items() if name in told
    }


@QUICK
@given(NUMBERS, REFERENCES, st.booleans(), MOMENTS)
def test_a_reply_of_the_post_arrives_field_by_field(
    item: str, customer: str, existed: bool, at: datetime
) -> None:
    wire = sample_of(POST, "reply", "return_ordered_with_item_code") | {
        "item_code": item,
        "customer_code": customer,
        "existed": existed,
        "at": at.isoformat(),
    }
    told = data_of(POST, json.dumps(wire).encode(), "reply")
    assert (told.item_code, told.customer_code) == (item, customer)
    assert bool(told.existed) is existed
    assert (told.at, told.order_number, told.code) == (at, wire["order_number"], wire["subject"])
    assert (told.state_code, told.operation_key) == (wire["status"], wire["operation_key"])


@QUICK
@given(NUMBERS, REFERENCES, AMOUNTS, st.booleans(), MOMENTS)
def test_a_reply_of_the_receipt_system_arrives_field_by_field(
    number: str, key: str, amount: int, existed: bool, at: datetime
) -> None:
    wire = sample_of(RECEIPTS, "reply", "issued") | {
        "number": number,
        "fkey": key,
        "payment_id": key,
        "amount": str(amount),
        "existed": existed,
        "issued_on": at.date().isoformat(),
    }
    told = data_of(RECEIPTS, json.dumps(wire).encode(), "reply")
    assert (told.number, told.fkey, told.payment_id) == (number, key, key)
    assert (told.amount_vnd, told.issued_on) == (amount, at.date())
    assert bool(told.existed) is existed
    assert (told.pattern, told.serial) == (wire["pattern"], wire["serial"])
    assert (told.code, told.operation_key) == (wire["code"], wire["operation_key"])
