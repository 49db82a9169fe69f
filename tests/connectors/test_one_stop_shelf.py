"""What products fetch and which payments they know, on a real PostgreSQL and blob store."""

from __future__ import annotations

from pathlib import Path

from hub.blobs import Blobs
from hub.connectors.one_stop.payments import Payments
from hub.connectors.one_stop.shelf import Shelf
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
