"""What the hub remembers of an order, at its alias: how far it is, and for which request."""

from __future__ import annotations

from collections.abc import Mapping
from hashlib import sha256

from hub.connector import Ground, Request
from hub.errors import Rejected, Unavailable
from hub.event import Alias
from hub.schemas.post import order_alias

BEGUN, TAKEN, REFUSED, CANCELLED = "begun", "taken", "refused", "cancelled"
AGAIN = "again"
"""States: sent and not answered; taken; refused; cancelled; sent under a number that had been
cancelled."""


def alias_of(request: Request) -> tuple[str, str]:
    """Kind and value of the alias of a request's order."""
    headers = request.message.headers
    return order_alias(headers["customer_code"], headers["order_number"])


def digest(request: Request) -> str:
    """What tells one order from another under the same number; nothing personal can be read."""
    return sha256(request.message.body).hexdigest()


def taken(request: Request) -> dict[str, str]:
    """Of an order that the post has."""
    return {"state": TAKEN, "order": digest(request), "taken_by": request.operation_key}


def cancelled(request: Request) -> dict[str, str]:
    """Of an order that is cancelled."""
    return {"state": CANCELLED, "cancelled_by": request.operation_key}


async def remember(ground: Ground, request: Request, facts: Mapping[str, str]) -> Alias:
    """Remember what the post did; the alias for the reply, with what could not be stored.

    A store that is away must not say "not taken" of what the post has. And the reply, which is
    given once more when a request is delivered again, tells nothing of the order's state then.
    """
    kind, value = alias_of(request)
    if facts:
        try:
            await ground.remember([Alias(kind, value, request.event.subject, facts)])
        except Unavailable:
            return Alias(kind, value, request.event.subject, facts)
    return Alias(kind, value, request.event.subject)


def another(code: str) -> Rejected:
    """The number is another order's."""
    return Rejected(
        "the order number belongs to an order with other content; raise data.number",
        foreign_code=code,
    )


def unclear(code: str) -> Rejected:
    """The number was cancelled, ordered again without an answer, and exists: which order is it?"""
    return Rejected(
        "whether the order that followed a cancelled one was taken is not known; ask the post "
        "before data.number is raised",
        foreign_code=code,
    )
