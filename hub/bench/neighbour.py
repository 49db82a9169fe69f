"""Neighbour: another worker of the measured route, in a process of its own.

`python -m hub.bench.neighbour PREFIX GROUP URL CALLS`: delivers to the URL, CALLS side by side over
all workers, and prints how many partitions it owns whenever that changes. Runs until it is killed.
"""

from __future__ import annotations

import asyncio
import os
import sys

import uvloop

from hub.bench.ground import standing
from hub.bench.load import TOPICS
from hub.bench.runs import dispatching
from hub.bench.system import HttpSink
from hub.garbage import look_seldom
from hub.log import configure_log
from hub.route import Terms


async def work(prefix: str, group: str, url: str, calls_count: int) -> None:
    """Deliver for ever."""
    kafka, postgres = os.environ["HUB_KAFKA"], os.environ["HUB_POSTGRES"]
    terms = Terms(concurrency_count=calls_count)
    async with (
        standing(kafka, postgres, prefix, TOPICS) as ground,
        dispatching(ground, HttpSink(url), terms, group=group) as (dispatcher, running),
    ):
        told = -1
        while not running.done():
            if told != len(dispatcher.partitions):
                told = len(dispatcher.partitions)
                sys.stdout.write(f"{told}\n")
                sys.stdout.flush()
            await asyncio.sleep(0.02)


if __name__ == "__main__":
    configure_log("json", "error")
    look_seldom()
    uvloop.run(work(sys.argv[1], sys.argv[2], sys.argv[3], int(sys.argv[4])))
