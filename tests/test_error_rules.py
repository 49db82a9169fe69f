"""Every error of the hub is used, has a code of its own, and recovery knows what it means."""

from __future__ import annotations

import ast
import importlib
import pkgutil
import re

import pytest

import hub
from hub.connector import Repetition
from hub.errors import (
    ConfigError,
    DecodeError,
    EncodeError,
    Expired,
    HubError,
    MessageError,
    Misconfigured,
    OwnershipLost,
    Rejected,
    StoreAway,
    Unavailable,
    UnknownOutcome,
)
from hub.recovery import Action, History, decide
from hub.route import Terms
from tests.rules.tree import dotted, modules

FIRST_FAILURE: dict[type[HubError], Action] = {
    DecodeError: Action.DEAD,
    EncodeError: Action.DEAD,
    Expired: Action.DEAD,
    Rejected: Action.DEAD,
    Unavailable: Action.RETRY,
    Misconfigured: Action.HOLD,
    StoreAway: Action.HOLD,
    UnknownOutcome: Action.RETRY,
    OwnershipLost: Action.ABANDON,
}
"""What recovery does about each error at its first failure. A new error needs a row, and so a
reaction of its own; different wording is not a class."""

NEVER_RAISED = {HubError, MessageError}
"""What stands above others and is never raised itself."""


def every_error() -> set[type[HubError]]:
    """Every subclass of HubError in the hub, itself included."""
    for info in pkgutil.walk_packages(hub.__path__, "hub."):
        if not re.search(r"\.migrations(\.|$)|__main__$", info.name):
            importlib.import_module(info.name)
    found = {HubError}
    waiting = [HubError]
    while waiting:
        below = waiting.pop().__subclasses__()
        found |= {error for error in below if error.__module__.startswith("hub.")}
        waiting += below
    return found


ERRORS = sorted(every_error(), key=lambda error: error.__name__)
AT_START = {error for error in ERRORS if issubclass(error, ConfigError)}
DOOR = re.compile(r"hub\.(body|gateway(\.\w+)*|connectors\.\w+\.(endpoints|intake|replies))")
AT_THE_DOOR = {error for error in ERRORS if DOOR.fullmatch(error.__module__)}
"""What only a sender hears: raised and answered before there is a message to decide about."""
TOOLS = re.compile(r"hub\.(bench|demo|reliability)\b")
OF_TOOLS = {error for error in ERRORS if TOOLS.match(error.__module__)}
"""What ends a tool that plays with a hub, not a hub."""


def names_called() -> set[str]:
    """The last names of everything that the hub's code calls or raises."""
    found = set()
    for module in modules("hub"):
        for node in ast.walk(module.tree):
            if isinstance(node, ast.Call):
                found.add(dotted(node.func).rpartition(".")[2])
            elif isinstance(node, ast.Raise) and node.exc is not None:
                found.add(dotted(node.exc).rpartition(".")[2])
    return found


def test_every_error_is_raised_somewhere() -> None:
    called = names_called()
    unused = [e.__name__ for e in ERRORS if e not in NEVER_RAISED and e.__name__ not in called]
    assert unused == []


def test_every_error_that_a_message_can_meet_has_a_row_in_the_table() -> None:
    assert set(ERRORS) - NEVER_RAISED - AT_START - AT_THE_DOOR - OF_TOOLS == set(FIRST_FAILURE)


@pytest.mark.parametrize(("error", "action"), FIRST_FAILURE.items())
def test_recovery_reacts_to_the_class_whatever_the_text(
    error: type[HubError], action: Action
) -> None:
    history = History(1, 0, 0.0, Repetition.HARMLESS)
    for text in ("", "already exists", "time out, try again"):
        decision = decide(error(text), history, Terms())
        assert (decision.action, decision.reason) == (action, error.code)


def test_every_error_has_a_fixed_code_of_its_own() -> None:
    codes = [error.code for error in ERRORS if "code" in vars(error)]
    assert len(set(codes)) == len(codes)
    assert all(re.fullmatch(r"[a-z][a-z_]*", code) for code in codes)


def test_an_error_is_a_whole_sentence_on_the_screen_of_errors() -> None:
    for error in ERRORS:
        assert (error.__doc__ or "").strip().splitlines()[0].endswith((".", ").")), error
