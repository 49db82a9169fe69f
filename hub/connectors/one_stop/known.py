"""Items about dossiers that the hub knows by another code than the product's.

A dossier that was filed at a portal has the portal's code; some products give it one of their own
and tell the portal's beside it (`MaHoSoQG`), in the dossier only. Its steps name their own code.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from msgspec import structs

from hub.connector import Ground
from hub.connectors.one_stop.decode_linked import UNIT_CODE_ALIAS
from hub.connectors.one_stop.settings import OneStopSettings
from hub.event import Alias
from hub.message import Message
from hub.wire.dvcqg.filed import NATIONAL_CODE

NATIONAL_ALIAS = "dossier.national_code"
CODE_LIMIT_COUNT = 100


async def under_their_subjects(
    messages: Sequence[Message], trees: Sequence[Any], ground: Ground
) -> list[Message]:
    """The messages, those about a dossier of another code keyed by it (header `subject`).

    A product's code that is told beside the portal's is remembered before anything is accepted, so
    that the step that follows finds it.

    Raises:
        Unavailable: the store does not answer.
    """
    return [
        await _under_its_subject(message, tree, ground)
        for message, tree in zip(messages, trees, strict=True)
    ]


async def _under_its_subject(message: Message, tree: Any, ground: Ground) -> Message:
    own, national = message.key, tree.get(NATIONAL_CODE)
    known = await ground.alias(UNIT_CODE_ALIAS, own)
    told = isinstance(national, str) and 0 < len(national) <= CODE_LIMIT_COUNT
    if known is None and told and national != own:
        known = await ground.alias(NATIONAL_ALIAS, national)
        if known is not None:
            facts = {"unit": message.headers["unit"]}
            await ground.remember([Alias(UNIT_CODE_ALIAS, own, known.subject, facts)])
    return under(message, own if known is None else known.subject)


async def known_subject(own: str, settings: OneStopSettings, ground: Ground) -> str:
    """The code by which the hub knows the dossier that a product calls by this one.

    Raises:
        Unavailable: the store does not answer.
    """
    known = await ground.alias(UNIT_CODE_ALIAS, own) if settings.own_codes else None
    return own if known is None else known.subject


def under(message: Message, subject: str) -> Message:
    """The message, keyed by this subject; where it names another, in the header `subject` too."""
    if subject == message.key:
        return message
    return structs.replace(message, key=subject, headers={**message.headers, "subject": subject})
