"""Payments under the references that products know, kept in the hub's ground.

A product orders under its own `MaThamChieu`; the gateway has another reference. They are bound
when the link is told: the latest order of the same dossier and amount that has no payment yet, else
the latest whose payment failed. What a product did not order it hears under the gateway's
reference.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import orjson

from hub.connector import Ground
from hub.connectors.one_stop.decode_payment import OWN_CODE, PAYMENT_ALIAS, payment_alias
from hub.connectors.one_stop.payplat import HASH, hash_of
from hub.connectors.one_stop.wire import CONFIRM
from hub.event import Alias

BOUND_ALIAS = "one_stop.payment_id"
"""Kind of the alias that leads from the gateway's reference to a product's order (fact `order`)."""

AGREED = ("amount_vnd", "currency")
LINKED, PAID, FAILED = "linked", "paid", "failed"
"""States of an order; none yet: it waits for its link."""


class Payments:
    """The orders of all products."""

    def __init__(self, ground: Ground) -> None:
        self._ground = ground

    async def linked(self, subject: str, body: Mapping[str, Any]) -> dict[str, Any]:
        """Bind a link to the product's order; the body under the product's reference."""
        order = await self._order(subject, body)
        url = str(body["UrlThanhToan"])
        facts = {
            "payment_id": str(body["MaThamChieu"]),
            "link": await self._ground.keep(url.encode(), "text/plain"),
        }
        if order.facts.get("state") not in (PAID, FAILED) or self._is_new(order, body):
            facts["state"] = LINKED
        await self._tell(order, facts)
        return {**body, **_names(order)}

    async def decided(self, subject: str, body: Mapping[str, Any], secret: str) -> dict[str, Any]:
        """Keep how a payment ended, for QUERY; the signed CONFIRM under the product's reference.

        A failure that is told after a success of the same order does not undo it.
        """
        order = await self._order(subject, body)
        told = {**body, "MaThamChieu": _reference(order)}
        told[HASH] = hash_of(told, CONFIRM, secret)
        state = PAID if told["MaLoi"] == "00" else FAILED
        if order.facts.get("state") != PAID or state == PAID:
            kept = await self._ground.keep(orjson.dumps(told), "application/json")
            facts = {"payment_id": str(body["MaThamChieu"]), "state": state, "confirm": kept}
            await self._tell(order, facts)
        return told

    async def receipted(self, body: Mapping[str, Any]) -> dict[str, Any]:
        """The facts of a receipt under the product's reference."""
        bound = await self._bound(str(body.get("MaThamChieu", "")))
        return dict(body) if bound is None else {**body, **_names(bound)}

    async def _order(self, subject: str, body: Mapping[str, Any]) -> Alias:
        """The order that a payment is for; a new one under the gateway's reference if none is."""
        payment_id = str(body["MaThamChieu"])
        bound = await self._bound(payment_id)
        if bound is not None:
            return bound
        partner = str(body.get("MaDoiTac", ""))
        agreed = {"amount_vnd": str(body["SoTien"]), "currency": str(body["MaTienTe"])}
        found = await self._ground.aliases(PAYMENT_ALIAS, subject=subject, facts=agreed)
        own = [each for each in found if each.value.startswith(f"{partner}/")]
        waiting = [each for each in own if "payment_id" not in each.facts]
        failed = [each for each in own if each.facts.get("state") == FAILED]
        free = waiting or failed
        return free[-1] if free else Alias(*payment_alias(partner, payment_id), subject, agreed)

    async def _bound(self, payment_id: str) -> Alias | None:
        bound = await self._ground.alias(BOUND_ALIAS, payment_id)
        return None if bound is None else await self._ground.alias(PAYMENT_ALIAS, _order_of(bound))

    async def _tell(self, order: Alias, facts: Mapping[str, str]) -> None:
        agreed = {name: order.facts[name] for name in AGREED if name in order.facts}
        known = Alias(order.kind, order.value, order.subject, {**agreed, **facts})
        bound = Alias(BOUND_ALIAS, facts["payment_id"], order.subject, {"order": order.value})
        await self._ground.remember([known, bound])

    @staticmethod
    def _is_new(order: Alias, body: Mapping[str, Any]) -> bool:
        return order.facts.get("payment_id") != str(body["MaThamChieu"])


def _order_of(bound: Alias) -> str:
    return bound.facts["order"]


def _reference(order: Alias) -> str:
    return order.value.partition("/")[2]


def _names(order: Alias) -> dict[str, str]:
    """What the product calls payment and dossier, where the dossier has two codes."""
    own = order.facts.get(OWN_CODE)
    return {"MaThamChieu": _reference(order)} | ({"MaHoSo": own} if own else {})
