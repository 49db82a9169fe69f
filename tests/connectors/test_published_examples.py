"""Examples that documents print, beside the hashes: read, written and passed on as they stand.

Vectors of hashes and dates stand with what makes them: `test_payment_gateway_wire.py`,
`test_document_exchange.py`, `tests/test_duedate.py`.
"""

from __future__ import annotations

import json
import re
from datetime import date

import pytest
from pydantic import TypeAdapter

from hub.connector import discover
from hub.connectors.document_exchange.settings import DOSSIER_CODE
from hub.event import Event
from hub.schemas.document import Document, Organisation
from hub.settings.model import UnitId
from hub.wire.edxml.writing import document_id_of
from tests.connectors.contract import Folder


def test_the_document_s_id_is_the_printed_one() -> None:
    letter = Document(
        sender=Organisation(id="000.00.00.G22"),
        number="7816",
        notation="VPCP-TTĐT",
        promulgated_on=date(2015, 9, 30),
    )
    assert document_id_of(letter) == "000.00.00.G22,2015/09/30,7816/VPCP-TTĐT"


@pytest.mark.parametrize(
    "organ_id",
    [
        *("000.00.00.G22", "000.00.00.H41", "000.00.01.H22", "002.00.20.H13"),
        *("G22.99.15", "H26", "H56.14", "H15.50.05.13", "vxp.saas.99"),
    ],
)
def test_every_printed_organisation_id_can_be_a_unit(organ_id: str) -> None:
    assert TypeAdapter(UnitId).validate_python(organ_id) == organ_id


@pytest.mark.parametrize(
    "code",
    [
        *("H56.14-240105-0001", "H56-260105-0001", "H99.01-260105-0001"),
        *("000.00.01.H22-260105-0001", "G22.99.01-260105-000123", "H99.01-260105-1500015"),
    ],
)
def test_every_printed_dossier_code_is_found_in_a_title(code: str) -> None:
    found = re.search(DOSSIER_CODE, f"V/v lấy ý kiến hồ sơ {code}, đợt 1")
    assert found is not None
    assert found[0] == code


def test_the_printed_dossier_is_passed_on_word_for_word() -> None:
    one_stop, portal = (Folder.of(discover()[name]) for name in ("one_stop", "national_portal"))
    body = (one_stop.path / "samples/in/session/published_example.json").read_bytes()
    (event,) = one_stop.decode(body, "session")
    assert isinstance(event, Event)
    assert portal.connector.encode is not None
    written = portal.connector.encode(event.identify(None), portal.settings).body
    assert json.loads(written) == json.loads(body)["data"][0]
