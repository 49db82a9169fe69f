"""Order numbers: the dossier code, what tells the service, and which order of it; pure.

`000.01.H99-260105-0001` + `-TG` + `.2` is the second pick-up of a dossier. Without suffix and
number it is the dossier code itself, as products send it for the return of a result.
"""

from __future__ import annotations

import re

from hub.connectors.public_post.settings import Suffixes
from hub.errors import EncodeError
from hub.schemas.post import PostErrand

_LATER = re.compile(r"^(?P<rest>.*?)\.(?P<number>[1-9][0-9]{0,3})$", re.ASCII | re.DOTALL)
ORDERED = (PostErrand.PICK_UP, PostErrand.BOTH, PostErrand.RETURN)
"""Longest suffixes are not needed first: none ends with another but the empty one."""


def order_number(code: str, service: PostErrand, number: int, suffixes: Suffixes) -> str:
    """The order number of a dossier's order.

    Raises:
        EncodeError: a service that cannot be ordered, or a code that would not be told apart.
    """
    suffix = suffixes.of(service)
    if suffix is None:
        raise EncodeError("a service that cannot be ordered", path="/data/service")
    made = code + suffix + (f".{number}" if number > 1 else "")
    if service_of(made, suffixes) is not service:
        raise EncodeError("the code ends like an order number", path="/data/code")
    return made


def service_of(number: str, suffixes: Suffixes) -> PostErrand:
    """The service that an order number tells; of a number without suffix the one that has none."""
    for service in ORDERED:
        suffix = suffixes.of(service)
        if suffix and _before(number, suffix):
            return service
    bare = [service for service in ORDERED if suffixes.of(service) == ""]
    return bare[0] if bare else PostErrand.UNKNOWN


def _before(number: str, suffix: str) -> str:
    """What stands before the suffix, `` if it does not end with it."""
    if number.endswith(suffix):
        return number.removesuffix(suffix)
    later = _LATER.match(number)
    if later and later["rest"].endswith(suffix):
        return later["rest"].removesuffix(suffix)
    return ""
