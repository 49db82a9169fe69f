"""Foundation: what every role of one process stands on, made once from the settings."""

from __future__ import annotations

import os
import secrets
import socket
from contextlib import AsyncExitStack

import structlog

import hub.schemas  # noqa: F401 - registers every event kind
from hub.blobs import open_blobs
from hub.connector import Client, Connector, discover
from hub.errors import ConfigError
from hub.ground import StoreGround
from hub.kafka import Kafka
from hub.log import observer
from hub.management import Readiness
from hub.metrics import Metrics
from hub.settings import HubSettings
from hub.store import Store
from hub.store.held import PostgresHeldStore
from hub.store.timeline import Timeline

log = structlog.get_logger(__name__)

TOLD_SECONDS = 0.5
"""So old may be what a route is told: its routes look together, once a second."""


class Foundation:
    """Kafka, PostgreSQL, blobs, connectors and their clients.

    Attributes:
        worker: name of this process, unique.
        stack: closed when the process ends; whoever opens something puts its end here.
    """

    def __init__(self, settings: HubSettings) -> None:
        self.settings = settings
        self.worker = f"{socket.gethostname()}-{os.getpid()}-{secrets.token_hex(3)}"
        self.metrics = Metrics()
        self.readiness = Readiness()
        self.connectors = discover()
        self.kafka = Kafka(settings.kafka)
        self.store = Store.open(
            settings.postgres.url.get_secret_value(), settings.postgres.pool_connections_count
        )
        self.held = PostgresHeldStore(self.store, fresh_seconds=TOLD_SECONDS)
        self.timeline = Timeline(self.store)
        self.blobs = open_blobs(settings.blobs)
        self.ground = StoreGround(self.store, self.blobs)
        self.observe = observer(log, self.metrics)
        self._clients: dict[str, Client] = {}
        self.stack = AsyncExitStack()

    def connector_of(self, instance: str) -> Connector:
        """The connector of a configured instance."""
        return self.connectors[self.settings.kind_of(instance)]

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
            self.stack.push_async_callback(self._clients[instance].close)
        return self._clients[instance]

    async def subject_known(self, subject: str) -> bool:
        """Whether the timeline knows a subject."""
        return await self.timeline.standing(subject) is not None
