"""The local broker's settings, as `server.properties`."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from hub.local.place import LOOPBACK, Ports

NODE = 1
MESSAGE_MAX_BYTES = 8 * 1024 * 1024


def server_properties(ports: Ports, data: Path, extra: Mapping[str, str]) -> str:
    """The text of `server.properties` for one node that is broker and controller.

    Args:
        ports: where it listens, on the loopback address only.
        data: folder of the logs.
        extra: Kafka properties that come on top, in Kafka's own words. A second listener names
            the first one too: `{"listeners": "PLAINTEXT://127.0.0.1:21000,CONTROLLER://…,
            SSL://127.0.0.1:21003", "ssl.keystore.location": "…"}`.
    """
    kafka = f"PLAINTEXT://{LOOPBACK}:{ports.kafka}"
    controller = f"CONTROLLER://{LOOPBACK}:{ports.controller}"
    protocols = ("PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL")
    names = ",".join(("CONTROLLER:PLAINTEXT", *(f"{name}:{name}" for name in protocols)))
    settings = {
        "process.roles": "broker,controller",
        "node.id": str(NODE),
        "controller.quorum.voters": f"{NODE}@{LOOPBACK}:{ports.controller}",
        "controller.listener.names": "CONTROLLER",
        "listeners": f"{kafka},{controller}",
        "advertised.listeners": kafka,
        "inter.broker.listener.name": "PLAINTEXT",
        "listener.security.protocol.map": names,
        "log.dirs": str(data),
        # One node: nothing can be kept twice.
        "default.replication.factor": "1",
        "min.insync.replicas": "1",
        "offsets.topic.replication.factor": "1",
        "transaction.state.log.replication.factor": "1",
        "transaction.state.log.min.isr": "1",
        "share.coordinator.state.topic.replication.factor": "1",
        "share.coordinator.state.topic.min.isr": "1",
        # 50 partitions each by default: files, memory and start time for nobody.
        "offsets.topic.num.partitions": "4",
        "transaction.state.log.num.partitions": "4",
        "share.coordinator.state.topic.num.partitions": "1",
        "group.initial.rebalance.delay.ms": "0",
        # A topic's partition count is a promise (order per dossier): never made by accident.
        "auto.create.topics.enable": "false",
        "message.max.bytes": str(MESSAGE_MAX_BYTES),
        "replica.fetch.max.bytes": str(MESSAGE_MAX_BYTES),
        # A killed node is taken back when its old session is over: after 9 s by default.
        "broker.session.timeout.ms": "3000",
        "broker.heartbeat.interval.ms": "500",
        # Deleted topics (tests make many) give their files back soon.
        "log.segment.delete.delay.ms": "1000",
        **extra,
    }
    return "".join(f"{name}={value}\n" for name, value in settings.items())
