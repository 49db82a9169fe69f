"""What products fetch and which payments they know, on a real PostgreSQL and blob store."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from hub.blobs import Blobs
from hub.connectors.one_stop.payments import Payments
from hub.connectors.one_stop.shelf import PAGE, Shelf
from hub.errors import Unavailable
from hub.event import Alias
from hub.ground import StoreGround
from hub.store import Store

UNIT, OTHER, CODE = "H99.01", "H99.02", "H99.01-260105-0001"


def ground_on(store: Store, folder: Path) -> StoreGround:
    """The ground of a deployment."""
    return StoreGround(store, Blobs(f"file://{folder}", threshold_bytes=1000))


async def test_the_store_keeps_the_order_in_which_a_shelf_was_filled(
    store: Store, tmp_path: Path
) -> None:
    shelf = Shelf(ground_on(store, tmp_path), "one_stop.out.post", "one_stop", clock=lambda: 1.0)
    for number in range(5):
        await shelf.put(UNIT, f"key-{9 - number}", CODE, str(number).encode())
    await shelf.put(OTHER, "key-0", CODE, b"another's")
    await shelf.put(UNIT, "key-9", CODE, b"a repetition")
    first = await shelf.waiting(UNIT, 2)
    await shelf.page(UNIT, first)
    again = await shelf.waiting(UNIT, 2)
    await shelf.turn(UNIT, "never shown")
    await shelf.turn(UNIT, first[-1].id)
    rest = await shelf.waiting(UNIT, 10)
    assert [each.key for each in first] == ["key-9", "key-8"]
    assert again == first
    assert [each.key for each in rest] == ["key-7", "key-6", "key-5"]
    assert [each.key for each in await shelf.waiting(OTHER, 10)] == ["key-0"]


AGE = "UPDATE alias SET changed_at = now() - interval '31 days' WHERE kind = ANY (%s)"
COUNT = "SELECT count(*) FROM alias WHERE kind = ANY (%s)"


class Ageing:
    """A shelf on a real store, whose past can be moved back by 31 days.

    Attributes:
        folder: where its blobs are.
    """

    def __init__(self, store: Store, folder: Path) -> None:
        self.store = store
        self.folder = folder
        self.ground = ground_on(store, folder)
        self.shelf = Shelf(self.ground, "one_stop.out.post", "one_stop")

    async def ask(self, query: str) -> list[tuple[int]]:
        kinds = [f"one_stop.out.post/one_stop/{UNIT}", PAGE]
        async with self.store.pipeline() as pipeline:
            cursor = await pipeline.ask(query, (kinds,))
            return await cursor.fetchall() if query == COUNT else []

    async def put(self, count: int) -> None:
        for number in range(count):
            await self.shelf.put(UNIT, f"key-{number}", CODE, str(number).encode())

    async def turned(self, count: int) -> None:
        shown = (await self.shelf.waiting(UNIT, 10))[:count]
        await self.shelf.page(UNIT, shown)
        await self.shelf.turn(UNIT, shown[-1].id)

    def bodies(self) -> set[bytes]:
        return set(self._bodies())

    def count(self, body: bytes) -> int:
        return self._bodies().count(body)

    def _bodies(self) -> list[bytes]:
        return [file.read_bytes() for file in self.folder.rglob("*") if file.is_file()]


@pytest.fixture
def ageing(store: Store, tmp_path: Path) -> Ageing:
    return Ageing(store, tmp_path)


async def test_what_was_taken_off_long_ago_is_forgotten_and_what_waits_is_not(
    ageing: Ageing,
) -> None:
    shelf = ageing.shelf
    await ageing.put(7)
    await ageing.turned(3)
    await ageing.turned(1)
    recent = await ageing.ask(COUNT)
    await ageing.ask(AGE)
    await ageing.turned(1)
    assert recent == [(9,)], "what was just taken is remembered: it may be told again"
    assert await ageing.ask(COUNT) == [(4,)], "two that wait, the one just taken, and its page"
    assert [each.key for each in await shelf.waiting(UNIT, 10)] == ["key-5", "key-6"]
    await shelf.put(UNIT, "key-4", CODE, b"a repetition")
    assert len(await shelf.waiting(UNIT, 10)) == 2


async def test_what_was_taken_last_is_known_longer_than_its_entry(ageing: Ageing) -> None:
    """A draft handed over unchanged long after its refusal would be taken for the first one."""
    shelf = ageing.shelf
    await ageing.put(2)
    for entry in await shelf.waiting(UNIT, 10):
        await shelf.take(UNIT, entry, "03")
        await ageing.ask(AGE)
    assert await shelf.get(UNIT, "key-0") is None
    assert await shelf.last_taken(UNIT, CODE) == "key-1"
    assert await shelf.last_taken(OTHER, CODE) == ""


async def test_the_bodies_of_what_is_forgotten_go_too_and_no_other(ageing: Ageing) -> None:
    await ageing.ground.keep(b"0", "a/b")
    await ageing.shelf.put(OTHER, "key-0", CODE, b"1")
    await ageing.put(4)
    await ageing.turned(2)
    await ageing.ask(AGE)
    await ageing.turned(1)
    assert ageing.bodies() == {b"0", b"1", b"2", b"3", b"key-2"}
    assert ageing.count(b"0") == 1, "what others keep of the same content stays"
    (entry,) = await ageing.shelf.waiting(OTHER, 1)
    assert await ageing.ground.fetch(entry.body) == b"1"


class Stumbling(StoreGround):
    """One that dies after so many calls that change something."""

    left = 99

    def _stumble(self) -> None:
        self.left -= 1
        if self.left < 0:
            raise Unavailable("the process has died")

    async def drop(self, references: Sequence[str]) -> None:
        self._stumble()
        await super().drop(references)

    async def forget(self, aliases: Sequence[Alias]) -> None:
        self._stumble()
        await super().forget(aliases)


@pytest.mark.parametrize("steps", range(4))
async def test_what_a_crash_leaves_of_a_forgotten_entry_goes_with_the_next(
    steps: int, ageing: Ageing
) -> None:
    ground = Stumbling(ageing.store, Blobs(f"file://{ageing.folder}", threshold_bytes=1000))
    await ageing.put(5)
    await ageing.turned(2)
    await ageing.ask(AGE)
    dying = Shelf(ground, "one_stop.out.post", "one_stop")
    shown = (await dying.waiting(UNIT, 10))[:1]
    await dying.page(UNIT, shown)
    ground.left = steps
    with pytest.raises(Unavailable):
        await dying.turn(UNIT, shown[-1].id)
    kept = [await ageing.shelf.get(UNIT, f"key-{number}") for number in range(2)]
    for entry in kept:
        if entry is not None:  # still known, and so still found
            await ageing.shelf.put(UNIT, entry.key, CODE, b"a repetition")
    await ageing.shelf.turn(UNIT, "never shown")
    await ageing.turned(1)
    assert ageing.bodies() == {b"2", b"3", b"4", b"key-2", b"key-3"}
    assert await ageing.ask(COUNT) == [(5,)], "one waits, two were just taken, and their pages"


async def test_a_page_that_is_shown_anew_leaves_no_body_behind(ageing: Ageing) -> None:
    await ageing.put(3)
    last = (await ageing.shelf.waiting(UNIT, 3))[2:]
    await ageing.shelf.page(UNIT, await ageing.shelf.waiting(UNIT, 3))
    await ageing.shelf.page(UNIT, last)
    await ageing.shelf.page(UNIT, last)
    assert ageing.bodies() == {b"0", b"1", b"2", b"key-2"}
    await ageing.shelf.turn(UNIT, last[0].id)
    assert [each.key for each in await ageing.shelf.waiting(UNIT, 9)] == ["key-0", "key-1"]


async def test_a_page_whose_body_is_gone_takes_nothing(ageing: Ageing) -> None:
    await ageing.put(1)
    shown = await ageing.shelf.waiting(UNIT, 1)
    await ageing.shelf.page(UNIT, shown)
    for file in ageing.folder.rglob("*"):
        if file.is_file() and file.read_bytes() == b"key-0":
            file.unlink()
    await ageing.shelf.turn(UNIT, shown[0].id)
    assert await ageing.shelf.waiting(UNIT, 1) == shown


async def test_an_alias_that_has_changed_is_not_forgotten(store: Store, tmp_path: Path) -> None:
    ground = ground_on(store, tmp_path)
    await ground.remember([Alias("a", "1", CODE, {"x": "1"}), Alias("a", "2", CODE, {})])
    seen = await ground.aliases("a")
    await ground.remember([Alias("a", "1", CODE, {"x": "2"})])
    await ground.forget(seen)
    assert [each.value for each in await ground.aliases("a")] == ["1"]
    await ground.forget([])


async def test_the_store_binds_the_gateways_reference_to_the_products(
    store: Store, tmp_path: Path
) -> None:
    ground = ground_on(store, tmp_path)
    payments = Payments(ground)
    agreed = {"amount_vnd": "150000", "currency": "VND"}
    await ground.remember([Alias("one_stop.payment", "DT001/R1", CODE, agreed)])
    body = {"MaDoiTac": "DT001", "MaThamChieu": "HUB1", "SoTien": "150000", "MaTienTe": "VND"}
    linked = await payments.linked(CODE, {**body, "UrlThanhToan": "https://pay.example.vn/1"})
    decided = await payments.decided(CODE, {**body, "MaLoi": "00"}, "SECRET_DEMO_01")
    order = await ground.alias("one_stop.payment", "DT001/R1")
    assert linked["MaThamChieu"] == decided["MaThamChieu"] == "R1"
    assert order is not None
    assert order.facts["state"] == "paid"
    assert (await ground.fetch(order.facts["link"])) == b"https://pay.example.vn/1"
