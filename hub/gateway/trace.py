"""Trace: W3C trace context of the request that is being answered.

Format: https://www.w3.org/TR/trace-context/#traceparent-header
"""

from __future__ import annotations

import re
import secrets
from contextvars import ContextVar

FORM = re.compile(r"(?!ff)[0-9a-f]{2}-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(?:-.*)?")

incoming: ContextVar[str] = ContextVar("incoming", default="")
"""The traceparent header of the request, `` if it had none."""


def next_traceparent() -> str:
    """A traceparent for one message: it continues the request's trace, or begins one."""
    match = FORM.fullmatch(incoming.get())
    if match and set(match[1]) != {"0"} and set(match[2]) != {"0"}:
        return f"00-{match[1]}-{secrets.token_hex(8)}-{match[3]}"
    return f"00-{secrets.token_hex(16)}-{secrets.token_hex(8)}-01"
