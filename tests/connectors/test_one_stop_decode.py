"""Decoding what one-stop products send: which fact, about what, when, and how it is told apart."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import orjson
import pytest
from msgspec.structs import replace

from hub.connectors.one_stop import CONNECTOR
from hub.errors import DecodeError
from hub.event import Event
from hub.message import Message
from hub.schemas.dossier import DossierEvent
from hub.wire.dvcqg.dates import VIETNAM
from tests.connectors.one_stop_door import CODE, SETTINGS, STEP, SYNC, UNIT, dossier, step


def message(item: Any, operation: str = SYNC, **headers: str) -> Message:
    """What the in-topic carries for one item."""
    body = item if isinstance(item, bytes) else orjson.dumps(item)
    return Message(
        connector="quan_thu",
        operation=operation,
        body=body,
        headers={"unit": UNIT, "form": "item", **headers},
    )


def decoded(told: Message) -> Event:
    """The one event of a message."""
    assert CONNECTOR.decode is not None
    (event,) = CONNECTOR.decode(told, SETTINGS)
    assert isinstance(event, Event)
    return event


DATES: dict[str, Any] = {
    "NgayNopHoSo": "20260105010000",
    "NgayTiepNhan": "20260105020000",
    "NgayTuChoi": "20260105030000",
    "NgayKetThucXuLy": "20260105090000",
    "NgayTra": "20260105100000",
    "DanhSachHoSoBoSung": [{"NgayBoSung": "20260105040000"}, {"NgayBoSung": "20260105050000"}],
}


@pytest.mark.parametrize(
    ("status", "kind", "hour"),
    [
        ("1", "dossier.submitted", 1),
        ("2", "dossier.received", 2),
        ("3", "dossier.refused", 3),
        ("4", "dossier.progressed", 2),
        ("5", "dossier.supplement_requested", 5),
        ("6", "dossier.payment_requested", 2),
        ("7", "dossier.withdrawn", 2),
        ("8", "dossier.stopped", 2),
        ("9", "dossier.finished", 9),
        ("10", "dossier.returned", 10),
        ("0", "dossier.progressed", 2),
        ("11", "dossier.progressed", 2),
    ],
)
def test_the_status_names_the_fact_and_its_date(status: str, kind: str, hour: int) -> None:
    event = decoded(message(dossier(TrangThaiHoSo=status, **DATES)))
    assert (event.kind, event.time) == (kind, datetime(2026, 1, 5, hour, tzinfo=VIETNAM))


@pytest.mark.parametrize("status", ["3", "5", "9", "10", "4"])
def test_without_its_date_a_fact_has_the_date_of_receipt_or_filing(status: str) -> None:
    received = decoded(message(dossier(TrangThaiHoSo=status)))
    assert received.time == datetime(2026, 1, 5, 9, 30, tzinfo=VIETNAM)
    filed = decoded(message(dossier(TrangThaiHoSo=status, NgayTiepNhan="")))
    assert filed.time == datetime(2026, 1, 5, 8, 15, tzinfo=VIETNAM)


def test_without_any_date_a_fact_has_the_time_when_the_hub_got_it() -> None:
    told = message(dossier(NgayTiepNhan="hôm qua", NgayNopHoSo=""))
    assert decoded(told).time == told.received_at
    late = message(step(ThoiDiemXuLy=""), STEP)
    assert decoded(late).time == late.received_at


def test_source_subject_and_message_are_those_of_the_record() -> None:
    told = replace(message(step(), STEP), traceparent="00-" + "1" * 32 + "-" + "2" * 16 + "-01")
    event = decoded(told)
    assert (event.source, event.subject) == (f"/connectors/quan_thu/{UNIT}", CODE)
    assert (event.message_id, event.traceparent) == (told.id, told.traceparent)


@pytest.mark.parametrize(("said", "updating"), [("True", True), ("False", False), ("", None)])
def test_whether_it_is_an_update_is_what_the_sender_said(said: str, updating: bool | None) -> None:
    event = decoded(message(dossier(), **({"is_updating": said} if said else {})))
    assert isinstance(event.data, DossierEvent)
    assert event.data.updating is updating


def test_spacing_order_and_updating_do_not_make_another_fact() -> None:
    item = dossier()
    turned = orjson.dumps(dict(reversed(item.items())), option=orjson.OPT_INDENT_2)
    one, other = decoded(message(item)), decoded(message(turned, is_updating="True"))
    assert one.natural_key == other.natural_key
    assert one.natural_key.startswith(f"{SYNC}:")


def test_a_corrected_date_under_the_same_status_is_another_fact() -> None:
    one, other = dossier(), dossier(NgayHenTra="20260109093000")
    assert decoded(message(one)).natural_key != decoded(message(other)).natural_key


def test_a_whole_call_tells_the_same_facts_as_its_items() -> None:
    assert CONNECTOR.decode is not None
    assert CONNECTOR.message is not None
    items = [dossier(), dossier("H99.01-260105-0002", TrangThaiHoSo="9")]
    call = {"session": "S", "madonvi": UNIT, "service": SYNC, "isUpdating": "True", "data": items}
    whole = CONNECTOR.decode(CONNECTOR.message(orjson.dumps(call), "session"), SETTINGS)
    array = CONNECTOR.decode(CONNECTOR.message(orjson.dumps(items), "lgsp"), SETTINGS)
    single = [decoded(message(item, is_updating="True")) for item in items]
    assert [event.data for event in whole if isinstance(event, Event)] == [
        event.data for event in single
    ]
    keys = [
        [e.natural_key for e in told if isinstance(e, Event)] for told in (whole, array, single)
    ]
    assert keys[0] == keys[1] == keys[2]


def test_a_message_in_no_known_operation_is_undecodable() -> None:
    with pytest.raises(DecodeError) as caught:
        decoded(message(dossier(), "XoaHoSo"))
    assert caught.value.code == "unknown_operation"


@pytest.mark.parametrize(
    ("body", "key"),
    [
        (orjson.dumps(dossier()), CODE),
        (b'{"MaHoSo": 17}', "17"),
        (b'{"MaHoSo": ""}', UNIT),
        (b'{"MaHoSo": ["x"]}', UNIT),
        (b'{"MaHoSo": "a\\nb"}', UNIT),
        (b"[]", UNIT),
        (b"{", UNIT),
        (b"", UNIT),
    ],
)
def test_an_item_is_keyed_by_its_dossier_else_by_its_sender(body: bytes, key: str) -> None:
    assert CONNECTOR.order_key is not None
    assert CONNECTOR.order_key(message(body)) == key


def test_a_whole_call_is_keyed_by_its_sender() -> None:
    assert CONNECTOR.order_key is not None
    call = message({"data": [dossier()]}, form="session")
    assert CONNECTOR.order_key(call) == UNIT
    assert CONNECTOR.order_key(replace(call, headers={"form": "session"})) == "quan_thu"
