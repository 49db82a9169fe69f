"""OneStopProduct: sends dossiers and steps as one-stop products do.

Behaviour of two one-stop products (2020 and 2023-25): the session is kept until an answer speaks
of it, then one new login and one repetition; a call counts as taken only on `error_code` 0 with
"thành công" in `message`; "đã tồn tại" makes it an update; everything else stays "chưa đồng bộ"
and is tried again later. What comes after a waiting call of the same dossier waits behind it, so
a dossier goes before its steps, and steps go oldest first, at most ten in a call.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlencode

import aiohttp
import orjson

from hub.simulation import Call, CallLog, Item
from hub.wire.dvcqg.models import DOSSIER_SERVICE, PROGRESS_SERVICE

SYSTEM = "one_stop"
STEPS_PER_CALL = 10
TIMEOUT_SECONDS = 60.0
TEXT_OF = {DOSSIER_SERVICE: "TrichYeuHoSo", PROGRESS_SERVICE: "NoiDungXuLy"}
"""The text that carries `#<number>` in numbered runs."""

Fields = Mapping[str, Any]
Reply = Mapping[str, Any]
NO_REPLY: Reply = {}


@dataclass(frozen=True, slots=True)
class Address:
    """What a product's configuration holds about one unit.

    Attributes:
        url: address of the portal, or of the hub in its place (`adapter_url`).
        unit: organisation id (`madonvi`).
        username, password: its account.
        dstcode: destination member.
        token: of the provincial form; with it the product speaks that form.
        auth_endpoint, integration_endpoint, lgsp_endpoint: paths.
    """

    url: str
    unit: str
    username: str = ""
    password: str = field(default="", repr=False)
    dstcode: str = ""
    token: str = field(default="", repr=False)
    auth_endpoint: str = "/auth"
    integration_endpoint: str = "/integration"
    lgsp_endpoint: str = "/SynsTTHCC"


@dataclass(frozen=True, slots=True)
class Sending:
    """One call that is to be made: its items as JSON objects, with their exact bytes."""

    operation: str
    items: tuple[Fields, ...]
    bodies: tuple[bytes, ...]
    is_updating: bool | None

    @property
    def codes(self) -> set[str]:
        """The dossiers it is about."""
        return {str(item.get("MaHoSo", "")) for item in self.items}


class OneStopProduct:
    """A one-stop product that sends for one unit; use it as an async context.

    Dossiers may go side by side; of one dossier, the caller awaits one call before the next.

    Args:
        address: where and as whom it sends.
        log: one line for each item that was taken, in the order of the answers.
        numbered: end the text of every item with `#<number>`, counted per dossier, so that a
            checker can follow it through other systems.

    Attributes:
        counts: `taken` and `waiting` items, `logins`, `calls`, `refusals` by `error_code`.
    """

    def __init__(
        self, address: Address, log: CallLog | None = None, *, numbered: bool = False
    ) -> None:
        self.address = address
        self.counts: Counter[str] = Counter()
        self._log = log
        self._numbered = numbered
        self._last_number: Counter[str] = Counter()
        self._waiting: list[Sending] = []
        self._session = ""
        self._last_taken: Sending | None = None
        self._signing_in = asyncio.Lock()
        self._catching_up = asyncio.Lock()
        self._http: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        self._http = aiohttp.ClientSession(
            timeout=aiohttp.ClientTimeout(total=TIMEOUT_SECONDS),
            cookie_jar=aiohttp.DummyCookieJar(),
        )
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Close the connections; what waits is kept."""
        if self._http is not None:
            await self._http.close()
            self._http = None

    async def send_dossiers(self, items: Sequence[Fields], *, is_updating: bool) -> bool:
        """Send whole dossiers in one call; false: they wait, see `send_waiting`."""
        return await self._send(DOSSIER_SERVICE, items, is_updating)

    async def send_progress(self, items: Sequence[Fields]) -> bool:
        """Send steps, oldest first, in calls of ten; false: some wait, see `send_waiting`."""
        results = [
            await self._send(PROGRESS_SERVICE, items[start : start + STEPS_PER_CALL], None)
            for start in range(0, len(items), STEPS_PER_CALL)
        ]
        return all(results)

    async def send_waiting(self) -> int:
        """Try everything that waits once more, oldest first; how many calls still wait."""
        async with self._catching_up:
            held_up: set[str] = set()
            for sending in self.waiting:
                if sending.codes & held_up or not await self._exchange(sending):
                    held_up |= sending.codes
                    continue
                self._waiting.remove(sending)
                self._settle(sending)
        return len(self._waiting)

    async def repeat(self) -> None:
        """Send the last call that was taken once more, as a product does that lost the answer."""
        if self._last_taken is not None:
            await self._exchange(self._last_taken)

    def forget(self) -> None:
        """Drop what waits, the session and the counts; numbers go on."""
        self._waiting.clear()
        self._session = ""
        self._last_taken = None
        self.counts.clear()

    @property
    def waiting(self) -> Sequence[Sending]:
        """The calls that are "chưa đồng bộ", oldest first."""
        return tuple(self._waiting)

    async def _send(
        self, operation: str, items: Sequence[Fields], is_updating: bool | None
    ) -> bool:
        told = tuple(self._numbering(operation, item) for item in items)
        bodies = tuple(orjson.dumps(item) for item in told)
        return await self._attempt(Sending(operation, told, bodies, is_updating))

    async def _attempt(self, sending: Sending) -> bool:
        behind = any(sending.codes & other.codes for other in self._waiting)
        if not behind and await self._exchange(sending):
            self._settle(sending)
            return True
        self._waiting.append(sending)
        self.counts["waiting"] += len(sending.items)
        return False

    def _settle(self, sending: Sending) -> None:
        self._last_taken = sending
        self.counts["taken"] += len(sending.items)
        self.counts["waiting"] = sum(len(each.items) for each in self._waiting)
        self._write(sending)

    async def _exchange(self, sending: Sending) -> bool:
        reply = await self._call(sending)
        if _says_exists(reply) and not sending.is_updating:
            reply = await self._call(replace(sending, is_updating=True))
        if _says_taken(reply):
            return True
        self.counts[f"refusals {reply.get('error_code', 'none')}"] += 1
        return False

    async def _call(self, sending: Sending) -> Reply:
        if self.address.token:
            return await self._post(self._lgsp_path(sending), _array(sending.bodies))
        session = self._session or await self._login("")
        if not session:
            return NO_REPLY
        reply = await self._post(
            self.address.integration_endpoint, self._envelope(session, sending)
        )
        if _says_session(reply) and (session := await self._login(session)):
            reply = await self._post(
                self.address.integration_endpoint, self._envelope(session, sending)
            )
        return reply

    async def _login(self, stale: str) -> str:
        """A session other than the stale one; `` when there is none. One login at a time."""
        async with self._signing_in:
            if self._session == stale:
                self.counts["logins"] += 1
                account = {"username": self.address.username, "password": self.address.password}
                reply = await self._post(self.address.auth_endpoint, orjson.dumps(account))
                session = reply.get("session")
                self._session = session if isinstance(session, str) else ""
            return self._session

    def _envelope(self, session: str, sending: Sending) -> bytes:
        head = {
            "session": session,
            "madonvi": self.address.unit,
            "service": sending.operation,
        }
        if sending.is_updating is not None:
            head["isUpdating"] = str(sending.is_updating)
        return orjson.dumps(head)[:-1] + b',"data":' + _array(sending.bodies) + b"}"

    def _lgsp_path(self, sending: Sending) -> str:
        query = {"MaDinhDanhDV": self.address.unit}
        if sending.is_updating is not None:
            query["isUpdating"] = str(sending.is_updating)
        return f"{self.address.lgsp_endpoint}/{sending.operation}?{urlencode(query)}"

    async def _post(self, path: str, body: bytes) -> Reply:
        """The JSON object that was answered; empty when none came."""
        if self._http is None:
            raise RuntimeError("use the product as an async context")
        self.counts["calls"] += 1
        headers = {
            "Accept": "application/json",
            "Content-Type": "application/json",
            "Charset": "utf-8",
            "dstcode": self.address.dstcode,
        }
        if self.address.token:
            headers["Authorization"] = self.address.token
        try:
            async with self._http.post(
                self.address.url + path, data=body, headers=headers
            ) as response:
                reply = orjson.loads(await response.read())
        except (aiohttp.ClientError, TimeoutError, orjson.JSONDecodeError):
            return NO_REPLY
        return reply if isinstance(reply, dict) else NO_REPLY

    def _numbering(self, operation: str, item: Fields) -> Fields:
        if not self._numbered:
            return item
        code = str(item.get("MaHoSo", ""))
        self._last_number[code] += 1
        text = TEXT_OF[operation]
        return {**item, text: f"{item.get(text, '')} #{self._last_number[code]}".lstrip()}

    def _write(self, sending: Sending) -> None:
        if self._log is None:
            return
        text = TEXT_OF[sending.operation]
        items = [
            Item(subject=str(item.get("MaHoSo", "")), seq=_number(item.get(text)), body=body)
            for item, body in zip(sending.items, sending.bodies, strict=True)
        ]
        self._log.write(SYSTEM, Call(sending.operation, items), True)


def _array(bodies: Sequence[bytes]) -> bytes:
    return b"[" + b",".join(bodies) + b"]"


def _number(text: object) -> int | None:
    """The number behind the last `#` of a text."""
    tail = text.rpartition("#")[2] if isinstance(text, str) and "#" in text else ""
    return int(tail) if tail.isascii() and tail.isdecimal() else None


def _message(reply: Reply) -> str:
    return str(reply.get("message", "")).lower()


def _says_taken(reply: Reply) -> bool:
    return str(reply.get("error_code")) in ("0", "00") and "thành công" in _message(reply)


def _says_exists(reply: Reply) -> bool:
    return str(reply.get("error_code")) in ("0", "3", "-3") and "đã tồn tại" in _message(reply)


def _says_session(reply: Reply) -> bool:
    return str(reply.get("error_code")) not in ("0", "00") and "session" in _message(reply)
