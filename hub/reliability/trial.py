"""Trial: one load through a stand while something goes wrong, and the verdict on it."""

from __future__ import annotations

import asyncio
import random
import subprocess
import time
from collections import Counter
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from hub.check_log import Fault, Report
from hub.reliability.evidence import Evidence
from hub.reliability.load import Passing, Sender, Source, Taker
from hub.reliability.processes import Running
from hub.reliability.stand import PORTAL, ROUTE, Stand
from hub.store.figures import route_figures

STALL_SECONDS = 60.0
RECORD_SECONDS = 30.0
LOST = (Fault.LOST, Fault.STRAY)
DISORDER = (Fault.ORDER, Fault.OVERTAKEN, Fault.REGRESS, Fault.GAP)
DOUBLED = (Fault.REPEATED, Fault.BOUND, Fault.KEY, Fault.BODY, Fault.TWICE)


@dataclass(slots=True)
class Verdict:
    """What came of one trial.

    Attributes:
        name: the crash point, or the fault.
        crashes: processes killed.
        messages: sent and acknowledged.
        lost, disorder: broken promises; `doubled` are repetitions that nothing excuses.
        repeated: repetitions after kills, each with its operation key.
        seconds: how long it took.
        notes: further figures, for people.
        problem: why it could not be carried out, `` if it could.
        violations: the first of each kind.
    """

    name: str
    crashes: int = 0
    messages: int = 0
    lost: int = 0
    disorder: int = 0
    doubled: int = 0
    repeated: int = 0
    seconds: float = 0.0
    notes: dict[str, Any] = field(default_factory=dict)
    problem: str = ""
    violations: list[str] = field(default_factory=list)

    @property
    def clean(self) -> bool:
        """Whether every promise was kept."""
        return not (self.lost or self.disorder or self.doubled or self.problem)

    def judged(self, report: Report) -> None:
        """Take over what the checker says."""
        faults = report.faults
        self.lost = sum(faults[fault] for fault in LOST)
        self.disorder = sum(faults[fault] for fault in DISORDER)
        self.doubled = sum(faults[fault] for fault in DOUBLED)
        self.repeated = report.counts["systems"].get(PORTAL, {}).get("repeated", 0)
        self.violations = [str(violation) for violation in report.violations]

    def to_json(self) -> dict[str, Any]:
        """JSON-able, `clean` included."""
        own = {name: getattr(self, name) for name in self.__slots__}
        return own | {"clean": self.clean, "seconds": round(self.seconds, 1)}


def total(verdicts: Sequence[Verdict]) -> dict[str, Any]:
    """The sums of all trials."""
    counts: Counter[str] = Counter()
    for verdict in verdicts:
        for name in ("crashes", "messages", "lost", "disorder", "doubled", "repeated"):
            counts[name] += getattr(verdict, name)
    return {**counts, "clean": all(verdict.clean for verdict in verdicts)}


@dataclass(frozen=True, slots=True)
class Loaded:
    """A trial under way: the stand, what has been written down, and who must stay alive."""

    stand: Stand
    evidence: Evidence
    sender: Sender
    verdict: Verdict
    start: int

    async def crashed(self, worker: Running, at: float) -> None:
        """Write down that a worker was killed, or stopped for longer than its lease."""
        self.verdict.crashes += 1
        partitions = await self.stand.partitions_of(worker)
        self.evidence.crashed(at, worker.name, partitions)


class Trials:
    """Runs trials on a stand, each with dossiers of its own.

    Args:
        rate: messages a second.
        seed: of every random choice.
    """

    def __init__(self, stand: Stand, *, rate: float, seed: int) -> None:
        self.stand = stand
        self.rate = rate
        self.seed = seed
        self.verdicts: list[Verdict] = []
        self._run = seed % 1000 * 1000

    def dice(self, name: str) -> random.Random:
        """Chance that depends on the seed and the name only."""
        return random.Random(f"{self.seed} {name}")  # noqa: S311 - a test's dice, repeatable

    def source(self, name: str) -> Source:
        """Dossiers of eight messages each, sixty at a time."""
        self._run += 1
        return Passing(self._run, max(60, int(self.rate)), 8, self.dice(name))

    @asynccontextmanager
    async def loaded(
        self, name: str, source: Source | None = None, through: Taker | None = None
    ) -> AsyncIterator[Loaded]:
        """A load that runs while the block does; its verdict is judged by `settle`.

        It goes straight to Kafka, unless it shall go `through` something else.
        """
        stand = self.stand
        stand.taken.read()
        evidence = Evidence(stand.plan.folder / name.replace(" ", "-"))
        feed = source or self.source(name)
        sender = Sender(through or stand.producer, feed, self.rate, evidence.sent)
        verdict = Verdict(name)
        self.verdicts.append(verdict)
        stop = asyncio.Event()
        sending = asyncio.create_task(sender.run(stop))
        began = time.monotonic()
        try:
            yield Loaded(stand, evidence, sender, verdict, stand.taken.at)
        except BaseException:
            sending.cancel()  # what it sends to may never come back
            await asyncio.gather(sending, return_exceptions=True)
            raise
        else:
            stop.set()
            await sending
            verdict.messages = evidence.sent_count
            verdict.seconds = time.monotonic() - began

    async def settle(
        self, trial: Loaded, steady: Sequence[Running], *, lost_answers: bool = False
    ) -> None:
        """Wait until everything has arrived, and judge."""
        began = time.monotonic()
        stand, verdict = self.stand, trial.verdict
        await stand.arrived(trial.evidence, stall_seconds=STALL_SECONDS, steady=steady)
        rules = stand.rules(lost_answers=lost_answers)
        verdict.judged(stand.judge(trial.evidence, trial.start, rules))
        verdict.seconds += time.monotonic() - began

    async def recorded(self, dead_count: int = 0) -> None:
        """A verdict on what the hub says of itself, once its recorder has caught up.

        Every message became one event, and every event but the dead ends as delivered.
        """
        verdict = Verdict("timeline and events")
        sent = sum(each.messages for each in self.verdicts) - dead_count
        limit = time.monotonic() + RECORD_SECONDS
        while True:
            found = (await self.stand.asked(route_figures)).get(ROUTE)
            delivered = found.delivered if found else 0
            if delivered >= sent or time.monotonic() > limit:
                break
            await asyncio.sleep(0.3)
        records, facts = await events_of(self.stand)
        verdict.notes = {
            "sent": sent + dead_count,
            "events": records,
            "events_doubled": records - facts,
            "delivered_in_timeline": delivered,
            "parked_in_between": found.parked if found else 0,
        }
        wrong = (facts - sent - dead_count, records - facts, delivered - sent)
        if any(wrong):
            told = "{:+} events, {:+} of them doubled, {:+} delivered in the timeline"
            verdict.problem = f"against what was sent: {told.format(*wrong)}"
        self.verdicts.append(verdict)


async def events_of(stand: Stand) -> tuple[int, int]:
    """Committed records of the topic `events`, and how many different facts they are."""
    count = stand.plan.partitions_count
    reader = await stand.kafka.reader("events")
    records, facts = 0, set()
    try:
        ends = await reader.ends(range(count))
        await reader.assign(dict.fromkeys(range(count), 0))
        positions = dict.fromkeys(range(count), 0)
        while any(positions[number] < end for number, end in ends.items()):
            for found in (await reader.fetch(4000, 500)).values():
                records += len(found)
                facts |= {_natural_key(record.headers) for record in found}
            positions = {number: await reader.position(number) for number in range(count)}
    finally:
        await reader.close()
    return records, len(facts)


def _natural_key(headers: Sequence[tuple[str, bytes]]) -> bytes:
    return dict(headers)["ce_naturalkey"]


def commit_of(folder: Path) -> str:
    """The commit that runs, with `+` if files differ from it; `` outside a checkout."""
    try:
        shown = subprocess.run(
            ["git", "describe", "--always", "--dirty=+"],  # noqa: S607 - whichever git there is
            cwd=folder,
            capture_output=True,
            text=True,
            check=True,
        )
    except (OSError, subprocess.CalledProcessError):
        return ""
    return shown.stdout.strip()


def told(notes: Mapping[str, Any]) -> Iterator[str]:
    """Notes as short texts."""
    for name, value in notes.items():
        yield f"{name.replace('_', ' ')} {value}"
