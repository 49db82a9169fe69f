"""Calls to the portal and what its answers say: envelope, the table of codes.

No I/O: `client.py` sends what is put together here and asks what came back means.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum, auto
from typing import Any
from urllib.parse import urlsplit

import orjson

from hub import http
from hub.connectors.national_portal.settings import NationalPortalSettings
from hub.errors import UnknownOutcome
from hub.wire.dvcqg.models import ANSWER_SERVICE
from hub.wire.spelling import folded

LOGIN = "login"
KEY_HEADER = "X-Operation-Key"
STORE_CODE = "errorCode"
"""What the digitised-result store calls `error_code`."""


class Verdict(Enum):
    """What a reply says about the call."""

    SUCCESS = auto()
    EXISTS = auto()
    SESSION = auto()
    REFUSED = auto()


@dataclass(frozen=True, slots=True)
class PortalReply:
    """A readable reply: the whole JSON object and what it says."""

    fields: Mapping[str, Any]
    code: str
    verdict: Verdict


@dataclass(frozen=True, slots=True)
class Outgoing:
    """One integration or share call of a unit, without its session.

    Attributes:
        unit: organisation id (`madonvi`), whose account is used.
        service: the portal's name of what is asked.
        fields: further fields of the body.
        items: JSON of the items of `data`; empty: the call has no `data`.
        bare: `data` is the one item itself, not an array.
        keys: operation keys, one for each item.
        traceparent: W3C trace context of the first item, `` if none.
    """

    unit: str
    service: str
    fields: Mapping[str, Any]
    items: Sequence[bytes] = ()
    bare: bool = False
    keys: str = ""
    traceparent: str = ""

    @property
    def headers(self) -> dict[str, str]:
        """What the call says beside its body."""
        said = {KEY_HEADER: self.keys, "traceparent": self.traceparent}
        return {name: value for name, value in said.items() if value}

    def body(self, session: str) -> bytes:
        """The call's JSON."""
        head = orjson.dumps(
            {**self.fields, "session": session, "madonvi": self.unit, "service": self.service}
        )
        if not self.items:
            return head
        if self.bare:
            return b'%b,"data":%b}' % (head[:-1], self.items[0])
        return b'%b,"data":[%b]}' % (head[:-1], b",".join(self.items))


def understand(
    reply: http.HttpReply, service: str, settings: NationalPortalSettings
) -> PortalReply:
    """What a reply says; by its body where it has the portal's form.

    Raises:
        Unavailable, Misconfigured, Rejected: see `hub.http.check_status`.
        UnknownOutcome: it has another form, or a 5xx follows what must not be sent twice.
    """
    if reply.status == 401:
        return PortalReply({}, "http_401", Verdict.SESSION)
    if reply.status >= 500 and service == ANSWER_SERVICE:
        # A second answer may be shown to the citizen twice: the portal is asked first.
        raise UnknownOutcome(f"HTTP {reply.status}", code="http_5xx")
    fields = http.json_object(reply.body) or {}
    name = "error_code" if "error_code" in fields else STORE_CODE
    code = http.short_code(fields[name]) if name in fields else ""
    verdict = _judge(code, fields.get("message"), settings)
    # Where HTTP 500 is how an ended session is told, only a new one helps.
    ended = verdict is Verdict.SESSION and service != LOGIN
    busy = reply.status == 429 or reply.status >= 500
    if name not in fields or (busy and not ended):
        http.check_status(reply)
        raise UnknownOutcome(f"{service}: the reply is malformed", code="malformed_reply")
    return PortalReply(fields, code, verdict)


def stands_at(address: str, hosts: Sequence[str | None]) -> bool:
    """Whether an address is one of these hosts'."""
    try:
        parts = urlsplit(address)
    except ValueError:
        return False
    return parts.scheme in ("http", "https") and parts.hostname in hosts


def _judge(code: str, message: object, settings: NationalPortalSettings) -> Verdict:
    """The table of codes; the message decides only where the code does not."""
    text = folded(message) if isinstance(message, str) else ""
    if code in settings.duplicate_codes and _says(text, settings.duplicate_words):
        return Verdict.EXISTS
    said = _says(text, settings.success_words) and not _says(text, settings.failure_words)
    if code in settings.success_codes and (not text or said):
        return Verdict.SUCCESS
    if code in settings.session_codes:
        return Verdict.SESSION
    if code not in settings.success_codes and _says(text, settings.session_words):
        return Verdict.SESSION
    return Verdict.REFUSED


def _says(text: str, words: Sequence[str]) -> bool:
    return any(folded(word) in text for word in words)
