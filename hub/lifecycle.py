"""Lifecycle: the process as a FastStream application; the only module that imports FastStream.

FastStream owns signals and the order of start and stop.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from faststream import FastStream
from faststream.kafka import KafkaBroker
from faststream.security import BaseSecurity, SASLPlaintext, SASLScram256, SASLScram512

from hub.kafka import tls_context
from hub.settings import KafkaSettings


def application(
    settings: KafkaSettings,
    *,
    start: Callable[[], Awaitable[None]] | None = None,
    stop: Callable[[], Awaitable[None]] | None = None,
) -> FastStream:
    """The process: `start` at start-up, `stop` on SIGTERM or SIGINT."""
    broker = KafkaBroker(settings.bootstrap_servers, security=_security(settings), logger=None)
    return FastStream(
        broker,
        logger=None,
        after_startup=[start] if start else (),
        on_shutdown=[stop] if stop else (),
    )


def _security(settings: KafkaSettings) -> BaseSecurity | None:
    own = settings.security
    if own.protocol == "plaintext":
        return None
    context = tls_context(own)
    if own.protocol == "ssl":
        return BaseSecurity(ssl_context=context, use_ssl=True)
    kinds = {
        "PLAIN": SASLPlaintext,
        "SCRAM-SHA-256": SASLScram256,
        "SCRAM-SHA-512": SASLScram512,
    }
    password = own.sasl_password.get_secret_value() if own.sasl_password else ""
    kind = kinds[own.sasl_mechanism or "PLAIN"]
    return kind(own.sasl_username or "", password, ssl_context=context, use_ssl=True)
