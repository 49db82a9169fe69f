"""What a delivery gives back: the message for the way in, and what is remembered of the receipt."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import orjson

from hub.connector import Reply, Request
from hub.connectors.e_receipt.answers import Found, amount_of
from hub.connectors.e_receipt.encode import REPLACE
from hub.event import Alias
from hub.message import Message, name_id
from hub.schemas.receipt import FKEY_ALIAS


@dataclass(frozen=True, slots=True)
class Teller:
    """Who tells, and by which clock."""

    instance: str
    now: Callable[[], datetime]


def reply(
    teller: Teller, request: Request, found: Found | None, *, existed: bool, link: str = ""
) -> Reply:
    """The reply to one request.

    Args:
        teller: the connector instance.
        request: what was asked.
        found: the receipt; none: it was cancelled.
        existed: it had been there, or void, before.
        link: where the payer sees it.
    """
    message, told = request.message, _told(request)
    facts = {"state": "cancelled"}
    if found is not None:
        told |= {
            "pattern": found.pattern,
            "serial": found.serial,
            "number": found.number,
            "amount": message.headers["amount"],
            "issued_on": message.headers["issued_on"],
            "replaced_fkey": message.headers.get("replaced_fkey", ""),
            "link": link,
        }
        facts = {"state": "issued", "number": found.number, "amount": message.headers["amount"]}
    now = teller.now()
    inbound = Message(
        connector=teller.instance,
        operation=message.operation,
        body=orjson.dumps({**told, "existed": existed, "at": now.isoformat()}),
        key=request.event.subject,
        headers={"form": "reply", "unit": message.headers["unit"]},
        id=name_id(f"{request.operation_key} reply"),
        received_at=now,
        traceparent=message.traceparent,
    )
    aliases = [Alias(FKEY_ALIAS, message.headers["fkey"], request.event.subject, facts)]
    if message.operation == REPLACE:
        old = message.headers["replaced_fkey"]
        aliases.append(Alias(FKEY_ALIAS, old, request.event.subject, {"state": "replaced"}))
    return Reply((inbound,), tuple(aliases), found.number if found else "OK")


def differs(request: Request, found: Found) -> bool:
    """Whether the system shows another amount than ours; not if it shows none that can be read."""
    shown = amount_of(found.amount)
    return shown is not None and shown != int(request.message.headers["amount"])


def _told(request: Request) -> dict[str, Any]:
    """What every reply says, and decode needs."""
    headers, data = request.message.headers, request.event.data
    return {
        "subject": request.event.subject,
        "operation_key": request.operation_key,
        "operation": request.message.operation,
        "unit": headers["unit"],
        "code": getattr(data, "code", ""),
        "payment_id": headers["payment_id"],
        "fkey": headers["fkey"],
        "reason": getattr(data, "reason", ""),
    }
