"""Numbered points at which the crash matrix kills this process (`kill -9`).

`HUB_CRASH=after_call:3` kills at the third passing of `after_call`. Without it, a point costs one
comparison. Only the tests of reliability set it.
"""

from __future__ import annotations

import os
import signal

POINTS = (
    "after_fetch",
    "after_decode",
    "before_produce",
    "after_produce",
    "after_transaction",
    "after_take",
    "after_encode",
    "before_call",
    "after_call",
    "before_park_write",
    "after_park_write",
    "after_outcome_flush",
    "before_commit",
    "after_commit",
    "after_drain_call",
    "after_recorder_write",
)
"""Those that a flow of dossiers to one portal passes."""

MORE_POINTS = (
    "after_effect_begun",
    "after_effect_taken",
    "after_polled",
    "after_poll_accept",
    "after_poll_cursor",
)
"""Those that only connectors with a ledger or a poller pass."""

_wanted, _, _times = os.environ.get("HUB_CRASH", "").partition(":")
_left = int(_times or 1)


def point(name: str) -> None:
    """Die here if the crash matrix asks for it."""
    global _left
    if name != _wanted:
        return
    _left -= 1
    if _left <= 0:
        os.kill(os.getpid(), signal.SIGKILL)
