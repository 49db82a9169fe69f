"""Another organisation's client, as the reference kit calls: it shares nothing with ours.

What the kit does is told in the domain notes 2.1: one stamp made when it is created, logical
headers of earlier calls kept, every reply read for `status`, `ErrorCode` and `ErrorDesc`.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta, timezone
from functools import partial
from typing import Any

import aiohttp
import pytest

from hub.connectors.document_exchange.decode import decode
from hub.connectors.document_exchange.poll import AxisPoller
from hub.event import Event
from tests.connectors.document_examples import (
    OURS,
    SYSTEMS,
    THEIRS,
    Axis,
    axis,
    document,
    exchange_settings,
    issued,
    kept,
    request,
)

VIETNAM = timezone(timedelta(hours=7))
OLD = {OURS: "000.00.01.H99", THEIRS: "000.00.02.H99"}


@dataclass
class Kit:
    """The reference kit of `vxp.saas.02`; it was created two hours ago and runs since."""

    url: str
    said: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        born = datetime.now(UTC).astimezone(VIETNAM) - timedelta(hours=2)
        self.said = {"systemid": "vxp.saas.02", "timestamp": f"{born:%d%m%YT%H%M%S}+0007"}

    def headers(self, logical: dict[str, str]) -> dict[str, str]:
        """Headers of a call: these, and those of all earlier calls."""
        self.said |= logical
        sent = {f"XroadVnpt-{name}": value for name, value in self.said.items()}
        text = json.dumps(sent, separators=(",", ":"))
        proof = hmac.new(b"bi-mat-khac", text.encode(), hashlib.sha256).hexdigest()
        return {
            **sent,
            "Content-Type": self.said["Content-Type"],
            "XroadVnpt-sign-header-key": ";".join(self.said),
            "XroadVnpt-sign-header": text,
            "XroadVnpt-hash-header": proof,
            "XroadVnpt-version": "3.0.201608",
            "User-Agent": "JAVASDKAgent/1.0.0 XRoad/VPCP",
        }

    async def call(self, name: str, body: bytes = b"", **logical: str) -> dict[str, Any]:
        """The reply to a call; without its three fields the kit fails."""
        kind = "application/octet-stream" if body[:1] == b"<" else "application/json"
        headers = self.headers({"Content-Type": kind, **logical})
        async with (
            aiohttp.ClientSession() as http,
            http.post(f"{self.url}/{name}", data=body, headers=headers) as answer,
        ):
            reply: dict[str, Any] = json.loads(await answer.text())
        assert {"status", "ErrorCode", "ErrorDesc"} <= set(reply)
        return reply

    async def download(self, doc_id: str) -> bytes:
        """A package as a stream."""
        headers = self.headers({"Content-Type": "application/json", "docId": doc_id})
        async with (
            aiohttp.ClientSession() as http,
            http.get(f"{self.url}/downloadEdoc", headers=headers) as answer,
        ):
            return await answer.read()


@pytest.fixture
async def here() -> AsyncIterator[Axis]:
    both = {name: {**system, "old_ids": OLD} for name, system in SYSTEMS.items()}
    async with axis(simulated={"systems": both}) as running:
        yield running


async def test_the_kit_takes_what_we_send_and_acknowledges_it(here: Axis) -> None:
    files = await kept(here.ground, ("a.pdf", b"%PDF-1.4 mau"))
    await here.deliver(issued(letter=document(files=files)))
    kit = Kit(here.url)
    assert (await kit.call("countReceiveEdoc"))["count"] == 1
    listing = partial(kit.call, "getReceivedEdocList", servicetype="eDoc", messagetype="edoc")
    (row,) = (await listing())["data"]
    assert (row["from"], row["to"], row["status"]) == (OURS, THEIRS, "initial")
    fetched = await kit.call("getEdoc", docId=row["docId"], filePath="x")
    package = base64.b64decode(fetched["data"])
    assert package == await kit.download(row["docId"])
    assert base64.b64encode(b"%PDF-1.4 mau") in package
    for status in ("processing", "done"):
        assert (await kit.call("updateStatus", docId=row["docId"], status=status))["status"] == "OK"
    assert (await listing())["data"] == []
    assert (await kit.call("countReceiveStatus"))["count"] == 0


async def test_what_the_kit_sends_reaches_us_and_its_failures_name_a_docid(here: Axis) -> None:
    theirs = exchange_settings(here.url, units=[THEIRS])
    letter = document(
        sender=document().receivers[0], receivers=(document().sender,), subject="V/v phối hợp"
    )
    body = request(issued(letter=letter), theirs).message.body
    kit, to = Kit(here.url), json.dumps([OURS])
    digest = hashlib.sha256(body).hexdigest()
    said = {"from": THEIRS, "servicetype": "eDoc", "messagetype": "edoc", "to": to}
    refused = await kit.call("sendEdoc", body, **said | {"hash-file": "0" * 64})
    assert (refused["status"], refused["ErrorCode"], refused["DocId"]) == ("FAIL", "21", "")
    taken = await kit.call("sendEdoc", body, **said | {"hash-file": digest})
    assert (taken["status"], len(taken["DocId"])) == ("OK", 24)
    (event,) = await here.take()
    assert (event.kind, event.data.document.subject) == ("document.received", "V/v phối hợp")
    (row,) = (await kit.call("getSentEdocList", docId=taken["DocId"]))["data"]
    assert (row["toCode"], row["receiveStatus"]) == (OURS, "done")


async def test_the_kit_reads_both_ids_of_every_organisation(here: Axis) -> None:
    kit = Kit(here.url)
    rows = (await kit.call("getAgenciesListQD20", level="1"))["data"]
    assert {(row["code"], row["code102"]) for row in rows} >= set(OLD.items())
    own = {"id": "7", "pcode": "H99", "code": "H99.07", "name": "Phòng thử nghiệm"}
    assert (await kit.call("registerAgency", json.dumps(own).encode()))["status"] == "OK"
    units = (await kit.call("getSynchronizeUnit"))["data"]
    assert {"version", "isAgency", "deleted"} <= set(units[0])
    assert "H99.07" in {row["code"] for row in units}
    answers = [(await kit.call("deleteAgency", AgencyCode="H99.07"))["status"] for _ in range(2)]
    assert answers == ["OK", "FAIL"]


async def test_a_wrong_secret_of_the_kit_is_refused_in_its_form(here: Axis) -> None:
    kit = Kit(here.url)
    kit.said["systemid"] = "vxp.saas.01"
    refused = await kit.call("countReceiveEdoc")
    assert (refused["status"], refused["ErrorCode"], refused["DocId"]) == ("FAIL", "15", "")


async def test_old_ids_are_read_as_new_ones_and_written_to_who_reads_old(here: Axis) -> None:
    partners = {
        OURS: {"old_id": OLD[OURS]},
        THEIRS: {"old_id": OLD[THEIRS], "write_old_id": True},
    }
    ours = exchange_settings(here.url, partners=partners)
    sent = request(issued(), ours).message.body.decode()
    assert f"<edXML:OrganId>{OLD[THEIRS]}</edXML:OrganId>" in sent
    assert f"<edXML:OrganId>{OLD[OURS]}</edXML:OrganId>" in sent
    assert OURS not in sent.replace(f"{OURS},", "").replace(f"{OURS}-", "")
    await here.bring(sent.replace(f"{OURS},", f"{THEIRS},").encode())
    poller = AxisPoller("document_exchange", ours, here.ground)
    (message,) = (await poller.poll("")).messages
    await poller.close()
    (event,) = [each for each in decode(message, ours) if isinstance(each, Event)]
    read: Any = event.data
    organs = [read.document.sender, *read.document.receivers]
    assert [(each.id, each.wire_id) for each in organs] == [
        (OURS, OLD[OURS]),
        (THEIRS, OLD[THEIRS]),
    ]
    plain = request(issued(), exchange_settings(here.url)).message.body.decode()
    assert f"<edXML:OrganId>{OURS}</edXML:OrganId>" in plain
