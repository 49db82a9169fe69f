"""XML signatures of packages: made and checked with signxml, large contents left where they are.

The signature is enveloped in `edXMLHeader` and covers the whole document (`URI=""`), attachments
included. Both sides work on the little text around the contents: where the canonical text is
hashed, each mark is replaced by the base64 that was cut out, piece by piece.

What is accepted: exactly one Signature, in its place; one Reference, to the whole document; the
transforms of an enveloped signature and nothing else; SHA-2 (SHA-1 only where a deployment says
so, because the reference kit's samples carry it). So nothing that is read stands outside of what
was signed, and nothing may be wrapped around it.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from lxml import etree
from signxml.algorithms import (
    CanonicalizationMethod,
    DigestAlgorithm,
    SignatureConstructionMethod,
    SignatureMethod,
    digest_algorithm_implementations,
)
from signxml.exceptions import SignXMLException
from signxml.signer import XMLSigner
from signxml.verifier import SignatureConfiguration, XMLVerifier

from hub.schemas.document import Finding, SignatureVerdict
from hub.wire.edxml.models import XMLDSIG
from hub.wire.xml import Element, local_name

Contents = Callable[[int], Iterable[bytes]]
"""The base64 text of a content by its number, piece by piece, exactly as in the document."""

_MARK = re.compile(rb"\{hub-content-(\d{1,4})\}")
_DS = f"{{{XMLDSIG}}}"
_ENVELOPED = f"{XMLDSIG}enveloped-signature"
_CANONICAL = frozenset(method.value for method in CanonicalizationMethod)
_STRONG_METHODS = frozenset(
    {
        SignatureMethod.RSA_SHA256,
        SignatureMethod.RSA_SHA384,
        SignatureMethod.RSA_SHA512,
        SignatureMethod.ECDSA_SHA256,
        SignatureMethod.ECDSA_SHA384,
    }
)
_STRONG_DIGESTS = frozenset(
    {DigestAlgorithm.SHA256, DigestAlgorithm.SHA384, DigestAlgorithm.SHA512}
)


@dataclass(frozen=True, slots=True)
class Trust:
    """Whose signature counts.

    Attributes:
        certificates: of the sender, as configured.
        at: moment at which a certificate must be valid.
        allow_sha1: SHA-1 is taken too, as the reference kit's samples carry it.
        authorities: who may issue certificates (for PDFs), if they name one of `names`.
        names: the sender's names in such certificates.
    """

    certificates: Sequence[x509.Certificate]
    at: datetime
    allow_sha1: bool = False
    authorities: Sequence[x509.Certificate] = ()
    names: Sequence[str] = ()

    def knows(self, certificate: x509.Certificate) -> bool:
        """Whether it is one of the sender's."""
        return certificate in self.certificates


class _Cut:
    """Hashes a canonical text whose marks stand for contents; see the module."""

    contents: Contents

    def _get_digest(self, data: bytes, algorithm: DigestAlgorithm) -> bytes:
        hasher = hashes.Hash(digest_algorithm_implementations[algorithm]())
        at = 0
        for found in _MARK.finditer(data):
            hasher.update(data[at : found.start()])
            for piece in line_ends(self.contents(int(found[1]))):
                hasher.update(piece)
            at = found.end()
        hasher.update(data[at:])
        return hasher.finalize()


class _Signer(_Cut, XMLSigner):
    pass


class _Verifier(_Cut, XMLVerifier):
    pass


def sign(
    root: Element,
    contents: Contents,
    key: RSAPrivateKey | EllipticCurvePrivateKey,
    certificate: x509.Certificate,
) -> bytes:
    """The document with its signature (RSA or ECDSA with SHA-256, exclusive c14n).

    Args:
        root: a parsed package, its contents cut out; it has no signature yet.
        contents: what stands behind the marks.
    """
    (header,) = (each for each in root.iter("*") if local_name(each) == "edXMLHeader")
    etree.SubElement(header, f"{_DS}Signature", Id="placeholder", nsmap={"ds": XMLDSIG})
    ecdsa = isinstance(key, EllipticCurvePrivateKey)
    signer = _Signer(
        method=SignatureConstructionMethod.enveloped,
        signature_algorithm=SignatureMethod.ECDSA_SHA256 if ecdsa else SignatureMethod.RSA_SHA256,
        digest_algorithm=DigestAlgorithm.SHA256,
        c14n_algorithm=CanonicalizationMethod.EXCLUSIVE_XML_CANONICALIZATION_1_0,
    )
    signer.namespaces = {"ds": XMLDSIG}
    signer.contents = contents
    signed = signer.sign(root, key=key, cert=[certificate])
    text: bytes = etree.tostring(signed, encoding="UTF-8", xml_declaration=True)
    return text


def check(root: Element, contents: Contents, trust: Trust) -> tuple[SignatureVerdict, Element]:
    """What the package's signature is worth, and the tree that may be read.

    The tree of a valid signature is made of what was signed, and of nothing else.
    """
    found = [each for each in root.iter("*") if local_name(each) == "Signature"]
    if not found:
        return SignatureVerdict(of="package", finding=Finding.ABSENT), root
    if not any(each.tag == f"{_DS}Signature" for each in found):
        # The reference kit's own samples: no validator can see it.
        return _verdict(Finding.UNREADABLE, "no_namespace"), root
    if wrong := _shape(found):
        return _verdict(Finding.INVALID, wrong), root
    certificate = _certificate(found[0], trust)
    if certificate is None:
        return _verdict(Finding.UNREADABLE, "no_certificate"), root
    verifier = _Verifier()
    verifier.contents = contents
    try:
        result: Any = verifier.verify(
            root, x509_cert=certificate, expect_config=_expected(trust), validate_schema=True
        )
    except (
        SignXMLException,
        etree.LxmlError,
        UnsupportedAlgorithm,
        ValueError,
        TypeError,
    ) as error:
        # The text may hold what the package says: its class tells enough.
        return _verdict(Finding.INVALID, type(error).__name__, certificate), root
    if result.signed_xml is None:
        return _verdict(Finding.INVALID, "not_the_document", certificate), root
    if not trust.knows(certificate):
        return _verdict(Finding.UNTRUSTED, "unknown_signer", certificate), root
    return _verdict(Finding.VALID, "", certificate), result.signed_xml


def _expected(trust: Trust) -> SignatureConfiguration:
    old = trust.allow_sha1
    return SignatureConfiguration(
        require_x509=True,
        location=".//",
        expect_references=1,
        signature_methods=_STRONG_METHODS | ({SignatureMethod.RSA_SHA1} if old else frozenset()),
        digest_algorithms=_STRONG_DIGESTS | ({DigestAlgorithm.SHA1} if old else frozenset()),
        verification_time=trust.at,
    )


def _shape(found: Sequence[Element]) -> str:
    """Why these elements cannot be one signature of the whole package; `` if they can."""
    if len(found) != 1:
        return "several_signatures"
    above = [local_name(each) for each in found[0].iterancestors()]
    if above != ["edXMLHeader", "edXMLEnvelope", "edXML"]:
        return "misplaced"
    references = found[0].findall(f"{_DS}SignedInfo/{_DS}Reference")
    if len(references) != 1 or references[0].get("URI") != "":
        return "not_the_document"
    transforms = [
        each.get("Algorithm", "")
        for each in references[0].findall(f"{_DS}Transforms/{_DS}Transform")
    ]
    if _ENVELOPED not in transforms or set(transforms) - {_ENVELOPED} - _CANONICAL:
        return "other_transforms"
    if any(each.iterchildren("*") for each in references[0].iter(f"{_DS}XPath")):
        return "other_transforms"
    return ""


def _certificate(signature: Element, trust: Trust) -> x509.Certificate | None:
    """The certificate that the signature carries; if it carries none, the sender's only one."""
    text = signature.findtext(f"{_DS}KeyInfo/{_DS}X509Data/{_DS}X509Certificate")
    if text is None:
        return trust.certificates[0] if len(trust.certificates) == 1 else None
    try:
        return x509.load_der_x509_certificate(base64.b64decode(text))
    except (ValueError, binascii.Error):
        return None


def _verdict(
    finding: Finding, reason: str, certificate: x509.Certificate | None = None
) -> SignatureVerdict:
    return SignatureVerdict(
        of="package",
        finding=finding,
        reason=reason,
        signer=subject_of(certificate) if certificate else "",
        fingerprint=certificate.fingerprint(hashes.SHA256()).hex() if certificate else "",
    )


def subject_of(certificate: x509.Certificate) -> str:
    """Who a certificate says its holder is; `` if that cannot be read."""
    try:
        return certificate.subject.rfc4514_string()
    except ValueError:
        return ""


def line_ends(pieces: Iterable[bytes]) -> Iterator[bytes]:
    """A text whose line ends are those that a parser makes of them: `\\n` and nothing else."""
    open_end = b""
    for piece in pieces:
        text = open_end + piece
        open_end = b"\r" if text.endswith(b"\r") else b""
        text = text.removesuffix(b"\r")
        yield text.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
    if open_end:
        yield b"\n"
