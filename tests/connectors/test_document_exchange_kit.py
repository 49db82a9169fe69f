"""Another organisation's client, as the reference kit calls: it shares nothing with ours.

What the kit does is told in the domain notes 2.1: one stamp made when it is created, logical
headers of earlier calls kept, every reply read for `status`, `ErrorCode` and `ErrorDesc`. Its text
is public, decompiled, and tells more: the digest of a file has no leading zeros of its bytes;
products acknowledge with `docid`, while a `docId` of an earlier call still goes along; a flag is
true only as the word `true`; a null in a list loses it the whole list.
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
from multidict import CIMultiDict
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from hub.connectors.document_exchange.client import AxisClient
from hub.connectors.document_exchange.decode import decode
from hub.connectors.document_exchange.poll import AxisPoller
from hub.connectors.document_exchange.simulator_packages import look_at, status_package
from hub.event import Event
from hub.simulation import running
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
from tests.connectors.ground import MemoryGround

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

    def headers(self, logical: dict[str, str]) -> CIMultiDict[str]:
        """Headers of a call: these, and those of all earlier calls."""
        self.said |= logical
        sent = {f"XroadVnpt-{name}": value for name, value in self.said.items()}
        text = json.dumps(sent, separators=(",", ":"))
        proof = hmac.new(b"bi-mat-khac", text.encode(), hashlib.sha256).hexdigest()
        return CIMultiDict(
            [
                # Names that differ in capitals only are two lines of one name.
                *((name.lower(), value) for name, value in sent.items()),
                ("content-type", self.said.get("Content-Type", "application/json")),
                ("XroadVnpt-sign-header-key", ";".join(self.said)),
                ("XroadVnpt-sign-header", text),
                ("XroadVnpt-hash-header", proof),
                ("XroadVnpt-version", "3.0.201608"),
                ("User-Agent", "JAVASDKAgent/1.0.0 XRoad/VPCP"),
            ]
        )

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

    async def send(self, body: bytes, kind: str, **logical: str) -> dict[str, Any]:
        """Send a package, with the kit's digest of it."""
        digest = "".join(f"{byte:x}" for byte in hashlib.sha256(body).digest())
        said = {"servicetype": "eDoc", "messagetype": kind, "hash-file": digest, **logical}
        reply = await self.call("sendEdoc", body, **said)
        assert isinstance(reply["DocId"], str)
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


def theirs_to_us(here: Axis, subject: str) -> bytes:
    """A letter to us, as the kit's product writes it."""
    sender, receivers = document().receivers[0], (document().sender,)
    letter = document(sender=sender, receivers=receivers, subject=subject)
    return request(issued(letter=letter), exchange_settings(here.url, units=[THEIRS])).message.body


async def test_the_kits_digest_of_a_file_is_taken(here: Axis) -> None:
    bodies = [theirs_to_us(here, f"V/v thử nghiệm {number}") for number in range(8)]
    assert any(byte < 16 for body in bodies for byte in hashlib.sha256(body).digest())
    kit = Kit(here.url)
    told = {"from": THEIRS, "to": json.dumps([OURS])}
    replies = [await kit.send(body, "edoc", **told) for body in bodies]
    assert [reply["status"] for reply in replies] == ["OK"] * 8


async def test_our_digest_of_a_file_is_the_kits() -> None:
    seen: list[tuple[str, bytes]] = []

    async def take(call: Request) -> Response:
        seen.append((call.headers["XroadVnpt-hash-file"], await call.body()))
        return JSONResponse({"status": "OK", "ErrorCode": "0", "ErrorDesc": "", "DocId": "1"})

    async with running(Starlette(routes=[Route("/sendEdoc", take, methods=["POST"])])) as url:
        settings = exchange_settings(url)
        client = AxisClient("document_exchange", settings, MemoryGround())
        for number in "1234":
            sent = request(issued(letter=document(number=number)), settings)
            await client.deliver([sent], timeout_seconds=10)
        await client.close()
    digests = [hashlib.sha256(body).digest() for _, body in seen]
    assert any(byte < 16 for digest in digests for byte in digest)
    assert [told for told, _ in seen] == [
        "".join(f"{byte:x}" for byte in digest) for digest in digests
    ]


async def test_each_of_our_calls_has_its_content_type_signed_and_plain_as_the_kits() -> None:
    seen: dict[str, tuple[str, str]] = {}
    rows = {"getReceivedEdocList": [{"docId": "d1", "from": THEIRS, "to": OURS}]}

    async def take(call: Request) -> Response:
        name = call.url.path.removeprefix("/")
        signed = json.loads(call.headers["XroadVnpt-sign-header"])["XroadVnpt-Content-Type"]
        seen[name] = (call.headers["Content-Type"], signed)
        data = "eA==" if name == "getEdoc" else rows.get(name, [])
        told = {"status": "OK", "ErrorCode": "0", "ErrorDesc": "", "DocId": "1", "data": data}
        return JSONResponse(told)

    routes = [Route("/{name}", take, methods=["POST"])]
    async with running(Starlette(routes=routes)) as url:
        settings = exchange_settings(url)
        client = AxisClient("document_exchange", settings, MemoryGround())
        await client.deliver([request(issued(), settings)], timeout_seconds=10)
        await client.query("getSentEdocList", OURS, {"messagetype": "edoc"})
        await client.probe()
        await client.close()
        poller = AxisPoller("document_exchange", settings, MemoryGround())
        await poller.done(await poller.poll(""))
        await poller.close()
    assert seen.pop("sendEdoc") == ("application/octet-stream",) * 2
    called = {"getReceivedEdocList", "getEdoc", "updateStatus", "getSentEdocList"}
    assert set(seen) >= called | {"getAgenciesList", "getAgenciesListQD20"}
    assert set(seen.values()) == {("application/json",) * 2}


async def test_a_call_without_a_signed_content_type_is_refused(here: Axis) -> None:
    kit = Kit(here.url)
    del (headers := kit.headers({"Content-Type": "application/json"}))["content-type"]
    kit.said.pop("Content-Type")
    bare = kit.headers({})
    for sent in (headers, bare):
        async with (
            aiohttp.ClientSession() as http,
            http.post(f"{here.url}/getAgenciesList", headers=sent) as answer,
        ):
            assert (await answer.json())["ErrorCode"] == "15"


async def test_the_kit_acknowledges_by_the_other_spelling_while_an_earlier_id_goes_along(
    here: Axis,
) -> None:
    for number in "12":
        await here.deliver(issued(letter=document(number=number)))
    kit = Kit(here.url)
    listing = partial(kit.call, "getReceivedEdocList", servicetype="eDoc", messagetype="edoc")
    first, second = (await listing())["data"]
    for row in (first, second):
        assert (await kit.call("getEdoc", docId=row["docId"], filePath="x"))["status"] == "OK"
    done = await kit.call("updateStatus", docid=first["docId"], status="done")
    assert done["status"] == "OK"
    assert [row["docId"] for row in (await listing())["data"]] == [second["docId"]]
    # Now the other one goes along, and the document that is asked for counts.
    fetched = await kit.call("getEdoc", docId=second["docId"], filePath="x")
    assert b"CodeNumber>2<" in base64.b64decode(fetched["data"])


async def test_a_status_of_the_kit_reaches_us(here: Axis) -> None:
    await here.deliver(issued())
    kit = Kit(here.url)
    (row,) = (await kit.call("getReceivedEdocList", servicetype="eDoc", messagetype="edoc"))["data"]
    seen = look_at(
        base64.b64decode((await kit.call("getEdoc", docId=row["docId"]))["data"]), "edoc"
    )
    body = status_package(THEIRS, seen, OURS, "03", "2026/01/06 08:00:00")
    assert (await kit.send(body, "status", **{"from": THEIRS}))["status"] == "OK"
    (event,) = await here.take()
    assert (event.kind, event.data.status_code) == ("document.status_changed", "03")


@pytest.mark.parametrize("to", ["H99.01", "{", '"H99.01"', "[1]", '{"a": 1}', "null"])
async def test_a_list_of_receivers_that_is_none_is_refused_in_the_kits_form(
    here: Axis, to: str
) -> None:
    refused = await Kit(here.url).send(theirs_to_us(here, "V/v"), "edoc", to=to, **{"from": THEIRS})
    assert (refused["status"], refused["ErrorCode"]) == ("FAIL", "18")


async def test_what_another_registered_loses_the_kit_no_list(here: Axis) -> None:
    kit = Kit(here.url)
    own = {"id": 7, "code": "H99.07", "name": None, "mail": ["x"], "fax": {"a": 1}}
    assert (await kit.call("registerAgency", json.dumps(own).encode()))["status"] == "OK"
    for name in ("getAgenciesList", "getAgenciesListQD20", "getSynchronizeUnit"):
        rows = (await kit.call(name))["data"]
        assert {type(value) for row in rows for value in row.values()} == {str}
        assert "H99.07" in {row["code"] for row in rows}
    assert {row["isAgency"] for row in rows} == {"true"}
    assert {row["deleted"] for row in rows} == {"false"}
    assert all(row["modifyDate"] for row in rows)


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
