"""The blob store over S3's protocol: parts, torn uploads, what is gone, a bucket that is away."""

from __future__ import annotations

import subprocess
import sys
import urllib.request
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

import pytest

from hub.blobs import S3_PART_BYTES, Blobs, Reference
from hub.errors import DecodeError, Unavailable
from hub.settings import BlobSettings

pytest.importorskip("moto.server", reason="`make setup` installs it")

SERVE = """
import sys
from moto.server import ThreadedMotoServer
server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
server.start()
print(server.get_host_and_port()[1], flush=True)
sys.stdin.read()
"""


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    """Address of an S3 server of this module's own."""
    with subprocess.Popen(
        [sys.executable, "-c", SERVE], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stdin is not None
        port = process.stdout.readline().strip()
        assert port, "the server does not start"
        yield f"http://127.0.0.1:{port}"
        process.stdin.close()


class Bucket:
    """A new bucket of the server, and the hub's blob store in it."""

    def __init__(self, server: str) -> None:
        self.server = server
        self.name = f"hub-{uuid.uuid4().hex}"
        self.blobs = self.blobs_in(self.name)
        self.ask("PUT")

    def blobs_in(self, bucket: str) -> Blobs:
        settings = BlobSettings.model_validate(
            {
                "url": f"s3://{bucket}/hub",
                "endpoint": self.server,
                "region": "us-east-1",
                "access_key_id": "hub",
                "secret_access_key": "hub",
            }
        )
        return Blobs(settings.url, threshold_bytes=1000, s3=settings.s3())

    def ask(self, method: str, path: str = "") -> bytes:
        """What the server itself says about the bucket."""
        request = urllib.request.Request(  # noqa: S310 - this test's own server
            f"{self.server}/{self.name}{path}", method=method
        )
        with urllib.request.urlopen(request, timeout=10) as answer:  # noqa: S310 - see above
            return bytes(answer.read())


@pytest.fixture
def bucket(server: str) -> Bucket:
    return Bucket(server)


def file_of(folder: Path, size: int) -> tuple[bytes, IO[bytes]]:
    body = (bytes(range(251)) * (size // 251 + 1))[:size]
    (folder / "file").write_bytes(body)
    return body, (folder / "file").open("rb")


PARTS = [0, 1, S3_PART_BYTES, S3_PART_BYTES + 1, 2 * S3_PART_BYTES, 2 * S3_PART_BYTES + 1]


@pytest.mark.parametrize("size", PARTS)
async def test_a_file_of_any_number_of_parts_comes_back(
    bucket: Bucket, tmp_path: Path, size: int
) -> None:
    body, file = file_of(tmp_path, size)
    with file:
        reference = await bucket.blobs.put(file, "application/pdf")
    assert reference.size_bytes == size
    assert b"".join([piece async for piece in bucket.blobs.pieces(reference)]) == body
    assert await bucket.blobs.get(reference) == body
    kept = await bucket.blobs._store.get_async(reference.key)
    assert kept.attributes["Content-Type"] == "application/pdf"
    in_parts = "-" in str(kept.meta["e_tag"])
    assert in_parts == (size > S3_PART_BYTES)


async def test_the_same_body_is_stored_once_and_again_for_each_owner(bucket: Bucket) -> None:
    one = await bucket.blobs.put(b"x" * 2000, "a/b")
    assert await bucket.blobs.put(b"x" * 2000, "c/d") == one
    owned = await bucket.blobs.put(b"x" * 2000, "a/b", owner="shelf")
    for _ in range(2):
        await bucket.blobs.drop(owned)
        await bucket.blobs.drop(one)
    assert await bucket.blobs.get(one) == b"x" * 2000
    with pytest.raises(DecodeError) as caught:
        await bucket.blobs.get(owned)
    assert caught.value.code == "blob_missing"


async def test_an_upload_that_breaks_off_leaves_nothing_behind(
    bucket: Bucket, tmp_path: Path
) -> None:
    class Torn:
        """A file whose disk fails after two parts, when it is read for the second time."""

        def __init__(self, file: IO[bytes]) -> None:
            self.file, self.readings = file, 0

        def seek(self, place: int) -> int:
            self.readings += place == 0
            return self.file.seek(place)

        def read(self, size: int = -1) -> bytes:
            if self.readings > 2 and self.file.tell() > 2 * S3_PART_BYTES:
                raise OSError("the disk fails")
            return self.file.read(size)

    _, file = file_of(tmp_path, 3 * S3_PART_BYTES)
    torn: Any = Torn(file)
    with file, pytest.raises(Unavailable) as caught:
        await bucket.blobs.put(torn, "a/b")
    assert caught.value.code == "blobs_away"
    assert b"<Key>" not in bucket.ask("GET", "?list-type=2")
    assert b"<UploadId>" not in bucket.ask("GET", "?uploads")


async def test_a_damaged_body_is_not_given_out(bucket: Bucket) -> None:
    reference = await bucket.blobs.put(b"x" * 2000, "a/b")
    await bucket.blobs._store.put_async(reference.key, b"y" * 2000)
    with pytest.raises(DecodeError) as caught:
        await bucket.blobs.get(reference)
    assert caught.value.code == "blob_corrupt"
    with pytest.raises(DecodeError):
        [piece async for piece in bucket.blobs.pieces(reference)]


async def test_a_body_that_is_not_there_is_gone_and_a_bucket_that_is_not_is_away(
    bucket: Bucket,
) -> None:
    nowhere = Reference.of("0" * 64, 5)
    for blobs, error, code in (
        (bucket.blobs, DecodeError, "blob_missing"),
        (bucket.blobs_in(f"other-{uuid.uuid4().hex}"), Unavailable, "blobs_away"),
    ):
        with pytest.raises(error) as caught:
            await blobs.get(nowhere)
        assert caught.value.code == code
        with pytest.raises(error) as caught:
            [piece async for piece in blobs.pieces(nowhere)]
        assert caught.value.code == code
    with pytest.raises(Unavailable):
        await blobs.put(b"x", "a/b")
