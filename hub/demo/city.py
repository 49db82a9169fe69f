"""A city's day beside its dossiers: signed documents to other offices, petitions of citizens."""

from __future__ import annotations

from asyncio import Semaphore, TaskGroup
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

from hub.demo.checks import Checks, Row, decoded
from hub.demo.counters import Counters
from hub.demo.deployment import Deployment
from hub.demo.errands import Desks, insisted
from hub.demo.papers import answer, document, petition
from hub.demo.place import Traffic
from hub.demo.screen import Part
from hub.store import Store

SIDE_BY_SIDE = 8
"""Documents, and petitions, on their way at the same time."""
STATUSES = ("01", "06")
"""What each receiver says of a document: arrived, done."""
COMPLAINT_EVERY = 6
"""One petition of so many is a complaint, which is redirected and not processed."""
TAKEN = ("00", "01")


class CityDay:
    """The documents and petitions of one day.

    Args:
        at: the counterparts.
        deployment: whose units send.
        traffic: how much.
        desks: the units' one-stop products, which hand documents to the axis.
    """

    def __init__(
        self, at: Counters, deployment: Deployment, traffic: Traffic, desks: Desks
    ) -> None:
        self._at = at
        self._traffic = traffic
        self._desks = desks
        self._units = tuple(deployment.place.units.items())
        self._day = deployment.place.first_day
        self._sent = 0
        self._handled = 0

    @property
    def complaints(self) -> int:
        """How many of the petitions are complaints."""
        return self._traffic.petitions // COMPLAINT_EVERY

    def parts(self) -> Iterator[Part]:
        """How far it is."""
        yield Part("documents sent", self._sent, self._traffic.documents)
        yield Part("petitions handled", self._handled, self._traffic.petitions)

    async def play(self) -> None:
        """Send everything; receivers answer by themselves.

        Raises:
            DemoFailed: the hub does not take something.
        """
        answering = [
            {"organ": organ, "statuses": list(STATUSES)} for organ in self._traffic.receivers
        ]
        await self._at.tell("document_exchange", "/_control/auto", answering, method="PUT")
        turns = Semaphore(SIDE_BY_SIDE), Semaphore(SIDE_BY_SIDE)
        async with TaskGroup() as tasks:
            for number in range(self._traffic.documents):
                tasks.create_task(self._document(number, turns[0]))
            for number in range(self._traffic.petitions):
                tasks.create_task(self._petition(number, turns[1]))

    async def checks(self, store: Store) -> Checks:
        """Documents, statuses and petitions at the counterparts, and in the hub's timeline."""
        seen, traffic = await decoded(store), self._traffic
        documents, petitions, complaints = traffic.documents, traffic.petitions, self.complaints
        wanted = {
            "document.issued": documents,
            "document.dispatched": documents,
            "document.status_changed": documents * len(STATUSES),
            "petition.received": petitions - complaints,
            "petition.answered": petitions - complaints,
            "petition.redirected": complaints,
        }
        rows = [*await self._documents(), *await self._petitions()]
        rows += [(f"{kind} in the timeline", seen[kind], count) for kind, count in wanted.items()]
        return Checks("Documents and petitions of the day", tuple(rows))

    async def _documents(self) -> list[Row]:
        axis, count = await self._at.state("document_exchange"), self._traffic.documents
        return [
            ("documents at the axis", axis["documents"], count),
            ("validly signed ones", axis["signed"], count),
            ("sent twice", axis["twice"], 0),
            ("statuses of the receivers", axis["statuses"], count * len(STATUSES)),
            # The receivers' offices are not played: what they were sent stays listed for them.
            (
                "statuses that the hub has taken",
                axis["statuses"] - axis["waiting"] + count,
                count * len(STATUSES),
            ),
        ]

    async def _petitions(self) -> list[Row]:
        ends: Counter[str] = Counter()
        for number in range(self._traffic.petitions):
            kept = await self._at.get("petitions", f"/_control/petitions/{self._id(number)}")
            ends["+".join(kept["said"]) if kept else "unknown"] += 1
        answered = self._traffic.petitions - self.complaints
        return [
            ("petitions answered, once", ends["pakn.answered"], answered),
            ("complaints redirected, once", ends["pakn.redirected"], self.complaints),
        ]

    async def _document(self, number: int, turn: Semaphore) -> None:
        unit, name = self._units[number % len(self._units)]
        organs = tuple(self._traffic.receivers.items())
        told = document(f"{unit}-{self._day:%y%m%d}-{5000 + number}", unit, name, number=number + 1)
        organ, title = organs[number % len(organs)]
        told |= {"NoiNhan": [{"Ten": title, "MaDinhDanh": organ}]}
        async with turn:
            await insisted(
                f"document {number + 1}",
                lambda: self._desks[unit].issue(told),
                lambda reply: reply.get("error") is None and "data" in reply,
            )
        self._sent += 1

    async def _petition(self, number: int, turn: Semaphore) -> None:
        unit, name = self._units[0]
        told = petition(self._id(number).removeprefix("PA-"), unit, name)
        del told["dossierCode"]
        is_complaint = self._is_complaint(number)
        told |= {"category": "khieu_nai"} if is_complaint else {}
        async with turn:
            await self._tell("send", told)
            if not is_complaint:
                await self._tell("act", answer(told))
        self._handled += 1

    async def _tell(self, act: str, told: Mapping[str, Any]) -> None:
        await insisted(
            f"petition {told['paknId']}",
            lambda: self._at.tell("petitions", f"/_control/{act}", told),
            lambda reply: reply["status"] == 200 and reply["answer"]["code"] in TAKEN,
        )

    def _id(self, number: int) -> str:
        return f"PA-{self._units[0][0]}-{self._day:%y%m%d}-{7000 + number}"

    @staticmethod
    def _is_complaint(number: int) -> bool:
        return number % COMPLAINT_EVERY == COMPLAINT_EVERY - 1
