"""Composition root: the only module that sees everything.

A process runs one role or several: gateway (receives), worker (decodes and delivers), recorder
(writes the timeline). They share nothing but Kafka and PostgreSQL.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from typing import Any

import structlog

import hub.schemas  # noqa: F401 - registers every event kind
from hub import __version__
from hub.errors import ConfigError, Unavailable, raise_first
from hub.foundation import Foundation
from hub.gateway.app import gateway_app
from hub.gateway.inbox import KafkaInbox, Surroundings
from hub.gateway.reports import Reports
from hub.gateway.server import ServerLimits, listen, serve
from hub.intake import GROUP
from hub.kafka import Kafka, Producer
from hub.management import management_app
from hub.metrics import Metric
from hub.outbound import EVENTS_TOPIC
from hub.outcome import OUTCOMES_TOPIC
from hub.presence import Presence
from hub.recorder import Progress, Recorder
from hub.settings import HubSettings
from hub.store.revision import check_revision
from hub.store.topology import record_topics, recorded_counts
from hub.topics import topic_config, topics_of
from hub.work import Work

log = structlog.get_logger(__name__)

ROLES = ("gateway", "worker", "recorder")
WAIT_SECONDS = 120.0


class Hub(Foundation):
    """One process of the hub.

    Args:
        settings: checked settings.
        roles: which of `ROLES` it plays.
    """

    def __init__(self, settings: HubSettings, roles: Sequence[str] = ROLES) -> None:
        super().__init__(settings)
        self.roles = tuple(roles)
        self.gateway_port = 0
        self.management_port = 0

    # --- what the deployment needs ---------------------------------------------------------

    async def prepare(self) -> None:
        """Topics, recorded partition counts, and the first offsets of what is new.

        Raises:
            ConfigError: partition counts differ from what was recorded.
        """
        async with self.store.alone(f"prepare {self.kafka.prefix}"):
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

    # --- roles ------------------------------------------------------------------------------

    async def run(self, stop: asyncio.Event) -> None:
        """Run the roles until `stop`, then end gracefully: gateway, leases, loops, recorder.

        Raises:
            HubError: it cannot start; the text says what is missing.
        """
        async with self.stack:
            self.stack.push_async_callback(self.store.close)
            if not await _unless(stop, self._start()):
                return
            producer = await self.kafka.producer()
            self.stack.push_async_callback(producer.close)
            halt = asyncio.Event()
            presence = Presence(self.kafka.ping)
            self.readiness.register("kafka", presence.problem)
            last = [self._management(halt), presence.run(halt)]
            if "recorder" in self.roles:
                last.append(await self._recorder(halt))
            first = []
            if "worker" in self.roles:
                first.append(Work(self, producer).run(stop))
            if "gateway" in self.roles:
                first.append(self._gateway(producer, stop))
            await self._supervise(first, last, stop, halt)

    async def _start(self) -> None:
        await self.stack.enter_async_context(self.kafka)
        await _patiently(lambda: check_revision(self.store))
        await _patiently(self.prepare)  # a new broker has no coordinator yet

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
        raise_first(results)

    async def _gateway(self, producer: Producer, stop: asyncio.Event) -> None:
        reports = Reports(producer, self.observe, self.metrics)
        around = Surroundings(
            producer=producer,
            blobs=self.blobs,
            ground=self.ground,
            report=reports.report,
            subject_known=self.subject_known,
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
        self.stack.push_async_callback(feed.close)
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
            self.store,
            feed,
            outcomes_topic=outcomes_topic,
            rules=self.settings.deadline_rules(),
            on_progress=on_progress,
        )
        self.readiness.register("recorder", lambda: recorder.progress.problem or None)
        return recorder.run(halt)

    async def _management(self, halt: asyncio.Event) -> None:
        own = self.settings.management
        self.metrics.set(Metric.BUILD, 1, __version__, self.settings.content_hash)
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

        await _patiently(connect)


async def _unless(stop: asyncio.Event, work: Coroutine[Any, Any, None]) -> bool:
    """Do a work unless `stop` comes first; whether it was done."""
    working, stopping = asyncio.create_task(work), asyncio.create_task(stop.wait())
    try:
        await asyncio.wait([working, stopping], return_when=asyncio.FIRST_COMPLETED)
        if working.done():
            await working
            return True
        return False
    finally:
        working.cancel()
        stopping.cancel()
        await asyncio.wait([working, stopping])


async def _patiently(check: Callable[[], Awaitable[object]]) -> None:
    """Try until what we stand on answers.

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
                text = f"{error}; waited for {WAIT_SECONDS:.0f} s"
                raise ConfigError(text, code=error.code) from error
            rest = max(0, round(deadline - time.monotonic()))
            log.warning("waiting", reason=error.code, error=str(error), gives_up_in_seconds=rest)
        await asyncio.sleep(1)
