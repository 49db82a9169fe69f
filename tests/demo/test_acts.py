"""People's acts at every counterpart of the story: what is dead there, replayed, skipped, released.

Three dossiers each hand one counterpart three things in order. It refuses the first one in its own
form, so the first is dead and the others wait behind it. Then a person types `hub held`.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar

import aiohttp
import pytest
import pytest_asyncio
import yaml
from typer.testing import CliRunner, Result
from yarl import URL

from hub.__main__ import commands
from hub.demo import ground
from hub.demo.counters import Counters
from hub.demo.deployment import Deployment
from hub.demo.papers import answer, draft, issue, order, petition
from hub.demo.place import PHUC_LOI, Place
from hub.demo.processes import Processes
from hub.demo.story import Story
from hub.store import Store
from hub.store.acts import Acts
from hub.store.timeline import Timeline
from tests.broker import Addresses

pytestmark = [
    pytest.mark.timeout(300),
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.xdist_group("demo-acts"),
]
PATIENCE_SECONDS = 60.0
REFUSED = "99"
"""A code that this deployment knows to be final; where one is published, that one is used."""
WHO = ("--actor", "Lê Văn Thử")
FIRST, SECOND, THIRD = ALL = (0, 1, 2)


class Stage:
    """A hub and its counterparts, running, and a person with a keyboard."""

    def __init__(self, deployment: Deployment, at: Counters, processes: Processes) -> None:
        self.deployment, self.at, self.processes = deployment, at, processes
        self._numbers = 0

    def number(self) -> int:
        """Of a dossier that nobody has had."""
        self._numbers += 1
        return 1000 + self._numbers

    async def type(self, *words: str) -> Result:
        """Type a command of the hub."""
        line = [*words, "--config", str(self.deployment.config)]
        return await asyncio.to_thread(CliRunner().invoke, commands(), line)

    async def done(self, *words: str, reason: str, ends_with: int = 0) -> str:
        """An act that must be asked for and end like this; what the command says."""
        result = await self.type(*words, "--reason", reason, *WHO)
        assert result.exit_code == ends_with, result.output
        return result.output

    async def asked(self, *words: str) -> Any:
        """What a command says as JSON."""
        result = await self.type(*words, "--json")
        assert result.exit_code == 0, result.output
        return json.loads(result.stdout)

    async def until(self, what: str, look: Callable[[], Awaitable[Any]]) -> Any:
        """What `look` gives as soon as it gives something; all must still run."""
        self.processes.check()
        return await self.at.until(what, look)

    async def faults(self, kind: str, *faults: dict[str, str]) -> None:
        """A counterpart's faults from now on; none: it is well again."""
        await self.at.tell(kind, "/_control/faults", {"faults": list(faults)}, method="PUT")

    def calls(self, kind: str, operation: str, *, taken: bool) -> int:
        """How many such calls a counterpart has taken, or refused."""
        return len(self.subjects(kind, operation, taken=taken))

    def counts(self, kind: str, operation: str) -> tuple[int, int]:
        """How many such calls a counterpart has taken, and how many it has refused."""
        return (
            self.calls(kind, operation, taken=True),
            self.calls(kind, operation, taken=False),
        )

    def subjects(self, kind: str, operation: str, *, taken: bool = True) -> list[str]:
        """What such calls were about, in the order in which they were taken, or refused."""
        text = (self.deployment.folder / f"{kind}-calls.jsonl").read_text("utf-8")
        rows = [json.loads(line) for line in text.splitlines()]
        return [
            row["subject"] for row in rows if row["operation"] == operation and row["ok"] is taken
        ]


class Dossier(Story):
    """A dossier that hands one counterpart three things, in order."""

    kind: ClassVar[str]
    route: ClassVar[str]
    operation: ClassVar[str]
    refusal: ClassVar[str] = REFUSED

    def __init__(self, stage: Stage) -> None:
        super().__init__(stage.at, stage.deployment, lambda _: None, number=stage.number())
        self.stage = stage

    async def prepare(self) -> None:
        """What must have happened before."""

    async def hand(self, number: int) -> None:
        """Hand it one of the things."""
        raise NotImplementedError

    async def texts(self) -> Sequence[Any]:
        """What the counterpart holds of it, in the order in which it came."""
        raise NotImplementedError

    def mark(self, number: int) -> str:
        """What tells the things from each other, where they arrive."""
        return f"{self.code} lần {number + 1}"

    async def held(self) -> list[int]:
        """Which of the things the counterpart holds, in their order, each as often as it does."""
        marks = {number: self.mark(number) for number in ALL}
        found = [str(text) for text in await self.texts()]
        return [n for text in found for n, mark in marks.items() if mark in text]


class AtPortal(Dossier):
    kind, route = "national_portal", "dossiers-to-national-portal"
    operation = "DongBoHoSoMC"
    statuses = ("4", "9", "10")

    async def prepare(self) -> None:
        await self._send("2", updating=False)
        await self._portal_has("2")

    async def hand(self, number: int) -> None:
        await self._send(self.statuses[number])

    def mark(self, number: int) -> str:
        return f"<{self.statuses[number]}>"

    async def texts(self) -> Sequence[Any]:
        return [f"<{status}>" for status in await self.portal_statuses()]


def _reference(link: str) -> str:
    """Our reference in a link to pay: the last part of its path, or VNPAY's vnp_TxnRef."""
    url = URL(link)
    return url.query.get("vnp_TxnRef", url.name)


class AtBank(Dossier):
    kind, route, operation = "payment_gateway", "payments-request", "INIT"

    def __init__(self, stage: Stage) -> None:
        super().__init__(stage)
        self.pages: dict[int, str] = {}
        self.paid: dict[str, int] = {}

    def amount(self, number: int) -> int:
        """Another one of every payment."""
        return self._number * 1000 + number

    async def order(self, number: int) -> str:
        """Order a payment; its page at the hub."""
        told = {
            "code": self.code,
            "amount": self.amount(number),
            "reference": f"TT{self._number}{number}",
            "MaDonVi": self._unit,
            "TenDonVi": self._name,
            "HoTenNguoiNop": "Nguyễn Văn Mẫu",
        }
        reply = await self._at.tell("one_stop", "/do/order_payment", told)
        return str(reply["inner"]["UrlThanhToan"])

    async def hand(self, number: int) -> None:
        self.pages[number] = await self.order(number)

    def mark(self, number: int) -> str:
        return f"<{number}>"

    async def texts(self) -> Sequence[Any]:
        # The reference at the bank is the hub's own: its page of a payment leads to it until paid.
        numbers = dict(self.paid)
        async with aiohttp.ClientSession(self.stage.deployment.gateway_url) as session:
            for number, page in self.pages.items():
                path = URL(page).path
                async with session.get(path, allow_redirects=False) as reply:
                    if link := reply.headers.get("Location"):
                        numbers[_reference(link)] = number
        taken = self.stage.subjects(self.kind, self.operation)
        return [f"<{numbers[each]}>" for each in taken if each in numbers]


class AtVnpay(AtBank):
    """VNPAY makes its links unasked, and is asked whether a payment that it reported is sure."""

    route, operation = "payments-to-confirm", "querydr"
    refusal = "03"

    async def hand(self, number: int) -> None:
        self.pages[number] = await self.order(number)
        page = await self._at.linked(self.pages[number])
        self.paid[_reference(page)] = number
        await self._at.tell("payment_gateway", "/_control/pay", {"pay_url": page})


class AtReceipts(AtBank):
    kind, route, operation = "e_receipt", "receipts-issue", "ImportAndPublishInv"
    refusal = "3"

    async def hand(self, number: int) -> None:
        page = await self._at.linked(await self.order(number))
        await self._at.tell("payment_gateway", "/_control/pay", {"pay_url": page})

    def mark(self, number: int) -> str:
        return f"<{self.amount(number)}>"

    async def texts(self) -> Sequence[Any]:
        found = await self._at.get(self.kind, "/_control/receipts")
        return [f"<{each['amount']}>" for each in found.values()]


class AtOffice(Dossier):
    kind, route, operation = "document_office", "drafts-to-office", "GuiHoSo"

    async def hand(self, number: int) -> None:
        fields = draft(self.code, self._unit, self._name)
        paper = fields["VanBanDuThao"] | {"TrichYeu": self.mark(number)}
        told = fields | {"IDHoSo": f"{self.code}-{number}", "VanBanDuThao": paper}
        await self._at.tell("one_stop", "/do/submit", {"fields": told})

    async def texts(self) -> Sequence[Any]:
        found: Sequence[Any] = await self._at.get(self.kind, f"/_control/drafts/{self.code}")
        return found or ()


class AtAxis(Dossier):
    kind, route, operation = "document_exchange", "documents-to-exchange", "sendEdoc edoc"
    refusal = "22"

    def mark(self, number: int) -> str:
        return f"{self._number}{number}/UBND-TP"

    async def hand(self, number: int) -> None:
        letter = issue(self.code, self._unit, self._name, number=self._number * 10 + number)
        await self._at.tell("one_stop", "/do/issue", {"fields": letter})

    async def texts(self) -> Sequence[Any]:
        return self.stage.subjects(self.kind, self.operation)


class AtPost(Dossier):
    kind, route, operation = "public_post", "post-orders", "order/post"

    def mark(self, number: int) -> str:
        return f"<{self.code}.{number + 1}>" if number else f"<{self.code}>"

    async def hand(self, number: int) -> None:
        told = order(self.code, self._name) | {"number": f"{self.code}-{number + 1}"}
        await self._at.tell("one_stop", "/do/order_post", told)

    async def texts(self) -> Sequence[Any]:
        found = await self._at.get(self.kind, "/_control/parcels")
        return [f"<{each['sent']['OrderNumber']}>" for each in found]


class AtPetitions(Dossier):
    kind, route, operation = "petitions", "petitions-back", "pakn.answered"
    refusal = "22"

    def _asked(self) -> dict[str, Any]:
        return petition(self.code, self._unit, self._name)

    async def prepare(self) -> None:
        await self._at.tell(self.kind, "/_control/send", self._asked())

    async def hand(self, number: int) -> None:
        said = answer(self._asked()) | {"answer": self.mark(number)}

        async def taken() -> bool:
            reply = await self._at.tell(self.kind, "/_control/act", said)
            return bool(reply["status"] == 200)

        await self._at.until("the hub's answer to the agency", taken)

    async def texts(self) -> Sequence[Any]:
        found = await self._at.get(self.kind, f"/_control/petitions/PA-{self.code}")
        return list(found["texts"])


COUNTERPARTS = (AtPortal, AtBank, AtReceipts, AtOffice, AtAxis, AtPost, AtPetitions)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def stage(
    addresses: Addresses, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Stage]:
    place = replace(PHUC_LOI, vnpt_pay=True)  # VNPAY's links are made without asking it
    async with _stage(addresses, tmp_path_factory.mktemp("acts"), place) as it:
        yield it


@pytest_asyncio.fixture(loop_scope="module")
async def stage_with_vnpay(addresses: Addresses, tmp_path: Path) -> AsyncIterator[Stage]:
    async with _stage(addresses, tmp_path, PHUC_LOI) as it:
        yield it


@asynccontextmanager
async def _stage(addresses: Addresses, folder: Path, place: Place) -> AsyncIterator[Stage]:
    """A hub and the counterparts of a place, running."""
    deployment = Deployment.plan(
        folder, addresses.kafka, addresses.postgres, faults=False, place=place
    )
    processes = Processes(folder)
    await ground.prepare(deployment)
    deployment.write()
    _know_refusals(deployment.config)
    try:
        port = ["--port", str(deployment.portal)]
        log = ["--log", str(folder / "national_portal-calls.jsonl")]
        processes.start("portal", ["sim", "national_portal", *port, *log])
        processes.start("counterparts", ["sim", "--cast", str(deployment.cast)])
        processes.start("hub", ["run", "--config", str(deployment.config)])
        async with aiohttp.ClientSession() as session:
            at = Counters(deployment, session, patience_seconds=PATIENCE_SECONDS)
            urls = [f"{deployment.management_url}/readyz", deployment.gateway_url]
            urls += [deployment.portal_url, *map(deployment.url_of, deployment.ports)]
            for url in urls:
                await processes.wait_for("hub", _answering(session, url), seconds=PATIENCE_SECONDS)
            yield Stage(deployment, at, processes)
    finally:
        processes.stop()
        await ground.remove(deployment.name, addresses.kafka, addresses.postgres)


def _know_refusals(config: Path) -> None:
    """Tell the hub which code is final, where nobody has published one."""
    settings = yaml.safe_load(config.read_text("utf-8"))
    blocks = settings["connectors"]
    for kind in ("national_portal", "document_office", "public_post"):
        blocks[kind]["final_codes"] = [REFUSED]
    payments = blocks["payment_gateway"]
    payments["ask_after_seconds"] = 3600  # who asks here is the route, not the poller
    if "payplat" in payments:
        payments["payplat"]["final_codes"] = [REFUSED]
    config.write_text(yaml.safe_dump(settings, allow_unicode=True), "utf-8")


def _answering(session: aiohttp.ClientSession, url: str) -> Callable[[], Awaitable[bool]]:
    async def answers() -> bool:
        try:
            async with session.get(url) as reply:
                return reply.status < 500
        except aiohttp.ClientError:
            return False

    return answers


async def _dead(stage: Stage, dossiers: Sequence[Dossier], waiting_count: int) -> None:
    """Return when each is dead with so many things in its queue."""
    route = dossiers[0].route

    async def look() -> bool:
        rows = await stage.asked("held", "list", "--route", route, "--state", "dead")
        counts = {row["subject"]: row["waiting_count"] for row in rows}
        return all(counts.get(each.code) == waiting_count for each in dossiers)

    await stage.until(f"{waiting_count} held on {route}", look)


async def _arrived(stage: Stage, dossier: Dossier, wanted: Sequence[int]) -> None:
    async def look() -> bool:
        return len(await dossier.held()) >= len(wanted)

    await stage.until(f"{wanted} of {dossier.code} at {dossier.kind}", look)


@pytest.mark.parametrize("at", COUNTERPARTS, ids=lambda at: at.kind)
async def test_what_is_dead_at_a_counterpart_is_replayed_skipped_and_released(
    stage: Stage, at: type[Dossier]
) -> None:
    await _act_on_the_dead(stage, at)


async def test_what_is_dead_at_vnpay_is_replayed_skipped_and_released(
    stage_with_vnpay: Stage,
) -> None:
    await _act_on_the_dead(stage_with_vnpay, AtVnpay)


async def _act_on_the_dead(stage: Stage, at: type[Dossier]) -> None:
    """Three dossiers are dead there with two more things behind; a person acts on each."""
    replayed, skipped, released = dossiers = [at(stage) for _ in ALL]
    await asyncio.gather(*(each.prepare() for each in dossiers))
    taken_before, refused_before = stage.counts(at.kind, at.operation)
    fault = {"fault": "refuse", "operation": at.operation, "error_code": at.refusal}
    await stage.faults(at.kind, fault)
    for number in ALL:
        await asyncio.gather(*(each.hand(number) for each in dossiers))
        await _dead(stage, dossiers, number + 1)
    # The heads were refused once each, and nothing behind them was tried.
    refused = refused_before + len(dossiers)
    assert stage.calls(at.kind, at.operation, taken=False) == refused

    on = (at.route, replayed.code)
    early = "thử lại khi vẫn bị từ chối"
    assert "dead again" in await stage.done("held", "replay", *on, reason=early, ends_with=1)

    async def refused_again() -> bool:
        return stage.calls(at.kind, at.operation, taken=False) == refused + 1

    await stage.until("the refusal of the replay", refused_again)
    await _dead(stage, dossiers, len(ALL))
    assert stage.calls(at.kind, at.operation, taken=True) == taken_before

    await stage.faults(at.kind)
    mended = await stage.done("held", "replay", *on, reason="nơi nhận đã sửa lỗi")
    assert mended.endswith(": delivered\n")
    shown = await stage.asked("held", "show", at.route, skipped.code)
    behind = ("--event", shown["messages"][SECOND]["event_id"])
    wrong = ("held", "skip", at.route, skipped.code, *behind, *WHO, "--reason", "nhầm")
    assert (await stage.type(*wrong)).exit_code == 1
    head = ("--event", shown["messages"][FIRST]["event_id"])
    await stage.done("held", "skip", at.route, skipped.code, *head, reason="đã làm bằng tay")
    await stage.done("held", "release", at.route, released.code, reason="để sau xử lý")

    ends = [(replayed, [*ALL]), (skipped, [SECOND, THIRD]), (released, [SECOND, THIRD])]
    await asyncio.gather(*(_arrived(stage, *end) for end in ends))

    async def empty() -> bool:
        rows = await stage.asked("held", "list", "--route", at.route)
        return not {row["subject"] for row in rows} & {each.code for each in dossiers}

    await stage.until(f"the end of the queues on {at.route}", empty)
    for dossier, wanted in ends:
        assert await dossier.held() == wanted
    delivered = sum(len(wanted) for _, wanted in ends)
    assert stage.calls(at.kind, at.operation, taken=True) - taken_before == delivered
    assert stage.calls(at.kind, at.operation, taken=False) == refused + 1

    aside = await stage.asked("held", "list", "--route", at.route, "--state", "aside")
    assert [row["subject"] for row in aside] == [released.code]
    assert await _acts(stage, replayed) == [
        ("replay", early, "done"),
        ("replay", "nơi nhận đã sửa lỗi", "done"),
    ]
    assert await _acts(stage, skipped) == [
        ("skip", "nhầm", "refused"),
        ("skip", "đã làm bằng tay", "done"),
    ]
    assert await _acts(stage, released) == [("release", "để sau xử lý", "done")]


async def _decoded(stage: Stage, dossier: Dossier, kind: str) -> None:
    """Return when the timeline has such an event: every route could have sent it by then."""
    store = Store.open(stage.deployment.postgres)

    async def look() -> bool:
        entries = await Timeline(store).of_subject(dossier.code)
        return any(each.outcome.kind == kind for each in entries)

    try:
        await stage.until(f"{kind} of {dossier.code}", look)
    finally:
        await store.close()


async def _acts(stage: Stage, dossier: Dossier) -> list[tuple[str, str, str]]:
    """Act, reason and first word of the result, as `hub held show` has them; all are by WHO."""
    shown = await stage.asked("held", "show", dossier.route, dossier.code)
    assert {act["actor"] for act in shown["acts"]} == {WHO[1]}
    return [(act["act"], act["reason"], act["result"].split(":")[0]) for act in shown["acts"]]


async def test_a_paused_route_keeps_a_dead_queue_s_replay_and_all_else_until_it_goes_on(
    stage: Stage,
) -> None:
    dead, well = dossiers = [AtPortal(stage) for _ in range(2)]
    await asyncio.gather(*(each.prepare() for each in dossiers))
    fault = {"fault": "refuse", "operation": AtPortal.operation, "subject": dead.code}
    await stage.faults(AtPortal.kind, fault | {"error_code": REFUSED})
    await dead.hand(FIRST)
    await _dead(stage, [dead], 1)
    await stage.faults(AtPortal.kind)

    await stage.done("route", "pause", AtPortal.route, reason="bảo trì")

    async def closed() -> bool:
        told = await stage.asked("route", "list")
        return all("paused" in beat["status"]["closed"] for beat in told["workers"][AtPortal.route])

    await stage.until("the route's rest", closed)
    taken_before = stage.calls(AtPortal.kind, AtPortal.operation, taken=True)
    replay = ("held", "replay", AtPortal.route, dead.code, "--wait-seconds", "10")
    assert "queued" in await stage.done(*replay, reason="đã sửa", ends_with=2)
    for number in ALL[1:]:
        await asyncio.gather(*(each.hand(number) for each in (dead, well)))
    await asyncio.gather(*(_decoded(stage, each, "dossier.returned") for each in dossiers))
    assert stage.calls(AtPortal.kind, AtPortal.operation, taken=True) == taken_before

    await stage.done("route", "resume", AtPortal.route, reason="xong bảo trì")
    ends = [(dead, [FIRST, SECOND, THIRD]), (well, [SECOND, THIRD])]
    await asyncio.gather(*(_arrived(stage, *end) for end in ends))
    for dossier, wanted in ends:
        assert await dossier.held() == wanted
    assert stage.calls(AtPortal.kind, AtPortal.operation, taken=True) == taken_before + 5
    store = Store.open(stage.deployment.postgres)
    try:
        acts = await Acts(store).history(AtPortal.route)
    finally:
        await store.close()
    assert [(act.act, act.actor, act.reason) for act in acts] == [
        ("pause", WHO[1], "bảo trì"),
        ("resume", WHO[1], "xong bảo trì"),
    ]
