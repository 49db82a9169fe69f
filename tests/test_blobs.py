"""The claim check: large bodies in the blob store, references in Kafka."""

from __future__ import annotations

import stat
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from obstore.store import S3Store

from hub.blobs import HEADER, PART_BYTES, Blobs, Reference
from hub.errors import ConfigError, DecodeError, Unavailable
from hub.message import Message

LARGE = bytes(range(256)) * 5


@pytest.fixture
def blobs(tmp_path: Path) -> Blobs:
    return Blobs(f"file://{tmp_path}/blobs", threshold_bytes=1000)


def message(body: bytes) -> Message:
    return Message("one_stop", "DongBoHoSoMC", body, key="k", headers={"unit": "H1"})


async def test_what_is_put_comes_back(blobs: Blobs) -> None:
    reference = await blobs.put(LARGE, "application/json")
    assert reference.size_bytes == len(LARGE)
    assert await blobs.get(reference) == LARGE


async def test_the_same_body_is_stored_once(blobs: Blobs, tmp_path: Path) -> None:
    assert await blobs.put(LARGE, "a/b") == await blobs.put(LARGE, "c/d")
    assert len([each for each in tmp_path.rglob("*") if each.is_file()]) == 1


async def test_a_small_body_travels_itself(blobs: Blobs) -> None:
    small = message(b"x" * 1000)
    assert await blobs.check_in(small) is small
    assert await blobs.check_out(small) is small


async def test_a_large_body_travels_as_a_reference_and_comes_back(blobs: Blobs) -> None:
    original = message(LARGE)
    travelling = await blobs.check_in(original)
    assert travelling.body == b""
    assert set(travelling.headers) == {"unit", HEADER}
    assert travelling.id == original.id
    assert await blobs.check_out(travelling) == original


@pytest.mark.parametrize("damage", [lambda b: b[:-1] + b"!", lambda b: b + b"!", lambda b: b""])
async def test_a_damaged_body_is_not_given_out(
    damage: Callable[[bytes], bytes], blobs: Blobs, tmp_path: Path
) -> None:
    reference = await blobs.put(LARGE, "a/b")
    file = tmp_path / "blobs" / reference.key
    file.write_bytes(damage(LARGE))
    with pytest.raises(DecodeError) as caught:
        await blobs.get(reference)
    assert caught.value.code == "blob_corrupt"


@pytest.mark.parametrize("size", [0, 1, PART_BYTES, PART_BYTES + 1, 3 * PART_BYTES])
async def test_a_file_is_stored_like_its_bytes(blobs: Blobs, tmp_path: Path, size: int) -> None:
    body = (LARGE * (size // len(LARGE) + 1))[:size]
    with (tmp_path / "file").open("w+b") as file:
        file.write(body)
        reference = await blobs.put(file, "a/b")
    assert reference == await blobs.put(body, "a/b")
    assert b"".join([piece async for piece in blobs.pieces(reference)]) == body


async def test_a_file_that_cannot_be_stored_is_unavailable(blobs: Blobs, tmp_path: Path) -> None:
    (tmp_path / "blobs").rmdir()
    (tmp_path / "blobs").write_bytes(b"not a folder")
    with (tmp_path / "file").open("w+b") as file:
        file.write(LARGE * 2000)
        with pytest.raises(Unavailable) as caught:
            await blobs.put(file, "a/b")
    assert caught.value.code == "blobs_away"


async def test_a_body_damaged_in_pieces_is_noticed_at_its_end(blobs: Blobs, tmp_path: Path) -> None:
    reference = await blobs.put(LARGE, "a/b")
    (tmp_path / "blobs" / reference.key).write_bytes(LARGE[:-1] + b"!")
    with pytest.raises(DecodeError) as caught:
        [piece async for piece in blobs.pieces(reference)]
    assert caught.value.code == "blob_corrupt"


async def test_a_missing_body_is_said_to_be_missing(blobs: Blobs, tmp_path: Path) -> None:
    reference = await blobs.put(LARGE, "a/b")
    (tmp_path / "blobs" / reference.key).unlink()
    with pytest.raises(DecodeError) as caught:
        await blobs.get(reference)
    assert caught.value.code == "blob_missing"


async def test_a_body_of_an_owner_goes_and_a_shared_one_stays(blobs: Blobs) -> None:
    shared = await blobs.put(LARGE, "a/b")
    one, two = [await blobs.put(LARGE, "a/b", owner=name) for name in ("one", "hai ô")]
    assert len({shared.key, one.key, two.key}) == 3
    assert Reference.parse(str(one)) == one == await blobs.put(LARGE, "a/b", owner="one")
    for _ in range(2):
        await blobs.drop(one)
        await blobs.drop(shared)
    with pytest.raises(DecodeError) as caught:
        await blobs.get(one)
    assert caught.value.code == "blob_missing"
    assert await blobs.get(two) == await blobs.get(shared) == LARGE


async def test_a_file_of_an_owner_is_stored_like_its_bytes(blobs: Blobs, tmp_path: Path) -> None:
    with (tmp_path / "file").open("w+b") as file:
        file.write(LARGE)
        reference = await blobs.put(file, "a/b", owner="one")
    assert reference == await blobs.put(LARGE, "a/b", owner="one")


async def test_a_folder_that_is_gone_is_away_and_not_all_its_bodies(
    blobs: Blobs, tmp_path: Path
) -> None:
    reference = await blobs.put(LARGE, "a/b")
    (tmp_path / "blobs").rename(tmp_path / "unmounted")
    with pytest.raises(Unavailable) as caught:
        await blobs.get(reference)
    assert caught.value.code == "blobs_away"
    with pytest.raises(Unavailable):
        [piece async for piece in blobs.pieces(reference)]
    (tmp_path / "unmounted").rename(tmp_path / "blobs")
    assert await blobs.get(reference) == LARGE


@pytest.mark.parametrize("seconds", [5, 90])
def test_no_library_gives_up_before_the_limit_that_is_set(seconds: float) -> None:
    options = {"allow_http": True}
    s3 = {"endpoint": "http://127.0.0.1:9", "region": "x", "client_options": options}
    blobs = Blobs("s3://bucket", threshold_bytes=1, timeout_seconds=seconds, s3=s3)
    store = blobs._store
    assert isinstance(store, S3Store)
    assert store.client_options == {
        "allow_http": "true",
        "connect_timeout": "5s" if seconds == 5 else "1m 30s",
        "timeout": "1day",
    }


async def test_a_damaged_body_is_healed_by_putting_it_again(blobs: Blobs, tmp_path: Path) -> None:
    reference = await blobs.put(LARGE, "a/b")
    (tmp_path / "blobs" / reference.key).write_bytes(b"")
    await blobs.put(LARGE, "a/b")
    assert await blobs.get(reference) == LARGE


async def test_a_store_that_fails_is_unavailable(blobs: Blobs, tmp_path: Path) -> None:
    (tmp_path / "blobs").rmdir()
    (tmp_path / "blobs").write_bytes(b"not a folder")
    with pytest.raises(Unavailable) as caught:
        await blobs.put(LARGE, "a/b")
    assert caught.value.code == "blobs_away"


async def test_an_s3_that_does_not_answer_is_unavailable_and_not_asked_again() -> None:
    s3 = {
        "endpoint": "http://127.0.0.1:9",
        "region": "x",
        "access_key_id": "a",
        "secret_access_key": "b",
        "client_options": {"allow_http": True},
    }
    blobs = Blobs("s3://bucket/prefix", threshold_bytes=1, timeout_seconds=5, s3=s3)
    with pytest.raises(Unavailable) as caught:
        await blobs.put(LARGE, "a/b")
    assert caught.value.code == "blobs_away"


def test_a_store_that_cannot_be_opened_is_a_configuration_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(ConfigError):
        Blobs(f"file://{tmp_path}/file/blobs", threshold_bytes=1)
    with pytest.raises(ConfigError):
        Blobs("ftp://x", threshold_bytes=1)


def test_the_folder_belongs_to_the_hub_alone(blobs: Blobs, tmp_path: Path) -> None:
    assert stat.S_IMODE((tmp_path / "blobs").stat().st_mode) == stat.S_IRWXU


@pytest.mark.parametrize(
    "text",
    [
        "",
        "key=a",
        f"sha256={'0' * 64}; size=1; key=../../etc/passwd",
        f"sha256={'0' * 63}; size=1; key=00/00/{'0' * 63}",
        f"sha256={'0' * 64}; size=-1; key=00/00/{'0' * 64}",
        f"sha256={'0' * 64}; size=1; key=owned/00/{'0' * 64}-{'1' * 64}",
        f"sha256={'0' * 64}; size=1; key=owned/../{'0' * 64}-{'0' * 64}",
    ],
)
def test_a_forged_reference_is_refused(text: str) -> None:
    with pytest.raises(DecodeError):
        Reference.parse(text)


@given(st.binary(max_size=3000))
@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
async def test_every_body_survives_the_journey(tmp_path: Path, body: bytes) -> None:
    store = Blobs(f"file://{tmp_path}/b", threshold_bytes=1000)
    original = message(body)
    travelling = await store.check_in(original)
    assert len(travelling.body) <= 1000
    assert await store.check_out(travelling) == original
