"""What products fetch and which payments they know, on a real PostgreSQL and blob store."""

from __future__ import annotations

from pathlib import Path

from hub.blobs import Blobs
from hub.connectors.one_stop.payments import Payments
from hub.connectors.one_stop.shelf import PAGE, Shelf
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


async def test_what_was_taken_off_long_ago_is_forgotten_and_what_waits_is_not(
    store: Store, tmp_path: Path
) -> None:
    shelf = Shelf(ground_on(store, tmp_path), "one_stop.out.post", "one_stop")
    kinds = [f"one_stop.out.post/one_stop/{UNIT}", PAGE]

    async def ask(query: str) -> list[tuple[int]]:
        async with store.pipeline() as pipeline:
            cursor = await pipeline.ask(query, (kinds,))
            return await cursor.fetchall() if query == COUNT else []

    async def turned(count: int) -> None:
        shown = (await shelf.waiting(UNIT, 10))[:count]
        await shelf.page(UNIT, shown)
        await shelf.turn(UNIT, shown[-1].id)

    for number in range(7):
        await shelf.put(UNIT, f"key-{number}", CODE, str(number).encode())
    await turned(3)
    await turned(1)
    recent = await ask(COUNT)
    await ask(AGE)
    await turned(1)
    assert recent == [(9,)], "what was just taken is remembered: it may be told again"
    assert await ask(COUNT) == [(4,)], "two that wait, the one just taken, and its page"
    assert [each.key for each in await shelf.waiting(UNIT, 10)] == ["key-5", "key-6"]
    await shelf.put(UNIT, "key-4", CODE, b"a repetition")
    assert len(await shelf.waiting(UNIT, 10)) == 2


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
