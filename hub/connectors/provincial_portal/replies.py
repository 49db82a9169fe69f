"""What the platform's answers say: its own code and message, or a fault of the gateway before it.

The faults of the gateway are those of WSO2's public documentation; lists are settings.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum, auto

from hub import http
from hub.connectors.provincial_portal.settings import ProvincialPortalSettings
from hub.errors import Misconfigured, Unavailable, UnknownOutcome

TOKEN_REFUSED = "account_refused"  # noqa: S105 - a reason code, not a secret


class Verdict(Enum):
    """What a reply says about the call."""

    SUCCESS = auto()
    EXISTS = auto()
    ABSENT = auto()
    TOKEN = auto()
    REFUSED = auto()


@dataclass(frozen=True, slots=True)
class Told:
    """A readable reply: the platform's code as short text, and what it says."""

    code: str
    verdict: Verdict


def understand(reply: http.HttpReply, settings: ProvincialPortalSettings) -> Told:
    """What a reply says; by its body where it has a documented form.

    Raises:
        Unavailable, Misconfigured, Rejected: see `hub.http.check_status`; also a gateway's fault.
        UnknownOutcome: it has another form.
    """
    fields = http.json_object(reply.body) or {}
    if isinstance(fault := fields.get("fault"), dict):
        return _fault(http.short_code(fault.get("code")), reply, settings)
    if reply.status == 401:
        return Told("http_401", Verdict.TOKEN)
    if reply.status == 429 or reply.status >= 500:
        http.check_status(reply)
    name = next((name for name in settings.code_fields if name in fields), None)
    if name is None:
        http.check_status(reply)
        raise UnknownOutcome("the reply is malformed", code="malformed_reply")
    code = http.short_code(fields[name])
    verdict = _judge(code, fields.get("message"), settings)
    if verdict is Verdict.SUCCESS:
        http.check_status(reply)
    return Told(code, verdict)


def _fault(code: str, reply: http.HttpReply, settings: ProvincialPortalSettings) -> Told:
    if code in settings.account_faults:
        raise Misconfigured(f"the gateway refuses the account ({code})", code=TOKEN_REFUSED)
    if code in settings.token_faults or reply.status == 401:
        return Told(code, Verdict.TOKEN)
    http.check_status(reply)
    # A fault of the gateway never reached the platform, whatever its HTTP status.
    raise Unavailable(f"fault of the gateway ({code})")


def _judge(code: str, message: object, settings: ProvincialPortalSettings) -> Verdict:
    text = _folded(message) if isinstance(message, str) else ""
    if code in settings.duplicate_codes and _says(text, settings.duplicate_words):
        return Verdict.EXISTS
    said = _says(text, settings.success_words) and not _says(text, settings.failure_words)
    if code in settings.success_codes and (not text or said):
        return Verdict.SUCCESS
    return Verdict.ABSENT if _says(text, settings.absent_words) else Verdict.REFUSED


def _says(text: str, words: Sequence[str]) -> bool:
    return any(_folded(word) in text for word in words)


def _folded(text: str) -> str:
    """A text without capitals, its marks composed: both spellings of a letter are sent."""
    return unicodedata.normalize("NFC", text).casefold()
