"""What a repetition of each request does: who declares it wrongly has it done twice.

The engine sends HARMLESS again without a question. The table is written from what would happen on
the day on which an answer is lost, not from the code.
"""

from __future__ import annotations

import pytest

from hub.connector import Repetition
from tests.connectors.contract import importable

ASKED: dict[str, dict[str, float]] = {
    "document_exchange": {"sendEdoc edoc": 60},  # a second document under a number of its own
    "document_office": {"GuiHoSo": 0},  # signed and issued twice
    "e_receipt": {"ImportAndPublishInv": 5, "ReplaceInvoie": 5, "cancelInv": 5},  # two receipts
    "national_portal": {"DongBoKetQuaHoiDapGuiTuDVCQG": 0},  # two answers to one question
    "payment_gateway": {"refund": 600},  # the money twice
    "public_post": {"postDocument": 0},  # two parcels
}
"""What must be asked about first, and for how many seconds "not taken" may still become untrue."""

NOTICED = {
    "one_stop": {
        *("DongBoHoSoMC", "CapNhatTienDoHoSoMC"),
        *("ChuyenHoSoLienThong", "KetQuaHoSoLienThong"),
    },
    "petitions": {
        *("pakn.received", "pakn.assigned", "pakn.transferred", "pakn.answered"),
        *("pakn.published", "pakn.rejected", "pakn.redirected"),
    },
    "public_post": {"order/post"},
}
"""What the destination notices, and says so."""

HARMLESS = {
    "document_exchange": {"sendEdoc status"},
    "national_portal": {"DongBoHoSoMC", "CapNhatTienDoHoSoMC", "DongBoTrangThaiHoSo"},
    "one_stop": {
        *("CONFIRM", "ThongBaoThanhToan", "ThongBaoBienLai"),
        *("rh:doc", "GoiTinVanBan", "KhongGui"),
    },
    "payment_gateway": {"pay", "querydr", "INIT", "QUERY"},
    "provincial_portal": {
        *("DongBoHoSoMC", "CapNhatTienDoHoSoMC"),
        *("SyncDocument", "UpdateDocumentTraces"),
    },
    "public_post": {"order/cancel"},
}
"""What changes nothing the second time: the same state, the same row, a question."""

DANGEROUS: dict[str, set[str]] = {}
"""What happens twice, and nobody can ask; none so far."""


@pytest.mark.parametrize("kind", importable())
def test_each_request_declares_what_its_repetition_does(kind: str) -> None:
    operations = importable()[kind].operations
    asked = ASKED.get(kind, {})
    expected = {
        **dict.fromkeys(asked, Repetition.ASKABLE),
        **dict.fromkeys(NOTICED.get(kind, ()), Repetition.ANSWERED_AS_DUPLICATE),
        **dict.fromkeys(HARMLESS.get(kind, ()), Repetition.HARMLESS),
        **dict.fromkeys(DANGEROUS.get(kind, ()), Repetition.DANGEROUS),
    }
    declared = {name: each.repetition for name, each in operations.items()}
    told = [
        f"{kind}: {name}: declared {declared.get(name, 'nowhere')}; the tables of "
        f"tests/connectors/test_repetitions.py say {expected.get(name, 'nothing')}"
        for name in sorted(declared.keys() | expected.keys())
        if declared.get(name) != expected.get(name)
    ]
    if told:
        pytest.fail("\n".join(told), pytrace=False)
    assert {name: operations[name].settle_seconds for name in asked} == asked
