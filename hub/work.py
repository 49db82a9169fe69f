"""Work: the worker role. Decodes, polls and delivers what its leases give it."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import timedelta
from functools import partial

import structlog

from hub.dispatch import Dispatcher
from hub.effects import Effects
from hub.errors import HubError, Unavailable, raise_first
from hub.foundation import Foundation
from hub.gateway.inbox import KafkaInbox, Surroundings
from hub.inbound import Inbound
from hub.intake import Intake
from hub.kafka import Producer
from hub.noticing import Noticing
from hub.outbound import EVENTS_TOPIC, Outbound
from hub.outbox import Outbox
from hub.ownership import Leases
from hub.polling import Polling
from hub.status import set_gauges, worker_status
from hub.store.aliases import put_aliases
from hub.store.cursors import StoreCursors
from hub.store.names import StoreNames
from hub.store.notices import StoreNotices
from hub.topics import RETENTION_DAYS
from hub.watchdog import Watchdog

log = structlog.get_logger(__name__)

REPORT_SECONDS = 2.0


class Work:
    """The worker role of one process.

    Args:
        on: what it stands on.
        producer: of outcomes, replies, dead letters and polled messages.
    """

    def __init__(self, on: Foundation, producer: Producer) -> None:
        self._on = on
        self._outbox = Outbox(producer, on.observe)

    async def run(self, stop: asyncio.Event) -> None:
        """Work until `stop`, then let go of every partition.

        Raises:
            BaseException: a bug in one of the loops; the worker must end, nothing is lost.
        """
        ttl = self._on.settings.worker.lease_seconds
        leases = Leases(self._on.held, self._on.worker, ttl_seconds=ttl)
        halt = asyncio.Event()
        intakes = [
            self._intake(instance)
            for instance in self._on.settings.connectors
            if self._on.connector_of(instance).decode is not None
        ]
        pollings = self._pollings()
        dispatchers = [await self._dispatcher(name) for name in self._on.settings.routes]
        for intake in intakes:
            leases.add(intake)
        for dispatcher in dispatchers:
            leases.add(dispatcher)
        for polling in pollings:
            leases.add(polling)
        leases.add(self._noticing())
        self._on.readiness.register("leases", lambda: leases.problem)
        loops = [asyncio.create_task(each.run(halt)) for each in intakes]
        loops += [asyncio.create_task(each.run(halt)) for each in dispatchers]
        loops.append(asyncio.create_task(self._flush(halt)))
        loops.append(asyncio.create_task(self._report(intakes, dispatchers, pollings, halt)))
        keeping = asyncio.create_task(leases.run(stop))
        try:
            await asyncio.wait([*loops, keeping], return_when=asyncio.FIRST_COMPLETED)
            stop.set()
            await keeping
        finally:
            halt.set()
            results = await asyncio.gather(*loops, return_exceptions=True)
            for intake in intakes:
                await intake.close()
        raise_first(results)

    def _intake(self, instance: str) -> Intake:
        inbound = Inbound(
            instance,
            self._on.connector_of(instance),
            self._on.settings.connectors[instance],
            partitions_count=self._on.settings.kafka.partitions_count,
            check_out=self._on.blobs.check_out,
            names=StoreNames(self._on.store),
            config=self._on.settings.content_hash,
        )
        return Intake(inbound, self._on.kafka, self._on.held, observe=self._on.observe)

    def _pollings(self) -> list[Polling]:
        """The asking sides of all instances that have one."""
        around = Surroundings(
            producer=self._outbox.sender,
            blobs=self._on.blobs,
            ground=self._on.ground,
            report=self._outbox.report,
            subject_known=self._on.subject_known,
            peer=self._on.client,
            metrics=self._on.metrics,
            config=self._on.settings.content_hash,
            known_subjects_count=1,
        )
        pollings = []
        for instance, settings in self._on.settings.connectors.items():
            connector = self._on.connector_of(instance)
            if connector.poller is not None:
                poller = connector.poller(instance, settings, self._on.ground)
                accept = KafkaInbox(instance, connector, around).accept
                cursors = StoreCursors(self._on.store)
                polling = Polling(instance, poller, cursors, accept, metrics=self._on.metrics)
                self._on.stack.push_async_callback(polling.close)
                pollings.append(polling)
        return pollings

    def _noticing(self) -> Noticing:
        own = self._on.settings.sla
        return Noticing(
            StoreNotices(self._on.store),
            partial(self._outbox.sender.send_all, EVENTS_TOPIC),
            every_seconds=own.interval_seconds,
            soon=timedelta(seconds=own.due_soon_seconds),
            oldest=timedelta(seconds=own.oldest_seconds),
            metrics=self._on.metrics,
        )

    async def _dispatcher(self, name: str) -> Dispatcher:
        route = self._on.settings.routes[name]
        client = self._on.client(route.to)
        outbound = Outbound(
            route,
            self._on.connector_of(route.to),
            self._on.settings.connectors[route.to],
            client,
            effects=Effects(self._on.held, client),
            outbox=self._outbox,
            put_aliases=partial(put_aliases, self._on.store),
            config=self._on.settings.content_hash,
        )
        group = f"route.{name}"
        reader = await self._on.kafka.reader(EVENTS_TOPIC, group)
        self._on.stack.push_async_callback(reader.close)
        return Dispatcher(
            outbound,
            reader,
            self._on.held,
            self._outbox,
            committed=partial(self._on.kafka.committed, group, EVENTS_TOPIC),
            partitions_count=self._on.settings.kafka.partitions_count,
        )

    async def _flush(self, halt: asyncio.Event) -> None:
        while not halt.is_set():
            await asyncio.sleep(0.05)
            try:
                await self._outbox.flush()
            except Unavailable as error:
                log.warning("outcomes_wait", reason=error.code)

    async def _report(
        self,
        intakes: Sequence[Intake],
        dispatchers: Sequence[Dispatcher],
        pollings: Sequence[Polling],
        halt: asyncio.Event,
    ) -> None:
        """Heartbeat with status, for `hub top`, the gauges of the engine, and the watchdog."""
        watchdog = Watchdog(dispatchers, retention_seconds=RETENTION_DAYS[EVENTS_TOPIC] * 86_400)
        self._on.readiness.register("progress", watchdog.problem)
        while not halt.is_set():
            set_gauges(self._on.metrics, intakes, dispatchers)
            await watchdog.turn()
            try:
                status = worker_status(intakes, dispatchers, pollings)
                await self._on.held.report(self._on.worker, "worker", status)
            except HubError as error:
                log.debug("heartbeat_missed", reason=error.code)
            await asyncio.sleep(REPORT_SECONDS)
