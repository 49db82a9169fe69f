"""`hub decode` and `hub encode`: a connector's translation by itself; no broker, no hub.yaml."""

from __future__ import annotations

import inspect
import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Annotated, Any, TypeVar

import typer

import hub.schemas  # noqa: F401 - registers the kinds
from hub.connector import Connector, ConnectorSettings, discover, place_in
from hub.errors import ConfigError, DecodeError, HubError, MessageError
from hub.event import Event
from hub.settings import read_block
from hub.settings.findings import listed, nearest

Name = Annotated[str, typer.Argument(metavar="CONNECTOR", help="Folder of the connector.")]
File = Annotated[Path | None, typer.Argument(help="What to read; left out or `-`: standard input.")]
Form = Annotated[str | None, typer.Option(help="Wire form; left out: the connector's first.")]
SettingsFile = Annotated[
    Path | None, typer.Option("--settings", help="The connector's block of hub.yaml, as a file.")
]
T = TypeVar("T")


def decode(name: Name, file: File = None, form: Form = None, settings: SettingsFile = None) -> None:
    """Print the events of a wire message, one JSON line each (CloudEvents).

    What cannot be decoded is told on standard error with its path; then it ends with 1.
    """
    try:
        connector = _connector(name)
        translate, message_of = connector.decode, connector.message
        if translate is None or message_of is None:
            raise ConfigError(f"connector {name} does not receive messages")
        own = _settings(connector, settings)
        message = message_of(_read(file), _form(connector, form))
        items = _with(own, translate, lambda: translate(message, own))
    except HubError as error:
        raise _refusal(error) from error
    faults = [item for item in items if isinstance(item, DecodeError)]
    for index, item in enumerate(items):
        if isinstance(item, Event):
            _print(json.dumps(item.identify(None, index).to_json(), ensure_ascii=False).encode())
    for fault in faults:
        _complain(str(fault))
    if faults:
        raise typer.Exit(1)


def encode(name: Name, file: File = None, form: Form = None, settings: SettingsFile = None) -> None:
    """Print the wire message of each event; reads JSON lines, one event, or an array of them.

    What cannot be encoded is told on standard error with its path; then it ends with 1.
    """
    failed = False
    try:
        connector = _connector(name)
        if connector.encode is None:
            raise ConfigError(f"connector {name} does not deliver messages")
        if _form(connector, form) != connector.forms[0]:
            raise ConfigError(f"connector {name} writes the form {connector.forms[0]} only")
        own = _settings(connector, settings)
        for number, document in enumerate(_documents(_read(file)), start=1):
            try:
                _print(_encoded(connector, own, document))
            except MessageError as error:
                failed = True
                _complain(f"event {number}: {error}")
    except HubError as error:
        raise _refusal(error) from error
    if failed:
        raise typer.Exit(1)


def _encoded(connector: Connector, own: ConnectorSettings, document: Any) -> bytes:
    translate = connector.encode
    assert translate is not None  # noqa: S101 - encode has looked
    if not isinstance(document, dict):
        raise DecodeError("an event must be a JSON object")
    event = Event.from_json(document)
    return _with(own, translate, lambda: translate(event, own)).body


def _connector(name: str) -> Connector:
    known = discover()
    if name not in known:
        close = nearest(name, known)
        hint = f"; did you mean `{close}`?" if close else "."
        raise ConfigError(f"there is no connector `{name}`{hint} Known: {listed(known)}")
    return known[name]


def _form(connector: Connector, form: str | None) -> str:
    if form is None:
        return connector.forms[0]
    if form not in connector.forms:
        raise ConfigError(
            f"connector {connector.kind} has no form `{form}`; known: {listed(connector.forms)}"
        )
    return form


def _settings(connector: Connector, file: Path | None) -> ConnectorSettings:
    """The given settings, else the defaults of what has one: translation needs no addresses."""
    if file is None:
        return connector.settings.model_construct(kind=connector.kind)
    try:
        return read_block(file.read_text(encoding="utf-8"), str(file), connector.settings)
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{file} cannot be read: {type(error).__name__}") from error


def _with(own: ConnectorSettings, function: Callable[..., Any], translate: Callable[[], T]) -> T:
    """Run a translation; a setting that it needs and that has no default is asked for."""
    try:
        return translate()
    except HubError:
        raise
    # Any other exception is a bug of the connector, and shown to whoever writes it.
    except Exception as error:
        if isinstance(error, AttributeError) and error.obj is own:
            text = f"this needs the setting `{error.name}`: give --settings FILE"
            raise ConfigError(text) from error
        raise ConfigError(_bug(function, error), code="connector_bug") from error


def _bug(function: Callable[..., Any], error: Exception) -> str:
    """Which line of a connector's folder went wrong last; of a wrong signature, its first."""
    first = inspect.getfile(function), inspect.getsourcelines(function)[1]
    file, line = place_in(error, Path(first[0]).parent) or first
    return (
        f"{file}:{line}: {function.__name__} raised {type(error).__name__}: a bug of the connector"
    )


def _read(file: Path | None) -> bytes:
    if file is None or str(file) == "-":
        return sys.stdin.buffer.read()
    try:
        return file.read_bytes()
    except OSError as error:
        raise ConfigError(f"{file} cannot be read: {error.strerror}") from error


def _documents(text: bytes) -> Iterator[Any]:
    """JSON values one after another, arrays unpacked; whitespace between them does not matter."""
    try:
        whole = text.decode()
    except UnicodeDecodeError as error:
        raise DecodeError("not UTF-8 text") from error
    decoder = json.JSONDecoder()
    at = _behind_space(whole, 0)
    while at < len(whole):
        try:
            document, end = decoder.raw_decode(whole, at)
        except json.JSONDecodeError as error:
            raise DecodeError(f"line {error.lineno}: not JSON: {error.msg}") from error
        except RecursionError as error:
            raise DecodeError("nested too deeply") from error
        at = _behind_space(whole, end)
        if isinstance(document, list):
            yield from document
        else:
            yield document


def _behind_space(text: str, at: int) -> int:
    while at < len(text) and text[at].isspace():
        at += 1
    return at


def _print(line: bytes) -> None:
    sys.stdout.buffer.write(line + b"\n")
    sys.stdout.buffer.flush()


def _complain(text: str) -> None:
    typer.secho(text, err=True, fg=typer.colors.RED)


def _refusal(error: HubError) -> typer.Exit:
    _complain(str(error))
    return typer.Exit(1)
