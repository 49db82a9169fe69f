"""A package taken apart while it comes in: text, attachments, what its signatures are worth. Pure.

The bytes go where `spool` says: memory for `hub decode` and tests, files for the poller.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import IO

from cryptography import x509
from lxml import etree

from hub.connectors.document_exchange.ids import Ids
from hub.connectors.document_exchange.settings import DocumentExchangeSettings, SignaturePolicy
from hub.errors import DecodeError
from hub.schemas.document import DocumentFile, Finding, SignatureVerdict
from hub.wire.edxml.pdf_signatures import check_pdf
from hub.wire.edxml.pieces import MARK, Base64Pieces, ContentCutter
from hub.wire.edxml.reading import Package, open_package
from hub.wire.edxml.signatures import Trust, check
from hub.wire.edxml.unpacking import PIECE_BYTES, Slot, ending, unpack
from hub.wire.xml import Element, XmlLimits, parse

Spool = Callable[[], IO[bytes]]
"""Makes an empty, seekable place for bytes, closed by whoever made it."""


@dataclass(frozen=True, slots=True)
class Opened:
    """A package whose text has been read.

    Attributes:
        package: its parts; of a valid signature, only what was signed.
        text: the XML of those parts, a mark in the place of each content.
        verdicts: about the package's signature, then about each PDF that has been unpacked.
    """

    package: Package
    text: bytes
    verdicts: list[SignatureVerdict]


class Opening:
    """Takes a package apart, piece by piece.

    Args:
        settings: limits, partners and the policy about signatures.
        spool: where bytes go.
        at: when the package came; certificates must be valid then.
        ids: of organisations, as known now; as agreed unless given.
    """

    def __init__(
        self,
        settings: DocumentExchangeSettings,
        spool: Spool,
        *,
        at: datetime,
        ids: Ids | None = None,
    ) -> None:
        self._settings = settings
        self._ids = ids or Ids(settings)
        self._spool = spool
        self._at = at
        self._texts: list[IO[bytes]] = []
        self._left = settings.package_bytes
        self._cutter = ContentCutter(
            self._content,
            limit_bytes=settings.around_bytes,
            contents_count=settings.attachments_count,
        )

    def feed(self, piece: bytes) -> None:
        """Take the next piece of the package.

        Raises:
            DecodeError: it is too large.
        """
        self._left -= len(piece)
        if self._left < 0:
            text = f"more than {self._settings.package_bytes} bytes"
            raise DecodeError(text, path="/", code="too_large")
        self._cutter.feed(piece)

    def close(self) -> Opened:
        """The package has ended: read its text and check its signature.

        Raises:
            DecodeError: it is no package, or holds contents that nobody announces.
        """
        text = self._cutter.close()
        while len(self._texts) < self._cutter.count:
            self._texts.append(self._spool())
        limits = XmlLimits(size_bytes=self._settings.around_bytes)
        root = parse(text, limits=limits)
        text = _text_of(root)  # in UTF-8, whatever it came in
        if text.count(MARK.encode()) != self._cutter.count:
            raise DecodeError("the text holds a mark that is not the hub's", path="/")
        package = open_package(root)
        self._check_slots(package)
        if package.flat or self._settings.signature_policy is SignaturePolicy.OFF:
            finding = Finding.ABSENT if package.flat else Finding.UNCHECKED
            return Opened(package, text, [SignatureVerdict(of="package", finding=finding)])
        verdict, root = check(root, self._content_text, self.trust(package))
        if verdict.finding is Finding.VALID:
            package, text = open_package(root), _text_of(root)
            self._check_slots(package)
        return Opened(package, text, [verdict])

    def attachments(self, opened: Opened) -> Iterator[tuple[Slot, DocumentFile, IO[bytes]]]:
        """Each attachment unpacked: what it is (without reference) and its bytes, from 0.

        The bytes are gone when the next one comes. Verdicts about PDFs are added to `opened`.

        Raises:
            DecodeError: no base64, a bad or hostile zip, or too large.
        """
        settings = self._settings
        for slot in opened.package.slots:
            with self._spool() as unpacked:
                digest = hashlib.sha256()

                def take(
                    piece: bytes, out: IO[bytes] = unpacked, seen: hashlib._Hash = digest
                ) -> None:
                    out.write(piece)
                    seen.update(piece)

                with self._spool() as packed:
                    self._decode(slot, packed)
                    unpack(packed, slot, take, limit_bytes=settings.unpacked_bytes)
                file = DocumentFile(size_bytes=unpacked.tell(), sha256=digest.hexdigest())
                if settings.signature_policy is not SignaturePolicy.OFF and _is_pdf(slot):
                    trust = self.trust(opened.package)
                    opened.verdicts.append(check_pdf(unpacked, slot.id, trust))
                unpacked.seek(0)
                yield slot, file, unpacked

    def trust(self, package: Package) -> Trust:
        """Whose signatures count for a package: its sender's."""
        settings = self._settings
        sender = package.header.child("From")
        partner = settings.partner(self._ids.id_of(sender.text("OrganId") if sender else ""))
        return Trust(
            certificates=tuple(_certificate(text) for text in partner.certificates),
            at=self._at,
            allow_sha1=settings.allow_sha1,
            authorities=tuple(_certificate(text) for text in settings.authorities),
            names=partner.signer_names,
        )

    def _check_slots(self, package: Package) -> None:
        numbers = sorted(slot.number for slot in package.slots)
        if numbers != list(range(self._cutter.count)):
            raise DecodeError("contents and attachments differ", path="/edXML/AttachmentEncoded")

    def _content(self, number: int, text: bytes) -> None:
        while len(self._texts) <= number:
            self._texts.append(self._spool())
        self._texts[number].write(text)

    def _content_text(self, number: int) -> Iterator[bytes]:
        text = self._texts[number]
        text.seek(0)
        while piece := text.read(PIECE_BYTES):
            yield piece

    def _decode(self, slot: Slot, packed: IO[bytes]) -> None:
        decoder = Base64Pieces(packed.write, limit_bytes=self._settings.package_bytes)
        try:
            for piece in self._content_text(slot.number):
                decoder.feed(piece)
            decoder.close()
        except DecodeError as error:
            raise DecodeError("not base64", path=slot.path, code=error.code) from None


def refuse_by(
    policy: SignaturePolicy, verdicts: list[SignatureVerdict], *, is_status: bool
) -> None:
    """Stop what the policy does not let in.

    A document must be signed as a whole, or each of its PDFs must be; a status needs no
    signature. What is broken is refused in any case.

    Raises:
        DecodeError: refused (`signature_refused`).
    """
    if policy is not SignaturePolicy.ENFORCE:
        return
    findings = {verdict.finding for verdict in verdicts}
    of_files = [verdict.finding for verdict in verdicts if verdict.of != "package"]
    whole = any(v.of == "package" and v.finding is Finding.VALID for v in verdicts)
    files = bool(of_files) and set(of_files) == {Finding.VALID}
    if Finding.INVALID in findings or not (whole or files or is_status):
        raise DecodeError(
            "its signatures do not hold", path="/edXML/edXMLEnvelope", code="signature_refused"
        )


def _is_pdf(slot: Slot) -> bool:
    return ending(slot.name) == "pdf"


def _text_of(root: Element) -> bytes:
    text: bytes = etree.tostring(root, encoding="UTF-8")
    return text


@lru_cache(maxsize=256)
def _certificate(pem: str) -> x509.Certificate:
    return x509.load_pem_x509_certificate(pem.encode())
