"""The gateway's ASGI app: connectors' endpoints behind limits, and answers for what they leave.

Connectors answer in their own form. What nobody answered is told as problem details
(https://www.rfc-editor.org/rfc/rfc9457), without anything of the request.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping

import orjson
import structlog
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp

from hub.body import BodyIncomplete, BodyTooLarge
from hub.connector import Connector, Inbox
from hub.errors import HubError, MessageError, Unavailable
from hub.gateway.limits import Limited, RequestLimits
from hub.gateway.routing import mounted
from hub.metrics import Metrics
from hub.settings import HubSettings

STATUS_OF: tuple[tuple[type[HubError], int], ...] = (
    (BodyTooLarge, 413),
    (BodyIncomplete, 408),
    (MessageError, 400),
    (Unavailable, 503),
    (HubError, 500),
)
TITLES = {
    400: "The request cannot be understood",
    404: "There is nothing at this address",
    405: "This address does not answer this method",
    408: "The request did not arrive in time",
    413: "The request is too large",
    500: "The hub failed to answer",
    503: "The hub cannot take it now",
}
RETRY_AFTER_SECONDS = 5

log = structlog.get_logger()


def gateway_app(
    settings: HubSettings,
    connectors: Mapping[str, Connector],
    inbox_of: Callable[[str], Inbox],
    metrics: Metrics,
) -> ASGIApp:
    """The app that serves every receiving connector instance.

    Args:
        connectors: by kind.
        inbox_of: gives the inbox of an instance (see `hub.gateway.inbox.KafkaInbox`).

    Raises:
        ConfigError: two instances would answer one address.
    """
    own = settings.gateway
    limits = RequestLimits(
        own.body_limit_bytes, own.body_timeout_seconds, own.request_timeout_seconds
    )
    app = Starlette(
        exception_handlers={
            HTTPException: _http_problem,
            HubError: _hub_problem,
            Exception: _failure,
        }
    )
    for each in mounted(settings, connectors, inbox_of):
        app.router.routes += [
            each.behind(route, Limited(route.app, each.instance, limits, metrics))
            for route in each.routes
        ]
    return app


def _problem(
    status: int, detail: str, code: str, headers: Mapping[str, str] | None = None
) -> Response:
    problem = {"title": TITLES.get(status, "Refused"), "status": status, "code": code}
    if detail:
        problem["detail"] = detail
    return Response(orjson.dumps(problem), status, headers, media_type="application/problem+json")


async def _http_problem(_request: Request, error: Exception) -> Response:
    if not isinstance(error, HTTPException):
        raise error
    return _problem(error.status_code, "", f"http_{error.status_code}", error.headers)


async def _hub_problem(_request: Request, error: Exception) -> Response:
    if not isinstance(error, HubError):
        raise error
    status = next(status for kind, status in STATUS_OF if isinstance(error, kind))
    if not isinstance(error, Unavailable):
        if status == 500:
            log.error("gateway_failed", exc_info=error)
        return _problem(status, str(error), error.code)
    wait = math.ceil(error.retry_after_seconds or RETRY_AFTER_SECONDS)
    # The text of an outage is for operators; the sender needs to know when to come back.
    log.warning("gateway_unavailable", exc_info=error)
    return _problem(status, "", error.code, {"retry-after": str(wait)})


async def _failure(_request: Request, _error: Exception) -> Response:
    return _problem(500, "", "internal")  # Starlette raises it again, the server logs it
