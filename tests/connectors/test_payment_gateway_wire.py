"""Payment gateways without a wire: hashes, code tables, what follows from them, and the day's file.

Every published test vector and every published code stands here.
"""

from __future__ import annotations

import json
import re
from datetime import date
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hub.connectors.payment_gateway import payplat, vnpay
from hub.connectors.payment_gateway.codes import (
    VNPAY_API,
    VNPAY_RESPONSE,
    VNPAY_STATUS,
    vnpay_claim,
    vnpay_query_claim,
)
from hub.connectors.payment_gateway.decode import decode, message
from hub.connectors.payment_gateway.encode import encode
from hub.connectors.payment_gateway.owed import document_of, owed_by
from hub.connectors.payment_gateway.settings import Columns, Settlement
from hub.connectors.payment_gateway.settlement import Day, compare, read_rows
from hub.connectors.payment_gateway.signing import (
    form_text,
    hmac_sha512,
    named_hmac_sha256,
    piped_sha256,
    read_query,
    same_hash,
)
from hub.connectors.payment_gateway.told import Order, Told, judge
from hub.errors import DecodeError, EncodeError
from hub.schemas.dossier import Fee
from hub.schemas.payment import FailureReason, Payer, PaymentClaim, PaymentFailed
from hub.schemas.payment_order import PaymentOrderRequested
from hub.when import When
from tests.connectors.payment_examples import (
    CODE,
    START,
    event_of,
    fee_due,
    gateway_settings,
    refund_of,
)

VNPAY = gateway_settings("vnpay", "https://gateway.example.vn")
PAYPLAT = gateway_settings("payplat", "https://gateway.example.vn")
REFERENCE = "H562601050001A1"

# Published vectors

SHA256 = {
    "INIT|1.0.6|DT001|dvcH56260105000120260105093000|150000|PAY|1|1|vi-VN|VND|PAYMENT|"
    "THANH TOAN HO SO H56-260105-0001|20260105093000|10.0.0.5": (
        "6cd0726c98affba1630f77ceb8bbf64c9b660a39993e07a9348160053f3eb8e5"
    ),
    "CONFIRM|00|DT001|dvcH56260105000120260105093000|150000|VND|GD0000123|VCB|20260105093212|"
    "THANH TOAN HO SO H56-260105-0001": (
        "9c8fd447a6bfc2b9d0693bcdd280a48b60d04725d7ff6fdd56f222aedd4423df"
    ),
    "QUERY|1.0.6|DT001|dvcH56260105000120260105093000|20260105100000": (
        "e46955657bedf9c560376a9df3f9a6dcb543f2f79247ecbd39e0e895774ad8a3"
    ),
}
PAY_PARAMS = {
    "vnp_Amount": "15000000",
    "vnp_Command": "pay",
    "vnp_CreateDate": "20260105093000",
    "vnp_CurrCode": "VND",
    "vnp_ExpireDate": "20260105094500",
    "vnp_IpAddr": "10.0.0.5",
    "vnp_Locale": "vn",
    "vnp_OrderInfo": "Thanh toan ho so H56-260105-0001",
    "vnp_OrderType": "other",
    "vnp_ReturnUrl": "https://hub.example.vn/vnpay/return",
    "vnp_TmnCode": "DEMOTMN1",
    "vnp_TxnRef": REFERENCE,
    "vnp_Version": "2.1.0",
}
PAY_HASH = (
    "6aea85d4ee9f827da101ebc059be07f9de574be87df7c6cebdeb77dce5a0c5a1"
    "53da71840e830243f700a82371bb5b767e0db4c9c10348b078e54fb90b59796b"
)
IPN = (
    b"vnp_Amount=15000000&vnp_BankCode=NCB&vnp_BankTranNo=VNP10000001&vnp_CardType=ATM"
    b"&vnp_OrderInfo=Thanh+toan+ho+so+H56-260105-0001&vnp_PayDate=20260105093212"
    b"&vnp_ResponseCode=00&vnp_TmnCode=DEMOTMN1&vnp_TransactionNo=14000001"
    b"&vnp_TransactionStatus=00&vnp_TxnRef=H562601050001A1"
)
IPN_HASH = (
    "182da1d67fb2a9c6c0a30ace63cc3b8c8869ed168da4f9fbba02598b54613ffc"
    "fe488d70e9ea83448c83cb161c847b9046e2a1a3c52373b88692b2275c364dff"
)
QUERY_HASH = (
    "2042509afebbf5e5690e594825ca52f2b71f1c7b36f03bf068340546dfc3bec8"
    "5f44c2f9b2ff77b6c5166ed4a36f6540f2e513df97e16bfac0e6a1cf83b7fe9c"
)


@pytest.mark.parametrize("text", SHA256, ids=lambda text: text.partition("|")[0])
def test_payplat_hashes_are_the_published_ones(text: str) -> None:
    assert piped_sha256("SECRET_DEMO_01", text.split("|")) == SHA256[text]


def test_a_whole_payplat_message_carries_the_published_hash() -> None:
    text = next(iter(SHA256))
    partner = PAYPLAT.payplat
    assert partner is not None
    partner = partner.model_copy(
        update={"hash_secret": type(partner.hash_secret)("SECRET_DEMO_01")}
    )
    names = partner.vocabulary.init_fields
    said = payplat.signed(partner, names, dict(zip(names, text.split("|"), strict=True)))
    assert said["MaXacThuc"] == SHA256[text]


def test_the_hash_of_a_vnpay_link_is_the_published_one() -> None:
    assert hmac_sha512("SECRET_DEMO_02", form_text(PAY_PARAMS)) == PAY_HASH


def test_a_whole_vnpay_link_is_the_published_one() -> None:
    terminal = VNPAY.vnpay
    assert terminal is not None
    terminal = terminal.model_copy(
        update={"hash_secret": type(terminal.hash_secret)("SECRET_DEMO_02")}
    )
    moment = ("vnp_CreateDate", "vnp_ExpireDate", "vnp_TxnRef")
    body = {name: value for name, value in PAY_PARAMS.items() if name not in moment}
    url = vnpay.pay_url(terminal, body, reference=REFERENCE, at=START, seconds=900)
    assert url == f"{terminal.pay_url}?{form_text(PAY_PARAMS)}&vnp_SecureHash={PAY_HASH}"


def test_the_hash_of_an_ipn_is_the_published_one_in_any_order_of_its_pairs() -> None:
    for raw in (IPN, b"&".join(reversed(IPN.split(b"&")))):
        query = read_query(raw + b"&vnp_SecureHashType=HmacSHA512&vnp_SecureHash=AB&utm=1")
        assert hmac_sha512("SECRET_DEMO_02", query.signed) == IPN_HASH
        assert query.hash == "AB"


def test_the_hash_of_querydr_is_the_published_one() -> None:
    fields = {
        "vnp_RequestId": "REQ000001",
        "vnp_Version": "2.1.0",
        "vnp_Command": "querydr",
        "vnp_TmnCode": "DEMOTMN1",
        "vnp_TxnRef": REFERENCE,
        "vnp_TransactionDate": "20260105093000",
        "vnp_CreateDate": "20260105100000",
        "vnp_IpAddr": "10.0.0.5",
        "vnp_OrderInfo": f"Query {REFERENCE}",
    }
    assert vnpay.signed_call("SECRET_DEMO_02", fields)["vnp_SecureHash"] == QUERY_HASH


def test_the_check_sum_of_keypay_is_the_published_one() -> None:
    """Of its whole recipe: values in the order of their names; the ground of a profile to come."""
    paid = {
        "client_id": "CLIENT1",
        "transaction_id": "TX0001",
        "trans_amount": "150000",
        "command": "PAY",
        "version": "3.0",
        "addition_fee": "0",
    }
    assert named_hmac_sha256("SECRET_DEMO_03", paid) == (
        "448ed6dc6661bc803da051369188de5a879f42f2d8281d0a2e04263e0052331a"
    )


def test_raw_pairs_are_hashed_as_they_came_not_as_we_would_write_them() -> None:
    assert read_query(b"vnp_B=a%20b%2d&vnp_A=%c3%a0").signed == "vnp_A=%c3%a0&vnp_B=a%20b%2d"


@given(st.dictionaries(st.text(min_size=1, max_size=20), st.text(max_size=20), max_size=10))
@settings(max_examples=50, deadline=None, database=None)
def test_what_is_written_as_a_form_is_read_back(params: dict[str, str]) -> None:
    readable = {n: v for n, v in params.items() if not _has_surrogates(n + v)}
    named = {f"vnp_{name}": value for name, value in readable.items()}
    query = read_query(form_text(named).encode())
    assert dict(query.params) == named


def _has_surrogates(text: str) -> bool:
    return any("\ud800" <= char <= "\udfff" for char in text)


@pytest.mark.parametrize("given_hash", ["", "é", "AB", IPN_HASH[:-1], IPN_HASH + "0"])
def test_another_hash_is_not_the_same(given_hash: str) -> None:
    assert not same_hash(given_hash, IPN_HASH)
    assert same_hash(IPN_HASH.upper(), IPN_HASH)


# Codes

FAILING = (
    *("01", "02", "03", "04", "05", "06", "08", "09", "10", "11", "12", "13", "24", "51"),
    *("65", "75", "79", "99"),
)


@pytest.mark.parametrize(
    ("code", "claim"), [("00", "paid"), ("07", "pending"), *((code, "failed") for code in FAILING)]
)
def test_every_response_code_is_classified(code: str, claim: str) -> None:
    assert VNPAY_RESPONSE[code].claim == claim
    settled = {"00": "00", "07": "00"}.get(code, "02")
    assert vnpay_claim(code, settled) == claim


def test_the_table_of_response_codes_is_the_published_one() -> None:
    assert set(VNPAY_RESPONSE) == {"00", "07", *FAILING}
    assert all(row.text for row in VNPAY_RESPONSE.values())


STATUSES = {
    "00": "paid",
    "01": "pending",
    "02": "failed",
    "04": "pending",
    "05": "refunded",
    "06": "refunded",
    "07": "pending",
    "09": "pending",
}


@pytest.mark.parametrize("status", STATUSES)
def test_every_transaction_status_is_classified(status: str) -> None:
    assert set(VNPAY_STATUS) == set(STATUSES)
    assert VNPAY_STATUS[status].claim == STATUSES[status]
    assert vnpay_claim("00", status) == STATUSES[status]
    assert vnpay_query_claim(status, "01") == STATUSES[status]


def test_only_two_zeros_claim_a_payment_and_unknown_codes_claim_nothing() -> None:
    codes = [*VNPAY_RESPONSE, "98", ""]
    paid = [
        (response, status)
        for response in codes
        for status in [*VNPAY_STATUS, "55", ""]
        if vnpay_claim(response, status) is PaymentClaim.PAID
    ]
    assert paid == [("00", "00")]
    assert vnpay_claim("98", "00") is vnpay_claim("00", "55") is PaymentClaim.PENDING
    assert vnpay_query_claim("55", "01") is PaymentClaim.PENDING
    assert vnpay_query_claim("00", "02") is PaymentClaim.REFUNDED


def test_every_code_of_the_api_is_classified() -> None:
    assert set(VNPAY_API) == {"00", "02", "03", "91", "94", "95", "97", "99"}


@pytest.mark.parametrize(
    ("code", "status", "claim", "known"),
    [
        ("00", "1", "paid", True),
        ("08", "4", "failed", True),
        ("00", "4", "failed", True),
        ("08", "1", "pending", True),
        ("00", "3", "pending", True),
        ("00", "", "pending", True),
        ("11", "", "pending", False),
    ],
)
def test_codes_of_the_platform_are_classified(
    code: str, status: str, claim: str, known: bool
) -> None:
    partner = PAYPLAT.payplat
    assert partner is not None
    fields = {"MaLoi": code, "TrangThaiGD": status, "MaThamChieu": "R1", "SoTien": "1"}
    told = payplat.told_by_query(fields, "R1", partner)
    assert (told.claim, told.known) == (claim, known)


# What follows

ORDER = Order(REFERENCE, CODE, {"amount_vnd": "150000", "currency": "VND"})
DONE = Told(REFERENCE, PaymentClaim.PAID, amount_vnd=150_000, transaction="1")


@pytest.mark.parametrize(
    ("changes", "given_up", "reason"),
    [
        ({"amount_vnd": 15_000}, False, "amount_differs"),
        ({"amount_vnd": None}, False, "amount_differs"),
        ({"currency": "USD"}, False, "currency_differs"),
        ({"claim": PaymentClaim.FAILED}, False, "refused"),
        ({"claim": PaymentClaim.REFUNDED}, False, "refunded"),
        ({"claim": PaymentClaim.PENDING}, True, "expired"),
        ({"known": False}, True, "expired"),
    ],
)
def test_what_is_no_payment_fails_for_its_reason(
    changes: dict[str, Any], given_up: bool, reason: str
) -> None:
    told = Told(**{**{name: getattr(DONE, name) for name in Told.__slots__}, **changes})
    judgement = judge(ORDER, told, given_up=given_up)
    assert judgement is not None
    assert judgement.reason is FailureReason(reason)


def test_money_is_confirmed_only_with_the_right_amount_and_a_transaction() -> None:
    judgement = judge(ORDER, DONE, given_up=True)
    assert judgement is not None
    assert judgement.confirmed
    assert judge(ORDER, Told(REFERENCE, PaymentClaim.PAID, amount_vnd=150_000), given_up=True) is (
        None
    )
    for claim in (PaymentClaim.PENDING, PaymentClaim.PAID):
        assert judge(ORDER, Told(REFERENCE, claim, known=False), given_up=False) is None


# Events to calls


@pytest.mark.parametrize(
    ("event", "path"),
    [
        (fee_due(0), "/dossier/fees"),
        (fee_due(DanhSachLePhi=[]), "/dossier/fees"),
        (refund_of("bad reference"), "/payment_id"),
        (refund_of("R1", 0), "/amount_vnd"),
        (
            event_of("payment.order_requested", PaymentOrderRequested(payment_id="P1")),
            "/amount_vnd",
        ),
    ],
)
def test_what_cannot_be_asked_names_its_field(event: Any, path: str) -> None:
    with pytest.raises(EncodeError) as caught:
        encode(event, VNPAY)
    assert caught.value.path == path


def test_a_kind_that_leads_to_no_call_is_refused() -> None:
    failed = PaymentFailed(payment_id="R1", reason=FailureReason.REFUSED)
    with pytest.raises(EncodeError) as caught:
        encode(event_of("payment.failed", failed), VNPAY)
    assert caught.value.code == "unknown_kind"


def test_the_platform_has_no_refund() -> None:
    with pytest.raises(EncodeError):
        encode(refund_of("R1"), PAYPLAT)


@given(
    names=st.lists(st.text("ăđêợ &;|<>'\"a1-", max_size=30), min_size=1, max_size=4),
    amounts=st.lists(st.integers(1, 10**9), min_size=4, max_size=4),
    payer=st.text(max_size=40),
)
@settings(max_examples=40, deadline=None, database=None)
def test_what_is_owed_survives_until_the_bank_has_answered(
    names: list[str], amounts: list[int], payer: str
) -> None:
    if _has_surrogates(payer):
        return
    fees = tuple(Fee(name=n, amount_vnd=a) for n, a in zip(names, amounts, strict=False))
    data = PaymentOrderRequested(payment_id="P1", fees=fees, payer=Payer(name=payer), code=CODE)
    event = event_of("payment.order_requested", data)
    owed = owed_by(event)
    assert encode(event, VNPAY).body == encode(event, VNPAY).body
    record = {
        "about": "link",
        "profile": "vnpay",
        "reference": REFERENCE,
        "subject": CODE,
        "order": {"amount_vnd": str(owed.amount_vnd), "currency": "VND"},
        "document": json.loads(document_of(owed, "https://gateway.example.vn/x")),
    }
    (requested,) = decode(message(orjson.dumps(record), "call"), VNPAY)
    told: Any = requested.data  # type: ignore[union-attr] # an event
    assert (told.fees, told.payer, told.amount_vnd) == (fees, data.payer, sum(map(_amount, fees)))


def _amount(fee: Fee) -> int:
    return fee.amount_vnd or 0


def test_order_information_has_no_diacritics_and_no_special_characters() -> None:
    assert vnpay.plain_text("Đo đạc & lập bản đồ: số 1/2-A;") == "Do dac lap ban do so 1 2-A"


# Routes


def test_a_dossier_is_asked_to_pay_only_for_fees_with_an_amount() -> None:
    from hub.routes.payment import ROUTES

    (owed,) = (When(route.when) for route in ROUTES if route.name == "payments-request")
    (own,) = (When(route.when) for route in ROUTES if route.name == "payments-to-confirm")

    def holds(event: Any) -> bool:
        told = {"kind": event.kind, "source": event.source, "subject": event.subject, "unit": ""}
        return owed.holds(told.__getitem__, lambda: event.data.model_dump(mode="json"))

    product = event_of("payment.order_requested", PaymentOrderRequested(payment_id="P1"))
    assert holds(fee_due())
    assert holds(product)
    assert not holds(fee_due(0))
    assert not holds(fee_due(DanhSachLePhi=[]))
    for source, ours in (("payment_gateway", True), ("payplat", False)):
        said = {"source": f"/connectors/{source}/H99.01"}
        assert own.holds(said.__getitem__, dict) is ours


# The day's file

FORM = Settlement(file_url="https://gateway.example.vn/{day}.csv")
HEADING = b"reference,transaction,amount\r\n"


def test_rows_are_read_and_others_left_out() -> None:
    form = FORM.model_copy(
        update={
            "columns": Columns(reference="Ma", transaction="GD", amount="Tien", status="TT"),
            "paid_values": ("OK",),
            "per_vnd_count": 100,
            "delimiter": ";",
        }
    )
    body = "\ufeffGD;Ma;Tien;TT;Khác\r\n1;R1;15000000;OK;\r\n\r\n2;R2;100;HUY;x\r\n".encode()
    assert [(row.reference, row.amount_vnd) for row in read_rows(body, form)] == [("R1", 150_000)]


@pytest.mark.parametrize(
    ("body", "path"),
    [
        (b"", "/1"),
        (b"reference,amount\r\nR1,1\r\n", "/1"),
        (b"reference,reference,transaction,amount\r\n", "/1"),
        (HEADING + b"R1,1\r\n", "/2"),
        (HEADING + b"R1,1,1,1\r\n", "/2"),
        (HEADING + b"R1,1,-1\r\n", "/2/amount"),
        (HEADING + b"R1,1,1.5\r\n", "/2/amount"),
        (HEADING + b"R1,1," + b"9" * 19 + b"\r\n", "/2/amount"),
        (HEADING + b"R1," + b"x" * 101 + b",1\r\n", "/2/transaction"),
        (HEADING + b'R1,"1,1\r\n', "/2"),
        (HEADING + b'R1,"' + b"x" * 200_000 + b'",1\r\n', "/2"),
        (HEADING + b"R1,\x00,1\r\n", "/2"),
        (b"\xff\xfe\x00", ""),
        (b",".join(b"c%d" % n for n in range(101)) + b"\r\n", "/1"),
    ],
)
def test_a_hostile_file_is_refused_with_its_row(body: bytes, path: str) -> None:
    with pytest.raises(DecodeError) as caught:
        read_rows(body, FORM)
    assert caught.value.path.startswith(path)


def test_a_reference_that_cannot_be_ours_is_not_repeated() -> None:
    (row,) = read_rows(HEADING + b"=cmd|'x'!A1,1,1\r\n", FORM)
    assert (row.reference, row.transaction, row.amount_vnd) == ("", "1", 1)


def test_rows_are_counted_at_the_edge() -> None:
    form = FORM.model_copy(update={"rows_limit_count": 2})
    rows = [b"R%d,1,1\r\n" % number for number in range(3)]
    assert len(read_rows(HEADING + b"".join(rows[:2]), form)) == 2
    with pytest.raises(DecodeError) as caught:
        read_rows(HEADING + b"".join(rows), form)
    assert caught.value.code == "too_large"


@given(st.binary(max_size=200))
@settings(max_examples=60, deadline=None, database=None)
def test_any_bytes_are_rows_or_a_decode_error(body: bytes) -> None:
    try:
        rows = read_rows(HEADING + body, FORM)
    except DecodeError:
        return
    assert all(re.fullmatch("[A-Za-z0-9]{0,100}", row.reference) for row in rows)


def test_every_way_to_disagree_is_told() -> None:
    def held(reference: str, amount: int, **facts: str) -> Order:
        told = {"amount_vnd": str(amount), "paid": "yes", "transaction": "1", **facts}
        return Order(reference, f"HS-{reference}", told)

    body = (
        HEADING + b"OK,1,100\nAMOUNT,1,5\nTX,2,100\nTWICE,1,100\nTWICE,2,100\nNEW,1,9\nOPEN,1,7\n"
    )
    names = ("OK", "AMOUNT", "TX", "TWICE", "LOST")
    day = Day(
        "gateway",
        "vnpay",
        date(2026, 1, 5),
        read_rows(body, FORM),
        {name: held(name, 100) for name in names},
        {"OPEN": held("OPEN", 7, paid="")},
    )
    told = compare(day, 100)
    assert [(row["kind"], row["payment_id"]) for row in told["differences"]] == [
        ("amount", "AMOUNT"),
        ("transaction", "TX"),
        ("twice_in_file", "TWICE"),
        ("twice_in_file", "TWICE"),
        ("missing_in_hub", "NEW"),
        ("missing_in_hub", "OPEN"),
        ("missing_in_file", "LOST"),
    ]
    assert (told["file_count"], told["file_vnd"], told["hub_vnd"]) == (7, 421, 500)
    assert len(compare(day, 3)["differences"]) == 3
    assert compare(day, 3)["difference_count"] == 7
    (event,) = decode(message(orjson.dumps(told), "settlement"), VNPAY)
    assert event.subject == "reconciliation/gateway/2026-01-05"  # type: ignore[union-attr] # an event


# Settings


@pytest.mark.parametrize(
    "changes",
    [
        {"profile": "payplat"},
        {"return_endpoint": "/payments/callback"},
        {"profile": "momo"},
        {"callback_sources": ["10.0.0.0/8", "gateway.example.vn"]},
        {"callback_sources": ["10.0.0.1/8"]},
        {"settlement": {"file_url": "https://gateway.example.vn/file.csv"}},
    ],
)
def test_settings_that_do_not_fit_together_are_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="validation error"):
        type(VNPAY).model_validate({**VNPAY.model_dump(), **changes})


def test_what_becomes_of_a_refund_says_only_that_the_payment_was_given_back() -> None:
    told = {"00": "refunded", "02": "pending", "05": "refunded", "06": "refunded", "09": "pending"}
    for status, claim in told.items():
        assert {vnpay_query_claim(status, kind) for kind in ("02", "03")} == {claim}
    assert vnpay_query_claim("02", "01") == "failed"
