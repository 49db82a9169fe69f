"""Look-ups that products make at the same address: passed through with the unit's account."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeGuard

from hub.connector import Inbox
from hub.connectors.one_stop.replies import (
    READ_REFUSED,
    TRY_AGAIN,
    UNKNOWN_OPERATION,
    Refused,
    found,
)
from hub.errors import HubError, Rejected
from hub.wire.dvcqg.rules import DOSSIER_CODE

LOOK_UP = "TraCuuHoSo"
ENVELOPE_FIELDS = {"session", "madonvi", "service"}


async def answer(
    inbox: Inbox, reads_from: str | None, unit: str, envelope: Mapping[str, Any]
) -> dict[str, Any]:
    """The reply to a read-only operation.

    `TraCuuHoSo` answers with what the portal has; what the hub has accepted is known too, also
    while the portal has not got it yet or does not answer.

    Args:
        inbox: for the peer that answers, and for what the hub has accepted.
        reads_from: connector instance that answers; none: look-ups are refused.
        unit: the session's unit.
        envelope: the whole call.

    Raises:
        Refused: `unknown_operation`, `read_refused`, `try_again`.
    """
    operation = envelope["service"]
    code = envelope.get("mahoso") if operation == LOOK_UP else None
    try:
        is_ours = _is_dossier_code(code) and await inbox.accepted(code)
    except HubError as error:
        raise Refused(TRY_AGAIN, unit=unit) from error
    ours = found([{"MaHoSo": code}]) if is_ours else None
    try:
        reply = await _passed_through(inbox, reads_from, unit, envelope)
    except Refused:
        if ours is None:
            raise
        return ours
    return ours if ours is not None and not reply.get("result") else reply


def _is_dossier_code(code: object) -> TypeGuard[str]:
    """Whether the hub can have accepted it; no other text reaches the store."""
    return isinstance(code, str) and DOSSIER_CODE.fullmatch(code) is not None


async def _passed_through(
    inbox: Inbox, reads_from: str | None, unit: str, envelope: Mapping[str, Any]
) -> dict[str, Any]:
    if reads_from is None:
        raise Refused(UNKNOWN_OPERATION, unit=unit)
    fields = {name: value for name, value in envelope.items() if name not in ENVELOPE_FIELDS}
    try:
        reply = await inbox.peer(reads_from).query(envelope["service"], unit, fields)
    except Rejected as error:
        raise Refused(READ_REFUSED, error.foreign_code, unit=unit) from error
    except HubError as error:
        raise Refused(TRY_AGAIN, unit=unit) from error
    return dict(reply)
