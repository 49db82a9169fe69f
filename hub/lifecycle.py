"""Lifecycle: the process as a FastStream application; the only module that imports FastStream.

FastStream owns signals, the order of start and stop, and the AsyncAPI document of the topics.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from faststream import FastStream
from faststream.kafka import KafkaBroker
from faststream.specification import AsyncAPI


def application(
    bootstrap_servers: str,
    topics: Mapping[str, tuple[str, Any]],
    *,
    start: Callable[[], Awaitable[None]] | None = None,
    stop: Callable[[], Awaitable[None]] | None = None,
) -> FastStream:
    """The process: `start` at start-up, `stop` on SIGTERM or SIGINT.

    Args:
        topics: full name -> (description, model or type of the payload).
    """
    broker = KafkaBroker(bootstrap_servers, logger=None)
    for name, (description, schema) in topics.items():
        broker.publisher(name, title=name, description=description, schema=schema)
    return FastStream(
        broker,
        logger=None,
        specification=AsyncAPI(title="Hub liên thông", version="1.0.0"),
        after_startup=[start] if start else (),
        on_shutdown=[stop] if stop else (),
    )


def asyncapi(application: FastStream) -> str:
    """The AsyncAPI 3 document of the topics, as JSON."""
    return application.schema.to_specification().to_json()
