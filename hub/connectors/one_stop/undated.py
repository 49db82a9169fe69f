"""When the hub first heard a state that carries no date of its own, as a dossier's stop.

Its slip is that of the day. The same state sent again on another day, as products do that send
everything each night, is the same slip, whatever was told of the dossier in between.
"""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import structs

from hub.connector import Ground
from hub.connectors.one_stop.decode import FIRST_HEARD, decode
from hub.connectors.one_stop.decode_slips import is_undated
from hub.connectors.one_stop.settings import OneStopSettings
from hub.event import Alias, Event
from hub.message import Message
from hub.wire.dvcqg.dates import write_stamp

FIRST_HEARD_ALIAS = "one_stop.first_heard"
"""Kind of the alias that is named by what was told; fact: at."""


async def since_first_heard(
    messages: Sequence[Message], settings: OneStopSettings, ground: Ground
) -> list[Message]:
    """The messages of dossiers, those without a date with the moment (header `first_heard`).

    Raises:
        Unavailable: the store does not answer.
    """
    return [await _since(message, settings, ground) for message in messages]


async def _since(message: Message, settings: OneStopSettings, ground: Ground) -> Message:
    event = decode(message, settings)[0]
    if not isinstance(event, Event) or not is_undated(event):
        return message
    name = f"{event.source} {event.natural_key}"
    known = await ground.alias(FIRST_HEARD_ALIAS, name)
    at = known.facts["at"] if known is not None else write_stamp(message.received_at)
    if known is None:
        await ground.remember([Alias(FIRST_HEARD_ALIAS, name, event.subject, {"at": at})])
    return structs.replace(message, headers={**message.headers, FIRST_HEARD: at})
