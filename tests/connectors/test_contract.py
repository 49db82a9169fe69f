"""Every connector's folder keeps the contract; who adds a folder gets these tests for nothing."""

from __future__ import annotations

import pytest

from hub.connector import discover
from hub.errors import ConfigError
from tests.connectors import contract, hostile, outside, passing, privacy
from tests.connectors.contract import Check, Folder, samples_are_readable
from tests.connectors.reading import Unreadable, place_of

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
    told = problems(check, folder_of(kind, check))
    if told:
        pytest.fail("\n".join(told), pytrace=False)


def folder_of(kind: str, check: Check) -> Folder:
    """The folder; one that cannot be imported fails one check, and the others are skipped."""
    try:
        return Folder.of(discover()[kind])
    except ConfigError as error:
        told = str(error)
    if check is samples_are_readable:
        pytest.fail(told, pytrace=False)
    pytest.skip(told)


def problems(check: Check, folder: Folder) -> list[str]:
    """What is wrong, one line each; what the folder's own code raised is told by its place.

    A check that cannot read the samples is skipped if `samples_are_readable` says so anyway.
    """
    try:
        return list(check(folder))
    except Unreadable as unreadable:
        if str(unreadable) in list(samples_are_readable(folder)):
            pytest.skip(f"{unreadable}; see samples_are_readable")
        return [str(unreadable)]
    except Exception as error:  # the folder's own code may raise anything
        place = place_of(error, folder.path)
        if not place:
            raise  # a bug of the check
        return [f"{type(error).__name__}{place}: a bug of the connector"]
