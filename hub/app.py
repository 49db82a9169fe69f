"""Composition root: the only module that sees everything.

A process runs one role or several: gateway (receives), worker (decodes and delivers), recorder
(writes the timeline). They share nothing but Kafka and PostgreSQL.
"""

from __future__ import annotations

import asyncio
import os
import secrets
import socket
import time
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from contextlib import AsyncExitStack
from functools import partial
from typing import Any

import structlog

import hub.schemas  # noqa: F401 - registers every event kind
from hub.blobs import open_blobs
from hub.connector import Client, Connector, discover
from hub.dispatch import Dispatcher
from hub.effects import Effects
from hub.errors import ConfigError, HubError, Unavailable
from hub.gateway.app import gateway_app
from hub.gateway.inbox import KafkaInbox, Surroundings
from hub.gateway.reports import Reports
from hub.gateway.server import ServerLimits, listen, serve
from hub.ground import StoreGround
from hub.inbound import Inbound
from hub.intake import GROUP, Intake
from hub.kafka import Kafka, Producer
from hub.log import observer
from hub.management import Readiness, management_app
from hub.metrics import Metric, Metrics
from hub.outbound import EVENTS_TOPIC, Outbound
from hub.outbox import Outbox
from hub.outcome import OUTCOMES_TOPIC
from hub.ownership import Leases
from hub.recorder import Progress, Recorder
from hub.settings import HubSettings
from hub.status import set_gauges, worker_status
from hub.store import Store
from hub.store.aliases import put_aliases
from hub.store.held import PostgresHeldStore
from hub.store.names import StoreNames
from hub.store.timeline import Timeline
from hub.store.topology import alone, record_topics, recorded_counts
from hub.topics import RETENTION_DAYS, topic_config, topics_of
from hub.watchdog import Watchdog

log = structlog.get_logger(__name__)

ROLES = ("gateway", "worker", "recorder")
WAIT_SECONDS = 120.0
REPORT_SECONDS = 2.0


class Hub:
    """One process of the hub.

    Args:
        settings: checked settings.
        roles: which of `ROLES` it plays.
    """

    def __init__(self, settings: HubSettings, roles: Sequence[str] = ROLES) -> None:
        self.settings = settings
        self.roles = tuple(roles)
        self.worker = f"{socket.gethostname()}-{os.getpid()}-{secrets.token_hex(3)}"
        self.metrics = Metrics()
        self.readiness = Readiness()
        self.connectors = discover()
        self.kafka = Kafka(settings.kafka)
        self.store = Store.open(
            settings.postgres.url.get_secret_value(), settings.postgres.pool_connections_count
        )
        self.held = PostgresHeldStore(self.store)
        self.timeline = Timeline(self.store)
        self.blobs = open_blobs(settings.blobs)
        self.ground = StoreGround(self.store, self.blobs)
        self.names = StoreNames(self.store)
        self.observe = observer(log, self.metrics)
        self.gateway_port = 0
        self.management_port = 0
        self._clients: dict[str, Client] = {}
        self._stack = AsyncExitStack()

    # --- what the deployment needs ---------------------------------------------------------

    def connector_of(self, instance: str) -> Connector:
        """The connector of a configured instance."""
        return self.connectors[self.settings.kind_of(instance)]

    async def prepare(self) -> None:
        """Topics, recorded partition counts, and the first offsets of what is new.

        Raises:
            ConfigError: partition counts differ from what was recorded.
        """
        async with alone(self.store, f"prepare {self.kafka.prefix}"):
            await self._prepare()

    async def _prepare(self) -> None:
        counts = topics_of(self.settings, self.connectors)
        await self.kafka.create_topics(counts, {name: topic_config(name) for name in counts})
        await record_topics(self.store, counts)
        groups = {f"in.{i}": GROUP for i in self.settings.connectors if f"in.{i}" in counts}
        groups |= {f"route.{name}": f"route.{name}" for name in self.settings.routes}
        marks = {f"first offsets of {name}": name for name in groups}
        known = await recorded_counts(self.store, list(marks))
        for mark in marks.keys() - known.keys():
            name = marks[mark]
            topic = name if name in counts else EVENTS_TOPIC
            await self._first_offsets(groups[name], topic, counts[topic])
            await record_topics(self.store, {mark: counts[topic]})

    async def _first_offsets(self, group: str, topic: str, count: int) -> None:
        """An in-topic is read from its beginning; a new route hears what comes from now on."""
        if await self.kafka.committed(group, topic):
            return
        reader = await self.kafka.reader(topic)
        try:
            ends = await reader.ends(range(count))
        finally:
            await reader.close()
        start = dict.fromkeys(ends, 0) if group == GROUP else ends
        await self.kafka.commit(group, topic, start)

    def client(self, instance: str) -> Client:
        """The outgoing side of a configured instance, made once.

        Raises:
            ConfigError: there is no such instance, or it only receives.
        """
        if instance not in self._clients:
            if instance not in self.settings.connectors:
                raise ConfigError(f"no connector {instance} is configured")
            make = self.connector_of(instance).client
            if make is None:
                raise ConfigError(f"connector {instance} has no outgoing side")
            self._clients[instance] = make(
                instance, self.settings.connectors[instance], self.ground
            )
            self._stack.push_async_callback(self._clients[instance].close)
        return self._clients[instance]

    # --- roles ------------------------------------------------------------------------------

    async def run(self, stop: asyncio.Event) -> None:
        """Run the roles until `stop`, then end gracefully: gateway, leases, loops, recorder.

        Raises:
            HubError: it cannot start; the text says what is missing.
        """
        async with self._stack:
            await self._stack.enter_async_context(self.kafka)
            await self._wait_for("PostgreSQL", self._check_store)
            self._stack.push_async_callback(self.store.close)
            await self._wait_for("Kafka", self.prepare)  # a new broker has no coordinator yet
            producer = await self.kafka.producer()
            self._stack.push_async_callback(producer.close)
            halt = asyncio.Event()
            last = [self._management(halt)]
            if "recorder" in self.roles:
                last.append(await self._recorder(halt))
            first = []
            if "worker" in self.roles:
                first.append(self._work(producer, stop))
            if "gateway" in self.roles:
                first.append(self._gateway(producer, stop))
            await self._supervise(first, last, stop, halt)

    async def _supervise(
        self,
        first: Sequence[Coroutine[Any, Any, None]],
        last: Sequence[Coroutine[Any, Any, None]],
        stop: asyncio.Event,
        halt: asyncio.Event,
    ) -> None:
        """Until `stop`, or until one of the works ends by an error, which ends all."""
        ending = [asyncio.create_task(work) for work in first]
        ended = [asyncio.create_task(work) for work in last]
        stopping = asyncio.create_task(stop.wait())
        log.info("hub_started", roles=self.roles, config=self.settings.content_hash)
        try:
            await asyncio.wait([*ending, *ended, stopping], return_when=asyncio.FIRST_COMPLETED)
        finally:
            stop.set()
            results = await asyncio.gather(*ending, return_exceptions=True)
            halt.set()
            results += await asyncio.gather(*ended, return_exceptions=True)
            stopping.cancel()
            log.info("hub_stopped", roles=self.roles)
        for result in results:
            if isinstance(result, BaseException):
                raise result

    async def _work(self, producer: Producer, stop: asyncio.Event) -> None:
        outbox = Outbox(producer, self.observe)
        ttl = self.settings.worker.lease_seconds
        leases = Leases(self.held, self.worker, ttl_seconds=ttl)
        halt = asyncio.Event()
        intakes = [
            self._intake(instance)
            for instance in self.settings.connectors
            if self.connector_of(instance).decode is not None
        ]
        dispatchers = [await self._dispatcher(name, outbox) for name in self.settings.routes]
        for intake in intakes:
            leases.add(intake)
        for dispatcher in dispatchers:
            leases.add(dispatcher)
        self.readiness.register("leases", lambda: leases.problem)
        loops = [asyncio.create_task(each.run(halt)) for each in intakes]
        loops += [asyncio.create_task(each.run(halt)) for each in dispatchers]
        loops.append(asyncio.create_task(self._flush(outbox, halt)))
        loops.append(asyncio.create_task(self._report(intakes, dispatchers, halt)))
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
        for result in results:
            if isinstance(result, BaseException):
                raise result

    def _intake(self, instance: str) -> Intake:
        inbound = Inbound(
            instance,
            self.connector_of(instance),
            self.settings.connectors[instance],
            partitions_count=self.settings.kafka.partitions_count,
            check_out=self.blobs.check_out,
            names=self.names,
            config=self.settings.content_hash,
        )
        return Intake(inbound, self.kafka, self.held, observe=self.observe)

    async def _dispatcher(self, name: str, outbox: Outbox) -> Dispatcher:
        route = self.settings.routes[name]
        client = self.client(route.to)
        outbound = Outbound(
            route,
            self.connector_of(route.to),
            self.settings.connectors[route.to],
            client,
            effects=Effects(self.held, client),
            outbox=outbox,
            put_aliases=partial(put_aliases, self.store),
            config=self.settings.content_hash,
        )
        group = f"route.{name}"
        reader = await self.kafka.reader(EVENTS_TOPIC, group)
        self._stack.push_async_callback(reader.close)
        return Dispatcher(
            outbound,
            reader,
            self.held,
            outbox,
            committed=partial(self.kafka.committed, group, EVENTS_TOPIC),
            partitions_count=self.settings.kafka.partitions_count,
        )

    async def _flush(self, outbox: Outbox, halt: asyncio.Event) -> None:
        while not halt.is_set():
            await asyncio.sleep(0.05)
            try:
                await outbox.flush()
            except Unavailable as error:
                log.warning("outcomes_wait", reason=error.code)

    async def _report(
        self, intakes: Sequence[Intake], dispatchers: Sequence[Dispatcher], halt: asyncio.Event
    ) -> None:
        """Heartbeat with status, for `hub top`, the gauges of the engine, and the watchdog."""
        watchdog = Watchdog(dispatchers, retention_seconds=RETENTION_DAYS[EVENTS_TOPIC] * 86_400)
        self.readiness.register("progress", watchdog.problem)
        while not halt.is_set():
            set_gauges(self.metrics, intakes, dispatchers)
            await watchdog.turn()
            try:
                status = worker_status(intakes, dispatchers)
                await self.held.report(self.worker, "worker", status)
            except HubError as error:
                log.debug("heartbeat_missed", reason=error.code)
            await asyncio.sleep(REPORT_SECONDS)

    async def _gateway(self, producer: Producer, stop: asyncio.Event) -> None:
        reports = Reports(producer, self.observe, self.metrics)
        around = Surroundings(
            producer=producer,
            blobs=self.blobs,
            ground=self.ground,
            report=reports.report,
            subject_known=self._subject_known,
            peer=self.client,
            metrics=self.metrics,
            config=self.settings.content_hash,
            known_subjects_count=self.settings.gateway.known_subjects_count,
        )
        own = self.settings.gateway
        app = gateway_app(
            self.settings,
            self.connectors,
            lambda instance: KafkaInbox(instance, self.connector_of(instance), around),
            self.metrics,
        )
        listening = listen(own.host, own.port)
        self.gateway_port = listening.getsockname()[1]
        limits = ServerLimits(
            own.headers_limit_bytes,
            own.headers_timeout_seconds,
            own.keep_alive_seconds,
            own.connections_count,
            own.stop_seconds,
        )
        reporting = asyncio.Event()
        flushing = asyncio.create_task(reports.run(reporting))
        try:
            await serve(app, listening, stop, limits)
        finally:
            reporting.set()
            await flushing

    async def _recorder(self, halt: asyncio.Event) -> Coroutine[Any, Any, None]:
        feed = await self.kafka.feed((OUTCOMES_TOPIC, EVENTS_TOPIC))
        self._stack.push_async_callback(feed.close)
        outcomes_topic = self.kafka.prefix + OUTCOMES_TOPIC
        recorded = 0

        def on_progress(progress: Progress) -> None:
            nonlocal recorded
            self.metrics.add(Metric.RECORDER_ROWS, progress.outcomes_count - recorded)
            recorded = progress.outcomes_count
            for (topic, partition), offset in progress.next_offsets.items():
                if topic == outcomes_topic:
                    lag = (feed.end(topic, partition) or offset) - offset
                    self.metrics.set(Metric.RECORDER_LAG_MESSAGES, lag, str(partition))

        recorder = Recorder(
            self.store, feed, outcomes_topic=outcomes_topic, on_progress=on_progress
        )
        self.readiness.register("recorder", lambda: recorder.progress.problem or None)
        return recorder.run(halt)

    async def _subject_known(self, subject: str) -> bool:
        return await self.timeline.standing(subject) is not None

    async def _management(self, halt: asyncio.Event) -> None:
        own = self.settings.management
        app = management_app(self.metrics, self.readiness, config=self.settings.content_hash)
        listening = listen(own.host, own.port)
        self.management_port = listening.getsockname()[1]
        await serve(app, listening, halt)

    # --- waiting for what we stand on -------------------------------------------------------

    async def wait_for_kafka(self) -> None:
        """Return when a broker answers.

        Raises:
            ConfigError: none did within two minutes.
        """

        async def connect() -> None:
            async with Kafka(self.settings.kafka):
                pass

        await self._wait_for("Kafka", connect)

    async def _wait_for(self, what: str, check: Callable[[], Awaitable[object]]) -> None:
        """Try until it answers.

        Raises:
            ConfigError: it did not within two minutes.
        """
        deadline = time.monotonic() + WAIT_SECONDS
        while True:
            try:
                await check()
                return
            except Unavailable as error:
                if time.monotonic() > deadline:
                    raise ConfigError(f"{what} does not answer: {error}") from error
                log.warning("waiting", what=what, reason=error.code, error=str(error))
            await asyncio.sleep(1)

    async def _check_store(self) -> None:
        await self.held.controls()
