"""Signatures inside attached PDFs, checked with pyHanko.

Looked at: whether the bytes are those that were signed, whether what was added later is no more
than proofs of validity, and whose the certificate is. Nothing is fetched: revocation is not asked
for, and a chain is not longer than authority and signer.
"""

from __future__ import annotations

from typing import IO, Any

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from pyhanko.pdf_utils.reader import PdfFileReader
from pyhanko.sign.diff_analysis import DiffResult, ModificationLevel
from pyhanko.sign.validation.generic_cms import validate_sig_integrity
from pyhanko.sign.validation.status import SignatureCoverageLevel

from hub.schemas.document import Finding, SignatureVerdict
from hub.wire.edxml.signatures import Trust, subject_of
from hub.wire.edxml.unpacking import PIECE_BYTES

SIGNATURES_COUNT = 20
"""A PDF with more signatures is not looked at."""

_RANGE = b"/ByteRange"
_DIGESTS = frozenset({"sha256", "sha384", "sha512"})
_WORST = (Finding.INVALID, Finding.UNREADABLE, Finding.UNTRUSTED, Finding.VALID)


def check_pdf(pdf: IO[bytes], file_id: str, trust: Trust) -> SignatureVerdict:
    """What the signatures of a PDF are worth: the worst of them, because one that is broken says
    that the file is not what somebody signed.

    Args:
        pdf: the bytes, seekable.
        file_id: id of the file in its package.
    """
    if not _may_be_signed(pdf):
        return SignatureVerdict(of=file_id, finding=Finding.ABSENT)
    pdf.seek(0)
    try:
        found = PdfFileReader(pdf).embedded_regular_signatures
        if not found:
            return SignatureVerdict(of=file_id, finding=Finding.ABSENT)
        if len(found) > SIGNATURES_COUNT:
            return SignatureVerdict(of=file_id, finding=Finding.UNREADABLE, reason="too_many")
        verdicts = [_check(each, file_id, trust) for each in found]
    except Exception as error:  # noqa: BLE001 - the library fails on hostile files in every way
        reason = type(error).__name__
        return SignatureVerdict(of=file_id, finding=Finding.UNREADABLE, reason=reason)
    return min(reversed(verdicts), key=lambda verdict: _WORST.index(verdict.finding))


def _may_be_signed(pdf: IO[bytes]) -> bool:
    """Whether the file names a byte range, which never stands in a compressed part."""
    pdf.seek(0)
    last = b""
    while piece := pdf.read(PIECE_BYTES):
        if _RANGE in last + piece:
            return True
        last = piece[-len(_RANGE) :]
    return False


def _check(signature: Any, file_id: str, trust: Trust) -> SignatureVerdict:
    certificate = x509.load_der_x509_certificate(signature.signer_cert.dump())
    finding, reason = _judge(signature, certificate, trust)
    return SignatureVerdict(
        of=file_id,
        finding=finding,
        reason=reason,
        signer=subject_of(certificate),
        fingerprint=certificate.fingerprint(hashes.SHA256()).hex(),
        signed_at=signature.self_reported_timestamp,
    )


def _judge(signature: Any, certificate: x509.Certificate, trust: Trust) -> tuple[Finding, str]:
    if signature.md_algorithm not in _DIGESTS | ({"sha1"} if trust.allow_sha1 else set()):
        return Finding.INVALID, "weak_digest"
    signature.compute_integrity_info()
    intact, valid = validate_sig_integrity(
        signature.signer_info,
        cert=signature.signer_cert,
        expected_content_type="data",
        actual_digest=signature.compute_digest(),
    )
    if not intact or not valid:
        return Finding.INVALID, "changed" if not intact else "bad_signature"
    if not _covers(signature):
        return Finding.INVALID, "changed_after_signing"
    moment = signature.self_reported_timestamp or trust.at
    if not certificate.not_valid_before_utc <= moment <= certificate.not_valid_after_utc:
        return Finding.UNTRUSTED, "expired_certificate"
    if trust.knows(certificate) or _issued(certificate, trust):
        return Finding.VALID, ""
    return Finding.UNTRUSTED, "unknown_signer"


def _covers(signature: Any) -> bool:
    """Whether the whole file was signed, or only signatures and proofs were added later."""
    if signature.coverage == SignatureCoverageLevel.ENTIRE_FILE:
        return True
    later = signature.diff_result
    return (
        signature.coverage == SignatureCoverageLevel.ENTIRE_REVISION
        and isinstance(later, DiffResult)
        and later.modification_level <= ModificationLevel.FORM_FILLING
    )


def _issued(certificate: x509.Certificate, trust: Trust) -> bool:
    """Whether a configured authority issued it to one of the sender's names."""
    named = {str(attribute.value) for attribute in certificate.subject}
    if not named & set(trust.names):
        return False
    for authority in trust.authorities:
        try:
            certificate.verify_directly_issued_by(authority)
        except (ValueError, TypeError, InvalidSignature):
            continue
        return True
    return False
