"""The demo's one-stop product: the simulated one, set up with the unit's account at the hub."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

from hub.connectors.one_stop.simulator import (
    Address,
    CallingProduct,
    Counterparts,
    OneStopProduct,
)
from hub.demo.cast import CUSTOMER, PARTNER, PASSWORD
from hub.demo.deployment import PORTAL_MEMBER, Deployment
from hub.demo.playing import Send
from hub.demo.processes import DemoFailed
from hub.demo.wire import FORM, Call

TRIES = 30
WAIT_SECONDS = 1.0


@asynccontextmanager
async def product_of(deployment: Deployment) -> AsyncIterator[Send]:
    """How the product of the call's unit makes it; it repeats what was refused, as products do.

    `Send` raises DemoFailed when the hub still refuses after half a minute.
    """
    async with AsyncExitStack() as stack:
        products = {
            unit: await stack.enter_async_context(OneStopProduct(_address(deployment, unit)))
            for unit in deployment.place.units
        }

        async def send(call: Call) -> None:
            product = products[call.code.partition("-")[0]]
            if call.service == FORM:
                taken = await product.send_dossiers(call.items, is_updating=call.updating)
            else:
                taken = await product.send_progress(call.items)
            if not taken:
                await _catch_up(product, call)

        yield send


@asynccontextmanager
async def desks_of(deployment: Deployment) -> AsyncIterator[dict[str, CallingProduct]]:
    """The products of the place's units as they call their counterparts, by unit."""
    async with AsyncExitStack() as stack:
        yield {
            unit: await stack.enter_async_context(
                CallingProduct(
                    Counterparts(
                        deployment.gateway_url,
                        unit=unit,
                        username=unit,
                        password=deployment.password,
                        partner=PARTNER,
                        secret=PASSWORD,
                        customer=CUSTOMER,
                    )
                )
            )
            for unit in deployment.place.units
        }


def _address(deployment: Deployment, unit: str) -> Address:
    return Address(
        url=deployment.gateway_url,
        unit=unit,
        username=unit,
        password=deployment.password,
        dstcode=PORTAL_MEMBER,
    )


async def _catch_up(product: OneStopProduct, call: Call) -> None:
    for _ in range(TRIES):
        await asyncio.sleep(WAIT_SECONDS)
        await product.send_waiting()
        if not any(call.code in sending.codes for sending in product.waiting):
            return
    refusals = ", ".join(
        f"{count} x {name}" for name, count in product.counts.items() if "refusals" in name
    )
    raise DemoFailed(f"The hub does not take {call.service} of {call.code} ({refusals}).")
