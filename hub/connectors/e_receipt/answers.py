"""What the texts `OK:...` and `ERR:n` say, and what a look-up shows; pure.

The form of an `OK` of an issue is `OK:pattern;serial-fkey_number`; serials and keys may have
hyphens, so the known key is looked for.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from hub.connectors.e_receipt.settings import LookUp
from hub.errors import DecodeError
from hub.wire.xml import Element, XmlLimits, local_name, parse

_ERROR = re.compile(r"\s*ERR\s*:\s*(-?[0-9]{1,4})\b")
_GROUPED = re.compile(r"[0-9]{1,3}([.,][0-9]{3}){1,5}")
_PLAIN = re.compile(r"([0-9]{1,15})([.,]0{1,2})?")
_NUMBER = re.compile(r"[0-9]{1,15}")


@dataclass(frozen=True, slots=True)
class Found:
    """A receipt as the system shows it; texts as on the wire."""

    pattern: str
    serial: str
    number: str
    amount: str = ""
    status: str = ""


def amount_of(text: str) -> int | None:
    """Whole VND of an amount as systems write it: `35000`, `35.000`, `35,000`, `35000.00`."""
    if _GROUPED.fullmatch(text):
        return int(re.sub(r"[.,]", "", text))
    found = _PLAIN.fullmatch(text)
    return int(found[1]) if found else None


def error_code(text: str) -> str:
    """The `n` of `ERR:n`, `` if the text is no error."""
    found = _ERROR.match(text)
    return found[1] if found else ""


def is_ok(text: str) -> bool:
    """Whether a text begins with `OK`, followed by nothing or a colon."""
    head, colon, _ = text.strip().partition(":")
    return head == "OK" and (bool(colon) or text.strip() == "OK")


def numbered(text: str, fkey: str) -> Found | None:
    """Pattern, serial and number of an `OK:`; none if it has another form."""
    pattern, _, rest = text.strip().removeprefix("OK:").partition(";")
    serial, key, tail = rest.partition(f"-{fkey}_")
    number = _NUMBER.match(tail)
    if not key or number is None or not pattern or not serial:
        return None
    return Found(pattern.strip(), serial.strip(), number[0])


def found_in(text: str, fkey: str, names: LookUp, *, limits: XmlLimits) -> tuple[Found, ...]:
    """What a look-up's answer shows for a key; several: it does not say which is the key's.

    Those that name the key; if none does, those that name none.

    Raises:
        DecodeError: it is no XML within the limits, or shows a receipt without number.
    """
    root = parse(text.encode(), limits=limits)
    items = [_fields(item) for item in root.iter("*") if local_name(item) == names.item]
    ours = [told for told in items if told.get(names.fkey) == fkey]
    unnamed = [told for told in items if names.fkey not in told]
    return tuple(dict.fromkeys(_found(told, names) for told in ours or unnamed))


def _found(told: Mapping[str, str], names: LookUp) -> Found:
    number = told.get(names.number, "")
    if not number.isascii() or not number.isdecimal() or not int(number):
        # A draft: taken in, and not published.
        raise DecodeError("the receipt has no number", path=f"/{names.item}/{names.number}")
    return Found(
        told.get(names.pattern, ""),
        told.get(names.serial, ""),
        number,
        told.get(names.amount, ""),
        told.get(names.status, ""),
    )


def _fields(item: Element) -> dict[str, str]:
    return {local_name(child): (child.text or "").strip() for child in item.iterchildren("*")}
