"""Ground: aliases and large bodies, as a connector's client, poller and endpoints reach them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from typing import IO

from hub.blobs import Blobs, Reference
from hub.event import Alias
from hub.store import Store
from hub.store.aliases import (
    AliasFilter,
    find_aliases,
    forget_aliases,
    put_aliases,
    resolve_aliases,
)


class StoreGround:
    """The `hub.connector.Ground` of a deployment, on its PostgreSQL and its blob store."""

    def __init__(self, store: Store, blobs: Blobs) -> None:
        self._store = store
        self._blobs = blobs

    async def alias(self, kind: str, value: str) -> Alias | None:
        """See `hub.connector.Ground.alias`."""
        return (await resolve_aliases(self._store, [(kind, value)])).get((kind, value))

    async def aliases(
        self,
        kind: str,
        *,
        subject: str | None = None,
        facts: Mapping[str, str] | None = None,
        older_than_seconds: float = 0,
        limit: int = 100,
    ) -> Sequence[Alias]:
        """See `hub.connector.Ground.aliases`."""
        wanted = AliasFilter(
            kind=kind,
            subject=subject,
            facts=facts,
            older_than_seconds=older_than_seconds,
            limit=limit,
        )
        return await find_aliases(self._store, wanted)

    async def remember(self, aliases: Sequence[Alias]) -> None:
        """See `hub.connector.Ground.remember`."""
        await put_aliases(self._store, aliases)

    async def forget(self, aliases: Sequence[Alias]) -> None:
        """See `hub.connector.Ground.forget`."""
        await forget_aliases(self._store, aliases)

    async def keep(self, body: bytes | IO[bytes], content_type: str, *, owner: str = "") -> str:
        """See `hub.connector.Ground.keep`."""
        return str(await self._blobs.put(body, content_type, owner=owner))

    async def drop(self, references: Sequence[str]) -> None:
        """See `hub.connector.Ground.drop`."""
        for reference in references:
            await self._blobs.drop(Reference.parse(reference))

    async def fetch(self, reference: str) -> bytes:
        """See `hub.connector.Ground.fetch`."""
        return await self._blobs.get(Reference.parse(reference))

    async def pieces(self, reference: str) -> AsyncIterator[bytes]:
        """See `hub.connector.Ground.pieces`."""
        async for piece in self._blobs.pieces(Reference.parse(reference)):
            yield piece
