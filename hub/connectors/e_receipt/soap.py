"""SOAP 1.1 as the receipt system's services speak it: one operation, texts in, one text out; pure.

`<{operation} xmlns="{namespace}"><name>text</name>...</...>` goes out, and
`<{operation}Response><{operation}Result>text</...></...>` comes back, or a Fault.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from lxml import etree

from hub.errors import DecodeError
from hub.wire.xml import XmlLimits, local_name, parse

ENVELOPE = "http://schemas.xmlsoap.org/soap/envelope/"
Parameters = Sequence[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class Result:
    """What came back: the operation's text, or the short code of a Fault (`Server`)."""

    text: str
    fault: str = ""


def envelope(operation: str, parameters: Parameters, namespace: str) -> bytes:
    """A call as bytes; texts are escaped, an empty one is an empty element.

    Raises:
        ValueError: a text that XML cannot say.
    """
    root = etree.Element(f"{{{ENVELOPE}}}Envelope", nsmap={"soap": ENVELOPE})
    body = etree.SubElement(root, f"{{{ENVELOPE}}}Body")
    call = etree.SubElement(body, f"{{{namespace}}}{operation}", nsmap={None: namespace})
    for name, text in parameters:
        etree.SubElement(call, f"{{{namespace}}}{name}").text = text
    return bytes(etree.tostring(root, encoding="utf-8", xml_declaration=True))


def result_of(body: bytes, operation: str, *, limits: XmlLimits) -> Result:
    """What an answer says; prefixes do not matter, and the namespace of the result neither.

    Raises:
        DecodeError: not XML within the limits, or no answer to this operation.
    """
    root = parse(body, limits=limits)
    inside = [child for child in root if local_name(child) == "Body"]
    if local_name(root) != "Envelope" or len(inside) != 1 or len(inside[0]) != 1:
        raise DecodeError("is no SOAP envelope", path="/Envelope")
    answer = inside[0][0]
    if local_name(answer) == "Fault":
        codes = [child.text or "" for child in answer.iter("*") if _says_code(local_name(child))]
        return Result("", fault=_short(codes[0] if codes else ""))
    results = [child for child in answer if local_name(child) == f"{operation}Result"]
    if local_name(answer) != f"{operation}Response" or len(results) != 1 or len(results[0]):
        raise DecodeError("answers another operation", path="/Envelope/Body")
    return Result(results[0].text or "")


def _says_code(name: str) -> bool:
    """SOAP 1.1 and 1.2."""
    return name in ("faultcode", "Value")


def _short(code: str) -> str:
    name = code.strip().rpartition(":")[2]
    return name if name.isascii() and name.isalnum() and len(name) <= 30 else "Fault"
