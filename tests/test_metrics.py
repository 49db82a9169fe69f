"""The catalogue of metrics and the objects behind it."""

from __future__ import annotations

import inspect
import re
from datetime import UTC, datetime

import pytest
from prometheus_client import Counter
from prometheus_client.parser import text_string_to_metric_families

from hub.metrics import SHAPES, Metric, Metrics
from hub.outcome import Outcome, Stage, State, by_ending
from tests.rules.tree import ROOT

FORBIDDEN_LABELS = {"subject", "unit", "event_id", "message_id", "text", "key", "operation_key"}


@pytest.mark.parametrize("metric", list(Metric))
def test_every_metric_has_a_shape_a_text_and_bounded_labels(metric: Metric) -> None:
    shape = SHAPES[metric]
    assert metric.startswith("hub_")
    assert shape.text.endswith(".")
    assert not FORBIDDEN_LABELS & set(shape.labels)
    assert (shape.kind is Counter) == metric.endswith("_total")


def test_every_metric_is_explained_by_a_comment() -> None:
    source = inspect.getsource(Metric).splitlines()
    members = [number for number, line in enumerate(source) if re.match(r"    [A-Z_]+ = ", line)]
    assert len(members) == len(Metric)
    for number in members:
        before = source[number - 1].strip()
        assert before.startswith("#") or (number - 1) in members, source[number]


def test_every_metric_is_set_somewhere() -> None:
    sources = [path for path in (ROOT / "hub").rglob("*.py") if path.name != "metrics.py"]
    text = "".join(path.read_text("utf-8") for path in sources)
    counted = inspect.getsource(Metrics)
    unset = [
        metric for metric in Metric if not re.search(rf"Metric\.{metric.name}\b", text + counted)
    ]
    assert unset == []


def test_the_page_for_operators_has_every_metric_with_labels_unit_and_alarm() -> None:
    page = (ROOT / "docs" / "watching.md").read_text("utf-8")
    rows = [
        [cell.strip() for cell in line.strip("|").split("|")]
        for line in page.splitlines()
        if line.startswith("| `hub_")
    ]
    told = {row[0].strip("`"): re.findall(r"`(\w+)`", row[1]) for row in rows}
    assert told == {metric.value: list(SHAPES[metric].labels) for metric in Metric}
    assert [row[0] for row in rows if len(row) != 5 or not all(row[2:])] == []


def test_two_processes_worth_of_metrics_do_not_mix() -> None:
    first, second = Metrics(), Metrics()
    first.add(Metric.RECORDER_ROWS, 5)
    assert first.registry.get_sample_value(Metric.RECORDER_ROWS) == 5
    assert second.registry.get_sample_value(Metric.RECORDER_ROWS) == 0


def test_a_batch_of_outcomes_is_counted_by_state_reason_and_duration() -> None:
    def outcome(state: State, reason: str = "", duration_ms: float = 0) -> Outcome:
        at = datetime(2026, 1, 1, tzinfo=UTC)
        return Outcome(Stage.DELIVER, "r", state, "s", at, reason=reason, duration_ms=duration_ms)

    metrics = Metrics()
    batch = [
        outcome(State.DELIVERED, duration_ms=20),
        outcome(State.DELIVERED, duration_ms=30),
        outcome(State.PARKED, "unavailable"),
    ]
    metrics.count(by_ending(batch))
    value = metrics.registry.get_sample_value
    place = {"stage": "deliver", "name": "r"}
    assert value("hub_messages_handled_total", {**place, "state": "delivered"}) == 2
    assert value("hub_messages_handled_total", {**place, "state": "parked"}) == 1
    troubled = {**place, "state": "parked", "reason": "unavailable"}
    assert value("hub_messages_troubled_total", troubled) == 1
    assert value("hub_handling_seconds_count", place) == 2
    assert value("hub_handling_seconds_sum", place) == pytest.approx(0.05)


def test_a_gauge_can_be_set_and_forgotten() -> None:
    metrics = Metrics()
    metrics.set(Metric.LAG_MESSAGES, 7, "route", "3")
    labels = {"name": "route", "partition": "3"}
    assert metrics.registry.get_sample_value(Metric.LAG_MESSAGES, labels) == 7
    metrics.forget(Metric.LAG_MESSAGES, "route", "3")
    assert metrics.registry.get_sample_value(Metric.LAG_MESSAGES, labels) is None
    metrics.forget(Metric.LAG_MESSAGES, "route", "3")


def test_the_exposition_is_what_prometheus_reads() -> None:
    metrics = Metrics()
    metrics.observe(Metric.GATEWAY_SECONDS, 0.3, "one_stop")
    body, content_type = metrics.exposition()
    assert content_type.startswith("text/plain")
    families = {family.name for family in text_string_to_metric_families(body.decode())}
    assert {metric.removesuffix("_total") for metric in Metric} <= families
    assert metrics.exposition("application/openmetrics-text; version=1.0.0")[1].startswith(
        "application/openmetrics-text"
    )
