"""What the simulated system of petitions asks of each field: its own table."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Callable, Mapping
from typing import Any

Rule = Callable[[Any], bool]

CLOSING = frozenset({"pakn.rejected", "pakn.redirected", "pakn.published"})
"""After these only a publication may follow."""


def _text(value: Any) -> bool:
    return isinstance(value, str) and bool(value.strip())


def _id(value: Any) -> bool:
    return isinstance(value, str) and re.fullmatch(r"[!-~]{1,100}", value) is not None


def _moment(value: Any) -> bool:
    form = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\+07:00"
    return isinstance(value, str) and re.fullmatch(form, value) is not None


def _flag(value: Any) -> bool:
    return isinstance(value, bool)


def _files(value: Any) -> bool:
    return isinstance(value, list) and all(_file(item) for item in value)


def _file(item: Any) -> bool:
    """A name that leads nowhere, and an address or a content of the told size."""
    if not isinstance(item, dict) or not _text(item.get("name")) or "blob" in item:
        return False
    if "/" in item["name"] or "\\" in item["name"]:
        return False
    if "base64" not in item:
        return str(item.get("url", "")).startswith(("http://", "https://"))
    try:
        content = base64.b64decode(item["base64"], validate=True)
    except (binascii.Error, TypeError, ValueError):
        return False
    return bool(item.get("size", len(content)) == len(content))


ANY: dict[str, Rule] = {"paknId": _id, "source": _id}
NEEDED: dict[str, dict[str, Rule]] = {
    "pakn.received": {**ANY, "organTarget": _id},
    "pakn.assigned": ANY,
    "pakn.transferred": {**ANY, "toOrgan": _id},
    "pakn.answered": {**ANY, "answer": _text},
    "pakn.published": ANY,
    "pakn.rejected": {**ANY, "reason": _text},
    "pakn.redirected": ANY,
}
"""Fields that each type must have."""

OPTIONAL: dict[str, Rule] = {
    "at": _moment,
    "answeredAt": _moment,
    "submittedAt": _moment,
    "dueAt": _moment,
    "transferDueAt": _moment,
    "answerDueAt": _moment,
    "public": _flag,
    "attachments": _files,
    "dossierCode": _id,
}
"""What a field must be if it is there."""


def first_fault(sent: Mapping[str, Any]) -> str:
    """The first fault of a message, `` if it has none."""
    needed = NEEDED.get(str(sent.get("type")))
    if needed is None:
        return "/type: không có loại này"
    for field, rule in needed.items():
        if not rule(sent.get(field)):
            return f"/{field}: thiếu hoặc sai"
    for field, rule in OPTIONAL.items():
        if field in sent and not rule(sent[field]):
            return f"/{field}: sai"
    if sent["type"] == "pakn.redirected" and "content" in sent:
        return "/content: không được gửi nội dung khiếu nại, tố cáo"
    return ""
