"""Every connector's folder keeps the contract; who adds a folder gets these tests for nothing."""

from __future__ import annotations

import pytest

from hub.connector import discover
from tests.connectors import contract, hostile, outside, passing, privacy
from tests.connectors.contract import Check, Folder
from tests.connectors.reading import Unreadable

CHECKS = (
    *contract.CHECKS,
    *hostile.CHECKS,
    *outside.CHECKS,
    *passing.CHECKS,
    *privacy.CHECKS,
)


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
@pytest.mark.parametrize("kind", discover())
def test_a_connector_keeps_the_contract(kind: str, check: Check) -> None:
    try:
        broken = list(check(Folder.of(discover()[kind])))
    except Unreadable as unreadable:
        broken = [str(unreadable)]
    if broken:
        pytest.fail("\n".join(broken), pytrace=False)
