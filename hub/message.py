"""Message: bytes as they crossed a wire, with what the wire said beside the body."""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import partial
from typing import Any, NamedTuple, Self

import msgspec
from msgspec.structs import replace

HUB_NAMESPACE = uuid.UUID("6b1f7a52-6f0b-5d0e-9a1c-2f5d7c3e9b10")
"""Namespace of every name-based id (UUID version 5) that the hub makes."""

_NAMESPACE_BYTES = HUB_NAMESPACE.bytes
_VARIANT_OF = {digit: "89ab"[int(digit, 16) & 3] for digit in "0123456789abcdef"}
_sha1 = partial(hashlib.sha1, usedforsecurity=False)


def name_id(name: str) -> str:
    """Text of UUID version 5 of `name` in the hub's namespace (three times as fast as `uuid`)."""
    text = _sha1(_NAMESPACE_BYTES + name.encode()).hexdigest()
    variant = _VARIANT_OF[text[16]]
    return f"{text[:8]}-{text[8:12]}-5{text[13:16]}-{variant}{text[17:20]}-{text[20:32]}"


FORMAT_VERSION = "1"
"""Version of the header layout below; a reader refuses what it does not know."""


class Position(NamedTuple):
    """Where a record stands in Kafka."""

    topic: str
    partition: int
    offset: int

    def __str__(self) -> str:
        return f"{self.topic}/{self.partition}/{self.offset}"


class Message(msgspec.Struct, frozen=True):
    """Bytes of one wire message, inbound or outbound.

    Attributes:
        connector: name of the connector instance in hub.yaml (`one_stop`).
        operation: the wire's own name for what is asked (`DongBoHoSoMC`).
        body: the bytes as received, or as they will be sent; for an array that was split, the
            exact slice of one item.
        headers: facts of the wire that the body lacks (`unit`, `form`, `is_updating`); text only,
            no secrets. Names are lower case with `_`.
        key: what order is kept for: the dossier code, else the sending account.
        id: UUID text of this message, the handle of `hub show message`.
        received_at: when the hub got or made it, with zone.
        content_type: media type of the body.
        traceparent: W3C trace context, `` if none.
        position: where it stands in Kafka, once it does.
    """

    connector: str
    operation: str
    body: bytes
    key: str = ""
    headers: Mapping[str, str] = msgspec.field(default_factory=dict)
    id: str = msgspec.field(default_factory=lambda: str(uuid.uuid4()))
    received_at: datetime = msgspec.field(default_factory=lambda: datetime.now(UTC))
    content_type: str = "application/json"
    traceparent: str = ""
    position: Position | None = None

    @classmethod
    def of_file(cls, body: bytes, **facts: Any) -> Self:
        """A message that nobody sent (`hub decode FILE`): the same bytes give the same one.

        Args:
            body: the bytes.
            facts: other attributes, by name.
        """
        then = datetime.fromtimestamp(0, UTC)
        return cls(body=body, id=name_id(body.hex()), received_at=then, **facts)

    def with_position(self, position: Position) -> Self:
        """The same message, standing at `position`."""
        return replace(self, position=position)

    def to_record_headers(self) -> list[tuple[str, bytes]]:
        """Headers of the Kafka record that carries this message (text as UTF-8)."""
        pairs = [
            ("hub-format", FORMAT_VERSION),
            ("hub-id", self.id),
            ("hub-connector", self.connector),
            ("hub-operation", self.operation),
            ("hub-received-at", self.received_at.isoformat()),
            ("content-type", self.content_type),
        ]
        if self.traceparent:
            pairs.append(("traceparent", self.traceparent))
        pairs += [(f"wire-{name}", value) for name, value in self.headers.items()]
        return [(name, value.encode()) for name, value in pairs]

    @classmethod
    def from_record(
        cls, *, key: str, value: bytes, headers: Mapping[str, str], position: Position
    ) -> Self:
        """The message that a Kafka record carries; missing headers get neutral values.

        A record without `hub-id` (a foreign producer) gets an id made of its position, so that it
        is repeatable.
        """
        get = headers.get
        try:
            received_at = datetime.fromisoformat(get("hub-received-at", ""))
        except ValueError:
            received_at = datetime.fromtimestamp(0, UTC)
        return cls(
            connector=get("hub-connector", position.topic.partition(".")[2]),
            operation=get("hub-operation", ""),
            body=value,
            key=key,
            headers={name[5:]: text for name, text in headers.items() if name[:5] == "wire-"},
            id=get("hub-id") or name_id(str(position)),
            received_at=received_at,
            content_type=get("content-type", "application/json"),
            traceparent=get("traceparent", ""),
            position=position,
        )
