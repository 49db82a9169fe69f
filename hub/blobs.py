"""Blobs: large bodies in a folder or S3, while a reference travels through Kafka (claim check).

The key is the SHA-256 of the content, so that the same body is stored once, a repetition is
harmless, and what comes back can be verified. Nobody knows who refers to such a body, so it stays.
A body that has one owner stands under that owner's name too, and goes when the owner does.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import os
import re
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from msgspec import structs
from obstore.exceptions import BaseError
from obstore.store import LocalStore, ObjectStore, S3Store

from hub.errors import ConfigError, DecodeError, Unavailable
from hub.message import Message
from hub.settings import BlobSettings

if TYPE_CHECKING:
    from obstore.store import RetryConfig

HEADER = "blob"
"""Header of a Message whose body is kept in the blob store."""

PIECE_BYTES = 262_144

PART_BYTES = 1_048_576
S3_PART_BYTES = 5_242_880
"""A file larger than this is stored in parts of this size, one at a time; S3 takes no smaller."""

FORM = re.compile(r"sha256=(?P<sha256>[0-9a-f]{64}); size=(?P<size>[0-9]{1,15}); key=(?P<key>\S+)")


OWNED = "owned/"
OWNED_KEY = re.compile(rf"{OWNED}[0-9a-f]{{2}}/[0-9a-f]{{64}}-[0-9a-f]{{64}}")
"""Key of a body with an owner: the SHA-256 of the owner's name, then that of the content."""


@dataclass(frozen=True, slots=True)
class Reference:
    """A stored body.

    Attributes:
        key: path in the store.
        sha256: hex digest of the content.
        size_bytes: length of the content.
    """

    key: str
    sha256: str
    size_bytes: int

    def __str__(self) -> str:
        return f"sha256={self.sha256}; size={self.size_bytes}; key={self.key}"

    @property
    def is_owned(self) -> bool:
        """Whether it has an owner, who may drop it."""
        return self.key.startswith(OWNED)

    @classmethod
    def of(cls, sha256: str, size_bytes: int, owner: str = "") -> Reference:
        """The reference of a content that has this owner, or none."""
        named = hashlib.sha256(owner.encode("utf-8", "surrogatepass")).hexdigest()
        key = f"{OWNED}{named[:2]}/{named}-{sha256}" if owner else _key(sha256)
        return cls(key, sha256, size_bytes)

    @classmethod
    def parse(cls, text: str) -> Reference:
        """The reference of a header's text.

        Raises:
            DecodeError: not a reference, or its key is not the one of its content.
        """
        match = FORM.fullmatch(text)
        if match is None or not (
            match["key"] == _key(match["sha256"])
            or (OWNED_KEY.fullmatch(match["key"]) and match["key"].endswith(match["sha256"]))
        ):
            raise DecodeError("not a reference to a stored body", path="/blob", code="blob_unknown")
        return cls(match["key"], match["sha256"], int(match["size"]))


class Blobs:
    """The blob store of a deployment.

    Args:
        url: `file://folder` (relative to the working folder, or absolute) or `s3://bucket/prefix`.
        threshold_bytes: a body larger than this is kept here.
        timeout_seconds: longest wait for the store.
        s3: S3 settings as obstore names them (`endpoint`, `region`, `access_key_id`, ...).

    Raises:
        ConfigError: the url or the S3 settings make no sense, or the folder cannot be made.
    """

    def __init__(
        self,
        url: str,
        *,
        threshold_bytes: int,
        timeout_seconds: float = 30,
        s3: dict[str, Any] | None = None,
    ) -> None:
        self.threshold_bytes = threshold_bytes
        self._timeout_seconds = timeout_seconds
        self._folder: Path | None = None
        if url.startswith("file://"):
            self._folder = Path(url.removeprefix("file://")).absolute()
        self._part_bytes = PART_BYTES if self._folder is not None else S3_PART_BYTES
        self._store = _open(url, self._folder, s3 or {}, timeout_seconds)

    async def put(
        self, body: bytes | IO[bytes], content_type: str, *, owner: str = ""
    ) -> Reference:
        """Store a body; returns when it is on disk (or S3 has it).

        Args:
            body: bytes, or a file, which is read twice from its beginning and never whole.
            content_type: said to S3.
            owner: who alone refers to it, and may drop it; none: it stays.

        Raises:
            Unavailable: the store did not take it (code `blobs_away`).
        """
        if not isinstance(body, bytes):
            return await self._put_file(body, content_type, owner)
        reference = Reference.of(hashlib.sha256(body).hexdigest(), len(body), owner)
        await self._store_under(reference.key, body, content_type)
        return reference

    async def drop(self, reference: Reference) -> None:
        """Delete a body that has an owner; one without stays, one that is gone is no matter.

        Raises:
            Unavailable: the store does not answer (code `blobs_away`).
        """
        if not reference.is_owned:
            return
        async with self._translated("drop"):
            with contextlib.suppress(FileNotFoundError):
                await self._store.delete_async(reference.key)

    async def _put_file(self, file: IO[bytes], content_type: str, owner: str) -> Reference:
        digest, size = await asyncio.to_thread(_measured, file)
        reference = Reference.of(digest, size, owner)
        if size <= self._part_bytes:
            await self._store_under(reference.key, file.read(), content_type)
        else:
            await self._store_under(reference.key, _file_pieces(file), content_type)
        return reference

    async def _store_under(
        self, key: str, body: bytes | Iterator[bytes], content_type: str
    ) -> None:
        said: dict[str, Any] = {"chunk_size": self._part_bytes, "max_concurrency": 1}
        async with self._translated("put"):
            if self._folder is None:
                attributes = {"Content-Type": content_type}
                await self._store.put_async(key, body, attributes=attributes, **said)
            else:
                await self._store.put_async(key, body, **said)
                await asyncio.to_thread(_sync, self._folder / key, self._folder)

    async def get(self, reference: Reference) -> bytes:
        """The stored body, verified.

        Raises:
            DecodeError: it is gone (`blob_missing`) or not what was stored (`blob_corrupt`).
            Unavailable: the store does not answer, or is not there (code `blobs_away`).
        """
        async with self._translated("get"):
            try:
                found = await self._store.get_async(reference.key)
                if found.meta["size"] != reference.size_bytes:
                    raise DecodeError("the stored body has another size", code="blob_corrupt")
                body = bytes(await found.bytes_async())
            except FileNotFoundError as error:
                await self._check_store(reference)
                raise DecodeError("the stored body is gone", code="blob_missing") from error
        if hashlib.sha256(body).hexdigest() != reference.sha256:
            raise DecodeError("the stored body has another hash", code="blob_corrupt")
        return body

    async def pieces(self, reference: Reference) -> AsyncIterator[bytes]:
        """The stored body piece by piece; its hash is checked at the end.

        Raises:
            DecodeError, Unavailable: see `get`; `blob_corrupt` also after the last piece.
        """
        digest = hashlib.sha256()
        async with self._translated("get"):
            try:
                found = await self._store.get_async(reference.key)
            except FileNotFoundError as error:
                await self._check_store(reference)
                raise DecodeError("the stored body is gone", code="blob_missing") from error
        stream = aiter(found.stream(min_chunk_size=PIECE_BYTES))
        while True:
            async with self._translated("get"):
                piece = await anext(stream, None)
            if piece is None:
                break
            body = bytes(piece)
            digest.update(body)
            yield body
        if digest.hexdigest() != reference.sha256:
            raise DecodeError("the stored body has another hash", code="blob_corrupt")

    async def check_in(self, message: Message) -> Message:
        """The message as it travels: a large body is stored and replaced by its reference.

        Raises:
            Unavailable: the store did not take it.
        """
        if len(message.body) <= self.threshold_bytes:
            return message
        reference = await self.put(message.body, message.content_type)
        headers = {**message.headers, HEADER: str(reference)}
        return structs.replace(message, body=b"", headers=headers)

    async def check_out(self, message: Message) -> Message:
        """The message as it was received: a reference is replaced by the stored body.

        Raises:
            DecodeError, Unavailable: see `get`.
        """
        text = message.headers.get(HEADER)
        if text is None:
            return message
        headers = {name: value for name, value in message.headers.items() if name != HEADER}
        return structs.replace(message, body=await self.get(Reference.parse(text)), headers=headers)

    async def _check_store(self, reference: Reference) -> None:
        """A body is not there: return if its store is, so that the body alone is gone.

        Raises:
            OSError, BaseError: the whole folder or bucket is not there.
        """
        if self._folder is None:
            await self._store.list_with_delimiter_async(reference.key.rpartition("/")[0])
        else:
            await asyncio.to_thread(os.stat, self._folder)

    @asynccontextmanager
    async def _translated(self, what: str) -> AsyncIterator[None]:
        try:
            async with asyncio.timeout(self._timeout_seconds):
                yield
        except (BaseError, OSError, TimeoutError) as error:
            raise Unavailable(f"blob {what}: {type(error).__name__}", code="blobs_away") from error


def _key(digest: str) -> str:
    return f"{digest[:2]}/{digest[2:4]}/{digest}"


def _measured(file: IO[bytes]) -> tuple[str, int]:
    """SHA-256 and length of a file, which stands at its beginning afterwards."""
    digest, size = hashlib.sha256(), 0
    for piece in _file_pieces(file):
        digest.update(piece)
        size += len(piece)
    file.seek(0)
    return digest.hexdigest(), size


def _file_pieces(file: IO[bytes]) -> Iterator[bytes]:
    file.seek(0)
    while piece := file.read(PIECE_BYTES):
        yield piece


def _open(url: str, folder: Path | None, s3: dict[str, Any], timeout_seconds: float) -> ObjectStore:
    try:
        if folder is not None:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            return LocalStore(folder)
        if not url.startswith("s3://"):
            raise ConfigError("the blob store's url must start with file:// or s3://")
        # Only recovery.attempt retries.
        retries: RetryConfig = {"max_retries": 0, "retry_timeout": timedelta(0)}
        # Nor does anybody but `_translated` give up: a body may be read for as long as its reader
        # takes, and the library's own limit of 30 s is that of a whole call.
        client = {
            "connect_timeout": timedelta(seconds=timeout_seconds),
            "timeout": timedelta(days=1),
            **s3.get("client_options", {}),
        }
        return S3Store.from_url(url, retry_config=retries, **{**s3, "client_options": client})
    except (BaseError, OSError, ValueError) as error:
        raise ConfigError(f"the blob store cannot be opened: {type(error).__name__}") from error


def _sync(path: Path, folder: Path) -> None:
    """Make a stored file outlive a power failure: itself and the folders that name it."""
    for each in (path, path.parent, path.parent.parent, folder):
        descriptor = os.open(each, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def open_blobs(settings: BlobSettings) -> Blobs:
    """The store that hub.yaml's `blobs` describes.

    Raises:
        ConfigError: see `Blobs`.
    """
    return Blobs(
        settings.url,
        threshold_bytes=settings.threshold_bytes,
        timeout_seconds=settings.timeout_seconds,
        s3=settings.s3(),
    )
