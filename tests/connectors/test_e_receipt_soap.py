"""Documents, envelopes and texts of the receipt system, hostile ones among them."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from xml.sax.saxutils import escape

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs
from pydantic import ValidationError

from hub.connector import Request
from hub.connectors.e_receipt import answers, calls, soap
from hub.connectors.e_receipt.answers import Found
from hub.connectors.e_receipt.encode import encode, replacement_key
from hub.connectors.e_receipt.settings import LookUp, Meaning
from hub.connectors.e_receipt.words import LARGEST, amount_in_words
from hub.errors import DecodeError, EncodeError
from hub.event import Event
from hub.wire.xml import XmlLimits, parse
from tests.connectors.receipt_examples import event, paid, replaced, settings, void

NAMES = LookUp.model_validate({})
LIMITS = XmlLimits(size_bytes=3000)
OPEN = "<s:Envelope xmlns:s='http://schemas.xmlsoap.org/soap/envelope/'><s:Body>"
CLOSE = "</s:Body></s:Envelope>"
TEXT = st.text(st.characters(exclude_categories=["Cs", "Cc"], exclude_characters="\ufffe\uffff"))


def answer(text: str, operation: str = "x") -> bytes:
    """An envelope around an answer."""
    return f"{OPEN}<{operation}Response>{text}</{operation}Response>{CLOSE}".encode()


# Amounts in words


@pytest.mark.parametrize(
    ("amount", "words"),
    [
        (0, "Không đồng"),
        (5, "Năm đồng"),
        (10, "Mười đồng"),
        (15, "Mười lăm đồng"),
        (21, "Hai mươi mốt đồng"),
        (24, "Hai mươi bốn đồng"),
        (55, "Năm mươi lăm đồng"),
        (101, "Một trăm linh một đồng"),
        (111, "Một trăm mười một đồng"),
        (1005, "Một nghìn không trăm linh năm đồng"),
        (35_000, "Ba mươi lăm nghìn đồng"),
        (150_000, "Một trăm năm mươi nghìn đồng"),
        (1_000_005, "Một triệu không trăm linh năm đồng"),
        (1_205_000, "Một triệu hai trăm linh năm nghìn đồng"),
        (1_000_000_000, "Một tỷ đồng"),
        (2_015_000_000, "Hai tỷ không trăm mười lăm triệu đồng"),
        (1_000_000_000_000, "Một nghìn tỷ đồng"),
    ],
)
def test_amounts_are_said_as_receipts_print_them(amount: int, words: str) -> None:
    assert amount_in_words(amount) == words


@given(st.integers(0, LARGEST), st.integers(0, LARGEST))
def test_two_amounts_are_never_said_alike(one: int, other: int) -> None:
    assert (amount_in_words(one) == amount_in_words(other)) == (one == other)
    assert "  " not in amount_in_words(one)


@pytest.mark.parametrize("amount", [-1, LARGEST + 1])
def test_an_amount_beyond_all_words_is_refused(amount: int) -> None:
    with pytest.raises(ValueError, match="cannot be said"):
        amount_in_words(amount)


# Envelopes


@given(TEXT, TEXT)
def test_a_text_in_an_envelope_comes_out_as_it_went_in(one: str, other: str) -> None:
    body = soap.envelope("doIt", [("first", one), ("second", other)], "http://tempuri.org/")
    (call,) = parse(body)[0]
    assert [each.text or "" for each in call] == [one, other]
    assert [each.tag for each in call] == [
        "{http://tempuri.org/}first",
        "{http://tempuri.org/}second",
    ]


@given(TEXT, st.sampled_from(["s", "soap12", "SOAP-ENV"]))
def test_an_answer_is_read_whatever_its_prefixes(text: str, prefix: str) -> None:
    body = answer(f"<xResult>{escape(text)}</xResult>").decode()
    named = body.replace("s:", f"{prefix}:", 1).replace(":s=", f":{prefix}=", 1)
    for tag in ("<s:Body", "</s:Body", "</s:Envelope"):
        named = named.replace(tag, tag.replace("s:", f"{prefix}:"), 1)
    assert soap.result_of(named.encode(), "x", limits=XmlLimits()).text == text


@pytest.mark.parametrize(
    ("fault", "code"),
    [
        ("<faultcode>soap:Server</faultcode><faultstring>Nguyễn</faultstring>", "Server"),
        ("<faultcode>Client</faultcode>", "Client"),
        ("<Code><Value>env:Sender</Value></Code>", "Sender"),
        ("<faultcode>có dấu cách</faultcode>", "Fault"),
        ("", "Fault"),
    ],
)
def test_a_fault_tells_its_code_and_nothing_else(fault: str, code: str) -> None:
    body = f"{OPEN}<s:Fault>{fault}</s:Fault>{CLOSE}".encode()
    assert soap.result_of(body, "x", limits=LIMITS) == soap.Result("", code)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"OK:1;2-3_4",
        b"<html><body>502</body></html>",
        f"{OPEN}{CLOSE}".encode(),
        answer("<yResult>OK</yResult>"),
        answer("<xResult>OK</xResult><xResult>ERR:1</xResult>"),
        answer("<xResult><b>OK</b></xResult>"),
        answer("<xResult>OK</xResult>", operation="y"),
        b"<!DOCTYPE a [<!ENTITY b SYSTEM 'file:///etc/passwd'>]>"
        + answer("<xResult>&b;</xResult>"),
        b'<!DOCTYPE a [<!ENTITY b "bb"><!ENTITY c "&b;&b;&b;&b;">]>'
        + answer("<xResult>&c;</xResult>"),
        answer("<xResult>" + "<d>" * 40),
        answer("<xResult>" + "x" * 3000 + "</xResult>"),
    ],
)
def test_a_hostile_or_foreign_answer_is_refused(body: bytes) -> None:
    with pytest.raises(DecodeError):
        soap.result_of(body, "x", limits=LIMITS)


# What texts say


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("OK:01BLP0-001;AA-26E-P1_0000001", Found("01BLP0-001", "AA-26E", "0000001")),
        ("OK: 01BLP0-001;AA-26E-P1_1;", Found("01BLP0-001", "AA-26E", "1")),
        ("OK:1;A-P1-P1_2", Found("1", "A-P1", "2")),
        ("OK:01BLP0-001;AA-26E-P2_0000001", None),
        ("OK:01BLP0-001;AA-26E-P1_", None),
        ("OK:;AA-26E-P1_1", None),
        ("OK:", None),
    ],
)
def test_an_ok_tells_the_number_of_our_key(text: str, found: Found | None) -> None:
    assert answers.is_ok(text)
    assert answers.numbered(text, "P1") == found


@pytest.mark.parametrize(
    ("text", "code", "good"),
    [
        ("ERR:13", "13", False),
        (" ERR : 6 hết số", "6", False),
        ("ERR:-1", "-1", False),
        ("ERR:x", "", False),
        ("OK", "", True),
        ("OKAY:1", "", False),
        ("", "", False),
    ],
)
def test_errors_and_successes_are_told_apart(text: str, code: str, good: bool) -> None:
    assert (answers.error_code(text), answers.is_ok(text)) == (code, good)


@pytest.mark.parametrize(
    ("text", "amount"),
    [
        ("35000", 35000),
        ("35.000", 35000),
        ("1,205,000", 1205000),
        ("35000.00", 35000),
        ("35000,5", None),
        ("", None),
        ("ba", None),
        ("9" * 16, None),
    ],
)
def test_an_amount_is_read_in_the_forms_that_systems_use(text: str, amount: int | None) -> None:
    assert answers.amount_of(text) == amount


def shown(text: str) -> tuple[Found, ...]:
    """What a look-up shows of P1."""
    return answers.found_in(text, "P1", NAMES, limits=LIMITS)


def test_a_look_up_shows_the_receipt_of_its_key_only() -> None:
    item = "<Item><fkey>{}</fkey><pattern>a</pattern><invNum>{}</invNum></Item>"
    both = f"<Data>{item.format('P2', 1)}{item.format('P1', 2)}</Data>"
    assert shown(both) == (Found("a", "", "2"),)
    assert shown("<Data><Item><invNum>7</invNum></Item></Data>") == (Found("", "", "7"),)
    assert shown(f"<Data>{item.format('P2', 1)}</Data>") == ()
    assert shown('<?xml version="1.0" encoding="utf-16"?><Data/>') == ()


@pytest.mark.parametrize(
    "text",
    [
        "<Data><Item><invNum>0</invNum></Item></Data>",
        "<Data><Item/></Data>",
        "<Data>",
        "không có",
        "<!DOCTYPE a [<!ENTITY b 'c'>]><Data>&b;</Data>",
    ],
)
def test_a_look_up_without_number_or_form_is_refused(text: str) -> None:
    with pytest.raises(DecodeError):
        shown(text)


# Documents


@pytest.mark.parametrize(
    ("event", "path"),
    [
        (paid(unit="H00"), "/data/unit"),
        (void(unit="H00"), "/data/unit"),
        (paid(payment_id=""), "/data/payment_id"),
        (paid(payment_id="P 1"), "/data/payment_id"),
        (void(fkey="<key>"), "/data/fkey"),
        (void(fkey="k" * 61), "/data/fkey"),
        (paid(amount_vnd=None), "/data/amount_vnd"),
        (paid(amount_vnd=0), "/data/amount_vnd"),
        (paid(amount_vnd=LARGEST + 1), "/data/amount_vnd"),
        (paid(currency="USD"), "/data/currency"),
        (paid(amount_vnd=35001), "/data/fees"),
        (paid(fees=[{"name": "a"}, {"name": "b", "amount_vnd": 35000}]), "/data/fees"),
        (replaced(amount_vnd=None), "/data/amount_vnd"),
    ],
)
def test_what_gives_no_lawful_receipt_is_not_sent(event: Event, path: str) -> None:
    with pytest.raises(EncodeError) as caught:
        encode(event, settings())
    assert caught.value.path == path


def test_only_payments_give_receipts() -> None:
    with pytest.raises(EncodeError):
        encode(event("payment.failed", reason="refused"), settings())


@given(st.text(max_size=600), st.text(max_size=80), st.integers(1, LARGEST))
def test_a_document_carries_every_text_and_amount(name: str, fee: str, amount: int) -> None:
    said = paid(
        amount_vnd=amount,
        payer={"name": name.encode(errors="replace").decode()},
        fees=[{"name": fee.encode(errors="replace").decode(), "amount_vnd": amount}],
    )
    root = parse(encode(said, settings()).body)
    assert root.findtext(".//Amount") == str(amount)
    assert root.findtext(".//AmountInWords") == amount_in_words(amount)
    assert "&" not in "".join(root.itertext())
    printable = "".join(sign for sign in name.replace("&", "và") if sign.isalnum())
    kept = "".join(sign for sign in root.findtext(".//CusName") if sign.isalnum())
    assert kept == printable or not printable


def test_a_fee_text_is_cut_only_beyond_its_limit() -> None:
    for length, kept in ((500, 500), (501, 451)):
        body = encode(paid(fees=[{"name": "x" * length, "amount_vnd": 35000}]), settings()).body
        assert len(parse(body).findtext(".//ProdName")) == kept


def test_a_receipt_and_its_cancellation_name_the_same_key() -> None:
    own = settings(fkey_prefix="H99-")
    keys = {encode(each, own).headers["fkey"] for each in (paid(), void())}
    assert keys == {"H99-P1"}
    assert encode(replaced(), own).headers["replaced_fkey"] == "H99-P1"
    assert encode(void(fkey="P7"), own).headers["fkey"] == "P7"


@pytest.mark.parametrize(("says", "day"), [("paid", "31/12/2025"), ("confirmed", "01/01/2026")])
def test_a_receipt_is_of_the_day_that_the_deployment_says(says: str, day: str) -> None:
    """The time of the event is no help: it is the payment's."""
    new_year = {"paid_at": "2025-12-31T23:50:00+07:00", "confirmed_at": "2026-01-01T00:05:00+07:00"}
    event = structs.replace(paid(**new_year), time=datetime(2025, 12, 31, 16, 50, tzinfo=UTC))
    message = encode(event, settings(receipt_date=says))
    assert parse(message.body).findtext(".//ArisingDate") == day
    assert message.headers["issued_on"] == "-".join(reversed(day.split("/")))


@pytest.mark.parametrize(
    ("kind", "number", "told"),
    [
        ("business", "0109999999", "0109999999"),
        ("business", "0109999999-001", "0109999999-001"),
        ("business", "001099999999", None),
        ("citizen", "0109999999", None),
        ("", "0109999999", None),
    ],
)
def test_only_the_number_of_a_business_is_a_tax_code(
    kind: str, number: str, told: str | None
) -> None:
    payer = {"name": "Nguyễn Văn Mẫu", "id_number": number, **({"kind": kind} if kind else {})}
    body = encode(paid(payer=payer), settings()).body
    assert parse(body).findtext(".//CusTaxCode") == told


def test_calls_are_those_of_the_documents() -> None:
    """Names, order and fixed values; the simulator knows names and order only."""
    own = settings()
    request = Request(encode(paid(), own), "key", paid())
    call = calls.issuing(request, own.collectors["H99.01"], own)
    assert [(name, text) for name, text in call.parameters if name != "xmlInvData"] == [
        ("Account", "can-bo-thu"),
        ("ACpass", "mat-khau-can-bo"),
        ("username", "dich-vu-thu"),
        ("password", "mat-khau-dich-vu"),
        ("pattern", "01BLP0-001"),
        ("serial", "AA-26E"),
        ("convert", "0"),
    ]


def test_a_replacement_of_a_replacement_counts_on() -> None:
    keys = ["P1"]
    for _ in range(3):
        keys.append(replacement_key(keys[-1]))
    assert keys == ["P1", "P1-R1", "P1-R2", "P1-R3"]


@pytest.mark.parametrize(
    "changes",
    [
        {"base_url": "ftp://a"},
        {"base_url": "http://u:p@a"},
        {"collectors": {}},
        {"fkey_prefix": "a b"},
        {"issue_codes": {"6": "no_numbers"}},
        {"publish_path": "no-slash"},
    ],
)
def test_settings_that_cannot_be_are_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        settings(**changes)


def test_every_documented_code_has_a_meaning() -> None:
    block = settings()
    documented = {"1", "2", "3", "5", "6", "7", "8", "9", "10", "13", "20"}
    assert documented <= set(block.issue_codes)
    assert documented - {"13"} <= set(block.cancel_codes)
    assert block.look_up.codes["11"] is Meaning.NOT_PAID
