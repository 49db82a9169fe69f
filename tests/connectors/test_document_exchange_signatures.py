"""Signatures of packages and of PDFs: made, checked, and not fooled."""

from __future__ import annotations

import asyncio
import base64
import io
from datetime import UTC, datetime
from functools import cache
from typing import Any

import pytest
from cryptography import x509
from lxml import etree
from pyhanko.keys.pemder import load_certs_from_pemder_data, load_private_key_from_pemder_data
from pyhanko.pdf_utils import generic, writer
from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter
from pyhanko.sign import PdfSignatureMetadata, signers
from pyhanko_certvalidator import registry
from signxml.algorithms import CanonicalizationMethod, SignatureMethod
from signxml.signer import XMLSigner
from signxml.verifier import XMLVerifier

from hub.connectors.document_exchange.decode import decode
from hub.connectors.document_exchange.encode import encode
from hub.connectors.document_exchange.poll import AxisPoller
from hub.connectors.document_exchange.settings import SignaturePolicy
from hub.errors import DecodeError, Misconfigured
from hub.message import Message
from hub.schemas.document import DocumentFile, Finding, SignatureVerdict
from hub.wire.edxml.models import URI, XMLDSIG
from hub.wire.edxml.pdf_signatures import check_pdf
from hub.wire.edxml.signatures import Trust, line_ends, sign
from hub.wire.xml import parse
from tests.connectors.document_examples import (
    OURS,
    PDF,
    SHEET,
    THEIRS,
    Identity,
    axis,
    document,
    exchange_settings,
    identity,
    issued,
    kept,
)

PDF_PARTS: Any = generic
PDF_WRITING: Any = writer
REGISTRY: Any = registry
"""Typed in part only."""

SENDER = identity("Sở Thử nghiệm A")
STRANGER = identity("Kẻ lạ")
NOW = datetime(2026, 6, 1, tzinfo=UTC)
DS = f"{{{XMLDSIG}}}"


def unsigned(*contents: bytes) -> bytes:
    """A package of ours, its contents as marks."""
    files = tuple(
        DocumentFile(id=str(n + 1), name=f"{n}.pdf", reference="x") for n, _ in enumerate(contents)
    )
    return encode(issued(letter=document(files=files)), exchange_settings()).body


def filled(body: bytes, *contents: bytes) -> bytes:
    """A package with its contents in place."""
    for number, content in enumerate(contents):
        body = body.replace(b"{hub-content-%d}" % number, base64.b64encode(content))
    return body


def signed(*contents: bytes, by: Identity = SENDER) -> bytes:
    """A package that is signed, its contents in place."""
    texts = [base64.b64encode(content) for content in contents]
    root = parse(unsigned(*contents))
    return filled(sign(root, lambda n: [texts[n]], by.key, by.certificate), *contents)


def verdict(body: bytes, **changes: Any) -> SignatureVerdict:
    """What the hub says about a package's signature."""
    here = exchange_settings(
        partners={OURS: {"certificates": [SENDER.pem]}},
        units=[OURS, THEIRS],
        **changes,
    )
    received = Message("document_exchange", "", body, headers={"form": "edxml"}, received_at=NOW)
    event: Any = decode(received, here)[0]
    found: SignatureVerdict = event.data.signatures[0]
    return found


def test_a_signature_of_ours_is_valid_to_us_and_to_any_validator() -> None:
    body = signed(PDF, SHEET)
    found = verdict(body)
    assert (found.finding, found.of) == (Finding.VALID, "package")
    assert "Sở Thử nghiệm A" in found.signer
    result: Any = XMLVerifier().verify(body, x509_cert=SENDER.certificate)
    assert base64.b64encode(SHEET) in result.signed_data
    assert b"<edXML:edXMLHeader>" in body, "the prefix is still written literally"
    assert b"<ds:SignatureValue" in body


def test_a_signature_of_another_tool_over_broken_lines_is_valid() -> None:
    text = base64.encodebytes(PDF * 20)
    body = unsigned(PDF).replace(b"{hub-content-0}", text)
    root = etree.fromstring(body)
    header = root.find(f".//{{{URI}}}edXMLHeader")
    etree.SubElement(header, f"{DS}Signature", Id="placeholder")
    made = XMLSigner(signature_algorithm=SignatureMethod.ECDSA_SHA256).sign(
        root, key=SENDER.key, cert=[SENDER.certificate]
    )
    body = etree.tostring(made)
    assert verdict(body).finding is Finding.VALID
    assert verdict(body.replace(b"\n", b"\r\n")).finding is Finding.VALID, "a parser sees the same"


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b"STN-VP</edXML:CodeNotation>", b"STN-XX</edXML:CodeNotation>"),
        (base64.b64encode(PDF)[:20], base64.b64encode(b"%PDF-1.7\n% khac")[:20]),
        (b"<ContentType>application/pdf", b"<ContentType>application/PDF"),
        (b'<edXML:edXMLManifest version="1.0">', b'<edXML:edXMLManifest version="1.1">'),
    ],
)
def test_any_change_breaks_it(old: bytes, new: bytes) -> None:
    body = signed(PDF)
    assert old in body
    assert verdict(body.replace(old, new)).finding is Finding.INVALID


def test_a_signer_that_is_not_the_senders_is_not_trusted() -> None:
    found = verdict(signed(PDF, by=STRANGER))
    assert (found.finding, found.reason) == (Finding.UNTRUSTED, "unknown_signer")


def test_a_certificate_out_of_date_does_not_count() -> None:
    old = identity("Sở cũ", until=datetime(2026, 2, 1, tzinfo=UTC))
    assert verdict(signed(PDF, by=old)).finding is Finding.INVALID


def _root(body: bytes) -> Any:
    return etree.fromstring(body)


def _signature(root: Any) -> Any:
    return root.find(f".//{DS}Signature")


def test_a_signature_elsewhere_or_twice_is_refused() -> None:
    body = signed(PDF)
    moved = _root(body)
    moved.append(_signature(moved))
    twice = _root(body)
    twice.find(f".//{{{URI}}}edXMLHeader").append(_signature(_root(body)))
    assert verdict(etree.tostring(moved)).reason == "misplaced"
    assert verdict(etree.tostring(twice)).reason == "several_signatures"


def test_a_signed_document_wrapped_into_another_is_not_valid() -> None:
    """The old trick: the signed element is kept somewhere, and another one is read."""
    inner = _root(signed())
    forged = _root(unsigned().replace(b">12<", b">99<"))
    header = forged.find(f".//{{{URI}}}edXMLHeader")
    signature = _signature(inner)
    signature.getparent().remove(signature)
    inner.set("Id", "signed")
    signature.find(f"{DS}SignedInfo/{DS}Reference").set("URI", "#signed")
    holder = etree.SubElement(signature, f"{DS}Object")
    holder.append(inner)
    header.append(signature)
    found = verdict(etree.tostring(forged))
    assert (found.finding, found.reason) == (Finding.INVALID, "not_the_document")


@pytest.mark.parametrize(
    "transform",
    [
        "http://www.w3.org/TR/1999/REC-xpath-19991116",
        "http://www.w3.org/TR/1999/REC-xslt-19991116",
        f"{XMLDSIG}base64",
    ],
)
def test_transforms_that_choose_what_is_signed_are_refused(transform: str) -> None:
    root = _root(signed(PDF))
    transforms = _signature(root).find(f".//{DS}Transforms")
    etree.SubElement(transforms, f"{DS}Transform", Algorithm=transform)
    assert verdict(etree.tostring(root)).reason == "other_transforms"


def test_algorithms_are_pinned() -> None:
    key = identity("Sở Thử nghiệm A").key
    body = signed(PDF).replace(b"ecdsa-sha256", b"hmac-sha256")
    assert verdict(body).finding is Finding.INVALID
    root = _root(filled(unsigned(PDF), PDF))
    header = root.find(f".//{{{URI}}}edXMLHeader")
    etree.SubElement(header, f"{DS}Signature", Id="placeholder")

    class Old(XMLSigner):
        def check_deprecated_methods(self) -> None:
            """Let SHA-1 pass, as the reference kit does."""

    old = Old(
        signature_algorithm=SignatureMethod.ECDSA_SHA1,
        digest_algorithm="sha1",
        c14n_algorithm=CanonicalizationMethod.CANONICAL_XML_1_0,
    ).sign(root, key=key, cert=[SENDER.certificate])
    assert verdict(etree.tostring(old)).finding is Finding.INVALID


def test_a_signature_that_no_validator_sees_is_never_valid() -> None:
    dummy = b"<Signature><SignedInfo/><SignatureValue>AAAA</SignatureValue></Signature>"
    body = filled(unsigned(PDF), PDF)
    body = body.replace(b"</edXML:edXMLHeader>", dummy + b"</edXML:edXMLHeader>")
    found = verdict(body)
    assert (found.finding, found.reason) == (Finding.UNREADABLE, "no_namespace")
    own = signed(PDF).replace(f' xmlns:ds="{XMLDSIG}"'.encode(), b"").replace(b"ds:", b"")
    assert verdict(own).finding is Finding.UNREADABLE


@pytest.mark.parametrize("value", ["", "AAAA", "không", "=" * 9])
def test_a_senseless_certificate_is_unreadable(value: str) -> None:
    root = _root(signed(PDF))
    _signature(root).find(f".//{DS}X509Certificate").text = value
    assert verdict(etree.tostring(root)).finding in (Finding.UNREADABLE, Finding.INVALID)


def test_line_ends_are_those_of_a_parser_however_torn() -> None:
    text = b"a\r\nb\rc\nd\r\r\n"
    for size in range(1, len(text) + 1):
        torn = [text[at : at + size] for at in range(0, len(text), size)]
        assert b"".join(line_ends(torn)) == b"a\nb\nc\nd\n\n"


@pytest.mark.parametrize(
    ("policy", "package", "let_in"),
    [
        ("off", filled(unsigned(PDF), PDF), True),
        ("warn", filled(unsigned(PDF), PDF), True),
        ("enforce", filled(unsigned(PDF), PDF), False),
        ("warn", signed(PDF), True),
        ("enforce", signed(PDF), True),
        ("enforce", signed(PDF, by=STRANGER), False),
        ("warn", signed(PDF).replace(b"STN-VP<", b"STN-XX<"), True),
        ("enforce", signed(PDF).replace(b"STN-VP<", b"STN-XX<"), False),
    ],
)
def test_the_policy_decides(policy: str, package: bytes, let_in: bool) -> None:
    if let_in:
        found = verdict(package, signature_policy=policy)
        assert (found.finding is Finding.UNCHECKED) == (policy == SignaturePolicy.OFF)
        return
    with pytest.raises(DecodeError) as caught:
        verdict(package, signature_policy=policy)
    assert caught.value.code == "signature_refused"


# Signed PDFs


@cache
def blank() -> bytes:
    """A PDF of one empty page."""
    out, pdf = io.BytesIO(), PDF_WRITING.PdfFileWriter()
    box = PDF_PARTS.ArrayObject([PDF_PARTS.NumberObject(n) for n in (0, 0, 100, 100)])
    stream = pdf.add_object(PDF_PARTS.StreamObject(stream_data=b""))
    pdf.insert_page(PDF_WRITING.PageObject(contents=stream, media_box=box))
    pdf.write(out)
    return out.getvalue()


@cache
def signed_pdf(by: Identity, field: str = "ChuKy", pdf: bytes = b"") -> bytes:
    """A PDF that this holder has signed."""
    (certificate,) = load_certs_from_pemder_data(by.pem.encode())
    signer = signers.SimpleSigner(
        signing_cert=certificate,
        signing_key=load_private_key_from_pemder_data(by.key_pem.encode(), None),
        cert_registry=REGISTRY.SimpleCertificateStore(),
    )
    out = io.BytesIO()
    signers.sign_pdf(
        IncrementalPdfFileWriter(io.BytesIO(pdf or blank())),
        PdfSignatureMetadata(field_name=field, md_algorithm="sha256"),
        signer=signer,
        output=out,
    )
    return out.getvalue()


def trust(*certificates: x509.Certificate, **fields: Any) -> Trust:
    """Trust in these."""
    return Trust(certificates=certificates, at=datetime.now(UTC), **fields)


def of_pdf(pdf: bytes, whom: Trust) -> SignatureVerdict:
    """What the hub says about a PDF."""
    return check_pdf(io.BytesIO(pdf), "1", whom)


def test_a_signed_pdf_is_valid_if_its_signer_is_the_senders() -> None:
    found = of_pdf(signed_pdf(SENDER), trust(SENDER.certificate))
    assert (found.finding, found.of) == (Finding.VALID, "1")
    assert found.signed_at is not None
    assert of_pdf(signed_pdf(SENDER), trust(STRANGER.certificate)).finding is Finding.UNTRUSTED
    assert of_pdf(blank(), trust(SENDER.certificate)).finding is Finding.ABSENT


def test_a_pdf_signer_of_an_authority_counts_only_under_the_senders_name() -> None:
    root, other = identity("Cơ quan chứng thực"), identity("Cơ quan khác")
    officer = signed_pdf(identity("Phó Giám đốc A", "Cơ quan chứng thực"))
    right = {"authorities": (root.certificate,), "names": ("Phó Giám đốc A",)}
    assert of_pdf(officer, trust(**right)).finding is Finding.VALID
    for wrong in ({"names": ("Người khác",)}, {"authorities": (other.certificate,)}):
        assert of_pdf(officer, trust(**(right | wrong))).finding is Finding.UNTRUSTED


def test_a_pdf_that_was_changed_is_invalid() -> None:
    body = bytearray(signed_pdf(SENDER))
    at = body.find(b"100 100") + 1
    body[at] = ord("9")
    assert of_pdf(bytes(body), trust(SENDER.certificate)).finding is Finding.INVALID


def test_a_pdf_that_grew_after_signing_is_invalid() -> None:
    out = io.BytesIO()
    pdf: Any = IncrementalPdfFileWriter(io.BytesIO(signed_pdf(SENDER)))
    page = pdf.root["/Pages"]["/Kids"][0]
    page["/Rotate"] = PDF_PARTS.NumberObject(90)
    pdf.update_container(page)
    pdf.write(out)
    found = of_pdf(out.getvalue(), trust(SENDER.certificate))
    assert (found.finding, found.reason) == (Finding.INVALID, "changed_after_signing")


def test_of_several_signatures_the_worst_counts() -> None:
    twice = signed_pdf(STRANGER, "Thu2", signed_pdf(SENDER, "Thu1"))
    assert of_pdf(twice, trust(SENDER.certificate)).finding is Finding.UNTRUSTED
    assert of_pdf(twice, trust(SENDER.certificate, STRANGER.certificate)).finding is Finding.VALID


@pytest.mark.parametrize(
    "pdf",
    [
        b"%PDF-1.4 /ByteRange",
        signed_pdf(SENDER)[:-300],
        signed_pdf(SENDER).replace(b"/ByteRange", b"/ByteRangE /ByteRange 7 /X"),
        signed_pdf(SENDER).replace(b"startxref", b"startxrEf"),
        b"%PDF-1.4 /ByteRange " + b"[" * 5000,
    ],
)
def test_a_pdf_that_makes_no_sense_is_never_valid(pdf: bytes) -> None:
    found = of_pdf(pdf, trust(SENDER.certificate)).finding
    assert found in (Finding.UNREADABLE, Finding.INVALID, Finding.ABSENT)


def test_a_package_without_signature_is_let_in_by_its_signed_pdfs() -> None:
    pdf = signed_pdf(SENDER)
    body = filled(unsigned(pdf), pdf)
    assert verdict(body, signature_policy="enforce").finding is Finding.ABSENT
    with pytest.raises(DecodeError):
        verdict(filled(unsigned(pdf, PDF), pdf, PDF), signature_policy="enforce")


# Over the axis


async def test_a_signed_package_crosses_the_axis_and_the_verdicts_travel() -> None:
    own = {"key": SENDER.key_pem, "certificate": SENDER.pem}
    async with axis(signing=own, partners={THEIRS: {"takes_signature": True}}) as here:
        pdf = await _in_thread(signed_pdf, SENDER)
        files = await kept(here.ground, ("a.pdf", pdf), ("b.xlsx", SHEET))
        await here.deliver(issued(letter=document(files=files)))
        theirs = exchange_settings(
            here.url,
            system_id="vxp.saas.02",
            secret="bi-mat-khac",
            units=[THEIRS],
            signature_policy="enforce",
            partners={OURS: {"certificates": [SENDER.pem]}},
        )
        poller = AxisPoller("document_exchange", theirs, here.ground)
        page = await poller.poll("")
        await poller.close()
        event: Any = decode(page.messages[0], theirs)[0]
    verdicts = event.data.signatures
    assert [(each.of, each.finding) for each in verdicts] == [
        ("package", Finding.VALID),
        ("1", Finding.VALID),
    ]


async def _in_thread(make: Any, *arguments: Any) -> Any:
    """pyHanko's simple calls start a loop of their own."""
    return await asyncio.to_thread(make, *arguments)


@pytest.mark.parametrize("key", ["không phải khóa", STRANGER.pem])
async def test_a_key_that_cannot_be_read_is_our_configuration(key: str) -> None:
    own = {"key": key, "certificate": SENDER.pem}
    async with axis(signing=own, partners={THEIRS: {"takes_signature": True}}) as here:
        with pytest.raises(Misconfigured) as caught:
            await here.deliver(issued())
        assert here.operations() == []
    assert caught.value.code == "signing_key"
    assert key not in str(caught.value)


async def test_a_partner_that_does_not_take_signatures_gets_none() -> None:
    own = {"key": SENDER.key_pem, "certificate": SENDER.pem}
    async with axis(signing=own) as here:
        await here.deliver(issued())
        bodies = [row["body_sha256"] for row in here.log.last()]
    async with axis() as plain:
        await plain.deliver(issued())
        assert bodies == [row["body_sha256"] for row in plain.log.last()]
