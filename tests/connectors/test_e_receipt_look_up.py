"""Looking a receipt up: what is shown for a key, and what certainly is ours of it."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from xml.sax.saxutils import escape

import pytest
from starlette.applications import Starlette
from starlette.requests import Request as WireRequest
from starlette.responses import Response
from starlette.routing import Route

from hub.connector import Answer
from hub.connectors.e_receipt.answers import Found, found_in
from hub.connectors.e_receipt.client import ReceiptClient
from hub.connectors.e_receipt.encode import CANCEL, ISSUE, REPLACE
from hub.errors import HubError, Misconfigured, Rejected, Unavailable, UnknownOutcome
from hub.event import Event
from hub.simulation import CallLog, running
from hub.wire.xml import XmlLimits
from tests.connectors.ground import MemoryGround
from tests.connectors.receipt_examples import (
    LINK,
    System,
    failed,
    paid,
    receipts,
    replaced,
    settings,
    void,
)

LOOK_UP, UNMARK, MARK = "listInvByCusFkey", "UnConfirmPaymentFkey", "confirmPaymentFkey"


async def test_a_receipt_can_be_looked_up_by_its_key() -> None:
    async with receipts() as system:
        await system.deliver(paid())
        told = await system.client.query("look_up", "H99.01", {"fkey": "P1"})
        assert (told["found"], told["number"], told["status"]) == (True, "0000001", "1")
        assert await system.client.query(LOOK_UP, "H99.01", {"fkey": "P9"}) == {
            "fkey": "P9",
            "found": False,
        }
        assert await system.client.query("getLinkInvFkey", "H99.01", {"fkey": "P1"}) == {
            "fkey": "P1",
            "link": f"{LINK}P1",
        }
        assert "H99.01" in await system.client.probe()
        for operation, unit, body in (
            ("cancelInv", "H99.01", {"fkey": "P1"}),
            ("look_up", "H00", {"fkey": "P1"}),
            ("look_up", "H99.01", {}),
        ):
            with pytest.raises(Rejected):
                await system.client.query(operation, unit, body)


@pytest.mark.parametrize(
    ("code", "error", "ours"),
    [
        ("1", Misconfigured, "account_refused"),
        ("2", None, ""),
        ("3", Rejected, "undocumented_refusal"),
        ("5", Rejected, "undocumented_refusal"),
        ("6", None, ""),
        ("7", Misconfigured, "account_refused"),
        ("8", Rejected, "undocumented_refusal"),
        ("9", Rejected, "undocumented_refusal"),
        ("10", Rejected, "undocumented_refusal"),
        ("11", Rejected, "undocumented_refusal"),
        ("13", Rejected, "undocumented_refusal"),
        ("20", Misconfigured, "destination_refuses_us"),
        ("77", Rejected, "undocumented_refusal"),
    ],
)
async def test_each_code_of_a_look_up_is_an_answer_or_one_error(
    code: str, error: type[HubError] | None, ours: str
) -> None:
    """Only two codes say that there is none: after any other nothing is issued again."""
    async with receipts() as system:
        await system.play({"fault": "refuse", "operation": LOOK_UP, "error_code": code})
        if error is None:
            assert (await system.ask(paid())).answer is Answer.NOT_TAKEN
            return
        with pytest.raises(error) as caught:
            await system.ask(paid())
        assert type(caught.value) is error
        assert caught.value.code == ours
        assert getattr(caught.value, "documented", False) is False


@pytest.mark.parametrize(
    ("fault", "code"),
    [
        ({"fault": "5xx", "status": 500}, "malformed_reply"),
        ({"fault": "5xx", "status": 502}, "http_5xx"),
        ({"fault": "refuse", "error_code": "fault"}, "unknown_outcome"),
        ({"fault": "timeout_after_success", "then": "cut"}, "connection_lost"),
    ],
)
async def test_a_look_up_that_fails_is_only_asked_again_later(
    fault: dict[str, Any], code: str
) -> None:
    async with receipts() as system:
        await system.play({**fault, "operation": LOOK_UP})
        with pytest.raises(Unavailable) as caught:
            await system.ask(paid())
        assert caught.value.code == code


def shown(*items: dict[str, str]) -> str:
    """The answer of a look-up with these receipts."""
    told = "".join(
        f"<Item>{''.join(f'<{name}>{text}</{name}>' for name, text in item.items())}</Item>"
        for item in items
    )
    return f"<Data>{told}</Data>"


ONE = {"pattern": "01BLP0-001", "serial": "AA-26E", "invNum": "0000001", "amount": "35000"}
OTHER = {**ONE, "invNum": "0000002", "amount": "25000"}
MINE, NOT_MINE = {"fkey": "P1"}, {"fkey": "P2"}


@pytest.mark.parametrize(
    ("items", "numbers"),
    [
        ((), []),
        ((ONE,), ["0000001"]),
        ((ONE, ONE), ["0000001"]),
        ((ONE, OTHER), ["0000001", "0000002"]),
        ((ONE | NOT_MINE, OTHER | MINE), ["0000002"]),
        ((ONE, OTHER | MINE), ["0000002"]),
        ((ONE | NOT_MINE, OTHER), ["0000002"]),
        ((ONE | MINE, OTHER | MINE), ["0000001", "0000002"]),
        ((ONE | NOT_MINE,), []),
    ],
)
def test_of_several_that_are_shown_those_of_the_key_count(
    items: tuple[dict[str, str], ...], numbers: list[str]
) -> None:
    names, limits = settings(base_url="http://r.invalid").look_up, XmlLimits(size_bytes=10_000)
    found = found_in(shown(*items), "P1", names, limits=limits)
    assert [each.number for each in found] == numbers
    assert all(isinstance(each, Found) for each in found)


@asynccontextmanager
async def saying(**answers: str) -> AsyncIterator[System]:
    """A service that says these texts by operation, and nothing else."""

    async def say(request: WireRequest) -> Response:
        operation = request.headers["SOAPAction"].strip('"').rpartition("/")[2]
        result = f"<{operation}Result>{escape(answers[operation])}</{operation}Result>"
        told = f'<{operation}Response xmlns="http://tempuri.org/">{result}</{operation}Response>'
        soap = "http://schemas.xmlsoap.org/soap/envelope/"
        body = f'<s:Envelope xmlns:s="{soap}"><s:Body>{told}</s:Body></s:Envelope>'
        return Response(body, media_type="text/xml")

    async with running(Starlette(routes=[Route("/{path:path}", say, methods=["POST"])])) as url:
        block = settings(base_url=url)
        client = ReceiptClient("e_receipt", block, MemoryGround())
        yield System(url, CallLog(), block, client)
        await client.close()


@pytest.mark.parametrize("event", [paid(), replaced(), void()], ids=lambda event: event.kind)
async def test_of_several_receipts_without_a_key_none_is_told_as_ours(event: Event) -> None:
    """The system says that one is there, and shows two that do not say which."""
    there = {ISSUE: "ERR:13", REPLACE: "ERR:13", UNMARK: "OK:", CANCEL: "ERR:9", MARK: "OK:"}
    async with saying(**there, **{LOOK_UP: shown(ONE, OTHER)}) as system:
        assert (await system.ask(event)).answer is Answer.UNKNOWN
        assert (await failed(system, UnknownOutcome, event)).code == "unknown_outcome"
        with pytest.raises(Rejected) as caught:
            await system.client.query("look_up", "H99.01", {"fkey": "P1"})
        assert caught.value.foreign_code == "fkey_of_several"
        assert "H99.01" in await system.client.probe()


async def test_an_ok_without_number_is_unknown_while_several_receipts_are_shown() -> None:
    async with saying(**{ISSUE: "OK:", LOOK_UP: shown(ONE, OTHER)}) as system:
        assert (await failed(system, UnknownOutcome, paid())).code == "malformed_reply"


async def test_a_call_that_the_service_does_not_know_is_refused() -> None:
    async with receipts(replace_operation="ReplaceInvoice") as system:
        error = await failed(system, Rejected, replaced())
        assert (error.foreign_code, error.documented) == ("soap_Client", False)


async def test_parameters_are_called_what_the_service_s_description_says() -> None:
    heard: list[bytes] = []

    async def listen(request: WireRequest) -> Response:
        heard.append(await request.body())
        return Response(status_code=503)

    names = {"getLinkInvFkey": {"userName": "user", "userPass": "pass"}}
    async with running(Starlette(routes=[Route("/{path}", listen, methods=["POST"])])) as url:
        client = ReceiptClient(
            "e_receipt", settings(base_url=url, parameter_names=names), MemoryGround()
        )
        for operation in ("getLinkInvFkey", "listInvByCusFkey"):
            with pytest.raises(Unavailable):
                await client.query(operation, "H99.01", {"fkey": "P1"})
        await client.close()
    link, look_up = (re.findall(rb"<(\w+)>[^<]*</", body) for body in heard)
    assert link == [b"fkey", b"user", b"pass"]
    assert look_up[-2:] == [b"userName", b"userPass"]
