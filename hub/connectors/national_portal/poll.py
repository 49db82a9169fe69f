"""The asking side: catalogues when they have grown old, citizens' questions every round.

One look is one call: first each catalogue, then the questions of each account. The cursor is the
number of the next look in the round. A look that is refused is told, and the one behind it comes at
once; after one that fails otherwise it comes next, since the portal may be away.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable
from typing import Any

import orjson

from hub.connector import Ground, Page
from hub.connectors.national_portal.catalogue import Catalogues
from hub.connectors.national_portal.client import PortalClient
from hub.connectors.national_portal.settings import NationalPortalSettings
from hub.errors import DecodeError, Misconfigured, Rejected, Unavailable
from hub.event import Alias
from hub.message import Message, name_id
from hub.schemas.petition import petition_subject
from hub.wire.dvcqg.models import QUESTIONS_SERVICE
from hub.wire.dvcqg.questions import CHANNEL, question_id

SEEN = "dvcqg.question"
"""Alias of a question that Kafka has: the list repeats it until it is answered."""


class PortalPoller:
    """See `hub.connector.Poller`.

    Args:
        name: instance in hub.yaml.
        settings: its block.
        ground: where catalogues and what was seen are kept.
        client: makes the calls; its own unless given.
        clock: seconds since 1970.
    """

    def __init__(
        self,
        name: str,
        settings: NationalPortalSettings,
        ground: Ground,
        *,
        client: PortalClient | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        polls = settings.polls
        self.name = name
        self.every_seconds = polls.every_seconds if polls else 3600.0
        self._client = client or PortalClient(name, settings, ground)
        self._ground = ground
        self._catalogues = Catalogues(name, ground, clock=clock)
        self._catalogue_seconds = polls.catalogue_seconds if polls else 0.0
        self._any_unit = next(iter(settings.accounts))
        self._names = {v: k for k, v in polls.question_fields.items()} if polls else {}
        units = tuple(settings.accounts) if polls and polls.questions else ()
        self._looks = (
            *(("catalogue", service) for service in (polls.catalogues if polls else ())),
            *(("questions", unit) for unit in units),
        )
        self._failures = 0

    async def poll(self, cursor: str) -> Page:
        number = int(cursor) if cursor.isascii() and cursor.isdecimal() else 0
        if number >= len(self._looks):
            number = 0
        if not self._looks:
            return Page(cursor="0")
        number = (number + self._failures) % len(self._looks)
        kind, name = self._looks[number]
        following = (number + 1) % len(self._looks)
        messages: tuple[Message, ...] = ()
        problem = ""
        self._failures += 1
        try:
            if kind == "catalogue":
                await self._pull(name)
            else:
                messages = await self._questions(name)
        except (Rejected, Misconfigured) as error:
            problem = f"{name}: {error}"
        self._failures = 0
        return Page(
            messages=messages,
            cursor=str(following),
            more=following != 0,
            receipts=tuple(message.id for message in messages),
            problem=problem,
        )

    async def done(self, page: Page) -> None:
        subjects = {message.id: message.key for message in page.messages}
        await self._ground.remember(
            [Alias(SEEN, f"{self.name}/{seen}", subjects[seen]) for seen in page.receipts]
        )

    async def close(self) -> None:
        await self._client.close()

    async def _pull(self, catalogue: str) -> None:
        age = await self._catalogues.age_seconds(catalogue)
        if age is not None and age < self._catalogue_seconds:
            return
        rows = await self._rows(catalogue, self._any_unit)
        if rows:  # an empty catalogue is an accident, and would refuse everything
            await self._catalogues.keep(catalogue, rows)

    async def _questions(self, unit: str) -> tuple[Message, ...]:
        rows = await self._rows(QUESTIONS_SERVICE, unit)
        found = [self._message(unit, row) for row in rows]
        return tuple(
            [
                message
                for message in found
                if await self._ground.alias(SEEN, f"{self.name}/{message.id}") is None
            ]
        )

    async def _rows(self, operation: str, unit: str) -> list[Any]:
        reply = await self._client.query(operation, unit, {})
        rows = reply.get("result") or []
        if not isinstance(rows, list):
            raise Unavailable(f"{operation}: the result is no list", code="malformed_reply")
        return rows

    def _message(self, unit: str, row: Any) -> Message:
        """The Message of a row; an unreadable one goes the same way, and dies visibly."""
        body = orjson.dumps(row, option=orjson.OPT_SORT_KEYS)
        digest = hashlib.sha256(body).hexdigest()
        name = self._names.get("CAUHOIID", "CAUHOIID")
        try:
            code = question_id(str(row[name]))
            key = petition_subject(CHANNEL, code)
        except (DecodeError, KeyError, TypeError):
            key = unit
        return Message(
            connector=self.name,
            operation=QUESTIONS_SERVICE,
            body=body,
            key=key,
            headers={"form": "question", "unit": unit},
            id=name_id(f"{self.name} {QUESTIONS_SERVICE} {digest}"),
        )
