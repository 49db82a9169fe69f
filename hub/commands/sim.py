"""`hub sim`: run the simulator of one system, or of several, with scripted faults and call logs."""

from __future__ import annotations

import asyncio
import contextlib
import inspect
import signal
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer
import yaml
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError
from starlette.applications import Starlette

from hub.connector import Connector, discover
from hub.errors import ConfigError
from hub.simulation import CallLog, load_script, running, serve


class Part(BaseModel):
    """One system of a cast file."""

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)

    connector: str = Field(description="Connector whose system is simulated.")
    port: int = Field(ge=1, le=65_535, description="Port to listen on.")
    faults: Path | None = Field(None, description="Fault script, relative to the cast file.")
    log: Path | None = Field(None, description="Log of its calls, relative to the cast file.")
    set: dict[str, Any] = Field(default_factory=dict, description="Options of the simulator.")


def sim(
    name: Annotated[str | None, typer.Argument(help="Connector whose system is simulated.")] = None,
    cast: Annotated[
        Path | None,
        typer.Option(help="Several at once: a YAML list of connector, port, faults, log, set."),
    ] = None,
    port: Annotated[int, typer.Option(help="Port to listen on.")] = 8090,
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    faults: Annotated[Path | None, typer.Option(help="Fault script (YAML).")] = None,
    log: Annotated[Path | None, typer.Option(help="Append one JSON line per call to it.")] = None,
    settings: Annotated[
        list[str] | None, typer.Option("--set", help="Option of the simulator, NAME=VALUE (YAML).")
    ] = None,
) -> None:
    """Run simulators: real HTTP, the documented behaviour, faults while they run.

    Read and change the faults at /_control/faults, see what one holds at /_control/state.
    """
    if (name is None) == (cast is None):
        raise typer.BadParameter("name a connector, or give --cast FILE")
    if cast is not None:
        _play(cast, host)
        return
    assert name is not None  # noqa: S101 - one of the two was given
    with _calls(log) as calls:
        try:
            connector = _simulated(name)
            app = _app(connector, faults, calls, read_options(connector, settings or []))
        except ConfigError as error:
            raise _refusal(error) from error
        typer.echo(f"{connector.title_en}: http://{host}:{port}  control: /_control/state")
        serve(app, host=host, port=port)


def _play(cast: Path, host: str) -> None:
    """Every system of a cast file in this process, until SIGINT or SIGTERM."""
    with contextlib.ExitStack() as logs:
        try:
            stage = []
            for part in read_cast(cast):
                connector = _simulated(part.connector)
                _refuse_unknown(connector, part.set)
                calls = logs.enter_context(_calls(_beside(cast, part.log)))
                app = _app(connector, _beside(cast, part.faults), calls, part.set)
                stage.append((connector, part.port, app))
        except ConfigError as error:
            raise _refusal(error) from error
        with contextlib.suppress(asyncio.CancelledError):
            asyncio.run(_serve_all(stage, host))


async def _serve_all(stage: Sequence[tuple[Connector, int, Starlette]], host: str) -> None:
    ended = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, ended.set)
    async with contextlib.AsyncExitStack() as served:
        for connector, port, app in stage:
            url = await served.enter_async_context(running(app, host=host, port=port))
            typer.echo(f"{connector.title_en}: {url}  control: /_control/state")
        await ended.wait()


def read_cast(file: Path) -> Sequence[Part]:
    """The systems of a cast file.

    Raises:
        ConfigError: it cannot be read; the text says where.
    """
    try:
        document = yaml.safe_load(file.read_text("utf-8"))
        return TypeAdapter(list[Part]).validate_python(document)
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise ConfigError(f"cannot read the cast {file.name}: {type(error).__name__}") from error
    except ValidationError as error:
        fault = error.errors(include_url=False, include_context=False, include_input=False)[0]
        where = ".".join(str(step) for step in fault["loc"])
        raise ConfigError(f"{file.name}, {where}: {fault['msg']}") from error


def _beside(cast: Path, file: Path | None) -> Path | None:
    return None if file is None else cast.parent / file


def _app(
    connector: Connector, faults: Path | None, calls: CallLog, options: Mapping[str, Any]
) -> Starlette:
    assert connector.simulator is not None  # noqa: S101 - _simulated has looked
    return connector.simulator(load_script(faults), calls, **options)


def _refusal(error: ConfigError) -> typer.Exit:
    typer.secho(str(error), err=True, fg=typer.colors.RED)
    return typer.Exit(1)


def _calls(log: Path | None) -> CallLog:
    try:
        return CallLog(log)
    except OSError as error:
        raise _refusal(ConfigError(f"cannot write the log {log}")) from error


def _simulated(name: str) -> Connector:
    known = discover()
    connector = known.get(name)
    if connector is None or connector.simulator is None:
        raise ConfigError(f"no simulator {name}; there are: {', '.join(known)}")
    return connector


def read_options(connector: Connector, settings: Sequence[str]) -> dict[str, Any]:
    """The simulator's options from `NAME=VALUE` texts, values read as YAML.

    Raises:
        ConfigError: not of that form, or the simulator has no such option.
    """
    options: dict[str, Any] = {}
    for setting in settings:
        name, equals, value = setting.partition("=")
        _refuse_unknown(connector, [name])
        if not equals:
            raise ConfigError(f"--set {name}: write {name}=VALUE")
        try:
            options[name] = yaml.safe_load(value)
        except yaml.YAMLError as error:
            raise ConfigError(f"--set {name}: the value is not YAML") from error
    return options


def _refuse_unknown(connector: Connector, names: Sequence[str] | Mapping[str, Any]) -> None:
    """Refuse options that the simulator does not have."""
    assert connector.simulator is not None  # noqa: S101 - the caller has looked
    parameters = inspect.signature(connector.simulator).parameters.values()
    known = {one.name for one in parameters if one.kind is one.KEYWORD_ONLY}
    for name in names:
        if name not in known:
            there_are = ", ".join(sorted(known)) or "none"
            raise ConfigError(f"{connector.kind} has no option {name}; options are {there_are}")
