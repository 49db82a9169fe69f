"""The log: one line per handling, and nothing in it that does not belong there."""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
import structlog
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, ConfigDict

from hub.errors import Unavailable
from hub.log import configure_log, describe, message_handled, observer, protect
from hub.metrics import Metrics
from hub.outcome import Outcome, Stage, State

AT = datetime(2026, 11, 22, 8, tzinfo=UTC)
CODE = "000.15.28.H22-231123-0001"


def outcome(state: State, **more: Any) -> Outcome:
    return Outcome(stage=Stage.DELIVER, name="r", state=state, subject=CODE, at=AT, **more)


@pytest.fixture
def stream() -> Iterator[io.StringIO]:
    """Where the log goes while a test runs; the process's own set-up comes back after it."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield io.StringIO()
    root.handlers[:] = handlers
    root.setLevel(level)
    structlog.reset_defaults()


def lines(stream: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


@pytest.mark.parametrize(
    ("state", "level"),
    [
        (State.ACCEPTED, "info"),
        (State.REFUSED, "warning"),
        (State.DECODED, "debug"),
        (State.DUPLICATE, "debug"),
        (State.DELIVERED, "info"),
        (State.SKIPPED, "debug"),
        (State.PARKED, "warning"),
        (State.DEAD, "error"),
        (State.RELEASED, "info"),
    ],
)
def test_the_state_of_an_outcome_decides_its_level(
    state: State, level: str, stream: io.StringIO
) -> None:
    configure_log("json", "debug", stream)
    message_handled(outcome(state), structlog.get_logger())
    [line] = lines(stream)
    assert (line["event"], line["outcome"], line["level"]) == ("message_handled", state, level)


def test_every_state_has_a_level() -> None:
    from hub.log import LEVEL_OF_STATE

    assert set(LEVEL_OF_STATE) == set(State)


def test_a_line_tells_the_whole_handling_and_leaves_out_what_is_empty(stream: io.StringIO) -> None:
    configure_log("json", "info", stream)
    handled = outcome(
        State.DEAD,
        reason="rejected",
        text="/MaHoSo: is missing",
        kind="dossier.received",
        event_id="e",
        position="events/1/123456789",
        attempts=3,
        duration_ms=12.345,
    )
    metrics = Metrics()
    message_handled(handled, structlog.get_logger(), metrics)
    [line] = lines(stream)
    assert line.pop("timestamp").endswith("Z")
    assert line == {
        "event": "message_handled",
        "level": "error",
        "stage": "deliver",
        "name": "r",
        "outcome": "dead",
        "reason": "rejected",
        "error": "/MaHoSo: is missing",
        "kind": "dossier.received",
        "subject": CODE,
        "event_id": "e",
        "position": "events/1/123456789",
        "attempts": 3,
        "duration_ms": 12.3,
    }
    labels = {"stage": "deliver", "name": "r", "state": "dead"}
    assert metrics.registry.get_sample_value("hub_messages_handled_total", labels) == 1


def test_lines_below_the_level_are_not_written(stream: io.StringIO) -> None:
    configure_log("json", "warning", stream)
    message_handled(outcome(State.DELIVERED), structlog.get_logger())
    assert stream.getvalue() == ""


def test_a_large_batch_is_one_line_with_counts_and_its_dead_one_by_one(
    stream: io.StringIO,
) -> None:
    configure_log("json", "info", stream)
    batch = [outcome(State.DELIVERED)] * 40 + [outcome(State.DEAD, reason="x")] * 2
    metrics = Metrics()
    observer(structlog.get_logger(), metrics)(batch)
    *dead, counts = lines(stream)
    assert [line["outcome"] for line in dead] == ["dead", "dead"]
    assert (counts["event"], counts["level"]) == ("messages_handled", "error")
    assert (counts["delivered_count"], counts["dead_count"]) == (40, 2)
    labels = {"stage": "deliver", "name": "r", "state": "delivered"}
    assert metrics.registry.get_sample_value("hub_messages_handled_total", labels) == 40


def test_a_small_batch_is_a_line_each(stream: io.StringIO) -> None:
    configure_log("json", "info", stream)
    observer(structlog.get_logger(), Metrics())([outcome(State.DELIVERED)] * 3)
    assert [line["event"] for line in lines(stream)] == ["message_handled"] * 3


@pytest.mark.parametrize("form", ["json", "pretty"])
def test_nobody_can_begin_a_new_line(form: str, stream: io.StringIO) -> None:
    configure_log(form, "info", stream)
    forged = "x\r\nlevel=error forged\x1b[31m\u2028y"
    structlog.get_logger().info(forged, why=forged, more=[forged], deep={forged: forged})
    logging.getLogger("foreign").warning("said %s", forged)
    assert len(stream.getvalue().splitlines()) == 2
    assert "\x1b[31m" not in stream.getvalue()


@pytest.mark.parametrize("form", ["json", "pretty"])
def test_personal_data_does_not_pass(form: str, stream: io.StringIO) -> None:
    configure_log(form, "info", stream)
    log = structlog.get_logger()
    log.info("x", body=b"Nguyen", Password="Nguyen", deep={"phone": ["Nguyen"]}, raw="Nguyen")
    log.info("x", note="of 079203001234", other=["CMND 012345678."], plain=b"Nguyen")
    log.info("owner 079203001234")
    logging.getLogger("foreign").error("owner %s", "079203001234")
    written = stream.getvalue()
    assert written.count("\n") == 4
    assert "Nguyen" not in written
    assert "079203001234" not in written
    assert "012345678" not in written


@given(st.from_regex(r"[0-9]{12}", fullmatch=True), st.sampled_from(["", " ", "(", "=", "số "]))
def test_no_identity_number_passes_in_any_text(number: str, before: str) -> None:
    event = protect(None, "", {"error": f"{before}{number}, x", "list": [number]})
    assert number not in str(event)


@pytest.mark.parametrize(
    "value", [CODE, "in.one_stop/3/123456789", "7b0a6f3e-0000-4000-8000-123456789012", "1.25"]
)
def test_the_hubs_own_handles_stay_readable(value: str) -> None:
    assert protect(None, "", {"subject": value})["subject"] == value


class _Strict(BaseModel):
    model_config = ConfigDict(hide_input_in_errors=True)
    age: int


def test_a_foreign_exceptions_text_is_not_written(stream: io.StringIO) -> None:
    configure_log("json", "info", stream)
    log = structlog.get_logger()
    try:
        try:
            int("Nguyen")
        except ValueError as error:
            raise Unavailable("the portal is away", code="away") from error
    except Unavailable:
        log.exception("failed")
    try:
        _Strict.model_validate({"age": "Nguyen"})
    except ValueError:
        logging.getLogger("a.library").exception("in the app")
    ours, foreign = lines(stream)
    assert ours["exception"] == "Unavailable (away): the portal is away from ValueError"
    assert foreign["exception"] == "ValidationError"
    assert "test_log.py" in ours["raised_at"][0]
    assert "Nguyen" not in stream.getvalue()


def test_a_system_error_says_what_the_system_said() -> None:
    assert describe(ConnectionRefusedError(111, "Connection refused")) == (
        "ConnectionRefusedError: Connection refused"
    )
