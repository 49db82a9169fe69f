"""Intake: works off `in.<connector>`, exactly once inside Kafka (an `ownership.Holder`).

One transactional producer per owned partition: events, outcomes, dead letters and the offset are
one transaction. The order of acts on taking a partition makes it right: start the producer (it
fences the old owner and ends its transaction), read the committed offset, then fetch. On any
error of Kafka's the partition is taken anew.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from typing import NoReturn

import structlog

from hub import crash
from hub.errors import HubError, OwnershipLost, Unavailable, raise_first
from hub.held import Claim, HeldStore
from hub.inbound import LOOK_BACK_COUNT, Batch, Inbound, Memory
from hub.kafka import FETCH_COUNT, Kafka, Reader, Record
from hub.message import Position
from hub.outbound import EVENTS_TOPIC
from hub.outcome import OUTCOMES_TOPIC, Outcome, records_of
from hub.parking import Keeper
from hub.redecoding import UNKNOWN_SECONDS, Redecoding
from hub.taken import Taken

log = structlog.get_logger(__name__)

LET_GO_SECONDS = 3.0
GROUP = "decode"
PAUSED = "paused"
BREATH_COUNT = 128
"""Records decoded without a break; between them the transaction of the batch before goes on."""
WAITING_COUNT = 2000
"""Outcomes that may wait for the transaction before theirs; then decoding waits for it."""
RETAKE_SECONDS = 5.0
RECOMMIT_SECONDS = 3600.0


class Intake:
    """Decodes the partitions of one in-topic that this worker owns.

    Args:
        observe: called with each committed batch of outcomes (log lines and metrics).
        unknown_seconds: how long a message about an unknown foreign id waits before it is dead.
    """

    def __init__(
        self,
        inbound: Inbound,
        kafka: Kafka,
        store: HeldStore,
        *,
        observe: Callable[[Sequence[Outcome]], None],
        unknown_seconds: float = UNKNOWN_SECONDS,
    ) -> None:
        self.topic = self.route = inbound.topic
        self.partitions_count = inbound.partitions_count
        self.closed: dict[str, str] = {}
        self.handled_count = 0
        self._inbound = inbound
        self._kafka = kafka
        self._store = store
        self._observe = observe
        self._redecoding = Redecoding(inbound, self._commit_held, unknown_seconds=unknown_seconds)
        self._partitions: dict[int, Taken] = {}
        self._waiting: dict[int, Claim] = {}
        self._doubted: set[int] = set()
        self._reader: Reader | None = None
        self._busy = asyncio.Lock()

    @property
    def partitions(self) -> Mapping[int, Taken]:
        """Owned partitions by number."""
        return self._partitions

    # --- partitions come and go -----------------------------------------------------------

    async def gained(self, claim: Claim) -> None:
        """Fence the old owner, find the committed offset, read on from there.

        Raises:
            Unavailable: Kafka or the store is away, or the next record is not there (any more).
        """
        number = claim.partition
        producer = await self._kafka.producer(f"{GROUP}.{self.topic}.{number}")
        try:
            async with self._busy:
                if self._reader is None:
                    self._reader = await self._kafka.reader(self.topic)
            start = await self._committed(number)
            begin = (await self._reader.begins([number]))[number]
            if begin > start:
                await self._stop(f"the next record of partition {number} is no longer in Kafka")
            keeper = Keeper(claim, self._store, lambda _: None)
            await keeper.load()
            look_back = max(begin, start - LOOK_BACK_COUNT)
            async with self._busy:
                earlier = self._partitions.get(number)
                self._partitions[number] = Taken(Memory(number, keeper, start), producer, look_back)
                await self._assign()
        except BaseException:
            await producer.close()
            raise
        if earlier is not None:
            await earlier.close()

    async def _committed(self, number: int) -> int:
        offsets = await self._kafka.committed(GROUP, self.topic)
        if number not in offsets:
            await self._stop(f"no committed offset for partition {number}")
        return offsets[number][0]

    async def _stop(self, text: str) -> NoReturn:
        await self._store.stop_route(self.route, "offset_missing", text)
        raise Unavailable(text, code="offset_missing")

    def renewed(self, claim: Claim) -> None:
        """The lease lives on."""
        if claim.partition in self._waiting or claim.partition in self._doubted:
            self._doubted.discard(claim.partition)
            self._waiting[claim.partition] = claim
        if claim.partition in self._partitions:
            self._partitions[claim.partition].keeper.claim = claim

    async def let_go(self, partition: int) -> None:
        """Finish the transaction that runs, then forget."""
        self._waiting.pop(partition, None)
        self._doubted.discard(partition)
        try:
            async with asyncio.timeout(LET_GO_SECONDS), self._busy:
                leaving = self._partitions.pop(partition, None)
                await self._assign()
                if leaving is not None:
                    with suppress(HubError):
                        await leaving.settled()
        except TimeoutError:
            self.lost(partition)
            return
        if leaving is not None:
            await leaving.close()

    def lost(self, partition: int) -> None:
        """Forget at once; the next owner's producer fences ours."""
        self._waiting.pop(partition, None)
        self._doubted.discard(partition)
        if partition in self._partitions:
            self._partitions[partition].broken = True
            self._partitions[partition].lost = True

    async def _assign(self) -> None:
        if self._reader is not None:
            await self._reader.assign({n: p.next_offset for n, p in self._partitions.items()})

    # --- the loop -------------------------------------------------------------------------

    async def run(self, stop: asyncio.Event) -> None:
        """Decode until `stop`; leases are let go by their keeper, not here."""
        last_look = 0.0
        while not stop.is_set():
            try:
                if time.monotonic() - last_look >= 1:
                    last_look = time.monotonic()
                    await self._look()
                if PAUSED in self.closed:
                    await asyncio.sleep(0.1)
                    continue
                await self._turn()
                self.closed.clear()
            except (Unavailable, OwnershipLost) as error:
                self._wait_for(error.code, str(error))
                await asyncio.sleep(0.5)

    def _wait_for(self, reason: str, text: str) -> None:
        """Say why nothing is decoded; the log tells it once, until something is."""
        if reason not in self.closed:
            log.warning("decode_waits", connector=self.topic, reason=reason)
        self.closed[reason] = text

    async def close(self) -> None:
        """Leave Kafka."""
        for partition in list(self._partitions.values()):
            await partition.close()
        if self._reader is not None:
            await self._reader.close()

    async def _turn(self) -> None:
        """Fetch once and run one transaction per partition, side by side."""
        await self._retake()
        if self._reader is None or not self._partitions:
            await asyncio.sleep(0.05)
            return
        for partition in list(self._partitions.values()):
            with self._breaking(partition):
                await partition.pause(self._end)
        async with self._busy:
            found = await self._reader.fetch(FETCH_COUNT, 50)
            crash.point("after_fetch")
            results = await asyncio.gather(
                *(
                    self._handle(self._partitions[number], records)
                    for number, records in found.items()
                    if number in self._partitions
                ),
                return_exceptions=True,
            )
        raise_first(results)
        await asyncio.sleep(0)

    async def _retake(self) -> None:
        """Drop lost partitions; take broken ones anew, from the committed offset.

        One that cannot be taken now is tried again, and keeps none of the others waiting for long.
        """
        for number, partition in list(self._partitions.items()):
            if partition.broken:
                async with self._busy:
                    if self._partitions.get(number) is not partition:
                        continue
                    del self._partitions[number]
                    if partition.fenced and not partition.lost:
                        self._doubted.add(number)
                    elif not partition.lost:
                        self._waiting[number] = partition.keeper.claim
                    await self._assign()
                await partition.close()
        for number, claim in list(self._waiting.items()):
            if time.monotonic() < claim.expires_at:
                try:
                    async with asyncio.timeout(RETAKE_SECONDS):
                        await self.gained(claim)
                except (Unavailable, TimeoutError) as error:
                    reason = getattr(error, "code", "timeout")
                    self._wait_for(reason, f"partition {number} cannot be taken")
                    continue
                if self._waiting.pop(number, None) is None:
                    self.lost(number)  # it was taken from us while it was started

    async def _handle(self, partition: Taken, records: Sequence[Record]) -> None:
        """Decode a partition's records; what came of them is committed beside the next ones."""
        fresh = [record for record in records if record.offset >= partition.next_offset]
        if partition.broken or not fresh:
            return
        memory, handle = partition.memory, self._inbound.handle
        with self._breaking(partition):
            for index, record in enumerate(fresh):
                if index % BREATH_COUNT == 0:
                    await partition.pause(self._end)
                    await asyncio.sleep(0)
                    partition.decoding = True
                if not await handle(memory, record, partition.batch):
                    await partition.pause(self._end)
                    await partition.settled()
                    partition.decoding = True
                    await handle(memory, record, partition.batch)
                partition.decoded(record.offset)
            crash.point("after_decode")
            await partition.pause(self._end)
            if len(partition.batch.outcomes) >= WAITING_COUNT:
                await partition.settled()

    @contextmanager
    def _breaking(self, partition: Taken) -> Iterator[None]:
        """An error of ours inside: the partition is taken anew."""
        try:
            yield
        except HubError as error:
            partition.broken = True
            partition.fenced = isinstance(error, OwnershipLost)
            log.warning(
                "partition_taken_anew",
                connector=self.topic,
                partition=partition.memory.number,
                reason=error.code,
            )
            if not partition.fenced:
                raise

    async def _end(self, partition: Taken, batch: Batch, last: int) -> None:
        """Commit what came of the records up to the offset `last`, all or nothing.

        The batch before it is committed, and what the keeper says of it is written first.
        """
        memory = partition.memory
        if last >= memory.start:
            await partition.keeper.write()
            end = Position(self._kafka.prefix + self.topic, memory.number, last)
            await self._commit(partition, batch, end)
        partition.keeper.forget_below(last + 1)
        self.handled_count += len(batch.outcomes)
        self._observe(batch.outcomes)

    async def _commit(self, partition: Taken, batch: Batch, position: Position | None) -> None:
        number = partition.memory.number
        outcomes = records_of(batch.outcomes)
        count = self._kafka.counts[OUTCOMES_TOPIC]
        producer = partition.producer
        crash.point("before_produce")
        async with producer.transaction():
            await producer.send_topics(
                {
                    EVENTS_TOPIC: batch.events,
                    OUTCOMES_TOPIC: {number % count: outcomes} if outcomes else {},
                    f"dead.{self.topic}": batch.dead,
                }
            )
            crash.point("after_produce")
            if position is not None:
                await producer.add_offset(position, self._kafka.prefix + GROUP)
        partition.committed_at = time.monotonic()
        crash.point("after_transaction")

    async def _commit_held(self, memory: Memory, batch: Batch) -> None:
        """Commit what came of a held message; no offset moves."""
        await self._commit(self._partitions[memory.number], batch, None)
        self._observe(batch.outcomes)

    # --- acts of people -------------------------------------------------------------------

    async def _look(self) -> None:
        """What people have told the in-topic, and what they want done."""
        control = (await self._store.controls()).get(self.route)
        if control is not None and control.paused:
            self.closed[PAUSED] = control.text
        else:
            self.closed.pop(PAUSED, None)
        await self._act()
        await self._try_waiting()
        await self._commit_again()

    async def _commit_again(self) -> None:
        """Commit idle partitions now and then, so that the broker does not forget them."""
        now = time.monotonic()
        for partition in list(self._partitions.values()):
            if now - partition.committed_at <= RECOMMIT_SECONDS:
                continue
            async with self._busy:
                if self._works(partition):
                    memory = partition.memory
                    last = max(partition.next_offset, memory.start) - 1
                    end = Position(self._kafka.prefix + self.topic, memory.number, last)
                    await self._guarded(partition, self._commit(partition, Batch(), end))

    async def _act(self) -> None:
        """Execute acts on held dossiers, then let what is not dead any more flow again."""
        claims = [p.keeper.claim for p in self._partitions.values() if not p.broken]
        if not claims:
            return
        for command in await self._store.commands(claims):
            partition = self._partitions.get(command.partition)
            if partition is None:
                continue
            async with self._busy:
                if self._works(partition):
                    execute = self._redecoding.execute(partition.memory, command)
                    await self._guarded(partition, execute)

    async def _try_waiting(self) -> None:
        """Messages about an unknown foreign id are tried again when they are due."""
        for partition in list(self._partitions.values()):
            for subject in self._redecoding.due(partition.memory):
                async with self._busy:
                    if not self._works(partition):
                        break
                    await self._guarded(partition, self._redecoding.flow(partition.memory, subject))

    def _works(self, partition: Taken) -> bool:
        """Whether it is still ours; it may have been let go while somebody waited for his turn."""
        return not partition.broken and self._partitions.get(partition.memory.number) is partition

    async def _guarded(self, partition: Taken, work: Awaitable[object]) -> None:
        """Do it; where it fails, take the partition anew: what is remembered may not be so."""
        try:
            await partition.settled()
            await work
            await partition.keeper.write()
        except HubError as error:
            partition.broken = True
            partition.fenced = isinstance(error, OwnershipLost)
            if not partition.fenced:
                raise
