"""Raw messages read back from Kafka by where they stand, and how they may be shown."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

from hub.blobs import open_blobs
from hub.errors import HubError
from hub.event import KINDS
from hub.kafka import Kafka, safe_headers
from hub.masking import DOTS, masked_event, masked_wire
from hub.message import Message, Position
from hub.settings import HubSettings


@dataclass(frozen=True, slots=True)
class Raw:
    """One record as it stands in Kafka, its body back from the blob store if it was there.

    Attributes:
        title: where it stands.
        headers: of the record.
        body: of the wire message, or the data of an event.
        note: why there is no body, `` if there is one.
    """

    title: str
    headers: Mapping[str, str]
    body: bytes = b""
    note: str = ""

    def clear(self) -> str:
        """The body as it is, as text."""
        return self.note or self.body.decode("utf-8", "replace")

    def masked(self, known: Collection[str]) -> str:
        """The body by data class; of wire bytes only the structure and what is known."""
        if self.note:
            return self.note
        model = KINDS.get(self.headers.get("ce_type", ""))
        if model is None:
            return masked_wire(self.body, known)
        try:
            data = json.loads(self.body)
        except ValueError:
            return masked_wire(self.body, known)
        if not isinstance(data, dict):
            return masked_wire(self.body, known)
        return json.dumps(masked_event(data, model), ensure_ascii=False, indent=2)

    def headers_to_show(self) -> Mapping[str, str]:
        """Headers that the hub itself writes; of foreign ones the name only."""
        ours = ("hub-", "ce_", "wire-", "content-type", "traceparent")
        return {
            name: value if name.startswith(ours) else DOTS for name, value in self.headers.items()
        }


async def fetch_raw(settings: HubSettings, positions: Iterable[str]) -> list[Raw]:
    """The records at these positions (`topic/partition/offset`).

    Raises:
        Unavailable: Kafka or the blob store is away.
    """
    blobs = open_blobs(settings.blobs)
    found = []
    async with Kafka(settings.kafka) as kafka:
        for text in positions:
            topic, partition, offset = text.rsplit("/", 2)
            position = Position(topic, int(partition), int(offset))
            record = await kafka.fetch_one(position)
            if record is None:
                found.append(Raw(text, {}, note="(no longer in Kafka)"))
                continue
            headers = safe_headers(record.headers)
            message = Message.from_record(
                key="", value=record.value or b"", headers=headers, position=position
            )
            try:
                body = (await blobs.check_out(message)).body
                found.append(Raw(text, headers, body))
            except HubError as error:
                found.append(Raw(text, headers, note=f"({error.code}: {error})"))
    return found
