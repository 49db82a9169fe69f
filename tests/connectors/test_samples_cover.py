"""Stored samples show every documented code, every optional field and every known oddity.

The tables in `coverage_tables.py` and `coverage_documents.py` are written from the documents of the
systems, never from a connector: a code that a connector drops is missed here.
"""

from __future__ import annotations

from collections.abc import Iterable

import pytest

from hub.event import Event
from tests.connectors import coverage_documents, coverage_tables
from tests.connectors.contract import SAMPLES_COUNT, Folder, importable
from tests.connectors.coverage import (
    Codes,
    Fields,
    Oddity,
    Where,
    missing_codes,
    missing_fields,
    shown_in,
)

TABLES = "tests/connectors/coverage_tables.py"
CODES: list[Codes] = [*coverage_tables.CODES, *coverage_documents.CODES]
FIELDS: list[Fields] = [*coverage_tables.FIELDS, *coverage_documents.FIELDS]
ODDITIES: list[Oddity] = [*coverage_tables.ODDITIES, *coverage_documents.ODDITIES]


@pytest.mark.parametrize("table", CODES, ids=lambda table: f"{table.where} {table.field}")
def test_every_documented_code_stands_in_a_sample(table: Codes) -> None:
    _refuse(table, missing_codes(table))


@pytest.mark.parametrize("table", FIELDS, ids=lambda table: table.where)
def test_every_optional_field_is_there_once_and_missing_once(table: Fields) -> None:
    _refuse(table, missing_fields(table))


@pytest.mark.parametrize("oddity", ODDITIES, ids=lambda oddity: f"{oddity.where}: {oddity.says}")
def test_every_known_oddity_has_a_sample(oddity: Oddity) -> None:
    _refuse(oddity, [] if shown_in(oddity) else [f"{oddity.says}: shown by no sample, or by all"])


def _refuse(table: Codes | Fields | Oddity, told: Iterable[str]) -> None:
    """Fail with one line each: the file of the table, its samples, and what they lack."""
    lines = [f"{_file_of(table)}: {table.where}: {each}" for each in told]
    if lines:
        pytest.fail("\n".join(lines), pytrace=False)


def _file_of(table: Codes | Fields | Oddity) -> str:
    module = coverage_documents
    if table in (*module.CODES, *module.FIELDS, *module.ODDITIES):
        return "tests/connectors/coverage_documents.py"
    return TABLES


@pytest.mark.parametrize("kind", importable())
def test_every_form_in_each_direction_is_in_a_table(kind: str) -> None:
    """Neither a connector nor one of its forms is forgotten, and each has enough samples."""
    told = []
    folder = Folder.of(importable()[kind])
    for part, name in [(folder, kind), *((p, f"{kind}/{p.path.name}") for p in folder.profiles)]:
        for direction in ("in", "out"):
            samples = part.samples(direction)
            for form in sorted({sample.form for sample in samples}):
                place = f"{name} {direction} {form}"
                if sum(sample.form == form for sample in samples) < SAMPLES_COUNT:
                    told.append(f"{place}: fewer than {SAMPLES_COUNT} samples")
                if not Where(place).samples:
                    told.append(f"{place}: no sample of it is readable")
                if not any(_about(table.where, place) for table in (*CODES, *FIELDS)):
                    told.append(f"{place}: no row in CODES or FIELDS of {TABLES} is about it")
    if told:
        pytest.fail("\n".join(told), pytrace=False)


def _about(where: str, place: str) -> bool:
    """Whether a table that is about these samples is about that form of them."""
    (name, direction, *forms), (*rest, form) = where.split(), place.split()
    return [name, direction] == rest and (not forms or form in forms)


RESPONSES = (
    *("00", "01", "02", "03", "04", "05", "06", "07", "08", "09", "10", "11", "12", "13"),
    *("24", "51", "65", "75", "79", "99"),
)
"""Every `vnp_ResponseCode`; a sample of each would show nothing more than the code."""


@pytest.mark.parametrize("response", RESPONSES)
@pytest.mark.parametrize("status", coverage_tables.VNPAY_STATUSES)
def test_every_code_of_a_callback_is_reported_as_what_it_claims(response: str, status: str) -> None:
    folder = Folder.of(importable()["payment_gateway"])
    text = (folder.path / "samples/in/ipn/paid.query").read_text()
    for name, code in (("ResponseCode", response), ("TransactionStatus", status)):
        assert f"vnp_{name}=00&" in text
        text = text.replace(f"vnp_{name}=00&", f"vnp_{name}={code}&")
    (event,) = folder.decode(text.encode(), "ipn")
    assert isinstance(event, Event)
    said = event.to_json()["data"]
    assert (said["response_code"], said["status_code"]) == (response, status)
    if status in ("05", "06"):
        claim = "refunded"
    elif response == "07" or status in ("01", "04", "07", "09"):
        claim = "pending"
    else:
        claim = "paid" if response == status == "00" else "failed"
    assert said["claim"] == claim


def test_what_samples_lack_is_told_with_the_file_of_the_table() -> None:
    table = Fields("national_portal in state", "MaHoSo")
    told = f"{TABLES}: national_portal in state: MaHoSo: missing in no sample"
    with pytest.raises(pytest.fail.Exception, match=told):
        test_every_optional_field_is_there_once_and_missing_once(table)


def test_a_code_that_is_dropped_would_be_missed() -> None:
    """The tables bite: of a code that no sample has, of a wrong meaning and of a field."""
    where = "national_portal in state"
    wrong = Codes(where, "TrangThai", "status", {"5": "finance", "12": "", "4": "processing"})
    assert list(missing_codes(wrong)) == [
        "TrangThai 5: no event says status finance",
        "TrangThai 12: no sample",
    ]
    assert list(missing_fields(Fields(where, "MaHoSo NoSuchField"))) == [
        "MaHoSo: missing in no sample",
        "NoSuchField: filled in no sample",
    ]
    assert not shown_in(Oddity(where, "in none", "NoSuchField"))
    assert not shown_in(Oddity(where, "in all", "MaHoSo"))
