"""edXML itself: what is written is read again, hostile packages are refused, limits hold."""

from __future__ import annotations

import base64
import io
import re
import tracemalloc
import zipfile
from collections.abc import AsyncIterator
from datetime import date, datetime
from typing import IO, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from starlette.applications import Starlette
from starlette.requests import Request as HttpRequest
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from hub.connectors.document_exchange.client import AxisClient
from hub.connectors.document_exchange.decode import decode, message, order_key
from hub.connectors.document_exchange.encode import encode
from hub.connectors.document_exchange.poll import AxisPoller
from hub.errors import DecodeError, EncodeError
from hub.schemas.document import (
    Business,
    Clerk,
    DocumentFile,
    DocumentLink,
    Handling,
    Hop,
    Organisation,
    ReceiverChange,
    Signer,
)
from hub.simulation import running
from hub.wire.edxml import dates
from hub.wire.edxml.models import URI
from hub.wire.edxml.pieces import Base64Pieces, ContentCutter
from hub.wire.edxml.unpacking import plain_name
from hub.wire.edxml.writing import is_zipped, packed_type
from tests.connectors.document_examples import (
    OURS,
    PDF,
    SHEET,
    document,
    exchange_settings,
    handled,
    issued,
    request,
)
from tests.connectors.ground import MemoryGround

HERE = exchange_settings(units=[OURS, "H99.02"])
FEW = settings(max_examples=40, deadline=None, database=None)


def zipped(name: str, body: bytes, method: int = zipfile.ZIP_DEFLATED) -> bytes:
    """A zip of one entry."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", method) as archive:
        archive.writestr(zipfile.ZipInfo(name, (2026, 1, 5, 9, 30, 0)), body, method)
    return out.getvalue()


def package(*packed: bytes, name: str = "a.pdf", told: Any = None) -> bytes:
    """A package of ours whose attachments are packed as given."""
    files = tuple(DocumentFile(id=str(n + 1), name=name, reference="x") for n in range(len(packed)))
    body = encode(told or issued(letter=document(files=files)), HERE).body
    for number, content in enumerate(packed):
        body = body.replace(b"{hub-content-%d}" % number, base64.b64encode(content))
    return body


def read(body: bytes, **changes: Any) -> Any:
    """The data of the event that a package becomes."""
    here = HERE.model_copy(update=changes)
    event: Any = decode(message(body, "edxml"), here)[0]
    return event.data


def refusal(body: bytes, **changes: Any) -> DecodeError:
    """Why a package is refused."""
    with pytest.raises(DecodeError) as caught:
        read(body, **changes)
    assert order_key(message(body, "edxml"))
    return caught.value


# What is written is read again

TEXT = st.text(
    st.characters(
        codec="utf-8", exclude_categories=["Cc", "Cf", "Cs", "Zs", "Zl", "Zp", "Co", "Cn"]
    ),
    min_size=1,
    max_size=30,
).filter(lambda text: text == text.strip() and "hub-content" not in text)
MAYBE = st.just("") | TEXT
DAY = st.dates(date(1900, 1, 1), date(2100, 1, 1))
MOMENT = st.datetimes(datetime(1900, 1, 2), datetime(2100, 1, 1)).map(
    lambda moment: moment.replace(microsecond=0, tzinfo=dates.VIETNAM)
)
ORGANISATION = st.builds(
    Organisation,
    id=st.from_regex(r"[A-Z][0-9]{2}(\.[0-9]{2}){0,3}", fullmatch=True),
    name=TEXT,
    in_charge=MAYBE,
    address=MAYBE,
    email=MAYBE,
    phone=MAYBE,
    fax=MAYBE,
    website=MAYBE,
)
LINK = st.builds(
    DocumentLink, document_id=TEXT, organ_id=st.just("H99.05"), code=MAYBE, promulgated_on=DAY
)
LETTERS = st.fixed_dictionaries(
    {
        "document_id": TEXT,
        "sender": ORGANISATION,
        "receivers": st.lists(ORGANISATION, min_size=1, max_size=3).map(tuple),
        "number": TEXT,
        "notation": TEXT,
        "place": MAYBE,
        "promulgated_on": DAY,
        "type_code": st.from_regex(r"[1-9][0-9]?", fullmatch=True),
        "type_detail": st.sampled_from(["", "0", "3"]),
        "type_name": TEXT,
        "subject": TEXT,
        "content": MAYBE,
        "signer": st.builds(Signer, name=TEXT, position=MAYBE, competence=MAYBE),
        "due_on": st.none() | DAY,
        "priority": st.integers(0, 4),
        "sphere": MAYBE,
        "typist": MAYBE,
        "copy_count": st.none() | st.integers(0, 999),
        "page_count": st.none() | st.integers(0, 999),
        "appendixes": st.lists(TEXT, max_size=2).map(tuple),
        "responds_to": st.lists(LINK, min_size=1, max_size=2).map(tuple),
        "steering_code": st.sampled_from(["", "1", "2"]),
        "filed_at": st.lists(TEXT, max_size=2).map(tuple),
    }
)
CHANGE = st.builds(ReceiverChange, organ_id=st.just("H99.06"), added=st.booleans())
REPLACED = st.builds(DocumentLink, document_id=TEXT, received_by=st.just(("H99.05", "H99.06")))
BUSINESS: dict[Business, dict[str, Any]] = {
    Business.NEW: {},
    Business.REVOKE: {},
    Business.UPDATE: {
        "target_id": TEXT,
        "metadata_changed": st.booleans(),
        "receivers_changed": st.booleans(),
        "receiver_changes": st.lists(CHANGE, max_size=2).map(tuple),
    },
    Business.REPLACE: {"replaces": st.lists(REPLACED, min_size=1, max_size=2).map(tuple)},
}


@FEW
@given(st.data(), LETTERS, st.sampled_from(list(BUSINESS)))
def test_every_field_that_the_form_can_carry_survives(
    data: st.DataObject, letter: dict[str, Any], business: Business
) -> None:
    said = {
        "business": business,
        "reason": data.draw(TEXT),
        "paper_follows": data.draw(st.booleans()),
        "staff": data.draw(st.none() | st.builds(Clerk, department=TEXT, staff=TEXT, phone=MAYBE)),
        "hops": (Hop(organ_id="H99.01", at=data.draw(MOMENT)),),
        **{name: data.draw(values) for name, values in BUSINESS[business].items()},
    }
    event = issued(letter=document(**letter), **said)
    got = read(package(told=event))
    for name, value in letter.items():
        assert getattr(got.document, name) == value, name
    for name, value in said.items():
        assert getattr(got, name) == value, name
    assert (got.document.unknown, got.document.originals) == ({}, {})


@FEW
@given(LINK, TEXT, MOMENT, st.sampled_from([each for each in Handling if each != "unknown"]))
def test_every_field_of_a_status_survives(
    link: DocumentLink, text: str, at: datetime, status: Handling
) -> None:
    told = handled(status, link, description=text, at=at, staff=Clerk(department=text, staff=text))
    got = read(encode(told, HERE).body)
    sent: Any = told.data
    for name in ("answers", "description", "at", "staff", "status", "reporter"):
        assert getattr(got, name) == getattr(sent, name), name


@FEW
@given(MOMENT)
def test_dates_are_written_exactly_and_read_again(moment: datetime) -> None:
    text = dates.write_moment(moment)
    assert re.fullmatch(r"\d{4}/\d\d/\d\d \d\d:\d\d:\d\d", text)
    assert dates.read_moment(text) == moment
    assert dates.read_day(dates.write_day(moment.date())) == moment.date()
    assert dates.read_moment(f"{moment:%Y-%m-%dT%H:%M:%S}Z") == moment, "offsets are not trusted"


@FEW
@given(st.text(max_size=25))
def test_no_text_breaks_the_reading_of_dates(text: str) -> None:
    for found in (dates.read_day(text), dates.read_moment(text)):
        assert found is None or found.year >= 1900


def test_the_prefix_is_written_literally_and_the_order_is_the_kits() -> None:
    text = package(PDF).decode()
    assert text.startswith('<?xml version="1.0" encoding="UTF-8"?>\n<edXML xmlns="' + URI)
    names = re.findall(r"<(edXML:\w+)", text)
    order = ["From", "To", "DocumentId", "Code", "PromulgationInfo", "DocumentType", "Subject"]
    order += ["SignerInfo", "OtherInfo", "TraceHeaderList", "edXMLBody"]
    places = [names.index(f"edXML:{name}") for name in order]
    assert places == sorted(places)
    assert "<AttachmentEncoded><Attachment><ContentId>cid:1</ContentId>" in text


@pytest.mark.parametrize(
    ("name", "kind", "is_packed"),
    [
        ("a.pdf", "application/pdf", False),
        ("A.PDF", "application/pdf", False),
        ("a.doc", "application/doc", False),
        ("a.docx", "application/docx", False),
        ("a.zip", "application/zip", False),
        ("a.xsl", "application/xsl", False),
        ("a.xlsx", "application/zip", True),
        ("a.png", "application/zip", True),
        ("khong duoi", "application/zip", True),
    ],
)
def test_attachments_are_packed_by_their_ending(name: str, kind: str, is_packed: bool) -> None:
    assert (packed_type(name), is_zipped(name)) == (kind, is_packed)


@pytest.mark.parametrize(
    ("changes", "path"),
    [
        ({"number": ""}, "/document/number"),
        ({"promulgated_on": None}, "/document/promulgated_on"),
        ({"receivers": ()}, "/document/receivers"),
        ({"signer": None}, "/document/signer/name"),
        ({"subject": ""}, "/document/subject"),
        ({"priority": 5}, "/document/priority"),
        ({"sender": Organisation(id="", name="x")}, "/document/sender"),
    ],
)
def test_what_the_form_needs_and_the_event_lacks_is_named(
    changes: dict[str, Any], path: str
) -> None:
    with pytest.raises(EncodeError) as caught:
        encode(issued(letter=document(**changes)), HERE)
    assert caught.value.path == path


def test_a_name_that_the_event_lacks_is_the_partners_or_its_id() -> None:
    named = exchange_settings(partners={"H99.02": {"name": "Sở Thử nghiệm B"}})
    receivers = (Organisation(id="H99.02"), Organisation(id="H99.09"))
    body = encode(issued(letter=document(receivers=receivers)), named).body
    assert [each.name for each in read(body).document.receivers] == ["Sở Thử nghiệm B", "H99.09"]


def test_what_is_revoked_is_said_where_the_form_has_it() -> None:
    got = read(encode(issued(business=Business.REVOKE, target_id="x/y"), HERE).body)
    assert [link.document_id for link in got.document.responds_to] == ["x/y"]
    assert got.document.responds_to[0].organ_id == OURS
    with pytest.raises(EncodeError) as caught:
        encode(issued(business=Business.REVOKE), HERE)
    assert caught.value.path == "/document/responds_to"


# Hostile packages


LAUGHS = '<!DOCTYPE a [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;">]>'
OUTSIDE = '<!DOCTYPE a [<!ENTITY a SYSTEM "file:///etc/hostname">]>'


@pytest.mark.parametrize("prolog", [LAUGHS, OUTSIDE, '<!DOCTYPE a SYSTEM "http://x.invalid/a">'])
def test_entities_are_never_read(prolog: str) -> None:
    text = package(PDF).decode().replace("?>\n", f"?>\n{prolog}").replace("12/", "&a;/")
    assert refusal(text.encode()).code == "doctype"
    wide = text.replace('"UTF-8"', '"utf-16"').encode("utf-16")
    assert refusal(wide).code == "doctype"


def test_an_encoding_that_says_one_thing_and_is_another_is_refused() -> None:
    text = package(PDF).decode()
    for body in (
        text.replace('"UTF-8"', '"UTF-7"').encode(),
        text.encode("utf-16")[:-1],
        text.encode("utf-32"),
        text.replace("Tỉnh", "T\udcc3nh").encode(errors="surrogateescape"),
    ):
        assert refusal(body).code == "undecodable"


def test_deep_nesting_and_many_elements_are_refused() -> None:
    body = package(PDF)
    deep = b"<a>" * 1000 + b"</a>" * 1000
    many = b"<a/>" * 20_000
    assert refusal(body.replace(b"<edXML:Subject>", deep + b"<edXML:Subject>")).code == "too_deep"
    assert refusal(body.replace(b"<edXML:Subject>", many + b"<edXML:Subject>")).code == "too_large"


def test_an_element_that_stands_twice_is_refused() -> None:
    body = package(PDF)
    for name in (b"DocumentId", b"From", b"Subject"):
        again = body.replace(b"<edXML:%b>" % name, b"<edXML:%b/><edXML:%b>" % (name, name), 1)
        assert refusal(again).path.endswith(name.decode())


@pytest.mark.parametrize("where", ["Subject", "Place", "FullName"])
@pytest.mark.parametrize("brace", ["{", "&#123;", "&#x7B;"])
def test_a_forged_mark_is_refused(where: str, brace: str) -> None:
    tag = f"<edXML:{where}>"
    body = package(PDF).replace(tag.encode(), f"{tag}{brace}hub-content-0}}".encode())
    assert refusal(body).code == "undecodable"


def test_a_mark_in_a_text_of_ours_is_not_sent() -> None:
    with pytest.raises(EncodeError):
        encode(issued(letter=document(subject="a {hub-content-0}")), HERE)


def test_contents_in_a_comment_are_no_attachment() -> None:
    comment = f"<!--<edXML:ContentTransferEncoded>{base64.b64encode(PDF).decode()}</x>-->"
    assert refusal(
        package(PDF).replace(b"<AttachmentEncoded>", f"{comment}<AttachmentEncoded>".encode())
    )


def test_a_zip_bomb_is_stopped_while_it_is_unpacked() -> None:
    bomb = zipped("a.xlsx", bytes(3_000_000))
    assert len(bomb) < 5000
    assert refusal(package(bomb, name="a.xlsx"), unpacked_bytes=1_000_000).code == "too_large"
    assert read(package(bomb, name="a.xlsx"), unpacked_bytes=3_000_000).document.files


def test_a_zip_whose_header_lies_about_its_size_is_stopped() -> None:
    bomb = bytearray(zipped("a.xlsx", bytes(3_000_000)))
    for at in (bomb.find(b"PK\x03\x04") + 22, bomb.find(b"PK\x01\x02") + 24):
        bomb[at : at + 4] = (100).to_bytes(4, "little")
    assert refusal(package(bytes(bomb), name="a.xlsx"), unpacked_bytes=1000).code in (
        "attachment_broken",
        "too_large",
    )


def test_a_zip_of_very_many_entries_is_not_opened() -> None:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for number in range(1500):
            archive.writestr(f"{number}.xlsx", b"")
    error = refusal(package(out.getvalue(), name="a.xlsx"))
    assert (error.code, "too long" in str(error)) == ("attachment_broken", True)


@pytest.mark.parametrize(
    "name", ["../a.xlsx", "a/../../b.xlsx", "/etc/a.xlsx", "..\\a.xlsx", "C:\\a.xlsx"]
)
def test_a_zip_that_names_a_place_outside_is_refused(name: str) -> None:
    error = refusal(package(zipped(name, SHEET), name="a.xlsx"))
    assert error.code == "hostile_zip"
    assert name not in str(error)


def test_odd_zips_are_refused() -> None:
    two = io.BytesIO()
    with zipfile.ZipFile(two, "w") as archive:
        archive.writestr("a.xlsx", b"a")
        archive.writestr("b.xlsx", b"b")
    broken = zipped("a.xlsx", SHEET)
    method = zipped("a.xlsx", SHEET * 50, zipfile.ZIP_BZIP2)
    locked = bytearray(broken)
    locked[broken.find(b"PK\x01\x02") + 8] |= 1
    for body in (two.getvalue(), broken[:40], broken[:-4], method, bytes(locked), b"PK\x03\x04"):
        assert refusal(package(body, name="a.xlsx")).code == "attachment_broken"


def test_what_is_zipped_is_decided_by_what_the_package_says() -> None:
    office = zipped("word/document.xml", b"<a/>")
    assert read(package(office, name="a.docx")).document.files[0].size_bytes == len(office)
    assert read(package(office, name="a.zip")).document.files[0].size_bytes == len(office)
    called_pdf = package(zipped("x.pdf", PDF))
    assert read(called_pdf).document.files[0].size_bytes == len(PDF)
    called_zip = package(PDF).replace(
        b"<ContentType>application/pdf", b"<ContentType>application/zip"
    )
    assert read(called_zip).document.files[0].size_bytes == len(PDF)


@pytest.mark.parametrize(
    ("name", "plain"),
    [
        ("../../etc/passwd", "passwd"),
        ("C:\\van ban\\a.pdf", "a.pdf"),
        ("a\x00\r\nb.pdf", "ab.pdf"),
        ("...", "tep-3"),
        ("", "tep-3"),
        ("x" * 300, "x" * 255),
    ],
)
def test_a_file_name_loses_its_folders(name: str, plain: str) -> None:
    assert plain_name(name, 3) == plain


@pytest.mark.parametrize("text", ["QUJD=", "QQ==QUJD", "QUJDR", "QU*D", "=QUJD"])
def test_what_is_no_base64_is_refused(text: str) -> None:
    pieces = Base64Pieces(lambda piece: None, limit_bytes=100)

    def whole() -> None:
        pieces.feed(text.encode())
        pieces.close()

    with pytest.raises(DecodeError):
        whole()


@FEW
@given(st.binary(max_size=300), st.lists(st.integers(1, 40), max_size=20))
def test_torn_base64_is_decoded_as_whole(body: bytes, sizes: list[int]) -> None:
    got = bytearray()
    text = base64.encodebytes(body)
    pieces = Base64Pieces(got.extend, limit_bytes=len(body))
    for size in sizes:
        pieces.feed(text[:size])
        text = text[size:]
    pieces.feed(text)
    pieces.close()
    assert bytes(got) == body


@FEW
@given(st.lists(st.integers(1, 2000), max_size=30))
def test_contents_are_cut_out_wherever_the_package_is_torn(sizes: list[int]) -> None:
    whole, text = package(PDF, SHEET), package(PDF, SHEET)
    got: dict[int, bytes] = {}

    def take(number: int, piece: bytes) -> None:
        got[number] = got.get(number, b"") + piece

    cutter = ContentCutter(take)
    for size in sizes:
        cutter.feed(text[:size])
        text = text[size:]
    cutter.feed(text)
    around = cutter.close()
    assert {n: base64.b64decode(each) for n, each in got.items()} == {0: PDF, 1: SHEET}
    for number, content in got.items():
        around = around.replace(b"{hub-content-%d}" % number, content)
    assert around == whole


@pytest.mark.parametrize("over", [0, 1])
def test_limits_hold_at_the_edge(over: int) -> None:
    body = package(PDF, PDF)
    around = len(body) - 2 * len(base64.b64encode(PDF)) + 2 * len("{hub-content-0}")
    for limits in (
        {"attachments_count": 2 - over},
        {"memory_bytes": len(body) - over},
        {"package_bytes": len(body) - over},
        {"around_bytes": around - over},
        {"unpacked_bytes": len(PDF) - over},
    ):
        if over:
            assert refusal(body, **limits).code == "too_large", limits
        else:
            assert read(body, **limits).document.files


def test_very_many_small_tags_take_no_time() -> None:
    """Quadratic work would take minutes here."""
    for tag in (b"<Attachment>", b"<Content", b"<a ", b"<x:Content a=''>"):
        cutter = ContentCutter(lambda number, piece: None, limit_bytes=3_000_000)
        cutter.feed(tag * (2_000_000 // len(tag)))
        assert cutter.close()


def test_a_document_id_that_cannot_be_a_subject_is_refused() -> None:
    for letter in (document(document_id="x" * 201), document(document_id="a\u2028b")):
        assert refusal(package(told=issued(letter=letter))).path.endswith("/DocumentId")
    assert read(package(told=issued(letter=document(document_id="x" * 200))))


# Large packages: memory stays flat

PIECE = b"%PDF-1.4\n" + bytes(range(256)) * 1024
PIECES, FILES = 12, 4
"""An attachment is 3 MB, a package of four is 17 MB."""


class Store(MemoryGround):
    """A blob store that keeps nothing but sizes."""

    sizes: list[int]

    async def keep(self, body: bytes | IO[bytes], content_type: str, *, owner: str = "") -> str:
        size = len(body) if isinstance(body, bytes) else body.seek(0, 2)
        self.sizes = [*getattr(self, "sizes", []), size]
        return f"sha256={'0' * 64}; size={size}; key=x"

    async def pieces(self, reference: str) -> AsyncIterator[bytes]:
        for _ in range(PIECES):
            yield PIECE


async def test_a_large_package_goes_out_without_standing_in_memory() -> None:
    seen = []

    async def take(asked: HttpRequest) -> Response:
        size = 0
        async for piece in asked.stream():
            size += len(piece)
        seen.append((size, int(asked.headers["content-length"])))
        return JSONResponse({"status": "OK", "ErrorCode": "0", "ErrorDesc": "", "DocId": "d1"})

    async with running(Starlette(routes=[Route("/sendEdoc", take, methods=["POST"])])) as url:
        here = exchange_settings(url)
        client = AxisClient("x", here, Store())
        names = ["a.pdf", "b.pdf", "c.pdf", "d.xlsx"]
        files = tuple(DocumentFile(id=name, name=name, reference="x") for name in names)
        sent = request(issued(letter=document(files=files)), here)
        tracemalloc.start()
        await client.deliver([sent], timeout_seconds=30)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        await client.close()
    ((size, said),) = seen
    assert size == said > 12_000_000
    assert peak < 5_000_000, peak


async def test_a_large_package_comes_in_without_standing_in_memory() -> None:
    base = len(PIECE) // 3 * 3
    block = base64.b64encode(PIECE[:base])
    head, *rest = package(*[b"\x00" * 3] * FILES).split(base64.b64encode(b"\x00" * 3))

    async def stream() -> AsyncIterator[bytes]:
        yield b'{"status":"OK","ErrorCode":"0","ErrorDesc":"","data":"'
        waiting = head
        for after in rest:
            for _ in range(PIECES):
                waiting += block
                whole = len(waiting) // 3 * 3
                yield base64.b64encode(waiting[:whole])
                waiting = waiting[whole:]
            waiting += after
        yield base64.b64encode(waiting) + b'"}'

    async def listed(asked: HttpRequest) -> Response:
        kind = asked.headers["xroadvnpt-messagetype"]
        rows = [{"docId": "d1", "from": "H99.02", "to": OURS}] if kind == "edoc" else []
        return JSONResponse({"status": "OK", "ErrorCode": "0", "ErrorDesc": "", "data": rows})

    async def fetched(_: HttpRequest) -> Response:
        return StreamingResponse(stream())

    routes = [
        Route("/getReceivedEdocList", listed, methods=["POST"]),
        Route("/getEdoc", fetched, methods=["POST"]),
    ]
    async with running(Starlette(routes=routes)) as url:
        ground = Store()
        here = exchange_settings(url, mark_processing=False)
        poller = AxisPoller("x", here, ground)
        tracemalloc.start()
        page = await poller.poll("")
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        await poller.close()
    event: Any = decode(page.messages[0], here)[0]
    assert [file.size_bytes for file in event.data.document.files] == [base * PIECES] * FILES
    assert len(page.messages[0].body) < 20_000
    assert ground.sizes[:FILES] == [base * PIECES] * FILES
    assert sum(ground.sizes[FILES:]) > 16_000_000, "kept as received, in parts"
    assert peak < 9_000_000, peak
