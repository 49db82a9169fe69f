"""What is made of each documented code of an answer, in one table a connector.

The tables are written from the documents. Codes of other systems stand beside their other tests:
e_receipt (`ERR:n`), document_exchange (10 to 23), document_office, petitions, public_post and
payment_gateway each have a table of theirs in `test_<name>*.py`.
"""

from __future__ import annotations

import json
import unicodedata
from typing import Any

import pytest

from hub.connector import discover
from hub.connectors.document_exchange.encode import encode as pack
from hub.connectors.national_portal.calls import Verdict as PortalVerdict
from hub.connectors.national_portal.calls import understand as portal
from hub.connectors.payment_gateway.codes import VNPAY_API, ApiAnswer
from hub.connectors.provincial_portal.replies import Verdict as PlatformVerdict
from hub.connectors.provincial_portal.replies import understand as platform
from hub.errors import HubError, Misconfigured, Unavailable
from hub.event import Event
from hub.http import HttpReply
from tests.connectors.contract import Folder
from tests.connectors.document_examples import exchange_settings
from tests.connectors.platform_examples import platform_settings
from tests.connectors.portal_examples import portal_settings

DONE, THERE = "Đồng bộ thành công", "Hồ sơ đã tồn tại trên hệ thống"
SYNCHRONISED = [
    ("0", DONE, "SUCCESS"),
    (0, DONE, "SUCCESS"),
    ("00", DONE, "SUCCESS"),
    ("0", THERE, "EXISTS"),
    ("3", THERE, "EXISTS"),
    ("-3", THERE, "EXISTS"),
    ("3", "Lỗi dữ liệu", "REFUSED"),
    ("-3", "Lỗi dữ liệu", "REFUSED"),
    ("0", "Lỗi dữ liệu", "REFUSED"),
    ("-1", DONE, "REFUSED"),
    ("99", THERE, "REFUSED"),
]
"""`error_code` and `message` of both portals; HTTP 200 says nothing."""


def answer(fields: dict[str, Any], status: int = 200) -> HttpReply:
    """A reply with this body."""
    return HttpReply(status, {}, json.dumps(fields).encode())


@pytest.mark.parametrize(("code", "message", "verdict"), SYNCHRONISED)
def test_each_answer_of_the_national_portal(code: str | int, message: str, verdict: str) -> None:
    settings = portal_settings("http://portal.example")
    reply = answer({"error_code": code, "message": message})
    assert portal(reply, "DongBoHoSoMC", settings).verdict is PortalVerdict[verdict]
    assert portal(reply, "CapNhatTienDoHoSoMC", settings).verdict is PortalVerdict[verdict]


@pytest.mark.parametrize(
    ("message", "verdict"),
    [
        ("Đồng bộ hồ sơ không thành công", "REFUSED"),
        ("KHÔNG THÀNH CÔNG: thiếu MaTTHC", "REFUSED"),
        ("Cập nhật chưa  thành công", "REFUSED"),
        ("Hồ sơ đã tồn tại, thêm mới không thành công", "EXISTS"),
        ("Không có lỗi. Đồng bộ thành công", "SUCCESS"),
    ],
)
def test_code_0_of_the_national_portal_that_denies_success_is_none(
    message: str, verdict: str
) -> None:
    for text in (message, unicodedata.normalize("NFD", message)):
        reply = answer({"error_code": "0", "message": text})
        found = portal(reply, "DongBoHoSoMC", portal_settings("http://portal.example"))
        assert found.verdict is PortalVerdict[verdict]


@pytest.mark.parametrize("message", ["Invalid session", "Phiên làm việc đã hết hạn"])
def test_any_error_about_the_session_means_to_log_in_again(message: str) -> None:
    reply = answer({"error_code": "-2", "message": message})
    settings = portal_settings("http://portal.example")
    assert portal(reply, "DongBoHoSoMC", settings).verdict is PortalVerdict.SESSION


@pytest.mark.parametrize(("code", "message", "verdict"), SYNCHRONISED)
def test_each_answer_of_a_provincial_platform(code: str | int, message: str, verdict: str) -> None:
    reply = answer({"error_code": code, "message": message})
    assert platform(reply, platform_settings()).verdict is PlatformVerdict[verdict]


THROTTLED = range(900800, 900807)


@pytest.mark.parametrize("status", [200, 401, 429])
@pytest.mark.parametrize("code", [900901, 900902, 900903, 900904])
def test_a_fault_about_the_token_asks_for_a_new_one(code: int, status: int) -> None:
    reply = answer({"fault": {"code": code, "message": "Invalid Credentials"}}, status)
    assert platform(reply, platform_settings()).verdict is PlatformVerdict.TOKEN


@pytest.mark.parametrize(
    ("code", "status", "error"),
    [
        (900900, 401, Misconfigured),
        (900900, 500, Misconfigured),
        (900908, 401, Misconfigured),
        (900908, 403, Misconfigured),
        (900908, 200, Misconfigured),
        *((code, 429, Unavailable) for code in THROTTLED),
        *((code, 200, Unavailable) for code in THROTTLED),
    ],
)
def test_each_other_fault_of_the_gateway(code: int, status: int, error: type[HubError]) -> None:
    reply = answer({"fault": {"code": code, "message": "x"}}, status)
    with pytest.raises(error) as caught:
        platform(reply, platform_settings())
    assert type(caught.value) is error


def test_a_fault_that_nobody_knows_is_about_the_token_where_http_says_so() -> None:
    fault = {"fault": {"code": 900999, "message": "x"}}
    assert platform(answer(fault, 401), platform_settings()).verdict is PlatformVerdict.TOKEN
    with pytest.raises(Unavailable):
        platform(answer(fault, 500), platform_settings())


@pytest.mark.parametrize("body", [b"", b"{}", b"<html></html>", b'{"error_code": "0"}'])
def test_http_401_is_about_the_token_whatever_is_said(body: bytes) -> None:
    told = platform(HttpReply(401, {}, body), platform_settings())
    assert told.verdict is PlatformVerdict.TOKEN


@pytest.mark.parametrize(("status", "retry"), [(429, "7"), (500, None), (503, "7")])
def test_a_status_of_later_is_later_whatever_is_said(status: int, retry: str | None) -> None:
    heads = {"Retry-After": retry} if retry else {}
    for body in (b"", b'{"error_code": "0"}', b'{"fault": {"code": 900800}}'):
        with pytest.raises(Unavailable) as caught:
            platform(HttpReply(status, heads, body), platform_settings())
        assert type(caught.value) is Unavailable
        assert caught.value.retry_after_seconds == (7 if retry else None)


@pytest.mark.parametrize(
    ("message", "verdict"),
    [
        ("Hồ sơ không tồn tại", "ABSENT"),
        ("KHÔNG TÌM THẤY hồ sơ", "ABSENT"),
        ("Hồ sơ chưa tồn tại", "ABSENT"),
        ("Lỗi dữ liệu", "REFUSED"),
    ],
)
def test_what_a_platform_does_not_know_is_told_by_its_words(message: str, verdict: str) -> None:
    reply = answer({"error_code": "4", "message": message})
    assert platform(reply, platform_settings()).verdict is PlatformVerdict[verdict]


def test_each_answer_of_vnpay_s_interface() -> None:
    assert {code: meaning.name for code, meaning in VNPAY_API.items()} == {
        "00": "ANSWERED",
        "02": "MISCONFIGURED",
        "03": "REFUSED",
        "91": "NOT_FOUND",
        "94": "LATER",
        "95": "REFUSED",
        "97": "MISCONFIGURED",
        "99": "LATER",
    }
    assert set(ApiAnswer) == set(VNPAY_API.values())


def test_whatever_a_product_does_with_a_document_the_axis_is_told() -> None:
    """New, revoked, updated, replaced: the product names the document by its id alone."""
    samples = Folder.of(discover()["one_stop"])
    told = {}
    for name in ("new", "revokes_with_the_whole_document", "updates", "replaces"):
        body = (samples.path / f"samples/in/office/issue_{name}.json").read_bytes()
        (event,) = samples.decode(body, "office")
        assert isinstance(event, Event)
        told[name] = event
    texts = {name: pack(event, exchange_settings()).body.decode() for name, event in told.items()}
    target = "<edXML:DocumentId>H99.01,2026/01/05,14/UBND-VP</edXML:DocumentId>"
    assert target not in texts["new"]
    assert "Type>0</edXML:BussinessDocType>" in texts["new"]
    revoked = texts["revokes_with_the_whole_document"]
    assert (
        target in revoked.partition("<edXML:ResponseFor>")[2].partition("</edXML:ResponseFor>")[0]
    )
    assert f"<edXML:Bussiness>{target}<edXML:BussinessDocType>2" in texts["updates"]
    assert "<edXML:DocumentInfo>1</edXML:DocumentInfo>" in texts["updates"]
    assert f"<edXML:ReplacementInfo>{target}</edXML:ReplacementInfo>" in texts["replaces"]
