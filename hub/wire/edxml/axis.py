"""VXP's signed headers: what a client puts on a call, as the reference kit does (SDKVXP 2.0).

Every logical header goes out with the axis's prefix; a compact JSON object of them is signed with
HMAC-SHA256, and the same text, the names and the digest travel beside them.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Mapping
from datetime import datetime

from hub.wire.edxml.dates import VIETNAM
from hub.wire.edxml.models import (
    HASH_HEADER,
    JSON_HEADER,
    KEY_HEADER,
    PREFIX,
    USER_AGENT,
    VERSION,
    VERSION_HEADER,
)


def stamp(moment: datetime) -> str:
    """`ddMMyyyy'T'HHmmss+SSSS`: what follows the plus is milliseconds, not an offset."""
    at = moment.astimezone(VIETNAM)
    return f"{at:%d%m%Y}T{at:%H%M%S}+{at.microsecond // 1000:04}"


def digest(secret: str, text: str) -> str:
    """Lower-case hex of HMAC-SHA256."""
    return hmac.new(secret.encode(), text.encode(), hashlib.sha256).hexdigest()


def file_digest(sha256: str) -> str:
    """`hash-file` of a package as the reference kit writes it: no byte has a leading zero.

    The axis takes that from every product that uses the kit, so it is what it surely takes.

    Args:
        sha256: the digest as hex.
    """
    return "".join(f"{byte:x}" for byte in bytes.fromhex(sha256))


def signed_headers(
    logical: Mapping[str, str], *, system_id: str, secret: str, at: datetime
) -> dict[str, str]:
    """All headers of a call.

    Args:
        logical: headers of the call by their names without prefix, in order; `Content-Type`
            among them, if there is one, is sent plain too.
    """
    said = {"systemid": system_id, "timestamp": stamp(at), **logical}
    sent = {f"{PREFIX}{name}": value for name, value in said.items()}
    text = json.dumps(sent, ensure_ascii=False, separators=(",", ":"))
    headers = {
        **sent,
        KEY_HEADER: ";".join(said),
        JSON_HEADER: text,
        HASH_HEADER: digest(secret, text),
        VERSION_HEADER: VERSION,
        "User-Agent": USER_AGENT,
    }
    if "Content-Type" in logical:
        headers["Content-Type"] = logical["Content-Type"]
    return headers
