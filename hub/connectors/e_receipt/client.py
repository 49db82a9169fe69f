"""The outgoing side: everything the hub says to the receipt system, and what its answers mean.

Every answer is HTTP 200 with a text: `OK:...` or `ERR:n`; the tables of `n` are settings. A
receipt is known by its key, so after a lost answer it is looked up before anything is sent again.
Texts of errors carry codes and names of operations only.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

import aiohttp

from hub import http
from hub.connector import Answer, Asked, Ground, Reply, Request
from hub.connectors.e_receipt import answers, calls, replies
from hub.connectors.e_receipt.answers import Found
from hub.connectors.e_receipt.calls import LINK, UNCONFIRM, Call
from hub.connectors.e_receipt.encode import CANCEL, REPLACE
from hub.connectors.e_receipt.settings import Collector, EReceiptSettings, Meaning
from hub.connectors.e_receipt.soap import Result, envelope, result_of
from hub.errors import (
    DecodeError,
    HubError,
    Misconfigured,
    Rejected,
    Unavailable,
    UnknownOutcome,
)
from hub.wire.dvcqg.dates import VIETNAM
from hub.wire.xml import XmlLimits

KEY_HEADER = "X-Operation-Key"
PROBE_KEY = "hub-probe"
DIFFERS, VOID, REPLACED = "fkey_of_another", "fkey_is_void", "fkey_is_replaced"
SEVERAL = "fkey_of_several"
"""Foreign codes shown when the receipt of this key is not the one that was asked for."""
NOT_OURS = {
    DIFFERS: "a receipt of this key is there, about another amount",
    VOID: "the receipt of this key is void",
    REPLACED: "the receipt of this key was replaced",
}


class ReceiptClient:
    """Client of one receipt system; see `hub.connector.Client`.

    Args:
        name: instance in hub.yaml.
        settings: its block.
        ground: not needed here.
        now: the wall clock, for the time of a reply.
    """

    def __init__(
        self,
        name: str,
        settings: EReceiptSettings,
        ground: Ground,
        *,
        now: Callable[[], datetime] = lambda: datetime.now(VIETNAM),
    ) -> None:
        self.name = name
        self._settings = settings
        self._http: aiohttp.ClientSession | None = None
        self._limits = XmlLimits(size_bytes=settings.reply_bytes)
        self._teller = replies.Teller(name, now)

    async def deliver(self, requests: Sequence[Request], *, timeout_seconds: float) -> Reply:
        (request,) = requests
        deadline = http.Deadline(timeout_seconds)
        if request.message.operation == CANCEL:
            return await self._cancel(request, deadline)
        return await self._issue(request, deadline)

    async def ask(self, request: Request, *, timeout_seconds: float) -> Asked:
        deadline = http.Deadline(timeout_seconds)
        fkey = request.message.headers["fkey"]
        shown = await self._look_up(self._collector(request), fkey, deadline)
        if len(shown) > 1:
            return Asked(Answer.UNKNOWN)
        found = shown[0] if shown else None
        if request.message.operation == CANCEL:
            if found is None:
                return Asked(Answer.UNKNOWN)
            void = found.status in self._settings.look_up.cancelled_statuses
            reply = replies.reply(self._teller, request, None, existed=True) if void else Reply()
            return Asked(Answer.TAKEN if void else Answer.NOT_TAKEN, reply)
        if found is None or self._not_ours(request, found):
            # What is there is not it: it is sent, the system says ERR:13, and a person hears why.
            return Asked(Answer.NOT_TAKEN)
        found_reply = await self._told(request, found, deadline, existed=True)
        return Asked(Answer.TAKEN, found_reply)

    async def query(self, operation: str, unit: str, body: Mapping[str, Any]) -> Mapping[str, Any]:
        """`look_up` (the configured operation's name works too) or `getLinkInvFkey`, of a key."""
        collector = self._settings.collectors.get(unit)
        fkey = body.get("fkey")
        if collector is None or not isinstance(fkey, str):
            raise Rejected("no collector of this unit, or no key", code="unknown_query")
        deadline = http.Deadline(self._settings.query_timeout_seconds)
        if operation == LINK:
            return {"fkey": fkey, "link": await self._link(collector, fkey, deadline)}
        if operation not in ("look_up", self._settings.look_up.operation):
            raise Rejected("no read-only operation of that name", code="unknown_query")
        shown = await self._look_up(collector, fkey, deadline)
        if len(shown) > 1:
            told = "several receipts are shown for the key: look at the receipt system which it is"
            raise Rejected(told, foreign_code=SEVERAL)
        fields = {name: getattr(shown[0], name) for name in Found.__slots__} if shown else {}
        return {"fkey": fkey, "found": bool(shown), **fields}

    async def probe(self) -> str:
        unit, collector = next(iter(self._settings.collectors.items()))
        deadline = http.Deadline(self._settings.query_timeout_seconds)
        await self._look_up(collector, PROBE_KEY, deadline)
        return f"{self._settings.look_up.operation} answered for {unit}"

    async def close(self) -> None:
        if self._http is not None:
            await self._http.close()
            self._http = None

    # Issuing and replacing

    async def _issue(self, request: Request, deadline: http.Deadline) -> Reply:
        """Issue or replace; a key that is there already is looked up and told as success."""
        collector, fkey = self._collector(request), request.message.headers["fkey"]
        text = await self._write(calls.issuing(request, collector, self._settings), deadline)
        operation = request.message.operation
        if answers.is_ok(text):
            found = answers.numbered(text, fkey)
            if found is None:
                found = await self._found_after(collector, fkey, deadline)
            return await self._told(request, found, deadline, existed=False)
        code = answers.error_code(text)
        meaning = self._settings.issue_codes.get(code)
        twice = meaning is Meaning.DONE_BEFORE and operation == REPLACE
        if meaning is not Meaning.EXISTS and not twice:
            raise self._error(meaning, code, operation)
        found = await self._the_one(collector, fkey, deadline)
        if found is None:
            raise self._error(meaning if twice else Meaning.UNCLEAR, code, operation)
        if why := self._not_ours(request, found):
            raise Rejected(f"{operation}: {NOT_OURS[why]}", foreign_code=why)
        return await self._told(request, found, deadline, existed=True)

    def _not_ours(self, request: Request, found: Found) -> str:
        """Why a receipt of the key is not told as the one that was asked for; empty: it is."""
        names = self._settings.look_up
        if found.status in names.cancelled_statuses:
            return VOID
        if found.status in names.replaced_statuses:
            return REPLACED
        return DIFFERS if replies.differs(request, found) else ""

    async def _found_after(self, collector: Collector, fkey: str, deadline: http.Deadline) -> Found:
        """The receipt behind an `OK` of unknown form: its number is what the answer had to say."""
        try:
            found = await self._the_one(collector, fkey, deadline)
        except HubError as error:
            raise UnknownOutcome("issued, number unknown", code="malformed_reply") from error
        if found is None:
            raise UnknownOutcome("issued, number unknown", code="malformed_reply")
        return found

    # Cancelling

    async def _cancel(self, request: Request, deadline: http.Deadline) -> Reply:
        """Take the payment mark off, then cancel; void already is a success.

        After a refusal the mark is put on again, if this call took it off; if it was off, an
        earlier round or somebody else took it off, and the refusal says so.
        """
        collector, fkey = self._collector(request), request.message.headers["fkey"]
        unmark, cancel, mark = calls.cancelling(request, collector, self._settings)
        text = await self._write(unmark, deadline)
        meaning, code = self._cancel_meaning(text)
        # A mark that was taken off before does not stand in the way: the cancel itself judges.
        if meaning not in (None, Meaning.STATE, Meaning.DONE_BEFORE, Meaning.NOT_PAID):
            raise self._error(meaning, code, UNCONFIRM)
        is_taken_off = meaning is None
        text = await self._write(cancel, deadline)
        meaning, code = self._cancel_meaning(text)
        if meaning is None:
            return replies.reply(self._teller, request, None, existed=False)
        if meaning in (Meaning.DONE_BEFORE, Meaning.STATE):
            found = await self._the_one(collector, fkey, deadline)
            if found and found.status in self._settings.look_up.cancelled_statuses:
                return replies.reply(self._teller, request, None, existed=True)
            meaning = Meaning.REFUSED
        refusal = self._error(meaning, code, CANCEL)
        if isinstance(refusal, Rejected):
            is_on = is_taken_off and await self._is_marked_again(mark, deadline)
            raise refusal if is_on else _with_mark_off(refusal)
        raise refusal

    async def _is_marked_again(self, mark: Call, deadline: http.Deadline) -> bool:
        """Whether the payment mark could be put on again."""
        try:
            return bool(mark.operation) and answers.is_ok(await self._write(mark, deadline))
        except HubError:
            return False  # the refusal counts; a person hears that the mark may be off

    def _cancel_meaning(self, text: str) -> tuple[Meaning | None, str]:
        """What an answer of a cancel says; none: it is done."""
        if answers.is_ok(text):
            return None, ""
        code = answers.error_code(text)
        return self._settings.cancel_codes.get(code, Meaning.UNCLEAR), code

    # Looking up

    async def _the_one(
        self, collector: Collector, fkey: str, deadline: http.Deadline
    ) -> Found | None:
        """The receipt of a key; raises as `_look_up`, and `UnknownOutcome` if several are shown."""
        shown = await self._look_up(collector, fkey, deadline)
        if len(shown) > 1:
            raise UnknownOutcome("several receipts are shown, and none certainly is the key's")
        return shown[0] if shown else None

    async def _look_up(
        self, collector: Collector, fkey: str, deadline: http.Deadline
    ) -> tuple[Found, ...]:
        """The receipts that the system shows for a key.

        Raises:
            Unavailable, Misconfigured, Rejected: it cannot be seen now, or we may not.
        """
        names = self._settings.look_up
        text = await self._read(calls.looking_up(fkey, collector, self._settings), deadline)
        code = answers.error_code(text)
        if code:
            meaning = names.codes.get(code)
            if meaning is Meaning.NOT_FOUND:
                return ()
            raise self._error(meaning, code, names.operation)
        try:
            return answers.found_in(text, fkey, names, limits=self._limits)
        except DecodeError as error:
            told = f"{names.operation}: {error}"
            raise Unavailable(told, code="malformed_reply") from error

    async def _link(self, collector: Collector, fkey: str, deadline: http.Deadline) -> str:
        text = await self._read(calls.linking(fkey, collector, self._settings), deadline)
        if code := answers.error_code(text):
            raise self._error(self._settings.look_up.codes.get(code), code, LINK)
        return text.strip().removeprefix("OK:")[:2000]

    # Calls

    async def _write(self, call: Call, deadline: http.Deadline) -> str:
        """A call with an effect; whatever is no clear answer leaves the outcome unknown."""
        reply = await self._send(call, deadline)
        if reply.status in (500, 502, 504) or 200 <= reply.status < 300:
            try:
                result = result_of(reply.body, call.operation, limits=self._limits)
            except DecodeError as error:
                told = f"{call.operation}: the reply is malformed (HTTP {reply.status})"
                raise UnknownOutcome(told, code="malformed_reply") from error
            self._refuse_fault(result, call)
            if not answers.is_ok(result.text) and not answers.error_code(result.text):
                told = f"{call.operation}: neither OK nor ERR"
                raise UnknownOutcome(told, code="malformed_reply")
            return result.text
        http.check_status(reply)
        raise UnknownOutcome(f"{call.operation}: HTTP {reply.status}", code="malformed_reply")

    async def _read(self, call: Call, deadline: http.Deadline) -> str:
        """A call without effect: a lost answer only means to ask again later."""
        try:
            reply = await self._send(call, deadline)
            if reply.status != 500:
                http.check_status(reply)
            result = result_of(reply.body, call.operation, limits=self._limits)
            self._refuse_fault(result, call)
        except UnknownOutcome as error:
            raise Unavailable(str(error), code=error.code) from error
        except DecodeError as error:
            told = f"{call.operation}: the reply is malformed"
            raise Unavailable(told, code="malformed_reply") from error
        return result.text

    def _refuse_fault(self, result: Result, call: Call) -> None:
        if result.fault in ("Client", "Sender", "VersionMismatch", "MustUnderstand"):
            told = f"{call.operation}: the service does not understand the call"
            raise Rejected(told, documented=False, foreign_code=f"soap_{result.fault}")
        if result.fault:
            told = f"{call.operation}: SOAP fault {result.fault}"
            raise UnknownOutcome(told, code="unknown_outcome")

    async def _send(self, call: Call, deadline: http.Deadline) -> http.HttpReply:
        settings = self._settings
        if self._http is None:
            self._http = http.outgoing_session(
                connections_count=settings.connections_count,
                keepalive_seconds=settings.keepalive_seconds,
            )
        headers = {
            "Content-Type": "text/xml; charset=utf-8",
            "SOAPAction": f'"{settings.namespace}{call.operation}"',
        }
        if call.key:
            headers[KEY_HEADER] = call.key
        names = settings.parameter_names.get(call.operation, {})
        told = [(names.get(name, name), text) for name, text in call.parameters]
        body = envelope(call.operation, told, settings.namespace)
        limits = http.CallLimits(deadline.left(), settings.reply_bytes)
        url = settings.base_url + call.path
        return await http.post(self._http, url, body=body, headers=headers, limits=limits)

    # What answers mean

    def _error(self, meaning: Meaning | None, code: str, operation: str) -> HubError:
        """The table of codes as errors."""
        told = f"the receipt system refuses {operation} (ERR:{code or 'none'})"
        alone = Misconfigured if len(self._settings.collectors) == 1 else Unavailable
        match meaning:
            case Meaning.ACCOUNT:
                return alone(told, code="account_refused")
            case Meaning.TEMPLATE:
                return alone(told, code="destination_refuses_us")
            case Meaning.USED_UP:
                return alone(told, code="numbers_used_up")
            case Meaning.UNCLEAR | Meaning.NOT_PAID | None:
                return Rejected(told, documented=False, foreign_code=f"ERR:{code}")
        return Rejected(told, foreign_code=f"ERR:{code}")

    def _collector(self, request: Request) -> Collector:
        unit = request.message.headers["unit"]
        collector = self._settings.collectors.get(unit)
        if collector is None:
            raise Unavailable("no collector of this unit in hub.yaml", code="no_account")
        return collector

    async def _told(
        self, request: Request, found: Found, deadline: http.Deadline, *, existed: bool
    ) -> Reply:
        """The reply of an issued receipt, with its link if that can be had."""
        link = ""
        if self._settings.links:
            try:
                fkey = request.message.headers["fkey"]
                link = await self._link(self._collector(request), fkey, deadline)
            except HubError:
                # The receipt counts; its link can be asked for at any time.
                link = ""
        return replies.reply(self._teller, request, found, existed=existed, link=link)


def _with_mark_off(refusal: Rejected) -> Rejected:
    """The refusal of a cancel, for a person who must set the mark."""
    told = f"{refusal}; its payment mark may be off: set it at the receipt system"
    return Rejected(told, documented=refusal.documented, foreign_code=refusal.foreign_code)
