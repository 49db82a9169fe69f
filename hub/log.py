"""Log: one line per message per stage, JSON or pretty, without what does not belong there.

`message_handled` and `observer` are the only writers of a handling's line. Whatever anyone logs
passes a safety net: names of personal data lose their value, identity numbers are masked, control
characters cannot start a new line, and a foreign exception shows its class and where it was
raised, never its text (which may quote a message).
"""

from __future__ import annotations

import logging
import re
import sys
import traceback
from collections.abc import Callable, Mapping, MutableMapping, Sequence
from typing import Any, TextIO

import orjson
import structlog

from hub.errors import HubError
from hub.metrics import Metrics
from hub.outcome import Ending, Outcome, State, by_ending

Log = structlog.typing.FilteringBoundLogger

LEVEL_OF_STATE: Mapping[State, int] = {
    State.ACCEPTED: logging.INFO,
    State.REFUSED: logging.WARNING,
    State.DECODED: logging.DEBUG,
    State.DUPLICATE: logging.DEBUG,
    State.DELIVERED: logging.INFO,
    State.SKIPPED: logging.DEBUG,
    State.PARKED: logging.WARNING,  # nothing is lost, the hub will try again
    State.DEAD: logging.ERROR,  # a person must act
    State.RELEASED: logging.INFO,
}
LINES_PER_BATCH = 20
"""A larger batch logs one line with counts, and its dead and refused one by one."""

PERSONAL_KEYS = frozenset(
    {
        *("account_id", "applicant", "authorization", "birthday", "body", "cccd"),
        *("chuhoso", "cmnd", "content", "cookie", "data", "diachi"),
        *("dienthoai", "dossier", "email", "fax", "full_name", "headers"),
        *("hoten", "id_number", "identities", "input", "matkhau", "number"),
        *("officer", "password", "payload", "phone", "raw", "secret"),
        *("session", "sodinhdanh", "tenchuhoso", "token", "value"),
    }
)
"""Names that carry data of a person, or whole messages, in events and on the wires (any case)."""

HANDLES = frozenset({"event_id", "message_id", "position", "traceparent", "timestamp", "level"})
"""Keys whose values the hub makes; they are long and hold no foreign text."""

IDENTITY_NUMBER = re.compile(r"(?<![\w./-])(?:\d{9}|\d{12})(?![\w-])")
CONTROL = dict.fromkeys((*range(32), *range(127, 160), 8232, 8233), "�")
HIDDEN = "[hidden]"
FRAMES = 12


def message_handled(outcome: Outcome, log: Log, metrics: Metrics | None = None) -> None:
    """The one line, and the one count, of a handling that has ended."""
    log.log(LEVEL_OF_STATE[outcome.state], "message_handled", **_fields(outcome))
    if metrics is not None:
        metrics.count(by_ending((outcome,)))


def observer(log: Log, metrics: Metrics) -> Callable[[Sequence[Outcome]], None]:
    """What logs and counts batches of outcomes: a line each, or one with counts under load."""

    def observe(outcomes: Sequence[Outcome]) -> None:
        batch = by_ending(outcomes)
        metrics.count(batch)
        if len(outcomes) <= LINES_PER_BATCH:
            for outcome in outcomes:
                message_handled(outcome, log)
            return
        for (_, _, state), alike in batch.items():
            if state in (State.DEAD, State.REFUSED):
                for outcome in alike:
                    message_handled(outcome, log)
        _batch_handled({ending: len(alike) for ending, alike in batch.items()}, log)

    return observe


def _batch_handled(counts: Mapping[Ending, int], log: Log) -> None:
    for stage, name in dict.fromkeys(key[:2] for key in counts):
        states = {key[2]: n for key, n in counts.items() if key[:2] == (stage, name)}
        log.log(
            max(LEVEL_OF_STATE[state] for state in states),
            "messages_handled",
            stage=stage.value,
            name=name,
            **{f"{state.value}_count": n for state, n in states.items()},
        )


def _fields(outcome: Outcome) -> dict[str, Any]:
    fields: dict[str, Any] = {
        "stage": outcome.stage.value,
        "name": outcome.name,
        "outcome": outcome.state.value,
        "reason": outcome.reason,
        "error": outcome.text,
        "kind": outcome.kind,
        "subject": outcome.subject,
        "unit": outcome.unit,
        "event_id": outcome.event_id,
        "message_id": outcome.message_id,
        "position": outcome.position,
        "attempts": outcome.attempts,
        "duration_ms": round(outcome.duration_ms, 1),
        "foreign_code": outcome.foreign_code,
        "traceparent": outcome.traceparent,
    }
    return {name: value for name, value in fields.items() if value not in ("", 0)}


def configure_log(form: str, level: str, stream: TextIO | None = None) -> None:
    """Set up structlog and the standard library's logging for this process.

    Args:
        form: `json` or `pretty`.
        level: lowest level that is written: `debug`, `info`, `warning`, `error`.
        stream: where to; standard error when left out.
    """
    out = stream or sys.stderr
    number = logging.getLevelNamesMapping()[level.upper()]
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        explain_exception,
        protect,
    ]
    renderer: Any = (
        _json_line
        if form == "json"
        else structlog.dev.ConsoleRenderer(colors=out.isatty(), exception_formatter=_no_exception)
    )
    structlog.configure(
        processors=[*shared, renderer],
        wrapper_class=structlog.make_filtering_bound_logger(number),
        logger_factory=structlog.PrintLoggerFactory(out),
        cache_logger_on_first_use=False,
    )
    handler = logging.StreamHandler(out)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[structlog.stdlib.add_logger_name, *shared],
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, renderer],
        )
    )
    root = logging.getLogger()
    for old in root.handlers[:]:
        root.removeHandler(old)
    root.addHandler(handler)
    root.setLevel(max(number, logging.WARNING))


def explain_exception(
    _logger: Any, _method: str, event: MutableMapping[str, Any]
) -> MutableMapping[str, Any]:
    """Processor: an exception becomes its classes, our own texts, and the lines it passed."""
    info = event.pop("exc_info", None)
    error = info[1] if isinstance(info, tuple) else info
    if error is True:
        error = sys.exc_info()[1]
    if isinstance(error, BaseException):
        event["exception"] = describe(error)
        event["raised_at"] = [
            f"{frame.filename.rpartition('site-packages/')[2]}:{frame.lineno} {frame.name}"
            for frame in traceback.extract_tb(error.__traceback__)[-FRAMES:]
        ]
    return event


def describe(error: BaseException) -> str:
    """An exception and its causes: texts of our own errors and of the system's, else the class."""
    parts: list[str] = []
    current: BaseException | None = error
    while current is not None and len(parts) < FRAMES:
        name = type(current).__name__
        if isinstance(current, HubError):
            parts.append(f"{name} ({current.code}): {current}")
        elif isinstance(current, OSError) and current.strerror:
            parts.append(f"{name}: {current.strerror}")
        else:
            parts.append(name)
        current = current.__cause__ or (
            None if current.__suppress_context__ else current.__context__
        )
    return " from ".join(parts)


def protect(
    _logger: Any, _method: str, event: MutableMapping[str, Any]
) -> MutableMapping[str, Any]:
    """Processor: the safety net for personal data and line breaks (see the module's text)."""
    for key, value in event.items():
        if key.lower() in PERSONAL_KEYS:
            event[key] = HIDDEN
        elif key not in HANDLES:
            event[key] = _safe(value)
    return event


def _safe(value: Any) -> Any:
    if isinstance(value, str):
        text = value if value.isprintable() else value.translate(CONTROL)
        return IDENTITY_NUMBER.sub(HIDDEN, text)
    if isinstance(value, Mapping):
        return dict(protect(None, "", {_safe(str(key)): each for key, each in value.items()}))
    if isinstance(value, list | tuple | set | frozenset):
        return [_safe(each) for each in value]
    if value is None or isinstance(value, bool | int | float):
        return value
    if isinstance(value, BaseException):
        return describe(value)
    if isinstance(value, bytes | bytearray | memoryview):
        return HIDDEN
    return _safe(str(value))


def _json_line(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> str:
    return orjson.dumps(event).decode()


def _no_exception(_stream: TextIO, _info: Any) -> None:
    """Exceptions were explained before; structlog's own traceback would show values."""
