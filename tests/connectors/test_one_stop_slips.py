"""Which slips a dossier's states mean, and how often each is issued."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson
import pytest
from msgspec import structs

from hub.connectors.one_stop.decode import decode
from hub.event import Event
from hub.message import Message
from tests.connectors.one_stop_counterparts import one_stop_settings
from tests.connectors.one_stop_door import CODE, SETTINGS, STEP, SYNC, UNIT, Site, dossier, step

WITH, WITHOUT = one_stop_settings(slips=True), one_stop_settings()
HEARD = datetime(2026, 1, 9, 20, 0, tzinfo=UTC)
ASKED = {"NgayBoSung": "20260106090000"}
ROUND = {"NguoiYeuCauBoSung": "Cán bộ Mẫu", "NoiDungBoSung": "Giấy chứng sinh"}


def slips(item: dict[str, Any], operation: str = SYNC) -> list[Event]:
    """The slips beside the dossier's event."""
    message = Message(
        "one_stop",
        operation,
        orjson.dumps(item),
        headers={"unit": UNIT, "form": "item"},
        received_at=HEARD,
    )
    first, *rest = decode(message, WITH)
    assert decode(message, WITHOUT) == [first]
    assert isinstance(first, Event)
    assert first.kind.startswith("dossier.")
    return [each for each in rest if isinstance(each, Event)]


def named(events: list[Event]) -> list[tuple[str, str]]:
    """Slip and form of each."""
    told = [each.data.model_dump() for each in events]
    return [(str(each["slip"]), each["form"]) for each in told]


@pytest.mark.parametrize(
    ("item", "operation", "expected"),
    [
        (dossier(TrangThaiHoSo="2"), SYNC, [("receipt", "01")]),
        (dossier(TrangThaiHoSo="2", NgayHenTra=""), SYNC, []),
        (dossier(TrangThaiHoSo="1"), SYNC, []),
        (dossier(TrangThaiHoSo="3", NgayTuChoi="20260105100000"), SYNC, [("refusal", "03")]),
        (dossier(TrangThaiHoSo="4"), SYNC, []),
        (dossier(TrangThaiHoSo="5", DanhSachHoSoBoSung=[ROUND]), SYNC, [("supplement", "02")]),
        (dossier(TrangThaiHoSo="8"), SYNC, [("stop", "05")]),
        (dossier(TrangThaiHoSo="9"), SYNC, []),
        (step(TrangThai="2"), STEP, []),
        (step(TrangThai="3"), STEP, [("refusal", "03")]),
        (step(TrangThai="5"), STEP, [("supplement", "02")]),
        (step(TrangThai="8"), STEP, [("stop", "05")]),
        (step(TrangThai="10"), STEP, []),
    ],
)
def test_a_state_means_its_slip(
    item: dict[str, Any], operation: str, expected: list[tuple[str, str]]
) -> None:
    assert named(slips(item, operation)) == expected


def extended(**changes: Any) -> dict[str, Any]:
    """A dossier whose appointment was moved after it had passed."""
    told = {
        **ROUND,
        "NgayBoSung": "20260109100000",
        "NgayHenTraTruoc": "20260108093000",
        "NgayHenTraMoi": "20260112093000",
        **changes,
    }
    return dossier(TrangThaiHoSo="4", NgayHenTra="20260112093000", DanhSachHoSoBoSung=[told])


def test_a_new_appointment_after_a_missed_one_is_an_apology_with_both_dates() -> None:
    (apology,) = slips(extended())
    told = apology.data.model_dump(mode="json")
    assert (told["slip"], told["form"]) == ("apology", "04")
    assert told["due_before"] == "2026-01-08T09:30:00+07:00"
    assert told["due_at"] == "2026-01-12T09:30:00+07:00"


@pytest.mark.parametrize(
    "changes",
    [
        {"NgayBoSung": "20260108093000"},  # set on the last moment, not after it
        {"NgayBoSung": "20260106100000"},
        {"NgayHenTraMoi": "20260107093000"},
        {"NgayHenTraMoi": ""},
        {"NgayHenTraTruoc": ""},
        {"NgayBoSung": ""},
    ],
)
def test_an_appointment_that_was_not_missed_needs_no_apology(changes: dict[str, str]) -> None:
    assert slips(extended(**changes)) == []


def test_a_finished_dossier_needs_no_apology() -> None:
    assert slips({**extended(), "TrangThaiHoSo": "10"}) == []


def test_a_slip_says_what_the_sender_told() -> None:
    (slip,) = slips(dossier(TrangThaiHoSo="5", DanhSachHoSoBoSung=[ROUND]))
    told = slip.data.model_dump(mode="json")
    assert (told["officer"], told["content"]) == ("Cán bộ Mẫu", "Giấy chứng sinh")
    assert told["procedure"]["code"] == "1.009999"
    assert slip.subject == told["code"] == CODE
    assert slip.source.endswith(UNIT)


def test_dossier_and_step_of_one_day_mean_one_slip() -> None:
    (of_dossier,) = slips(dossier(TrangThaiHoSo="5", DanhSachHoSoBoSung=[ROUND | ASKED]))
    (of_step,) = slips(step(TrangThai="5", ThoiDiemXuLy="20260106091500"), STEP)
    (next_day,) = slips(step(TrangThai="5", ThoiDiemXuLy="20260107080000"), STEP)
    assert of_dossier.natural_key == of_step.natural_key != next_day.natural_key
    assert of_dossier.once


@pytest.mark.parametrize("turned", [False, True])
def test_a_supplement_slip_is_that_of_the_last_round_in_any_order_of_the_list(turned: bool) -> None:
    """Else the second round would be the first one again, and nobody would get its slip."""
    second = {**ROUND, "NoiDungBoSung": "Bản sao hộ khẩu", "NgayBoSung": "20260108090000"}
    rounds = [ROUND | ASKED, second]
    item = dossier(TrangThaiHoSo="5", DanhSachHoSoBoSung=rounds[::-1] if turned else rounds)
    (slip,) = slips(item)
    assert slip.natural_key == f"slip:supplement:{CODE}:20260108"
    assert slip.data.model_dump()["content"] == "Bản sao hộ khẩu"
    assert slip.time.isoformat() == "2026-01-08T09:00:00+07:00"


def test_a_receipt_slip_is_issued_again_only_for_another_appointment() -> None:
    keys = {
        slips(dossier(GhiChu=note, NgayHenTra=due))[0].natural_key
        for note in ("a", "b")
        for due in ("20260108093000", "20260109093000")
    }
    assert len(keys) == 2


def test_the_day_of_a_state_without_a_date_is_the_day_in_vietnam_on_which_it_was_heard() -> None:
    (slip,) = slips(dossier(TrangThaiHoSo="8"))
    assert slip.natural_key == f"slip:stop:{CODE}:20260110"


async def sent(*items: dict[str, Any], slips: bool = True) -> Site:
    """A site that has taken these dossiers, one call each."""
    site = Site(SETTINGS.model_copy(update={"slips": slips}))
    for item in items:
        assert (await site.call(SYNC, data=[item]))["error_code"] == "0"
    return site


@pytest.mark.parametrize(
    "fields",
    [
        {"TrangThaiHoSo": "3"},
        {"TrangThaiHoSo": "5"},
        {"TrangThaiHoSo": "5", "DanhSachHoSoBoSung": [ROUND]},
        {"TrangThaiHoSo": "8"},
    ],
)
async def test_a_state_without_a_date_that_is_sent_again_another_day_is_the_same_slip(
    fields: dict[str, Any],
) -> None:
    site = await sent(dossier(**fields), dossier(TrangThaiHoSo="4"), dossier(**fields))
    days = [
        structs.replace(message, received_at=HEARD + timedelta(days=number))
        for number, message in enumerate(site.inbox.messages)
    ]
    events = [each for message in days for each in decode(message, WITH)]
    issued = [e for e in events if isinstance(e, Event) and e.kind == "slip.issued"]
    assert len(issued) == 2
    assert len({slip.natural_key for slip in issued}) == 1


async def test_each_state_without_a_date_has_its_own_first_day() -> None:
    stopped = dossier(TrangThaiHoSo="8")
    site = await sent(stopped)
    (heard,) = site.inbox.ground.known.values()
    earlier = replace(heard, facts={"at": "20260103080000"})
    await site.inbox.ground.remember([earlier])
    await site.call(SYNC, data=[stopped, {**stopped, "GhiChu": "dừng lần hai"}])
    first, again, other = [message.headers["first_heard"] for message in site.inbox.messages]
    assert again == "20260103080000"
    assert again < first <= other


@pytest.mark.parametrize(
    ("item", "slips"),
    [
        (dossier(TrangThaiHoSo="8"), False),
        (dossier(TrangThaiHoSo="2"), True),
        (dossier(TrangThaiHoSo="9"), True),
        (dossier(TrangThaiHoSo="3", NgayTuChoi="20260105100000"), True),
        (dossier(TrangThaiHoSo="5", DanhSachHoSoBoSung=[ROUND | ASKED]), True),
    ],
)
async def test_nothing_is_remembered_of_what_has_its_date_or_means_no_slip(
    item: dict[str, Any], slips: bool
) -> None:
    site = await sent(item, slips=slips)
    assert not site.inbox.ground.known
    assert "first_heard" not in site.inbox.messages[0].headers
