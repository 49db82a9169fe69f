"""The hub's ground and inbox in memory: what a connector's client, poller and door stand on."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import IO

from hub.blobs import Reference
from hub.connector import Client, Refusal
from hub.errors import ConfigError, DecodeError, Unavailable
from hub.event import Alias
from hub.message import Message


@dataclass
class MemoryGround:
    """See `hub.connector.Inbox`, and `Ground`: it is both.

    Attributes:
        messages: what was accepted, in order.
        refusals: what was refused.
        known: aliases by kind and value; `changed` when each was last changed, by `clock`.
        blobs: large bodies by reference.
        peers: clients of other instances.
        kafka_is_away: accept nothing.
    """

    messages: list[Message] = field(default_factory=list)
    refusals: list[Refusal] = field(default_factory=list)
    known: dict[tuple[str, str], Alias] = field(default_factory=dict)
    changed: dict[tuple[str, str], float] = field(default_factory=dict)
    blobs: dict[str, bytes] = field(default_factory=dict)
    peers: dict[str, Client] = field(default_factory=dict)
    kafka_is_away: bool = False
    clock: Callable[[], float] = lambda: 0.0

    @property
    def ground(self) -> MemoryGround:
        return self

    async def accept(self, messages: Sequence[Message]) -> None:
        if self.kafka_is_away:
            raise Unavailable("Kafka does not answer", code="kafka_away")
        self.messages += messages

    async def refuse(self, refusal: Refusal) -> None:
        self.refusals.append(refusal)

    async def accepted(self, subject: str) -> bool:
        return any(message.key == subject for message in self.messages)

    def peer(self, connector: str) -> Client:
        if connector not in self.peers:
            raise ConfigError(f"no connector {connector} is configured")
        return self.peers[connector]

    async def alias(self, kind: str, value: str) -> Alias | None:
        return self.known.get((kind, value))

    async def aliases(
        self,
        kind: str,
        *,
        subject: str | None = None,
        facts: Mapping[str, str] | None = None,
        older_than_seconds: float = 0,
        limit: int = 100,
    ) -> Sequence[Alias]:
        found = [
            alias
            for key, alias in sorted(self.known.items(), key=lambda item: self.changed[item[0]])
            if alias.kind == kind
            and subject in (None, alias.subject)
            and dict(alias.facts) | dict(facts or {}) == dict(alias.facts)
            and self.clock() - self.changed[key] >= older_than_seconds
        ]
        return found[:limit]

    async def remember(self, aliases: Sequence[Alias]) -> None:
        for alias in aliases:
            key = (alias.kind, alias.value)
            before = self.known.get(key, replace(alias, facts={}))
            self.known[key] = replace(before, facts={**before.facts, **alias.facts})
            self.changed[key] = self.clock()

    async def forget(self, aliases: Sequence[Alias]) -> None:
        for alias in aliases:
            key = (alias.kind, alias.value)
            if self.known.get(key) == alias:
                del self.known[key], self.changed[key]

    async def keep(self, body: bytes | IO[bytes], content_type: str, *, owner: str = "") -> str:
        if not isinstance(body, bytes):
            body.seek(0)
            body = body.read()
        digest = hashlib.sha256(body).hexdigest()
        reference = str(Reference.of(digest, len(body), owner))
        self.blobs[reference] = body
        return reference

    async def fetch(self, reference: str) -> bytes:
        if reference not in self.blobs:
            raise DecodeError("the stored body is gone", code="blob_missing")
        return self.blobs[reference]

    async def drop(self, references: Sequence[str]) -> None:
        for reference in references:
            if Reference.parse(reference).is_owned:
                self.blobs.pop(reference, None)

    async def pieces(self, reference: str) -> AsyncIterator[bytes]:
        body = await self.fetch(reference)
        for start in range(0, len(body), 65_536):
            yield body[start : start + 65_536]
