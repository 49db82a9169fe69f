"""Contract: the topics of a deployment as an AsyncAPI document, for whoever reads `events`.

AsyncAPI 3.0.0 with its Kafka bindings 0.5.0: https://www.asyncapi.com/docs/reference/specification/v3.0.0
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic.json_schema import models_json_schema

import hub.schemas  # noqa: F401 - registers the kinds
from hub import __version__
from hub.connector import Connector
from hub.event import KINDS, MEANINGS, SPEC_VERSION
from hub.outbound import EVENTS_TOPIC
from hub.outcome import OUTCOMES_TOPIC
from hub.settings import HubSettings, KafkaSettings
from hub.topics import topic_config, topics_of

HEADERS: Mapping[str, str] = {
    "ce_specversion": "Version of CloudEvents: 1.0.",
    "ce_type": "Kind of event.",
    "ce_id": "Id of the event, a UUID; a repetition has the same one.",
    "ce_source": "Who told it: /connectors/<instance>/<unit>, or /hub/sla/<unit> for deadlines.",
    "ce_subject": "What it is about, nearly always the dossier code; equal to the key.",
    "ce_time": "When it happened according to the sender, else when the hub heard of it; ISO 8601.",
    "ce_naturalkey": "What makes two calls of a sender the same fact.",
    "ce_messageid": "Id of the message it was made of; empty for what the hub says by itself.",
    "content-type": "application/json.",
    "traceparent": "W3C trace context; only where there is one.",
}
"""Headers of a record of `events`, UTF-8 texts; all but `traceparent` are always there."""

_FIXED = {"ce_specversion": SPEC_VERSION, "content-type": "application/json"}
_SECURITY = {
    "PLAIN": "plain",
    "SCRAM-SHA-256": "scramSha256",
    "SCRAM-SHA-512": "scramSha512",
}
"""SASL mechanism -> its type in AsyncAPI."""


def asyncapi(settings: HubSettings, connectors: Mapping[str, Connector]) -> dict[str, Any]:
    """The AsyncAPI document of a deployment; no file of it is opened, no server asked."""
    kafka = settings.kafka
    channels = {
        name: _channel(name, count, kafka)
        for name, count in topics_of(settings, connectors).items()
    }
    channels[EVENTS_TOPIC]["messages"] = {
        kind: {"$ref": f"#/components/messages/{kind}"} for kind in sorted(KINDS)
    }
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "Hub liên thông",
            "version": __version__,
            "description": "Events of dossiers. `events` holds personal data.",
        },
        "defaultContentType": "application/json",
        "servers": _servers(kafka),
        "channels": channels,
        "operations": {
            "tell_events": {
                "action": "send",
                "channel": {"$ref": f"#/channels/{EVENTS_TOPIC}"},
                "summary": "The hub tells what has happened; who may read it listens.",
            }
        },
        "components": _components(kafka),
    }


def _channel(name: str, partitions: int, kafka: KafkaSettings) -> dict[str, Any]:
    return {
        "address": kafka.prefix + name,
        "title": name,
        "description": _purpose(name),
        "bindings": {
            "kafka": {
                "bindingVersion": "0.5.0",
                "topic": kafka.prefix + name,
                "partitions": partitions,
                "replicas": kafka.replication_factor,
                "topicConfiguration": {
                    key: int(value) for key, value in topic_config(name).items()
                },
            }
        },
    }


def _purpose(name: str) -> str:
    if name == EVENTS_TOPIC:
        return "Events, keyed by subject: in order for each dossier, across all kinds."
    if name == OUTCOMES_TOPIC:
        return "How each handling ended. The hub's own: its form may change with any version."
    if name.startswith("in."):
        return f"What {name[3:]} sent, byte by byte. The hub's own."
    return "Dead letters: original bytes, reasons in headers."


def _servers(kafka: KafkaSettings) -> dict[str, Any]:
    plain = kafka.security.protocol == "plaintext"
    rest: dict[str, Any] = {"protocol": "kafka" if plain else "kafka-secure"}
    if kafka.security.sasl_mechanism is not None:
        rest["security"] = [{"$ref": "#/components/securitySchemes/sasl"}]
    hosts = [host.strip() for host in kafka.bootstrap_servers.split(",")]
    return {f"kafka{number}": {"host": host, **rest} for number, host in enumerate(hosts, 1)}


def _components(kafka: KafkaSettings) -> dict[str, Any]:
    models = list(dict.fromkeys(KINDS[kind] for kind in sorted(KINDS)))
    names, definitions = models_json_schema(
        [(model, "serialization") for model in models],
        ref_template="#/components/schemas/{model}",
    )
    schemas = {"headers": _headers(), **definitions["$defs"]}
    messages = {
        kind: {
            "name": kind,
            "summary": MEANINGS[kind],
            "headers": {
                "allOf": [
                    {"$ref": "#/components/schemas/headers"},
                    {"type": "object", "properties": {"ce_type": {"const": kind}}},
                ]
            },
            "payload": names[KINDS[kind], "serialization"],
            "bindings": {
                "kafka": {
                    "bindingVersion": "0.5.0",
                    "key": {"type": "string", "description": HEADERS["ce_subject"]},
                }
            },
        }
        for kind in sorted(KINDS)
    }
    components: dict[str, Any] = {"messages": messages, "schemas": schemas}
    if kafka.security.sasl_mechanism is not None:
        components["securitySchemes"] = {"sasl": {"type": _SECURITY[kafka.security.sasl_mechanism]}}
    return components


def _headers() -> dict[str, Any]:
    return {
        "type": "object",
        "properties": {
            name: {"type": "string", "description": description}
            | ({"const": _FIXED[name]} if name in _FIXED else {})
            for name, description in HEADERS.items()
        },
        "required": [name for name in HEADERS if name != "traceparent"],
    }
