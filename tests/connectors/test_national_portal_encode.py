"""Canonical events become the portal's items; what it would refuse is said with its path."""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import hub.connectors.national_portal as folder
from hub.connectors.national_portal.decode import decode, message
from hub.connectors.national_portal.encode import encode
from hub.connectors.national_portal.settings import NationalPortalSettings
from hub.connectors.national_portal.simulator_rules import DOSSIER as DOSSIER_RULES
from hub.connectors.national_portal.simulator_rules import PROGRESS as PROGRESS_RULES
from hub.connectors.national_portal.simulator_rules import first_fault
from hub.errors import EncodeError, MessageError
from hub.event import Event
from hub.wire.dvcqg.dates import write_stamp
from tests.connectors.portal_examples import (
    CODE,
    DOSSIER,
    UNIT,
    dossier_event,
    portal_settings,
    step_event,
)

SAMPLES = sorted((Path(folder.__file__).parent / "samples/out/session").glob("*.event.json"))
SETTINGS = portal_settings("http://portal.example")
RULES = {"DongBoHoSoMC": DOSSIER_RULES, "CapNhatTienDoHoSoMC": PROGRESS_RULES}


def said(event: Event, **settings: Any) -> dict[str, Any]:
    chosen: NationalPortalSettings = portal_settings("http://portal.example", **settings)
    item: dict[str, Any] = json.loads(encode(event, chosen).body)
    return item


@pytest.mark.parametrize("file", SAMPLES, ids=lambda file: file.name.partition(".")[0])
def test_a_sample_becomes_its_bytes_and_the_portal_takes_them(file: Path) -> None:
    message = encode(Event.from_json(json.loads(file.read_text())), SETTINGS)
    expected = file.with_name(file.name.replace(".event.json", ".json")).read_bytes()
    assert message.body == expected
    assert first_fault(json.loads(expected), RULES[message.operation], "") == ""


def test_there_is_a_sample_of_every_status() -> None:
    kinds = {json.loads(file.read_text())["data"]["status"] for file in SAMPLES}
    assert len(kinds - {"unknown"}) == 10


def test_the_message_knows_its_unit_key_and_origin() -> None:
    event = dossier_event()
    message = encode(event, SETTINGS)
    assert (message.operation, message.key, message.headers) == (
        "DongBoHoSoMC",
        CODE,
        {"unit": UNIT},
    )
    assert message == encode(event, SETTINGS)


@pytest.mark.parametrize("status", ["5", "6", "8"])
def test_a_pause_is_never_told_as_finished(status: str) -> None:
    assert said(dossier_event(TrangThaiHoSo=status))["TrangThaiHoSo"] == status
    assert said(step_event(TrangThai=status))["TrangThai"] == status


def test_a_dossier_without_term_says_so_and_nothing_else() -> None:
    item = said(dossier_event(NgayHenTra="", NgayKetThucXuLy=""))
    assert (item["NgayHenTra"], item["TrangThaiHoSo"]) == ("", "2")


def test_a_long_officer_name_is_cut_at_fifty_characters() -> None:
    assert said(step_event(NguoiXuLy="Đ" * 51))["NguoiXuLy"] == "Đ" * 50


def test_a_step_of_an_unknown_status_is_processing_unless_forbidden() -> None:
    assert said(step_event(TrangThai="11"))["TrangThai"] == "4"
    with pytest.raises(EncodeError, match=r"^/TrangThai: "):
        said(step_event(TrangThai="11"), unknown_step_status_code="")


UNSAYABLE = [
    ({"TrangThaiHoSo": "0"}, "/TrangThaiHoSo"),
    ({"TrangThaiHoSo": "11"}, "/TrangThaiHoSo"),
    ({"NgayTiepNhan": ""}, "/NgayTiepNhan"),
    ({"NgayTiepNhan": "05/01/2026"}, "/NgayTiepNhan"),
    ({"TrichYeuHoSo": "x" * 1001}, "/TrichYeuHoSo"),
    ({"DinhDanhCHS": []}, "/DinhDanhCHS"),
    ({"DinhDanhCHS": [{"LoaiDinhDanh": "1", "SoDinhDanh": "1"}]}, "/DinhDanhCHS/0/SoDinhDanh"),
    ({"KenhThucHien": "9"}, "/KenhThucHien"),
    ({"MaTTHC": "khai sinh"}, "/MaTTHC"),
]


@pytest.mark.parametrize(("fields", "path"), UNSAYABLE, ids=lambda value: str(value)[:40])
def test_what_the_portal_would_refuse_cannot_be_encoded(fields: dict[str, Any], path: str) -> None:
    with pytest.raises(EncodeError) as caught:
        said(dossier_event(**fields))
    assert caught.value.path == path
    assert first_fault({**DOSSIER, **fields}, DOSSIER_RULES, "").startswith(f"{path}: ")


def test_an_interface_of_2020_needs_no_fields_of_2023() -> None:
    event = dossier_event(KenhThucHien=None, NoiNopHoSo=None, DinhDanhCHS=None)
    assert "KenhThucHien" not in said(event, form_year=2020)
    with pytest.raises(EncodeError):
        said(event)


TEXTS = st.text(st.characters(codec="utf-8"), max_size=1200)


@given(name=st.sampled_from(sorted(DOSSIER_RULES)), value=TEXTS | st.integers(0, 12).map(str))
def test_whatever_is_encoded_the_portal_takes(name: str, value: str) -> None:
    """Two readings of one document: the hub's rules refuse all that the portal's table does."""
    if isinstance(DOSSIER.get(name, ""), list) or DOSSIER_RULES[name].items is not None:
        return
    try:
        item = said(dossier_event(**{name: value}))
    except MessageError:
        return
    assert first_fault(item, DOSSIER_RULES, "") == ""


STATES = st.fixed_dictionaries(
    {
        "TrangThai": st.sampled_from([str(code) for code in range(1, 12)]),
        "MaHoSo": st.just("G22.99-260105-000012"),
        "MaHoSoDonVi": st.sampled_from(["", CODE]),
        "MaDoiTuong": TEXTS,
        "NoiDung": TEXTS,
        "NgayXuLy": st.datetimes(datetime(2020, 1, 1), datetime(2099, 1, 1)).map(write_stamp),
        "TaiLieuXuLy": st.lists(st.fixed_dictionaries({"TenTepDinhKem": TEXTS}), max_size=2),
    }
)


@given(STATES)
def test_a_state_keeps_every_field_there_and_back(item: dict[str, Any]) -> None:
    (event,) = decode(message(json.dumps(item).encode(), "state"), SETTINGS)
    assert isinstance(event, Event)
    assert said(event) == item
