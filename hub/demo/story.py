"""The story: one dossier through every system, told as it happens, and counted at the end.

A citizen files at the national portal, pays (the bank calls back twice, and once more in the wrong
order), gets a receipt; the one-stop asks another office for an opinion by signed document; public
post brings the result; every status reaches the portal in order; a petition about the dossier is
answered. What must come out is the same with and without faults: each thing once.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from hub.demo.cast import CUSTOMER, PARTNER_OFFICE, PASSWORD
from hub.demo.counters import Counters
from hub.demo.deployment import Deployment
from hub.demo.papers import (
    answer,
    appointment,
    draft,
    form,
    issue,
    order,
    petition,
    received_before,
)
from hub.store import Store
from hub.store.timeline import Timeline
from hub.worktime import VIETNAM

STATUSES = ("01", "03", "04", "05", "06")
"""What the other office says of the document, before it answers."""

DONE_ONCE: Mapping[str, int] = {
    "dossier.submitted": 1,
    "dossier.received": 1,
    "dossier.payment_requested": 1,
    "payment.requested": 1,
    "payment.confirmed": 1,
    "receipt.issued": 1,
    "document.submitted": 1,
    "document.processed": 1,
    "document.issued": 1,
    "document.dispatched": 1,
    "document.status_changed": len(STATUSES),
    "document.received": 1,
    "dossier.finished": 1,
    "post.order_requested": 1,
    "post.order_accepted": 1,
    "post.delivered": 1,
    "dossier.returned": 1,
    "petition.received": 1,
    "petition.answered": 1,
}
"""Events of the story's dossier, as the hub's timeline must have them."""

COUNTED = (
    *("payment_gateway", "e_receipt", "public_post", "document_exchange", "document_office"),
    "petitions",
)
Held = Mapping[str, Mapping[str, Any]]

TOLD_PORTAL = ("2", "6", "4", "9", "10")
"""Statuses of the dossier that the one-stop tells, in order."""

ANSWERED = {"00", "02"}
"""The hub's answers with which the bank is content: taken, and taken before."""


@dataclass(frozen=True, slots=True)
class Told:
    """What the story came to: each count beside what it must be."""

    code: str
    counts: tuple[tuple[str, int, int], ...]

    def disagreements(self) -> Iterator[str]:
        """One sentence for each count that differs."""
        for what, found, wanted in self.counts:
            if found != wanted:
                yield f"story: {what}: {found}, expected {wanted}"

    def to_json(self) -> dict[str, Any]:
        """Code and counts, for `hub demo --json`."""
        return {"code": self.code, "counts": {what: found for what, found, _ in self.counts}}


class Story:
    """One dossier's way; `tell` plays it.

    Attributes:
        unanswered_count: callbacks of the bank that the hub did not answer.

    Args:
        counters: the counterparts.
        deployment: whose unit it is.
        say: takes a line for the person who watches.
        number: of the dossier that day, which is also its letter's.
    """

    def __init__(
        self,
        counters: Counters,
        deployment: Deployment,
        say: Callable[[str], None],
        *,
        number: int = 9001,
    ) -> None:
        self._at = counters
        self._deployment = deployment
        self._say = say
        self._unit = deployment.unit
        self._name = deployment.place.units[self._unit]
        self._received = received_before(datetime.now(VIETNAM))
        self.code = f"{self._unit}-{self._received:%y%m%d}-{number}"
        self._number = number
        self.unanswered_count = 0
        self._due = appointment(self._received)

    async def tell(self) -> None:
        """Play it; returns when the last answer has arrived.

        Raises:
            DemoFailed: something that must come does not.
        """
        scenes: Sequence[tuple[str, Callable[[], Awaitable[str]]]] = (
            ("nộp hồ sơ / files at the national portal", self._file),
            ("tiếp nhận / the one-stop receives it", self._receive),
            ("thanh toán / pays; the bank calls back three times", self._pay),
            ("xin ý kiến / an opinion is asked for by signed document", self._ask),
            ("có kết quả / the result is ready, and posted", self._finish),
            ("trả kết quả / returned; the portal knows every status", self._return),
            ("kiến nghị / a petition is sent and answered", self._petition),
        )
        self._say(f"one dossier through every system: {self.code}")
        for title, play in scenes:
            began = time.monotonic()
            what = await play()
            self._say(f"  {title}: {what} ({time.monotonic() - began:.1f} s)")

    async def _file(self) -> str:
        push = {
            "url": f"{self._deployment.gateway_url}/dvcqg/ho-so",
            "token": PASSWORD,
            "call": self._form("1"),
        }

        async def taken() -> bool:
            replies = await self._at.tell("national_portal", "/_control/submit", push)
            return any(isinstance(r, dict) and r.get("error_code") in (0, 1) for r in replies)

        await self._at.until("the hub's answer to the portal", taken)
        await self._told("DongBoHoSoMC")
        return "the one-stop product has it"

    async def _receive(self) -> str:
        await self._send("2", updating=False)
        await self._portal_has("2")
        return "the portal knows"

    async def _pay(self) -> str:
        await self._send("6")
        asked = await self._told("ThongBaoThanhToan")
        paid = {"pay_url": asked["UrlThanhToan"], "callbacks": 2, "redirect": "before"}
        done = await self._at.tell("payment_gateway", "/_control/pay", paid)

        async def heard() -> bool:
            again = await self._at.tell("payment_gateway", "/_control/again", {})
            return set(again["answers"]) <= ANSWERED

        await self._at.until("the hub's answer to the bank", heard)
        await self._told("CONFIRM", asked["MaThamChieu"])
        late = {"reference": done["reference"], "response_code": "24", "status_code": "02"}
        again = await self._at.tell("payment_gateway", "/_control/repeat", late)
        receipt = await self._told("ThongBaoBienLai")
        answers = [*done["answers"], *again["answers"]]
        self.unanswered_count = answers.count("none")
        return f"answered {', '.join(answers)}; receipt {receipt['SoBienLai']}"

    async def _ask(self) -> str:
        await self._send("4")
        fields = draft(self.code, self._unit, self._name)
        await self._at.tell("one_stop", "/do/submit", {"fields": fields})
        decided = {"MaHoSo": self.code, "LoaiKetQua": "01"}

        async def drafted() -> Any:
            return await self._at.get("document_office", f"/_control/drafts/{self.code}")

        await self._at.until("the draft at the document office", drafted)
        await self._at.tell("document_office", "/_control/decide", decided)
        await self._at.until("the office's result", self._packages)
        answering = [{"organ": PARTNER_OFFICE, "statuses": list(STATUSES), "opinion": True}]
        await self._at.tell("document_exchange", "/_control/auto", answering, method="PUT")
        letter = issue(self.code, self._unit, self._name, number=self._number)
        await self._at.tell("one_stop", "/do/issue", {"fields": letter})
        await self._at.until("the opinion", self._packages)
        return "statuses 01 to 06 and the opinion came back"

    async def _packages(self) -> Any:
        return await self._at.tell("one_stop", "/do/pull_packages", {})

    async def _finish(self) -> str:
        await self._send("9")
        await self._at.tell("one_stop", "/do/order_post", order(self.code, self._name))

        async def ordered() -> Any:
            parcels = await self._at.get("public_post", "/_control/parcels")
            return [p for p in parcels if p["sent"]["OrderNumber"].startswith(self.code)]

        parcel = (await self._at.until("the order at the post", ordered))[0]
        number = {"CustomerCode": CUSTOMER, "OrderNumber": parcel["sent"]["OrderNumber"]}
        for _ in parcel["to_come"]:
            await self._at.tell("public_post", "/_control/advance", number)

        async def tracked() -> bool:
            rows = await self._at.tell("one_stop", "/do/track", {"forget": True})
            mine = [r for r in rows if r["OrderNumber"].startswith(self.code)]
            return any(row["StatusCode"] == "90" for row in mine)

        await self._at.until("the parcel's delivery", tracked)
        return f"parcel {parcel['item_code']} is delivered"

    async def _return(self) -> str:
        await self._send("10")
        await self._portal_has("10")
        return " → ".join(TOLD_PORTAL)

    async def _petition(self) -> str:
        sent = petition(self.code, self._unit, self._name)

        async def taken(act: str, told: Mapping[str, Any]) -> bool:
            reply = await self._at.tell("petitions", f"/_control/{act}", told)
            return reply.get("status") == 200 and reply["answer"]["code"] in ("00", "01")

        await self._at.until("the hub's answer to the citizen", lambda: taken("send", sent))
        said = answer(sent)
        await self._at.until("the hub's answer to the agency", lambda: taken("act", said))

        async def answered() -> Any:
            return (await self._at.state("petitions"))["counts"].get("pakn.answered")

        await self._at.until("the answer to the petition", answered)
        return "answered at its source"

    async def _send(self, status: str, *, updating: bool = True) -> None:
        call = {"service": "DongBoHoSoMC", "isUpdating": updating, "data": [self._form(status)]}
        counts = await self._at.tell("one_stop", "/send", call)

        async def sent() -> bool:
            return not (await self._at.tell("one_stop", "/retry", {}))["waiting"]

        if counts["waiting"]:
            await self._at.until("the hub's answer to the product", sent)

    def _form(self, status: str) -> dict[str, Any]:
        return form(self.code, self._name, status, received=self._received, due=self._due)

    async def _told(self, operation: str, about: str = "") -> Mapping[str, Any]:
        """What the product was told about this dossier (or `about`) by such a push."""

        async def look() -> Any:
            told = await self._at.get("one_stop", f"/_control/told/{operation}")
            return [each for each in told if (about or self.code) in str(each)]

        found: Mapping[str, Any] = (await self._at.until(operation, look))[-1]
        return found

    async def _portal_has(self, status: str) -> None:
        async def look() -> bool:
            return status in await self.portal_statuses()

        await self._at.until(f"status {status} at the portal", look)

    async def portal_statuses(self) -> list[str]:
        """Statuses that the portal was told, in order, each as often as it was told."""
        rows = await self._at.get("national_portal", f"/_control/dossiers/{self.code}")
        return [str(status) for status in rows.get("statuses", ())] if rows else []


async def held(at: Counters) -> Held:
    """What the counterparts hold, by kind."""
    return {kind: await at.state(kind) for kind in COUNTED}


async def counted(story: Story, at: Counters, store: Store, before: Held) -> Told:
    """What the story came to, at the counterparts and in the hub's timeline.

    Args:
        before: what the counterparts held when it began.
    """
    now = await held(at)

    def more(kind: str, name: str) -> int:
        return int(now[kind][name] - before[kind][name])

    petitions = [_once(each["petitions"]["counts"], "pakn.answered") for each in (now, before)]
    rows = [
        ("payments", more("payment_gateway", "paid"), 1),
        ("payments made twice", more("payment_gateway", "paid_twice"), 0),
        ("callbacks left without an answer", story.unanswered_count, 0),
        ("receipts", more("e_receipt", "receipts"), 1),
        ("parcels", more("public_post", "parcels"), 1),
        ("documents sent and received", more("document_exchange", "documents"), 2),
        ("documents sent twice", more("document_exchange", "twice"), 0),
        ("drafts at the document office", more("document_office", "drafts"), 1),
        ("petitions answered", petitions[0] - petitions[1], 1),
        *await told_of(story, store),
    ]
    return Told(story.code, tuple(rows))


async def told_of(story: Story, store: Store) -> list[tuple[str, int, int]]:
    """What the portal and the hub's timeline have of this dossier alone."""
    entries = await Timeline(store).of_subject(story.code)
    seen = Counter(
        entry.outcome.kind for entry in entries if entry.outcome.state.value == "decoded"
    )
    statuses = _firsts(await story.portal_statuses())
    return [
        ("statuses at the portal in order", int(statuses == list(TOLD_PORTAL)), 1),
        *((f"{kind} in the timeline", seen[kind], count) for kind, count in DONE_ONCE.items()),
    ]


def _once(counts: Mapping[str, int], operation: str) -> int:
    """How often something was taken, not counting what was noticed as a repetition."""
    return counts.get(operation, 0) - counts.get("repeated", 0)


def _firsts(statuses: Sequence[str]) -> list[str]:
    """Each status where it came first."""
    return list(dict.fromkeys(statuses))
