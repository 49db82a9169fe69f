"""Filling: the load of a measurement, made by a process of its own.

`python -m hub.bench.filling PREFIX WHAT COUNT SUBJECTS`: produces COUNT `messages` (to
`in.one_stop`) or `events` over so many subjects. What makes the load would leave its memory, and
its scattered heap, to what is measured.
"""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys

import uvloop

from hub.bench.ground import Ground, standing
from hub.bench.load import TOPICS, event_records, message_records
from hub.log import configure_log

MESSAGES, EVENTS = "messages", "events"


async def fill(ground: Ground, what: str, count: int, subjects: int) -> None:
    """`count` messages or events over so many subjects, in Kafka when this returns."""
    arguments = (ground.kafka.prefix, what, str(count), str(subjects))
    command = [sys.executable, "-m", "hub.bench.filling", *arguments]
    await asyncio.to_thread(subprocess.run, command, env=ground.environment, check=True)


async def _make(prefix: str, what: str, count: int, subjects: int) -> None:
    kafka, postgres = os.environ["HUB_KAFKA"], os.environ["HUB_POSTGRES"]
    async with standing(kafka, postgres, prefix, TOPICS) as ground:
        if what == MESSAGES:
            await ground.fill("in.one_stop", message_records(count, subjects))
        else:
            await ground.fill("events", event_records(count, subjects))


if __name__ == "__main__":
    configure_log("json", "error")
    uvloop.run(_make(sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])))
