"""Every error of the hub on one screen; the class decides what happens, never the text.

Only `recovery.decide` reads these classes. A connector's `client.py` turns foreign errors into
them, in one place, and keeps the cause (`raise ... from`). Texts carry codes and field paths,
never the content of a message: they end up in logs, outcomes and screens.
"""

from __future__ import annotations

from collections.abc import Iterable

UNDOCUMENTED = "undocumented_refusal"


class HubError(Exception):
    """Base of all errors that the hub raises on purpose.

    Args:
        text: one sentence for a person, without message content.
        code: fixed reason code in snake_case; the runbook has an entry for each.
    """

    code = "hub_error"

    def __init__(self, text: str, *, code: str | None = None) -> None:
        super().__init__(text)
        if code is not None:
            self.code = code


class ConfigError(HubError):
    """The hub will not start; raised only before the first message.

    Args:
        text: what is wrong, one sentence.
        at: the setting in hub.yaml, keys from the top (`("kafka", "security", "ca_file")`); none:
            it is about no single one.
    """

    code = "config"

    def __init__(self, text: str, *, at: tuple[str, ...] = (), code: str | None = None) -> None:
        super().__init__(f"{'.'.join(at)}: {text}" if at else text, code=code)
        self.text = text
        self.at = at


class MessageError(HubError):
    """This message can never succeed, whoever tries and whenever."""

    code = "message"


class DecodeError(MessageError):
    """The bytes are not what the source promised.

    Args:
        text: what is wrong, without the value.
        path: where, as a JSON-pointer-like path (`/data/0/NgayTiepNhan`), `` for the whole.
    """

    code = "undecodable"

    def __init__(self, text: str, *, path: str = "", code: str | None = None) -> None:
        super().__init__(f"{path}: {text}" if path else text, code=code)
        self.path = path


class EncodeError(MessageError):
    """The event cannot be said in the destination's form."""

    code = "unencodable"

    def __init__(self, text: str, *, path: str = "", code: str | None = None) -> None:
        super().__init__(f"{path}: {text}" if path else text, code=code)
        self.path = path


class Expired(MessageError):
    """The event is older than the route's terms allow."""

    code = "expired"


class Rejected(MessageError):
    """The destination understood and refused.

    Args:
        documented: the destination's documentation says that this answer is final. An
            undocumented refusal is tried again in rounds before the message dies, and has a
            code of its own.
        foreign_code: the destination's own code, shown to operators.
    """

    code = "rejected"

    def __init__(
        self,
        text: str,
        *,
        documented: bool = True,
        foreign_code: str = "",
        code: str | None = None,
    ) -> None:
        super().__init__(text, code=code or (self.code if documented else UNDOCUMENTED))
        self.documented = documented
        self.foreign_code = foreign_code


class Unavailable(HubError):
    """Nothing is wrong with the message: the destination cannot take it now.

    Args:
        retry_after_seconds: what the destination asked for, if it did.
    """

    code = "unavailable"

    def __init__(
        self, text: str, *, retry_after_seconds: float | None = None, code: str | None = None
    ) -> None:
        super().__init__(text, code=code)
        self.retry_after_seconds = retry_after_seconds


class StoreAway(Unavailable):
    """PostgreSQL does not answer: it says nothing about the destination, nothing can be parked."""

    code = "store_away"


class Misconfigured(Unavailable):
    """The destination refuses us, not the message (credentials, certificate, unknown account).

    Opens the route's breaker at once: every message would fail alike.
    """

    code = "destination_refuses_us"


class UnknownOutcome(HubError):
    """The request was sent, and nobody knows whether it took effect: ask before sending again."""

    code = "unknown_outcome"


class OwnershipLost(HubError):
    """This worker no longer owns the partition: it must stop acting for it."""

    code = "ownership_lost"


def raise_first(results: Iterable[object]) -> None:
    """Raise the first error among what `asyncio.gather(…, return_exceptions=True)` returned."""
    for result in results:
        if isinstance(result, BaseException):
            raise result
