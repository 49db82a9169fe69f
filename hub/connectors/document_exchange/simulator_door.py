"""The simulated axis's door: what the headers of a call must be (domain: header signing)."""

from __future__ import annotations

import hashlib
import hmac
import json
import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta, timezone

from starlette.datastructures import Headers

from hub.wire.edxml import models

BAD_SECRET = "15"  # noqa: S105 - a code, not a secret
_STAMP = re.compile(r"(\d{2})(\d{2})(\d{4})T(\d{2})(\d{2})(\d{2})\+(\d{4})")
_VIETNAM = timezone(timedelta(hours=7))


def logical_headers(headers: Mapping[str, str]) -> dict[str, str]:
    """The logical headers of a call by name, as the signed text says them; {} if it has none."""
    try:
        said = json.loads(headers.get(models.JSON_HEADER.lower(), ""))
    except json.JSONDecodeError:
        return {}
    if not isinstance(said, dict):
        return {}
    return {
        name.removeprefix(models.PREFIX): str(value)
        for name, value in said.items()
        if name.startswith(models.PREFIX)
    }


def wrong_with(headers: Headers, secret: str | None, *, window_seconds: float) -> str:
    """Why the headers of a call are refused; `` if they hold.

    The kit may send `docId` and `docid` together: two lines of one name, each with its value.

    Args:
        headers: as received.
        secret: of the system that calls; none if it is unknown.
        window_seconds: how far the stamp may be from now.
    """
    text = headers.get(models.JSON_HEADER.lower(), "")
    said = logical_headers(headers)
    if secret is None or not said:
        return "không có hệ thống này"
    digest = hmac.new(secret.encode(), text.encode("latin-1"), hashlib.sha256).hexdigest()
    if not hmac.compare_digest(digest, headers.get(models.HASH_HEADER.lower(), "")):
        return "sai chữ ký header"
    if headers.get(models.KEY_HEADER.lower(), "").split(";") != list(said):
        return "sign-header-key không khớp"
    for name, value in said.items():
        if value not in headers.getlist(f"{models.PREFIX}{name}"):
            return "header khác với nội dung đã ký"
    if headers.get(models.VERSION_HEADER.lower()) != models.VERSION:
        return "sai phiên bản"
    if headers.get("content-type") != said.get("Content-Type", "-"):
        return "Content-Type khác với nội dung đã ký"
    moment = _moment(said.get("timestamp", ""))
    if moment is None or abs((datetime.now(UTC) - moment).total_seconds()) > window_seconds:
        return "timestamp ngoài khoảng cho phép"
    return ""


def digests(body: bytes) -> tuple[str, str]:
    """SHA-256 of a file in hex; and as the kit writes it, without leading zeros of its bytes."""
    digest = hashlib.sha256(body)
    return digest.hexdigest(), "".join(f"{byte:x}" for byte in digest.digest())


def receivers(text: str) -> list[str]:
    """The array of organisation ids; one that nobody has if it is none."""
    try:
        told = json.loads(text)
    except ValueError:
        return [""]
    is_array = isinstance(told, list) and all(isinstance(each, str) for each in told)
    return told if is_array else [""]


def _moment(text: str) -> datetime | None:
    found = _STAMP.fullmatch(text)
    if found is None:
        return None
    day, month, year, hour, minute, second, _ = map(int, found.groups())
    try:
        return datetime(year, month, day, hour, minute, second, tzinfo=_VIETNAM)
    except ValueError:
        return None
