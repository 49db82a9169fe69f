"""Errands: what citizens, bank and post do about the dossiers while these are played.

Right after its receipt a dossier that is paid online gets its payment ordered through the hub; the
citizen opens the page that the hub answered with, is led to the gateway, and pays there. When its
result is ready, a dossier that is returned by post gets its parcel ordered, and is only told as
returned when the parcel has been delivered.
"""

from __future__ import annotations

import asyncio
from asyncio import Semaphore, TaskGroup
from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterator, Mapping
from typing import Any

import aiohttp

from hub.connectors.one_stop.simulator import CallingProduct
from hub.demo.checks import Checks, Row, decoded
from hub.demo.counters import Counters
from hub.demo.papers import order, payment
from hub.demo.processes import DemoFailed
from hub.demo.scenario import Scenario
from hub.demo.screen import Part
from hub.demo.wire import FORM, Call, Dossier
from hub.store import Store

SIDE_BY_SIDE = 16
"""Citizens in front of the payment page at the same time."""
TRIES, WAIT_SECONDS = 30, 1.0
LOOK_SECONDS = 0.5
TAKEN_BY_POST = ("100", "101")
DELIVERED = "90"

Desks = Mapping[str, CallingProduct]
"""The one-stop product of each unit, as it calls its counterparts."""


async def insisted(
    what: str, ask: Callable[[], Awaitable[Any]], is_taken: Callable[[Any], bool]
) -> Any:
    """What `ask` is answered once it is taken; products ask again when they are refused.

    Raises:
        DemoFailed: it is not taken for half a minute.
    """
    reply: Any = {}
    for _ in range(TRIES):
        try:
            reply = await ask()
        except (aiohttp.ClientError, TimeoutError, ValueError) as error:
            reply = {"error": type(error).__name__}
        if is_taken(reply):
            return reply
        await asyncio.sleep(WAIT_SECONDS)
    raise DemoFailed(f"The hub does not take {what}: {reply}")


class Errands:
    """Payments and parcels of a scenario.

    Args:
        at: the counterparts.
        scenario: whose dossiers pay and post.
        desks: who orders.
        tasks: runs what takes its time.
        repeats: whether the hub may have had to ask a second time.
    """

    def __init__(
        self,
        at: Counters,
        scenario: Scenario,
        desks: Desks,
        *,
        tasks: TaskGroup,
        repeats: Callable[[], bool],
    ) -> None:
        self._repeats = repeats
        self._at = at
        self._scenario = scenario
        self._desks = desks
        self._tasks = tasks
        self._turn = Semaphore(SIDE_BY_SIDE)
        self._delivered: defaultdict[str, asyncio.Event] = defaultdict(asyncio.Event)
        self._paid = 0
        self._unanswered = 0
        if scenario.posted:
            tasks.create_task(self._watch_post())

    def parts(self) -> Iterator[Part]:
        """How far they are."""
        if self._scenario.paying:
            yield Part("paid online", self._paid, len(self._scenario.paying))
        if self._scenario.posted:
            done = sum(event.is_set() for event in self._delivered.values())
            yield Part("delivered by post", done, len(self._scenario.posted))

    async def before(self, call: Call) -> None:
        """Return when a call may be made: nothing is returned before the post has delivered it."""
        if call.code in self._scenario.posted and _status(call) == "10":
            await self._delivered[call.code].wait()

    async def after(self, call: Call) -> None:
        """Do what follows a call that was made."""
        status = _status(call)
        if status == "2" and (paying := self._scenario.paying.get(call.code)):
            page = await self._order_payment(paying)
            self._tasks.create_task(self._pay(page))
        if status == "9" and (posted := self._scenario.posted.get(call.code)):
            told = order(posted.code, posted.unit_name, posted.person)
            desk = self._desks[_unit(posted)]
            await insisted(
                f"the parcel of {posted.code}",
                lambda: desk.order_post(**told),
                lambda reply: reply.get("Status") in TAKEN_BY_POST,
            )

    async def checks(self, store: Store) -> Checks:
        """Payments, receipts and parcels at the counterparts, and in the hub's timeline."""
        rows = [*await self._payments(), *await self._parcels()]
        seen = await decoded(store)
        paying, posted = len(self._scenario.paying), len(self._scenario.posted)
        wanted = dict.fromkeys(PAYMENT_EVENTS, paying) | dict.fromkeys(POST_EVENTS, posted)
        rows += [(f"{kind} in the timeline", seen[kind], count) for kind, count in wanted.items()]
        return Checks("Payments and parcels", tuple(rows))

    async def _payments(self) -> list[Row]:
        bank, receipts, product = [
            await self._at.state(kind) for kind in ("payment_gateway", "e_receipt", "one_stop")
        ]
        count = len(self._scenario.paying)
        amount = sum(one.fee_vnd for one in self._scenario.paying.values())
        told = product.get("told", {})
        # A link whose answer was lost is asked for again; nobody pays the first one.
        orders = max(count, bank["orders"]) if self._repeats() else count
        return [
            ("payments ordered, at the gateway", bank["orders"], orders),
            ("payments paid", bank["paid"], count),
            ("paid, VND", bank["paid_vnd"], amount),
            ("paid twice", bank["paid_twice"], 0),
            ("callbacks left without an answer", self._unanswered, 0),
            ("receipts issued", receipts["receipts"], count),
            ("receipts, VND", receipts["issued_vnd"], amount),
            ("payments told to the one-stop", told.get("CONFIRM", 0), count),
            ("receipts told to the one-stop", told.get("ThongBaoBienLai", 0), count),
        ]

    async def _parcels(self) -> list[Row]:
        post, count = await self._at.state("public_post"), len(self._scenario.posted)
        return [
            ("parcels ordered, at the post", post["parcels"], count),
            ("parcels delivered", post["by_status"].get(DELIVERED, 0), count),
            ("deliveries that the one-stop has read", await self._read_deliveries(), count),
        ]

    async def _read_deliveries(self) -> int:
        """How many parcels the product knows as delivered, once it has read all that waits."""
        if not self._scenario.posted:
            return 0
        desk = next(iter(self._desks.values()))
        while await desk.track():
            pass
        rows = desk.rows.values()
        return len({row["OrderNumber"] for row in rows if row["StatusCode"] == DELIVERED})

    async def _order_payment(self, dossier: Dossier) -> str:
        """Order a payment; the page to which the citizen goes."""
        desk, told = self._desks[_unit(dossier)], payment(dossier)
        reply = await insisted(
            f"the payment of {dossier.code}",
            lambda: desk.order_payment(**told),
            lambda reply: "UrlThanhToan" in reply.get("inner", {}),
        )
        return str(reply["inner"]["UrlThanhToan"])

    async def _pay(self, page: str) -> None:
        async with self._turn:
            asked = {"pay_url": await self._at.linked(page), "redirect": "after"}
            done = await self._at.tell("payment_gateway", "/_control/pay", asked)
        self._unanswered += "none" in done["answers"]
        self._paid += 1

    async def _watch_post(self) -> None:
        """Notice what the post has delivered, until all is."""
        left = set(self._scenario.posted)
        while left:
            await asyncio.sleep(LOOK_SECONDS)
            for parcel in await self._at.get("public_post", "/_control/parcels"):
                # The second order of a dossier has a number behind its code.
                code = "-".join(str(parcel["sent"]["OrderNumber"]).split("-")[:3])
                if DELIVERED in parcel["told"] and code in left:
                    self._delivered[code].set()
                    left.remove(code)


PAYMENT_EVENTS = (
    "payment.order_requested",
    "payment.requested",
    "payment.confirmed",
    "receipt.issued",
)
POST_EVENTS = ("post.order_requested", "post.order_accepted", "post.delivered")


def _status(call: Call) -> str:
    """The status that a form tells; `` of steps."""
    return str(call.items[0]["TrangThaiHoSo"]) if call.service == FORM else ""


def _unit(dossier: Dossier) -> str:
    return dossier.code.partition("-")[0]
