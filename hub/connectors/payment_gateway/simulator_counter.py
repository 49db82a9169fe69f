"""The citizen in front of the simulated gateway, and the gateway's calls to the hub."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

import aiohttp
import orjson
from yarl import URL

from hub.connectors.payment_gateway.simulator_book import Order, Transaction
from hub.connectors.payment_gateway.simulator_payplat import Payplat
from hub.connectors.payment_gateway.simulator_vnpay import Vnpay
from hub.simulation import Call, Duplicate, Item, Simulation, TimeoutWithoutEffect

TIMEOUT_SECONDS = 30
TAKEN = ("00", "02")
"""Answers after which the gateway does not call again."""


class Counter:
    """Pays orders as told, and calls the hub about them.

    Args:
        bank: the gateway's side.
        simulation: its fault script and log.
        callback_url: the hub's endpoint.
    """

    def __init__(self, bank: Vnpay | Payplat, simulation: Simulation, callback_url: str) -> None:
        self.bank = bank
        self._simulation = simulation
        self._callback_url = callback_url
        self._waiting: list[tuple[Order, Transaction]] = []

    async def pay(self, said: Mapping[str, Any]) -> dict[str, Any]:
        """The citizen pays an order.

        Args:
            said: `pay_url` (the browser opens it first) or `reference`; how it ends:
                `response_code`, `status_code`, `amount`; `late`: pay although it has expired;
                `callbacks`: how often the gateway calls back (1; 0 never); `spoil`: with a wrong
                hash; `claimed_amount`: with another amount than was paid; `redirect`: `after` the
                callback, `before` it, or `none`.

        Returns:
            `reference`, `transaction`, the hub's `answers`, and the status of the `page`; or
            `error`.
        """
        order = self._order(said)
        if order is None:
            return {"error": "no such order"}
        if self.bank.book.clock() > order.expires and not said.get("late"):
            return {"error": "expired"}
        paid = self.bank.book.pay(order, said, good=self.bank.good)
        page = None
        if said.get("redirect") == "before":
            page = await self._browse(order, paid)
        answers = await self._notify(order, paid, said)
        if said.get("redirect") == "after":
            page = await self._browse(order, paid)
        return {
            "reference": order.reference,
            "transaction": paid.number,
            "answers": answers,
            "page": page,
        }

    async def again(self) -> list[str]:
        """Call again about everything that the hub has not taken; its answers."""
        waiting, self._waiting = self._waiting, []
        return [await self._call(order, paid, {}) for order, paid in waiting]

    async def repeat(self, said: Mapping[str, Any]) -> list[str]:
        """Call about every transaction once more, with these codes instead of its own.

        Args:
            said: `response_code`, `status_code`; `reference`: only about that order.
        """
        codes = {"response": said.get("response_code"), "status": said.get("status_code")}
        changed = {name: str(code) for name, code in codes.items() if code is not None}
        return [
            await self._call(order, Transaction(**{**vars(paid), **changed}), {})
            for order in self.bank.book.orders.values()
            for paid in order.transactions
            if said.get("reference") in (None, order.reference)
        ]

    def _order(self, said: Mapping[str, Any]) -> Order | None:
        orders = self.bank.book.orders
        url = str(said.get("pay_url", ""))
        if url and isinstance(self.bank, Vnpay):
            return self.bank.open(urlsplit(url).query)[0]
        return orders.get(urlsplit(url).path.rpartition("/")[2] or str(said.get("reference")))

    async def _notify(self, order: Order, paid: Transaction, said: Mapping[str, Any]) -> list[str]:
        verdict = self._simulation.player.pick("callback", order.reference)
        count = int(said.get("callbacks", 1))
        if isinstance(verdict.fault, Duplicate):
            count += 1
        if isinstance(verdict.fault, TimeoutWithoutEffect):
            count = 0
        return [await self._call(order, paid, said) for _ in range(count)]

    async def _call(self, order: Order, paid: Transaction, said: Mapping[str, Any]) -> str:
        """One callback; the code of the hub's answer, `none` if it had none."""
        claimed = Transaction(**{**vars(paid), "amount": said.get("claimed_amount", paid.amount)})
        body, code = b"", "none"
        try:
            async with aiohttp.ClientSession(
                timeout=aiohttp.ClientTimeout(total=TIMEOUT_SECONDS)
            ) as http:
                if isinstance(self.bank, Vnpay):
                    query = self.bank.notice(order, claimed)
                    query = _spoilt(query) if said.get("spoil") else query
                    body = query.encode()
                    code = await self._get(http, query)
                else:
                    notice = self.bank.notice(order, claimed)
                    if said.get("spoil"):
                        notice = self.bank.spoilt(notice)
                    body = orjson.dumps(notice)
                    code = await self._post(http, body)
        except (aiohttp.ClientError, TimeoutError, orjson.JSONDecodeError):
            code = "none"
        call = Call("callback", (Item(paid.number, order.reference, None, body),))
        self._simulation.log.write(self._simulation.system, call, code in TAKEN)
        if code not in TAKEN:
            self._waiting.append((order, paid))
        return code

    async def _get(self, http: aiohttp.ClientSession, query: str) -> str:
        async with http.get(URL(f"{self._callback_url}?{query}", encoded=True)) as answer:
            fields = orjson.loads(await answer.read())
            return str(fields.get("RspCode", "none"))

    async def _post(self, http: aiohttp.ClientSession, body: bytes) -> str:
        assert isinstance(self.bank, Payplat)  # noqa: S101 - the other bank calls by GET
        headers = {"Content-Type": "application/json"}
        async with http.post(self._callback_url, data=body, headers=headers) as answer:
            fields = orjson.loads(await answer.read())
            return self.bank.code_of(fields) if self.bank.answer_is_proved(fields) else "unproved"

    async def _browse(self, order: Order, paid: Transaction) -> int | None:
        """The browser comes back to the merchant's page; its HTTP status."""
        url = order.fields.get("vnp_ReturnUrl", "")
        if not isinstance(self.bank, Vnpay) or not url:
            return None
        async with aiohttp.ClientSession() as http:
            address = URL(f"{url}?{self.bank.notice(order, paid)}", encoded=True)
            async with http.get(address, allow_redirects=False) as page:
                return page.status


def _spoilt(query: str) -> str:
    head, _, proof = query.rpartition("=")
    return f"{head}={'0' * len(proof)}"
