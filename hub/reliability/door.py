"""Door: the load of a trial sent over HTTP to the hub's gateway, as a product sends it.

What the gateway answered with success is acknowledged; everything else is sent again, as products
do with what they keep as "not synchronised".
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import aiohttp
import orjson

from hub.errors import Unavailable
from hub.kafka import Outgoing
from hub.reliability.load import UNIT

SECONDS = 20.0


class Door:
    """Sends records through the gateway; a `load.Taker`.

    Args:
        url: of the gateway.
        session: to send with.
        password: of the unit's account at the hub.
        member: the destination member that the hub expects.
    """

    def __init__(
        self, url: str, session: aiohttp.ClientSession, *, password: str, member: str
    ) -> None:
        self._url = url
        self._session = session
        self._account = {"username": UNIT, "password": password}
        self._headers = {"dstcode": member, "Content-Type": "application/json"}
        self._token = ""

    async def send_all(self, topic: str, records: Sequence[Outgoing]) -> None:
        """Return when the gateway has said of each that it was taken.

        Raises:
            Unavailable: of one or more it has not.
        """
        del topic  # the gateway knows where its connector's messages go
        try:
            if not self._token:
                self._token = str((await self._post("/auth", self._account)).get("session", ""))
            answers = await asyncio.gather(
                *(self._post("/integration", self._call(record)) for record in records),
                return_exceptions=True,
            )
        except (aiohttp.ClientError, TimeoutError) as error:
            raise Unavailable(f"the gateway does not answer: {type(error).__name__}") from error
        for answer in answers:
            if not isinstance(answer, dict) or str(answer.get("error_code")) != "0":
                self._token = ""  # it may be the session
                raise Unavailable("the gateway did not take everything")

    def _call(self, record: Outgoing) -> dict[str, object]:
        headers = dict(record[2])
        return {
            "session": self._token,
            "madonvi": UNIT,
            "service": headers["hub-operation"].decode(),
            "isUpdating": "False",
            "data": [orjson.loads(record[1] or b"")],
        }

    async def _post(self, path: str, body: dict[str, object] | dict[str, str]) -> dict[str, object]:
        limit = aiohttp.ClientTimeout(total=SECONDS)
        async with self._session.post(
            self._url + path, data=orjson.dumps(body), headers=self._headers, timeout=limit
        ) as reply:
            answer: dict[str, object] = orjson.loads(await reply.read())
            return answer
