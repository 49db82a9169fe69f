"""The management port: health, readiness with what is wrong, metrics."""

from __future__ import annotations

import json
from typing import Any

from starlette.types import ASGIApp

from hub.management import Readiness, management_app
from hub.metrics import Metric, Metrics


async def ask(app: ASGIApp, path: str, accept: str = "") -> tuple[int, dict[str, str], bytes]:
    sent: list[Any] = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: Any) -> None:
        sent.append(message)

    scope = {
        "type": "http",
        "method": "GET",
        "path": path,
        "query_string": b"",
        "headers": [(b"accept", accept.encode())],
    }
    await app(scope, receive, send)
    headers = {name.decode(): value.decode() for name, value in sent[0]["headers"]}
    return sent[0]["status"], headers, b"".join(each.get("body", b"") for each in sent)


async def test_healthz_names_version_and_configuration() -> None:
    app = management_app(Metrics(), Readiness(), config="c0ffee")
    status, _, body = await ask(app, "/healthz")
    assert status == 200
    assert json.loads(body)["config"] == "c0ffee"


async def test_readyz_says_everything_that_is_wrong_and_turns_green_again() -> None:
    readiness = Readiness()
    wrong: dict[str, str | None] = {"kafka": "no broker answers", "postgres": None}
    readiness.register("kafka", lambda: wrong["kafka"])
    readiness.register("postgres", lambda: wrong["postgres"])
    app = management_app(Metrics(), readiness)
    status, headers, body = await ask(app, "/readyz")
    assert status == 503
    assert headers["cache-control"] == "no-store"
    assert json.loads(body)["faults"] == [{"check": "kafka", "wrong": "no broker answers"}]
    wrong["kafka"] = None
    status, _, body = await ask(app, "/readyz")
    assert (status, json.loads(body)["faults"]) == (200, [])


async def test_a_removed_check_no_longer_counts() -> None:
    readiness = Readiness()
    readiness.register("partition", lambda: "lost")
    readiness.remove("partition")
    readiness.remove("partition")
    assert readiness.faults() == []


async def test_metrics_are_served_in_the_form_asked_for() -> None:
    metrics = Metrics()
    metrics.add(Metric.RECORDER_ROWS, 3)
    app = management_app(metrics, Readiness())
    status, headers, body = await ask(app, "/metrics")
    assert status == 200
    assert headers["content-type"].startswith("text/plain")
    assert b"hub_recorder_rows_total 3.0" in body
    _, headers, body = await ask(app, "/metrics", "application/openmetrics-text; version=1.0.0")
    assert headers["content-type"].startswith("application/openmetrics-text")
    assert body.endswith(b"# EOF\n")
