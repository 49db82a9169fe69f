"""A package on its way out: attachments fetched, zipped where the form says so, signed, measured.

The attachments stand in files that vanish by themselves; the package as a whole stands nowhere.
It is read twice, once for its hash and once to be sent, because the hash travels before it.
"""

from __future__ import annotations

import base64
import hashlib
import re
import tempfile
import zipfile
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from typing import IO

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from hub.connector import Ground
from hub.connectors.document_exchange.settings import Signing
from hub.errors import Misconfigured, Rejected
from hub.message import name_id
from hub.schemas.document import DocumentFile
from hub.wire.edxml.signatures import sign
from hub.wire.edxml.unpacking import PIECE_BYTES, ending
from hub.wire.edxml.writing import is_zipped
from hub.wire.xml import parse

MEMORY_BYTES = 1_048_576
"""What is larger stands in a file."""

_MARK = re.compile(rb"\{hub-content-(\d{1,4})\}")
_ZIP_TIME = (1980, 1, 1, 0, 0, 0)
_GROUP_BYTES = 3 * 65_536


def spool() -> IO[bytes]:
    """An empty place for bytes: memory while it is small, then a file without a name."""
    return tempfile.SpooledTemporaryFile(max_size=MEMORY_BYTES)


@dataclass(frozen=True, slots=True)
class Packed:
    """A package that is ready to be sent.

    Attributes:
        parts: text, or the number of a content.
        size_bytes, sha256: of the whole.
    """

    parts: Sequence[bytes | int]
    texts: Sequence[IO[bytes]]
    size_bytes: int
    sha256: str

    async def pieces(self) -> AsyncIterator[bytes]:
        """The package, piece by piece."""
        for piece in _pieces(self.parts, self.texts):
            yield piece


async def pack(
    body: bytes,
    files: Sequence[DocumentFile],
    ground: Ground,
    stack: ExitStack,
    *,
    signing: Signing | None,
) -> Packed:
    """Fill the contents into a package that `encode` wrote.

    Args:
        body: the package, a mark in the place of each content.
        files: the contents, in order.
        stack: closes what has been opened.
        signing: with what the package is signed, if it is.

    Raises:
        DecodeError: an attachment is gone.
        Unavailable: the blob store does not answer.
        Misconfigured: the key cannot be read.
    """
    texts = []
    for number, file in enumerate(files):
        text = stack.enter_context(spool())
        await _fill(text, file, ground, number)
        texts.append(text)
    if signing is not None:
        key, certificate = _keys(signing)
        body = sign(parse(body), lambda number: _read(texts[number]), key, certificate)
    parts = _parts(body)
    digest, size = hashlib.sha256(), 0
    for piece in _pieces(parts, texts):
        digest.update(piece)
        size += len(piece)
    return Packed(parts, texts, size, digest.hexdigest())


def check_size(packed: Packed, limit_bytes: int) -> None:
    """Stop what the axis does not take.

    Raises:
        Rejected: it is larger than the limit.
    """
    if packed.size_bytes > limit_bytes:
        raise Rejected(f"the package has more than {limit_bytes} bytes", code="too_large")


async def _fill(text: IO[bytes], file: DocumentFile, ground: Ground, number: int) -> None:
    """Write the base64 of a file as it is packed."""
    encoder = _Encoder(text)
    if not is_zipped(file.name):
        async for piece in ground.pieces(file.reference):
            encoder.write(piece)
    else:
        with spool() as zipped:
            entry = zipfile.ZipInfo(_entry_name(file, number), _ZIP_TIME)
            entry.compress_type = zipfile.ZIP_DEFLATED
            with zipfile.ZipFile(zipped, "w") as archive, archive.open(entry, "w") as inside:
                async for piece in ground.pieces(file.reference):
                    inside.write(piece)
            for piece in _read(zipped):
                encoder.write(piece)
    encoder.close()


def _entry_name(file: DocumentFile, number: int) -> str:
    """`<uuid>.<ext>`; the same file gets the same name, so that a repetition is the same bytes."""
    said = ending(file.name)
    return f"{name_id(f'{file.reference} {number}')}{f'.{said}' if said.isalnum() else ''}"


class _Encoder:
    """Writes base64 of bytes that come in pieces."""

    def __init__(self, out: IO[bytes]) -> None:
        self._out = out
        self._rest = bytearray()

    def write(self, piece: bytes) -> None:
        """Take the next bytes."""
        self._rest += piece
        whole = len(self._rest) // _GROUP_BYTES * _GROUP_BYTES
        if whole:
            self._out.write(base64.b64encode(self._rest[:whole]))
            del self._rest[:whole]

    def close(self) -> None:
        """The bytes have ended."""
        self._out.write(base64.b64encode(self._rest))


def _parts(body: bytes) -> list[bytes | int]:
    parts: list[bytes | int] = []
    at = 0
    for found in _MARK.finditer(body):
        parts += [body[at : found.start()], int(found[1])]
        at = found.end()
    return [*parts, body[at:]]


def _pieces(parts: Sequence[bytes | int], texts: Sequence[IO[bytes]]) -> Iterator[bytes]:
    for part in parts:
        if isinstance(part, bytes):
            yield part
        else:
            yield from _read(texts[part])


def _read(text: IO[bytes]) -> Iterator[bytes]:
    text.seek(0)
    while piece := text.read(PIECE_BYTES):
        yield piece


def _keys(
    signing: Signing,
) -> tuple[RSAPrivateKey | EllipticCurvePrivateKey, x509.Certificate]:
    try:
        key = load_pem_private_key(signing.key.get_secret_value().encode(), password=None)
        certificate = x509.load_pem_x509_certificate(signing.certificate.encode())
    except (ValueError, TypeError) as error:
        raise Misconfigured("the signing key cannot be read", code="signing_key") from error
    if not isinstance(key, RSAPrivateKey | EllipticCurvePrivateKey):
        raise Misconfigured("the signing key is of another kind", code="signing_key")
    return key, certificate
