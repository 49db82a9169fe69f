"""Packages of 50 MB through a real blob store: up to the limit, and memory stays flat."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import IO, Any

import pytest
from starlette.applications import Starlette
from starlette.requests import Request as HttpRequest
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from hub.blobs import Blobs, Reference
from hub.connectors.document_exchange.client import AxisClient
from hub.connectors.document_exchange.decode import decode
from hub.connectors.document_exchange.poll import AxisPoller
from hub.errors import DecodeError
from hub.schemas.document import DocumentFile
from hub.simulation import running
from hub.wire.edxml.axis import file_digest
from tests.connectors.document_examples import (
    OURS,
    THEIRS,
    document,
    exchange_settings,
    issued,
    request,
)
from tests.connectors.ground import MemoryGround

LIMIT_BYTES = 52_428_800
GROWTH_BYTES = 26_214_400
"""Half a package."""

BLOCK = b"%PDF-1.4\n" + bytes(range(256)) * 1023
TEXT = base64.b64encode(BLOCK[: len(BLOCK) // 3 * 3])
MARK = b"{hub-content-0}"
OK = {"status": "OK", "ErrorCode": "0", "ErrorDesc": ""}


class Ground(MemoryGround):
    """Aliases in memory, large bodies in a real folder."""

    store: Blobs

    async def keep(self, body: bytes | IO[bytes], content_type: str, *, owner: str = "") -> str:
        return str(await self.store.put(body, content_type))

    async def pieces(self, reference: str) -> AsyncIterator[bytes]:
        async for piece in self.store.pieces(Reference.parse(reference)):
            yield piece


@pytest.fixture
def ground(tmp_path: Path) -> Ground:
    made = Ground()
    made.store = Blobs(f"file://{tmp_path}/blobs", threshold_bytes=1000)
    return made


class Memory:
    """How far the process's resident memory has grown at most, as the kernel counts it."""

    def __init__(self) -> None:
        Path("/proc/self/clear_refs").write_text("5")  # the peak begins anew
        self._before = self._told("VmRSS")

    def growth_bytes(self) -> int:
        return self._told("VmHWM") - self._before

    def _told(self, name: str) -> int:
        lines = Path("/proc/self/status").read_text().splitlines()
        (found,) = (line.split()[1] for line in lines if line.startswith(f"{name}:"))
        return int(found) * 1024


def framed(total: int) -> tuple[bytes, bytes, int]:
    """What stands before and after the content of a package of so many bytes, and its length."""
    for spare in range(4):
        file = DocumentFile(id="1", name="a.pdf", reference="x")
        letter = document(files=(file,), subject=f"V/v lấy ý kiến {'.' * spare}")
        head, tail = request(issued(letter=letter), exchange_settings()).message.body.split(MARK)
        left = total - len(head) - len(tail)
        if left % 4 == 0:
            return head, tail, left
    raise AssertionError("four letters in a row give every remainder")


async def package(total: int) -> AsyncIterator[bytes]:
    """A package of exactly so many bytes, piece by piece."""
    head, tail, left = framed(total)
    yield head
    while left:
        piece = TEXT[: min(left, len(TEXT))]
        left -= len(piece)
        yield piece
    yield tail


def axis_that_lists(total: int) -> Starlette:
    """An axis with one package of so many bytes for them."""

    async def answered() -> AsyncIterator[bytes]:
        yield b'{"status":"OK","ErrorCode":"0","ErrorDesc":"","data":"'
        waiting = b""
        async for piece in package(total):
            waiting += piece
            whole = len(waiting) // 3 * 3
            yield base64.b64encode(waiting[:whole])
            waiting = waiting[whole:]
        yield base64.b64encode(waiting) + b'"}'

    async def listed(asked: HttpRequest) -> Response:
        is_document = asked.headers["xroadvnpt-messagetype"] == "edoc"
        rows = [{"docId": "d1", "from": OURS, "to": THEIRS}] if is_document else []
        return JSONResponse({**OK, "data": rows})

    async def fetched(_: HttpRequest) -> Response:
        return StreamingResponse(answered())

    return Starlette(
        routes=[
            Route("/getReceivedEdocList", listed, methods=["POST"]),
            Route("/getEdoc", fetched, methods=["POST"]),
        ]
    )


async def came_in(total: int, ground: Ground) -> Any:
    """What the hub makes of a package of so many bytes, and how far memory grew."""
    async with running(axis_that_lists(total)) as url:
        theirs = exchange_settings(url, units=[THEIRS], mark_processing=False)
        poller = AxisPoller("x", theirs, ground)
        memory = Memory()
        (message,) = (await poller.poll("")).messages
        grown = memory.growth_bytes()
        await poller.close()
    return decode(message, theirs)[0], grown


async def test_a_package_at_the_limit_comes_in_and_memory_stays_flat(ground: Ground) -> None:
    event, grown = await came_in(LIMIT_BYTES, ground)
    (file,) = event.data.document.files
    digest = hashlib.sha256()
    async for piece in ground.pieces(file.reference):
        digest.update(piece)
    assert digest.hexdigest() == file.sha256
    assert 39_000_000 < file.size_bytes < LIMIT_BYTES * 3 // 4
    parts = [Reference.parse(each).size_bytes for each in event.data.package]
    assert sum(parts) == LIMIT_BYTES
    assert grown < GROWTH_BYTES, grown


async def test_a_package_beyond_the_limit_is_not_read_and_memory_stays_flat(
    ground: Ground,
) -> None:
    with pytest.raises(DecodeError) as caught:
        await came_in(LIMIT_BYTES + 1, ground)
    assert caught.value.code == "too_large"


async def test_a_package_at_the_limit_goes_out_and_memory_stays_flat(
    ground: Ground, tmp_path: Path
) -> None:
    seen = []

    async def take(asked: HttpRequest) -> Response:
        size, digest = 0, hashlib.sha256()
        async for piece in asked.stream():
            size += len(piece)
            digest.update(piece)
        told = asked.headers["xroadvnpt-hash-file"]
        seen.append((size, file_digest(digest.hexdigest()) == told))
        return JSONResponse({**OK, "DocId": "d1"})

    head, tail, left = framed(LIMIT_BYTES)
    with (tmp_path / "a.pdf").open("w+b") as file:
        for start in range(0, left // 4 * 3, len(BLOCK)):
            file.write(BLOCK[: left // 4 * 3 - start])
        reference = await ground.keep(file, "application/pdf")
    files = (DocumentFile(id="1", name="a.pdf", reference=reference),)
    async with running(Starlette(routes=[Route("/sendEdoc", take, methods=["POST"])])) as url:
        here = exchange_settings(url)
        client = AxisClient("x", here, ground)
        subject = next(
            text
            for text in (f"V/v lấy ý kiến {'.' * spare}" for spare in range(4))
            if f">{text}<".encode() in head + tail
        )
        sent = request(issued(letter=document(files=files, subject=subject)), here)
        memory = Memory()
        await client.deliver([sent], timeout_seconds=60)
        grown = memory.growth_bytes()
        await client.close()
    assert seen == [(LIMIT_BYTES, True)]
    assert grown < GROWTH_BYTES, grown
