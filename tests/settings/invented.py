"""An invented environment for a hub.yaml that refers to one."""

from __future__ import annotations

import re

REFERENCE = re.compile(r"\$\{env:(\w+)\}")
ADDRESSES = {
    "KAFKA_SERVERS": "kafka.example:9092",
    "POSTGRES_URL": "postgresql://hub@db.example/hub",
}


def invented(text: str) -> dict[str, str]:
    """A value for every variable that a text refers to: addresses, and secrets that look alike."""
    names = REFERENCE.findall(text)
    return {
        name: ADDRESSES.get(name, f"https://{name.lower()}.example/{'x' * 40}") for name in names
    }
